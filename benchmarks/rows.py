"""What a row of the benchmarks is, and the registry that the groups fill.

A `CallRow` times a call in a library's warm process. Its implementations are makers: a
maker is given the imported library, prepares the data outside of the timed region, and
returns the function to time. A `ProcessRow` times a program in a fresh interpreter, from
start to exit. Both are declared once, with one implementation per library side by side:

    row = CallRow("eager", "add", "x + y, 4 elements", budgets=(AtMost(us(0.7)),))

    @row.implement("chainrule", "jax")
    def make(lib): ...

Group modules import no library of their own: they are loaded in every process.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.budgets import Budget
from benchmarks.groups import ORDER

LIBRARIES = (
    "chainrule",
    "numpy",
    "jax",
    "jax0431",
    "torch",
    "torch.compile",
    "autograd",
    "numba",
    "c",
)
"""Every library a row may be written for, in the order of the table's columns."""

Maker = Callable[[Any], Any]
_registry: dict[str, "CallRow | ProcessRow"] = {}


@dataclass(frozen=True, slots=True)
class Timed:
    """A function to time, with `result`: what of its outcome the libraries agree on.

    Where `result` is None the library draws random numbers of its own: it is timed and
    not compared. `traffic` is the least that a call must move to and from memory: the
    bytes of its arguments and results.
    """

    run: Callable[[], Any]
    result: Callable[[Any], Any] | None
    traffic: int = 0


@dataclass(slots=True)
class CallRow:
    """A call, timed in the warm process of each library.

    `per` divides the time, for a row that reports the cost of one of many equal steps.
    `rtol` is relative to the largest value of a result: libraries that compute in
    float64 stand beside libraries that compute in float32. With `x64` the libraries are
    told to honour 64-bit dtypes. `bound` says what the time is held against: "copy", the
    bandwidth of a copy, or "fma32" and "fma64", the peak of fused multiply-adds, of which
    a call needs half as many as `flops`. `tested` rows are small enough for the tests.
    """

    group: str
    name: str
    title: str
    budgets: tuple[Budget, ...] = ()
    per: int = 1
    rtol: float = 1e-4
    x64: bool = False
    bound: str = ""
    flops: float = 0.0
    tested: bool = True
    makers: dict[str, Maker] = field(default_factory=dict)

    def __post_init__(self) -> None:
        register(self)

    @property
    def id(self) -> str:
        return f"{self.group}/{self.name}"

    @property
    def libraries(self) -> tuple[str, ...]:
        return tuple(self.makers)

    def implement(self, *libraries: str) -> Callable[[Maker], Maker]:
        """Register the decorated maker for `libraries`."""

        def add(maker: Maker) -> Maker:
            for library in libraries:
                check_library(library, self.id, self.makers)
                self.makers[library] = maker
            return maker

        return add


@dataclass(slots=True)
class ProcessRow:
    """A program, timed from the start of a fresh interpreter to its exit.

    `programs` maps a library to Python source; what it prints is its result. With
    `inside` the program takes the time itself and prints its seconds first. The
    `environment` is added to that of the process; "{cache}" in it stands for a folder
    that is empty before the row and kept between its processes. At most `rounds`
    repetitions are taken. `tested` rows are short enough for the tests.
    """

    group: str
    name: str
    title: str
    programs: dict[str, str]
    budgets: tuple[Budget, ...] = ()
    per: int = 1
    rtol: float = 1e-4
    inside: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    rounds: int = 1000
    tested: bool = True

    def __post_init__(self) -> None:
        for library in self.programs:
            check_library(library, self.id, {})
        register(self)

    @property
    def id(self) -> str:
        return f"{self.group}/{self.name}"

    @property
    def libraries(self) -> tuple[str, ...]:
        return tuple(self.programs)


Row = CallRow | ProcessRow


def register(row: Row) -> None:
    """Enter `row` into the registry; a second row of the same id is an error."""
    if row.id in _registry:
        raise ValueError(f"benchmarks: row {row.id} is declared twice; rename one.")
    _registry[row.id] = row


def check_library(library: str, row_id: str, taken: dict[str, Maker]) -> None:
    """Refuse a library that no column exists for, or that has its maker already."""
    if library not in LIBRARIES:
        known = ", ".join(LIBRARIES)
        raise ValueError(f"benchmarks: {row_id}: no library {library!r}; use {known}.")
    if library in taken:
        raise ValueError(f"benchmarks: {row_id}: {library} is implemented twice.")


def load_rows() -> dict[str, Row]:
    """Import every group, in the order of the table, and return all rows."""
    for name in ORDER:
        importlib.import_module(f"benchmarks.groups.{name}")
    return _registry
