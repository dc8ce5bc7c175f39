"""The operations of random programs over large and odd shapes.

Each works on operands of any shape and dtype: what an operation asks for, axes, offsets
and operands that fit together, it makes itself, from numbers drawn beforehand (`Draws`)
and the shapes that it finds. So a program runs at any extents.

All numbers are whole, and small enough that their dtype has all whole numbers of that
size (`Value.bound`): sums, products and convolutions are exact in any order, and what is
computed has to be what NumPy computes to the last bit. NumPy has float64 in the place of
every floating-point dtype. `xp` is chainrule.numpy or NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import chainrule.numpy as cnp
from chainrule import lax

from .typed_operations import wide

MAX_SIZE = 1 << 17
"""Elements of the largest value in a program."""

LIMITS = {
    "float16": 1 << 11, "bfloat16": 1 << 8, "float32": 1 << 24, "float64": 1 << 53,
    "complex64": 1 << 24,
}  # fmt: skip
"""Up to where floating-point dtypes have all whole numbers."""
WHOLE = "int8", "uint8", "int32", "int64"
DTYPES = ("float32", *LIMITS, *WHOLE, "bool")


def dtypes() -> list[str]:
    """The dtypes that the current precision has."""
    return [n for n in DTYPES if wide() or n not in ("float64", "int64")]


class Value(NamedTuple):
    """An array of either library, its dtype, and a bound of floating-point values."""

    array: Any
    dtype: str
    bound: int = 1

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)

    @property
    def ndim(self) -> int:
        return len(self.array.shape)

    @property
    def size(self) -> int:
        return math.prod(self.array.shape)

    def of(self, array: Any) -> Value:
        """Other elements of the same kind."""
        return Value(array, self.dtype, self.bound)


class Draws:
    """Numbers drawn beforehand, which an operation takes one by one; then zeros."""

    def __init__(self, numbers: Sequence[int]):
        self.numbers = iter(numbers)
        self.taken: list[int] = []

    def below(self, n: int) -> int:
        """A number of 0 to n - 1; 0 if there is none."""
        self.taken.append(next(self.numbers, 0) % max(n, 1))
        return self.taken[-1]

    def one(self, *choices: Any) -> Any:
        """One of the choices."""
        return choices[self.below(len(choices))]

    def axis(self, x: Value) -> int:
        """An axis of a value that has some, the last ones first."""
        return x.ndim - 1 - self.below(x.ndim)

    def axes(self, x: Value) -> tuple[int, ...]:
        """One to all axes."""
        chosen = 1 + self.below((1 << x.ndim) - 1)
        return tuple(k for k in range(x.ndim) if chosen >> (x.ndim - 1 - k) & 1)


SHAPED: dict[str, Callable[..., Value]] = {}


def op(function: Callable[..., Value]) -> Callable[..., Value]:
    """Registers an operation: `function(xp, draws, x, y)`."""
    SHAPED[function.__name__] = function
    return function


# --- numbers that stay whole and small --------------------------------------------------


def dtype_in(xp: Any, name: str) -> Any:
    """The dtype that a library computes in."""
    if xp is np and name in LIMITS:
        return np.dtype("complex128" if name == "complex64" else "float64")
    return cnp.dtype(name)


def small(xp: Any, x: Value, most: int = 8) -> Value:
    """The value with numbers of -3 to 4 where they might exceed `most`."""
    if x.dtype not in LIMITS or x.bound <= most:
        return x
    a = x.array
    if x.dtype == "complex64":
        parts = [_rest(xp, p) for p in (xp.real(a), xp.imag(a))]
        return Value(parts[0] + 1j * parts[1], x.dtype, 4)
    return Value(_rest(xp, a), x.dtype, 4)


def _rest(xp: Any, a: Any) -> Any:
    return a - 8 * xp.floor(a / 8) - 3


def real(xp: Any, x: Value) -> Value:
    """The real part, in float32."""
    return Value(xp.real(x.array), "float32", x.bound) if x.dtype == "complex64" else x


def number(xp: Any, x: Value) -> Value:
    """Booleans as integers."""
    return cast(xp, x, "int32") if x.dtype == "bool" else x


def cast(xp: Any, x: Value, dtype: str) -> Value:
    """The value in another dtype, which has all of its numbers."""
    if x.dtype == dtype:
        return x
    if dtype == "bool":
        return Value(x.array != 0, dtype)
    if dtype != "complex64":
        x = real(xp, x)
    if x.dtype in LIMITS:
        x = small(xp, x, LIMITS.get(dtype, 100))
        if dtype == "uint8":
            x = x.of(abs(x.array))
    elif dtype in LIMITS and x.dtype != "bool":
        x = Value(x.array % 8, x.dtype, 7)
    return Value(x.array.astype(dtype_in(xp, dtype)), dtype, x.bound)


def summed(xp: Any, terms: int, *factors: Value) -> tuple[int, list[Value]]:
    """The factors, made such that a sum of so many products is exact, and its bound;
    numbers of 16 bits become float32 for it where they have to."""
    dtype = factors[0].dtype
    if dtype not in LIMITS:
        return 1, list(factors)
    double = 2 if dtype == "complex64" else 1
    bound = double * terms * math.prod(v.bound for v in factors)
    if bound > LIMITS[dtype]:
        factors = tuple(small(xp, v) for v in factors)
        bound = double * terms * math.prod(v.bound for v in factors)
    if bound > LIMITS[dtype]:
        factors = tuple(cast(xp, v, "float32") for v in factors)
    return bound, list(factors)


# --- shapes that fit --------------------------------------------------------------------


def resized(xp: Any, x: Value, axis: int, n: int) -> Value:
    """With n elements along an axis: some fewer, or ones behind the others."""
    have = x.shape[axis]
    if have > n:
        return x.of(x.array[(slice(None),) * axis + (slice(0, n),)])
    if have == n:
        return x
    return x.of(padded_with(xp, x, 1, axis, (0, n - have, 0)))


def padded_with(xp: Any, x: Value, value: int, axis: int, by: Sequence[int]) -> Any:
    """`lax.pad` along one axis."""
    config = [(0, 0, 0)] * x.ndim
    config[axis] = tuple(by)
    if xp is not np:
        return lax.pad(x.array, cnp.asarray(value, x.array.dtype), config)
    return numpy_pad(x.array, value, config)


def numpy_pad(a: Any, value: Any, config: Sequence[Sequence[int]]) -> Any:
    """What `lax.pad` gives."""
    for axis, (low, high, interior) in enumerate(config):
        n, at = a.shape[axis], (slice(None),) * axis
        inside = n + max(n - 1, 0) * interior
        shape = (*a.shape[:axis], inside + max(low, 0) + max(high, 0))
        made = np.full((*shape, *a.shape[axis + 1 :]), value, a.dtype)
        made[(*at, slice(max(low, 0), max(low, 0) + inside, interior + 1))] = a
        end = made.shape[axis] - max(-high, 0)
        a = made[(*at, slice(max(-low, 0), max(end, max(-low, 0))))]
    return a


def flat(xp: Any, x: Value, n: int) -> Value:
    """The first n elements, in one row."""
    return resized(xp, x.of(x.array.reshape(-1)), 0, n)


def like(xp: Any, y: Value, x: Value, but: int = -1) -> Value:
    """The value y with the dtype and shape of x, but for one axis; where y has one
    element along an axis, it may keep it."""
    y = cast(xp, y, x.dtype)
    while y.ndim > x.ndim:
        y = y.of(resized(xp, y, 0, 1).array[0])
    y = y.of(y.array.reshape((1,) * (x.ndim - y.ndim) + y.shape))
    for k, n in enumerate(x.shape):
        y = resized(xp, y, k, min(y.shape[k], max(n, 3 * (k == but))))
    for k, n in enumerate(x.shape):
        if k != but and not (y.shape[k] == 1 and but < 0):
            y = resized(xp, y, k, n)
    return y


def along(xp: Any, x: Value, axis: int) -> Any:
    """0, 1, 2, ... along an axis."""
    if xp is not np:
        return lax.broadcasted_iota("int32", x.shape, axis)
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    iota = np.arange(x.shape[axis], dtype="int32").reshape(shape)
    return np.broadcast_to(iota, x.shape)


def fits(*extents: int) -> bool:
    """Whether an array is not too large, nor would be if it was not empty."""
    return math.prod(max(n, 1) for n in extents) <= MAX_SIZE
