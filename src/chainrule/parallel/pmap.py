"""pmap: one function, run on several devices, each with its part of the arguments.

On the CPU devices of one process the parts are computed as one batch: the mapped axis
is a named axis, collectives reduce over it, and values and derivatives are those of
running each part on a device of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from ..api.vmap import vmap
from ..control.jit import jit
from ..core.avals import as_array, aval_of
from ..runtime._native import tree_flatten
from ..runtime.pytree import flatten_axes
from ..transforms.flat import check_callable, name_of
from .devices import device_count


class _Axis:
    """The name of an axis that has none: equal only to itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<unnamed axis>"


def pmap(
    fun: Callable[..., Any],
    axis_name: Hashable | None = None,
    *,
    in_axes: Any = 0,
    out_axes: Any = 0,
    static_broadcasted_argnums: int | Iterable[int] = (),
    devices: Sequence[Any] | None = None,
    backend: str | None = None,
    axis_size: int | None = None,
    donate_argnums: int | Iterable[int] = (),
    global_arg_shapes: Any = None,
) -> Callable[..., Any]:
    """Maps `fun` over devices, one part of the arguments on each.

    Args:
        fun: function of arrays or pytrees of them.
        axis_name: a name for the mapped axis, for collectives such as `lax.psum`.
        in_axes, out_axes: as for `vmap`.
        static_broadcasted_argnums: positions of arguments that are not traced.
        devices: the devices to use; by default all of them.
        axis_size: the size of the mapped axis.
        backend, donate_argnums, global_arg_shapes: accepted.

    Returns:
        A function of arguments whose mapped dimension is at most the device count.

    Raises:
        ValueError: there are fewer devices than parts; sizes disagree.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> cr.pmap(lambda x: cr.lax.psum(x, "i"), axis_name="i")(cnp.ones(1)).tolist()
    [1.0]
    """
    check_callable("pmap", fun)
    static = static_broadcasted_argnums
    static = (static,) if isinstance(static, int) else tuple(static)
    name = _Axis() if axis_name is None else axis_name

    def spread(*args: Any, **kwargs: Any) -> Any:
        fixed = {i % len(args) for i in static}
        dynamic = [a for i, a in enumerate(args) if i not in fixed]
        axes = in_axes
        if isinstance(in_axes, (tuple, list)) and fixed:
            axes = tuple(a for i, a in enumerate(in_axes) if i not in fixed)

        part = _with_fixed(fun, {i: args[i] for i in fixed})
        mapped = vmap(part, axes, out_axes, axis_name=name, axis_size=axis_size)
        return mapped(*dynamic, **kwargs)

    staged = jit(spread, static_argnums=static or None)

    @functools.wraps(fun)
    def checked(*args: Any, **kwargs: Any) -> Any:
        dynamic = [a for i, a in enumerate(args) if i not in static]
        _check_devices(name_of(fun), dynamic, kwargs, in_axes, devices, backend)
        return staged(*args, **kwargs)

    return checked


def _with_fixed(fun: Callable[..., Any], fixed: dict[int, Any]) -> Callable[..., Any]:
    """`fun` of the positional arguments that are not in `fixed`."""

    def part(*given: Any, **named: Any) -> Any:
        rest = iter(given)
        count = len(given) + len(fixed)
        full = [fixed[i] if i in fixed else next(rest) for i in range(count)]
        return fun(*full, **named)

    part.__name__ = name_of(fun)
    return part


def _check_devices(
    name: str, args: Any, kwargs: Any, in_axes: Any, devices: Any, backend: Any
) -> None:
    have = device_count(backend) if devices is None else len(devices)
    leaves, tree = tree_flatten((tuple(args), kwargs))
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    if isinstance(in_axes, tuple) and len(in_axes) != len(args):
        return
    for x, axis in zip(leaves, flatten_axes("pmap in_axes", tree, (in_axes, 0))):
        shape = aval_of(as_array(x, "pmap")).shape
        if axis is not None and -len(shape) <= axis < len(shape) and shape[axis] > have:
            raise ValueError(
                f"pmap: {name} was called with {shape[axis]} parts, but there"
                f" {'is 1 device' if have == 1 else f'are {have} devices'}; set"
                " config.update('num_cpu_devices', n), or use vmap."
            )
