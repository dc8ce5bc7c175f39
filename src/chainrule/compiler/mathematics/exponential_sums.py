"""logaddexp and logaddexp2: logarithms of sums of exponentials.

The larger operand plus log1p(exp(d)), where d <= 0 is the difference; in f64 d and the
exponential are pairs. The sum's zeros are no better than its terms.
"""

from __future__ import annotations

from ..expr import Expr, const, convert, fma, select
from .exponential import exp2_short, exp_parts, exp_short
from .formats import F64, LN2_F64, Pair, for_formats, pair_times, scale, two_sum
from .logarithm import log1p_short, log2_1p_short, log_1p_of_pair

_LOG2_E = (float.fromhex("0x1.71547652b82fep0"), float.fromhex("0x1.777d0ffda0d24p-56"))


def _ordered(x: Expr, y: Expr) -> tuple[Expr, Expr]:
    """(larger, smaller) as f64."""
    x, y = convert(x, "f64"), convert(y, "f64")
    first = x >= y
    return select(first, x, y), select(first, y, x)


def _growth(d: Pair) -> Expr:
    """log(1 + exp(d)) for d <= 0."""
    (p, rest), k = exp_parts(d)
    return log_1p_of_pair((scale(p, k, F64), scale(rest, k, F64)))


def _difference(small: Expr, large: Expr) -> Pair:
    """small - large as a pair, 0 also for equal infinities; bounded below."""
    d, lost = two_sum(small, -large)
    alike, far = small.eq(large), d < -1e4
    return select(alike, 0.0, select(far, -1e4, d)), select(alike | far, 0.0, lost)


def _finish(x: Expr, y: Expr, total: Expr) -> Expr:
    """NaN where either is; back to the operands' type."""
    missing = x.ne(x) | y.ne(y)
    return select(missing, x + y, convert(total, x.type))


@for_formats
def logaddexp(x: Expr, y: Expr) -> Expr:
    """log(exp(x) + exp(y))."""
    large, small = _ordered(x, y)
    d, lost = _difference(small, large)
    growth = log1p_short(exp_short(d)) if x.type == "f32" else _growth((d, lost))
    return _finish(x, y, large + growth)


@for_formats
def logaddexp2(x: Expr, y: Expr) -> Expr:
    """log2(2**x + 2**y)."""
    large, small = _ordered(x, y)
    d, lost = _difference(small, large)
    ln2 = const(LN2_F64[0], "f64")
    if x.type == "f32":
        growth = log2_1p_short(exp2_short(d))
    else:
        high, low = pair_times((ln2, const(LN2_F64[1], "f64")), d)
        growth = _growth((high, fma(lost, ln2, low)))
        growth = fma(growth, _LOG2_E[0], growth * _LOG2_E[1])
    return _finish(x, y, large + growth)
