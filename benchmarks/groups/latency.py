"""Eager calls on small arrays: what one operation costs beyond its arithmetic.

All arrays are float32, four elements unless the row says otherwise. Autograd computes
with plain NumPy outside of its transformations, so NumPy's column stands for it.
"""

from benchmarks.budgets import AheadOf, AtMost, AtMostTimes
from benchmarks.inputs import FOUR, SQUARE, function, to_array
from benchmarks.rows import CallRow, Timed
from benchmarks.units import us

ARRAYS = ("numpy", "chainrule", "jax", "torch")


add = CallRow(
    "eager",
    "add",
    "x + y, 4 elements",
    budgets=(AtMost(us(0.7)), AtMostTimes(2, "numpy"), AheadOf(("torch", "jax"))),
)


@add.implement(*ARRAYS)
def make_add(lib):
    x, y = to_array(lib, FOUR), to_array(lib, FOUR[::-1])
    return lambda: x + y


scale = CallRow("eager", "scale", "x * 2.0, 4 elements")


@scale.implement(*ARRAYS)
def make_scale(lib):
    x = to_array(lib, FOUR)
    return lambda: x * 2.0


exp = CallRow("eager", "exp", "exp(x), 4 elements")


@exp.implement(*ARRAYS)
def make_exp(lib):
    x, exp = to_array(lib, FOUR), function(lib, "exp")
    return lambda: exp(x)


total = CallRow("eager", "sum", "sum(x), 4 elements")


@total.implement(*ARRAYS)
def make_sum(lib):
    x, sum = to_array(lib, FOUR), function(lib, "sum")
    return lambda: sum(x)


item = CallRow("eager", "index", "x[1], 4 elements")


@item.implement(*ARRAYS)
def make_index(lib):
    x = to_array(lib, FOUR)
    return lambda: x[1]


matmul = CallRow("eager", "matmul", "x @ w, 16x16")


@matmul.implement(*ARRAYS)
def make_matmul(lib):
    x, w = to_array(lib, SQUARE), to_array(lib, SQUARE.T)
    return lambda: x @ w


creation = CallRow("eager", "create", "1000 arrays of 3 numbers from lists")


@creation.implement("numpy", "chainrule", "jax")
def make_creation(lib):
    array = function(lib, "array")
    return lambda: [array([i, 1.5, 2.5]) for i in range(1000)]


@creation.implement("torch")
def make_creation_torch(torch):
    return lambda: [torch.tensor([i, 1.5, 2.5]) for i in range(1000)]


jitted = CallRow(
    "eager", "jit", "call of a jitted a + b, 4 elements", budgets=(AtMost(us(0.6)),)
)


@jitted.implement("chainrule", "jax")
def make_jitted(lib):
    a, b = to_array(lib, FOUR), to_array(lib, FOUR[::-1])
    plus = lib.jit(lambda a, b: a + b)
    return lambda: plus(a, b)


@jitted.implement("numba")
def make_jitted_numba(numba):
    a, b = FOUR, FOUR[::-1].copy()
    plus = numba.njit(lambda a, b: a + b)
    return lambda: plus(a, b)


flatten = CallRow("eager", "flatten", "tree_flatten of a dict of 50 leaves")


@flatten.implement("chainrule", "jax")
def make_flatten(lib):
    tree = {f"layer{i:02}": float(i) for i in range(50)}
    tree_flatten = lib.tree_util.tree_flatten
    return Timed(lambda: tree_flatten(tree), lambda outcome: outcome[0])


staging = CallRow("eager", "make_jaxpr", "make_jaxpr of 100 operations")


@staging.implement("chainrule", "jax")
def make_staging(lib):
    sin, x = lib.numpy.sin, to_array(lib, FOUR)

    def chain(x):
        for _ in range(50):
            x = sin(x) * x
        return x

    def stage():
        return lib.make_jaxpr(lambda x: chain(x))(x)

    return Timed(stage, lambda jaxpr: len(jaxpr.jaxpr.eqns))
