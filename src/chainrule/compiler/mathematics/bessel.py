"""The exponentially scaled modified Bessel functions of orders 0 and 1.

Up to 2 they are exp(-x), as a pair, times the series of I by (x / 2)^2 with minimax
coefficients; up to 8 polynomials in x - 5; beyond in 16 / x - 1 for e^-x I(x) sqrt(x),
whose shape is asymptotic (NIST Digital Library of Mathematical Functions, 10.25.2 and
10.40.1). f32 is computed in f64 with fewer terms, in two pieces.
"""

from __future__ import annotations

from typing import Any

from ..expr import Expr, const, convert, fma, select
from .exponential import exp_parts
from .formats import (
    F64,
    INF,
    Pair,
    absolute,
    copysign,
    for_formats,
    horner,
    horner_pair,
    scale,
    square_root,
)

# I0(x) near 0, see bessel.py, by t = x^2 / 4, x <= 2: error relative 2^-62.65
I0_NEAR = (
    1.0,
    0.24999999999999978,
    0.027777777777782856,
    0.001736111111066723,
    6.944444464443845e-05,
    1.929011826808563e-06,
    3.936840454300333e-08,
    6.143799359134145e-10,
    7.962184869030657e-12,
)
# I1(x) near 0, see bessel.py, by t = x^2 / 4, x <= 2: error relative 2^-65.73
I1_NEAR = (
    0.5,
    0.08333333333333331,
    0.006944444444444886,
    0.0003472222222182754,
    1.1574074092052548e-05,
    2.7557314533277256e-07,
    4.921022893819665e-09,
    6.827947534169692e-11,
    7.928322188642313e-13,
)
# the scaled Bessel function 0, see bessel.py: error relative 2^-60.37
I0E_MIDDLE = (
    (0.18354081260932836, -1.009451211096725e-17),
    -0.019568545664785997,
    0.0031713189703317605,
    -0.0005802006097868011,
    0.00011285381550044479,
    -2.2584093995201026e-05,
    4.520818067562287e-06,
    -8.836833358517242e-07,
    1.6567029318887993e-07,
    -2.9447978325822175e-08,
    4.931576228118353e-09,
    -7.760066244059657e-10,
    1.1468853792123842e-10,
    -1.5935422029896048e-11,
    2.0851372685710507e-12,
    -2.57473447876419e-13,
    3.0070409678641437e-14,
    -3.329566093839278e-15,
    3.501594084481749e-16,
    -3.500290881645465e-17,
    3.347579862932679e-18,
    -3.1066405623704215e-19,
    2.6906685833417626e-20,
    -1.99009612636279e-21,
    1.6964664582904972e-22,
    -2.1150873843934025e-23,
    1.4263522910639033e-24,
)
# the scaled Bessel function 1, see bessel.py: error relative 2^-59.8
I1E_MIDDLE = (
    (0.16397226694454237, -9.470095890992628e-18),
    -0.013225907724122476,
    0.0014307171409713342,
    -0.00012878534778501977,
    -6.665447541917532e-08,
    4.540814410164675e-06,
    -1.664965283734028e-06,
    4.4167900966702736e-07,
    -9.936151133799226e-08,
    1.986778395507154e-08,
    -3.604496930558947e-09,
    6.00255827081096e-10,
    -9.24718162582756e-11,
    1.325650218916913e-11,
    -1.7770044224143808e-12,
    2.2365229057592086e-13,
    -2.6524039084827386e-14,
    2.973461818875636e-15,
    -3.160268139654528e-16,
    3.192986998478779e-17,
    -3.0726874137593486e-18,
    2.8262075916405767e-19,
    -2.4849780725003497e-20,
    2.029484730515366e-21,
    -1.6452320797233978e-22,
    1.677073586089121e-23,
    -1.2410451713306287e-24,
)
# the scaled Bessel function 0, see bessel.py: error relative 2^-57.64
I0E_LARGE = (
    (0.4021765094450081, -2.4295225312758147e-17),
    0.003360551983667882,
    0.00013621607439200166,
    1.1143033788789978e-05,
    1.4838475624293829e-06,
    2.973599246806951e-07,
    8.872226087728195e-08,
    3.932490491131389e-08,
    2.1547765775107333e-08,
    7.562185443459606e-09,
    -6.74418247447933e-09,
    -1.3445911148446284e-08,
    -5.417252592811528e-09,
    7.671886629584238e-09,
    7.459918449009579e-09,
    -3.764541173694963e-09,
    -5.9998803453719186e-09,
    1.899596567293821e-09,
    3.686011416435156e-09,
    -9.436907351235938e-10,
    -1.6505904817748283e-09,
    3.862083684691153e-10,
    4.696497847426086e-10,
    -1.0496439152860405e-10,
    -6.264963838594242e-11,
    1.352477622967182e-11,
)
# the scaled Bessel function 1, see bessel.py: error relative 2^-57.87
I1E_LARGE = (
    (0.38939845902587233, -5.656047078734289e-18),
    -0.009749577193235756,
    -0.00021923576383396025,
    -1.5038547198497127e-05,
    -1.834910129311725e-06,
    -3.4838563982321636e-07,
    -1.0001294624113552e-07,
    -4.3128267073189665e-08,
    -2.3373313435115257e-08,
    -8.435051768007586e-09,
    6.730913996878032e-09,
    1.4070303362887207e-08,
    5.987520742622131e-09,
    -7.759038873171238e-09,
    -7.92020189579812e-09,
    3.679797912459002e-09,
    6.294540937649225e-09,
    -1.8119812246701892e-09,
    -3.8503065099205796e-09,
    8.965733715042151e-10,
    1.7227516140122278e-09,
    -3.7095862789354934e-10,
    -4.906531347977049e-10,
    1.0249794174176214e-10,
    6.557690870285568e-11,
    -1.344158479671415e-11,
)
# the scaled Bessel function 0, see bessel.py: error relative 2^-34.03
I0E_SHORT = (
    0.20700192121949013,
    -0.11300432665168796,
    0.09451562944084983,
    -0.08904345949451976,
    0.08734338748151095,
    -0.08496297089548437,
    0.07927556241445936,
    -0.0695454174148383,
    0.056775193722084005,
    -0.042962223899300545,
    0.03018269834278471,
    -0.01976217836163244,
    0.011956554316273956,
    -0.006626928048089271,
    0.003605643203916367,
    -0.002026338168846261,
    0.000889754394799351,
    -0.00021654358291322447,
    0.00012497844494907014,
    -0.00013372252254159622,
    4.456792345912666e-05,
)
# the scaled Bessel function 1, see bessel.py: error relative 2^-34.89
I1E_SHORT = (
    0.0446877098745796,
    -0.06112433801974526,
    0.06805760013649519,
    -0.06848260717374387,
    0.06376739566840423,
    -0.055280013240570254,
    0.04467468043268909,
    -0.03367166103288263,
    0.023685303657878052,
    -0.015569403582762306,
    0.009586578180249161,
    -0.005541518570871793,
    0.0030002277546786094,
    -0.0015233459306022072,
    0.0007510306069628109,
    -0.00036259492977363606,
    0.00014505038978234987,
    -4.3825770418704006e-05,
    2.360653562636887e-05,
    -1.678590969006725e-05,
    4.722585831473887e-06,
)
# the scaled Bessel function 0, see bessel.py: error relative 2^-33.23
I0E_LARGE_SHORT = (
    0.4021765094189071,
    0.0033605522019195117,
    0.00013621721992011782,
    1.1140208249359927e-05,
    1.4759636665236951e-06,
    3.0650461610305216e-07,
    1.0881430599198263e-07,
    3.210193546219782e-08,
    -3.843270576439433e-11,
)
# the scaled Bessel function 1, see bessel.py: error relative 2^-33.2
I1E_LARGE_SHORT = (
    0.38939845905467524,
    -0.009749577421874354,
    -0.00021923696386901822,
    -1.5035540807861122e-05,
    -1.8264583800110392e-06,
    -3.57899818051588e-07,
    -1.2155097628225935e-07,
    -3.6071240154932057e-08,
    -5.73307594507672e-10,
)


def _near(x: Expr, table: tuple[float, ...], order: int) -> Expr:
    """x <= 2: (x / 2)^order e^-x (1 + t P(t)), t = (x / 2)^2."""
    t = (x * x) * 0.25
    rest = t * horner(t, table)
    (p, p_rest), k = exp_parts((-x, const(0.0, "f64")))
    product = fma(p, rest, fma(p_rest, rest, p_rest))
    if order == 0:
        return scale(p + product, k, F64)
    half = x * 0.5
    return scale(fma(half, p, half * product), k, F64)


def _far(x: Expr, p: Pair) -> Expr:
    """(hi + lo) / sqrt(x) with one rounding, nearly."""
    root = square_root(x)
    inverse = 1.0 / root
    root_lost = fma(-root, root, x) * (0.5 * inverse)
    ratio = p[0] * inverse
    rest = fma(-ratio, root, p[0]) + fma(-ratio, root_lost, p[1])
    return fma(rest, inverse, ratio)


def _f64(x: Expr, near: Any, middle: Any, large: Any, order: int) -> Expr:
    inner = x <= 8.0
    high, low = horner_pair(x - 5.0, middle)
    far = _far(x, horner_pair(16.0 / x - 1.0, large))
    beyond = select(x.eq(INF), 0.0, far)
    close = _near(select(x > 2.0, 2.0, x), near, order)
    return select(x <= 2.0, close, select(inner, high + low, beyond))


def _f32(x: Expr, small: Any, large: Any, factor: Expr | None) -> Expr:
    inner = x <= 8.0
    t = select(inner, x * 0.25, 16.0 / x) - 1.0
    near = horner(t, small) if factor is None else factor * horner(t, small)
    return convert(select(inner, near, horner(t, large) / square_root(x)), "f32")


@for_formats
def bessel_i0e(x: Expr) -> Expr:
    """exp(-|x|) I0(x)."""
    size = convert(absolute(x), "f64")
    if x.type == "f64":
        return _f64(size, I0_NEAR, I0E_MIDDLE, I0E_LARGE, 0)
    return _f32(size, I0E_SHORT, I0E_LARGE_SHORT, None)


@for_formats
def bessel_i1e(x: Expr) -> Expr:
    """exp(-|x|) I1(x)."""
    size = convert(absolute(x), "f64")
    if x.type == "f64":
        return copysign(_f64(size, I1_NEAR, I1E_MIDDLE, I1E_LARGE, 1), x)
    return copysign(_f32(size, I1E_SHORT, I1E_LARGE_SHORT, size), x)
