"""Where an expression is computed: scopes of generated code, and their memo.

A loop opens a scope. An expression belongs to the outermost scope in which all its
loop variables are defined, so that what does not vary in a loop is computed before it.
While an inner loop is being written its lines are kept apart; lines added meanwhile to
an outer scope stand before that loop. A conditional block is a scope of its own at the
same depth: what is first computed there is not seen outside.
"""

from __future__ import annotations

from typing import Any

from ..expr import Expr

FREE = frozenset(("var", "result", "given", "pack", "row", "lane", "any", "all"))
"""Operations whose depth is not that of their operands, but said."""


class Scope:
    """Lines of one straight-line region, the label of its current block, and the keys
    of what has been computed there."""

    __slots__ = ("depth", "keys", "label", "lines")

    def __init__(self, depth: int, label: str):
        self.depth, self.label = depth, label
        self.lines: list[str] = []
        self.keys: list[Any] = []


class Scopes:
    """The stack of open scopes, innermost last; the depth of every variable; and what
    open scopes have computed: `known` maps keys (expressions, or with the copy they
    were asked for) to (name, is it a vector)."""

    def __init__(self) -> None:
        self.stack = [Scope(0, "entry")]
        self.known: dict[Any, tuple[str, bool]] = {}
        self.depth_of: dict[Expr, int] = {}
        self.written: set[Any] = set()
        self.grid: tuple[Expr, ...] = ()
        self._free: dict[Expr, tuple[Expr, ...]] = {}

    @property
    def top(self) -> Scope:
        return self.stack[-1]

    def at_depth(self, depth: int) -> Scope:
        """The innermost open scope of this depth."""
        for scope in reversed(self.stack):
            if scope.depth <= depth:
                return scope
        return self.stack[0]

    def remember(self, scope: Scope, key: Any, found: tuple[str, bool]) -> None:
        """Notes what a scope has computed, for as long as it is open."""
        scope.keys.append(key)
        self.known[key] = found

    def close(self, scope: Scope) -> None:
        """Takes a scope off the stack; what it has computed is not seen any more."""
        self.stack.remove(scope)
        for key in scope.keys:
            self.known.pop(key, None)

    def forget(self, scope: Scope, mark: int) -> None:
        """Forgets what an open scope has computed after its first `mark` values."""
        for key in scope.keys[mark:]:
            self.known.pop(key, None)
        del scope.keys[mark:]

    def depend(self, e: Expr, on: tuple[Expr, ...]) -> None:
        """Says what a value that the kernel has computed depends on."""
        self._free[e] = on

    def free(self, e: Expr) -> tuple[Expr, ...]:
        """The loop variables and reduction results that an expression depends on; what
        the kernel itself has written is read no earlier than at the grid's point."""
        known = self._free
        if e in known:
            return known[e]
        stack = [e]
        while stack:
            x = stack[-1]
            pending = [a for a in x.args if a not in known]
            if pending:
                stack.extend(pending)
                continue
            stack.pop()
            if x.op in FREE:
                known[x] = (x,)
                continue
            found: tuple[Expr, ...] = ()
            if x.op == "load":
                found = tuple([v for v, _ in x.data[2]])
                if x.data[0] in self.written:
                    found = _union(found, self.grid)
            for a in x.args:
                found = _union(found, known[a])
            known[x] = found
        return known[e]

    def depth(self, e: Expr) -> int:
        """The depth of the scope an expression belongs to."""
        depths, deepest = self.depth_of, 0
        for v in self.free(e):
            depth = depths.get(v, 0)
            if depth > deepest:
                deepest = depth
        return deepest


def _union(x: tuple[Expr, ...], y: tuple[Expr, ...]) -> tuple[Expr, ...]:
    if x is y or not y:
        return x
    return tuple(dict.fromkeys(x + y)) if x else y
