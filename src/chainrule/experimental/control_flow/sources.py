"""Functions and their source: a definition found as syntax, and compiled back.

`found(code)` reads the file of a function and gives its `def` statement (a lambda as one)
with the class around it; `compiled` makes a function of a changed definition, with the
globals, defaults and cells of the old one. What cannot be changed so raises `Unfit`,
whose text says why in words that follow "it".
"""

from __future__ import annotations
import __future__

import ast
import copy
import functools
import inspect
import types
from collections.abc import Iterator, Sequence
from typing import Any
from weakref import WeakSet

from ...transforms.flat import name_of

RUN = "_cr_run"
"""The name by which compiled definitions refer to what they call."""

GENERATED = "_cr_def"
"""Functions that stand for statements have names starting so."""

scopes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_LOCAL = {"locals", "eval", "exec", "vars", "dir"}
_FUTURE = functools.reduce(
    lambda flags, name: flags | getattr(__future__, name).compiler_flag,
    __future__.all_feature_names, 0,
)  # fmt: skip
_compiled: WeakSet[Any] = WeakSet()


class Unfit(Exception):
    """Why a function cannot be converted: "it ..."."""


def is_compiled(code: Any) -> bool:
    """Whether `code` was made here."""
    return code in _compiled


def within(node: ast.AST, stop: Any) -> Iterator[ast.AST]:
    """The nodes below `node`, without what lies inside of nodes of types `stop`."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, stop):
            yield from within(child, stop)


def load(name: str) -> ast.expr:
    """The name, read."""
    return ast.Name(name, ast.Load())


def arguments(names: Sequence[str]) -> ast.arguments:
    """Positional arguments."""
    return ast.arguments([], [ast.arg(n) for n in names], None, [], [], None, [])


# --- finding -------------------------------------------------------------------------


def found(code: types.CodeType) -> tuple[ast.FunctionDef, str]:
    """A fresh definition of the function with this code, and the class it stands in.

    Raises:
        Unfit: its source cannot be read, or cannot be converted as a whole.
    """
    try:
        lines, _ = inspect.findsource(code)
        tree = _parsed("".join(lines))
    except (OSError, SyntaxError):
        raise Unfit("has no source that can be read (code without a file)") from None
    matching = _lambdas if code.co_name == "<lambda>" else _definitions
    candidates = list(matching(tree, code))
    if len(candidates) != 1:
        raise Unfit(
            "is not found in its file, or more than once (a lambda beside its like, or a"
            " file that has changed)"
        )
    node, owner = candidates[0]
    check_fit(node)
    return copy.deepcopy(node), owner


@functools.lru_cache(maxsize=16)
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


def _owned(node: ast.AST, owner: str = "") -> Iterator[tuple[Any, str]]:
    """The nodes below `node` that are functions, each with the class around it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, scopes) and not isinstance(child, ast.ClassDef):
            yield child, owner
        yield from _owned(
            child, child.name if isinstance(child, ast.ClassDef) else owner
        )


def _definitions(tree: ast.Module, code: Any) -> Iterator[tuple[Any, str]]:
    for node, owner in _owned(tree):
        if not isinstance(node, ast.Lambda) and node.name == code.co_name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first == code.co_firstlineno and _same_arguments(node.args, code):
                yield node, owner


def _same_arguments(args: ast.arguments, code: Any) -> bool:
    names = [a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
    count = code.co_argcount + code.co_kwonlyargcount
    return len(names) == count


def _lambdas(tree: ast.Module, code: Any) -> Iterator[tuple[Any, str]]:
    """The innermost lambda whose body holds all that the instructions come from."""
    places = [p for p in code.co_positions() if None not in p and p[2:] != (0, 0)]
    found: list[Any] = []
    for node, owner in _owned(tree):
        if isinstance(node, ast.Lambda) and node.lineno == code.co_firstlineno:
            first, last = _span(node.body)
            if _same_arguments(node.args, code) and all(
                first <= (p[0], p[2]) and (p[1], p[3]) <= last for p in places
            ):
                found.append((first, last, node, owner))
    innermost = [
        f for f in found
        if not any(f is not g and f[0] <= g[0] and g[1] <= f[1] for g in found)
    ]  # fmt: skip
    for _, _, node, owner in innermost:
        back = [ast.copy_location(ast.Return(node.body), node.body)]
        made = ast.FunctionDef("_cr_lambda", node.args, back, [], type_params=[])
        yield ast.copy_location(made, node), owner


def _span(node: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    first = node.lineno, node.col_offset
    return first, (node.end_lineno, node.end_col_offset)


def check_fit(node: Any) -> None:
    """Raises Unfit where the statements of a function cannot become functions."""
    if isinstance(node, ast.AsyncFunctionDef):
        raise Unfit("is a coroutine (async def)")
    if is_generator(node):
        raise Unfit("is a generator (it yields); return an array of the values instead")
    for n in ast.walk(node):
        if isinstance(n, (ast.Global, ast.Nonlocal)):
            raise Unfit("assigns global or nonlocal names; return the values instead")
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name):
            if n.func.id in _LOCAL and len(n.args) == (n.func.id in ("eval", "exec")):
                raise Unfit(
                    f"calls {n.func.id}(), which sees the names of Python's scope"
                )


def is_generator(node: Any) -> bool:
    """Whether a function yields or awaits."""
    kinds = ast.Yield, ast.YieldFrom, ast.Await
    body = node.body if isinstance(node.body, list) else [node.body]
    below = within(ast.Module(body, []), scopes)
    return any(isinstance(n, kinds) for n in below)


# --- compiling -----------------------------------------------------------------------


def code_of(code: Any, definition: ast.FunctionDef, owner: str) -> types.CodeType:
    """The code of a changed definition, in the place of `code`.

    The class `owner` stands around it again, for names such as `self.__x`.
    """
    definition.decorator_list, definition.returns = [], None
    definition.name = "_cr_function"  # its own name is that of the scope it came from
    factory: Any = ast.FunctionDef(
        "_cr_factory", arguments([*code.co_freevars, RUN]),
        [definition, ast.Return(load(definition.name))], [], type_params=[],
    )  # fmt: skip
    if owner:
        factory = ast.ClassDef(owner, [], [], [factory], [], type_params=[])
    module = ast.fix_missing_locations(ast.Module([factory], []))
    flags = code.co_flags & _FUTURE
    made = compile(module, code.co_filename, "exec", flags, dont_inherit=True)
    inner = next(c for c in _below(made) if c.co_name == definition.name)
    return _named(inner, code.co_name, code.co_qualname)


def _below(code: types.CodeType) -> Iterator[types.CodeType]:
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield const
            yield from _below(const)


def _named(code: types.CodeType, name: str, qualified: str) -> types.CodeType:
    """The code with the user's name, on the functions that stand for statements too."""
    consts: list[Any] = []
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            own = const.co_name.startswith(GENERATED)
            names = (name, qualified) if own else (const.co_name, const.co_qualname)
            const = _named(const, *names)
        consts.append(const)
    made = code.replace(co_consts=tuple(consts), co_name=name, co_qualname=qualified)
    _compiled.add(made)
    return made


def function(fun: Any, code: types.CodeType, run: Any) -> Any:
    """The function of `code` with the globals, defaults and cells of `fun`."""
    cells = dict(zip(fun.__code__.co_freevars, fun.__closure__ or ()))
    cells[RUN] = types.CellType(run)
    made = types.FunctionType(
        code, fun.__globals__, name_of(fun), fun.__defaults__,
        tuple(cells[name] for name in code.co_freevars),
    )  # fmt: skip
    made.__kwdefaults__, made.__qualname__ = fun.__kwdefaults__, fun.__qualname__
    made.__doc__, made.__wrapped__ = fun.__doc__, fun
    return made
