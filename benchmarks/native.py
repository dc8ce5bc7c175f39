"""Programs in C as a peer: compiled when they are first called, loaded by ctypes.

The sources lie in `benchmarks/c`. A function has the signature

    void name(const REAL **in, REAL *out, long n)

where REAL is the type of the row's inputs, `in` their arrays, `out` room for all
results, and n the extent of the first input, or what the row says. `Gcc` stands for the library in a worker.
"""

import ctypes
import functools
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy

SOURCES = Path(__file__).resolve().parent / "c"
OPTIONS = ("-O3", "-march=native", "-shared", "-fPIC", "-std=gnu11")
REAL = {"float32": "float", "float64": "double"}


class Gcc:
    """C's compiler, with its `version`, None where there is none."""

    array = staticmethod(numpy.ascontiguousarray)

    def __init__(self) -> None:
        self.path = shutil.which("gcc")
        asked = [self.path, "-dumpfullversion"]
        done = self.path and subprocess.run(
            asked, capture_output=True, text=True, check=True
        )
        self.version = done.stdout.strip() if done else None

    def load(self, source: str, dtype: str) -> ctypes.CDLL:
        """The functions of a source file, for inputs of a dtype."""
        assert self.path is not None
        return _compiled(self.path, source, dtype)


@functools.cache
def _compiled(compiler: str, source: str, dtype: str) -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made.so"
        real = f"-DREAL={REAL[dtype]}"
        given = [str(SOURCES / source), "-o", str(made), "-lm"]
        subprocess.run([compiler, *OPTIONS, real, *given], check=True)
        return ctypes.CDLL(str(made))


Shapes = Callable[[int], list[tuple[int, ...]]]
Extent = Callable[[list[numpy.ndarray]], int]


def leading(arrays: list[numpy.ndarray]) -> int:
    """The extent of the first array; 1 for a number."""
    return arrays[0].shape[0] if arrays[0].ndim else 1


def c_function(
    name: str, shapes: Shapes, source: str = "loops.c", extent: Extent = leading
) -> Any:
    """The `prepare` of a function in C, for `others` of a row. `shapes(n)` are those of
    its results, which it returns as a list; n is extent(arrays)."""

    def prepare(gcc: Gcc) -> Callable[..., Any]:
        bound: dict[Any, Any] = {}

        def call(*arrays: Any) -> Any:
            key = tuple(map(id, arrays))
            if key not in bound:
                inputs = flat(arrays)
                function = getattr(gcc.load(source, inputs[0].dtype.name), name)
                bound[key] = bind(function, shapes, inputs, extent(inputs))
            run, results = bound[key]
            run()
            return results

        return call

    return prepare


def flat(tree: Any) -> list[numpy.ndarray]:
    """The arrays of nested tuples, in order."""
    if isinstance(tree, numpy.ndarray):
        return [tree]
    return [array for item in tree for array in flat(item)]


def bind(
    function: Any, shapes: Shapes, arrays: list[numpy.ndarray], n: int
) -> tuple[Callable[[], Any], list[numpy.ndarray]]:
    """A call without arguments, and the views of what it computes."""
    sizes = [int(numpy.prod(shape)) for shape in shapes(n)]
    out = numpy.zeros(sum(sizes), arrays[0].dtype)
    ends = numpy.cumsum(sizes)[:-1]
    views = [v.reshape(s) for v, s in zip(numpy.split(out, ends), shapes(n))]
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long]
    function.restype = None
    given = (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))
    place = ctypes.c_void_p(out.ctypes.data)

    def run(held: Any = (arrays, out)) -> None:
        function(given, place, n)

    return run, views
