"""Derivatives of high order: Taylor mode beside nested gradients.

By power series the cost grows with the square of the order (JAX's are those of
`experimental.jet`), by nesting it doubles at least with each order. The Laplacian is the
trace of the Hessian for JAX.
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


def by_series(lib: Any, order: int) -> Any:
    """The derivative by power series: of the library's own, or the last term of a jet."""
    if hasattr(lib, "derivative"):
        return lib.derivative(wave(lib), order)
    jet, series = lib.experimental.jet.jet, [1.0] + [0.0] * (order - 1)
    return lambda x: jet(wave(lib), (x,), (series,))[1][-1]


def declare(
    name: str, order: int, how: str, makers: dict[str, Any], tested: bool = True
) -> None:
    """The derivative of the given order of `wave` at a point; `makers` map a library to
    `derive(lib, order)`."""
    row = CallRow(
        "taylor",
        f"{name}_{order}",
        f"derivative of order {order} of sin(x) exp(-x) / (1 + x^2), {how}",
        budgets=(AheadOf(EVERYONE_ELSE),),
        rtol=1e-9,
        x64=True,
        tested=tested,
    )
    for library, derive in makers.items():

        @row.implement(library)
        def make(lib, derive=derive):
            f = derive(lib, order)
            return lambda: f(0.7)


NESTED_TO = {"chainrule": 8, "autograd": 6, "jax": 4}
"""The orders that nested gradients reach in a second or so."""

for order in range(1, 13):
    declare(
        "series", order, "by series", dict.fromkeys(("chainrule", "jax"), by_series)
    )
for order in range(1, 9):
    nesting = [library for library, most in NESTED_TO.items() if order <= most]
    declare("nested", order, "nested grad", dict.fromkeys(nesting, nested), order <= 5)
for order in (1, 4, 8, 12):
    jitted = lambda lib, order: lib.jit(by_series(lib, order))
    declare("jitted", order, "jitted", dict.fromkeys(("chainrule", "jax"), jitted))

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
