"""The greater and lesser of complex numbers, and reductions to them and to products.

Complex numbers order by real, then imaginary parts; what has a NaN is before all. A
reduction is a fold whose accumulators are the parts, of a primitive that takes and makes
parts: `reduce_prod_of_parts` and so on, which the compiler alone binds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..core import dtypes
from ..core.avals import ShapedArray
from ..core.primitive import WEAK_NEVER, Missing, Primitive, lookup
from .complex_parts import Parts
from .elementwise_complex import complex_p
from .elementwise_selection import max_p, min_p, select
from .joining import with_batch_first
from .reductions import argmax_p, argmin_p, reduce_max_p, reduce_min_p, reduce_prod_p

# --- order ---------------------------------------------------------------------------

Compare = Callable[[str, Any, Any], Any]


def is_before(compare: Compare, x: Parts, y: Parts) -> Any:
    """Whether x < y, of numbers; compare(name, a, b) compares parts."""
    less, same = compare("lt", x.re, y.re), compare("eq", x.re, y.re)
    return less | (same & compare("lt", x.im, y.im))


def is_after(compare: Compare, x: Parts, y: Parts) -> Any:
    """Whether x > y, of numbers."""
    return is_before(compare, y, x)


def has_nan(compare: Compare, x: Parts) -> Any:
    """Whether a part is NaN."""
    return compare("ne", x.re, x.re) | compare("ne", x.im, x.im)


def displaces(compare: Compare, better: Any, y: Parts, x: Parts) -> Any:
    """Whether y is the extremum of both; x is where they are alike, or it has a NaN."""
    wins = has_nan(compare, y) | better(compare, y, x)
    return wins & ~has_nan(compare, x)


def _compare_arrays(name: str, x: Any, y: Any) -> Any:
    return lookup(name)(x, y)


def _extremum(better: Any) -> Callable[[Parts, Parts], Parts]:
    def rule(x: Parts, y: Parts) -> Parts:
        wins = displaces(_compare_arrays, better, y, x)
        return Parts(select(wins, y.re, x.re), select(wins, y.im, x.im))

    return rule


# --- reductions ----------------------------------------------------------------------


def _of_parts(whole: Primitive, lower: Any) -> Primitive:
    """The primitive that makes of parts what `whole` makes of complex numbers: the parts
    of a complex result, or a result that is none."""
    makes_parts = whole.weak_rule != WEAK_NEVER

    def abstract(re: Any, im: Any, **params: Any) -> Any:
        dtype = dtypes.with_complex(re.dtype)
        shape, out = whole.abstract(ShapedArray(re.shape, dtype), **params)
        return [(shape, re.dtype)] * 2 if makes_parts else (shape, out)

    def evaluate(re: Any, im: Any, **params: Any) -> Any:
        y = whole.evaluate(complex_p.evaluate(re, im), **params)
        return [y.real.copy(), y.imag.copy()] if makes_parts else y

    def batch(args: Any, dims: Any, size: int, *, axes: Any, **params: Any) -> Any:
        moved = tuple(axis + 1 for axis in axes)
        y = prim(*with_batch_first(args, dims, size), axes=moved, **params)
        return y, [0, 0] if makes_parts else 0

    before = Missing("complex numbers are taken apart in derivatives")
    prim = Primitive(
        f"{whole.name}_of_parts",
        f"{whole.name} of complex numbers, by their real and imaginary parts.",
        abstract=abstract, evaluate=evaluate, jvp=before, transpose=before, batch=batch,
        lower=lower, multiple_results=makes_parts, weak=whole.weak_rule,
    )  # fmt: skip
    return prim


def _product_lowering(build: Any, re: Any, im: Any, *, axes: Any) -> Any:
    def times(x: Any, y: Any) -> Any:
        return x[0] * y[0] - x[1] * y[1], x[0] * y[1] + x[1] * y[0]

    one = build.m.const(1, re.type), build.m.const(0, re.type)
    return build.fold(
        re.shape, axes, lambda *i: (re.at(*i), im.at(*i)), one, times, re, im
    )


def _extremum_lowering(better: Any, worst: float) -> Any:
    def lower(build: Any, re: Any, im: Any, *, axes: Any) -> Any:
        m = build.m

        def choose(x: Any, y: Any) -> Any:
            wins = displaces(m.compare, better, Parts(*y), Parts(*x))
            return tuple(m.select(wins, b, a) for a, b in zip(x, y))

        of_nothing = m.const(0 if 0 in re.shape else worst, re.type)
        return build.fold(
            re.shape, axes, lambda *i: (re.at(*i), im.at(*i)),
            (m.const(worst, re.type), of_nothing), choose, re, im,
        )  # fmt: skip

    return lower


def _index_lowering(better: Any, worst: float) -> Any:
    def lower(build: Any, re: Any, im: Any, *, axes: Any, index_dtype: Any) -> Any:
        m = build.m
        (axis,), out = axes, build.type_of(index_dtype)

        def choose(x: Any, y: Any) -> Any:
            a, b = Parts(*x[:2]), Parts(*y[:2])
            wins = displaces(m.compare, better, b, a)
            loses = displaces(m.compare, better, a, b)
            wins = wins | (~loses & (y[2] < x[2]))
            return tuple(m.select(wins, q, p) for p, q in zip(x, y))

        start = *[m.const(worst, re.type)] * 2, m.const(1 << 62, "i64")
        return build.fold(
            re.shape, axes, lambda *i: (re.at(*i), im.at(*i), i[axis].expr()),
            start, choose, re, im,
            finish=lambda results: [m.convert(results[2], out)],
        )  # fmt: skip

    return lower


reduce_prod_of_parts_p = _of_parts(reduce_prod_p, _product_lowering)
reduce_max_of_parts_p = _of_parts(reduce_max_p, _extremum_lowering(is_after, -math.inf))
reduce_min_of_parts_p = _of_parts(reduce_min_p, _extremum_lowering(is_before, math.inf))
argmax_of_parts_p = _of_parts(argmax_p, _index_lowering(is_after, -math.inf))
argmin_of_parts_p = _of_parts(argmin_p, _index_lowering(is_before, math.inf))


def _reduced(prim: Primitive) -> Callable[..., Any]:
    """The parts rule that binds a primitive of parts."""

    def rule(x: Parts, **params: Any) -> Any:
        found = prim(*x, **params)
        return Parts(*found) if prim.multiple_results else found

    return rule


RULES = {
    max_p: _extremum(is_after),
    min_p: _extremum(is_before),
    reduce_prod_p: _reduced(reduce_prod_of_parts_p),
    reduce_max_p: _reduced(reduce_max_of_parts_p),
    reduce_min_p: _reduced(reduce_min_of_parts_p),
    argmax_p: _reduced(argmax_of_parts_p),
    argmin_p: _reduced(argmin_of_parts_p),
}
"""The parts rules."""


def declare() -> None:
    """Gives the primitives their rules."""
    for prim, rule in RULES.items():
        prim.parts = rule


__all__ = ["declare", "displaces", "has_nan", "is_after", "is_before"]
