"""Pytrees as flat vectors."""

from collections.abc import Callable
from typing import Any

from . import numpy as cnp
from .core.avals import as_array
from .core.dtypes import is_complex, promote
from .runtime._native import tree_flatten, tree_unflatten


def ravel_pytree(pytree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """The leaves of a pytree as one vector, and the function that undoes it.

    Args:
        pytree: pytree of arrays and numbers, of any shapes and numeric dtypes.

    Returns:
        (vector, unravel): the vector has shape (total size,) and the leaves' common
        dtype; `unravel(vector)` has the leaves' shapes and dtypes.

    >>> import chainrule.numpy as cnp
    >>> vector, unravel = ravel_pytree({"a": cnp.ones(2), "b": 3.0})
    >>> vector.tolist()
    [1.0, 1.0, 3.0]
    """
    leaves, tree = tree_flatten(pytree)
    leaves = [as_array(x, "ravel_pytree") for x in leaves]
    if not leaves:
        return cnp.zeros(0), lambda _: tree_unflatten(tree, [])
    dtype, _ = promote(*[(x.dtype, x.weak_type) for x in leaves])
    avals = [x.aval for x in leaves]
    vector = cnp.concatenate([cnp.ravel(x).astype(dtype) for x in leaves])

    def unravel(flat: Any) -> Any:
        flat = as_array(flat, "unravel")
        if flat.shape != vector.shape or flat.dtype != dtype:
            raise TypeError(
                f"unravel: expected a vector of type {vector.aval.str_short()}; got"
                f" {flat.aval.str_short()}."
            )
        found: list[Any] = []
        start = 0
        for aval in avals:
            part = flat[start : start + aval.size].reshape(aval.shape)
            if is_complex(part.dtype) and not is_complex(aval.dtype):
                part = part.real
            found.append(part.astype(aval.dtype))
            start += aval.size
        return tree_unflatten(tree, found)

    return vector, unravel
