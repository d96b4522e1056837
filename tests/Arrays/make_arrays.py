#!/usr/bin/env python3
"""Makes this folder's files with NumPy itself. /usr/bin/python3 make_arrays.py (Debian: python3-numpy). All hold the numbers 0, 1, 2, … over 3 samples."""
import gzip, os, struct
import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
floats = np.arange(3 * 2 * 5, dtype=np.float32).reshape(3, 2, 5)
pixels = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)

np.savez(os.path.join(here, "stored.npz"), images=floats)
np.savez_compressed(os.path.join(here, "packed.npz"), images=floats, pixels=pixels)
np.save(os.path.join(here, "pixels.npy"), pixels)
with open(os.path.join(here, "version2.npy"), "wb") as file:
    np.lib.format.write_array(file, floats, version=(2, 0))
idx = struct.pack(">BBBB3i", 0, 0, 8, 3, *pixels.shape) + pixels.tobytes()
with open(os.path.join(here, "pixels.idx3-ubyte"), "wb") as file: file.write(idx)
with open(os.path.join(here, "pixels.idx3-ubyte.gz"), "wb") as file: file.write(gzip.compress(idx, mtime=0))
