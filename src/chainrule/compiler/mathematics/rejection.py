"""Rejection in rounds that many elements share: which of its candidates an element keeps.

A key draws for all of its elements in each round, and is split for the next one, until
every element has had a candidate accepted; an element keeps the last. So who asks for
numbers asks first for the rounds that each element needs, and with the most of them for
the last candidate that was accepted, which is sought backwards: it is among the last
two or three, mostly. The keys of these rounds are given (`recent`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..expr import Expr, const, iterated, rare, select
from .draws import Counter, Key, key_at, unit

RECENT = 3
"""How many keys of the last rounds are given."""


class Rejection:
    """A distribution: `attempt(u, v, *parameters)` is a candidate and whether it is
    accepted, of uniform u in [-0.5, 0.5) and v in [0, 1)."""

    recent = RECENT

    def __init__(self, name: str, attempt: Callable[..., tuple[Expr, Expr]]):
        self.attempt = attempt
        self._forward = {
            what: _named(f"{what}_{name}", self._forwards(place))
            for place, what in enumerate(("rounds", "first"))
        }
        self._backward = _named(f"latest_{name}", self._backwards)

    def rounds(self, key: Key, at: Counter, on: Expr, *parameters: Expr) -> Expr:
        """The rounds, an i32, until the element at the counter `at` has a candidate
        accepted; 0 where it is not `on`."""
        return iterated(self._forward["rounds"], *key, *at, on, *parameters)

    def first(self, key: Key, at: Counter, on: Expr, *parameters: Expr) -> Expr:
        """The first candidate accepted; 0 where the element is not `on`."""
        return iterated(self._forward["first"], *key, *at, on, *parameters)

    def latest(
        self, key: Key, recent: Sequence[Key], rounds: Expr, at: Counter, on: Expr,
        *parameters: Expr,
    ) -> Expr:  # fmt: skip
        """The last candidate accepted in so many rounds; 0 where it is not `on`."""
        words = [w for k in (key, *recent) for w in k]
        return iterated(self._backward, *words, rounds, *at, on, *parameters)

    def later_key(self, key: Key, times: Expr) -> Key:
        """The key that draws so many rounds (an i32) later."""
        return iterated(_later_low, *key, times), iterated(_later_high, *key, times)

    def _drawn(self, key: Key, at: Counter, *parameters: Expr) -> tuple[Expr, Expr]:
        type = parameters[0].type
        u = unit(key_at(key, 1), type, at) - 0.5
        return self.attempt(u, unit(key_at(key, 2), type, at), *parameters)

    def _forwards(self, place: int) -> Callable[..., Any]:
        def loop(
            k0: Expr, k1: Expr, a0: Expr, a1: Expr, on: Expr, *parameters: Expr
        ) -> Any:
            def step(k0: Expr, k1: Expr, again: Expr, *found: Expr) -> Any:
                key = k0, k1
                value, accepted = self._drawn(key, (a0, a1), *parameters)
                made = found[0] + 1 if place == 0 else value
                return again, (*key_at(key, 0), ~accepted, made)

            type = parameters[0].type if place else "i32"
            first = k0, k1, on, const(0, type)
            return first, step, lambda k0, k1, again, found: found

        return loop

    def _backwards(self, *given: Expr) -> Any:
        words, rest = given[: 2 * RECENT + 2], given[2 * RECENT + 2 :]
        rounds, a0, a1, on, *parameters = rest
        key, *recent = list(zip(words[::2], words[1::2]))

        def step(j: Expr, again: Expr, value: Expr) -> Any:
            place = rounds - 1 - j
            known = [_chosen(j, [k[w] for k in recent]) for w in range(2)]
            old = [iterated(f, *key, place) for f in (_later_low, _later_high)]
            here = [rare(j >= RECENT, x, y) for x, y in zip(old, known)]
            value, accepted = self._drawn((here[0], here[1]), (a0, a1), *parameters)
            return again & (place >= 0), (j + 1, ~accepted, value)

        first = const(0, "i32"), on, const(0.0, parameters[0].type)
        return first, step, lambda j, again, value: value


def _named(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def routine(*args: Expr) -> Any:
        return function(*args)

    routine.__name__ = name
    return routine


def _chosen(j: Expr, values: Sequence[Expr]) -> Expr:
    """values[j]; the last beyond them."""
    out = values[-1]
    for k in reversed(range(len(values) - 1)):
        out = select(j.eq(k), values[k], out)
    return out


def _splits(k0: Expr, k1: Expr, times: Expr) -> Any:
    def step(k0: Expr, k1: Expr, j: Expr) -> Any:
        return j < times, (*key_at((k0, k1), 0), j + 1)

    return (k0, k1, const(0, "i32")), step


def _later_low(k0: Expr, k1: Expr, times: Expr) -> Any:
    """The first word of the key that so many rounds later draws."""
    return *_splits(k0, k1, times), lambda k0, k1, j: k0


def _later_high(k0: Expr, k1: Expr, times: Expr) -> Any:
    return *_splits(k0, k1, times), lambda k0, k1, j: k1


__all__ = ["RECENT", "Rejection"]
