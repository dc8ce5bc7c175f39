"""Messages of custom_jvp and custom_vjp, and of what has no derivative."""

import numpy as np

import chainrule as cr
from chainrule.core.avals import as_array

from .expecting import raises

vector = as_array(np.ones(3, np.float32))


def double(x):
    return 2.0 * x


# --- custom_jvp --------------------------------------------------------------------------


def with_jvp(rule):
    function = cr.custom_jvp(double)
    function.defjvp(rule)
    return function


@raises(
    AttributeError,
    "custom_jvp: no rule was defined for double; define one with defjvp or defjvps.",
)
def test_custom_jvp_without_a_rule():
    cr.custom_jvp(double)(1.0)


@raises(
    TypeError,
    "custom_jvp: the first argument must be a function; got 3 of type int.",
)
def test_custom_jvp_of_what_is_no_function():
    cr.custom_jvp(3)


@raises(
    TypeError,
    "custom_jvp: the rule of double must return a pair (output, tangent); got"
    " an array.",
)
def test_custom_jvp_rule_that_returns_no_pair():
    cr.grad(with_jvp(lambda primals, tangents: primals[0]))(1.0)


@raises(
    TypeError,
    "custom_jvp: the rule of double must return output and tangent of one"
    " structure; got PyTreeDef(*) and PyTreeDef((*,)).",
)
def test_custom_jvp_rule_whose_tangent_has_another_structure():
    cr.grad(with_jvp(lambda primals, tangents: (primals[0], tangents)))(1.0)


@raises(
    TypeError,
    "custom_jvp: the rule of double must return a tangent of the shape and"
    " dtype of the output, f32[]; got f32[3].",
)
def test_custom_jvp_rule_whose_tangent_has_another_shape():
    cr.grad(with_jvp(lambda primals, tangents: (primals[0], vector)))(1.0)


@raises(
    TypeError,
    "custom_jvp: the rule of double must return a tangent of the shape and"
    " dtype of the output, f32[]; got c64[].",
)
def test_custom_jvp_rule_whose_tangent_has_another_dtype():
    cr.grad(with_jvp(lambda primals, tangents: (primals[0], 1j)))(1.0)


@raises(
    TypeError,
    "custom_jvp.defjvps: <lambda> has nondiff_argnums, which rules per"
    " argument do not take; define one rule with defjvp.",
)
def test_custom_jvp_rules_per_argument_with_nondiff_argnums():
    cr.custom_jvp(lambda n, x: n * x, nondiff_argnums=(0,)).defjvps(None)


@raises(
    TypeError,
    "scaled: keyword-only arguments ['by'] cannot take part in a custom"
    " derivative; make them positional.",
)
def test_custom_jvp_of_keyword_only_arguments():
    @cr.custom_jvp
    def scaled(x, *, by):
        return x * by

    scaled.defjvp(lambda primals, tangents: (primals[0], tangents[0]))
    scaled(1.0, by=2.0)


@raises(
    TypeError,
    "custom_jvp: <lambda> closes over a value that is being differentiated;"
    " pass that value as an argument of the function.",
)
def test_custom_jvp_that_closes_over_a_differentiated_value():
    def outer(y):
        inner = cr.custom_jvp(lambda x: x * y)
        inner.defjvp(lambda primals, tangents: (inner(*primals), tangents[0]))
        return cr.jit(inner)(1.0)

    cr.grad(outer)(2.0)


# --- custom_vjp --------------------------------------------------------------------------


def with_vjp(backward, forward=lambda x: (2.0 * x, None)):
    function = cr.custom_vjp(double)
    function.defvjp(forward, backward)
    return function


@raises(
    AttributeError,
    "custom_vjp: no rule was defined for double; define one with defvjp.",
)
def test_custom_vjp_without_a_rule():
    cr.custom_vjp(double)(1.0)


@raises(
    TypeError,
    "custom_vjp: forward-mode differentiation (jvp, jacfwd) of double is not"
    " possible: only its reverse-mode rule is given. Use reverse mode, or"
    " define a forward rule with its defjvp.",
)
def test_custom_vjp_in_forward_mode():
    cr.jvp(with_vjp(lambda res, ct: (ct,)), (1.0,), (1.0,))


@raises(
    TypeError,
    "custom_vjp: the forward function of double must return a pair (output,"
    " residuals); got an array.",
)
def test_custom_vjp_forward_function_that_returns_no_pair():
    cr.grad(with_vjp(lambda res, ct: (ct,), lambda x: x))(1.0)


@raises(
    TypeError,
    "custom_vjp: the backward function of double must return a tuple with one"
    " cotangent per argument (1); got Array(1., dtype=float32, weak_type=True).",
)
def test_custom_vjp_backward_function_that_returns_no_tuple():
    cr.grad(with_vjp(lambda res, ct: ct))(1.0)


@raises(
    TypeError,
    "custom_vjp: the backward function of double must return a tuple with one"
    " cotangent per argument (1); got (Array(1., dtype=float32,"
    " weak_type=True), Array(1., dtype=float32, weak_type=True)).",
)
def test_custom_vjp_backward_function_that_returns_too_many():
    cr.grad(with_vjp(lambda res, ct: (ct, ct)))(1.0)


@raises(
    TypeError,
    "custom_vjp: the backward function of double must return cotangents of the"
    " structure of the arguments, PyTreeDef(*); got PyTreeDef([*]).",
)
def test_custom_vjp_backward_function_whose_cotangent_has_another_structure():
    cr.grad(with_vjp(lambda res, ct: ([ct],)))(1.0)


@raises(
    ValueError,
    "custom_vjp: the backward function of double must return a cotangent of"
    " the argument's shape and dtype, f32[]; got f32[3].",
)
def test_custom_vjp_backward_function_whose_cotangent_has_another_shape():
    cr.grad(with_vjp(lambda res, ct: (vector,)))(1.0)


# --- what has no derivative --------------------------------------------------------------


@raises(
    ValueError,
    "pure_callback: a callback cannot be differentiated; give it a derivative"
    " with custom_jvp or custom_vjp.",
)
def test_grad_of_a_callback():
    def f(x):
        struct = cr.ShapeDtypeStruct((), np.float32)
        return cr.pure_callback(np.sin, struct, x)

    cr.grad(f)(1.0)


@raises(
    TypeError,
    "closure_convert: double was converted for arguments of structure"
    " PyTreeDef((*,)); got PyTreeDef(((*, *),)).",
)
def test_closure_convert_called_with_another_structure():
    converted, consts = cr.closure_convert(double, 1.0)
    converted((1.0, 2.0), *consts)


@raises(
    NotImplementedError,
    "checkpoint: concrete=True is not supported; mark the arguments that"
    " decide Python control flow with static_argnums.",
)
def test_concrete_checkpoint():
    cr.checkpoint(double, concrete=True)
