#!/usr/bin/env python3
"""Trains a small network on scikit-learn's handwritten digits, one submitted step after another, and prints the loss; after
each epoch the network predicts digits that it has not seen.

Needs numpy and scikit-learn, and a running network (`cargo p2pjob up --nodes 3`).

    python3 digits.py [--epochs 5] [--batch-size 256] [--program "cargo p2pjob"] [--folder digits-run]
"""

import argparse
import json
import pathlib
import shlex
import struct
import subprocess

import numpy
from sklearn.datasets import load_digits

HELD_BACK = 297


def submit(program, inputs, parameters, out):
    """Runs a task to its end; its result lies in the file `out`."""
    command = shlex.split(program) + ["submit", "ml_train_step", "--wait", "--json", "-o", str(out)]
    for name, path in inputs.items():
        command += ["--input", f"{name}={path}"]
    for name, value in parameters.items():
        command += ["--param", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def told(path):
    """The metadata of a safetensors file."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length])["__metadata__"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--epochs", type=int, default=5)
    arguments.add_argument("--batch-size", type=int, default=256)
    arguments.add_argument("--hidden", type=int, default=64)
    arguments.add_argument("--program", default="cargo p2pjob")
    arguments.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("digits-run"))
    options = arguments.parse_args()

    digits = load_digits()
    order = numpy.random.default_rng(0).permutation(len(digits.target))
    x = (digits.data[order] / 16).astype("float32")
    y = digits.target[order]
    files = {name: options.folder / f"{name}.npy" for name in ("x", "y", "unseen")}
    options.folder.mkdir(parents=True, exist_ok=True)
    numpy.save(files["x"], x[HELD_BACK:])
    numpy.save(files["y"], y[HELD_BACK:])
    numpy.save(files["unseen"], x[:HELD_BACK])
    batches = -(-(len(x) - HELD_BACK) // options.batch_size)

    # What the network is, is said once; then the model's file says it.
    network = {"hidden": [options.hidden], "classes": 10, "optimiser": "adam"}
    model = None
    for epoch in range(options.epochs):
        losses = []
        for batch in range(batches):
            inputs = {"x": files["x"], "y": files["y"]} | ({"model": model} if model else {})
            parameters = {"learning_rate": 0.01, "batch_size": options.batch_size, "batch": batch}
            out = options.folder / f"step-{epoch * batches + batch + 1}.safetensors"
            submit(options.program, inputs, parameters | ({} if model else network), out)
            model = out
            losses.append(float(told(model)["loss"]))
        out = options.folder / "scores.npy"
        submit(options.program, {"x": files["unseen"], "model": model}, {"mode": "predict"}, out)
        right = (numpy.load(out).argmax(axis=1) == y[:HELD_BACK]).mean()
        print(
            f"epoch {epoch + 1}: step {told(model)['step']}, loss {losses[0]:.4f} to {losses[-1]:.4f}, "
            f"right on {HELD_BACK} unseen digits {right:.1%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
