"""Loops in segments: reverse mode of a scan with the memory of a part of its steps.

A scan with the parameter `segments` = (m, ...) is linearized as a loop over segments of m
steps, each a `checkpoint` equation: the carry is kept where a segment starts, and the
residuals of one segment at a time are computed anew. n steps that carry C bytes and
have R bytes of residuals take n/m C + m R, least at m = sqrt(n C/R). Further numbers
divide the segments in the same way: k levels need about the (k+1)-th root of n and run the
loop k + 1 times (Griewank and Walther, Evaluating Derivatives, 2008, section 12.3).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..core.avals import aval_of, update
from ..ops.joining import concatenate
from ..ops.shaping import reshape
from ..ops.structure import slice_rows
from .call import stage_program
from .programs import parts
from .recompute import checkpoint_p

Bind = Callable[..., list[Any]]


def nbytes(avals: Sequence[Any]) -> int:
    """The bytes of arrays of these types."""
    return sum(a.size * a.dtype.itemsize for a in avals)


class Sizes(NamedTuple):
    """What the reverse mode of a loop stores: `steps`, the bytes of the `carry`, and of
    the residuals of a step."""

    steps: int
    carry: int
    residuals: int

    def stored(self, segments: Sequence[int]) -> int:
        """The bytes kept when the loop has run: its residuals, or carries."""
        if not segments:
            return self.steps * self.residuals
        return self.steps // segments[0] * self.carry

    def again(self, segments: Sequence[int]) -> int:
        """The bytes that one segment takes when it is run again."""
        if not segments:
            return 0
        inner = Sizes(segments[0], self.carry, self.residuals)
        return inner.stored(segments[1:]) + inner.again(segments[1:])

    def divided(self, levels: int) -> tuple[int, ...]:
        """The lengths of segments, so many levels of them, that take the least memory:
        n_i/n_(i+1) C is the same on all levels, and as much as m R in the last."""
        if not levels or self.steps < 4 or not self.residuals:
            return ()
        ratio = max(self.residuals / max(self.carry, 1), 1e-3)
        count = (self.steps * ratio) ** (1 / (levels + 1))
        count = min(max(count, 2.0), self.steps)
        size = _nearby_divisor(self.steps, max(round(self.steps / count), 1))
        if size == self.steps:
            return ()
        inner = Sizes(size, self.carry, self.residuals)
        return size, *inner.divided(levels - 1)


def _nearby_divisor(n: int, size: int) -> int:
    """A divisor of `n` close to `size`, if there is one: no steps are left over then."""
    found = [d for d in range(size * 2 // 3, size * 3 // 2 + 1) if d and n % d == 0]
    return min(found, key=lambda d: abs(math.log(d / size)), default=size)


def in_segments(
    bind: Bind, args: Sequence[Any], segments: Sequence[int], *, num_consts: int,
    num_carry: int, length: int, **params: Any,
) -> list[Any]:  # fmt: skip
    """The results of a loop, run by segments of segments[0] steps and by what is left;
    `bind` binds the scan primitive. The rows left over are the last ones, so that
    segments read the arrays from their start; a reversed loop begins with them."""
    size, within = segments[0], tuple(segments[1:])
    consts, carry, xs = parts(args, num_consts, num_carry)
    count = length // size
    rows = count * size
    loop = {**params, "num_consts": num_consts, "num_carry": num_carry}

    def whole(carry: Sequence[Any]) -> list[list[Any]]:
        blocks = [_blocks(slice_rows(x, 0, rows, 0), count) for x in xs]
        avals = [*map(aval_of, (*consts, *carry)), *map(_block_type, blocks)]
        body = _segment(bind, {**loop, "length": size}, within, avals)
        outs = bind(
            *consts, *carry, *blocks, **{**loop, "length": count, "jaxpr": body}
        )
        carry, ys = parts(outs, num_carry)
        return [carry, [_rows(y) for y in ys]]

    def rest(carry: Sequence[Any]) -> list[list[Any]]:
        tail = [slice_rows(x, rows, length, 0) for x in xs]
        last = {**loop, "length": length - rows}
        inner = within if within and within[0] < length - rows else ()
        operands = [*consts, *carry, *tail]
        if params["reverse"]:  # these residuals would be needed last
            program = _run_again(bind, last, inner, [*map(aval_of, operands)])
            outs = checkpoint_p(*operands, jaxpr=program, **_UNNAMED)
        else:
            outs = bind(*operands, **last, **_segments(inner))
        return parts(outs, num_carry)

    if rows == length:
        carry, ys = whole(carry)
        return [*carry, *ys]
    if params["reverse"]:
        carry, last = rest(carry)
        carry, first = whole(carry)
    else:
        carry, first = whole(carry)
        carry, last = rest(carry)
    return [*carry, *(concatenate(pair, 0) for pair in zip(first, last))]


_UNNAMED = {"name": "segment", "policy": None, "prevent_cse": True}


def _segments(sizes: Sequence[int]) -> dict[str, Any]:
    return {"segments": tuple(sizes)} if sizes else {}


def _blocks(x: Any, count: int) -> Any:
    n, *sizes = aval_of(x).shape
    return reshape(x, (count, n // count, *sizes))


def _block_type(x: Any) -> Any:
    aval = aval_of(x)
    return update(aval, shape=aval.shape[1:])


def _rows(y: Any) -> Any:
    count, size, *sizes = aval_of(y).shape
    return reshape(y, (count * size, *sizes))


def _run_again(bind: Bind, loop: Any, within: Sequence[int], avals: Any) -> Any:
    """The program of a loop."""
    key = ("segment", loop["length"], tuple(within), *_flags(loop))
    return loop["jaxpr"].derived(
        key,
        lambda: stage_program(
            lambda *xs: bind(*xs, **loop, **_segments(within)), avals
        ),
    )


def _segment(bind: Bind, loop: Any, within: Sequence[int], avals: Any) -> Any:
    """The body of the loop over segments."""
    program = _run_again(bind, loop, within, avals)
    params = {**_UNNAMED, "prevent_cse": False}
    return program.derived(
        "segment",
        lambda: stage_program(
            lambda *xs: checkpoint_p(*xs, jaxpr=program, **params), avals
        ),
    )


def _flags(loop: Any) -> tuple[Any, ...]:
    return tuple(loop[k] for k in ("num_consts", "num_carry", "reverse", "unroll"))
