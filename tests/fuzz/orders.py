"""Programs with nested control flow against the same programs, unrolled.

Run with `disable_jit`, loops and branches are Python's, and a derivative is that of the
steps taken one by one: nothing is staged or compiled. That is the reference, itself held
against NumPy and finite differences. Every program is compiled with its gradient and has
to agree; one order of `jit`, `vmap`, `jvp` and `grad` more is drawn for each.
"""

from __future__ import annotations

import zlib

import numpy as np

import chainrule as cr
import chainrule.numpy as cnp

from . import properties
from .properties import close, function


def both(program):
    """The program's value and its gradient in all inputs."""
    return cr.value_and_grad(function(program), tuple(range(len(program.shapes))))


def agrees(found, expected, rtol=1e-8, atol=1e-9):
    """Value and gradients against others."""
    close(found[0], expected[0], rtol, atol)
    for a, b in zip(found[1], expected[1], strict=True):
        close(a, b, rtol, atol)


def unrolled(program, *xs):
    """Value and gradient with nothing staged."""
    with cr.disable_jit():
        return both(program)(*xs)


def directions(xs):
    """A tangent for every input."""
    rng = np.random.default_rng(3)
    return tuple(cnp.asarray(rng.standard_normal(x.shape)) for x in xs)


def examples(xs, count):
    """Inputs that take other branches than `xs`, for one batch."""
    return [[x * (1 - k / 4) + k / 8 for x in xs] for k in range(count)]


def stacked(results):
    """Values and gradients of several examples, with a batch dim in front."""
    values, grads = zip(*results)
    return np.stack(values), [np.stack(list(map(np.asarray, g))) for g in zip(*grads)]


# --- orders: each compares with the unrolled program ----------------------------------------


def gradient_of_loops_compiled_apart(program, xs, expected):
    """grad, with each loop compiled as it is met."""
    agrees(both(program)(*xs), expected)


def gradient_of_compiled(program, xs, expected):
    """grad of jit."""
    where = tuple(range(len(xs)))
    agrees(cr.value_and_grad(cr.jit(function(program)), where)(*xs), expected)


def tangent_of_compiled(program, xs, expected):
    """jit of jvp, and jvp of jit."""
    vs = directions(xs)
    slope = sum(float(np.sum(np.asarray(g) * v)) for g, v in zip(expected[1], vs))
    push = lambda ys, ws: cr.jvp(function(program), ys, ws)
    close(cr.jit(push)(tuple(xs), vs)[1], slope, 1e-7, 1e-8)
    close(cr.jvp(cr.jit(function(program)), tuple(xs), vs)[1], slope, 1e-7, 1e-8)


def mapped_gradient(program, xs, expected):
    """vmap of grad; the examples take branches of their own."""
    rows = examples(xs, 3)
    found = cr.vmap(both(program))(*[np.stack(x) for x in zip(*rows)])
    agrees(found, stacked([unrolled(program, *row) for row in rows]))


def compiled_batches(program, xs, expected):
    """jit of vmap of grad for several batch sizes; later ones fill in a plan."""
    rows = examples(xs, 6)
    results = [unrolled(program, *row) for row in rows]
    mapped = cr.jit(cr.vmap(both(program)))
    for n in (3, 5, 6):
        agrees(mapped(*[np.stack(x) for x in zip(*rows[:n])]), stacked(results[:n]))


def gradient_of_mapped(program, xs, expected):
    """grad of jit of vmap, one input shared by all examples."""
    rows = examples(xs, 3)
    shared = (*xs[1:],)
    results = [unrolled(program, row[0], *shared) for row in rows]
    axes = (0, *[None] * len(shared))
    total = lambda *ys: cr.jit(cr.vmap(function(program), axes))(*ys).sum()
    first = np.stack([row[0] for row in rows])
    found = cr.value_and_grad(total, tuple(range(len(xs))))(first, *shared)
    values, grads = stacked(results)
    sums = [grads[0], *[g.sum(axis=0) for g in grads[1:]]]
    agrees(found, (values.sum(), sums))


def forward_over_reverse(program, xs, expected):
    """jit of jvp of grad, and jit of grad of jvp, against jvp of grad unrolled."""
    vs, where = directions(xs), tuple(range(len(xs)))
    twice = lambda ys, ws: cr.jvp(lambda *zs: both(program)(*zs)[1], ys, ws)[1]
    with cr.disable_jit():
        reference = twice(tuple(xs), vs)
    slope = lambda *ys: cr.jvp(function(program), ys, vs)[1]
    reverse = cr.jit(cr.grad(slope, where))(*xs)
    for a, b, c in zip(cr.jit(twice)(tuple(xs), vs), reverse, reference, strict=True):
        close(a, c, 1e-6, 1e-7)
        close(b, c, 1e-6, 1e-7)


def forward_jacobian(program, xs, expected):
    """jit of jacfwd, which maps tangents through the control flow."""
    found = cr.jit(cr.jacfwd(function(program)))(*xs)
    close(found, expected[1][0], 1e-8, 1e-9)


def staged(program, xs, expected):
    """The IR is well typed and read back as printed."""
    properties.staged_programs_are_well_typed(program, xs)


ORDERS = (
    gradient_of_loops_compiled_apart, gradient_of_compiled, tangent_of_compiled,
    mapped_gradient, compiled_batches, gradient_of_mapped, forward_over_reverse,
    forward_jacobian, staged,
)  # fmt: skip


def compiled_is_unrolled(program, xs, expected):
    """jit of grad."""
    agrees(cr.jit(both(program))(*xs), expected)


def reference_is_right(program, xs, expected):
    """The unrolled program is NumPy's, its gradient that of finite differences."""
    with cr.disable_jit():
        properties.eager_is_numpy(program, xs)
        properties.gradient_is_finite_difference(program, xs)


def check(program):
    """The reference, the compiled gradient, and one order, drawn by the program's text."""
    with cr.enable_x64(True):
        xs = program.inputs()
        expected = unrolled(program, *xs)
        drawn = ORDERS[zlib.crc32(repr(program).encode()) % len(ORDERS)]
        for holds in (reference_is_right, compiled_is_unrolled, drawn):
            try:
                holds(program, xs, expected)
            except Exception as error:
                error.add_note(f"{holds.__name__} does not hold for\n{program}")
                raise
