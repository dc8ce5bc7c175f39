"""Samples of the discrete Fourier transform: each type, in one to three dimensions."""

import numpy as np

from chainrule.ops.fft import FftType

from . import Sample

_rng = np.random.default_rng(21)


def signal(*shape):
    x = _rng.standard_normal(shape) + 1j * _rng.standard_normal(shape)
    return x.astype(np.complex64)


_references = {
    FftType.FFT: np.fft.fftn, FftType.IFFT: np.fft.ifftn, FftType.RFFT: np.fft.rfftn,
    FftType.IRFFT: np.fft.irfftn,
}  # fmt: skip


def reference(kind, lengths):
    axes = tuple(range(-len(lengths), 0))
    return lambda x: _references[kind](x, lengths, axes)


def sample(kind, x, lengths, **more):
    params = {"fft_type": kind, "fft_lengths": lengths}
    return Sample("fft", (x,), params, reference(kind, lengths), **more)


SAMPLES = [
    *[
        sample(kind, signal(*shape), lengths, dtypes=("complex128",))
        for kind in (FftType.FFT, FftType.IFFT)
        for shape, lengths in (
            ((5,), (5,)), ((2, 3, 4), (3, 4)), ((2, 3, 2), (2, 3, 2)),
        )
    ],
    *[
        sample(FftType.RFFT, signal(*shape).real, lengths, dtypes=("float64",))
        for shape, lengths in (
            ((6,), (6,)), ((2, 5), (5,)), ((2, 3, 4), (3, 4)), ((1,), (1,)),
        )
    ],
    *[
        sample(FftType.IRFFT, signal(*shape), lengths, dtypes=("complex128",))
        for shape, lengths in (
            ((4,), (6,)), ((2, 3), (5,)), ((2, 3, 3), (3, 4)), ((1,), (1,)),
        )
    ],
    *[
        Sample(
            "fft_along", (signal(*shape),), {"fft_type": kind, "axis": axis},
            lambda x, kind=kind, axis=axis: _references[kind](x, axes=(axis,)),
            dtypes=("complex128",),
        )
        for kind in (FftType.FFT, FftType.IFFT)
        for shape, axis in (((5,), 0), ((4, 3), 0), ((2, 3, 4), 1))
    ],
    Sample("fft_along", (np.zeros((4, 0), np.complex64),),
           {"fft_type": FftType.FFT, "axis": 0}, lambda x: x),
    Sample("fft", (np.zeros((0, 4), np.complex64),),
           {"fft_type": FftType.FFT, "fft_lengths": (4,)}, np.fft.fft),
]  # fmt: skip
