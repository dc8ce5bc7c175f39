"""lgamma and digamma.

Below 6.5 the recurrence takes x to an interval around the zeros, where a polynomial
times the distance from the zero keeps all digits; above, the asymptotic series (NIST
Digital Library of Mathematical Functions, 5.11.1 and 5.11.2) with a minimax polynomial
for its rest. Reflection (5.5.3, 5.5.4) serves the left, where the zeros of lgamma and
digamma are no better than their terms. f32 is computed in f64, with fewer terms where
no digits cancel.
"""

from __future__ import annotations

from ..expr import Expr, convert, fma, rare, select, unary
from .formats import (
    INF,
    NAN,
    absolute,
    bits,
    choose,
    for_formats,
    horner,
    two_product,
)
from .logarithm import log, log_extended, log_normal, log_short
from .trigonometric import cos_quarter, sin_quarter

# lgamma(1 + d) / d, -0.25 <= d <= 0.5: error relative 2^-55.94
LGAMMA_ONE = (
    -0.5772156649015329,
    0.8224670334241132,
    -0.4006856343865232,
    0.27058080842777976,
    -0.2073855510309308,
    0.16955717700166864,
    -0.14404989653177264,
    0.12550966884337536,
    -0.11133427802527053,
    0.10009950447886884,
    -0.09095369106790091,
    0.08335214091507784,
    -0.07693663407534612,
    0.0714672838680853,
    -0.0666666065851222,
    0.0621265208432186,
    -0.05824936075796941,
    0.0572609567229361,
    -0.05867873720128723,
    0.05281866020482527,
    -0.03207488508422408,
    0.009093911118911918,
)
# lgamma(2 + d) / d, -0.5 <= d <= 0.5: error relative 2^-56.15
LGAMMA_TWO = (
    0.42278433509846713,
    0.3224670334241132,
    -0.06735230105319523,
    0.020580808427788505,
    -0.007385551028947774,
    0.0028905103304920146,
    -0.0011927539016208164,
    0.0005096695309032099,
    -0.0002231549444006692,
    9.945744580661815e-05,
    -4.492431573687142e-05,
    2.050745199473735e-05,
    -9.451056713992294e-06,
    4.376165706769432e-06,
    -1.999376104130008e-06,
    9.406178067059519e-07,
    -5.193070822069803e-07,
    2.5851109905183055e-07,
    -6.163289542391521e-08,
)
# lgamma(1 + d) / d, -0.25 <= d <= 0.5: error relative 2^-32.21
LGAMMA_ONE_SHORT = (
    -0.5772156649482163,
    0.8224670299318224,
    -0.4006856015015062,
    0.27058139713754864,
    -0.20738971819524096,
    0.1695338943431728,
    -0.14386232107876978,
    0.12566308786932115,
    -0.11456629773423738,
    0.1050736979037929,
    -0.07732955078520376,
    0.02918246252018703,
)
# lgamma(2 + d) / d, -0.5 <= d <= 0.5: error relative 2^-31.55
LGAMMA_TWO_SHORT = (
    0.42278433500635043,
    0.3224670347331991,
    -0.06735228252483105,
    0.02058073158991328,
    -0.0073861577953701196,
    0.0028917609217310857,
    -0.0011859465711037236,
    0.0005014230279636684,
    -0.000253666423925007,
    0.0001224543103423803,
)
# the rest of the asymptotic series by t = 1 / x^2, x >= 6.5: error absolute 2^-65.38
STIRLING = (
    0.08333333333333333,
    -0.002777777777768319,
    0.0007936507880037823,
    -0.0005952365785519995,
    0.0008415340248217374,
    -0.001899820265016649,
    0.005574190874747664,
    -0.007750910900957746,
    -0.09482910542956126,
)
# the rest of the asymptotic series by t = 1 / x^2, x >= 6.5: error absolute 2^-43.72
STIRLING_SHORT = (
    0.08333333332521511,
    -0.0027777731497850146,
    0.0007929358188013723,
    -0.0005538214730677435,
)
# digamma(y) / (y - root) by t = y - 1.75, 1 <= y <= 2.5: error relative 2^-54.45
DIGAMMA = (
    0.8581832171262995,
    -0.3262546278681057,
    0.1571201133520383,
    -0.08228558635577389,
    0.04479965445319277,
    -0.0248900484892601,
    0.013985786168466623,
    -0.007910468769585002,
    0.00449181400813781,
    -0.002556686615034345,
    0.0014573711892144155,
    -0.0008314960381805221,
    0.0004747069755520106,
    -0.00027109971792014186,
    0.00015469923624865988,
    -8.83384720085729e-05,
    5.1021797376479337e-05,
    -2.9326449529919894e-05,
    1.5402772445558413e-05,
    -8.287650939598629e-06,
    7.003892662866944e-06,
    -4.996175673354396e-06,
    3.588432180526804e-07,
    1.0067108910538652e-06,
    1.0950743912676777e-06,
    -1.4693750168662164e-06,
    2.68191302799489e-07,
    1.0245691238157877e-07,
)
# digamma(y) / (y - root) by t = y - 1.75, 1 <= y <= 2.5: error relative 2^-34.38
DIGAMMA_SHORT = (
    0.8581832170908161,
    -0.3262546278546136,
    0.15712012133845565,
    -0.08228559062073532,
    0.044799363002606576,
    -0.024889877197495334,
    0.013989830463327163,
    -0.007912936012532035,
    0.00446436909056933,
    -0.0025398449592091,
    0.0015572979251289234,
    -0.0008922652347893664,
    0.00027859978097468486,
    -0.0001537152928181402,
    0.000341171525310115,
    -0.00019783729125634803,
)
# the rest of the asymptotic series by t = 1 / x^2, x >= 6.5: error absolute 2^-65.46
DIGAMMA_SERIES = (
    0.08333333333333333,
    -0.008333333333322758,
    0.003968253961157475,
    -0.004166664497373838,
    0.00757539678779448,
    -0.021057234293454397,
    0.0811751333689515,
    -0.36205286529002406,
    1.1848300505248062,
)
# the rest of the asymptotic series by t = 1 / x^2, x >= 6.5: error absolute 2^-40.59
DIGAMMA_SERIES_SHORT = (
    0.08333333326232263,
    -0.00833329275328516,
    0.003961963960188245,
    -0.003800112374210508,
)
# the positive root of digamma
DIGAMMA_ROOT = (
    1.4616321449683622,
    9.549995429965697e-17,
)

_PI = 3.141592653589793
_HALF_LOG_TWO_PI = 0.9189385332046728
_LOG_PI = 1.1447298858494002
_FAR = 6.5


def _sin_pi(r: Expr) -> Expr:
    """sin(pi r) for 0 <= r <= 1/2."""
    inner = r <= 0.25
    angle = select(inner, r, 0.5 - r) * _PI
    return select(inner, sin_quarter(angle), cos_quarter(angle))


def _tan_pi(r: Expr) -> Expr:
    """tan(pi r) for 0 <= r <= 1/4."""
    return sin_quarter(r * _PI) / cos_quarter(r * _PI)


# --- lgamma --------------------------------------------------------------------------


def _lgamma_near(x: Expr, single: bool) -> Expr:
    """lgamma for -1/4 < x < 6.5."""
    small = x < 0.75
    y, product = x, None
    for _ in range(4):
        above = y >= 2.5
        y = select(above, y - 1.0, y)
        factor = select(above, y, 1.0)
        product = factor if product is None else product * factor
    assert product is not None
    d = select(small, x, y - 1.0)
    one = LGAMMA_ONE_SHORT if single else LGAMMA_ONE
    two = LGAMMA_TWO_SHORT if single else LGAMMA_TWO
    below = d < 0.5
    value = select(below, d * horner(d, one), (d - 1.0) * horner(d - 1.0, two))
    argument = select(small, absolute(x), product)
    logarithm = log_short(argument) if single else log(argument)
    return select(small, value - logarithm, value + logarithm)


def lgamma_far(x: Expr, single: bool) -> Expr:
    """lgamma for x >= 6.5."""
    inverse = 1.0 / x
    series = horner(inverse * inverse, STIRLING_SHORT if single else STIRLING)
    rest = fma(series, inverse, _HALF_LOG_TWO_PI - 0.5)
    if single:
        return fma(x - 0.5, log_short(x) - 1.0, rest)
    high, low = log_extended(x)
    factor = x - 0.5
    main, lost = two_product(factor, high - 1.0)
    rest = rest + fma(factor, low, lost)
    return main + select(main < INF, rest, 0.0)


def _lgamma_positive(x: Expr, single: bool) -> Expr:
    near = _lgamma_near(x, single)
    return select(x < _FAR, near, lgamma_far(x, single))


@for_formats
def lgamma(x: Expr) -> Expr:
    """log |Gamma(x)|; infinite at 0, -1, -2, ..."""
    single = x.type == "f32"
    wide = convert(x, "f64")
    size = absolute(wide)
    right = _lgamma_positive(wide, single)
    fraction = absolute(size - unary("rint", size))
    product = _sin_pi(fraction) * size
    left = (_LOG_PI - log_normal(product)) - _lgamma_positive(size, False)
    left = select(fraction.eq(0.0), INF, left)
    y = rare(wide <= -0.25, left, right)
    y = select(size.eq(INF) | size.eq(0.0), INF, y)
    return convert(y, "f32") if single else y


# --- digamma -------------------------------------------------------------------------


def digamma_positive(x: Expr, single: bool) -> tuple[Expr, Expr]:
    """(digamma(x), digamma(x) + 1/x where x < 1) for x > 0."""
    small = x < 1.0
    y = select(small, 1.0, x)
    numerator, denominator = x * 0.0, select(small, x, 1.0)
    numerator = select(small, -1.0, numerator)
    for _ in range(4):
        above = y >= 2.5
        y = select(above, y - 1.0, y)
        numerator = select(above, fma(numerator, y, denominator), numerator)
        denominator = select(above, denominator * y, denominator)
    z = select(small, x, y - 1.0)  # exact, as x + 1 is not
    from_root = (z - (DIGAMMA_ROOT[0] - 1)) - DIGAMMA_ROOT[1]
    table = DIGAMMA_SHORT if single else DIGAMMA
    slope = horner(z - 0.75, table)
    near = fma(from_root, slope, numerator / denominator)
    inverse = 1.0 / x
    square = inverse * inverse
    series = horner(square, DIGAMMA_SERIES_SHORT if single else DIGAMMA_SERIES)
    rest = fma(series, square, inverse * 0.5)
    far = log_short(x) - rest if single else log_normal(x) - rest
    return select(x < _FAR, near, far), from_root * slope


@for_formats
def digamma(x: Expr) -> Expr:
    """The logarithmic derivative of the gamma function; NaN at -1, -2, ..."""
    single = x.type == "f32"
    wide = convert(x, "f64")
    size = absolute(wide)
    right, _ = digamma_positive(size, single)
    difference = size - unary("rint", size)
    fraction = absolute(difference)
    outer = fraction > 0.25
    tangent = _tan_pi(select(outer, 0.5 - fraction, fraction))
    cotangent = _PI * select(outer, tangent, 1.0 / tangent)
    cotangent = select(difference < 0.0, -cotangent, cotangent)
    whole, shifted = digamma_positive(size, False)
    left = select(size < 1.0, shifted, whole + 1.0 / size) + cotangent
    left = select(fraction.eq(0.0), NAN, left)
    y = rare(wide < 0.0, left, right)
    y = select(wide.eq(0.0), choose(bits(wide) < 0, INF, -INF, wide), y)
    y = select(wide.eq(INF), INF, y)
    return convert(y, "f32") if single else y
