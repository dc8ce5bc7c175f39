"""Batching: vmap is a loop, whatever is mapped and wherever the mapped dimension is."""

import itertools

import numpy as np
import pytest

import chainrule as cr
from chainrule.core import dtypes
from chainrule.core.avals import as_array
from chainrule.core.primitive import Missing, Primitive, registry
from chainrule.ops.shaping import reduce_sum_p

from .cases import (
    CASES,
    assert_close,
    closed,
    differentiable_cases,
    each,
    flat,
    pairing,
    random_like,
)

SIZE = 3


def batches(case):
    """Whether the primitive has a batching rule (programs of several have)."""
    prim = case.primitive
    return prim is None or bool(prim.batch) or bool(prim.batch_call)


def examples(x):
    """SIZE operands like `x`: inexact ones scaled, others with their rows rotated."""
    x = np.asarray(x)
    if dtypes.is_inexact(x.dtype):
        return [(x * (1 - b / 16)).astype(x.dtype) for b in range(SIZE)]
    return [np.roll(x, b, axis=0) if x.ndim else x for b in range(SIZE)]


def placements(operands):
    """in_axes to try: all of front, back and None for up to two operands; for more,
    every subset in front, and all of them at the back."""
    if len(operands) <= 2:
        axes = [(None, 0, x.ndim) if x.ndim else (None, 0) for x in operands]
        found = list(itertools.product(*axes))
    else:
        found = list(itertools.product((None, 0), repeat=len(operands)))
        found.append(tuple(x.ndim for x in operands))
    return [axes for axes in found if any(a is not None for a in axes)]


def stacked(x, axis):
    """The operand for in_axes entry `axis`, and its SIZE examples."""
    if axis is None:
        return as_array(x), [as_array(x)] * SIZE
    rows = examples(x)
    return as_array(np.stack(rows, axis)), [as_array(r) for r in rows]


def loop(fun, columns):
    """The outputs of `fun` on each example, stacked."""
    rows = [[np.asarray(y) for y in flat(fun(*row))] for row in zip(*columns)]
    return [np.stack(column) for column in zip(*rows)]


@each(c for c in CASES if batches(c))
def test_vmap_is_a_loop(case):
    with case.precision():
        operands = case.operands()
        for axes in placements(operands):
            pairs = [stacked(x, a) for x, a in zip(operands, axes)]
            found = cr.vmap(case, in_axes=axes)(*[whole for whole, _ in pairs])
            expected = loop(case, [rows for _, rows in pairs])
            assert_close(found, expected, case.sample.tolerance)


@each(c for c in CASES if batches(c))
def test_vmap_of_vmap_is_a_loop_of_loops(case):
    with case.precision():
        operands = case.operands()
        pairs = [stacked(x, 0) for x in operands]
        columns = [rows for _, rows in pairs]
        twice = [as_array(np.stack([np.asarray(w)] * 2, -1)) for w, _ in pairs]
        outer = tuple(w.ndim - 1 for w in twice)
        found = cr.vmap(cr.vmap(case), in_axes=outer, out_axes=-1)(*twice)
        expected = [np.stack([e] * 2, -1) for e in loop(case, columns)]
        assert_close(found, expected, case.sample.tolerance)


@each(c for c in CASES if batches(c))
def test_jit_of_vmap_and_vmap_of_jit_are_vmap(case):
    with case.precision():
        wholes = [stacked(x, 0)[0] for x in case.operands()]
        expected = flat(cr.vmap(case)(*wholes))
        for fun in (cr.jit(cr.vmap(case)), cr.vmap(cr.jit(case))):
            assert_close(fun(*wholes), expected, case.sample.tolerance)


@pytest.fixture
def unbatched():
    """A primitive whose batching rule is declared missing, for one test."""
    prim = Primitive(
        "unbatched",
        "The operand, which is not batched.",
        abstract=lambda x: (x.shape, x.dtype),
        evaluate=lambda x: x,
        batch=Missing("examples depend on one another"),
    )
    yield prim
    del registry["unbatched"]


def test_batching_that_is_missing_says_why(unbatched):
    missing = [(unbatched, lambda x: unbatched(x), [as_array(np.ones(2))])]
    cases = [c for c in CASES if not batches(c)]
    missing += [(c.primitive, c, c.operands()) for c in cases]
    for prim, fun, operands in missing:
        with pytest.raises(NotImplementedError) as info:
            cr.vmap(fun)(*[stacked(x, 0)[0] for x in operands])
        assert str(info.value) == f"{prim.name}: no batching: {prim.batch.reason}."


@each(c for c in differentiable_cases() if batches(c))
def test_derivatives_of_vmap_are_a_loop_of_derivatives(case):
    with case.precision():
        fun, xs = closed(case)
        ws = [random_like(y, 7 + i) for i, y in enumerate(fun(*xs))]
        vs = [random_like(x, 1 + i) for i, x in enumerate(xs)]
        pairs = [stacked(x, 0) for x in xs]
        wholes, columns = [w for w, _ in pairs], [rows for _, rows in pairs]

        def scalar(*xs):
            return pairing(ws, fun(*xs))

        def total(*xs):
            return reduce_sum_p(cr.vmap(scalar)(*xs), axes=(0,))

        where = tuple(range(len(xs)))
        expected = loop(lambda *xs: list(cr.grad(scalar, where)(*xs)), columns)
        rtol = 1e-9
        found = list(cr.grad(total, where)(*wholes))
        assert_close(found, expected, case.sample.tolerance, rtol)
        found = list(cr.vmap(cr.grad(scalar, where))(*wholes))
        assert_close(found, expected, case.sample.tolerance, rtol)

        def push(*xs):
            return cr.jvp(fun, tuple(xs), tuple(vs))[1]

        expected = loop(push, columns)
        assert_close(cr.vmap(push)(*wholes), expected, case.sample.tolerance, rtol)
        found = cr.vmap(lambda *vs: cr.jvp(fun, tuple(xs), vs)[1])(
            *[stacked(v, 0)[0] for v in vs]
        )
        expected = loop(
            lambda *vs: cr.jvp(fun, tuple(xs), vs)[1], [stacked(v, 0)[1] for v in vs]
        )
        assert_close(found, expected, case.sample.tolerance, rtol)
