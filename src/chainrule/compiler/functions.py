"""Mathematical functions as single nodes of an expression, until code is written.

A kernel is composed, arranged and described many times for every time that its code is
written, and a sine is fifty operations: so a function of `mathematics` is one node that
knows how large it is. `expansion` is what it computes; only who writes code, counts
operations or evaluates looks inside. The expansion of equal nodes is one expression, so
that functions of one operand share what they have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .expr import BITS, FLOATS, Expr, node
from .rewrite import Rewriter, walk

_known: dict[Any, Function] = {}


class Function:
    """`compute` builds the expression; `size` is the number of its operations, `widest`
    the bytes of the widest float among them; `written` as below."""

    __slots__ = ("body", "compute", "name", "parameters", "size", "widest", "written")

    def __init__(self, compute: Callable[..., Expr], types: tuple[str, ...]):
        self.compute, self.name = compute, compute.__name__
        self.parameters = tuple(
            node("given", t, (), (self.name, k)) for k, t in enumerate(types)
        )
        self.body = compute(*self.parameters)
        nodes = walk(expanded((self.body,)))
        self.size = len(nodes) - len(self.parameters)
        self.widest = max([BITS[x.type] // 8 for x in nodes if x.type in FLOATS])
        self.written = written(nodes)

    def __repr__(self) -> str:
        return self.name


def applied(compute: Callable[..., Expr], *args: Expr) -> Expr:
    """`compute(*args)` as one node."""
    types = tuple([a.type for a in args])
    function = _known.get((compute, types))
    if function is None:
        function = _known[compute, types] = Function(compute, types)
    return node("function", function.body.type, args, function)


def expansion(x: Expr) -> Expr:
    """What a function's node computes; there may be functions in it."""
    return x.data.compute(*x.args)


def expanded(roots: Iterable[Expr]) -> list[Expr]:
    """The expressions without any functions in them."""

    def replace(x: Expr) -> Expr | None:
        if x.op != "function":
            return None
        return rewriter(x.data.compute(*[rewriter(a) for a in x.args]))

    rewriter = Rewriter(replace)
    return [rewriter(x) for x in roots]


def written(nodes: Iterable[Expr]) -> tuple[int, int]:
    """How many operations code has for these nodes, with the routines that they call;
    and the bytes of the largest number among them."""
    count, largest = 0, 1
    for x in nodes:
        more, size = 1, BITS[x.type] // 8
        if x.op == "function":
            more, size = x.data.written
        elif x.op == "call":
            more, size = written(walk(x.data.parts))
        count, largest = count + more, max(largest, size)
    return count, largest


def operations(nodes: Iterable[Expr]) -> int:
    """How many operations these nodes are."""
    return sum([x.data.size if x.op == "function" else 1 for x in nodes])
