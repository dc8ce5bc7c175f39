"""Walks and substitutions over scalar expressions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any

from . import expr
from .expr import Expr, node


def walk(roots: Iterable[Expr], known: Container[Expr] = ()) -> Sequence[Expr]:
    """Every node reachable from the roots but not through `known` ones, once, operands
    first."""
    return _ordered(list(roots), known) if known else _walk(tuple(roots))


@functools.lru_cache(maxsize=8)
def _walk(roots: tuple[Expr, ...]) -> Sequence[Expr]:
    # A kernel is looked through again and again while it is arranged.
    return tuple(_ordered(list(roots), ()))


def forget() -> None:
    """Lets go of all expressions, and so of the programs whose buffers they read."""
    expr.forget()
    _walk.cache_clear()


def _ordered(stack: list[Any], known: Container[Expr]) -> list[Expr]:
    """Depth first; what is entered leaves a mark below its operands, to be counted when
    they are."""
    seen: dict[Expr, None] = {}
    push, pop = stack.append, stack.pop
    while stack:
        x = pop()
        if type(x) is tuple:
            seen[x[0]] = None
        elif x not in seen and x not in known:
            if x.args:
                push((x,))
                stack += x.args
            else:
                seen[x] = None
    return list(seen)


class Rewriter:
    """Rebuilds expressions with some nodes replaced; shared parts are rebuilt once.

    `replace(node)` is asked before a node's operands are looked at, and returns the
    replacement or None.
    """

    def __init__(self, replace: Callable[[Expr], Expr | None]):
        self.replace = replace
        self.memo: dict[Expr, Expr] = {}

    def __call__(self, root: Expr) -> Expr:
        memo = self.memo
        stack = [root]
        while stack:
            x = stack[-1]
            if x in memo:
                stack.pop()
                continue
            other = self.replace(x)
            if other is not None:
                memo[x] = other
                stack.pop()
                continue
            pending = [a for a in x.args if a not in memo]
            if pending:
                stack.extend(pending)
                continue
            stack.pop()
            args = tuple(memo[a] for a in x.args)
            same = all(a is b for a, b in zip(args, x.args))
            memo[x] = x if same else node(x.op, x.type, args, x.data)
        return memo[root]
