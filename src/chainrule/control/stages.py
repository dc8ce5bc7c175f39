"""The stages of ahead-of-time compilation: Traced, Lowered, Compiled.

`jit(f).trace(*args)` gives the program, `.lower()` what goes to the compiler,
`.compile()` a callable for exactly these types. Text and analyses come from what the
executor made (executors.py); what it does not tell is None.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

from ..core.avals import Array, ShapeDtypeStruct, Tracer, as_array, wrap
from ..core.jaxpr import ClosedJaxpr
from ..runtime._native import tree_flatten, tree_unflatten, treedef_tuple
from ..transforms.flat import name_of
from .executors import current_executor, executable
from .signatures import leaf_names


@dataclasses.dataclass(frozen=True)
class ArgInfo:
    """The type of an argument's leaf, and whether it is donated."""

    aval: Any
    donated: bool

    @property
    def shape(self) -> tuple[int, ...]:
        return self.aval.shape

    @property
    def dtype(self) -> Any:
        return self.aval.dtype


@dataclasses.dataclass(frozen=True)
class MemoryStats:
    """Bytes that a compiled program takes; None where its executor does not tell."""

    argument_size_in_bytes: int
    output_size_in_bytes: int
    alias_size_in_bytes: int
    temp_size_in_bytes: int | None = None
    generated_code_size_in_bytes: int | None = None


def structs_of(avals: Sequence[Any], tree: Any) -> Any:
    """ShapeDtypeStructs of these avals in the structure `tree`."""
    return tree_unflatten(
        tree,
        [ShapeDtypeStruct(a.shape, a.dtype, weak_type=a.weak_type) for a in avals],
    )


def nbytes(avals: Sequence[Any]) -> int:
    """The bytes of arrays of these types."""
    return sum(a.size * a.dtype.itemsize for a in avals)


@dataclasses.dataclass(frozen=True)
class Staged:
    """A function staged for one signature: what every stage starts from.

    `tree` is the structure of (args, kwargs) with None at the `static` positions;
    `outer` are the tracers that the function closes over, first in the program.
    """

    fun: Any
    program: ClosedJaxpr
    outer: Sequence[Any]
    tree: Any
    static: frozenset[Any]
    out_tree: Any
    donated: tuple[int, ...]


class Stage:
    """What all stages know: the function, its program and its arguments."""

    def __init__(self, staged: Staged):
        self._staged, self._program = staged, staged.program
        self.in_tree = _without(staged.tree, staged.static)
        self.out_tree = staged.out_tree
        self.donate_argnums = staged.donated

    def without_static(self, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """The arguments of a call without those that are static."""
        static = self._staged.static
        kept = tuple(a for i, a in enumerate(args) if i not in static)
        return kept, {k: v for k, v in kwargs.items() if k not in static}

    @property
    def in_avals(self) -> Any:
        """The argument types, in the structure (args, kwargs)."""
        return tree_unflatten(self.in_tree, self._program.in_avals)

    @property
    def args_info(self) -> Any:
        """An ArgInfo per leaf, in the structure (args, kwargs)."""
        donated = self.donate_argnums
        infos = [ArgInfo(a, i in donated) for i, a in enumerate(self._program.in_avals)]
        return tree_unflatten(self.in_tree, infos)

    @property
    def out_info(self) -> Any:
        """ShapeDtypeStructs in the structure of the output."""
        return structs_of(self._program.out_avals, self.out_tree)


class Traced(Stage):
    """A function staged for arguments of given types."""

    @property
    def jaxpr(self) -> ClosedJaxpr:
        """The program."""
        return self._program

    @property
    def fun_name(self) -> str:
        return name_of(self._staged.fun)

    @property
    def out_avals(self) -> Any:
        """The output types, in the structure of the output."""
        return tree_unflatten(self.out_tree, self._program.out_avals)

    def lower(self) -> Lowered:
        """The program, ready to be compiled.

        Raises TypeError where the function closes over values of a transformation.
        """
        outer = len(self._staged.outer)
        if outer:
            raise TypeError(
                f"lower: {self.fun_name} closes over {outer} traced"
                f" value{'s' * (outer != 1)} of an outer transformation; pass"
                f" {'them as arguments' if outer != 1 else 'it as an argument'}."
            )
        return Lowered(self._staged)


def _without(tree: Any, static: frozenset[Any]) -> Any:
    """The structure (args, kwargs) without the static positions."""
    if not static:
        return tree
    args, kwargs = tree.children()
    kept = [a for i, a in enumerate(args.children()) if i not in static]
    return treedef_tuple((treedef_tuple(kept), kwargs))


class Lowered(Stage):
    """A program that can be compiled for its argument types."""

    def as_text(self, dialect: str | None = None, *, debug_info: bool = False) -> str:
        """The program as text, in the notation of jaxprs.

        Raises ValueError for another dialect than None and 'jaxpr'.
        """
        if dialect not in (None, "jaxpr"):
            raise ValueError(
                f"as_text: there is no dialect {dialect!r}; use None or 'jaxpr'."
            )
        return str(self._program)

    def compiler_ir(self, dialect: str | None = None) -> ClosedJaxpr:
        """The program."""
        self.as_text(dialect)
        return self._program

    def cost_analysis(self) -> Any:
        """Estimated costs by name, or None where the executor knows none."""
        return self.compile().cost_analysis()

    def compile(self, compiler_options: Any = None) -> Compiled:
        """A callable for exactly these argument types."""
        return Compiled(self._staged)


class Compiled(Stage):
    """A program compiled for its argument types; call it without static arguments."""

    def __init__(self, staged: Staged):
        super().__init__(staged)
        self._make_report = getattr(current_executor(), "report", None)
        self._executable = executable(self._program, self.donate_argnums)
        optimize = getattr(self._executable, "optimize", None)
        if optimize:
            optimize()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the program.

        Raises TypeError where structure or types of the arguments differ from those
        it was compiled for, or where one is traced.
        """
        leaves, tree = tree_flatten((args, kwargs))
        name = name_of(self._staged.fun)
        if tree != self.in_tree:
            raise TypeError(
                f"Compiled: {name} was compiled for arguments of structure"
                f" {self.in_tree}; got {tree}."
            )
        arrays = [x if isinstance(x, Array) else as_array(x, name) for x in leaves]
        self._check(name, arrays)
        outs = list(self._executable(*arrays))
        for i in self.donate_argnums:
            outs = [_renewed(x) if x is arrays[i] else x for x in outs]
            arrays[i].delete()
        return tree_unflatten(self.out_tree, outs)

    call = __call__

    def _check(self, name: str, arrays: Sequence[Any]) -> None:
        for i, (x, aval) in enumerate(zip(arrays, self._program.in_avals)):
            if isinstance(x, Tracer):
                what = "a tracer: a compiled program cannot be transformed; use jit"
            elif (x.shape, x.dtype) != (aval.shape, aval.dtype):
                what = (
                    f"{x.aval.str_short()}, but it was compiled for {aval.str_short()}"
                )
            else:
                continue
            where = leaf_names(self._staged.fun, self._staged.tree)[i]
            raise TypeError(f"Compiled: argument {where} of {name} is {what}.")
        for i in self.donate_argnums:
            if sum(x is arrays[i] for x in arrays) > 1:
                where = leaf_names(self._staged.fun, self._staged.tree)[i]
                raise ValueError(
                    f"Compiled: argument {where} of {name} is donated and passed twice;"
                    " pass a copy."
                )

    def runtime_executable(self) -> Any:
        """What the executor made: a callable of flat arrays."""
        return self._executable

    @functools.cached_property
    def _report(self) -> Any:
        """What tells about the program: the executable itself, or its executor's report
        (made when it is first asked for: calls do not pay for it)."""
        if self._make_report is None or hasattr(self._executable, "as_text"):
            return self._executable
        return self._make_report(self._program, self.donate_argnums)

    def as_text(self) -> str:
        """The compiled program as its executor shows it; the program otherwise."""
        text = getattr(self._report, "as_text", None)
        return text() if text else str(self._program)

    def cost_analysis(self) -> Any:
        """Estimated costs by name, or None where the executor knows none."""
        analysis = getattr(self._report, "cost_analysis", None)
        return analysis() if analysis else None

    def memory_analysis(self) -> Any:
        """Bytes of arguments, outputs, temporaries and code, as far as known."""
        analysis = getattr(self._report, "memory_analysis", None)
        if analysis:
            return analysis()
        avals = self._program.in_avals
        return MemoryStats(
            nbytes(avals),
            nbytes(self._program.out_avals),
            nbytes([avals[i] for i in self.donate_argnums]),
        )


def _renewed(x: Any) -> Any:
    """Another Array over the memory of `x`."""
    return wrap(x._data, x.weak_type)
