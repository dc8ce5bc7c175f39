"""Integrals of elementary functions: exponential, sine, Fresnel, Dawson, Spence.

Values come from the runtime's ufuncs. The derivatives are the integrands, written so
that nothing cancels: by series where their closed form would lose digits. `sici` and
`fresnel` compute two integrals at once.
"""

from __future__ import annotations

import math
from typing import Any

from ..core import dtypes
from ..core.primitive import Missing, Primitive
from .arithmetic import mul_p
from .elementwise_complex import abs_p
from .elementwise_exponential import exp_p, log_p
from .elementwise_powers import square_p
from .elementwise_rules import constant, native, special
from .elementwise_selection import select
from .elementwise_trigonometric import cos_p, sin_p
from .shaping import move_dim

exp1_p = special(
    "exp1", "the integral of exp(-t) / t from x to infinity",
    lambda y, x: -exp_p(-x) / x, cost=200.0,
)  # fmt: skip
expi_p = special(
    "expi", "the integral of exp(t) / t from -infinity to x",
    lambda y, x: exp_p(x) / x, cost=200.0,
)  # fmt: skip


def _expn_partial(y: Any, n: Any, x: Any) -> Any:
    """-E_(n-1)(x); E_(-1)(x) is exp(-x) (1 + 1/x) / x."""
    zero = n == 0
    below = exp_p(-x) * (1 + 1 / x) / x
    return -select(zero, below, expn_p(select(zero, constant(1, n), n) - 1, x))


expn_p = special(
    "expn", "the integral of exp(-x t) / t**n from 1 to infinity, for whole n",
    Missing("expn: no derivative in the order n is defined"), _expn_partial,
    cost=200.0,
)  # fmt: skip


def _dawsn_partial(y: Any, x: Any) -> Any:
    """1 - 2 x y, for large x by its series, where these cancel."""
    large = abs_p(x) > 12
    r = 0.5 / square_p(select(large, x, constant(12, x)))
    tail = r * (1 + 3 * r * (1 + 5 * r * (1 + 7 * r * (1 + 9 * r * (1 + 11 * r)))))
    return select(large, -tail, 1 - 2 * x * y)


dawsn_p = special(
    "dawsn", "exp(-x**2) times the integral of exp(t**2) from 0 to x", _dawsn_partial,
    cost=200.0,
)  # fmt: skip


def _spence_partial(y: Any, x: Any) -> Any:
    """-log(x) / (x - 1), near 1 by its series."""
    t = x - 1
    close = abs_p(t) < 1e-3
    near = t * (0.5 - t * (1 / 3 - t * (0.25 - 0.2 * t))) - 1
    return select(close, near, -log_p(x) / select(close, constant(1, t), t))


spence_p = special(
    "spence", "the integral of log(t) / (1 - t) from 1 to x", _spence_partial,
    cost=200.0,
)  # fmt: skip


# --- two integrals at once -----------------------------------------------------------


def _pair(name: str, doc: str, partials: Any, *functions: str) -> Primitive:
    """A primitive of one real operand with two results, `functions` in kernels."""

    def abstract(x: Any) -> Any:
        if not dtypes.is_float(x.dtype):
            raise TypeError(
                f"{name}: does not accept dtype {x.dtype}; it takes floating-point"
                " arrays."
            )
        return [(x.shape, x.dtype), (x.shape, x.dtype)]

    def jvp(primals: Any, tangents: Any, out: Any) -> Any:
        (x,), (x_dot,) = primals, tangents
        if x_dot is None:
            return [None, None]
        return [mul_p(x_dot, partial(x)) for partial in partials]

    def batch(args: Any, dims: Any, size: int) -> Any:
        return prim(move_dim(args[0], dims[0], 0)), [0, 0]

    def lower(build: Any, x: Any) -> list[Any]:
        return [
            build.of(aval).map(lambda m, x, f=f: getattr(m, f)(x), x, cost=100.0)
            for f, aval in zip(functions, build.out)
        ]

    prim = Primitive(
        name, doc, abstract=abstract, jvp=jvp, batch=batch, evaluate=native(name),
        lower=lower, multiple_results=True, work=200.0,
    )  # fmt: skip
    return prim


def _sine_quotient(x: Any) -> Any:
    zero = x == 0
    safe = select(zero, constant(1, x), x)
    return select(zero, constant(1, x), sin_p(safe) / safe)


sici_p = _pair(
    "sici", "the sine and cosine integrals Si(x) and Ci(x)",
    (_sine_quotient, lambda x: cos_p(x) / x), "sine_integral", "cosine_integral",
)  # fmt: skip
fresnel_p = _pair(
    "fresnel", "the integrals S and C of sin and cos of pi t**2 / 2 from 0 to x",
    (
        lambda x: sin_p(0.5 * math.pi * square_p(x)),
        lambda x: cos_p(0.5 * math.pi * square_p(x)),
    ),
    "fresnel_sine", "fresnel_cosine",
)  # fmt: skip

__all__ = [
    "dawsn_p", "exp1_p", "expi_p", "expn_p", "fresnel_p", "sici_p", "spence_p",
]  # fmt: skip
