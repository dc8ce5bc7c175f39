"""How functions of chainrule.scipy.special that are one primitive are declared."""

from __future__ import annotations

from typing import Any

from ...core import dtypes
from ...core.primitive import Primitive
from ...numpy.promotion import promote_inexact


def real_operands(name: str, *args: Any) -> list[Any]:
    """Operands as Arrays of one floating-point dtype; TypeError for complex ones."""
    xs = promote_inexact(name, *args)
    if dtypes.is_complex(xs[0].dtype):
        raise TypeError(f"{name}: takes real arrays; got {xs[0].dtype}.")
    return xs


def documented(fun: Any, name: str, summary: str, args: str, example: str) -> Any:
    """`fun` named and documented as `chainrule.scipy.special.name`."""
    fun.__name__ = fun.__qualname__ = name
    fun.__module__ = "chainrule.scipy.special"
    fun.__doc__ = f"""{summary}

    Args:
        {args}: real array or scalar; shapes broadcast, integers become floats.

    Returns:
        A floating-point array of the common shape.

    Raises:
        TypeError: if an operand is a list or complex, or if shapes do not broadcast.

    Example:
        >>> from chainrule.scipy import special
        >>> {example}
    """
    return fun


def of_x(name: str, prim: Primitive, summary: str, example: str) -> Any:
    """A function of one real operand that is one primitive."""

    def fun(x: Any) -> Any:
        return prim(*real_operands(name, x))

    return documented(fun, name, summary, "x", example)


def of_a_x(name: str, prim: Primitive, summary: str, example: str) -> Any:
    """A function of a shape `a` and a point `x` that is one primitive."""

    def fun(a: Any, x: Any) -> Any:
        return prim(*real_operands(name, a, x))

    return documented(fun, name, summary, "a, x", example)
