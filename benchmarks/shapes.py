"""Cases of many and odd shapes, one program each, which look for cliffs.

The rows of `compiled` have chosen sizes, and a kernel that is fast at all of them may be
slow at 7 columns or at a stride of 2. A `Case` is a program of the library's namespace and
the shapes of its inputs; it is a row of the group "shapes/FAMILY" that Chainrule and JAX
run under `jit`. `Family` declares them:

    reductions = Family("reductions")
    reductions.kernel("sum", lambda np, x: np.sum(x), normal(3, 1000))

The cases are in `groups/shapes/`, a module a family. Inputs know their shapes without being
drawn, so that a case can be traced without its data.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy

from benchmarks.compiled import JITTED, Function, generator, jitted, maker, whole
from benchmarks.groups import SHAPES
from benchmarks.rows import CallRow

Draw = Callable[[numpy.random.Generator, tuple[int, ...]], Any]


@dataclass(frozen=True, slots=True)
class Input:
    """An array that is yet to be drawn; titles show its `name` or else its shape."""

    shape: tuple[int, ...]
    dtype: str
    draw: Draw
    name: str = ""

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def __str__(self) -> str:
        if self.name:
            return self.name
        extents = " x ".join(map(str, self.shape)) or "scalar"
        return extents if self.dtype == "float32" else f"{extents} {self.dtype}"

    def values(self, source: numpy.random.Generator) -> numpy.ndarray:
        """The array, by the numbers that come next from `source`."""
        return numpy.asarray(self.draw(source, self.shape)).astype(self.dtype)


def normal(*shape: int, dtype: str = "float32", scale: float = 1.0) -> Input:
    """Normal numbers of the deviation `scale`."""
    draw = lambda source, shape: source.standard_normal(shape, numpy.float32) * scale
    return Input(shape, dtype, draw)


def complex_normal(*shape: int) -> Input:
    """Complex numbers whose parts are normal."""

    def draw(source: numpy.random.Generator, shape: tuple[int, ...]) -> Any:
        real, imaginary = source.standard_normal((2, *shape), numpy.float32)
        return real + 1j * imaginary

    return Input(shape, "complex64", draw)


def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Input:
    """Numbers between `low` and `high`."""
    return Input(
        shape, "float32", lambda source, shape: source.uniform(low, high, shape)
    )


def integers(below: int, *shape: int, dtype: str = "int32") -> Input:
    """Integers from 0 up to and not including `below`."""
    return Input(shape, dtype, lambda source, shape: source.integers(0, below, shape))


def ascending(drawn: Input) -> Input:
    """The same numbers in order along their last axis."""
    draw = lambda source, shape: numpy.sort(drawn.draw(source, shape))
    return Input(drawn.shape, drawn.dtype, draw)


def constant(values: Any, dtype: str = "float32") -> Input:
    """These numbers."""
    return Input(numpy.shape(values), dtype, lambda *_: values)


KEY = Input((2,), "uint32", lambda *_: (0, 42), "a key")
"""A raw key for random numbers."""


@dataclass(frozen=True, slots=True)
class Case:
    """`function(lib, *arrays)` for arrays of certain shapes."""

    function: Function
    inputs: tuple[Input, ...]

    @property
    def size(self) -> int:
        """The numbers in all inputs."""
        return sum(item.size for item in self.inputs)

    def arrays(self) -> tuple[numpy.ndarray, ...]:
        """The inputs, the same in every process."""
        source = generator(17)
        return tuple(item.values(source) for item in self.inputs)


CASES: dict[str, Case] = {}
"""Every case by the id of its row, filled by the modules of `groups/shapes/`."""


@dataclass(frozen=True, slots=True)
class Family:
    """Cases of one kind: a group of rows."""

    name: str

    def program(
        self,
        title: str,
        function: Function,
        *inputs: Input,
        rtol: float = 1e-4,
        result: Callable[[Any], Any] | None = whole,
    ) -> None:
        """Declare a case of `function(lib, *arrays)`; its title ends in the shapes.

        What the libraries agree on, within `rtol` of its largest entry, is the `result`
        of the outcome.
        """
        case = Case(function, inputs)
        title = f"{title}: {', '.join(map(str, inputs))}"
        row = CallRow(f"{SHAPES}/{self.name}", title, title, rtol=rtol, tested=False)
        row.implement(*JITTED)(maker(jitted(function), case.arrays, result))
        CASES[row.id] = case

    def kernel(
        self, title: str, function: Function, *inputs: Input, **options: Any
    ) -> None:
        """`program` for a `function(np, *arrays)` of the NumPy-like namespace alone."""
        whole_library = lambda lib, *arrays: function(lib.numpy, *arrays)
        self.program(title, whole_library, *inputs, **options)


def gradient(function: Function, *arguments: int) -> Function:
    """The gradient of the sum of squares of `function(lib, *arrays)`.

    In the `arguments`, the first if none are named.
    """

    def differentiated(lib: Any, *arrays: Any) -> Any:
        loss = lambda *arrays: lib.numpy.sum(function(lib, *arrays) ** 2)
        return lib.grad(loss, arguments or (0,))(*arrays)

    return differentiated
