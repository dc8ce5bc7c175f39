"""Python control flow rewritten: `if`, `while` and `for range` become calls.

`rewritten(f)` parses the source of `f`, brings jumps to the ends of blocks, and turns
each statement into a call that decides when it runs (`converted_statements`): on known
values Python's statement is carried out, on traced ones `lax.cond` or `lax.while_loop`.

    if test: x = a          def _if(x): x = a; return (x,)
    else: x = b      ->     def _else(x): x = b; return (x,)
                            (x,) = _run.branch(test, _if, _else, values, names, line)

Jumps go first: what follows an `if` that returns, breaks or continues moves into its
other branch; `break` sets a flag, and `return` within a loop a flag and a value.
"""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
import types
from collections.abc import Callable, Sequence
from typing import Any

from ..transforms.flat import name_of

RUN = "_cr_run"
VALUE = "_cr_value"
"""Names starting so hold a return value, which counts only where its flag is set."""

Block = list[ast.stmt]
_MAKERS = {"list", "dict", "set", "bytearray"}
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
_scopes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def rewritten(fun: Callable[..., Any], run: Any) -> Callable[..., Any]:
    """`fun` with its control flow as calls of `run`; raises where it has no source."""
    if not isinstance(fun, types.FunctionType):
        raise TypeError(
            f"jit: control_flow='convert' takes a Python function; got {fun!r}."
        )
    try:
        source = textwrap.dedent(inspect.getsource(fun))
        tree = ast.parse(source)
    except (OSError, SyntaxError):
        tree = ast.Module([], [])
    if len(tree.body) != 1 or not isinstance(tree.body[0], ast.FunctionDef):
        raise ValueError(
            f"jit: control_flow='convert' needs the source of {name_of(fun)} as a def"
            " statement; it has none (a lambda, or code without a file)."
        )
    if any(isinstance(n, (ast.Global, ast.Nonlocal)) for n in ast.walk(tree)):
        raise ValueError(
            f"jit: control_flow='convert' cannot convert {name_of(fun)}: it assigns"
            " global or nonlocal names; return the values instead."
        )
    ast.increment_lineno(tree, fun.__code__.co_firstlineno - 1)
    definition = tree.body[0]
    definition.decorator_list = []
    definition.returns = None
    _Rewriter().function(definition)
    return _compiled(fun, definition, run)


def _compiled(fun: Any, definition: ast.FunctionDef, run: Any) -> Any:
    """The function of the new definition, with the globals and cells of `fun`."""
    free = [*fun.__code__.co_freevars, RUN]
    factory = ast.FunctionDef(
        "_cr_factory", _arguments(free), [definition, ast.Return(_load(definition.name))],
        [], type_params=[],
    )  # fmt: skip
    module = ast.fix_missing_locations(ast.Module([factory], []))
    code = compile(module, fun.__code__.co_filename, "exec")
    outer = next(c for c in code.co_consts if isinstance(c, types.CodeType))
    inner = next(
        c
        for c in outer.co_consts
        if isinstance(c, types.CodeType) and c.co_name == definition.name
    )
    cells = dict(zip(fun.__code__.co_freevars, fun.__closure__ or ()))
    cells[RUN] = types.CellType(run)
    made = types.FunctionType(
        inner, fun.__globals__, fun.__name__, fun.__defaults__,
        tuple(cells[name] for name in inner.co_freevars),
    )  # fmt: skip
    made.__kwdefaults__, made.__qualname__ = fun.__kwdefaults__, fun.__qualname__
    made.__doc__, made.__wrapped__ = fun.__doc__, fun
    return made


# --- small pieces of syntax ----------------------------------------------------------


def _load(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def _assign(name: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Name(name, ast.Store())], value)


def _arguments(names: Sequence[str]) -> ast.arguments:
    return ast.arguments([], [ast.arg(n) for n in names], None, [], [], None, [])


def _call(name: str, *args: ast.expr) -> ast.expr:
    return ast.Call(ast.Attribute(_load(RUN), name, ast.Load()), list(args), [])


def _thunk(value: ast.expr) -> ast.expr:
    return ast.Lambda(_arguments([]), value)


def _tuple(values: Sequence[ast.expr]) -> ast.expr:
    return ast.Tuple(list(values), ast.Load())


def _names(names: Sequence[str]) -> ast.expr:
    return _tuple([ast.Constant(n) for n in names])


def _define(name: str, args: Sequence[str], body: Block) -> ast.stmt:
    return ast.FunctionDef(name, _arguments(args), body, [], type_params=[])


def _within(node: ast.AST, stop: Any) -> Any:
    """The nodes below `node`, without what lies inside of nodes of types `stop`."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, stop):
            yield from _within(child, stop)


def _assigned(block: Block) -> list[str]:
    """The names that statements bind, in order."""
    found: dict[str, None] = {}
    for node in _within(ast.Module(block, []), (*_scopes, ast.comprehension)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = None
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = None
    return [n for n in found if not n.startswith("_cr_def")]


def _jumps(block: Block) -> set[type]:
    """The kinds of jumps out of statements."""
    module = ast.Module(block, [])
    loops = (*_scopes, ast.For, ast.While)
    inner = (ast.Break, ast.Continue)
    found = {type(n) for n in _within(module, _scopes) if isinstance(n, ast.Return)}
    for n in _within(module, loops):
        if isinstance(n, inner):
            found.add(type(n))
        elif isinstance(n, loops[-2:]):  # jumps in its else are of the loop around it
            found |= _jumps(n.orelse)
    return found


def _ends(block: Block) -> bool:
    """Whether control never reaches the end of the statements."""
    if not block:
        return False
    last = block[-1]
    if isinstance(last, ast.If):
        return _ends(last.body) and _ends(last.orelse)
    return isinstance(last, (ast.Return, ast.Break, ast.Continue, ast.Raise))


def _stray(block: Block) -> bool:
    """Whether a jump stands in a statement that is neither `if` nor a lowered loop."""
    for s in block:
        if isinstance(s, ast.If):
            if _stray(s.body) or _stray(s.orelse):
                return True
        elif not isinstance(s, (ast.Return, ast.Break, ast.Continue)) and _jumps([s]):
            return True
    return False


class _Rewriter:
    """Rewrites one function; counts the names it makes."""

    def __init__(self) -> None:
        self.count = 0

    def fresh(self, kind: str) -> str:
        """A new name."""
        self.count += 1
        return f"_cr_{kind}_{self.count}"

    def function(self, definition: ast.FunctionDef) -> None:
        """Rewrites a definition in place."""
        definition.body = self.block(_closed(self.lowered(definition.body)))

    # --- jumps ---

    def lowered(self, block: Block) -> Block:
        """The statements with jumps at the ends of blocks alone."""
        out: Block = []
        for k, s in enumerate(block):
            rest = block[k + 1 :]
            if isinstance(s, ast.If) and _jumps([s]):
                after = [] if _ends(s.body) else copy.deepcopy(rest)
                s.body = self.lowered([*s.body, *after])
                s.orelse = self.lowered([*s.orelse, *([] if _ends(s.orelse) else rest)])
                return [*out, s]
            if isinstance(s, ast.If):
                s.body, s.orelse = self.lowered(s.body), self.lowered(s.orelse)
            elif isinstance(s, (ast.For, ast.While)) and not s.orelse:
                before, after = self.loop(s)
                out += [*before, s]
                if after:
                    return [*out, *self.lowered([*after, *rest])]
                continue
            out.append(s)
            if isinstance(s, (ast.Return, ast.Break, ast.Continue)):
                return out
        return out

    def loop(self, loop: Any) -> tuple[Block, Block]:
        """Lowers the jumps in a loop; returns what goes before and after it."""
        before: Block = []
        after: Block = []
        if ast.Return in _jumps(loop.body):
            done, value = self.fresh("done"), self.fresh("value")
            unset = ast.Attribute(_load(RUN), "unset", ast.Load())
            before = [_assign(done, ast.Constant(False)), _assign(value, unset)]
            after = [ast.If(_load(done), [ast.Return(_load(value))], [])]
            _Returns(done, value).generic_visit(loop)
        body = self.lowered(loop.body)
        loop.stop = None
        if ast.Break in _jumps(body):
            loop.stop = self.fresh("stop")
            before.append(_assign(loop.stop, ast.Constant(False)))
        loop.body = _without_jumps(body, loop.stop) or [ast.Pass()]
        for s in [*before, *after]:
            ast.copy_location(s, loop)
            ast.fix_missing_locations(s)
        return before, after

    # --- statements ---

    def block(self, block: Block) -> Block:
        """The statements, converted."""
        out: Block = []
        for s in block:
            made = self.statement(s)
            for m in made:
                ast.copy_location(m, s)
                ast.fix_missing_locations(m)
            out += made
        return out

    def statement(self, s: ast.stmt) -> Block:
        if isinstance(s, ast.If):
            return self.branch(s)
        if isinstance(s, ast.While) and not s.orelse:
            return self.while_loop(s)
        if isinstance(s, ast.For) and not s.orelse:
            return self.for_loop(s)
        if isinstance(s, ast.Assert):
            text = s.msg or ast.Constant("")
            test = self.test(s.test)
            return [ast.Expr(_call("check", test, _thunk(self.expression(text))))]
        if isinstance(s, _scopes):
            return [s]
        made = _Expressions().visit(s)
        return made if isinstance(made, list) else [made]

    def expression(self, e: ast.expr) -> ast.expr:
        return _Expressions().visit(e)

    def test(self, e: ast.expr) -> ast.expr:
        """An expression of which only the truth counts."""
        return _Expressions().test(e)

    def branch(self, s: ast.If) -> Block:
        if _stray(s.body) or _stray(s.orelse):
            test = self.known(s.test, s, "a jump leaves a with, try or for-else in it")
            return [ast.If(test, self.block(s.body), self.block(s.orelse))]
        returns = _ends(s.body) and _ends(s.orelse)
        names = _assigned([*s.body, *s.orelse])
        yes, no = self.fresh("def_if"), self.fresh("def_else")
        result = [] if returns else [ast.Return(_tuple([_load(n) for n in names]))]
        known = _tuple([_thunk(_load(n)) for n in names])
        call = _call(
            "returned" if returns else "branch", self.test(s.test), _load(yes),
            _load(no), known, _names(names), ast.Constant(s.lineno),
        )  # fmt: skip
        return [
            _define(yes, names, [*self.block(s.body), *result] or [ast.Pass()]),
            _define(no, names, [*self.block(s.orelse), *result] or [ast.Pass()]),
            ast.Return(call) if returns else _bind(names, call),
        ]

    def known(self, test: ast.expr, s: Any, why: str) -> ast.expr:
        """A test that must be known, in a statement that stays as it is."""
        place = ast.Constant(s.lineno), ast.Constant(why)
        return _call("known", self.test(test), *place)

    def as_it_is(self, s: Any, why: str) -> Block:
        """The body of a loop that stays one, with the way out of it."""
        body = self.block(s.body)
        if s.stop:
            body.append(ast.If(self.known(_load(s.stop), s, why), [ast.Break()], []))
        return body

    def while_loop(self, s: Any) -> Block:
        if _stray(s.body):
            why = "a jump leaves a with, try or for-else in it"
            return [ast.While(self.known(s.test, s, why), self.as_it_is(s, why), [])]
        names = _assigned(s.body)
        test, body = self.fresh("def_test"), self.fresh("def_body")
        result = ast.Return(_tuple([_load(n) for n in names]))
        call = _call(
            "while_loop", _load(test), _load(body),
            _tuple([_thunk(_load(n)) for n in names]), _names(names),
            ast.Constant(s.stop), ast.Constant(s.lineno),
        )  # fmt: skip
        return [
            _define(test, names, [ast.Return(self.test(s.test))]),
            _define(body, names, [*self.block(s.body), result]),
            _bind(names, call),
        ]

    def for_loop(self, s: Any) -> Block:
        if _stray(s.body) or not _over_range(s):
            why = "only loops over range can end at a traced value"
            body = self.as_it_is(s, why)
            return [ast.For(s.target, self.expression(s.iter), body, [])]
        target = s.target.id
        names = [target, *(n for n in _assigned(s.body) if n != target)]
        body, bounds = self.fresh("def_body"), s.iter.args
        result = ast.Return(_tuple([_load(n) for n in names]))
        call = _call(
            "for_range", _tuple([self.expression(b) for b in bounds]), _load(body),
            _tuple([_thunk(_load(n)) for n in names]), _names(names),
            ast.Constant(s.stop), ast.Constant(s.lineno),
        )  # fmt: skip
        return [_define(body, names, [*self.block(s.body), result]), _bind(names, call)]


def _over_range(s: ast.For) -> bool:
    it = s.iter
    return (
        isinstance(s.target, ast.Name)
        and isinstance(it, ast.Call)
        and isinstance(it.func, ast.Name)
        and it.func.id == "range"
        and not it.keywords
        and not any(isinstance(a, ast.Starred) for a in it.args)
    )


def _bind(names: Sequence[str], call: ast.expr) -> ast.stmt:
    if not names:
        return ast.Expr(call)
    return ast.Assign([ast.Tuple([ast.Name(n, ast.Store()) for n in names], ast.Store())],
                      call)  # fmt: skip


def _closed(block: Block) -> Block:
    """The statements with a return at every end, if they have one at any."""
    last = block[-1] if block else None
    if isinstance(last, ast.If) and ast.Return in _jumps([last]):
        last.body, last.orelse = _closed(last.body), _closed(last.orelse)
    elif not _ends(block):
        return [*block, ast.Return(ast.Constant(None))]
    return block


def _without_jumps(block: Block, stop: str | None) -> Block:
    """A loop's body, its jumps at the ends replaced: break sets the flag `stop`."""
    if not block:
        return block
    *first, last = block
    if isinstance(last, ast.Continue):
        return first or [ast.Pass()]
    if isinstance(last, ast.Break):
        return [*first, ast.copy_location(_assign(str(stop), ast.Constant(True)), last)]
    if isinstance(last, ast.If):
        last.body = _without_jumps(last.body, stop)
        last.orelse = _without_jumps(last.orelse, stop)
    return block


class _Returns(ast.NodeTransformer):
    """Replaces returns in a loop by setting a flag and a value, and leaving the loops."""

    def __init__(self, done: str, value: str):
        self.done, self.value = done, value

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        return node

    visit_Lambda = visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef

    def visit_For(self, node: Any) -> Any:
        inner = ast.Return in _jumps([node])
        self.generic_visit(node)
        if not inner:
            return node
        out = ast.If(_load(self.done), [ast.Break()], [])
        return [node, ast.fix_missing_locations(ast.copy_location(out, node))]

    visit_While = visit_For

    def visit_Return(self, node: ast.Return) -> Any:
        value = node.value or ast.Constant(None)
        made = [
            _assign(self.done, ast.Constant(True)), _assign(self.value, value), ast.Break(),
        ]  # fmt: skip
        return [ast.fix_missing_locations(ast.copy_location(s, node)) for s in made]


class _Expressions(ast.NodeTransformer):
    """Boolean operators, chains of comparisons and conditional expressions as calls.

    Also announces what changes objects, and the containers that expressions make.
    """

    def test(self, e: ast.expr) -> ast.expr:
        """An expression of which only the truth counts: operators give booleans."""
        if isinstance(e, ast.BoolOp):
            name = "both" if isinstance(e.op, ast.And) else "either"
            made = _call(name, ast.Constant(e.lineno),
                         *[_thunk(self.test(v)) for v in e.values])  # fmt: skip
            return ast.copy_location(made, e)
        return self.visit(e)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        return node

    visit_Lambda = visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        self.generic_visit(node)
        name = "last_true" if isinstance(node.op, ast.And) else "first_true"
        made = _call(name, ast.Constant(node.lineno), *[_thunk(v) for v in node.values])
        return ast.copy_location(made, node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        if not isinstance(node.op, ast.Not):
            return self.generic_visit(node)
        return ast.copy_location(_call("negation", self.test(node.operand)), node)

    def visit_Compare(self, node: ast.Compare) -> Any:
        self.generic_visit(node)
        middle = node.comparators[:-1]
        if not middle or not all(
            isinstance(m, (ast.Name, ast.Constant)) for m in middle
        ):
            return node
        sides = [node.left, *node.comparators]
        pairs = zip(sides, node.ops, sides[1:])
        tests = [ast.Compare(a, [op], [b]) for a, op, b in pairs]
        made = _call("both", ast.Constant(node.lineno), *[_thunk(t) for t in tests])
        return ast.copy_location(made, node)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        made = _call(
            "chosen", self.test(node.test), _thunk(self.visit(node.body)),
            _thunk(self.visit(node.orelse)), ast.Constant(node.lineno),
        )  # fmt: skip
        return ast.copy_location(made, node)

    # --- changes of objects ---

    def made(self, node: Any) -> Any:
        """A display or comprehension: a new container."""
        self.generic_visit(node)
        if isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
            return node
        return ast.copy_location(_call("fresh", node), node)

    visit_List = visit_Dict = visit_Set = made
    visit_ListComp = visit_DictComp = visit_SetComp = made

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
        before = ast.Expr(_call("updated", _load(target.id), dunder, *place))
        return [ast.fix_missing_locations(ast.copy_location(before, node)), node]

    def visit_Call(self, node: ast.Call) -> Any:
        shown = f"{ast.unparse(node.func)}(...)"
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in _MAKERS:
            return ast.copy_location(_call("fresh", node), node)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
            function = node.func
            function.value = self.announced("called", function.value, shown, node)
        return node

    def announced(self, name: str, target: ast.expr, shown: str, node: Any) -> ast.expr:
        """`target`, handed through the call that says it changes."""
        made = _call(name, target, ast.Constant(shown), ast.Constant(node.lineno))
        return ast.copy_location(made, target)
