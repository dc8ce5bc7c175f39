"""Messages where Python asks a traced value for what only a concrete one has."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import errors

from .expecting import at, message

vector = np.ones(3, np.float32)
STATE = "has no value while the function is traced, but"
BOOL = (
    "use chainrule.numpy.where or lax.cond, or make the deciding argument static with"
    " static_argnums."
)
INDEX = (
    "make the argument static with static_argnums, or index an Array rather than a NumPy"
    " array or list."
)
TAPED = "'LinearizeTracer' object has no attribute"
NUMPY = "call the function of chainrule.numpy instead, or pure_callback."


def test_truth_value_of_an_argument():
    @cr.jit
    def f(flag):
        return 1 if flag else 2  # here

    assert message(errors.TracerBoolConversionError, f, True) == (
        f"traced array bool[] (argument flag of f) {STATE} its truth value decides a"
        f" Python `if`, `while`, `and` or `assert` at {at(f)}; {BOOL}"
    )


def test_truth_value_of_a_comparison():
    @cr.jit
    def f(x):
        if x > 0:  # here
            return x
        return -x

    assert message(errors.TracerBoolConversionError, f, 1.0) == (
        f"traced array bool[] (made by gt at {at(f)}) {STATE} its truth value decides a"
        f" Python `if`, `while`, `and` or `assert` at {at(f)}; {BOOL}"
    )


def test_truth_value_of_an_argument_within_a_tree():
    @cr.jit
    def f(params, *, scale):
        return 1 if params["w"][0] else scale  # here

    assert message(
        errors.TracerBoolConversionError, f, {"w": [1.0, 2.0]}, scale=2.0
    ) == (
        f"traced array f32[] (argument params['w'][0] of f) {STATE} its truth value"
        f" decides a Python `if`, `while`, `and` or `assert` at {at(f)}; {BOOL}"
    )


def test_truth_value_of_a_keyword_argument():
    @cr.jit
    def f(x, *, training):
        return x if training else 2 * x  # here

    assert message(errors.TracerBoolConversionError, f, 1.0, training=True) == (
        f"traced array bool[] (argument training of f) {STATE} its truth value decides a"
        f" Python `if`, `while`, `and` or `assert` at {at(f)}; {BOOL}"
    )


def test_truth_value_under_vmap():
    def f(x):
        return x if x > 0 else -x  # here

    assert message(errors.TracerBoolConversionError, cr.vmap(f), vector) == (
        f"traced array bool[] (one of 3 examples mapped by vmap) {STATE} its truth value"
        f" decides a Python `if`, `while`, `and` or `assert` at {at(f)}; {BOOL}"
    )


def test_truth_value_under_grad_of_jit():
    def f(x):
        return x if x > 0 else -x  # here

    assert message(errors.TracerBoolConversionError, cr.grad(cr.jit(f)), 1.0) == (
        f"traced array bool[] (made by gt at {at(f)}) {STATE} its truth value decides a"
        f" Python `if`, `while`, `and` or `assert` at {at(f)}; {BOOL}"
    )


def test_truth_value_under_jit_of_grad():
    def f(x):
        return x if x > 0 else -x  # here

    assert message(errors.TracerBoolConversionError, cr.jit(cr.grad(f)), 1.0) == (
        f"traced array bool[] (made by gt at {at(f)}) {STATE} its truth value decides a"
        f" Python `if`, `while`, `and` or `assert` at {at(f)}; {BOOL}"
    )


def test_grad_follows_truth_values():
    assert float(cr.grad(lambda x: x if x > 0 else -x)(-2.0)) == -1.0


@pytest.mark.parametrize("convert", [int, float, complex])
def test_conversion_to_a_python_number(convert):
    @cr.jit
    def f(x):
        return convert(x)  # here

    name = convert.__name__
    assert message(errors.ConcretizationTypeError, f, 1.0) == (
        f"traced array f32[] (argument x of f) {STATE} {name}() needs its value at"
        f" {at(f)}; keep it an array (x.astype({name})), or make the argument static."
    )


@pytest.mark.parametrize("method", ["item", "tolist"])
def test_item_and_tolist(method):
    @cr.jit
    def f(x):
        return getattr(x, method)()  # here

    assert message(errors.ConcretizationTypeError, f, 1.0) == (
        f"traced array f32[] (argument x of f) {STATE} item() and tolist() need its value"
        f" at {at(f)}; keep it an array, or call them outside of the transformed"
        " function."
    )


def test_range_of_a_traced_integer():
    @cr.jit
    def f(n):
        return sum(range(n))  # here

    assert message(errors.TracerIntegerConversionError, f, 3) == (
        f"traced array i32[] (argument n of f) {STATE} it is used as a Python integer (a"
        f" shape, an index or a range) at {at(f)}; {INDEX}"
    )


def test_list_indexed_by_a_traced_integer():
    @cr.jit
    def f(n):
        return [1.0, 2.0][n]  # here

    assert message(errors.TracerIntegerConversionError, f, 1) == (
        f"traced array i32[] (argument n of f) {STATE} it is used as a Python integer (a"
        f" shape, an index or a range) at {at(f)}; {INDEX}"
    )


def test_numpy_array_indexed_by_a_traced_integer():
    @cr.jit
    def f(n):
        return vector[n]  # here

    found = message(errors.TracerArrayConversionError, f, 1)
    assert found == (
        f"traced array i32[] (argument n of f) {STATE} NumPy needs its value"
        f" (numpy.asarray, or a numpy function was called on it) at {at(f)}; {NUMPY}"
    )


def test_numpy_function_under_jit():
    @cr.jit
    def f(x):
        return np.sin(x)  # here

    assert message(errors.TracerArrayConversionError, f, 1.0) == (
        f"traced array f32[] (argument x of f) {STATE} NumPy needs its value"
        f" (numpy.asarray, or a numpy function was called on it) at {at(f)}; {NUMPY}"
    )


def test_numpy_function_under_grad():
    def f(x):
        return np.sin(x)  # here

    assert message(errors.TracerArrayConversionError, cr.grad(f), 1.0) == (
        "traced array f32[] is being differentiated, but NumPy needs its value"
        f" (numpy.asarray, or a numpy function was called on it) at {at(f)}; {NUMPY}"
    )


def test_boolean_mask_of_unknown_size():
    @cr.jit
    def f(x):
        return x[x > 0]  # here

    assert message(errors.NonConcreteBooleanIndexError, f, vector) == (
        f"indexing: the mask traced array bool[3] (made by gt at {at(f)}) has no value"
        " while the function is traced, so the shape of the result is unknown; use"
        " cnp.where(mask, x, fill), or nonzero(..., size=)."
    )


def leak(transformation, *args):
    """A tracer that outlived its transformation."""
    kept = []

    def keeping(x):
        kept.append(x)
        return x

    transformation(keeping)(*args)
    return kept[0]


LEAKED = (
    "return it from the function instead of storing it in a global, an attribute or"
)


def test_leak_from_jit():
    leaked = leak(cr.jit, 1.0)

    def f():
        return leaked + 1  # here

    assert message(errors.UnexpectedTracerError, f) == (
        "traced array f32[] (argument x of keeping) outlived the transformed function it"
        f" was made in, and is used at {at(f)}; {LEAKED} a closure."
    )


def test_leak_from_vmap():
    leaked = leak(cr.vmap, vector)

    def f():
        return leaked * 2  # here

    assert message(errors.UnexpectedTracerError, f) == (
        "traced array f32[] (one of 3 examples mapped by vmap) outlived the transformed"
        f" function it was made in, and is used at {at(f)}; {LEAKED} a closure."
    )


def test_leak_from_grad():
    leaked = leak(cr.grad, 1.0)

    def f():
        return leaked * 2  # here

    assert message(errors.UnexpectedTracerError, f) == (
        "traced array f32[] outlived the transformed function it was made in, and is used"
        f" at {at(f)}; {LEAKED} a closure."
    )


def test_leak_into_another_jit():
    leaked = leak(cr.jit, 1.0)

    @cr.jit
    def f(x):
        return x * leaked  # here

    assert message(errors.UnexpectedTracerError, f, 2.0) == (
        "traced array f32[] (argument x of keeping) outlived the transformed function it"
        f" was made in, and is used at {at(f)}; {LEAKED} a closure."
    )


def test_length_and_iteration_of_a_scalar():
    assert message(TypeError, cr.jit(len), 1.0) == "len() of unsized object"
    assert message(TypeError, cr.jit(list), 1.0) == "iteration over a 0-d array"


def test_errors_are_the_classes_that_users_catch():
    assert issubclass(errors.TracerBoolConversionError, errors.ConcretizationTypeError)
    assert issubclass(errors.ConcretizationTypeError, TypeError)
    assert issubclass(errors.TracerArrayConversionError, TypeError)
    assert issubclass(errors.TracerIntegerConversionError, TypeError)
    assert issubclass(errors.UnexpectedTracerError, TypeError)
    assert issubclass(errors.NonConcreteBooleanIndexError, IndexError)


def slot_of_no_variable(y):
    y.tangent.slot = 1 << 40


def no_tangent(y):
    del y.tangent


def no_primal(y):
    del y.primal


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (slot_of_no_variable, IndexError, "pull: a variable of another tape."),
        (no_tangent, AttributeError, f"{TAPED} 'tangent'"),
        (no_primal, AttributeError, f"{TAPED} 'primal'"),
    ],
)
def test_what_is_taken_out_of_a_tracer_is_missed(change, error, text):
    def f(x):
        y = x * 2
        change(y)
        return y if error is AttributeError else x * 3

    assert message(error, cr.grad(f), 1.0) == text
