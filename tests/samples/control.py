"""Programs that test the higher-order primitives.

A custom_vjp function has no forward mode, which the generic properties need; its
derivatives are tested in tests/properties/test_control.py.
"""

import numpy as np

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.experimental import io_callback
from chainrule.experimental.checkify import check
from chainrule.ops.arithmetic import add_p, mul_p
from chainrule.ops.elementwise_conversion import stop_gradient_p
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


@cr.custom_vjp
def sine_both_ways(x):
    return sin_p(x)


sine_both_ways.defvjp(
    lambda x: (sin_p(x), cosine(x)), lambda cos, ct: (mul_p(ct, cos),)
)
sine_both_ways.defjvp(lambda p, t: (sin_p(p[0]), mul_p(t[0], cosine(p[0]))))


def noisy(x):
    """A callback for its effect does not disturb the value."""
    cr.debug.callback(lambda value: None, x)
    return sin_p(x)


def from_numpy(x):
    struct = cr.ShapeDtypeStruct(x.shape, x.dtype)
    return cr.pure_callback(np.cosh, struct, x, vmap_method="expand_dims")


def recorded(x):
    struct = cr.ShapeDtypeStruct(x.shape, x.dtype)
    return io_callback(np.cosh, struct, x)


def guarded(x):
    """A check that holds, on values that are not differentiated."""
    held = stop_gradient_p(x)
    check(cnp.all(held < 100), "large: {}", held)
    return sin_p(x)


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
    Program("custom_vjp_with_defjvp", (vector,), {}, np.sin, function=sine_both_ways,
            exercises=("custom_vjp_pushed",)),
    Program("debug_callback", (vector,), {}, np.sin, function=noisy,
            exercises=("debug_callback",)),
    Program("pure_callback", (vector,), {}, np.cosh, function=from_numpy,
            differentiable=(), exercises=("pure_callback",)),
    Program("io_callback", (vector,), {}, np.cosh, function=recorded,
            differentiable=(), exercises=("io_callback",)),
    Program("check", (vector,), {}, np.sin, function=guarded, exercises=("check",)),
]  # fmt: skip
