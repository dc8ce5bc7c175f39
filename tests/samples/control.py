"""Programs that test the higher-order primitives, and collectives over a named axis.

A custom_vjp function has no forward mode, which the generic properties need; its
derivatives are tested in tests/properties/test_control.py.
"""

import numpy as np

import chainrule as cr
from chainrule import lax
from chainrule.ops.arithmetic import add_p, mul_p
from chainrule.ops.elementwise_trigonometric import sin_p
from chainrule.ops.shaping import reduce_sum_p

from . import Program

rng = np.random.default_rng(20)
vector = rng.standard_normal(4).astype(np.float32)
matrix = rng.standard_normal((3, 4)).astype(np.float32)
complexes = (vector + 1j * vector[::-1]).astype(np.complex64)


def smooth(x, y):
    return [sin_p(mul_p(x, y)), reduce_sum_p(mul_p(y, y), axes=(0,))]


def smooth_reference(x, y):
    return [np.sin(x * y), np.sum(y * y, 0)]


def nested(x, y):
    inner = cr.jit(lambda a: mul_p(a, sin_p(a)))
    return cr.jit(lambda a, b: add_p(inner(a), inner(mul_p(a, b))))(x, y)


def nested_reference(x, y):
    return x * np.sin(x) + x * y * np.sin(x * y)


def closing(x, y):
    """A jitted function that closes over a value and over a constant array."""
    return cr.jit(lambda a: mul_p(mul_p(a, y), vector.astype(a.dtype)))(x)


@cr.custom_jvp
def cubed(x):
    return mul_p(mul_p(x, x), x)


@cubed.defjvp
def _cubed_jvp(primals, tangents):
    (x,), (x_dot,) = primals, tangents
    slope = mul_p(mul_p(x, x), np.asarray(3, x.dtype))
    return cubed(x), mul_p(slope, x_dot)


@cr.custom_jvp
def product(x, y):
    return [mul_p(x, y), sin_p(x)]


@product.defjvp
def _product_jvp(primals, tangents):
    (x, y), (x_dot, y_dot) = primals, tangents
    dot = add_p(mul_p(x_dot, y), mul_p(x, y_dot))
    return product(x, y), [dot, mul_p(x_dot, cosine(x))]


def cosine(x):
    return cr.jvp(sin_p, (x,), (np.ones(x.shape, x.dtype),))[1]


@cr.custom_vjp
def halved_slope(x):
    return sin_p(x)


halved_slope.defvjp(
    lambda x: (sin_p(x), cosine(x)),
    lambda cos, ct: (mul_p(mul_p(ct, cos), np.asarray(0.5, cos.dtype)),),
)


def noisy(x):
    """A callback for its effect does not disturb the value."""
    cr.debug.callback(lambda value: None, x)
    return sin_p(x)


def from_numpy(x):
    struct = cr.ShapeDtypeStruct(x.shape, x.dtype)
    return cr.pure_callback(np.cosh, struct, x, vmap_method="expand_dims")


def over_rows(function):
    """`function` of one row, mapped over the rows of a matrix as the axis "i"."""
    return cr.vmap(function, axis_name="i")


def totals(x):
    return np.broadcast_to(x.sum(0), x.shape)


shift = [(0, 1), (1, 2), (2, 0)]
square = np.float32(rng.standard_normal((3, 3)))


SAMPLES = [
    Program("jit", (vector, vector[::-1]), {}, smooth_reference,
            function=cr.jit(smooth), dtypes=("float64",), exercises=("jit",)),
    Program("jit_of_jit", (vector, vector[::-1]), {}, nested_reference,
            function=nested, dtypes=("float64",)),
    Program("jit_complex", (complexes, complexes[::-1]), {}, smooth_reference,
            function=cr.jit(smooth)),
    Program("jit_that_closes_over_values", (vector, vector[::-1]), {},
            lambda x, y: x * y * vector, function=closing),
    Program("jit_of_empty", (np.zeros((0, 2), np.float32),) * 2, {}, smooth_reference,
            function=cr.jit(smooth)),
    Program("checkpoint", (vector, vector[::-1]), {}, smooth_reference,
            function=cr.checkpoint(smooth), exercises=("checkpoint",)),
    Program("checkpoint_of_jit", (vector, vector[::-1]), {}, nested_reference,
            function=cr.checkpoint(nested)),
    Program("custom_jvp", (vector,), {}, lambda x: x**3, function=cubed,
            dtypes=("float64",), exercises=("custom_jvp_call",)),
    Program("custom_jvp_of_two", (vector, vector[::-1]), {},
            lambda x, y: [x * y, np.sin(x)], function=product),
    Program("custom_jvp_in_jit", (vector,), {}, lambda x: x**3, function=cr.jit(cubed)),
    Program("custom_jvp_in_vmap", (matrix,), {}, lambda x: x**3,
            function=cr.vmap(cubed)),
    Program("custom_vjp", (vector,), {}, np.sin, function=halved_slope,
            differentiable=(), exercises=("custom_vjp_call", "custom_vjp_linear")),
    Program("custom_vjp_in_jit", (vector,), {}, np.sin, function=cr.jit(halved_slope),
            differentiable=()),
    Program("debug_callback", (vector,), {}, np.sin, function=noisy,
            exercises=("debug_callback",)),
    Program("pure_callback", (vector,), {}, np.cosh, function=from_numpy,
            differentiable=(), exercises=("pure_callback",)),
    Program("psum", (matrix,), {}, totals, dtypes=("float64", "complex64"),
            function=over_rows(lambda x: lax.psum(x, "i")), exercises=("psum",)),
    Program("psum_of_product", (matrix, matrix[::-1]), {},
            lambda x, y: x * totals(x * y),
            function=over_rows(lambda x, y: x * lax.psum(x * y, "i"))),
    Program("psum_in_jit", (matrix,), {}, totals,
            function=over_rows(cr.jit(lambda x: lax.psum(x, "i")))),
    Program("psum_in_groups", (np.float32(rng.standard_normal((4, 2))),), {},
            lambda x: np.repeat([x[0] + x[1], x[2] + x[3]], 2, axis=0),
            function=over_rows(
                lambda x: lax.psum(x, "i", axis_index_groups=[[0, 1], [2, 3]]))),
    Program("psum_of_integers", (np.arange(12, dtype=np.int32).reshape(3, 4),), {},
            totals, function=over_rows(lambda x: lax.psum(x, "i"))),
    Program("pmean", (matrix,), {}, lambda x: totals(x) / 3,
            function=over_rows(lambda x: lax.pmean(x, "i"))),
    Program("pmax", (matrix,), {}, lambda x: np.broadcast_to(x.max(0), x.shape),
            function=over_rows(lambda x: lax.pmax(x, "i")), differentiable=(),
            exercises=("pmax",)),
    Program("pmin", (matrix,), {}, lambda x: np.broadcast_to(x.min(0), x.shape),
            function=over_rows(lambda x: lax.pmin(x, "i")), differentiable=(),
            exercises=("pmin",)),
    Program("ppermute", (matrix,), {}, lambda x: np.roll(x, 1, 0),
            function=over_rows(lambda x: lax.ppermute(x, "i", shift)),
            exercises=("ppermute",)),
    Program("all_gather", (matrix,), {}, lambda x: np.broadcast_to(x, (3, 3, 4)),
            function=over_rows(lambda x: lax.all_gather(x, "i")),
            exercises=("all_gather",)),
    Program("all_gather_tiled", (matrix,), {},
            lambda x: np.broadcast_to(x.ravel(), (3, 12)),
            function=over_rows(lambda x: lax.all_gather(x, "i", tiled=True))),
    Program("all_to_all", (square,), {}, np.transpose,
            function=over_rows(lambda x: lax.all_to_all(x, "i", 0, 0)),
            exercises=("all_to_all",)),
    Program("psum_scatter", (square,), {}, lambda x: x.sum(0),
            function=over_rows(lambda x: lax.psum_scatter(x, "i")),
            exercises=("reduce_scatter",)),
    Program("axis_index", (matrix,), {}, lambda x: x * np.arange(3)[:, None],
            function=over_rows(lambda x: x * lax.axis_index("i")),
            exercises=("axis_index",)),
    Program("collectives_over_two_axes", (matrix,), {},
            lambda x: np.full_like(x, x.sum()),
            function=cr.vmap(
                cr.vmap(lambda x: lax.psum(x, ("i", "j")), axis_name="j"),
                axis_name="i")),
]  # fmt: skip
