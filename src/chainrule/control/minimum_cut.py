"""The cheapest set of edges that separates two nodes of a directed graph.

After Dinic, Algorithm for solution of a problem of maximum flow in networks with power
estimation, 1970: paths are found by breadth-first levels, and every level graph is
filled depth first. Capacities are numbers; infinite ones are never cut.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable

Node = Hashable
SOURCE, SINK = "source", "sink"


class Network:
    """Edges with what may still flow through each; the reverse of an edge stands behind
    it, at an odd place."""

    def __init__(self) -> None:
        self.heads: list[int] = []
        self.room: list[float] = []
        self.leaving: list[list[int]] = [[], []]
        self.number: dict[Node, int] = {SOURCE: 0, SINK: 1}

    def add(self, tail: Node, head: Node, capacity: float = math.inf) -> None:
        """An edge."""
        a, b = self._numbered(tail), self._numbered(head)
        self.leaving[a].append(len(self.heads))
        self.leaving[b].append(len(self.heads) + 1)
        self.heads += [b, a]
        self.room += [capacity, 0]

    def _numbered(self, node: Node) -> int:
        found = self.number.setdefault(node, len(self.leaving))
        if found == len(self.leaving):
            self.leaving.append([])
        return found

    def beyond(self) -> set[Node]:
        """The nodes on the sink's side of a cheapest cut: of several such cuts, the one
        with the fewest there."""
        while levels := self._levels():
            self._fill(levels)
        inside = {1}
        waiting = [1]
        while waiting:
            for e in self.leaving[waiting.pop()]:
                if self.room[e ^ 1] > 0 and self.heads[e] not in inside:
                    inside.add(self.heads[e])
                    waiting.append(self.heads[e])
        return {node for node, k in self.number.items() if k in inside}

    def _levels(self) -> list[int]:
        """How far each node is from the source; empty if no path reaches the sink."""
        levels = [-1] * len(self.leaving)
        levels[0] = 0
        waiting = deque([0])
        while waiting:
            at = waiting.popleft()
            for e in self.leaving[at]:
                if self.room[e] > 0 and levels[self.heads[e]] < 0:
                    levels[self.heads[e]] = levels[at] + 1
                    waiting.append(self.heads[e])
        return levels if levels[1] >= 0 else []

    def _fill(self, levels: list[int]) -> None:
        """Pushes along paths from level to level until none is left."""
        untried = [list(edges) for edges in self.leaving]
        path: list[int] = []
        at = 0
        while True:
            if at == 1:
                self._push(path)
                path.clear()
                at = 0
                continue
            edges = untried[at]
            while edges and not self._leads_on(edges[-1], levels, at):
                edges.pop()
            if edges:
                path.append(edges[-1])
                at = self.heads[edges[-1]]
            elif path:
                at = self.heads[path.pop() ^ 1]
                untried[at].pop()
            else:
                return

    def _leads_on(self, edge: int, levels: list[int], at: int) -> bool:
        return self.room[edge] > 0 and levels[self.heads[edge]] == levels[at] + 1

    def _push(self, path: list[int]) -> None:
        most = min(self.room[e] for e in path)
        for e in path:
            self.room[e] -= most
            self.room[e ^ 1] += most
