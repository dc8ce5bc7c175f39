"""The sine and cosine integrals, and those of Fresnel.

Near 0 they are power series. Far out each is a limit and a wave, f sin - g cos, whose f
and g vary slowly (NIST Digital Library of Mathematical Functions, 6.2.19 f. and 7.5.3
f.): quotients of polynomials in 1 / x^2, or 1 / x^4, with positive coefficients. Both
integrals of one operand share all of that. Errors are small against the amplitude of the
wave, also beside zeros. f32 is computed in f64 with fewer terms.
"""

from __future__ import annotations

import math
from typing import Any

from ..expr import Expr, apart, const, convert, fma, rare, select, unary
from .formats import (
    F64,
    INF,
    NAN,
    Pair,
    absolute,
    bits,
    copysign,
    for_formats,
    horner,
    two_product,
)
from .logarithm import log, log_of_pair
from .trigonometric import cos, cos_quarter, sin, sin_quarter

# f of Si and Ci by t = 1 / x^2, x >= 2, above: error relative 2^-57.16
WAVE_F_TOP = (
    1.0,
    1335.756219485997,
    680571.0436608306,
    174562771.96415046,
    25089410144.6151,
    2130789482173.6853,
    109968491370510.22,
    3494931643788823.0,
    6.857715413670628e16,
    8.250826669842665e17,
    5.983731522128052e18,
    2.5385940566422757e19,
    6.001674636166231e19,
    7.305484732092611e19,
    3.990169510064219e19,
    7.40442312743134e18,
    2.010598912555089e17,
)
# f of Si and Ci by t = 1 / x^2, x >= 2, below: error relative 2^-57.16
WAVE_F_BOTTOM = (
    1.0,
    1337.756219485997,
    683222.5560998026,
    175897830.92708212,
    25425731329.603203,
    2177861007591.3015,
    113817470207166.44,
    3683437882771450.0,
    7.416207873701478e16,
    9.250836779166305e17,
    7.054109718045733e18,
    3.2083865888748466e19,
    8.361496547524012e19,
    1.170795306233371e20,
    7.911304226878122e19,
    2.1148261340822405e19,
    1.401913403850474e18,
)
# f of Si and Ci by t = 1 / x^2, x >= 2, above: error relative 2^-35.0
WAVE_F_SHORT_TOP = (
    0.9999999999999957,
    318.2403195794363,
    31768.772666813908,
    1266677.1966576239,
    21353766.08513961,
    148702870.30727455,
    386348955.5411256,
    291279625.0694775,
    28241824.453080516,
)
# f of Si and Ci by t = 1 / x^2, x >= 2, below: error relative 2^-35.0
WAVE_F_SHORT_BOTTOM = (
    1.0,
    320.2403195755414,
    32385.253358700757,
    1324481.8102646575,
    23415854.22022342,
    177715112.114136,
    539351493.2552141,
    549970693.8770889,
    119717390.82323644,
)
# g of Si and Ci by t = 1 / x^2, x >= 2, above: error relative 2^-53.7
WAVE_G_TOP = (
    1.0,
    1445.1729783071207,
    797422.7356826902,
    221557342.3184313,
    34468567156.81367,
    3162668332136.4585,
    175787603161960.84,
    5989756427647972.0,
    1.2527485034249826e17,
    1.5951137535949038e18,
    1.2139006013505829e19,
    5.349441096363967e19,
    1.2970703412613798e20,
    1.590735732258659e20,
    8.492155771000829e19,
    1.4278792581627232e19,
    1.9346780392452387e17,
)
# g of Si and Ci by t = 1 / x^2, x >= 2, below: error relative 2^-53.7
WAVE_G_BOTTOM = (
    1.0,
    1451.1729783071207,
    806009.773552533,
    226224300.20234525,
    35736142817.05003,
    3353513877271.686,
    192519734450339.28,
    6864914990126881.0,
    1.5284959799915766e17,
    2.1181861464227052e18,
    1.8053245288263006e19,
    9.253691036323204e19,
    2.749845349460228e20,
    4.467445433710537e20,
    3.601186454409495e20,
    1.206995490975362e20,
    1.1211240989168802e19,
)
# g of Si and Ci by t = 1 / x^2, x >= 2, above: error relative 2^-32.23
WAVE_G_SHORT_TOP = (
    0.9999999999999534,
    359.14976122956097,
    40403.590842581725,
    1801950.4297443344,
    33472729.46170838,
    250839929.02946517,
    676099844.0345778,
    490446421.93040043,
    28173023.03579461,
)
# g of Si and Ci by t = 1 / x^2, x >= 2, below: error relative 2^-32.23
WAVE_G_SHORT_BOTTOM = (
    1.0,
    365.1497611879499,
    42474.489975905766,
    2018018.019001767,
    41962731.6434196,
    381117121.8655777,
    1422383859.5803347,
    1874187178.385703,
    590644396.4739946,
)
# f of S and C by t = 1 / z^2, z^2 >= 6, above: error relative 2^-58.37
FRESNEL_F_TOP = (
    1.0,
    1181.4820937340664,
    524868.1937682297,
    115398870.60407896,
    13928569315.509144,
    968866475437.3724,
    39705121581699.69,
    963556961988887.4,
    1.372426184369844e16,
    1.1203705468142051e17,
    5.0207322305112576e17,
    1.1480469538439603e18,
    1.1785004310161275e18,
    4.213066129594358e17,
    2.6161672652705492e16,
)
# f of S and C by t = 1 / z^2, z^2 >= 6, below: error relative 2^-58.37
FRESNEL_F_BOTTOM = (
    1.0,
    1182.2320937340664,
    525748.3053385302,
    115785585.85684265,
    14012142383.93559,
    978692410732.9913,
    40362508106620.15,
    989023156220579.5,
    1.4295085213520634e16,
    1.1932002809298602e17,
    5.531855876458967e17,
    1.3339589211143078e18,
    1.494673665192833e18,
    6.2820781105775e17,
    5.884397626038963e16,
)
# f of S and C by t = 1 / z^2, z^2 >= 6, above: error relative 2^-39.94
FRESNEL_F_SHORT_TOP = (
    0.9999999999999999,
    362.51224256717876,
    42073.66785021174,
    1995488.335351799,
    41061975.769305244,
    359521432.9321418,
    1217519491.0498512,
    1263720895.2782528,
    202354909.39663574,
)
# f of S and C by t = 1 / z^2, z^2 >= 6, below: error relative 2^-39.94
FRESNEL_F_SHORT_BOTTOM = (
    1.0,
    363.2622425671012,
    42339.55203369641,
    2025021.5074957197,
    42353978.910440326,
    382632938.43110895,
    1377663918.1357222,
    1628733541.3506823,
    378573139.20046794,
)
# g of S and C by t = 1 / z^2, z^2 >= 6, above: error relative 2^-53.98
FRESNEL_G_TOP = (
    0.5,
    641.6611359132748,
    310160.63139630866,
    74279854.38862762,
    9768219937.589165,
    739671836254.436,
    32923963279328.074,
    864410898014193.9,
    1.3240266650122184e16,
    1.1523306630076302e17,
    5.4375672517826214e17,
    1.284853829428901e18,
    1.3189533908676974e18,
    4.3658401679279296e17,
    1.6583081770054864e16,
)
# g of S and C by t = 1 / z^2, z^2 >= 6, below: error relative 2^-53.98
FRESNEL_G_BOTTOM = (
    1.0,
    1287.0722718265497,
    625088.721311967,
    150829885.26049268,
    20067715668.18609,
    1546849259117.0288,
    70713046990655.72,
    1930991286142618.8,
    3.131879199783443e16,
    2.960741601158251e17,
    1.5751255239259817e18,
    4.4450385780656927e18,
    6.01831274216472e18,
    3.244847994513106e18,
    4.5147376330648134e17,
)
# g of S and C by t = 1 / z^2, z^2 >= 6, above: error relative 2^-36.02
FRESNEL_G_SHORT_TOP = (
    0.49999999999999933,
    204.21152427532004,
    26757.0283415438,
    1430070.0769460618,
    32903982.55586902,
    316804450.7846463,
    1142689258.8371272,
    1174744957.591029,
    129165517.04709794,
)
# g of S and C by t = 1 / z^2, z^2 >= 6, below: error relative 2^-36.02
FRESNEL_G_SHORT_BOTTOM = (
    1.0,
    412.17304854892524,
    55000.6431497455,
    3044159.9599077688,
    74710935.63573927,
    807940598.0741827,
    3595743854.572824,
    5581930293.784644,
    1981498912.3631938,
)

_EULER = 0.5772156649015329
# e^gamma as a pair
_EXP_EULER = (1.781072417990198, -1.2758024019837578e-17)
_HALF_PI = math.pi / 2
_END = 2.0
"""Where the series of Si and Ci end."""
_END_FRESNEL = 6.0
"""Where those of S and C do, a bound for the square of their angle."""
_ALL_WAVES_END = 1e16
"""Beyond, S and C are 1/2 to the last bit."""


def _quotient(t: Expr, top: Any, bottom: Any) -> Expr:
    return horner(t, top) / horner(t, bottom)


def _series(first: int, step: Any, single: bool) -> tuple[float, ...]:
    """1 / ((2 k + first)! step(k)) with alternating signs, k >= 0."""
    terms = range(9 if single else 13)
    return tuple((-1) ** k / (math.factorial(2 * k + first) * step(k)) for k in terms)


# Quotients for f and for g; of f32, and of f64.
_WAVE_SHORT = (
    (WAVE_F_SHORT_TOP, WAVE_F_SHORT_BOTTOM), (WAVE_G_SHORT_TOP, WAVE_G_SHORT_BOTTOM),
)  # fmt: skip
_WAVE = (WAVE_F_TOP, WAVE_F_BOTTOM), (WAVE_G_TOP, WAVE_G_BOTTOM)
_FRESNEL_SHORT = (
    (FRESNEL_F_SHORT_TOP, FRESNEL_F_SHORT_BOTTOM),
    (FRESNEL_G_SHORT_TOP, FRESNEL_G_SHORT_BOTTOM),
)
_FRESNEL = (FRESNEL_F_TOP, FRESNEL_F_BOTTOM), (FRESNEL_G_TOP, FRESNEL_G_BOTTOM)


# --- Si and Ci -----------------------------------------------------------------------


def _amplitudes(x: Expr, single: bool) -> Pair:
    """f and g of Si and Ci, x >= 2."""
    inverse = 1.0 / x
    t = inverse * inverse
    f, g = (_quotient(t, *q) for q in (_WAVE_SHORT if single else _WAVE))
    return inverse * f, t * g


@for_formats
def sine_integral(x: Expr) -> Expr:
    """Si, the integral of sin(t) / t over [0, x]."""
    single = x.type == "f32"
    x = convert(x, "f64")
    size = absolute(x)
    far = ~(size <= _END)
    near = size * horner(size * size, _series(1, lambda k: 2 * k + 1, single))
    at = select(far, size, _END)
    f, g = _amplitudes(at, single)
    y = select(far, _HALF_PI - fma(f, cos(at), g * sin(at)), near)
    y = select(size.eq(INF), _HALF_PI, y)
    y = copysign(y, x)
    return convert(y, "f32") if single else y


def _logarithm(x: Expr) -> Expr:
    """log x + gamma, exact beside its zero too, which is near that of Ci."""
    high, low = two_product(x, const(_EXP_EULER[0], "f64"))
    tiny = ~(x > 1e-290)
    usual = log_of_pair((high, fma(x, _EXP_EULER[1], low)))
    return rare(tiny, apart(_logarithm_of_tiny, x), usual)


def _logarithm_of_tiny(x: Expr) -> Expr:
    return log(x) + _EULER


@for_formats
def cosine_integral(x: Expr) -> Expr:
    """Ci(|x|), -inf at 0; NaN at -inf."""
    single = x.type == "f32"
    x = convert(x, "f64")
    size = absolute(x)
    far = ~(size <= _END)
    t = size * size
    near = fma(t, -horner(t, _series(2, lambda k: 2 * k + 2, single)), _logarithm(size))
    at = select(far, size, _END)
    f, g = _amplitudes(at, single)
    y = select(far, fma(f, sin(at), -(g * cos(at))), near)
    y = select(x.eq(INF), 0.0, y)
    return convert(y, "f32") if single else y


# --- S and C -------------------------------------------------------------------------


def _quarters(x: Expr) -> Pair:
    """(n, r): pi x^2 / 2 = n pi / 2 + r up to whole turns, |r| <= pi / 4."""
    square = x * x
    rest = fma(x, x, -square)
    square, rest = (v - unary("rint", v * 0.25) * 4.0 for v in (square, rest))
    shifted = (square + rest) + F64.shifter
    return bits(shifted), ((square - (shifted - F64.shifter)) + rest) * _HALF_PI


def _wave(x: Expr) -> Pair:
    """The sine and the cosine of pi x^2 / 2."""
    n, r = _quarters(x)
    s, c = sin_quarter(r), cos_quarter(r)
    odd = (n & 1).ne(0)
    sine, cosine = select(odd, c, s), select(odd, s, c)
    sine = select((n & 2).ne(0), -sine, sine)
    return sine, select(((n + 1) & 2).ne(0), -cosine, cosine)


def _fresnel_amplitudes(x: Expr, angle: Expr, single: bool) -> Pair:
    """f and g of S and C, angle**2 >= 6."""
    inverse = 1.0 / angle
    t = inverse * inverse
    f, g = (_quotient(t, *q) for q in (_FRESNEL_SHORT if single else _FRESNEL))
    scale = (x * 0.5) * inverse  # 1 / (pi x)
    return scale * f, scale * inverse * g


def _fresnel(x: Expr, sine: bool) -> Expr:
    single = x.type == "f32"
    x = convert(x, "f64")
    size = absolute(x)
    angle = size * size * _HALF_PI
    square = angle * angle
    far = ~(square <= _END_FRESNEL)
    if sine:
        near = size * angle * horner(square, _series(1, lambda k: 4 * k + 3, single))
    else:
        near = size * horner(square, _series(0, lambda k: 4 * k + 1, single))
    at = select(far & (size <= _ALL_WAVES_END), size, 2.0)
    f, g = _fresnel_amplitudes(at, at * at * _HALF_PI, single)
    s, c = _wave(at)
    wave = fma(f, c, g * s) if sine else fma(g, c, -(f * s))
    y = select(far, 0.5 - wave, near)
    y = select(size > _ALL_WAVES_END, 0.5, y)
    y = copysign(select(x.ne(x), NAN, y), x)
    return convert(y, "f32") if single else y


@for_formats
def fresnel_sine(x: Expr) -> Expr:
    """S, the integral of sin(pi t^2 / 2) over [0, x]."""
    return _fresnel(x, True)


@for_formats
def fresnel_cosine(x: Expr) -> Expr:
    """C, the integral of cos(pi t^2 / 2) over [0, x]."""
    return _fresnel(x, False)
