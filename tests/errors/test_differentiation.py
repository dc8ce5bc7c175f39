"""Messages of grad, jvp, vjp, linearize, jacobians and linear_transpose."""

import numpy as np

import chainrule as cr
from chainrule.core.avals import as_array

from .expecting import raises

vector = as_array(np.ones(3, np.float32))
integers = as_array(np.arange(3))
complexes = as_array(np.ones(3, np.complex64))


def double(x):
    return 2.0 * x


def pair(x):
    return x, x


def total(x):
    """A scalar of whatever dtype `x` has."""
    return cr.numpy.sum(x)


# --- grad, value_and_grad --------------------------------------------------------------


@raises(
    TypeError,
    "grad: the function must return a scalar of shape (); double returned"
    " shape (3,). Use jacrev or jacfwd for the Jacobian, or reduce the output"
    " with .sum().",
)
def test_grad_of_a_vector():
    cr.grad(double)(vector)


@raises(
    TypeError,
    "value_and_grad: the function must return a scalar of shape (); double"
    " returned shape (3,). Use jacrev or jacfwd for the Jacobian, or reduce the"
    " output with .sum().",
)
def test_value_and_grad_of_a_vector():
    cr.value_and_grad(double)(vector)


@raises(
    TypeError,
    "grad: the function must return a scalar of shape (); pair returned the"
    " structure PyTreeDef((*, *)). Return one scalar; other outputs go into aux"
    " with has_aux=True.",
)
def test_grad_of_a_pair():
    cr.grad(pair)(1.0)


@raises(
    TypeError,
    "grad: the function must return a scalar of shape (); double returned"
    " shape (3,). Use jacrev or jacfwd for the Jacobian, or reduce the output"
    " with .sum().",
)
def test_grad_of_a_vector_under_jit():
    cr.jit(cr.grad(double))(vector)


@raises(
    TypeError,
    "grad: argument x of double must have a floating-point dtype to be"
    " differentiated; got i32[]. Pass a float; grad and jacrev also take"
    " allow_int=True, for a gradient of dtype float0.",
)
def test_grad_for_an_integer():
    cr.grad(double)(np.int32(3))


@raises(
    TypeError,
    "grad: argument x of double must have a floating-point dtype to be"
    " differentiated; got bool[]. Pass a float; grad and jacrev also take"
    " allow_int=True, for a gradient of dtype float0.",
)
def test_grad_for_a_boolean():
    cr.grad(double)(True)


@raises(
    TypeError,
    "grad: argument p['n'] of <lambda> must have a floating-point dtype to be"
    " differentiated; got i32[]. Pass a float; grad and jacrev also take"
    " allow_int=True, for a gradient of dtype float0.",
)
def test_grad_for_integers_within_a_tree():
    cr.grad(lambda p: p["w"] * p["n"])({"w": 1.0, "n": integers[2]})


@raises(
    TypeError,
    "grad: the output of <lambda> must be floating-point; got dtype int32. To"
    " differentiate, convert it with astype(float).",
)
def test_grad_of_an_integer_output():
    cr.grad(lambda x: x.astype("int32"))(1.0)


@raises(
    TypeError,
    "grad: the output of <lambda> must be real; got dtype complex64. To"
    " differentiate, return its real part, or pass holomorphic=True.",
)
def test_grad_of_a_complex_output():
    cr.grad(lambda x: x * 1j)(1.0)


@raises(
    TypeError,
    "grad: argument x of double must be complex with holomorphic=True; got"
    " f32[]. Convert it with astype(complex).",
)
def test_holomorphic_grad_for_a_real_argument():
    cr.grad(double, holomorphic=True)(1.0)


@raises(
    TypeError,
    "grad: the output of <lambda> must be complex with holomorphic=True; got"
    " dtype float32. To differentiate, leave holomorphic out.",
)
def test_holomorphic_grad_of_a_real_output():
    cr.grad(lambda x: x.real, holomorphic=True)(1j)


@raises(
    TypeError,
    "grad: 'x' of type str is not a valid array type; pass an array or a number.",
)
def test_grad_for_a_string():
    cr.grad(double)("x")


@raises(
    TypeError,
    "<lambda>: the function returned 'x' of type str; a transformed function"
    " must return arrays, numbers or pytrees of them.",
)
def test_grad_of_a_function_that_returns_a_string():
    cr.grad(lambda x: "x")(1.0)


@raises(TypeError, "grad: the first argument must be a function; got 3 of type int.")
def test_grad_of_what_is_no_function():
    cr.grad(3)


@raises(
    TypeError,
    "grad: counting is a generator function; return a list instead of yielding.",
)
def test_grad_of_a_generator_function():
    def counting(x):
        yield x

    cr.grad(counting)


@raises(
    ValueError,
    "grad: argnums 1 is out of range: the function was called with 1"
    " positional argument.",
)
def test_grad_for_an_argument_that_does_not_exist():
    cr.grad(double, argnums=1)(1.0)


@raises(
    ValueError,
    "grad: argnums -3 is out of range: the function was called with 2"
    " positional arguments.",
)
def test_grad_for_one_of_several_arguments_that_does_not_exist():
    cr.grad(lambda x, y: x * y, argnums=(0, -3))(1.0, 2.0)


@raises(TypeError, "grad: argnums must be int or a tuple of int; got 'x'.")
def test_grad_for_an_argument_by_name():
    cr.grad(double, argnums="x")(1.0)


@raises(
    TypeError,
    "double: with has_aux=True the function must return a pair (output, aux);"
    " got an array.",
)
def test_grad_with_aux_of_a_function_that_returns_no_pair():
    cr.grad(double, has_aux=True)(1.0)


# --- jvp, linearize --------------------------------------------------------------------


@raises(
    TypeError,
    "jvp: primals must be a tuple or list; got float. Write (primal,) for one"
    " argument.",
)
def test_jvp_of_bare_primals():
    cr.jvp(double, 1.0, (1.0,))


@raises(
    TypeError,
    "jvp: tangents must be a tuple or list; got float. Write (tangent,) for"
    " one argument.",
)
def test_jvp_of_bare_tangents():
    cr.jvp(double, (1.0,), 1.0)


@raises(
    TypeError,
    "jvp: primals and tangents must have the same structure; got PyTreeDef((*,"
    " *)) and PyTreeDef((*,)).",
)
def test_jvp_with_too_few_tangents():
    cr.jvp(lambda x, y: x * y, (1.0, 2.0), (1.0,))


@raises(
    TypeError,
    "jvp: the tangent of argument x of double must have its type f32[3]; got f32[].",
)
def test_jvp_with_a_tangent_of_another_shape():
    cr.jvp(double, (vector,), (1.0,))


@raises(
    TypeError,
    "jvp: the tangent of argument x of double must have its type f32[3]; got i32[3].",
)
def test_jvp_with_a_tangent_of_another_dtype():
    cr.jvp(double, (vector,), (integers,))


@raises(
    TypeError,
    "jvp: argument x of double has type i32[], which has no tangents; give"
    " numpy.zeros((), chainrule.float0).",
)
def test_jvp_with_a_tangent_for_an_integer():
    cr.jvp(double, (3,), (1,))


@raises(
    TypeError,
    "jvp: primals and tangents must have the same structure; got"
    " PyTreeDef(({'x': *},)) and PyTreeDef(([*],)).",
)
def test_jvp_with_tangents_of_another_structure():
    cr.jvp(lambda p: p["x"], ({"x": 1.0},), ([1.0],))


@raises(
    TypeError,
    "linearize: tangents must have the structure of the primals"
    " PyTreeDef((*,)); got PyTreeDef((*, *)).",
)
def test_linearized_function_of_tangents_of_another_structure():
    cr.linearize(double, 1.0)[1](1.0, 2.0)


@raises(
    TypeError,
    "linearize: the tangent of argument x of double must have its type f32[];"
    " got f32[3].",
)
def test_linearized_function_of_a_tangent_of_another_shape():
    cr.linearize(double, 1.0)[1](vector)


# --- vjp, linear_transpose -------------------------------------------------------------


@raises(
    ValueError,
    "vjp: the cotangent of the output of double must have its type f32[3]; got f32[].",
)
def test_vjp_of_a_cotangent_of_another_shape():
    cr.vjp(double, vector)[1](1.0)


@raises(
    ValueError,
    "vjp: the cotangent of the output of double must have its type f32[3]; got i32[3].",
)
def test_vjp_of_a_cotangent_of_another_dtype():
    cr.vjp(double, vector)[1](integers)


@raises(
    TypeError,
    "vjp: the cotangent must have the structure of the output PyTreeDef((*,"
    " *)); got PyTreeDef(*).",
)
def test_vjp_of_a_cotangent_of_another_structure():
    cr.vjp(pair, 1.0)[1](1.0)


@raises(
    TypeError,
    "linear_transpose: arguments and outputs must be floating-point or"
    " complex; got i32[].",
)
def test_linear_transpose_for_integers():
    cr.linear_transpose(double, 1)


@raises(
    TypeError,
    "linear_transpose: the cotangent must have structure PyTreeDef(*); got"
    " PyTreeDef((*, *)).",
)
def test_linear_transpose_of_a_cotangent_of_another_structure():
    cr.linear_transpose(double, 1.0)((1.0, 2.0))


@raises(
    TypeError,
    "linear_transpose: the cotangent of f32[] must have its shape and dtype;"
    " got f32[3].",
)
def test_linear_transpose_of_a_cotangent_of_another_shape():
    cr.linear_transpose(double, 1.0)(vector)


@raises(NotImplementedError, "sin: cannot be transposed: not linear in any operand.")
def test_linear_transpose_of_a_function_that_is_not_linear():
    cr.linear_transpose(lambda x: cr.numpy.sin(x), 1.0)(1.0)


# --- jacobians ---------------------------------------------------------------------------


@raises(
    TypeError,
    "jacfwd: argument x of double must have a floating-point dtype to be"
    " differentiated; got i32[3]. Pass a float; grad and jacrev also take"
    " allow_int=True, for a gradient of dtype float0.",
)
def test_jacfwd_for_integers():
    cr.jacfwd(double)(integers)


@raises(
    TypeError,
    "jacrev: argument x of double must have a floating-point dtype to be"
    " differentiated; got i32[3]. Pass a float; grad and jacrev also take"
    " allow_int=True, for a gradient of dtype float0.",
)
def test_jacrev_for_integers():
    cr.jacrev(double)(integers)


@raises(
    TypeError,
    "jacfwd: argument x of double must be real; got c64[3]. For a holomorphic"
    " function pass holomorphic=True.",
)
def test_jacfwd_for_complex_numbers():
    cr.jacfwd(double)(complexes)


@raises(
    TypeError,
    "jacrev: argument x of double must be real; got c64[3]. For a holomorphic"
    " function pass holomorphic=True.",
)
def test_jacrev_for_complex_numbers():
    cr.jacrev(double)(complexes)


@raises(
    TypeError,
    "jacfwd: argument x of double must be complex with holomorphic=True; got"
    " f32[3]. Convert it with astype(complex).",
)
def test_holomorphic_jacfwd_for_real_numbers():
    cr.jacfwd(double, holomorphic=True)(vector)


@raises(
    TypeError,
    "jacfwd: the output of <lambda> must be real; got dtype complex64. To"
    " differentiate, return its real part, or pass holomorphic=True.",
)
def test_jacfwd_of_complex_outputs():
    cr.jacfwd(lambda x: x * 1j)(vector)


@raises(
    TypeError,
    "jacrev: the output of <lambda> must be complex with holomorphic=True; got"
    " dtype float32. To differentiate, leave holomorphic out.",
)
def test_holomorphic_jacrev_of_real_outputs():
    cr.jacrev(lambda x: x.real, holomorphic=True)(complexes)


@raises(
    TypeError,
    "jacrev: the output of <lambda> must be floating-point; got dtype int32."
    " To differentiate, convert it with astype(float).",
)
def test_jacrev_of_integer_outputs():
    cr.jacrev(lambda x: x.astype("int32"))(vector)


@raises(
    ValueError,
    "jacobian: argnums 2 is out of range: the function was called with 1"
    " positional argument.",
)
def test_jacobian_for_an_argument_that_does_not_exist():
    cr.jacobian(double, argnums=2)(vector)


@raises(
    TypeError,
    "hessian: argument x of total must have a floating-point dtype to be"
    " differentiated; got i32[3]. Pass a float; grad and jacrev also take"
    " allow_int=True, for a gradient of dtype float0.",
)
def test_hessian_for_an_integer():
    cr.hessian(total)(integers)


def test_a_python_integer_is_differentiated_for_as_the_float_it_stands_for():
    assert float(cr.grad(lambda x: x * x)(3)) == 6.0
    assert float(cr.jacfwd(lambda x: x * x)(3)) == 6.0
    assert cr.grad(double, allow_int=True)(3).dtype == cr.float0
