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


class Scope:
    """Lines of one straight-line region, the label of its current block, and what has
    been computed there: (expression, copy) -> (name, is it a vector)."""

    __slots__ = ("depth", "label", "lines", "memo")

    def __init__(self, depth: int, label: str):
        self.depth, self.label = depth, label
        self.lines: list[str] = []
        self.memo: dict[Any, tuple[str, bool]] = {}


class Scopes:
    """The stack of open scopes, innermost last; and the depth of every variable."""

    def __init__(self) -> None:
        self.stack = [Scope(0, "entry")]
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

    def find(self, key: Any, depth: int) -> tuple[str, bool] | None:
        """What an open scope of this depth has computed for `key`."""
        for scope in reversed(self.stack):
            if scope.depth == depth:
                found = scope.memo.get(key)
                if found is not None:
                    return found
            elif scope.depth < depth:
                return None
        return None

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
            if x.op in ("var", "result", "given"):
                known[x] = (x,)
                continue
            found: dict[Expr, None] = {}
            if x.op == "load":
                found = dict.fromkeys(v for v, _ in x.data[2])
                if x.data[0] in self.written:
                    found.update(dict.fromkeys(self.grid))
            for a in x.args:
                found.update(dict.fromkeys(known[a]))
            known[x] = tuple(found)
        return known[e]

    def depth(self, e: Expr) -> int:
        """The depth of the scope an expression belongs to."""
        depths = self.depth_of
        return max((depths.get(v, 0) for v in self.free(e)), default=0)
