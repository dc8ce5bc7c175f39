"""How samplers by rejection lower: every element repeats until it has its number.

An element draws from its key at its own counter, its place among the key's elements in
row-major order. Where a key's elements share rounds, which number one keeps depends on
how many rounds the others need: a kernel counts them, another draws.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from ..core import dtypes
from .threefry import join_key, key_words

DRAW_COST = 2000.0
"""Of a number that is drawn by rejection, in additions: it is never drawn twice."""


class Draw:
    """The elements of a sampler: its keys, and parameters whose first dimensions are
    those of the keys."""

    def __init__(self, build: Any, keys: Any, *parameters: Any):
        build.check(keys, *parameters)
        self.build, self.m = build, build.m
        self.shape, self.ndim = parameters[0].shape, len(keys.shape)
        self.per_key = self.shape[self.ndim :]
        self.alone = all(type(n) is int and n == 1 for n in self.per_key)
        self.keys = build.settled(keys, 1 if self.alone else 2)
        self.parameters = parameters

    def each(self, element: Callable[..., Any], *more: Any) -> Any:
        """The value whose elements are element(row, key, counter, *parameters), `row`
        the indices of the key; `more`: what else is read."""
        keys, xs, ndim = self.keys, self.parameters, self.ndim

        def at(row: Sequence[Any], position: Any, given: Sequence[Any]) -> Any:
            key = key_words(self.m, keys.at(*row))
            return element(row, key, self.m.counter(position.expr()), *given)

        def by_indices(*indices: Any) -> Any:
            position = self.m.ravel(indices[ndim:], self.per_key)
            return at(indices[:ndim], position, [x.at(*indices) for x in xs])

        def by_position(position: Any) -> Any:
            return at((), position, [x.linear(position) for x in xs])

        linear = None if ndim else by_position
        return self.build.index(
            by_indices, keys, *xs, *more, cost=DRAW_COST, linear=linear
        )

    def of(self, shape: Sequence[int], dtype: Any) -> Draw:
        """The same, to make an intermediate value."""
        other = copy.copy(self)
        other.build = self.build.of(self.build.aval(shape, dtype))
        return other

    def kept(self, rejection: Any, given: Callable[..., Any], finish: Any) -> Any:
        """The value whose elements are finish(kept, key, counter, *parameters) of the
        candidates that rejection keeps. given(m, *parameters) says whether an element
        needs one, and the parameters that it tries."""
        m = self.m
        if self.alone:

            def first(_: Any, key: Any, counter: Any, *xs: Any) -> Any:
                on, tried = given(m, *xs)
                return finish(
                    rejection.first(key, counter, on, *tried), key, counter, *xs
                )

            return self.each(first)
        rounds = self._rounds(rejection, given)
        recent = self._recent(rejection, rounds)

        def latest(row: Any, key: Any, counter: Any, *xs: Any) -> Any:
            on, tried = given(m, *xs)
            known = [
                key_words(m, recent.at(*row, m.Index(j)))
                for j in range(rejection.recent)
            ]
            found = rejection.latest(key, known, rounds.at(*row), counter, on, *tried)
            return finish(found, key, counter, *xs)

        return self.each(latest, rounds, recent)

    def _most(self, made: Any) -> Any:
        """The largest of an int32 value, of each key."""
        m, kept = self.m, self.shape[: self.ndim]
        build = self.of(kept, dtypes.int32).build
        most = build.fold(
            self.shape, tuple(range(self.ndim, len(self.shape))),
            lambda *indices: (made.at(*indices),), (m.const(0, "i32"),),
            lambda most, x: (m.maximum(most[0], x[0]),), made,
        )  # fmt: skip
        return build.stored(most)

    def _rounds(self, rejection: Any, given: Callable[..., Any]) -> Any:
        """How many rounds each key needs until all of its elements have a candidate
        accepted: 0 where none of them needs it."""
        m, build = self.m, self.build
        whole = self.of(self.shape, dtypes.int32)

        def needs(*indices: Any) -> Any:
            on, _ = given(m, *[x.at(*indices) for x in self.parameters])
            return m.convert(on, "i32")

        some = self._most(whole.build.index(needs, *self.parameters))

        def count(row: Any, key: Any, counter: Any, *xs: Any) -> Any:
            on = some.at(*row) > 0
            return rejection.rounds(key, counter, on, *given(m, *xs)[1])

        return self._most(build.stored(whole.each(count, some)))

    def _recent(self, rejection: Any, rounds: Any) -> Any:
        """The keys of the last rounds."""
        m, keys = self.m, self.keys
        shape = (*self.shape[: self.ndim], rejection.recent)

        def element(*indices: Any) -> Any:
            row, j = indices[:-1], m.convert(indices[-1].expr(), "i32")
            place = m.maximum(rounds.at(*row) - 1 - j, 0)
            key = key_words(m, keys.at(*row))
            return join_key(m, *rejection.later_key(key, place))

        build = self.of(shape, keys.aval.dtype).build
        return build.stored(build.index(element, keys, rounds, cost=DRAW_COST))


__all__ = ["Draw"]
