"""The interpreter of scalar expressions: each operation does what `expr` says of it."""

import numpy as np
import pytest

from chainrule.compiler.expr import (
    bitcast,
    compare,
    const,
    convert,
    fma,
    maximum,
    minimum,
    node,
    rare,
    select,
    unary,
)
from chainrule.compiler.interpret import interpret


def leaf(type, name="x"):
    return node("var", type, (), name)


def of(function, type, values):
    x = leaf(type)
    return interpret(function(x), {x: np.array(values)}).tolist()


def test_integers_wrap():
    assert of(lambda x: x + 1, "i8", [127, -1]) == [-128, 0]
    assert of(lambda x: x * x, "u8", [16, 255]) == [0, 1]
    assert of(lambda x: -x, "u16", [1]) == [65535]


def test_integer_division_truncates_and_divides_by_one_where_it_cannot():
    assert of(lambda x: x / 2, "i32", [-7, 7]) == [-3, 3]
    assert of(lambda x: const(-128, "i8") / x, "i8", [-1, 0, 2]) == [-128, -128, -64]
    assert of(lambda x: node("rem", "i32", (const(-7, "i32"), x)), "i32", [2, 0]) == [
        -1,
        0,
    ]


def test_shifts_are_arithmetic_for_signed_types_and_modulo_the_width():
    assert of(lambda x: x >> 1, "i8", [-4]) == [-2]
    assert of(lambda x: x >> 1, "u8", [252]) == [126]
    assert of(lambda x: const(1, "u32") << x, "u32", [31, 32, 33]) == [2**31, 1, 2]


@pytest.mark.parametrize("type", ["u8", "i16", "u32", "i64"])
def test_counts_of_bits(type):
    width = int(type[1:])
    assert of(lambda x: unary("clz", x), type, [0, 1, 100]) == [
        width,
        width - 1,
        width - 7,
    ]
    assert of(lambda x: unary("popcount", x), type, [0, 1, 100]) == [0, 1, 3]


def test_minimum_and_maximum_order_zeros_and_keep_nan():
    x, y = leaf("f32"), leaf("f32", "y")
    values = {x: np.array([0.0, -0.0, np.nan, 1]), y: np.array([-0.0, 0.0, 1, np.nan])}
    low, high = interpret(minimum(x, y), values), interpret(maximum(x, y), values)
    assert np.signbit(low[:2]).all() and not np.signbit(high[:2]).any()
    assert np.isnan(low[2:]).all() and np.isnan(high[2:]).all()


def test_conversion_to_integers_saturates():
    huge = [1e30, -1e30, np.nan, -1.9, 2.5]
    assert of(lambda x: convert(x, "i32"), "f32", huge) == [
        2**31 - 1,
        -(2**31),
        0,
        -1,
        2,
    ]
    assert of(lambda x: convert(x, "u8"), "f64", huge) == [255, 0, 0, 0, 2]
    assert of(lambda x: convert(x, "i64"), "f64", [2.0**63]) == [2**63 - 1]


def test_conversion_to_bool_is_whether_not_zero():
    assert of(lambda x: convert(x, "bool"), "f32", [0.0, -0.0, 0.5, np.nan]) == [
        False, False, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize("type", ["f32", "f64"])
def test_fma_rounds_once(type):
    eps = float(np.finfo({"f32": np.float32, "f64": np.float64}[type]).eps)
    assert of(lambda x: fma(x, 2.0 - x, -1.0), type, [1 + eps]) == [-eps * eps]


def test_bitcast_keeps_bits():
    assert of(lambda x: bitcast(x, "u32"), "f32", [1.0, -0.0]) == [
        0x3F800000,
        0x80000000,
    ]
    assert of(lambda x: bitcast(x, "f64"), "i64", [0x3FF << 52]) == [1.0]


def test_comparisons_with_nan():
    assert of(lambda x: x.eq(x), "f64", [1.0, np.nan]) == [True, False]
    assert of(lambda x: x.ne(x), "f64", [1.0, np.nan]) == [False, True]
    assert of(lambda x: compare("lt", x, 2.0), "f64", [1.0, np.nan]) == [True, False]


def test_select_and_rare_choose():
    for choose in (select, rare):
        assert of(lambda x, c=choose: c(x > 0, x, 7), "i32", [3, -3]) == [3, 7]


def test_shared_nodes_are_computed_once():
    x = leaf("f64")
    for _ in range(200):
        x = x + x  # 2**200 paths
    assert interpret(x, {leaf("f64"): np.array(1.0)}) == 2.0**200


def test_a_leaf_without_a_value_is_named():
    with pytest.raises(ValueError, match="interpret: 'var' of type f32 is a leaf"):
        interpret(leaf("f32"), {})
