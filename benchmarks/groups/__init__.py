"""The rows, one module per group, in the order of the table.

A module declares its rows and imports no library: a maker receives the library that it is
written for.
"""

ORDER = (
    "imports",
    "latency",
    "derivatives",
    "taylor",
    "tracing",
    "calls",
    "first_call",
    "elementwise",
    "reductions",
    "indexing",
    "contractions",
    "linalg",
    "random",
    "loops",
    "loops_programs",
    "programs_learning",
    "programs_science",
    "adbench",
    "threads",
)
