#!/usr/bin/env python3
"""Trains small models and exports them to ONNX, with samples and the outputs to expect.

    python export_models.py FOLDER [sklearn|pytorch|tensorflow ...]

Writes for every model NAME: NAME.onnx, NAME.x.npy (samples), NAME.y.npy (what the framework itself says of them).
Run it on p2pjob, and compare:

    cargo p2pjob models check FOLDER/NAME.onnx
    cargo p2pjob submit ml_inference --input model=FOLDER/NAME.onnx --input x=FOLDER/NAME.x.npy -o outputs.npz

Needs: scikit-learn and skl2onnx; torch and onnxscript; tensorflow and tf2onnx. What is not installed is left out, and said.
"""

import pathlib
import sys

import numpy as np


def save(folder, name, model, x, y):
    """Writes one model with its samples and outputs."""
    (folder / f"{name}.onnx").write_bytes(model)
    np.save(folder / f"{name}.x.npy", x)
    np.save(folder / f"{name}.y.npy", y)
    print(f"{name}: {len(model)} bytes, samples {x.shape} {x.dtype}, outputs {y.shape} {y.dtype}")


def sklearn(folder):
    """Classifiers and a regressor on data that scikit-learn ships."""
    from skl2onnx import to_onnx
    from sklearn.datasets import load_diabetes, load_digits, load_iris
    from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def classifier(name, model, data):
        x = data.data.astype(np.float32)
        model.fit(x, data.target)
        # Without zipmap=False the probabilities would be a list of dictionaries, which is no tensor.
        onnx = to_onnx(model, x[:1], options={id(model): {"zipmap": False}})
        save(folder, name, onnx.SerializeToString(), x, model.predict_proba(x).astype(np.float32))

    classifier("iris", make_pipeline(StandardScaler(), LogisticRegression()), load_iris())
    classifier("forest", RandomForestClassifier(20, random_state=0), load_iris())
    mlp = make_pipeline(StandardScaler(), MLPClassifier((64,), max_iter=300, random_state=0))
    classifier("digits", mlp, load_digits())

    data = load_diabetes()
    x = data.data.astype(np.float32)
    model = GradientBoostingRegressor(random_state=0).fit(x, data.target)
    save(folder, "diabetes", to_onnx(model, x[:1]).SerializeToString(), x, model.predict(x).astype(np.float32))


def pytorch(folder):
    """A small convolutional network with random weights."""
    import torch

    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(8, 10),
    ).eval()
    x = torch.randn(16, 3, 32, 32)
    # A dynamic first dimension: batches of any size.
    batch = torch.export.Dim("batch")
    program = torch.onnx.export(network, (x,), dynamo=True, input_names=["x"], dynamic_shapes=({0: batch},))
    with torch.no_grad():
        y = network(x)
    # Weights go into the same file: ml_inference takes one.
    save(folder, "convolution", program.model_proto.SerializeToString(), x.numpy(), y.numpy())


def tensorflow(folder):
    """A small dense network with random weights."""
    import tensorflow as tf
    import tf2onnx

    tf.keras.utils.set_random_seed(0)
    network = tf.keras.Sequential(
        [tf.keras.Input((20,)), tf.keras.layers.Dense(32, "relu"), tf.keras.layers.Dense(3, "softmax")]
    )
    x = np.random.default_rng(0).standard_normal((16, 20)).astype(np.float32)
    signature = [tf.TensorSpec((None, 20), tf.float32, name="x")]
    onnx, _ = tf2onnx.convert.from_function(tf.function(network), input_signature=signature, opset=17)
    save(folder, "dense", onnx.SerializeToString(), x, network(x).numpy())


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    everything = {"sklearn": sklearn, "pytorch": pytorch, "tensorflow": tensorflow}
    wanted = sys.argv[2:] or list(everything)
    done = 0
    for name in wanted:
        if name not in everything:
            sys.exit(f"{name}: not known; use {', '.join(everything)}")
        try:
            everything[name](folder)
            done += 1
        except ImportError as error:
            print(f"{name}: left out, since {error.name} is not installed", file=sys.stderr)
    if done == 0:
        sys.exit("nothing was exported")


if __name__ == "__main__":
    main()
