"""Messages of chainrule.numpy: making, shaping and joining arrays."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import errors
from chainrule.core.avals import as_array

from .expecting import message

x = as_array(np.array([1.0, 2.0, 3.0], np.float32))
y = as_array(np.ones(4, np.float32))
y3 = as_array(np.ones((3, 1, 2), np.float32))
n = as_array(np.arange(3))
m = as_array(np.arange(6, dtype=np.float32).reshape(2, 3))

REFUSED = {
    "a number and a list": (
        lambda: cnp.add(x, [1, 2, 3]),
        TypeError,
        "add: requires ndarray or scalar arguments, got [1, 2, 3] of type list;"
        " make it an array with chainrule.numpy.asarray.",
    ),
    "a string in arithmetic": (
        lambda: cnp.multiply(x, "a"),
        TypeError,
        "multiply: requires ndarray or scalar arguments, got 'a' of type str; make"
        " it an array with chainrule.numpy.asarray.",
    ),
    "a list in a reduction": (
        lambda: cnp.sum([1, 2, 3]),
        TypeError,
        "sum: requires ndarray or scalar arguments, got [1, 2, 3] of type list;"
        " make it an array with chainrule.numpy.asarray.",
    ),
    "None as an operand": (
        lambda: cnp.sin(None),
        TypeError,
        "sin: requires ndarray or scalar arguments, got None of type NoneType;"
        " make it an array with chainrule.numpy.asarray.",
    ),
    "broadcasting": (
        lambda: cnp.add(x, y),
        TypeError,
        "add: incompatible shapes for broadcasting: (3,) and (4,); trailing"
        " dimensions must agree or be 1.",
    ),
    "broadcasting of a product": (
        lambda: m * y3,
        TypeError,
        "mul: incompatible shapes for broadcasting: (2, 3) and (3, 1, 2); trailing"
        " dimensions must agree or be 1.",
    ),
    "an array of None": (
        lambda: cnp.array(None),
        ValueError,
        "array: None is not a valid value; pass numbers or arrays.",
    ),
    "an array of strings": (
        lambda: cnp.array(["a"]),
        TypeError,
        "array: 'a' with dtype <U1 is not a valid array value; only boolean and"
        " numeric values are supported.",
    ),
    "an array in an order of memory": (
        lambda: cnp.array(m, order="F"),
        NotImplementedError,
        "array: order 'F' is not supported; arrays have no memory order, use 'K'.",
    ),
    "an integer that is too large": (
        lambda: cnp.array([2**40], dtype="int8"),
        OverflowError,
        "array: Python integer 1099511627776 out of bounds for int8; give a wider"
        " dtype (enable_x64 allows 64 bits).",
    ),
    "full of a value that does not broadcast": (
        lambda: cnp.full((2, 2), x),
        ValueError,
        "full: fill_value of shape (3,) does not broadcast to (2, 2).",
    ),
    "zeros of a negative size": (
        lambda: cnp.zeros((2, -1)),
        TypeError,
        "zeros: sizes must not be negative; got shape (2, -1).",
    ),
    "zeros of a size that is no integer": (
        lambda: cnp.zeros((2.5,)),
        TypeError,
        "zeros: shapes must be integers or sequences of concrete integers; got"
        " (2.5,).",
    ),
    "arange without a number": (
        lambda: cnp.arange(None),
        TypeError,
        "arange: start is None; pass a number.",
    ),
    "arange by steps of zero": (
        lambda: cnp.arange(0, 3, 0),
        ZeroDivisionError,
        "arange: step is 0; use another step.",
    ),
    "arange of complex numbers": (
        lambda: cnp.arange(3j),
        ValueError,
        "arange: bounds and step must be real numbers; got 3j.",
    ),
    "linspace of a negative number of points": (
        lambda: cnp.linspace(0, 1, -2),
        ValueError,
        "linspace: the number of samples must not be negative; got -2.",
    ),
    "meshgrid with an unknown indexing": (
        lambda: cnp.meshgrid(x, x, indexing="yx"),
        ValueError,
        "meshgrid: indexing must be 'xy' or 'ij'; got 'yx'.",
    ),
    "meshgrid of matrices": (
        lambda: cnp.meshgrid(m, m),
        ValueError,
        "meshgrid: takes 1-d arrays; got shapes (2, 3), (2, 3).",
    ),
    "reshape to another size": (
        lambda: x.reshape(2, 2),
        TypeError,
        "reshape: cannot reshape array of shape (3,) (size 3) into shape (2, 2);"
        " the sizes must agree.",
    ),
    "reshape with two unknown sizes": (
        lambda: cnp.reshape(x, (-1, -1)),
        TypeError,
        "reshape: shape (-1, -1) must have non-negative sizes and at most one -1,"
        " which stands for the size that remains.",
    ),
    "reshape in an unknown order": (
        lambda: cnp.reshape(x, (3, 1), order="A"),
        NotImplementedError,
        "reshape: order 'A' is not supported; use 'C' or 'F'.",
    ),
    "transpose by too few axes": (
        lambda: cnp.transpose(m, (0,)),
        TypeError,
        "transpose: axes (0,) must name each of the 2 axes of an array of shape"
        " (2, 3).",
    ),
    "an axis out of bounds": (
        lambda: cnp.sum(x, axis=1),
        ValueError,
        "sum: axis 1 is out of bounds for array of dimension 1; use -1 <= axis < 1.",
    ),
    "an axis twice": (
        lambda: cnp.sum(m, axis=(0, 0)),
        ValueError,
        "sum: duplicate value in 'axis': (0, 0).",
    ),
    "an axis out of bounds of a method": (
        lambda: m.max(axis=-3),
        ValueError,
        "max: axis -3 is out of bounds for array of dimension 2; use -2 <= axis <"
        " 2.",
    ),
    "moveaxis of unequal numbers": (
        lambda: cnp.moveaxis(m, (0, 1), (0,)),
        ValueError,
        "moveaxis: source (0, 1) and destination (0,) must name equally many axes.",
    ),
    "squeeze of a dimension of size 3": (
        lambda: cnp.squeeze(x, 0),
        ValueError,
        "squeeze: axis 0 of shape (3,) does not have size 1.",
    ),
    "expand_dims twice at one place": (
        lambda: cnp.expand_dims(x, (0, 0)),
        ValueError,
        "expand_dims: axis (0, 0) names an axis twice.",
    ),
    "broadcast_to another size": (
        lambda: cnp.broadcast_to(x, (2, 4)),
        ValueError,
        "broadcast_to: an array of shape (3,) does not broadcast to (2, 4);"
        " trailing sizes must be equal or 1.",
    ),
    "broadcast_arrays that do not": (
        lambda: cnp.broadcast_arrays(x, y),
        ValueError,
        "broadcast_shapes: incompatible shapes for broadcasting: (3,) and (4,);"
        " trailing dimensions must agree or be 1.",
    ),
    "rot90 in one axis": (
        lambda: cnp.rot90(m, axes=(0, 0)),
        ValueError,
        "rot90: axis (0, 0) names an axis twice.",
    ),
    "concatenate of nothing": (
        lambda: cnp.concatenate([]),
        ValueError,
        "concatenate: needs at least one array; got none.",
    ),
    "concatenate of numbers": (
        lambda: cnp.concatenate([1.0, 2.0]),
        ValueError,
        "concatenate: numbers have no axis to join along; use stack.",
    ),
    "concatenate of one array": (
        lambda: cnp.concatenate(1.0),
        TypeError,
        "concatenate: needs a sequence of arrays; got float.",
    ),
    "concatenate of shapes that differ": (
        lambda: cnp.concatenate([m, x[None, :2]]),
        ValueError,
        "concatenate: arrays of shapes (2, 3), (1, 2) cannot be joined along axis"
        " 0; all other sizes must be equal.",
    ),
    "stack of shapes that differ": (
        lambda: cnp.stack([x, y]),
        ValueError,
        "stack: all arrays must have the same shape; got (3,), (4,).",
    ),
    "split into unequal parts": (
        lambda: cnp.split(y, 3),
        ValueError,
        "split: axis 0 of size 4 cannot be split into 3 equal parts; use"
        " array_split for unequal ones.",
    ),
    "split into no parts": (
        lambda: cnp.split(x, 0),
        ValueError,
        "split: the number of parts must be positive; got 0.",
    ),
    "tile a negative number of times": (
        lambda: cnp.tile(x, -1),
        ValueError,
        "tile: reps must not be negative; got -1.",
    ),
    "repeat a negative number of times": (
        lambda: cnp.repeat(x, -1),
        ValueError,
        "repeat: repeats must be non-negative integers in at most one dimension;"
        " got -1.",
    ),
    "repeat by too few numbers": (
        lambda: cnp.repeat(x, cnp.array([1, 2])),
        ValueError,
        "repeat: repeats of size 2 must have one entry for each of the 3 elements"
        " along axis 0.",
    ),
    "repeat by traced numbers": (
        lambda: cr.jit(lambda n: cnp.repeat(x, n))(2),
        errors.ConcretizationTypeError,
        "repeat: repeats is the traced array i32[] (argument n of <lambda>), and"
        " the result's shape depends on its value; give total_repeat_length.",
    ),
    "roll by too many shifts": (
        lambda: cnp.roll(m, (1, 2, 3), axis=(0, 1)),
        ValueError,
        "roll: shift (1, 2, 3) and axis (0, 1) must have equally many entries.",
    ),
    "delete out of bounds": (
        lambda: cnp.delete(x, 5),
        IndexError,
        "delete: index 5 is out of bounds for axis 0 of size 3.",
    ),
    "insert out of bounds": (
        lambda: cnp.insert(x, 7, 0.0),
        IndexError,
        "insert: index 7 is out of bounds for axis 0 of size 3; use integers from"
        " -3 to 3.",
    ),
    "pad by too many widths": (
        lambda: cnp.pad(x, ((1, 1), (1, 1))),
        ValueError,
        "pad: pad_width ((1, 1), (1, 1)) does not fit 1 axes; give a number, a"
        " pair (before, after), or a pair per axis.",
    ),
    "pad by a negative width": (
        lambda: cnp.pad(x, -1),
        ValueError,
        "pad: pad_width must not be negative; got -1.",
    ),
    "pad in an unknown mode": (
        lambda: cnp.pad(x, 1, mode="mirror"),
        NotImplementedError,
        "pad: mode 'mirror' is not one of constant, edge, empty, linear_ramp,"
        " maximum, mean, median, minimum, reflect, symmetric, wrap or a function.",
    ),
    "pad with an option of another mode": (
        lambda: cnp.pad(x, 1, mode="edge", constant_values=3),
        ValueError,
        "pad: mode 'edge' takes no option constant_values.",
    ),
    "pad of an empty array by reflection": (
        lambda: cnp.pad(x[:0], 1, mode="reflect"),
        ValueError,
        "pad: axis 0 of shape (0,) is empty; mode 'reflect' cannot extend it, use"
        " 'constant'.",
    ),
    "diag of a cube": (
        lambda: cnp.diag(cnp.ones((2, 2, 2))),
        ValueError,
        "diag: takes one or two dimensions; got shape (2, 2, 2).",
    ),
    "diagonal of a vector": (
        lambda: cnp.diagonal(x),
        ValueError,
        "diagonal: needs at least two dimensions; got shape (3,).",
    ),
    "tril of a vector": (
        lambda: cnp.tril(x),
        ValueError,
        "tril: needs at least two dimensions; got shape (3,).",
    ),
    "fill_diagonal in place": (
        lambda: cnp.fill_diagonal(m, 0),
        NotImplementedError,
        "fill_diagonal: arrays are immutable; pass inplace=False and use the"
        " result.",
    ),
    "vander of a matrix": (
        lambda: cnp.vander(m),
        ValueError,
        "vander: takes a 1-d array; got shape (2, 3).",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    call, error, text = REFUSED[what]
    assert message(error, call) == text
