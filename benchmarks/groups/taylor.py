"""Derivatives of high order: Taylor mode beside nested gradients.

Chainrule differentiates along a scalar by power series, at a cost that grows with the
square of the order; the others as their users write it, by nesting, whose cost doubles
at least with each order. The Laplacian is the trace of the Hessian for those.
"""

from functools import reduce
from typing import Any

from benchmarks.budgets import AheadOf
from benchmarks.inputs import function, mlp_parameters, normal, to_array
from benchmarks.rows import CallRow

EVERYONE_ELSE = ("autograd", "jax")
POINT = normal((16,), 111)
WEIGHTS = [w for w, _ in mlp_parameters(3, 16)]


def wave(lib: Any) -> Any:
    """sin(x) exp(-x) / (1 + x^2)."""
    sin, exp = function(lib, "sin"), function(lib, "exp")
    return lambda x: sin(x) * exp(-x) / (1 + x * x)


def nested(lib: Any, order: int) -> Any:
    return reduce(lambda f, _: lib.grad(f), range(order), wave(lib))


def declare(order: int) -> CallRow:
    """The derivative of the given order of `wave`, eagerly."""
    row = CallRow(
        "taylor",
        f"order_{order}",
        f"derivative of order {order} of sin(x) exp(-x) / (1 + x^2)",
        budgets=(AheadOf(EVERYONE_ELSE),),
    )

    @row.implement("chainrule")
    def make(lib):
        f = lib.derivative(wave(lib), order)
        return lambda: f(0.7)

    @row.implement("jax", "autograd")
    def make_nested(lib):
        f = nested(lib, order)
        return lambda: f(0.7)

    return row


derivatives = [declare(order) for order in (2, 4, 6)]

laplacian = CallRow(
    "taylor",
    "laplacian",
    "jitted Laplacian of an MLP, 3 layers of 16",
    budgets=(AheadOf(("jax",)),),
)


def network(lib: Any) -> Any:
    """An MLP of tanh layers, summed to a scalar."""
    tanh, total = function(lib, "tanh"), function(lib, "sum")
    weights = [to_array(lib, w) for w in WEIGHTS]
    return lambda x: total(reduce(lambda h, w: tanh(h @ w), weights, x))


@laplacian.implement("chainrule")
def make_laplacian(lib):
    f, x = lib.jit(lib.laplacian(network(lib))), to_array(lib, POINT)
    return lambda: f(x)


@laplacian.implement("jax")
def make_trace_of_hessian(lib):
    hessian, trace = lib.hessian(network(lib)), function(lib, "trace")
    f, x = lib.jit(lambda x: trace(hessian(x))), to_array(lib, POINT)
    return lambda: f(x)
