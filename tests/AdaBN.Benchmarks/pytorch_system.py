#!/usr/bin/env python3
"""PyTorch as a contestant, speaking the protocol of SystemHost.cs: pytorch_system.py train|eval MODEL WEIGHTS.pt IMAGES.npy COUNT BATCH THREADS

train: what people do for AdaBN, one pass with the BatchNormalization layers in training mode, their statistics averaged over the batches
(momentum=None) and nothing learnt; inexact, because each layer is measured behind batch statistics. eval: plain inference.
"""
import json
import math
import os
import sys
import time

import numpy as np
import torch

from export_models import reset_for_cumulative_average, untrained

SECONDS_OF_WARM_UP, SECONDS_OF_WARM_UP_AT_MOST, PASSES_OF_WARM_UP, SECONDS_OF_A_ROUND = 1.5, 3, 3, 0.2  # as in SystemHost.cs


def megabytes(key):
    """Resident memory (VmRSS) or its peak (VmHWM) of this process; Linux only."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) * 1024 / 1e6 for line in status if line.startswith(key))
    except OSError:
        return 0


def send(**answer):
    print(json.dumps(answer), flush=True)


@torch.no_grad()
def run(mode, name, weights, images_file, count, batch, threads):
    torch.set_num_threads(threads)
    images = torch.from_numpy(np.load(images_file, mmap_mode="r")[:count].copy())
    baseline = megabytes("VmRSS")
    model = untrained(name).eval()
    model.load_state_dict(torch.load(weights))

    def one_pass():
        start = time.perf_counter()
        if mode == "train":
            reset_for_cumulative_average(model)
        for part in images.split(batch):
            model(part)
        return time.perf_counter() - start

    warm_up = []
    while sum(warm_up) < SECONDS_OF_WARM_UP or len(warm_up) < PASSES_OF_WARM_UP and sum(warm_up) < SECONDS_OF_WARM_UP_AT_MOST:
        warm_up.append(one_pass())
    passes = math.ceil(SECONDS_OF_A_ROUND / warm_up[-1])
    send(note=f"PyTorch {torch.__version__}, batch {batch}, {threads} threads")
    for command in sys.stdin:
        if command.strip() != "go":
            break
        send(ms=1000 * sum(one_pass() for _ in range(passes)) / passes)
    send(baselineMB=baseline, peakMB=megabytes("VmHWM"))


if __name__ == "__main__":
    sys.stdin.reconfigure(line_buffering=True)
    run(sys.argv[1], *sys.argv[2:5], *map(int, sys.argv[5:8]))
