#!/usr/bin/env python3
"""Writes the reference vectors of this folder: one small network a case, its inputs, its exact target statistics.

    python3 make_golden.py [case ...]      (needs PyTorch 1.13, onnx 1.12, numpy; every seed is fixed, a second run writes the same bytes)

Exact AdaBN, the slow and obvious way, in float64. The weights are the float32 values of model.onnx cast to double, the inputs the
float32 values of the .npy files cast to double. For each BatchNormalization, in depth order:

    run the whole network in eval mode, with target statistics in every layer already visited and source statistics in the others;
    mean     = sum(x) / M                   of this layer's input x, per channel, M = samples x positions;
    variance = sum((x - mean)^2) / M        (population variance, two passes, nothing cancels);
    put both into this layer.
"""
import json
import pathlib
import sys
import warnings

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).resolve().parent
OPSET = 13


# ---------------------------------------------------------------------------------------------------------------- networks

class LinearBn1d(nn.Module):
    """BatchNormalization of rank 2, after Gemm: no spatial axes at all."""
    def __init__(self):
        super().__init__()
        self.fc1, self.bn1 = nn.Linear(24, 20), nn.BatchNorm1d(20)
        self.fc2, self.bn2 = nn.Linear(20, 12, bias=False), nn.BatchNorm1d(12)
        self.fc3 = nn.Linear(12, 5)

    def forward(self, features):
        h = F.relu(self.bn1(self.fc1(features)))
        return self.fc3(torch.tanh(self.bn2(self.fc2(h))))


class ConvChain(nn.Module):
    """Three Conv + BN + ReLU in a row, with stride, padding, pooling and unequal epsilons."""
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 12, 3, stride=2), nn.BatchNorm2d(12, eps=1e-3)
        self.conv3, self.bn3 = nn.Conv2d(12, 10, 3, groups=2), nn.BatchNorm2d(10, eps=1e-2)
        self.fc = nn.Linear(10, 5)

    def forward(self, image):
        h = F.relu(self.bn1(self.conv1(image)))
        h = F.relu(self.bn2(self.conv2(h)))
        h = F.relu(self.bn3(self.conv3(h)))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(h, 1), 1))


class ResidualBlock(nn.Module):
    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        self.down = None
        if stride != 1 or channels_in != channels:
            self.down = nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        h = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(h + (x if self.down is None else self.down(x)))


class ResidualDownsample(nn.Module):
    """ResNet: an identity skip, then a block whose skip has its own BN, one level less deep than the branch it joins."""
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8)
        self.block1, self.block2 = ResidualBlock(8, 8, 1), ResidualBlock(8, 12, 2)
        self.fc = nn.Linear(12, 5)

    def forward(self, image):
        h = self.block2(self.block1(F.relu(self.bn(self.conv(image)))))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(h, 1), 1))


class ConcatBranch(nn.Module):
    """Inception and DenseNet: branches of unequal BN depth joined by Concat, BN directly on the Concat, and a dense second join."""
    def __init__(self):
        super().__init__()
        self.conv0, self.bn0 = nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)
        self.conv_a, self.bn_a = nn.Conv2d(6, 4, 1, bias=False), nn.BatchNorm2d(4)
        self.conv_b1, self.bn_b1 = nn.Conv2d(6, 4, 1, bias=False), nn.BatchNorm2d(4)
        self.conv_b2, self.bn_b2 = nn.Conv2d(4, 5, 3, padding=1, bias=False), nn.BatchNorm2d(5)
        self.bn_join = nn.BatchNorm2d(4 + 5 + 6)
        self.conv_c = nn.Conv2d(15, 6, 3, padding=1)
        self.bn_dense = nn.BatchNorm2d(15 + 6)
        self.fc = nn.Linear(21, 5)

    def forward(self, image):
        x = F.relu(self.bn0(self.conv0(image)))
        a = F.relu(self.bn_a(self.conv_a(x)))
        b = F.relu(self.bn_b2(self.conv_b2(F.relu(self.bn_b1(self.conv_b1(x))))))
        joined = torch.cat([a, b, F.max_pool2d(x, 3, 1, 1)], 1)
        dense = torch.cat([joined, self.conv_c(F.relu(self.bn_join(joined)))], 1)
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(F.relu(self.bn_dense(dense)), 1), 1))


class Bn3d(nn.Module):
    """Rank 5: volumes, three spatial axes."""
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv3d(2, 6, 3, padding=1, bias=False), nn.BatchNorm3d(6)
        self.conv2, self.bn2 = nn.Conv3d(6, 8, 3), nn.BatchNorm3d(8)
        self.fc = nn.Linear(8, 4)

    def forward(self, volume):
        h = F.max_pool3d(F.relu(self.bn1(self.conv1(volume))), (1, 2, 2))
        h = F.relu(self.bn2(self.conv2(h)))
        return self.fc(h.mean((2, 3, 4)))


class BnAroundRelu(nn.Module):
    """BN before and after ReLU: the second one sees a clipped, one-sided distribution, and no Conv stands before it."""
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1a, self.bn1b = nn.BatchNorm2d(8), nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 10, 3)
        self.bn2a, self.bn2b = nn.BatchNorm2d(10), nn.BatchNorm2d(10)
        self.fc = nn.Linear(10, 5)

    def forward(self, image):
        h = self.bn1b(F.relu(self.bn1a(self.conv1(image))))
        h = self.bn2b(F.relu(self.bn2a(self.conv2(h))))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(h, 1), 1))


class BnOnInput(nn.Module):
    """The first layer is a BN that reads the graph input: a stage with nothing to run before it."""
    def __init__(self):
        super().__init__()
        self.bn0 = nn.BatchNorm2d(3)
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 5)

    def forward(self, image):
        h = F.relu(self.bn1(self.conv1(self.bn0(image))))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(h, 1), 1))


class TwoInputs(nn.Module):
    """Two image inputs of different shape, BN in both branches, joined by Add, BN after the join."""
    def __init__(self):
        super().__init__()
        self.conv_c, self.bn_c = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv_d, self.bn_d = nn.Conv2d(1, 8, 3, bias=False), nn.BatchNorm2d(8)
        self.bn_join = nn.BatchNorm2d(8)
        self.conv_e, self.bn_e = nn.Conv2d(8, 10, 3, bias=False), nn.BatchNorm2d(10)
        self.fc = nn.Linear(10, 5)

    def forward(self, color, depth):
        c = F.avg_pool2d(F.relu(self.bn_c(self.conv_c(color))), 2)
        d = torch.tanh(self.bn_d(self.conv_d(depth)))
        h = F.relu(self.bn_e(self.conv_e(F.relu(self.bn_join(c + d)))))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(h, 1), 1))


class Conv1dBn(nn.Module):
    """Rank 3: signals, one spatial axis."""
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv1d(2, 8, 5, padding=2, bias=False), nn.BatchNorm1d(8)
        self.conv2, self.bn2 = nn.Conv1d(8, 12, 3, dilation=2), nn.BatchNorm1d(12)
        self.fc = nn.Linear(12, 4)

    def forward(self, signal):
        h = F.max_pool1d(F.relu(self.bn1(self.conv1(signal))), 2)
        return self.fc(F.relu(self.bn2(self.conv2(h))).mean(2))


class ParallelBn(nn.Module):
    """Two BN nodes read the same value (one measurement serves both, two sets of statistics are written)."""
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.bn_left, self.bn_right = nn.BatchNorm2d(8), nn.BatchNorm2d(8, eps=1e-3)
        self.conv2, self.bn2 = nn.Conv2d(8, 10, 3, bias=False), nn.BatchNorm2d(10)
        self.fc = nn.Linear(10, 5)

    def forward(self, image):
        shared = self.conv1(image)
        h = F.relu(self.bn_left(shared)) - torch.sigmoid(self.bn_right(shared))
        h = F.relu(self.bn2(self.conv2(h)))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(h, 1), 1))


class ViewFlatten(nn.Module):
    """x.view(x.size(0), -1): the target shape of Reshape is computed from the batch at run time, so a cut before bn2 must keep that chain."""
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 6, 3, stride=2, bias=False), nn.BatchNorm2d(6)
        self.fc1, self.bn2 = nn.Linear(6 * 5 * 5, 16, bias=False), nn.BatchNorm1d(16)
        self.fc2 = nn.Linear(16, 5)

    def forward(self, image):
        h = F.relu(self.bn1(self.conv1(image)))
        h = h.view(h.size(0), -1)
        return self.fc2(F.relu(self.bn2(self.fc1(h))))


class LargeOffset(nn.Module):
    """Means of about 1e3 standard deviations: E[x^2] - mean^2 in float32 is useless here."""
    def __init__(self):
        super().__init__()
        self.bn0 = nn.BatchNorm2d(3)
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3)
        self.bn2 = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 5)

    def forward(self, image):
        h = F.relu(self.bn1(self.conv1(self.bn0(image))))
        h = F.relu(self.bn2(self.conv2(h)))        # its bias puts the offset in once more, in mid-network
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(h, 1), 1))


class FixedBatch8(nn.Module):
    """The exported batch axis is 8, not N: 37 samples end in a partial batch that the caller must pad, and not count."""
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6)
        self.conv2, self.bn2 = nn.Conv2d(6, 8, 3, stride=2, bias=False), nn.BatchNorm2d(8)
        self.fc1, self.bn3 = nn.Linear(8 * 4 * 4, 10), nn.BatchNorm1d(10)
        self.fc2 = nn.Linear(10, 5)

    def forward(self, image):
        h = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(image))))))
        h = h.view(h.size(0), -1)
        return self.fc2(F.relu(self.bn3(self.fc1(h))))


class Crossing(nn.Module):
    """Values that cross many stages: 'early' waits for three BN layers, the graph input itself for four."""
    def __init__(self):
        super().__init__()
        self.conv0 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv3, self.bn3 = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv4, self.bn4 = nn.Conv2d(8, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3)
        self.bn5 = nn.BatchNorm2d(3)
        self.fc = nn.Linear(3, 5)

    def forward(self, image):
        early = self.conv0(image)
        h = F.relu(self.bn1(early))
        h = F.relu(self.bn2(self.conv2(h)))
        h = self.bn3(self.conv3(h)) + early
        h = self.bn4(self.conv4(F.relu(h))) + image
        h = F.relu(self.bn5(h))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(h, 1), 1))


class ConvTransposed(nn.Module):
    """BN after ConvTranspose and directly after pools."""
    def __init__(self):
        super().__init__()
        self.up, self.bn1 = nn.ConvTranspose2d(3, 6, 3, stride=2, bias=False), nn.BatchNorm2d(6)
        self.bn2, self.bn3 = nn.BatchNorm2d(6), nn.BatchNorm2d(6)
        self.fc = nn.Linear(6, 5)

    def forward(self, image):
        h = F.avg_pool2d(F.relu(self.bn1(self.up(image))), 2)
        h = F.max_pool2d(torch.tanh(self.bn2(h)), 2)
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(torch.tanh(self.bn3(h)), 1), 1))


class MergedEqual(nn.Module):
    """Fresh layers of one width hold equal numbers: the exporter writes them once and names them again by Identity nodes."""
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6)
        self.conv2, self.bn2 = nn.Conv2d(6, 6, 3, bias=False), nn.BatchNorm2d(6)
        self.conv3, self.bn3 = nn.Conv2d(6, 6, 1, bias=False), nn.BatchNorm2d(6)
        self.fc = nn.Linear(6, 5)

    def forward(self, image):
        h = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(image))))))
        h = F.relu(h + self.bn3(self.conv3(h)))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(h, 1), 1))


class ChannelsLast(nn.Module):
    """As Keras models are exported: N x H x W x C in and between, each Conv and each BN between Transposes; a skip, and Flatten of channels last."""
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv3, self.bn3 = nn.Conv2d(8, 6, 3, stride=2, bias=False), nn.BatchNorm2d(6)
        self.fc1, self.bn4 = nn.Linear(6 * 4 * 4, 12, bias=False), nn.BatchNorm1d(12)
        self.fc2 = nn.Linear(12, 5)

    def forward(self, image):
        def last(layer, x):
            return layer(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

        x = F.relu(last(self.bn1, torch.tanh(last(self.conv1, image))))
        h = x + torch.tanh(last(self.bn2, torch.tanh(last(self.conv2, x))))
        h = F.relu(last(self.bn3, F.leaky_relu(last(self.conv3, h), 0.125)))
        return self.fc2(F.relu(self.bn4(self.fc1(torch.flatten(h, 1)))))


# ------------------------------------------------------------------------------------------------------------------- cases

class Case:
    def __init__(self, name, network, samples, inputs, fixed_batch=None, offset=None, fresh=False):
        self.name, self.network, self.samples = name, network, samples
        self.inputs, self.fixed_batch, self.offset, self.fresh = inputs, fixed_batch, offset, fresh


CASES = [
    Case("linear_bn1d", LinearBn1d, 43, {"features": (24,)}),
    Case("conv_chain", ConvChain, 37, {"image": (3, 12, 12)}),
    Case("residual_downsample", ResidualDownsample, 35, {"image": (3, 10, 10)}),
    Case("concat_branch", ConcatBranch, 35, {"image": (3, 10, 10)}),
    Case("bn3d", Bn3d, 33, {"volume": (2, 4, 8, 8)}),
    Case("bn_around_relu", BnAroundRelu, 39, {"image": (3, 10, 10)}),
    Case("bn_on_input", BnOnInput, 45, {"image": (3, 9, 9)}),
    Case("two_inputs", TwoInputs, 37, {"color": (3, 12, 12), "depth": (1, 8, 8)}),
    Case("conv1d_bn", Conv1dBn, 47, {"signal": (2, 32)}),
    Case("parallel_bn", ParallelBn, 38, {"image": (3, 10, 10)}),
    Case("view_flatten", ViewFlatten, 41, {"image": (3, 12, 11)}),
    Case("large_offset", LargeOffset, 37, {"image": (3, 11, 11)}, offset=(1000.0, -800.0, 1300.0)),
    Case("fixed_batch8", FixedBatch8, 37, {"image": (3, 12, 12)}, fixed_batch=8),
    Case("crossing", Crossing, 34, {"image": (3, 11, 11)}),
    Case("conv_transpose", ConvTransposed, 36, {"image": (3, 9, 9)}),
    Case("merged_equal", MergedEqual, 39, {"image": (3, 10, 10)}, fresh=True),
    Case("channels_last", ChannelsLast, 39, {"image": (10, 10, 3)}),
]


def images(rng, samples, shape, offset, target):
    """Float32 noise with spatial correlation, a brightness and a contrast of its own per sample, and (target only) a shift per channel."""
    x = rng.standard_normal((samples,) + shape)
    for axis in range(2, x.ndim):
        x = 0.8 * (x + np.roll(x, 1, axis))
    one = (samples,) + (1,) * len(shape)
    channel = (1, shape[0]) + (1,) * (len(shape) - 1)
    x = x * rng.uniform(0.6, 1.4, one) + 0.4 * rng.standard_normal(one)
    if target:
        x = x * rng.uniform(0.5, 1.8, channel) + rng.uniform(-1.0, 1.0, channel)
    if offset is not None:
        x = x / x.std() + np.reshape(offset, channel) * (1.0 if target else 0.9)
    return x.astype(np.float32)


def build(case, seed):
    """A float32 network with random weights and plausible running statistics: those of random source data, jittered like a moving average.

    (The jitter also keeps any two layers' statistics apart: the exporter merges equal initializers, with Identity in the second's place.)
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = case.network().eval()
    for bn in batch_norms(model).values():
        if not case.fresh:
            nn.init.uniform_(bn.weight, 0.6, 1.4)
            nn.init.uniform_(bn.bias, -0.5, 0.5)
        bn.eps = float(np.float32(bn.eps))         # as the file stores it
    if case.name == "large_offset":
        nn.init.uniform_(model.conv2.bias, 300.0, 600.0)
    source = [images(rng, case.samples, shape, case.offset, target=False) for shape in case.inputs.values()]
    target = [images(rng, case.samples, shape, case.offset, target=True) for shape in case.inputs.values()]
    if case.fresh:
        return model, target
    adapt(model.double(), list(batch_norms(model)), doubles(source))
    for bn in batch_norms(model).values():
        bn.running_mean += 0.1 * bn.running_var.sqrt() * torch.randn(bn.num_features)
        bn.running_var *= torch.empty(bn.num_features).uniform_(0.8, 1.25)
    return model.float(), target


# ---------------------------------------------------------------------------------------------------- the reference itself

def batch_norms(model):
    return {name: m for name, m in model.named_modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)}


def doubles(arrays):
    return [torch.from_numpy(a).double() for a in arrays]


def input_of(model, module, inputs):
    """The input of one module while the whole network runs."""
    seen = []
    hook = module.register_forward_pre_hook(lambda _, args: seen.append(args[0].detach()))
    with torch.no_grad():
        model(*inputs)
    hook.remove()
    (x,) = seen
    return x


def population(x):
    axes = [0] + list(range(2, x.dim()))
    shape = [1, -1] + [1] * (x.dim() - 2)
    mean = x.mean(axes)
    return mean, (x - mean.reshape(shape)).square().mean(axes)


def adapt(model, order, inputs):
    """Exact AdaBN of a float64 network in place; order must be topological. Returns {layer: (mean, variance)}."""
    layers = batch_norms(model)
    assert sorted(order) == sorted(layers) and not model.training
    statistics = {}
    for name in order:
        mean, variance = population(input_of(model, layers[name], inputs))
        layers[name].running_mean.copy_(mean)
        layers[name].running_var.copy_(variance)
        statistics[name] = mean, variance
    return statistics


def check(model, inputs):
    """After exact adaptation every BN output has, in one and the same run, mean beta and variance gamma^2 v/(v + eps)."""
    outputs = {}
    hooks = [bn.register_forward_hook(lambda _, __, y, name=name: outputs.update({name: y}))
             for name, bn in batch_norms(model).items()]
    with torch.no_grad():
        model(*inputs)
    for hook in hooks:
        hook.remove()
    worst = 0.0
    for name, bn in batch_norms(model).items():
        mean, variance = population(outputs[name])
        v = bn.running_var
        assert v.min() > 1e-4, f"{name}: a nearly dead channel would make a poor reference"
        worst = max(worst, float((mean - bn.bias).abs().max()),
                    float((variance - bn.weight.square() * v / (v + bn.eps)).abs().max()))
    assert worst < 1e-9, worst
    return worst


# ------------------------------------------------------------------------------------------------------------------ export

def export(case, model, path):
    batch = case.fixed_batch or 2
    names = list(case.inputs)
    axes = None if case.fixed_batch else {name: {0: "N"} for name in names + ["logits"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, tuple(torch.zeros((batch,) + s) for s in case.inputs.values()), str(path), opset_version=OPSET,
                          input_names=names, output_names=["logits"], dynamic_axes=axes,
                          training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
    proto = onnx.load(str(path))
    for node in proto.graph.node:
        node.doc_string = ""
    proto.producer_version = ""
    onnx.checker.check_model(proto, full_check=True)
    path.write_bytes(proto.SerializeToString(deterministic=True))
    return proto


def depth_order(proto):
    """BN nodes by BN depth (the number of BN nodes on the longest way from an input), then by their place in the file."""
    depth, found = {}, []
    initializers = {i.name for i in proto.graph.initializer}
    initializers |= {n.output[0] for n in proto.graph.node if n.op_type == "Identity" and n.input[0] in initializers}
    for node in proto.graph.node:
        d = max([depth.get(name, 0) for name in node.input], default=0)
        if node.op_type == "BatchNormalization":
            assert len(node.output) == 1 and initializers.issuperset(node.input[1:])
            assert all(a.name != "training_mode" or a.i == 0 for a in node.attribute)
            found.append((d, len(found), node.input[3]))
            d += 1
        depth.update({name: d for name in node.output})
    return [mean for _, _, mean in sorted(found)]


def make(case, seed):
    folder = HERE / case.name
    folder.mkdir(exist_ok=True)
    model, target = build(case, seed)
    means = depth_order(export(case, model, folder / "model.onnx"))
    for name, array in zip(case.inputs, target):
        np.save(folder / f"{name}.npy", array)

    model = model.double().eval()
    with torch.no_grad():
        before = model(*doubles(target))
    statistics = adapt(model, [name[:-len(".running_mean")] for name in means], doubles(target))
    residue = check(model, doubles(target))
    with torch.no_grad():
        after = model(*doubles(target))
    np.save(folder / "adapted_output.npy", after.numpy())
    layers = [{"mean_initializer": name, "mean": statistics[name[:-13]][0].tolist(), "variance": statistics[name[:-13]][1].tolist()}
              for name in means]
    text = ",\n".join(json.dumps(layer) for layer in layers)
    (folder / "expected.json").write_text(f'{{"samples":{case.samples},"layers":[\n{text}\n]}}\n')
    size = sum(f.stat().st_size for f in folder.iterdir())
    print(f"{case.name:20} {len(layers)} BN  N={case.samples}  identity off by {residue:.1e}  "
          f"logits moved by {float((after - before).norm() / before.norm()):.2f}  {size / 1024:.0f} KB")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for number, case in enumerate(CASES):
        if len(sys.argv) < 2 or case.name in sys.argv[1:]:
            make(case, seed=100 + number)
