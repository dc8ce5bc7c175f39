"""Inverse hyperbolic functions.

Near 0, where logarithms cancel, asinh and atanh are odd polynomials; acosh near 1 is
sqrt(2 d) times a polynomial in d = x - 1. Beyond they are logarithms of sums that are
kept as pairs. In f32 they are computed in f64.
"""

from __future__ import annotations

from ..expr import Expr, const, convert, fma, select
from .formats import (
    INF,
    LN2_F64,
    NAN,
    Pair,
    absolute,
    choose,
    copysign,
    fast_two_sum,
    for_formats,
    horner,
    square_root,
    two_product,
    two_sum,
)
from .hyperbolic import odd
from .logarithm import log_of_pair, log_short

# (asinh x - x) / x^3 by t = x^2, x <= 0.5: error relative 2^-64.47
ASINH_F64 = (
    -0.16666666666666663,
    0.07499999999998827,
    -0.04464285714155636,
    0.030381944371673353,
    -0.022372156684077004,
    0.01735271310338731,
    -0.013964101088872945,
    0.011544281905109437,
    -0.009707508664379827,
    0.008112646945910611,
    -0.006303066218333011,
    0.003893393343248957,
    -0.0013444981626606822,
)
# (atanh x - x) / x^3 by t = x^2, x <= 0.5: error relative 2^-60.88
ATANH_F64 = (
    0.3333333333333328,
    0.20000000000018556,
    0.1428571428338866,
    0.11111111258214755,
    0.09090903585173432,
    0.07692440706020084,
    0.06664482528872737,
    0.05907477971120777,
    0.0505766178254623,
    0.05958230457418891,
    -0.005392651829600175,
    0.1750641861906109,
    -0.19627596152947102,
    0.2412168840023861,
)
# (acosh(1 + d) / sqrt(2 d) - 1) / d, d <= 1/2: error relative 2^-60.42
ACOSH_F64 = (
    -0.08333333333333305,
    0.01874999999996104,
    -0.005580357140978826,
    0.001898871482271697,
    -0.0006991293236595368,
    0.0002711310459273928,
    -0.00010906431347037962,
    4.497259120086375e-05,
    -1.8621366605582097e-05,
    7.290617267665597e-06,
    -2.318114989075264e-06,
    4.1945168989222173e-07,
)


def _root(square: Pair) -> Pair:
    """sqrt(hi + lo) as a pair."""
    root = square_root(square[0])
    return root, (fma(-root, root, square[0]) + square[1]) * (0.5 / root)


def _log_of_sum(size: Expr, one: float) -> Expr:
    """log(x + sqrt(x^2 + one)) for an f64 x of 1/2 and more."""
    large = size > 2.0**400
    x = select(large, 1.0, size)
    square, lost = two_product(x, x)
    total, rest = two_sum(square, const(one, "f64"))
    root, root_lost = _root((total, rest + lost))
    whole, error = fast_two_sum(select(x > root, x, root), select(x > root, root, x))
    logarithm = log_of_pair(
        (select(large, size, whole), select(large, 0.0, error + root_lost))
    )
    return logarithm + choose(large, LN2_F64[0], 0.0, x)


@for_formats
def asinh(x: Expr) -> Expr:
    """The inverse hyperbolic sine."""
    size = absolute(x)
    if x.type == "f32":
        wide = convert(size, "f64")
        far = log_short(wide + square_root(fma(wide, wide, 1.0)))
        near = fma(wide * wide, wide * (-1.0 / 6), wide)
        y = convert(select(wide < 2.0**-10, near, far), "f32")
        return copysign(select(size < INF, y, size), x)
    y = select(size < 0.5, odd(size, ASINH_F64), _log_of_sum(size, 1.0))
    return copysign(select(size < INF, y, size), x)


@for_formats
def acosh(x: Expr) -> Expr:
    """The inverse hyperbolic cosine, NaN below 1."""
    if x.type == "f32":
        wide = convert(x, "f64")
        d = wide - 1.0
        far = log_short(wide + square_root(d * (wide + 1.0)))
        y = convert(select(d < 2.0**-10, _acosh_near(d, ACOSH_F64[:2]), far), "f32")
    else:
        d = x - 1.0
        y = select(d < 0.5, _acosh_near(d, ACOSH_F64), _log_of_sum(x, -1.0))
    return select(x < 1.0, NAN, select(x < INF, y, x))


def _acosh_near(d: Expr, table: tuple[float, ...]) -> Expr:
    root = square_root(d + d)
    return fma(root * d, horner(d, table), root)


@for_formats
def atanh(x: Expr) -> Expr:
    """The inverse hyperbolic tangent; infinite at 1, NaN beyond."""
    size = absolute(x)
    if x.type == "f32":
        wide = convert(size, "f64")
        far = log_short((1.0 + wide) / (1.0 - wide)) * 0.5
        near = fma(wide * wide, wide * (1.0 / 3), wide)
        y = convert(select(wide < 2.0**-10, near, far), "f32")
    else:
        below = 1.0 - size
        sum, lost = fast_two_sum(const(1.0, "f64"), size)
        ratio = sum / below
        rest = (fma(-ratio, below, sum) + lost) / below
        far = log_of_pair((ratio, rest)) * 0.5
        y = select(size < 0.5, odd(size, ATANH_F64), far)
    y = select(size < 1.0, y, choose(size.eq(1.0), INF, NAN, size))
    return copysign(y, x)
