"""The hypergeometric functions 1F1 and 2F1."""

from __future__ import annotations

from typing import Any

from ...ops import elementwise_hypergeometric as ops
from .declare import real_operands


def hyp1f1(a: Any, b: Any, x: Any) -> Any:
    """Kummer's confluent hypergeometric function 1F1(a; b; x) of real arrays.

    Derivatives are defined in `x` only.

    >>> from chainrule.scipy import special
    >>> round(float(special.hyp1f1(1.0, 1.0, 1.0)), 4)
    2.7183
    """
    return ops.hyp1f1_p(*real_operands("hyp1f1", a, b, x))


def hyp2f1(a: Any, b: Any, c: Any, x: Any) -> Any:
    """Gauss's hypergeometric function 2F1(a, b; c; x) of real arrays, x <= 1, else NaN.

    Derivatives are defined in `x` only.

    >>> from chainrule.scipy import special
    >>> round(float(special.hyp2f1(1.0, 1.0, 2.0, 0.5)), 4)
    1.3863
    """
    return ops.hyp2f1_p(*real_operands("hyp2f1", a, b, c, x))


__all__ = ["hyp1f1", "hyp2f1"]
