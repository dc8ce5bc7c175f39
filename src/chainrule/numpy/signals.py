"""One-dimensional convolution and correlation, and interpolation between samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes
from ..ops.convolution import ConvDimensionNumbers, conv_general_dilated_p
from ..ops.elementwise_complex import abs_p, conj_p
from ..ops.elementwise_compound import remainder_p
from ..ops.elementwise_logic import gt_p, le_p, lt_p
from ..ops.elementwise_selection import clamp_p, select
from ..ops.joining import concatenate, rev_p, slice_along
from ..ops.precision import canonical_precision
from ..ops.shaping import full, reshape
from ..ops.sorting import sort_p
from .promotion import operand, promote, promote_inexact
from .sorting import searchsorted
from .taking import take

_in_order = ConvDimensionNumbers((0, 1, 2), (0, 1, 2), (0, 1, 2))


def _pads(name: str, mode: str, m: int) -> tuple[int, int]:
    """The padding with which a kernel of size m slides over the longer operand."""
    if mode == "valid":
        return (0, 0)
    if mode == "same":
        return (m // 2, m - m // 2 - 1)
    if mode == "full":
        return (m - 1, m - 1)
    raise ValueError(
        f"{name}: mode {mode!r} is unknown; use 'full', 'same' or 'valid'."
    )


def _operands(name: str, a: Any, v: Any) -> tuple[Any, Any]:
    a, v = promote_inexact(name, a, v)
    if a.ndim != 1 or v.ndim != 1:
        raise ValueError(
            f"{name}: only 1-D arrays are supported; got shapes {a.shape} and"
            f" {v.shape}."
        )
    if not a.size or not v.size:
        raise ValueError(
            f"{name}: arrays cannot be empty; got shapes {a.shape} and {v.shape}."
        )
    return a, v


def _slide(
    x: Any, k: Any, pads: tuple[int, int], precision: Any, preferred: Any
) -> Any:
    """The sums of products of kernel `k` with the windows of `x`."""
    out = conv_general_dilated_p(
        reshape(x, (1, 1, x.size)),
        reshape(k, (1, 1, k.size)),
        window_strides=(1,),
        padding=(pads,),
        lhs_dilation=(1,),
        rhs_dilation=(1,),
        dimension_numbers=_in_order,
        feature_group_count=1,
        batch_group_count=1,
        precision=canonical_precision("convolve", precision),
        preferred_element_type=preferred,
    )
    return reshape(out, (out.size,))


def _preferred(name: str, dtype: Any) -> Any:
    return None if dtype is None else dtypes.check_array_dtype(name, dtype)


def convolve(
    a: Any,
    v: Any,
    mode: str = "full",
    *,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Any:
    """The convolution of two 1-D arrays.

    Args:
        a, v: arrays of shapes (n,) and (m,); integers are taken as floating-point.
        mode: "full" (n + m - 1 elements), "same" (max(n, m), the middle of these) or
            "valid" (only where the shorter one lies within the longer).
        precision: accepted and recorded; products are of full precision.
        preferred_element_type: dtype of the result.

    Raises:
        ValueError: an unknown mode, empty arrays, or other ranks.

    >>> import chainrule.numpy as cnp
    >>> cnp.convolve(cnp.array([1., 2., 3.]), cnp.array([1., 1.])).tolist()
    [1.0, 3.0, 5.0, 3.0]
    """
    a, v = _operands("convolve", a, v)
    if a.size < v.size:
        a, v = v, a
    pads = _pads("convolve", mode, v.size)
    preferred = _preferred("convolve", preferred_element_type)
    return _slide(a, rev_p(v, dimensions=(0,)), pads, precision, preferred)


def correlate(
    a: Any,
    v: Any,
    mode: str = "valid",
    *,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Any:
    """The cross-correlation of two 1-D arrays: sums of a[n + k] times v[n] conjugated.

    Args: those of `convolve`.

    >>> import chainrule.numpy as cnp
    >>> cnp.correlate(cnp.array([1., 2., 3.]), cnp.array([0., 1.])).tolist()
    [2.0, 3.0]
    """
    a, v = _operands("correlate", a, v)
    if dtypes.is_complex(v.dtype):
        v = conj_p(v, input_dtype=v.dtype)
    preferred = _preferred("correlate", preferred_element_type)
    if a.size >= v.size:
        pads = _pads("correlate", mode, v.size)
        return _slide(a, v, pads, precision, preferred)
    pads = _pads("correlate", mode, a.size)
    v, a = rev_p(v, dimensions=(0,)), rev_p(a, dimensions=(0,))
    return _slide(v, a, pads, precision, preferred)


# --- interpolation --------------------------------------------------------------------


def _end(side: str, value: Any) -> Any:
    if isinstance(value, str) and value != "extrapolate":
        raise ValueError(
            f"interp: the only string that {side} may be is 'extrapolate'; got"
            f" {value!r}."
        )
    return value


def interp(
    x: Any,
    xp: Any,
    fp: Any,
    left: Any = None,
    right: Any = None,
    period: Any = None,
) -> Any:
    """Linear interpolation between samples.

    Args:
        x: where to evaluate, any shape.
        xp: positions of the samples, increasing, shape (n,).
        fp: the samples, shape (n,); may be complex.
        left, right: values below and above the positions; None: the first and last
            sample; "extrapolate": the line through the outermost two.
        period: for periodic positions (in any order), their period.

    Raises:
        ValueError: `xp` and `fp` are not 1-D of one size, or a period of zero.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.interp(0.5, cnp.array([0., 1.]), cnp.array([3., 5.])))
    4.0
    """
    left, right = _end("left", left), _end("right", right)
    xp, fp = operand("interp", xp), operand("interp", fp)
    if xp.ndim != 1 or xp.shape != fp.shape:
        raise ValueError(
            "interp: xp and fp must be 1-D and of one size; got shapes"
            f" {xp.shape} and {fp.shape}."
        )
    if not xp.size:
        raise ValueError("interp: needs at least one sample; xp has shape (0,).")
    x, xp = promote_inexact("interp", x, xp)
    (fp,) = promote_inexact("interp", fp)
    if dtypes.is_complex(x.dtype):
        raise ValueError("interp: positions must be real numbers.")
    if period is not None:
        x, xp, fp = _periodic(x, xp, fp, period)
        left = right = "extrapolate"
    y = _between(x, xp, fp)
    n = xp.shape[0]
    ends = ((lt_p, 0, left), (gt_p, n - 1, right))
    for beyond, i, value in ends:
        if isinstance(value, str):
            continue
        edge = reshape(slice_along(xp, i, i + 1, 0), ())
        if value is None:
            other = reshape(slice_along(fp, i, i + 1, 0), ())
        else:
            other = operand("interp", value)
        y, other = promote("interp", y, other)
        y = select(beyond(x, edge), other, y)
    return y


def _periodic(x: Any, xp: Any, fp: Any, period: Any) -> tuple[Any, Any, Any]:
    """Positions within one period, sorted, with a sample beyond each end."""
    if isinstance(period, (int, float)) and period == 0:
        raise ValueError(f"interp: period must be a non-zero value; got {period}.")
    x, xp, p = promote_inexact("interp", x, xp, period)
    p = abs_p(p)
    x, xp = remainder_p(x, p), remainder_p(xp, p)
    xp, fp = sort_p(xp, fp, dimension=0, is_stable=True, num_keys=1)
    n = xp.shape[0]
    first, last = slice_along(xp, 0, 1, 0), slice_along(xp, n - 1, n, 0)
    xp = concatenate([last - p, xp, first + p], 0)
    fp = concatenate([slice_along(fp, n - 1, n, 0), fp, slice_along(fp, 0, 1, 0)], 0)
    return x, xp, fp


def _between(x: Any, xp: Any, fp: Any) -> Any:
    """The line through the samples on both sides of each position."""
    n = xp.shape[0]
    if n == 1:
        return reshape(fp, ()) + x * full((), 0, x.dtype)
    i = searchsorted(xp, x, side="right")
    i = clamp_p(full((), 1, i.dtype), i, full((), n - 1, i.dtype))
    x0, x1 = take(xp, i - 1), take(xp, i)
    y0, y1 = take(fp, i - 1), take(fp, i)
    step = x1 - x0
    tiny = full((), np.spacing(np.float32(1) if x.dtype == np.float32 else 1), x.dtype)
    flat = le_p(abs_p(step), tiny)
    share = (x - x0) / select(flat, full((), 1, x.dtype), step)
    return select(flat, y0, y0 + share * (y1 - y0))


__all__ = ["convolve", "correlate", "interp"]
