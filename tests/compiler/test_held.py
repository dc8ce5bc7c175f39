"""Loops that change a few elements of an array: the array lies in memory, in one buffer.

Every program is compared with what NumPy makes of the same steps; `held` says which
arrays a loop holds, so that a test fails where the values come from another path.
"""

import random

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.compiler.loops import LoopStep, RecurrenceStep
from chainrule.compiler.program import Program

from .native import simplify


def steps_of(program):
    """All steps of a program, those of loops in it too."""
    for step in program.steps:
        yield step
        for body in step.bodies if isinstance(step, LoopStep) else ():
            yield from steps_of(body)


def held(f, *args):
    """The shapes of the arrays that loops of `f` hold in memory."""
    program = Program(simplify(cr.make_jaxpr(f)(*args)))
    loops = [s for s in steps_of(program) if isinstance(s, RecurrenceStep)]
    return [v.shape for s in loops for v in s.loop.held]


def numbers(*shape, dtype="float32", seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def same(got, wanted):
    np.testing.assert_allclose(np.asarray(got), wanted, rtol=2e-6, atol=1e-6)


def filled(x, weight=0.5):
    y = x.copy()
    for i in range(1, len(y)):
        y[i] = y[i - 1] * weight + 1
    return y


def fill(x):
    step = lambda i, c: c.at[i].set(c[i - 1] * 0.5 + 1)
    return lax.fori_loop(1, x.shape[0], step, x)


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "float16", "bfloat16", "int16"]
)
def test_entries_from_the_ones_before(dtype):
    with cr.enable_x64(True):
        x = cnp.asarray(numbers(100) * 5).astype(dtype)
        step = lambda i, c: c.at[i].set(c[i - 1] + c[i])
        got = cr.jit(lambda x: lax.fori_loop(1, 100, step, x))(x)
        y = np.array(x)
        for i in range(1, 100):
            y[i] = y[i - 1] + y[i]
        assert got.dtype == x.dtype
        np.testing.assert_array_equal(np.asarray(got), y)


def test_the_array_is_held_and_what_came_in_stays():
    x = cnp.asarray(numbers(1000))
    before = np.array(x)
    same(cr.jit(fill)(x), filled(before))
    np.testing.assert_array_equal(x, before)
    assert held(fill, x) == [(1000,)]


def test_small_arrays_stay_in_registers():
    assert held(fill, numbers(16)) == []
    assert held(fill, numbers(17)) == [(17,)]


def test_an_element_that_every_step_reads_is_read_by_every_step():
    def f(x):
        step = lambda i, c: c.at[0].set(c[0] * 0.5 + c[i])
        return lax.fori_loop(1, 50, step, x)

    x, y = numbers(50), numbers(50)
    for i in range(1, 50):
        y[0] = y[0] * np.float32(0.5) + y[i]
    same(cr.jit(f)(x), y)
    assert held(f, x) == [(50,)]


def test_what_a_step_has_written_is_read_in_the_same_step():
    places = np.random.default_rng(1).integers(0, 40, (200, 2)).astype("int32")

    def f(x):
        def step(c, place):
            i, j = place
            c = c.at[i].set(c[j] + 1)
            c = c.at[j].add(c[i] * 0.25)
            return c.at[i].multiply(0.5), c[i] - c[j]

        return lax.scan(step, x, places)

    x, y = numbers(40), numbers(40)
    rows = []
    for i, j in places:
        y[i] = y[j] + 1
        y[j] += y[i] * np.float32(0.25)
        rows.append(y[i] - y[j])
        y[i] *= np.float32(0.5)
    last, ys = cr.jit(f)(x)
    same(last, y)
    same(ys, np.array(rows))
    assert held(f, x) == [(40,)]


def test_elements_change_places():
    def f(x):
        def inner(j, c):
            a, b = c[j], c[j + 1]
            return c.at[j].set(cnp.minimum(a, b)).at[j + 1].set(cnp.maximum(a, b))

        return lax.fori_loop(0, 59, lambda _, c: lax.fori_loop(0, 59, inner, c), x)

    x = numbers(60)
    np.testing.assert_array_equal(cr.jit(f)(x), np.sort(x))


def test_tables_of_two_dimensions():
    a, b = np.random.default_rng(3).integers(0, 4, (2, 60)).astype("int32")

    def distance(a, b):
        n, m = len(a), len(b)
        t = cnp.zeros((n + 1, m + 1), int).at[0].set(cnp.arange(m + 1))
        t = t.at[:, 0].set(cnp.arange(n + 1))

        def cell(i, j, t):
            near = cnp.minimum(t[i - 1, j], t[i, j - 1]) + 1
            return t.at[i, j].set(
                cnp.minimum(near, t[i - 1, j - 1] + (a[i - 1] != b[j - 1]))
            )

        row = lambda i, t: lax.fori_loop(1, m + 1, lambda j, t: cell(i, j, t), t)
        return lax.fori_loop(1, n + 1, row, t)

    t = np.zeros((61, 61), int)
    t[0], t[:, 0] = np.arange(61), np.arange(61)
    for i in range(1, 61):
        for j in range(1, 61):
            near = min(t[i - 1, j], t[i, j - 1]) + 1
            t[i, j] = min(near, t[i - 1, j - 1] + (a[i - 1] != b[j - 1]))
    np.testing.assert_array_equal(cr.jit(distance)(a, b), t)
    assert held(distance, a, b) == [(61, 61)]


def test_rows():
    def f(x):
        def step(i, c):
            rows, x = c
            x = x * 0.9 + rows[i // 2, 1]
            return rows.at[i].set(x), x

        return lax.fori_loop(0, 30, step, (cnp.zeros((30, 3)), x))

    x, rows = numbers(3), np.zeros((30, 3), "float32")
    y = x.copy()
    for i in range(30):
        y = y * np.float32(0.9) + rows[i // 2, 1]
        rows[i] = y
    for got, wanted in zip(cr.jit(f)(x), (rows, y)):
        same(got, wanted)
    assert held(f, x) == [(30, 3)]


@pytest.mark.parametrize("mode", ["drop", "clip", None])
def test_places_outside(mode):
    places = np.array([3, -1, 50, -80, 49, 77, -50, 10**6, -(10**6)], "int32")

    def f(x):
        def step(c, i):
            y = c.at[i].get(mode=mode if mode == "clip" else "fill", fill_value=7)
            return c.at[i].add(y + 1, mode=mode), y

        return lax.scan(step, x, places)

    x, y, rows = numbers(50), numbers(50), []
    for i in places:
        at = i + 50 if i < 0 else i
        if mode == "clip":
            at = min(max(at, 0), 49)
        inside = 0 <= at < 50
        rows.append(y[at] if inside else np.float32(7))
        if inside:
            y[at] += rows[-1] + 1
    last, ys = cr.jit(f)(x)
    same(last, y)
    same(ys, np.array(rows))
    assert held(f, x) == [(50,)]


@pytest.mark.parametrize("branches", [2, 3])
def test_branches_that_write(branches):
    kinds = np.random.default_rng(2).integers(-1, branches + 1, 300).astype("int32")

    def f(x):
        def step(c, args):
            i, kind = args
            ways = [
                lambda c, d: c.at[i].set(d[i - 1]),
                lambda c, d: d,
                lambda c, d: c.at[i - 1].add(0.5).at[i].set(c[i - 1]),
            ]
            d = c.at[i].multiply(-0.5)
            return lax.switch(kind, ways[:branches], c, d), c[0]

        i = cnp.arange(300, dtype="int32") % 37 + 1
        return lax.scan(step, x, (i, kinds))

    x, y, rows = numbers(40), numbers(40), []
    for k, kind in enumerate(np.clip(kinds, 0, branches - 1)):
        i, c = k % 37 + 1, y.copy()
        rows.append(c[0])
        if kind == 0:
            y[i] = c[i - 1]
        elif kind == 1:
            y[i] *= np.float32(-0.5)
        else:
            y[i - 1] += np.float32(0.5)
            y[i] = c[i - 1]
    last, ys = cr.jit(f)(x)
    same(last, y)
    same(ys, np.array(rows))
    assert held(f, x) == [(40,)]


def test_a_short_loop_within_a_step():
    def f(x):
        inner = lambda i: lambda k, c: c.at[i + k].add(c[i] * 0.1)
        outer = lambda i, c: lax.fori_loop(0, 4, inner(i), c)
        return lax.fori_loop(0, 30, outer, x)

    x, y = numbers(40), numbers(40)
    for i in range(30):
        for k in range(4):
            y[i + k] += y[i] * np.float32(0.1)
    same(cr.jit(f)(x), y)
    assert held(f, x) == [(40,)]


def test_a_condition_that_reads_the_array():
    def f(x):
        test = lambda c: (c[1] < 99) & (c[0][c[1]] < 5)
        return lax.while_loop(
            test, lambda c: (c[0].at[c[1] + 1].add(c[0][c[1]]), c[1] + 1), (x, 0)
        )

    x = np.abs(numbers(100)) * 0.2
    y, i = x.copy(), 0
    while i < 99 and y[i] < 5:
        y[i + 1] += y[i]
        i += 1
    got, n = cr.jit(f)(x)
    assert n == i and 5 < i < 99
    same(got, y)
    assert held(lambda x: f(x)[0], x) == [(100,)]


def test_a_sieve():
    def f():
        def outer(i, s):
            body = lambda c: (c[0] + i, c[1].at[c[0]].set(False))
            cross = lambda s: lax.while_loop(lambda c: c[0] < 1000, body, (i * i, s))[1]
            return lax.cond(s[i], cross, lambda s: s, s)

        return lax.fori_loop(2, 32, outer, cnp.ones(1000, bool).at[:2].set(False))

    found = np.flatnonzero(cr.jit(f)())
    assert found[:5].tolist() == [2, 3, 5, 7, 11] and len(found) == 168


def test_long_loops_go_on_in_the_same_buffer():
    n = 200_000

    def f(x):
        step = lambda i, c: c.at[i % 1000].add(c[(i + 7) % 1000] * 0.001)
        return lax.fori_loop(0, n, step, x)

    x, y = numbers(1000, dtype="float64"), numbers(1000, dtype="float64")
    for i in range(n):
        y[i % 1000] += y[(i + 7) % 1000] * 0.001
    with cr.enable_x64(True):
        np.testing.assert_allclose(cr.jit(f)(x), y, rtol=1e-9)


def test_what_else_reads_the_first_array():
    def f(x):
        step = lambda c, v: (c.at[v[0].astype(int) % 50].add(v[1]), c[3])
        y, rows = lax.scan(step, x, cnp.stack([cnp.abs(x) * 9, x], 1))
        z = lax.fori_loop(0, 50, lambda i, c: c.at[i].add(x[49 - i]), x)
        return y, rows, z, x + 1, y.reshape(5, 10)

    x = numbers(50)
    y, rows, z = x.copy(), [], x.copy()
    for v in x:
        rows.append(y[3])
        y[int(np.abs(v) * np.float32(9)) % 50] += v
    for i in range(50):
        z[i] += x[49 - i]
    wanted = y, np.array(rows), z, x + 1, y.reshape(5, 10)
    for got, one in zip(cr.jit(f)(x), wanted):
        same(got, one)


def test_one_array_twice_and_arrays_that_change_places():
    def twice(x):
        step = lambda i, c: (c[0].at[i].add(c[1][i - 1]), c[1].at[i].set(c[0][i]))
        return lax.fori_loop(1, 50, step, (x, x))

    def swapped(x):
        step = lambda i, c: (c[1].at[i].add(1), c[0].at[i].set(c[1][i - 1]))
        return lax.fori_loop(1, 50, step, (x, x * 2))

    x = numbers(50)
    a, b = x.copy(), x.copy()
    for i in range(1, 50):
        a[i], b[i] = a[i] + b[i - 1], a[i]
    for got, wanted in zip(cr.jit(twice)(x), (a, b)):
        same(got, wanted)
    assert held(twice, x) == [(50,), (50,)]
    a, b = x.copy(), x * 2
    for i in range(1, 50):
        a, b = b.copy(), a.copy()
        b[i] = a[i - 1]
        a[i] += 1
    for got, wanted in zip(cr.jit(swapped)(x), (a, b)):
        same(got, wanted)


def test_arrays_of_which_all_is_made_anew():
    def f(x, y):
        step = lambda i, c: (c[0].at[i].set(c[1][i]), c[1] * 0.5 + c[0][i - 1])
        return lax.fori_loop(1, 40, step, (x, y))

    x, y = numbers(1000), numbers(40, seed=1)
    a, b = x.copy(), y.copy()
    for i in range(1, 40):
        new = b * np.float32(0.5) + a[i - 1]
        a[i], b = b[i], new
    for got, wanted in zip(cr.jit(f)(x, y), (a, b)):
        same(got, wanted)
    assert held(f, x, y) == [(1000,)]


def test_donated_arrays_are_changed_in_place():
    x = cnp.asarray(numbers(5000))
    wanted, place = filled(np.array(x)), x.unsafe_buffer_pointer()
    y = cr.jit(fill, donate_argnums=0)(x)
    assert y.unsafe_buffer_pointer() == place and x.is_deleted()
    same(y, wanted)


def test_new_lengths():
    f = cr.jit(fill)
    for n in (300, 400, 17, 5000, 16, 3, 1, 100_000):
        x = numbers(n)
        same(f(x), filled(x, np.float32(0.5)))


def test_derivatives_and_batches():
    def f(x, w):
        step = lambda i, c: c.at[i].set(cnp.sin(c[i - 1] * w[i // 2]) + c[i])
        return lax.fori_loop(1, 60, step, x)

    with cr.enable_x64(True):
        x = numbers(60, dtype="float64")
        w = cnp.asarray(numbers(30, dtype="float64", seed=1))
        loss = cr.jit(lambda x, w: cnp.sum(f(x, w) ** 2))
        for n in (0, 1):
            got = cr.jit(cr.grad(loss, n))(x, w)
            for k in (0, 7, 29):
                e = np.zeros((60, 30)[n])
                e[k] = 1e-6
                up, down = [
                    (x + s * e, w) if n == 0 else (x, w + s * e) for s in (1, -1)
                ]
                slope = (loss(*up) - loss(*down)) / 2e-6
                np.testing.assert_allclose(got[k], slope, rtol=2e-4, atol=1e-6)
        grads = cr.grad(loss, (0, 1))  # of the array, and of what the steps read
        assert sorted(held(grads, x, w)) == [(30,), (60,), (60,)]
        xs = numbers(5, 60, dtype="float64", seed=2)
        batch = cr.jit(cr.vmap(f, (0, None)))(xs, w)
        rows = np.stack([cr.jit(f)(x, w) for x in xs])
        np.testing.assert_allclose(batch, rows, rtol=1e-9)
        _, dot = cr.jit(lambda x, d: cr.jvp(lambda x: f(x, w), (x,), (d,)))(x, xs[0])
        np.testing.assert_allclose(
            np.sum(dot * cr.jit(f)(x, w)) * 2,
            np.sum(cr.grad(loss)(x, w) * xs[0]),
            rtol=1e-9,
        )


# --- random steps --------------------------------------------------------------------

SIZE = 23


def random_step(rng):
    """A step of random reads, writes and conditions, for NumPy and for chainrule."""
    lines = []
    for _ in range(rng.randint(2, 7)):
        i, j = (rng.choice(["i", "j", "(i+j)", "i-3", "2*j", "5", "i*j"]) for _ in "ab")
        value = rng.choice(["a[{0}]*0.5", "s+1", "a[{0}]-b[{1}]", "b[{0}]*0.25+s"])
        kind = rng.choice(["set", "set", "add", "max", "read", "cond", "b"])
        lines.append((kind, i, value.format(f"({i})%{SIZE}", f"({j})%{SIZE}"), j))
    return lines


def by_numpy(lines, a, b, s, i, j):
    a, b = a.copy(), b.copy()
    for kind, at, value, other in lines:
        names = {"a": a, "b": b, "s": s, "i": i, "j": j}
        at, other = (eval(x, names) % SIZE for x in (at, other))
        value = np.float64(eval(value, names))
        if kind == "set":
            a[at] = value
        elif kind == "add":
            a[at] += value
        elif kind == "max":
            a[at] = max(a[at], value)
        elif kind == "read":
            s = value * 0.5
        elif kind == "b":
            b[at] = value
        elif s > 0:
            a[at] = value
        else:
            a[other] = b[at]
    return a, b, s


def by_chainrule(lines, a, b, s, i, j):
    for kind, at, value, other in lines:
        names = {"a": a, "b": b, "s": s, "i": i, "j": j}
        at, other = (eval(x, names) % SIZE for x in (at, other))
        value = eval(value, names)
        if kind in ("set", "add", "max"):
            a = getattr(a.at[at], kind)(value)
        elif kind == "read":
            s = value * 0.5
        elif kind == "b":
            b = b.at[at].set(value)
        else:
            a = lax.cond(
                s > 0,
                lambda a, b, at=at, value=value: a.at[at].set(value),
                lambda a, b, at=at, other=other: a.at[other].set(b[at]),
                a, b,
            )  # fmt: skip
    return a, b, s


def test_a_condition_of_a_carried_product():
    """A write depends on a sum that takes its product from the step before."""

    def f(x, s):
        def step(c, i):
            a, s = c
            at = cnp.where(s + 1 > 1.2, i, 1)
            return (a.at[at].set(i, mode="drop"), x[i] * x[0]), None

        return lax.scan(step, (x, s), cnp.arange(30))[0]

    x, s = numbers(30), np.float32(0.9)
    y, t = x.copy(), s
    for i in range(30):
        y[i if t + 1 > np.float32(1.2) else 1] = i
        t = x[i] * x[0]
    got, last = cr.jit(f)(x, s)
    np.testing.assert_array_equal(got, y)
    same(last, t)


@pytest.mark.parametrize("seed", range(40))
def test_random_steps(seed):
    rng = random.Random(seed)
    lines = random_step(rng)
    places = np.random.default_rng(seed).integers(0, SIZE, (25, 2))

    def f(a, b, s):
        step = lambda c, p: (by_chainrule(lines, *c, p[0], p[1]), c[2])
        return lax.scan(step, (a, b, s), places)[0]

    with cr.enable_x64(True):
        a, b = numbers(2, SIZE, dtype="float64", seed=seed)
        s = np.float64(0.3)
        got = cr.jit(f)(a, b, s)
        assert (SIZE,) in held(f, a, b, s)
        for i, j in places.tolist():
            a, b, s = by_numpy(lines, a, b, s, i, j)
        for x, y in zip(got, (a, b, s)):
            np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)


def test_selections_between_versions_are_versions():
    """`where` of whole arrays touches the elements that were written alone."""

    def f(x, mask):
        def step(c, i):
            d = c.at[i].multiply(-0.5)
            c = cnp.where(c[i] > 0, d.at[i - 1].add(1), c)
            return cnp.where(mask, c, c.at[i].set(c[i - 2])), c[i]

        return lax.scan(step, x, cnp.arange(2, 50))

    x, mask = numbers(50), numbers(50, seed=1) > 0
    y, rows = x.copy(), []
    for i in range(2, 50):
        if y[i] > 0:
            y[i] *= np.float32(-0.5)
            y[i - 1] += 1
        rows.append(y[i])
        if not mask[i]:
            y[i] = y[i - 2]
    last, ys = cr.jit(f)(x, mask)
    same(last, y)
    assert held(f, x, mask) == [(50,)]


def test_batches_of_loops_with_conditions_of_their_own():
    def first_above(x, limit):
        test = lambda c: (c[1] < 29) & (c[0][c[1]] < limit)
        body = lambda c: (c[0].at[c[1] + 1].add(c[0][c[1]]), c[1] + 1)
        return lax.while_loop(test, body, (x, 0))

    xs, limits = np.abs(numbers(3, 30)), np.array([2, 9, 100], "float32")
    wanted = []
    for x, limit in zip(xs.copy(), limits):
        i = 0
        while i < 29 and x[i] < limit:
            x[i + 1] += x[i]
            i += 1
        wanted.append((x, i))
    f = cr.vmap(first_above)
    ys, counts = cr.jit(f)(xs, limits)
    same(ys, np.stack([x for x, _ in wanted]))
    assert counts.tolist() == [i for _, i in wanted]
    assert held(f, xs, limits) == [(3, 30)]


CHANGES = {
    "behind the first": lambda c: cnp.where(cnp.arange(36) > 0, c * 0.5, c),
    "before the last": lambda c: cnp.where(cnp.arange(36) < 35, c * 0.5, c),
    "joined": lambda c: cnp.where(c[3] > -9, cnp.concatenate([c[:1], c[1:] * 0.5]), c),
    "transposed": lambda c: cnp.where(c[3] > -9, c.reshape(6, 6).T.ravel(), c),
    "turned": lambda c: cnp.where(c[3] > -9, c[::-1], c),
    "by a mask": lambda c: cnp.where((cnp.arange(36) % 7 > 0)[::-1], 0, c),
    "a minimum": lambda c: cnp.minimum(c, c * cnp.arange(36, dtype="float32")),
}


@pytest.mark.parametrize("shape", [(36,), (6, 6)])
@pytest.mark.parametrize("name", CHANGES)
def test_what_leaves_one_element_alone_may_change_the_others(name, shape):
    def change(c):
        if shape == (6, 6):
            c = cnp.where(c[1, 1] > -9, c.T, c)
        return CHANGES[name](c.ravel()).reshape(shape)

    step = lambda i, c: change(c).at[i].add(1)
    x, y = numbers(*shape), numbers(*shape)
    for i in range(1, 4):
        y = np.array(change(y))
        y[i] += 1
    same(cr.jit(lambda x: lax.fori_loop(1, 4, step, x))(x), y)
