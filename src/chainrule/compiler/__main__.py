"""Shows what the compiler makes of a function in a file, stage by stage.

    python -m chainrule.compiler FILE[:FUNCTION] [TYPE ...] [--passes=loops,llvm]

TYPEs such as f32[16,16] are those of the arguments; without any, the file's
`example_args` are taken (a tuple; or a dict of tuples by function name) and the plan is
run and timed. Stages: jaxpr, simplified, clusters, loops, llvm, asm, plan; all but
jaxpr, llvm and asm by default. `--html=PAGE` writes the report as a page as well.
"""

from __future__ import annotations

import argparse
import os
import re
import runpy
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ..control.jit import JitFunction, jit
from ..core import dtypes
from ..core.avals import ShapeDtypeStruct, as_array
from ..runtime._native import tree_leaves
from .report import STAGES, report

_KINDS = {"f": "float", "i": "int", "u": "uint", "c": "complex", "bf": "bfloat"}
_TYPE = re.compile(r"(bool|bf|[fiuc])(\d*)\[([\d,]*)\]")


def type_of(text: str) -> ShapeDtypeStruct:
    """The type that 'f32[16,16]' means. Raises ValueError for what is none.

    >>> type_of("f32[16,16]")
    ShapeDtypeStruct(shape=(16, 16), dtype=float32)
    """
    found = _TYPE.fullmatch(text)
    if not found:
        raise ValueError(
            f"type: {text!r} is no type; write it like f32[16,16], i32[] or bool[4]."
        )
    kind, bits, shape = found.groups()
    name = "bool" if kind == "bool" else _KINDS[kind] + bits
    dims = tuple(int(n) for n in shape.split(",") if n)
    return ShapeDtypeStruct(dims, dtypes.as_dtype(name))


def function_in(names: dict[str, Any], file: str, wanted: str) -> Callable[..., Any]:
    """The function `wanted` among the globals of a file; its only one if none is named.

    Raises ValueError where there is no such function, or more than one to choose from.
    """
    own = {
        n: f
        for n, f in names.items()
        if callable(f) and getattr(f, "__module__", "") == names["__name__"]
        and not isinstance(f, type)
    }  # fmt: skip
    if wanted:
        if not callable(names.get(wanted)):
            raise ValueError(
                f"compiler: {file} has no function {wanted!r}; it has"
                f" {', '.join(own) or 'none'}."
            )
        return names[wanted]
    if len(own) != 1:
        raise ValueError(
            f"compiler: {file} has {len(own)} functions"
            f"{': ' + ', '.join(own) if own else ''}; name one as {file}:FUNCTION."
        )
    return next(iter(own.values()))


def arguments(
    names: dict[str, Any], name: str, types: Sequence[str]
) -> tuple[Any, ...]:
    """The arguments by the types given, or the file's `example_args`."""
    if types:
        return tuple(type_of(t) for t in types)
    found = names.get("example_args")
    if isinstance(found, dict):
        found = found.get(name)
    if found is None:
        raise ValueError(
            f"compiler: the arguments of {name} are not known; give their types, like"
            " f32[16,16], or a tuple `example_args` in the file."
        )
    return tuple(found)


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line; ends the process with a message where it is wrong."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        prog="python -m chainrule.compiler", description=__doc__.splitlines()[0]
    )
    parser.add_argument("target", metavar="FILE[:FUNCTION]")
    parser.add_argument("types", nargs="*", metavar="TYPE")
    parser.add_argument("--passes", default="simplified,clusters,loops,plan")
    parser.add_argument("--html", default="", metavar="PAGE")
    given = parser.parse_args(argv)
    given.passes = [p for p in given.passes.split(",") if p]
    unknown = [p for p in given.passes if p not in STAGES]
    if unknown:
        parser.error(f"no stage {', '.join(unknown)}; there are {', '.join(STAGES)}")
    return given


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; its exit status."""
    given = parsed(argv)
    file, _, wanted = given.target.partition(":")
    try:
        names = runpy.run_path(file, run_name="example")
        function = function_in(names, file, wanted)
        name = wanted or getattr(function, "__name__", "function")
        args = arguments(names, name, given.types)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    jitted = function if isinstance(function, JitFunction) else jit(function)
    traced = jitted.trace(*args)
    leaves = tree_leaves(traced.without_static(args, {}))
    known = not any(isinstance(x, ShapeDtypeStruct) for x in leaves)
    arrays = [as_array(x, name) for x in leaves] if known else None
    made = report(traced.jaxpr, arrays, name)
    if given.html:
        made.save(given.html)
    shown = [f"== {stage}\n{made.show(stage)}\n" for stage in given.passes]
    try:
        print("\n".join(shown), flush=True)
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
