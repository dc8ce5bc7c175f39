"""How functions of lax bind primitives: operands made arrays, shapes checked first.

Evaluation outside of a trace runs NumPy at once; `bind` asks the primitive's own shape
rule beforehand, so that wrong operands raise its message and nothing is computed.
"""

from __future__ import annotations

from typing import Any

from ..core.avals import Array, as_array
from ..core.primitive import Primitive
from ..ops.shaping import convert


def bind(prim: Primitive, *args: Any, **params: Any) -> Any:
    """`prim(*args, **params)`, operands made arrays and checked by its shape rule."""
    operands = [x if isinstance(x, Array) else as_array(x, prim.name) for x in args]
    return prim.bind(*operands, **params)


def of_dtype(x: Any, like: Any) -> Any:
    """A Python number in the dtype of the array `like`; anything else unchanged."""
    if type(x) in (bool, int, float, complex) and isinstance(like, Array):
        return convert(as_array(x), like.dtype)
    return x


__all__ = ["bind", "of_dtype"]
