"""Two threads against one, on rows that compute: the same program on two processors or one.

A library sizes its pool by the processors that its process may use. Each time is the best
of seven calls in a fresh process.
"""

from benchmarks.budgets import NEVER_SLOWER
from benchmarks.rows import ProcessRow

GROUP = "threads"
LIBRARIES = ("chainrule", "jax")

FRAME = """
import os
allowed = sorted(os.sched_getaffinity(0))[:{count}]
os.sched_setaffinity(0, allowed)
import time
import numpy
import {library} as lib
import {library}.numpy as np
import {library}.lax as lax
draw = numpy.random.default_rng(0)
def normal(*shape):
    return np.asarray(draw.standard_normal(shape).astype("float32"))
{setup}
f = lib.jit(f)
times = []
for _ in range(8):
    start = time.perf_counter()
    result = lib.block_until_ready(f(*args))
    times.append(time.perf_counter() - start)
print(min(times[1:]))
print(float(np.mean(np.abs(result))))
"""

SETUPS = {
    "matmul": (
        "x @ y, 1024 x 1024",
        "args = normal(1024, 1024), normal(1024, 1024)\nf = lambda x, y: x @ y",
    ),
    "polynomial": (
        "polynomial of degree 65, 1M numbers",
        """
args = (normal(1 << 20) / 8,)
def f(x):
    y = x
    for power in range(64):
        y = y * x + (0.5 - power / 64)
    return y
""",
    ),
    "convolution": (
        "conv 3x3, 16 x 32 x 32, 64 to 64 channels",
        """
args = normal(16, 32, 32, 64), normal(3, 3, 64, 64)
def f(x, w):
    return lax.conv_general_dilated(
        x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
""",
    ),
    "nbody": (
        "forces between 1024 bodies",
        """
args = (normal(1024, 3),)
def f(x):
    apart = x[None, :, :] - x[:, None, :]
    squared = np.sum(apart**2, axis=-1) + 1e-2
    return np.sum(apart / (squared * np.sqrt(squared))[:, :, None], axis=1)
""",
    ),
    "softmax": (
        "softmax of 4096 rows of 1024",
        """
args = (normal(4096, 1024),)
def f(x):
    e = np.exp(x - np.max(x, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)
""",
    ),
    "sort": ("sort of 1M numbers", "args = (normal(1 << 20),)\nf = np.sort"),
    "cholesky": (
        "cholesky, 4096 of 8 x 8",
        """
x = normal(4096, 8, 8)
args = (x @ np.swapaxes(x, 1, 2) + 8 * np.eye(8),)
f = np.linalg.cholesky
""",
    ),
    "solve": (
        "solve, 1024 x 1024, 64 sides",
        "args = normal(1024, 1024), normal(1024, 64)\nf = np.linalg.solve",
    ),
    "qr": (
        "|R| of qr, 1024 x 1024",
        "args = (normal(1024, 1024),)\nf = lambda x: abs(np.linalg.qr(x)[1])",
    ),
}

for name, (title, setup) in SETUPS.items():
    for count, words in ((1, "one thread"), (2, "two threads")):
        ProcessRow(
            GROUP,
            f"{name}_{count}",
            f"{title}, {words}",
            programs={
                library: FRAME.format(library=library, setup=setup, count=count)
                for library in LIBRARIES
            },
            budgets=(NEVER_SLOWER,),
            inside=True,
            rounds=3,
            rtol=1e-3,
            tested=False,
        )
