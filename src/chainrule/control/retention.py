"""What to keep of a program within a number of bytes: loops, then stretches of equations.

Loops whose residuals take more than there is go by segments (segments.py), the largest
first, on as many levels as it takes. If the rest is still too much, the program is
cut into stretches that are run again one at a time, from the last to the first, each a
`checkpoint` equation; what is left of the budget keeps results inside of them, those
that cost most to compute again per byte (after Chen et al., Training deep nets with
sublinear memory cost, 2016, section 4). Several cuts are tried; the one with the least to
run again is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal
from .checkpoint_policies import Policies, name_p
from .recompute import checkpoint_p
from .residuals import Residuals, flattened, residuals_of
from .scan import scan_p
from .scan_reverse import linearized, sizes_of
from .segments import Sizes, nbytes

LEVELS = 4
"""How often a loop's segments are divided again, at most."""
KEPT, STRETCH = "kept within the budget", "stretch"
"""The name of values that are kept, and of equations that are run again."""
_keep_named = Policies.save_only_these_names(KEPT)

Policy = Callable[..., bool] | None


class Retained(NamedTuple):
    """A program, and the bytes that its reverse mode takes at a time."""

    program: ClosedJaxpr
    needed: int


class Item(NamedTuple):
    """An equation with what it stores: `own` bytes when it has run, `again` more when
    it is reversed."""

    eqn: JaxprEqn
    stored: Residuals
    again: int = 0


def retained(
    closed: ClosedJaxpr, nonzero: Sequence[bool], budget: int, policy: Policy
) -> Retained:
    """The program with its reverse mode arranged to take at most `budget` bytes, or as
    few as it can."""
    flat = flattened(closed)
    rows = residuals_of(flat, nonzero)
    items = [_item(e, r) for e, r in zip(flat.eqns, rows)]
    outside = {
        *flat.jaxpr.constvars,
        *flat.jaxpr.invars,
        *_variables(flat.jaxpr.outvars),
    }
    if _total(items, outside) <= budget:
        return Retained(flat, _total(items, outside))
    items = _loops_in_segments(items, outside, budget, policy)
    total = _total(items, outside)
    jaxpr = flat.jaxpr.replace(eqns=[i.eqn for i in items])
    if total > budget:
        cuts = _Stretches(items, jaxpr.outvars, outside, policy)
        jaxpr, total = cuts.best(jaxpr, budget, total)
    return Retained(flat.replace(jaxpr=jaxpr), total)


def _variables(atoms: Sequence[Any]) -> list[Any]:
    return [v for v in atoms if type(v) is not Literal]


def _bytes(variables: Any) -> int:
    return nbytes([v.aval for v in variables])


def _total(items: Sequence[Item], outside: set[Any]) -> int:
    """The bytes that all residuals take, arguments and results apart."""
    read = {v for i in items for v in i.stored.reads} - outside
    again = max((i.again for i in items), default=0)
    return sum(i.stored.own for i in items) + _bytes(read) + again


# --- loops ---------------------------------------------------------------------------


def _loops_in_segments(
    items: Sequence[Item], outside: set[Any], budget: int, policy: Policy
) -> list[Item]:
    """The equations with so many loops in segments as it takes."""
    items = [_with_smaller_body(i, budget, policy) for i in items]
    sizes = {k: _sizes(i) for k, i in enumerate(items) if _is_loop(i.eqn)}
    largest = sorted(sizes, key=lambda k: -items[k].stored.own)
    for levels in range(1, LEVELS + 1):
        for k in largest:
            if _total(items, outside) <= budget:
                return items
            tried = list(items)
            tried[k] = _divided(items[k], sizes[k], levels)
            if _total(tried, outside) < _total(items, outside):
                items = tried
    return items


def _is_loop(eqn: JaxprEqn) -> bool:
    return eqn.primitive is scan_p and "segments" not in eqn.params


def _sizes(item: Item) -> Sizes:
    """What the reverse mode of a loop stores."""
    params = item.eqn.params
    body, num_carry = params["jaxpr"], params["num_carry"]
    varying = item.stored.varying
    length = params["length"]
    division = linearized(body, params["num_consts"], num_carry, varying, length)[2]
    return sizes_of(body, division, num_carry, length)


def _item(eqn: JaxprEqn, stored: Residuals) -> Item:
    """An equation; a loop whose segments the user has chosen keeps them."""
    segments = eqn.params.get("segments")
    if eqn.primitive is not scan_p or not segments or not any(stored.varying):
        return Item(eqn, stored)
    sizes = _sizes(Item(eqn, stored))
    segments = sizes.divided(1) if segments is True else segments
    return Item(eqn, stored, sizes.again(segments))


def _divided(item: Item, sizes: Sizes, levels: int) -> Item:
    """A loop in segments, unless its steps are too few."""
    segments = sizes.divided(levels)
    if not segments:
        return item
    params = {**item.eqn.params, "segments": segments}
    stored = item.stored._replace(own=sizes.stored(segments))
    body = item.again - sizes.again(item.eqn.params.get("segments", ()))
    return Item(item.eqn.replace(params=params), stored, body + sizes.again(segments))


def _with_smaller_body(item: Item, budget: int, policy: Policy) -> Item:
    """A loop of which a single step stores more than half of the budget, with a body
    that is run again itself."""
    if not _is_loop(item.eqn) or _sizes(item).residuals <= budget // 2:
        return item
    params = item.eqn.params
    body, consts, carry = params["jaxpr"], params["num_consts"], params["num_carry"]
    full = linearized(body, consts, carry, item.stored.varying)[0]
    made = body.derived(
        ("retained", full, budget // 2, policy),
        lambda: retained(body, full, budget // 2, policy),
    )
    eqn = item.eqn.replace(params={**params, "jaxpr": made.program})
    rows = residuals_of(made.program, full)
    inside = {*made.program.jaxpr.constvars, *made.program.jaxpr.invars}
    kept = _total(
        [_item(e, r)._replace(again=0) for e, r in zip(made.program.eqns, rows)], inside
    )
    stored = item.stored._replace(own=params["length"] * kept)
    return Item(eqn, stored, max(made.needed - kept, 0))


# --- stretches of equations ----------------------------------------------------------


class _Stretches:
    """The equations of a program, cut into stretches that are run again."""

    def __init__(
        self, items: list[Item], outvars: Any, outside: set[Any], policy: Policy
    ):
        self.items, self.outside, self.policy = items, outside, policy
        self.place = {v: k for k, i in enumerate(items) for v in i.eqn.outvars}
        self.weight = {v: _bytes([v]) for v in self.place}
        self.reads = [tuple(set(i.stored.reads) - outside) for i in items]
        self.takes = [tuple(_variables(i.eqn.invars)) for i in items]
        self.last = dict.fromkeys(_variables(outvars), len(items))
        for k in reversed(range(len(items))):
            for v in self.takes[k]:
                self.last.setdefault(v, k)
        self.may_keep = [self._may_keep(i.eqn) for i in items]
        self.crossing = self._crossing()

    def _crossing(self) -> list[int]:
        """The bytes of variables that are made before and read behind each place."""
        change = [0] * (len(self.items) + 2)
        for v, k in self.place.items():
            if v in self.last and v not in self.outside:
                change[k + 1] += self.weight[v]
                change[self.last[v] + 1] -= self.weight[v]
        for k in range(1, len(change)):
            change[k] += change[k - 1]
        return change

    def best(self, jaxpr: Jaxpr, budget: int, total: int) -> tuple[Jaxpr, int]:
        """The program cut up so that it takes at most `budget` bytes and runs as little
        as possible again; else, so that it takes the least."""
        smallest = max(self.size(k, k + 1) for k in range(len(self.items)))
        limits = [max(smallest, 1)]
        while limits[-1] < total:
            limits.append(limits[-1] * 4 // 3 + 1)
        found = [self.cut(limit) for limit in limits]
        tried = [(self.needed(cuts), k) for k, cuts in enumerate(found)]
        least, at = min(tried)
        if least >= total:
            return jaxpr, total
        fits = [found[k] for needed, k in tried if needed <= budget]
        if not fits:
            return self.written(jaxpr, found[at], set()), least
        plans: list[tuple[float, int, int]] = []
        made: list[tuple[list[int], set[Any]]] = []
        for cuts in [*fits, *(self.widened(c, budget) for c in fits)]:
            needed = self.needed(cuts)
            saved = self.saved(cuts, budget - needed)
            again = self.again(cuts, saved)
            plans.append((again, needed + _bytes(saved), len(made)))
            made.append((cuts, saved))
        _, needed, k = min(plans)
        return self.written(jaxpr, *made[k]), needed

    def widened(self, cuts: list[int], budget: int) -> list[int]:
        """The cuts, with as many of the last ones left out as the budget allows: what is
        behind them all is not run again."""
        most, too_few = len(cuts), 1
        while most - too_few > 1:
            middle = (most + too_few) // 2
            if self.needed([*cuts[: middle - 1], cuts[-1]]) <= budget:
                most = middle
            else:
                too_few = middle
        return [*cuts[: most - 1], cuts[-1]]

    def cut(self, limit: int) -> list[int]:
        """Where stretches begin and end whose residuals take about `limit` bytes."""
        cuts, n = [0], len(self.items)
        size, seen = 0, set[Any]()
        k = 0
        while k < n:
            more = self._adds(k, seen)
            if size and size + more > limit:
                first = cuts[-1] + max((k - cuts[-1]) // 2, 1)
                at = min(range(first, k + 1), key=lambda p: (self.crossing[p], -p))
                cuts.append(at)
                size, seen, k = 0, set[Any](), at
                continue
            size += more
            seen.update(self.reads[k])
            k += 1
        return [*cuts, n]

    def _adds(self, k: int, seen: set[Any]) -> int:
        item = self.items[k]
        fresh = sum(self.weight[v] for v in self.reads[k] if v not in seen)
        return item.stored.own + item.again + fresh

    def size(self, start: int, stop: int) -> int:
        """The bytes of the residuals of a stretch that it does not read from before."""
        items, place = self.items[start:stop], self.place
        read = {v for reads in self.reads[start:stop] for v in reads}
        made = sum(self.weight[v] for v in read if place[v] >= start)
        own = sum(i.stored.own for i in items)
        return own + made + max((i.again for i in items), default=0)

    def inputs(self, start: int, stop: int) -> list[Any]:
        """The variables that a stretch reads from before it."""
        read = dict.fromkeys(v for takes in self.takes[start:stop] for v in takes)
        return [v for v in read if self.place.get(v, -1) < start]

    def outputs(self, start: int, stop: int) -> list[Any]:
        """The variables of a stretch that are read behind it."""
        made = (v for i in self.items[start:stop] for v in i.eqn.outvars)
        return [v for v in made if self.last.get(v, -1) >= stop]

    def kept(self, cuts: Sequence[int]) -> list[set[Any]]:
        """What is kept from the first run for each stretch: what it starts from."""
        kept: list[set[Any]] = []
        for start, stop in zip(cuts, cuts[1:]):
            if stop < len(self.items):
                kept.append(set(self.inputs(start, stop)) - self.outside)
            else:
                rest = (v for reads in self.reads[start:] for v in reads)
                kept.append({v for v in rest if self.place[v] < start})
        return kept

    def needed(self, cuts: Sequence[int]) -> int:
        """The bytes taken at a time: a stretch, and what those before it start from."""
        held, bytes_, most = set[Any](), 0, 0
        for kept, start, stop in zip(self.kept(cuts), cuts, cuts[1:]):
            bytes_ += sum(self.weight[v] for v in kept - held)
            held |= kept
            most = max(most, bytes_ + self.size(start, stop))
        return most

    def saved(self, cuts: Sequence[int], rest: int) -> set[Any]:
        """Results inside of the stretches that `rest` bytes have room for, those first
        that cost the most to compute again."""
        kept, found = set[Any]().union(*self.kept(cuts)), set[Any]()
        stop = cuts[-2]
        candidates = [
            (i.stored.cost / max(_bytes(i.eqn.outvars), 1), k)
            for k, i in enumerate(self.items[:stop])
            if self.may_keep[k] and not kept.issuperset(i.eqn.outvars)
        ]
        needed = self.run_again(cuts, found)
        for _, k in sorted(candidates, key=lambda c: (-c[0], -c[1])):
            size = _bytes(self.items[k].eqn.outvars)
            if k in needed and size <= rest:
                found.update(self.items[k].eqn.outvars)
                rest -= size
        return found

    def _may_keep(self, eqn: JaxprEqn) -> bool:
        avals = [v.aval for v in eqn.invars]
        allowed = self.policy is None or self.policy(
            eqn.primitive, *avals, **eqn.params
        )
        return bool(eqn.outvars) and allowed

    def run_again(self, cuts: Sequence[int], saved: set[Any]) -> set[int]:
        """The equations that are run again."""
        found: set[int] = set()
        given = saved.union(*self.kept(cuts))
        for start, stop in zip(cuts, cuts[1:-1]):
            wanted: set[Any] = set()
            for k in reversed(range(start, stop)):
                item = self.items[k]
                made = any(v in wanted for v in item.eqn.outvars)
                wanted.update(v for v in self.reads[k] if v not in given)
                made = made or any(v in wanted for v in item.eqn.outvars)
                if made or item.stored.own:
                    found.add(k)
                    wanted.update(v for v in self.takes[k] if v not in given)
        return found

    def again(self, cuts: Sequence[int], saved: set[Any]) -> float:
        """About how many operations are run again."""
        return sum(self.items[k].stored.cost for k in self.run_again(cuts, saved))

    # --- writing

    def written(self, jaxpr: Jaxpr, cuts: Sequence[int], saved: set[Any]) -> Jaxpr:
        """The program with each stretch but the last in an equation of its own."""
        eqns: list[JaxprEqn] = []
        for start, stop in zip(cuts, cuts[1:]):
            inside = [i.eqn for i in self.items[start:stop]]
            if stop == len(self.items) or not self.size(start, stop):
                eqns += inside
            else:
                eqns.append(self._stretch(start, stop, inside, saved))
        return jaxpr.replace(eqns=eqns)

    def _stretch(self, start: int, stop: int, eqns: Any, saved: set[Any]) -> JaxprEqn:
        ins, outs = self.inputs(start, stop), self.outputs(start, stop)
        body: list[JaxprEqn] = []
        for eqn in eqns:
            body.append(eqn)
            for v in eqn.outvars:
                if v in saved:
                    mark = type(v)(v.aval)
                    body.append(
                        eqn.replace(
                            primitive=name_p, invars=[v], params={"name": KEPT},
                            outvars=[mark],
                        )
                    )  # fmt: skip
        inner = ClosedJaxpr(Jaxpr([], ins, outs, body), [])
        params = {
            "jaxpr": inner, "name": STRETCH, "policy": _keep_named,
            "prevent_cse": True,
        }  # fmt: skip
        return eqns[0].replace(
            primitive=checkpoint_p, invars=ins, params=params, outvars=outs
        )
