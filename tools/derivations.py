"""What derive_polynomials.py derives: function, interval, weight and formats per table.

A polynomial in t of n terms approximates `function`; its error counts times `weight`,
which makes it the error of the whole formula, relative to the result.
"""

from dataclasses import dataclass
from typing import Any, Callable

import mpmath as mp

ONE = mp.mpf(1)


@dataclass
class Fit:
    what: str
    function: Callable[[Any], Any]
    weight: Callable[[Any], Any]
    low: Any
    high: Any
    formats: list[str]
    kind: str = "relative"


def f32(n):
    return ["f32"] * n


def f64(n):
    return ["f64"] * n


FITS: dict[str, Fit] = {}

# --- exponentials: e^r = 1 + r + r^2 q(r) ------------------------------------------------

HALF_LN2 = mp.log(2) / 2 * mp.mpf("1.0001")


def exp_tail(r):
    return (mp.expm1(r) - r) / r**2


for _name, _formats in [("EXP_F32", f32(5)), ("EXP_F64", f64(10))]:
    FITS[_name] = Fit(
        "(e^r - 1 - r) / r^2, |r| <= ln 2 / 2", exp_tail,
        lambda r: r**2 / mp.exp(r), -HALF_LN2, HALF_LN2, _formats,
    )  # fmt: skip
for _name, _formats in [("EXPM1_F32", f32(5)), ("EXPM1_F64", f64(11))]:
    FITS[_name] = Fit(
        "(e^r - 1 - r) / r^2, |r| <= ln 2 / 2, for e^r - 1", exp_tail,
        lambda r: r**2 / abs(mp.expm1(r)), -HALF_LN2, HALF_LN2, _formats,
    )  # fmt: skip

# --- logarithms: log(1 + f) = f - f^2 / 2 + f^3 q(f) --------------------------------------

SQRT2 = mp.sqrt(2)
LOG_LOW, LOG_HIGH = mp.sqrt(ONE / 2) - 1 - mp.mpf("1e-7"), SQRT2 - 1 + mp.mpf("1e-7")
for _name, _formats in [("LOG_F32", f32(8)), ("LOG_F64", f64(19))]:
    FITS[_name] = Fit(
        "(log(1 + f) - f + f^2 / 2) / f^3, 1 + f between sqrt(1/2) and sqrt(2)",
        lambda f: (mp.log1p(f) - f + f * f / 2) / f**3,
        lambda f: abs(f**3 / mp.log1p(f)), LOG_LOW, LOG_HIGH, _formats,
    )  # fmt: skip

# --- sine: sin r = r + r^3 q(r^2), t = r^2 ------------------------------------------------

QUARTER_PI = mp.pi / 4 * mp.mpf("1.0005")
for _name, _formats in [("SIN_F32", f32(3)), ("SIN_F64", f64(6))]:
    FITS[_name] = Fit(
        "(sin r - r) / r^3 by t = r^2, |r| <= pi / 4",
        lambda t: (mp.sin(mp.sqrt(t)) - mp.sqrt(t)) / mp.sqrt(t) ** 3,
        lambda t: mp.sqrt(t) ** 3 / mp.sin(mp.sqrt(t)),
        mp.mpf("1e-12"), QUARTER_PI**2, _formats,
    )  # fmt: skip
for _name, _formats in [("COS_F32", f32(3)), ("COS_F64", f64(6))]:
    FITS[_name] = Fit(
        "(cos r - 1 + r^2 / 2) / r^4 by t = r^2, |r| <= pi / 4",
        lambda t: (mp.cos(mp.sqrt(t)) - 1 + t / 2) / t**2,
        lambda t: t**2 / mp.cos(mp.sqrt(t)),
        mp.mpf("1e-9"), QUARTER_PI**2, _formats,
    )  # fmt: skip

# --- error function: x P(x^2) near 0, 1 - exp(-Q(x)) away from it --------------------------


def erf_ratio(t):
    return mp.erf(mp.sqrt(t)) / mp.sqrt(t)


def erf_decay(centre):
    return lambda t: -mp.log(mp.erfc(t + centre))


def erf_decay_weight(centre):
    return lambda t: mp.erfc(t + centre) / mp.erf(t + centre)


for _name, _formats in [("ERF_CENTRE_F32", f32(7)), ("ERF_CENTRE_F64", f64(12))]:
    FITS[_name] = Fit(
        "erf(x) / x - 1 by t = x^2, x <= 1", lambda t: erf_ratio(t) - 1,
        lambda t: 1 / erf_ratio(t),
        mp.mpf("1e-15"), ONE, _formats,
    )  # fmt: skip
for _name, _high, _formats in [
    ("ERF_DECAY_F32", mp.mpf("3.92"), f32(7)), ("ERF_DECAY_F64", mp.mpf("5.93"), f64(20)),
]:  # fmt: skip
    _centre = 2 if "F64" in _name else 0
    FITS[_name] = Fit(
        f"-log erfc(x) by t = x - {_centre}, 1 <= x <= {_high}", erf_decay(_centre),
        erf_decay_weight(_centre), ONE - _centre, _high - _centre, _formats,
    )  # fmt: skip

# --- powers in f32, computed in f64 ------------------------------------------------------

FITS["POW_LOG2"] = Fit(
    "log2(1 + f) / f, 1 + f between sqrt(1/2) and sqrt(2)",
    lambda f: mp.log1p(f) / f / mp.log(2), lambda f: abs(f / mp.log1p(f) * mp.log(2)),
    LOG_LOW, LOG_HIGH, f64(14),
)  # fmt: skip
FITS["POW_EXP2"] = Fit(
    "2^r, |r| <= 1/2", lambda r: mp.mpf(2) ** r, lambda r: mp.mpf(2) ** -r,
    -ONE / 2, ONE / 2, f64(8),
)  # fmt: skip

# --- tangent: tan r = r + r^3 q(r^2), t = r^2 --------------------------------------------

for _name, _formats in [("TAN_F32", f32(6)), ("TAN_F64", f64(14))]:
    FITS[_name] = Fit(
        "(tan r - r) / r^3 by t = r^2, |r| <= pi / 4",
        lambda t: (mp.tan(mp.sqrt(t)) - mp.sqrt(t)) / mp.sqrt(t) ** 3,
        lambda t: mp.sqrt(t) ** 3 / mp.tan(mp.sqrt(t)),
        mp.mpf("1e-12"), (mp.pi / 4) ** 2 * mp.mpf("1.0005"), _formats,
    )  # fmt: skip

FITS["LOG_ARTANH"] = Fit(
    "(2 artanh s - 2 s) / s^3 by t = s^2, |s| <= 0.1716",
    lambda t: 2 * (mp.atanh(mp.sqrt(t)) - mp.sqrt(t)) / mp.sqrt(t) ** 3,
    lambda t: mp.sqrt(t) ** 3 / (2 * mp.atanh(mp.sqrt(t))),
    mp.mpf("1e-12"), mp.mpf("0.029438"), ["pair", *f64(9)],
)  # fmt: skip

# --- constants ---------------------------------------------------------------------------


def parts(value, count, bits):
    """The value as a sum of so many numbers of so many bits each."""
    out = []
    for _ in range(count):
        with mp.workprec(bits):
            high = +value
        out.append(high)
        value = value - high
    return out


def words(value, count):
    """The first 64-bit words of the fraction of a value below 1."""
    return [
        int(mp.floor(value * mp.mpf(2) ** (64 * (j + 1)))) % 2**64 for j in range(count)
    ]


def constants():
    """Tables that are no polynomials: name -> (comment, values)."""
    with mp.workprec(2000):
        pi, ln2 = +mp.pi, mp.log(2)
        short = parts(ln2, 1, 42)[0]
        return {
            "PI_F32": ("pi in three parts", parts(pi, 3, 24)),
            "PI_F64": ("pi in three parts", parts(pi, 3, 53)),
            "LN2_SHORT": ("ln 2 in two parts", [short, ln2 - short]),
            "INVERSE_TWO_PI": ("1 / (2 pi)", words(1 / (2 * pi), 20)),
        }
