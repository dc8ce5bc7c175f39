"""Samples of collectives: programs that bind an axis with vmap and act over it."""

from __future__ import annotations

import numpy as np

import chainrule as cr
from chainrule import lax

from . import Program

rng = np.random.default_rng(17)
matrix = rng.permutation(16).reshape(4, 4).astype(np.float32) / 4 - 2
pairs = ((0, 2), (1, 3))


def over(act):
    """`act` for each row, the rows being the members of the axis "i"."""
    return cr.vmap(act, axis_name="i")


def nested(act):
    """`act` for each element, its column within the axis "i", its row within "j"."""
    return cr.vmap(cr.vmap(act, axis_name="j"), axis_name="i")


def members(groups, rows):
    """[(member, the rows of its group)]"""
    return [(i, [rows[k] for k in g]) for g in groups for i in g]


def everyone(x, combine, groups=((0, 1, 2, 3),)):
    """NumPy's `combine` of the rows of each group, for each of its members."""
    out = {i: combine(np.stack(rows)) for i, rows in members(groups, x)}
    return np.stack([out[i] for i in sorted(out)])


def exchanged(x, groups=((0, 1, 2, 3),)):
    """Element (member, part) of each group becomes (part, member)."""
    out = np.zeros_like(x)
    for g in groups:
        for a, i in enumerate(g):
            for b, j in enumerate(g):
                out[j, a] = x[i, b]
    return out


def psum(**params):
    return over(lambda v: lax.psum(v * v, "i", **params))


def total(rows):
    return np.sum(rows**2, 0)


def scattered(x):
    return np.sum(x, 0).reshape(4, 1)


def shifted(x):
    out = np.zeros_like(x)
    out[[1, 2, 3]] = x[[0, 1, 2]]
    return out


def swapped(x):
    out = np.zeros_like(x)
    out[1, 0], out[0, 1] = x[0, 1], x[1, 0]
    return out


def program(name, function, reference, exercises, args=(matrix,), **rest):
    return Program(
        name, args, reference=reference, function=function, exercises=exercises, **rest
    )


SAMPLES = [
    program(
        "psum", psum(), lambda x: everyone(x, total), ("psum",), dtypes=("float64",)
    ),
    program(
        "psum_in_groups", psum(axis_index_groups=pairs),
        lambda x: everyone(x, total, pairs), ("psum",),
    ),
    program(
        "psum_over_two_axes", nested(lambda v: v * lax.psum(v, ("i", "j"))),
        lambda x: x * np.sum(x), ("psum",),
    ),
    program(
        "psum_over_the_outer_axis", nested(lambda v: v * lax.psum(v, "i")),
        lambda x: x * np.sum(x, 0), ("psum",),
    ),
    program(
        "psum_of_a_shared_value",
        lambda x, y: over(lambda v: v * lax.psum(y, "i"))(x),
        lambda x, y: x * (4 * y), ("psum",), ((4, 3), (3,)),
    ),
    program(
        "pmean", over(lambda v: v - lax.pmean(v, "i")), lambda x: x - np.mean(x, 0),
        ("psum",),
    ),
    program(
        "pmax", over(lambda v: lax.pmax(v, "i")),
        lambda x: everyone(x, lambda rows: rows.max(0)), ("pmax",),
    ),
    program(
        "pmax_in_groups", over(lambda v: lax.pmax(v, "i", axis_index_groups=pairs)),
        lambda x: everyone(x, lambda rows: rows.max(0), pairs), ("pmax",),
    ),
    program(
        "pmin", over(lambda v: lax.pmin(v, "i")),
        lambda x: everyone(x, lambda rows: rows.min(0)), ("pmin",),
    ),
    program(
        "all_gather", over(lambda v: lax.all_gather(v, "i", axis=1)),
        lambda x: everyone(x, np.transpose), ("all_gather",),
    ),
    program(
        "all_gather_tiled", over(lambda v: lax.all_gather(v, "i", tiled=True)),
        lambda x: everyone(x, np.ravel), ("all_gather",),
    ),
    program(
        "all_gather_in_groups",
        over(lambda v: lax.all_gather(v, "i", axis_index_groups=pairs)),
        lambda x: everyone(x, lambda rows: rows, pairs), ("all_gather",),
    ),
    program(
        "all_gather_over_two_axes",
        nested(lambda v: lax.all_gather(v, ("i", "j"))),
        lambda x: np.broadcast_to(x.ravel(), (4, 4, 16)), ("all_gather",),
    ),
    program(
        "psum_scatter", over(lambda v: lax.psum_scatter(v, "i")),
        lambda x: scattered(x)[:, 0], ("reduce_scatter",),
    ),
    program(
        "psum_scatter_tiled", over(lambda v: lax.psum_scatter(v, "i", tiled=True)),
        scattered, ("reduce_scatter",),
    ),
    program(
        "all_to_all", over(lambda v: lax.all_to_all(v, "i", 0, 0)), exchanged,
        ("all_to_all",),
    ),
    program(
        "all_to_all_tiled",
        over(lambda v: lax.all_to_all(v, "i", 0, 0, tiled=True)), exchanged,
        ("all_to_all",),
    ),
    program(
        "all_to_all_in_groups",
        over(lambda v: lax.all_to_all(v[:2], "i", 0, 0, axis_index_groups=pairs)),
        lambda x: exchanged(x[:, :2], pairs), ("all_to_all",),
    ),
    program(
        "ppermute",
        over(lambda v: lax.ppermute(v, "i", [(0, 1), (1, 2), (2, 3)])), shifted,
        ("ppermute",),
    ),
    program(
        "ppermute_over_two_axes",
        nested(lambda v: lax.ppermute(v, ("i", "j"), [(1, 4), (4, 1)])),
        swapped, ("ppermute",),
    ),
    program(
        "axis_index", over(lambda v: v * lax.axis_index("i")),
        lambda x: x * np.arange(4, dtype=x.dtype)[:, None], ("axis_index",),
    ),
]  # fmt: skip
