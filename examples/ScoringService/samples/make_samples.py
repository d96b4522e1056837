"""Makes this folder: 120 digits of another scanner (UCI optdigits) and ten MNIST digits as PNG, out of the data of the example DigitsNewScanner.
A file's name ends with its class. Licences: ../../DigitsNewScanner/data/NOTICE.md."""
import csv
import gzip
import os

import numpy as np
from PIL import Image

here = os.path.dirname(os.path.abspath(__file__))
data = os.path.join(here, "..", "..", "DigitsNewScanner", "data")


def rows(name):
    with gzip.open(os.path.join(data, name), "rt") as lines:
        for row in csv.reader(lines):
            yield np.array(row[:-1], dtype=np.float64), int(row[-1])


def scanned(pixels):
    """8x8 to 20x20, bilinear, half-pixel centres, edges repeated, in 28x28 (models/README.md)."""
    at = (np.arange(20) + 0.5) * 8 / 20 - 0.5
    first = np.floor(at).astype(int)
    weight = at - first
    low, high = np.clip(first, 0, 7), np.clip(first + 1, 0, 7)
    image = pixels.reshape(8, 8) / 16
    image = image[low] * (1 - weight)[:, None] + image[high] * weight[:, None]
    image = image[:, low] * (1 - weight) + image[:, high] * weight
    return np.pad(image, 4) * 255


def write(folder, name, pixels):
    os.makedirs(os.path.join(here, folder), exist_ok=True)
    Image.fromarray(np.rint(pixels).astype(np.uint8)).save(os.path.join(here, folder, name), optimize=True)


for i, (pixels, label) in enumerate(rows("optdigits.csv.gz")):
    if i == 120:
        break
    write("scanner", f"{i:03}-{label}.png", scanned(pixels))
seen = set()
for pixels, label in rows("mnist-control.csv.gz"):
    if label not in seen:
        seen.add(label)
        write("mnist", f"{label}.png", pixels.reshape(28, 28))
