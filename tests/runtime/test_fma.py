"""Fused multiply-add rounds once: compared with exact rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest

from chainrule.runtime import _native

rng = np.random.default_rng(7)
x, y, z = rng.standard_normal((3, 400)) * 10.0 ** rng.integers(-6, 7, (3, 400))


def nearest(value, dtype):
    """The number of `dtype` nearest to an exact value, ties to even."""
    if dtype == np.float64:
        return float(value)
    near = np.float32(float(value))
    around = [np.nextafter(near, np.float32(s)) for s in (-np.inf, np.inf)]
    candidates = sorted((near, *around), key=lambda c: abs(Fraction(float(c)) - value))
    best = candidates[0]
    assert abs(Fraction(float(best)) - value) < abs(
        Fraction(float(candidates[1])) - value
    )
    return best


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_rounding(dtype):
    a, b, c = (v.astype(dtype) for v in (x, y, z))
    exact = [
        nearest(Fraction(float(p)) * Fraction(float(q)) + Fraction(float(r)), dtype)
        for p, q, r in zip(a, b, c)
    ]
    found = _native.fma(a, b, c)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.array(exact, dtype))
    assert (found != a * b + c).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_strides_and_broadcasting(dtype):
    a, b, c = (v.astype(dtype) for v in (x, y, z))
    whole = _native.fma(a, b, c)
    np.testing.assert_array_equal(_native.fma(a[::3], b[::3], c[::3]), whole[::3])
    np.testing.assert_array_equal(_native.fma(a[::-1], b[::-1], c[::-1]), whole[::-1])
    scalar = _native.fma(a, b[0], c[0])
    expected = [_native.fma(v, b[0], c[0]) for v in a]
    np.testing.assert_array_equal(scalar, expected)
    assert _native.fma(a[:0], b[:0], c[:0]).shape == (0,)


def test_special_values():
    inf, nan = np.inf, np.nan
    with np.errstate(invalid="ignore"):
        assert np.isnan(_native.fma(inf, 1.0, -inf))
        assert np.isnan(_native.fma(0.0, inf, 1.0))
    assert np.isnan(_native.fma(1.0, 1.0, nan))
    assert _native.fma(1e200, 1e200, -inf) == -inf
    assert np.signbit(_native.fma(-0.0, 1.0, -0.0))
