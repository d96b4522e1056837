#!/usr/bin/env python3
"""Checks the reference vectors without trusting the script that made them: reads only the files, knows nothing of the networks' classes.

A small float64 evaluator walks each model.onnx node by node. Four checks a case:

  prefix    for each BN in file order: evaluate the graph up to its input, measure, write the statistics; equal to expected.json
  batch     every BN on the statistics of the very batch it sees, all samples in one batch (exact by construction); the same logits
  identity  with the expected statistics set, all BN outputs at once have mean beta, variance gamma^2 v/(v + eps)
  float32   the same evaluator in float32: how far single precision alone is off (a floor for a test's tolerance; not judged)
"""
import json
import pathlib

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional as F

HERE = pathlib.Path(__file__).resolve().parent


def windowed(kind):
    def run(a, x, w=None, b=None):
        rank = len(a["kernel_shape"])
        pads, strides = a.get("pads", [0] * 2 * rank), a.get("strides", [1] * rank)
        assert pads[:rank] == pads[rank:] and not a.get("ceil_mode")
        if kind == "conv":
            return getattr(F, f"conv{rank}d")(x, w, b, strides, pads[:rank], a.get("dilations", [1] * rank), a.get("group", 1))
        if kind == "max":
            return getattr(F, f"max_pool{rank}d")(x, a["kernel_shape"], strides, pads[:rank])
        assert not any(pads)
        return getattr(F, f"avg_pool{rank}d")(x, a["kernel_shape"], strides)
    return run


def conv_transpose(a, x, w):
    assert not any(a.get("pads", [0])) and a.get("group", 1) == 1 and a["dilations"] == [1, 1]
    return F.conv_transpose2d(x, w, None, a["strides"])


def reshape(a, x, shape):
    return x.reshape([x.shape[0] if i == 0 and d == FIXED_BATCH else d for i, d in enumerate(shape.tolist())])


FIXED_BATCH = 8          # the one case exported with a fixed batch reshapes to [8, -1]; the evaluator takes all samples at once
OPS = {
    "Conv": windowed("conv"), "ConvTranspose": conv_transpose, "Identity": lambda a, x: x, "MaxPool": windowed("max"), "AveragePool": windowed("average"),
    "Relu": lambda a, x: x.clamp(min=0), "LeakyRelu": lambda a, x: torch.where(x < 0, a["alpha"] * x, x), "Tanh": lambda a, x: x.tanh(), "Sigmoid": lambda a, x: x.sigmoid(),
    "Add": lambda a, x, y: x + y, "Sub": lambda a, x, y: x - y, "MatMul": lambda a, x, y: x @ y,
    "Gemm": lambda a, x, w, b: a.get("alpha", 1) * (x @ (w.T if a.get("transB") else w)) + a.get("beta", 1) * b,
    "Transpose": lambda a, x: x.permute(a["perm"]), "Concat": lambda a, *x: torch.cat(x, a["axis"]),
    "GlobalAveragePool": lambda a, x: x.mean(list(range(2, x.dim())), keepdim=True),
    "ReduceMean": lambda a, x: x.mean(a["axes"], keepdim=bool(a.get("keepdims", 1))),
    "Flatten": lambda a, x: x.flatten(a.get("axis", 1)), "Shape": lambda a, x: torch.tensor(x.shape),
    "Gather": lambda a, x, i: x[i], "Unsqueeze": lambda a, x, axes: x.reshape([1] * (x.dim() + len(axes))), "Reshape": reshape,
    "Pad": lambda a, x, pads, *rest: x if not pads.any() else None, "Constant": lambda a: a["value"],
}


def channelwise(t, x):
    return t.reshape([1, -1] + [1] * (x.dim() - 2))


def moments(x):
    flat = x.transpose(0, 1).reshape(x.shape[1], -1).double().numpy()
    mean = flat.mean(1)
    return mean, np.mean((flat - mean[:, None]) ** 2, 1)


class Evaluator:
    def __init__(self, proto, dtype):
        self.nodes, self.output, self.dtype = proto.graph.node, proto.graph.output[0].name, dtype
        self.constants = {i.name: self.tensor(numpy_helper.to_array(i)) for i in proto.graph.initializer}
        self.attributes = [{a.name: self.attribute(a) for a in n.attribute} for n in self.nodes]

    def tensor(self, array):
        t = torch.from_numpy(np.array(array))
        return t.to(self.dtype) if t.is_floating_point() else t

    def attribute(self, a):
        value = onnx.helper.get_attribute_value(a)
        return self.tensor(numpy_helper.to_array(value)) if isinstance(value, onnx.TensorProto) else value

    def run(self, inputs, stop=None, batch_statistics=False):
        """All values by name; stop: evaluate only as far as the input of the BN node of this index."""
        values = {**self.constants, **{k: self.tensor(v) for k, v in inputs.items()}}
        for index, (node, a) in enumerate(zip(self.nodes, self.attributes)):
            x = [values[name] if name else None for name in node.input]
            if index == stop:
                return x[0]
            if node.output[0] in self.constants:     # a statistic that stood behind an Identity and has been written since
                continue
            if node.op_type == "BatchNormalization":
                mean, variance = map(self.tensor, moments(x[0])) if batch_statistics else x[3:]
                scale = x[1] / (variance + a.get("epsilon", 1e-5)).sqrt()
                values[node.output[0]] = (x[0] - channelwise(mean, x[0])) * channelwise(scale, x[0]) + channelwise(x[2], x[0])
            else:
                values[node.output[0]] = OPS[node.op_type](a, *x)
        return values


def close(found, expected, scale, what):
    error = float(np.max(np.abs(np.asarray(found) - np.asarray(expected)) / scale))
    assert error < 1e-11, f"{what}: off by {error:.1e}"
    return error


def check(folder):
    proto = onnx.load(str(folder / "model.onnx"))
    onnx.checker.check_model(proto, full_check=True)
    expected = json.loads((folder / "expected.json").read_text())
    inputs = {i.name: np.load(folder / f"{i.name}.npy") for i in proto.graph.input}
    adapted = np.load(folder / "adapted_output.npy")
    layers = {layer["mean_initializer"]: layer for layer in expected["layers"]}
    norms = [(i, n) for i, n in enumerate(proto.graph.node) if n.op_type == "BatchNormalization"]
    assert sorted(layers) == sorted(n.input[3] for _, n in norms) and len(layers) == len(norms)
    assert all(len(x) == expected["samples"] and len(x) % 8 and x.dtype == np.float32 for x in inputs.values())

    exact, worst = Evaluator(proto, torch.float64), 0.0
    for index, node in norms:
        mean, variance = moments(exact.run(inputs, stop=index))
        e = layers[node.input[3]]
        worst = max(worst, close(mean, e["mean"], np.sqrt(e["variance"]), f"{folder.name} {node.input[3]} mean"),
                    close(variance, e["variance"], np.array(e["variance"]), f"{folder.name} {node.input[3]} variance"))
        exact.constants[node.input[3]], exact.constants[node.input[4]] = exact.tensor(mean), exact.tensor(variance)
    scale = np.abs(adapted).max()
    worst = max(worst, close(exact.run(inputs)[exact.output], adapted, scale, "logits"))
    fresh = Evaluator(proto, torch.float64)
    worst = max(worst, close(fresh.run(inputs, batch_statistics=True)[fresh.output], adapted, scale, "logits by batch statistics"))

    for index, node in norms:
        e = layers[node.input[3]]
        exact.constants[node.input[3]], exact.constants[node.input[4]] = map(exact.tensor, (np.array(e["mean"]), np.array(e["variance"])))
    values = exact.run(inputs)
    for index, node in norms:
        gamma, beta, v = (values[node.input[i]].numpy() for i in (1, 2, 4))
        mean, variance = moments(values[node.output[0]])
        worst = max(worst, close(mean, beta, 1, "mean of a BN output"),
                    close(variance, gamma ** 2 * v / (v + exact.attributes[index]["epsilon"]), 1, "variance of a BN output"))

    single, floor = Evaluator(proto, torch.float32), [0.0, 0.0]
    for index, node in norms:
        mean, variance = moments(single.run(inputs, stop=index))
        e = layers[node.input[3]]
        floor = [max(floor[0], float(np.max(np.abs(mean - e["mean"]) / np.sqrt(e["variance"])))),
                 max(floor[1], float(np.max(np.abs(variance / e["variance"] - 1))))]
        single.constants[node.input[3]], single.constants[node.input[4]] = single.tensor(mean), single.tensor(variance)
    logits = float(np.max(np.abs(single.run(inputs)[single.output].numpy() - adapted)) / scale)
    print(f"{folder.name:20} {len(norms)} BN, float64 agrees within {worst:.1e}; "
          f"float32: mean {floor[0]:.1e} sigma, variance {floor[1]:.1e}, logits {logits:.1e}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    folders = sorted(p.parent for p in HERE.glob("*/expected.json"))
    for folder in folders:
        check(folder)
    print(f"{len(folders)} cases hold")
