"""How products are computed: by kernels or by the library, in blocks, halves converted."""

import itertools
import re

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax

from .native import assert_close, assert_same, steps_of


def drawn(*shape, dtype="float32", seed=0):
    x = np.random.default_rng([seed, *shape]).standard_normal(shape)
    return cnp.asarray(x.astype("float32"), dtype)


def whole(*shape, dtype="float32"):
    x = np.random.default_rng(shape).integers(-3, 4, shape)
    return cnp.asarray(x.astype("float32"), dtype)


def product(x, y):
    return x @ y


def library_calls(f, *args):
    return cr.jit(f).lower(*args).compile().cost_analysis()["library calls"]


SIZES = [
    (100, 100, 100),
    (130, 97, 120),
    (200, 200, 200),
    (17, 300, 600),
    (600, 40, 33),
]
LAYOUTS = {
    "x @ y": lambda x, y: x @ y,
    "x.T @ y": lambda x, y: x.T @ y,
    "x @ y.T": lambda x, y: x @ y.T,
    "x.T @ y.T": lambda x, y: x.T @ y.T,
}


def operands(name, m, k, n, make, dtype):
    left, right = ("x.T" in name), ("y.T" in name)
    x = make(*((k, m) if left else (m, k)), dtype=dtype)
    return x, make(*((n, k) if right else (k, n)), dtype=dtype)


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "float16", "bfloat16", "int32"]
)
@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("m, k, n", SIZES)
def test_products_of_all_dtypes_in_every_layout(m, k, n, name, dtype):
    """Of small whole numbers, so that sums are exact in any order."""
    with cr.enable_x64():
        x, y = operands(name, m, k, n, whole, dtype)
        assert_same(LAYOUTS[name], x, y)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("m, k, n", [(40, 50, 60), (130, 97, 120), (300, 310, 320)])
def test_halves_are_summed_in_float32(m, k, n, dtype):
    x, y = drawn(m, k, dtype=dtype), drawn(k, n, dtype=dtype, seed=1)
    rtol = 2.0 ** (-10 if dtype == "float16" else -7)
    assert_close(product, x, y, rtol=rtol)
    wide = lambda x, y: cnp.matmul(x, y, preferred_element_type="float32")
    assert_close(wide, x, y)
    wanted = np.asarray(x, "float64") @ np.asarray(y, "float64")
    np.testing.assert_allclose(cr.jit(wide)(x, y), wanted, atol=1e-4)
    derived = cr.grad(lambda x, y: product(x, y).astype("float32").sum(), (0, 1))
    assert_close(derived, x, y, rtol=4 * rtol)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_batches_of_halves_and_what_is_computed_before_them(dtype):
    x, y = whole(3, 40, 50, dtype=dtype), whole(3, 50, 45, dtype=dtype)
    assert_same(lambda x, y: x @ y, x, y)
    assert_same(lambda x, y: (x + 1) @ abs(y), x, y)
    assert_same(lambda x, y: cnp.einsum("bij,bjk->kbi", x, y), x, y)
    assert_same(lambda x: cnp.einsum("bij,bkj->bik", x, x), x)


def test_halves_are_converted_once():
    """The product's own kernel reads copies in float32; few reads are not worth it."""
    loads = lambda x, y: steps_of(product, x, y)[-1].text.count("load <16 x half>")
    kernels = lambda x, y: len(steps_of(product, x, y))
    many = drawn(64, 64, dtype="float16"), drawn(64, 64, dtype="float16")
    few = drawn(8, 64, dtype="float16"), drawn(64, 16, dtype="float16")
    assert (kernels(*many), loads(*many)) == (3, 0)
    assert kernels(*few) == 1


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_convolutions_of_halves(layout, dtype):
    shape = {"N": 2, "H": 9, "W": 13, "C": 6}
    x = whole(*(shape[c] for c in layout), dtype=dtype)
    k = whole(40, 6, 3, 3, dtype=dtype)
    numbers = (layout, "OIHW", layout)
    f = lambda x, k: lax.conv_general_dilated(
        x, k, (1, 1), "SAME", dimension_numbers=numbers
    )
    assert_same(f, x, k)
    assert_same(cr.grad(lambda x, k: f(x, k).astype("float32").sum(), (0, 1)), x, k)


@pytest.mark.parametrize("m, k, n, calls", [
    (180, 180, 180, 0), (256, 256, 256, 1), (2000, 64, 128, 0), (64, 128, 2000, 1),
])  # fmt: skip
def test_the_library_multiplies_what_it_has_to_pack(m, k, n, calls):
    assert library_calls(product, drawn(m, k), drawn(k, n)) == calls
    assert_close(product, drawn(m, k), drawn(k, n))


def test_the_library_multiplies_what_is_read_down_long_columns():
    turned = lambda x, y: x.T @ y
    assert library_calls(turned, drawn(200, 100), drawn(200, 100)) == 0
    assert library_calls(turned, drawn(200, 1000), drawn(200, 100)) == 1
    assert library_calls(lambda x, y: x @ y, drawn(1000, 200), drawn(200, 100)) == 0


def test_one_program_for_many_sizes():
    f = cr.jit(lambda x, w: cnp.tanh(x @ w))
    for m in (70, 200, 201, 333, 1000):
        x, w = drawn(m, 128), drawn(128, 200)
        np.testing.assert_allclose(f(x, w), np.tanh(x @ w), rtol=1e-4, atol=1e-4)


def convolve(x, k):
    layout = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, k, (1, 1), "VALID", dimension_numbers=layout)


@pytest.mark.parametrize("f, x, y", [
    (product, (8, 1024), (1024, 1024)),
    (product, (8, 64), (64, 96)),
    (convolve, (2, 56, 56, 64), (3, 3, 64, 64)),
    (convolve, (2, 12, 12, 9), (3, 3, 9, 32)),
], ids=["columns shared", "rows shared", "pixels of two rows", "two vectors"])  # fmt: skip
def test_blocks_keep_few_operands_in_registers(f, x, y):
    """Of the operand that more are loaded of, each is used up before the next."""
    text = steps_of(f, drawn(*x), drawn(*y))[-1].text
    pairs = re.findall(r"@llvm\.fma\S+\(<.*?> (%\w+), <.*?> (%\w+)", text)
    more, fewer = sorted(zip(*pairs), key=lambda names: -len(set(names)))
    assert len(pairs) == len(set(more)) * len(set(fewer)) > 1
    assert len(list(itertools.groupby(more))) == len(set(more))


@pytest.mark.parametrize("rows, across", [(1, 16), (2, 8), (3, 8), (8, 3)])
def test_few_rows_are_multiplied_by_many_columns_at_once(rows, across):
    """What is read of each row of the right operand lies in as few pieces as it can."""
    x, y = drawn(rows, 300), drawn(300, 1000)
    assert_close(product, x, y)
    text = steps_of(product, x, y)[0].text
    if "<16 x float>" in text:  # vectors of 64 bytes
        assert text.count("load <16 x float>") == across


@pytest.mark.parametrize("dtype", ["float32", "float16", "int32", "bool", "complex64"])
@pytest.mark.parametrize("shapes", [((3,), (4,)), ((), (4,)), ((2, 3), (4,)), ((), ())])
def test_products_without_a_sum_multiply(shapes, dtype):
    x, y = (whole(*shape, dtype=dtype) for shape in shapes)
    outer = lambda x, y: lax.dot_general(x, y, (((), ()), ((), ())))
    want = np.multiply.outer(np.asarray(x), np.asarray(y))
    for fun in (outer, cr.jit(outer)):
        made = fun(x, y)
        assert made.dtype == want.dtype
        assert np.array_equal(made, want)
    each = lambda x, y: lax.dot_general(x, y, (((), ()), ((0,), (0,))))
    x, y = whole(5, 2, dtype=dtype), whole(5, 3, dtype=dtype)
    want = np.asarray(x)[:, :, None] * np.asarray(y)[:, None]
    assert np.array_equal(cr.jit(each)(x, y), want)


def test_products_without_a_sum_keep_the_sign_of_zero():
    outer = lambda x, y: lax.dot_general(x, y, (((), ()), ((), ())))
    x, y = cnp.array([-1.0, 2.0]), cnp.array([0.0, 1.0])
    for fun in (outer, cr.jit(outer)):
        assert np.signbit(fun(x, y)).tolist() == [[True, True], [False, False]]


def test_the_gradient_of_a_square_is_one_kernel():
    gradient = cr.grad(lambda w, x: 0.5 * w @ w + cnp.sum(w * x))
    assert len(steps_of(gradient, drawn(8), drawn(8))) == 1


def test_long_sums_of_few_columns_have_several_accumulators():
    x, y = whole(200, 8), whole(200)
    fun = lambda x, y: y @ x
    assert "range(200):  # 4 at once" in cr.jit(fun).lower(x, y).compile().as_text()
    assert_same(fun, x, y)


def test_what_reads_a_product_s_operand_has_its_own_loops():
    """Its vectors would go along the sum, and both operands would be gathered."""
    x, y = drawn(40, 40), drawn(40, 40)
    fun = lambda x, y: (cnp.tril(x).T + x[::-1], y @ x)
    text = cr.jit(fun).lower(x, y).compile().as_text()
    assert "fma" not in text.split("# kernel 1")[0]
    assert len(steps_of(fun, x, y)) == 2
