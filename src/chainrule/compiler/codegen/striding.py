"""Loads of every second to eighth element: whole vectors, of which shuffles keep lanes.

A gather of such lanes costs as much as one of any others: an access for each, and on
processors whose microcode mends "gather data sampling" (Intel, INTEL-SA-00828) several
times that. The vectors that cover the lanes are loaded in one piece each; the last one
ends at the last lane, so that nothing beyond what the lanes span is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .types import IN_MEMORY, size, vector

Emitter = Any


def load_strided(w: Emitter, type: str, pointer: str, stride: int) -> str:
    """The vector of the elements at `pointer` and at every `stride`-th after it."""
    n, step, element = w.full_width, abs(stride), IN_MEMORY[type]
    span = (n - 1) * step + 1
    starts = [*range(0, n * (step - 1), n), span - n]
    if stride < 0:
        pointer = w.new(f"getelementptr {element}, ptr {pointer}, i64 {1 - span}")
    places = [lane * step for lane in range(n)]
    sources = [min(p // n, step - 1) for p in places]
    if stride < 0:
        places, sources = places[::-1], sources[::-1]
    found = ""
    for k, start in enumerate(starts):
        t = vector(element, n)
        at = w.new(f"getelementptr {element}, ptr {pointer}, i64 {start}")
        part = w.new(f"load {t}, ptr {at}, align {size(type)}")
        lanes = [
            n + p - start if source == k else lane if k > 1 else p
            for lane, (p, source) in enumerate(zip(places, sources))
        ]
        found = part if k == 0 else _shuffled(w, t, found, part, lanes)
    return found


def _shuffled(w: Emitter, t: str, x: str, y: str, lanes: Sequence[int]) -> str:
    """Lanes of two vectors; what is not needed yet may be any."""
    n = len(lanes)
    order = ", ".join(f"i32 {k % (2 * n)}" for k in lanes)
    return w.new(f"shufflevector {t} {x}, {t} {y}, <{n} x i32> <{order}>")
