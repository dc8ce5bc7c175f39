"""First calls: what a compiled function costs before its first result is there.

Each is timed inside a fresh process, from the first call of the jitted function to its
result, imports and inputs apart; what a library loads only when it compiles is included.
Caches on disk are off, but for the rows that are about them: there a process before has
filled them. The compiled programs are checked like any result.
"""

from benchmarks.budgets import NEVER_SLOWER, AtMost
from benchmarks.rows import ProcessRow
from benchmarks.units import ms

GROUP = "first call"
COLD = {"CHAINRULE_CACHE": "0"}
WARM = {
    "CHAINRULE_CACHE_DIR": "{cache}",
    "JAX_COMPILATION_CACHE_DIR": "{cache}",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
LIBRARIES = ("chainrule", "jax")

FRAME = """
import time
import numpy
import {library} as lib
import {library}.numpy as np
draw = numpy.random.default_rng(0)
def normal(*shape):
    return np.asarray(draw.standard_normal(shape).astype("float32"))
{setup}
start = time.perf_counter()
{body}
lib.block_until_ready(result)
print(time.perf_counter() - start)
print(*(float(np.sum(np.abs(leaf))) for leaf in lib.tree_util.tree_leaves(result)))
"""

NETWORK = """
layers = [(normal({width}, {width}) / {width}**0.5, 0.1 * normal({width}))
          for _ in range({depth})]
x, y = normal({batch}, {width}), normal({batch}, {width})
def loss(layers, x, y):
    for w, b in layers:
        x = np.tanh(x @ w + b)
    return np.mean((x - y) ** 2)
gradient = lib.jit(lib.grad(loss))
"""

IMAGES = """
import {library}.lax as lax
kernels = [0.1 * normal(3, 3, 3, 16), 0.1 * normal(3, 3, 16, 16)]
x = normal(4, 16, 16, 3)
def loss(kernels, x):
    for kernel in kernels:
        x = np.tanh(lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")))
    return np.mean(x ** 2)
gradient = lib.jit(lib.grad(loss))
"""

CHAIN = """
x = 0.5 * normal(1000)
def chain(x):
    for k in range({length} // 2):
        x = np.sin(x) + 0.5
    return x
chain = lib.jit(chain)
"""

MIXED = """
x, w = normal(32, 32), normal(32, 32) / 6
def mixed(x):
    for k in range({length} // 5):
        x = np.tanh(x @ w) - np.mean(x, axis={axis}, keepdims=True) * 0.5
    return x
mixed = lib.jit(mixed)
"""


def first_call(name, title, setup, body, environment=COLD, budgets=(), **options):
    """A row whose `setup` may hold {library}."""
    ProcessRow(
        GROUP,
        name,
        title,
        programs={
            library: FRAME.format(
                library=library,
                setup=setup.replace("{library}", library),
                body=body,
            )
            for library in LIBRARIES
        },
        budgets=(*budgets, NEVER_SLOWER),
        environment=environment,
        inside=True,
        rtol=1e-3,
        rounds=options.pop("rounds", 7),
        **options,
    )


def network(depth, width, batch):
    return NETWORK.format(depth=depth, width=width, batch=batch)


ONE = "result = gradient(layers, x, y)"
first_call(
    "add",
    "x * y + 1, 1000 numbers",
    "x, y = normal(1000), normal(1000)\nf = lib.jit(lambda x, y: x * y + 1)",
    "result = f(x, y)",
)
first_call(
    "mlp",
    "gradient of an MLP, 5 layers of 16",
    network(5, 16, 16),
    ONE,
    budgets=(AtMost(ms(30)),),
)
first_call(
    "deep",
    "gradient of a network of 60 layers of 64",
    network(60, 64, 32),
    ONE,
    budgets=(AtMost(1.0),),
    rounds=3,
    tested=False,
)
first_call(
    "images",
    "gradient of two convolutions",
    IMAGES,
    "result = gradient(kernels, x)",
    tested=False,
)
first_call(
    "shapes",
    "40 more shapes of a compiled gradient",
    network(3, 32, 7)
    + """
lib.block_until_ready(gradient(layers, x, y))
data = [(normal(8 + k, 32), normal(8 + k, 32)) for k in range(40)]
""",
    "result = [gradient(layers, x, y) for x, y in data]",
    budgets=(AtMost(ms(150)),),
    rounds=2,
    tested=False,
)
first_call(
    "mlp_warm",
    "gradient of an MLP, 5 layers of 16; second process",
    network(5, 16, 16),
    ONE,
    WARM,
    budgets=(AtMost(ms(50)),),
)
first_call(
    "deep_warm",
    "gradient of a network of 60 layers of 64; second process",
    network(60, 64, 32),
    ONE,
    WARM,
    rounds=3,
    tested=False,
)
for length in (10, 100, 1000, 10_000):
    few = {"rounds": {1000: 3, 10_000: 1}.get(length, 7), "tested": length <= 100}
    first_call(
        f"chain_{length}",
        f"{length:,} elementwise operations",
        CHAIN.format(length=length),
        "result = chain(x)",
        **few,
    )
    first_call(
        f"mixed_{length}",
        f"{length:,} operations, products and reductions among them",
        MIXED.format(length=length, axis="k % 2"),
        "result = mixed(x)",
        **few,
    )
