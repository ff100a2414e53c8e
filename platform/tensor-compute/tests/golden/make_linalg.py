"""Writes linalg.json, what NumPy and SciPy say of small matrices. Run: python make_linalg.py (NumPy 2, SciPy 1).

Each case: name, shape, the elements row by row, and what applies of: determinant (sign, log_abs), inverse, eigenvalues (real and
imaginary part, sorted), singular values, the norms, a right side with its solution, and how many digits can be expected
(`error`, relative to the largest element of the answer; `eigen_error` of eigenvalues). Numbers are rounded to 17 digits, so
exact for doubles.
"""

import json
import pathlib

import numpy as np
import scipy.linalg

RNG = np.random.default_rng(20261120)


def case(name, a, eigen_error=1e-11):
    a = np.asarray(a, dtype=np.float64)
    out = {"name": name, "shape": list(a.shape), "elements": a.ravel().tolist()}
    out["singular_values"] = scipy.linalg.svdvals(a).tolist()
    out["norms"] = {
        "frobenius": frobenius(a),
        "one": np.abs(a).sum(axis=0).max(),
        "infinity": np.abs(a).sum(axis=1).max(),
        "maximum": np.abs(a).max(),
        "two": np.linalg.norm(a, 2),
        "nuclear": np.linalg.norm(a, "nuc"),
    }
    if a.shape[0] != a.shape[1]:
        return out
    sign, log_abs = np.linalg.slogdet(a)
    condition = np.linalg.cond(a, 1)
    eigenvalues = np.linalg.eigvals(a)
    order = np.lexsort((eigenvalues.imag, eigenvalues.real))
    out["eigenvalues"] = [[float(z.real), float(z.imag)] for z in eigenvalues[order]]
    out["eigen_error"] = eigen_error
    out["singular"] = bool(not np.isfinite(condition) or 1 / condition < np.finfo(np.float64).eps)
    if out["singular"]:
        return out
    b = RNG.uniform(-1, 1, (a.shape[0], 3))
    out.update(
        determinant={"sign": float(sign), "log_abs": float(log_abs)},
        inverse=np.linalg.inv(a).ravel().tolist(),
        right=b.ravel().tolist(),
        solution=np.linalg.solve(a, b).ravel().tolist(),
        reciprocal_condition=float(1 / condition),
        error=float(max(1e-12, 50 * condition * np.finfo(np.float64).eps)),
    )
    return out


def frobenius(a):
    largest = np.abs(a).max()
    return largest * np.linalg.norm(a / largest) if largest else 0.0


def random(*shape):
    return RNG.uniform(-1, 1, shape)


def cases():
    yield case("one element", [[-2.5]])
    yield case("two rows, complex pair", [[1, -2], [3, 1]])
    yield case("two rows, real pair", [[1, 2], [3, 4]])
    yield case("permutation, negative", np.eye(5)[[1, 2, 3, 4, 0]][:, [1, 0, 2, 3, 4]])
    for n in (3, 7, 17, 33):
        yield case(f"random {n}", random(n, n))
    symmetric = random(12, 12)
    yield case("symmetric", symmetric + symmetric.T)
    yield case("positive definite", symmetric @ symmetric.T + np.eye(12))
    yield case("orthogonal", scipy.linalg.qr(random(16, 16))[0])
    yield case("Hilbert 8", scipy.linalg.hilbert(8))
    yield case("Hilbert 14", scipy.linalg.hilbert(14))
    yield case("rank two", random(6, 2) @ random(2, 6), eigen_error=1e-6)
    yield case("zeros", np.zeros((4, 4)))
    yield case("a row twice", random(5, 5)[[0, 1, 2, 1, 4]], eigen_error=1e-6)
    # An eigenvalue of multiplicity k moves by the k-th root of a rounding error.
    yield case("Jordan block", np.eye(5) * 2 + np.eye(5, k=1), eigen_error=1e-2)
    yield case("defective, hidden", hidden_jordan(), eigen_error=1e-2)
    yield case("companion of 1..8", scipy.linalg.companion(np.poly(np.arange(1, 9))), eigen_error=1e-6)
    yield case("companion of x^9 = 1", scipy.linalg.companion([1] + [0] * 8 + [-1]))
    yield case("upper triangle", np.triu(random(9, 9)) + np.eye(9) * 2, eigen_error=1e-9)
    scales = 10.0 ** np.arange(-6, 7, 2)
    yield case("badly scaled", random(7, 7) * scales[:, None] / scales[None, :], eigen_error=1e-9)
    yield case("huge", random(5, 5) * 1e200)
    yield case("minute", random(5, 5) * 1e-200)
    yield case("tall", random(9, 4))
    yield case("wide", random(4, 11))
    yield case("column", random(6, 1))
    yield case("row", random(1, 6))
    yield case("tall, rank one", random(8, 1) @ random(1, 3))


def hidden_jordan():
    q = scipy.linalg.qr(random(4, 4))[0]
    return q @ (np.eye(4) * 3 + np.eye(4, k=1)) @ q.T


if __name__ == "__main__":
    path = pathlib.Path(__file__).with_name("linalg.json")
    lines = ",\n".join(json.dumps(item, allow_nan=False, separators=(",", ":")) for item in cases())
    path.write_text(f"[\n{lines}\n]\n")
