"""Programs that differ in sizes only: which get a plan without being compiled, and that it
is the right one."""

import threading

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.compiler import families, patterns

from .native import two_threads, wait_until_improved

rng = np.random.default_rng(71)


def normal(*shape):
    return rng.standard_normal(shape).astype(np.float32)


@pytest.fixture(autouse=True)
def _families():
    families.forget_all()
    yield
    families.forget_all()


@pytest.fixture
def lowered(monkeypatch):
    """A list of what was lowered: programs by themselves, and for patterns."""
    seen = []
    compiled, learned = families.compiled, patterns.learn
    monkeypatch.setattr(
        families, "compiled", lambda *a: seen.append("alone") or compiled(*a)
    )
    monkeypatch.setattr(
        patterns, "learn", lambda *a: seen.append("pattern") or learned(*a)
    )
    return seen


def network(layers, x, y):
    for w, b in layers:
        x = cnp.tanh(x @ w + b)
    return cnp.mean((x - y) ** 2)


def attention(w, x):
    q, k, v = (x @ w[i] for i in range(3))
    weights = cr.nn.softmax(q @ cnp.swapaxes(k, -1, -2) / 3, axis=-1)
    return cnp.sum(cnp.tanh(weights @ v) ** 2)


def recurrent(w, x):
    def step(h, row):
        h = cnp.tanh(h @ w + row)
        return h, cnp.sum(h)

    h, ys = cr.lax.scan(step, cnp.zeros(x.shape[1:]), x)
    return cnp.mean(h**2) + cnp.mean(ys)


def images(k, x):
    y = cr.lax.conv_general_dilated(
        x, k, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return cnp.mean(cr.nn.relu(y) ** 2)


def branching(w, x):
    y = cr.lax.cond(cnp.sum(x) > 0, cnp.sin, cnp.cos, x @ w)
    return cnp.sum(cr.lax.fori_loop(0, 5, lambda _, y: 0.9 * y + x, y))


PROGRAMS = {
    "network": (network, [(normal(16, 16), normal(16)) for _ in range(2)],
                lambda n: (normal(n, 16), normal(n, 16))),
    "attention": (attention, normal(3, 8, 8), lambda n: (normal(4, n, 8),)),
    "recurrent in length": (recurrent, normal(9, 9) / 4, lambda n: (normal(n, 2, 9),)),
    "recurrent in batch": (recurrent, normal(24, 24) / 5, lambda n: (normal(7, n, 24),)),
    "images": (images, normal(3, 3, 2, 4), lambda n: (normal(n, 7, 6, 2),)),
    "branching": (branching, normal(40, 40), lambda n: (normal(n, 40),)),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_third_size_is_not_compiled(name, lowered):
    loss, weights, data = PROGRAMS[name]
    gradient = cr.grad(loss)
    compiled = cr.jit(gradient)
    counts = []
    for n in (10, 11, 13, 12, 14):
        args = data(n)
        lowered.clear()
        found = cr.tree_util.tree_leaves(compiled(weights, *args))
        counts.append(len(lowered))
        expected = cr.tree_util.tree_leaves(gradient(weights, *args))
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5)
    assert counts == [1, 1, 0, 0, 0]


def test_sizes_of_another_magnitude_get_a_pattern_of_their_own(lowered):
    f = cr.jit(lambda x: cnp.sum(cnp.sin(x) @ cnp.ones((8, 8)), 0))
    for n in (10, 11, 12, 40, 41, 42, 13):
        x = normal(n, 8)
        expected = np.tile(np.sin(x).sum(), 8)
        np.testing.assert_allclose(f(x), expected, rtol=1e-4, atol=1e-4)
    assert lowered == ["alone", "pattern", "pattern"]


def test_sizes_that_come_together_are_told_from_sizes_that_are_one(lowered):
    f = cr.jit(lambda x, y: cnp.sum(x) * y)
    for n, m in ((10, 10), (11, 11), (12, 12), (12, 13), (14, 15), (16, 16)):
        x, y = normal(n), normal(m)
        np.testing.assert_allclose(f(x, y), x.sum() * y, rtol=1e-4, atol=1e-4)
    assert lowered.count("alone") <= 2


def test_scalars_that_follow_sizes_are_filled_in(lowered):
    f = cr.jit(lambda x: (cnp.mean(x), cnp.var(x, ddof=1), x / x.shape[0]))
    for n in (10, 11, 12, 13):
        x = normal(n)
        for a, b in zip(f(x), (x.mean(), x.var(ddof=1), x / n)):
            np.testing.assert_allclose(a, b, rtol=1e-5)
    assert lowered == ["alone", "pattern"]


def test_other_constants_of_one_outline_are_filled_in(lowered):
    arrays = [normal(n, 3) for n in (10, 11, 12)]
    for a in arrays:
        x = normal(len(a), 3)
        given = cnp.asarray(a)
        found = cr.jit(lambda x, given=given: cnp.sin(x) + given)(x)
        np.testing.assert_allclose(found, np.sin(x) + a, rtol=1e-5)
    assert lowered == ["alone", "pattern"]


def test_parameters_of_the_program_are_not_taken_for_sizes():
    for n, axis in ((4, 0), (5, 1), (6, 0), (7, 1), (3, 0)):
        x = normal(n, n)
        found = cr.jit(lambda x, axis=axis: cnp.cumsum(x, axis=axis))(x)
        np.testing.assert_allclose(found, np.cumsum(x, axis), rtol=1e-4, atol=1e-5)


def test_columns_put_together_by_rows_keep_their_plan(lowered):
    def join(*columns):
        return cnp.concatenate([c[:, None] for c in columns], axis=1)

    f = cr.jit(join)
    for n in (5000, 5001, 5003, 6000):
        columns = [normal(n) for _ in range(12)]
        np.testing.assert_array_equal(f(*columns), np.stack(columns, axis=1))
    assert lowered == ["alone", "pattern"]


def test_empty_and_single_rows_are_right_among_others():
    f = cr.jit(lambda x, w: cnp.sum(cnp.exp(x) @ w, axis=0))
    w = normal(4, 3)
    for n in (5, 6, 1, 0, 7, 2, 1, 0, 8):
        x = normal(n, 4)
        expected = (np.exp(x) @ w).sum(0)
        np.testing.assert_allclose(f(x, w), expected, rtol=1e-4, atol=1e-5)


def test_donated_arguments_of_a_pattern_are_lent():
    f = cr.jit(lambda x: x * 2 + 1, donate_argnums=0)
    for n in (10, 11, 12, 13):
        x = normal(n)
        given = cnp.asarray(x)
        np.testing.assert_allclose(f(given), x * 2 + 1, rtol=1e-6)
        assert given.is_deleted()


def test_kernels_that_patterns_share_are_right_for_small_and_large_sizes():
    """Sizes of one and of many: what was written for one is right for all that share it."""
    f = cr.jit(lambda x: cnp.concatenate([x[2:], x[:2]]) + x.T.sum())
    for n in (5, 6, 7, 70, 71, 72, 4, 3):
        x = normal(n, 3)
        expected = np.concatenate([x[2:], x[:2]]) + x.sum()
        np.testing.assert_allclose(f(x), expected, rtol=1e-4, atol=1e-4)


def test_what_calls_the_host_is_compiled_for_each_size(lowered):
    def host(x):
        return cr.pure_callback(np.sort, cr.ShapeDtypeStruct(x.shape, x.dtype), x)

    f = cr.jit(lambda x: host(x) + 1)
    for n in (10, 11, 12):
        x = normal(n)
        np.testing.assert_allclose(f(x), np.sort(x) + 1, rtol=1e-6)
    assert lowered.count("alone") == 3


def test_threads_compile_one_after_the_other():
    wrong = []

    def work(k):
        f = cr.jit(lambda x: cnp.sum(cnp.sin(x * k) @ cnp.ones((5, k + 1)), 0))
        for n in range(4, 12):
            x = normal(n, 5)
            expected = np.tile(np.sin(x * k).sum(), k + 1)
            if not np.allclose(f(x), expected, rtol=1e-4, atol=1e-4):
                wrong.append((k, n))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_outlines_tell_programs_apart():
    def outline(f, *xs):
        return families.Outline(cr.make_jaxpr(f)(*xs).jaxpr)

    x, y = normal(4, 5), normal(6, 5)
    assert outline(cnp.sin, x).key == outline(cnp.sin, y).key
    assert outline(cnp.sin, x).numbers != outline(cnp.sin, y).numbers
    assert outline(cnp.sin, x).key != outline(cnp.cos, x).key
    assert outline(cnp.sin, x).key != outline(cnp.sin, x[0]).key
    assert outline(cnp.sin, x).key != outline(cnp.sin, x.astype(np.float16)).key
    two = outline(lambda a, b: (a, b), x, y), outline(lambda a, b: (b, a), x, y)
    assert two[0].key != two[1].key
    zero = [outline(lambda x, z=z: x * z, x) for z in (0.0, -0.0)]
    assert zero[0].scalars[0][1] != zero[1].scalars[0][1]


def test_code_of_a_pattern_is_improved_though_each_plan_is_called_once():
    f = cr.jit(lambda x: cnp.sum(cnp.tanh(x) @ cnp.ones((7, 3)), 0))
    with two_threads():
        for n in (10, 11, 12, 13):
            f(normal(n, 7))
        (family,) = families.known()
        (pattern,) = family.patterns
        codes = [step[1] for step in pattern.layout.steps if step[0] == "kernel"]
        assert codes
        for code in codes:
            wait_until_improved(code)
