"""lax: elementwise functions. Operands have one dtype; nothing is promoted.

A Python number takes the dtype of the array it meets; scalars broadcast. Each function
binds one primitive after the primitive's own rule has checked shapes and dtypes.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array, as_array, aval_of
from ..core.primitive import Primitive
from ..ops import arithmetic, shaping
from ..ops import elementwise_complex as complexes
from ..ops import elementwise_conversion as conversion
from ..ops import elementwise_exponential as exponential
from ..ops import elementwise_logic as logic
from ..ops import elementwise_powers as powers
from ..ops import elementwise_rounding as rounding
from ..ops import elementwise_selection as selection
from ..ops import elementwise_special as special
from ..ops import elementwise_trigonometric as trigonometric
from ..ops.barrier import barrier_p
from ..runtime._native import tree_map
from .binding import bind

complex_type = complex
_numbers = frozenset({bool, int, float, complex})


class RoundingMethod(enum.IntEnum):
    """How `round` treats halves: away from zero, or to the even neighbour."""

    AWAY_FROM_ZERO = 0
    TO_NEAREST_EVEN = 1


class AccuracyMode(enum.Enum):
    """Accuracy asked of a function; ours are accurate to 2 ulp under either."""

    HIGHEST = 1
    DEFAULT = 2


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """Accuracy asked of a function as tolerances; ours are accurate to 2 ulp."""

    atol: float = 0.0
    rtol: float = 0.0
    ulps: int = 0

    def __post_init__(self) -> None:
        if self.atol < 0 or self.rtol < 0 or self.ulps < 0:
            raise ValueError(f"Tolerance: tolerances must not be negative; got {self}.")


def operands(name: str, *args: Any) -> list[Any]:
    """Arrays from `args`; Python numbers in the dtype of the first array among them.

    Raises TypeError for a number of another kind than that dtype.
    """
    like = next((x for x in args if type(x) not in _numbers), None)
    if like is None:
        return [as_array(x, name) for x in args]
    like = like if isinstance(like, Array) else as_array(like, name)
    return [
        _number(name, x, like) if type(x) in _numbers else
        x if isinstance(x, Array) else as_array(x, name)
        for x in args
    ]  # fmt: skip


def _number(name: str, x: Any, like: Any) -> Any:
    natural = dtypes.kind(dtypes.scalar_dtype(x))
    kind = dtypes.kind(like.dtype)
    if natural != kind and not (natural == "i" and kind == "u"):
        raise TypeError(
            f"{name}: operands must have one dtype; got {like.dtype} and the number"
            f" {x!r}. Write it as a {like.dtype} number, or use the function of"
            " chainrule.numpy, which promotes."
        )
    return as_array(np.asarray(x, like.dtype))


def _document(fun: Any, name: str, prim: Primitive, args: str) -> Any:
    fun.__name__ = fun.__qualname__ = name
    fun.__module__ = "chainrule.lax"
    fun.__doc__ = f"""{prim.__doc__[0].upper()}{prim.__doc__[1:].rstrip(".")}.

    Args:
        {args}: arrays of one dtype, of one shape or scalars.

    Returns:
        An array of the operands' shape, elementwise.

    Raises:
        TypeError: if dtypes differ or are not supported, or if shapes do not broadcast.
    """
    return fun


def _unary(name: str, prim: Primitive) -> Any:
    def fun(x: Any) -> Any:
        return _checked(prim, x)

    return _document(fun, name, prim, "x")


def _checked(prim: Primitive, x: Any) -> Any:
    """`prim(x)` after its shape rule has accepted `x`."""
    x = x if isinstance(x, Array) else as_array(x, prim.name)
    return prim.bind(x)


def _accurate(name: str, prim: Primitive) -> Any:
    def fun(x: Any, accuracy: Any = None) -> Any:
        if accuracy is not None:
            _check_accuracy(name, accuracy)
        return _checked(prim, x)

    return _document(fun, name, prim, "x")


def _check_accuracy(name: str, accuracy: Any) -> None:
    if not isinstance(accuracy, (AccuracyMode, Tolerance)):
        raise TypeError(
            f"{name}: accuracy must be an AccuracyMode or a Tolerance; got"
            f" {accuracy!r}."
        )


def _binary(name: str, prim: Primitive) -> Any:
    def fun(x: Any, y: Any) -> Any:
        if not (isinstance(x, Array) and isinstance(y, Array)):
            x, y = operands(name, x, y)
        return prim.bind(x, y)

    return _document(fun, name, prim, "x, y")


# --- one operand ---------------------------------------------------------------------

abs = _unary("abs", complexes.abs_p)
acos = _unary("acos", trigonometric.acos_p)
acosh = _unary("acosh", trigonometric.acosh_p)
asin = _unary("asin", trigonometric.asin_p)
asinh = _unary("asinh", trigonometric.asinh_p)
atan = _unary("atan", trigonometric.atan_p)
atanh = _unary("atanh", trigonometric.atanh_p)
bitwise_not = _unary("bitwise_not", logic.not_p)
cbrt = _accurate("cbrt", powers.cbrt_p)
ceil = _unary("ceil", rounding.ceil_p)
clz = _unary("clz", logic.clz_p)
cos = _accurate("cos", trigonometric.cos_p)
cosh = _unary("cosh", trigonometric.cosh_p)
exp = _accurate("exp", exponential.exp_p)
exp2 = _accurate("exp2", exponential.exp2_p)
expm1 = _accurate("expm1", exponential.expm1_p)
floor = _unary("floor", rounding.floor_p)
imag = _unary("imag", complexes.imag_p)
is_finite = _unary("is_finite", rounding.is_finite_p)
log = _accurate("log", exponential.log_p)
log1p = _accurate("log1p", exponential.log1p_p)
logistic = _accurate("logistic", exponential.logistic_p)
neg = _unary("neg", arithmetic.neg_p)
population_count = _unary("population_count", logic.population_count_p)
real = _unary("real", complexes.real_p)
rsqrt = _accurate("rsqrt", powers.rsqrt_p)
sign = _unary("sign", complexes.sign_p)
sin = _accurate("sin", trigonometric.sin_p)
sinh = _unary("sinh", trigonometric.sinh_p)
sqrt = _accurate("sqrt", powers.sqrt_p)
square = _unary("square", powers.square_p)
tan = _accurate("tan", trigonometric.tan_p)
tanh = _accurate("tanh", trigonometric.tanh_p)
bessel_i0e = _unary("bessel_i0e", special.bessel_i0e_p)
bessel_i1e = _unary("bessel_i1e", special.bessel_i1e_p)
digamma = _unary("digamma", special.digamma_p)
erf = _unary("erf", special.erf_p)
erf_inv = _unary("erf_inv", special.erf_inv_p)
erfc = _unary("erfc", special.erfc_p)
lgamma = _unary("lgamma", special.lgamma_p)

# --- two operands --------------------------------------------------------------------

add = _binary("add", arithmetic.add_p)
atan2 = _binary("atan2", trigonometric.atan2_p)
bitwise_and = _binary("bitwise_and", logic.and_p)
bitwise_or = _binary("bitwise_or", logic.or_p)
bitwise_xor = _binary("bitwise_xor", logic.xor_p)
complex = _binary("complex", complexes.complex_p)
div = _binary("div", arithmetic.div_p)
eq = _binary("eq", logic.eq_p)
ge = _binary("ge", logic.ge_p)
gt = _binary("gt", logic.gt_p)
le = _binary("le", logic.le_p)
lt = _binary("lt", logic.lt_p)
max = _binary("max", selection.max_p)
min = _binary("min", selection.min_p)
mulhi = _binary("mulhi", logic.mulhi_p)
ne = _binary("ne", logic.ne_p)
rem = _binary("rem", rounding.rem_p)
shift_left = _binary("shift_left", logic.shift_left_p)
shift_right_arithmetic = _binary(
    "shift_right_arithmetic", logic.shift_right_arithmetic_p
)
shift_right_logical = _binary("shift_right_logical", logic.shift_right_logical_p)
sub = _binary("sub", arithmetic.sub_p)


def igamma(a: Any, x: Any) -> Any:
    """The lower regularised incomplete gamma function P(a, x) of real arrays."""
    return bind(special.igamma_p, *operands("igamma", a, x))


def igammac(a: Any, x: Any) -> Any:
    """The upper regularised incomplete gamma function Q(a, x) of real arrays."""
    return bind(special.igammac_p, *operands("igammac", a, x))


def igamma_grad_a(a: Any, x: Any) -> Any:
    """The derivative of igamma(a, x) in its shape `a`."""
    return bind(special.igamma_grad_a_p, *operands("igamma_grad_a", a, x))


def random_gamma_grad(*args: Any) -> Any:
    """The derivative in `a` of a gamma variate `x` at fixed igamma(a, x); of a, x."""
    return bind(special.random_gamma_grad_p, *operands("random_gamma_grad", *args))


def betainc(a: Any, b: Any, x: Any) -> Any:
    """The regularised incomplete beta function I_x(a, b) of real arrays."""
    return bind(special.betainc_p, *operands("betainc", a, b, x))


def polygamma(m: Any, x: Any) -> Any:
    """The m-th derivative of digamma at `x`; `m` holds nonnegative whole floats."""
    return bind(special.polygamma_p, *operands("polygamma", m, x))


def zeta(x: Any, q: Any) -> Any:
    """The Hurwitz zeta function: the sum over k >= 0 of (q + k)**-x, for x > 1."""
    return bind(special.zeta_p, *operands("zeta", x, q))


def nextafter(x1: Any, x2: Any) -> Any:
    """The next representable number after `x1` towards `x2`."""
    return bind(rounding.nextafter_p, *operands("nextafter", x1, x2))


def mul(x: Any, y: Any, *, out_dtype: Any = None) -> Any:
    """x * y, elementwise, of arrays of one dtype; in `out_dtype` where it is given.

    Raises TypeError where dtypes differ, or shapes do not broadcast.
    """
    if not (isinstance(x, Array) and isinstance(y, Array)):
        x, y = operands("mul", x, y)
    if out_dtype is not None:
        x, y = (convert_element_type(v, out_dtype) for v in (x, y))
    return arithmetic.mul_p.bind(x, y)


def pow(x: Any, y: Any) -> Any:
    """x ** y of floating-point or complex `x`; `y` is of its dtype, or an integer.

    Raises TypeError for other dtypes, and where shapes do not broadcast.
    """
    if type(y) is int:
        return bind(powers.pow_p, x, as_array(y))
    if isinstance(y, (Array, np.ndarray, np.generic)) and dtypes.is_integer(y.dtype):
        return bind(powers.pow_p, x, y)
    return bind(powers.pow_p, *operands("pow", x, y))


def integer_pow(x: Any, y: int) -> Any:
    """x ** y for a Python integer `y`, by multiplication.

    Raises TypeError for a negative power of integers.
    """
    return bind(powers.integer_pow_p, x, y=int(y))


def reciprocal(x: Any) -> Any:
    """1 / x of a floating-point or complex array."""
    return bind(powers.integer_pow_p, x, y=-1)


def conj(x: Any) -> Any:
    """The complex conjugate; a real array becomes complex."""
    x = as_array(x, "conj")
    return bind(complexes.conj_p, x, input_dtype=x.dtype)


def round(
    x: Any, rounding_method: RoundingMethod = RoundingMethod.AWAY_FROM_ZERO
) -> Any:
    """The nearest integers; `rounding_method` says where halves go.

    Raises ValueError for an unknown method.
    """
    return bind(rounding.round_p, x, rounding_method=RoundingMethod(rounding_method))


def stop_gradient(x: Any) -> Any:
    """`x`, any pytree of arrays, with the derivative zero.

    >>> import chainrule as cr
    >>> float(cr.grad(lambda x: x * cr.lax.stop_gradient(x))(3.0))
    3.0
    """

    def stopped(leaf: Any) -> Any:
        inexact = dtypes.is_inexact(aval_of(leaf).dtype)
        return conversion.stop_gradient_p(as_array(leaf)) if inexact else leaf

    return tree_map(stopped, x)


def optimization_barrier(operand: Any) -> Any:
    """`operand`, any pytree of arrays, behind a barrier for the compiler: what reads it
    is not merged with what was computed before.

    >>> from chainrule import lax
    >>> float(lax.optimization_barrier(3.0))
    3.0
    """
    return tree_map(lambda leaf: barrier_p(as_array(leaf)), operand)


# --- conversions ---------------------------------------------------------------------


def convert_element_type(operand: Any, new_dtype: Any) -> Any:
    """`operand` in `new_dtype`; complex to real drops the imaginary part.

    A Python type (int, float, complex) gives the default dtype, weakly typed.
    """
    weak = new_dtype in (int, float, complex_type)
    operand = as_array(operand, "convert_element_type")
    return shaping.convert(operand, dtypes.canonicalize_dtype(new_dtype), weak)


def bitcast_convert_type(operand: Any, new_dtype: Any) -> Any:
    """The bits of `operand` read as `new_dtype`.

    A wider operand gains a last dimension of the ratio of widths, a narrower one gives
    its last dimension up. Raises TypeError or ValueError where that does not fit.
    """
    dtype = dtypes.canonicalize_dtype(new_dtype)
    return bind(conversion.bitcast_convert_type_p, operand, new_dtype=dtype)


def reduce_precision(operand: Any, exponent_bits: int, mantissa_bits: int) -> Any:
    """`operand` rounded to what floats of the given bits of each part can hold.

    Raises ValueError for less than one exponent bit or a negative mantissa.
    """
    if exponent_bits < 1 or mantissa_bits < 0:
        raise ValueError(
            "reduce_precision: needs exponent_bits >= 1 and mantissa_bits >= 0; got"
            f" {exponent_bits} and {mantissa_bits}."
        )
    return bind(
        conversion.reduce_precision_p, operand,
        exponent_bits=int(exponent_bits), mantissa_bits=int(mantissa_bits),
    )  # fmt: skip


# --- selection -----------------------------------------------------------------------


def clamp(min: Any, x: Any, max: Any) -> Any:
    """`x` with elements outside of [min, max] replaced by the bound they exceed.

    The bounds are scalars or of the shape of `x`, and of its dtype; else TypeError.
    """
    low, x, high = operands("clamp", min, x, max)
    for which, bound in (("min", low), ("max", high)):
        if bound.shape not in ((), x.shape):
            raise TypeError(
                f"clamp: {which} must be a scalar or have the operand's shape"
                f" {x.shape}; got shape {bound.shape}."
            )
    return bind(selection.clamp_p, low, x, high)


def select_n(which: Any, *cases: Any) -> Any:
    """cases[which], elementwise; a boolean `which` selects from two cases.

    `which` is a scalar or has the shape that all cases share; else TypeError.
    """
    which = as_array(which, "select_n")
    cases = tuple(operands("select_n", *cases))
    shapes = {c.shape for c in cases}
    if len(shapes) > 1:
        raise TypeError(
            f"select_n: cases must have one shape; got {sorted(shapes)}; broadcast"
            " them."
        )
    if cases and which.shape not in ((), cases[0].shape):
        raise TypeError(
            "select_n: `which` must be a scalar or have the cases' shape"
            f" {cases[0].shape}; got {which.shape}."
        )
    return bind(selection.select_n_p, which, *cases)


def select(pred: Any, on_true: Any, on_false: Any) -> Any:
    """`on_true` where the boolean `pred` holds, else `on_false`; shapes as select_n."""
    return select_n(pred, on_false, on_true)
