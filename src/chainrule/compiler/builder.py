"""What lowering rules build with: `rule(build, *operands, **params)` returns values.

A rule receives a `Builder`, whose `out` is the aval (or list of avals) of the result,
and operands that can be read at indices. It says what an element is:

    build.map(fn, *operands)         elementwise, with NumPy's broadcasting
    build.index(fn, *operands)       fn(indices) is the element
    build.fold(...)                  a reduction
    build.native(name, ...)          a library kernel over whole buffers
    build.evaluate()                 NumPy's evaluation, called from the plan

`build.m` is the namespace of scalar operations and functions (`scalars`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import scalars
from .components import MOST, interleaved, split_axis
from .expr import Expr, const, convert, select
from .fusion import WORK
from .index import ZERO, Index, ravel
from .sizes import shaped
from .updates import Piece, Written, copy_of, write
from .values import (
    Constant,
    Fold,
    Indices,
    Lazy,
    Reduced,
    Stored,
    Value,
    type_of,
)

EXPENSIVE = 8.0
DEEPEST = 48


class Unsupported(Exception):
    """The rule does not cover this case; the equation is evaluated by NumPy's code."""


class Builder:
    """Makes the values of one equation."""

    m = scalars

    def __init__(self, program: Any, out: Any, params: dict[str, Any]):
        self.program, self.out, self.params = program, out, params

    def check(self, *avals_or_values: Any) -> None:
        """Raises Unsupported where a dtype has no scalar type in the loop IR."""
        for x in avals_or_values:
            if x.type is None:
                raise Unsupported(f"dtype {x.aval.dtype}")
        for aval in self.out if isinstance(self.out, list) else [self.out]:
            self.type_of(aval.dtype)

    def map(
        self,
        fn: Callable[..., Expr],
        *operands: Value,
        cost: float = 1.0,
        widen: bool = True,
        **params: Any,
    ) -> Value:
        """fn(m, *elements, **params) of the operands' elements; half-precision floats
        are computed in f32 and rounded after every operation, unless `widen` is off."""
        self.check(*operands)
        out, shape = self.type_of(self.out.dtype), self.out.shape
        alike = [len(x.shape) == len(shape) and x.shape == shape for x in operands]
        settled = [x if same else self.settled(x) for x, same in zip(operands, alike)]

        def combine(elements: Sequence[Expr]) -> Expr:
            return _element(fn, elements, out, params, widen)

        def element(indices: Indices) -> Expr:
            return combine([x.at(*aligned(x.shape, shape, indices)) for x in settled])

        def linear(position: Index) -> Expr:
            return combine([x.linear(position) for x in settled])

        made = self._lazy(element, settled, cost, linear if all(alike) else None)
        made.split = split_axis(shape, settled)
        return made

    def index(
        self,
        fn: Callable[..., Expr],
        *operands: Value,
        cost: float = 0.5,
        linear: Callable[[Index], Expr] | None = None,
        flat: Value | None = None,
    ) -> Value:
        """The value whose element at `indices` is fn(*indices); `flat`: a value that
        begins with the same elements, in row-major order."""
        self.check(*operands)
        made = self._lazy(lambda indices: fn(*indices), operands, cost, linear)
        made.flat = flat
        return made

    def aval(self, shape: Sequence[int], dtype: Any, weak_type: bool = False) -> Any:
        """The aval of an intermediate value."""
        return shaped(shape, dtype, weak_type)

    def of(self, aval: Any) -> Builder:
        """A builder of an intermediate value of that aval."""
        return Builder(self.program, aval, {})

    def guarded(
        self, condition: Expr, read: Callable[[], Expr], otherwise: Expr
    ) -> Expr:
        """read() where the condition holds, `otherwise` elsewhere: nothing is loaded
        there, so that indices may be out of range."""
        if condition.op == "const":
            return read() if condition.data else otherwise
        value = self.program.current.under(condition, read)
        zero = value.op == "load" and value.data[3] & 2 and value.args[-1] is condition
        if zero and otherwise is const(0, value.type):
            return value
        return select(condition, value, otherwise)

    def target(self) -> Written:
        """The result as a buffer that `write` fills, part by part."""
        self.check()
        return Written(self.out, self.program)

    def copied(self, x: Value) -> Written:
        """As target, but at first a copy of `x`, made in place if `x` dies."""
        self.check(x)
        return copy_of(self.program, self.out, x)

    def write(
        self,
        target: Written,
        shape: Sequence[int],
        element: Callable[..., Expr],
        place: Callable[..., Sequence[Index] | Index],
        *operands: Value,
        when: Callable[..., Expr] | None = None,
        combine: Callable[..., Expr] | None = None,
        ordered: Sequence[int] = (),
        limits: Callable[..., tuple[Expr, Expr]] | None = None,
    ) -> None:
        """At every index of `shape`, stores element(*indices) at place(*indices) of the
        target (an index, or a row-major position), where when(*indices) holds;
        combine(m, old, new) of what is there. Points that may meet differ in the
        `ordered` dimensions, and go in their order. The last dimension runs from
        limits(*indices)[0] to limits(*indices)[1] alone, if they are given."""
        self.check(*operands)

        def position(*indices: Index) -> Index:
            found = place(*indices)
            return found if isinstance(found, Index) else ravel(found, target.shape)

        how = None if combine is None else functools.partial(combined, combine)
        piece = Piece(target, shape, element, position, when, how)
        piece.limits = limits
        write(self.program, piece, ordered)

    def depends(self, x: Value, on: Value) -> bool:
        """Whether computing `x` where it is read reads `on`."""
        if x is on:
            return True
        inline = isinstance(x, Lazy) and not x.anchor
        return inline and any(self.depends(y, on) for y in x.operands)

    def settled(self, x: Value, reads: int = 2) -> Value:
        """`x`, computed once into a buffer if reading every element of it `reads`
        times would cost."""
        limit = 1.0 if reads >= 8 else EXPENSIVE
        if isinstance(x, Lazy) and not x.anchor and x.cost >= limit and reads > 1:
            self.program.settle(x)
        return x

    def type_of(self, dtype: Any) -> str:
        """The scalar type of a dtype; Unsupported where it has none."""
        found = type_of(dtype)
        if found is None:
            raise Unsupported(f"dtype {dtype}")
        return found

    def stacked(self, axis: int, *xs: Value, element: Callable[..., Expr]) -> Value:
        """Components `xs`, each of extent 1 along the axis, as index would make it."""
        made = self.index(element, *xs, cost=float(len(xs)))
        assert isinstance(made, Lazy)
        if 1 < len(xs) <= MOST and all(x.shape[axis] == 1 for x in xs):
            made.split = axis
        return made

    def reshape(self, x: Value, shape: Sequence[int]) -> Value:
        """The same elements in row-major order."""
        self.check(x)
        made = self._lazy(
            lambda indices: x.linear(ravel(indices, shape)), (x,), 0.0, x.linear
        )
        made.flat = x
        return made

    def barrier(self, x: Value) -> Value:
        """`x`; what reads it is not computed in kernels that there are already."""
        self.program.close_kernels()
        return x

    def part(self, x: Value, k: int) -> Value:
        """Part `k` of the two that lie side by side in the elements of a buffer."""
        stored = isinstance(x, Stored) and not isinstance(x, Constant)
        self.require(stored and x.type is None, "parts of what is in no buffer")
        read = lambda position: self.program.current.part(
            x, self.out.dtype, position, k
        )
        element = lambda indices: read(ravel(indices, x.shape))
        return self._lazy(element, (x,), 0.0, read)

    def interleaved(self, *parts: Value) -> Value:
        """A buffer with the elements of the parts side by side."""
        shape = self.out.shape
        whole = lambda x: lambda *i: x.at(*aligned(x.shape, shape, i))
        of = lambda x: self.of(self.aval(shape, x.aval.dtype)).index(whole(x), x)
        full = [x if x.shape == shape else of(x) for x in parts]
        return interleaved(self.program, self.out, full)

    def permuted(self, x: Value, order: Sequence[int]) -> Value:
        """`x` with dimension order[k] as its k-th."""
        self.check(x)
        place = [list(order).index(k) for k in range(len(order))]
        shape = tuple(x.shape[k] for k in order)
        out = shaped(shape, x.aval.dtype, x.aval.weak_type)
        made = Lazy(
            out,
            self.program,
            lambda indices: x.at(*[indices[k] for k in place]),
            (x,),
            0.0,
        )
        source, inner = self.unpermuted(x)
        made.view = source, [inner[k] for k in order]
        return made

    def unpermuted(self, x: Value) -> tuple[Value, list[int]]:
        """The value that `x` is a permutation of, and which of its dimensions is which."""
        if isinstance(x, Lazy) and x.view is not None and not x.anchor:
            return x.view
        return x, list(range(len(x.shape)))

    def converted(self, x: Value) -> Value:
        """`x` with every element converted to the result's dtype."""
        out = self.type_of(self.out.dtype)
        self.check(x)
        return self._lazy(
            lambda indices: convert(x.at(*indices), out), (x,), 0.5,
            lambda position: convert(x.linear(position), out),
        )  # fmt: skip

    def gemm(
        self, a: Value, b: Value, sizes: Sequence[int], turned: Sequence[bool],
        strides: Sequence[int], between: Sequence[int], batch: int, parts: int = 1,
    ) -> Value:  # fmt: skip
        """A batch of matrix products by the library; `between` one matrix and the next
        lie that many elements. With `parts`, the result has these in front."""
        m, n, k = sizes
        ints = (m, n, k, *map(int, turned), *strides, *between, m * n)
        out = self.out
        if parts != 1:
            out = shaped((parts, *out.shape), out.dtype)
        name = f"gemm_{a.type or f'c{8 * a.aval.dtype.itemsize}'}"
        return self.program.products(name, a, b, out, ints, batch * parts)

    def native(
        self, name: str, inputs: Sequence[Value], avals: Sequence[Any],
        ints: Sequence[int], extent: int, grain: int | None = None, scratch: int = 0,
    ) -> list[Value]:  # fmt: skip
        """Buffers that a library kernel of the runtime fills, which has `scratch` bytes
        more to work in. It divides [0, extent) itself, unless `grain` says how the
        threads may."""
        if scratch:
            avals = [*avals, shaped((scratch,), np.dtype(np.uint8))]
        grain = max(extent, 1) if grain is None else grain
        made = self.program.native(name, inputs, avals, ints, extent, grain)
        return made[:-1] if scratch else made

    def scan(
        self, body: Any, groups: Sequence[Sequence[Value]], length: int, reverse: bool
    ) -> list[Value]:
        """A loop of known length. `body` maps constants, carry and a row of each x to
        carry and a row of each y; `groups`: constants, first carry, xs."""
        consts, init, xs = groups
        return self.program.scan(body, consts, init, xs, length, reverse, self.out)

    def while_loop(
        self, test: Any, body: Any, groups: Sequence[Sequence[Value]]
    ) -> list[Value]:
        """A loop that runs while `test` of constants and carry holds; `groups`: the
        test's constants, the body's, the first carry."""
        test_consts, consts, init = groups
        return self.program.while_loop(test, test_consts, body, consts, init, self.out)

    def branch(
        self, index: Value, branches: Sequence[Any], operands: Sequence[Value]
    ) -> list[Value]:
        """The results of the program that an int32 scalar chooses."""
        self.require(index.type == "i32", "an index that is no int32")
        return self.program.branch(index, branches, operands, self.out)

    def require(self, condition: bool, what: str) -> None:
        """Raises Unsupported, naming what is not covered, unless the condition holds."""
        if not condition:
            raise Unsupported(what)

    def stored(self, x: Value) -> Value:
        """`x`, in a buffer of its own."""
        self.program.settle(x)
        return x

    def fold(
        self,
        domain: Sequence[int],
        axes: Sequence[int],
        values: Callable[..., tuple[Expr, ...]],
        initial: Sequence[Expr],
        update: Any,
        *operands: Value,
        join: Any = None,
        finish: Any = None,
        products: bool = False,
        in_order: bool = False,
    ) -> Any:
        """A reduction over `axes` of the index space `domain`: at every index,
        accumulators become update(accumulators, values(*indices)); `in_order`: each
        sees its indices in row-major order, and `join` those of several."""
        self.check(*operands)
        if 0 in domain:
            return self._empty(initial, finish)
        fold = Fold(
            tuple(domain), tuple(axes), lambda indices: values(*indices), tuple(initial),
            update, join or update, operands, finish or (lambda results: results), products,
            in_order,
        )  # fmt: skip
        outs = self.out if isinstance(self.out, list) else [self.out]
        made = [Reduced(a, self.program, fold, k) for k, a in enumerate(outs)]
        return made if isinstance(self.out, list) else made[0]

    def _empty(self, initial: Sequence[Expr], finish: Any) -> Any:
        """Folds of nothing: the initial values."""
        results = list(finish(tuple(initial))) if finish else list(initial)
        outs = self.out if isinstance(self.out, list) else [self.out]
        made = [
            Lazy(a, self.program, lambda _, x=x: x, (), 0.0)
            for a, x in zip(outs, results)
        ]
        return made if isinstance(self.out, list) else made[0]

    def _lazy(
        self, fn: Any, operands: Sequence[Value], cost: float, linear: Any
    ) -> Lazy:
        for x in operands:
            if x.depth >= DEEPEST or x.cost >= WORK:
                self.program.keep(x)
        return Lazy(self.out, self.program, fn, tuple(operands), cost, linear)


def aligned(
    shape: Sequence[int], target: Sequence[int], indices: Indices
) -> list[Index]:
    """Indices into an operand of `shape` that is broadcast to `target`."""
    skip = len(target) - len(shape)
    return [
        ZERO if n == 1 and target[skip + k] != 1 else indices[skip + k]
        for k, n in enumerate(shape)
    ]


def combined(combine: Callable[..., Expr], old: Expr, new: Expr) -> Expr:
    """combine(m, old, new), of old's type; see Builder.write."""
    return _element(combine, (old, new), old.type, {}, widen=True)


def _element(
    fn: Any, elements: Sequence[Expr], out: str, params: Any, widen: bool
) -> Expr:
    half = ("f16", "bf16")
    if widen and any(x.type in half for x in elements):
        elements = [convert(x, "f32") if x.type in half else x for x in elements]
    found = fn(scalars, *elements, **params)
    if not isinstance(found, Expr):
        return const(found, out)
    return convert(found, out) if found.type != out else found


__all__ = ["Builder", "Reduced", "Unsupported", "aligned"]
