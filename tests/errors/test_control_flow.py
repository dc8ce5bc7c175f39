"""Messages of branches, loops and solvers."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.core.parser import parse

from .expecting import derive, message, raises


def identity(x):
    return x


def pair(x):
    return x, x


def doubled(x):
    return 2.0 * x


# --- branches -------------------------------------------------------------------------


@raises(
    TypeError,
    "cond: the branches must return one type; output['a'] of identity is f32[3], of"
    " halved f32[1]. Convert one of them (astype, reshape).",
)
def test_branches_of_two_types():
    def halved(x):
        return {"a": x["a"][:1]}

    lax.cond(True, identity, halved, {"a": cnp.ones(3)})


@raises(
    TypeError,
    "cond: the branches must return one structure; identity returns an array, pair returns"
    " (*, *).",
)
def test_branches_of_two_structures():
    lax.cond(True, identity, pair, 1.0)


@raises(
    TypeError,
    "cond: the predicate must be a boolean or numeric scalar; got bool[2]. Use select (or"
    " cnp.where) for arrays.",
)
def test_predicate_that_is_an_array():
    lax.cond(cnp.array([True, False]), identity, identity, 1.0)


@raises(TypeError, "cond: false_fun must be a function; got 3 of type int.")
def test_branch_that_is_no_function():
    lax.cond(True, identity, 3, 1.0)


@raises(TypeError, "switch: the index must be an integer scalar; got f32[].")
def test_index_that_is_no_integer():
    lax.switch(1.5, [identity, doubled], 1.0)


@raises(ValueError, "switch: there are no branches; give at least one.")
def test_no_branches():
    lax.switch(0, [], 1.0)


@raises(TypeError, "switch: branches must be a sequence of functions; got [1].")
def test_branches_that_are_no_functions():
    lax.switch(0, [1], 1.0)


# --- scan -----------------------------------------------------------------------------


@raises(
    TypeError,
    "scan: step must return the carry in the types it came in; carry['b'][0] comes in as"
    " i32[] and leaves as f32[]; carry['b'][1] comes in as f32[2] and leaves as f32[1]."
    " Convert it before the loop or in the body (astype, broadcast_to).",
)
def test_carry_that_changes_its_type():
    def step(c, x):
        n, y = c["b"]
        return {"a": c["a"], "b": (n + x, y[:1])}, None

    init = {"a": 0.0, "b": (cnp.arange(1)[0], cnp.zeros(2))}
    lax.scan(step, init, cnp.ones(3))


@raises(
    TypeError,
    "scan: step must return a carry of the structure it takes, {'a': *}; got an array.",
)
def test_carry_that_changes_its_structure():
    def step(c, x):
        return c["a"], x

    lax.scan(step, {"a": 0.0}, cnp.ones(3))


@raises(TypeError, "scan: step must return a pair (carry, y); got an array.")
def test_body_that_returns_no_pair():
    def step(c, x):
        return c + x

    lax.scan(step, 0.0, cnp.ones(3))


@raises(ValueError, "scan: the leading sizes of xs must agree; got 2, 3.")
def test_rows_of_two_lengths():
    lax.scan(lambda c, x: (c, None), 0.0, (cnp.ones(3), cnp.ones(2)))


@raises(
    ValueError,
    "scan: length 4 disagrees with the leading size of xs, 3; leave out length.",
)
def test_length_that_is_not_that_of_the_rows():
    lax.scan(lambda c, x: (c, None), 0.0, cnp.ones(3), length=4)


@raises(
    ValueError,
    "scan: xs holds no arrays, so the number of steps is unknown; give length.",
)
def test_no_length():
    lax.scan(lambda c, x: (c, None), 0.0, None)


@raises(TypeError, "scan: length must be an integer; got 2.5 of type float.")
def test_length_that_is_no_integer():
    lax.scan(lambda c, x: (c, None), 0.0, None, length=2.5)


@raises(ValueError, "scan: length must not be negative; got -1.")
def test_negative_length():
    lax.scan(lambda c, x: (c, None), 0.0, None, length=-1)


@raises(
    ValueError,
    "scan: xs must have a leading dimension to loop over; got a leaf of type f32[].",
)
def test_rows_of_a_scalar():
    lax.scan(lambda c, x: (c, None), 0.0, 1.0)


def test_value_that_a_body_needs_names_the_argument():
    def step(carry, row):
        return carry, bool(row["x"] > 0)

    text = message(
        cr.errors.TracerBoolConversionError,
        lambda: lax.scan(step, 0.0, {"x": cnp.ones(2)}),
    )
    assert "step" in text and "control_flow.py" in text


@raises(ValueError, "map: batch_size must not be negative; got -2.")
def test_map_negative_batch_size():
    lax.map(identity, cnp.ones(3), batch_size=-2)


@raises(ValueError, "map: batch_size must be positive; got 0.")
def test_batch_of_no_rows():
    lax.map(identity, cnp.ones(3), batch_size=0)


@raises(ValueError, "associative_scan: the sizes along axis 0 must agree; got 2, 3.")
def test_associative_scan_of_two_lengths():
    add = lambda a, b: (a[0] + b[0], a[1] + b[1])
    lax.associative_scan(add, (cnp.ones(3), cnp.ones(2)))


@raises(
    TypeError,
    "associative_scan: pair must return values of the structure it takes, an array; got"
    " (*, *).",
)
def test_associative_scan_of_another_structure():
    def pair(a, b):
        return a, b

    lax.associative_scan(pair, cnp.ones(3))


# --- while and fori -------------------------------------------------------------------


@raises(TypeError, "while_loop: doubled must return a boolean scalar; got f32[].")
def test_condition_that_is_no_boolean():
    lax.while_loop(doubled, doubled, 1.0)


@raises(TypeError, "while_loop: test must return a boolean scalar; got (*,).")
def test_condition_in_a_tuple():
    def test(x):
        return (x < 3,)

    lax.while_loop(test, doubled, 1.0)


@raises(TypeError, "while_loop: test must return a boolean scalar; got bool[3].")
def test_condition_that_is_an_array():
    def test(x):
        return x < 3

    lax.while_loop(test, doubled, cnp.ones(3))


@raises(
    TypeError,
    "while_loop: first must return the value in the types it came in; value comes in as"
    " f32[3] and leaves as f32[]. Convert it before the loop or in the body (astype,"
    " broadcast_to).",
)
def test_value_that_changes_its_type():
    def first(x):
        return x[0]

    lax.while_loop(lambda x: x.sum() < 3, first, cnp.ones(3))


@raises(
    TypeError,
    "while_loop: pair must return a value of the structure it takes, an array; got"
    " (*, *).",
)
def test_value_that_changes_its_structure():
    lax.while_loop(lambda x: x < 3, pair, 1.0)


@raises(
    TypeError,
    "fori_loop: step must return the value in the types it came in; value['a'] comes in"
    " as f32[2] and leaves as f32[]. Convert it before the loop or in the body (astype,"
    " broadcast_to).",
)
def test_fori_value_that_changes_its_type():
    def step(i, value):
        return {"a": value["a"][i]}

    lax.fori_loop(0, 3, step, {"a": cnp.ones(2)})


@raises(
    TypeError,
    "fori_loop: step must return the value in the types it came in; value['a'] comes in"
    " as f32[2] and leaves as f32[]. Convert it before the loop or in the body (astype,"
    " broadcast_to).",
)
def test_fori_value_that_changes_its_type_under_jit():
    def step(i, value):
        return {"a": value["a"][i]}

    cr.jit(lambda n: lax.fori_loop(0, n, step, {"a": cnp.ones(2)}))(3)


@raises(
    TypeError,
    "fori_loop: step must return a value of the structure it takes, an array; got"
    " (*, *).",
)
def test_fori_value_that_changes_its_structure():
    def step(i, value):
        return value, value

    lax.fori_loop(0, 3, step, 1.0)


@raises(
    TypeError,
    "fori_loop: upper must be an integer scalar; got f32[]. Round it and convert it:"
    " cnp.floor(x).astype('int32').",
)
def test_bound_that_is_no_integer():
    lax.fori_loop(0, 2.5, lambda i, x: x, 1.0)


@raises(
    TypeError,
    "fori_loop: lower must be an integer scalar; got f32[]. Round it and convert it:"
    " cnp.floor(x).astype('int32').",
)
def test_traced_bounds_that_are_no_integers():
    cr.jit(lambda a, b: lax.fori_loop(a, b, lambda i, x: x, 1.0))(0.0, 2.0)


@raises(
    TypeError,
    "fori_loop: upper must be an integer scalar; got i32[2]. Pick one element of it, or"
    " map the loop over it with vmap.",
)
def test_bound_that_is_an_array():
    lax.fori_loop(0, cnp.arange(2), lambda i, x: x, 1.0)


@raises(
    TypeError,
    "fori_loop: lower and upper must have one dtype; got uint8 and int32.",
)
def test_bounds_of_two_dtypes():
    lower, upper = cnp.zeros((), "uint8"), cnp.ones((), "int32")
    lax.fori_loop(lower, upper, lambda i, x: x, 1.0)


@raises(
    ValueError,
    "fori_loop: unroll needs bounds that are known when the program is staged; drop it,"
    " or pass the bounds as Python integers.",
)
def test_unrolling_of_an_unknown_number_of_steps():
    cr.jit(lambda n: lax.fori_loop(0, n, lambda i, x: x, 1.0, unroll=2))(3)


@raises(
    NotImplementedError,
    "while: cannot be transposed: its number of steps may depend on the unknowns.",
)
def test_transpose_of_a_while():
    halve = lambda x: lax.while_loop(lambda x: x > 3, lambda x: 0.5 * x, x)
    cr.linear_transpose(halve, 1.0)(1.0)


# --- solvers --------------------------------------------------------------------------


@raises(
    TypeError,
    "custom_linear_solve: reverse mode needs transpose_solve, the solver of the"
    " transposed system; give it, or symmetric=True.",
)
def test_reverse_mode_without_a_transposed_solver():
    solve = lambda f, b: b / f(1.0)
    cr.grad(lambda b: lax.custom_linear_solve(doubled, b, solve))(1.0)


@raises(
    TypeError,
    "custom_linear_solve: pair must return a vector of the structure it takes, an array;"
    " got (*, *).",
)
def test_operator_that_changes_the_structure():
    lax.custom_linear_solve(pair, 1.0, lambda f, b: b)


@raises(
    TypeError,
    "custom_root: solver must return the guess in the types it came in; guess comes in as"
    " f32[] and leaves as i32[]. Convert it in the function (astype, broadcast_to).",
)
def test_root_of_another_type():
    def solver(f, x):
        return 1

    lax.custom_root(lambda x: x, 1.0, solver, lambda g, y: y)


# --- the primitives' own --------------------------------------------------------------


one = parse("{ lambda ; a:f32[]. let in (a,) }")
two = parse("{ lambda ; a:f32[]. let in (a, a) }")
wide = parse("{ lambda ; a:f32[] b:f32[2]. let in (b, a) }")
loop = {"num_consts": 0, "num_carry": 1, "length": 3, "reverse": False, "unroll": 1}


@raises(TypeError, "cond: the index must be an integer scalar; got f32[].")
def test_cond_rule_of_the_index():
    derive("cond", "f32[] f32[]", {"branches": (one, one)})


@raises(TypeError, "cond: branch 0 takes (f32[]) but is given (f32[2]).")
def test_cond_rule_of_operands():
    derive("cond", "i32[] f32[2]", {"branches": (one, one)})


@raises(
    TypeError,
    "cond: branch 1 returns (f32[], f32[]), branch 0 (f32[]); the types must agree.",
)
def test_cond_rule_of_results():
    derive("cond", "i32[] f32[]", {"branches": (one, two)})


@raises(
    TypeError,
    "scan: operands need 3 rows, the loop's length; got f32[2].",
)
def test_scan_rule_of_rows():
    derive("scan", "f32[] f32[2]", {"jaxpr": two, **loop})


@raises(TypeError, "scan: the program takes (f32[]) but is given (f32[], f32[]).")
def test_scan_rule_of_operands():
    derive("scan", "f32[] f32[3]", {"jaxpr": two, **loop})


@raises(
    TypeError,
    "scan: the carry comes in as f32[] and leaves as f32[2]; the types must agree.",
)
def test_scan_rule_of_the_carry():
    derive("scan", "f32[] f32[3,2]", {"jaxpr": wide, **loop})


def while_of(cond_jaxpr, body_jaxpr):
    return {
        "cond_jaxpr": cond_jaxpr, "cond_nconsts": 0, "body_jaxpr": body_jaxpr,
        "body_nconsts": 0,
    }  # fmt: skip


@raises(TypeError, "while: the condition must return a boolean scalar; got f32[].")
def test_while_rule_of_the_condition():
    derive("while", "f32[]", while_of(one, one))


@raises(TypeError, "while: the body takes (f32[], f32[2]) but is given (f32[]).")
def test_while_rule_of_operands():
    derive("while", "f32[]", while_of(one, wide))


@raises(
    ValueError,
    "scan: checkpoint must be a positive number of carries to keep, or True for about"
    " the square root of the length; got 0.",
)
def test_scan_that_keeps_no_carry():
    lax.scan(lambda c, x: (c, None), 0.0, cnp.ones(3), checkpoint=0)


@raises(TypeError, "scan: checkpoint must be an integer; got 'sqrt' of type str.")
def test_scan_that_keeps_a_word():
    lax.scan(lambda c, x: (c, None), 0.0, cnp.ones(3), checkpoint="sqrt")


@raises(
    ValueError,
    "checkpoint: a budget of 1kB is too small for many_steps, whose reverse mode needs"
    " 3.2kB at a time; give budget='3.2kB' or more.",
)
def test_budget_that_is_too_small():
    def many_steps(x):
        step = lambda c, _: (cnp.sin(c), None)
        return lax.scan(step, x, None, length=400)[0].sum()

    cr.grad(cr.checkpoint(many_steps, budget="1kB"))(cnp.ones(50))


@pytest.mark.parametrize("budget", ["200 apples", "MB", "-1kB", 0, -5, True, np.inf])
def test_budget_that_is_no_amount_of_memory(budget):
    message = (
        f"checkpoint: budget={budget!r} is no amount of memory; give a positive number"
        " of bytes, or a string of a number and a unit, such as '200MB', '1.5GB' or"
        " '64MiB'."
    )
    with pytest.raises(ValueError) as caught:
        cr.checkpoint(cnp.sin, budget=budget)
    assert str(caught.value) == message


@raises(TypeError, "checkpoint_name: the name must be a string; got 3.")
def test_name_that_is_no_string():
    cr.ad_checkpoint.checkpoint_name(1.0, 3)
