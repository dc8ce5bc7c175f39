"""Budgets: what a row is meant to cost, judged from the medians of one run.

A budget knows its text and answers `met(seconds, subject)`, where `seconds` maps a
library to its median and `subject` is the library that the budget binds. The answer is
None where the run lacks what the judgement needs, a peer that is not installed say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from benchmarks.units import show_seconds

Medians = Mapping[str, float]


class Budget(Protocol):
    """A bound on a row's time that a run can be held against."""

    @property
    def text(self) -> str: ...

    def met(self, seconds: Medians, subject: str) -> bool | None: ...


@dataclass(frozen=True, slots=True)
class AtMost:
    """The subject takes at most `limit` seconds."""

    limit: float

    @property
    def text(self) -> str:
        return f"<= {show_seconds(self.limit)}"

    def met(self, seconds: Medians, subject: str) -> bool | None:
        return seconds[subject] <= self.limit if subject in seconds else None


@dataclass(frozen=True, slots=True)
class AtMostTimes:
    """The subject takes at most `factor` times as long as `peer`."""

    factor: float
    peer: str

    @property
    def text(self) -> str:
        return f"<= {self.factor:g}x {self.peer}"

    def met(self, seconds: Medians, subject: str) -> bool | None:
        if subject not in seconds or self.peer not in seconds:
            return None
        return seconds[subject] <= self.factor * seconds[self.peer]


@dataclass(frozen=True, slots=True)
class AtMostBeyond:
    """The subject takes at most `extra` seconds more than `peer`."""

    extra: float
    peer: str

    @property
    def text(self) -> str:
        return f"<= {self.peer} + {show_seconds(self.extra)}"

    def met(self, seconds: Medians, subject: str) -> bool | None:
        if subject not in seconds or self.peer not in seconds:
            return None
        return seconds[subject] <= seconds[self.peer] + self.extra


@dataclass(frozen=True, slots=True)
class AheadOf:
    """The subject is faster than every one of `peers` that the run measured."""

    peers: tuple[str, ...]

    @property
    def text(self) -> str:
        return f"ahead of {', '.join(self.peers)}"

    def met(self, seconds: Medians, subject: str) -> bool | None:
        measured = [seconds[peer] for peer in self.peers if peer in seconds]
        if subject not in seconds or not measured:
            return None
        return seconds[subject] < min(measured)


@dataclass(frozen=True, slots=True)
class FarAheadOrNear:
    """The subject is `ahead` times as fast as each of `peers` that the run measured, or
    takes at most `factor` times as long as `native`, the same program written in C."""

    ahead: float
    peers: tuple[str, ...]
    factor: float
    native: str

    @property
    def text(self) -> str:
        peers = ", ".join(self.peers)
        return f"{self.ahead:g}x of {peers} or <= {self.factor:g}x {self.native}"

    def met(self, seconds: Medians, subject: str) -> bool | None:
        near = AtMostTimes(self.factor, self.native).met(seconds, subject)
        measured = [seconds[peer] for peer in self.peers if peer in seconds]
        if near or subject not in seconds or not measured:
            return near
        return self.ahead * seconds[subject] <= min(measured)


@dataclass(frozen=True, slots=True)
class MeanAtLeast:
    """Over all rows, `peer` takes at least `factor` times as long: a geometric mean."""

    factor: float
    peer: str

    @property
    def text(self) -> str:
        return f"{self.peer} >= {self.factor:g}x"

    def met(self, ratio: float | None) -> bool | None:
        return None if ratio is None else ratio >= self.factor


NEVER_SLOWER = AheadOf(("jax",))
"""Every compiled row's budget: any workload of the suite is ahead of JAX."""

LOOPS = FarAheadOrNear(2.0, ("jax", "jax0431"), 1.1, "c")
"""The budget of loops, whose bodies are small."""

SUITE = MeanAtLeast(3.0, "jax")
"""What all rows together are meant to come to."""
