"""How elementwise primitives are declared, and the rules they all share.

Operands broadcast as in NumPy and have one dtype. A derivative is given as one
partial per operand, a function of the output and the operands that returns an array:

    tanh = elementwise("tanh", "...", np.tanh, kinds="fc",
                       partials=(lambda y, x: (1 + y) * (1 - y),))

`1` and `-1` stand for constant partials, None for one that is zero everywhere. From
the partials follow forward mode, linearize, and the Taylor rule; batching only aligns
ranks. Complex partials are those of holomorphic functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import aval_of, wrap
from ..core.linear import is_linear
from ..core.primitive import (
    WEAK_IF_ALL,
    WEAK_NEVER,
    Missing,
    Primitive,
    awaits_compiler,
)
from ..runtime import _native
from . import shaping

_kind_names = {
    "b": "boolean", "i": "signed integer", "u": "unsigned integer",
    "f": "floating-point", "c": "complex",
}  # fmt: skip


def broadcast_shapes(name: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """NumPy's broadcast of `shapes`; TypeError naming `name` where they disagree."""
    first = shapes[0]
    if all(s == first for s in shapes):
        return first
    rank = max(len(s) for s in shapes)
    out = [1] * rank
    for shape in shapes:
        for i, n in enumerate(shape, rank - len(shape)):
            if n != 1:
                if out[i] not in (1, n):
                    given = " and ".join(str(tuple(s)) for s in shapes)
                    raise TypeError(
                        f"{name}: incompatible shapes for broadcasting: {given};"
                        " trailing dimensions must agree or be 1."
                    )
                out[i] = n
    return tuple(out)


def elementwise(
    name: str,
    doc: str,
    evaluate: Callable[..., Any],
    *,
    kinds: str = "iufc",
    partials: tuple[Any, ...] | None = None,
    jvp: Any = None,
    linear: tuple[int, ...] | None = None,
    bilinear: bool = False,
    transpose: Any = Missing("not linear in any operand"),
    result: Callable[[Any], Any] | None = None,
    taylor: Any = None,
    weak: int | None = None,
    scalar: Any = None,
    cost: float = 1.0,
    widen: bool = True,
    lower: Any = awaits_compiler,
    simplify: Any = None,
    contract: Any = None,
) -> Primitive:
    """Declares an elementwise primitive over dtypes of the given `kinds`.

    `result` maps the operands' dtype to the output's (default: the same; a result
    of another dtype is never weak). `scalar(m, *elements, **params)` is the element's
    expression for the compiler, with `m` the namespace of scalar functions; `cost` is
    its price in additions. 16-bit floats reach it as float32, unless `widen` is off.
    """

    def abstract(*avals: Any, **_: Any) -> Any:
        dtype = avals[0].dtype
        for a in avals:
            if a.dtype != dtype:
                raise TypeError(
                    f"{name}: operands must have one dtype; got"
                    f" {' and '.join(str(v.dtype) for v in avals)}. Convert one with"
                    " astype, or use the function of chainrule.numpy, which promotes."
                )
        if dtypes.kind(dtype) not in kinds:
            allowed = ", ".join(_kind_names[k] for k in kinds)
            raise TypeError(
                f"{name}: does not accept dtype {dtype}; it takes {allowed} arrays."
            )
        shape = broadcast_shapes(name, *(a.shape for a in avals))
        return shape, dtype if result is None else result(dtype)

    def batch(args: Any, dims: Any, size: int, **params: Any) -> Any:
        return batch_elementwise(prim, args, dims, size, params)

    if scalar is not None:
        lower = pointwise(scalar, cost, widen)
    if weak is None:
        weak = WEAK_IF_ALL if result is None else WEAK_NEVER
    prim = Primitive(
        name, doc, abstract=abstract, evaluate=evaluate, partials=partials, jvp=jvp,
        linear=linear, bilinear=bilinear, transpose=transpose, batch=batch,
        taylor=taylor, weak=weak, lower=lower, simplify=simplify,
        contract=contract, work=cost,
    )  # fmt: skip
    return prim


def neutral(is_neutral: Callable[[Any], bool], *sides: int) -> Callable[..., Any]:
    """The simplification of an operation of two operands that gives back the one where
    the other, on one of the `sides`, is a number that changes nothing."""

    def simplify(known: Any, *operands: Any) -> Any:
        for k in sides:
            value = known.scalar(operands[k])
            if value is not None and is_neutral(value):
                return operands[1 - k]
        return None

    return simplify


def idempotent(known: Any, x: Any, y: Any) -> Any:
    """The simplification of an operation that gives back two operands that are one."""
    return x if x is y else None


def pointwise(
    scalar: Callable[..., Any], cost: float = 1.0, widen: bool = True
) -> Callable[..., Any]:
    """The lowering of an elementwise primitive whose element is `scalar(m, *xs)`."""
    return lambda build, *xs, **params: build.map(
        scalar, *xs, cost=cost, widen=widen, **params
    )


def batch_elementwise(
    prim: Primitive, args: Sequence[Any], dims: Sequence[Any], size: int, params: Any
) -> tuple[Any, int]:
    """Aligns batch dims at the front and logical ranks, then binds."""
    ranks = [aval_of(x).ndim - (d is not None) for x, d in zip(args, dims)]
    rank = max(ranks)
    aligned: list[Any] = []
    for x, d, r in zip(args, dims, ranks):
        if d is not None:
            x = shaping.move_dim(x, d, 0)
            if r < rank:
                shape = aval_of(x).shape
                x = shaping.reshape(x, (shape[0], *(1,) * (rank - r), *shape[1:]))
        aligned.append(x)
    return prim(*aligned, **params), 0


def unbroadcast(ct: Any, aval: Any) -> Any:
    """Sums cotangent `ct` over the dimensions along which `aval` was broadcast."""
    shape, target = ct.shape, aval.shape
    if shape == target:
        return ct
    lead = len(shape) - len(target)
    axes = [*range(lead)]
    axes += [i + lead for i, n in enumerate(target) if n == 1 and shape[i + lead] != 1]
    return shaping.reshape(shaping.reduce_sum_p(ct, axes=tuple(axes)), target)


def transpose_scaled(
    product: Callable[[Any, Any], Any],
) -> Callable[..., tuple[Any, Any]]:
    """The transpose of a map linear in one operand: ct times the other, summed back."""

    def transpose(ct: Any, x: Any, y: Any) -> tuple[Any, Any]:
        if is_linear(x):
            return unbroadcast(product(ct, y), x.aval), None
        return None, unbroadcast(product(ct, x), y.aval)

    return transpose


def constant(value: Any, like: Any) -> Any:
    """The Python number `value` as a scalar array of the dtype of `like`."""
    return wrap(np.asarray(value, like.dtype), like.weak_type)


def to_bool(_: Any) -> Any:
    """Result dtype of predicates."""
    return dtypes.bool_


def native(name: str) -> Callable[..., Any]:
    """The runtime's special function `name`; 16-bit floats are computed in 32 bits."""
    ufunc: Any = getattr(_native, f"special_{name}")

    def evaluate(*xs: Any) -> Any:
        dtype = xs[0].dtype
        if dtype.itemsize >= 4:
            return ufunc(*xs)
        out = ufunc(*[x.astype(np.float32) for x in xs])
        if isinstance(out, tuple):
            return tuple(y.astype(dtype) for y in out)
        return out.astype(dtype)

    return evaluate


def special(
    name: str, doc: str, *partials: Any, symbol: str | None = None, cost: float = 25.0
) -> Any:
    """The primitive of a special function of floats, with its derivative in each
    argument: evaluated by the runtime, in kernels the mathematical function `name`."""

    def scalar(m: Any, *xs: Any) -> Any:
        return getattr(m, name)(*xs)

    return elementwise(
        symbol or name, doc, native(name), kinds="f", partials=partials, scalar=scalar,
        cost=cost,
    )  # fmt: skip
