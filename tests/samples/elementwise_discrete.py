"""Samples of rounding, comparisons, logic, bits, selection, complex parts, conversions.

Where a function jumps, samples stand between the jumps.
"""

import numpy as np

from . import Sample

_f = np.array([-1.7, -0.6, 0.4, 1.9], np.float32)
_g = np.array([0.9, -1.4, 1.1, 0.7], np.float32)
_c = np.array([1.3 + 0.4j, -0.6 + 1.1j, 0.7 - 0.9j], np.complex64)
_i = np.array([-7, -1, 3, 12], np.int32)
_j = np.array([2, -3, 3, 5], np.int32)
_long = np.array([-(2**62), 3, 2**40], np.int64)
_u = np.array([1, 7, 200], np.uint8)
_b = np.array([True, False, True, False])
_wide = ("float64", "float16", "bfloat16")
_empty = np.zeros((0, 3), np.float32)


def _floats(name, reference, params=None, *rest):
    params = params or {}
    return [
        Sample(name, (_f, *rest), params, reference=reference, dtypes=_wide),
        Sample(name, (_f[:, None], *rest), params, reference=reference),
        Sample(name, (_empty, *(r[:3] for r in rest)), params, reference=reference),
    ]


def _away_from_zero(x):
    return np.sign(x) * np.floor(np.abs(x) + np.asarray(0.5, x.dtype))


_rounding = [
    *_floats("floor", np.floor),
    *_floats("ceil", np.ceil),
    *_floats("round", _away_from_zero, {"rounding_method": 0}),
    *_floats("round", np.rint, {"rounding_method": 1}),
    *_floats("is_finite", np.isfinite),
    *_floats("sign", np.sign),
    Sample("sign", (_c,), reference=lambda z: z / np.abs(z)),
    Sample("sign", (_i,), reference=np.sign),
    *_floats("rem", np.fmod, None, _g),
    *_floats("remainder", np.remainder, None, _g),
    *_floats("floor_divide", np.floor_divide, None, _g),
    *_floats("copysign", np.copysign, None, _g),
    Sample(
        "nextafter", (_f, _g), reference=np.nextafter, dtypes=_wide, differentiable=()
    ),
    Sample("rem", (_i, _j), reference=np.fmod),
    Sample("remainder", (_i, _j), reference=np.remainder),
    Sample("floor_divide", (_i, _j), reference=np.floor_divide),
    Sample("gcd", (_i, _j), reference=np.gcd),
    Sample("lcm", (_i, _j), reference=np.lcm),
]

_comparisons = [
    sample
    for name, reference in {
        "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal,
        "gt": np.greater, "ge": np.greater_equal,
    }.items()
    for sample in (
        Sample(name, (_f, _g), reference=reference, dtypes=_wide),
        Sample(name, (_f[:, None], _g), reference=reference),
        Sample(name, (_i, _j), reference=reference),
        Sample(name, (_b, _b[::-1].copy()), reference=reference),
    )
]  # fmt: skip


def _per_element(fun, *arrays):
    """`fun` of Python integers, element by element."""
    return np.array([fun(*map(int, values)) for values in zip(*arrays)])


def _length(value, width):
    return (value % 2**width).bit_length()


_bits = [
    *[
        Sample(name, (x, y), reference=reference)
        for name, reference in {
            "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
        }.items()
        for x, y in ((_i, _j), (_b, _b[::-1].copy()), (_u[:, None], _u))
    ],
    *[Sample("not", (x,), reference=np.invert) for x in (_i, _u, _b)],
    Sample("shift_left", (_i, np.abs(_j)), reference=np.left_shift),
    Sample("shift_left", (_u, _u), reference=np.left_shift),
    Sample("shift_right_arithmetic", (_i, np.abs(_j)), reference=np.right_shift),
    Sample("shift_right_logical", (_i, np.abs(_j)),
           reference=lambda x, n: (x.view("u4") >> n.view("u4")).view("i4")),
    Sample("population_count", (_i,),
           reference=lambda x: _per_element(lambda v: (v % 2**32).bit_count(), x)),
    Sample("population_count", (_u,),
           reference=lambda x: _per_element(int.bit_count, x)),
    Sample("clz", (_i,),
           reference=lambda x: _per_element(lambda v: 32 - _length(v, 32), x)),
    Sample("clz", (_long,),
           reference=lambda x: _per_element(lambda v: 64 - _length(v, 64), x)),
    Sample("mulhi", (_i * 2**28, _j * 2**27),
           reference=lambda x, y: x.astype(np.int64) * y >> 32),
    Sample("mulhi", (_long, _long[::-1].copy()),
           reference=lambda x, y: _per_element(lambda a, b: a * b >> 64, x, y)),
]  # fmt: skip

_which = np.array([2, 0, 1, 2], np.int32)

_selection = [
    Sample("select_n", (_b, _f, _g), reference=lambda w, x, y: np.where(w, y, x),
           dtypes=_wide),
    Sample("select_n", (np.array(True), _f, _g), reference=lambda w, x, y: y),
    Sample("select_n", (_b[:3], _c, 2 * _c),
           reference=lambda w, x, y: np.where(w, y, x)),
    Sample("select_n", (_which, _f, _g, _f + _g),
           reference=lambda w, *cases: np.choose(w, cases)),
    Sample("select_n", (_b, _i, _j), reference=lambda w, x, y: np.where(w, y, x)),
    *_floats("max", np.maximum, None, _g),
    *_floats("min", np.minimum, None, _g),
    Sample("max", (_c, -0.5 * _c), reference=np.maximum),
    Sample("max", (_i, _j), reference=np.maximum),
    Sample("min", (_i, _j), reference=np.minimum),
    Sample("clamp", (np.float32(-1.0), _f, np.float32(1.0)),
           reference=lambda a, x, b: np.clip(x, a, b), dtypes=_wide),
    Sample("clamp", (_g - 1, _f, _g + 1), reference=lambda a, x, b: np.clip(x, a, b)),
    Sample("clamp", (_j - 2, _i, _j + 2), reference=lambda a, x, b: np.clip(x, a, b)),
]  # fmt: skip

_complex = [
    Sample("real", (_c,), reference=np.real, dtypes=("complex128",)),
    Sample("imag", (_c,), reference=np.imag, dtypes=("complex128",)),
    Sample("complex", (_f, _g), reference=lambda x, y: x + 1j * y, dtypes=("float64",)),
    Sample("complex", (_f[:, None], _g), reference=lambda x, y: x + 1j * y),
    Sample("conj", (_c,), {"input_dtype": np.dtype(np.complex64)}, reference=np.conj),
    Sample("conj", (_f,), {"input_dtype": np.dtype(np.float32)},
           reference=lambda x: x.astype(np.complex64)),
    *_floats("abs", np.abs),
    Sample("abs", (_c,), reference=np.abs, dtypes=("complex128",)),
    Sample("abs", (_i,), reference=np.abs),
]  # fmt: skip


def _reduced(bits):
    """float32 rounded to `bits` of mantissa, ties to even."""

    def reference(x):
        mantissa, exponent = np.frexp(x.astype(np.float64))
        return np.ldexp(np.rint(np.ldexp(mantissa, bits + 1)), exponent - bits - 1)

    return reference


_conversion = [
    Sample("bitcast_convert_type", (_f,), {"new_dtype": np.dtype(np.int32)},
           reference=lambda x: x.view(np.int32)),
    Sample("bitcast_convert_type", (_f,), {"new_dtype": np.dtype(np.uint8)},
           reference=lambda x: x.view(np.uint8).reshape(4, 4)),
    Sample("bitcast_convert_type", (_u.repeat(4).reshape(3, 4),),
           {"new_dtype": np.dtype(np.float32)},
           reference=lambda x: x.view(np.float32).reshape(3)),
    Sample("reduce_precision", (_f,), {"exponent_bits": 8, "mantissa_bits": 7},
           reference=_reduced(7), order=0),
    Sample("reduce_precision", (_f,), {"exponent_bits": 5, "mantissa_bits": 10},
           reference=lambda x: x.astype(np.float16), order=0),
    Sample("copy", (_f,), reference=np.copy, dtypes=_wide),
    Sample("optimization_barrier", (_f,), reference=np.copy, dtypes=_wide),
    Sample("optimization_barrier", (_i,), reference=np.copy),
    Sample("copy", (_i,), reference=np.copy),
    Sample("stop_gradient", (_f,), reference=np.copy, differentiable=()),
]  # fmt: skip

SAMPLES = [*_rounding, *_comparisons, *_bits, *_selection, *_complex, *_conversion]
