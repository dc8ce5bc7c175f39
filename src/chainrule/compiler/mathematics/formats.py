"""The binary formats f32 and f64, and the arithmetic that all functions are made of.

A `Format` holds the numbers that depend on the width. `for_formats` makes a function of
f32 and f64 take the half types through f32. Sums and products with their rounding
errors, of two numbers hi + lo, follow Dekker (1971) and Muller et al., "Handbook of
Floating-Point Arithmetic", chapter 4.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Sequence
from typing import Any

from ..expr import Expr, Operand, bitcast, const, convert, fma, node, select
from ..functions import applied
from ..records import record

Pair = tuple[Expr, Expr]
"""A number as the unevaluated sum of two, the second a rounding error of the first."""


@record
class Format:
    """What a function needs to know of f32 or f64."""

    type: str
    int: str
    unsigned: str
    fraction: int
    """Bits of the fraction field; the precision is one more."""
    bias: int
    largest: float
    smallest_normal: float

    @property
    def shifter(self) -> float:
        """Added to |x| < 2**(fraction - 1), it leaves the nearest integer in the low
        bits of the sum: 1.5 * 2**fraction."""
        return 1.5 * 2.0**self.fraction

    @property
    def precision(self) -> int:
        return self.fraction + 1


F32 = Format("f32", "i32", "u32", 23, 127, float.fromhex("0x1.fffffep127"), 2.0**-126)
F64 = Format(
    "f64", "i64", "u64", 52, 1023, float.fromhex("0x1.fffffffffffffp1023"), 2.0**-1022
)
_FORMATS = {"f32": F32, "f64": F64}

LN2_F32 = (float.fromhex("0x1.62e43p-1"), float.fromhex("-0x1.05c61p-29"))
LN2_F64 = (
    float.fromhex("0x1.62e42fefa39efp-1"),
    float.fromhex("0x1.abc9e3b39803fp-56"),
)
"""ln 2 as a sum of two numbers of the format."""
INF = float("inf")
NAN = float("nan")


def format_of(x: Expr) -> Format:
    """The format of an f32 or f64 expression."""
    return _FORMATS[x.type]


def for_formats(function: Callable[..., Expr]) -> Callable[..., Expr]:
    """Makes a function of f32 and f64 expressions serve f16 and bf16, through f32.

    The operands are expressions of one floating-point type, or Python numbers beside
    them. Raises TypeError for another type.
    """

    @functools.wraps(function)
    def of_any(*args: Any) -> Expr:
        type = next(a.type for a in args if isinstance(a, Expr))
        if type in _FORMATS:
            return applied(function, *[_expression(a, type) for a in args])
        if type not in ("f16", "bf16"):
            raise TypeError(
                f"{function.__name__}: takes floating-point values, got type {type};"
                " convert the operand first."
            )
        wide = [convert(_expression(a, type), "f32") for a in args]
        return convert(applied(function, *wide), type)

    return of_any


def routines(
    call: Callable[..., Expr], function: Callable[..., Any]
) -> Callable[..., Expr]:
    """Calls `function(*args, single)` by `apart` or `iterated`: a routine for the digits
    of f64, and one for those of f32."""

    def long(*args: Expr) -> Any:
        return function(*args, False)

    def short(*args: Expr) -> Any:
        return function(*args, True)

    long.__name__, short.__name__ = function.__name__, f"{function.__name__}_short"
    return lambda *args: call(short if args[-1] else long, *args[:-1])


def _expression(x: Any, type: str) -> Expr:
    return x if isinstance(x, Expr) else number(x, type)


def nearest(value: float, type: str) -> float:
    """The value rounded to f32 or f64."""
    return struct.unpack("f", struct.pack("f", value))[0] if type == "f32" else value


def number(value: float, type: str) -> Expr:
    """A constant of the type, rounded to it."""
    if type == "f32":
        value = nearest(value, type)
    return const(value, type)


def choose(condition: Expr, x: Operand, y: Operand, like: Expr) -> Expr:
    """select, of numbers as well: constants of the type of `like`."""
    return select(condition, _expression(x, like.type), _expression(y, like.type))


def horner(t: Expr, coefficients: Sequence[float]) -> Expr:
    """The polynomial with these coefficients, lowest power first."""
    out: Operand = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        out = fma(t, out, c)
    return out if isinstance(out, Expr) else const(out, t.type)


def horner_pair(t: Expr, coefficients: Sequence[Any]) -> Pair:
    """The polynomial with its last rounding error; the lowest coefficient may be a pair."""
    rest, first = horner(t, coefficients[1:]), coefficients[0]
    high = first[0] if isinstance(first, tuple) else first
    total = fma(t, rest, high)
    lost = fma(t, rest, high - total)
    return total, lost + first[1] if isinstance(first, tuple) else lost


# --- signs, exponents ----------------------------------------------------------------


def absolute(x: Expr) -> Expr:
    """|x|, of any float."""
    return node("abs", x.type, (x,))


def copysign(size: Operand, sign: Expr) -> Expr:
    """|size| with the sign of `sign`."""
    if not isinstance(size, Expr):
        size = const(size, sign.type)
    return node("copysign", sign.type, (size, sign))


def square_root(x: Expr) -> Expr:
    """The root, correctly rounded; NaN below zero."""
    return node("sqrt", x.type, (x,))


def bits(x: Expr) -> Expr:
    """The bits of a float as a signed integer."""
    return bitcast(x, format_of(x).int)


def not_within(x: Expr, bound: float) -> Expr:
    """Whether |x| > bound, or x is NaN."""
    return ~(absolute(x) <= bound)


def power_of_two(k: Expr, form: Format) -> Expr:
    """2**k as a float, for an integer k between the exponents of normal numbers."""
    return bitcast((k + form.bias) << form.fraction, form.type)


def scale(x: Expr, k: Expr, form: Format) -> Expr:
    """x * 2**k, rounded once if x is within 2**-1 and 2**1; gradual underflow and
    overflow included."""
    half = k >> 1
    return x * power_of_two(half, form) * power_of_two(k - half, form)


def clamp(x: Expr, low: float, high: float) -> Expr:
    """x, or the bound that it passes; NaN stays."""
    return select(x > high, high, select(x < low, low, x))


# --- sums and products with their rounding errors ------------------------------------


def fast_two_sum(a: Expr, b: Expr) -> Pair:
    """a + b rounded, and its error, where |a| >= |b| or a = 0."""
    total = a + b
    return total, b - (total - a)


def two_sum(a: Expr, b: Expr) -> Pair:
    """a + b rounded, and its error."""
    total = a + b
    shadow = total - a
    return total, (a - (total - shadow)) + (b - shadow)


def two_product(a: Expr, b: Expr) -> Pair:
    """a * b rounded, and its error."""
    product = a * b
    return product, fma(a, b, -product)


def pair_times(a: Pair, b: Expr) -> Pair:
    """(a_hi + a_lo) * b."""
    high, low = two_product(a[0], b)
    return fast_two_sum(high, fma(a[1], b, low))
