"""Samples: for each primitive, operands and parameters on which every rule is tested.

A sample names a primitive and gives what it is bound with. The properties in
tests/properties run every rule of the primitive on every sample: a new primitive is
tested by adding its samples to the file of its family, in the list `SAMPLES`.
Programs of several primitives (tests/samples/control.py) are samples, too.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.primitive import registry


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """One call of one primitive.

    Args:
        primitive: its name in the registry.
        args: NumPy arrays (any dtype), or shapes, which become standard normal
            float32 arrays drawn from a generator seeded by the sample's text.
        params: the primitive's parameters.
        reference: the same function of NumPy arrays written independently (NumPy,
            SciPy), or None where NumPy has no such function. It is given those of the
            parameters that it names.
        differentiable: positions of operands to differentiate for; None: all inexact
            ones; (): none (at a kink, or where the primitive has no derivative).
        tolerance: factor on the dtype's usual relative tolerance, with a reason.
        dtypes: further dtypes in which the sample is run, its inexact operands
            converted.
        order: highest order of derivative compared with finite differences.
    """

    primitive: str
    args: tuple[Any, ...]
    params: dict[str, Any] = dataclasses.field(default_factory=dict)
    reference: Callable[..., Any] | None = None
    differentiable: tuple[int, ...] | None = None
    tolerance: float = 1.0
    dtypes: tuple[str, ...] = ()
    order: int = 2

    def operands(self) -> list[np.ndarray]:
        """The operands as NumPy arrays."""
        rng = np.random.default_rng(zlib.crc32(str(self).encode()))
        return [
            rng.standard_normal(a).astype(np.float32)
            if isinstance(a, tuple)
            else np.asarray(a)
            for a in self.args
        ]

    def bind(self, *args: Any, **params: Any) -> Any:
        """The primitive on `args`, with the sample's parameters or those given."""
        return registry[self.primitive](*args, **{**self.params, **params})

    def __str__(self) -> str:
        shapes = ",".join(
            str(a).replace(" ", "")
            if isinstance(a, tuple)
            else f"{np.asarray(a).dtype.name}{list(np.asarray(a).shape)}"
            for a in self.args
        )
        params = ",".join(f"{k}={v}" for k, v in self.params.items())
        return f"{self.primitive}({shapes};{params})".replace(" ", "")[:120]


@dataclasses.dataclass(frozen=True, eq=False)
class Program(Sample):
    """A function of arrays, tested like a primitive; `primitive` is its name.

    It may return an array or a sequence of arrays. `exercises` names the primitives
    that the program is there to test.
    """

    function: Callable[..., Any] = lambda x: x
    exercises: tuple[str, ...] = ()

    def bind(self, *args: Any, **params: Any) -> Any:
        """The function on `args`."""
        return self.function(*args, **{**self.params, **params})
