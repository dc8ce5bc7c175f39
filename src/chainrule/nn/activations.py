"""Activation functions: elementwise, exact in the tails, with chosen values at kinks.

Where a function has a kink the derivative is that of its left branch (0 for `relu` at
0), and a branch that is not taken is never evaluated where it would overflow.
"""

from __future__ import annotations

import math
from typing import Any

from .. import numpy as cnp
from ..core import dtypes
from ..lax import logistic
from ..numpy.promotion import inexact_operand, operand
from ..ops.elementwise_special import erfc_p
from ..ops.shaping import canonical_axis, convert


def identity(x: Any) -> Any:
    """`x` itself."""
    return operand("identity", x)


def relu(x: Any) -> Any:
    """max(x, 0), elementwise; the derivative at 0 is 0.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> cr.nn.relu(cnp.array([-1.0, 0.0, 2.0])).tolist()
    [0.0, 0.0, 2.0]
    """
    x = operand("relu", x)
    return cnp.where(x <= 0, 0, x)


def relu6(x: Any) -> Any:
    """min(max(x, 0), 6), elementwise; the derivative at 0 and at 6 is 0."""
    x = operand("relu6", x)
    return cnp.where(x <= 0, 0.0, cnp.where(x >= 6, 6.0, x))


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), elementwise. Raises TypeError for integers.

    >>> import chainrule as cr
    >>> float(cr.nn.sigmoid(0.0))
    0.5
    """
    return logistic(operand("sigmoid", x))


def tanh(x: Any) -> Any:
    """The hyperbolic tangent, elementwise."""
    return cnp.tanh(x)


def softplus(x: Any) -> Any:
    """log(1 + exp(x)), elementwise, without overflow."""
    return cnp.logaddexp(x, 0)


def squareplus(x: Any, b: Any = 4) -> Any:
    """(x + sqrt(x**2 + b)) / 2, elementwise."""
    x = inexact_operand("squareplus", x)
    return (x + cnp.sqrt(cnp.square(x) + b)) / 2


def soft_sign(x: Any) -> Any:
    """x / (|x| + 1), elementwise."""
    x = operand("soft_sign", x)
    return x / (cnp.abs(x) + 1)


def silu(x: Any) -> Any:
    """x * sigmoid(x), elementwise; also called swish."""
    x = operand("silu", x)
    return x * sigmoid(x)


def mish(x: Any) -> Any:
    """x * tanh(softplus(x)), elementwise."""
    x = operand("mish", x)
    if not dtypes.is_float(x.dtype):
        return x * cnp.tanh(softplus(x))
    # tanh(log(1 + e)) = (e^2 + 2 e) / (e^2 + 2 e + 2): 1 to all digits beyond the bound
    e = cnp.exp(cnp.minimum(x, 5 if x.dtype == dtypes.float16 else 20))
    n = e * (e + 2)
    return x * (n / (n + 2))


def log_sigmoid(x: Any) -> Any:
    """log(sigmoid(x)), elementwise, exact for large negative x."""
    return -softplus(-operand("log_sigmoid", x))


def log1mexp(x: Any) -> Any:
    """log(1 - exp(-x)) for x > 0, elementwise, exact near 0 and for large x.

    Two formulas, changed over at log 2 (Maechler, Accurately computing
    log(1 - exp(-|a|)), 2012).
    """
    x = inexact_operand("log1mexp", x)
    small = x < math.log(2.0)
    near = cnp.where(small, x, 1)
    far = cnp.where(small, 1, x)
    return cnp.where(small, cnp.log(-cnp.expm1(-near)), cnp.log1p(-cnp.exp(-far)))


def elu(x: Any, alpha: Any = 1.0) -> Any:
    """x where positive, alpha * (exp(x) - 1) elsewhere."""
    x = operand("elu", x)
    positive = x > 0
    return cnp.where(positive, x, alpha * cnp.expm1(cnp.where(positive, 0.0, x)))


def celu(x: Any, alpha: Any = 1.0) -> Any:
    """max(x, 0) + min(0, alpha * (exp(x / alpha) - 1)), elementwise."""
    x = operand("celu", x)
    positive = x > 0
    negative = cnp.where(positive, 0.0, x)
    return cnp.where(positive, x, alpha * cnp.expm1(negative / alpha))


def selu(x: Any) -> Any:
    """Scaled elu with the constants of Klambauer et al. 2017 (self-normalizing nets)."""
    alpha = 1.6732632423543772848170429916717
    scale = 1.0507009873554804934193349852946
    return scale * elu(x, alpha)


def leaky_relu(x: Any, negative_slope: Any = 1e-2) -> Any:
    """x where not negative, negative_slope * x elsewhere."""
    x = operand("leaky_relu", x)
    return cnp.where(x >= 0, x, negative_slope * x)


def gelu(x: Any, approximate: bool = True) -> Any:
    """x * Phi(x) with the standard normal distribution function Phi.

    Args:
        x: array or scalar.
        approximate: Phi by tanh (Hendrycks and Gimpel 2016, section 2) instead of erf.

    >>> import chainrule as cr
    >>> round(float(cr.nn.gelu(1.0, approximate=False)), 4)
    0.8413
    """
    x = inexact_operand("gelu", x)
    x = convert(x, x.dtype)
    if approximate:
        twice = math.sqrt(8 / math.pi) * (x + 0.044715 * (x * x * x))
        return x * logistic(twice)
    return 0.5 * x * erfc_p(-x * math.sqrt(0.5))


def glu(x: Any, axis: int = -1) -> Any:
    """The first half of `x` along `axis` times the sigmoid of the second half.

    Raises ValueError where the size along `axis` is odd.
    """
    x = operand("glu", x)
    if x.shape[canonical_axis("glu", axis, x.ndim)] % 2:
        raise ValueError(
            f"glu: the size along axis {axis} must be even; got shape {x.shape}."
        )
    first, second = cnp.split(x, 2, axis)
    return first * sigmoid(second)


def hard_tanh(x: Any) -> Any:
    """x clipped to [-1, 1]."""
    x = operand("hard_tanh", x)
    return cnp.where(x > 1, 1, cnp.where(x < -1, -1, x))


def hard_sigmoid(x: Any) -> Any:
    """relu6(x + 3) / 6, elementwise."""
    return relu6(operand("hard_sigmoid", x) + 3.0) / 6.0


def hard_silu(x: Any) -> Any:
    """x * hard_sigmoid(x), elementwise; also called hard_swish."""
    x = operand("hard_silu", x)
    return x * hard_sigmoid(x)


def sparse_plus(x: Any) -> Any:
    """0 for x <= -1, (x + 1)**2 / 4 up to x = 1, and x beyond."""
    x = operand("sparse_plus", x)
    inside = cnp.clip(x + 1.0, 0.0, 2.0)
    return cnp.where(x <= -1, 0.0, cnp.where(x >= 1, x, cnp.square(inside) / 4))


def sparse_sigmoid(x: Any) -> Any:
    """The derivative of sparse_plus: (x + 1) / 2 clipped to [0, 1]."""
    return 0.5 * cnp.clip(operand("sparse_sigmoid", x) + 1.0, 0.0, 2.0)


__all__ = [
    "celu", "elu", "gelu", "glu", "hard_sigmoid", "hard_silu", "hard_tanh", "identity",
    "leaky_relu", "log1mexp", "log_sigmoid", "mish", "relu", "relu6", "selu",
    "sigmoid", "silu", "soft_sign", "softplus", "sparse_plus", "sparse_sigmoid",
    "squareplus", "tanh",
]  # fmt: skip
