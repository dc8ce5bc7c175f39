"""The functions in mpmath, and where each is sampled.

A subject here has intervals that samples are drawn from, uniformly and by logarithm, and
points around which neighbouring numbers are taken: zeros, ends of branches, ends of the
range. Functions of parameters are in `references_parametric.py`.
"""

import math

import mpmath as mp

from .references_parametric import PARAMETRIC
from .subject import Subject, real

PI = math.pi


def _expm1(x):
    return mp.expm1(x)


def _logistic(x):
    return 1 / (1 + mp.exp(-x))


def _pow(x, y):
    return mp.power(x, y) if x != 0 else None


def _erfcx(x):
    if x < -1e4:
        return mp.mpf(2) ** 2000
    if x < 1e5:
        return mp.exp(x * x) * mp.erfc(x)
    r = 1 / (2 * x * x)
    return (1 - r + 3 * r * r - 15 * r**3) / (x * mp.sqrt(mp.pi))


def _ndtri(p):
    if not 0 < p < 1:
        return None
    if 0.01 < p < 0.99:
        return mp.sqrt(2) * mp.erfinv(2 * p - 1)
    q = p if p < 0.5 else 1 - p
    r = mp.sqrt(-2 * mp.log(q))
    start = r - (mp.log(r) + 0.92) / r
    x = mp.findroot(lambda x: mp.log(mp.erfc(x / mp.sqrt(2)) / 2) - mp.log(q), start)
    return -x if p < 0.5 else x


def _log_ndtr(x):
    if x > -1e4:
        if x > 1e3:
            return mp.mpf(0)
        if x > 0:
            return mp.log1p(-mp.erfc(x / mp.sqrt(2)) / 2)
        return mp.log(mp.erfc(-x / mp.sqrt(2)) / 2)
    return -x * x / 2 - mp.log(-x * mp.sqrt(2 * mp.pi)) - 1 / (x * x)


def _dawsn(x):
    if abs(x) < 50:
        return mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x)
    r = 1 / (2 * x * x)
    return (1 + r + 3 * r**2 + 15 * r**3 + 105 * r**4 + 945 * r**5 + 10395 * r**6) / (
        2 * x
    )


def _cosine_integral(x):
    """None beside zeros, which keep the accuracy of the wave they are of."""
    if not 0 < abs(x) < 1e10:
        return None
    y = mp.re(mp.ci(abs(x)))
    return y if abs(y) * max(abs(x), 1) > 0.25 else None


def _lgamma(x):
    if x <= -0.25 or x == 0:
        return None
    return mp.re(mp.loggamma(x)) if x < 1e200 else x * (mp.log(x) - 1)


def _logaddexp(x, y, base):
    """None for a sum of terms of either sign, whose zeros are no better than they."""
    larger, smaller = max(x, y), min(x, y)
    if -2 < larger < 0:
        return None
    return larger + mp.log1p(mp.exp((smaller - larger) * mp.log(base))) / mp.log(base)


def _rem(x, y):
    if y == 0:
        return None
    return mp.mpf(math.fmod(float(x), float(y)))


LOG_SPANS = [(0.5, 2.0), (0.99, 1.01), (0.0, 1e-30), (1e-45, 1e38), (0.0, 100.0)]
ANGLES = [k * PI / 4 for k in (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 100, 1000, 22, 355 * 4)]

ORDINARY = {
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
    "exp2": Subject(
        lambda x: mp.mpf(2) ** x, [(-1, 1), (-150, 128), (-1075, 1024), (-1e-5, 1e-5)],
        [0.0, 0.5, 125.0, 126.0, 127.99999, 149.0, 1021.0, 1022.0, 1074.0],
        numpy="numpy.exp2",
    ),
    "log2": Subject(
        real(lambda x: mp.log(x) / mp.log(2)), LOG_SPANS,
        [1.0, 0.70710678, 1.41421356, 2.0, 0.5, 1e-38], numpy="numpy.log2",
    ),
    "log10": Subject(
        real(lambda x: mp.log(x) / mp.log(10)), LOG_SPANS,
        [1.0, 0.70710678, 1.41421356, 2.0, 0.5, 10.0, 1e10, 1e-38], numpy="numpy.log10",
    ),
    "asin": Subject(
        real(mp.asin), [(-1, 1), (-1e-3, 1e-3), (0.99, 1)], [0.0, 0.5, 1.0, 0.7071],
        numpy="numpy.arcsin",
    ),
    "acos": Subject(
        real(mp.acos), [(-1, 1), (-1e-3, 1e-3), (0.99, 1)], [0.0, 0.5, 1.0, 0.7071],
        numpy="numpy.arccos",
    ),
    "atan": Subject(
        mp.atan, [(-1, 1), (-10, 10), (-1e30, 1e30)], [0.0, 1.0, 0.5, 1e8],
        numpy="numpy.arctan",
    ),
    "atan2": Subject(
        real(lambda y, x: mp.atan2(y, x) if y else None),
        [((-1, 1), (-1, 1)), ((-1, 1), (0.9, 1)), ((-1e-30, 1e-30), (-1, 1)),
         ((-1, 1), (-1e-30, 1e-30)), ((-1e30, 1e30), (-1e30, 1e30))],
        arity=2, numpy="numpy.arctan2",
    ),
    "sinh": Subject(
        mp.sinh, [(-1, 1), (-20, 20), (-90, 90), (-711, 711)],
        [0.0, 1.0, 87.0, 89.4159, 708.0, 710.4758], numpy="numpy.sinh",
    ),
    "cosh": Subject(
        mp.cosh, [(-1, 1), (-20, 20), (-90, 90), (-711, 711)],
        [0.0, 1.0, 87.0, 89.4159, 708.0, 710.4758], numpy="numpy.cosh",
    ),
    "asinh": Subject(
        mp.asinh, [(-1, 1), (-10, 10), (-1e30, 1e30)], [0.0, 0.5, 1.0, 2.0**-10, 2.0**400],
        numpy="numpy.arcsinh",
    ),
    "acosh": Subject(
        real(mp.acosh), [(1, 2), (1, 1.01), (1, 100), (1, 1e30)],
        [1.0, 1.5, 1 + 2.0**-10, 2.0**400], numpy="numpy.arccosh",
    ),
    "atanh": Subject(
        real(lambda x: mp.atanh(x) if abs(x) < 1 else None),
        [(-1, 1), (-1e-3, 1e-3), (0.99, 1)], [0.0, 0.5, 1.0, 2.0**-10],
        numpy="numpy.arctanh",
    ),
    "erfc": Subject(
        lambda x: mp.erfc(x) if abs(x) < 1e4 else mp.mpf(1 - mp.sign(x)),
        [(-1, 1), (-6, 10), (-6, 27), (0, 10)],
        [0.0, 0.5, 1.0, 9.3, 10.05, 26.5, 27.2], numpy="scipy.special.erfc",
    ),
    "erfcx": Subject(
        lambda x: _erfcx(x), [(-1, 1), (-9.4, 100), (-26.6, 100), (0, 1e10), (0, 1e30)],
        [0.0, 4.0, 9.3, 26.6, 2.0**60, 2.0**500], numpy="scipy.special.erfcx", slow=True,
    ),
    "erf_inv": Subject(
        real(lambda x: mp.erfinv(x) if abs(x) < 1 else None),
        [(-1, 1), (-1e-3, 1e-3), (0.99, 1), (0.7, 0.8)], [0.0, 0.5, 0.9966, 0.99903, 1.0],
        numpy="scipy.special.erfinv", slow=True,
    ),
    "ndtri": Subject(
        real(lambda p: _ndtri(p)), [(0, 1), (0, 1e-3), (0.2, 0.3), (0.7, 0.8), (0, 1e-30)],
        [0.0, 4.84e-4, 1.7e-3, 0.5, 0.9983, 1.0], numpy="scipy.special.ndtri", slow=True,
    ),
    "log_ndtr": Subject(
        lambda x: _log_ndtr(x), [(-1, 1), (-10, 10), (-40, 40), (-1e10, 0)],
        [0.0, 1.0, 13.0, 14.0, 37.0, 38.0, 2.0**500], numpy="scipy.special.log_ndtr", slow=True,
    ),
    "cbrt": Subject(
        lambda x: mp.cbrt(x) if x >= 0 else -mp.cbrt(-x),
        [(-1, 1), (0.5, 8), (-1e30, 1e30)], [0.0, 1.0, 8.0, 27.0, 0.70710678, 1.4142135],
        numpy="numpy.cbrt",
    ),
    "hypot": Subject(
        mp.hypot, [((-1, 1), (-1, 1)), ((-1e30, 1e30), (-1e30, 1e30)),
                   ((-1e-160, 1e-160), (-1e-160, 1e-160)), ((0.5, 1), (0.5, 1))],
        arity=2, numpy="numpy.hypot",
    ),
    "lgamma": Subject(
        lambda x: _lgamma(x), [(0, 3), (0, 10), (0, 1e3), (0, 1e30), (-0.25, 0)],
        [0.0, 0.75, 1.0, 1.5, 2.0, 2.5, 6.5, 3.5, 4.5], numpy="scipy.special.gammaln",
    ),
    "digamma": Subject(
        lambda x: mp.digamma(x) if x > 0 else None,
        [(0, 3), (0, 10), (0, 1e3), (0, 1e30), (1.4, 1.5)],
        [1.0, 1.4616321449683623, 2.0, 2.5, 3.5, 4.5, 6.5], numpy="scipy.special.digamma",
    ),
    "logaddexp": Subject(
        lambda x, y: _logaddexp(x, y, mp.e),
        [((0, 1), (0, 1)), ((0, 100), (0, 100)), ((0, 1), (-50, 1)), ((-50, -3), (-50, -3)),
         ((-800, 800), (2, 800))],
        arity=2, numpy="numpy.logaddexp",
    ),
    "logaddexp2": Subject(
        lambda x, y: _logaddexp(x, y, mp.mpf(2)),
        [((0, 1), (0, 1)), ((0, 100), (0, 100)), ((0, 1), (-50, 1)), ((-50, -3), (-50, -3)),
         ((-800, 800), (2, 800))],
        arity=2, numpy="numpy.logaddexp2",
    ),
    "bessel_i0e": Subject(
        lambda x: mp.besseli(0, x) * mp.exp(-abs(x)) if abs(x) < 1e6 else None,
        [(-1, 1), (-10, 10), (0, 100), (0, 1e5)], [0.0, 8.0, 1.0],
        numpy="scipy.special.i0e", slow=True,
    ),
    "bessel_i1e": Subject(
        lambda x: mp.besseli(1, x) * mp.exp(-abs(x)) if abs(x) < 1e6 else None,
        [(-1, 1), (-10, 10), (0, 100), (0, 1e5)], [0.0, 8.0, 1.0],
        numpy="scipy.special.i1e", slow=True,
    ),
    "exp1": Subject(
        lambda x: mp.e1(x) if 0 < x < 1e4 else None, [(0, 1), (0, 3), (0, 100), (0, 740)],
        [0.0, 1.0, 0.5, 104.0], numpy="scipy.special.exp1", bound=4.0,
    ),
    "expi": Subject(
        lambda x: mp.ei(x) if 0 < abs(x) < 1e4 else None,
        [(0, 1), (-3, 3), (0, 45), (-740, 710)],
        [0.0, 0.37250741, 0.2, 0.7, 26.0, 40.0], numpy="scipy.special.expi", bound=16.0,
    ),
    "dawsn": Subject(
        lambda x: _dawsn(x), [(-1, 1), (-7, 7), (0, 100), (0, 1e10)],
        [0.0, 0.924, 5.0, 6.5], numpy="scipy.special.dawsn", bound=32.0,
    ),
    "spence": Subject(
        lambda x: mp.re(mp.polylog(2, 1 - x)) if 0 <= x < 1e30 else None,
        [(0, 1), (0.99, 1.01), (0, 3), (0, 1e5)], [0.0, 0.5, 1.0, 2.0],
        numpy="scipy.special.spence", bound=4.0,
    ),
    "sine_integral": Subject(
        lambda x: mp.si(x) if abs(x) < 1e10 else None,
        [(-1, 1), (-6, 6), (0, 100), (0, 1e9)], [0.0, 2.0, math.pi],
    ),
    "cosine_integral": Subject(
        _cosine_integral, [(0, 1), (-6, 6), (0, 100), (0, 1e9)], [0.0, 2.0], bound=8.0,
    ),
    "fresnel_sine": Subject(
        lambda x: mp.fresnels(x) if abs(x) < 1e10 else None,
        [(-1, 1), (-3, 3), (0, 100), (0, 1e9)], [0.0, 1.2487], bound=4.0,
    ),
    "fresnel_cosine": Subject(
        lambda x: mp.fresnelc(x) if abs(x) < 1e10 else None,
        [(-1, 1), (-3, 3), (0, 100), (0, 1e9)], [0.0, 1.2487], bound=4.0,
    ),
    "rem": Subject(
        lambda x, y: _rem(x, y), [((-10, 10), (-10, 10)), ((-1e6, 1e6), (-1, 1)),
                                  ((-1e30, 1e30), (-1, 1))],
        arity=2, numpy="numpy.fmod", bound=0.0,
    ),
}  # fmt: skip
SUBJECTS = {**ORDINARY, **PARAMETRIC}
