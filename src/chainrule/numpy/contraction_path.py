"""In which order to contract the operands of an einsum.

A path is a list of pairs of positions; the result of each pair goes to the end of the
list of operands. Up to 6 operands the cheapest path is found by dynamic programming
over subsets; beyond, pairs are chosen greedily, the one first that shrinks what is
left the most (Smith and Gray, "opt_einsum", Journal of Open Source Software 2018).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

Path = list[tuple[int, ...]]
Terms = Sequence[frozenset[str]]


def cost(labels: Any, sizes: dict[str, int]) -> int:
    """The number of index combinations of `labels`."""
    return math.prod(sizes[c] for c in labels)


def left_to_right(count: int) -> Path:
    """The first two operands, then the result with the next one, and so on."""
    if count < 2:
        return [tuple(range(count))]
    return [(0, 1)] + [(0, n - 1) for n in range(count - 1, 1, -1)]


def find_path(
    terms: Terms, output: frozenset[str], sizes: dict[str, int], how: str
) -> Path:
    """A path for operands with the given labels; `how` is "optimal" or "greedy"."""
    if len(terms) <= 2:
        return [tuple(range(len(terms)))]
    if how == "optimal" or how == "auto" and len(terms) <= 6:
        return _optimal(terms, output, sizes)
    return _greedy(terms, output, sizes)


def _kept(inside: Terms, outside: Terms, output: frozenset[str]) -> frozenset[str]:
    """The labels that the product of `inside` still has."""
    needed = output.union(*outside) if outside else output
    return frozenset().union(*inside) & needed


def _optimal(terms: Terms, output: frozenset[str], sizes: dict[str, int]) -> Path:
    n = len(terms)
    everything = frozenset(range(n))
    kept: dict[frozenset[int], frozenset[str]] = {}
    best: dict[frozenset[int], tuple[float, Any]] = {}
    for count in range(1, n + 1):
        for members in combinations(range(n), count):
            subset = frozenset(members)
            rest = [terms[i] for i in everything - subset]
            kept[subset] = _kept([terms[i] for i in members], rest, output)
            if count == 1:
                kept[subset] = terms[members[0]]
                best[subset] = (0, members[0])
            else:
                best[subset] = _best_split(members, kept, best, sizes)
    return _linear_path(best[everything][1], n)


def _best_split(members: Any, kept: Any, best: Any, sizes: dict[str, int]) -> Any:
    first, others = members[0], members[1:]
    found: Any = (math.inf, None)
    for count in range(len(others)):
        for chosen in combinations(others, count):
            left = frozenset((first, *chosen))
            right = frozenset(members) - left
            price = cost(kept[left] | kept[right], sizes)
            total = best[left][0] + best[right][0] + price
            if total < found[0]:
                found = (total, (best[left][1], best[right][1]))
    return found


def _linear_path(tree: Any, n: int) -> Path:
    """The pairs of a tree of operand numbers, in order of their evaluation."""
    path: Path = []
    slots: list[Any] = list(range(n))

    def visit(node: Any) -> None:
        if isinstance(node, int):
            return
        visit(node[0])
        visit(node[1])
        i, j = sorted((slots.index(node[0]), slots.index(node[1])))
        path.append((i, j))
        del slots[j], slots[i]
        slots.append(node)

    visit(tree)
    return path


def _greedy(terms: Terms, output: frozenset[str], sizes: dict[str, int]) -> Path:
    left = list(terms)
    path: Path = []

    def price(pair: tuple[int, int]) -> tuple[float, float]:
        i, j = pair
        a, b = left[i], left[j]
        rest = [t for k, t in enumerate(left) if k not in pair]
        grown = cost(_kept([a, b], rest, output), sizes)
        return grown - cost(a, sizes) - cost(b, sizes), cost(a | b, sizes)

    while len(left) > 1:
        i, j = min(combinations(range(len(left)), 2), key=price)
        rest = [t for k, t in enumerate(left) if k not in (i, j)]
        left = [*rest, _kept([left[i], left[j]], rest, output)]
        path.append((i, j))
    return path


def describe(
    terms: Sequence[str], output: str, sizes: dict[str, int], path: Path
) -> tuple[str, int]:
    """A table of the contractions of `path`, and the number of products they make."""
    left = list(terms)
    lines: list[str] = []
    total, largest = 0, 0
    for pair in path:
        chosen = [left[i] for i in pair]
        rest = [t for k, t in enumerate(left) if k not in pair]
        kept = _kept(
            [frozenset(t) for t in chosen],
            [frozenset(t) for t in rest],
            frozenset(output),
        )
        result = output if not rest else "".join(sorted(kept))
        price = cost(set("".join(chosen)), sizes)
        total, largest = total + price, max(largest, cost(result, sizes))
        left = [*rest, result]
        lines.append(
            f"{price:>12d}  {','.join(chosen)}->{result:<16}  left: {','.join(left)}"
        )
    naive = cost(set("".join(terms)), sizes)
    head = [
        f"contraction: {','.join(terms)}->{output}",
        f"products in one sum: {naive}; along this path: {total}",
        f"largest intermediate: {largest} elements",
        f"{'products':>12}  step",
    ]
    return "\n".join([*head, *lines]), total


__all__ = ["Path", "cost", "describe", "find_path", "left_to_right"]
