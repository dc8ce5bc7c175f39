"""Inputs that rows share, and how each library makes an array and names a function.

Inputs are NumPy arrays of float32, the same numbers in every process.
"""

from typing import Any

import numpy

FOUR = numpy.array([0.5, 1.5, 2.5, 3.5], numpy.float32)
SQUARE = numpy.linspace(-1.0, 1.0, 256, dtype=numpy.float32).reshape(16, 16)


def to_array(lib: Any, values: numpy.ndarray) -> Any:
    """`values` as an array of the library."""
    if hasattr(lib, "from_numpy"):
        return lib.from_numpy(values.copy())
    return function(lib, "array")(values)


def function(lib: Any, name: str) -> Any:
    """The function `name` of the library's NumPy-like namespace."""
    return getattr(getattr(lib, "numpy", lib), name)


def normal(shape: tuple[int, ...], seed: int) -> numpy.ndarray:
    """Standard normal numbers, the same in every process."""
    return numpy.random.default_rng(seed).normal(size=shape).astype(numpy.float32)


def mlp_parameters(
    layers: int, width: int
) -> list[tuple[numpy.ndarray, numpy.ndarray]]:
    """Weights of scale 1/sqrt(width) and biases of a square multilayer perceptron."""
    return [
        (normal((width, width), 2 * i) / width**0.5, 0.1 * normal((width,), 2 * i + 1))
        for i in range(layers)
    ]
