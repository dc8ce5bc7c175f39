"""Absorbing forms: linear maps in which exact zeros absorb infinite and NaN factors.

`dot_general` sums products whose factors may be infinite; its absorbing form leaves out
the products of which one factor is zero. An element of the form's result is

    that of the primitive's result, where a factor that is not zero meets an infinite or
    NaN one; elsewhere that of the result with infinite and NaN entries taken as zeros,

which are the same wherever all is finite. What counts as a factor follows from the
primitive: entries in sums of products, whole columns in the solution of a linear system.
The rules of a form are those of its primitive, run on marked values (absorbing.py): they
consist of forms again, so that transposes and derivatives of every order absorb.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import aval_of
from ..core.primitive import Primitive
from ..runtime import _native
from .absorbing import absorbing
from .arithmetic import add_p
from .elementwise_complex import imag_p, real_p
from .elementwise_logic import and_p, gt_p, ne_p, not_p
from .elementwise_rounding import is_finite_p
from .elementwise_rules import constant
from .elementwise_selection import select
from .shaping import convert, reduce_sum_p, reshape


def declare_absorbing(prim: Any, linear: slice, compose: Callable[..., Any]) -> None:
    """Declares the form of `prim` in which zeros of the operands `linear` absorb.

    compose(*operands, **params) binds the primitives that it consists of.
    """

    def evaluate(*values: Any, **params: Any) -> Any:
        previous = _native.swap_dynamic(None)  # what is on the way may well be NaN
        try:
            y = prim(*values, **params)
            return y if np.isfinite(y).all() else compose(*values, **params)
        finally:
            _native.swap_dynamic(previous)

    def jvp(primals: Any, tangents: Any, y: Any, **params: Any) -> Any:
        n = len(primals)

        def rule(values: Any) -> Any:
            if prim.jvp_call is not None:
                return prim.jvp_call(values[:n], values[n:-1], **params)[1]
            return prim.jvp(values[:n], values[n:-1], values[-1], **params)

        marked = {*range(n)[linear], *range(n, 2 * n + 1)}
        return absorbing(rule, [*primals, *tangents, y], marked)

    def transpose(ct: Any, *args: Any, **params: Any) -> Any:
        return absorbing(lambda cts: prim.transpose(*cts, *args, **params), [ct])

    def batch(args: Any, dims: Any, size: int, **params: Any) -> Any:
        rule = lambda xs: prim.batch(xs, dims, size, **params)
        return absorbing(rule, args, range(len(args))[linear])

    prim.absorbing = Primitive(
        f"absorbing_{prim.name}",
        f"{prim.name}, in which zeros absorb infinite and NaN factors.",
        abstract=prim.abstract,
        bilinear=prim.bilinear,
        jvp=None if prim.bilinear else jvp,
        transpose=transpose,
        batch=batch,
        taylor=prim.taylor,
        evaluate=evaluate,
        compose=compose,
        raw=True,
    )


def absorbing_products(prim: Any) -> None:
    """Declares the form of `prim`, which sums products of entries of its first two
    operands to elements of a `preferred_element_type`."""

    def compose(x: Any, y: Any, *rest: Any, **params: Any) -> Any:
        counting = {**params, "preferred_element_type": dtypes.float32}
        met = add_p(
            prim(
                _indicator(is_nonzero(x)), _indicator(not_finite(y)), *rest, **counting
            ),
            prim(
                _indicator(not_finite(x)), _indicator(is_nonzero(y)), *rest, **counting
            ),
        )
        finite = prim(finite_part(x), finite_part(y), *rest, **params)
        return select(is_positive(met), prim(x, y, *rest, **params), finite)

    declare_absorbing(prim, slice(0, 2), compose)


def absorbing_blocks(
    prim: Any, linear: int | slice, axes: Callable[..., tuple[int, ...]]
) -> None:
    """Declares the form of `prim`, which maps parts of the operand `linear`, or of each
    of several, that extend along axes(**params), counted from the end, to parts of the
    result."""
    where = slice(linear, linear + 1) if isinstance(linear, int) else linear

    def compose(*operands: Any, **params: Any) -> Any:
        y = prim(*operands, **params)
        for x in operands[where]:
            aval = aval_of(x)
            along = tuple(aval.ndim + axis for axis in axes(**params))
            shape = [1 if i in along else n for i, n in enumerate(aval.shape)]
            present = reshape(has_nonzero(x, along), shape)
            y = select(present, y, constant(0, aval_of(y)))
        return y

    declare_absorbing(prim, where, compose)


def is_nonzero(x: Any) -> Any:
    """Whether entries are not zero; NaN is not."""
    return ne_p(x, constant(0, aval_of(x)))


def has_nonzero(x: Any, axes: tuple[int, ...] | None = None) -> Any:
    """Whether there is an entry other than zero along `axes`, or at all."""
    axes = tuple(range(aval_of(x).ndim)) if axes is None else axes
    return is_positive(reduce_sum_p(_indicator(is_nonzero(x)), axes=axes))


def not_finite(x: Any) -> Any:
    """Whether entries are infinite or NaN."""
    return not_p(_is_finite(x))


def finite_part(x: Any) -> Any:
    """`x` with zeros in the place of infinite and NaN entries."""
    return select(_is_finite(x), x, constant(0, aval_of(x)))


def is_positive(x: Any) -> Any:
    """Whether entries are greater than zero."""
    return gt_p(x, constant(0, aval_of(x)))


def _is_finite(x: Any) -> Any:
    if dtypes.is_complex(aval_of(x).dtype):
        return and_p(is_finite_p(real_p(x)), is_finite_p(imag_p(x)))
    return is_finite_p(x)


def _indicator(condition: Any) -> Any:
    """1 where the condition holds; in float32, whose sums of ones never become zero."""
    return convert(condition, dtypes.float32)


__all__ = [
    "absorbing_blocks", "absorbing_products", "declare_absorbing", "finite_part",
    "has_nonzero", "is_nonzero", "is_positive", "not_finite",
]  # fmt: skip
