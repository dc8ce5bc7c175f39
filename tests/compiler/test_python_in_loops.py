"""Loops and branches that call Python: native, and what a call sees, keeps, returns and
raises is as if the equations had been bound one by one."""

import gc
import threading
import time

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.compiler.assemble import select_steps
from chainrule.compiler.pipeline import simplify
from chainrule.compiler.program import HostStep, Program, host_steps
from chainrule.experimental import checkify, io_callback

from .native import assert_ctrl_c_ends

F = np.float32
X = np.linspace(-1, 2, 8, dtype=F)
ROWS = np.arange(40, dtype=F).reshape(5, 8) / 7
SCALAR = cr.ShapeDtypeStruct((), F)


class Log:
    """A callable that notes what it is called with, in order."""

    def __init__(self):
        self.seen = []

    def note(self, name, *values):
        cr.debug.callback(
            lambda *vs: self.seen.append((name, *map(np.array, vs))), *values
        )

    def asked(self, name, value, f):
        """f(value), computed by NumPy."""

        def call(v):
            self.seen.append((name, np.array(v)))
            return f(np.asarray(v))

        return cr.pure_callback(call, value, value, vmap_method="sequential")


def printing_scan(log, x):
    def step(c, row):
        c = cnp.sin(c) + row
        log.note("c", c, row.sum())
        return c * 0.5, c[0]

    return lax.scan(step, x, ROWS)


def backwards(log, x):
    def step(c, row):
        log.note("row", row)
        return c + row, log.asked("y", row * 2, np.sin)

    return lax.scan(step, x, ROWS, reverse=True)


def printing_while(log, x):
    def goes_on(c):
        log.note("test", c[1])
        return c[1].sum() < 50

    def step(c):
        log.note("step", c[0], c[1])
        return c[0] + 1, log.asked("double", c[1], lambda v: 2 * v) + 0.5

    return lax.while_loop(goes_on, step, (0, cnp.abs(x)))


def asking_while(log, x):
    def goes_on(c):
        more = cr.pure_callback(
            lambda v: np.asarray(v) < 40, cr.ShapeDtypeStruct((), bool), c
        )
        log.note("test", c, more)
        return more

    return lax.while_loop(goes_on, lambda c: c * 2 + 1, x[3] + 1)


def rarely(log, x):
    def step(i, c):
        told = lambda c: (log.note("third", i, c), c + 1)[1]
        return lax.cond(i % 3 == 0, told, lambda c: c * 0.5, c)

    return lax.fori_loop(0, 10, step, x)


def switched(log, x):
    branches = [
        lambda c: c,
        lambda c: (log.note("one", c), c * 2)[1],
        lambda c: log.asked("two", c, np.cos),
    ]
    return lax.fori_loop(0, 9, lambda i, c: lax.switch(i % 4, branches, c), x)


def branch_alone(log, x):
    return lax.cond(x[0] < 0, lambda: log.asked("yes", x, np.exp), lambda: x), x + 1


def nested(log, x):
    def outer(c, row):
        def inner(d):
            log.note("inner", d[0])
            e = lax.cond(
                d[0] % 2 == 0,
                lambda v: log.asked("even", v * row, np.tanh),
                lambda v: lax.scan(
                    lambda s, r: (s + log.asked("sum", r, np.sin), None), v, ROWS[:2]
                )[0],
                d[1],
            )
            return d[0] + 1, e

        n, c = lax.while_loop(lambda d: d[0] < 3, inner, (0, c))
        log.note("outer", c, n)
        return c, c.sum()

    return lax.scan(outer, x, ROWS)


def unread(log, x):
    lax.fori_loop(0, 4, lambda i, c: (log.note("i", i, c), c + 1)[1], x)
    return x * 2


def swapped(log, x):
    def step(i, c):
        log.note("both", *c)
        return log.asked("first", c[1], np.negative), c[0]

    return lax.fori_loop(0, 5, step, (x, x + 1))


def in_place(log, x):
    def step(i, c):
        log.note("before", c)
        c = c.at[i].set(log.asked("at", c[i - 1], np.exp))
        log.note("after", c)
        return c

    return lax.fori_loop(1, 6, step, x)


def constant_results(log, x):
    def step(c, row):
        three = log.asked("three", cnp.float32(3) + 0 * c[0], lambda v: v)
        return c, (three, three, cnp.float32(1))

    return lax.scan(step, x, ROWS)


def no_steps(log, x):
    def step(c, r):
        return log.asked("never", c, np.sin), log.asked("row", c + r, np.cos)

    return lax.scan(step, x, ROWS[:0])


def empty_arrays(log, x):
    def step(c, row):
        log.note("empty", row[:0])
        return c, log.asked("none", row[:0], lambda v: v)

    return lax.scan(step, x, ROWS)


def batch_of_scans(log, x):
    def one(v):
        return lax.scan(lambda c, r: (log.asked("c", c + r, np.sin), c), v, ROWS[:, 0])

    return cr.vmap(one)(x[:3])


def batch_at_once(log, x):
    def one(v):
        def step(c, r):
            ask = lambda z: (log.seen.append(("all", np.array(z))), np.cos(z))[1]
            return cr.pure_callback(ask, SCALAR, c + r, vmap_method="broadcast_all"), c

        return lax.scan(step, v, ROWS[:, 0])

    return cr.vmap(one)(x[:3])


def batch_of_whiles(log, x):
    def one(v):
        step = lambda c: (log.note("c", c), c * 2)[1]
        return lax.while_loop(lambda c: c < 20, step, cnp.abs(v) + 1)

    return cr.vmap(one)(x[:3])


def batch_of_branches(log, x):
    def one(v):
        return lax.cond(v > 0, lambda: (log.note("v", v), v)[1], lambda: v * 2)

    return lax.map(cr.vmap(one), ROWS)


def sine(log, k=0):
    """sin(x + k pi/2) by NumPy, with derivatives by NumPy too."""
    shifted = lambda v: np.sin(v + F(k * np.pi / 2))
    f = cr.custom_jvp(lambda x: log.asked(f"sin {k}", x, shifted))
    f.defjvp(lambda p, t: (f(*p), sine(log, k + 1)(*p) * t[0]))
    return f


def gradient_of_a_scan(log, x):
    f = sine(log)
    run = lambda x: lax.scan(lambda c, r: (f(c) + r, None), x, ROWS)[0].sum()
    return cr.value_and_grad(run)(x)


def second_derivative(log, x):
    f = sine(log)
    run = lambda v: lax.scan(lambda c, r: (f(c) * r, None), v, ROWS[:, 1])[0]
    return cr.jvp(cr.jacfwd(run), (x[2],), (F(1),))


def gradient_by_custom_vjp(log, x):
    @cr.custom_vjp
    def f(x):
        return log.asked("f", x, np.sin)

    f.defvjp(lambda x: (f(x), x), lambda x, g: (g * log.asked("back", x, np.cos),))
    run = lambda x: lax.scan(lambda c, r: (f(c) + r, c[0]), x, ROWS)
    return cr.grad(lambda x: run(x)[0].sum() + run(x)[1].sum())(x)


def gradient_of_a_while(log, x):
    def step(c):
        log.note("c", lax.stop_gradient(c))
        return cnp.sin(c) + 1.5

    run = lambda x: lax.while_loop(lambda c: c.sum() < 12, step, x * 0.1).sum()
    return cr.grad(run)(x)


def gradient_of_a_branch(log, x):
    f = sine(log)

    def step(i, c):
        return lax.cond(i % 2 == 0, f, lambda c: c * c, c)

    return cr.grad(lambda x: lax.fori_loop(0, 4, step, x).sum())(x)


def checked(log, x):
    def step(c, row):
        checkify.check(row[0] >= 0, "{} is negative", row[0])
        log.note("c", c)
        return c + row, None

    return lax.scan(step, x, ROWS)


def keys(log, x):
    def step(key, _):
        key, other = cr.random.split(key)
        log.note("bits", cr.random.key_data(other))
        cr.debug.callback(
            lambda k: log.seen.append(("key", cr.random.key_data(k))), key
        )
        return key, cr.random.normal(other, (2,))

    return lax.scan(step, cr.random.key(1), None, length=3)[1] + x[0]


PROGRAMS = [
    printing_scan, backwards, printing_while, asking_while, rarely, switched,
    branch_alone, nested, unread, swapped, in_place, constant_results, no_steps,
    empty_arrays, batch_of_scans, batch_at_once, batch_of_whiles, batch_of_branches,
    gradient_of_a_scan, second_derivative, gradient_by_custom_vjp, gradient_of_a_while,
    gradient_of_a_branch, checked, keys,
]  # fmt: skip


def steps_of(f, *args):
    return select_steps(Program(simplify(cr.make_jaxpr(f)(*args))))


def same(found, wanted):
    assert [name for name, *_ in found] == [name for name, *_ in wanted]
    for (_, *a), (_, *b) in zip(found, wanted):
        for x, y in zip(a, b, strict=True):
            assert (x.dtype, x.shape) == (y.dtype, y.shape)
            np.testing.assert_allclose(x, y, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_what_is_called_and_computed_is_as_in_eager_evaluation(program):
    """The same calls with the same values in the same order, and the same results."""
    log = Log()
    wanted = cr.tree.leaves(program(log, cnp.asarray(X)))
    calls, log = log.seen, Log()
    steps = steps_of(lambda x: program(log, x), X)
    assert not [s for s in steps if isinstance(s, HostStep)], "a loop is left to Python"
    assert [*host_steps(steps)] or program is no_steps
    run = cr.jit(lambda x: program(log, x))
    for _ in range(2):
        log.seen.clear()
        found = cr.tree.leaves(run(X))
        for a, b in zip(found, wanted, strict=True):
            assert (a.dtype, a.shape) == (b.dtype, b.shape)
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)
        same(log.seen, calls)


# --- what is kept ---------------------------------------------------------------------


@pytest.mark.parametrize("n", [8, 100_000])
def test_what_a_callable_keeps_stays_as_it_was(n):
    """Carries, rows, constants, temporaries, results of other calls; in later steps, after
    the loop, and in later calls of the same plan."""
    kept = []
    keep = lambda *vs: kept.append([np.asarray(v) for v in vs])

    def f(x, table):
        outside = cnp.sin(table)

        def step(c, row):
            between = cnp.cos(c) + row
            made = cr.pure_callback(lambda v: np.asarray(v) * 2, row, row)
            cr.debug.callback(keep, c, row, table, outside, between, made)
            return c.at[0].add(between[1]), made

        return lax.scan(step, x, cnp.stack([x + k for k in range(4)]))

    def expected(x, table):
        want, c = [], x.copy()
        for k in range(4):
            row, between = x + k, np.cos(c) + (x + k)
            want.append([c.copy(), row, table, np.sin(table), between, row * 2])
            c[0] += between[1]
        return want

    run, want = cr.jit(f), []
    for k in range(3):
        x = np.linspace(k, 1, n, dtype=F)
        run(cnp.array(x), cnp.array(x * 3))
        want += expected(x, x * 3)
    gc.collect()
    assert len(kept) == 12
    for a, b in zip(kept, want):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-4)
            assert not x.flags.writeable


def test_constants_of_a_loop_are_not_copied_at_each_step():
    kept = []
    note = lambda v: kept.append(np.asarray(v))

    def f(given, x):
        made = cnp.cumsum(x)

        def step(i, c):
            cr.debug.callback(note, given)
            lax.cond(i >= 0, lambda: cr.debug.callback(note, made), lambda: None)
            return c + 1

        return lax.fori_loop(0, 20, step, 0)

    given = cnp.arange(100_000.0)
    run = cr.jit(f)
    run(given, X)
    assert len(kept) == 40
    addresses = {v.ctypes.data for v in kept}
    assert len(addresses) == 2 and np.asarray(given).ctypes.data in addresses


def test_what_a_top_level_callable_keeps_is_not_updated_in_place():
    kept = []

    def f(x):
        y = cnp.sin(x)
        cr.debug.callback(lambda v: kept.append(np.asarray(v)), y)
        return y.at[0].set(5.0)

    assert float(cr.jit(f)(X)[0]) == 5
    np.testing.assert_allclose(kept[0], np.sin(X), rtol=1e-6)


def test_a_donated_argument_keeps_its_values_while_python_is_called():
    """The loop's result is not computed in memory that a callable may still look at."""
    seen = []
    x = cnp.array(X)
    look = lambda c: seen.append((float(c[0]), np.array(x)))

    def f(x):
        step = lambda i, c: (cr.debug.callback(look, c), cnp.sin(c) + i)[1]
        return lax.fori_loop(0, 4, step, x * 2)

    out = cr.jit(f, donate_argnums=0)(x)
    assert x.is_deleted()
    c = X * 2
    for i, (first, before) in enumerate(seen):
        np.testing.assert_array_equal(before, X)
        np.testing.assert_allclose(first, c[0], rtol=1e-5)
        c = np.sin(c) + i
    assert len(seen) == 4
    np.testing.assert_allclose(out, c, rtol=1e-5)


def test_an_argument_that_a_callable_deletes_is_still_read():
    n = 50_000
    x = cnp.arange(float(n))

    def f(flag, x):
        drop = lambda: cr.debug.callback(lambda: (x_.delete(), gc.collect()))
        return lax.cond(flag, drop, lambda: None), x + 1

    x_ = x
    _, out = cr.jit(f)(True, x)
    assert x.is_deleted()
    np.testing.assert_array_equal(out, np.arange(n) + 1.0)


def test_results_that_a_callable_writes_to_later():
    buffer = np.zeros(8, F)

    def fill(v):
        buffer[...] = v
        return buffer

    def f(x):
        def step(c, _):
            y = cr.pure_callback(fill, c, c)
            z = cr.pure_callback(fill, c, c + 10)
            return c + 1, (y, z)

        return lax.scan(step, x, None, length=3)[1]

    y, z = cr.jit(f)(X)
    np.testing.assert_allclose(y, [X, X + 1, X + 2], rtol=1e-6)
    np.testing.assert_allclose(z, [X + 10, X + 11, X + 12], rtol=1e-6)


# --- what is raised -------------------------------------------------------------------


def loops(call):
    """Loops of ten steps, each of which calls `call(i)`."""

    def scan(x):
        return lax.scan(lambda c, i: ((call(i), c + 1)[1], None), x, cnp.arange(10))[0]

    def test(x):
        goes_on = lambda c: (call(c[0]), c[0] < 9)[1]
        return lax.while_loop(goes_on, lambda c: (c[0] + 1, c[1] + 1), (0, x))[1] + 1

    def branch(x):
        step = lambda i, c: lax.cond(i >= 0, lambda: (call(i), c + 1)[1], lambda: c)
        return lax.fori_loop(0, 10, step, x)

    def deep(x):
        def outer(k, c):
            inner = lambda j, c: (call(k * 5 + j), c + 1)[1]
            return lax.fori_loop(0, 5, inner, c)

        return lax.fori_loop(0, 2, outer, x)

    def long(x):
        many = cnp.zeros((512, 512))

        def step(c, i):
            return (call(i), (c[0] + 1, cnp.sin(c[1])))[1], None

        (out, rest), _ = lax.scan(step, (x, many), cnp.arange(10))
        return out + rest.sum()

    return {f.__name__: f for f in (scan, test, branch, deep, long)}


@pytest.mark.parametrize("name", loops(None))
@pytest.mark.parametrize("kind", ["debug", "io", "check"])
def test_what_is_raised_ends_the_loop_and_leaves_the_plan_usable(name, kind):
    seen, armed = [], [False]

    def call(i):
        seen.append(int(i))
        if armed[0] and len(seen) == 7:
            raise ZeroDivisionError(f"in step {int(i)}")
        return np.bool_(not armed[0] or len(seen) < 7)

    def effect(i):
        if kind == "debug":
            cr.debug.callback(call, i)
        elif kind == "io":
            io_callback(call, cr.ShapeDtypeStruct((), bool), i)
        else:
            asked = lambda i: np.bool_(call(i))
            good = io_callback(asked, cr.ShapeDtypeStruct((), bool), i)
            checkify.check(good, "never said", debug=False)

    f = cr.jit(loops(effect)[name])
    for k in range(6):
        armed[0] = k % 2 == 1
        seen.clear()
        if armed[0]:
            with pytest.raises(ZeroDivisionError, match="in step 6"):
                f(X)
            assert seen == [*range(7)]
        else:
            np.testing.assert_allclose(f(X), X + 10, rtol=1e-5)
            assert seen == [*range(10)]


def test_a_check_that_fails_in_a_step_names_its_values():
    def f(rows):
        def step(c, row):
            checkify.check(row[0] < 3, "row of {}", row[0])
            return c + row, None

        return lax.scan(step, X, rows)[0]

    run = cr.jit(f)
    np.testing.assert_allclose(run(ROWS / 2), f(ROWS / 2), rtol=1e-6)
    with pytest.raises(checkify.JaxRuntimeError, match=r"row of 3\.428"):
        run(ROWS)


def test_results_of_other_types_than_promised():
    def f(x):
        def step(c, i):
            wrong = lambda v, i: np.asarray(v) if i < 3 else np.zeros(3, F)
            return cr.pure_callback(wrong, c, c, i), None

        return lax.scan(step, x, cnp.arange(5))[0]

    with pytest.raises(ValueError, match=r"returned shape \(3,\); promised was \(8,\)"):
        cr.jit(f)(X)


@pytest.mark.parametrize("called", ["True", "i > 1000"], ids=["always", "never"])
def test_ctrl_c_ends_a_loop_that_calls_python(called):
    program = (
        "import chainrule as cr, chainrule.numpy as cnp\n"
        "from chainrule import lax\n"
        "def step(c):\n"
        "    i, x = c\n"
        "    say = lambda: cr.debug.callback(lambda v: None, x)\n"
        f"    lax.cond({called}, say, lambda: None)\n"
        "    return (i + 1) % 1000, cnp.sin(x)\n"
        "goes_on = lambda c: c[1].sum() < 1000\n"
        "f = cr.jit(lambda x: lax.while_loop(goes_on, step, (0, x))[1])\n"
        "f = f.lower(cnp.ones(200)).compile()\n"
        "try:\n"
        "    print('begins', flush=True)\n"
        "    f(cnp.ones(200))\n"
        "except KeyboardInterrupt:\n"
        "    print('ended', float(cr.jit(cnp.sin)(0.0)))\n"
    )
    assert_ctrl_c_ends(program)


# --- calls within calls, threads, memory ------------------------------------------------


def test_a_callable_may_call_the_function_that_called_it():
    depth, most = [], []

    def deeper(v):
        if len(depth) == 3:
            return np.asarray(v)
        depth.append(1)
        most.append(len(depth))
        out = np.asarray(f(v))
        depth.pop()
        return out

    def steps(ask, x):
        def step(c, row):
            before = c * 2 + row
            return cnp.sin(before + ask(before)) + before, None

        return lax.scan(step, x, ROWS[:3])[0]

    f = cr.jit(lambda x: steps(lambda b: cr.pure_callback(deeper, b, b * 0.1), x))

    def wanted(x, k):
        inner = (lambda b: b * 0.1) if k == 0 else lambda b: wanted(b * 0.1, k - 1)
        return steps(inner, x)

    np.testing.assert_allclose(f(X), wanted(X, 3), rtol=1e-4)
    assert max(most) == 3


def test_python_is_called_by_the_thread_that_called_the_plan():
    """Several threads in the same plans at once, each of whose kernels share threads."""
    wrong = []
    table = np.ones(200_000, F)

    def f(x, own):
        def step(c, row):
            c = cnp.sin(c + table) + row.sum()
            say = lambda o, v: (
                wrong.append(o) if o != threading.get_ident() % 9973 else 0
            )
            cr.debug.callback(say, own, c[0])
            c = cr.pure_callback(lambda v: np.asarray(v) + 1, c, c)
            return c, c[0]

        return lax.scan(step, x + table, ROWS)[1]

    run = cr.jit(f)
    wanted = [np.asarray(run(F(k), threading.get_ident() % 9973)) for k in range(3)]

    def work(k):
        for _ in range(5):
            found = run(F(k), threading.get_ident() % 9973)
            if not np.array_equal(found, wanted[k]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


def test_other_threads_run_while_a_loop_that_called_python_goes_on():
    ticks, started, done = [0], [], threading.Event()

    def tick():
        while not done.is_set():
            ticks[0] += 1
            time.sleep(1e-4)

    def step(i, c):
        first = lambda: cr.debug.callback(lambda: started.append(ticks[0]))
        lax.cond(i == 0, first, lambda: None)
        return cnp.sin(c) + i

    f = cr.jit(lambda n, x: lax.fori_loop(0, n, step, x))
    f(1, cnp.ones(100))
    thread = threading.Thread(target=tick)
    thread.start()
    f(300_000, cnp.ones(100))
    after = ticks[0]
    done.set()
    thread.join()
    assert after > started[-1] + 3


def test_effects_of_inner_loops_that_are_not_reached():
    """What a body computes alike at every step is not called before a step is sure."""
    seen = []

    def f(x, n):
        def step(c):
            ask = lambda v: (seen.append(1), np.asarray(v))[1]
            inner = lambda d, _: (d + cr.pure_callback(ask, x, x), None)
            return c + 1 + lax.scan(inner, x, None, length=2)[0].sum() * 0

        return lax.while_loop(lambda c: c < n, step, F(0))

    run = cr.jit(f)
    assert float(run(X, F(-1))) == 0 and seen == []
    assert float(run(X, F(2))) == 2 and len(seen) >= 2


def test_numbers_below_the_normal_ones_are_kept_by_callables():
    tiny = F(1e-40)
    halves = []

    def half(v):
        halves.append(float(np.asarray([tiny, tiny]).sum()))
        return v

    def f(x):
        step = lambda c, _: (cnp.sin(cr.pure_callback(half, c, c)), c * tiny)
        return lax.scan(step, x, None, length=2)

    run = cr.jit(f)
    cr.set_flush_denormals(True)
    try:
        _, rows = run(cnp.ones(8))
        assert float(cnp.abs(rows).max()) == 0
    finally:
        cr.set_flush_denormals(False)
    assert halves and all(h > 0 for h in halves)


def test_reports_say_which_loops_call_python():
    made = cr.explain(lambda x: nested(Log(), x))(X)
    (loop,) = [s for s in made.steps if s.kind == "loop"]
    assert "debug_callback, it has no lowering rule" in loop.reason
    assert "pure_callback, it has no lowering rule" in loop.reason
    assert f"calls Python: {loop.reason}" in made.show("plan")
    assert "host step: debug_callback, it has no lowering rule" in loop.loops
    assert "calls Python" in made.html()


def test_a_while_that_is_stepped_goes_on_in_native_code():
    """Outside of jit, a loop that calls Python is compiled when that pays, in its midst."""
    seen = []

    def step(c):
        cr.debug.callback(lambda i: seen.append(int(i)), c[0])
        return c[0] + 1, cnp.sin(c[1]) + 1

    n, _ = lax.while_loop(lambda c: c[0] < 5000, step, (0, cnp.asarray(X)))
    assert int(n) == 5000
    assert seen == [*range(5000)]
