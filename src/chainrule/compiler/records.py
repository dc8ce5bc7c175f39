"""Records: classes of named fields, made at little cost when their module is imported.

The compiler is imported by a program's first call, whose time counts: a record has an
initializer and slots, and no comparison or representation of its own. A dataclass with
as much takes five times as long to make. The initializer is written when the first record
is made: many programs need few kinds of them.
"""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(eq_default=False, field_specifiers=(dataclasses.field,))
def record(made: type[T]) -> type[T]:
    """The class with slots for its annotated fields, and an initializer of them."""
    fields: list[str] = list(made.__dict__.get("__annotations__", ()))
    body: dict[str, Any] = dict(made.__dict__)
    given: dict[str, Any] = {k: body.pop(k) for k in fields if k in body}
    body.pop("__dict__", None)
    body.pop("__weakref__", None)
    body["__slots__"] = tuple(fields)

    def first(self: Any, *args: Any, **kwargs: Any) -> None:
        finished.__init__ = _initializer(fields, given)
        finished.__init__(self, *args, **kwargs)

    body["__init__"] = first
    finished: Any = type(made)(made.__name__, made.__bases__, body)
    return finished


def _initializer(fields: list[str], given: dict[str, Any]) -> Any:
    """`given`: the defaults; a dataclass field's factory is called for each record."""
    parameters, lines = ["self"], [" pass"]
    for k in fields:
        value, default = k, given.get(k)
        if isinstance(default, dataclasses.Field):
            value = f"_given[{k!r}].default_factory() if {k} is None else {k}"
            parameters.append(f"{k}=None")
        else:
            parameters.append(f"{k}=_given[{k!r}]" if k in given else k)
        lines.append(f" self.{k} = {value}")
    made: dict[str, Any] = {"_given": given}
    exec(f"def __init__({', '.join(parameters)}):\n" + "\n".join(lines), made)
    return made["__init__"]
