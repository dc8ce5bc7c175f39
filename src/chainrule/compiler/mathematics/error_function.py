"""erf, erfc, erfcx and the inverse of erf.

erf is an odd polynomial near 0 and 1 - exp(-Q(x)), Q = -log erfc, away from it. The
scaled erfcx(x) = exp(x^2) erfc(x) is one polynomial on the whole half line: (1 + 2 x)
erfcx(x) by (x - 4) / (x + 4) (M. Shepherd and J. Laframboise, "Chebyshev approximation
of (1 + 2x) exp(x^2) erfc x in 0 <= x < oo", Math. Comp. 36, 1981). erf_inv is
x P(log(1 - x^2)) but next to 1 (compare M. Giles, "Approximating the erfinv function", GPU
Computing Gems 2, 2011); there it starts from polynomials of some 30 bits, and in f64 a
step of Newton's method follows.

In f32, erf and erfc are computed as such, erfc as exp(-x^2) u P(u) with u = 1 / (x + 3); the
others in f64.
"""

from __future__ import annotations

from ..expr import Expr, apart, const, convert, fma, rare, select
from .exponential import exp_normal, exp_parts, exp_short, exp_times
from .formats import (
    F64,
    INF,
    LN2_F64,
    NAN,
    Pair,
    absolute,
    choose,
    copysign,
    for_formats,
    horner,
    horner_pair,
    scale,
    square_root,
    two_product,
    two_sum,
)
from .logarithm import log_extended, log_normal, log_short

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
# the derivative by t of (1 + 2 x) e^(x^2) erfc x: error absolute 2^-6.653
ERFCX_SLOPE = (
    -0.13254000028065177,
    -0.012061101471053819,
    0.06985516701300605,
    -0.14686409909879083,
    0.861770137737802,
    -0.7748748296620359,
)
# e^(x^2) erfc x / u by t = u - 0.193359375, u = 1 / (x + 3), 0 <= x <= 10.125: error relative 2^-27.38
ERFCX_F32 = (
    1.231984257698059,
    6.590362071990967,
    27.31956672668457,
    85.04971313476562,
    181.5518341064453,
    186.0277557373047,
    -228.90028381347656,
    -954.9700317382812,
    -36.901123046875,
    3380.492919921875,
)
# the logarithmic slope of e^(x^2) erfc x by u: error absolute 2^-3.268
ERFCX_SLOPE_F32 = (
    0.5574303865432739,
    8.17163372039795,
)
# (1 + 2 x) e^(x^2) erfc x by t = (x - 4) / (x + 4), x >= 0: error relative 2^-59.16
ERFCX_F64 = (
    (1.2329951186255526, -4.504827999100456e-17),
    -0.13962111684056247,
    0.015379652102619646,
    0.06809705425468773,
    -0.10103906603630336,
    0.09373283499851719,
    -0.06633036581212083,
    0.03716751553485288,
    -0.016197734060548124,
    0.005031970000845063,
    -0.0007577732566245714,
    -0.00019925681409877164,
    0.00015062147160022264,
    -2.4398826966107486e-05,
    -1.1221241171192442e-05,
    5.708963030019397e-06,
    2.9189851216042594e-07,
    -8.245785322712004e-07,
    7.754961183373812e-08,
    1.0977599947851947e-07,
    -2.0613988195287388e-08,
    -1.4515267743161722e-08,
    3.189965635595432e-09,
    1.722157586378639e-09,
    -2.693494478644402e-10,
    -1.2690629841012837e-10,
)
# erf_inv(x) / x by t = -log(1 - x^2), t <= 5: error relative 2^-35.29
ERF_INV_SHORT = (
    0.8862269254316452,
    0.2320136682642236,
    0.011549318773573784,
    -0.0023349795688665303,
    -0.00012837452262871426,
    4.714483735760071e-05,
    1.4695119935754988e-06,
    -6.325981155237467e-07,
    -2.1583327678893114e-07,
    7.942230628279891e-08,
    -1.0747391899544868e-08,
    7.166710683761743e-10,
    -1.976930302767772e-11,
)
# erf_inv(x) / x by t = -log(1 - x^2) - 1.75, t <= 4.5: error relative 2^-54.51
ERF_INV_F64 = (
    1.3146774600388804,
    0.2504215438551575,
    -0.0006195318238407436,
    -0.0019017851246075125,
    0.00020173815867826727,
    1.524256446939129e-05,
    -5.291683099173941e-06,
    1.50676426404769e-07,
    9.656455231701498e-08,
    -1.1185606561357778e-08,
    -1.1296212436868852e-09,
    3.318852260206978e-10,
    -2.6247101663586793e-12,
    -6.9970619154795635e-12,
    6.259429151493814e-13,
    1.0256832182060166e-13,
    -2.233351602924605e-14,
    -3.429354443222022e-16,
    5.22079238106475e-16,
    -4.66106930883376e-17,
    -4.622079124028646e-18,
    1.3072749290565026e-18,
    -1.0944238104693316e-19,
    3.4335829786365854e-21,
)
# erfc_inv(q) by t = r - 3.5, r = sqrt(-log q), 0.82 <= r <= 6.2: error relative 2^-30.45
ERFC_INV_TAIL = (
    3.2343027327735814,
    1.0364921569984509,
    -0.004989059018754963,
    0.00044002170460658355,
    6.889442361454754e-05,
    -5.894287891637822e-05,
    2.4824872334692093e-05,
    -8.274251202248402e-06,
    2.2471845507832526e-06,
    -8.499124030549741e-07,
    4.1162187949461755e-07,
    -7.788545876824757e-09,
    -5.57749401292209e-08,
    -1.8344094589610266e-08,
    1.6099180492677596e-08,
    2.5103202575438435e-09,
    -2.0152281387653153e-09,
    -2.8183050220371095e-10,
    1.6055231323976467e-10,
    1.2697869299137536e-11,
    -5.840403013963103e-12,
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
_ERFC_IS_NORMAL, _ERFC_IS_ZERO = 9.19, 10.125
"""The f32 erfc is a normal number up to the first, and rounds to 0 at the second."""
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
    return copysign(select(size > 1.0, 1.0 - exp_normal(-decay), centre), x)


# --- erfcx for x >= 0, in f64 --------------------------------------------------------


def erfcx_short(x: Expr) -> Expr:
    """erfcx of an f64 x >= 0 to some 33 bits."""
    t = 1.0 - 8.0 / (x + 4.0)
    return horner(t, ERFCX_SHORT) * 0.5 / (x + 0.5)


def erfcx_pair(x: Expr) -> Pair:
    """erfcx of an f64 x between 0 and 2**500 as a pair, to some 55 bits."""
    shifted, shifted_lost = two_sum(x, const(4.0, "f64"))
    share = 8.0 / shifted
    t = 1.0 - share
    t_lost = (fma(-share, shifted, 8.0) - share * shifted_lost) / shifted
    top, lost = horner_pair(t, ERFCX_F64)
    lost = fma(-t_lost, horner(t, ERFCX_SLOPE), lost)
    divisor, divisor_lost = two_sum(x, const(0.5, "f64"))
    inverse = 0.5 / divisor
    ratio = top * inverse
    divisor, divisor_lost = divisor + divisor, divisor_lost + divisor_lost
    rest = fma(-ratio, divisor, top) + fma(-ratio, divisor_lost, lost)
    return ratio, rest * inverse


@for_formats
def erfc(x: Expr) -> Expr:
    """1 - erf(x), exact for large x."""
    size = absolute(x)
    if x.type == "f32":
        y = _erfc_single(size)
    else:
        size = select(size > 40.0, 40.0, size)
        square, lost = two_product(size, size)
        (p, rest), k = exp_parts((-square, -lost))
        high, low = erfcx_pair(size)
        y = scale(fma(p, high, fma(p, low, rest * high)), k, F64)
    return select(x < 0.0, 2.0 - y, y)


def _erfc_single(x: Expr) -> Expr:
    """erfc of an f32 x >= 0, exp(-x^2) u P(u) with u = 1 / (x + 3). What u is off by goes
    into the exponent, beside the rounding error of the square."""
    x = select(x > _ERFC_IS_ZERO, _ERFC_IS_ZERO, x)
    shifted = x + 3.0
    u = 1.0 / shifted
    off = fma(-u, x - (shifted - 3.0), fma(-u, shifted, 1.0))
    square, lost = two_product(x, x)
    rest = fma(off, horner(u, ERFCX_SLOPE_F32), -lost)
    scaled, scaled_lost = horner_pair(u - 0.193359375, ERFCX_F32)
    factor, factor_lost = two_product(scaled, u)
    factors = factor, fma(scaled_lost, u, factor_lost)
    return exp_times(factors, (-square, rest), x <= _ERFC_IS_NORMAL)


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
    low = select(size < 2.0**20, low, 0.0)
    left = (scale(p, k + 1, F64) - high) + (scale(rest, k + 1, F64) - low)
    return rare(x < 0.0, left, right)


# --- inverses, in f64 ----------------------------------------------------------------


_CENTRE = {"f32": 0.0068, "f64": 0.001935}
"""The product (1 - x) (1 + x) above which `erf_inv_centre` holds: exp(-5), exp(-6.25)."""
_MIDDLE = 1.75


def erf_inv_centre(
    x: Expr, product: Expr, single: bool, factor: float = 1.0
) -> tuple[Expr, Expr]:
    """`factor` times the y of erf(y) = x by (1 - x) (1 + x), to some 35 bits if `single`;
    and whether that product is too small for it."""
    if single:
        y = x * factor * horner(-log_short(product), ERF_INV_SHORT)
    else:
        first, rest = ERF_INV_F64[0], ERF_INV_F64[1:]
        t = -_MIDDLE - log_normal(product)
        y = fma(x, first * factor, (x * factor) * (t * horner(t, rest)))
    return y, ~(product >= _CENTRE["f32" if single else "f64"])


def _tail(logarithm: Expr) -> Expr:
    """erfc_inv(q) by -log q."""
    r = square_root(logarithm)
    far = r * horner(1.0 / r, ERFC_INV_FAR)
    return select(r < 6.1, horner(r - 3.5, ERFC_INV_TAIL), far)


def erfc_inv_tail(q: Expr, single: bool) -> tuple[Expr, Expr]:
    """The y of erfc(y) = q, 0 < q <= 1/4, and what it is off by: to some 32 bits if
    `single`, otherwise by Newton's method on log erfc, nearly a parabola."""
    if single:
        return _tail(-log_short(q)), const(0.0, "f64")
    tiny = q < F64.smallest_normal
    high, low = log_extended(select(tiny, q * 2.0**54, q))
    high = high - choose(tiny, 54.0 * LN2_F64[0], 0.0, q)
    y = _tail(-high)
    scaled, rest = erfcx_pair(y)
    square, lost = two_product(y, y)
    growth, growth_rest = log_extended(scaled)
    difference, error = two_sum(high, square)
    small = (error + lost) + (low - growth_rest) - rest / scaled
    excess = (growth - difference) - small
    return y, excess * scaled * _HALF_SQRT_PI


@for_formats
def erf_inv(x: Expr) -> Expr:
    """The y whose erf is x; infinite at 1, NaN beyond."""
    wide = convert(x, "f64")
    product = fma(-wide, wide, 1.0)
    y, outside = erf_inv_centre(wide, product, x.type == "f32")
    centre = copysign(convert(y, x.type), x)  # -0 stays
    return rare(outside, apart(_erf_inv_outside, x), centre)


def _erf_inv_outside(x: Expr) -> Expr:
    """erf_inv of an x next to 1 or -1."""
    rest = 1.0 - absolute(convert(x, "f64"))
    y, more = erfc_inv_tail(select(rest > 0.0, rest, 0.25), x.type == "f32")
    return _erf_inv_limits(x, convert(y + more, x.type))


def _erf_inv_limits(x: Expr, y: Expr) -> Expr:
    size = absolute(x)
    y = select(size < 1.0, y, choose(size.eq(1.0), INF, NAN, size))
    return copysign(y, x)
