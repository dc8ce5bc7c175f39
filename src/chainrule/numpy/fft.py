"""Discrete Fourier transforms with NumPy's names: `chainrule.numpy.fft`.

Each is one `fft` primitive over the last dimensions, after cutting or padding to the
wanted lengths and moving the axes there, or one along a single axis, and before
scaling. Results are complex64 or complex128 as the input's precision says; integers
become floats.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

from ..core import dtypes
from ..core.avals import Array, as_array
from ..ops.arithmetic import mul_p
from ..ops.fft import FftType, fft_along_p, fft_p
from ..ops.joining import concatenate, iota, slice_along
from ..ops.matrices import conj
from ..ops.shaping import canonical_axis, convert, full, transpose
from ..ops.slicing import pad_p
from .creation import placed
from .promotion import inexact_operand, operand

_FORWARD = (FftType.FFT, FftType.RFFT)


# --- the general transform ------------------------------------------------------------


def _axes(name: str, x: Any, s: Any, axes: Any) -> tuple[int, ...]:
    if axes is None:
        count = x.ndim if s is None else len(s)
        axes = range(x.ndim - count, x.ndim)
    found = tuple(canonical_axis(name, operator.index(d), x.ndim) for d in axes)
    if len(set(found)) != len(found):
        raise ValueError(
            f"{name}: does not support repeated axes. Got axes {tuple(axes)}."
        )
    if s is not None and len(s) != len(found):
        raise ValueError(
            f"{name}: Shape and axes have different lengths: {tuple(s)} and"
            f" {tuple(axes)}."
        )
    return found


_wanted = {
    FftType.FFT: "FD", FftType.IFFT: "FD", FftType.IRFFT: "FD", FftType.RFFT: "fd",
}  # fmt: skip
"""Characters of the dtypes that each transform takes as they are."""


def _operand(name: str, a: Any, kind: FftType) -> Any:
    if isinstance(a, Array) and getattr(a.dtype, "char", "?") in _wanted[kind]:
        return a
    x = inexact_operand(f"fft.{name}", a)
    if dtypes.is_float(x.dtype) and x.dtype.itemsize < 4:
        x = convert(x, dtypes.float32)
    if kind == FftType.RFFT:
        if dtypes.is_complex(x.dtype):
            raise ValueError(
                f"{name}: only real valued inputs supported for rfft; got dtype"
                f" {x.dtype}."
            )
        return x
    return convert(x, dtypes.with_complex(x.dtype))


def _fitted(x: Any, axes: Sequence[int], sizes: Sequence[int]) -> Any:
    """`x` cut, or padded with zeros at the end, to `sizes` along `axes`."""
    if all(x.shape[d] == n for d, n in zip(axes, sizes)):
        return x
    config = [(0, 0, 0)] * x.ndim
    for d, n in zip(axes, sizes):
        config[d] = (0, n - x.shape[d], 0)
    return pad_p(x, full((), 0, x.dtype), padding_config=tuple(config))


def _factor(name: str, kind: FftType, norm: str | None, size: int) -> float:
    """What to multiply with to scale as `norm` says; the inverse divides by itself."""
    if norm not in (None, "backward", "ortho", "forward"):
        raise ValueError(
            f'{name}: Invalid norm value {norm}; should be "backward","ortho" or'
            ' "forward".'
        )
    if norm in (None, "backward"):
        return 1.0
    if norm == "ortho":
        return 1 / math.sqrt(size) if kind in _FORWARD else math.sqrt(size)
    return 1 / size if kind in _FORWARD else float(size)


def _transform(
    name: str, kind: FftType, a: Any, s: Any, axes: Any, norm: str | None
) -> Any:
    x = _operand(name, a, kind)
    axes = _axes(name, x, s, axes)
    if not axes:
        return x
    if s is None:
        lengths = [x.shape[d] for d in axes]
        if kind == FftType.IRFFT:
            lengths[-1] = max(0, 2 * (lengths[-1] - 1))
    else:
        lengths = [operator.index(n) for n in s]
    if any(n <= 0 for n in lengths) and (s is not None or x.size):
        raise ValueError(f"{name}: Shape should be positive; got {tuple(lengths)}.")
    sizes = list(lengths)
    if kind == FftType.IRFFT:
        sizes[-1] = lengths[-1] // 2 + 1
    factor = _factor(name, kind, norm, math.prod(lengths))
    x = _fitted(x, axes, sizes)
    y = _over_last(x, axes, kind, tuple(lengths))
    if factor == 1.0:
        return y
    return mul_p(y, full((), factor, y.dtype))


def _over_last(x: Any, axes: tuple[int, ...], kind: FftType, lengths: Any) -> Any:
    """The transform with `axes` moved to the end, and back; one of a single dimension
    stays where that is."""
    rank = x.ndim
    if axes == tuple(range(rank - len(axes), rank)):
        return fft_p(x, fft_type=kind, fft_lengths=lengths)
    if len(axes) == 1 and kind in (FftType.FFT, FftType.IFFT):
        return fft_along_p(x, fft_type=kind, axis=axes[0])
    order = [*(d for d in range(rank) if d not in axes), *axes]
    y = fft_p(transpose(x, order), fft_type=kind, fft_lengths=lengths)
    return transpose(y, sorted(range(rank), key=order.__getitem__))


def _one(
    name: str, kind: FftType, a: Any, n: int | None, axis: int, norm: str | None
) -> Any:
    if axis == -1 and n is None and norm is None and kind != FftType.IRFFT:
        x = _operand(name, a, kind)
        if x.ndim and x.shape[-1]:
            return fft_p(x, fft_type=kind, fft_lengths=x.shape[-1:])
    if isinstance(axis, (tuple, list)):
        raise ValueError(
            f"{name}: does not support multiple axes. Please use fftn and its kin. Got"
            f" axis = {axis}."
        )
    return _transform(name, kind, a, None if n is None else (n,), (axis,), norm)


def _two(
    name: str, kind: FftType, a: Any, s: Any, axes: Sequence[int], norm: str | None
) -> Any:
    if len(axes) != 2:
        raise ValueError(f"{name}: only supports 2 axes. Got axes = {tuple(axes)}.")
    return _transform(name, kind, a, s, axes, norm)


# --- one dimension --------------------------------------------------------------------


def fft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    """The discrete Fourier transform along one axis.

    Args:
        a: array; real ones are converted to complex.
        n: length to cut or pad to, default the axis's size.
        axis: the axis.
        norm: "backward" (as None): the sum of a[j] exp(-2 pi i j k / n); "ortho": that
            over sqrt(n); "forward": over n.

    Returns:
        Complex array of a's shape, with n along `axis`.

    Raises:
        ValueError: a bad axis, length or norm.

    >>> import chainrule.numpy as cnp
    >>> cnp.fft.fft(cnp.array([1., 0., 0., 0.])).real.tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    return _one("fft", FftType.FFT, a, n, axis, norm)


def ifft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    """The inverse of `fft` along one axis; arguments as there, 1/n with "backward".

    >>> import chainrule.numpy as cnp
    >>> cnp.fft.ifft(cnp.array([4., 0., 0., 0.])).real.tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    return _one("ifft", FftType.IFFT, a, n, axis, norm)


def rfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    """`fft` of real input without the redundant half: n // 2 + 1 entries.

    Raises:
        ValueError: the input is complex.

    >>> import chainrule.numpy as cnp
    >>> cnp.fft.rfft(cnp.array([1., 0., 0., 0.])).real.tolist()
    [1.0, 1.0, 1.0]
    """
    return _one("rfft", FftType.RFFT, a, n, axis, norm)


def irfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    """The inverse of `rfft`, real; n: length of the result, default 2 (size - 1).

    >>> import chainrule.numpy as cnp
    >>> cnp.fft.irfft(cnp.array([1., 1., 1.])).tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    return _one("irfft", FftType.IRFFT, a, n, axis, norm)


_swapped = {None: "forward", "backward": "forward", "forward": "backward"}


def hfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    """The real `fft` of a signal with Hermitian symmetry, of which half is given.

    Args:
        a: the non-negative half of the signal.
        n: length of the result, default 2 (size - 1).
        axis, norm: as in `fft`.

    >>> import chainrule.numpy as cnp
    >>> cnp.fft.hfft(cnp.array([1., 1., 1.])).tolist()
    [4.0, 0.0, 0.0, 0.0]
    """
    x = conj(inexact_operand("fft.hfft", a))
    return _one("hfft", FftType.IRFFT, x, n, axis, _swapped.get(norm, norm))


def ihfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    """The inverse of `hfft`: of real input, half of a signal with Hermitian symmetry.

    >>> import chainrule.numpy as cnp
    >>> cnp.fft.ihfft(cnp.array([4., 0., 0., 0.])).real.tolist()
    [1.0, 1.0, 1.0]
    """
    return conj(_one("ihfft", FftType.RFFT, a, n, axis, _swapped.get(norm, norm)))


# --- two and more dimensions ----------------------------------------------------------


def fft2(
    a: Any, s: Any = None, axes: Sequence[int] = (-2, -1), norm: str | None = None
) -> Any:
    """`fftn` over two axes.

    >>> import chainrule.numpy as cnp
    >>> cnp.fft.fft2(cnp.ones((2, 2))).real.tolist()
    [[4.0, 0.0], [0.0, 0.0]]
    """
    return _two("fft2", FftType.FFT, a, s, axes, norm)


def ifft2(
    a: Any, s: Any = None, axes: Sequence[int] = (-2, -1), norm: str | None = None
) -> Any:
    """The inverse of `fft2`.

    >>> import chainrule.numpy as cnp
    >>> cnp.fft.ifft2(cnp.ones((2, 2))).real.tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    return _two("ifft2", FftType.IFFT, a, s, axes, norm)


def rfft2(
    a: Any, s: Any = None, axes: Sequence[int] = (-2, -1), norm: str | None = None
) -> Any:
    """`rfftn` over two axes.

    >>> import chainrule.numpy as cnp
    >>> cnp.fft.rfft2(cnp.ones((2, 4))).shape
    (2, 3)
    """
    return _two("rfft2", FftType.RFFT, a, s, axes, norm)


def irfft2(
    a: Any, s: Any = None, axes: Sequence[int] = (-2, -1), norm: str | None = None
) -> Any:
    """The inverse of `rfft2`.

    >>> import chainrule.numpy as cnp
    >>> cnp.fft.irfft2(cnp.ones((2, 3))).shape
    (2, 4)
    """
    return _two("irfft2", FftType.IRFFT, a, s, axes, norm)


def fftn(
    a: Any, s: Any = None, axes: Sequence[int] | None = None, norm: str | None = None
) -> Any:
    """The discrete Fourier transform over several axes.

    Args:
        a: array.
        s: lengths to cut or pad to, one per axis.
        axes: the axes; default the last len(s), or all.
        norm: as in `fft`, with the product of the lengths for n.

    Raises:
        ValueError: repeated or bad axes, lengths or norm.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.fft.fftn(cnp.ones((2, 2, 2))).real[0, 0, 0])
    8.0
    """
    return _transform("fftn", FftType.FFT, a, s, axes, norm)


def ifftn(
    a: Any, s: Any = None, axes: Sequence[int] | None = None, norm: str | None = None
) -> Any:
    """The inverse of `fftn`.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.fft.ifftn(cnp.ones((2, 2, 2))).real[0, 0, 0])
    1.0
    """
    return _transform("ifftn", FftType.IFFT, a, s, axes, norm)


def rfftn(
    a: Any, s: Any = None, axes: Sequence[int] | None = None, norm: str | None = None
) -> Any:
    """`fftn` of real input, without the redundant half of the last axis.

    >>> import chainrule.numpy as cnp
    >>> cnp.fft.rfftn(cnp.ones((2, 2, 4))).shape
    (2, 2, 3)
    """
    return _transform("rfftn", FftType.RFFT, a, s, axes, norm)


def irfftn(
    a: Any, s: Any = None, axes: Sequence[int] | None = None, norm: str | None = None
) -> Any:
    """The inverse of `rfftn`.

    >>> import chainrule.numpy as cnp
    >>> cnp.fft.irfftn(cnp.ones((2, 2, 3))).shape
    (2, 2, 4)
    """
    return _transform("irfftn", FftType.IRFFT, a, s, axes, norm)


# --- frequencies, shifts --------------------------------------------------------------


def _frequencies(n: int, k: Any, d: Any, dtype: Any, device: Any) -> Any:
    dtype = (
        dtypes.default_float()
        if dtype is None
        else dtypes.check_array_dtype("fftfreq", dtype)
    )
    step = convert(as_array(d, "fftfreq"), dtype) * n
    out = convert(k, dtype) / step
    return placed(convert(out, dtype), device)


def fftfreq(n: int, d: Any = 1.0, *, dtype: Any = None, device: Any = None) -> Any:
    """The frequencies of the entries of `fft`, in cycles per unit of `d`.

    Args:
        n: length of the transform.
        d: distance between samples.
        dtype: dtype of the result, default float32 (float64 under enable_x64).
        device: where to put it.

    Returns:
        [0, 1, ..., (n-1)//2, -(n//2), ..., -1] / (n d).

    >>> import chainrule.numpy as cnp
    >>> cnp.fft.fftfreq(4).tolist()
    [0.0, 0.25, -0.5, -0.25]
    """
    n = int(n)
    k = iota(dtypes.int32, (n,))
    half = (n - 1) // 2 + 1
    first, last = slice_along(k, 0, half, 0), slice_along(k, half, n, 0) - n
    return _frequencies(n, concatenate([first, last], 0), d, dtype, device)


def rfftfreq(n: int, d: Any = 1.0, *, dtype: Any = None, device: Any = None) -> Any:
    """The frequencies of the entries of `rfft`: [0, 1, ..., n // 2] / (n d).

    >>> import chainrule.numpy as cnp
    >>> cnp.fft.rfftfreq(4).tolist()
    [0.0, 0.25, 0.5]
    """
    n = int(n)
    return _frequencies(n, iota(dtypes.int32, (n // 2 + 1,)), d, dtype, device)


def _rolled(name: str, x: Any, axes: Any, inverse: bool) -> Any:
    x = operand(f"fft.{name}", x)
    if axes is None:
        axes = range(x.ndim)
    elif not isinstance(axes, (tuple, list, range)):
        axes = (operator.index(axes),)
    for axis in axes:
        d = canonical_axis(name, axis, x.ndim)
        n = x.shape[d]
        cut = n // 2 if inverse else (n + 1) // 2
        if n > 1:
            x = concatenate([slice_along(x, cut, n, d), slice_along(x, 0, cut, d)], d)
    return x


def fftshift(x: Any, axes: None | int | Sequence[int] = None) -> Any:
    """`x` with the zero frequency moved to the middle of the given axes (default all).

    >>> import chainrule.numpy as cnp
    >>> cnp.fft.fftshift(cnp.array([0, 1, 2, -2, -1])).tolist()
    [-2, -1, 0, 1, 2]
    """
    return _rolled("fftshift", x, axes, inverse=False)


def ifftshift(x: Any, axes: None | int | Sequence[int] = None) -> Any:
    """The inverse of `fftshift`.

    >>> import chainrule.numpy as cnp
    >>> cnp.fft.ifftshift(cnp.array([-2, -1, 0, 1, 2])).tolist()
    [0, 1, 2, -2, -1]
    """
    return _rolled("ifftshift", x, axes, inverse=True)


__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifft2", "ifftn",
    "ifftshift", "ihfft", "irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq",
    "rfftn",
]  # fmt: skip
