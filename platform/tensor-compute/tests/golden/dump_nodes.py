"""Writes the ONNX backend node tests to a folder, for the example `onnx_suite`.

    python dump_nodes.py FOLDER

Needs onnx, onnxruntime and numpy. One folder per case with `model.onnx`, `in.bin` and `out.bin` (count, then for each tensor:
element type as in ONNX, rank, lengths, little-endian bytes), and `list.txt` with one line per case: name, kind (plain, expanded,
training, ml), operators, rtol, atol, and 1 if onnxruntime passes it. Cases with texts, sequences or optionals are left out.
"""
import os
import struct
import sys
import warnings

warnings.filterwarnings("ignore")
import numpy as np
import onnxruntime
from onnx.backend.test.loader import load_model_tests

TYPES = {
    "float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "bool": 9, "float16": 10,
    "float64": 11, "uint32": 12, "uint64": 13,
}


def record(arrays):
    """The bytes of some arrays, or None if one has a type that is not in the table."""
    out = struct.pack("<I", len(arrays))
    for value in arrays:
        array = np.asarray(value)
        if array.dtype.name not in TYPES:
            return None
        out += struct.pack("<II", TYPES[array.dtype.name], array.ndim)
        out += b"".join(struct.pack("<Q", length) for length in array.shape)
        out += np.ascontiguousarray(array).tobytes()
    return out


def runtime_passes(model, inputs, expected, case):
    """Whether onnxruntime gives the expected outputs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model, options)
        names = [port.name for port in session.get_inputs()]
        got = session.run(None, dict(zip(names, map(np.asarray, inputs))))
        assert len(got) == len(expected)
        for a, b in zip(got, expected):
            np.testing.assert_allclose(
                np.asarray(a, np.float64), np.asarray(b, np.float64), rtol=max(case.rtol, 1e-3), atol=max(case.atol, 1e-5)
            )
            assert np.shape(a) == np.shape(b)
        return True
    except BaseException:
        return False


def kind_of(case):
    domains = " ".join(entry.domain for entry in case.model.opset_import)
    if "ml" in domains:
        return "ml"
    if "training" in domains:
        return "training"
    return "expanded" if "_expanded" in case.name else "plain"


def main(folder):
    onnxruntime.set_default_logger_severity(4)
    lines = []
    for case in load_model_tests(kind="node"):
        inputs, expected = case.data_sets[0]
        if not all(isinstance(value, (np.ndarray, np.generic)) for value in list(inputs) + list(expected)):
            continue
        given, wanted = record(inputs), record(expected)
        if given is None or wanted is None:
            continue
        model = case.model.SerializeToString()
        os.makedirs(os.path.join(folder, case.name), exist_ok=True)
        for name, content in (("model.onnx", model), ("in.bin", given), ("out.bin", wanted)):
            with open(os.path.join(folder, case.name, name), "wb") as file:
                file.write(content)
        passes = runtime_passes(model, inputs, expected, case)
        operators = "+".join(sorted({node.op_type for node in case.model.graph.node}))
        lines.append("\t".join(map(str, (case.name, kind_of(case), operators, case.rtol, case.atol, int(passes)))))
    with open(os.path.join(folder, "list.txt"), "w") as file:
        file.write("\n".join(lines) + "\n")
    plain = [line.split("\t") for line in lines if line.split("\t")[1] == "plain"]
    print(f"{len(lines)} cases, {len(plain)} plain, of which onnxruntime passes {sum(line[5] == '1' for line in plain)}")


if __name__ == "__main__":
    main(sys.argv[1])
