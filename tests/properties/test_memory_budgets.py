"""Memory of reverse mode: what compiled gradients take, and that budgets are kept.

Bytes are those of the compiled plan, which no clock and no other process changes. They
hold cotangents as well, which a budget does not count: `SLACK` leaves room for them.
"""

import itertools

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax

WIDTH = 16
COTANGENTS = 8 * WIDTH * WIDTH * 4
"""Of the matrix, in two loops: carried in two buffers each, and their first values."""


def temporaries(f, *args, argnums=0):
    compiled = cr.jit(cr.grad(f, argnums)).lower(*args).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def close(found, wanted, tolerance=1e-9):
    found, wanted = cr.tree.leaves(found), cr.tree.leaves(wanted)
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def recurrent(n, **options):
    def run(w, xs):
        step = lambda c, x: (cnp.tanh(w @ c + x), None)
        return lax.scan(step, cnp.zeros(WIDTH, w.dtype), xs, **options)[0].sum()

    rng = np.random.default_rng(0)
    w = (0.2 * rng.standard_normal((WIDTH, WIDTH))).astype(np.float32)
    return run, (w, rng.standard_normal((n, WIDTH)).astype(np.float32))


# --- loops in segments ----------------------------------------------------------------


@pytest.mark.parametrize("n", [10_000, 9_973])
def test_segments_take_the_square_root_of_the_memory(n):
    run, args = recurrent(n)
    again, _ = recurrent(n, checkpoint=True)
    assert temporaries(again, *args) * 20 < temporaries(run, *args)


def test_memory_grows_with_the_square_root():
    sizes = {}
    for n in (400, 40_000):
        run, args = recurrent(n, checkpoint=True)
        sizes[n] = temporaries(run, *args)
    assert sizes[40_000] < 15 * sizes[400]


def test_as_many_carries_are_kept_as_are_asked_for():
    for count in (10, 100, 1000):
        run, args = recurrent(10_000, checkpoint=count)
        carry, residuals = WIDTH * 4, 2 * WIDTH * 4  # of tanh, and of the product
        wanted = count * carry + 10_000 // count * residuals
        assert wanted <= temporaries(run, *args) <= wanted + COTANGENTS


def test_the_loop_stays_native():
    run, args = recurrent(1000, checkpoint=True)
    compiled = cr.jit(cr.grad(run)).lower(*args).compile()
    assert compiled.cost_analysis()["host steps"] == 0


# --- checkpoints in one program -------------------------------------------------------


def layers(ws, x):
    for w in ws:
        x = cnp.tanh(x @ w)
    return x.sum()


def network(depth=12, size=64, batch=256, dtype=np.float32):
    rng = np.random.default_rng(1)
    ws = [rng.standard_normal((size, size)).astype(dtype) / 8 for _ in range(depth)]
    return ws, rng.standard_normal((batch, size)).astype(dtype), batch * size * 4


def test_what_a_checkpoint_drops_is_not_kept_by_the_compiler():
    """Equal equations are computed once elsewhere; here that would undo it."""
    ws, x, unit = network()
    block = cr.checkpoint(layers_between)

    def blocks(ws, x):
        for k in range(0, 12, 4):
            x = block(ws[k : k + 4], x)
        return x.sum()

    assert temporaries(layers, ws, x) >= 12 * unit
    assert temporaries(blocks, ws, x) <= 8 * unit
    with cr.enable_x64(True):
        close(cr.jit(cr.grad(blocks))(ws, x), cr.grad(layers)(ws, x), 1e-4)


def layers_between(ws, x):
    for w in ws:
        x = cnp.tanh(x @ w)
    return x


def test_without_prevent_cse_equal_equations_are_merged():
    ws, x, unit = network()
    merged = cr.checkpoint(layers, prevent_cse=False)
    kept = cr.checkpoint(layers)

    def work(f):
        compiled = cr.jit(cr.value_and_grad(f)).lower(ws, x).compile()
        return compiled.cost_analysis()["flops"]

    assert work(merged) == work(layers) < work(kept)


# --- budgets --------------------------------------------------------------------------

SLACK = 2


@pytest.mark.parametrize("part", [1.0, 0.9, 0.75, 0.6])
def test_a_network_stays_within_its_budget(part):
    ws, x, unit = network()
    budget = int(12 * unit * part)
    within = cr.checkpoint(layers, budget=budget)
    assert temporaries(within, ws, x) <= budget + SLACK * unit
    wide = network(dtype=np.float64)[:2]
    with cr.enable_x64(True):
        wanted = cr.grad(layers)(*wide)
        close(cr.grad(cr.checkpoint(layers, budget=2 * budget))(*wide), wanted)
        close(cr.jit(cr.grad(cr.checkpoint(layers, budget=2 * budget)))(*wide), wanted)


@pytest.mark.parametrize("budget", [10**6, 10**5, 50_000, 15_000])
def test_a_loop_stays_within_its_budget(budget):
    run, args = recurrent(5000)
    within = cr.checkpoint(run, budget=budget)
    assert temporaries(within, *args) <= budget + COTANGENTS
    with cr.enable_x64(True):
        args = [x.astype(np.float64) for x in args]
        within = cr.checkpoint(run, budget=2 * budget)
        close(cr.grad(within, (0, 1))(*args), cr.grad(run, (0, 1))(*args))


def nested(x):
    def outer(c, _):
        inner = lambda c, _: (cnp.sin(c) * cnp.cos(c * 1.1) + 0.1, None)
        return lax.scan(inner, c, None, length=300)[0], None

    return lax.scan(outer, x, None, length=50)[0].sum()


def mixed(x):
    """Two loops with equations before, between and behind them."""
    step = lambda c, _: (cnp.sin(c) + cnp.cos(c * 1.2), c.sum())
    y, _ = lax.scan(step, cnp.exp(x), None, length=900)
    for _ in range(4):
        y = cnp.tanh(y) * x
    z, rows = lax.scan(step, y, None, length=300)
    return cnp.sum(z * cnp.sin(z)) + cnp.sum(rows**2)


@pytest.mark.parametrize("budget", ["10MB", "500kB", "100kB", "40kB", "20kB"])
@pytest.mark.parametrize("f", [nested, mixed], ids=["nested", "mixed"])
def test_programs_of_several_loops_stay_within_their_budget(f, budget):
    x = np.linspace(-1, 1, 32)
    within = cr.checkpoint(f, budget=budget)
    with cr.enable_x64(True):
        close(cr.grad(within)(x), cr.grad(f)(x))
        amount = cr.control.budgets.bytes_of_budget(budget)
        assert temporaries(within, x) <= amount * 1.05 + 8000


def test_a_large_budget_changes_nothing():
    ws, x, _ = network()
    program = str(cr.make_jaxpr(cr.grad(cr.checkpoint(layers, budget="1GB")))(ws, x))
    assert "checkpoint[" not in program
    run, args = recurrent(100)
    program = cr.make_jaxpr(cr.grad(cr.checkpoint(run, budget="1GB")))(*args)
    assert "checkpoint[" not in str(program)


def test_what_is_cheap_to_compute_again_goes_first():
    """At most one product of six is run again, where a third of all has no room."""
    ws, x, unit = network(6, size=192)  # products by the library

    def f(ws, x):
        for w in ws:
            x = cnp.sin(cnp.exp(-cnp.abs(x @ w)))
        return x.sum()

    count = lambda f: (
        cr.jit(cr.grad(f)).lower(ws, x).compile().cost_analysis()["library calls"]
    )
    assert count(cr.checkpoint(f, budget=16 * unit)) <= count(f) + 1
    assert temporaries(cr.checkpoint(f, budget=16 * unit), ws, x) < 18 * unit


def test_a_policy_limits_what_a_budget_keeps():
    ws, x, unit = network(size=192)
    count = lambda f: (
        cr.jit(cr.grad(f)).lower(ws, x).compile().cost_analysis()["library calls"]
    )
    some = cr.checkpoint(layers, budget=11 * unit)
    none = cr.checkpoint(
        layers, budget=11 * unit, policy=cr.checkpoint_policies.nothing_saveable
    )
    assert count(some) < count(none)


TRANSFORMATIONS = {
    "jvp": lambda f: lambda x: cr.jvp(f, (x,), (cnp.cos(x),)),
    "vmap of grad": lambda f: lambda x: cr.vmap(cr.grad(f))(cnp.stack([x, x + 1])),
    "grad of vmap": lambda f: lambda x: cr.grad(
        lambda xs: cr.vmap(f)(xs).sum()
    )(cnp.stack([x, x + 1])),
    "hvp": lambda f: lambda x: cr.jvp(cr.grad(f), (x,), (cnp.cos(x),)),
    "grad of grad": lambda f: cr.grad(lambda x: cnp.sum(cr.grad(f)(x) ** 2)),
    "jit": lambda f: cr.jit(cr.value_and_grad(f)),
    "checkpoint": lambda f: cr.grad(cr.checkpoint(f, budget="200kB")),
    "linearize": lambda f: lambda x: cr.linearize(f, x)[1](cnp.cos(x)),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSFORMATIONS)
@pytest.mark.parametrize("budget", ["60kB", "10MB"])
def test_every_transformation(name, budget):
    with cr.enable_x64(True):
        x = np.linspace(-1, 1, 5)
        transformed = TRANSFORMATIONS[name]
        within = cr.checkpoint(mixed, budget=budget)
        close(transformed(within)(x), transformed(mixed)(x), 1e-8)


def test_gradients_are_finite_differences():
    with cr.enable_x64(True):
        x, v = np.linspace(0.1, 0.4, 4), np.cos(np.arange(4.0))
        short = lambda x: lax.scan(lambda c, _: (cnp.sin(c) + 0.1, c), x, length=60)
        f = lambda x: sum(cnp.sum(y * y) for y in short(x))
        within = cr.checkpoint(f, budget=2000)
        slope = (f(x + 1e-6 * v) - f(x - 1e-6 * v)) / 2e-6
        close(cnp.vdot(cr.grad(within)(x), v), slope, 1e-6)


def test_values_without_derivatives_and_effects():
    """Integers, several results, static arguments, a result that is an argument."""

    @cr.checkpoint(budget="1kB", static_argnums=2)
    def f(x, i, k):
        for _ in range(k):
            x = cnp.sin(x) * i
        return x, i + 1, {"same": i}

    x = np.linspace(0, 1, 50, dtype=np.float32)
    (y, j, same), pull = cr.vjp(lambda x: f(x, 2, 5), x)
    assert int(j) == 3 and int(same["same"]) == 2
    wanted = cr.grad(lambda x: f.__wrapped__(x, 2, 5)[0].sum())(x)
    zero = np.zeros((), cr.dtypes.float0)
    close(pull((cnp.ones(50), zero, {"same": zero}))[0], wanted, 1e-5)


def test_what_was_chosen_is_told():
    ws, x, unit = network(8)
    within = cr.checkpoint(layers, budget=6 * unit)
    text = cr.ad_checkpoint.explain_budget(cr.jit(within))(ws, x).splitlines()
    assert text[0].startswith("layers: ") and " of 393.3kB" in text[0]
    assert "equations: run again, but for nothing" in text[1]
    text = cr.ad_checkpoint.explain_budget(cr.checkpoint(mixed, budget="40kB"))(x[0])
    assert text.splitlines()[1:] == [
        "  loop of 900 steps: run again by segments of 20",
        "  loop of 300 steps: run again by segments of 12",
    ]


def test_amounts_of_memory():
    bytes_of = cr.control.budgets.bytes_of_budget
    cases = {
        "200MB": 200_000_000, "1.5GB": 1_500_000_000, "64MiB": 64 << 20, "1 kib": 1024,
        " 12 ": 12, "7b": 7, ".5kB": 500, "2TB": 2 * 10**12, "1GiB": 1 << 30, 5: 5,
        2e6: 2_000_000, np.int64(9): 9,
    }  # fmt: skip
    for text, number in cases.items():
        assert bytes_of(text) == number
    text_of = cr.control.budgets.text_of_bytes
    for n in itertools.chain(
        range(1, 3000), (10**k + d for k in range(13) for d in (-1, 0, 1))
    ):
        if n > 0:
            assert n <= bytes_of(text_of(n)) <= n * 1.1 + 1
