"""Records: classes of named fields, made at little cost when their module is imported.

The compiler is imported by a program's first call, whose time counts: a record has an
initializer and slots, and no comparison or representation of its own.
"""

from __future__ import annotations

import dataclasses
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(eq_default=False)
def record(made: type[T]) -> type[T]:
    """The class with slots for its annotated fields, and an initializer of them."""
    return dataclasses.dataclass(slots=True, eq=False, repr=False, match_args=False)(
        made
    )
