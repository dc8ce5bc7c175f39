"""Compiled Fourier transforms against NumPy's in double precision, for all kinds of
lengths: rows, columns, one long row, real ones and the ways back."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp

PRECISIONS = {"complex64": (np.float32, 2.0**-24), "complex128": (np.float64, 2.0**-53)}
"""The real type, and the unit of rounding."""
LONG = [
    243, 343, 500, 512, 625, 1000, 1009, 1024, 1331, 2048, 2310, 4096, 4099, 5000, 7 * 769,
    8192, 10007, 13**4, 16384, 3**9, 20014, 65536, 65537, 5**7, 2**17,
]  # fmt: skip
BOUND = 12
"""Of the error's norm by that of the result, in units of rounding; the reference has its
own error where the unit is that of doubles."""


@pytest.fixture(autouse=True)
def wide():
    with cr.enable_x64(True):
        yield


def signal(*shape, dtype="complex128"):
    rng = np.random.default_rng(sum(shape))
    x = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return x.astype(dtype)


def assert_close(found, want, unit):
    found = np.asarray(found)
    assert found.shape == want.shape
    assert found.dtype.itemsize == want.dtype.itemsize * (1 if unit < 1e-12 else 0.5)
    error = np.linalg.norm((found - want).ravel()) / max(
        np.linalg.norm(want.ravel()), 1e-300
    )
    assert error <= BOUND * unit, error / unit


def check(name, x, unit, axis=-1, n=None):
    options = {"axis": axis} | ({} if n is None else {"n": n})
    found = cr.jit(lambda x: getattr(cnp.fft, name)(x, **options))(x)
    exact = x.astype(np.complex128 if np.iscomplexobj(x) else np.float64)
    assert_close(found, getattr(np.fft, name)(exact, **options), unit)


def check_all(x, unit):
    n = x.shape[-1]
    check("fft", x, unit)
    check("ifft", x, unit)
    check("rfft", np.ascontiguousarray(x.real), unit)
    check("irfft", x[..., : n // 2 + 1], unit, n=n)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("first", range(1, 201, 25))
def test_all_lengths_of_one_row_and_of_more_than_a_vector_has_lanes(first, dtype):
    for n in range(first, first + 25):
        for rows in (1, 3, 21):
            check_all(signal(rows, n, dtype=dtype), PRECISIONS[dtype][1])


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("n", LONG)
def test_long_rows(n, dtype):
    check_all(signal(n, dtype=dtype), PRECISIONS[dtype][1])


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("n", [700, 997, 1024, 3001])
def test_many_long_rows(n, dtype):
    check_all(signal(9, n, dtype=dtype), PRECISIONS[dtype][1])


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize(
    "shape",
    [(1, 5), (8, 16), (30, 40), (97, 3), (512, 33), (5000, 3), (4098, 18), (2, 0)],
)
def test_columns(shape, dtype):
    for lead in ((), (3,)):
        x = signal(*lead, *shape, dtype=dtype)
        check("fft", x, PRECISIONS[dtype][1], axis=-2)
        check("ifft", x, PRECISIONS[dtype][1], axis=-2)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("norm", ["ortho", "forward"])
@pytest.mark.parametrize("n", [6, 63, 1024])
def test_hermitian_transforms(n, norm, dtype):
    x, unit = signal(5, n, dtype=dtype), PRECISIONS[dtype][1]
    wide = x.astype(np.complex128)
    back = cr.jit(lambda x: cnp.fft.hfft(x, norm=norm))(x)
    assert_close(back, np.fft.hfft(wide, norm=norm), unit)
    there = cr.jit(lambda x: cnp.fft.ihfft(x, norm=norm))(x.real)
    assert_close(there, np.fft.ihfft(wide.real, norm=norm), unit)


@pytest.mark.parametrize("n", [6, 17, 1024, 2039])
def test_what_is_not_finite_stays_in_its_row(n):
    x = signal(19, n, dtype="complex64")
    spoilt = x.copy()
    spoilt[7, n // 2] = np.nan
    spoilt[11, 0] = np.inf
    found, want = (np.asarray(cr.jit(cnp.fft.fft)(v)) for v in (spoilt, x))
    others = np.arange(19)[~np.isin(np.arange(19), (7, 11))]
    np.testing.assert_array_equal(found[others], want[others])
    assert np.isnan(found[7]).all()
    assert not np.isfinite(found[11]).any()


def test_the_imaginary_parts_that_a_real_result_has_no_use_for_are_left_out():
    """Of the first entry, and of the last one where the result is of even length."""
    for n in (1, 2, 7, 8, 64, 1000, 1001):
        x = signal(3, n // 2 + 1)
        found = cr.jit(lambda x, n=n: cnp.fft.irfft(x, n))(x)
        spoilt = x.copy()
        spoilt[:, 0] += 5j
        spoilt[:, -1] += 3j if n % 2 == 0 else 0
        again = cr.jit(lambda x, n=n: cnp.fft.irfft(x, n))(spoilt)
        np.testing.assert_array_equal(found, again)


@pytest.mark.parametrize("shape", [(40_000,), (70, 900), (900, 70), (8193,)])
def test_results_do_not_depend_on_the_number_of_threads(shape):
    x = signal(*shape, dtype="complex64")
    f = cr.jit(
        lambda x: (cnp.fft.fft(x, axis=0), cnp.fft.rfft(x.real), cnp.fft.ifftn(x))
    )
    before = cr.get_num_threads()
    results = []
    try:
        for count in (1, 4):
            cr.set_num_threads(count)
            results.append([np.asarray(y) for y in f(x)])
    finally:
        cr.set_num_threads(before)
    for one, four in zip(*results, strict=True):
        np.testing.assert_array_equal(one, four)


def test_a_length_that_comes_again_finds_other_tables_in_between():
    """More lengths than tables are kept of."""
    x = signal(3 * 40, dtype="complex64")
    for n in [*range(30, 120, 2), *range(30, 120, 30)]:
        check("fft", x[:n], 2.0**-24)
