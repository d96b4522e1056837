#!/usr/bin/env python3
"""Writes cases.json: normalizations computed by float64 PyTorch, from their papers' formulas, on random shapes.

    python3 make_cases.py      (needs PyTorch 1.13; fixed seeds, a second run writes the same bytes)

Inputs and parameters are float32 values; everything is computed in float64. Expected values are written with 12 digits.
"""
import json
import pathlib

import torch
from torch.nn import functional as F

HERE = pathlib.Path(__file__).resolve().parent
EPSILON = 1e-3  # large enough that leaving it out, or adding it elsewhere, shows
SHAPES_A_KIND = 3
random = torch.Generator().manual_seed(20)


def integer(low, high):
    return int(torch.randint(low, high + 1, (), generator=random))


def normal(*dims, scale=1.0, offset=0.0):
    return (torch.randn(*dims, generator=random) * scale + offset).float().double()


def positive(*dims):
    return (torch.rand(*dims, generator=random) * 2 + 0.1).float().double()


def shape(rank=None, channels=None):
    rank = rank or integer(3, 5)
    return [integer(1, 3), channels or integer(2, 6), *(integer(2, 4) for _ in range(rank - 2))]


def features(dims):
    """Every sample and channel with a mean and a deviation of its own."""
    rest = [1] * (len(dims) - 2)
    return (normal(*dims) * positive(dims[0], dims[1], *rest) + normal(dims[0], dims[1], *rest, scale=2)).float().double()


def per_channel(numbers, like):
    return numbers.reshape(1, -1, *[1] * (like.dim() - 2))


def instance(x):
    return F.instance_norm(x, eps=EPSILON)


def batch(x, mean, variance):
    return F.batch_norm(x, mean, variance, training=False, eps=EPSILON)


def moments(s):
    flat = s.flatten(2)
    return flat.mean(2), (flat.var(2, unbiased=False) + EPSILON).sqrt()


def conv(x, c):
    return F.conv2d(x, c["weights"], c["bias"], padding=c["weights"].shape[-1] // 2)


def convolution(channels, inputs, kernel):
    return {"weights": normal(channels, inputs, kernel, kernel, scale=0.5), "bias": normal(channels)}


def one_hot(n, classes, h, w):
    return F.one_hot(torch.randint(0, classes, (n, h, w), generator=random), classes).permute(0, 3, 1, 2).double()


def batch_norm():
    x = features(shape(integer(2, 5)))
    c = x.shape[1]
    p = dict(mean=normal(c), variance=positive(c), scale=normal(c), bias=normal(c))
    return x, p, {}, F.batch_norm(x, p["mean"], p["variance"], p["scale"], p["bias"], eps=EPSILON)


def instance_norm():
    x = features(shape())
    p = dict(scale=normal(x.shape[1]), bias=normal(x.shape[1]))
    return x, p, {}, F.instance_norm(x, weight=p["scale"], bias=p["bias"], eps=EPSILON)


def group_norm():
    groups = integer(1, 3)
    x = features(shape(channels=groups * integer(2, 3)))
    p = dict(groups=groups, scale=normal(x.shape[1]), bias=normal(x.shape[1]))
    return x, p, {}, F.group_norm(x, groups, p["scale"], p["bias"], EPSILON)


def layer_norm():
    x = features(shape())
    over = list(x.shape[integer(1, x.dim() - 1):])
    p = dict(shape=over, scale=normal(*over), bias=normal(*over))
    return x, p, {}, F.layer_norm(x, over, p["scale"], p["bias"], EPSILON)


def conditional_instance_norm():
    x, styles = features(shape()), integer(2, 4)
    p = dict(scales=normal(styles, x.shape[1]), biases=normal(styles, x.shape[1]))
    style = torch.randint(0, styles, (x.shape[0],), generator=random)
    y = torch.stack([F.instance_norm(x[n:n + 1], weight=p["scales"][s], bias=p["biases"][s], eps=EPSILON)[0] for n, s in enumerate(style)])
    return x, p, dict(style=style), y


def conditional_batch_norm():
    x, domains = features(shape()), integer(2, 4)
    c = x.shape[1]
    p = dict(means=normal(domains, c), variances=positive(domains, c), scale=normal(c), bias=normal(c))
    domain = torch.randint(0, domains, (x.shape[0],), generator=random)
    y = torch.stack([F.batch_norm(x[n:n + 1], p["means"][d], p["variances"][d], p["scale"], p["bias"], eps=EPSILON)[0] for n, d in enumerate(domain)])
    return x, p, dict(domain=domain), y


def adaptive_instance_norm():
    x = features(shape())
    style = features([x.shape[0], x.shape[1], *(integer(2, 5) for _ in x.shape[2:])])
    mean, deviation = moments(style)
    rest = [1] * (x.dim() - 2)
    return x, dict(channels=x.shape[1]), dict(style=style), instance(x) * deviation.reshape(*deviation.shape, *rest) + mean.reshape(*mean.shape, *rest)


def stored_style():
    x = features(shape())
    p = dict(mean=normal(x.shape[1]), variance=positive(x.shape[1]))
    return x, p, {}, instance(x) * per_channel((p["variance"] + EPSILON).sqrt(), x) + per_channel(p["mean"], x)


def interpolated_instance_norm():
    x, styles = features(shape()), integer(2, 4)
    p = dict(means=normal(styles, x.shape[1]), variances=positive(styles, x.shape[1]))
    weights = torch.rand(x.shape[0], styles, generator=random)
    weights = (weights / weights.sum(1, keepdim=True)).float().double()
    y = torch.zeros_like(x)
    for n in range(x.shape[0]):
        for s in range(styles):
            y[n] += weights[n, s] * (instance(x[n:n + 1]) * per_channel((p["variances"][s] + EPSILON).sqrt(), x) + per_channel(p["means"][s], x))[0]
    return x, p, dict(weights=weights), y


def batch_instance_norm():
    x = features(shape())
    c = x.shape[1]
    p = dict(mean=normal(c), variance=positive(c), scale=normal(c), bias=normal(c), share=torch.rand(c, generator=random).double())
    rho = per_channel(p["share"], x)
    y = (rho * batch(x, p["mean"], p["variance"]) + (1 - rho) * instance(x)) * per_channel(p["scale"], x) + per_channel(p["bias"], x)
    return x, p, {}, y


def instance_batch_norm():
    x = features(shape())
    c = x.shape[1]
    half = integer(1, c - 1)
    p = dict(mean=normal(c), variance=positive(c), scale=normal(c), bias=normal(c), half=half)
    first, second = torch.split(x, [half, c - half], 1)
    y = torch.cat([F.instance_norm(first, weight=p["scale"][:half], bias=p["bias"][:half], eps=EPSILON),
                   F.batch_norm(second, p["mean"][half:], p["variance"][half:], p["scale"][half:], p["bias"][half:], eps=EPSILON)], 1)
    return x, p, {}, y


def residual_instance_norm():
    x = features(shape())
    skip = normal(*x.shape)
    p = dict(scale=normal(x.shape[1]), bias=normal(x.shape[1]))
    return x, p, dict(skip=skip), F.instance_norm(x + skip, weight=p["scale"], bias=p["bias"], eps=EPSILON)


def spade(x, p, m):
    m = F.interpolate(m, x.shape[2:], mode="nearest")
    hidden = F.relu(conv(m, p["hidden"]))
    normalized = batch(x, p["mean"], p["variance"]) if p["batch"] else instance(x)
    return m, normalized, conv(hidden, p["gamma"]), conv(hidden, p["beta"])


def spade_parameters(c, classes, with_batch):
    hidden = integer(2, 4)
    return dict(batch=with_batch, mean=normal(c), variance=positive(c), hidden=convolution(hidden, classes, 3), gamma=convolution(c, hidden, 3), beta=convolution(c, hidden, 1))


def map_for(x, classes, resized):
    return one_hot(x.shape[0], classes, *((integer(2, 7), integer(2, 7)) if resized else x.shape[2:]))


def spatial_norm(resized=True):
    x, classes = features(shape(4)), integer(2, 3)
    p = spade_parameters(x.shape[1], classes, integer(0, 1) == 1)
    m = map_for(x, classes, resized)
    _, normalized, gamma, beta = spade(x, p, m)
    return x, p, dict(map=m), normalized * gamma + beta


def spatial_norm_of_fitting_map():
    return spatial_norm(resized=False)


def region_norm():
    x, regions, length, inner = features(shape(4)), integer(2, 3), integer(2, 3), integer(2, 3)
    c = x.shape[1]
    p = spade_parameters(c, regions, integer(0, 1) == 1)
    p.update(regionWeights=normal(regions, length, inner), regionBiases=normal(regions, inner), styleGamma=convolution(c, inner, 3), styleBeta=convolution(c, inner, 3),
             a=float(torch.rand((), generator=random)), b=float(torch.rand((), generator=random)))
    m, codes = map_for(x, regions, True), normal(x.shape[0], regions, length)
    fitted, normalized, gamma, beta = spade(x, p, m)
    style = torch.zeros(x.shape[0], inner, *x.shape[2:], dtype=torch.float64)
    for n in range(x.shape[0]):
        for r in range(regions):
            code = codes[n, r] @ p["regionWeights"][r] + p["regionBiases"][r]
            style[n] += fitted[n, r][None] * code[:, None, None]
    gamma = p["a"] * conv(style, p["styleGamma"]) + (1 - p["a"]) * gamma
    beta = p["b"] * conv(style, p["styleBeta"]) + (1 - p["b"]) * beta
    return x, p, dict(map=m, codes=codes), normalized * gamma + beta


KINDS = [batch_norm, instance_norm, group_norm, layer_norm, conditional_instance_norm, conditional_batch_norm, adaptive_instance_norm, stored_style,
         interpolated_instance_norm, batch_instance_norm, instance_batch_norm, residual_instance_norm, spatial_norm, spatial_norm_of_fitting_map, region_norm]


def tensor(t, digits=9):
    return dict(dims=list(t.shape), data=[float(f"{v:.{digits}g}") if t.is_floating_point() else int(v) for v in t.flatten().tolist()])


def plain(value):
    if isinstance(value, torch.Tensor):
        return tensor(value)
    return {name: plain(part) for name, part in value.items()} if isinstance(value, dict) else value


def main():
    cases = []
    for kind in KINDS:
        for i in range(SHAPES_A_KIND):
            x, parameters, inputs, y = kind()
            cases.append(dict(name=f"{kind.__name__}_{i + 1}", kind=kind.__name__, epsilon=EPSILON, parameters=plain(parameters), inputs=dict(x=tensor(x), **plain(inputs)), y=tensor(y, 12)))
    text = ",\n".join(json.dumps(case) for case in cases)
    (HERE / "cases.json").write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main()
