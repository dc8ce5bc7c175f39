"""Samples of special functions; the references are SciPy's, in double precision."""

import numpy as np
import scipy.special as reference

from . import Sample

_f = np.array([-1.7, -0.6, 0.4, 1.9], np.float32)
_positive = np.array([0.6, 1.3, 2.8, 6.5], np.float32)
_other = np.array([0.9, 2.2, 1.4, 5.1], np.float32)
_unit = np.array([-0.8, -0.3, 0.2, 0.7], np.float32)
_open = np.array([0.15, 0.4, 0.6, 0.85], np.float32)
_order = np.array([1.0, 2.0, 3.0, 1.0], np.float32)
_wide = ("float64", "float16", "bfloat16")


def _of(fun):
    """`fun` in double precision."""
    return lambda *xs: fun(*[x.astype(np.float64) for x in xs])


def _unary(name, fun, x, **more):
    return [
        Sample(name, (x,), reference=_of(fun), dtypes=_wide, **more),
        Sample(name, (x.reshape(2, 2),), reference=_of(fun), **more),
        Sample(name, (x[:0],), reference=_of(fun), **more),
    ]


def _gamma_slope(a, x, h=1e-5):
    return (reference.gammainc(a + h, x) - reference.gammainc(a - h, x)) / (2 * h)


def _sample_slope(a, x):
    density = np.exp((a - 1) * np.log(x) - x - reference.gammaln(a))
    return -_gamma_slope(a, x) / density


SAMPLES = [
    *_unary("lgamma", reference.gammaln, _positive),
    *_unary("digamma", reference.digamma, _positive),
    *_unary("erf", reference.erf, _f),
    *_unary("erfc", reference.erfc, _f),
    *_unary("erfcx", reference.erfcx, _f),
    *_unary("erf_inv", reference.erfinv, _unit),
    *_unary("log_ndtr", reference.log_ndtr, _f),
    *_unary("ndtri", reference.ndtri, _open),
    *_unary("exp1", reference.exp1, _positive),
    *_unary("expi", reference.expi, _f),
    *_unary("dawsn", reference.dawsn, _f),
    *_unary("spence", reference.spence, _positive),
    *_unary("sici", reference.sici, _positive),
    *_unary("fresnel", reference.fresnel, _f),
    Sample("expn", (_order, _positive), reference=_of(reference.expn),
           differentiable=(1,), dtypes=_wide),
    Sample("hyp1f1", (_other, _positive, _f), reference=_of(reference.hyp1f1),
           differentiable=(2,), dtypes=_wide),
    Sample("hyp2f1", (_other, _unit, _positive, _open), differentiable=(3,),
           reference=_of(reference.hyp2f1), dtypes=_wide),
    *_unary("bessel_i0e", reference.i0e, _f),
    *_unary("bessel_i1e", reference.i1e, _f),
    Sample("polygamma", (_order, _positive), reference=_of(reference.polygamma),
           differentiable=(1,), dtypes=_wide),
    Sample("zeta", (_positive + 1, _other), reference=_of(reference.zeta),
           differentiable=(1,), dtypes=_wide),
    Sample("igamma", (_other, _positive), reference=_of(reference.gammainc),
           dtypes=_wide, differentiable=(1,)),
    Sample("igamma", (_other[:, None], _positive), reference=_of(reference.gammainc),
           order=1),
    Sample("igammac", (_other, _positive), reference=_of(reference.gammaincc),
           dtypes=_wide, differentiable=(1,)),
    Sample("igammac", (_other, _positive), reference=_of(reference.gammaincc), order=1),
    Sample("igamma_grad_a", (_other, _positive), reference=_of(_gamma_slope),
           differentiable=()),
    Sample("random_gamma_grad", (_other, _positive), reference=_of(_sample_slope),
           differentiable=()),
    Sample("regularized_incomplete_beta", (_other, _positive, _open),
           reference=_of(reference.betainc), differentiable=(2,), dtypes=_wide),
]  # fmt: skip
