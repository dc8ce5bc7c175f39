"""The IR: its print, the parser that reads it back, the checker, the evaluator."""

import enum
from typing import NamedTuple

import numpy as np
import pytest

import chainrule as cr
from chainrule.core import dtypes, printer
from chainrule.core.avals import ShapedArray, as_array
from chainrule.core.checker import check_jaxpr
from chainrule.core.errors import JaxprTypeError
from chainrule.core.jaxpr import (
    ClosedJaxpr,
    DropVar,
    Jaxpr,
    JaxprEqn,
    Literal,
    Var,
    evaluate_jaxpr,
    literal,
    subjaxprs,
)
from chainrule.core.parser import parse
from chainrule.core.primitive import registry
from chainrule.ops.dynamic_slicing import dynamic_slice_p
from chainrule.ops.gather import gather
from chainrule.ops.joining import concatenate_p
from chainrule.ops.shaping import broadcast_in_dim_p, convert, reduce_sum_p
from chainrule.ops.slicing import pad_p, slice_p
from chainrule.ops.sorting import sort_p, top_k_p
from chainrule.ops.windows import FILL_OR_DROP, GatherDimensionNumbers


def cube(x):
    return x * x * x


def rows(x):
    """Three windows of one row each, of three elements."""
    where = as_array(np.array([[0], [2], [5]]))
    numbers = GatherDimensionNumbers((1,), (0,), (0,))
    return gather(x, where, numbers, (1, 3), FILL_OR_DROP)


matrix = np.arange(12, dtype=np.float32).reshape(3, 4)
vector = np.arange(3, dtype=np.float32)

programs = {
    "straight line": (cube, 2.0),
    "jit": (cr.jit(cube), 2.0),
    "jit in jit": (cr.jit(lambda x: cr.jit(cube)(x) - cube(x)), vector),
    "gradient": (cr.grad(cube), 2.0),
    "gradient of jit": (cr.grad(cr.jit(cube)), 2.0),
    "hessian of jit": (cr.hessian(cr.jit(cube)), 2.0),
    "vmap of jit": (cr.vmap(cr.jit(cube)), vector),
    "checkpoint": (cr.grad(cr.checkpoint(cube)), 2.0),
    "no outputs": (lambda x: (), 2.0),
    "no arguments": (lambda: as_array(1.0),),
    "literal outputs": (lambda x: (x, 1.0, True, 3), 2.0),
    "special numbers": (lambda x: x * np.nan * np.inf * -np.inf * -0.0 * 1e-30, 2.0),
    "complex numbers": (lambda x: x * (1 + 2j) * 2j * complex("nan-0j"), 1j),
    "bfloat16": (lambda x: convert(x, dtypes.bfloat16) * 1.5, vector),
    "integers": (lambda x: x * 7 - 2, np.arange(3)),
    "unused output": (lambda x: top_k_p(x, k=2, axis=1)[1], matrix),
    "unused value": (lambda x: (x * x, x)[1], 2.0),
    "dtype and bool parameters": (lambda x: convert(x, dtypes.int32), vector),
    "pairs of tuples": (lambda x: pad_p(x, 0.0, padding_config=((1, 1, 2),)), vector),
    "several operands": (lambda x: concatenate_p(x, x, x, dimension=0), vector),
    "several outputs": (
        lambda x: sort_p(x, x * 2, dimension=0, is_stable=True, num_keys=1), vector,
    ),
    "record and enum parameters": (rows, matrix),
    "gradient of gather": (cr.grad(lambda x: reduce_sum_p(rows(x), axes=(0, 1))), matrix),
    "closed over array": (lambda x: x * vector, vector),
    "empty arrays": (lambda x: x * 2.0, np.zeros((0, 3))),
    "traced index": (lambda x, i: dynamic_slice_p(x, i, slice_sizes=(2,)), vector, 1),
    "broadcast": (
        lambda x: broadcast_in_dim_p(x, shape=(2, 3), broadcast_dimensions=(1,)), vector,
    ),
    "strides": (
        lambda x: slice_p(x, start_indices=(0,), limit_indices=(3,), strides=(2,)), vector,
    ),
    "float0 tangent": (
        lambda x: cr.jvp(
            lambda x, n: (x * 2.0, n), (x, 3), (x, np.zeros((), cr.float0))
        ),
        2.0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", programs)
def test_print_parse_print(name):
    fun, *args = programs[name]
    program = cr.make_jaxpr(fun)(*args)
    read = parse(str(program), program.consts)
    assert str(read) == str(program)
    check_jaxpr(read)


@pytest.mark.parametrize("name", programs)
def test_a_program_read_back_computes_the_same(name):
    fun, *args = programs[name]
    program = cr.make_jaxpr(fun)(*args)
    read = parse(str(program), program.consts)
    leaves = [as_array(x) for x in args]
    for found, expected in zip(
        evaluate_jaxpr(read.jaxpr, read.consts, leaves),
        evaluate_jaxpr(program.jaxpr, program.consts, leaves),
        strict=True,
    ):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


def test_many_variables_get_names_that_are_no_words_of_the_notation():
    def chain(x):
        for _ in range(26 * 15):
            x = x * x
        return x

    program = cr.make_jaxpr(chain)(2.0)
    text = str(program)
    assert " in:f32[]" not in text and "ip:f32[]" in text
    assert str(parse(text)) == text


# --- printing ------------------------------------------------------------------------


def test_print_of_a_short_program():
    assert str(cr.make_jaxpr(cube)(2.0)) == (
        "{ lambda ; a:f32[]. let\n"
        "    b:f32[] = mul a a\n"
        "    c:f32[] = mul b a\n"
        "  in (c,) }"
    )


def test_print_of_a_nested_program_with_constants_and_literals():
    @cr.jit
    def scaled(x):
        return 2.0 * x, x * x

    program = cr.make_jaxpr(lambda x: scaled(x * vector)[0])(vector)
    assert str(program) == (
        "{ lambda a:f32[3]; b:f32[3]. let\n"
        "    c:f32[3] = mul b a\n"
        "    d:f32[3] _:f32[3] = jit[\n"
        "      name=scaled\n"
        "      jaxpr={ lambda ; a:f32[3]. let\n"
        "          b:f32[3] = mul 2.0:f32[] a\n"
        "          c:f32[3] = mul a a\n"
        "        in (b, c) }\n"
        "    ] c\n"
        "  in (d,) }"
    )


def test_print_of_a_long_parameter_list_takes_a_line_for_each():
    assert str(cr.make_jaxpr(rows)(matrix)) == (
        "{ lambda a:i32[3,1]; b:f32[3,4]. let\n"
        "    c:f32[3,3] = gather[\n"
        "      dimension_numbers=GatherDimensionNumbers(offset_dims=(1,),"
        " collapsed_slice_dims=(0,), start_index_map=(0,), operand_batching_dims=(),"
        " start_indices_batching_dims=())\n"
        "      fill_value=None\n"
        "      indices_are_sorted=False\n"
        "      mode=GatherScatterMode.FILL_OR_DROP\n"
        "      slice_sizes=(1, 3)\n"
        "      unique_indices=False\n"
        "    ] b a\n"
        "  in (c,) }"
    )


def test_print_of_a_program_without_equations():
    assert str(cr.make_jaxpr(lambda x: (x, 1.0))(2)) == (
        "{ lambda ; a:i32[]. let in (a, 1.0:f32[]) }"
    )


def test_print_of_an_equation():
    program = cr.make_jaxpr(cube)(2.0)
    assert repr(program.eqns[0]) == "a:f32[] = mul b b"
    assert program.eqns[0].source_info.endswith(f"test_ir.py:{line_of_cube} (cube)")


line_of_cube = cube.__code__.co_firstlineno + 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"), (True, "True"), (3, "3"), (-1.5, "-1.5"), (np.inf, "inf"),
        (1 + 2j, "(1+2j)"), ("sum", "sum"), ("<lambda>", "<lambda>"),
        ("float32", "'float32'"), ("None", "'None'"), ("two words", "'two words'"),
        ("it's", '"it\'s"'), ("nan", "'nan'"), ((), "()"), ((1,), "(1,)"),
        (((0, 1), ("i", None)), "((0, 1), (i, None))"), (np.dtype("int8"), "int8"),
        (cr.dtypes.bfloat16, "bfloat16"), (cr.float0, "float0"), (np.float32, "float32"),
        (np.float32(0.5), "0.5"), (np.int64(3), "3"), (np.bool_(True), "True"),
        (ShapedArray((2, 3), np.dtype("f4"), False), "f32[2,3]"),
        (FILL_OR_DROP, "GatherScatterMode.FILL_OR_DROP"),
        (cube, "<function cube>"), (object, "<function object>"),
    ],
)  # fmt: skip
def test_print_of_a_parameter(value, text):
    assert printer.param_text(value) == text


# --- parsing -------------------------------------------------------------------------


def test_parse_accepts_equations_on_one_line():
    program = parse(
        "{ lambda ; a:f32[]. let b:f32[] = mul a 2.0:f32[]; c:f32[] = neg b in (c,) }"
    )
    assert [e.primitive.name for e in program.eqns] == ["mul", "neg"]
    assert float(evaluate_jaxpr(program.jaxpr, (), [as_array(3.0)])[0]) == -6.0


def test_parse_of_a_program_with_constvars_gives_an_open_one_or_takes_constants():
    text = "{ lambda a:f32[3]; b:f32[3]. let c:f32[3] = mul a b in (c,) }"
    assert type(parse(text)) is Jaxpr
    closed = parse(text, [as_array(vector)])
    assert type(closed) is ClosedJaxpr and closed.consts[0].shape == (3,)


def test_parse_restores_parameters():
    program = parse(str(cr.make_jaxpr(rows)(matrix)))
    params = program.eqns[0].params
    assert params["dimension_numbers"] == GatherDimensionNumbers((1,), (0,), (0,))
    assert params["mode"] is FILL_OR_DROP
    assert params["slice_sizes"] == (1, 3)
    assert params["fill_value"] is None and params["unique_indices"] is False


def test_parse_reads_nested_programs_as_programs():
    program = parse(str(cr.make_jaxpr(cr.jit(cube))(2.0)))
    (inner,) = subjaxprs(program.eqns[0].params)
    assert type(inner) is ClosedJaxpr and len(inner.eqns) == 2


def test_parse_reads_unused_outputs_as_dropped_variables():
    program = parse("{ lambda ; a:f32[]. let _:f32[] = neg a in (a,) }")
    assert type(program.eqns[0].outvars[0]) is DropVar


def test_parse_reads_quoted_strings_dtypes_and_types_in_parameters():
    program = parse(
        "{ lambda ; a:f32[]. let b:f32[] = jit[name='a b\\'c' x=(float32, f32[2])"
        " jaxpr={ lambda ; c:f32[]. let in (c,) }] a in (b,) }"
    )
    params = program.eqns[0].params
    assert params["name"] == "a b'c"
    assert params["x"] == (np.dtype("f4"), ShapedArray((2,), np.dtype("f4"), False))


def test_parse_reads_classes_declared_readable():
    @printer.readable
    class Flavour(enum.Enum):
        SWEET = 1

    @printer.readable
    class Recipe(NamedTuple):
        flavour: Flavour
        sizes: tuple = ()

    try:
        shown = printer.param_text(Recipe(Flavour.SWEET, (1, 2)))
        program = parse(
            f"{{ lambda ; a:f32[]. let b:f32[] = neg[x={shown}] a in (b,) }}"
        )
        assert program.eqns[0].params["x"] == Recipe(Flavour.SWEET, (1, 2))
    finally:
        del printer.records["Flavour"], printer.records["Recipe"]


head = "{ lambda ; a:f32[]. let\n"
refused = {
    "a program that ends early": (
        head + "b:f32[] = neg a", "line 2: expected the end of the equation; got"
        " 'the end of the text'.",
    ),
    "a variable that is not bound": (
        head + "b:f32[] = neg z in (b,) }",
        "line 2: expected a variable that is bound before; got 'z'.",
    ),
    "a variable bound twice": (
        head + "a:f32[] = neg a in (a,) }",
        "line 2: expected a name that is not taken; got 'a'.",
    ),
    "an unknown primitive": (
        head + "b:f32[] = wobble a in (b,) }",
        "line 2: expected the name of a primitive; got 'wobble'.",
    ),
    "an unknown dtype": (
        "{ lambda ; a:q32[]. let in (a,) }",
        "line 1: expected a dtype such as f32; got 'q32'.",
    ),
    "a variable of an outer program": (
        head + "b:f32[] = jit[jaxpr={ lambda ; . let in (a,) }] in (b,) }",
        "line 2: expected a variable that is bound before; got 'a'.",
    ),
    "text after the program": (
        head + "in (a,) }\n neg",
        "line 3: expected the end of the text after the program; got 'neg'.",
    ),
    "what is no word of the notation": (
        head + "b:f32[] = neg ?a in (b,) }", "line 2: cannot read '?a in (b,) }'.",
    ),
    "a class that nobody declared readable": (
        head + "b:f32[] = neg[mode=Unknown.X] a in (b,) }",
        "line 2: expected a class that core.printer.readable has been told of; got"
        " 'Unknown.X'.",
    ),
    "a parameter without a value": (
        head + "b:f32[] = neg[x=] a in (b,) }", "line 2: expected a value; got ']'.",
    ),
    "a size that is no number": (
        "{ lambda ; a:f32[n]. let in (a,) }",
        "line 1: expected the size of a dimension; got 'n'.",
    ),
    "a missing comma": (
        head + "in (a a) }", "line 2: expected ',' or ')'; got 'a'.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", refused)
def test_parse_refuses(what):
    text, message = refused[what]
    with pytest.raises(ValueError) as info:
        parse(text)
    assert str(info.value) == f"parse: {message}"


def test_parse_refuses_python_objects_among_the_parameters():
    f = cr.custom_jvp(cube)
    f.defjvp(lambda primals, tangents: (f(*primals), tangents[0]))
    with pytest.raises(ValueError) as info:
        parse(str(cr.make_jaxpr(f)(2.0)))
    assert str(info.value) == (
        "parse: line 5: <function rule> is a Python object, which the text does not hold"
        " (custom_jvp rules and callbacks are such objects); stage the function again"
        " instead of reading its print."
    )


# --- checking ------------------------------------------------------------------------

f32 = ShapedArray((), np.dtype("f4"), False)
f32_3 = ShapedArray((3,), np.dtype("f4"), False)
i32 = ShapedArray((), np.dtype("i4"), False)


def one_equation(prim, in_avals, out_avals, **params):
    """The program of one equation, its outputs declared as `out_avals`."""
    invars = [Var(a) for a in in_avals]
    outvars = [Var(a) for a in out_avals]
    eqn = JaxprEqn(registry[prim], list(invars), params, outvars)
    return Jaxpr([], invars, outvars, [eqn])


def unbound():
    a, b, c = Var(f32), Var(f32), Var(f32)
    return Jaxpr([], [a], [c], [JaxprEqn(registry["neg"], [b], {}, [c])])


def unbound_output():
    return Jaxpr([], [Var(f32)], [Var(f32)], [])


def bound_twice():
    a = Var(f32)
    return Jaxpr([], [a], [a], [JaxprEqn(registry["neg"], [a], {}, [a])])


def argument_twice():
    a = Var(f32)
    return Jaxpr([], [a, a], [a], [])


def wrong_literal():
    return Jaxpr([], [], [Literal(as_array(1.0), i32)], [])


def inner_ill_typed():
    inner = ClosedJaxpr(one_equation("neg", [f32], [f32_3]), ())
    return one_equation("jit", [f32], [f32_3], jaxpr=inner, name="f")


where = ", in `{}` from an unknown line."
ill_typed = {
    "an output of another shape": (
        one_equation("neg", [f32_3], [f32]),
        "output has type f32[3] but is declared f32[]" + where.format("a:f32[] = neg b"),
    ),
    "an output of another dtype": (
        one_equation("neg", [f32], [i32]),
        "output has type f32[] but is declared i32[]" + where.format("a:i32[] = neg b"),
    ),
    "too many outputs": (
        one_equation("neg", [f32], [f32, f32]),
        "neg: 1 outputs are bound to 2 variables"
        + where.format("a:f32[] b:f32[] = neg c"),
    ),
    "operands that the primitive refuses": (
        one_equation("mul", [f32, i32], [f32]),
        "mul: operands must have one dtype; got float32 and int32. Convert one with"
        " astype, or use the function of chainrule.numpy, which promotes."
        + where.format("a:f32[] = mul b c"),
    ),
    "parameters that the primitive refuses": (
        one_equation("reshape", [f32_3], [f32], new_sizes=(2,)),
        "reshape: cannot reshape array of shape (3,) (size 3) into shape (2,) (size 2);"
        " the sizes must agree." + where.format("a:f32[] = reshape[new_sizes=(2,)] b"),
    ),
    "missing parameters": (one_equation("reshape", [f32_3], [f32_3]), None),
    "too few operands": (
        one_equation("pad", [f32_3], [f32_3], padding_config=((0, 0, 0),)), None,
    ),
    "a variable nobody bound": (
        unbound(),
        "variable Var(f32[]) is used before it is bound"
        + where.format("a:f32[] = neg b"),
    ),
    "an output nobody bound": (
        unbound_output(), "variable Var(f32[]) is used before it is bound.",
    ),
    "a variable bound twice": (
        bound_twice(),
        "variable Var(f32[]) is bound twice" + where.format("a:f32[] = neg a"),
    ),
    "an argument twice": (argument_twice(), "variable Var(f32[]) is bound twice."),
    "a literal of another type": (
        wrong_literal(), "literal has type f32[] but is declared i32[].",
    ),
    "an ill-typed nested program": (
        inner_ill_typed(),
        "output has type f32[] but is declared f32[3]"
        + where.format("a:f32[3] = neg b"),
    ),
    "a constant of another type": (
        ClosedJaxpr(Jaxpr([Var(f32)], [], [], []), [as_array(vector)]),
        "constant for Var(f32[]) has type f32[3] but is declared f32[].",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ill_typed)
def test_checker_rejects(what):
    program, message = ill_typed[what]
    with pytest.raises(JaxprTypeError) as info:
        check_jaxpr(program)
    if message is not None:
        assert str(info.value) == message


def test_checker_rejects_operands_of_a_call_that_its_program_does_not_take():
    inner = ClosedJaxpr(one_equation("neg", [f32_3], [f32_3]), ())
    program = one_equation("jit", [f32], [f32_3], jaxpr=inner, name="f")
    with pytest.raises(JaxprTypeError) as info:
        check_jaxpr(program)
    assert str(info.value).startswith(
        "jit: the program takes (f32[3]) but is called with (f32[]); operands must have"
        " the types of its arguments, in `"
    )


def test_checker_names_the_users_line():
    program = cr.make_jaxpr(cube)(2.0)
    broken = program.jaxpr.eqns[0].replace(outvars=[Var(i32)])
    with pytest.raises(JaxprTypeError) as info:
        check_jaxpr(program.jaxpr.replace(eqns=[broken]))
    assert f"test_ir.py:{line_of_cube} (cube)" in str(info.value)


# --- evaluating ----------------------------------------------------------------------


def test_evaluate_jaxpr_computes_and_can_be_transformed():
    program = cr.make_jaxpr(cube)(2.0)

    def run(x):
        return evaluate_jaxpr(program.jaxpr, program.consts, [x])[0]

    x = as_array(2.0)
    assert float(run(x)) == 8.0
    assert float(cr.grad(run)(x)) == 12.0
    assert str(cr.make_jaxpr(run)(x)) == str(program)


def test_evaluate_jaxpr_drops_values_after_their_last_use():
    program = cr.make_jaxpr(lambda x: x * x * x)(vector)
    uses = program.jaxpr.last_uses()
    (square,) = program.eqns[0].outvars
    assert uses[0] == [] and set(uses[1]) == {square, program.jaxpr.invars[0]}


def test_a_literal_carries_the_aval_of_its_value():
    assert literal(2.0).aval is ShapedArray((), np.dtype("f4"), True)


def test_closed_jaxpr_needs_a_value_per_constvar():
    with pytest.raises(ValueError) as info:
        ClosedJaxpr(Jaxpr([Var(f32)], [], [], []), ())
    assert str(info.value) == ("ClosedJaxpr: 1 constvars need as many consts; got 0.")
