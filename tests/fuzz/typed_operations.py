"""The operations of random programs over all dtypes: names of chainrule.lax and numpy.

Kinds of operands: "f" real floating-point, "c" complex, "n" any number, "i" integers,
"b" booleans, "a" anything. Values stay bounded, as the operations divide, squash or clip
what would grow; integers wrap around. An operation says by `params` whether it applies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax

from .operations import Operation

MAX_SIZE = 700
"""Elements of the largest value in a program."""

TYPED: dict[str, Operation] = {}
INTEGERS = "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"
REALS = "float16", "bfloat16", "float32", "float64"


def wide() -> bool:
    """Whether 64-bit dtypes are on."""
    return cr.config.jax_enable_x64


def names_of(*groups: tuple[str, ...]) -> list[str]:
    """The dtypes of the groups that the current precision has."""
    return [n for group in groups for n in group if wide() or "64" not in n]


def op(kinds: str, params: Callable[..., Any] = lambda draw, *xs: {}):
    """Registers the decorated function; `params(draw, *operands)` may give None."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__
        TYPED[name] = Operation(name, function, kinds, params=params)
        return function

    return register


# --- when an operation applies ----------------------------------------------------------------


def alike(draw, *xs):
    """Operands that broadcast; dtypes may differ."""
    try:
        shape = np.broadcast_shapes(*[x.shape for x in xs])
    except ValueError:
        return None
    return {} if math.prod(shape) <= MAX_SIZE else None


def same(draw, *xs):
    """Operands of one shape and dtype, as lax asks for."""
    return {} if len({(x.shape, x.dtype) for x in xs}) == 1 else None


def an_axis(draw, x, *others):
    if not x.ndim or 0 in x.shape:
        return None
    return {"axis": draw(st.integers(0, x.ndim - 1))}


def some_axes(draw, x):
    if 0 in x.shape:
        return None
    axes = st.sets(st.integers(0, max(x.ndim - 1, 0)), max_size=x.ndim)
    return {"axis": tuple(sorted(draw(axes))) if x.ndim else ()}


def to_dtype(*groups):
    return lambda draw, x: {"dtype": draw(st.sampled_from(names_of(*groups)))}


def choice(name, *values):
    return lambda draw, *xs: {name: draw(st.sampled_from(values))}


def both(*rules):
    """The parameters of all rules; None where one refuses."""

    def params(draw, *xs):
        found: dict[str, Any] = {}
        for rule in rules:
            more = rule(draw, *xs)
            if more is None:
                return None
            found.update(more)
        return found

    return params


# --- elementwise --------------------------------------------------------------------------------

SMOOTH = {
    "sin": lambda x: x, "cos": lambda x: x, "tanh": lambda x: x, "exp": cnp.sin,
    "log1p": abs, "expm1": cnp.sin, "sqrt": abs, "rsqrt": lambda x: 1 + abs(x),
    "logistic": lambda x: x, "erf": lambda x: x, "erfc": lambda x: x, "atan": lambda x: x,
    "cbrt": lambda x: x, "asinh": lambda x: x, "log": lambda x: 1 + abs(x),
    "exp2": cnp.sin, "sinh": cnp.sin, "cosh": cnp.sin, "square": cnp.sin,
    "tan": cnp.sin, "lgamma": lambda x: 1.5 + abs(x), "digamma": lambda x: 2 + abs(x),
    "sign": lambda x: x, "floor": lambda x: 4 * x, "ceil": lambda x: 4 * x,
    "round": lambda x: 4 * x, "abs": lambda x: x, "neg": lambda x: x,
    "acosh": lambda x: 1.5 + abs(x), "atanh": lambda x: cnp.sin(x) / 2,
    "asin": lambda x: cnp.sin(x) / 2, "acos": lambda x: cnp.sin(x) / 2,
    "reciprocal": lambda x: 1.5 + abs(x), "bessel_i0e": lambda x: x,
    "erf_inv": lambda x: cnp.sin(x) / 2,
}  # fmt: skip
"""Functions of one real argument, and what keeps it in their domain."""


@op("f", choice("name", *sorted(SMOOTH)))
def unary(x, name):
    inside = cnp.asarray(SMOOTH[name](x))
    return getattr(lax, name)(inside.astype(x.dtype))


@op("c", choice("name", "sin", "cos", "exp", "tanh", "log", "sqrt", "abs", "neg"))
def complex_unary(x, name):
    inside = x / (1 + abs(x))
    return getattr(lax, name)(inside + 2 if name == "log" else inside)


@op("c", choice("name", "real", "imag", "conj"))
def parts(x, name):
    return getattr(cnp, name)(x)


@op("ff", same)
def made_complex(x, y):
    return lax.complex(
        *[v if v.dtype.itemsize > 3 else v.astype("float32") for v in (x, y)]
    )


@op("nn", both(alike, choice("name", "add", "subtract", "multiply")))
def arithmetic(x, y, name):
    return bounded(getattr(cnp, name)(x, y))


def bounded(x):
    """x, or x / 2 where it could grow without limit."""
    return x if cnp.issubdtype(x.dtype, cnp.integer) else x / 2


@op("ff", alike)
def ratio(x, y):
    return cnp.true_divide(x, 1.5 + abs(y))


@op("ff", alike)
def power(x, y):
    return (1.5 + cnp.sin(x)) ** cnp.tanh(y)


@op("ff", alike)
def angle(x, y):
    return cnp.arctan2(x, 1.25 + abs(y))


@op("ff", alike)
def hypotenuse(x, y):
    return cnp.hypot(x, y) / 2


@op("n", choice("exponent", 2, 3, 5))
def whole_power(x, exponent):
    return lax.integer_pow(
        x if cnp.issubdtype(x.dtype, cnp.integer) else x / 2, exponent
    )


@op("aa", both(alike, choice("name", "maximum", "minimum")))
def extreme(x, y, name):
    return getattr(cnp, name)(x, y)


@op("n")
def clipped(x):
    return x if x.dtype.kind == "c" else cnp.clip(x, 1, 3)


@op("ii", both(same, choice("name", "floor_divide", "remainder", "gcd")))
def integer_division(x, y, name):
    return getattr(cnp, name)(x, abs(y) % 7 + cnp.ones((), y.dtype))


@op("ii", both(same, choice("name", "div", "rem")))
def truncated_division(x, y, name):
    return getattr(lax, name)(x, y | cnp.ones((), y.dtype))


@op("ff", both(alike, choice("name", "remainder", "floor_divide", "fmod")))
def float_division(x, y, name):
    return getattr(cnp, name)(x, 0.75 + abs(y))


@op("ii", both(same, choice("name", "bitwise_and", "bitwise_or", "bitwise_xor")))
def bitwise(x, y, name):
    return getattr(lax, name)(x, y)


@op("ii", both(same, choice("name", "left", "right_arithmetic", "right_logical")))
def shifted(x, y, name):
    return getattr(lax, "shift_" + name)(x, y & cnp.asarray(7, y.dtype))


@op("i", choice("name", "bitwise_not", "population_count", "clz", "sign", "neg", "abs"))
def integer_unary(x, name):
    return getattr(lax, name)(x)


@op("bb", both(alike, choice("name", "logical_and", "logical_or", "logical_xor")))
def logical(x, y, name):
    return getattr(cnp, name)(x, y)


@op("aa", both(alike, choice("name", "less", "less_equal", "equal", "not_equal")))
def compared(x, y, name):
    return getattr(cnp, name)(x, y)


@op("f")
def finite(x):
    return lax.is_finite(x)


@op("f", choice("bits", (5, 10), (8, 7), (8, 3)))
def reduced_precision(x, bits):
    return lax.reduce_precision(x, *bits)


# --- selection and conversion ---------------------------------------------------------------------


@op("baa", alike)
def where(mask, x, y):
    return cnp.where(mask, x, y)


@op("naa", lambda draw, k, x, y: same(draw, x, y) and k.shape == x.shape and {} or None)
def select(k, x, y):
    return lax.select_n(k > 0 if k.dtype.kind != "c" else k.real > 0, x, y)


@op("f", to_dtype(INTEGERS))
def to_integers(x, dtype):
    whole = cnp.clip(cnp.floor(8 * x), -100, 100)
    return (abs(whole) if dtype.startswith("u") else whole).astype(dtype)


@op("i", to_dtype(INTEGERS, REALS))
def of_integers(x, dtype):
    if dtype in INTEGERS:
        return x.astype(dtype)
    return (x % 16).astype(dtype) / 8


@op("b", to_dtype(INTEGERS, REALS))
def of_booleans(x, dtype):
    return x.astype(dtype)


@op("f", to_dtype(REALS))
def to_precision(x, dtype):
    return x.astype(dtype)


@op("f")
def bits_of(x):
    unsigned = f"uint{8 * x.dtype.itemsize}"
    return lax.bitcast_convert_type(x, unsigned) >> (8 * x.dtype.itemsize - 5)


# --- shaping -----------------------------------------------------------------------------------------


def a_split(draw, x):
    divisors = [n for n in range(1, x.size + 1) if x.size % n == 0] or [0]
    first = draw(st.sampled_from(divisors))
    return {"shape": (first, x.size // first if first else 3)}


@op("a", a_split)
def reshaped(x, shape):
    return cnp.reshape(x, shape)


@op("a", lambda draw, x: {"axes": draw(st.permutations(range(x.ndim)))})
def transposed(x, axes):
    return cnp.transpose(x, axes)


def widened(draw, x):
    n = draw(st.sampled_from([1, 2, 3, 17]))
    return {"n": n} if n * x.size <= MAX_SIZE and x.ndim < 4 else None


@op("a", widened)
def broadcast(x, n):
    return cnp.broadcast_to(x, (n, *x.shape))


@op("a", an_axis)
def flipped(x, axis):
    return cnp.flip(x, axis)


@op("a", both(an_axis, choice("shift", -2, 1, 5)))
def rolled(x, axis, shift):
    return cnp.roll(x, shift, axis)


def joined(draw, x, y):
    if x.dtype != y.dtype or not x.ndim or x.shape[1:] != y.shape[1:]:
        return None
    return {} if x.ndim == y.ndim and x.size + y.size <= MAX_SIZE else None


@op("aa", joined)
def concatenated(x, y):
    return lax.concatenate([x, y], 0)


def a_padding(draw, x):
    width = st.tuples(*[st.integers(-1, 2)] * 2, st.integers(0, 1))
    config = [draw(width) for _ in x.shape]
    sizes = [a + b + n + max(n - 1, 0) * i for n, (a, b, i) in zip(x.shape, config)]
    return (
        {"config": config}
        if min(sizes, default=0) >= 0 and math.prod(sizes) <= MAX_SIZE
        else None
    )


@op("a", a_padding)
def padded(x, config):
    return lax.pad(x, cnp.ones((), x.dtype), config)


def a_slice(draw, x):
    if not x.ndim or 0 in x.shape:
        return None
    axis = draw(st.integers(0, x.ndim - 1))
    start = draw(st.integers(0, x.shape[axis] - 1))
    return {"axis": axis, "start": start, "step": draw(st.sampled_from([1, 2, 3, -1]))}


@op("a", a_slice)
def sliced(x, axis, start, step):
    return x[(slice(None),) * axis + (slice(start, None, step),)]


@op("aa", lambda draw, x, y: same(draw, x, y) if 2 * x.size <= MAX_SIZE else None)
def stacked(x, y):
    return cnp.stack([x, y], -1)


# --- indexing ----------------------------------------------------------------------------------------


def has_rows(draw, x, *others):
    return {} if x.ndim and x.shape[0] else None


def gathers(draw, x, n):
    if not x.ndim or not x.shape[0] or n.size * (x.size // x.shape[0]) > MAX_SIZE:
        return None
    return {"mode": draw(st.sampled_from(["clip", "fill", "wrap"]))}


@op("ai", gathers)
def taken(x, n, mode):
    return cnp.take(x, n.astype("int32"), axis=0, mode=mode)


def scatters(draw, x, n):
    if not x.ndim or not x.shape[0] or n.ndim != 1 or n.shape[0] > x.shape[0]:
        return None
    names = ["add", "max", "min", "mul"] if x.dtype.kind != "c" else ["add"]
    return {"name": draw(st.sampled_from(names))}


@op("ni", scatters)
def scattered(x, n, name):
    rows = bounded(x[: n.shape[0]])
    return getattr(x.at[n.astype("int32") % x.shape[0]], name)(rows)


@op("ai", has_rows)
def dynamic_row(x, n):
    start = (n.ravel()[0] if n.size else n.sum()).astype("int32")
    return lax.dynamic_slice_in_dim(x, start, max(x.shape[0] // 2, 1))


@op("ai", has_rows)
def dynamic_update(x, n):
    start = (n.ravel()[0] if n.size else n.sum()).astype("int32")
    return lax.dynamic_update_slice_in_dim(
        x, cnp.flip(x[: (len(x) + 1) // 2], 0), start, 0
    )


@op("a", both(has_rows, choice("k", 0, -1)))
def overwritten(x, k):
    return x.at[k].set(x[-1 - k])


@op("aa", lambda draw, x, y: {} if x.shape == y.shape else None)
def masked(x, y):
    mask = y if y.dtype == bool else y != 0
    return cnp.where(mask, x, cnp.zeros((), x.dtype))


# --- reductions, scans, order ----------------------------------------------------------------------


@op("n", both(some_axes, choice("name", "sum", "mean", "prod")))
def reduced(x, axis, name):
    if x.dtype.kind not in "iu":
        x = x / max(x.size, 1) if name == "sum" else x / (1 + abs(x))
    return getattr(cnp, name)(x, axis=axis)


@op("a", both(some_axes, choice("name", "max", "min")))
def extremum(x, axis, name):
    return getattr(cnp, name)(x, axis=axis)


@op("a", both(some_axes, choice("name", "any", "all")))
def quantified(x, axis, name):
    return getattr(cnp, name)(x if x.dtype == bool else x != 0, axis=axis)


@op("i", both(some_axes, choice("name", "or", "and", "xor")))
def bitwise_reduced(x, axis, name):
    return getattr(lax, "reduce_" + name)(x, axis)


@op("n", both(an_axis, choice("name", "cumsum", "cumprod")))
def accumulated(x, axis, name):
    if x.dtype.kind not in "iu":
        x = x / x.shape[axis] if name == "cumsum" else x / (1 + abs(x))
    return getattr(cnp, name)(x, axis=axis)


@op(
    "f",
    both(
        an_axis,
        choice("name", "cummax", "cummin", "cumlogsumexp"),
        choice("reverse", False, True),
    ),
)
def running(x, axis, name, reverse):
    return getattr(lax, name)(x, axis=axis, reverse=reverse)


@op("f", an_axis)
def softmax(x, axis):
    return cr.nn.softmax(x, axis=axis)


@op("f", an_axis)
def normalized(x, axis):
    centred = x - cnp.mean(x, axis=axis, keepdims=True)
    return centred / cnp.sqrt(cnp.var(x, axis=axis, keepdims=True) + 1)


@op("a", an_axis)
def ordered(x, axis):
    return cnp.sort(x, axis=axis)


@op("a", an_axis)
def order(x, axis):
    return cnp.argsort(x, axis=axis, stable=True)


@op("n", both(an_axis, choice("name", "argmax", "argmin")))
def position(x, axis, name):
    return getattr(cnp, name)(x if x.dtype.kind != "c" else x.real, axis=axis)


@op(
    "a",
    lambda draw, x: (
        {} if x.ndim and x.shape[-1] > 1 and x.dtype.kind not in "cb" else None
    ),
)
def largest(x):
    return lax.top_k(x, 2)[0]


@op("na", lambda draw, x, y: {} if x.shape == y.shape and x.ndim else None)
def sorted_by(x, y):
    return lax.sort((x, y), dimension=-1, num_keys=1, is_stable=True)[1]


@op("f", lambda draw, x: {} if x.ndim == 2 and min(x.shape) > 1 else None)
def pooled(x):
    return lax.reduce_window(x, -np.inf, lax.max, (2, 2), (1, 2), "SAME")


# --- products ------------------------------------------------------------------------------------------


def contractible(draw, x, y):
    if not x.ndim or not y.ndim or not x.shape[-1]:
        return None
    try:
        size = np.broadcast_to(0, x.shape) @ np.broadcast_to(0, y.shape)
    except ValueError:
        return None
    return {} if size.size <= MAX_SIZE else None


@op("nn", contractible)
def product(x, y):
    out = cnp.matmul(x, y)
    return out if cnp.issubdtype(out.dtype, cnp.integer) else out / x.shape[-1]


@op("nn", lambda draw, x, y: {} if x.shape == y.shape else None)
def inner(x, y):
    out = cnp.vdot(x, y)
    return out if cnp.issubdtype(out.dtype, cnp.integer) else out / max(x.size, 1)


@op("n", lambda draw, x: {} if x.ndim == 2 and x.size and x.shape[0] < 20 else None)
def gram_matrix(x):
    out = cnp.einsum("ik,jk->ij", x, x)
    return out if cnp.issubdtype(out.dtype, cnp.integer) else out / x.shape[1]


@op("f", lambda draw, x: {} if x.ndim == 2 and min(x.shape) > 2 else None)
def convolved(x):
    kernel = cnp.asarray([[0.25, -0.5, 0.125], [0.5, 0.25, -0.25]], x.dtype)
    return lax.conv(x[None, None], kernel[None, None], (1, 1), "SAME")[0, 0]


def square_matrix(draw, x):
    fits = x.ndim == 2 and 0 < x.shape[0] < 6 and x.dtype.itemsize > 3
    return {} if fits and x.shape[0] <= x.shape[1] else None


@op("f", both(square_matrix, choice("name", "solve", "cholesky", "inv", "det")))
def linear_algebra(x, name):
    x = cnp.tanh(x)
    matrix = x @ x.T / x.shape[1] + 2 * cnp.eye(x.shape[0], dtype=x.dtype)
    return getattr(cnp.linalg, name)(*((matrix, x) if name == "solve" else (matrix,)))


@op(
    "f", lambda draw, x: {} if x.ndim and x.shape[-1] and x.dtype.itemsize > 3 else None
)
def transformed(x):
    return cnp.fft.rfft(x) / x.shape[-1]


@op("i", choice("name", "uniform", "normal"))
def random(x, name):
    key = cr.random.key(7)
    key = cr.random.fold_in(key, x.ravel()[0].astype("uint32") if x.size else 3)
    return getattr(cr.random, name)(key, x.shape)
