"""Samples of reductions over windows, and of choosing an element in each."""

from __future__ import annotations

import itertools

import numpy as np

from chainrule.ops.elementwise_logic import ge_p, le_p

from .shaping import Sample

rng = np.random.default_rng(13)
floats = ("float16", "bfloat16", "float64")
spread = rng.permutation(30).reshape(5, 6).astype(np.float32) / 4 - 3
integers = rng.integers(-9, 9, (4, 5)).astype(np.int32)


def windows(x, params):
    """(output place, [places of the operand in that window]) for every window."""
    each = [
        params[k]
        for k in (
            "window_dimensions", "window_strides", "padding", "base_dilation",
            "window_dilation",
        )
    ]  # fmt: skip
    counts, lines = [], []
    for n, k, s, (lo, hi), b, w in zip(x.shape, *each):
        count = max(0, (b * (n - 1) + 1 + lo + hi - (w * (k - 1) + 1)) // s + 1)
        spots = [[p * s + i * w - lo for i in range(k)] for p in range(count)]
        rows = [
            [a for a in row if 0 <= a <= b * (n - 1) and a % b == 0] for row in spots
        ]
        lines.append([[a // b for a in row] for row in rows])
        counts.append(count)
    for place in itertools.product(*map(range, counts)):
        yield place, list(itertools.product(*(l[p] for l, p in zip(lines, place))))


def shape_of(x, params):
    places = [p for p, _ in windows(x, params)]
    return tuple(max(column) + 1 for column in zip(*places)) if places else None


def by(combine, start):
    """The reduction of each window by a NumPy function of its values."""

    def reference(x, **params):
        out = np.zeros(shape_of(x, params), x.dtype)
        for place, inside in windows(x, params):
            values = [x[i] for i in inside]
            out[place] = combine(np.array(values)) if values else start
        return out

    return reference


def best(x, inside, select_prim):
    values = [x[i] for i in inside]
    find = np.argmax if select_prim is ge_p else np.argmin
    return inside[int(find(values))] if values else None


def _gather(t, x, select_prim, **params):
    out = np.zeros(shape_of(x, params), t.dtype)
    for place, inside in windows(x, params):
        chosen = best(x, inside, select_prim)
        out[place] = 0 if chosen is None else t[chosen]
    return out


def _scatter(t, x, select_prim, **params):
    out = np.zeros(x.shape, t.dtype)
    for place, inside in windows(x, params):
        chosen = best(x, inside, select_prim)
        if chosen is not None:
            out[chosen] += t[place]
    return out


def params(window, strides=None, padding=None, base=None, holes=None):
    rank = len(window)
    return {
        "window_dimensions": window,
        "window_strides": strides or (1,) * rank,
        "padding": padding or ((0, 0),) * rank,
        "base_dilation": base or (1,) * rank,
        "window_dilation": holes or (1,) * rank,
    }


plain = params((2, 3))
strided = params((2, 2), (2, 1), ((1, 0), (0, 1)))
dilated = params((2, 2), (1, 2), ((1, 1), (0, 1)), (2, 1), (1, 3))
cut = params((2, 1), (1, 1), ((-1, 1), (-2, -1)))


def _reductions(name, reference, **rest):
    return [
        Sample(name, (spread,), plain, reference, dtypes=floats, **rest),
        *[
            Sample(name, (spread,), p, reference, **rest)
            for p in (strided, dilated, cut)
        ],
        Sample(name, (integers,), plain, reference),
        Sample(name, (spread[0],), params((3,), (2,)), reference, **rest),
    ]


def _choices(prim):
    return [
        *[
            Sample(
                "select_and_gather_add", ((5, 6), spread), {**p, "select_prim": prim},
                _gather, differentiable=(0,), dtypes=d,
            )
            for p, d in ((plain, ("float64",)), (strided, ()), (dilated, ()), (cut, ()))
        ],
        *[
            Sample(
                "select_and_scatter_add", (shape_of(spread, p), spread),
                {**p, "select_prim": prim}, _scatter, differentiable=(0,), dtypes=d,
            )
            for p, d in ((plain, ("float64",)), (strided, ()), (dilated, ()), (cut, ()))
        ],
    ]  # fmt: skip


SAMPLES = [
    *_reductions("reduce_window_sum", by(np.sum, 0)),
    Sample("reduce_window_sum", (spread + 1j * spread[::-1],), dilated, by(np.sum, 0)),
    *_reductions("reduce_window_max", by(np.max, -np.inf)),
    *_reductions("reduce_window_min", by(np.min, np.inf)),
    *_choices(ge_p),
    *_choices(le_p),
]
