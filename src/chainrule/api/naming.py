"""What functions made by transformations are called: as the functions they come from.

Tools that show or inspect a function then see the user's: its name, its documentation,
and through `__wrapped__` its signature.
"""

from __future__ import annotations

import functools
from types import FunctionType
from typing import Any


def named(wrapper: Any, fun: Any) -> Any:
    """`wrapper` with the name, documentation, signature and attributes of `fun`."""
    if type(fun) is not FunctionType:
        return functools.wraps(fun)(wrapper)
    wrapper.__wrapped__, wrapper.__doc__ = fun, fun.__doc__
    wrapper.__name__, wrapper.__qualname__ = fun.__name__, fun.__qualname__
    wrapper.__module__, wrapper.__annotations__ = fun.__module__, fun.__annotations__
    if len(fun.__dict__) > 0:
        wrapper.__dict__.update(fun.__dict__, __wrapped__=fun)
    return wrapper
