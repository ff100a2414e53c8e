#!/usr/bin/env python3
"""Writes the golden files of training: what NumPy in float64 makes of a few steps. Needs numpy and scipy.

    python3 make_golden.py

Networks are PyTorch's modules by their definition (nn.Linear, nn.LSTM, nn.TransformerEncoderLayer with activation gelu),
gradients are central differences of the loss, optimisers are the formulas of their papers. For each case: CASE.safetensors
(the first weights), CASE.x.npy, CASE.y.npy, and in steps.json the parameters, the losses and what the weights become.
"""

import json
import pathlib
import struct

import numpy
from scipy.special import erf

HERE = pathlib.Path(__file__).parent
STEPS = 3
RATES = {"learning_rate": 0.05, "weight_decay": 0.01, "epsilon": 1e-4}


def gelu(x):
    return x * 0.5 * (1 + erf(x / numpy.sqrt(2)))


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


ACTIVATIONS = {"relu": lambda x: numpy.maximum(x, 0), "tanh": numpy.tanh, "gelu": gelu, "sigmoid": sigmoid}


def linear(w, name, x):
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def mlp(w, x, activation, **_):
    layers = len(w) // 2
    for layer in range(layers):
        x = linear(w, f"layers.{layer}", x)
        if layer + 1 < layers:
            x = ACTIVATIONS[activation](x)
    return x


def norm(w, name, x):
    centred = x - x.mean(-1, keepdims=True)
    variance = (centred**2).mean(-1, keepdims=True)
    return centred / numpy.sqrt(variance + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]


def attention(w, name, x, heads):
    samples, steps, width = x.shape
    qkv = x @ w[f"{name}.in_proj_weight"].T + w[f"{name}.in_proj_bias"]
    q, k, v = (part.reshape(samples, steps, heads, -1).swapaxes(1, 2) for part in numpy.split(qkv, 3, axis=-1))
    scores = q @ k.swapaxes(2, 3) / numpy.sqrt(width / heads)
    shares = numpy.exp(scores - scores.max(-1, keepdims=True))
    shares /= shares.sum(-1, keepdims=True)
    return linear(w, f"{name}.out_proj", (shares @ v).swapaxes(1, 2).reshape(x.shape))


def lstm_encoder(w, x, heads, **_):
    samples, steps, _ = x.shape
    width = w["lstm.weight_hh_l0"].shape[1]
    hidden = cell = numpy.zeros((samples, width))
    outputs = []
    for step in range(steps):
        gates = x[:, step] @ w["lstm.weight_ih_l0"].T + w["lstm.bias_ih_l0"]
        gates = gates + hidden @ w["lstm.weight_hh_l0"].T + w["lstm.bias_hh_l0"]
        i, f, g, o = numpy.split(gates, 4, axis=-1)
        cell = sigmoid(f) * cell + sigmoid(i) * numpy.tanh(g)
        hidden = sigmoid(o) * numpy.tanh(cell)
        outputs.append(hidden)
    x = numpy.stack(outputs, axis=1)
    layer = 0
    while f"encoder.layers.{layer}.linear1.weight" in w:
        name = f"encoder.layers.{layer}"
        x = norm(w, f"{name}.norm1", x + attention(w, f"{name}.self_attn", x, heads))
        x = norm(w, f"{name}.norm2", x + linear(w, f"{name}.linear2", gelu(linear(w, f"{name}.linear1", x))))
        layer += 1
    return linear(w, "head", x[:, -1])


MODELS = {"mlp": mlp, "lstm_encoder": lstm_encoder}


def loss_of(predicted, y, loss):
    if loss == "mse":
        return ((predicted - y.reshape(predicted.shape)) ** 2).mean()
    shifted = predicted - predicted.max(-1, keepdims=True)
    logs = shifted - numpy.log(numpy.exp(shifted).sum(-1, keepdims=True))
    return -logs[numpy.arange(len(y)), y].mean()


def slopes(loss, w):
    """Central differences; the second bias of an LSTM is no weight of its own."""
    found = {}
    for name, values in w.items():
        if name.endswith("bias_hh_l0"):
            continue
        found[name] = numpy.zeros_like(values)
        for at in numpy.ndindex(values.shape):
            kept, step = values[at], 1e-5
            values[at] = kept + step
            above = loss()
            values[at] = kept - step
            found[name][at] = (above - loss()) / (2 * step)
            values[at] = kept
    return found


def update(optimiser, w, gradients, memory, t):
    rate, decay, epsilon = RATES["learning_rate"], RATES["weight_decay"], RATES["epsilon"]
    for name, g in gradients.items():
        m, v = memory.setdefault(name, (0.0, 0.0))
        if optimiser == "adamw":
            w[name] -= rate * decay * w[name]
        else:
            g = g + decay * w[name]
        if optimiser == "sgd":
            w[name] -= rate * g
        elif optimiser == "momentum":
            m = 0.9 * m + g
            w[name] -= rate * m
        else:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            w[name] -= rate * (m / (1 - 0.9**t)) / (numpy.sqrt(v / (1 - 0.999**t)) + epsilon)
        memory[name] = (m, v)


def write_safetensors(path, tensors):
    head, at = {"__metadata__": {"format": "pt"}}, 0
    for name, values in tensors.items():
        head[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [at, at + 4 * values.size]}
        at += 4 * values.size
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    data = b"".join(values.astype("<f4").tobytes() for values in tensors.values())
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def shapes_of(model, features, hidden, outputs):
    if model == "mlp":
        sizes = [features, *hidden, outputs]
        for layer in range(len(sizes) - 1):
            yield f"layers.{layer}.weight", (sizes[layer + 1], sizes[layer])
            yield f"layers.{layer}.bias", (sizes[layer + 1],)
        return
    width = hidden[0]
    yield "lstm.weight_ih_l0", (4 * width, features)
    yield "lstm.weight_hh_l0", (4 * width, width)
    yield "lstm.bias_ih_l0", (4 * width,)
    yield "lstm.bias_hh_l0", (4 * width,)
    for layer in range(2):
        name = f"encoder.layers.{layer}"
        yield f"{name}.self_attn.in_proj_weight", (3 * width, width)
        yield f"{name}.self_attn.in_proj_bias", (3 * width,)
        for end, shape in [
            ("self_attn.out_proj", (width, width)),
            ("linear1", (2 * width, width)),
            ("linear2", (width, 2 * width)),
        ]:
            yield f"{name}.{end}.weight", shape
            yield f"{name}.{end}.bias", shape[:1]
        for end in ("norm1", "norm2"):
            yield f"{name}.{end}.weight", (width,)
            yield f"{name}.{end}.bias", (width,)
    yield "head.weight", (outputs, width)
    yield "head.bias", (outputs,)


def case(name, model, sample, hidden, outputs, optimisers, parameters):
    random = numpy.random.default_rng(len(name))
    x = random.uniform(-1, 1, (24, *sample)).astype("float32")
    loss = parameters.get("loss", "mse")
    if loss == "mse":
        y = random.uniform(-1, 1, (24, outputs)).astype("float32")
    else:
        y = random.integers(0, outputs, 24).astype("int64")
    first = {
        key: random.uniform(-0.5, 0.5, shape).astype("float32").astype("float64") + ("norm" in key and "weight" in key)
        for key, shape in shapes_of(model, sample[-1], hidden, outputs)
    }
    first = {key: values.astype("float32").astype("float64") for key, values in first.items()}
    numpy.save(HERE / f"{name}.x.npy", x)
    numpy.save(HERE / f"{name}.y.npy", y)
    write_safetensors(HERE / f"{name}.safetensors", first)
    settings = {"activation": "relu", "heads": 4, **parameters}
    x = x.astype("float64")
    runs = []
    for optimiser in optimisers:
        w = {key: values.copy() for key, values in first.items()}
        # One bias for each gate: the sum of both.
        if "lstm.bias_hh_l0" in w:
            w["lstm.bias_ih_l0"] += w["lstm.bias_hh_l0"]
            w["lstm.bias_hh_l0"][:] = 0
        now = lambda: loss_of(MODELS[model](w, x, **settings), y, loss)
        losses, memory = [], {}
        for t in range(1, STEPS + 1):
            losses.append(now())
            update(optimiser, w, slopes(now, w), memory, t)
        weights = {key: values.round(8).ravel().tolist() for key, values in w.items()}
        runs.append({"optimiser": optimiser, "losses": losses, "weights": weights})
    predicted = MODELS[model](first, x, **settings)
    return {
        "name": name,
        "parameters": {**parameters, **RATES},
        "predictions": predicted.round(8).tolist(),
        "runs": runs,
    }


def main():
    cases = [
        case("linear", "mlp", (3,), [], 2, ["sgd", "momentum", "adam", "adamw"], {}),
        case("mlp", "mlp", (3,), [5], 2, ["sgd", "momentum", "adam", "adamw"], {"activation": "tanh"}),
        case("classes", "mlp", (4,), [6, 4], 3, ["adam"], {"activation": "gelu", "loss": "cross_entropy"}),
        case("lstm_encoder", "lstm_encoder", (5, 2), [4], 2, ["adamw"], {"heads": 2}),
    ]
    text = "[\n" + ",\n".join(json.dumps(one) for one in cases) + "\n]\n"
    (HERE / "steps.json").write_text(text)


if __name__ == "__main__":
    main()
