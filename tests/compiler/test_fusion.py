"""What is fused into one kernel is computed as if it were not."""

import gc

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.compiler import assemble
from chainrule.compiler.values import Lazy

from .native import steps_of


def agrees(f, *args, rtol=1e-6):
    for got, want in zip(
        cr.tree_util.tree_leaves(cr.jit(f)(*args)), cr.tree_util.tree_leaves(f(*args))
    ):
        np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=rtol)


def test_rows_kept_for_a_later_stage_are_read_after_they_are_written():
    """A value of size 1 that a later stage reads again has no loop to wait for."""

    def f(x, y):
        e = cnp.exp(x) * y
        return e.sum() * 2 + (e.reshape(()) * y.reshape(())) * e.sum()

    agrees(f, cnp.ones((1,)), 2 * cnp.ones((1,)))


def test_softmax_of_rows_of_every_length():
    for n in (1, 2, 3, 15, 16, 17, 33, 64, 65, 200):
        x = cnp.linspace(-3.0, 3.0, 5 * n).reshape(5, n)
        agrees(lambda x: cr.nn.softmax(x, axis=-1), x, rtol=2e-6)
        agrees(lambda x: cr.nn.softmax(x, axis=0), x, rtol=2e-6)


def test_normalisation_and_its_gradient():
    def normal(x):
        mean = x.mean(-1, keepdims=True)
        return (x - mean) / cnp.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-5)

    x = cnp.sin(cnp.arange(7 * 33.0)).reshape(7, 33)
    agrees(normal, x, rtol=2e-5)
    weights = cnp.cos(cnp.arange(7 * 33.0)).reshape(7, 33)
    gradient = cr.grad(lambda x: (normal(x) * weights).sum())
    np.testing.assert_allclose(
        np.asarray(cr.jit(gradient)(x)), np.asarray(gradient(x)), rtol=1e-4, atol=1e-5
    )


def test_several_results_over_one_space():
    def f(x):
        return x + 1, cnp.sin(x), x.sum(axis=0), x.max(axis=1), x.T * 2

    agrees(f, cnp.linspace(0.0, 1.0, 12 * 19).reshape(12, 19), rtol=2e-6)


def test_a_value_read_across_rows_is_not_fused_with_its_rows():
    def f(x):
        total = x.sum(axis=1)
        return total[::-1] + total, x - total[::-1, None]

    agrees(f, cnp.arange(40.0).reshape(8, 5))


def test_long_sums_in_chunks():
    x = cnp.sin(cnp.arange(300_007.0))
    agrees(lambda x: ((x * 2).sum(), x.max(), x.argmax()), x, rtol=1e-4)


def whole(shape):
    """Numbers whose sums are exact in any order."""
    return cnp.asarray(
        np.arange(np.prod(shape)).reshape(shape) * 7 % 11 - 5.0, "float32"
    )


def kernels(f, *shape):
    return cr.explain(f)(cr.ShapeDtypeStruct(shape, "float32")).steps


def test_long_columns_are_folded_together():
    """A few rows at a time, in the order of memory, by all threads."""
    for shape, axis in [((4096, 300), 0), ((64, 64, 300), (0, 1)), ((2, 3000, 200), 1)]:
        x = whole(shape)
        for f in (cnp.sum, cnp.max, cnp.argmax):
            if f is not cnp.argmax or axis == 0:
                assert len(kernels(lambda x: f(x, axis), *shape)) == 2
                agrees(lambda x: f(x, axis=axis), x, rtol=1e-4)
        agrees(lambda x: (x - x.mean()).var(axis) + x.std(axis), x, rtol=1e-4)
    assert len(kernels(lambda x: x.sum(1), 500, 4000, 3)) == 1
    assert len(kernels(lambda x: x.sum(0), 100, 20_000)) == 1


@pytest.mark.parametrize("dtype", ["int8", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("rows", [1, 31, 32, 35, 66, 1001, 200_003])
def test_few_columns_are_folded_several_rows_at_a_time(rows, dtype):
    """Also where rows are left over, or none is, and with a NaN among the last."""
    with cr.enable_x64():
        for columns in (1, 3, 7, 16, 20):
            x = np.asarray(whole((rows, columns))).astype(dtype)
            if dtype.startswith("float"):
                x[-1, 0] = np.nan
            for f in (np.max, np.min):
                wanted = f(x, axis=0)
                found = cr.jit(lambda x: getattr(cnp, f.__name__)(x, 0))(x)
                np.testing.assert_array_equal(np.asarray(found), wanted)
            if dtype != "bfloat16":
                total = cr.jit(lambda x: (x.sum(0), (x > 2).any(0)))(x)
                np.testing.assert_array_equal(total[0], x.sum(0, dtype=total[0].dtype))
                np.testing.assert_array_equal(total[1], (x > 2).any(0))


def test_chunks_lie_in_one_piece():
    """A sum of all is divided along the first axis that is long enough, and goes along
    merged loops."""
    loops = {(1024, 400): 2, (3, 200_000): 3, (200_000, 3): 2, (70, 80, 90): 2}
    for shape, count in loops.items():
        first = kernels(cnp.sum, *shape)[0].loops
        assert first.count("for ") == count, first
        agrees(cnp.sum, whole(shape))


def test_what_gets_a_buffer_later_is_computed_where_it_was_read_before():
    """The loop's counter gets a buffer after the kernel that compares it was made; a
    further result refines that kernel's loops, so that all of it is composed again."""

    def program(a, x):
        y = cnp.log1p(x**2) ** 3
        going = lambda pair: (pair[0] <= 1) & (cnp.sum(pair[1] * pair[1]) < 3.0)
        step = lambda pair: (pair[0] + 1, 1.3 * cnp.sin(1.3 * pair[1]) + 0.4)
        return cr.lax.while_loop(going, step, (0, y))[1], y + cnp.repeat(a, 2)

    rng = np.random.default_rng(3)
    a, x = rng.normal(size=(3, 2)), rng.uniform(-1, 1, (3, 2, 4))
    mapped = cr.vmap(program)
    for found, expected in zip(cr.jit(mapped)(a, x), mapped(a, x)):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def layers(x, weights):
    for w in weights:
        x = cnp.tanh(x @ w)
    return x


def test_kernels_that_differ_in_buffers_alone_are_arranged_once(monkeypatch):
    arranged, arrange = [], assemble.arrange
    monkeypatch.setattr(
        assemble, "arrange", lambda *args: arranged.append(args) or arrange(*args)
    )
    x, square = cnp.linspace(-1.0, 1.0, 35).reshape(5, 7), cnp.ones((7, 7)) / 7
    wide, narrow = cnp.ones((7, 9)) / 7, cnp.ones((9, 7)) / 9
    steps = steps_of(layers, x, [square] * 4)
    assert (len(steps), len(arranged)) == (4, 1)
    assert len({id(s.structure) for s in steps}) == 1
    assert len({s.outputs[0] for s in steps}) == 4
    for before, step in zip(steps, steps[1:]):
        assert before.outputs[0] in step.buffers
    loops = [s.scheduled.kernel for s in steps]
    assert len(arranged) == 4
    stored = [kernel.stages[-1].stores[-1].buffer for kernel in loops]
    assert stored == [s.outputs[0] for s in steps]
    arranged.clear()
    assert len(steps_of(layers, x, [square, wide, narrow, square])) == 4
    assert len(arranged) == 3
    agrees(layers, x, [cnp.sin(square * k) for k in range(4)], rtol=2e-6)


def test_a_compiled_program_is_let_go_of_without_a_collection():
    f = cr.jit(cr.grad(lambda x, ws: layers(x, ws).sum()))
    gc.collect()
    gc.disable()
    try:
        f(cnp.ones((3, 7)), [cnp.eye(7)] * 3)
        left = [x for x in gc.get_objects() if isinstance(x, Lazy)]
    finally:
        gc.enable()
    assert not left
