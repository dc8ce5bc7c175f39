"""Samples of reductions: max, min, prod, and, or, xor, argmax, argmin."""

from __future__ import annotations

import numpy as np

from .shaping import Sample

floats = ("float16", "bfloat16", "float64")
numbers = (*floats, "complex64")
rng = np.random.default_rng(3)

spread = rng.permutation(24).reshape(2, 3, 4).astype(np.float32) / 4 - 3
"""Distinct values, far enough apart that no finite difference meets a kink."""

with_zeros = np.array([[0.5, 0.0, -1.5, 2.0], [0.0, 3.0, 0.0, 1.0]], np.float32)
integers = rng.integers(-9, 9, (3, 4)).astype(np.int32)
bits = rng.integers(0, 200, (3, 4)).astype(np.uint8)
flags = np.array([[True, False, True], [True, True, True]])
nothing = np.zeros((0, 3), np.float32)
nans = np.array([[1.0, np.nan, 2.0], [4.0, 3.0, -np.inf]], np.float32)


def along(ufunc):
    """NumPy's reduction by `ufunc` over the parameter `axes`."""
    return lambda x, axes: ufunc.reduce(x, axes)


def _extrema(name, ufunc):
    reference = along(ufunc)
    return [
        Sample(name, (spread,), {"axes": (1,)}, reference, dtypes=floats),
        Sample(name, (spread,), {"axes": (0, 2)}, reference, dtypes=("float64",)),
        Sample(name, (spread,), {"axes": (0, 1, 2)}, reference),
        Sample(name, (spread,), {"axes": ()}, reference),
        Sample(name, (integers,), {"axes": (0,)}, reference),
        Sample(name, (bits,), {"axes": (1,)}, reference),
        Sample(name, (flags,), {"axes": (1,)}, reference),
        Sample(name, (nothing,), {"axes": (1,)}, reference),
        Sample(name, (nans,), {"axes": (1,)}, reference, differentiable=()),
        Sample(
            name, (spread + 1j * spread[::-1],), {"axes": (1,)}, reference,
            differentiable=(),
        ),
    ]  # fmt: skip


def _bitwise(name, ufunc):
    return [
        Sample(name, (flags,), {"axes": (1,)}, along(ufunc)),
        Sample(name, (flags,), {"axes": (0, 1)}, along(ufunc)),
        Sample(name, (integers,), {"axes": (0,)}, along(ufunc)),
        Sample(name, (bits,), {"axes": (1,)}, along(ufunc)),
        Sample(name, (np.zeros((0, 2), np.int32),), {"axes": (0,)}, along(ufunc)),
    ]


def _arg(name, find):
    def reference(x, axes, index_dtype):
        return find(x, axes[0]).astype(index_dtype)

    def sample(x, axis, dtype="int32"):
        params = {"axes": (axis,), "index_dtype": np.dtype(dtype)}
        return Sample(name, (x,), params, reference)

    return [
        sample(spread, 1), sample(spread, 2, "uint8"), sample(integers, 0),
        sample(flags, 1), sample(nans, 1), sample(np.zeros((3, 0), np.float32), 0),
        sample(spread.astype(np.float16), 0),
    ]  # fmt: skip


complexes = ((spread // 2) + 1j * spread[::-1]).astype(np.complex64)
with_nans = complexes[0].copy()
with_nans[[0, 2], [1, 3]] = complex(np.nan, 1), complex(5, np.nan)
infinite = np.array([[complex(np.inf, 1)], [complex(0, -np.inf)]], np.complex64)


def _of_parts(name, whole, makes_parts=True, **params):
    """The same of complex numbers, by their parts."""

    def reference(re, im, **params):
        z = np.zeros(re.shape, np.result_type(re, np.complex64))
        z.real, z.imag = re, im
        y = whole(z, **params)
        return [y.real, y.imag] if makes_parts else y

    def sample(x, *axes):
        args = x.real.copy(), x.imag.copy()
        return Sample(
            f"{name}_of_parts", args, {"axes": axes, **params}, reference,
            dtypes=("float64",), differentiable=(),
        )  # fmt: skip

    return [sample(complexes, 1), sample(complexes, 2), sample(with_nans, 0)]


def _arg_of_parts(name, find):
    def whole(x, axes, index_dtype):
        return find(x, axes[0]).astype(index_dtype)

    return _of_parts(name, whole, False, index_dtype=np.dtype(np.int32))


def long_sum(x, axes):
    """In 64 bits: rounding to 16 or 32 at each step would show."""
    return np.sum(x.astype(np.float64), axes).astype(x.dtype)


SAMPLES = [
    Sample("reduce_sum", ((2, 3, 4),), {"axes": (1,)}, along(np.add), dtypes=numbers),
    Sample("reduce_sum", ((2, 3),), {"axes": (0, 1)}, along(np.add)),
    Sample("reduce_sum", ((2, 3),), {"axes": ()}, along(np.add)),
    Sample("reduce_sum", (integers,), {"axes": (0,)}, along(np.add)),
    Sample("reduce_sum", (nothing,), {"axes": (0,)}, along(np.add)),
    Sample(
        "reduce_sum", (np.full((3000, 2), 0.25, np.float16),), {"axes": (0,)}, long_sum,
        dtypes=("bfloat16",), differentiable=(),
    ),
    *_extrema("reduce_max", np.maximum),
    *_extrema("reduce_min", np.minimum),
    Sample(
        "reduce_prod", ((2, 3, 4),), {"axes": (1,)}, along(np.multiply), dtypes=numbers
    ),
    Sample("reduce_prod", ((2, 3),), {"axes": (0, 1)}, along(np.multiply)),
    Sample("reduce_prod", ((2, 3),), {"axes": ()}, along(np.multiply)),
    Sample("reduce_prod", (with_zeros,), {"axes": (1,)}, along(np.multiply)),
    Sample("reduce_prod", (integers,), {"axes": (0,)}, along(np.multiply)),
    Sample("reduce_prod", (nothing,), {"axes": (0,)}, along(np.multiply)),
    *_bitwise("reduce_and", np.bitwise_and),
    *_bitwise("reduce_or", np.bitwise_or),
    *_bitwise("reduce_xor", np.bitwise_xor),
    *_arg("argmax", np.argmax),
    *_arg("argmin", np.argmin),
    Sample("reduce_prod", (infinite,), {"axes": (1,)}, along(np.multiply),
           differentiable=()),
    *_of_parts("reduce_prod", along(np.multiply)),
    *_of_parts("reduce_max", along(np.maximum)),
    *_of_parts("reduce_min", along(np.minimum)),
    *_arg_of_parts("argmax", np.argmax),
    *_arg_of_parts("argmin", np.argmin),
    *(
        Sample(
            name, (x,), {"axes": (1,), "index_dtype": np.dtype(np.int32)},
            lambda x, axes, index_dtype, find=find: find(x, 1).astype(index_dtype),
            differentiable=(),
        )
        for name, find in (("argmax", np.argmax), ("argmin", np.argmin))
        for x in (complexes, with_nans)
    ),
]  # fmt: skip
