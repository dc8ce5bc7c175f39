"""Convolutions and reductions over windows, and their gradients, compile natively."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax

from .native import assert_close, assert_same

rng = np.random.default_rng(11)


def array(*shape):
    return cnp.asarray(rng.standard_normal(shape).astype(np.float32))


def whole(*shape, dtype="float32"):
    """Small whole numbers, whose sums and products are exact in any order."""
    return cnp.asarray(rng.integers(-4, 5, shape).astype(dtype))


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize(
    "options",
    [{"padding": "SAME"}, {"padding": "VALID"}, {"padding": ((3, -1), (0, 9))},
     {"padding": "SAME", "window_strides": (2, 3)},
     {"padding": "SAME", "rhs_dilation": (2, 1)},
     {"padding": ((2, 1), (1, 4)), "lhs_dilation": (2, 3)},
     {"padding": ((2, 1), (1, 4)), "lhs_dilation": (3, 2), "window_strides": (2, 2)}],
    ids=str,
)  # fmt: skip
def test_convolutions_and_their_gradients(layout, options):
    options = {"window_strides": (1, 1), **options}
    x, k = whole(2, 9, 21, 5), whole(3, 2, 5, 18)
    numbers = ("NHWC", "HWIO", "NHWC")
    if layout == "NCHW":
        x, k, numbers = x.transpose(0, 3, 1, 2), k.transpose(3, 2, 0, 1), None
    f = lambda x, k: lax.conv_general_dilated(
        x, k, dimension_numbers=numbers, **options
    )
    assert_same(f, x, k)
    assert_same(cr.grad(lambda x, k: (f(x, k) * 2).sum(), (0, 1)), x, k)


@pytest.mark.parametrize("groups", [2, 6])
def test_convolutions_in_groups(groups):
    x, k = whole(4, 7, 20, 6), whole(3, 3, 6 // groups, 6 * groups)

    def f(x, k):
        return lax.conv_general_dilated(
            x, k, (1, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups,
        )  # fmt: skip

    assert_same(f, x, k)
    assert_same(cr.grad(lambda x, k: (f(x, k) * 2).sum(), (0, 1)), x, k)
    assert_same(cr.vmap(f, (0, None)), whole(3, 4, 7, 20, 6), k)
    assert_same(cr.vmap(f, (None, 0)), x, whole(3, *k.shape))


def test_convolutions_in_groups_of_the_batch():
    x, k = whole(6, 3, 17), whole(4, 3, 2)
    assert_same(
        lambda x, k: lax.conv_general_dilated(x, k, (1,), "SAME", batch_group_count=2),
        x,
        k,
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "int32"])
def test_convolutions_of_other_dtypes(dtype):
    with cr.enable_x64(True):
        x, k = whole(2, 3, 12, 33).astype(dtype), whole(5, 3, 3, 3).astype(dtype)
        assert_same(lambda x, k: lax.conv(x, k, (1, 1), "SAME"), x, k)


def test_a_convolution_computes_its_operand_once():
    x, k = array(2, 16, 16, 8), array(3, 3, 8, 32)

    def f(x, k):
        y = lax.conv_general_dilated(
            cnp.exp(x), k, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return cnp.maximum(y + 1, 0)

    assert_close(f, x, k)


def test_large_gradients_of_kernels_are_summed_in_chunks():
    x, k = whole(8, 40, 40, 16), whole(3, 3, 16, 64)

    def loss(x, k):
        y = lax.conv_general_dilated(
            x, k, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return (y * (cnp.arange(64) % 3)).sum()

    assert_close(cr.grad(loss, (0, 1)), x, k)


def test_long_products_are_summed_in_chunks():
    x, y = whole(1_000_003), whole(3, 100_001)
    assert_close(lambda x: x @ x, x)
    assert_close(lambda y: y @ y.T, y)


windows = [
    {"window_dimensions": (2, 3), "window_strides": (1, 1), "padding": "VALID"},
    {"window_dimensions": (3, 3), "window_strides": (2, 2), "padding": "SAME"},
    {"window_dimensions": (2, 4), "window_strides": (3, 1), "padding": ((1, 0), (2, 5)),
         "base_dilation": (1, 2), "window_dilation": (2, 1)},
]  # fmt: skip


@pytest.mark.parametrize("options", windows, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32"])
def test_reductions_over_windows(options, dtype):
    x = whole(19, 45).astype(dtype)
    for start, op in ((0, lax.add), (None, lax.max), (None, lax.min)):
        if start is None:
            kind = cnp.iinfo if dtype == "int32" else cnp.finfo
            lowest = op is lax.max
            start = kind(dtype).min if lowest else kind(dtype).max
            if dtype != "int32":
                start = -np.inf if lowest else np.inf
        zero = np.asarray(start).astype(x.dtype)
        assert_same(lambda x, z=zero, op=op: lax.reduce_window(x, z, op, **options), x)


@pytest.mark.parametrize("options", windows, ids=str)
def test_gradients_of_pooling(options):
    x = whole(19, 45)
    for zero, op in ((-np.inf, lax.max), (np.inf, lax.min), (0.0, lax.add)):
        f = lambda x, z=zero, op=op: lax.reduce_window(x, np.float32(z), op, **options)
        g = cr.grad(lambda x, f=f: cnp.where(cnp.isfinite(f(x)), f(x), 0).sum())
        assert_same(g, x)
        assert_same(lambda x, f=f: cr.jvp(f, (x,), (x * 2,))[1], x)


def test_windows_with_nan_choose_the_first():
    x = np.array(whole(12, 40))
    x[rng.random(x.shape) < 0.1] = np.nan
    f = lambda x: lax.reduce_window(
        x, np.float32(-np.inf), lax.max, (3, 3), (1, 1), "SAME"
    )
    assert_same(f, cnp.asarray(x))
    assert_same(lambda x: cr.vjp(f, x)[1](cnp.ones((12, 40)))[0], cnp.asarray(x))


@pytest.mark.parametrize("features", [128, 192])
def test_large_kernels_are_read_in_slabs(features):
    """Slabs of 64 output features, each read for all outputs before the next."""
    rng = np.random.default_rng(features)
    x = cnp.asarray(rng.normal(size=(2, 9, 8, 128)).astype("float32"))
    k = cnp.asarray(rng.normal(size=(3, 3, 128, features)).astype("float32"))
    dims = ("NHWC", "HWIO", "NHWC")
    for stride, hole in [((1, 1), (1, 1)), ((2, 1), (1, 1)), ((1, 1), (2, 2))]:
        f = lambda x, k: lax.conv_general_dilated(
            x, k, stride, "SAME", rhs_dilation=hole, dimension_numbers=dims
        )
        np.testing.assert_allclose(cr.jit(f)(x, k), f(x, k), rtol=1e-4, atol=1e-3)
    text = str(cr.explain(f)(x, k))
    assert f"[{features // 64},3,3,128,64]" in text


def test_a_large_kernel_is_copied_once_for_all_residues():
    """The gradient of a strided convolution is taken apart into four."""
    x, k = array(2, 9, 9, 128), array(3, 3, 128, 128)
    dims = ("NHWC", "HWIO", "NHWC")
    f = lambda x, k: lax.conv_transpose(x, k, (2, 2), "SAME", dimension_numbers=dims)
    np.testing.assert_allclose(cr.jit(f)(x, k), f(x, k), rtol=1e-4, atol=1e-3)
    written = [w for s in cr.explain(f)(x, k).steps for w in s.writes]
    assert sum("[2,3,3,128,64]" in w for w in written) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32"])
@pytest.mark.parametrize("layout", ["NCHW", "NHCW"])
def test_slabs_of_features_that_do_not_come_last(layout, dtype):
    """Input features come last in a copy, and slabs are contiguous for all layouts."""
    sizes = {"N": 2, "H": 9, "W": 8, "C": 256}
    numbers, pads = (layout, "OIHW", layout), ((2, 1), (1, 2))
    with cr.enable_x64():
        x = whole(*(sizes[c] for c in layout), dtype=dtype)
        k = whole(256, 256, 3, 3, dtype=dtype)
        for options in ({"rhs_dilation": (2, 1)}, {"lhs_dilation": (2, 1)}):
            f = lambda x, k: lax.conv_general_dilated(
                x, k, (1, 1), pads, dimension_numbers=numbers, **options
            )
            assert_same(f, x, k)
        slab = 256 // max(k.dtype.itemsize, 4)
        assert f"[{256 // slab},3,3,256,{slab}]" in str(cr.explain(f)(x, k))


def test_slabs_of_deep_kernels_are_thinner():
    """All of a slab stays in the second cache: 3072 x 64 numbers do, not 3168 x 64."""
    dims = ("NHWC", "HWIO", "NHWC")
    f = lambda x, k: lax.conv_general_dilated(
        x, k, (1, 1), "SAME", dimension_numbers=dims
    )
    for depth, features, slab in ((1024, 128, 64), (1056, 64, 32)):
        x, k = whole(9, 3, 3, depth), whole(3, 1, depth, features)
        assert_same(f, x, k)
        shape = f"[{features // slab},3,1,{depth},{slab}]"
        assert shape in str(cr.explain(f)(x, k))


@pytest.mark.parametrize("width", [5, 13, 33])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_strided_images_with_features_first(width, dtype):
    """Vectors go along the output's features where outputs are read apart."""
    f = lambda x, k: lax.conv(x, k, (1, 2), "SAME")
    with cr.enable_x64():
        x = whole(2, 5, 9, 2 * width + 1, dtype=dtype)
        k = whole(20, 5, 3, 3, dtype=dtype)
        assert_same(f, x, k)
        if dtype != "int32":
            assert_same(cr.grad(lambda x, k: f(x, k).sum(), (0, 1)), x, k)
    loops = cr.explain(f)(x, k).steps[-1].loops
    assert "range(20):  # vectors" in loops
