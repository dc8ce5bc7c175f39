"""Control flow for random programs: bodies of branches and loops, nested.

A body maps an array to one of its shape and is data: a name and what it is made of. With
NumPy it runs as plain Python; with Arrays as `lax` control flow. Values stay bounded.
"""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

import chainrule as cr
from chainrule import lax

LEAVES = ("sine", "squash", "mix", "shift", "asked")
KINDS = "then", "cond", "switch", "fori", "while", "scan", "checkpointed"
DEPTH = 3

AGAIN = {"all": {}, "within a budget": {"budget": "1MB"}}
"""What reverse mode runs again of a body."""


@st.composite
def bodies(draw, depth=DEPTH):
    """A body with at most `depth` branches and loops within each other."""
    kinds = KINDS if depth else LEAVES
    kind = draw(st.sampled_from(kinds))
    if kind in LEAVES:
        return (kind,)
    inner = bodies(draw(st.integers(0, depth - 1)))
    if kind in ("then", "cond"):
        return kind, draw(inner), draw(inner)
    if kind == "switch":
        return kind, draw(inner), draw(inner), draw(inner)
    if kind == "scan":
        segments = draw(st.sampled_from([False, False, True, 1, 2]))
        return kind, draw(st.integers(0, 5)), draw(st.booleans()), segments, draw(inner)
    if kind == "checkpointed":
        return kind, draw(st.sampled_from(sorted(AGAIN))), draw(inner)
    return kind, draw(st.integers(0, 3)), draw(inner)


def parts(body):
    """The bodies that a body is made of."""
    return [part for part in body[1:] if isinstance(part, tuple)]


def depth(body):
    """How many branches and loops stand in each other in a body."""
    inner = max(map(depth, parts(body)), default=0)
    return inner + (body[0] not in (*LEAVES, "then", "checkpointed"))


def size(body):
    """How many bodies there are in all."""
    return 1 + sum(map(size, parts(body)))


def is_nested(body):
    """Whether a body is at least two deep, and small enough to compile many of them."""
    return depth(body) > 1 and size(body) <= 9


def run(xp, body, x):
    """The body's value at `x`."""
    return _runs[body[0]](xp, x, *body[1:])


def _then(xp, x, first, second):
    return run(xp, second, run(xp, first, x))


def _cond(xp, x, one, other):
    """A branch by the sum, the other operand closed over."""
    test = xp.sum(x) > 0.1
    if xp is np:
        return run(xp, one if test else other, x) + 0.1 * x
    return lax.cond(
        test,
        lambda y: run(xp, one, y) + 0.1 * x,
        lambda y: run(xp, other, y) + 0.1 * x,
        x,
    )


def _switch(xp, x, *branches):
    """A branch by a number that depends on the data."""
    k = xp.floor(xp.abs(xp.sum(x)) * 1.5).astype(int)
    if xp is np:
        return run(xp, branches[min(int(k), len(branches) - 1)], x)
    return lax.switch(k, [lambda y, b=b: run(xp, b, y) for b in branches], x)


def _fori(xp, x, n, body):
    step = lambda i, y: run(xp, body, y) + 0.1 * i * x
    if xp is np:
        y = x
        for i in range(n):
            y = step(i, y)
        return y
    return lax.fori_loop(0, n, step, x)


def _while(xp, x, n, body):
    """As many steps as the data asks for, at most n + 1."""
    going = lambda pair: (pair[0] <= n) & (xp.sum(pair[1] * pair[1]) < 3.0)
    step = lambda pair: (pair[0] + 1, 1.3 * run(xp, body, pair[1]) + 0.4)
    if xp is np:
        pair = 0, x
        while going(pair):
            pair = step(pair)
    else:
        pair = lax.while_loop(going, step, (0, x))
    return xp.sin(pair[1])


def _checkpointed(xp, x, again, body):
    """A body that is run again in reverse mode; it closes over `x`."""
    f = lambda y: run(xp, body, y) * xp.cos(0.3 * x)
    return f(x) if xp is np else cr.checkpoint(f, **AGAIN[again])(x)


def _scan(xp, x, n, reverse, segments, body):
    def step(y, row):
        y = xp.cos(run(xp, body, y) + row * x)
        return y, xp.sum(y) * row

    rows = np.linspace(0.1, 0.9, n)
    if xp is np:
        y, found = x, []
        for row in rows[::-1] if reverse else rows:
            y, out = step(y, row)
            found.append(out)
        outs = np.array(found[::-1] if reverse else found)
    else:
        rows = xp.asarray(rows)
        y, outs = lax.scan(step, x, rows, reverse=reverse, checkpoint=segments)
    return y + 0.1 * xp.sum(outs * rows)


def _asked(xp, x, k=0):
    """cos(0.9 x) by NumPy, within a compiled program too; `k` is the order of derivative."""
    values = lambda v: np.cos(0.9 * np.asarray(v) + k * np.pi / 2) * 0.9**k
    if xp is np:
        return values(x)
    struct = cr.ShapeDtypeStruct(x.shape, x.dtype)
    ask = lambda y: cr.pure_callback(values, struct, y, vmap_method="broadcast_all")
    f = cr.custom_jvp(ask)
    f.defjvp(lambda ys, ts: (f(*ys), _asked(xp, *ys, k + 1) * ts[0]))
    return f(x)


_runs = {
    "sine": lambda xp, x: xp.sin(1.3 * x),
    "squash": lambda xp, x: xp.tanh(x) + 0.1,
    "mix": lambda xp, x: 0.5 * x + xp.mean(x) if x.size else x,
    "shift": lambda xp, x: xp.where(x > 0.3, 0.7 * x, x * x - 0.5),
    "then": _then, "cond": _cond, "switch": _switch, "fori": _fori, "while": _while,
    "scan": _scan, "checkpointed": _checkpointed, "asked": _asked,
}  # fmt: skip
