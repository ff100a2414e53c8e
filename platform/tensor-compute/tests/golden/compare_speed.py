"""Sets the example `onnx_speed` beside onnxruntime, on the same threads, in turns.

    python compare_speed.py EXAMPLE THREADS MODEL.onnx...

Prints for each model the fastest run of either in milliseconds and the ratio (above 1: faster than onnxruntime).
"""
import struct
import subprocess
import sys
import time

import numpy as np
import onnxruntime


def first_tensor(path):
    data = open(path, "rb").read()
    kind, rank = struct.unpack_from("<II", data, 4)
    shape = struct.unpack_from(f"<{rank}Q", data, 12)
    dtype = np.float64 if kind == 11 else np.float32
    return np.frombuffer(data, dtype, int(np.prod(shape)), 12 + 8 * rank).reshape(shape)


def main(example, threads, models):
    print(f"{'model':12} {'ours ms':>9} {'onnxruntime ms':>15} {'ratio':>6}")
    for model in models:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(model, options)
        feed = {session.get_inputs()[0].name: first_tensor(model[: -len("onnx")] + "in.bin")}
        ours, theirs = [], []
        for _ in range(3):
            line = subprocess.run([example, str(threads), model], capture_output=True, text=True).stdout.split()
            if line[1] == "failed:":
                sys.exit(" ".join(line))
            ours.append(float(line[1]))
            end = time.perf_counter() + 1.0
            while time.perf_counter() < end:
                begin = time.perf_counter()
                session.run(None, feed)
                theirs.append((time.perf_counter() - begin) * 1e3)
        name = model.rsplit("/", 1)[-1]
        print(f"{name:12} {min(ours):9.4f} {min(theirs):15.4f} {min(theirs) / min(ours):6.2f}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
