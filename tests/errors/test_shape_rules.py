"""Messages of the shape rules: elementwise, shaping, reductions and products.

The same text is raised where the primitive is staged, and where its evaluation fails.
"""

import numpy as np
import pytest

import chainrule as cr
from chainrule.core import dtypes
from chainrule.core.avals import as_array
from chainrule.core.primitive import registry

from .expecting import derive, message

REFUSED = {
    "broadcasting": (
        "add",
        "f32[3] f32[4]",
        {},
        TypeError,
        "add: incompatible shapes for broadcasting: (3,) and (4,); trailing"
        " dimensions must agree or be 1.",
    ),
    "dtypes of two operands": (
        "mul",
        "f32[3] i32[3]",
        {},
        TypeError,
        "mul: operands must have one dtype; got float32 and int32. Convert one"
        " with astype, or use the function of chainrule.numpy, which promotes.",
    ),
    "a dtype that does not suit": (
        "sin",
        "i32[3]",
        {},
        TypeError,
        "sin: does not accept dtype int32; it takes floating-point, complex arrays.",
    ),
    "a dtype that does not suit a comparison": (
        "lt",
        "c64[] c64[]",
        {},
        TypeError,
        "lt: does not accept dtype complex64; it takes boolean, signed integer,"
        " unsigned integer, floating-point arrays.",
    ),
    "a bit operation on floats": (
        "and",
        "f32[] f32[]",
        {},
        TypeError,
        "and: does not accept dtype float32; it takes boolean, signed integer,"
        " unsigned integer arrays.",
    ),
    "integer_pow of a boolean": (
        "integer_pow",
        "bool[]",
        {"y": 2},
        TypeError,
        "integer_pow: does not accept dtype bool; it takes numeric arrays.",
    ),
    "integer_pow of an integer to a negative power": (
        "integer_pow",
        "i32[3]",
        {"y": -1},
        TypeError,
        "integer_pow: Integers cannot be raised to negative powers, got"
        " integer_pow(i32[3], -1); convert the base to float.",
    ),
    "pow of a boolean": (
        "pow",
        "bool[] bool[]",
        {},
        TypeError,
        "pow: does not accept dtype bool; it takes numeric arrays.",
    ),
    "pow with an exponent of another dtype": (
        "pow",
        "f32[] c64[]",
        {},
        TypeError,
        "pow: the exponent must have the base's dtype float32, or be an integer"
        " under a floating-point base; got c64[].",
    ),
    "select_n without cases": (
        "select_n",
        "bool[]",
        {},
        TypeError,
        "select_n: needs at least one case to select from; got none.",
    ),
    "select_n by floats": (
        "select_n",
        "f32[] f32[] f32[]",
        {},
        TypeError,
        "select_n: `which` must be boolean or integer; got f32[].",
    ),
    "select_n by a boolean from three": (
        "select_n",
        "bool[] f32[] f32[] f32[]",
        {},
        TypeError,
        "select_n: a boolean `which` selects from 2 cases; got 3. Use an int32"
        " `which`.",
    ),
    "select_n from cases of several dtypes": (
        "select_n",
        "bool[] f32[] i32[]",
        {},
        TypeError,
        "select_n: cases must have one dtype; got float32, int32.",
    ),
    "bitcast_convert_type of a boolean": (
        "bitcast_convert_type",
        "bool[3]",
        {"new_dtype": dtypes.float32},
        TypeError,
        "bitcast_convert_type: cannot reinterpret bool as float32; convert"
        " booleans by value with astype.",
    ),
    "bitcast_convert_type to a wider dtype": (
        "bitcast_convert_type",
        "i8[3]",
        {"new_dtype": dtypes.float32},
        ValueError,
        "bitcast_convert_type: an array of int8 needs a last dimension of size 4"
        " to become float32; got shape (3,).",
    ),
    "broadcast_in_dim with too few dimensions": (
        "broadcast_in_dim",
        "f32[3]",
        {"shape": (2, 3), "broadcast_dimensions": ()},
        TypeError,
        "broadcast_in_dim: broadcast_dimensions () must name one output dimension"
        " per operand dimension; the operand has 1.",
    ),
    "broadcast_in_dim along a dimension of another size": (
        "broadcast_in_dim",
        "f32[3]",
        {"shape": (2, 4), "broadcast_dimensions": (1,)},
        TypeError,
        "broadcast_in_dim: operand shape (3,) does not broadcast into (2, 4) along"
        " dimensions (1,); sizes must be equal or 1.",
    ),
    "reshape to another size": (
        "reshape",
        "f32[3]",
        {"new_sizes": (2, 2)},
        TypeError,
        "reshape: cannot reshape array of shape (3,) (size 3) into shape (2, 2)"
        " (size 4); the sizes must agree.",
    ),
    "transpose by what is no permutation": (
        "transpose",
        "f32[3,2]",
        {"permutation": (0, 0)},
        TypeError,
        "transpose: permutation (0, 0) is no permutation of the dimensions of an"
        " array of shape (3, 2).",
    ),
    "reduce_sum over an axis twice": (
        "reduce_sum",
        "f32[3,2]",
        {"axes": (0, 0)},
        ValueError,
        "reduce_sum: axes (0, 0) must be distinct dimensions of an array of shape"
        " (3, 2).",
    ),
    "reduce_sum over an axis that does not exist": (
        "reduce_sum",
        "f32[3,2]",
        {"axes": (2,)},
        ValueError,
        "reduce_sum: axes (2,) must be distinct dimensions of an array of shape"
        " (3, 2).",
    ),
    "argmax without axis": (
        "argmax",
        "f32[3]",
        {"axes": (), "index_dtype": dtypes.int32},
        ValueError,
        "argmax: needs one axis of at least one element; got axes () of an array"
        " of shape (3,).",
    ),
    "argmax of an empty array": (
        "argmax",
        "f32[0]",
        {"axes": (0,), "index_dtype": dtypes.int32},
        ValueError,
        "argmax: needs one axis of at least one element; got axes (0,) of an array"
        " of shape (0,).",
    ),
    "argmax with floating-point indices": (
        "argmax",
        "f32[3]",
        {"axes": (0,), "index_dtype": dtypes.float32},
        TypeError,
        "argmax: index_dtype must be an integer type; got float32.",
    ),
    "cumsum along an axis that does not exist": (
        "cumsum",
        "f32[3]",
        {"axis": 1, "reverse": False},
        ValueError,
        "cumsum: axis 1 is out of bounds for array of shape (3,); use 0 <= axis < 1.",
    ),
    "linear_recurrence of two shapes": (
        "linear_recurrence",
        "f32[3] f32[4]",
        {"axis": 0, "reverse": False},
        TypeError,
        "linear_recurrence: factors and terms must have one shape and dtype; got"
        " f32[3] and f32[4].",
    ),
    "dot_general of two sizes": (
        "dot_general",
        "f32[2,3] f32[4,5]",
        {
            "dimension_numbers": (((1,), (0,)), ((), ())),
            "precision": None,
            "preferred_element_type": None,
        },
        TypeError,
        "dot_general: requires contracting dimensions to have the same shape, got"
        " (3,) and (4,), dimensions (1,) of (2, 3) and (0,) of (4, 5).",
    ),
    "dot_general with unequal numbers of dimensions": (
        "dot_general",
        "f32[2,3] f32[3,5]",
        {
            "dimension_numbers": (((1,), ()), ((), ())),
            "precision": None,
            "preferred_element_type": None,
        },
        TypeError,
        "dot_general: requires equal numbers of contracting dimensions; got lhs"
        " (1,) and rhs ().",
    ),
    "dot_general with a dimension twice": (
        "dot_general",
        "f32[2,3] f32[2,3]",
        {
            "dimension_numbers": (((1, 1), (1, 1)), ((), ())),
            "precision": None,
            "preferred_element_type": None,
        },
        TypeError,
        "dot_general: lhs batch and contracting dimensions (1, 1) must be distinct"
        " dimensions of its shape (2, 3).",
    ),
    "dot_general of two dtypes": (
        "dot_general",
        "f32[3] i32[3]",
        {
            "dimension_numbers": (((0,), (0,)), ((), ())),
            "precision": None,
            "preferred_element_type": None,
        },
        TypeError,
        "dot_general: operands must have one dtype; got float32 and int32. Convert"
        " one with astype, or name a preferred_element_type.",
    ),
    "dot_general into a dtype that cannot hold it": (
        "dot_general",
        "c64[3] c64[3]",
        {
            "dimension_numbers": (((0,), (0,)), ((), ())),
            "precision": None,
            "preferred_element_type": dtypes.float32,
        },
        TypeError,
        "dot_general: preferred_element_type float32 cannot hold the product of"
        " operands of dtype complex64; choose a complex dtype.",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    name, operands, params, error, text = REFUSED[what]
    assert message(error, derive, name, operands, params) == text


def test_the_same_text_is_raised_eagerly_and_under_jit():
    x, y = as_array(np.ones(3)), as_array(np.ones(4))
    _, _, _, error, text = REFUSED["broadcasting"]
    add = registry["add"]
    assert message(error, add, x, y) == message(error, cr.jit(add), x, y) == text
    assert message(error, lambda: x + y) == text
    assert x.aval.str_short() == "f32[3]"
