"""lax: scan, a loop over the leading dimension of arrays, and what stands on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..api.vmap import vmap
from ..control.bodies import (
    Carry,
    arrays_of,
    check_same_tree,
    stage_body,
    tree_text,
    widened,
)
from ..control.scan import row_of, scan_p
from ..core.config import options
from ..ops.dynamic_slicing import dynamic_update_slice_p
from ..ops.joining import concatenate, expand_dims, rev_p, slice_along
from ..ops.shaping import broadcast_in_dim, canonical_axis, convert, reshape
from ..ops.structure import slice_rows, take_row
from ..runtime._native import tree_flatten, tree_unflatten
from ..runtime.pytree import tree_map
from ..transforms.flat import check_callable, kind_of, name_of


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
    _split_transpose: bool = False,
    *,
    checkpoint: bool | int = False,
) -> tuple[Any, Any]:
    """Runs `carry, y = f(carry, x)` over the rows of `xs`; stacks the ys.

    Args:
        f: function of the carry and one row, returning the next carry, of the same
            structure and types, and an output.
        init: array or pytree of arrays, the carry to start from. Python numbers take
            the dtype that `f` makes of them.
        xs: pytree of arrays (n, ...) with one leading size, or None.
        length: n; needed where `xs` has no arrays.
        reverse: run from the last row to the first; ys stand in the order of `xs`.
        unroll: accepted; loops are native, with nothing that writing out would save.
        _split_transpose: accepted.
        checkpoint: how many carries reverse mode keeps, in place of the residuals of
            all steps; from each it runs a segment of the loop again. True: about
            sqrt(n), which takes the least memory.

    Returns:
        The last carry, and the outputs stacked to arrays (n, ...).

    Raises:
        ValueError: leading sizes differ, or neither `xs` nor `length` gives n.
        TypeError: `f` returns no pair, or a carry of another structure or type.

    >>> from chainrule import lax, numpy as cnp
    >>> total, sums = lax.scan(lambda c, x: (c + x, c + x), 0.0, cnp.arange(4.0))
    >>> float(total), sums.tolist()
    (6.0, [0.0, 1.0, 3.0, 6.0])
    """
    check_callable("scan", f)
    words = Carry("scan", "carry")
    return scan_carrying(words, f, init, xs, length, reverse, unroll, checkpoint)


def scan_carrying(
    words: Carry, f: Any, init: Any, xs: Any, length: Any, reverse: Any, unroll: Any,
    checkpoint: Any = False,
) -> tuple[Any, Any]:  # fmt: skip
    """`scan`, with these words for its carry."""
    rows, row_tree = arrays_of(words.name, xs)
    n = _length(rows, length)
    segments = _segments(checkpoint, n)
    steps = _unroll(unroll, n)
    if options.disable_jit and n:
        return _one_by_one(f, init, rows, row_tree, n, reverse)
    leaves, tree = arrays_of(words.name, init)
    whole = tree_flatten((tree_unflatten(tree, leaves), xs))[1]
    x_avals = [row_of(x.aval) for x in rows]
    avals, body = _stage(words, f, tree, whole, [x.aval for x in leaves], x_avals)
    outs = scan_p(
        *body.outer, *(_as_typed(x, a) for x, a in zip(leaves, avals)), *rows,
        jaxpr=body.program, num_consts=len(body.outer), num_carry=len(leaves), length=n,
        reverse=bool(reverse), unroll=steps, **segments,
    )  # fmt: skip
    return tree_unflatten(body.out_tree, outs)


def _segments(checkpoint: Any, n: int) -> dict[str, Any]:
    """The parameter of scan for that many kept carries."""
    if checkpoint is True:
        return {"segments": True}
    if checkpoint is False:
        return {}
    count = _as_int("checkpoint", checkpoint)
    if not count:
        raise ValueError(
            "scan: checkpoint must be a positive number of carries to keep, or True for"
            " about the square root of the length; got 0."
        )
    return {"segments": (-(-n // count),)} if n > 1 else {}


def _stage(
    words: Carry, f: Any, tree: Any, whole: Any, avals: list[Any], x_avals: list[Any]
) -> Any:
    """The body, and the types of a carry that it keeps."""
    while True:
        body = stage_body(f, whole, [*avals, *x_avals])
        pair = body.out_tree
        node = pair.node_data()
        if node is None or node[0] not in (tuple, list) or len(pair.children()) != 2:
            raise TypeError(
                f"scan: {name_of(f)} must return a pair (carry, y); got"
                f" {tree_text(pair)}."
            )
        check_same_tree(words.name, f, "a carry", tree, pair.children()[0])
        found = body.program.out_avals[: len(avals)]
        wider = widened(avals, found)
        if wider == avals:
            words.check_types(f, tree, avals, found)
            return avals, body
        avals = wider


def _as_typed(x: Any, aval: Any) -> Any:
    return x if x.aval == aval else convert(x, aval.dtype, aval.weak_type)


def _length(rows: list[Any], length: Any) -> int:
    sizes: list[int] = []
    for x in rows:
        if not x.shape:
            raise ValueError(
                f"scan: xs must have a leading dimension to loop over; got a leaf of type"
                f" {x.aval.str_short()}."
            )
        sizes.append(x.shape[0])
    distinct = sorted(set(sizes))
    if len(distinct) > 1:
        raise ValueError(
            f"scan: the leading sizes of xs must agree; got"
            f" {', '.join(str(n) for n in distinct)}."
        )
    if length is None:
        if not distinct:
            raise ValueError(
                "scan: xs holds no arrays, so the number of steps is unknown; give"
                " length."
            )
        return distinct[0]
    n = _as_int("length", length)
    if distinct and n != distinct[0]:
        raise ValueError(
            f"scan: length {n} disagrees with the leading size of xs, {distinct[0]};"
            " leave out length."
        )
    return n


def _as_int(what: str, value: Any, name: str = "scan") -> int:
    try:
        n = value.__index__()
    except AttributeError:
        raise TypeError(
            f"{name}: {what} must be an integer; got {value!r} of type"
            f" {type(value).__name__}."
        ) from None
    if n < 0:
        raise ValueError(f"{name}: {what} must not be negative; got {n}.")
    return n


def _unroll(unroll: Any, n: int) -> int:
    if isinstance(unroll, bool):
        return max(n, 1) if unroll else 1
    return max(_as_int("unroll", unroll), 1)


def _one_by_one(
    f: Any, carry: Any, rows: list[Any], tree: Any, n: int, reverse: bool
) -> Any:
    """The loop in Python, for programs that run without staging (disable_jit)."""
    found: list[Any] = []
    for i in reversed(range(n)) if reverse else range(n):
        row = tree_unflatten(tree, [take_row(x, 0, i) for x in rows])
        out = f(carry, row)
        if not isinstance(out, (tuple, list)) or len(out) != 2:
            raise TypeError(
                f"scan: {name_of(f)} must return a pair (carry, y); got {kind_of(out)}."
            )
        carry, y = out
        found.append(y)
    found = found[::-1] if reverse else found
    return carry, tree_map(lambda *ys: _stacked(ys), *found)


def _stacked(ys: Any) -> Any:
    arrays, _ = arrays_of("scan", list(ys))
    return concatenate([reshape(y, (1, *y.shape)) for y in arrays], 0)


def map(f: Callable[[Any], Any], xs: Any, *, batch_size: int | None = None) -> Any:
    """`f` of each row of `xs`, one after the other, the results stacked.

    Args:
        f: function of one row.
        xs: array (n, ...) or pytree of them.
        batch_size: how many rows to compute at once, by `vmap`; None: one.

    Returns:
        Arrays (n, ...) in the structure that `f` returns.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.map(lambda x: x * x, cnp.arange(4), batch_size=3).tolist()
    [0, 1, 4, 9]
    """
    check_callable("map", f)

    def step(_: Any, x: Any) -> Any:
        return None, f(x)

    step.__name__ = name_of(f)
    if batch_size is None:
        return scan(step, None, xs)[1]
    leaves, tree = arrays_of("map", xs)
    n, size = _length(leaves, None), _as_int("batch_size", batch_size, "map")
    if not size:
        raise ValueError("map: batch_size must be positive; got 0.")
    whole = n // size * size
    many = vmap(f)
    parts: list[Any] = []
    if whole:
        blocks = [
            reshape(slice_rows(x, 0, whole, 0), (whole // size, size, *x.shape[1:]))
            for x in leaves
        ]
        found = scan(lambda _, x: (None, many(x)), None, tree_unflatten(tree, blocks))[
            1
        ]
        parts.append(tree_map(lambda y: reshape(y, (whole, *y.shape[2:])), found))
    if whole < n or not n:
        rest = [slice_rows(x, whole, n, 0) for x in leaves]
        parts.append(many(tree_unflatten(tree, rest)))
    if len(parts) == 1:
        return parts[0]
    return tree_map(lambda a, b: concatenate([a, b], 0), *parts)


def associative_scan(
    fn: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """All partial results of an associative function, in log2(n) rounds.

    Args:
        fn: associative function of two pytrees like `elems`, applied to whole slices:
            it must act element by element along `axis`.
        elems: array or pytree of arrays of one size along `axis`.
        reverse: combine from the last element to the first.
        axis: the dimension to scan over; negative ones count from the end.

    Returns:
        Arrays like `elems`; element k combines the elements 0 to k.

    The work is about 2n applications, in a tree of depth 2 log2(n) (Blelloch, Prefix
    sums and their applications, 1990).

    Raises:
        TypeError: `fn` is no function, or returns another structure.
        ValueError: sizes differ along `axis`, or it is out of bounds.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.associative_scan(cnp.multiply, cnp.arange(1, 6)).tolist()
    [1, 2, 6, 24, 120]
    """
    check_callable("associative_scan", fn)
    leaves, tree = arrays_of("associative_scan", elems)
    axes = [canonical_axis("associative_scan", axis, x.ndim) for x in leaves]
    sizes = sorted({x.shape[a] for x, a in zip(leaves, axes)})
    if len(sizes) > 1:
        raise ValueError(
            f"associative_scan: the sizes along axis {axis} must agree; got"
            f" {', '.join(str(n) for n in sizes)}."
        )

    def combine(xs: list[Any], ys: list[Any]) -> list[Any]:
        out = fn(tree_unflatten(tree, xs), tree_unflatten(tree, ys))
        found, out_tree = arrays_of("associative_scan", out)
        check_same_tree("associative_scan", fn, "values", tree, out_tree)
        return found

    if reverse:
        leaves = [rev_p(x, dimensions=(a,)) for x, a in zip(leaves, axes)]
    found = _partial_results(combine, leaves, axes) if leaves else leaves
    if reverse:
        found = [rev_p(x, dimensions=(a,)) for x, a in zip(found, axes)]
    return tree_unflatten(tree, found)


def _partial_results(combine: Any, xs: list[Any], axes: list[int]) -> list[Any]:
    """Scans neighbours combined in pairs, then fills in every second element."""
    n = xs[0].shape[axes[0]]
    if n < 2:
        return xs

    def every_second(values: list[Any], start: int, stop: int) -> list[Any]:
        return [slice_along(x, start, stop, a, 2) for x, a in zip(values, axes)]

    pairs = combine(every_second(xs, 0, n - 1), every_second(xs, 1, n))
    odd = _partial_results(combine, pairs, axes)
    firsts = [slice_rows(x, 0, 1, a) for x, a in zip(xs, axes)]
    if n == 2:
        return [concatenate(xy, a) for *xy, a in zip(firsts, odd, axes)]
    before = [slice_rows(x, 0, (n - 1) // 2, a) for x, a in zip(odd, axes)]
    even = combine(before, every_second(xs, 2, n))
    rows = zip(firsts, odd, even, axes)
    return [_interleaved(x, y, z, a) for x, y, z, a in rows]


def _interleaved(first: Any, odd: Any, even: Any, axis: int) -> Any:
    """first, odd[0], even[0], odd[1], ... along `axis`; there may be one more of `odd`
    than of `even`. Rows are written twice and every second one replaced: loops without
    conditions when compiled."""
    n, outer, inner = odd.shape[axis], odd.shape[:axis], odd.shape[axis + 1 :]
    kept = [k for k in range(odd.ndim + 1) if k != axis + 1]
    pairs = broadcast_in_dim(odd, (*outer, n, 2, *inner), kept)
    even = expand_dims(even, (axis + 1,))
    if even.shape[axis] == n:
        pairs = _replaced(pairs, even, axis, 0, 1)
        return concatenate([first, reshape(pairs, (*outer, 2 * n, *inner))], axis)
    pairs = _replaced(pairs, even, axis, 1, 0)
    pairs = _replaced(pairs, expand_dims(first, (axis + 1,)), axis, 0, 0)
    return reshape(pairs, (*outer, 2 * n, *inner))


def _replaced(x: Any, rows: Any, axis: int, *start: int) -> Any:
    """`x` with rows replaced, from `start` along `axis` and the next."""
    places = [np.int32(0)] * x.ndim
    places[axis : axis + 2] = [np.int32(k) for k in start]
    return dynamic_update_slice_p(x, rows, *places)
