"""Branches and loops in loops change arrays in place, where nobody reads them later.

The arrays are too large for registers and rows are too long for a loop that holds them, so
that all are steps of plans; every program is compared with its eager evaluation.
"""

import random

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.compiler.assemble import Assembler, select_steps
from chainrule.compiler.loops import NestedStep
from chainrule.compiler.program import Program

from .native import simplify

ROWS, WIDTH = 5, 300


def arrays(n=2):
    draw = np.random.default_rng(0).standard_normal
    return [cnp.asarray(draw((ROWS, WIDTH)).astype("float32")) for _ in range(n)]


def changed(a, k):
    return a.at[k].set(a[k - 1] * 0.5 + a[k])


def same(f, *args):
    kept = [np.array(x) for x in args]
    for x, y in zip(cr.tree.leaves(cr.jit(f)(*args)), cr.tree.leaves(f(*args))):
        np.testing.assert_allclose(x, y, rtol=2e-6, atol=1e-6)
    for x, y in zip(args, kept):
        np.testing.assert_array_equal(x, y)


def taken(f, *args):
    """How many results of a program's branches and loops are in place of an operand."""
    program = Program(simplify(cr.make_jaxpr(f)(*args)))
    steps = select_steps(program)
    assembler = Assembler(program, steps)
    assembler.layout()
    nested = [s for s in steps if isinstance(s, NestedStep)]
    pairs = [pair for s in nested for pair in s.taken()]
    return sum(assembler._same(x) is assembler._same(y) for x, y in pairs)


def test_a_branch_changes_what_dies_with_it():
    def f(a):
        a = a * 2
        return lax.cond(a[0, 0] > 0, lambda a: changed(a, 2), lambda a: a, a)

    (a,) = arrays(1)
    for sign in (1, -1):
        same(f, a * sign)
    assert taken(f, a) == 1


def test_a_branch_leaves_what_is_read_later():
    def f(a):
        a = a * 2
        b = lax.cond(a[0, 0] > 0, lambda a: changed(a, 2), lambda a: a, a)
        return a, b, a.sum()

    (a,) = arrays(1)
    for sign in (1, -1):
        same(f, a * sign)
    assert taken(f, a) == 0


def test_arguments_and_operands_given_twice_are_left():
    def given(a):
        return lax.cond(a[0, 0] > 0, lambda a: changed(a, 2), lambda a: a, a)

    def twice(a):
        a = a * 2
        first = lambda a, b: (changed(a, 2), b)
        return lax.cond(a[0, 0] > 0, first, lambda a, b: (b, a), a, a)

    (a,) = arrays(1)
    for sign in (1, -1):
        same(given, a * sign)
        same(twice, a * sign)
    assert taken(given, a) == taken(twice, a) == 0


def test_branches_whose_results_are_made_differently():
    ways = [
        lambda a, b: (changed(a, 1), changed(b, 2)),
        lambda a, b: (b, a),
        lambda a, b: (a * 2 + b, b),
        lambda a, b: (a, a),
        lambda a, b: (changed(a, 2), a),
        lambda a, b: (changed(b, 2), changed(b, 3)),
    ]

    def f(k, a, b):
        a, b = a + 1, b - 1
        return lax.switch(k, ways, a, b)

    for k in range(len(ways)):
        same(f, cnp.int32(k), *arrays())


def test_a_loop_begins_in_the_place_of_what_it_changes():
    def f(a):
        a = cnp.sin(a)
        return lax.fori_loop(1, ROWS, lambda i, a: changed(a, i), a)

    (a,) = arrays(1)
    same(f, a)
    assert taken(f, a) == 1


def test_a_loop_leaves_what_its_steps_read():
    def f(a):
        a = cnp.sin(a)
        step = lambda i, b: b.at[i].set(a[i - 1] + b[0])
        return lax.fori_loop(1, ROWS, step, a), lax.scan(
            lambda c, row: (c.at[1].add(row), row[0]), a, a
        )

    same(f, *arrays(1))


def test_a_donated_array_is_changed_in_place_by_a_loop():
    f = cr.jit(
        lambda a: lax.fori_loop(1, ROWS, lambda i, a: changed(a, i), a),
        donate_argnums=0,
    )
    a = arrays(1)[0] + 0
    wanted = np.array(a)
    for i in range(1, ROWS):
        wanted[i] = wanted[i - 1] * np.float32(0.5) + wanted[i]
    place = a.unsafe_buffer_pointer()
    b = f(a)
    assert b.unsafe_buffer_pointer() == place
    np.testing.assert_allclose(b, wanted, rtol=2e-6)


def test_a_result_is_left_when_its_own_copy_is_changed():
    def body(i, c):
        a, _ = c
        a = a.at[i].add(1)
        return a, a.at[i + 1].set(50)

    def branches(a, b):
        a = cnp.sort(a) + 1
        both = lambda a: (changed(a, 1), changed(changed(a, 1), 2))
        return lax.cond(b[0, 0] > 0, both, lambda a: (changed(a, 3), a), a)

    a, b = arrays()
    same(lambda a, b: lax.fori_loop(0, ROWS - 1, body, (a, b)), a, b)
    for sign in (1, -1):
        same(branches, a, b * sign)


# --- random programs -----------------------------------------------------------------


def random_program(rng, depth=3):
    """A function of a number and two arrays, to two arrays, of branches, loops, updates."""
    kind = rng.choice(["change", "swap", "new", "branch", "loop", "both", "keep"])
    k, turned = rng.randrange(ROWS), rng.random() < 0.5

    def turn(a, b):
        return (b, a) if turned else (a, b)

    if kind == "change" or depth == 0:
        return lambda i, a, b: turn(changed(a, (i + k) % ROWS), b)
    if kind == "keep":
        return lambda i, a, b: turn(a, b)
    if kind == "swap":
        return lambda i, a, b: turn(a.at[k].set(b[i % ROWS]), b.at[i % ROWS].add(a[0]))
    if kind == "new":
        return lambda i, a, b: turn(a * 0.5 + b[k], b)
    first, second = (random_program(rng, depth - 1) for _ in range(2))
    if kind == "both":
        return lambda i, a, b: second(i + 1, *first(i, a, b))
    if kind == "branch":
        return lambda i, a, b: lax.cond(
            (a[k, 0] > 0) ^ (i % 2 == 0),
            lambda a, b: first(i, a, b),
            lambda a, b: turn(*second(i, a, b)),
            *turn(a, b),
        )
    step = lambda i: lambda j, c: first(i + j, *c)
    return lambda i, a, b: second(i, *lax.fori_loop(0, 3, step(i), turn(a, b)))


@pytest.mark.parametrize("seed", range(60))
def test_random_programs(seed):
    rng = random.Random(seed)
    body, outside = random_program(rng), rng.random() < 0.3

    def f(a, b):
        a = a + 1
        c, d = lax.fori_loop(0, 4, lambda i, c: body(i, *c), (a, b))
        return (c, d, a - b) if outside else (c, d)

    same(f, *arrays())
