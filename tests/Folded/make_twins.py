#!/usr/bin/env python3
"""Makes twins: one network with its BatchNormalization kept and with it folded, and what float64 PyTorch says of its adaptation.

    make_twins.py                                     the small twin that is committed here
    make_twins.py FOLDER [--epsilon E] [resnet18 | FILE.onnx] ...
                                                      large ones in FOLDER, for the tests that ADABN_TWINS=FOLDER turns on

    NAME/kept.onnx, NAME/folded.onnx   the twins; their running statistics are exactly those of the source images
    NAME/source.npy, NAME/target.npy   images of both domains, float32
    NAME/expected.npy                  logits of the target images by the network adapted to them, float64

AdaBN's statistics of a set of images are the batch statistics of that set as one batch, so a single pass in training mode is exact AdaBN,
and a second way to compute it than the engine's. torchvision's networks are folded by PyTorch's own export; the small twin and a FILE.onnx
(its BatchNormalization kept; of it only kept.onnx and folded.onnx: put images and labels.npy, int64, beside them) here, since PyTorch folds
into Conv only. Needs PyTorch, onnx, numpy and,
for large twins, torchvision.
"""
import pathlib
import sys
import warnings

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).resolve().parent


class Small(nn.Module):
    """Every layer a BatchNormalization can be folded into, and those that must be told apart: a gate, the classifier."""
    def __init__(self):
        super().__init__()
        self.conv, self.bn1 = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.up, self.bn2 = nn.ConvTranspose2d(8, 12, 2, stride=2, groups=2), nn.BatchNorm2d(12)
        self.depthwise, self.bn3 = nn.Conv2d(12, 12, 3, padding=1, groups=12), nn.BatchNorm2d(12)
        self.squeeze, self.excite = nn.Conv2d(12, 4, 1), nn.Conv2d(4, 12, 1)
        self.down, self.bn4 = nn.Conv2d(12, 8, 2, stride=2), nn.BatchNorm2d(8)
        self.skip, self.bn5 = nn.Conv2d(8, 8, 1, bias=False), nn.BatchNorm2d(8)
        self.hidden, self.bn6 = nn.Linear(8, 10), nn.BatchNorm1d(10)
        self.narrow, self.bn7 = nn.Linear(10, 6, bias=False), nn.BatchNorm1d(6)
        self.head = nn.Linear(6, 4)

    def forward(self, image):
        stem = F.relu(self.bn1(self.conv(image)))
        h = F.silu(self.bn2(self.up(stem)))
        h = F.relu6(self.bn3(self.depthwise(h)))
        h = h * torch.sigmoid(self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(h, 1)))))
        h = F.relu(self.bn4(self.down(h)) + self.bn5(self.skip(stem)))
        h = torch.flatten(F.adaptive_avg_pool2d(h, 1), 1)
        h = F.relu(self.bn6(self.hidden(h)))
        return self.head(torch.tanh(self.bn7(self.narrow(h))))


def batch_norms(model):
    return [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]


def randomize(model, epsilon):
    """Epsilon is what twins differ by: folding hides how large it was beside the variance. Untrained networks have variances down to 1e-3 before
    their BatchNormalization, beside which PyTorch's 1e-5 counts."""
    for bn in batch_norms(model):
        bn.eps = epsilon
        bn.weight.data.mul_(torch.exp(0.2 * torch.randn_like(bn.weight)) * torch.sign(torch.randn_like(bn.weight) + 1.5))
        bn.bias.data.add_(0.2 * torch.randn_like(bn.bias))


def images(count, side):
    """Smooth random images; the target domain's are of another contrast, brightness and noise."""
    def smooth():
        return F.interpolate(torch.randn(count, 3, side // 4, side // 4), size=(side, side), mode="bilinear", align_corners=False) + 0.2 * torch.randn(count, 3, side, side)
    return smooth(), smooth() * torch.tensor([0.5, 0.7, 0.6]).view(1, 3, 1, 1) + 0.4 + 0.3 * torch.randn(count, 3, side, side)


@torch.no_grad()
def adapt(model, batch):
    """Exact AdaBN in float64; returns the batch's logits. Population variance, where PyTorch stores the sample's."""
    counts = {}
    handles = [bn.register_forward_pre_hook(lambda module, args: counts.__setitem__(module, args[0].numel() // args[0].shape[1])) for bn in batch_norms(model)]
    model.double().eval()
    for bn in batch_norms(model):
        bn.momentum = 1.0
        bn.train()
    model(batch.double())
    for handle in handles:
        handle.remove()
    for bn in batch_norms(model.eval()):
        bn.running_var.mul_((counts[bn] - 1) / counts[bn])
    return model(batch.double())


def export(model, path, batch, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, batch[:2], str(path), opset_version=13, input_names=["image"], output_names=["logits"],
                          dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}}, **options)
    proto = onnx.load(str(path))
    proto.producer_version = ""
    for node in proto.graph.node:
        node.doc_string = ""
    onnx.save(proto, str(path))
    return proto


def fold(proto):
    """Folds each BatchNormalization into the Conv, ConvTranspose or Gemm before it, in float64."""
    graph = proto.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    producers = {node.output[0]: node for node in graph.node}
    for bn in [node for node in graph.node if node.op_type == "BatchNormalization"]:
        layer = producers.get(bn.input[0])
        if layer is None or layer.op_type not in ("Conv", "ConvTranspose", "Gemm"):
            continue
        attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in layer.attribute}
        gamma, beta, mean, variance = (numpy_helper.to_array(tensors[name]).astype(np.float64) for name in bn.input[1:])
        factor = gamma / np.sqrt(variance + {a.name: a.f for a in bn.attribute}.get("epsilon", 1e-5))
        weight = numpy_helper.to_array(tensors[layer.input[1]]).astype(np.float64)
        if layer.op_type == "ConvTranspose":
            groups = attributes.get("group", 1)
            weight = (weight.reshape(groups, -1, *weight.shape[1:]) * factor.reshape(groups, 1, -1, *([1] * (weight.ndim - 2)))).reshape(weight.shape)
        elif layer.op_type == "Conv" or attributes.get("transB", 0):
            weight = weight * factor.reshape(-1, *([1] * (weight.ndim - 1)))
        else:
            weight = weight * factor
        bias = numpy_helper.to_array(tensors[layer.input[2]]).astype(np.float64) if len(layer.input) > 2 else 0
        bias = (attributes.get("beta", 1.0) * bias - mean) * factor + beta
        for name, value in ((f"{bn.output[0]}.folded_weight", weight), (f"{bn.output[0]}.folded_bias", bias / attributes.get("beta", 1.0))):
            graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), name))
        del layer.input[1:]
        layer.input.extend([f"{bn.output[0]}.folded_weight", f"{bn.output[0]}.folded_bias"])
        layer.output[0] = bn.output[0]
        graph.node.remove(bn)
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    del graph.value_info[:]
    onnx.checker.check_model(proto)
    return proto


def as_general_gemms(proto):
    """Gemm in all its forms: weights transposed and not, a factor before the bias, no bias at all (what PyTorch writes as Transpose and MatMul)."""
    transposes = {node.output[0]: node for node in proto.graph.node if node.op_type == "Transpose"}
    for node in list(proto.graph.node):
        if node.op_type == "MatMul":
            transpose = transposes[node.input[1]]
            node.op_type, node.input[1] = "Gemm", transpose.input[0]
            node.attribute.append(onnx.helper.make_attribute("transB", 1))
            proto.graph.node.remove(transpose)
        elif node.op_type == "Gemm" and node.output[0] != "logits":
            tensor = next(tensor for tensor in proto.graph.initializer if tensor.name == node.input[1])
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(numpy_helper.to_array(tensor).T), tensor.name))
            bias = next(tensor for tensor in proto.graph.initializer if tensor.name == node.input[2])
            bias.CopyFrom(numpy_helper.from_array((numpy_helper.to_array(bias) * np.float32(4)), bias.name))
            del node.attribute[:]
            node.attribute.extend([onnx.helper.make_attribute("beta", 0.25)])
    return proto


def make(folder, name, model, count, side, own_fold, epsilon):
    folder = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    randomize(model, epsilon)
    source, target = images(count, side)
    adapt(model, source)
    keep = {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}
    kept = export(model.float(), folder / "kept.onnx", source, **keep)
    if own_fold:
        onnx.save(as_general_gemms(kept), str(folder / "kept.onnx"))
        onnx.save(fold(kept), str(folder / "folded.onnx"))
    else:
        export(model, folder / "folded.onnx", source)
    np.save(folder / "source.npy", source.numpy())
    np.save(folder / "target.npy", target.numpy())
    np.save(folder / "expected.npy", adapt(model, target).numpy())
    print(f"{folder}: {len(batch_norms(model))} BatchNormalization layers", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    if len(sys.argv) == 1:
        torch.manual_seed(0)
        make(HERE, "small", Small(), 48, 8, own_fold=True, epsilon=1e-5)
    arguments, epsilon = sys.argv[2:], 1e-8
    if arguments[:1] == ["--epsilon"]:
        epsilon, arguments = float(arguments[1]), arguments[2:]
    for requested in arguments:
        if requested.endswith(".onnx"):
            target = pathlib.Path(sys.argv[1]) / pathlib.Path(requested).stem
            target.mkdir(parents=True, exist_ok=True)
            onnx.save(onnx.load(requested), str(target / "kept.onnx"))
            onnx.save(fold(onnx.load(requested)), str(target / "folded.onnx"))
        else:
            import torchvision
            torch.manual_seed(0)
            make(pathlib.Path(sys.argv[1]), requested, getattr(torchvision.models, requested)(weights=None), 32, 96, own_fold=False, epsilon=epsilon)
