"""Named axes: which names are bound in this thread, their sizes and their traces.

`vmap(axis_name=...)` and `pmap` bind a name while their function runs. Collectives
(`psum("i")`) are then processed by the trace that owns the name, even where no
operand is batched; under `jit` they are staged, with the size taken from here.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from ..runtime import _native


class _Frames(threading.local):
    def __init__(self) -> None:
        self.stack: list[tuple[Any, int, Any]] = []


_frames = _Frames()


@contextmanager
def bind_axis(name: Any, size: int, trace: Any) -> Generator[None, None, None]:
    """Within the block, `name` is an axis of `size`, processed by `trace`."""
    _frames.stack.append((name, size, trace))
    _native.configuration_changed()
    try:
        yield
    finally:
        _frames.stack.pop()
        _native.configuration_changed()


def _find(name: Any) -> tuple[Any, int, Any]:
    for found in reversed(_frames.stack):
        if found[0] == name:
            return found
    bound = [repr(n) for n, _, _ in _frames.stack] or ["none"]
    raise NameError(
        f"unbound axis name: {name!r}; the axes bound here are {', '.join(bound)}."
        " Bind one with vmap(..., axis_name=...) or pmap."
    )


def axis_names(names: Any) -> tuple[Any, ...]:
    """One axis name or a sequence of them, as a tuple."""
    return tuple(names) if isinstance(names, (tuple, list)) else (names,)


def axis_size(names: Any) -> int:
    """The product of the sizes of the named axes; NameError where one is unbound."""
    size = 1
    for name in axis_names(names):
        size *= _find(name)[1]
    return size


def bound_axes() -> tuple[tuple[Any, int], ...]:
    """The (name, size) of the axes bound in this thread: what programs may depend on."""
    return tuple([(n, s) for n, s, _ in _frames.stack])


def _collective(prim: Any, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Binds a collective: the innermost of dynamic, operands' and axes' traces."""
    traces = [_find(n)[2] for n in axis_names(params["axis_name"])]
    traces += [a._trace for a in args if isinstance(a, _native.Tracer)]
    dynamic = _native.current_dynamic()
    if dynamic is not None:
        traces.append(dynamic)
    top = max((t for t in traces if t is not None), key=lambda t: t.level, default=None)
    if top is None:
        raise NameError(f"{prim.name}: no trace owns {params['axis_name']!r}.")
    return top.process(prim, args, params)


_native.set_hooks({"collective": _collective})
