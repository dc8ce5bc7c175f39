"""The hypergeometric functions 1F1 and 2F1 of real arguments, in f64.

As their evaluation does (`ops/elementwise_hypergeometric.py`): power series of a
positive argument; near 1, where that of 2F1 is slow, Taylor's series of the differential
equation in steps that halve what is left; the asymptotic series of 1F1 far out, and its
recurrence where terms cancel. f32 is computed in f64 with fewer terms.
"""

from __future__ import annotations

from typing import Any

from ..expr import Expr, apart, const, convert, fma, iterated, rare, select, unary
from .exponential import exp
from .formats import INF, NAN, absolute, for_formats, routines
from .gamma import lgamma
from .powers import is_integer, pow

_MOST_TERMS = 20_000.0
_MOST_CERTAIN = 5_000.0
_NOTHING = {True: 2.0**-40, False: 2.0**-60}
_NEAR_ONE = 0.25
_FAR = 50.0
"""From here on the asymptotic series of 1F1 has all digits, for small parameters; but
not beside the polynomials, where a is a whole number below 1."""
_FAR_LEFT = -1000.0


def _larger(*xs: Expr) -> Expr:
    out = xs[0]
    for x in xs[1:]:
        out = select(x > out, x, out)
    return out


def _least(*xs: Any) -> Expr:
    out = xs[0]
    for x in xs[1:]:
        out = select(out < x, out, x)
    return out


def _certain(*xs: Expr) -> Expr:
    """The number of terms that count whatever their size."""
    most = _larger(*xs)
    return select(most < _MOST_CERTAIN, most, _MOST_CERTAIN)


def _goes_on(k: Expr, term: Expr, total: Expr, certain: Expr, nothing: float) -> Expr:
    """Whether another term counts."""
    counts = (absolute(term) > absolute(total) * nothing) | (
        (k < certain) & term.ne(0.0)
    )
    return counts & (k < _MOST_TERMS) & (absolute(total) < INF)


# --- 1F1 -----------------------------------------------------------------------------


def _kummer(a: Expr, b: Expr, x: Expr, certain: Expr, first: Expr, single: bool) -> Any:
    """`first` times the series of 1F1."""
    nothing = _NOTHING[single]

    def step(k: Expr, term: Expr, total: Expr) -> Any:
        new = term * ((a + k) * x / ((b + k) * (k + 1.0)))
        on = _goes_on(k, term, total, certain, nothing)
        return on, (k + 1.0, new, total + new)

    zero = const(0.0, "f64")
    return (zero, first, first), step, lambda k, term, total: total


_kummer_series = routines(iterated, _kummer)


def _kummer_sum(a: Expr, b: Expr, z: Expr, first: Expr, single: bool) -> Expr:
    """`first` times 1F1(a; b; z) for z >= 0."""
    certain = _certain(_larger(-a, -b, z) + 1.0)
    return _kummer_series(a, b, z, certain, first, single)


def _turning(b: Expr, z: Expr) -> Expr:
    """How far a lies below 0 where 1F1 is about to oscillate in z, as Laguerre's functions
    do: beyond, the recurrence in a loses nothing; before, the terms of the series are not
    much larger than their sum. The factor, found by search, lies between both losses."""
    beyond = z > b
    at, order = select(beyond, z, 1.0), b - 1.0
    depth = ((at + order * order / at) * 0.5 - b) * 0.5
    depth = depth * (0.86 - 0.006 * b)
    return select(beyond & (depth > 0.0), depth, 0.0)


def _downward(a: Expr, b: Expr, z: Expr, steps: Expr, value: Expr, above: Expr) -> Any:
    """1F1(a; b; z) by those at a + steps and at one more (DLMF 13.3.1)."""

    def step(k: Expr, value: Expr, above: Expr) -> Any:
        at = a + k
        new = (at * above - ((at + at) - b + z) * value) / (b - at)
        return k > 0.0, (k - 1.0, new, value)

    return (steps, value, above), step, lambda k, value, above: value


def _kummer_below(
    a: Expr, b: Expr, z: Expr, first: Expr, steps: Expr, single: bool
) -> Expr:
    """The same for a far below 0, where the terms of the series are far larger than their
    sum: from where they are not, in steps."""
    start = a + steps
    value = _kummer_sum(start, b, z, first, single)
    above = _kummer_sum(start + 1.0, b, z, first, single)
    return iterated(_downward, a, b, z, steps, value, above)


def _asymptotic(p: Expr, q: Expr, z: Expr) -> Any:
    """The sum of (p)_k (q)_k / (k! z^k), up to its smallest term."""

    def step(k: Expr, term: Expr, total: Expr) -> Any:
        new = term * ((p + k) * (q + k) / ((k + 1.0) * z))
        new = select(absolute(new) < absolute(term), new, 0.0)
        return k < 40.0, (k + 1.0, new, total + new)

    one = const(1.0, "f64")
    return (one - 1.0, one, one), step, lambda k, term, total: total


def _kummer_far(a: Expr, b: Expr, z: Expr, first: Expr) -> Expr:
    """`first`**2 e**-z 1F1(a; b; z) for large z (DLMF 13.7.1)."""
    scale = _gamma_ratio((b,), (a,)) * pow(z, a - b)
    return first * (scale * iterated(_asymptotic, b - a, 1.0 - a, z)) * first


_below = routines(apart, _kummer_below)


@for_formats
def hyp1f1(a: Expr, b: Expr, x: Expr) -> Expr:
    """Kummer's function, the sum of (a)_k x^k / ((b)_k k!)."""
    single = x.type == "f32"
    a, b, x = (convert(v, "f64") for v in (a, b, x))
    left, z = x < 0.0, absolute(x)
    above = select(left, b - a, a)
    room = z - _FAR - 2.0 * (absolute(b - above) + 1.0) * (absolute(1.0 - above) + 1.0)
    whole = absolute(above - unary("floor", above + 0.5)) < 2.0**-10
    far = (((above > 0.0) | ~whole) & (room > 0.0)) | (x < _FAR_LEFT)
    at = select(far, 0.0, z)
    steps = unary("ceil", -above - _turning(b, at))
    below = ~far & (b > 0.0) & (steps > 1.0) & (steps < _MOST_TERMS)
    half = exp(select(left, -at, 0.0) * 0.5)
    start = select(below, 0.0, above)
    y = _kummer_sum(start, b, at, half, single)
    given = [select(below, v, 1.0) for v in (above, b, at)]
    y = rare(below, _below(*given, half, select(below, steps, 0.0), single), y)
    y = half * y
    growth = exp(select(left | ~far, 0.0, z) * 0.5)
    y = rare(far, apart(_kummer_far, above, b, select(far, z, 1e4), growth), y)
    y = select(a.ne(a) | b.ne(b) | x.ne(x), NAN, y)
    return convert(y, "f32") if single else y


# --- 2F1 -----------------------------------------------------------------------------


def _gauss(weighted: bool, single: bool) -> Any:
    """The series of 2F1, or of k times its terms."""
    nothing = _NOTHING[single]

    def gauss(a: Expr, b: Expr, c: Expr, x: Expr, certain: Expr) -> Any:
        def step(k: Expr, term: Expr, total: Expr, slope: Expr) -> Any:
            new = term * ((a + k) * (b + k) * x / ((c + k) * (k + 1.0)))
            on = _goes_on(k, term, total, certain, nothing)
            return on, (k + 1.0, new, total + new, fma(new, k + 1.0, slope))

        one = const(1.0, "f64")
        zero = one - 1.0
        result = lambda k, term, total, slope: slope if weighted else total
        return (zero, one, one, zero), step, result

    gauss.__name__ = f"gauss{'_slope' * weighted}{'_short' * single}"
    return gauss


_GAUSS = {(w, s): _gauss(w, s) for w in (False, True) for s in (False, True)}


def _onward(
    a: Expr, b: Expr, c: Expr, rest: Expr, y: Expr, slope: Expr, single: bool
) -> Any:
    """2F1 at 1 - rest by its value y and half its derivative at 1/2: Taylor's series of
    the differential equation, one step after the other. Carried are the number of a term,
    what is left of the way to 1, the step's part of it, the last two terms, their sum and
    that of k times them."""
    nothing = _NOTHING[single]

    def part_of(left: Expr) -> Expr:
        return select(rest < left * 0.5, 0.5, (left - rest) / left)

    def step(
        k: Expr,
        left: Expr,
        part: Expr,
        before: Expr,
        term: Expr,
        total: Expr,
        sum: Expr,
    ) -> Any:
        x = 1.0 - left
        new = (k + a) * (k + b) * (part * part * left) * before
        factor = fma(left * 2.0 - 1.0, k, c - ((a + b) + 1.0) * x)
        new = (new - (k + 1.0) * factor * part * term) / (x * (k + 2.0) * (k + 1.0))
        size = _larger(absolute(term), absolute(new)) * (k + 2.0)
        on = (size > (absolute(total) + absolute(sum)) * nothing) & (k < _MOST_CERTAIN)
        last = ~(rest < left * 0.5)
        nearer = left * 0.5
        first = sum * part_of(nearer)
        return on | ~last, tuple(
            select(on, *pair)
            for pair in (
                (k + 1.0, 0.0), (left, nearer), (part, part_of(nearer)),
                (term, total), (new, first), (total + new, total + first),
                (fma(new, k + 2.0, sum), first),
            )
        )  # fmt: skip

    half = const(0.5, "f64")
    part = part_of(half)
    first = slope * part
    start = (half - 0.5, half, part, y, first, y + first, first)
    return start, step, lambda *carried: carried[5]


_continued = routines(iterated, _onward)


def _odd_floor(v: Expr) -> Expr:
    half = unary("floor", v) * 0.5
    return half.ne(unary("floor", half))


def _gamma_ratio(above: Any, below: Any) -> Expr:
    """The quotient of products of gamma functions."""
    logarithm, negative = const(0.0, "f64"), const(False, "bool")
    for v, way in [*((v, 1.0) for v in above), *((v, -1.0) for v in below)]:
        logarithm = logarithm + lgamma(v) * way
        negative = negative ^ ((v < 0.0) & _odd_floor(v))
    size = exp(logarithm)
    return select(negative, -size, size)


def _ends(v: Expr) -> Expr:
    """Whether a series with this parameter above has an end."""
    return (v <= 0.0) & is_integer(v)


def _inside_unit(a: Expr, b: Expr, c: Expr, x: Expr, rest: Expr, single: bool) -> Expr:
    """2F1 for 0 <= x < 1, rest = 1 - x."""
    ends = _ends(a) | _ends(b)
    ended = ~ends & (_ends(c - a) | _ends(c - b))
    turned = ended | ((c > 0.0) & (_least(c - a, c - b) > _least(a, b, 0.0)))
    excess = select(turned, c - a - b, 0.0)
    a, b = select(turned, c - a, a), select(turned, c - b, b)
    onward = (rest < _NEAR_ONE) & (rest > 0.0) & (turned | ~ends) & ~ended
    most = _larger(absolute(a), absolute(b), absolute(c)) * 4.0 + 3.0
    at = select(onward, 0.5, select(rest > 0.0, x, 0.0))
    given = (a, b, c, at, _certain(most))
    y = iterated(_GAUSS[False, single], *given)
    slope = iterated(_GAUSS[True, single], *given)
    nearer = _continued(a, b, c, select(onward, rest, 0.5), y, slope, single)
    y = rare(onward, nearer, y)
    return rare(turned, pow(select(rest > 0.0, rest, 1.0), excess) * y, y)


@for_formats
def hyp2f1(a: Expr, b: Expr, c: Expr, x: Expr) -> Expr:
    """Gauss's function, for x <= 1: the sum of (a)_k (b)_k x^k / ((c)_k k!)."""
    single = x.type == "f32"
    a, b, c, x = (convert(v, "f64") for v in (a, b, c, x))
    left = x < 0.0
    swapped = left & ~_ends(a) & (_least(b, c - a) > _least(a, c - b, 0.0))
    a, b = select(swapped, b, a), select(swapped, a, b)
    beyond = 1.0 - x
    rest = select(left, 1.0 / beyond, beyond)
    inside = select(left, x / (x - 1.0), x)
    y = _inside_unit(a, select(left, c - b, b), c, inside, rest, single)
    y = rare(left, y * pow(select(left, beyond, 1.0), -a), y)
    excess = c - a - b
    at_one = select(excess > 0.0, _gamma_ratio((c, excess), (c - a, c - b)), INF)
    y = rare(x.eq(1.0), at_one, y)
    missing = a.ne(a) | b.ne(b) | c.ne(c) | ~(x <= 1.0)
    y = select(missing, NAN, y)
    return convert(y, "f32") if single else y
