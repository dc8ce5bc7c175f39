"""Expressions rewritten: what asks for a truth, calls functions or changes objects.

`and`, `or`, `not`, chained comparisons and `a if c else b` become calls with their later
operands as functions, so that the run time (conversion.py) decides what is evaluated;
each call asks it for the function (callees.py), each change of an object announces
itself (changes.py). Operands that assign names by `:=` stay Python's.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from .sources import RUN, arguments, load, scopes, within

_MAKERS = {"list", "dict", "set", "bytearray", "sorted"}
_CHANGING = {
    "append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "update",
    "setdefault", "popitem", "add", "discard", "fill", "put", "resize",
    "intersection_update", "difference_update", "symmetric_difference_update",
}  # fmt: skip
"""Methods that change lists, dicts, sets or NumPy's arrays."""
_IN_PLACE: dict[type, str] = {
    ast.Add: "+= iadd", ast.Sub: "-= isub", ast.Mult: "*= imul", ast.Pow: "**= ipow",
    ast.Div: "/= itruediv", ast.FloorDiv: "//= ifloordiv", ast.Mod: "%= imod",
    ast.MatMult: "@= imatmul", ast.LShift: "<<= ilshift", ast.RShift: ">>= irshift",
    ast.BitAnd: "&= iand", ast.BitOr: "|= ior", ast.BitXor: "^= ixor",
}  # fmt: skip
_COMPARED: dict[type, str] = {
    ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq",
    ast.NotEq: "ne", ast.Is: "is_", ast.IsNot: "is_not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
_WALRUS = "an operand assigns a name by :="
_KEPT = "a comprehension keeps items by known values alone"


def call(name: str, *args: ast.expr) -> ast.expr:
    """A call of the run time's function `name`."""
    return ast.Call(ast.Attribute(load(RUN), name, ast.Load()), list(args), [])


def thunk(value: ast.expr) -> ast.expr:
    """A function of no arguments that gives the value."""
    return ast.Lambda(arguments([]), value)


def tuple_of(values: Sequence[ast.expr]) -> ast.expr:
    """The values as one tuple."""
    return ast.Tuple(list(values), ast.Load())


def names_of(names: Sequence[str]) -> ast.expr:
    """The names as a tuple of strings."""
    return tuple_of([ast.Constant(n) for n in names])


def assigns(e: ast.expr) -> bool:
    """Whether an expression assigns a name by `:=`."""
    nodes = (e, *within(e, scopes))
    return any(isinstance(n, ast.NamedExpr) for n in nodes)


class Expressions(ast.NodeTransformer):
    """Boolean operators, comparisons, conditional expressions and calls.

    Also announces what changes objects, and the containers that expressions make.
    `first` is the first argument of the function around them, for `super()`.
    """

    def __init__(self, first: str):
        self.first = first

    def test(self, e: ast.expr) -> ast.expr:
        """An expression of which only the truth counts: operators give booleans."""
        if isinstance(e, ast.BoolOp) and not any(assigns(v) for v in e.values[1:]):
            name = "both" if isinstance(e.op, ast.And) else "either"
            first, *rest = [self.test(v) for v in e.values]
            made = call(name, ast.Constant(e.lineno), first, *map(thunk, rest))
            return ast.copy_location(made, e)
        return self.visit(e)

    def known(self, test: ast.expr, why: str) -> ast.expr:
        """A test that stays Python's, with the reason."""
        line = getattr(test, "lineno", 0)
        made = call("decided", self.visit(test), ast.Constant(line), ast.Constant(why))
        return ast.copy_location(made, test)

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        if any(assigns(v) for v in node.values[1:]):
            *tests, last = node.values
            node.values = [*(self.known(v, _WALRUS) for v in tests), self.visit(last)]
            return node
        self.generic_visit(node)
        name = "last_true" if isinstance(node.op, ast.And) else "first_true"
        first, *rest = node.values
        made = call(name, ast.Constant(node.lineno), first, *map(thunk, rest))
        return ast.copy_location(made, node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        if not isinstance(node.op, ast.Not):
            return self.generic_visit(node)
        return ast.copy_location(call("negation", self.test(node.operand)), node)

    def visit_Compare(self, node: ast.Compare) -> Any:
        later = any(assigns(c) for c in node.comparators[1:])
        self.generic_visit(node)
        if len(node.ops) == 1 or later:
            return node
        first, *rest = node.comparators
        ops = [ast.Constant(_COMPARED[type(op)]) for op in node.ops]
        pairs = [x for op, c in zip(ops[1:], rest) for x in (op, thunk(c))]
        line = ast.Constant(node.lineno)
        made = call("compared", line, node.left, ops[0], first, *pairs)
        return ast.copy_location(made, node)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        if assigns(node.body) or assigns(node.orelse):
            node.test = self.known(node.test, _WALRUS)
            node.body, node.orelse = self.visit(node.body), self.visit(node.orelse)
            return node
        made = call(
            "chosen", self.test(node.test), thunk(self.visit(node.body)),
            thunk(self.visit(node.orelse)), ast.Constant(node.lineno),
        )  # fmt: skip
        return ast.copy_location(made, node)

    def visit_comprehension(self, node: ast.comprehension) -> Any:
        node.target, node.iter = self.visit(node.target), self.visit(node.iter)
        node.ifs = [self.known(test, _KEPT) for test in node.ifs]
        return node

    # --- changes of objects ---

    def made(self, node: Any) -> Any:
        """A display or comprehension: a new container."""
        self.generic_visit(node)
        if isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
            return node
        return ast.copy_location(call("fresh", node), node)

    visit_List = visit_Dict = visit_Set = made
    visit_ListComp = visit_DictComp = visit_SetComp = made

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        displays = ast.List, ast.ListComp
        new = isinstance(node.left, displays) or isinstance(node.right, displays)
        self.generic_visit(node)
        return ast.copy_location(call("fresh", node), node) if new else node

    def visit_Subscript(self, node: Any) -> Any:
        shown = ast.unparse(node)
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Load):
            return node
        gone = isinstance(node.ctx, ast.Del)
        shown = f"del {shown}" if gone else f"{shown} {getattr(node, 'sign', '=')} ..."
        node.value = self.announced("changed", node.value, shown, node)
        return node

    visit_Attribute = visit_Subscript

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        sign, method = _IN_PLACE[type(node.op)].split()
        target: Any = node.target
        if not isinstance(target, ast.Name):
            target.sign = sign
            return self.generic_visit(node)
        self.generic_visit(node)
        place = ast.Constant(f"{target.id} {sign} ..."), ast.Constant(node.lineno)
        dunder = ast.Constant(f"__{method}__")
        before = ast.Expr(call("updated", load(target.id), dunder, *place))
        return [ast.fix_missing_locations(ast.copy_location(before, node)), node]

    def visit_Call(self, node: ast.Call) -> Any:
        function: Any = node.func
        named = function.id if isinstance(function, ast.Name) else ""
        if named == "super" and not node.args and self.first:
            node.args = [load("__class__"), load(self.first)]
            return node
        shown = f"{ast.unparse(function)}(...)"
        self.generic_visit(node)
        if named in _MAKERS:
            return ast.copy_location(call("fresh", node), node)
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in _CHANGING:
            function.value = self.announced("called", function.value, shown, node)
        line = ast.Constant(node.lineno)
        node.func = ast.copy_location(call("callee", function, line), function)
        copies = isinstance(function, ast.Attribute) and function.attr == "copy"
        return ast.copy_location(call("fresh", node), node) if copies else node

    def announced(self, name: str, target: ast.expr, shown: str, node: Any) -> ast.expr:
        """`target`, handed through the call that says it changes."""
        made = call(name, target, ast.Constant(shown), ast.Constant(node.lineno))
        return ast.copy_location(made, target)
