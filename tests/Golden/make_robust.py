#!/usr/bin/env python3
"""Writes robust.json beside some expected.json: what robust policies must find where every ninth image is spoiled (eight times as strong).

    python3 make_robust.py      (needs PyTorch 1.13, onnx 1.12, numpy)

Float64, by definition, from the files alone (check_golden.py's evaluator), each layer behind layers already decided the same way:

    trimmed   SHARE of the images (rounded down) left out, the farthest; mean and population variance of all values of the others. Distance:
              |a - med a| / MAD a, summed over channels, for a = the image's mean and a = its standard deviation; MAD = 0 counts for nothing
    median    GROUPS groups, image i in group i mod GROUPS; median of the groups' means, then median of their mean squares around that
"""
import json
import pathlib

import numpy as np
import onnx
import torch

from check_golden import Evaluator

HERE = pathlib.Path(__file__).resolve().parent
CASES = ["linear_bn1d", "conv_chain", "residual_downsample", "concat_branch", "bn_on_input", "two_inputs", "fixed_batch8"]
SHARE, GROUPS = 0.2, 11


def population(values):
    mean = values.mean((0, 2))
    return mean, ((values - mean[None, :, None]) ** 2).mean((0, 2))


def trimmed(values):
    distance = np.zeros(len(values))
    for a in (values.mean(2), values.std(2)):
        far = np.abs(a - np.median(a, 0))
        mad = np.median(far, 0)
        distance += (far[:, mad > 0] / mad[mad > 0]).sum(1)
    order = np.argsort(distance)
    kept = len(values) - int(SHARE * len(values))
    assert distance[order[kept]] > 1.0001 * distance[order[kept - 1]], "float32 could not tell these apart"
    return population(values[order[:kept]])


def median(values):
    groups = [values[g::GROUPS] for g in range(GROUPS)]
    mean = np.median([group.mean((0, 2)) for group in groups], 0)
    return mean, np.median([((group - mean[None, :, None]) ** 2).mean((0, 2)) for group in groups], 0)


def decide(proto, inputs, policy):
    evaluator, layers = Evaluator(proto, torch.float64), []
    for index, node in enumerate(proto.graph.node):
        if node.op_type == "BatchNormalization":
            x = evaluator.run(inputs, stop=index)
            decided = policy(x.reshape(x.shape[0], x.shape[1], -1).numpy())
            for name, numbers in zip(node.input[3:5], decided):
                evaluator.constants[name] = evaluator.tensor(numbers)
            layers.append({"mean_initializer": node.input[3], "mean": decided[0].tolist(), "variance": decided[1].tolist()})
    return layers


for case in CASES:
    proto = onnx.load(str(HERE / case / "model.onnx"))
    inputs = {i.name: np.load(HERE / case / f"{i.name}.npy") for i in proto.graph.input}
    for data in inputs.values():
        data[4::9] *= 8
    found = {"share": SHARE, "groups": GROUPS, "trimmed": decide(proto, inputs, trimmed), "median": decide(proto, inputs, median)}
    (HERE / case / "robust.json").write_text(json.dumps(found) + "\n")
    print(case, len(found["median"]), "layers")
