"""erf, erfc, erfcx and the inverse of erf.

erf is an odd polynomial near 0 and 1 - exp(-Q(x)), Q = -log erfc, away from it. The
scaled erfcx(x) = exp(x^2) erfc(x) is one polynomial on the whole half line: (1 + 2 x)
erfcx(x) by (x - 4) / (x + 4) (M. Shepherd and J. Laframboise, "Chebyshev approximation
of (1 + 2x) exp(x^2) erfc x in 0 <= x < oo", Math. Comp. 36, 1981). The inverses start
from polynomials of some 30 bits; in f64 a step of Newton's method follows. f32 is
computed in f64, but for erf.
"""

from __future__ import annotations

from ..expr import Expr, const, convert, fma, rare, select
from .exponential import exp_normal, exp_parts, exp_short
from .formats import (
    F64,
    INF,
    NAN,
    Pair,
    absolute,
    copysign,
    for_formats,
    horner,
    scale,
    square_root,
    two_product,
    two_sum,
)
from .logarithm import log, log_normal, log_short

# erf(x) / x - 1 by t = x^2, x <= 1: error relative 2^-29.39
ERF_CENTRE_F32 = (
    0.12837916612625122,
    -0.3761262595653534,
    0.11283578723669052,
    -0.026853347197175026,
    0.005187162198126316,
    -0.0007997853099368513,
    7.806903158780187e-05,
)
# erf(x) / x - 1 by t = x^2, x <= 1: error relative 2^-56.03
ERF_CENTRE_F64 = (
    0.12837916709551256,
    -0.37612638903183343,
    0.11283791670936945,
    -0.026866170641957024,
    0.0052239775967067425,
    -0.0008548325482986109,
    0.00012055280417032998,
    -1.4924463730535627e-05,
    1.6444122271321467e-06,
    -1.61837383112475e-07,
    1.3615451761766006e-08,
    -7.605204022901299e-10,
)
# -log erfc(x) by t = x - 0, 1 <= x <= 3.92: error relative 2^-29.78
ERF_DECAY_F32 = (
    0.0003416278341319412,
    1.1270887851715088,
    0.6381454467773438,
    0.1031063050031662,
    -0.021837910637259483,
    0.002947642235085368,
    -0.00018638062465470284,
)
# -log erfc(x) by t = x - 2, 1 <= x <= 5.93: error relative 2^-58.52
ERF_DECAY_F64 = (
    5.364941264616638,
    4.4181608059944155,
    0.9237508418237432,
    0.016465118136790653,
    -0.003570756345077865,
    0.0007323993878333654,
    -0.0001353093405394037,
    2.070641901714203e-05,
    -1.952180447956217e-06,
    -2.0360544757980613e-07,
    1.7318842092224293e-07,
    -5.784920566413783e-08,
    1.3965516190033175e-08,
    -2.499053391767027e-09,
    2.622632161335905e-10,
    2.6957216695374357e-11,
    -3.065150407868339e-11,
    1.2428113419842366e-11,
    -2.6535419608133552e-12,
    2.275625269565538e-13,
)
# (1 + 2 x) e^(x^2) erfc x by t = (x - 4) / (x + 4), x >= 0: error relative 2^-32.04
ERFCX_SHORT = (
    1.2329951185895145,
    -0.13962111395759388,
    0.01537965587901884,
    0.06809694422916115,
    -0.10103912849245385,
    0.09373405066309366,
    -0.06632993728597193,
    0.0371615686303524,
    -0.016199238505655446,
    0.00504706952666501,
    -0.0007548580545051847,
    -0.00022026229961681667,
    0.0001474848318540817,
    -8.673456801740244e-06,
    -9.513426856786092e-06,
)
# (1 + 2 x) e^(x^2) erfc x by t = (x - 4) / (x + 4), x >= 0: error relative 2^-52.69
ERFCX_F64 = (
    1.2329951186255526,
    -0.1396211168405625,
    0.015379652102604542,
    0.06809705425469162,
    -0.10103906603546449,
    0.09373283499836917,
    -0.06633036583042144,
    0.03716751553733135,
    -0.016197733853147416,
    0.0050319699784915455,
    -0.0007577746550567088,
    -0.0001992566927977837,
    0.00015062752177465548,
    -2.4399251624355498e-05,
    -1.1238768415981908e-05,
    5.709958411249535e-06,
    3.266150118988284e-07,
    -8.261574933230494e-07,
    3.040315246282643e-08,
    1.1144811274542292e-07,
    2.2552651954312156e-08,
    -1.5646132459063305e-08,
    -2.2273372582899877e-08,
    2.1632942462088302e-09,
    8.46780701718401e-09,
    -2.0233529602030893e-10,
    -1.3249202231018433e-09,
)
# erf_inv(x) / x by t = x^2, |x| <= 3/4: error relative 2^-36.95
ERF_INV_CENTRE = (
    0.8862269254460401,
    0.23201367105151938,
    0.12755567180596283,
    0.0865741758259695,
    0.06445783311216757,
    0.058536576904024945,
    -0.016533812679470336,
    0.3846682029240564,
    -1.372523338194472,
    3.9406906656403637,
    -7.402101974296188,
    9.237259232957094,
    -6.774274814463841,
    2.3225582088401953,
)
# erfc_inv(q) by t = r - 3.5, r = sqrt(-log q), 1.17 <= r <= 6.2: error relative 2^-30.05
ERFC_INV_TAIL = (
    3.234302731968697,
    1.0364921707923114,
    -0.00498903791454069,
    0.0004399248939681774,
    6.885702337790139e-05,
    -5.872140770194047e-05,
    2.479549789410355e-05,
    -8.530564432735398e-06,
    2.353279286733119e-06,
    -6.726438413964569e-07,
    3.1527473812326566e-07,
    -8.509293905934216e-08,
    -1.1190903353824477e-08,
    2.9078956880340228e-09,
    4.176652425838515e-09,
    -1.036604566594383e-09,
    -1.4478137153906268e-10,
    4.481854104485692e-11,
)
# erfc_inv(q) / r by t = 1 / r, r = sqrt(-log q), 6 <= r <= 27.5: error relative 2^-32.15
ERFC_INV_FAR = (
    1.000034930765616,
    -0.008946977294681135,
    -2.1469681157961333,
    16.038688651943907,
    -165.2544522128711,
    1505.2857739078302,
    -10418.898036861689,
    51394.418489040065,
    -169094.89931284174,
    331307.89931901806,
    -291722.57415591547,
)

_ERF_IS_ONE = {"f32": 3.92, "f64": 5.93}
_HALF_SQRT_PI = 0.886226925452758
_INVERSE_SQRT_PI = 0.5641895835477563


@for_formats
def erf(x: Expr) -> Expr:
    """The error function."""
    single = x.type == "f32"
    size = absolute(x)
    table = ERF_CENTRE_F32 if single else ERF_CENTRE_F64
    centre = fma(size, horner(size * size, table), size)
    bound = _ERF_IS_ONE[x.type]
    inside = select(size > bound, bound, size)
    decay = horner(
        inside if single else inside - 2.0, ERF_DECAY_F32 if single else ERF_DECAY_F64
    )
    return copysign(select(size <= 1.0, centre, 1.0 - exp_normal(-decay)), x)


# --- erfcx for x >= 0, in f64 --------------------------------------------------------


def _erfcx_variable(x: Expr) -> Expr:
    x = select(x > 2.0**60, 2.0**60, x)
    return (x - 4.0) / (x + 4.0)


def erfcx_short(x: Expr) -> Expr:
    """erfcx of an f64 x >= 0 to some 33 bits."""
    return horner(_erfcx_variable(x), ERFCX_SHORT) * 0.5 / (x + 0.5)


def erfcx_pair(x: Expr) -> Pair:
    """erfcx of an f64 x between 0 and 2**500 as a pair, to some 55 bits."""
    t = _erfcx_variable(x)
    rest = horner(t, ERFCX_F64[1:])
    top = fma(t, rest, ERFCX_F64[0])
    lost = fma(t, rest, ERFCX_F64[0] - top)
    divisor, divisor_lost = two_sum(x, const(0.5, "f64"))
    inverse = 0.5 / divisor
    ratio = top * inverse
    divisor, divisor_lost = divisor + divisor, divisor_lost + divisor_lost
    rest = fma(-ratio, divisor, top) + fma(-ratio, divisor_lost, lost)
    return ratio, rest * inverse


@for_formats
def erfc(x: Expr) -> Expr:
    """1 - erf(x), exact for large x."""
    single = x.type == "f32"
    x = convert(x, "f64")
    size = absolute(x)
    size = select(size > 40.0, 40.0, size)
    if single:
        y = erfcx_short(size) * exp_short(-(size * size))
    else:
        square, lost = two_product(size, size)
        (p, rest), k = exp_parts((-square, -lost))
        high, low = erfcx_pair(size)
        y = scale(fma(p, high, fma(p, low, rest * high)), k, F64)
    y = select(x < 0.0, 2.0 - y, y)
    return convert(y, "f32") if single else y


@for_formats
def erfcx(x: Expr) -> Expr:
    """exp(x**2) erfc(x)."""
    if x.type == "f32":
        wide = convert(x, "f64")
        size = absolute(wide)
        right = erfcx_short(size)
        growth = exp_short(wide * wide)
        return convert(select(wide < 0.0, growth + growth - right, right), "f32")
    size = absolute(x)
    high, low = erfcx_pair(size)
    right = rare(size > 2.0**500, _INVERSE_SQRT_PI / size, high + low)
    bounded = select(size > 40.0, 40.0, size)
    (p, rest), k = exp_parts(two_product(bounded, bounded))
    left = scale(p + rest, k + 1, F64) - right
    return rare(x < 0.0, left, right)


# --- inverses, in f64 ----------------------------------------------------------------


def erf_inv_centre_short(x: Expr) -> Expr:
    """The y of erf(y) = x, |x| <= 3/4, to some 32 bits."""
    return x * horner(x * x, ERF_INV_CENTRE)


def erf_inv_centre(x: Expr) -> Pair:
    """The same to all digits, as a number and its correction."""
    y = erf_inv_centre_short(x)
    excess = fma(y, horner(y * y, ERF_CENTRE_F64), y - x)
    return y, -excess * (_HALF_SQRT_PI * exp_short(y * y))


def _tail(logarithm: Expr) -> Expr:
    """erfc_inv(q) by -log q."""
    r = square_root(logarithm)
    far = r * horner(1.0 / r, ERFC_INV_FAR)
    return select(r < 6.1, horner(r - 3.5, ERFC_INV_TAIL), far)


def erfc_inv_tail_short(q: Expr) -> Expr:
    """The y of erfc(y) = q, 0 < q <= 1/4 or 1/2, to some 32 bits."""
    return _tail(-log_short(q))


def erfc_inv_tail(q: Expr) -> Pair:
    """The same to all digits: Newton's method on log erfc, nearly a parabola."""
    logarithm = -log(q)
    y = _tail(logarithm)
    scaled, _ = erfcx_pair(y)
    square, lost = two_product(y, y)
    excess = ((logarithm - square) - lost) + log_normal(scaled)
    return y, excess * scaled * _HALF_SQRT_PI


@for_formats
def erf_inv(x: Expr) -> Expr:
    """The y whose erf is x; infinite at 1, NaN beyond."""
    size = absolute(x)
    wide = convert(size, "f64")
    rest = 1.0 - wide
    q = select(rest > 0.0, rest, 0.5)
    if x.type == "f32":
        tail = erfc_inv_tail_short(q)
        y = convert(select(wide <= 0.75, erf_inv_centre_short(wide), tail), "f32")
    else:
        centre, tail = erf_inv_centre(wide), erfc_inv_tail(q)
        high, low = (select(wide <= 0.75, a, b) for a, b in zip(centre, tail, strict=True))
        y = high + low
    y = select(size.eq(1.0), INF, select(size > 1.0, NAN, y))
    return copysign(y, x)
