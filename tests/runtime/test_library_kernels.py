"""Matrix products and copies by library, as steps of plans."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from plan_kernels import aval

from chainrule.runtime import _native as native

TOLERANCE = {"float32": 1e-4, "complex64": 1e-4, "float64": 1e-12, "complex128": 1e-12}
NAMES = {"float32": "f32", "float64": "f64", "complex64": "c64", "complex128": "c128"}


def draw(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    return x.astype(dtype)


def stored(x, trans):
    """What is in memory where op(memory) is x."""
    turned = x if trans == 0 else np.swapaxes(x, -1, -2)
    return np.ascontiguousarray(turned.conj() if trans == 2 else turned)


def multiply(a, b, trans=(0, 0), tiles=(1, 1), grain=1 << 40):
    """op(a) op(b) through a plan; a and b are what is stored, with a batch in front."""
    batch = a.shape[0]
    m, k = a.shape[:0:-1] if trans[0] else a.shape[1:]
    n = b.shape[1] if trans[1] else b.shape[2]
    sizes = (m, n, k, *trans, a.shape[2], b.shape[2], max(n, 1))
    ints = (*sizes, a[0].size, b[0].size, m * n, *tiles)
    address = native.library_kernel(f"gemm_{NAMES[a.dtype.name]}")
    extent = batch * tiles[0] * tiles[1]
    step = ("kernel", address, (2, 0, 1), ints, extent, grain)
    output = ("new", aval((batch, m, n), a.dtype))
    plan = native.Plan(2, [], [], [output], [step], 0)
    (out,) = plan(native.wrap(a), native.wrap(b))
    return np.asarray(out)


@pytest.mark.parametrize("dtype", NAMES)
@pytest.mark.parametrize("trans", [*itertools.product((0, 1, 2), (0, 1, 2))])
def test_products_of_any_orientation(dtype, trans):
    a, b = draw((2, 37, 21), dtype, 1), draw((2, 21, 45), dtype, 2)
    expected = a @ b
    for tiles in ((1, 1), (3, 1), (1, 2), (3, 3), (7, 5)):
        found = multiply(stored(a, trans[0]), stored(b, trans[1]), trans, tiles)
        np.testing.assert_allclose(
            found, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype]
        )


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize(("batch", "tiles"), [(1, (4, 4)), (5, (2, 3)), (64, (1, 1))])
def test_products_are_split_over_threads(threads, batch, tiles):
    former = native.get_num_threads()
    native.set_num_threads(threads)
    a, b = draw((batch, 130, 64), "float64"), draw((batch, 64, 70), "float64")
    for grain in (1, 2, 5):
        found = multiply(a, b, tiles=tiles, grain=grain)
        np.testing.assert_allclose(found, a @ b, rtol=1e-12, atol=1e-12)
    native.set_num_threads(former)


@pytest.mark.parametrize("shape", [(0, 3, 4), (3, 0, 4), (3, 4, 0), (1, 1, 1)])
def test_products_with_empty_dimensions(shape):
    m, k, n = shape
    a, b = draw((2, m, k), "float32"), draw((2, k, n), "float32")
    found = multiply(a, b, tiles=(2, 2))
    np.testing.assert_allclose(found, a @ b, rtol=1e-5)


def test_operands_shared_by_a_batch_and_wide_rows():
    a, b = draw((4, 6, 10), "float32"), draw((5, 8), "float32")
    ints = (6, 8, 5, 0, 0, 10, 8, 8, 60, 0, 48, 1, 1)
    address = native.library_kernel("gemm_f32")
    step = ("kernel", address, (2, 0, 1), ints, 4, 1)
    plan = native.Plan(2, [], [], [("new", aval((4, 6, 8)))], [step], 0)
    (out,) = plan(native.wrap(a), native.wrap(b))
    np.testing.assert_allclose(np.asarray(out), a[:, :, :5] @ b, rtol=1e-4, atol=1e-5)


def test_what_was_in_the_output_does_not_matter():
    a, b = draw((1, 4, 3), "float32"), draw((1, 3, 4), "float32")
    ints = (4, 4, 3, 0, 0, 3, 4, 4, 0, 0, 0, 1, 1)
    step = ("kernel", native.library_kernel("gemm_f32"), (3, 0, 1), ints, 1, 1)
    output = ("donated", 2, aval((1, 4, 4)))
    plan = native.Plan(3, [], [], [output], [step], 0)
    junk = native.wrap(np.full((1, 4, 4), np.nan, np.float32))
    (out,) = plan(native.wrap(a), native.wrap(b), junk)
    np.testing.assert_allclose(np.asarray(out), a @ b, rtol=1e-5)


@pytest.mark.parametrize("size", [0, 1, 1000, 300_000])
def test_copies(size):
    x = np.arange(size)
    step = ("kernel", native.library_kernel("copy"), (1, 0), (8,), size, 4096)
    plan = native.Plan(1, [], [], [("new", aval((size,), "int64"))], [step], 0)
    (out,) = plan(native.wrap(x))
    assert np.array_equal(np.asarray(out), x) and not np.shares_memory(out, x)


def test_an_unknown_kernel():
    with pytest.raises(ValueError) as raised:
        native.library_kernel("gemm")
    assert str(raised.value) == (
        "library_kernel: there is no kernel 'gemm'; there are gemm_f32, gemm_f64, "
        "gemm_c64, gemm_c128, copy, and those of src/runtime/kernel_*.cpp."
    )


def test_the_library_is_opened_at_the_first_use():
    program = """
from chainrule.runtime import _native as native
def is_open():
    with open("/proc/self/maps") as file:
        return "scipy_openblas64/lib" in file.read()
native.library_kernel("copy")
print(is_open())
native.library_kernel("gemm_f64")
print(is_open())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.stdout == "False\nTrue\n", ended.stderr
