"""Logarithms: log, log2, log10, log1p.

x = 2^e m with m between sqrt(1/2) and sqrt(2), by integer arithmetic on its bits; then
log x = e ln 2 + log(1 + f) with f = m - 1, which is exact. The polynomial in f needs no
division (compare Muller, "Elementary Functions", section 6.3). `log_pair` has some 68
bits, for powers: it is 2 artanh(f / (2 + f)) in pairs.
"""

from __future__ import annotations

from ..expr import Expr, apart, bitcast, const, convert, fma, rare, select
from .formats import (
    INF,
    LN2_F32,
    LN2_F64,
    NAN,
    Pair,
    bits,
    choose,
    copysign,
    fast_two_sum,
    for_formats,
    format_of,
    horner,
)

# (log(1 + f) - f + f^2 / 2) / f^3, 1 + f between sqrt(1/2) and sqrt(2): error relative 2^-27.35
LOG_F32 = (
    0.3333333134651184,
    -0.2500081956386566,
    0.20001254975795746,
    -0.1662343293428421,
    0.14201265573501587,
    -0.1315901130437851,
    0.12764090299606323,
    -0.07640325278043747,
)
# (log(1 + f) - f + f^2 / 2) / f^3, 1 + f between sqrt(1/2) and sqrt(2): error relative 2^-56.59
LOG_F64 = (
    0.3333333333333314,
    -0.24999999999987993,
    0.20000000000067064,
    -0.16666666669822783,
    0.14285714280030481,
    -0.12499999691628727,
    0.11111111151500509,
    -0.10000015202605535,
    0.09090923792748784,
    -0.08332913488514991,
    0.07691532509467906,
    -0.07149442969278294,
    0.06684560591644938,
    -0.061966194572083716,
    0.05668520791225781,
    -0.056782272105511324,
    0.06503366013041423,
    -0.059804431164480976,
    0.02614114639866625,
)

# (2 artanh s - 2 s) / s^3 by t = s^2, |s| <= 0.1716: error relative 2^-73.91
LOG_ARTANH = (
    (0.6666666666666666, 3.747699630391413e-17),
    0.39999999999999936,
    0.28571428571458796,
    0.22222222215287613,
    0.1818181907994775,
    0.15384545287815993,
    0.1333669323819277,
    0.11668202966918159,
    0.12037774550269814,
)
# ln 2 in two parts
LN2_SHORT = (
    0.6931471805598903,
    5.497923018708371e-14,
)
"""ln 2 as a sum of a number with 11 zeros at its end and another."""

# log2(1 + f) / f, 1 + f between sqrt(1/2) and sqrt(2): error relative 2^-38.49
LOG2_SHORT = (
    1.4426950408865744,
    -0.721347520327579,
    0.480898348802902,
    -0.3606737931337505,
    0.2885387957303074,
    -0.2404464338131686,
    0.20610712312418533,
    -0.18043674355066497,
    0.1602166567190091,
    -0.14249872550071574,
    0.13027584132576325,
    -0.1346290190981934,
    0.13251068293520854,
    -0.069738048604107,
)
# log2(1 + f) / f, 1 + f between sqrt(1/2) and sqrt(2): error relative 2^-26.08
LOG2_F32 = (
    1.4426950216293335,
    -0.7213475108146667,
    0.4809037744998932,
    -0.3606826066970825,
    0.2883041501045227,
    -0.2397908717393875,
    0.2088647484779358,
    -0.19327965378761292,
    0.163526713848114,
    -0.08008646965026855,
)
# log2(1 + f) / f, 1 + f between sqrt(1/2) and sqrt(2): error relative 2^-55.89
LOG2_F64 = (
    1.4426950408889634,
    -0.7213475204444817,
    0.48089834696301015,
    -0.36067376022220243,
    0.2885390081736128,
    -0.2404491734984447,
    0.206099291882465,
    -0.18033687796775255,
    0.16029943365145263,
    -0.14426962834985346,
    0.131154632123953,
    -0.12022075382139506,
    0.11096211043206361,
    -0.10311431954806206,
    0.09644516420088534,
    -0.08963191633927707,
    0.08190937403728579,
    -0.0810198351630904,
    0.09284610578562508,
    -0.08748228366955949,
    0.039397237702556896,
)
# log10(1 + f) / f, 1 + f between sqrt(1/2) and sqrt(2): error relative 2^-25.24
LOG10_F32 = (
    0.4342944920063019,
    -0.21714726090431213,
    0.14476194977760315,
    -0.10857097804546356,
    0.08698564022779465,
    -0.07246413826942444,
    0.06001900136470795,
    -0.053412243723869324,
    0.06249268352985382,
    -0.04937014356255531,
)
# log10(1 + f) / f, 1 + f between sqrt(1/2) and sqrt(2): error relative 2^-55.12
LOG10_F64 = (
    0.4342944819032518,
    -0.21714724095162594,
    0.14476482730109935,
    -0.10857362047580545,
    0.08685889637707421,
    -0.0723824136516416,
    0.06204206916844098,
    -0.05428681012493468,
    0.048254927049065664,
    -0.043429455330771104,
    0.03948175638064444,
    -0.036190963937567,
    0.033398925382922606,
    -0.031024918102221917,
    0.029062517465340967,
    -0.027133512809227208,
    0.02458655645108243,
    -0.023612759262533225,
    0.027622125882780103,
    -0.0279468396206078,
    0.013460304395083772,
)
# log10(2) in two parts
LOG10_2 = (
    0.30102999566395283,
    2.8363394551044964e-14,
)
# log10(2) in two parts
LOG10_2_F32 = (
    0.30103302001953125,
    -3.024355464731343e-06,
)

SQRT_HALF_BITS = {"f32": 0x3F3504F3, "f64": 0x3FE6A09E667F3BCD}


def split(x: Expr) -> tuple[Expr, Expr]:
    """(m, e) with x = 2**e m and m in [sqrt(1/2), sqrt(2)), for normal x > 0; e is a
    signed integer."""
    form = format_of(x)
    i = bits(x)
    e = (i - SQRT_HALF_BITS[x.type]) >> form.fraction
    return bitcast(i - (e << form.fraction), x.type), e


def log_1p_tail(f: Expr, rest: Expr | None = None) -> Expr:
    """log(1 + f) - f + rest, for 1 + f between sqrt(1/2) and sqrt(2)."""
    h = fma(f, horner(f, LOG_F32 if f.type == "f32" else LOG_F64), -0.5)
    square = f * f
    return square * h if rest is None else fma(square, h, rest)


def _assemble(f: Expr, e: Expr, extra: Expr | None = None) -> Expr:
    """log(1 + f) + e ln 2 + extra."""
    high, low = LN2_F32 if f.type == "f32" else LN2_F64
    rest = e * low if extra is None else fma(e, low, extra)
    return fma(e, high, f + log_1p_tail(f, rest))


def log_normal(x: Expr, offset: float = 0.0, extra: Expr | None = None) -> Expr:
    """log x + offset ln 2 + extra, for normal x > 0 and a tiny `extra`."""
    m, e = split(x)
    exponent = convert(e, x.type)
    if offset:
        exponent = exponent + offset
    return _assemble(m - 1, exponent, extra)


def not_normal(x: Expr) -> Expr:
    """Whether x is anything but a positive normal number: one unsigned comparison."""
    form = format_of(x)
    smallest = 1 << form.fraction
    infinite = ((2 * form.bias + 1) << form.fraction) - smallest
    return (bitcast(x, form.unsigned) - smallest) >= infinite


def _unusual(x: Expr, scaled: Expr) -> Expr:
    """`scaled` for subnormal x > 0; the limits elsewhere."""
    limit = choose(x.eq(0.0), -INF, choose(x.eq(INF), INF, NAN, x), x)
    return select((x > 0.0) & (x < INF), scaled, limit)


@for_formats
def log(x: Expr) -> Expr:
    """The natural logarithm; -inf at 0, NaN below."""
    return rare(not_normal(x), apart(_log_unusual, x), log_normal(x))


def _log_unusual(x: Expr) -> Expr:
    shift = float(format_of(x).precision)
    return _unusual(x, log_normal(x * 2.0**shift, -shift))


def _parts(x: Expr) -> Pair:
    """(f, e) with x = 2**e (1 + f), of a normal x > 0."""
    m, e = split(x)
    return m - 1, convert(e, x.type)


def _scaled_parts(x: Expr) -> Pair:
    """The same of a subnormal x > 0."""
    shift = float(format_of(x).precision)
    f, e = _parts(x * 2.0**shift)
    return f, e - shift


@for_formats
def log2(x: Expr) -> Expr:
    """The logarithm to base 2, exact for powers of 2."""
    return rare(not_normal(x), apart(_log2_unusual, x), _log2_of(*_parts(x)))


def _log2_of(f: Expr, e: Expr) -> Expr:
    return fma(f, horner(f, LOG2_F32 if f.type == "f32" else LOG2_F64), e)


def _log2_unusual(x: Expr) -> Expr:
    return _unusual(x, _log2_of(*_scaled_parts(x)))


@for_formats
def log10(x: Expr) -> Expr:
    """The logarithm to base 10."""
    return rare(not_normal(x), apart(_log10_unusual, x), _log10_of(*_parts(x)))


def _log10_of(f: Expr, e: Expr) -> Expr:
    if f.type == "f32":
        table, (high, low) = LOG10_F32, LOG10_2_F32
    else:
        table, (high, low) = LOG10_F64, LOG10_2
    return fma(e, high, fma(f, horner(f, table), e * low))


def _log10_unusual(x: Expr) -> Expr:
    return _unusual(x, _log10_of(*_scaled_parts(x)))


def _split_1p(x: Expr) -> tuple[Expr, Expr, Expr]:
    """(f, e, 2**-e) with 1 + x = 2**e (1 + f): f has a single rounding."""
    form = format_of(x)
    _, e = split(x + 1)
    inverse = bitcast((form.bias - e) << form.fraction, x.type)
    return fma(x, inverse, inverse - 1), e, inverse


def log_1p_normal(x: Expr) -> Expr:
    """log(1 + x), exact near 0, for x above -1 and far from overflow."""
    f, e, _ = _split_1p(x)
    return _assemble(f, convert(e, x.type))


@for_formats
def log1p(x: Expr) -> Expr:
    """log(1 + x), exact near 0."""
    form = format_of(x)
    fast = log_1p_normal(x)
    odd = ~((x > -1.0) & (x < 2.0 ** (form.bias - 3)))
    return rare(odd, apart(_log1p_unusual, x), copysign(fast, x))


def _log1p_unusual(x: Expr) -> Expr:
    return select(x.eq(-1.0), -INF, log(x))


# --- as a sum of two numbers, for powers ---------------------------------------------


def log_pair_normal(x: Expr) -> Pair:
    """The logarithm of a positive normal f64 to some 66 bits.

    With s = f / (2 + f): log(1 + f) = 2 s + s^3 (c0 + c1 s^2 + ...); s, s^2 and c0 are
    pairs, whose products keep the terms of first order.
    """
    m, e = split(x)
    exponent, f = convert(e, "f64"), m - 1
    divisor, divisor_lost = fast_two_sum(const(2.0, "f64"), f)
    inverse = 1 / divisor
    s = f * inverse
    s_lost = fma(-s, divisor_lost, fma(-s, divisor, f)) * inverse
    t = s * s
    t_lost = fma(s + s, s_lost, fma(s, s, -t))
    tail = t * horner(t, LOG_ARTANH[1:])
    c, c_lost = LOG_ARTANH[0]
    factor = tail + c
    factor_lost = (tail - (factor - c)) + c_lost
    cube = s * t
    cube_lost = fma(s, t_lost, fma(s_lost, t, fma(s, t, -cube)))
    term = cube * factor
    term_lost = fma(cube, factor_lost, fma(cube_lost, factor, fma(cube, factor, -term)))
    fraction, lost = fast_two_sum(s + s, term)
    lost = lost + fma(s_lost, 2.0, term_lost)
    head = exponent * LN2_SHORT[0]  # exact: the factor has 11 zeros at its end
    total, error = fast_two_sum(head, fraction)
    return fast_two_sum(total, error + fma(exponent, LN2_SHORT[1], lost))


def log_of_pair(x: Pair) -> Expr:
    """log(hi + lo) of an f64 pair, hi positive and normal."""
    return log_normal(x[0], extra=x[1] / x[0])


def log_1p_of_pair(x: Pair) -> Expr:
    """log(1 + hi + lo) of an f64 pair, hi between -1/2 and 2**500; the sign of zero is
    lost."""
    f, e, inverse = _split_1p(x[0])
    return _assemble(f, convert(e, "f64"), x[1] * inverse / (1.0 + f))


def log_extended(x: Expr) -> Pair:
    """The logarithm of a normal positive f64 to some 57 bits, as two numbers."""
    m, e = split(x)
    f, exponent = m - 1, convert(e, "f64")
    total, lost = fast_two_sum(exponent * LN2_SHORT[0], f)
    return fast_two_sum(total, lost + log_1p_tail(f, exponent * LN2_SHORT[1]))


# --- in f64, good enough for f32 -----------------------------------------------------


def log2_short(x: Expr) -> Expr:
    """log2 of a normal positive f64 to 38 bits."""
    m, e = split(x)
    f = m - 1
    return fma(f, horner(f, LOG2_SHORT), convert(e, "f64"))


def log_short(x: Expr) -> Expr:
    """The natural logarithm of a normal positive f64 to 38 bits."""
    return log2_short(x) * LN2_F64[0]


def log2_1p_short(x: Expr) -> Expr:
    """log2(1 + x) of an f64 x > -1 to 38 bits."""
    f, e, _ = _split_1p(x)
    return fma(f, horner(f, LOG2_SHORT), convert(e, "f64"))


def log1p_short(x: Expr) -> Expr:
    """log(1 + x) of an f64 x > -1 to 38 bits."""
    return log2_1p_short(x) * LN2_F64[0]
