"""What derive_polynomials.py derives: function, interval, weight and formats per table.

A polynomial in t of n terms approximates `function`; its error counts times `weight`,
which makes it the error of the whole formula, relative to the result.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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

# --- exponentials and logarithms in f64, good enough for f32 ------------------------------------------------------

FITS["LOG2_SHORT"] = Fit(
    "log2(1 + f) / f, 1 + f between sqrt(1/2) and sqrt(2)",
    lambda f: mp.log1p(f) / f / mp.log(2), lambda f: abs(f / mp.log1p(f) * mp.log(2)),
    LOG_LOW, LOG_HIGH, f64(14),
)  # fmt: skip
# --- tangent: tan r = r + r^3 q(r^2), t = r^2 --------------------------------------------

for _name, _formats in [("TAN_F32", f32(7)), ("TAN_F64", f64(14))]:
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
    mp.mpf("1e-12"), mp.mpf("0.029438"), ["pair", *f64(8)],
)  # fmt: skip

# --- 2^r = 1 + r q(r); log2(1 + f) = f q(f); log10 likewise --------------------------------

for _name, _formats in [
    ("EXP2_F32", f32(6)),
    ("EXP2_F64", f64(12)),
    ("EXP2_SHORT", f64(7)),
]:
    FITS[_name] = Fit(
        "(2^r - 1) / r, |r| <= 1/2", lambda r: mp.expm1(r * mp.log(2)) / r,
        lambda r: abs(r) / mp.mpf(2) ** r, -ONE / 2, ONE / 2, _formats,
    )  # fmt: skip


def log_quotient(base):
    return lambda f: mp.log1p(f) / f / mp.log(base)


for _base in (2, 10):
    for _name, _formats in [(f"LOG{_base}_F32", f32(10)), (f"LOG{_base}_F64", f64(21))]:
        FITS[_name] = Fit(
            f"log{_base}(1 + f) / f, 1 + f between sqrt(1/2) and sqrt(2)",
            log_quotient(_base), lambda f, b=_base: 1 / log_quotient(b)(f),
            LOG_LOW, LOG_HIGH, _formats,
        )  # fmt: skip

# --- odd functions: g(x) = x + x^3 q(x^2), t = x^2 ---------------------------------------


def odd(name, g, high, formats, what):
    """The fit of q in g(x) = x + x^3 q(x^2) for 0 < x <= high."""

    def quotient(t):
        x = mp.sqrt(t)
        return (g(x) - x) / x**3

    FITS[name] = Fit(
        f"({what} x - x) / x^3 by t = x^2, x <= {mp.nstr(high, 4)}", quotient,
        lambda t: mp.sqrt(t) ** 3 / g(mp.sqrt(t)), mp.mpf("1e-10"), high**2, formats,
    )  # fmt: skip


HALF = ONE / 2
odd("ASIN_F32", mp.asin, HALF, f32(5), "asin")
odd("ASIN_F64", mp.asin, HALF, f64(12), "asin")
odd("ATAN_F32", mp.atan, ONE, f32(9), "atan")
odd("ATAN_F64", mp.atan, ONE, f64(21), "atan")
odd("SINH_F32", mp.sinh, ONE, f32(4), "sinh")
odd("SINH_F64", mp.sinh, ONE, f64(8), "sinh")
odd("ASINH_F64", mp.asinh, HALF, f64(13), "asinh")
odd("ATANH_F64", mp.atanh, HALF, f64(14), "atanh")


def acosh_ratio(d):
    return mp.acosh(1 + d) / mp.sqrt(2 * d)


FITS["ACOSH_F64"] = Fit(
    "(acosh(1 + d) / sqrt(2 d) - 1) / d, d <= 1/2", lambda d: (acosh_ratio(d) - 1) / d,
    lambda d: d / acosh_ratio(d), mp.mpf("1e-8"), HALF, f64(12),
)  # fmt: skip

# --- cube roots --------------------------------------------------------------------------

for _name, _power, _formats in [
    ("CBRT_F32", ONE / 3, f64(12)), ("CBRT_F64", -ONE / 3, f64(11)),
]:  # fmt: skip
    FITS[_name] = Fit(
        f"(1 + f)^({'-' if _power < 0 else ''}1/3), 1 + f between sqrt(1/2) and sqrt(2)",
        lambda f, p=_power: (1 + f) ** p, lambda f, p=_power: (1 + f) ** -p,
        LOG_LOW, LOG_HIGH, _formats,
    )  # fmt: skip

# --- scaled erfc: (1 + 2 x) e^(x^2) erfc x by t = (x - 4) / (x + 4) ----------------------


def erfcx_numerator(t):
    x = 4 * (1 + t) / (1 - t)
    if x > 1000:
        r = -1 / (2 * x * x)
        series = mp.fsum(mp.fac2(2 * k - 1) * r**k for k in range(12))
        return (1 + 2 * x) * series / (x * mp.sqrt(mp.pi))
    return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)


for _name, _formats in [("ERFCX_SHORT", f64(15)), ("ERFCX_F64", ["pair", *f64(25)])]:
    FITS[_name] = Fit(
        "(1 + 2 x) e^(x^2) erfc x by t = (x - 4) / (x + 4), x >= 0", erfcx_numerator,
        lambda t: 1 / erfcx_numerator(t), -ONE, ONE, _formats,
    )  # fmt: skip

FITS["ERFCX_SLOPE"] = Fit(
    "the derivative by t of (1 + 2 x) e^(x^2) erfc x", lambda t: mp.diff(erfcx_numerator, t),
    lambda t: ONE, -mp.mpf("0.999"), mp.mpf("0.9"), f64(6), "absolute",
)  # fmt: skip

SHIFT, CENTRE = 3, mp.mpf("0.193359375")  # where the value is next to one of f32


def erfcx_by_inverse(t):
    u = t + CENTRE
    x = 1 / u - SHIFT
    return mp.exp(x * x) * mp.erfc(x) / u


def erfcx_steepness(u):
    """u f'(u) / f(u) of f = erfcx(1 / u - SHIFT)."""
    x = 1 / u - SHIFT
    return (2 / (mp.sqrt(mp.pi) * mp.exp(x * x) * mp.erfc(x)) - 2 * x) / u


_low, _high = 1 / (mp.mpf("10.125") + SHIFT), ONE / SHIFT
FITS["ERFCX_F32"] = Fit(
    f"e^(x^2) erfc x / u by t = u - {CENTRE}, u = 1 / (x + {SHIFT}), 0 <= x <= 10.125",
    erfcx_by_inverse, lambda t: 1 / erfcx_by_inverse(t), _low - CENTRE, _high - CENTRE, f32(10),
)  # fmt: skip
FITS["ERFCX_SLOPE_F32"] = Fit(
    "the logarithmic slope of e^(x^2) erfc x by u", erfcx_steepness, lambda u: ONE,
    _low, _high, f32(2), "absolute",
)  # fmt: skip

# --- inverses of erf and erfc; the tail's is improved by a step of Newton's --------------


def erfc_inv(r):
    """The y of erfc(y) = exp(-r^2)."""
    y = r if r < 2 else r - mp.log(r * mp.sqrt(mp.pi)) / (2 * r)
    return mp.findroot(lambda y: mp.log(mp.erfc(y)) + r * r, y)


MIDDLE = mp.mpf("1.75")


def erf_inv_by_logarithm(t):
    """erf_inv(x) / x by t = -log(1 - x^2)."""
    x = mp.sqrt(-mp.expm1(-t))
    return mp.erfinv(x) / x


FITS["ERF_INV_SHORT"] = Fit(
    "erf_inv(x) / x by t = -log(1 - x^2), t <= 5", erf_inv_by_logarithm,
    lambda t: 1 / erf_inv_by_logarithm(t), mp.mpf("1e-9"), mp.mpf("5.001"), f64(13),
)  # fmt: skip
FITS["ERF_INV_F64"] = Fit(
    "erf_inv(x) / x by t = -log(1 - x^2) - 1.75, t <= 4.5",
    lambda t: erf_inv_by_logarithm(t + MIDDLE),
    lambda t: 1 / erf_inv_by_logarithm(t + MIDDLE),
    mp.mpf("1e-9") - MIDDLE, mp.mpf("6.251") - MIDDLE, f64(24),
)  # fmt: skip
FITS["ERFC_INV_TAIL"] = Fit(
    "erfc_inv(q) by t = r - 3.5, r = sqrt(-log q), 0.82 <= r <= 6.2",
    lambda t: erfc_inv(t + mp.mpf("3.5")), lambda t: 1 / erfc_inv(t + mp.mpf("3.5")),
    mp.mpf("0.82") - mp.mpf("3.5"), mp.mpf("6.2") - mp.mpf("3.5"), f64(21),
)  # fmt: skip
FITS["ERFC_INV_FAR"] = Fit(
    "erfc_inv(q) / r by t = 1 / r, r = sqrt(-log q), 6 <= r <= 27.5",
    lambda t: erfc_inv(1 / t) * t, lambda t: 1 / (erfc_inv(1 / t) * t),
    1 / mp.mpf("27.5"), ONE / 6, f64(11),
)  # fmt: skip

# --- gamma -------------------------------------------------------------------------------


def lgamma_near(n):
    return lambda d: mp.loggamma(n + d) / d


for _name, _near, _low, _formats in [
    ("LGAMMA_ONE", 1, -ONE / 4, f64(22)), ("LGAMMA_TWO", 2, -HALF, f64(19)),
    ("LGAMMA_ONE_SHORT", 1, -ONE / 4, f64(12)), ("LGAMMA_TWO_SHORT", 2, -HALF, f64(10)),
]:  # fmt: skip
    FITS[_name] = Fit(
        f"lgamma({_near} + d) / d, {mp.nstr(_low, 3)} <= d <= 0.5", lgamma_near(_near),
        lambda d, n=_near: 1 / abs(lgamma_near(n)(d)), _low, HALF, _formats,
    )  # fmt: skip


for _name, _formats in [
    ("RECIPROCAL_GAMMA", f64(17)),
    ("RECIPROCAL_GAMMA_SHORT", f64(10)),
]:
    FITS[_name] = Fit(
        "1 / Gamma(2 + d), |d| <= 0.5", lambda d: 1 / mp.gamma(2 + d),
        lambda d: mp.gamma(2 + d), -HALF, HALF, _formats,
    )  # fmt: skip


def stirling(u):
    x = 1 / mp.sqrt(u)
    main = (x - HALF) * mp.log(x) - x + mp.log(2 * mp.pi) / 2
    return (mp.loggamma(x) - main) * x


def digamma_rest(u):
    x = 1 / mp.sqrt(u)
    return (mp.log(x) - HALF / x - mp.digamma(x)) * x**2


SERIES_END = mp.mpf("6.5") ** -2
for _name, _function, _formats in [
    ("STIRLING", stirling, f64(9)), ("STIRLING_SHORT", stirling, f64(4)),
    ("DIGAMMA_SERIES", digamma_rest, f64(9)), ("DIGAMMA_SERIES_SHORT", digamma_rest, f64(4)),
]:  # fmt: skip
    FITS[_name] = Fit(
        "the rest of the asymptotic series by t = 1 / x^2, x >= 6.5", _function,
        lambda u: mp.sqrt(u) / 2, mp.mpf("1e-5"), SERIES_END, _formats, "absolute",
    )  # fmt: skip

DIGAMMA_ROOT = mp.findroot(mp.digamma, 1.46)


def digamma_quotient(t):
    y = t + mp.mpf("1.75")
    return mp.digamma(y) / (y - DIGAMMA_ROOT)


for _name, _formats in [("DIGAMMA", f64(28)), ("DIGAMMA_SHORT", f64(16))]:
    FITS[_name] = Fit(
        "digamma(y) / (y - root) by t = y - 1.75, 1 <= y <= 2.5", digamma_quotient,
        lambda t: 1 / digamma_quotient(t), -ONE * 3 / 4, ONE * 3 / 4, _formats,
    )  # fmt: skip

# --- Bessel, e^-x I_n(x): in f64 I_n near 0, by t = x - 5 from 2 to 8, by 16 / x beyond ----


def bessel_scaled(n, x):
    return mp.besseli(n, x) * mp.exp(-x)


def bessel_near(n):
    """(I_0(x) - 1) / (x^2 / 4), (I_1(x) / (x / 2) - 1) / (x^2 / 4) by t = x^2 / 4."""

    def of(t):
        x = 2 * mp.sqrt(t)
        return (mp.besseli(n, x) / (x / 2) ** n - 1) / t

    return of


def bessel_near_weight(n):
    def of(t):
        x = 2 * mp.sqrt(t)
        return t * (x / 2) ** n / mp.besseli(n, x)

    return of


def bessel_large(n):
    def of(t):
        x = 16 / (t + 1)
        return bessel_scaled(n, x) * mp.sqrt(x)

    return of


for _n in (0, 1):
    FITS[f"I{_n}_NEAR"] = Fit(
        f"I{_n}(x) near 0, see bessel.py, by t = x^2 / 4, x <= 2",
        bessel_near(_n), bessel_near_weight(_n), mp.mpf("1e-6"), ONE, f64(9),
    )  # fmt: skip
    for _name, _function, _low, _high, _formats in [
        (
            f"I{_n}E_MIDDLE",
            lambda t, n=_n: bessel_scaled(n, t + 5),
            -3,
            3,
            ["pair", *f64(26)],
        ),
        (f"I{_n}E_LARGE", bessel_large(_n), -1, 1, ["pair", *f64(25)]),
        (
            f"I{_n}E_SHORT",
            lambda t, n=_n: bessel_scaled(n, 4 * t + 4) / (4 * t + 4) ** n,
            -1,
            1,
            f64(21),
        ),
        (f"I{_n}E_LARGE_SHORT", bessel_large(_n), -1, 1, f64(9)),
    ]:
        FITS[_name] = Fit(
            f"the scaled Bessel function {_n}, see bessel.py", _function,
            lambda t, g=_function: 1 / g(t), ONE * _low, ONE * _high, _formats,
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


@dataclass
class Quotient:
    """Two tables, `_TOP` and `_BOTTOM`, of polynomials in t of `degree`, 0 <= t <= high."""

    what: str
    function: Callable[[Any], Any]
    high: Any
    degree: int


# --- sine, cosine and Fresnel integrals: their slowly varying parts, DLMF 6.2.17 and 7.2.10


def cosine_part(t):
    """x f(x) + i x^2 g(x) for t = 1 / x^2, of Si and Ci."""
    x = 1 / mp.sqrt(t)
    y = mp.e1(mp.mpc(0, x)) * mp.expj(x)
    return mp.mpc(-y.imag * x, y.real * x**2)


def fresnel_part(t):
    """pi x f(x) + i pi x z g(x) for t = 1 / z^2, z = pi x^2 / 2, of S and C."""
    z = 1 / mp.sqrt(t)
    w = mp.mpc(0, z)
    y = mp.sqrt(mp.pi * w) * mp.exp(w) * mp.erfc(mp.sqrt(w))
    return mp.mpc(y.real, y.imag * z)


QUOTIENTS: dict[str, Quotient] = {}
for _suffix, _degree, _other in [("", 16, 14), ("_SHORT", 8, 8)]:
    for _name, _function, _high, _terms, _where in [
        ("WAVE", cosine_part, ONE / 4, _degree, "Si and Ci by t = 1 / x^2, x >= 2"),
        ("FRESNEL", fresnel_part, ONE / 6, _other, "S and C by t = 1 / z^2, z^2 >= 6"),
    ]:
        QUOTIENTS[f"{_name}_F{_suffix}"] = Quotient(
            f"f of {_where}", lambda t, f=_function: f(t).real, _high, _terms
        )
        QUOTIENTS[f"{_name}_G{_suffix}"] = Quotient(
            f"g of {_where}", lambda t, f=_function: f(t).imag, _high, _terms
        )


def words(value, count):
    """The first 64-bit words of the fraction of a value below 1."""
    return [
        int(mp.floor(value * mp.mpf(2) ** (64 * (j + 1)))) % 2**64 for j in range(count)
    ]


def parts_short(value, bits=42):
    """As `parts`, the first with zeros at its end."""
    short = parts(value, 1, bits)[0]
    return [short, value - short]


def digamma_root():
    return mp.findroot(mp.digamma, mp.mpf("1.4616321449683623"))


def constants():
    """Tables that are no polynomials: name -> (comment, values)."""
    with mp.workprec(2000):
        pi, ln2 = +mp.pi, mp.log(2)
        short = parts(ln2, 1, 42)[0]
        return {
            "PI_F32": ("pi in three parts", parts(pi, 3, 24)),
            "PI_F64": ("pi in three parts", parts(pi, 3, 53)),
            "LN2_SHORT": ("ln 2 in two parts", [short, ln2 - short]),
            "DIGAMMA_ROOT": (
                "the positive root of digamma",
                parts(digamma_root(), 2, 53),
            ),
            "LOG10_2_F32": (
                "log10(2) in two parts",
                parts_short(mp.log(2) / mp.log(10), 16),
            ),
            "LOG10_2": ("log10(2) in two parts", parts_short(mp.log(2) / mp.log(10))),
            "TWO_OVER_PI": ("2 / pi in parts of 28 bits", parts(2 / pi, 7, 28)),
            "INVERSE_TWO_PI": ("1 / (2 pi)", words(1 / (2 * pi), 20)),
        }
