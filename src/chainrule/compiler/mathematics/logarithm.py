"""Logarithms: log, log2, log10, log1p.

x = 2^e m with m between sqrt(1/2) and sqrt(2), by integer arithmetic on its bits; then
log x = e ln 2 + log(1 + f) with f = m - 1, which is exact. The polynomial in f needs no
division (compare Muller, "Elementary Functions", section 6.3). `log_pair` has some 68
bits, for powers: it is 2 artanh(f / (2 + f)) in pairs.
"""

from __future__ import annotations

from ..expr import Expr, bitcast, const, convert, fma, rare, select
from .formats import (
    F64,
    INF,
    NAN,
    Pair,
    bits,
    choose,
    copysign,
    fast_two_sum,
    for_formats,
    format_of,
    horner,
    pair_product,
    pair_quotient,
    pair_sum,
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

# (2 artanh s - 2 s) / s^3 by t = s^2, |s| <= 0.1716: error relative 2^-77.31
LOG_ARTANH = (
    (0.6666666666666666, 3.7003577767315015e-17),
    0.4,
    0.2857142857142703,
    0.22222222222661397,
    0.18181818115210144,
    0.1538462134560778,
    0.1333300494359775,
    0.11775853755938752,
    0.10303042036838377,
    0.11857016269478363,
)
# ln 2 in two parts
LN2_SHORT = (
    0.6931471805598903,
    5.497923018708371e-14,
)
"""ln 2 as a sum of a number with 11 zeros at its end and another."""

SQRT_HALF_BITS = {"f32": 0x3F3504F3, "f64": 0x3FE6A09E667F3BCD}
LN2_F32 = (float.fromhex("0x1.62e43p-1"), float.fromhex("-0x1.05c61p-29"))
LN2_F64 = (
    float.fromhex("0x1.62e42fefa39efp-1"),
    float.fromhex("0x1.abc9e3b39803fp-56"),
)


def split(x: Expr) -> tuple[Expr, Expr]:
    """(m, e) with x = 2**e m and m in [sqrt(1/2), sqrt(2)), for normal x > 0; e is a
    signed integer."""
    form = format_of(x)
    i = bits(x)
    e = (i - SQRT_HALF_BITS[x.type]) >> form.fraction
    return bitcast(i - (e << form.fraction), x.type), e


def _log_1p_tail(f: Expr, rest: Expr | None = None) -> Expr:
    """log(1 + f) - f + rest, for 1 + f between sqrt(1/2) and sqrt(2)."""
    h = fma(f, horner(f, LOG_F32 if f.type == "f32" else LOG_F64), -0.5)
    square = f * f
    return square * h if rest is None else fma(square, h, rest)


def _assemble(f: Expr, e: Expr) -> Expr:
    """log(1 + f) + e ln 2."""
    high, low = LN2_F32 if f.type == "f32" else LN2_F64
    return fma(e, high, f + _log_1p_tail(f, e * low))


def _log_normal(x: Expr, offset: float = 0.0) -> Expr:
    m, e = split(x)
    exponent = convert(e, x.type)
    if offset:
        exponent = exponent + offset
    return _assemble(m - 1, exponent)


def _not_normal(x: Expr) -> Expr:
    """Whether x is anything but a positive normal number: one unsigned comparison."""
    form = format_of(x)
    smallest = 1 << form.fraction
    infinite = ((2 * form.bias + 1) << form.fraction) - smallest
    return (bitcast(x, form.unsigned) - smallest) >= infinite


def _log_any(x: Expr, normal: Expr, scaled: Expr) -> Expr:
    """`normal`, for normal x > 0; `scaled` for subnormal ones; the limits elsewhere."""
    limit = choose(x.eq(0.0), -INF, choose(x.eq(INF), INF, NAN, x), x)
    positive = (x > 0.0) & (x < INF)
    return rare(_not_normal(x), select(positive, scaled, limit), normal)


@for_formats
def log(x: Expr) -> Expr:
    """The natural logarithm; -inf at 0, NaN below."""
    form = format_of(x)
    scaled = _log_normal(x * 2.0**form.precision, -float(form.precision))
    return _log_any(x, _log_normal(x), scaled)


@for_formats
def log1p(x: Expr) -> Expr:
    """log(1 + x), exact near 0: f = 2**-e (1 + x) - 1 with a single rounding."""
    form = format_of(x)
    _, e = split(x + 1)
    inverse = bitcast((form.bias - e) << form.fraction, x.type)
    f = fma(x, inverse, inverse - 1)
    fast = _assemble(f, convert(e, x.type))
    special = select(x.eq(-1.0), -INF, log(x))
    odd = ~((x > -1.0) & (x < 2.0 ** (form.bias - 3)))
    return rare(odd, special, copysign(fast, x))


# --- as a sum of two numbers, for powers ---------------------------------------------


def log_pair(x: Expr) -> Pair:
    """The logarithm of a positive f64, subnormal or not, to some 66 bits.

    With s = f / (2 + f): log(1 + f) = 2 s + s^3 (c0 + c1 s^2 + ...); s, s^2 and c0 are
    pairs.
    """
    tiny = x < F64.smallest_normal
    m, e = split(select(tiny, x * 2.0**54, x))
    exponent = convert(e, "f64") - choose(tiny, 54.0, 0.0, x)
    f = m - 1
    zero = const(0.0, "f64")
    s = pair_quotient((f, zero), fast_two_sum(const(2.0, "f64"), f))
    square = pair_product(s, s)
    t = square[0]
    tail = t * horner(t, LOG_ARTANH[1:])
    factor = fast_two_sum(const(LOG_ARTANH[0][0], "f64"), tail)
    factor = (factor[0], factor[1] + LOG_ARTANH[0][1])
    cubic = pair_product(pair_product(s, square), factor)
    head = exponent * LN2_SHORT[0]  # exact: the factor has 11 zeros at its end
    fraction = pair_sum((s[0] + s[0], s[1] + s[1]), cubic)
    total, lost = fast_two_sum(head, fraction[0])
    return fast_two_sum(total, lost + fma(exponent, LN2_SHORT[1], fraction[1]))
