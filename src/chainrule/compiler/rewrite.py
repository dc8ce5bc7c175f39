"""Walks and substitutions over scalar expressions."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from typing import Any

from .expr import Expr, node


def walk(roots: Iterable[Expr], known: Container[Expr] = ()) -> list[Expr]:
    """Every node reachable from the roots but not through `known` ones, once, operands
    first."""
    seen: dict[Expr, None] = {}
    stack = list(roots)
    while stack:
        x = stack[-1]
        if x not in seen and x not in known:
            pending = [a for a in x.args if a not in seen and a not in known]
            if pending:
                stack += pending
                continue
            seen[x] = None
        stack.pop()
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


def merge_variables(outer: Expr, inner: Expr, merged: Expr) -> Rewriter:
    """Replaces, in loads, `outer * extent(inner) + inner` by `merged`."""

    def terms(old: Any) -> Any:
        new = [(v, c) for v, c in old if v is not outer and v is not inner]
        new += [(merged, c) for v, c in old if v is inner]
        return tuple(new)

    memo: dict[Expr, Expr] = {}

    def replace(x: Expr) -> Expr | None:
        if x.op != "load":
            return None
        args = tuple(rewriter(a) for a in x.args)
        buffer, constant, old, flags = x.data
        memo[x] = node("load", x.type, args, (buffer, constant, terms(old), flags))
        return memo[x]

    rewriter = Rewriter(replace)
    return rewriter
