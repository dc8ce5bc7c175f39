"""fft: discrete Fourier transforms over the last dimensions; compiled, by the runtime's
own kernels (src/runtime/fft.h), else by NumPy's.

FFT and IFFT take complex operands; RFFT takes real ones and leaves out the redundant
half of the last dimension, which IRFFT restores. The inverse ones divide by the number
of points. All are linear over the reals; precision is that of the operand.

Transposes, with cotangents paired without conjugation: FFT and IFFT are symmetric. RFFT
is FFT of a real vector, cut: its transpose pads, transforms and takes the real part.
IRFFT sums Re(x_k e^(i t)) with weight 1 at the entries that are their own mirror images
and 2 elsewhere: its transpose is the conjugate of RFFT with those weights.

`fft_along` is FFT or IFFT of any one dimension: kernels transform columns where they lie,
which takes a fraction of the time of moving them.
"""

from __future__ import annotations

import enum
import math
from functools import cache
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import wrap
from ..core.primitive import Primitive
from ..core.printer import readable
from .elementwise_complex import real_p
from .matrices import conj
from .shaping import full, move_dim
from .slicing import pad_p


@readable
class FftType(enum.IntEnum):
    """Which transform `lax.fft` computes."""

    FFT = 0
    IFFT = 1
    RFFT = 2
    IRFFT = 3


_double = frozenset((dtypes.float64, dtypes.complex128))


def _check_lengths(x: Any, kind: FftType, lengths: Any) -> None:
    count = len(lengths)
    given = f"fft_lengths {tuple(lengths)} for an operand of shape {x.shape}"
    if not 1 <= count <= x.ndim:
        raise ValueError(f"fft: takes 1 to {x.ndim} lengths; got {given}.")
    sizes = tuple(x.shape[x.ndim - count :])
    wanted = tuple(lengths)
    if kind == FftType.IRFFT:
        wanted = (*lengths[:-1], lengths[-1] // 2 + 1)
    if sizes != wanted:
        raise ValueError(
            f"fft: the last dimensions must be {wanted} for {kind.name}; got {given}."
        )
    if 0 in lengths and x.size:
        raise ValueError(f"fft: lengths must be positive; got {given}.")


def _abstract(x: Any, *, fft_type: FftType, fft_lengths: Any) -> Any:
    kind = FftType(fft_type)
    real = kind == FftType.RFFT
    accepted = "float32 and float64" if real else "complex64 and complex128"
    fits = dtypes.is_float(x.dtype) if real else dtypes.is_complex(x.dtype)
    if not fits or x.dtype.itemsize < 4:
        raise TypeError(
            f"fft: {kind.name} takes {accepted} operands; got {x.str_short()}. Convert"
            " it with astype."
        )
    _check_lengths(x, kind, fft_lengths)
    lead = x.shape[: x.ndim - len(fft_lengths)]
    if kind == FftType.RFFT:
        last = fft_lengths[-1] // 2 + 1
        return (*lead, *fft_lengths[:-1], last), dtypes.with_complex(x.dtype)
    if kind == FftType.IRFFT:
        return (*lead, *fft_lengths), dtypes.real_part(x.dtype)
    return x.shape, x.dtype


_names = ("fft", "ifft", "rfft", "irfft")
_operand_chars = ("FD", "FD", "fd", "FD")


def _evaluate(x: Any, *, fft_type: FftType, fft_lengths: Any) -> Any:
    lengths = fft_lengths
    shape = x.shape[x.ndim - len(lengths) :]
    wanted = lengths
    if fft_type == FftType.IRFFT:
        wanted = (*lengths[:-1], lengths[-1] // 2 + 1)
    if shape != wanted or x.dtype.char not in _operand_chars[fft_type]:
        raise ValueError("fft: operand does not fit")
    if not x.size or 0 in lengths:
        return _empty(x, fft_type, lengths)
    if len(lengths) == 1:
        return _along_last(fft_type)(x, lengths[0])
    name = _names[fft_type]
    axes = range(x.ndim - len(lengths), x.ndim)
    return getattr(np.fft, f"{name}n")(x, lengths, axes)


@cache
def _along_last(fft_type: FftType) -> Any:
    """NumPy's transform of the last dimension; numpy.fft is loaded at the first use."""
    return getattr(np.fft, _names[fft_type])


def _empty(x: Any, fft_type: FftType, lengths: Any) -> Any:
    shape = [*x.shape[: x.ndim - len(lengths)], *lengths]
    double = x.dtype in _double
    if fft_type == FftType.IRFFT:
        return np.zeros(shape, np.float64 if double else np.float32)
    if fft_type == FftType.RFFT:
        shape[-1] = lengths[-1] // 2 + 1
    return np.zeros(shape, np.complex128 if double else np.complex64)


def _transpose(ct: Any, x: Any, *, fft_type: FftType, fft_lengths: Any) -> Any:
    if fft_type == FftType.RFFT:
        return (_rfft_transpose(ct, fft_lengths),)
    if fft_type == FftType.IRFFT:
        return (_irfft_transpose(ct, fft_lengths),)
    return (fft_p(ct, fft_type=fft_type, fft_lengths=fft_lengths),)


def _rfft_transpose(ct: Any, lengths: Any) -> Any:
    missing = lengths[-1] - ct.shape[-1]
    config = [(0, 0, 0)] * (ct.ndim - 1) + [(0, missing, 0)]
    padded = pad_p(ct, full((), 0, ct.dtype), padding_config=tuple(config))
    return real_p(fft_p(padded, fft_type=FftType.FFT, fft_lengths=lengths))


def _irfft_transpose(ct: Any, lengths: Any) -> Any:
    n = lengths[-1]
    weights = np.full(n // 2 + 1, 2 / math.prod(lengths))
    weights[0] /= 2
    if n % 2 == 0:
        weights[-1] = weights[0]
    x = fft_p(ct, fft_type=FftType.RFFT, fft_lengths=lengths)
    return conj(x) * wrap(weights.astype(ct.dtype))


def _batch(args: Any, dims: Any, size: int, **params: Any) -> Any:
    return fft_p(move_dim(args[0], dims[0], 0), **params), 0


def _lower(build: Any, x: Any, *, fft_type: FftType, fft_lengths: Any) -> Any:
    """One transform after another, in NumPy's order of the axes."""
    precision = "f64" if x.aval.dtype in _double else "f32"
    complex_dtype = dtypes.with_complex(x.aval.dtype)
    first, last = len(x.shape) - len(fft_lengths), len(x.shape) - 1
    shape, name = list(x.shape), _names[fft_type]
    if 0 in shape or 0 in fft_lengths:
        return build.native(f"{name}_{precision}", [x], [build.out], (0, 1, 1, 1), 0)[0]
    inner = "ifft" if fft_type in (FftType.IFFT, FftType.IRFFT) else "fft"
    passes = [(axis, inner) for axis in range(first, last)]
    if fft_type == FftType.IRFFT:
        passes.append((last, name))
    else:
        passes = [(last, name), *passes[::-1]]
    for axis, kind in passes:
        points = shape[axis]
        shape[axis] = {"rfft": points // 2 + 1, "irfft": fft_lengths[-1]}.get(
            kind, points
        )
        before, after = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
        dtype = build.out.dtype if kind == "irfft" else complex_dtype
        aval = build.aval(tuple(shape), dtype, build.out.weak_type)
        sizes = before, points, shape[axis], after
        (x,) = build.native(f"{kind}_{precision}", [x], [aval], sizes, before * after)
    return x


fft_p = Primitive(
    "fft",
    "The discrete Fourier transform, or its inverse, over the last dimensions.",
    abstract=_abstract,
    linear=(0,),
    transpose=_transpose,
    batch=_batch,
    evaluate=_evaluate,
    lower=_lower,
)


# --- along one dimension, which stays where it is -------------------------------------


def _along_abstract(x: Any, *, fft_type: FftType, axis: int) -> Any:
    if fft_type not in (FftType.FFT, FftType.IFFT) or not dtypes.is_complex(x.dtype):
        raise TypeError(
            "fft_along: takes complex operands, and makes FFT or IFFT; got"
            f" {x.str_short()} for {FftType(fft_type).name}."
        )
    if not 0 <= axis < x.ndim:
        raise ValueError(
            f"fft_along: axis {axis} is out of bounds for shape {x.shape}; use"
            f" 0 <= axis < {x.ndim}."
        )
    return x.shape, x.dtype


def _along_evaluate(x: Any, *, fft_type: FftType, axis: int) -> Any:
    if not x.size:
        return x.copy()
    return getattr(np.fft, _names[fft_type])(x, axis=axis)


def _along_transpose(ct: Any, x: Any, *, fft_type: FftType, axis: int) -> Any:
    return (fft_along_p(ct, fft_type=fft_type, axis=axis),)


def _along_batch(args: Any, dims: Any, size: int, *, axis: int, **params: Any) -> Any:
    return fft_along_p(move_dim(args[0], dims[0], 0), axis=axis + 1, **params), 0


def _along_lower(build: Any, x: Any, *, fft_type: FftType, axis: int) -> Any:
    precision = "f64" if x.aval.dtype in _double else "f32"
    before, points, after = (
        math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :]),
    )  # fmt: skip
    sizes, extent = (before, points, points, after), before * after
    if 0 in x.shape:
        sizes, extent = (0, 1, 1, 1), 0
    name = f"{_names[fft_type]}_{precision}"
    return build.native(name, [x], [build.out], sizes, extent)[0]


fft_along_p = Primitive(
    "fft_along",
    "The discrete Fourier transform, or its inverse, along one dimension.",
    abstract=_along_abstract,
    linear=(0,),
    transpose=_along_transpose,
    batch=_along_batch,
    evaluate=_along_evaluate,
    lower=_along_lower,
)

__all__ = ["FftType", "fft_along_p", "fft_p"]
