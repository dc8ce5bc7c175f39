"""How reductions and products lower: folds over an index space.

Floats of 16 bits are accumulated in 32 and rounded once, as their evaluation does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..core import dtypes

GEMM_WORK = 96**3
THIN, LONG_SUM, PACKED = 16, 128, 1 << 17
"""Rows or columns of a matrix for the library, and bytes of an operand which its packing
pays for: one that vectors are read of, or that is read down its columns."""
WIDENED = 32
"""Reads of a half-precision number from which on it is converted once, for all."""
THICK, PART = 128, 1024
"""Rows or columns from which on products are shared by these, and the length of the
shortest parts into which thinner ones are cut."""
_half = ("f16", "bf16")
_complex = ({dtypes.complex64}, {dtypes.complex128})
_floats = ({dtypes.float32}, {dtypes.float64})
_halves = (dtypes.float16, dtypes.bfloat16)


def accumulator(type: str) -> str:
    """The scalar type in which values of `type` are accumulated."""
    return "f32" if type in _half else type


def reduction(
    combine: Callable[..., Any], identity: Callable[..., Any]
) -> Callable[..., Any]:
    """The lowering of a reduction of one operand: combine(m, x, y) with its identity,
    given as identity(m, type)."""

    def lower(build: Any, x: Any, *, axes: Any) -> Any:
        m = build.m
        build.check(x)
        type = accumulator(x.type)
        return build.fold(
            x.shape, axes,
            lambda *indices: (m.convert(x.at(*indices), type),),
            (m.const(identity(m, type), type),),
            lambda total, v: (combine(m, total[0], v[0]),),
            x,
            finish=lambda results: [m.convert(results[0], x.type)],
        )  # fmt: skip

    return lower


def extremum(
    combine: Callable[..., Any],
    better: Callable[..., Any],
    worst: Callable[..., Any],
) -> Any:
    """The lowering of a maximum (`better`: greater) or minimum of many, combine(m, x, y)
    that of two; NaN where an element is. Of zeros of both signs it is either.

    Whether all are numbers is a fold beside it: two instructions for a vector, where a
    maximum that hands NaN and the sign of zeros on takes six.
    """
    of_integers = reduction(combine, worst)

    def lower(build: Any, x: Any, *, axes: Any) -> Any:
        m = build.m
        build.check(x)
        type = accumulator(x.type)
        if type not in m.FLOATS:
            return of_integers(build, x, axes=axes)

        def values(*indices: Any) -> Any:
            value = m.convert(x.at(*indices), type)
            return value, value.eq(value)

        def choose(a: Any, b: Any) -> Any:
            return m.select(better(b[0], a[0]), b[0], a[0]), a[1] & b[1]

        def finish(results: Any) -> list[Any]:
            number = m.select(results[1], results[0], m.const(math.nan, type))
            return [m.convert(number, x.type)]

        start = (m.const(worst(m, type), type), m.const(True, "bool"))
        return build.fold(x.shape, axes, values, start, choose, x, finish=finish)

    return lower


def lowest(m: Any, type: str) -> Any:
    """The identity of max."""
    return _extreme(m, type, -1)


def highest(m: Any, type: str) -> Any:
    """The identity of min."""
    return _extreme(m, type, 1)


def _extreme(m: Any, type: str, sign: int) -> Any:
    if type in m.FLOATS:
        return sign * math.inf
    if type == "bool":
        return sign > 0
    bits = m.BITS[type]
    if type in m.UNSIGNED:
        return (1 << bits) - 1 if sign > 0 else 0
    return (1 << (bits - 1)) - 1 if sign > 0 else -(1 << (bits - 1))


def first_index(better: str, not_better: str, worst: Callable[..., Any]) -> Any:
    """The lowering of argmax (`better` is gt, `not_better` le) or argmin: the first best
    element's index; the first NaN's where there is one.

    Elements come in order, so that one that is as good as what was found before is not
    asked for its place. What is found in parts of the axis is. Where nothing is better
    than the worst element, that is the best, and the first; so both begin at place 0.
    """

    def lower(build: Any, x: Any, *, axes: Any, index_dtype: Any) -> Any:
        m = build.m
        build.check(x)
        type = accumulator(x.type)
        (axis,) = axes
        out = build.type_of(index_dtype)
        place = "i32" if x.shape[axis] < 1 << 31 else "i64"

        def values(*indices: Any) -> Any:
            position = m.convert(indices[axis].expr(), place)
            return m.convert(x.at(*indices), type), position

        def wins(a: Any, b: Any) -> Any:
            if type not in m.FLOATS:
                return m.compare(better, b, a)
            return ~m.compare(not_better, b, a) & a.eq(a)  # NaN before numbers, once

        def next_one(a: Any, b: Any) -> Any:
            return tuple(m.select(wins(a[0], b[0]), y, x) for x, y in zip(a, b))

        def choose(a: Any, b: Any) -> Any:
            same = ~(wins(a[0], b[0]) | wins(b[0], a[0]))
            later = wins(a[0], b[0]) | (same & (b[1] < a[1]))
            return tuple(m.select(later, y, x) for x, y in zip(a, b))

        start = (m.const(worst(m, type), type), m.const(0, place))
        return build.fold(
            x.shape, axes, values, start, next_one, x, join=choose, in_order=True,
            finish=lambda results: [m.convert(results[1], out)],
        )  # fmt: skip

    return lower


def product(
    build: Any, x: Any, y: Any, domain: Sequence[int], axes: Sequence[int],
    of_x: Callable[..., Any], of_y: Callable[..., Any],
) -> Any:  # fmt: skip
    """The sum over `axes` of `domain` of of_x(*indices) * of_y(*indices)."""
    m = build.m
    build.check(x, y)
    out = build.type_of(build.out.dtype)
    type = accumulator(out)

    def values(*indices: Any) -> Any:
        return m.convert(of_x(*indices), type), m.convert(of_y(*indices), type)

    def update(total: Any, v: Any) -> Any:
        if type in m.FLOATS:
            return (m.fma(v[0], v[1], total[0]),)
        if type == "bool":
            return (total[0] | (v[0] & v[1]),)
        return (total[0] + v[0] * v[1],)

    def join(a: Any, b: Any) -> Any:
        return (a[0] | b[0] if type == "bool" else a[0] + b[0],)

    return build.fold(
        domain, axes, values, (m.const(0, type),), update, x, y, join=join,
        finish=lambda results: [m.convert(results[0], out)], products=True,
    )  # fmt: skip


def dot_general(
    build: Any, x: Any, y: Any, *, dimension_numbers: Any, precision: Any,
    preferred_element_type: Any,
) -> Any:  # fmt: skip
    """Products of arrays: a fold for small or thin ones, the library's for large."""
    (cx, cy), (bx, by) = dimension_numbers
    free_x, free_y, sizes = _free(x.shape, y.shape, dimension_numbers)
    if cx and _is_large((x.aval, y.aval, build.out), cx, sizes):
        wide = build
        if _is_half(build.out):
            wide = build.of(build.aval(build.out.shape, dtypes.float32))
        x, y = widened(build, x), widened(build, y)
        made = _gemm(wide, x, y, (cx, cy), (bx, by), (free_x, free_y), sizes)
        return made if wide is build else build.converted(made)
    batch, fx = len(bx), len(free_x)
    domain = [x.shape[k] for k in (*bx, *free_x)] + [y.shape[k] for k in free_y]
    first = len(domain)
    domain += [x.shape[k] for k in cx]
    place_x = {k: i for i, k in enumerate((*bx, *free_x))}
    place_x.update({k: first + i for i, k in enumerate(cx)})
    x, y = widened(build, x, sizes[2]), widened(build, y, sizes[1])
    x = build.settled(x, reads=sizes[2])
    y = build.settled(y, reads=sizes[1])
    order = _order_copied((x, y), dimension_numbers, free_y, sizes)
    if order is None:
        order = list(range(len(y.shape)))
    else:
        y = build.stored(build.permuted(y, order))
    place_y = {k: i for i, k in enumerate(by)}
    place_y.update({k: batch + fx + i for i, k in enumerate(free_y)})
    place_y.update({k: first + i for i, k in enumerate(cy)})

    def of_x(*i: Any) -> Any:
        return x.at(*[i[place_x[k]] for k in range(len(x.shape))])

    def of_y(*i: Any) -> Any:
        return y.at(*[i[place_y[k]] for k in order])

    if not cx:
        return _multiplied(build, x, y, of_x, of_y)
    return product(build, x, y, domain, range(first, len(domain)), of_x, of_y)


def _multiplied(build: Any, x: Any, y: Any, of_x: Any, of_y: Any) -> Any:
    """The products of elements, where nothing is summed."""
    m, out = build.m, build.type_of(build.out.dtype)
    build.check(x, y)
    type = accumulator(out)

    def element(*i: Any) -> Any:
        a, b = m.convert(of_x(*i), type), m.convert(of_y(*i), type)
        return m.convert(a & b if type == "bool" else a * b, out)

    return build.index(element, x, y, cost=1.0)


def widened(build: Any, x: Any, reads: int = WIDENED) -> Any:
    """`x`, of whose elements each is read so often; a copy in f32 where they are halves
    and that is often enough."""
    if not _is_half(x.aval) or reads < WIDENED:
        return x
    source, order = build.unpermuted(x)
    wide = build.of(build.aval(source.shape, dtypes.float32)).converted(source)
    return build.permuted(build.stored(wide), order)


def dot_copied(
    x: Any, y: Any, out: Any, *, dimension_numbers: Any, **params: Any
) -> tuple[int, list[int], Any] | None:
    """Which operand the lowering copies in another order, that order, and the parameters
    of the product of such a copy; None where it copies none."""
    (cx, cy), (bx, by) = dimension_numbers
    *_, free_y, sizes = _free(x.shape, y.shape, dimension_numbers)
    if _is_large((x, y, out), cx, sizes):
        return None
    order = _order_copied((x, y), dimension_numbers, free_y, sizes)
    if order is None:
        return None
    numbers = (cx, _places(order, cy)), (bx, _places(order, by))
    return 1, order, {"dimension_numbers": numbers, **params}


def _places(order: Sequence[int], dims: Sequence[int]) -> tuple[int, ...]:
    return tuple(order.index(k) for k in dims)


def _free(
    x: Sequence[int], y: Sequence[int], numbers: Any
) -> tuple[list[int], list[int], list[int]]:
    """The free dimensions of both shapes, and the sizes of batch, rows, columns and
    sums."""
    (cx, cy), (bx, by) = numbers
    free_x = [k for k in range(len(x)) if k not in (*cx, *bx)]
    free_y = [k for k in range(len(y)) if k not in (*cy, *by)]
    dims = (x, bx), (x, free_x), (y, free_y), (x, cx)
    return free_x, free_y, [math.prod(s[k] for k in ks) for s, ks in dims]


def _order_copied(
    operands: Sequence[Any], numbers: Any, free_y: Sequence[int], sizes: Sequence[int]
) -> list[int] | None:
    """The order of dimensions in which a small product reads a copy of its second
    operand; None where it reads it as it is.

    Vectors go along the columns of the result, unless they can go along a long sum in
    both operands, which a thin one is copied for.
    """
    (cx, cy), (_, by) = numbers
    _, m, n, k = sizes
    x_ends, y_ends = (len(z.shape) - 1 in c for z, c in zip(operands, (cx, cy)))
    if x_ends and k >= LONG_SUM and min(m, n) < THIN:
        if y_ends:
            return None
        if n < THIN and n <= m // 8:
            return [*by, *free_y, *cy]
    return [*by, *cy, *free_y] if y_ends and n >= 4 and m >= 4 else None


def _are_complex(avals: Sequence[Any]) -> bool:
    return {a.dtype for a in avals} in _complex


def _is_half(aval: Any) -> bool:
    return aval.dtype in _halves


def _is_large(
    avals: Sequence[Any], contracted: Sequence[int], sizes: Sequence[int]
) -> bool:
    """Whether the library multiplies; the only way to multiply complex numbers that
    nobody has taken apart."""
    if _are_complex(avals):
        return True
    _, m, n, k = sizes
    computed = {dtypes.float32 if _is_half(a) else a.dtype for a in avals}
    if computed not in _floats or m * n * k < GEMM_WORK:
        return False
    packed = PACKED // max(dtype.itemsize for dtype in computed)
    across = n * k if len(avals[0].shape) - 1 in contracted else max(n, m) * k
    return across > packed and min(m, n, k) >= THIN and sorted((m, n, k))[1] > THIN


def _gemm(
    build: Any, x: Any, y: Any, contracted: Any, batch: Any, free: Any, sizes: Any
) -> Any:
    count, m, n, k = sizes
    a, trans_a = _matrix(build, x, batch[0], free[0], contracted[0])
    b, trans_b = _matrix(build, y, batch[1], contracted[1], free[1])
    lda, ldb = (m if trans_a else k), (k if trans_b else n)
    parts = 1 if _are_complex((x.aval, y.aval)) else _parts(count, m, n, k)
    part = k // parts
    steps = (part * m if trans_a else part), (part if trans_b else part * n)
    between = (m * k, k * n) if parts == 1 else steps
    made = build.gemm(
        a, b, (m, n, part), (trans_a, trans_b), (lda, ldb, n), between, count, parts
    )
    if parts == 1:
        return made
    m = build.m
    return build.fold(
        made.shape, (0,), lambda *indices: (made.at(*indices),), (m.const(0, x.type),),
        lambda total, v: (total[0] + v[0],), made,
    )  # fmt: skip


def _parts(count: int, m: int, n: int, k: int) -> int:
    """Of how many products of shorter ones, which threads share, a long product of thin
    matrices is the sum. Their number depends on the sizes alone, and so do all bits."""
    if count > 1 or max(m, n) >= THICK or k < 2 * PART:
        return 1
    for parts in (16, 8, 4, 2):
        if k % parts == 0 and k >= parts * PART:
            return parts
    return 1


def _matrix(
    build: Any,
    x: Any,
    batch: Sequence[int],
    rows: Sequence[int],
    columns: Sequence[int],
) -> tuple[Any, bool]:
    """An operand as a batch of matrices in memory, and whether they lie transposed."""
    source, order = build.unpermuted(x)
    wanted = [order[d] for d in (*batch, *rows, *columns)]
    turned = [order[d] for d in (*batch, *columns, *rows)]
    if wanted == list(range(len(wanted))):
        return source, False
    if turned == list(range(len(turned))):
        return source, True
    dims = [*batch, *rows, *columns]
    if dims == sorted(dims):
        return x, False
    return build.permuted(x, dims), False
