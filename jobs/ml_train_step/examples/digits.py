#!/usr/bin/env python3
"""Trains a small network on scikit-learn's handwritten digits, one submitted step after another, and prints the loss.

Needs numpy and scikit-learn, a running network (`cargo p2pjob up --nodes 3`), and ml_train_step known to it.

    python3 digits.py [--epochs 3] [--batch-size 256] [--program "cargo p2pjob"] [--folder digits-run]
"""

import argparse
import json
import pathlib
import shlex
import struct
import subprocess

import numpy
from sklearn.datasets import load_digits


def metadata(path):
    """The metadata of a safetensors file."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length])["__metadata__"]


def weights(path):
    """The flat weights of a safetensors file."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    start, end = json.loads(data[8 : 8 + length])["weights"]["data_offsets"]
    return numpy.frombuffer(data[8 + length + start : 8 + length + end], dtype="<f4")


def accuracy(flat, hidden, x, y):
    """How often the network is right: linear, relu, linear; each weight as (inputs, outputs), then its bias."""
    at = 0

    def take(*shape):
        nonlocal at
        count = int(numpy.prod(shape))
        part = flat[at : at + count].reshape(shape)
        at += count
        return part

    first, first_bias = take(64, hidden), take(hidden)
    second, second_bias = take(hidden, 10), take(10)
    scores = numpy.maximum(x @ first + first_bias, 0) @ second + second_bias
    return (scores.argmax(axis=1) == y).mean()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--epochs", type=int, default=3)
    arguments.add_argument("--batch-size", type=int, default=256)
    arguments.add_argument("--hidden", type=int, default=64)
    arguments.add_argument("--program", default="cargo p2pjob")
    arguments.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("digits-run"))
    options = arguments.parse_args()

    digits = load_digits()
    order = numpy.random.default_rng(0).permutation(len(digits.target))
    x = (digits.data[order] / 16).astype("float32")
    y = digits.target[order].astype("int32")
    held_back = 297
    options.folder.mkdir(parents=True, exist_ok=True)
    numpy.save(options.folder / "x.npy", x[held_back:])
    numpy.save(options.folder / "y.npy", y[held_back:])
    batches = -(-(len(x) - held_back) // options.batch_size)

    model = None
    for step in range(options.epochs * batches):
        out = options.folder / f"step-{step + 1}.safetensors"
        command = shlex.split(options.program) + ["submit", "ml_train_step", "--wait", "--json", "-o", str(out)]
        for name in ("x", "y"):
            command += ["--input", f"{name}={options.folder / name}.npy"]
        if model:
            command += ["--input", f"model={model}"]
        parameters = {
            "hidden": [options.hidden],
            "loss": "cross_entropy",
            "classes": 10,
            "optimiser": "adam",
            "learning_rate": 0.01,
            "batch_size": options.batch_size,
            "batch": step,
        }
        for name, value in parameters.items():
            command += ["--param", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"step {step + 1} failed:\n{done.stdout}{done.stderr}")
        told = metadata(out)
        right = accuracy(weights(out), options.hidden, x[:held_back], y[:held_back])
        print(f"step {told['step']:>3}  loss {float(told['loss']):.4f}  right on held-back digits {right:.1%}", flush=True)
        model = out


if __name__ == "__main__":
    main()
