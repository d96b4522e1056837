#!/usr/bin/env python3
"""Makes twins of a trained network: make_cifar_twins.py FOLDER DATA

DATA holds models/cifar10_resnet20.onnx (BatchNormalization kept; inputs RGB/255, normalized), and cifar10/ with PNG files of which each row is
one image of 32x32 RGB: cifar10_batch_0.png of the training set, cifar10_batch_50.png of the test set, and cifar10_labels.js, the labels of
all 60000 images in the order of the files. Writes FOLDER/cifar10_resnet20 (test images as they are), FOLDER/cifar10_resnet20_contrast (contrast
x0.1) and FOLDER/cifar10_resnet20_noise (Gaussian noise of 0.1), each with kept.onnx, folded.onnx, source.npy (1000 training images),
target.npy (1000 test images) and labels.npy. Needs onnx, numpy, PyTorch and Pillow.
"""
import pathlib
import re
import sys

import numpy as np
import onnx
from PIL import Image

from make_twins import fold

IMAGES = 1000
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def load(path):
    return np.asarray(Image.open(path).convert("RGB")).reshape(-1, 32, 32, 3)[:IMAGES] / 255.0


def save(path, images):
    normalized = (np.clip(images, 0, 1) - MEAN) / DEVIATION
    np.save(path, np.ascontiguousarray(normalized.transpose(0, 3, 1, 2)).astype(np.float32))


folder, data = map(pathlib.Path, sys.argv[1:3])
source, target = load(data / "cifar10/cifar10_batch_0.png"), load(data / "cifar10/cifar10_batch_50.png")
labels = np.array(re.findall(r"\d+", (data / "cifar10/cifar10_labels.js").read_text()), dtype=np.int64)[50000:50000 + IMAGES]
means = target.mean(axis=(1, 2, 3), keepdims=True)
domains = {"": target, "_contrast": (target - means) * 0.1 + means, "_noise": target + np.random.default_rng(0).normal(0, 0.1, target.shape)}
model = data / "models/cifar10_resnet20.onnx"
for suffix, images in domains.items():
    twin = folder / f"cifar10_resnet20{suffix}"
    twin.mkdir(parents=True, exist_ok=True)
    onnx.save(onnx.load(str(model)), str(twin / "kept.onnx"))
    onnx.save(fold(onnx.load(str(model))), str(twin / "folded.onnx"))
    save(twin / "source.npy", source)
    save(twin / "target.npy", images)
    np.save(twin / "labels.npy", labels)
    print(twin, flush=True)
