"""The measure of ADBench: a derivative's time over its objective's, for each library.

    python -m benchmarks --groups adbench --peers jax,torch --json adbench.json
    python -m benchmarks.adbench.ratios adbench.json

prints the times of both kinds of rows and the ratios, as a table in markdown.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.units import show_seconds


def pairs(rows: list[dict[str, Any]]) -> dict[str, tuple[dict, dict]]:
    """Title of a problem to its rows: of the objective, and of the derivative."""
    by_id = {row["id"]: row for row in rows}
    return {
        row["title"].replace(": objective", ""): (
            row,
            by_id[row["id"].replace("_objective", "_derivative")],
        )
        for row in rows
        if "_objective" in row["id"]
    }


def cell(objective: Mapping[str, float], derivative: Mapping[str, float], lib: str):
    """Both times and their ratio in a library, or nothing where it has no times."""
    if lib not in objective or lib not in derivative:
        return ""
    times = show_seconds(objective[lib]), show_seconds(derivative[lib])
    return f"{times[0]}, {times[1]}: {derivative[lib] / objective[lib]:.2f}"


def table(rows: list[dict[str, Any]]) -> str:
    """A line a problem, a column a library: objective, derivative: ratio."""
    found = pairs(rows)
    libraries = list(dict.fromkeys(lib for row in rows for lib in row["seconds"]))
    lines = [["", *libraries], ["---", *["---:"] * len(libraries)]]
    for title, (objective, derivative) in found.items():
        seconds = objective["seconds"], derivative["seconds"]
        lines.append([title, *[cell(*seconds, lib) for lib in libraries]])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    print(table(json.loads(Path(sys.argv[1]).read_text())["rows"]))
