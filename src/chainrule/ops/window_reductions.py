"""Reductions over sliding windows: sum, max, min, and what their derivatives need.

All have the parameters window_dimensions, window_strides, padding, base_dilation and
window_dilation, an entry per dimension. Padding and the holes of a dilated operand hold
the identity. The sum is linear. The derivative of max picks the tangent at each
window's chosen element (`select_and_gather_add`); its transpose adds each cotangent
there (`select_and_scatter_add`); each is the other's transpose, so every order follows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.primitive import Primitive
from .convolution import Pads, dilated, padded, window_counts, windows_of
from .elementwise_logic import ge_p, le_p
from .folds import accumulator, highest, lowest
from .joining import with_batch_first
from .reductions import greatest, least

_entries = (
    "window_dimensions", "window_strides", "padding", "base_dilation",
    "window_dilation",
)  # fmt: skip


def window_shape(
    name: str, shape: Any, *, window_dimensions: Any, window_strides: Any, padding: Any,
    base_dilation: Any, window_dilation: Any,
) -> tuple[int, ...]:  # fmt: skip
    """How many windows there are along each dimension of `shape`.

    Raises TypeError naming function `name` for parameters that do not fit.
    """
    given = (window_dimensions, window_strides, padding, base_dilation, window_dilation)
    for what, values in zip(_entries, given):
        if len(values) != len(shape):
            raise TypeError(
                f"{name}: {what} {tuple(values)} needs an entry for each dimension of"
                f" shape {tuple(shape)}."
            )
        if what != "padding" and any(v < 1 for v in values):
            raise TypeError(f"{name}: {what} {tuple(values)} must be at least 1.")
    return window_counts(
        shape,
        window_dimensions,
        window_strides,
        padding,
        base_dilation,
        window_dilation,
    )


def _batched_params(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters for operands with a batch dim in front."""
    found = dict(params)
    for key in _entries:
        found[key] = ((0, 0) if key == "padding" else 1, *params[key])
    return found


# --- lowering ------------------------------------------------------------------------


def element_of_window(
    m: Any, shape: Any, counts: Any, i: Sequence[Any], params: dict[str, Any]
) -> tuple[list[Any], Any]:
    """Where in the operand a window's element lies, and whether it does: `i` is the
    window's index followed by the element's in it."""
    place, inside = [], []
    lows = [low for low, _ in params["padding"]]
    steps = (params[e] for e in ("window_strides", "base_dilation", "window_dilation"))
    for d, (n, low, s, b, w) in enumerate(zip(shape, lows, *steps)):
        k, no_hole = (i[d] * s + i[len(counts) + d] * w - low).divided(b)
        inside += [no_hole, k.within(n)]
        place.append(k)
    return place, m.all_of(inside)


def _window_fold(combine: Any, identity: Any) -> Callable[..., Any]:
    """The lowering of a reduction over windows: combine(m, x, y) with its identity."""

    def lower(build: Any, x: Any, **params: Any) -> Any:
        m, counts = build.m, build.out.shape
        type = accumulator(build.type_of(x.aval.dtype))
        window = params["window_dimensions"]
        start = m.const(identity(m, type), type)
        x = build.settled(x, reads=_visits(x.shape, counts, window))

        def values(*i: Any) -> Any:
            place, inside = element_of_window(m, x.shape, counts, i, params)
            return (
                build.guarded(inside, lambda: m.convert(x.at(*place), type), start),
            )

        return build.fold(
            (*counts, *window), range(len(counts), 2 * len(counts)), values, (start,),
            lambda total, v: (combine(m, total[0], v[0]),), x,
            finish=lambda results: [m.convert(results[0], x.type)],
        )  # fmt: skip

    return lower


def _visits(shape: Any, counts: Any, window: Any) -> int:
    """How often an element is read, on average."""
    return math.prod(counts) * math.prod(window) // max(math.prod(shape), 1)


# --- sum, max, min --------------------------------------------------------------------


def _by_dimension(
    reduce: Callable[..., Any], x: Any, value: Any, *, window_dimensions: Any,
    window_strides: Any, padding: Any, base_dilation: Any, window_dilation: Any,
) -> Any:  # fmt: skip
    """The reduction one dimension at a time: the work is that of the sizes' sum."""
    for d in range(x.ndim):
        k, s, pad = window_dimensions[d], window_strides[d], tuple(padding[d])
        b, w = base_dilation[d], window_dilation[d]
        if (k, s, b) == (1, 1, 1) and pad == (0, 0):
            continue
        (count,) = window_counts((x.shape[d],), (k,), (s,), (pad,), (b,), (w,))
        pads = [(0, 0)] * x.ndim
        pads[d] = pad
        spread = [1] * x.ndim
        spread[d] = b
        views = windows_of(
            padded(x, pads, spread, value), d, (count,), (s,), (k,), (w,)
        )
        x = reduce(views, axis=d + 1)
    return x


def _reduction(
    name: str, doc: str, kinds: str, evaluate: Any, combine: Any, identity: Any,
    **rules: Any,
) -> Primitive:  # fmt: skip
    def abstract(x: Any, **params: Any) -> Any:
        if dtypes.kind(x.dtype) not in kinds:
            raise TypeError(f"{name}: does not accept dtype {x.dtype}.")
        return window_shape(name, x.shape, **params), x.dtype

    def batch(args: Any, dims: Any, size: int, **params: Any) -> Any:
        (x,) = with_batch_first(args, dims, size)
        return prim(x, **_batched_params(params)), 0

    prim = Primitive(
        name, doc, abstract=abstract, evaluate=evaluate, batch=batch,
        lower=_window_fold(combine, identity), **rules,
    )  # fmt: skip
    return prim


def _sum_evaluate(x: Any, **params: Any) -> Any:
    dtype = x.dtype
    half = dtypes.is_float(dtype) and dtype.itemsize < 4
    wide = np.dtype(np.float32) if half else dtype
    total = _by_dimension(
        lambda v, axis: np.add.reduce(v, axis, dtype=wide), x.astype(wide, copy=False),
        0, **params,
    )  # fmt: skip
    return total.astype(dtype, copy=False)


def transposed_pads(shape: Any, out: Any, params: dict[str, Any]) -> Pads:
    """The padding with which windows over the output meet all windows of an element."""
    found: list[tuple[int, int]] = []
    for n, m, k, s, (low, _), b, w in zip(shape, out, *(params[e] for e in _entries)):
        before = dilated(k, w) - low - 1
        after = dilated(n, b) + dilated(k, w) - 1 - dilated(m, s) - before
        found.append((before, after))
    return tuple(found)


def _sum_transpose(ct: Any, x: Any, **params: Any) -> Any:
    pads = transposed_pads(x.shape, ct.shape, params)
    exchanged = {
        "window_strides": params["base_dilation"],
        "base_dilation": params["window_strides"],
        "padding": pads,
    }
    return (reduce_window_sum_p(ct, **{**params, **exchanged}),)


reduce_window_sum_p = _reduction(
    "reduce_window_sum",
    "The sum over each window.",
    "iufc",
    _sum_evaluate,
    lambda m, x, y: x + y,
    lambda m, type: 0,
    linear=(0,),
    transpose=_sum_transpose,
)


def _choosing_jvp(select_prim: Primitive) -> Callable[..., Any]:
    def jvp(primals: Any, tangents: Any, y: Any, **params: Any) -> Any:
        return select_and_gather_add_p(
            tangents[0], primals[0], select_prim=select_prim, **params
        )

    return jvp


reduce_window_max_p = _reduction(
    "reduce_window_max",
    "The greatest element of each window.",
    "biufc",
    lambda x, **params: _by_dimension(np.maximum.reduce, x, least(x.dtype), **params),
    lambda m, x, y: m.maximum(x, y),
    lowest,
    jvp=_choosing_jvp(ge_p),
)
reduce_window_min_p = _reduction(
    "reduce_window_min",
    "The least element of each window.",
    "biufc",
    lambda x, **params: _by_dimension(
        np.minimum.reduce, x, greatest(x.dtype), **params
    ),
    lambda m, x, y: m.minimum(x, y),
    highest,
    jvp=_choosing_jvp(le_p),
)


# --- the chosen element of each window ------------------------------------------------


def _chosen(x: Any, select_prim: Primitive, params: dict[str, Any]) -> Any:
    """For each window, where in flat `x` its first best element is; -1: in padding."""
    spread, pads = params["base_dilation"], params["padding"]
    window = params["window_dimensions"]
    counts = window_counts(x.shape, *(params[e] for e in _entries))
    places = np.arange(x.size).reshape(x.shape)

    def rows(v: Any, value: Any) -> Any:
        views = windows_of(
            padded(v, pads, spread, value), 0, counts, params["window_strides"], window,
            params["window_dilation"],
        )  # fmt: skip
        return views.reshape(math.prod(counts), math.prod(window))

    places = rows(places, -1)
    largest = select_prim is ge_p
    values = rows(x, least(x.dtype) if largest else greatest(x.dtype))
    best = (np.max if largest else np.min)(values, axis=1, keepdims=True)
    hit = ((values == best) | (values != values)) & (places >= 0)
    first = np.argmax(hit, axis=1)
    return np.take_along_axis(places, first[:, None], 1)[:, 0].reshape(counts)


def _gather_evaluate(t: Any, x: Any, *, select_prim: Primitive, **params: Any) -> Any:
    places = _chosen(x, select_prim, params)
    if not x.size:
        return np.zeros(places.shape, t.dtype)
    taken = t.reshape(-1)[places]
    return np.where(places >= 0, taken, np.zeros((), t.dtype))


def _scatter_evaluate(t: Any, x: Any, *, select_prim: Primitive, **params: Any) -> Any:
    places = _chosen(x, select_prim, params)
    inside = places >= 0
    flat, values = places[inside], t[inside]
    if dtypes.is_complex(t.dtype):
        out = np.bincount(flat, values.real, x.size) + 1j * np.bincount(
            flat, values.imag, x.size
        )
    else:
        out = np.bincount(flat, values.astype(np.float64), x.size)
    return out.reshape(x.shape).astype(t.dtype)


def _check_pair(name: str, t: Any, x: Any, wanted: Any) -> None:
    if t.shape != wanted or t.dtype != x.dtype:
        raise TypeError(
            f"{name}: expects values of shape {wanted} and dtype {x.dtype} beside the"
            f" operand; got {t.str_short()}."
        )


def _gather_abstract(t: Any, x: Any, *, select_prim: Primitive, **params: Any) -> Any:
    _check_pair("select_and_gather_add", t, x, x.shape)
    return window_shape("select_and_gather_add", x.shape, **params), x.dtype


def _scatter_abstract(t: Any, x: Any, *, select_prim: Primitive, **params: Any) -> Any:
    name = "select_and_scatter_add"
    _check_pair(name, t, x, window_shape(name, x.shape, **params))
    return x.shape, x.dtype


def _pair_batch(find: Callable[[], Primitive]) -> Callable[..., Any]:
    def batch(
        args: Any, dims: Any, size: int, *, select_prim: Any, **params: Any
    ) -> Any:
        t, x = with_batch_first(args, dims, size)
        return find()(t, x, select_prim=select_prim, **_batched_params(params)), 0

    return batch


def _choice(
    build: Any, x: Any, counts: Any, select_prim: Primitive, params: Any
) -> Any:
    """The parts of a fold that finds each window's first best element: its values and
    start, and the update of (best value, its number in the window, ...)."""
    m, type, largest = (
        build.m,
        accumulator(build.type_of(x.aval.dtype)),
        select_prim is ge_p,
    )
    worst = m.const((lowest if largest else highest)(m, type), type)
    nobody = m.const(math.prod(params["window_dimensions"]), "i64")

    def candidate(i: Any, place: Any, inside: Any) -> Any:
        value = build.guarded(inside, lambda: m.convert(x.at(*place), type), worst)
        number = m.ravel(i[len(counts) :], params["window_dimensions"]).expr()
        return value, m.select(inside, number, nobody)

    def choose(a: Any, b: Any) -> Any:
        wins = b[0] > a[0] if largest else b[0] < a[0]
        same = a[0].eq(b[0])
        if type in m.FLOATS:
            nan_a, nan_b = a[0].ne(a[0]), b[0].ne(b[0])
            wins = (wins & ~nan_a) | (nan_b & ~nan_a)
            same = same | (nan_a & nan_b)
        wins = wins | (same & (b[1] < a[1]))
        return tuple(m.select(wins, y, x) for x, y in zip(a, b))

    return candidate, (worst, nobody), choose


def _gather_lower(
    build: Any, t: Any, x: Any, *, select_prim: Primitive, **params: Any
) -> Any:
    m, counts, window = build.m, build.out.shape, params["window_dimensions"]
    build.check(t, x)
    if 0 in x.shape:
        return build.index(lambda *_: m.const(0, t.type))
    reads = _visits(x.shape, counts, window)
    t, x = build.settled(t, reads), build.settled(x, reads)
    candidate, start, choose = _choice(build, x, counts, select_prim, params)
    type = accumulator(t.type)
    zero = m.const(0, type)

    def values(*i: Any) -> Any:
        place, inside = element_of_window(m, x.shape, counts, i, params)
        taken = build.guarded(inside, lambda: m.convert(t.at(*place), type), zero)
        return (*candidate(i, place, inside), taken)

    return build.fold(
        (*counts, *window), range(len(counts), 2 * len(counts)), values, (*start, zero),
        choose, t, x, finish=lambda results: [m.convert(results[2], t.type)],
    )  # fmt: skip


def _scatter_lower(
    build: Any, t: Any, x: Any, *, select_prim: Primitive, **params: Any
) -> Any:
    """For every element the sum over the windows that have chosen it: first a fold
    finds each window's choice, then another looks from the elements at the windows."""
    m, counts, window = build.m, t.shape, params["window_dimensions"]
    build.check(t, x)
    x = build.settled(x, _visits(x.shape, counts, window))
    t = build.settled(t, _visits(counts, x.shape, window))
    candidate, start, choose = _choice(build, x, counts, select_prim, params)

    def values(*i: Any) -> Any:
        return candidate(i, *element_of_window(m, x.shape, counts, i, params))

    rank, type = len(counts), accumulator(t.type)
    chosen = build.of(build.aval(counts, np.dtype(np.int32))).fold(
        (*counts, *window), range(rank, 2 * rank), values, start, choose, x,
        finish=lambda results: [m.convert(results[1], "i32")],
    )  # fmt: skip
    if 0 not in chosen.shape:
        build.stored(chosen)
    zero = m.const(0, type)

    def shares(*i: Any) -> Any:
        place, inside = [], []
        steps = (
            params[e] for e in ("window_strides", "base_dilation", "window_dilation")
        )
        for d, (n, (low, _), s, b, w) in enumerate(
            zip(counts, params["padding"], *steps)
        ):
            k, there_is = (i[d] * b + low - i[rank + d] * w).divided(s)
            inside += [there_is, k.within(n)]
            place.append(k)
        number = m.convert(m.ravel(i[rank:], window).expr(), "i32")

        def share() -> Any:
            mine = chosen.at(*place).eq(number)
            return m.select(mine, m.convert(t.at(*place), type), zero)

        return (build.guarded(m.all_of(inside), share, zero),)

    return build.fold(
        (*x.shape, *window), range(rank, 2 * rank), shares, (zero,),
        lambda total, v: (total[0] + v[0],), t, x,
        finish=lambda results: [m.convert(results[0], t.type)],
    )  # fmt: skip


select_and_gather_add_p = Primitive(
    "select_and_gather_add",
    "For each window of x, the element of t where x has its first best one.",
    abstract=_gather_abstract,
    linear=(0,),
    transpose=lambda ct, t, x, **params: (
        select_and_scatter_add_p(ct, x, **params),
        None,
    ),
    batch=_pair_batch(lambda: select_and_gather_add_p),
    evaluate=_gather_evaluate,
    lower=_gather_lower,
)

select_and_scatter_add_p = Primitive(
    "select_and_scatter_add",
    "Adds each element of t to where x has the first best one of that window.",
    abstract=_scatter_abstract,
    linear=(0,),
    transpose=lambda ct, t, x, **params: (
        select_and_gather_add_p(ct, x, **params),
        None,
    ),
    batch=_pair_batch(lambda: select_and_scatter_add_p),
    evaluate=_scatter_evaluate,
    lower=_scatter_lower,
)

__all__ = [
    "reduce_window_max_p", "reduce_window_min_p", "reduce_window_sum_p",
    "select_and_gather_add_p", "select_and_scatter_add_p", "transposed_pads",
    "window_shape",
]  # fmt: skip
