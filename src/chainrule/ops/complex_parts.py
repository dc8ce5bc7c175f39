"""Complex numbers as pairs: operations by what they do to real and imaginary parts.

Kernels compute with real numbers. A pass of the compiler (passes/complex_numbers.py)
puts the *parts rule* of a primitive in the place of its equations with complex operands
or results:

    parts(*operands, **params) -> result, or list of results

where complex operands and results are `Parts`, all others arrays. Linear operations that
move or add elements act on both parts alike, bilinear ones follow from the product of two
complex numbers, so neither needs a rule. Those of functions are in complex_functions.py.
What has none is evaluated whole, by NumPy's code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core import dtypes
from ..core.avals import ShapedArray, aval_of
from ..core.primitive import Primitive
from .elementwise_complex import complex_p, imag_p, real_p
from .shaping import broadcast_to, convert


class Parts(NamedTuple):
    """A complex value as arrays of its real and its imaginary part."""

    re: Any
    im: Any


Rule = Callable[..., Any]

WORK = 24**3
"""Products of numbers from which on a product of matrices is left to the library."""


kept_whole: set[Primitive] = set()
"""Primitives that have kernels of their own for complex numbers."""


def parts_rule(
    prim: Primitive, operands: Sequence[Any], out: Any, in_loop: bool
) -> Rule | None:
    """The rule for operands and a result of these avals; None where there is none, and
    outside of loops where the library's complex kernels are faster: those of large
    products and of primitives that are `kept_whole`."""
    if prim in kept_whole and not in_loop:
        return None
    is_complex = [dtypes.is_complex(a.dtype) for a in operands]
    if prim.parts is not None:
        return prim.parts or None
    if prim.bilinear and all(is_complex):
        sizes = math.prod(math.prod(a.shape) for a in (*operands, out))
        if prim.arrange is not None and not in_loop and sizes >= WORK**2:
            return None
        return lambda x, y, **params: product(prim, x, y, **real_params(params))
    linear = prim.linear
    if linear is None or not any(is_complex):
        return None
    if linear and any(c and k not in linear for k, c in enumerate(is_complex)):
        return None
    return lambda *xs, **params: each(prim, *xs, **real_params(params))


def real_params(params: dict[str, Any]) -> dict[str, Any]:
    """Parameters with real dtypes in the place of complex ones."""
    real = lambda v: dtypes.real_part(v) if isinstance(v, np.dtype) else v
    return {k: real(v) for k, v in params.items()}


def each(prim: Primitive, *operands: Any, **params: Any) -> Any:
    """The primitive of the real parts and of the imaginary parts."""
    pick = lambda k: [x[k] if isinstance(x, Parts) else x for x in operands]
    re, im = (prim(*pick(k), **params) for k in (0, 1))
    return [Parts(*p) for p in zip(re, im)] if prim.multiple_results else Parts(re, im)


def product(prim: Rule, x: Parts, y: Parts, **params: Any) -> Parts:
    """A bilinear primitive of two complex values."""
    times = lambda a, b: prim(a, b, **params)
    return Parts(
        times(x.re, y.re) - times(x.im, y.im), times(x.re, y.im) + times(x.im, y.re)
    )


def part_aval(aval: Any) -> ShapedArray:
    """The aval of both parts of a complex value."""
    return ShapedArray(aval.shape, dtypes.real_part(aval.dtype), aval.weak_type)


def typed(x: Any, aval: Any) -> list[Any]:
    """The arrays of a rule's result of type `aval`: one, or the two parts."""
    parts = x if isinstance(x, Parts) else (x,)
    wanted = part_aval(aval)
    made = [convert(p, wanted.dtype, wanted.weak_type) for p in parts]
    shape = wanted.shape
    return [p if aval_of(p).shape == shape else broadcast_to(p, shape) for p in made]


def apart(x: Any) -> Parts:
    """The parts of a complex value."""
    return Parts(real_p(x), imag_p(x))


def together(x: Parts) -> Any:
    """The complex value of two parts."""
    return complex_p(x.re, x.im)


__all__ = [
    "Parts", "apart", "each", "kept_whole", "part_aval", "parts_rule", "product",
    "real_params", "together", "typed",
]  # fmt: skip
