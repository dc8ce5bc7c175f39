"""lax.fft: discrete Fourier transforms over the last dimensions of an array."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from ..core import dtypes
from ..core.avals import as_array
from ..ops.fft import FftType, fft_p
from ..ops.shaping import convert
from .binding import bind


def fft(x: Any, fft_type: FftType | str, fft_lengths: Sequence[int]) -> Any:
    """The discrete Fourier transform over the last len(fft_lengths) dimensions.

    Args:
        x: complex; real for RFFT. Real operands of the others are converted.
        fft_type: FftType.FFT, IFFT, RFFT, IRFFT, or its name.
        fft_lengths: sizes of these dimensions (of the result, for IRFFT).

    Returns:
        The transform; the inverse ones divide by the number of points.

    Raises:
        ValueError: an unknown type, complex input of RFFT, or lengths that do not fit.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.fft(cnp.ones(4), "rfft", (4,)).real.tolist()
    [4.0, 0.0, 0.0]
    """
    kind = _kind(fft_type)
    lengths = tuple(operator.index(n) for n in fft_lengths)
    x = as_array(x, "fft")
    if kind == FftType.RFFT:
        if dtypes.is_complex(x.dtype):
            raise ValueError(
                f"fft: only real valued inputs supported for rfft; got {x.dtype}."
            )
    elif dtypes.kind(x.dtype) in "biuf":
        x = convert(x, dtypes.with_complex(x.dtype))
    if not lengths:
        return x
    return bind(fft_p, x, fft_type=kind, fft_lengths=lengths)


def _kind(fft_type: FftType | str) -> FftType:
    if isinstance(fft_type, str):
        found = FftType.__members__.get(fft_type.upper())
        if found is None:
            raise ValueError(
                f"fft: Unknown FFT type {fft_type!r}; use one of"
                f" {', '.join(FftType.__members__)}."
            )
        return found
    return FftType(fft_type)


__all__ = ["FftType", "fft"]
