"""How the elementwise functions of chainrule.numpy are declared.

A ufunc here is a plain function: promote the operands, bind one primitive. The
factories below make such functions and write what their docstrings have in common:
shapes, dtypes, what is raised. Operands that are arrays of one dtype already go to
Python's operator where there is one, which the runtime evaluates at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.avals import Array
from ..runtime._native import is_inexact_array
from .promotion import (
    inexact_operand,
    inexact_operands,
    is_number,
    operand,
    promote,
    promote_operands,
)

Function = Callable[..., Any]

_inexact_note = "integers and booleans are computed as floats"
_broadcast_note = "array or scalar; shapes broadcast, dtypes promote"


def public(
    fun: Function, name: str, summary: str, args: str, returns: str, example: str
) -> Function:
    """`fun`, named and documented as `chainrule.numpy.name`."""
    fun.__name__ = fun.__qualname__ = name
    fun.__module__ = "chainrule.numpy"
    fun.__doc__ = f"""{summary}

    Args:
        {args}

    Returns:
        {returns}

    Raises:
        TypeError: if an operand is a list or of an unsupported dtype, or if shapes do
            not broadcast.

    Example:
        >>> import chainrule.numpy as cnp
        >>> {example}
    """
    return fun


def refuse(name: str, out: Any, where: Any) -> None:
    """NotImplementedError for NumPy's `out` and `where`: arrays are immutable."""
    given = "out" if out is not None else "where"
    remedy = "use the returned array" if given == "out" else "use where(mask, y, x)"
    raise NotImplementedError(
        f"{name}: the argument {given} is not supported; {remedy}."
    )


def two(name: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The two operands in `args`; TypeError naming `name` for another number."""
    if len(args) != 2:
        raise TypeError(f"{name}: takes 2 operands; got {len(args)}.")
    return args


def inexact_unary(name: str, prim: Any, summary: str, example: str) -> Function:
    """A function of one operand, computed in floating point or complex numbers."""

    def fun(x: Any, /) -> Any:
        return prim(x if is_inexact_array(x) else inexact_operand(name, x))

    about = f"x: array or scalar of any shape; {_inexact_note}."
    back = "An array of the shape of x, of its (floating-point or complex) dtype."
    return public(fun, name, summary, about, back, example)


def unary(name: str, prim: Any, summary: str, example: str) -> Function:
    """A function of one operand that keeps its dtype."""

    def fun(x: Any, /) -> Any:
        return prim(x if isinstance(x, Array) else operand(name, x))

    about = "x: array or scalar of any shape."
    return public(fun, name, summary, about, "An array of the shape of x.", example)


def inexact_binary(
    name: str, prim: Any, summary: str, example: str, symbol: Function | None = None
) -> Function:
    """A function of two operands, computed in floating point or complex numbers."""

    def fun(x1: Any, x2: Any, /) -> Any:
        known = isinstance(x2, Array) or is_number(x2)
        if symbol and known and isinstance(x1, Array):
            return symbol(x1, x2)
        return prim(*inexact_operands(name, x1, x2))

    about = f"x1, x2: {_broadcast_note}, {_inexact_note}."
    return public(fun, name, summary, about, "An array of the common shape.", example)


def binary(
    name: str,
    prim: Any,
    summary: str,
    example: str,
    symbol: Function | None = None,
    promoted: Function = promote_operands,
) -> Function:
    """A function of two operands in their common dtype; also a Python operator."""

    def fun(x: Any, y: Any, /) -> Any:
        if symbol and isinstance(x, Array) and (isinstance(y, Array) or is_number(y)):
            return symbol(x, y)
        return prim(*promoted(name, x, y))

    about = f"x, y: {_broadcast_note}."
    return public(fun, name, summary, about, "An array of the common shape.", example)


def ufunc(
    name: str,
    prim: Any,
    summary: str,
    example: str,
    symbol: Function | None = None,
    promoted: Function = promote_operands,
) -> Function:
    """Like `binary`, under NumPy's full calling convention: fun(x, y, out=, where=)."""

    def fun(*args: Any, out: Any = None, where: Any = None) -> Any:
        if out is not None or where is not None:
            refuse(name, out, where)
        x, y = args if len(args) == 2 else two(name, args)
        if symbol and isinstance(x, Array) and (isinstance(y, Array) or is_number(y)):
            return symbol(x, y)
        return prim(*promoted(name, x, y))

    about = f"args: x and y, {_broadcast_note}.\n        out, where: not supported."
    return public(fun, name, summary, about, "An array of the common shape.", example)


__all__ = [
    "binary", "inexact_binary", "inexact_unary", "promote", "public", "refuse", "two",
    "ufunc", "unary",
]  # fmt: skip
