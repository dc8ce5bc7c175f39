"""The functions in mpmath, and where each is sampled.

A `Subject` has the exact value (None where it is not a real number), the intervals that
samples are drawn from, uniformly and by logarithm, and points around which neighbouring
numbers are taken: zeros, ends of branches, ends of the range.
"""

import math
from dataclasses import dataclass, field

import mpmath as mp

PI = math.pi


@dataclass
class Subject:
    exact: object
    spans: list
    points: list = field(default_factory=list)
    arity: int = 1
    numpy: object = None
    """NumPy's or SciPy's function of the same name, "module.name"."""
    bound: float = 2.0


def real(function):
    """The value, None where it is complex or undefined."""

    def of(*x):
        try:
            y = function(*x)
        except (ValueError, ZeroDivisionError, OverflowError):
            return None
        return y if isinstance(y, mp.mpf) else None

    return of


def _expm1(x):
    return mp.expm1(x)


def _logistic(x):
    return 1 / (1 + mp.exp(-x))


def _pow(x, y):
    return mp.power(x, y) if x != 0 else None


LOG_SPANS = [(0.5, 2.0), (0.99, 1.01), (0.0, 1e-30), (1e-45, 1e38), (0.0, 100.0)]
ANGLES = [k * PI / 4 for k in (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 100, 1000, 22, 355 * 4)]

SUBJECTS = {
    "exp": Subject(
        mp.exp, [(-1, 1), (-104, 89), (-750, 710), (-1e-5, 1e-5)],
        [0.0, 0.34657359, 87.0, 88.72284, -87.0, -87.33655, -103.97208, -103.27893,
         708.0, 709.782712893384, -708.0, -708.3964185322641, -745.1332191019411],
        numpy="numpy.exp",
    ),
    "expm1": Subject(
        _expm1, [(-1, 1), (-20, 89), (-40, 710), (-1e-5, 1e-5)],
        [0.0, 0.34657359, -0.34657359, 87.0, 88.72284, 708.0, 709.782712893384, -17.0],
        numpy="numpy.expm1",
    ),
    "log": Subject(
        real(mp.log), LOG_SPANS, [1.0, 0.70710678, 1.41421356, 2.0, 0.5, 1e-38],
        numpy="numpy.log",
    ),
    "log1p": Subject(
        real(mp.log1p), [(-1, 1), (-0.01, 0.01), (0, 100), (-1e-10, 1e-10), (0, 1e30)],
        [0.0, -0.29289322, 0.41421356, 1.0, -1.0, -0.5, 2.0**123, 2.0**1019],
        numpy="numpy.log1p",
    ),
    "sin": Subject(
        mp.sin, [(-4, 4), (-100, 100), (-1e5, 1e5), (-1e9, 1e9), (-1e30, 1e30)],
        [0.0, 2.0**16, 2.0**28, *ANGLES], numpy="numpy.sin",
    ),
    "cos": Subject(
        mp.cos, [(-4, 4), (-100, 100), (-1e5, 1e5), (-1e9, 1e9), (-1e30, 1e30)],
        [0.0, 2.0**16, 2.0**28, *ANGLES], numpy="numpy.cos",
    ),
    "tan": Subject(
        mp.tan, [(-4, 4), (-100, 100), (-1e5, 1e5), (-1e9, 1e9), (-1e30, 1e30)],
        [0.0, 2.0**16, 2.0**28, *ANGLES], numpy="numpy.tan",
    ),
    "tanh": Subject(
        mp.tanh, [(-1, 1), (-10, 10), (-20, 20), (-1e-4, 1e-4)],
        [0.0, 0.1732868, 0.55, 9.01, 19.06, 10.0, 20.0], numpy="numpy.tanh",
    ),
    "logistic": Subject(
        _logistic, [(-1, 1), (-10, 10), (-110, 40), (-760, 40), (-1e-4, 1e-4)],
        [0.0, -87.0, -88.0, -103.9, -708.0, -745.0, 17.0, 37.0],
        numpy="scipy.special.expit",
    ),
    "rsqrt": Subject(
        real(lambda x: 1 / mp.sqrt(x)), LOG_SPANS, [1.0, 2.0, 4.0],
    ),
    "erf": Subject(
        mp.erf, [(-1, 1), (-4, 4), (-6, 6), (-1e-4, 1e-4)],
        [0.0, 1.0, 0.5, 3.92, 5.93, 2.0], numpy="scipy.special.erf",
    ),
    "pow": Subject(
        real(_pow), [((0.5, 2), (-20, 20)), ((0, 100), (-19, 19)), ((0, 100), (-100, 100)),
                     ((0.9, 1.1), (-700, 700)), ((0, 1e-40), (-2, 2)),
                     ((-30, 30), (2, 3)), ((0.999, 1.001), (-1e5, 1e5))],
        arity=2, numpy="numpy.power",
    ),
}  # fmt: skip
