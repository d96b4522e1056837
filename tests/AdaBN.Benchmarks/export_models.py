#!/usr/bin/env python3
"""Writes the models that the benchmark measures, their BatchNormalization kept:

    export_models.py FOLDER [resnet18 | resnet50 | mobilenet_v2 | densenet121 | resnet20 | mlp | FILE.onnx] ...

    FOLDER/NAME.onnx             the model: opset 13, dynamic batch axis
    FOLDER/NAME_batchstats.onnx  the same with every BatchNormalization in training mode; outputs each layer's batch mean and variance
    FOLDER/NAME.pt               the weights, for pytorch_system.py

Of a FILE.onnx only the second is made. Files newer than this script are left as they are. Needs PyTorch, onnx and (for all but resnet20 and mlp)
torchvision; what cannot be made is named, with the reason, and the rest is made nevertheless. Speed does not depend on what a network
has learnt, so the weights are random, from a fixed seed, with statistics that keep activations in range.
"""
import inspect
import os
import pathlib
import sys
import warnings

import onnx
import torch
from torch import nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        self.down = None
        if stride != 1:
            self.down = nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        h = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(h + (x if self.down is None else self.down(x)))


class ResNet20(nn.Module):
    """The CIFAR network of He et al. 2016 (arXiv 1512.03385, section 4.2), with projections (their option B) where a stage begins."""
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        widths = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
        self.blocks = nn.Sequential(*(BasicBlock(a, b, 1 if a == b else 2) for a, b in zip(widths, widths[1:])))
        self.fc = nn.Linear(64, 10)

    def forward(self, image):
        h = self.blocks(F.relu(self.bn(self.conv(image))))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(h, 1), 1))


def untrained(name):
    if name == "resnet20":
        return ResNet20()
    if name == "mlp":
        return nn.Sequential(nn.Linear(784, 128, bias=False), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 10))
    import torchvision  # here, because resnet20 does without
    return getattr(torchvision.models, name)(weights=None)


def image_shape(name):
    return {"resnet20": (3, 32, 32), "mlp": (784,)}.get(name, (3, 224, 224))


def batch_norms(model):
    return [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]


def reset_for_cumulative_average(model):
    """From here on a training-mode pass averages each layer's batch statistics (PyTorch's momentum=None)."""
    for bn in batch_norms(model):
        bn.momentum = None
        bn.reset_running_stats()
        bn.train()


@torch.no_grad()
def build(name):
    """The network with random parameters, no two alike: the exporter merges equal ones, as nobody's trained network has them."""
    torch.manual_seed(1)
    model = untrained(name).eval()
    for bn in batch_norms(model):
        bn.weight.mul_(torch.exp(0.1 * torch.randn_like(bn.weight)))
        bn.bias.add_(0.1 * torch.randn_like(bn.bias))
    reset_for_cumulative_average(model)
    for _ in range(2):
        model(torch.randn(8, *image_shape(name)))
    for bn in batch_norms(model.eval()):
        bn.running_mean.add_(0.1 * torch.randn_like(bn.running_mean) * bn.running_var.sqrt())
        bn.running_var.mul_(torch.exp(0.1 * torch.randn_like(bn.running_var)))
    if not torch.isfinite(model(torch.randn(2, *image_shape(name)))).all():
        raise ValueError(f"{name}: the random network's activations leave float32")
    return model


def export(model, name, path):
    classic = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, torch.randn(2, *image_shape(name)), str(path), opset_version=13,
            input_names=["image"], output_names=["logits"], dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}},
            training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False, **classic)  # both keep BN out of Conv
    graph = onnx.load(str(path)).graph
    initializers = {tensor.name for tensor in graph.initializer}
    kept = [node for node in graph.node if node.op_type == "BatchNormalization" and set(node.input[1:]) <= initializers]
    if len(kept) != len(batch_norms(model)):
        raise ValueError(f"{name}: {len(kept)} of {len(batch_norms(model))} BatchNormalization nodes came out of the export as they were")


def to_batch_statistics(source, target):
    """The in-graph way: training_mode=1 with momentum 0 returns the batch's own statistics as "running" ones (opset 14 and 15)."""
    model = onnx.load(str(source))
    opset = next(entry for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    if opset.version < 13:
        raise ValueError(f"{source}: opset {opset.version}; operators of before 13 may not mean the same in 15")
    opset.version = max(opset.version, 15)
    channels = {tensor.name: tensor.dims[0] for tensor in model.graph.initializer if len(tensor.dims) == 1}
    del model.graph.output[:]  # what follows the last layer is not needed
    for node in model.graph.node:
        if node.op_type != "BatchNormalization":
            continue
        name = node.name or node.output[0]
        kept = [attribute for attribute in node.attribute if attribute.name == "epsilon"]
        del node.attribute[:]
        node.attribute.extend(kept + [onnx.helper.make_attribute("training_mode", 1), onnx.helper.make_attribute("momentum", 0.0)])
        node.output.extend([f"{name}:mean", f"{name}:variance"])
        for output in node.output[1:]:
            model.graph.output.append(onnx.helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, [channels[node.input[1]]]))
    onnx.save(model, str(target))


def make(folder, name):
    """Makes what is missing or older than this script; each file is there whole or not at all."""
    def wanted(path):
        return not path.exists() or path.stat().st_mtime < pathlib.Path(__file__).stat().st_mtime

    source = pathlib.Path(name) if name.endswith(".onnx") else folder / f"{name}.onnx"
    batch_statistics, weights, partial = folder / f"{source.stem}_batchstats.onnx", folder / f"{source.stem}.pt", folder / "partial"
    if not name.endswith(".onnx") and (wanted(source) or wanted(weights)):
        model = build(name)
        torch.save(model.state_dict(), str(partial))
        os.replace(partial, weights)
        export(model, name, partial)
        os.replace(partial, source)
        print(f"exported {name}: {len(batch_norms(model))} BatchNormalization layers", flush=True)
    if wanted(batch_statistics) or batch_statistics.stat().st_mtime < source.stat().st_mtime:
        to_batch_statistics(source, partial)
        os.replace(partial, batch_statistics)


if __name__ == "__main__":
    target_folder = pathlib.Path(sys.argv[1])
    target_folder.mkdir(parents=True, exist_ok=True)
    for requested in sys.argv[2:]:
        try:
            make(target_folder, requested)
        except Exception as e:
            print(f"skipped {requested}: {type(e).__name__}: {e}", flush=True)
