"""Programs that join, pad and roll arrays: loops cut where conditions change."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.compiler.rewrite import walk

from .native import assert_same, steps_of

DTYPES = (
    "bool",
    "int8",
    "uint16",
    "float16",
    "bfloat16",
    "int32",
    "float32",
    "float64",
)
rng = np.random.default_rng(3)


def numbers(*shape, dtype="float32"):
    x = rng.integers(-50, 50, shape)
    return cnp.asarray(x % 2 == 0 if dtype == "bool" else x, dtype)


def loops(f, *args):
    return cr.explain(f)(*args).steps[0].loops


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", [(500, 1), (1, 999), (0, 300, 0, 7), (131, 64, 257, 4000),
                                   (5000, 3, 5, 1, 5000)], ids=str)  # fmt: skip
def test_joined_vectors(dtype, sizes):
    with cr.enable_x64():
        xs = [numbers(n, dtype=dtype) for n in sizes]
        assert_same(lambda *xs: cnp.concatenate([*xs, xs[0]]), *xs)
        assert_same(lambda *xs: cnp.concatenate([x[::-1] for x in xs]), *xs)
        one = cnp.ones((), dtype)
        assert_same(lambda *xs: cnp.concatenate([x * one for x in xs]) + xs[1][:1], *xs)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shape", [(3, 5, 70), (40, 33, 17), (2, 300, 5), (70, 1, 400)])
def test_joined_along_every_axis(shape, axis):
    x = numbers(*shape)
    y = numbers(*(n if k != axis else 1 for k, n in enumerate(shape)))
    z = numbers(*(n if k != axis else 2 * n + 1 for k, n in enumerate(shape)))
    assert_same(lambda *xs: cnp.concatenate(xs, axis) * 2, x, y, z)
    assert_same(lambda *xs: cnp.sum(cnp.concatenate(xs, axis), axis), z, y, x)
    assert_same(lambda *xs: cnp.concatenate(xs, axis).T + 1, y, x, z)


@pytest.mark.parametrize("shift", [1, -1, 7, 64, -300, 1000])
@pytest.mark.parametrize("n", [1, 17, 128, 129, 4096, 4097, 12345])
def test_rolled_vectors(n, shift):
    x, y = numbers(n), numbers(n)
    assert_same(lambda x: x - cnp.roll(x, shift), x)
    assert_same(lambda x, y: (cnp.roll(x, shift) * y, cnp.roll(y, -shift)[::-1]), x, y)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(20, 30, 3), (7, 100, 5), (3, 41, 29), (2, 2, 17)])
def test_conditions_on_rows_are_conditions_on_all_their_columns(shape, dtype):
    """The loops over rows and columns are one, with the conditions of the rows."""
    with cr.enable_x64():
        x, one = numbers(*shape, dtype=dtype), numbers(1, dtype=dtype)
        for shift in (1, -1, 2):
            assert_same(lambda x: cnp.roll(x, shift, 1), x)
            assert_same(lambda x: cnp.roll(x, (shift, 1), (0, 1)), x)
            assert_same(lambda x, y: cnp.roll(x, shift, 1)[:, ::-1] * y, x, one)
        assert_same(lambda x: cnp.concatenate([x[:, 1:], x, x[:, :1]], 1), x)
        assert_same(lambda x: cnp.pad(x, ((0, 0), (2, 1), (0, 0)), "wrap"), x)
        assert_same(lambda x: x.at[:, 1].set(x[:, 0]), x)


def test_loops_with_conditions_are_merged():
    found = loops(lambda x: cnp.roll(x, 1, 1) - x, numbers(20, 500, 3))
    assert "for k in range(16, 1500):" in found, found


@pytest.mark.parametrize(
    "shape", [(1, 500), (500, 1), (33, 65), (128, 300), (300, 128)]
)
def test_stencils_around_the_edges(shape):
    def life(x):
        near = [cnp.roll(x, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        return sum(near[1:], near[0])

    def steps(x):
        for _ in range(3):
            x = x + cnp.roll(x, 1, 0) - 2 * cnp.roll(x, -1, 1)
        return x

    assert_same(life, numbers(*shape, dtype="int32"))
    assert_same(steps, numbers(*shape, dtype="int32"))


@pytest.mark.parametrize("config", [((2, 2, 0), (2, 2, 0)), ((0, 9, 0), (1, 0, 0)),
                                    ((-1, 3, 0), (70, -5, 0)), ((3, 0, 1), (0, 40, 2)),
                                    ((200, 200, 0), (0, 0, 0))], ids=str)  # fmt: skip
@pytest.mark.parametrize("shape", [(5, 500), (64, 64), (130, 257)])
def test_padded_images(shape, config):
    x = numbers(*shape)
    assert_same(lambda x: lax.pad(x, np.float32(1.5), config) * 2, x)
    assert_same(
        lambda x: lax.pad(lax.pad(x, np.float32(0), config), x[0, 0], config), x
    )


def test_results_of_several_shapes_of_conditions():
    x, y = numbers(1000), numbers(3000)
    f = lambda x, y: (
        cnp.concatenate([x, y[:2000]]) + y,
        cnp.where(cnp.arange(3000) == 77, y, -y),
        cnp.roll(y, 5) * cnp.pad(x, (1000, 1000)),
    )
    assert_same(f, x, y)


def test_gradients_of_joins():
    x, y = numbers(300), numbers(600)

    def f(x, y):
        joined = cnp.concatenate([x, y, x])
        return cnp.sum(joined * cnp.roll(joined, 3) ** 2)

    for wanted, found in zip(
        cr.grad(f, (0, 1))(x, y), cr.jit(cr.grad(f, (0, 1)))(x, y)
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_a_result_in_the_memory_of_a_donated_argument():
    """No part may read what another has written over."""
    with cr.enable_x64():
        data = rng.standard_normal(20000)
        for f in (
            lambda x: x - cnp.roll(x, 1),
            lambda x: cnp.concatenate([x[7000:], x[:7000]]) * 2,
            lambda x: cnp.pad(x[5:-5], 5) + x[::-1],
        ):
            wanted = np.asarray(f(cnp.asarray(data)))
            given = cnp.array(data)
            found = cr.jit(f, donate_argnums=0)(given)
            np.testing.assert_array_equal(np.asarray(found), wanted)


def test_negative_strides_and_views_of_numpy():
    x = np.arange(10000, dtype=np.float32)[::-2]
    f = lambda x: cnp.concatenate([x, x[::-1], x[1::3]]) + 1
    np.testing.assert_array_equal(
        cr.jit(f)(x), np.concatenate([x, x[::-1], x[1::3]]) + 1
    )


def test_complex_numbers_join():
    x = (rng.standard_normal(500) + 1j * rng.standard_normal(500)).astype(np.complex64)
    f = lambda x: cnp.concatenate([x, 2 * x, x[:3]]) - cnp.roll(x, 1)[0]
    np.testing.assert_allclose(cr.jit(f)(x), f(x), rtol=1e-6)


def test_one_nest_per_operand_without_conditions():
    x, y = numbers(1000), numbers(2000)
    assert loops(lambda x, y: cnp.concatenate([x, y]) + 1, x, y).splitlines() == [
        "for i in range(1):",
        "    for j in range(max(i * 4096, 0), min(i * 4096 + 4096, 1000)):"
        "  # vectors, 4 at once",
        "        d[j] = a[j] + 1.0",
        "    for k in range(max(i * 4096, 1000), min(i * 4096 + 4096, 3000)):"
        "  # vectors, 4 at once",
        "        d[k] = b[k - 1000] + 1.0",
    ]


def test_the_columns_of_an_image_keep_conditions_at_the_edges():
    found = loops(lambda x: cnp.pad(x, 1) * 2, numbers(200, 300)).splitlines()
    assert [line.split(":")[0] for line in found if "for" in line] == [
        "for i in range(202)",
        "    for j in range(0, 16)",
        "    for k in range(16, 288)",
        "    for l in range(288, 302)",
    ]
    assert "(a[300*i + k - 301] if (t" in found[7] and "j" not in found[7], found


def test_rows_and_columns_are_cut_where_that_leaves_less_to_do():
    f = lambda x: cnp.roll(x, (1, -1), (0, 1)) + cnp.roll(x, (-1, 1), (0, 1)) + x
    kernel = steps_of(f, numbers(200, 300))[0].scheduled.kernel
    assert len(kernel.stages) == 9
    inside = kernel.stages[4]
    assert [a.extent for a in inside.axes] == [198, 272]
    assert {x.op for x in walk([inside.stores[0].value])} == {"load", "add"}


def test_one_text_for_all_sizes():
    f = lambda x: x - cnp.roll(x, 1)
    texts = {cr.explain(f)(numbers(n)).steps[0].llvm for n in (2000, 3333, 50000)}
    assert len(texts) == 1


def test_short_ones_keep_their_conditions():
    x = numbers(20)
    assert " if " in loops(lambda x: x - cnp.roll(x, 1), x)


@pytest.mark.parametrize("first", ["sums", "columns"])
def test_columns_of_several_kinds_are_not_joined_in_the_kernel_of_their_sums(first):
    """Kernels with sums have no boxes; the sums of rows stay with them."""

    def f(x, y):
        joined = cnp.concatenate([cnp.sin(x), cnp.cos(y), x * y], 1)
        both = joined.sum(0), joined @ cnp.ones((384, 40), np.float32)
        return both if first == "sums" else both[::-1]

    x, y = numbers(64, 128) / 50, numbers(64, 128) / 50
    for a, b in zip(cr.jit(f)(x, y), f(x, y), strict=True):
        np.testing.assert_allclose(a, b, 1e-4, 1e-4)
    joined = steps_of(f, x, y)[0].scheduled.kernel
    assert len(joined.stages) == 3 and not any(s.reductions for s in joined.stages)


def test_many_conditions_are_left_in_the_edges():
    def steps(x):
        for _ in range(4):
            x = x + cnp.roll(x, 1) - 2 * cnp.roll(x, -1)
        return x

    for step in steps_of(steps, numbers(5000)):
        assert len(step.scheduled.kernel.stages) == 3


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [1, 2, 63, 64, 1000, 5001])
def test_many_slim_columns(rows, dtype):
    with cr.enable_x64():
        xs = [numbers(rows, 1 + k % 3, dtype=dtype) for k in range(19)]
        assert_same(lambda *xs: cnp.concatenate(xs, 1), *xs)
        assert_same(lambda *xs: cnp.concatenate([*xs, xs[0][::-1]], 1) != xs[3], *xs)
        cubes = [x.reshape(rows, 1, -1) for x in xs[::3]]
        assert_same(lambda *xs: cnp.concatenate([*xs, *xs], 1), *cubes)
        assert_same(lambda *xs: cnp.stack([x[:, 0] for x in xs], 1), *xs)


@pytest.mark.parametrize(
    "widths", [(1, 400, 1, 2, 300, 7), (5, 0, 5, 1, 1, 1), (9,) * 40]
)
def test_columns_slim_and_wide(widths):
    xs = [numbers(700, n) for n in widths]
    assert_same(lambda *xs: cnp.concatenate([2 * x for x in xs], 1), *xs)
    assert_same(lambda *xs: cnp.concatenate([cnp.roll(x, 1, 0) for x in xs], 1), *xs)
    double = lambda x: (x.astype("float64") / 3).astype("float32")
    with cr.enable_x64():
        f = lambda *xs: cnp.concatenate(
            [double(x) if k % 2 else x for k, x in enumerate(xs)], 1
        )
        assert_same(f, *xs)


def test_slim_columns_share_a_loop_over_rows():
    xs = [numbers(20000, 2) for _ in range(12)]
    (step,) = steps_of(lambda *xs: cnp.concatenate(xs, 1), *xs)
    assert len(step.scheduled.kernel.stages) == 12
    assert step.scheduled.extent > 10
    columns = [numbers(20000) for _ in range(7)]
    (step,) = steps_of(lambda *xs: cnp.stack(xs, 1), *columns)
    assert len(step.outputs) == 1


SIZES = (100, 1000, 1001, 1002, 5000, 4096, 4097, 63, 64, 65, 3, 2, 1, 777, 20000)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: x[:, 0] - cnp.roll(x[:, 0], 1),
        lambda x, y: cnp.concatenate([x[:, 0], 2 * y, x[::-1, 1]]) + 1,
        lambda x, y: cnp.concatenate([x, y[::2, None], x * 2] * 4, 1),
        lambda x, y: cnp.stack([y, y + 1, y * y, -y, y - 7], 1),
        lambda x, y: cnp.pad(x, 3) * 2,
        lambda x, y: cnp.roll(x, (1, -1), (0, 1)) + cnp.roll(x, (-1, 1), (0, 1)),
    ],
    ids=["roll", "join", "columns", "stack", "pad", "rolls"],
)
def test_one_function_at_many_sizes(f):
    compiled = cr.jit(f)
    for n in SIZES:
        x, y = numbers(n, 2), numbers(2 * n - 1)
        np.testing.assert_array_equal(np.asarray(compiled(x, y)), np.asarray(f(x, y)))


def test_many_scattered_updates_at_many_sizes():
    f = lambda x, i, y: x.at[i].add(y)
    compiled = cr.jit(f)
    for n in (1000, 70000, 80000, 80001, 131072, 65536, 65535, 43691, 200000):
        i = cnp.asarray(rng.integers(-3 * n, 3 * n + 5, n))
        x, y = numbers(3 * n), numbers(n)
        np.testing.assert_array_equal(compiled(x, i, y), np.asarray(f(x, i, y)))


@pytest.mark.parametrize("n", [5, 700, 100_000, 300_001])
def test_sums_over_joined_and_rolled_vectors(n):
    x, y = numbers(n, dtype="int32"), numbers(2 * n, dtype="int32")
    assert_same(lambda x, y: cnp.sum(cnp.concatenate([x, y, x]) * 3), x, y)
    assert_same(lambda x, y: cnp.max(cnp.concatenate([y[::-1], x]) - 1), x, y)
    assert_same(lambda x, y: cnp.sum((y - cnp.roll(y, n // 2)) ** 2), x, y)
    z = y.reshape(2, n)
    assert_same(lambda z: cnp.sum(z * cnp.roll(z, 1, 0) + cnp.roll(z, 1, 1), 1), z)
