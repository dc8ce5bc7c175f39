"""Taylor-mode differentiation: derivatives of all orders along a curve."""

from ..api.taylor import jet as jet

__all__ = ["jet"]
