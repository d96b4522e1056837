#!/usr/bin/env python3
"""Writes shift.json beside each expected.json: how far samples lie from the source domain in every layer of the unchanged model.

    python3 make_shift.py [case ...]      (needs PyTorch 1.13, onnx 1.12, numpy)

Float64, by definition, from the files alone (check_golden.py's evaluator gives the layers' inputs):

    KL          KL(s||t) + KL(t||s), each by the textbook's formula with logarithms; epsilon counts to both variances
    wasserstein sqrt((m_t - m_s)^2 + (sigma_t - sigma_s)^2) / sigma_s
    error       from the spread between images of their own mean and of their own mean square around the common mean
    mmd         mean k(s, s') + mean k(t, t') - 2 mean k(s, t) over all pairs of positions, k(x, y) = (x.y)^2; divided by mean k(s, s')

"file": all samples against the running statistics. "samples": the second half against the first half.
"""
import json
import pathlib
import sys

import numpy as np
import onnx
import torch

from check_golden import Evaluator

HERE = pathlib.Path(__file__).resolve().parent


def images(x):
    """samples x channels x positions"""
    return x.reshape(x.shape[0], x.shape[1], -1).numpy()


def measure(x):
    """Mean, variance, and squared errors of the mean and of the variance, a channel."""
    mean = x.mean((0, 2))
    square = ((x - mean[None, :, None]) ** 2).mean(2)
    return mean, square.mean(0), x.mean(2).var(0, ddof=1) / len(x), square.var(0, ddof=1) / len(x)


def divergence(m0, v0, m1, v1):
    return 0.5 * np.log(v1 / v0) + (v0 + (m0 - m1) ** 2) / (2 * v1) - 0.5


def kernel_mean(x, y):
    return sum(float(((rows @ y.T) ** 2).sum()) for rows in np.array_split(x, 64)) / (len(x) * len(y))


def figures(source, target, epsilon):
    (ms, vs, *source_errors), (mt, vt, mean_error, variance_error) = source, target
    s, t = vs + epsilon, vt + epsilon
    error = mean_error + variance_error / (4 * t)
    if source_errors:
        error = error + source_errors[0] + source_errors[1] / (4 * s)
    channels = {
        "meanShift": (mt - ms) / np.sqrt(s),
        "logVarianceRatio": np.log(t) - np.log(s),
        "symmetricKL": divergence(ms, s, mt, t) + divergence(mt, t, ms, s),
        "wasserstein": np.sqrt((mt - ms) ** 2 + (np.sqrt(t) - np.sqrt(s)) ** 2) / np.sqrt(s),
        "standardError": np.sqrt(error / s),
    }
    layer = {name: float(values.mean() if name == "symmetricKL" else np.sqrt((values ** 2).mean())) for name, values in channels.items()}
    return {**layer, "channels": {name: values.tolist() for name, values in channels.items()}}


def make(folder):
    proto = onnx.load(str(folder / "model.onnx"))
    evaluator = Evaluator(proto, torch.float64)
    inputs = {i.name: np.load(folder / f"{i.name}.npy") for i in proto.graph.input}
    count = len(next(iter(inputs.values())))
    half = count // 2
    layers = []
    for index, node in enumerate(proto.graph.node):
        if node.op_type != "BatchNormalization":
            continue
        x = images(evaluator.run(inputs, stop=index))
        epsilon = evaluator.attributes[index].get("epsilon", 1e-5)
        constants = evaluator.run(inputs)
        mean, variance = (constants[name].numpy() for name in node.input[3:5])
        source, target = (np.moveaxis(part, 1, 2).reshape(-1, x.shape[1]) for part in (x[:half], x[half:]))
        own = kernel_mean(source, source)
        layers.append({
            "mean_initializer": node.input[3],
            "file": figures((mean, variance), measure(x), epsilon),
            "samples": {**figures(measure(x[:half]), measure(x[half:]), epsilon), "mmd": (own + kernel_mean(target, target) - 2 * kernel_mean(source, target)) / own},
        })
    text = ",\n".join(json.dumps(layer) for layer in layers)
    (folder / "shift.json").write_text(f'{{"source_samples":{half},"layers":[\n{text}\n]}}\n')
    print(f"{folder.name:20} {len(layers)} layers, mmd {[round(layer['samples']['mmd'], 4) for layer in layers]}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case in sorted(p.parent for p in HERE.glob("*/expected.json")):
        if len(sys.argv) < 2 or case.name in sys.argv[1:]:
            make(case)
