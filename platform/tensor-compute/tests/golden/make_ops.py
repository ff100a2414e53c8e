#!/usr/bin/env python3
"""Writes ops.json beside this file: operations with operands and the results of NumPy and SciPy (float64 inside).

Run it with any Python that has both:  python3 make_ops.py
Tensors are little-endian bytes in hexadecimal. `tolerance` is relative to the largest absolute value of the result; 0 means equal.
"""
import json
import pathlib

import numpy as np
from scipy import special

RANDOM = np.random.default_rng(20261120)
NAMES = {"float32": "f32", "float64": "f64", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64",
         "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64", "bool": "bool", "float16": "f16"}
CASES = []


def tensor(array):
    array = np.ascontiguousarray(array)
    little = array.astype(array.dtype.newbyteorder("<")) if array.dtype.kind != "b" else array
    return {"dtype": NAMES[array.dtype.name], "shape": list(np.shape(array)), "hex": little.tobytes().hex()}


def case(family, op, args, results, tolerance=0.0):
    results = results if isinstance(results, list) else [results]
    CASES.append({"family": family, "op": op, "args": [tensor(a) for a in args],
                  "results": [tensor(np.asarray(r)) for r in results], "tolerance": tolerance})


def floats(*shape, low=-3.0, high=3.0, dtype="float32"):
    return RANDOM.uniform(low, high, shape).astype(dtype)


def ints(*shape, low=-9, high=10, dtype="int64"):
    return RANDOM.integers(low, high, shape).astype(dtype)


def wide(f, *args):
    """In float64, rounded to the type of the first operand."""
    with np.errstate(all="ignore"):
        return f(*(np.asarray(a, dtype="float64") for a in args)).astype(args[0].dtype)


def unary():
    special_values = np.array([0.0, -0.0, np.inf, -np.inf, np.nan], dtype="float32")
    sig = special.expit
    functions = {
        "Exp": np.exp, "Expm1": np.expm1, "Tanh": np.tanh, "Erf": special.erf, "Sigmoid": sig, "Sin": np.sin, "Cos": np.cos,
        "Tan": np.tan, "Atan": np.arctan, "Sinh": np.sinh, "Cosh": np.cosh, "Asinh": np.arcsinh, "Square": np.square,
        "Floor": np.floor, "Ceil": np.ceil, "Round": np.rint, "Trunc": np.trunc, "Neg": np.negative, "Abs": np.abs,
        "Sign": np.sign, "Reciprocal": np.reciprocal, "Softplus": lambda x: np.logaddexp(x, 0),
        "Softsign": lambda x: x / (1 + np.abs(x)), "Silu": lambda x: x * sig(x),
        "Gelu": lambda x: 0.5 * x * (1 + special.erf(x / np.sqrt(2))),
        "GeluTanh": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
        "Mish": lambda x: x * np.tanh(np.logaddexp(x, 0)), "HardSwish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    }
    for dtype, tolerance in (("float32", 5e-7), ("float64", 1e-15)):
        for name, f in functions.items():
            x = floats(3, 5, dtype=dtype)
            case("unary", {"Unary": name}, [x], wide(f, x), tolerance)
    for name in ("Exp", "Tanh", "Sigmoid", "Floor", "Abs", "Neg"):
        case("unary", {"Unary": name}, [special_values], wide(functions[name], special_values), 1e-7)
    for name, f, low, high in (("Log", np.log, 0, 9), ("Log1p", np.log1p, -1, 9), ("Sqrt", np.sqrt, 0, 9), ("Asin", np.arcsin, -1, 1),
                               ("Acos", np.arccos, -1, 1), ("Acosh", np.arccosh, 1, 9), ("Atanh", np.arctanh, -0.99, 0.99)):
        x = floats(11, low=low, high=high)
        case("unary", {"Unary": name}, [x], wide(f, x), 5e-7)
    x = floats(4, 6)
    elu = lambda x, a: np.where(x < 0, a * np.expm1(x), x)
    for op, f in (({"LeakyRelu": {"alpha": 0.1}}, lambda x: np.where(x < 0, 0.1 * x, x)), ({"Elu": {"alpha": 1.5}}, lambda x: elu(x, 1.5)),
                  ({"Celu": {"alpha": 2.0}}, lambda x: np.where(x < 0, 2 * np.expm1(x / 2), x)),
                  ({"Selu": {"alpha": 1.6, "gamma": 1.05}}, lambda x: 1.05 * elu(x, 1.6)),
                  ({"HardSigmoid": {"alpha": 0.2, "beta": 0.5}}, lambda x: np.clip(0.2 * x + 0.5, 0, 1)),
                  ({"ThresholdedRelu": {"alpha": 1.0}}, lambda x: np.where(x > 1, x, 0)), ("Relu", lambda x: np.maximum(x, 0))):
        case("unary", {"Unary": op}, [x], wide(f, x), 5e-7)
    case("unary", {"Unary": "IsNan"}, [special_values], np.isnan(special_values))
    case("unary", {"Unary": {"IsInf": {"negative": True, "positive": False}}}, [special_values], np.isneginf(special_values))
    case("unary", {"Unary": "Not"}, [np.array([True, False])], np.array([False, True]))
    y = ints(7, dtype="int16")
    case("unary", {"Unary": "BitNot"}, [y], ~y)
    case("unary", {"Unary": "Abs"}, [y], np.abs(y))
    case("unary", {"Clamp": {"min": -1.0, "max": 2.0}}, [x], np.clip(x, -1, 2))


def binary():
    shapes = [((3, 4), (3, 4)), ((2, 3, 4), (4,)), ((2, 3, 1), (1, 5)), ((), (2, 2)), ((3, 1, 2), (3, 4, 1)), ((0, 3), (1, 3))]
    for a, b in shapes:
        x, y = floats(*a), floats(*b, low=0.5)
        for name, f in (("Add", np.add), ("Sub", np.subtract), ("Mul", np.multiply), ("Div", np.divide), ("Min", np.minimum),
                        ("Max", np.maximum)):
            case("binary", {"Binary": name}, [x, y], f(x, y))
        for name, f in (("Pow", np.power), ("Fmod", np.fmod), ("Mod", np.mod), ("Atan2", np.arctan2)):
            base = np.abs(x) if name == "Pow" else x
            case("binary", {"Binary": name}, [base, y], wide(f, base, y), 5e-7)
        case("compare", {"Compare": "Less"}, [x, y], x < y)
    for dtype in ("int8", "uint8", "int32", "int64", "uint64"):
        low = 0 if dtype[0] == "u" else -100
        x, y = ints(14, low=low, high=100, dtype=dtype), ints(14, low=max(low, -7), high=8, dtype=dtype)
        y[y == 0] = 3
        for name, f in (("Add", np.add), ("Mul", np.multiply), ("Mod", np.mod), ("Fmod", np.fmod), ("BitXor", np.bitwise_xor),
                        ("BitAnd", np.bitwise_and), ("Min", np.minimum)):
            case("binary", {"Binary": name}, [x, y], f(x, y))
        case("binary", {"Binary": "Div"}, [x, y], np.trunc(x.astype("float64") / y.astype("float64")).astype(dtype))
        case("binary", {"Binary": "Pow"}, [x, np.abs(y)], np.power(x, np.abs(y)))
        case("binary", {"Binary": "ShiftRight"}, [x, np.abs(y)], x >> np.abs(y))
        case("binary", {"Binary": "ShiftLeft"}, [x, np.abs(y)], x << np.abs(y))
        case("compare", {"Compare": "GreaterOrEqual"}, [x, y], x >= y)
        case("compare", {"Compare": "Equal"}, [x, y], x == y)
    c, x, y = RANDOM.random((3, 1, 4)) < 0.5, floats(2, 1), floats(3, 2, 4)
    case("compare", "Where", [c, x, y], np.where(c, x, y))
    nan = np.array([np.nan, 1, np.nan], dtype="float32")
    case("binary", {"Binary": "Max"}, [nan, nan[::-1]], np.maximum(nan, nan[::-1]))
    half = floats(9, dtype="float16")
    case("binary", {"Binary": "Mul"}, [half, half], half * half)


def cast():
    x = np.array([0, 1.5, -1.5, 100.7, -100.7, 3.999], dtype="float64")
    for dtype in ("float16", "float32", "int8", "int16", "int32", "int64", "bool"):
        case("cast", {"Cast": NAMES[dtype]}, [x], x.astype(dtype))
    y = ints(9, low=-1000, high=1000)
    for dtype in ("float16", "float32", "float64", "int8", "uint8", "int16", "uint64", "bool"):
        case("cast", {"Cast": NAMES[dtype]}, [y], y.astype(dtype))


def shape():
    x = ints(2, 3, 4, 5, dtype="int8")
    for perm in ([0, 1, 2, 3], [3, 2, 1, 0], [0, 2, 1, 3], [0, 1, 3, 2], [1, 2, 3, 0], [0, 3, 1, 2], [2, 0, 3, 1]):
        case("shape", {"Transpose": perm}, [x], x.transpose(perm))
    m = ints(37, 29, dtype="int8")
    case("shape", {"Transpose": [1, 0]}, [m], m.T)
    row = floats(3, 1)
    case("shape", {"Expand": [2, 3, 4]}, [row], np.broadcast_to(row, (2, 3, 4)))
    for axis in range(3):
        parts = [ints(*[n if i == axis else 3 for i in range(3)], dtype="int8") for n in (1, 0, 4)]
        case("shape", {"Concat": {"axis": axis}}, parts, np.concatenate(parts, axis))
    at = lambda start, count, step: {"start": start, "count": count, "step": step}
    case("shape", {"Slice": [at(1, 1, 1), at(2, 3, -1), at(0, 2, 3), at(4, 2, -3)]}, [x], x[1:2, 2::-1, 0::3, 4::-3])
    case("shape", {"Flip": [1, 3]}, [x], np.flip(x, (1, 3)))
    case("shape", {"Tile": [2, 1, 1, 3]}, [x], np.tile(x, (2, 1, 1, 3)))
    y = ints(3, 4)
    for mode, name in (("Constant", "constant"), ("Edge", "edge"), ("Reflect", "reflect"), ("Wrap", "wrap")):
        pads = [[2, 5], [1, 9]]
        case("shape", {"Pad": {"mode": mode, "pads": pads}}, [y], np.pad(y, pads, mode=name))
        case("shape", {"Pad": {"mode": mode, "pads": [[-1, 0], [2, -1]]}}, [y], np.pad(y, [[0, 0], [2, 0]], mode=name)[1:, :-1])
    case("shape", {"Pad": {"mode": "Constant", "pads": [[1, 1], [0, 0]]}}, [y, np.array(7)], np.pad(y, [[1, 1], [0, 0]], constant_values=7))


def reduce():
    x = floats(2, 3, 3, low=0.5)
    y = ints(3, 5, 4, dtype="int8")
    kinds = {"Sum": np.sum, "Mean": np.mean, "Min": np.min, "Max": np.max, "Prod": np.prod,
             "L1": lambda v, axis, keepdims: np.sum(np.abs(v), axis=axis, keepdims=keepdims),
             "L2": lambda v, axis, keepdims: np.sqrt(np.sum(v * v, axis=axis, keepdims=keepdims)),
             "SumSquare": lambda v, axis, keepdims: np.sum(v * v, axis=axis, keepdims=keepdims),
             "LogSum": lambda v, axis, keepdims: np.log(np.sum(v, axis=axis, keepdims=keepdims)),
             "LogSumExp": lambda v, axis, keepdims: special.logsumexp(v, axis=axis, keepdims=keepdims)}
    for name, f in kinds.items():
        for axes in ([0], [1], [2], [0, 2], [0, 1], [0, 1, 2], [1, 2]):
            keep = len(axes) % 2 == 0
            result = np.asarray(f(x.astype("float64"), axis=tuple(axes), keepdims=keep)).astype("float32")
            case("reduce", {"Reduce": {"kind": name, "axes": axes, "keep": keep}}, [x], result, 1e-6)
    for name, f in (("Sum", np.sum), ("Max", np.max), ("Min", np.min), ("Prod", np.prod)):
        case("reduce", {"Reduce": {"kind": name, "axes": [1], "keep": False}}, [y], f(y, axis=1).astype("int8"))
    empty = np.zeros((2, 0), dtype="float32")
    for name, value in (("Sum", 0), ("Prod", 1), ("Min", np.inf), ("Max", -np.inf), ("LogSumExp", -np.inf), ("Mean", np.nan)):
        case("reduce", {"Reduce": {"kind": name, "axes": [1], "keep": False}}, [empty], np.full(2, value, dtype="float32"))
    b = RANDOM.random((4, 3)) < 0.5
    case("reduce", {"Reduce": {"kind": "Any", "axes": [0], "keep": False}}, [b], b.any(0))
    case("reduce", {"Reduce": {"kind": "All", "axes": [1], "keep": True}}, [b], b.all(1, keepdims=True))
    for axis in range(3):
        case("reduce", {"ArgMax": {"axis": axis, "keep": False, "last": False}}, [y], y.argmax(axis))
        case("reduce", {"ArgMin": {"axis": axis, "keep": True, "last": False}}, [y], y.argmin(axis, keepdims=True))
        case("reduce", {"ArgMax": {"axis": axis, "keep": False, "last": True}}, [y], y.shape[axis] - 1 - np.flip(y, axis).argmax(axis))
        c = np.cumsum(y, axis).astype("int8")
        case("reduce", {"CumSum": {"axis": axis, "exclusive": False, "reverse": False}}, [y], c)
        case("reduce", {"CumSum": {"axis": axis, "exclusive": True, "reverse": False}}, [y], c - y)
        case("reduce", {"CumSum": {"axis": axis, "exclusive": True, "reverse": True}}, [y],
             np.flip(np.cumsum(np.flip(y, axis), axis), axis).astype("int8") - y)
    z = np.array([[3, 1, 3, 2], [0, 5, 5, 5]], dtype="int64")
    for largest in (True, False):
        order = np.argsort(-z if largest else z, axis=1, kind="stable")[:, :3]
        case("reduce", {"TopK": {"k": 3, "axis": 1, "largest": largest}}, [z], [np.take_along_axis(z, order, 1), order])


def norm():
    x = floats(2, 6, 4)
    w = x.astype("float64")
    for axis in range(3):
        case("norm", {"Softmax": {"axis": axis}}, [x], special.softmax(w, axis).astype("float32"), 1e-6)
        case("norm", {"LogSoftmax": {"axis": axis}}, [x], special.log_softmax(w, axis).astype("float32"), 1e-6)
    def standard(v, axes, eps):
        return (v - v.mean(axes, keepdims=True)) / np.sqrt(v.var(axes, keepdims=True) + eps)
    s, b = floats(6, 4), floats(4)
    case("norm", {"LayerNorm": {"axis": 1, "epsilon": 1e-5}}, [x, s, b], (standard(w, (1, 2), 1e-5) * s + b).astype("float32"), 2e-6)
    case("norm", {"LayerNorm": {"axis": 2, "epsilon": 1e-5}}, [x], standard(w, (2,), 1e-5).astype("float32"), 2e-6)
    s, b, m, v = floats(6), floats(6), floats(6), floats(6, low=0.1)
    col = lambda t: t.astype("float64")[None, :, None]
    case("norm", {"BatchNorm": {"epsilon": 1e-3}}, [x, s, b, m, v],
         ((w - col(m)) / np.sqrt(col(v) + 1e-3) * col(s) + col(b)).astype("float32"), 2e-6)
    for groups in (1, 2, 6):
        g = standard(w.reshape(2, groups, -1), (2,), 1e-5).reshape(w.shape)
        case("norm", {"GroupNorm": {"groups": groups, "epsilon": 1e-5}}, [x, s, b], (g * col(s) + col(b)).astype("float32"), 2e-6)


def index():
    x = ints(3, 4, 5, dtype="int8")
    i = np.array([[0, -1], [2, 1]])
    for axis in range(3):
        case("index", {"Gather": {"axis": axis}}, [x, i], np.take(x, i, axis))
        e = ints(*[2 if k == axis else n for k, n in enumerate(x.shape)], low=-3, high=3)
        case("index", {"GatherElements": {"axis": axis}}, [x, e], np.take_along_axis(x, e, axis))
        e = np.zeros_like(e)
        u = ints(*e.shape, dtype="int8")
        y = x.copy()
        for k in np.ndindex(*e.shape):
            place = tuple(0 if d == axis else k[d] for d in range(3))
            y[place] += u[k]
        case("index", {"ScatterElements": {"axis": axis, "reduction": "Add"}}, [x, e, u], y)
    n = np.array([[0, 1], [2, -1], [0, 1]])
    case("index", {"GatherNd": {"batch_dims": 0}}, [x, n], x[n[:, 0], n[:, 1]])
    case("index", {"GatherNd": {"batch_dims": 1}}, [x, n], np.stack([x[k][tuple(n[k])] for k in range(3)]))
    u = ints(3, 5, dtype="int8")
    for name, f in (("Replace", lambda a, b: b), ("Add", np.add), ("Mul", np.multiply), ("Min", np.minimum), ("Max", np.maximum)):
        y = x.copy()
        for k in range(3):
            y[tuple(n[k])] = f(y[tuple(n[k])], u[k])
        case("index", {"ScatterNd": {"reduction": name}}, [x, n.astype("int32"), u], y)


for family in (unary, binary, cast, shape, reduce, norm, index):
    family()
path = pathlib.Path(__file__).with_name("ops.json")
path.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in CASES) + "\n]\n")
print(f"{len(CASES)} cases, {path.stat().st_size} bytes")
