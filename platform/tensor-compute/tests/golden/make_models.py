"""Makes the model files of the tests and benches, with inputs and what onnxruntime gives for them.

    python make_models.py FOLDER           # small ones, for tests/fixtures/models
    python make_models.py FOLDER --large   # those of the speed comparison, not committed

Needs numpy, onnx, onnxruntime, scikit-learn, skl2onnx. For each model: NAME.onnx, NAME.in.bin, NAME.out.bin (count, then for each
tensor: element type as in ONNX, rank, lengths, little-endian bytes; a text is its length and UTF-8 bytes). Weights are random with
a fixed seed.
"""
import os
import struct
import sys
import warnings

warnings.filterwarnings("ignore")
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

TYPES = {"float32": 1, "int64": 7, "bool": 9, "float64": 11}


class Network:
    """Collects nodes and weights of a graph."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights, self.count = [], [], 0

    def name(self):
        self.count += 1
        return f"v{self.count}"

    def weight(self, *shape, scale=None):
        fan = int(np.prod(shape[1:])) or 1
        return self.constant(self.random.normal(0, scale or fan**-0.5, shape).astype(np.float32))

    def constant(self, array):
        name = self.name()
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def add(self, op, *inputs, outputs=1, **attributes):
        names = [self.name() for _ in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def model(self, shape, output, opset=18):
        graph = helper.make_graph(
            self.nodes,
            "graph",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
            self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
        return onnx.shape_inference.infer_shapes(model)


def mlp(features, hidden, classes):
    net = Network(1)
    x = "x"
    for width_in, width in zip([features] + hidden, hidden + [classes]):
        x = net.add("Gemm", x, net.weight(width, width_in), net.weight(width, scale=0.1), transB=1)
        if width != classes:
            x = net.add("Relu", x)
    return net.model(["n", features], net.add("Softmax", x, axis=-1))


def cnn(channels):
    net = Network(2)
    x, before = "x", 3
    for at, width in enumerate(channels):
        x = net.add("Conv", x, net.weight(width, before, 3, 3), net.weight(width, scale=0.1), pads=[1, 1, 1, 1])
        if at < 2:
            scale = net.constant(net.random.uniform(0.5, 1.5, width).astype(np.float32))
            variance = net.constant(net.random.uniform(0.5, 1.5, width).astype(np.float32))
            x = net.add("BatchNormalization", x, scale, net.weight(width, scale=0.1), net.weight(width, scale=0.1), variance)
        x = net.add("Relu", x)
        if at < 2:
            x = net.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
        before = width
    x = net.add("Flatten", net.add("GlobalAveragePool", x))
    return net.model(["n", 3, 64, 64], net.add("Gemm", x, net.weight(10, before), net.weight(10, scale=0.1), transB=1))


def block(net, x, size, heads, length):
    """A transformer encoder block in the way PyTorch exports one."""

    def linear(x, width_in, width):
        return net.add("Add", net.add("MatMul", x, net.weight(width_in, width, scale=width_in**-0.5)), net.weight(width, scale=0.1))

    def norm(x):
        scale = net.constant(np.ones(size, np.float32))
        return net.add("LayerNormalization", x, scale, net.weight(size, scale=0.1), axis=-1, epsilon=1e-5)

    def split(x, perm):
        shaped = net.add("Reshape", x, net.ints(0, length, heads, size // heads))
        return net.add("Transpose", shaped, perm=perm)

    q, k, v = net.add("Split", linear(norm(x), size, 3 * size), outputs=3, axis=-1, num_outputs=3)
    scores = net.add("MatMul", split(q, [0, 2, 1, 3]), split(k, [0, 2, 3, 1]))
    scores = net.add("Div", scores, net.constant(np.float32((size // heads) ** 0.5)))
    mixed = net.add("MatMul", net.add("Softmax", scores, axis=-1), split(v, [0, 2, 1, 3]))
    joined = net.add("Reshape", net.add("Transpose", mixed, perm=[0, 2, 1, 3]), net.ints(0, length, size))
    x = net.add("Add", x, linear(joined, size, size))
    hidden = linear(norm(x), size, 4 * size)
    # GELU with erf, spelled out.
    erf = net.add("Erf", net.add("Div", hidden, net.constant(np.float32(2**0.5))))
    gelu = net.add("Mul", net.add("Mul", hidden, net.add("Add", erf, net.constant(np.float32(1)))), net.constant(np.float32(0.5)))
    return net.add("Add", x, linear(gelu, 4 * size, size))


def transformer(blocks, size, heads, length, features):
    net = Network(3)
    x = net.add("Add", net.add("MatMul", "x", net.weight(features, size)), net.weight(size, scale=0.1))
    for _ in range(blocks):
        x = block(net, x, size, heads, length)
    return net.model(["n", length, features], net.add("MatMul", x, net.weight(size, 8)))


def lstm(features, hidden):
    net = Network(4)
    turned = net.add("Transpose", "x", perm=[1, 0, 2])
    weights = [net.weight(2, 4 * hidden, features), net.weight(2, 4 * hidden, hidden), net.weight(2, 8 * hidden, scale=0.1)]
    y, last, _ = net.add("LSTM", turned, *weights, outputs=3, hidden_size=hidden, direction="bidirectional")
    flat = net.add("Reshape", net.add("Transpose", last, perm=[1, 0, 2]), net.ints(-1, 2 * hidden))
    return net.model(["n", 48, features], net.add("Gemm", flat, net.weight(1, 2 * hidden), transB=1))


def learners():
    """The scikit-learn exports: name, model file."""
    from sklearn.datasets import make_classification
    from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC
    from skl2onnx import to_onnx

    x, y = make_classification(400, 20, n_informative=6, n_classes=3, random_state=0)
    x = x.astype(np.float32)
    models = [
        ("forest", RandomForestClassifier(12, max_depth=6, random_state=0)),
        ("logistic", make_pipeline(StandardScaler(), LogisticRegression())),
        ("perceptron", make_pipeline(StandardScaler(), MLPClassifier((16,), max_iter=60, random_state=0))),
        ("boosting", GradientBoostingRegressor(n_estimators=30, random_state=0)),
        ("machine", SVC(random_state=0)),
    ]
    for name, model in models:
        model.fit(x, y)
        options = None if name == "boosting" else {id(model): {"zipmap": False}}
        exported = to_onnx(model, x[:32], options=options, target_opset={"": 17, "ai.onnx.ml": 3})
        yield name, exported, x[:32]
    # Two classes take ways of their own.
    two = SVC(probability=True, random_state=0).fit(x, y > 0)
    yield "machine_two", to_onnx(two, x[:32], options={id(two): {"zipmap": False}}, target_opset={"": 17, "ai.onnx.ml": 3}), x[:32]
    forest = RandomForestClassifier(5, max_depth=4, random_state=0).fit(x, np.where(y > 0, "yes", "no"))
    yield "forest_two", to_onnx(forest, x[:32], options={id(forest): {"zipmap": False}}, target_opset={"": 17, "ai.onnx.ml": 3}), x[:32]


def record(arrays):
    out = struct.pack("<I", len(arrays))
    for array in map(np.asarray, arrays):
        kind = 8 if array.dtype.kind in "OU" else TYPES[array.dtype.name]
        out += struct.pack("<II", kind, array.ndim) + b"".join(struct.pack("<Q", length) for length in array.shape)
        if kind == 8:
            texts = [str(text).encode() for text in array.ravel()]
            out += b"".join(struct.pack("<I", len(text)) + text for text in texts)
        else:
            out += np.ascontiguousarray(array).tobytes()
    return out


def write(folder, name, model, x):
    content = model.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options)
    outputs = session.run(None, {session.get_inputs()[0].name: x})
    for suffix, data in ((".onnx", content), (".in.bin", record([x])), (".out.bin", record(outputs))):
        with open(os.path.join(folder, name + suffix), "wb") as file:
            file.write(data)
    print(f"{name}: {len(content)} bytes, outputs {[np.shape(output) for output in outputs]}")


def main(folder, large):
    os.makedirs(folder, exist_ok=True)
    random = np.random.default_rng(0)
    normal = lambda *shape: random.normal(size=shape).astype(np.float32)
    if large:
        write(folder, "mlp", mlp(784, [512, 256], 10), normal(1, 784))
        write(folder, "mlp_batch", mlp(784, [512, 256], 10), normal(64, 784))
        write(folder, "cnn", cnn([16, 32, 64]), normal(1, 3, 64, 64))
        write(folder, "transformer", transformer(4, 128, 4, 64, 16), normal(1, 64, 16))
        write(folder, "lstm", lstm(8, 64), normal(4, 48, 8))
        for name, model, x in learners():
            write(folder, name, model, x)
        return
    write(folder, "mlp", mlp(20, [32, 16], 5), normal(7, 20))
    write(folder, "cnn", cnn([4, 6, 8]), normal(2, 3, 64, 64)[:1])
    write(folder, "transformer", transformer(1, 32, 4, 16, 8), normal(2, 16, 8))
    write(folder, "lstm", lstm(4, 16), normal(3, 48, 4))
    for name, model, x in learners():
        write(folder, name, model, x)


if __name__ == "__main__":
    main(sys.argv[1], "--large" in sys.argv)
