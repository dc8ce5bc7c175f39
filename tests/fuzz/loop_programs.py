"""Loops that change entries of arrays, as data: what a step does, and how it runs.

A step is a list of changes, each a tuple that begins with its name: entries set, added to
or looked up, windows moved, arrays turned, joined, exchanged or chosen between, branches
and short loops. A place is an affine, modular or data-dependent index per dimension, in
bounds or not; a value is an expression of entries as they are `now`, as the step began
(`start`) or as they were given (`given`). Numbers are whole and stay small, so that every
order of summation gives the same.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax

BOUND = 61
"""What values are reduced by, where they are computed."""


@dataclasses.dataclass(frozen=True)
class View:
    """What the expressions of a step read; `count` is its number, `row` its own input."""

    now: list[Any]
    start: list[Any]
    given: list[Any]
    count: Any
    row: Any

    def of(self, name: str) -> list[Any]:
        """The arrays of that name."""
        return getattr(self, name)

    def later(self, now: list[Any]) -> View:
        """The same step, further on."""
        return dataclasses.replace(self, now=now)


# --- places and values ---------------------------------------------------------------


def cast(x: Any, dtype: Any) -> Any:
    """`x` in another dtype, from floats to integers by way of int32, which wraps."""
    to, of = np.dtype(cnp.dtype(dtype)), np.dtype(x.dtype)
    if to == of:
        return x
    if of.kind == "c" and to.kind != "c":
        x = x.real
    if of.kind == "b" or to.kind in "iu":
        x = x.astype("int32")
    return x != 0 if to.kind == "b" else x.astype(to)


def index(place: Any, view: View) -> Any:
    """A number, or a slice."""
    kind, *numbers = place
    if kind == "all":
        return slice(None)
    if kind == "part":
        return slice(*numbers)
    if kind == "fixed":
        return numbers[0]
    if kind == "several":
        a, *more = numbers
        return a * view.count + cnp.asarray(np.array(more, "int32"))
    if kind == "found":
        name, k, j = numbers
        return cast(view.of(name)[k].ravel()[j], "int32")
    a, b, *n = numbers
    found = a * view.count + b
    return found % n[0] if n else found


def indices(places: Any, view: View) -> tuple[Any, ...]:
    """One per dimension."""
    return tuple(index(p, view) for p in places)


def bounded(x: Any) -> Any:
    """`x` modulo a small number, by real and imaginary part."""
    kind = np.dtype(x.dtype).kind
    if kind == "b":
        return x
    if kind == "c":
        return lax.complex(x.real % BOUND, x.imag % BOUND).astype(x.dtype)
    return x % BOUND if kind == "u" or kind == "i" else cnp.mod(x, BOUND)


def _pairs(kind: str) -> dict[str, Any]:
    """How two values become one, for a kind of dtype."""
    if kind == "b":
        return {
            "add": lambda x, y: x | y, "sub": lambda x, y: x ^ y,
            "mul": lambda x, y: x & y, "more": lambda x, y: x | y,
            "less": lambda x, y: x & y,
        }  # fmt: skip
    plain = {
        "add": lambda x, y: x + y, "sub": lambda x, y: x - y,
        "mul": lambda x, y: x * (bounded(y) % 3) if kind != "c" else x * 1j - y,
    }  # fmt: skip
    if kind == "c":
        return {**plain, "more": plain["add"], "less": plain["sub"]}
    return {**plain, "more": cnp.maximum, "less": cnp.minimum}


def value(e: Any, view: View, dtype: Any) -> Any:
    """An expression in a dtype; a scalar, but for entries at slices."""
    kind, *parts = e
    if kind == "number":
        return cast(cnp.asarray(np.float32(parts[0])), dtype)
    if kind == "count":
        return cast(cnp.asarray(view.count), dtype)
    if kind == "row":
        return cast(view.row, dtype)
    if kind == "entry":
        name, k, places, mode = parts
        read = view.of(name)[k].at[indices(places, view)].get(mode=mode)
        return cast(read, dtype)
    if kind == "largest":
        return cast(_largest(view.now[parts[0]]), dtype)
    if kind == "total":
        return bounded(cast(_total(view.now[parts[0]]), dtype))
    one, other = (value(p, view, dtype) for p in parts)
    return bounded(_pairs(np.dtype(one.dtype).kind)[kind](one, other))


def _largest(x: Any) -> Any:
    return cnp.max(cast(x, "float32") if np.dtype(x.dtype).kind == "c" else x)


def _total(x: Any) -> Any:
    """A sum that is exact in any order."""
    wide = np.dtype(x.dtype).itemsize >= 4 and np.dtype(x.dtype).kind != "b"
    return cnp.sum(x if wide else cast(x, "float32"))


def holds(test: Any, view: View) -> Any:
    """A condition: of the step's number, or of a value."""
    kind, *parts = test
    if kind == "every":
        n, k = parts
        return view.count % n == k
    e, limit = parts  # "above"
    return value(e, view, "int32") > limit


# --- changes -------------------------------------------------------------------------


def replaced(arrays: list[Any], k: int, x: Any) -> list[Any]:
    """The arrays with another one as number k."""
    return [*arrays[:k], x, *arrays[k + 1 :]]


def run(changes: Any, view: View) -> list[Any]:
    """The arrays after all changes."""
    for kind, *parts in changes:
        view = view.later(_CHANGES[kind](view, *parts))
    return view.now


def _at(view, k, how, places, e, mode):
    """Entries changed one by one or by windows."""
    x = view.now[k]
    kind, new = np.dtype(x.dtype).kind, value(e, view, x.dtype)
    if how == "multiply":
        new = new if kind == "b" else cast(cast(new, "int32") % 3, x.dtype)
    if kind in "bc" and how in ("max", "min"):
        how = "set"
    target = x.at[indices(places, view)]
    return replaced(view.now, k, getattr(target, how)(new, mode=mode))


def _window(view, k, to, source, since, sizes):
    """A window of one array, of its own place, put into another."""
    name, j = source
    y, x = view.of(name)[j], view.now[k]
    part = lax.dynamic_slice(y, indices(since, view), sizes)
    moved = lax.dynamic_update_slice(x, cast(part, x.dtype), indices(to, view))
    return replaced(view.now, k, moved)


def _turned(view, k, how, n):
    """All entries at other places."""
    x = view.now[k]
    made = {
        "roll": lambda: cnp.roll(x, n, 0),
        "flip": lambda: cnp.flip(x, n % x.ndim),
        "transpose": lambda: x.T,
        "push": lambda: cnp.concatenate([x[1:], x[:1]]),
        "pull": lambda: cnp.concatenate([x[-1:], x[:-1]], 0),
        "sort": lambda: cnp.sort(x, 0),
        "copy": lambda: x + cnp.zeros_like(x),
        "again": lambda: x,
    }[how]()
    return replaced(view.now, k, made)


def _pair(view, k, how, name, j):
    """Two arrays of one type, entry by entry."""
    x, y = view.now[k], view.of(name)[j]
    made = _pairs(np.dtype(x.dtype).kind)[how](x, y)
    return replaced(
        view.now, k, bounded(made) if how in ("add", "sub", "mul") else made
    )


def _exchange(view, j, k):
    """Two arrays of one type change places."""
    return replaced(replaced(view.now, j, view.now[k]), k, view.now[j])


def _taken(view, k, name, j, changes):
    """An array becomes what another one of its type is, was, or would be changed."""
    made = run(changes, view.later(view.of(name)))
    return replaced(view.now, k, made[j])


def _which(view, k, mask, x):
    """Where a selection takes the new array: everywhere, at one place, or by entries."""
    kind, *parts = mask
    if kind == "holds":
        return holds(parts[0], view)
    n = x.shape[-1]
    if kind == "near":
        return cnp.arange(n) <= index(parts[0], view)
    if kind == "place":
        return cnp.arange(n) == index(parts[0], view)
    return cast(view.of(parts[0])[parts[1]], "int32") % 3 == parts[2]


def _where(view, k, mask, changes, turned):
    """An array as it is, or after changes, by a selection."""
    x, y = view.now[k], run(changes, view)[k]
    test = _which(view, k, mask, x)
    made = cnp.where(test, x, y) if turned else cnp.where(test, y, x)
    return replaced(view.now, k, made)


def _cond(view, test, one, other):
    """Changes by a branch; the arrays are its operands."""
    return lax.cond(
        holds(test, view),
        lambda *now: tuple(run(one, view.later(list(now)))),
        lambda *now: tuple(run(other, view.later(list(now)))),
        *view.now,
    )


def _switch(view, place, *ways):
    """Changes by a number, which may be out of range."""
    taken = cnp.asarray(index(place, view), "int32")
    branch = lambda way: lambda *now: tuple(run(way, view.later(list(now))))
    return lax.switch(taken, [branch(way) for way in ways], *view.now)


def _again(view, n, changes):
    """A short loop."""

    def step(i, now):
        inner = dataclasses.replace(view, now=list(now), count=view.count + i)
        return tuple(run(changes, inner))

    return lax.fori_loop(0, n, step, tuple(view.now))


def _checkpointed(view, changes):
    """Changes that reverse mode makes again."""
    f = cr.checkpoint(lambda *now: tuple(run(changes, view.later(list(now)))))
    return f(*view.now)


_CHANGES = {
    "at": _at, "window": _window, "turned": _turned, "pair": _pair,
    "exchange": _exchange, "taken": _taken, "where": _where, "cond": _cond,
    "switch": _switch, "again": _again, "checkpointed": _checkpointed,
}  # fmt: skip


# --- programs ------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class LoopProgram:
    """A loop over carries of these types, of `length` steps at most.

    `first` says which array each carry begins as, and what is done to it before; `seen`
    which entries a scan gives out in every step, `rows` what dtype its own inputs have;
    `test` what a while loop goes on by; `after`: whether the arrays given are read later.
    """

    wide: bool
    arrays: tuple[tuple[tuple[int, ...], str], ...]
    first: tuple[tuple[int, str], ...]
    kind: str
    length: int
    changes: tuple[Any, ...]
    rows: str = "int32"
    seen: tuple[Any, ...] = ()
    test: Any = ("every", 1, 0)
    reverse: bool = False
    unroll: int = 1
    after: bool = False

    def arguments(self, seed: int = 0) -> list[Any]:
        """Arrays of the program's types, the same ones for a seed, then rows."""
        rng = np.random.default_rng(seed)
        drawn = [_numbers(rng, s, d) for s, d in self.arrays]
        return [
            *drawn,
            _numbers(rng, (self.length or 1,), self.rows),
            np.int32(self.length),
        ]

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        """The last carries, the rows, and what is read behind the loop."""
        *given, rows, length = map(cnp.asarray, args)
        init = tuple(_begun(given[k], how) for k, how in self.first)
        more: tuple[Any, ...] = ()

        def step(count: Any, now: Any, row: Any) -> tuple[Any, ...]:
            return tuple(run(self.changes, View([*now], [*now], given, count, row)))

        if self.kind == "fori":
            last = lax.fori_loop(0, self.length, lambda i, c: step(i, c, rows[i]), init)
        elif self.kind == "open":
            last = lax.fori_loop(0, length, lambda i, c: step(i, c, rows[0]), init)
        elif self.kind == "while":
            last = self._while(step, init, given, rows, length)
        else:
            last, more = self._scan(step, init, given, rows)
        return (*last, *more, *(given if self.after else ()))

    def _while(self, step: Any, init: Any, given: Any, rows: Any, length: Any) -> Any:
        def goes_on(pair: Any) -> Any:
            count, now = pair
            view = View([*now], [*now], given, count, rows[0])
            return (count < length) & holds(self.test, view)

        body = lambda pair: (pair[0] + 1, step(pair[0], pair[1], rows[0]))
        return lax.while_loop(goes_on, body, (cnp.int32(0), init))[1]

    def _scan(self, step: Any, init: Any, given: Any, rows: Any) -> Any:
        def body(pair: Any, row: Any) -> Any:
            count, now = pair
            made = step(count, now, row)
            view = View([*made], [*now], given, count, row)
            seen = tuple(view.of(name)[k][indices(p, view)] for name, k, p in self.seen)
            return (count + 1, made), seen

        (_, last), seen = lax.scan(
            body,
            (cnp.int32(0), init),
            rows[: self.length],
            reverse=self.reverse,
            unroll=self.unroll,
        )
        return last, seen

    def __repr__(self) -> str:
        fields = [
            f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self)
        ]
        return "LoopProgram(\n    " + ",\n    ".join(fields) + ",\n)"


def _begun(x: Any, how: str) -> Any:
    """What a carry begins as."""
    if how == "made":
        return x + cnp.ones_like(x)
    return cnp.sort(x, 0) if how == "sorted" else x


def _numbers(rng: Any, shape: Any, dtype: str) -> Any:
    """Whole numbers, some below zero."""
    kind = np.dtype(cnp.dtype(dtype)).kind
    drawn = rng.integers(0 if kind in "ub" else -9, 2 if kind == "b" else 50, shape)
    if kind == "c":
        drawn = drawn + 1j * rng.integers(-9, 50, shape)
    return np.asarray(drawn).astype(cnp.dtype(dtype))
