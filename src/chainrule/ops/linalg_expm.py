"""The matrix exponential by scaling and squaring, evaluated on NumPy arrays.

Pade approximants of degree 3 to 13, chosen by the 1-norm against the bounds theta of
Higham, The scaling and squaring method for the matrix exponential revisited, 2005
(table 2.3 for float64, and those for float32); the derivative in a direction follows
the same steps differentiated (Al-Mohy and Higham, Computing the Frechet derivative of
the matrix exponential, 2009, algorithm 6.4), at the bounds of its table 6.1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..runtime import lapack

_coefficients = {
    m: [
        math.factorial(2 * m - k) * math.factorial(m)
        // (math.factorial(k) * math.factorial(m - k))
        / math.factorial(m)
        for k in range(m + 1)
    ]
    for m in (3, 5, 7, 9, 13)
}  # fmt: skip
"""Numerator coefficients b_0..b_m of the Pade approximants, up to a common factor."""

_theta = {
    8: {3: 1.495585217958292e-2, 5: 2.539398330063230e-1, 7: 9.504178996162932e-1,
        9: 2.097847961257068, 13: 5.371920351148152},
    4: {3: 4.258730016922831e-1, 5: 1.880152677804762, 7: 3.925724783138660},
}  # fmt: skip
_theta_derivative = {
    8: {3: 1.08e-2, 5: 2.00e-1, 7: 7.83e-1, 9: 1.78, 13: 4.74},
    4: {3: 3.08e-1, 5: 1.48, 7: 3.23},
}
"""Largest 1-norms at which a degree is exact to rounding, by bytes of a real number."""


def _plan(norm: float, bounds: dict[int, float]) -> tuple[int, int]:
    """The degree and the number of squarings for a matrix of the given 1-norm."""
    for degree, bound in bounds.items():
        if norm <= bound:
            return degree, 0
    degree = max(bounds)
    return degree, max(0, math.ceil(math.log2(norm / bounds[degree])))


def _powers(a: Any, degree: int) -> Any:
    """1, a^2, a^4, ... as far as polynomials of the degree use them, stacked."""
    count = (degree - 1) // 2 + 1 if degree < 13 else 4
    out = np.empty((count, *a.shape), a.dtype)
    out[0], out[1] = np.eye(a.shape[-1], dtype=a.dtype), a @ a
    for k in range(2, count):
        np.matmul(out[k - 1], out[1], out=out[k])
    return out


def _combined(rows: Any, powers: Any) -> Any:
    """For each row of coefficients the sum of as many powers, times these: all in one
    product, which reads every power once."""
    weights = np.asarray(rows, powers.real.dtype).astype(powers.dtype)
    return (weights @ powers.reshape(len(powers), -1)).reshape(-1, *powers.shape[1:])


def _odd_even(a: Any, degree: int) -> tuple[Any, Any]:
    """The odd and the even part of the numerator polynomial at `a`."""
    b = _coefficients[degree]
    p = _powers(a, degree)
    if degree < 13:
        odd, even = _combined((b[1::2], b[::2]), p)
        return a @ odd, even
    low_odd, low_even, high_odd, high_even = _combined(
        (b[1:8:2], b[:8:2], [0, *b[9::2]], [0, *b[8::2]]), p
    )
    return a @ (p[3] @ high_odd + low_odd), p[3] @ high_even + low_even


def _expm_one(a: Any, max_squarings: int) -> Any:
    norm = float(np.abs(a).sum(-2).max(initial=0))
    if not math.isfinite(norm):
        return np.full_like(a, np.nan)
    degree, squarings = _plan(norm, _theta[a.real.dtype.itemsize])
    if squarings > max_squarings:
        return np.full_like(a, np.nan)
    odd, even = _odd_even(a * 0.5**squarings, degree)
    r = lapack.solve(even - odd, even + odd)
    for _ in range(squarings):
        r = r @ r
    return r


def _over_stack(one: Any, *stacks: Any) -> Any:
    """`one` applied matrix by matrix; it returns one array."""
    shape = stacks[0].shape
    if len(shape) == 2:
        return one(*stacks)
    flat = [s.reshape(-1, *shape[-2:]) for s in stacks]
    out = [one(*matrices) for matrices in zip(*flat)]
    if not out:
        return np.zeros(shape, stacks[0].dtype)
    return np.stack(out).reshape(*shape[:-2], *out[0].shape)


def _check_square(a: Any) -> None:
    if a.ndim < 2 or a.shape[-1] != a.shape[-2] or a.dtype.char not in "fdFD":
        raise ValueError("expm: needs square matrices of LAPACK's dtypes")


def expm_compute(a: Any, *, max_squarings: int) -> Any:
    """Exponentials of a stack of square matrices."""
    _check_square(a)
    return _over_stack(lambda x: _expm_one(x, max_squarings), a)


def _both_parts(a: Any, e: Any, degree: int) -> tuple[Any, Any, Any, Any]:
    """Odd and even part of the numerator at `a`, and their derivatives along `e`."""
    b = _coefficients[degree]
    one, m1 = np.eye(a.shape[-1], dtype=a.dtype), np.zeros_like(a)
    a2, m2 = a @ a, a @ e + e @ a
    p, m = [one, a2], [m1, m2]
    for _ in range(2, (degree - 1) // 2 + 1 if degree < 13 else 4):
        m.append(m[-1] @ a2 + p[-1] @ m2)
        p.append(p[-1] @ a2)
    if degree < 13:
        odd = sum(b[2 * k + 1] * q for k, q in enumerate(p))
        d_odd = sum(b[2 * k + 1] * q for k, q in enumerate(m))
        even = sum(b[2 * k] * q for k, q in enumerate(p))
        d_even = sum(b[2 * k] * q for k, q in enumerate(m))
        return a @ odd, even, a @ d_odd + e @ odd, d_even

    def high(k: int) -> tuple[Any, Any]:
        q = [b[k + 4], b[k + 2], b[k]]
        top = q[0] * p[3] + q[1] * p[2] + q[2] * p[1]
        d_top = q[0] * m[3] + q[1] * m[2] + q[2] * m[1]
        low = [b[k - 2], b[k - 4], b[k - 6], b[k - 8]]
        value = p[3] @ top + sum(c * x for c, x in zip(low, p[::-1]))
        slope = m[3] @ top + p[3] @ d_top + sum(c * x for c, x in zip(low, m[::-1]))
        return value, slope

    (odd, d_odd), (even, d_even) = high(9), high(8)
    return a @ odd, even, a @ d_odd + e @ odd, d_even


def _both_one(a: Any, e: Any, max_squarings: int) -> Any:
    """expm(a) and its derivative along `e`, stacked."""
    norm = float(np.abs(a).sum(-2).max(initial=0))
    if not math.isfinite(norm):
        return np.full((2, *a.shape), np.nan, a.dtype)
    degree, squarings = _plan(norm, _theta_derivative[a.real.dtype.itemsize])
    if squarings > max_squarings + 1:
        return np.full((2, *a.shape), np.nan, a.dtype)
    scale = 0.5**squarings
    odd, even, d_odd, d_even = _both_parts(a * scale, e * scale, degree)
    q = even - odd
    r = lapack.solve(q, even + odd)
    d = lapack.solve(q, d_even + d_odd + (d_odd - d_even) @ r)
    for _ in range(squarings):
        d = r @ d + d @ r
        r = r @ r
    return np.stack([r, d])


def expm_and_derivative(a: Any, e: Any, max_squarings: int) -> tuple[Any, Any]:
    """Exponentials of a stack of matrices, and their derivatives along `e`."""
    _check_square(a)
    if a.shape != e.shape or a.dtype != e.dtype:
        raise ValueError("expm_frechet: needs a direction like the matrix")
    if not a.size:
        return np.zeros_like(a), np.zeros_like(a)
    both = _over_stack(lambda x, y: _both_one(x, y, max_squarings), a, e)
    return both[..., 0, :, :], both[..., 1, :, :]


__all__ = ["expm_and_derivative", "expm_compute"]
