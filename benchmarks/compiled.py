"""Rows of compiled functions: one text, run by every library that shares the namespace.

`kernel` declares a row per case of a function of NumPy's namespace, `program` of one that
needs the whole library (its `grad`, `lax`, `random`). Chainrule and JAX run it under `jit`,
NumPy and PyTorch as it stands; whoever writes it differently gets a maker of its own.
A case is a size and a type, "1K f32": inputs are made for the size, by seed, and cast to
the type. What a library's maker returns runs on its own arrays, made beforehand.
"""

import functools
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy

from benchmarks.budgets import NEVER_SLOWER, Budget
from benchmarks.inputs import to_array
from benchmarks.rows import CallRow, Timed

JITTED = ("chainrule", "jax", "jax0431")
TYPES = {"f32": numpy.float32, "f64": numpy.float64}
TOLERANCES = {"f32": 1e-4, "f64": 1e-9}
SMALL = 1 << 16

Function = Callable[..., Any]
Inputs = Callable[[int], tuple[Any, ...]]


def size_of(text: str) -> int:
    """The number that `text` writes with K and M.

    >>> size_of("3"), size_of("4K"), size_of("16M")
    (3, 4096, 16777216)
    """
    scale = {"K": 1 << 10, "M": 1 << 20}.get(text[-1])
    return int(text[:-1]) * scale if scale else int(text)


def cast(tree: Any, dtype: type) -> Any:
    """`tree` with its floating arrays in `dtype`, and its integers in 32 bits."""
    if isinstance(tree, dict):
        return {key: cast(item, dtype) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(cast(item, dtype) for item in tree)
    array = numpy.asarray(tree)
    kinds = {"f": dtype, "i": numpy.int32, "u": numpy.uint32}
    return array.astype(kinds.get(array.dtype.kind, array.dtype))


def convert(lib: Any, tree: Any) -> Any:
    """`tree` with the library's arrays for NumPy's."""
    if isinstance(tree, dict):
        return {key: convert(lib, item) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(convert(lib, item) for item in tree)
    return to_array(lib, tree)


def traffic(tree: Any) -> int:
    """The bytes of all arrays of `tree`."""
    if isinstance(tree, dict):
        return sum(map(traffic, tree.values()))
    if isinstance(tree, (list, tuple)):
        return sum(map(traffic, tree))
    return int(getattr(tree, "nbytes", 0))


def whole(outcome: Any) -> Any:
    """The outcome itself is what the libraries agree on."""
    return outcome


def maker(
    prepare: Callable[[Any], Function],
    inputs: Callable[[], tuple[Any, ...]],
    result: Callable[[Any], Any] | None,
) -> Callable[[Any], Timed]:
    """A row's maker: `prepare(lib)` is the function to call with the library's arrays."""

    def make(lib: Any) -> Timed:
        call = prepare(lib)
        values = inputs()
        arrays = values if hasattr(lib, "njit") else convert(lib, values)
        moved = traffic(list(arrays)) + traffic(call(*arrays))
        return Timed(lambda: call(*arrays), result, moved)

    return make


def as_it_stands(function: Function) -> Callable[[Any], Function]:
    """`function` with the library, or a namespace that stands for one."""

    def prepare(lib: Any) -> Function:
        view = lib if hasattr(lib, "numpy") and hasattr(lib, "lax") else None
        return functools.partial(function, view or SimpleNamespace(numpy=lib))

    return prepare


def jitted(function: Function) -> Callable[[Any], Function]:
    """`function`, compiled by the library."""
    return lambda lib: lib.jit(functools.partial(function, lib))


def torch_compiled(function: Function) -> Callable[[Any], Function]:
    """`function`, compiled by torch.compile."""
    return lambda torch: torch.compile(
        functools.partial(function, SimpleNamespace(numpy=torch))
    )


def program(
    group: str,
    name: str,
    title: str,
    function: Function,
    inputs: Inputs,
    cases: str,
    *,
    peers: tuple[str, ...] = (),
    others: Mapping[str, Callable[[Any], Function]] | None = None,
    bound: str = "",
    flops: Callable[[int], float] | None = None,
    budgets: Mapping[str, tuple[Budget, ...]] | None = None,
    result: Callable[[Any], Any] = whole,
    random: bool = False,
    rtol: Mapping[str, float] | None = None,
    small: int = SMALL,
    target: Budget = NEVER_SLOWER,
    per: int = 1,
) -> None:
    """Declare a row for each of `cases`, such as "1K f32, 1M f64".

    `function(lib, *arrays)` runs jitted in Chainrule and JAX, as it stands in `peers`
    ("torch.compile" compiles it); `others` maps a library to its own `prepare(lib)`, which
    returns a function of the arrays. `bound` is "copy", or "fma" with `flops` of the size. What
    peers and others compute is not compared if it is `random`. Cases of at most the size
    `small`, and each first one, run in the tests. `target` is the budget of every case;
    `per` is as in `CallRow`.
    """
    for case in cases.split(", "):
        size, dtype = case.split(" ")
        row = CallRow(
            group,
            f"{name}_{size}_{dtype}",
            f"{title}, {size} {dtype}",
            budgets=(*(budgets or {}).get(case, ()), target),
            per=per,
            rtol=(rtol or TOLERANCES)[dtype],
            x64=dtype == "f64",
            bound=bound + dtype[1:] if bound == "fma" else bound,
            flops=flops(size_of(size)) if flops else 0.0,
            tested=size_of(size) <= small,
        )

        def values(size: str = size, dtype: str = dtype) -> tuple[Any, ...]:
            return cast(inputs(size_of(size)), TYPES[dtype])

        own = dict(others or {})
        for library in JITTED:
            prepare = own.pop(library, jitted(function))
            row.implement(library)(maker(prepare, values, result))
        apart = None if random else result
        for peer in peers:
            compiles = peer == "torch.compile"
            prepare = (torch_compiled if compiles else as_it_stands)(function)
            row.implement(peer)(maker(prepare, values, apart))
        for peer, prepare in own.items():
            row.implement(peer)(maker(prepare, values, apart))


def kernel(
    group: str,
    name: str,
    title: str,
    function: Function,
    inputs: Inputs,
    cases: str,
    *,
    peers: tuple[str, ...] = ("numpy", "torch"),
    **options: Any,
) -> None:
    """`program` for a `function(np, *arrays)` of the NumPy-like namespace alone."""
    program(
        group,
        name,
        title,
        lambda lib, *arrays: function(lib.numpy, *arrays),
        inputs,
        cases,
        peers=peers,
        **options,
    )


def generator(seed: int) -> numpy.random.Generator:
    """NumPy's generator from a seed."""
    return numpy.random.default_rng(seed)


def normals(count: int, *shape: Any) -> Inputs:
    """Inputs of `count` normal arrays; `shape` of the size, the size itself if empty.

    An entry of `shape` is a number or a function of the size.
    """

    def make(size: int) -> tuple[numpy.ndarray, ...]:
        extents = [part(size) if callable(part) else part for part in shape or (size,)]
        draw = generator(count)
        return tuple(draw.standard_normal(extents, numpy.float32) for _ in range(count))

    return make
