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
    "shapes.reductions",
    "shapes.arranging",
    "shapes.products",
    "shapes.convolutions",
    "shapes.indexing",
    "shapes.linalg",
    "shapes.random",
    "shapes.elementwise",
    "shapes.activations",
    "shapes.loops",
    "shapes.entries",
    "shapes.derivatives",
)

SHAPES = "shapes"
"""Groups of this name, "shapes/products", run only if they are asked for."""
