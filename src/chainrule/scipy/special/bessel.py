"""Bessel functions of integer order: modified I0, I1, plain and scaled, and J."""

from __future__ import annotations

from typing import Any

from ...numpy.ufuncs_arithmetic import absolute
from ...numpy.ufuncs_exponential import bessel_i0, bessel_i1
from ...numpy.ufuncs_selection import where
from ...ops import elementwise_special as ops
from ...ops.joining import concatenate
from ...ops.shaping import reshape
from .declare import documented, of_x, real_operands

i0e = of_x(
    "i0e", ops.bessel_i0e_p, "exp(-|x|) I0(x), the scaled modified Bessel function.",
    "float(special.i0e(0.0))\n        1.0",
)  # fmt: skip
i1e = of_x(
    "i1e", ops.bessel_i1e_p, "exp(-|x|) I1(x), the scaled modified Bessel function.",
    "float(special.i1e(0.0))\n        0.0",
)  # fmt: skip
i0 = documented(
    lambda x: bessel_i0(*real_operands("i0", x)), "i0",
    "I0(x), the modified Bessel function of order 0.", "x",
    "float(special.i0(0.0))\n        1.0",
)  # fmt: skip
i1 = documented(
    lambda x: bessel_i1(*real_operands("i1", x)), "i1",
    "I1(x), the modified Bessel function of order 1.", "x",
    "float(special.i1(0.0))\n        0.0",
)  # fmt: skip


def bessel_jn(z: Any, *, v: int, n_iter: int = 50) -> Any:
    """The Bessel functions of the first kind J_0(z), ..., J_v(z).

    By Miller's backward recurrence from order `n_iter`, normalised by
    J_0 + 2 J_2 + 2 J_4 + ... = 1, which needs `n_iter` well above `v` and |z|.

    Args:
        z: real array or scalar.
        v: the highest order, a nonnegative Python integer.
        n_iter: the order at which the recurrence starts.

    Returns:
        A floating-point array of shape (v + 1, *z.shape).

    Raises:
        ValueError: if v is negative or n_iter not above v.

    Example:
        >>> from chainrule.scipy import special
        >>> [round(float(j), 4) for j in special.bessel_jn(1.0, v=1)]
        [0.7652, 0.4401]
    """
    if not 0 <= v < n_iter:
        raise ValueError(f"bessel_jn: needs 0 <= v < n_iter; got {v} and {n_iter}.")
    (z,) = real_operands("bessel_jn", z)
    zero = absolute(z) < 1e-6
    safe = where(zero, 1.0, z)
    start = 1e-30 if z.dtype.itemsize < 8 else 1e-250
    after, at = 0 * safe, 0 * safe + start
    total, found = (2 * at if n_iter % 2 == 0 else 0 * at), []
    for k in range(n_iter, 0, -1):
        before = (2 * k / safe) * at - after
        size = absolute(before)
        shrink = where(size > 1e25, 1e-25, 1.0)
        after, at, total = at * shrink, before * shrink, total * shrink
        found = [f * shrink for f in found]
        if (k - 1) % 2 == 0:
            total = total + (at if k == 1 else 2 * at)
        if k - 1 <= v:
            found.append(at)
    rows = [f / total for f in reversed(found)]
    limits = [1.0, 0.5 * z] + [0.0] * v
    rows = [where(zero, limit, row) for limit, row in zip(limits, rows)]
    return concatenate([reshape(row, (1, *z.shape)) for row in rows], 0)


__all__ = ["bessel_jn", "i0", "i0e", "i1", "i1e"]
