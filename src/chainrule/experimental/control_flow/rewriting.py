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
from collections.abc import Sequence
from typing import Any

from .expressions import Expressions, assigns, call, names_of, thunk, tuple_of
from .sources import (
    GENERATED,
    RUN,
    Unfit,
    arguments,
    is_generator,
    load,
    scopes,
    within,
)

MADE = "_cr_"
"""Names starting so are of the rewriting."""

VALUE = "_cr_value"
"""Names starting so hold a return value, which counts only where its flag is set."""

DONE = "_cr_done"
"""Names starting so are those flags: where one is set, nothing but the return follows."""

ENDS = "_cr_ends"
"""Names starting so are the flags of breaks that alone end a loop: `while True`."""

MAX_COPIES = 20_000
"""How many nodes of statements after jumps may be copied into branches."""

Block = list[ast.stmt]
_PYTHONS = "a jump leaves a with, try or match in it"


def rewrite(definition: ast.FunctionDef) -> None:
    """Rewrites a definition in place: its control flow as calls of `RUN`.

    Raises:
        Unfit: its jumps are nested too deeply.
    """
    _Rewriter().function(definition)


# --- what statements do --------------------------------------------------------------


def _assign(name: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Name(name, ast.Store())], value)


def _assigned(block: Block) -> list[str]:
    """The names that statements bind, in order."""
    found: dict[str, None] = {}
    for node in within(ast.Module(block, []), (*scopes, ast.comprehension)):
        for name in _bound(node):
            found[name] = None
    return [n for n in found if not n.startswith(GENERATED)]


def _bound(node: Any) -> list[str]:
    """The names that one node of syntax binds."""
    if isinstance(node, ast.Name):
        return [] if isinstance(node.ctx, ast.Load) else [node.id]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [a.asname or a.name.partition(".")[0] for a in node.names]
    if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        return [node.name] if node.name else []
    if isinstance(node, ast.MatchMapping):
        return [node.rest] if node.rest else []
    return [node.name] if isinstance(node, scopes[:3]) else []


def _captured(block: Block) -> set[str]:
    """The names that functions and generators within the statements refer to."""
    lazy = (*scopes, ast.GeneratorExp)
    found: set[str] = set()
    for node in within(ast.Module(block, []), lazy):
        if isinstance(node, lazy):
            found |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return found


def _leaving(block: Block) -> list[Any]:
    """The jumps out of statements."""
    module = ast.Module(block, [])
    loops = (*scopes, ast.For, ast.While)
    inner = (ast.Break, ast.Continue)
    found = [n for n in within(module, scopes) if isinstance(n, ast.Return)]
    for n in within(module, loops):
        if isinstance(n, inner):
            found.append(n)
        elif isinstance(n, loops[-2:]):  # jumps in its else are of the loop around it
            found += _leaving(n.orelse)
    return found


def _jumps(block: Block) -> set[type]:
    """The kinds of jumps out of statements."""
    return {type(n) for n in _leaving(block)}


def _returning(block: Block) -> list[str]:
    """The flags of those breaks out of statements that stand for returns."""
    return sorted({_flag_of(n) for n in _leaving(block)} - {""})


def _ends(block: Block) -> bool:
    """Whether control never reaches the end of the statements."""
    if not block:
        return False
    last = block[-1]
    if isinstance(last, ast.If):
        return _ends(last.body) and _ends(last.orelse)
    return isinstance(last, (ast.Return, ast.Break, ast.Continue, ast.Raise))


class _Rewriter:
    """Rewrites one function, and those defined in it; counts the names it makes.

    Statements become functions of the names they bind. Names that inner functions see
    are theirs too (`nonlocal`), and all names where an exception may be caught, so that
    who else looks at them finds what Python would have there.
    """

    def __init__(self) -> None:
        self.count = self.copies = 0
        self.shared: Any = set()
        self.expressions = Expressions("")

    def fresh(self, kind: str) -> str:
        """A new name."""
        return self.named(f"_cr_{kind}")

    def named(self, prefix: str) -> str:
        """A new name that starts with `prefix`."""
        self.count += 1
        return f"{prefix}_{self.count}"

    def function(self, definition: ast.FunctionDef) -> None:
        """Rewrites a definition in place."""
        before = self.shared, self.expressions
        body, args = definition.body, definition.args
        first = next((a.arg for a in (*args.posonlyargs, *args.args)), "")
        self.expressions = Expressions(first)
        caught = any(isinstance(n, (ast.Try, ast.With)) for n in
                     within(ast.Module(body, []), scopes))  # fmt: skip
        self.shared = None if caught else _captured(body)
        definition.body = self.block(_closed(self.lowered(body)))
        self.shared, self.expressions = before

    # --- jumps ---

    def lowered(self, block: Block) -> Block:
        """The statements with jumps at the ends of blocks alone."""
        out: Block = []
        for k, s in enumerate(block):
            rest = block[k + 1 :]
            after: Block = []
            if isinstance(s, ast.If) and _jumps([s]):
                copied = [] if _ends(s.body) else self.copied(rest, s)
                s.body = self.lowered([*s.body, *copied])
                s.orelse = self.lowered([*s.orelse, *([] if _ends(s.orelse) else rest)])
                return [*out, s]
            if isinstance(s, ast.If):
                s.body, s.orelse = self.lowered(s.body), self.lowered(s.orelse)
            elif isinstance(s, (ast.For, ast.While)):
                before, after = self.loop(s)
                out += before
            elif isinstance(s, ast.With):
                before, after = self.context(s)
                out += before
            elif isinstance(s, (ast.Try, ast.Match)):
                self.lower_within(s)
            out.append(s)
            if after:
                return [*out, *self.lowered([*after, *rest])]
            if isinstance(s, (ast.Return, ast.Break, ast.Continue)):
                return out
        return out

    def copied(self, rest: Block, s: Any) -> Block:
        """What follows a jump, once more; not without end."""
        self.copies += sum(1 for n in rest for _ in ast.walk(n))
        if self.copies > MAX_COPIES:
            raise Unfit(f"has too many jumps, nested too deeply (line {s.lineno})")
        return copy.deepcopy(rest)

    def lower_within(self, s: Any) -> None:
        """Lowers the blocks of a statement that jumps leave as Python's."""
        for part in (s, *getattr(s, "handlers", []), *getattr(s, "cases", [])):
            for field in ("body", "orelse", "finalbody"):
                block = getattr(part, field, None)
                if block:
                    setattr(part, field, self.lowered(block))

    def placed(self, made: Block, s: Any) -> Block:
        """New statements, at the line of `s`."""
        for m in made:
            ast.fix_missing_locations(ast.copy_location(m, s))
        return made

    def loop(self, loop: Any) -> tuple[Block, Block]:
        """Lowers the jumps in a loop; returns what goes before and after it."""
        before: Block = []
        after: Block = []
        loop.stop = None
        kinds, flags = _jumps(loop.body), _returning(loop.body)
        forever = isinstance(loop, ast.While) and isinstance(loop.test, ast.Constant)
        forever = forever and bool(loop.test.value)
        endless = forever and ast.Break not in kinds
        other = loop.orelse
        if isinstance(loop, ast.While) and assigns(loop.test):
            leave: Block = [ast.Break()]
            if other:
                over = self.fresh("over")
                before.append(_assign(over, ast.Constant(False)))
                leave.insert(0, _assign(over, ast.Constant(True)))
                other = [ast.If(load(over), other, [])]
            test = ast.UnaryOp(ast.Not(), loop.test)
            loop.body = [*self.placed([ast.If(test, leave, [])], loop), *loop.body]
            loop.test = ast.copy_location(ast.Constant(True), loop)
        elif other and ast.Break in kinds:
            left = self.fresh("left")
            before.append(_assign(left, ast.Constant(False)))
            loop.body = _marked(loop.body, left, ast.Break)
            other = [ast.If(ast.UnaryOp(ast.Not(), load(left)), other, [])]
        for flag in flags if other else ():
            other = [ast.If(load(flag), [_assign(flag, ast.Constant(True))], other)]
        if ast.Return in kinds:
            done, value = self.named(DONE), self.named(VALUE)
            before += [_assign(done, ast.Constant(False)), _assign(value, _unset())]
            back: ast.stmt = ast.Return(load(value))
            after = [back if endless else ast.If(load(done), [back], [])]
            _Returns(done, value).generic_visit_body(loop)
        loop.orelse = []
        body = self.lowered(loop.body)
        if ast.Break in _jumps(body):
            loop.stop = self.named(ENDS if forever else "_cr_stop")
            before.append(_assign(loop.stop, ast.Constant(False)))
        loop.body = _without_jumps(body, loop.stop) or [ast.Pass()]
        return self.placed(before, loop), self.placed([*after, *other], loop)

    def context(self, s: ast.With) -> tuple[Block, Block]:
        """Lowers the jumps out of a `with` to flags, tested after it."""
        before: Block = []
        after: Block = []
        kinds = _jumps(s.body)
        if any(isinstance(n, (ast.Try, ast.Match)) and _jumps([n]) for n in
               within(ast.Module(s.body, []), scopes)):  # fmt: skip
            self.lower_within(s)
            return [], []
        flags = _returning(s.body)
        if ast.Return in kinds:
            done, value = self.named(DONE), self.named(VALUE)
            before += [_assign(done, ast.Constant(False)), _assign(value, _unset())]
            after.append(ast.If(load(done), [ast.Return(load(value))], []))
            _Returns(done, value).generic_visit_body(s)
        after += [_leave(flag) for flag in flags]
        for kind in (ast.Break, ast.Continue):
            if kind in kinds:
                flag = self.fresh("left")
                before.append(_assign(flag, ast.Constant(False)))
                after.append(ast.If(load(flag), [kind()], []))
                s.body = _marked(s.body, flag, kind)
        s.body = _without_jumps(self.lowered(s.body), None) or [ast.Pass()]
        return self.placed(before, s), self.placed(after, s)

    # --- statements ---

    def block(self, block: Block) -> Block:
        """The statements, converted."""
        return [m for s in block for m in self.placed(self.statement(s), s)]

    def statement(self, s: Any) -> Block:
        if isinstance(s, ast.If):
            return self.branch(s)
        if isinstance(s, ast.While):
            return self.while_loop(s)
        if isinstance(s, ast.For):
            return self.for_loop(s)
        if isinstance(s, ast.Assert):
            text = thunk(self.expression(s.msg or ast.Constant("")))
            return [ast.Expr(call("check", self.test(s.test), text))]
        if isinstance(s, ast.Raise) and s.exc:
            s.exc = call("raised", self.expression(s.exc), ast.Constant(s.lineno))
            return [s]
        if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return self.definition(s)
        if isinstance(s, ast.ClassDef):
            return [s]
        if isinstance(s, (ast.With, ast.Try, ast.Match)):
            return self.compound(s)
        if isinstance(s, ast.Delete):
            return self.deletion(s)
        if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name):
            value = s.value  # a name that functions share must not be annotated
            s = ast.Assign([s.target], value) if value else ast.Pass()
        made = self.expressions.visit(s)
        return made if isinstance(made, list) else [made]

    def definition(self, s: Any) -> Block:
        """A function defined within: converted as well, where it can be."""
        s.decorator_list = [self.expression(d) for d in s.decorator_list]
        s.args = self.expressions.visit(s.args)
        if isinstance(s, ast.FunctionDef) and not is_generator(s):
            self.function(s)
        return [s]

    def compound(self, s: Any) -> Block:
        """`with`, `try`, `match`: Python's, with converted statements within."""
        parts = [s, *getattr(s, "handlers", []), *getattr(s, "cases", [])]
        for part in parts:
            for field, value in ast.iter_fields(part):
                if field in ("body", "orelse", "finalbody"):
                    setattr(part, field, self.block(value))
                elif field in ("subject", "guard") and value:
                    setattr(part, field, self.expression(value))
        for item in getattr(s, "items", []):
            item.context_expr = self.expression(item.context_expr)
        return [s]

    def deletion(self, s: ast.Delete) -> Block:
        """`del`: names get a value that raises where it is used."""
        names = [t.id for t in s.targets if isinstance(t, ast.Name)]
        s.targets = [t for t in s.targets if not isinstance(t, ast.Name)]
        gone: Block = [
            _assign(
                n, call("deleted", ast.Constant(n), ast.Constant(s.lineno), load(n))
            )
            for n in names
        ]
        return [*([self.expressions.visit(s)] if s.targets else []), *gone]

    def expression(self, e: ast.expr) -> ast.expr:
        return self.expressions.visit(e)

    def test(self, e: ast.expr) -> ast.expr:
        """An expression of which only the truth counts."""
        return self.expressions.test(e)

    def define(
        self, name: str, names: Sequence[str], body: Block, first: Sequence[str] = ()
    ) -> ast.stmt:
        """The function that stands for statements which bind `names`."""
        shared = [n for n in names if self.shared is None or n in self.shared]
        given = [f"_cr_in_{n}" if n in shared else n for n in names]
        before: Block = []
        if shared:
            before = [ast.Nonlocal(shared)]
            before += [_assign(n, load(f"_cr_in_{n}")) for n in shared]
        args = arguments([*first, *given])
        whole = [*before, *body] or [ast.Pass()]
        return ast.FunctionDef(name, args, whole, [], type_params=[])

    def branch(self, s: ast.If) -> Block:
        returns = _ends(s.body) and _ends(s.orelse) and _jumps([s]) <= {ast.Return}
        if _jumps([s]) and not returns:
            test = self.known(s.test, s, _PYTHONS)
            return [ast.If(test, self.block(s.body), self.block(s.orelse))]
        names = _assigned([*s.body, *s.orelse])
        yes, no = self.fresh("def_if"), self.fresh("def_else")
        result = [] if returns else [_result(names)]
        made = call(
            "returned" if returns else "branch", self.test(s.test), load(yes), load(no),
            _values(names), names_of(names), ast.Constant(s.lineno),
        )  # fmt: skip
        return [
            self.define(yes, names, [*self.block(s.body), *result]),
            self.define(no, names, [*self.block(s.orelse), *result]),
            *(_declared(names) if returns else []),
            ast.Return(made) if returns else _bind(names, made),
        ]

    def known(self, test: ast.expr, s: Any, why: str) -> ast.expr:
        """A test that must be known, in a statement that stays as it is."""
        place = ast.Constant(s.lineno), ast.Constant(why)
        return call("known", self.test(test), *place)

    def as_it_is(self, s: Any) -> Block:
        """The body of a loop that stays one, with the way out of it."""
        body = self.block(s.body)
        if s.stop:
            test = self.known(load(s.stop), s, _PYTHONS)
            body.append(ast.If(test, [ast.Break()], []))
        return body

    def while_loop(self, s: Any) -> Block:
        if _jumps(s.body):
            return [ast.While(self.known(s.test, s, _PYTHONS), self.as_it_is(s), [])]
        names = _assigned(s.body)
        test, body = self.fresh("def_test"), self.fresh("def_body")
        made = call(
            "while_loop", load(test), load(body), _values(names), names_of(names),
            ast.Constant(s.stop), ast.Constant(s.lineno),
        )  # fmt: skip
        return [
            self.define(test, names, [ast.Return(self.test(s.test))]),
            self.define(body, names, [*self.block(s.body), _result(names)]),
            _bind(names, made),
        ]

    def for_loop(self, s: Any) -> Block:
        if _jumps(s.body):
            return [ast.For(s.target, self.expression(s.iter), self.as_it_is(s), [])]
        if _over_range(s):
            return self.over_range(s)
        item = self.fresh("item")
        step = [*self.placed([ast.Assign([s.target], load(item))], s), *s.body]
        return self.over("for_each", [self.expression(s.iter)], step, [], item, s)

    def over_range(self, s: Any) -> Block:
        bounds = [load("range"), tuple_of([self.expression(b) for b in s.iter.args])]
        target = s.target.id
        return self.over("for_range", bounds, s.body, [target], "", s)

    def over(
        self, kind: str, items: Any, block: Block, first: Any, item: str, s: Any
    ) -> Block:
        """A loop over `items`, by the runtime's function `kind`."""
        names = [*first, *(n for n in _assigned(block) if n not in first)]
        body = self.fresh("def_body")
        made = call(
            kind, *items, load(body), _values(names), names_of(names),
            ast.Constant(s.stop), ast.Constant(s.lineno),
        )  # fmt: skip
        steps, given = [*self.block(block), _result(names)], [item] if item else []
        return [self.define(body, names, steps, given), _bind(names, made)]


def _values(names: Sequence[str]) -> ast.expr:
    """The values of names, as functions: one may have none."""
    return tuple_of([thunk(load(n)) for n in names])


def _result(names: Sequence[str]) -> ast.stmt:
    """What the function that stands for a statement returns."""
    return ast.Return(call("values", _values(names), names_of(names)))


def _declared(names: Sequence[str]) -> Block:
    """Makes names variables of the function, without a value."""
    never = [_assign(n, ast.Constant(None)) for n in names]
    return [ast.If(ast.Constant(False), never, [])] if names else []


def _unset() -> ast.expr:
    return ast.Attribute(load(RUN), "unset", ast.Load())


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


def _bind(names: Sequence[str], made: ast.expr) -> ast.stmt:
    if not names:
        return ast.Expr(made)
    return ast.Assign([ast.Tuple([ast.Name(n, ast.Store()) for n in names], ast.Store())],
                      made)  # fmt: skip


def _closed(block: Block) -> Block:
    """The statements with a return at every end, if they have one at any."""
    last = block[-1] if block else None
    if isinstance(last, ast.If) and ast.Return in _jumps([last]):
        last.body, last.orelse = _closed(last.body), _closed(last.orelse)
    elif not _ends(block):
        return [*block, ast.Return(ast.Constant(None))]
    return block


def _break(done: str) -> ast.Break:
    """The break that stands for a return: it knows the flag that was set before it."""
    made = ast.Break()
    made.__dict__["done"] = done
    return made


def _flag_of(jump: Any) -> str:
    """The flag of a break that stands for a return; "" for others."""
    return getattr(jump, "done", "")


def _leave(done: str) -> ast.stmt:
    """A further break on the path of a return, on which its flag is known to be set."""
    return ast.If(load(done), [_assign(done, ast.Constant(True)), _break(done)], [])


def _without_jumps(block: Block, stop: str | None) -> Block:
    """A loop's body, its jumps at the ends replaced: break sets the flag `stop`."""
    if not block:
        return block
    *first, last = block
    if isinstance(last, ast.Continue) or isinstance(last, ast.Break) and not stop:
        return first or [ast.Pass()]
    if isinstance(last, ast.Break):
        return [*first, ast.copy_location(_assign(str(stop), ast.Constant(True)), last)]
    if isinstance(last, ast.If):
        last.body = _without_jumps(last.body, stop)
        last.orelse = _without_jumps(last.orelse, stop)
    return block


class _Jumps(ast.NodeTransformer):
    """Visits the statements of one function, not those of others within."""

    def visit_FunctionDef(self, node: Any) -> Any:
        return node

    visit_Lambda = visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef

    def generic_visit_body(self, s: Any) -> None:
        """The statements of the body of `s` alone."""
        block = self.generic_visit(ast.Module(s.body, []))
        s.body = block.body


class _Marked(_Jumps):
    """Sets a flag before each jump of one kind that leaves the statements; breaks that
    stand for a return have theirs."""

    def __init__(self, flag: str, kind: Any):
        self.flag, self.kind = flag, kind

    def visit_For(self, node: Any) -> Any:
        node.orelse = _marked(node.orelse, self.flag, self.kind)
        return node

    visit_While = visit_For

    def marked(self, node: Any) -> Any:
        """The jump, with the flag before it."""
        if not isinstance(node, self.kind) or _flag_of(node):
            return node
        flag = ast.copy_location(_assign(self.flag, ast.Constant(True)), node)
        out = node if self.kind is ast.Break else ast.copy_location(ast.Break(), node)
        return [ast.fix_missing_locations(flag), out]

    visit_Break = visit_Continue = marked


def _marked(block: Block, flag: str, kind: Any) -> Block:
    """The statements, with `flag` set where they break (or continue)."""
    return _Marked(flag, kind).generic_visit(ast.Module(block, [])).body


class _Returns(_Jumps):
    """Replaces returns in a loop by setting a flag and a value, and leaving the loops."""

    def __init__(self, done: str, value: str):
        self.done, self.value = done, value

    def visit_For(self, node: Any) -> Any:
        inner = ast.Return in _jumps([node])
        self.generic_visit(node)
        if not inner:
            return node
        out = ast.copy_location(_leave(self.done), node)
        return [node, ast.fix_missing_locations(out)]

    visit_While = visit_For

    def visit_Return(self, node: ast.Return) -> Any:
        value = node.value or ast.Constant(None)
        made = [
            _assign(self.done, ast.Constant(True)), _assign(self.value, value),
            _break(self.done),
        ]  # fmt: skip
        return [ast.fix_missing_locations(ast.copy_location(s, node)) for s in made]
