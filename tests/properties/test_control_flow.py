"""Branches and loops: equal to the same program in plain Python, under every pair of
transformations, and what else is particular to them."""

import itertools

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.compiler.pipeline import simplify
from chainrule.control import while_checkpoints, while_reverse
from chainrule.core.checker import check_jaxpr

points = np.array([0.4, 0.9, 1.3])


def close(found, expected, rtol=1e-9):
    np.testing.assert_allclose(
        np.asarray(found), np.asarray(expected), rtol=rtol, atol=1e-12
    )


# --- against plain Python ---------------------------------------------------------------


def branching(x):
    return lax.cond(x > 0.8, lambda x: cnp.sin(x) * x, lambda x: cnp.exp(-x), x)


def branching_plain(x):
    return cnp.sin(x) * x if x > 0.8 else cnp.exp(-x)


def scanning(x):
    def step(c, k):
        c = cnp.sin(c * x) + k
        return c, c * k

    c, ys = lax.scan(step, x, cnp.arange(4.0))
    return c + ys.sum()


def scanning_plain(x):
    c, total = x, 0.0
    for k in range(4):
        c = cnp.sin(c * x) + k
        total = total + c * k
    return c + total


def looping(x):
    step = lambda c: (c[0] * 1.5 + 0.1, c[1] * cnp.cos(c[0]) + x)
    return lax.while_loop(lambda c: c[0] < 7.0, step, (x, x))[1]


def looping_plain(x):
    a, b = x, x
    while a < 7.0:
        a, b = a * 1.5 + 0.1, b * cnp.cos(a) + x
    return b


def counting(x):
    n = cnp.asarray(3) + cnp.floor(x).astype(int)
    return lax.fori_loop(0, n, lambda i, c: c * cnp.cos(c + i) + x, x)


def counting_plain(x):
    c = x
    for i in range(3 + int(np.floor(float(x)))):
        c = c * cnp.cos(c + i) + x
    return c


def nesting(x):
    def row(c, k):
        c = lax.cond(c > 1.0, lambda c: c / 2, lambda c: c * c + x, c)
        return lax.while_loop(lambda c: c < 0.5, lambda c: c * 1.7, c), k * c

    c, ys = lax.scan(row, x, cnp.arange(3.0), reverse=True)
    return c * ys.sum()


def nesting_plain(x):
    c, total = x, 0.0
    for k in (2, 1, 0):
        y = c / 2 if c > 1.0 else c * c + x
        total = total + k * y
        while y < 0.5:
            y = y * 1.7
        c = y
    return c * total


PAIRS = [
    (branching, branching_plain), (scanning, scanning_plain), (looping, looping_plain),
    (counting, counting_plain), (nesting, nesting_plain),
]  # fmt: skip

TRANSFORMATIONS = {
    "jit": cr.jit,
    "grad": cr.grad,
    "jvp": lambda f: lambda x: cr.jvp(f, (x,), (1.5,))[1] / 1.5,
    "vmap": lambda f: lambda x: cr.vmap(f)(cnp.stack([x, x]))[0],
    "checkpoint": cr.checkpoint,
    "linearize": lambda f: lambda x: cr.linearize(f, x)[1](1.0),
    "taylor": lambda f: lambda x: cr.derivative(f, 1)(x),
}
DERIVATIVES = {"grad", "jvp", "linearize", "taylor"}
ORDERS = [
    *itertools.product(TRANSFORMATIONS, repeat=2),
    ("jit", "vmap", "grad"), ("vmap", "grad", "jit"), ("grad", "vmap", "jit"),
    ("jit", "grad", "grad"), ("jit", "grad", "vmap"), ("vmap", "jit", "grad"),
]  # fmt: skip


def derivative_of(order, fun, x):
    for _ in range(sum(name in DERIVATIVES for name in order)):
        fun = cr.grad(fun)
    return fun(x)


@pytest.mark.parametrize("order", ORDERS, ids=".".join)
@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p[0].__name__)
def test_every_order_of_transformations(pair, order):
    fun, plain = pair
    with cr.enable_x64(True):
        transformed = fun
        for name in reversed(order):
            transformed = TRANSFORMATIONS[name](transformed)
        for x in points[:2]:
            close(transformed(x), derivative_of(order, plain, x), 1e-8)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p[0].__name__)
def test_a_batch_is_a_loop_over_examples(pair):
    """Every example takes its own branches and number of steps."""
    fun, plain = pair
    with cr.enable_x64(True):
        for f, g in ((fun, plain), (cr.grad(fun), cr.grad(plain))):
            rows = [g(x) for x in points]
            close(cr.vmap(f)(points), rows)
            close(cr.jit(cr.vmap(f))(points), rows)
        total = lambda x: cr.vmap(fun)(x).sum()
        rows = [cr.grad(plain)(x) for x in points]
        close(cr.grad(total)(points), rows)
        close(cr.jit(cr.grad(total))(points), rows)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p[0].__name__)
def test_without_jit_the_functions_run_as_python(pair):
    with cr.enable_x64(True), cr.disable_jit():
        close(pair[0](points[0]), pair[1](points[0]))
        close(cr.grad(pair[0])(points[0]), cr.grad(pair[1])(points[0]))


def two_values(x, w, n):
    step = lambda i, c: (c[0] * cnp.cos(c[1]) + w, c[1] + 0.1 * cnp.sin(c[0]))
    return sum(lax.fori_loop(0, n, step, (x, x * w)))


def two_values_plain(x, w, n):
    a, b = x, x * w
    for _ in range(n):
        a, b = a * cnp.cos(b) + w, b + 0.1 * cnp.sin(a)
    return a + b


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 8, 9, 10, 27, 28, 60])
def test_reverse_mode_by_checkpoints(monkeypatch, steps):
    """With sections of three steps and three slots, sixty steps need every level."""
    monkeypatch.setattr(while_checkpoints, "SLOTS", 3)
    monkeypatch.setattr(while_reverse, "SECTION", 3)
    with cr.enable_x64(True):
        xs = cnp.array([0.7, -0.2])
        grads = cr.vmap(
            cr.grad(lambda x, w, n: two_values(x, w, n), (0, 1)), (0, None, None)
        )
        found = cr.jit(grads)(xs, 0.4, steps)
        plain = cr.grad(two_values_plain, (0, 1))
        close(np.stack(found).T, [plain(x, 0.4, steps) for x in xs])


def test_gradients_of_long_loops():
    """Whole sections, a rest, and more sections than there are slots."""
    with cr.enable_x64(True):
        f = cr.grad(two_values, (0, 1))
        g = cr.jit(f)
        for steps in (95, 96, 97, 1000, 20_000):
            n = cnp.asarray(steps)
            for found, expected in zip(g(0.7, 0.4, n), f(0.7, 0.4, n)):
                close(found, expected, 1e-8)


@pytest.mark.parametrize("outer", [cr.jit, lambda f: f], ids=["jit", "eager"])
@pytest.mark.parametrize("stored", [0, 100, 10_000])
def test_reverse_mode_in_sections(outer, stored):
    """However little memory there is for residuals, gradients are the same."""
    cr.config.update("loop_residual_bytes", stored)
    try:
        with cr.enable_x64(True):
            grads = outer(cr.grad(two_values, (0, 1)))
            plain = cr.grad(two_values_plain, (0, 1))
            for steps in (0, 1, 7, 20):
                close(grads(0.7, 0.4, cnp.asarray(steps)), plain(0.7, 0.4, steps))
            second = outer(cr.grad(cr.grad(two_values)))(0.7, 0.4, cnp.asarray(5))
            close(second, cr.grad(cr.grad(two_values_plain))(0.7, 0.4, 5))
    finally:
        cr.config.update("loop_residual_bytes", 1 << 28)


def test_a_while_is_transposed_back_and_forth():
    """The tangents of a staged loop, transposed twice, are the tangents."""
    with cr.enable_x64(True):

        def both(x, w, n, v):
            push = lambda v: cr.jvp(lambda x: two_values(x, w, n), (x,), (v,))[1]
            linear = cr.linearize(lambda x: two_values(x, w, n), x)[1]
            back = cr.linear_transpose(linear, v)
            (again,) = cr.linear_transpose(lambda u: back(u)[0], v)(v)
            return push(v), again

        one, two = cr.jit(both)(0.7, 0.4, 6, 1.5)
        close(one, two)


# --- derivatives of what is not taken -----------------------------------------------------


@pytest.mark.parametrize("outer", [cr.jit, lambda f: f], ids=["jit", "eager"])
def test_a_branch_that_is_not_taken_leaves_no_trace_in_a_derivative(outer):
    root = lambda x: lax.cond(x > 0, cnp.sqrt, lambda x: 0.0 * x, x)
    total = lambda xs: cr.vmap(root)(xs).sum()
    xs = cnp.array([-1.0, 0.0, 4.0])
    assert outer(cr.grad(total))(xs).tolist() == [0.0, 0.0, 0.25]
    assert outer(cr.vmap(cr.grad(root)))(xs).tolist() == [0.0, 0.0, 0.25]
    assert outer(cr.grad(total))(-xs[2:]).tolist() == [0.0]


@pytest.mark.parametrize("outer", [cr.jit, lambda f: f], ids=["jit", "eager"])
def test_steps_that_an_example_does_not_make_leave_no_trace_in_a_derivative(outer):
    """The first example ends where the next step's derivative would be infinite."""
    descend = lambda x: lax.while_loop(lambda c: c > 1, lambda c: cnp.sqrt(c - 1), x)
    xs = cnp.array([1.0, 3.0, 7.0])
    expected = [float(cr.grad(descend)(x)) for x in xs]
    assert expected[0] == 1.0
    total = lambda xs: cr.vmap(descend)(xs).sum()
    close(outer(cr.grad(total))(xs), expected, 1e-6)
    close(outer(cr.vmap(cr.grad(descend)))(xs), expected, 1e-6)


def test_constants_of_each_example_go_with_its_operands():
    """A step on the operands of one example and the constants of another would fail."""

    def descend(x, low):
        step = lambda c: low + cnp.sqrt(c - low) * 0.9
        return lax.while_loop(lambda c: c > low + 1.0, step, x)

    xs, lows = cnp.array([6.0, -40.0, 1000.0]), cnp.array([0.0, -60.0, 900.0])
    grads = cr.grad(descend, (0, 1))
    found = cr.vmap(grads)(xs, lows)
    total = cr.grad(lambda xs, lows: cr.vmap(descend)(xs, lows).sum(), (0, 1))(xs, lows)
    for k, (x, low) in enumerate(zip(xs, lows)):
        expected = grads(x, low)
        for i in (0, 1):
            close(found[i][k], expected[i], 1e-5)
            close(total[i][k], expected[i], 1e-5)


def test_a_loop_in_a_branch_that_nobody_takes_is_not_run():
    forever = lambda x: lax.while_loop(lambda x: x > 0, lambda x: x, x)
    f = lambda x: lax.cond(x > 10.0, forever, lambda x: 2.0 * x, x)
    assert cr.jit(cr.vmap(f))(cnp.array([1.0, 2.0])).tolist() == [2.0, 4.0]
    assert cr.vmap(f)(cnp.array([1.0, 2.0])).tolist() == [2.0, 4.0]


# --- custom rules, keys, named axes within loops ---------------------------------------


@cr.custom_vjp
def doubled_slope(x):
    return cnp.sin(x)


doubled_slope.defvjp(
    lambda x: (cnp.sin(x), cnp.cos(x)), lambda cos, ct: (2 * cos * ct,)
)

WITH_CUSTOM_RULE = {
    "scan": lambda x: lax.scan(lambda c, _: (doubled_slope(c), None), x, None, 2)[0],
    "while": lambda x: lax.while_loop(
        lambda c: c[0] < 2, lambda c: (c[0] + 1, doubled_slope(c[1])), (0, x)
    )[1],
    "cond": lambda x: lax.cond(
        x < 9, lambda x: doubled_slope(doubled_slope(x)), lambda x: x, x
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WITH_CUSTOM_RULE)
def test_custom_vjp_within(name):
    fun = WITH_CUSTOM_RULE[name]
    expected = 4 * np.cos(np.sin(points)) * np.cos(points)
    for grads in (cr.grad(fun), cr.jit(cr.grad(fun)), cr.grad(cr.jit(fun))):
        close([grads(x) for x in points], expected, 1e-5)
        close(cr.vmap(grads)(points), expected, 1e-5)


def test_random_keys_are_carried():
    def walk(x, key):
        def step(carry, _):
            x, key = carry
            key, use = cr.random.split(key)
            return (x + cr.random.normal(use) * x, key), x

        (x, key), xs = lax.scan(step, (x, key), None, length=3)
        going = lambda c: c[0] < 5
        again = lambda c: (c[0] + x * cr.random.uniform(c[1]), cr.random.split(c[1])[0])
        return lax.while_loop(going, again, (xs.sum() * 0, key))[0]

    def plain(x, key):
        for _ in range(3):
            key, use = cr.random.split(key)
            x = x + cr.random.normal(use) * x
        total = 0.0 * x
        while total < 5:
            total, key = total + x * cr.random.uniform(key), cr.random.split(key)[0]
        return total

    keys = cr.random.split(cr.random.key(8), 3)
    for f, g in ((walk, plain), (cr.grad(walk), cr.grad(plain))):
        rows = [g(2.0, key) for key in keys]
        close(cr.vmap(f, (None, 0))(2.0, keys), rows, 1e-5)
        close(cr.jit(cr.vmap(f, (None, 0)))(2.0, keys), rows, 1e-5)


def test_collectives_within_loops():
    """A sum over examples in each step of a scan, a maximum in the test of a while."""

    def f(x):
        c, _ = lax.scan(
            lambda c, r: (c + lax.psum(r * c, "i"), None), x, cnp.arange(3.0)
        )
        return lax.while_loop(lambda c: lax.pmax(c, "i") < 60.0, lambda c: 2 * c, c)

    xs = cnp.array([1.0, 2.0])
    for run in (lambda g: g, cr.jit):
        found = run(cr.vmap(f, axis_name="i"))(xs)
        assert found.tolist() == [88.0, 92.0]


# --- what is staged anew ------------------------------------------------------------------

setting = 1.0


def test_bodies_see_what_they_refer_to_as_it_is_now(monkeypatch):
    class Model:
        scale = 1.0

    model, numbers, weights = Model(), [1.0], np.ones(1000, np.float32)
    small = np.ones(1, np.float32)

    def run():
        def step(c, _):
            now = setting + model.scale + numbers[0] + weights[7] + small[0]
            return c + now, None

        return float(lax.scan(step, 0.0, None, length=1)[0])

    assert run() == 5.0
    monkeypatch.setitem(globals(), "setting", 10.0)
    assert run() == 14.0
    model.scale = 20.0
    assert run() == 33.0
    numbers[0] = 30.0
    assert run() == 62.0
    weights[7] = 100.0
    assert run() == 161.0
    small[0] = 1000.0
    assert run() == 1160.0


def test_a_body_made_anew_is_staged_once():
    traces = []

    def run(x, factor):
        def step(c, _):
            traces.append(factor)
            return c * factor, None

        return lax.scan(step, x, None, length=2)[0]

    assert [float(run(1.0, 2.0)), float(run(3.0, 2.0))] == [4.0, 12.0]
    assert float(run(1.0, -0.0)) == 0.0 and float(run(1.0, 0.0)) == 0.0


def count_of_stagings(monkeypatch, fun):
    bodies = __import__("chainrule.control.bodies", fromlist=["stage_closed"])
    stage, found = bodies.stage_closed, []
    monkeypatch.setattr(
        bodies, "stage_closed", lambda *a, **k: found.append(1) or stage(*a, **k)
    )
    fun()
    return len(found)


def test_stagings_are_kept(monkeypatch):
    def run(x):
        return lax.fori_loop(0, 3, lambda i, c: cnp.sin(c) * i, x)

    run(1.0)
    assert count_of_stagings(monkeypatch, lambda: (run(2.0), run(3.0))) == 0


# --- effects, dead code -------------------------------------------------------------------


def test_effects_in_loops_happen_in_order_and_are_kept():
    seen = []

    def step(c, x):
        cr.debug.callback(lambda v: seen.append(float(v)), x)
        return c, x

    def unread(xs):
        lax.scan(step, 0.0, xs)
        return xs.sum()

    cr.jit(unread)(cnp.array([3.0, 1.0, 2.0]))
    assert seen == [3.0, 1.0, 2.0]


def simplified(fun, *args):
    program = simplify(cr.make_jaxpr(fun)(*args))
    check_jaxpr(program)
    return program


def test_unread_parts_of_a_scan_are_left_out():
    def f(x, w, xs):
        def step(carry, x):
            a, b, c = carry
            return (a * x, b + cnp.sin(a), cnp.exp(c) * w), (a, c)

        (a, _, _), (ys, _) = lax.scan(step, (x, x, x), xs)
        return a + ys.sum()

    program = simplified(f, 1.0, 2.0, cnp.ones(3))
    (loop,) = [e for e in program.eqns if e.primitive.name == "scan"]
    assert loop.params["num_carry"] == 1 and loop.params["num_consts"] == 0
    assert len(loop.invars) == 2 and len(loop.outvars) == 2
    close(cr.jit(f)(1.0, 2.0, cnp.full(3, 2.0)), 15.0, 1e-6)


def test_unread_parts_of_a_while_and_of_a_cond_are_left_out():
    def f(x, w):
        step = lambda c: (c[0] * 2, c[1] + w, c[2] * c[0])
        a, b, c = lax.while_loop(lambda c: c[0] < 9, step, (x, x, x))
        y, _ = lax.cond(a > 0, lambda a, b: (a, b), lambda a, b: (-a, w), a, b)
        return y

    program = simplified(f, 1.0, 2.0)
    loop, branch = (
        next(e for e in program.eqns if e.primitive.name == name)
        for name in ("while", "cond")
    )
    assert len(loop.outvars) == 1 and len(loop.invars) == 1
    assert len(branch.outvars) == 1 and len(branch.invars) == 2
    assert float(cr.jit(f)(1.0, 2.0)) == 16.0


def test_calls_within_bodies_are_written_out():
    inner = cr.jit(lambda c: cnp.sin(c))
    program = simplified(lambda x: lax.fori_loop(0, 3, lambda _, c: inner(c), x), 1.0)
    (loop,) = [e for e in program.eqns if e.primitive.name == "scan"]
    names = [e.primitive.name for e in loop.params["jaxpr"].eqns]
    assert names == ["sin"]


# --- residuals ----------------------------------------------------------------------------


def test_residuals_that_do_not_change_are_computed_once():
    """cos(w) is a residual of each step; it is computed before the loop."""

    def f(w, x):
        return lax.fori_loop(0, 5, lambda _, c: cnp.sin(w) * c, x)

    program = cr.make_jaxpr(cr.grad(f))(1.0, 2.0)
    loops = [e for e in program.eqns if e.primitive.name == "scan"]
    for loop in loops:
        names = [e.primitive.name for e in loop.params["jaxpr"].eqns]
        assert "cos" not in names
    stacked = [v.aval.str_short() for v in loops[0].outvars if v.aval.shape]
    assert stacked == ["f32[5]"]


@pytest.mark.parametrize(
    ("policy", "kept"),
    [(None, 0), ("nothing_saveable", 0), ("dots_saveable", 1)],
)
def test_checkpoint_keeps_what_the_policy_says(policy, kept):
    policy = policy and getattr(cr.checkpoint_policies, policy)
    f = lambda x: cnp.sin(cnp.exp(x @ x) * x[0])
    program = cr.make_jaxpr(cr.grad(cr.checkpoint(f, policy=policy)))(cnp.ones(3))
    forward = program.eqns[0]
    assert forward.primitive.name == "checkpoint"
    assert len(forward.outvars) == 1 + kept


NAMES = {
    "save_only_these_names": (("a",), 1), "save_any_names_but_these": (("a",), 1),
    "save_anything_except_these_names": (("a", "b"), 4),
}  # fmt: skip


@pytest.mark.parametrize("policy", NAMES)
def test_checkpoint_keeps_values_by_name(policy):
    names, kept = NAMES[policy]
    name = cr.ad_checkpoint.checkpoint_name

    def f(x):
        a = name(cnp.sin(x), "a")
        return cnp.exp(name(cnp.cos(a), "b")) * a

    policy = getattr(cr.checkpoint_policies, policy)(*names)
    recomputed = cr.checkpoint(f, policy=policy)
    program = cr.make_jaxpr(cr.grad(recomputed))(1.0)
    assert len(program.eqns[0].outvars) == 1 + kept, program
    close(cr.grad(recomputed)(0.7), cr.grad(f)(0.7), 1e-6)
    close(cr.grad(cr.grad(recomputed))(0.7), cr.grad(cr.grad(f))(0.7), 1e-5)


def test_a_scan_of_checkpoints_stores_its_carries_alone():
    f = lambda c, _: (cnp.sin(cnp.exp(cnp.cos(c))), None)
    run = lambda f: lambda x: lax.scan(f, x, None, length=4)[0]
    programs = [cr.make_jaxpr(cr.grad(run(g)))(0.5) for g in (cr.checkpoint(f), f)]
    stacked = [sum(bool(v.aval.shape) for v in p.eqns[0].outvars) for p in programs]
    assert stacked[0] == 1 and stacked[1] > 1
    with cr.enable_x64(True):
        close(cr.grad(run(cr.checkpoint(f)))(0.5), cr.grad(run(f))(0.5))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 8, 11, 16, 17])
def test_associative_scans_of_any_length(n, reverse):
    x = np.random.default_rng(n).normal(size=(2, n, 3, 3)).astype("float32") / 2
    f = lambda x: lax.associative_scan(cnp.matmul, x, reverse=reverse, axis=1)
    order = range(n)[::-1] if reverse else range(n)
    expected, product = np.empty_like(x), None
    for k in order:
        product = x[:, k] if product is None else product @ x[:, k]
        expected[:, k] = product
    for g in (f, cr.jit(f)):
        np.testing.assert_allclose(g(x), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("error")
def test_batched_loops_over_integers_run_on_past_their_end():
    def divisor(a, b):
        step = lambda s: (s[1], s[0] % s[1])
        return lax.while_loop(lambda s: s[1] != 0, step, (a, b))[0]

    a, b = np.arange(1, 50), np.arange(50, 99)
    for f in (cr.vmap(divisor), cr.jit(cr.vmap(divisor))):
        np.testing.assert_array_equal(f(a, b), np.gcd(a, b))
    assert "argmax" not in str(cr.make_jaxpr(cr.vmap(divisor))(a, b))


@pytest.mark.parametrize("dtype", ["int8", "uint16", "float16"])
def test_the_index_of_fori_loop_promotes_as_a_python_integer(dtype):
    start = cnp.zeros((), dtype)
    loop = lambda n, c: lax.fori_loop(0, n, lambda i, c: c + i, c)
    with cr.disable_jit():
        plain = loop(4, start)
    for found in (loop(4, start), cr.jit(loop)(4, start), plain):
        assert found.dtype == dtype and found == 6


def test_the_index_of_fori_loop_holds_the_largest_bounds():
    low, high = cnp.array([2**32 - 4, 2**32 - 1], "uint32")
    total = lambda low, high: lax.fori_loop(low, high, lambda i, c: i, cnp.uint32(0))
    with cr.disable_jit():
        assert int(total(low, high)) == 2**32 - 2
    assert int(total(low, high)) == int(cr.jit(total)(low, high)) == 2**32 - 2


def test_batched_loops_carry_python_numbers_as_such():
    steps = lambda n: lax.while_loop(lambda c: c[0] < n, twice, (1.0, 0))
    twice = lambda c: (c[0] * 2.0 / 1.5, c[1] + 1)
    xs = cnp.array([1.0, 2.0, 9.0])
    for f in (steps, cr.jit(steps)):
        x, count = cr.vmap(f)(xs)
        assert x.weak_type and count.weak_type and count.tolist() == [0, 3, 8]
        assert (x * cnp.float16(1)).dtype == "float16"
