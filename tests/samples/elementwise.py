"""Samples of elementwise arithmetic, powers, exponentials and trigonometry.

Operands keep away from kinks, poles and branch cuts, where finite differences fail;
values there are in tests/values. References are NumPy's functions.
"""

import numpy as np

from . import Sample

_f = np.array([-1.7, -0.6, 0.4, 1.9], np.float32)
_positive = np.array([0.3, 0.8, 1.6, 3.2], np.float32)
_unit = np.array([-0.8, -0.3, 0.2, 0.7], np.float32)
_beyond_one = np.array([1.2, 1.9, 3.4], np.float32)
_c = np.array([1.3 + 0.4j, -0.6 + 1.1j, 0.7 - 0.9j], np.complex64)
_i = np.array([-7, -1, 3, 12], np.int32)
_j = np.array([2, -3, 3, 5], np.int32)
_u = np.array([1, 7, 200], np.uint8)
_wide = ("float64", "float16", "bfloat16")


def _binary(name, reference, kinds="fci", x=_f, y=None):
    y = np.array([0.9, -1.4, 1.1, 0.6], np.float32) if y is None else y
    made = [
        Sample(name, (x, y), reference=reference, dtypes=_wide),
        Sample(name, (x[:, None], y), reference=reference),
        Sample(name, (x, y[0]), reference=reference),
        Sample(name, (np.zeros((0, 4), np.float32), y), reference=reference),
    ]
    if "c" in kinds:
        made.append(Sample(name, (_c, _c[::-1].copy()), reference=reference))
    if "i" in kinds:
        made.append(Sample(name, (_i, _j), reference=reference))
        made.append(Sample(name, (_u, _u[::-1].copy()), reference=reference))
    return made


def _unary(name, reference, x=_f, complex_too=True, integers=False):
    made = [
        Sample(name, (x,), reference=reference, dtypes=_wide),
        Sample(name, (x[1],), reference=reference),
        Sample(name, (np.zeros((2, 0), np.float32),), reference=reference),
    ]
    if complex_too:
        made.append(Sample(name, (_c,), reference=reference, dtypes=("complex128",)))
    if integers:
        made.append(Sample(name, (_i,), reference=reference))
    return made


def _truncated(x, y):
    return np.trunc(np.divide(x, y)).astype(x.dtype) if x.dtype.kind in "iu" else x / y


def _integer_pow(n):
    def reference(x):
        product = np.ones_like(x)
        for _ in range(abs(n)):
            product = product * x
        return product if n >= 0 else 1 / product

    return reference


_arithmetic = [
    *_binary("add", np.add),
    *_binary("sub", np.subtract),
    *_binary("mul", np.multiply),
    *_binary("div", _truncated),
    *_binary("absorbing_mul", np.multiply, kinds="fc"),
    Sample("absorbing_mul",
           (np.array([0.0, -0.0, 2.0, 3.0], "f"), np.array([np.inf, np.nan, 0.5, 2], "f")),
           reference=lambda x, y: np.array([0, 0, 1, 6], "f"), differentiable=()),
    *_unary("neg", np.negative, integers=True),
    Sample("add", (np.array([True, False]), np.array([True, True])),
           reference=np.logical_or),
    Sample("mul", (np.array([True, False]), np.array([True, True])),
           reference=np.logical_and),
]  # fmt: skip

_powers = [
    *_unary("square", np.square, integers=True),
    *[
        Sample("integer_pow", (x,), {"y": n}, reference=_integer_pow(n), dtypes=kinds)
        for n in (-3, -1, 0, 1, 2, 3, 5)
        for x, kinds in ((_f, ("float64", "bfloat16")), (_c, ()))
    ],
    Sample("integer_pow", (_i,), {"y": 3}, reference=lambda x: x**3),
    *_binary("pow", np.power, kinds="f", x=_positive),
    Sample("pow", (_c, _c[::-1].copy()), reference=np.power),
    Sample("pow", (_positive, _i), reference=lambda x, y: x ** y.astype(x.dtype)),
    Sample("pow", (_i, np.abs(_j)), reference=np.power),
    *_unary("sqrt", np.sqrt, _positive),
    *_unary("rsqrt", lambda x: 1 / np.sqrt(x), _positive),
    *_unary("cbrt", np.cbrt, complex_too=False),
]

_exponential = [
    *_unary("exp", np.exp),
    *_unary("exp2", np.exp2),
    *_unary("expm1", np.expm1),
    *_unary("log", np.log, _positive),
    *_unary("log1p", np.log1p, _positive),
    *_unary("logistic", lambda x: 1 / (1 + np.exp(-x))),
    *_binary("logaddexp", np.logaddexp, kinds="f"),
    *_binary("logaddexp2", np.logaddexp2, kinds="f"),
]

_trigonometric = [
    *_unary("sin", np.sin),
    *_unary("cos", np.cos),
    *_unary("tan", np.tan),
    *_unary("asin", np.arcsin, _unit),
    *_unary("acos", np.arccos, _unit),
    *_unary("atan", np.arctan),
    *_unary("sinh", np.sinh),
    *_unary("cosh", np.cosh),
    *_unary("tanh", np.tanh),
    *_unary("asinh", np.arcsinh),
    *_unary("acosh", np.arccosh, _beyond_one),
    *_unary("atanh", np.arctanh, _unit),
    *_binary("atan2", np.arctan2, kinds="f"),
    *_binary("hypot", np.hypot, kinds="f"),
]

SAMPLES = [*_arithmetic, *_powers, *_exponential, *_trigonometric]
