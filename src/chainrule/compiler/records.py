"""Records: classes of named fields, made at little cost when their module is imported.

The compiler is imported by a program's first call, whose time counts: a record has slots
and an initializer of the runtime's (`records.cpp`), and no comparison or representation of
its own. A dataclass writes its methods as text and compiles them, which takes a quarter of
a millisecond each.
"""

from __future__ import annotations

from typing import Any, TypeVar, dataclass_transform

from ..runtime import _native

T = TypeVar("T")


@dataclass_transform(eq_default=False)
def record(made: type[T]) -> type[T]:
    """The class with slots for its annotated fields, and an initializer of them; what
    stands behind a field is its value where none is given."""
    body: dict[str, Any] = dict(made.__dict__)
    fields = tuple(body.get("__annotations__", ()))
    defaults = {k: body.pop(k) for k in fields if k in body}
    del body["__dict__"], body["__weakref__"]
    body["__slots__"] = fields
    body["__init__"] = _native.Initializer(fields, defaults)
    finished: Any = type(made)(made.__name__, made.__bases__, body)
    return finished
