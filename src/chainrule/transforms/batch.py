"""Batching: a function of one example becomes one of many, op by op.

A `BatchTracer` is a value with one dimension hidden; each primitive's batching rule
says how it maps over that dimension. Values without a batch dim stay outside of the
trace, so what does not depend on the example is computed once. A trace may own a
named axis, over which collectives then reduce.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core import axis_env, errors
from ..core.avals import ShapedArray, Tracer, aval_of
from ..runtime import _native


class BatchTracer(Tracer):
    """A value whose dimension `dim` is hidden from the function."""

    __slots__ = ("dim", "value")

    def _concrete(self, kind: str) -> Any:
        raise errors.tracer_error(self, kind)

    def origin(self) -> str:
        """That the value stands for all examples at once."""
        return f"(one of {self._trace.size} examples mapped by vmap)"

    def __repr__(self) -> str:
        return f"Traced<{self.aval.str_short()}>with<BatchTrace>"


class BatchTrace(_native.Trace):
    """Applies batching rules; owns the axis `axis_name` where one is given."""

    def __init__(self, size: int, axis_name: Any = None):
        super().__init__()
        self.size = size
        self.axis_name = axis_name

    def process(self, prim: Any, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        values, dims = list(args), [None] * len(args)
        for i, x in enumerate(args):
            if type(x) is BatchTracer and x._trace is self:
                values[i], dims[i] = x.value, x.dim
        if prim.axis_rule and self.owns(params["axis_name"]):
            rule: Any = prim.batch_axis
            out, out_dim = rule(values, dims, self.size, self.axis_name, **params)
        elif all(d is None for d in dims):
            return prim(*values, **params)
        elif prim.batch_call is not None:
            out, out_dim = prim.batch_call(self, values, dims, **params)
        elif not prim.batch:
            raise NotImplementedError(f"{prim.name}: no batching: {prim.batch.reason}.")
        else:
            out, out_dim = prim.batch(values, dims, self.size, **params)
        if prim.multiple_results:
            return [self.box(v, d) for v, d in zip(out, out_dim)]
        return self.box(out, out_dim)

    def owns(self, names: Any) -> bool:
        return self.axis_name is not None and (
            self.axis_name in axis_env.axis_names(names)
        )

    def box(self, value: Any, dim: int | None) -> Any:
        """A tracer hiding dimension `dim`; the value itself where there is none."""
        if dim is None:
            return value
        aval = aval_of(value)
        shape = aval.shape
        hidden = ShapedArray(shape[:dim] + shape[dim + 1 :], aval.dtype, aval.weak_type)
        return BatchTracer(self, hidden, dim, value)


def batch_flat(
    fun: Callable[..., Sequence[Any]],
    size: int,
    args: Sequence[Any],
    dims: Sequence[int | None],
    axis_name: Any = None,
) -> tuple[list[Any], list[int | None]]:
    """Outputs and batch dims of a function on flat values with batch dims."""
    trace = BatchTrace(size, axis_name)
    try:
        boxed = [trace.box(x, d) for x, d in zip(args, dims)]
        if axis_name is None:
            outs = fun(*boxed)
        else:
            with axis_env.bind_axis(axis_name, size, trace):
                outs = fun(*boxed)
        found = [
            (x.value, x.dim)
            if type(x) is BatchTracer and x._trace is trace
            else (x, None)
            for x in outs
        ]
    finally:
        trace.alive = False
    return [v for v, _ in found], [d for _, d in found]
