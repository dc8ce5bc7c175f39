"""Values of names and their truth, where both may be known or traced.

A name that a statement may leave unset becomes `Unset`, which raises when it is used;
nothing is made up in its place. `traced` says whether the truth of a value is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core import errors
from ...core.avals import Tracer


class Unset:
    """The value of a name that has none; using it raises, and says why it has none.

    With `error` it is a TypeError of that text: the paths give what no array holds.
    """

    def __init__(self, name: str = "", why: str = "", error: str = ""):
        object.__setattr__(self, "_why", (name, why, error))

    def _raise(self, *_: Any, **__: Any) -> Any:
        name, why, error = object.__getattribute__(self, "_why")
        if error:
            raise TypeError(error)
        raise UnboundLocalError(
            f"control_flow='convert': {name or 'a name'} has no value{why}; set it before"
            " the statement."
        )

    def __getattr__(self, name: str) -> Any:
        if name == "__wrapped__":  # inspection asks for it, not the program
            raise AttributeError(name)
        return self._raise()

    __call__ = __getitem__ = __iter__ = __len__ = __bool__ = _raise
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __matmul__ = _raise
    __rmatmul__ = __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __neg__ = _raise
    __lt__ = __le__ = __gt__ = __ge__ = __abs__ = __mod__ = __rmod__ = _raise
    __floordiv__ = __rfloordiv__ = __array__ = __float__ = __int__ = _raise


unset = Unset()
RETURNED = "the value returned"
Values = tuple[Any, ...]


def traced(x: Any) -> bool:
    """Whether the truth of `x` is known only when the program runs."""
    if not isinstance(x, Tracer):
        return False
    if x.size != 1:
        raise ValueError(
            "control_flow='convert': the truth value of an array of shape"
            f" {x.shape} is ambiguous; use x.any() or x.all()."
        )
    try:
        bool(x)
    except errors.TracerBoolConversionError:
        return True
    return False


def predicate(x: Any) -> Any:
    """The truth of a traced `x`, a boolean scalar."""
    x = x if x.dtype == bool else x != 0
    return x.reshape(()) if x.ndim else x


def values(thunks: Sequence[Any], names: Sequence[str]) -> Values:
    """The values of names, by functions that read them; `Unset` of those without."""
    found: list[Any] = []
    for thunk, name in zip(thunks, names):
        try:
            found.append(thunk())
        except NameError:
            found.append(Unset(name, " at this statement"))
    return tuple(found)


def deleted(name: str, line: int, _: Any) -> Unset:
    """What a name holds after `del`."""
    return Unset(name, f", as line {line} deletes it")
