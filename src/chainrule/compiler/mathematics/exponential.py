"""Exponentials: exp, exp2, expm1.

x = k ln 2 + r with |r| <= ln 2 / 2: the integer k is read from the low bits of x / ln 2
after a constant is added that pushes the fraction out, r by Cody and Waite's reduction
in two parts ("Software Manual for the Elementary Functions", 1980, chapter 6), whose
first step is exact with a fused multiply-add (Boldo, Daumas and Li, "Formally verified
argument reduction with a fused multiply-add", 2009). 2^k goes into the exponent field.
"""

from __future__ import annotations

from ..expr import Expr, bitcast, fma, rare, select
from .formats import (
    F32,
    F64,
    INF,
    LN2_F32,
    LN2_F64,
    Format,
    Pair,
    bits,
    clamp,
    copysign,
    fast_two_sum,
    for_formats,
    format_of,
    horner,
    not_within,
    number,
    power_of_two,
    scale,
)

# (e^r - 1 - r) / r^2, |r| <= ln 2 / 2: error relative 2^-28.25
EXP_F32 = (
    0.4999999403953552,
    0.1666652262210846,
    0.04166828840970993,
    0.008368533104658127,
    0.0013818623265251517,
)
# (e^r - 1 - r) / r^2, |r| <= ln 2 / 2: error relative 2^-57.86
EXP_F64 = (
    0.5000000000000011,
    0.16666666666666463,
    0.041666666666526124,
    0.008333333333458084,
    0.0013888888944744297,
    0.00019841269593838857,
    2.480149191028903e-05,
    2.7557501966766024e-06,
    2.763067474580313e-07,
    2.5028403290759488e-08,
)
# (e^r - 1 - r) / r^2, |r| <= ln 2 / 2, for e^r - 1: error relative 2^-26.13
EXPM1_F32 = (
    0.4999999701976776,
    0.1666654646396637,
    0.04166744276881218,
    0.008366257883608341,
    0.0013869800604879856,
)
# (e^r - 1 - r) / r^2, |r| <= ln 2 / 2, for e^r - 1: error relative 2^-61.61
EXPM1_F64 = (
    0.5,
    0.16666666666666677,
    0.041666666666666685,
    0.008333333333321728,
    0.0013888888888889592,
    0.00019841269885498297,
    2.4801587289577584e-05,
    2.7557245042184503e-06,
    2.755732072505747e-07,
    2.5108709368305106e-08,
    2.0896248502000408e-09,
)

# (2^r - 1) / r, |r| <= 1/2: error relative 2^-28.31
EXP2_F32 = (
    0.6931471824645996,
    0.24022647738456726,
    0.05550359934568405,
    0.009618507698178291,
    0.0013390816748142242,
    0.0001532554451841861,
)
# (2^r - 1) / r, |r| <= 1/2: error relative 2^-58.59
EXP2_F64 = (
    0.6931471805599453,
    0.2402265069591007,
    0.055504108664823505,
    0.009618129107630356,
    0.0013333558145981167,
    0.0001540353038830384,
    1.5252734229748412e-05,
    1.3215492060614162e-06,
    1.0177903722074423e-07,
    7.052616379015331e-09,
    4.477679998212725e-10,
    2.9229727857948593e-11,
)
# (2^r - 1) / r, |r| <= 1/2: error relative 2^-34.26
EXP2_SHORT = (
    0.6931471807050896,
    0.24022651073885767,
    0.055504103722060334,
    0.00961803692203244,
    0.001333392300416565,
    0.00015467126281460834,
    1.5200031259722079e-05,
)

LOG2_E = 1.4426950408889634


def _ln2(form: Format) -> tuple[float, float]:
    return LN2_F32 if form is F32 else LN2_F64


def _reduce(x: Expr) -> Pair:
    """k and r, where x = k ln 2 + r; k is in the low bits of an integer."""
    form = format_of(x)
    high, low = _ln2(form)
    sum = fma(x, number(LOG2_E, x.type), form.shifter)
    k = sum - form.shifter
    r = fma(k, -low, fma(k, -high, x))
    return bits(sum), r


def _integer(shifted: Expr, form: Format) -> Expr:
    """The integer k that lies in the low bits of a sum with the shifter."""
    offset = (1 << (form.fraction - 1)) | ((form.bias + form.fraction) << form.fraction)
    return shifted - offset


def _mantissa(r: Expr) -> Expr:
    """e**r for |r| <= ln 2 / 2."""
    q = horner(r, EXP_F32 if r.type == "f32" else EXP_F64)
    return fma(r * r, q, r) + 1


def _raise_exponent(x: Expr, shifted: Expr, form: Format) -> Expr:
    """x * 2**k where the result is a normal number: k is added to the exponent field."""
    return bitcast(bits(x) + (shifted << form.fraction), form.type)


_NORMAL = {"f32": 87.0, "f64": 708.0}
"""exp(x) is a normal number within this bound."""
_RANGE = {"f32": (-104.0, 89.0), "f64": (-746.0, 710.0)}
"""exp(x) is 0 below, inf above."""


def _anywhere(x: Expr, p: Expr, shifted: Expr, limits: tuple[float, float]) -> Expr:
    """p * 2**k, also where that is subnormal, 0 or infinite: the slow way of all
    exponentials, which shares the mantissa p with the fast one."""
    form = format_of(x)
    out = scale(p, _integer(shifted, form), form)
    return select(x > limits[1], INF, select(x < limits[0], 0.0, out))


@for_formats
def exp(x: Expr) -> Expr:
    """e**x."""
    shifted, r = _reduce(x)
    p = _mantissa(r)
    fast = _raise_exponent(p, shifted, format_of(x))
    slow = _anywhere(x, p, shifted, _RANGE[x.type])
    return rare(not_within(x, _NORMAL[x.type]), slow, fast)


def exp_normal(x: Expr) -> Expr:
    """e**x for an x within the bound that keeps the result normal."""
    shifted, r = _reduce(x)
    return _raise_exponent(_mantissa(r), shifted, format_of(x))


@for_formats
def exp2(x: Expr) -> Expr:
    """2**x; the fraction of x is exact."""
    form = format_of(x)
    sum = x + form.shifter
    r = x - (sum - form.shifter)
    p = fma(r, horner(r, EXP2_F32 if x.type == "f32" else EXP2_F64), 1.0)
    fast = _raise_exponent(p, bits(sum), form)
    slow = _anywhere(x, p, bits(sum), _RANGE_OF_EXP2[x.type])
    return rare(not_within(x, form.bias - 2.0), slow, fast)


_RANGE_OF_EXP2 = {"f32": (-151.0, 129.0), "f64": (-1076.0, 1025.0)}


def half_exp(x: Expr) -> Expr:
    """e**x / 2 for x >= 0, which overflows later than e**x does."""
    shifted, r = _reduce(x)
    p = _mantissa(r)
    fast = _raise_exponent(p, shifted - 1, format_of(x))
    slow = _anywhere(x, p, shifted - 1, (0.0, _RANGE[x.type][1] + 1))
    return rare(not_within(x, _NORMAL[x.type]), slow, fast)


@for_formats
def expm1(x: Expr) -> Expr:
    """e**x - 1, which is exact to the last digits near 0 as well: (2**k - 1) + 2**k p."""
    shifted, r = _reduce(x)
    p = _minus_one(r)
    power = power_of_two(shifted, format_of(x))
    fast = fma(p, power, power - 1)
    slow = _anywhere(x, p + 1.0, shifted, _RANGE[x.type])
    slow = select(x < 0.0, -1.0, slow)
    return rare(not_within(x, _NORMAL[x.type]), slow, copysign(fast, x))


def _minus_one(r: Expr) -> Expr:
    """e**r - 1 for |r| <= ln 2 / 2."""
    return fma(r * r, horner(r, EXPM1_F32 if r.type == "f32" else EXPM1_F64), r)


def expm1_parts(x: Expr) -> Pair:
    """(p, 2**k) with e**x - 1 = 2**k p + (2**k - 1), for |x| <= 87 (f32), 708 (f64)."""
    shifted, r = _reduce(x)
    return _minus_one(r), power_of_two(shifted, format_of(x))


# --- of a sum of two numbers ---------------------------------------------------------


def exp_of_pair(x: Pair) -> Expr:
    """e**(hi + lo), also where it is beyond the normal numbers; hi is clamped."""
    form = format_of(x[0])
    (high, low), k = exp_parts(x)
    return scale(high + low, k, form)


def exp_of_pair_normal(x: Pair) -> Expr:
    """e**(hi + lo) where that is a normal number."""
    p, rest, shifted = _pair_mantissa(x)
    return _raise_exponent(p + rest, shifted, format_of(x[0]))


def exp_times(factor: Pair, x: Pair, normal: Expr) -> Expr:
    """factor * e**(hi + lo) for a factor between 1/64 and 64; the result is a normal number
    where `normal` holds."""
    form = format_of(x[0])
    high, low = _ln2(form)
    sum = fma(x[0], number(LOG2_E, form.type), form.shifter)
    k = sum - form.shifter
    whole, rest = fma(k, -high, x[0]), fma(k, -low, x[1])
    r = whole + rest
    q = horner(r, EXPM1_F32 if form is F32 else EXPM1_F64)
    p = factor[0] + fma(factor[0], whole + fma(r * r, q, rest), factor[1])
    fast = _raise_exponent(p, bits(sum), form)
    return rare(~normal, scale(p, _integer(bits(sum), form), form), fast)


def exp_parts(x: Pair) -> tuple[Pair, Expr]:
    """((p, rest), k) with e**(hi + lo) = (p + rest) 2**k to some ten more bits; hi is
    clamped to where e**hi is 0 or infinite."""
    form = format_of(x[0])
    bounded = clamp(x[0], *_RANGE[form.type])
    lost = select(bounded.eq(x[0]), x[1], 0.0)
    p, rest, shifted = _pair_mantissa((bounded, lost))
    return fast_two_sum(p, rest), _integer(shifted, form)


def _pair_mantissa(x: Pair) -> tuple[Expr, Expr, Expr]:
    """(p, rest, the sum whose low bits are k) with e**(hi + lo) = (p + rest) 2**k."""
    form = format_of(x[0])
    high, low = _ln2(form)
    sum = fma(x[0], number(LOG2_E, form.type), form.shifter)
    k = sum - form.shifter
    r, rest = fast_two_sum(fma(k, -high, x[0]), fma(k, -low, x[1]))
    q = horner(r, EXPM1_F32 if form is F32 else EXPM1_F64)
    whole, lost = fast_two_sum(number(1.0, form.type), r)
    return whole, lost + fma(r * r, q, fma(rest, r, rest)), bits(sum)


# --- in f64, good enough for f32 -----------------------------------------------------


def exp2_parts_short(x: Expr) -> Pair:
    """(p, the sum whose low bits are k) with 2**x = p 2**k, of an f64 to 34 bits."""
    sum = x + F64.shifter
    r = x - (sum - F64.shifter)
    return fma(r, horner(r, EXP2_SHORT), 1.0), bits(sum)


def exp2_short(x: Expr) -> Expr:
    """2**x of an f64 to 34 bits; x is clamped to where an f32 is neither 0 nor inf."""
    p, shifted = exp2_parts_short(clamp(x, -200.0, 200.0))
    return p * power_of_two(shifted, F64)


def exp2_wide_short(x: Expr) -> Expr:
    """2**x of an f64 to 34 bits, between 2**-1000 and 2**1000."""
    p, shifted = exp2_parts_short(clamp(x, -1000.0, 1000.0))
    return p * power_of_two(shifted, F64)


def exp_short(x: Expr) -> Expr:
    """e**x of an f64, |x| < 140 and beyond, to 34 bits."""
    return exp2_short(x * LOG2_E)
