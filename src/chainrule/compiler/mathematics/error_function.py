"""erf: an odd polynomial near 0, and 1 - exp(-Q(x)), Q = -log erfc, away from it."""

from __future__ import annotations

from ..expr import Expr, fma, select
from .exponential import _mantissa, _raise_exponent, _reduce
from .formats import absolute, copysign, for_formats, format_of, horner

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

_ERF_IS_ONE = {"f32": 3.92, "f64": 5.93}


@for_formats
def erf(x: Expr) -> Expr:
    """The error function."""
    form = format_of(x)
    single = x.type == "f32"
    size = absolute(x)
    square = size * size
    centre = fma(
        size, horner(square, ERF_CENTRE_F32 if single else ERF_CENTRE_F64), size
    )
    bound = _ERF_IS_ONE[x.type]
    inside = select(size > bound, bound, size)
    decay = horner(
        inside if single else inside - 2.0, ERF_DECAY_F32 if single else ERF_DECAY_F64
    )
    reduced = _reduce(-decay)
    rest = _raise_exponent(_mantissa(reduced.r), reduced.shifted, form)
    return copysign(select(size <= 1.0, centre, 1.0 - rest), x)
