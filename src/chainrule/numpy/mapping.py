"""Functions mapped over arrays: vectorize, apply_along_axis, apply_over_axes.

All stand on vmap: the function is called once, on values without the mapped dimensions.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

from ..api.vmap import vmap
from ..core.avals import as_array
from ..ops.elementwise_rules import broadcast_shapes
from ..ops.shaping import broadcast_to, canonical_axis

_DIMENSION = r"\(([^()]*)\)"


def apply_along_axis(
    func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any
) -> Any:
    """`func1d` applied to each 1-D slice of `arr` along `axis`.

    Args:
        func1d: function of a vector (and of `args`, `kwargs`), returning an array.
        axis: the dimension that the slices run along.
        arr: array of any shape.

    Returns:
        An array with the results' dimensions in the place of `axis`.

    >>> import chainrule.numpy as cnp
    >>> cnp.apply_along_axis(cnp.sum, 0, cnp.ones((3, 2))).tolist()
    [3.0, 3.0]
    """
    arr = as_array(arr, "apply_along_axis")
    axis = canonical_axis("apply_along_axis", axis, arr.ndim)
    mapped = lambda v: func1d(v, *args, **kwargs)
    for _ in range(arr.ndim - axis - 1):
        mapped = vmap(mapped, in_axes=1, out_axes=-1)
    for _ in range(axis):
        mapped = vmap(mapped, in_axes=0, out_axes=0)
    return mapped(arr)


def apply_over_axes(func: Callable[..., Any], a: Any, axes: Sequence[int]) -> Any:
    """`func(a, axis)` for each axis in turn; dimensions it drops are put back as 1."""
    a = as_array(a, "apply_over_axes")
    for axis in (axes,) if isinstance(axes, int) else axes:
        axis = canonical_axis("apply_over_axes", axis, a.ndim)
        b = func(a, axis)
        if b.ndim not in (a.ndim, a.ndim - 1):
            raise ValueError(
                "apply_over_axes: the function must keep or drop one dimension; it"
                f" made shape {b.shape} of {a.shape}."
            )
        a = b if b.ndim == a.ndim else b.reshape(*b.shape[:axis], 1, *b.shape[axis:])
    return a


def _parse(signature: str) -> tuple[list[list[str]], list[list[str]]]:
    side = rf"\s*{_DIMENSION}(?:\s*,\s*{_DIMENSION})*\s*"
    if not re.fullmatch(rf"{side}->{side}", signature):
        raise ValueError(
            f"vectorize: {signature!r} is no signature; write one such as '(n,k),(k)->(n)'."
        )
    inputs, outputs = (
        [[d.strip() for d in part.split(",") if d.strip()] for part in found]
        for found in (re.findall(_DIMENSION, s) for s in signature.split("->"))
    )
    return inputs, outputs


def _leading(arrays: Sequence[Any], ranks: Sequence[int], signature: Any) -> Any:
    """The broadcast of the dimensions in front of the core ones."""
    for x, rank in zip(arrays, ranks):
        if x.ndim < rank:
            raise ValueError(
                f"vectorize: an argument of shape {x.shape} has fewer than the {rank}"
                f" core dimensions of {signature!r}."
            )
    return broadcast_shapes(
        "vectorize", *(x.shape[: x.ndim - r] for x, r in zip(arrays, ranks))
    )


def vectorize(
    pyfunc: Callable[..., Any],
    *,
    excluded: Any = frozenset(),
    signature: str | None = None,
) -> Callable[..., Any]:
    """`pyfunc` broadcast over the leading dimensions of its arguments.

    Args:
        pyfunc: function of scalars or, with `signature`, of arrays.
        excluded: positions of arguments that are passed whole.
        signature: core dimensions, such as '(n,k),(k)->(n)'; default all scalars.

    Returns:
        A function whose arguments' leading dimensions broadcast.

    Raises ValueError for a malformed signature or too few dimensions.

    >>> import chainrule.numpy as cnp
    >>> dot = cnp.vectorize(cnp.dot, signature="(n),(n)->()")
    >>> dot(cnp.ones((2, 3)), cnp.ones(3)).tolist()
    [3.0, 3.0]
    """
    core = None if signature is None else _parse(signature)[0]

    @functools.wraps(pyfunc)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        where = [i for i in range(len(args)) if i not in excluded]
        arrays = [as_array(args[i], "vectorize") for i in where]
        ranks = [0] * len(arrays) if core is None else [len(c) for c in core]
        if len(ranks) != len(arrays):
            raise ValueError(
                f"vectorize: the signature {signature!r} has {len(ranks)} inputs; got"
                f" {len(arrays)} arguments."
            )
        lead = _leading(arrays, ranks, signature)

        def core_function(*given: Any) -> Any:
            full = list(args)
            for i, x in zip(where, given):
                full[i] = x
            return pyfunc(*full, **kwargs)

        wide = [
            broadcast_to(x, (*lead, *x.shape[x.ndim - r :]))
            for x, r in zip(arrays, ranks)
        ]
        mapped = core_function
        for _ in lead:
            mapped = vmap(mapped)
        return mapped(*wide)

    return wrapped


__all__ = ["apply_along_axis", "apply_over_axes", "vectorize"]
