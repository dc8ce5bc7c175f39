"""Messages of chainrule.lax, whose functions are strict about shapes and dtypes."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.core.avals import as_array

from .expecting import message

x = as_array(np.array([1.0, 2.0, 3.0], np.float32))
y = as_array(np.ones(4, np.float32))
z = as_array(np.ones(3, np.complex64))
n = as_array(np.arange(3))
m = as_array(np.arange(6, dtype=np.float32).reshape(2, 3))
image = as_array(np.ones((1, 1, 5), np.float32))

REFUSED = {
    "add of two dtypes": (
        lambda: lax.add(x, n),
        TypeError,
        "add: operands must have one dtype; got float32 and int32. Convert one"
        " with astype, or use the function of chainrule.numpy, which promotes.",
    ),
    "add of two shapes": (
        lambda: lax.add(x, y),
        TypeError,
        "add: incompatible shapes for broadcasting: (3,) and (4,); trailing"
        " dimensions must agree or be 1.",
    ),
    "add of a number that does not fit": (
        lambda: lax.add(n, 1.5),
        TypeError,
        "add: operands must have one dtype; got int32 and the number 1.5. Write it"
        " as a int32 number, or use the function of chainrule.numpy, which promotes.",
    ),
    "add of a list": (
        lambda: lax.add(x, [1.0, 2.0, 3.0]),
        TypeError,
        "add: [1.0, 2.0, 3.0] of type list is not a valid array type; pass an"
        " array or a number.",
    ),
    "sin of integers": (
        lambda: lax.sin(n),
        TypeError,
        "sin: does not accept dtype int32; it takes floating-point, complex arrays.",
    ),
    "select_n by another shape": (
        lambda: lax.select_n(cnp.ones(2, bool), x, x),
        TypeError,
        "select_n: `which` must be a scalar or have the cases' shape (3,); got"
        " (2,).",
    ),
    "select_n of two shapes": (
        lambda: lax.select_n(True, x, y),
        TypeError,
        "select_n: cases must have one shape; got [(3,), (4,)]; broadcast them.",
    ),
    "clamp by another shape": (
        lambda: lax.clamp(y, x, 1.0),
        TypeError,
        "clamp: min must be a scalar or have the operand's shape (3,); got shape"
        " (4,).",
    ),
    "reduce_precision to no bits": (
        lambda: lax.reduce_precision(x, 0, 3),
        ValueError,
        "reduce_precision: needs exponent_bits >= 1 and mantissa_bits >= 0; got 0"
        " and 3.",
    ),
    "an accuracy that is none": (
        lambda: lax.exp(x, accuracy="high"),
        TypeError,
        "exp: accuracy must be an AccuracyMode or a Tolerance; got 'high'.",
    ),
    "broadcast_in_dim in decreasing order": (
        lambda: lax.broadcast_in_dim(m, (3, 2), (1, 0)),
        TypeError,
        "broadcast_in_dim: broadcast_dimensions (1, 0) must be increasing.",
    ),
    "collapse backwards": (
        lambda: lax.collapse(m, 2, 1),
        ValueError,
        "collapse: start_dimension 2 lies behind stop_dimension 1 for shape (2, 3).",
    ),
    "expand_dims twice at one place": (
        lambda: lax.expand_dims(x, (0, 0)),
        ValueError,
        "expand_dims: dimensions (0, 0) name one axis twice.",
    ),
    "concatenate of nothing": (
        lambda: lax.concatenate([], 0),
        ValueError,
        "concatenate: no operands; give at least one array.",
    ),
    "concatenate of two dtypes": (
        lambda: lax.concatenate([x, n], 0),
        TypeError,
        "concatenate: operands must have one dtype; got float32 and int32. Convert"
        " one with astype.",
    ),
    "full of an array": (
        lambda: lax.full((2,), x),
        TypeError,
        "full: fill_value must be a scalar; got shape (3,). Use broadcast_in_dim"
        " for arrays.",
    ),
    "reshape to another size": (
        lambda: lax.reshape(x, (2,)),
        TypeError,
        "reshape: cannot reshape array of shape (3,) (size 3) into shape (2,)"
        " (size 2); the sizes must agree.",
    ),
    "slice out of bounds": (
        lambda: lax.slice(x, (0,), (5,)),
        TypeError,
        "slice: bounds (0,) to (5,) by (1,) do not lie within shape (3,); use 0 <="
        " start <= limit <= size and strides of at least 1.",
    ),
    "slice_in_dim out of bounds": (
        lambda: lax.slice_in_dim(x, -7, 2),
        TypeError,
        "slice_in_dim: -7:2:1 does not lie within axis 0 of shape (3,); indices go"
        " from -3 to 3.",
    ),
    "index_in_dim out of bounds": (
        lambda: lax.index_in_dim(x, 5),
        IndexError,
        "index_in_dim: index 5 is out of bounds for axis 0 with size 3; use -3 <="
        " index < 3.",
    ),
    "dynamic_slice from a float": (
        lambda: lax.dynamic_slice(x, (1.5,), (2,)),
        TypeError,
        "dynamic_slice: start indices must be integer scalars; got f32[].",
    ),
    "dynamic_slice with too few starts": (
        lambda: lax.dynamic_slice(m, (0,), (1, 1)),
        ValueError,
        "dynamic_slice: needs one start index per dimension of shape (2, 3); got 1.",
    ),
    "dynamic_slice from a matrix of starts": (
        lambda: lax.dynamic_slice(x, cnp.zeros((1, 1), int), (2,)),
        ValueError,
        "dynamic_slice: start_indices must be a sequence of scalars or a 1-d"
        " array; got shape (1, 1).",
    ),
    "dynamic_update_slice that is too large": (
        lambda: lax.dynamic_update_slice(x, y, (0,)),
        TypeError,
        "dynamic_update_slice: an update of shape (4,) does not fit into shape"
        " (3,); it needs as many dimensions, none larger.",
    ),
    "pad with an integer": (
        lambda: lax.pad(x, 0, ((1, 1, 0),)),
        TypeError,
        "pad: the padding value 0 is an integer, the operand has dtype float32;"
        " pass a float.",
    ),
    "gather in an unknown mode": (
        lambda: lax.GatherScatterMode.from_any("mirror"),
        ValueError,
        "mode: 'mirror' is none; use 'clip', 'fill', 'drop' or 'promise_in_bounds'.",
    ),
    "reduce_sum over an axis twice": (
        lambda: lax.reduce_sum(m, (0, 0)),
        ValueError,
        "reduce_sum: duplicate value in 'axes': (0, 0).",
    ),
    "reduce_sum out of bounds": (
        lambda: lax.reduce_sum(x, (1,)),
        ValueError,
        "reduce_sum: axes (1,) are out of bounds for an operand of shape (3,); use"
        " 0 <= axis < 1.",
    ),
    "reduce_sum of booleans": (
        lambda: lax.reduce_sum(x > 0, (0,)),
        TypeError,
        "reduce_sum: does not accept dtype bool; convert with astype.",
    ),
    "argmax along an axis that does not exist": (
        lambda: lax.argmax(x, 1, "int32"),
        ValueError,
        "argmax: axis 1 is invalid for an operand of shape (3,); use 0 <= axis < 1.",
    ),
    "cumsum along an axis that does not exist": (
        lambda: lax.cumsum(x, 1),
        ValueError,
        "cumsum: axis 1 is out of bounds for array of shape (3,); use 0 <= axis <"
        " 1.",
    ),
    "reduce from an array": (
        lambda: lax.reduce(x, x, lax.add, (0,)),
        ValueError,
        "reduce: init_values must be scalars; got shape (3,).",
    ),
    "reduce by a function of another dtype": (
        lambda: lax.reduce(x, 0.0, lambda a, b: a > b, (0,)),
        TypeError,
        "reduce: the computation must return scalars of the dtype of the initial"
        " values, float32; got bool[].",
    ),
    "dot of shapes that do not fit": (
        lambda: lax.dot(m, y),
        ValueError,
        "dot: shapes (2, 3) and (4,) are no matrix or vector product; give"
        " dimension_numbers.",
    ),
    "dot_general of sizes that differ": (
        lambda: lax.dot_general(m, m, (((1,), (0,)), ((), ()))),
        TypeError,
        "dot_general: requires contracting dimensions to have the same shape, got"
        " (3,) and (2,), dimensions (1,) of (2, 3) and (0,) of (2, 3).",
    ),
    "batch_matmul of two ranks": (
        lambda: lax.batch_matmul(m, x),
        ValueError,
        "batch_matmul: operands must have one number of dimensions, at least 2;"
        " got shapes (2, 3) and (3,).",
    ),
    "a precision that is none": (
        lambda: lax.dot(x, x, precision="best"),
        ValueError,
        "dot_general: precision 'best' is not understood; use None, one of"
        " 'default', 'fastest', 'bfloat16', 'high', 'bfloat16_3x', 'tensorfloat32',"
        " 'highest', 'float32', a lax.Precision, a pair of these, a"
        " lax.DotAlgorithm, or a lax.DotAlgorithmPreset or its name.",
    ),
    "convolution of two dtypes": (
        lambda: lax.conv(cnp.ones((1, 1, 5)), cnp.ones((1, 1, 2), int), (1,), "SAME"),
        TypeError,
        "conv_general_dilated: operand and kernel must have one dtype; got float32"
        " and int32. Convert one with astype.",
    ),
    "convolution with an unknown padding": (
        lambda: lax.conv(image, image, (1,), "FULL"),
        RuntimeError,
        "padding: unrecognized padding type 'FULL'; use 'VALID', 'SAME',"
        " 'SAME_LOWER' or a (low, high) pair for each dimension.",
    ),
    "convolution with too many strides": (
        lambda: lax.conv(image, image, (1, 1), "SAME"),
        ValueError,
        "conv_general_dilated: window_strides (1, 1) needs an entry for each of"
        " the 1 spatial dimensions.",
    ),
    "reduce_window with too many dimensions": (
        lambda: lax.reduce_window(x, 0.0, lax.add, (2, 2), (1,), "VALID"),
        TypeError,
        "reduce_window: window_dimensions (2, 2) needs an entry for each dimension"
        " of shape (3,).",
    ),
    "sort of nothing": (
        lambda: lax.sort(()),
        TypeError,
        "sort: no operands; give at least one array.",
    ),
    "sort along an axis that does not exist": (
        lambda: lax.sort(x, dimension=1),
        ValueError,
        "sort: axis 1 is out of bounds for array of dimension 1; use -1 <= axis <"
        " 1.",
    ),
    "top_k of too many": (
        lambda: lax.top_k(x, 5),
        ValueError,
        "top_k: k = 5 must be between 0 and 3, the size of axis 0 of shape (3,).",
    ),
    "psum of an unbound axis": (
        lambda: lax.psum(x, "i"),
        NameError,
        "unbound axis name: 'i'; the axes bound here are none. Bind one with"
        " vmap(..., axis_name=...) or pmap.",
    ),
    "ppermute with a destination twice": (
        lambda: cr.vmap(lambda v: lax.ppermute(v, "i", [(0, 1), (1, 1)]), axis_name="i")(x),
        ValueError,
        "ppermute: perm [(0, 1), (1, 1)] must name each source and each"
        " destination at most once, all of 0 <= member < 3.",
    ),
    "groups that miss a member": (
        lambda: cr.vmap(lambda v: lax.psum(v, "i", axis_index_groups=[[0, 1]]), axis_name="i")(x),
        ValueError,
        "psum: axis_index_groups [[0, 1]] must name each of the 3 members of axis"
        " 'i' once.",
    ),
    "all_to_all of a size that does not fit": (
        lambda: cr.vmap(lambda v: lax.all_to_all(v, "i", 0, 0), axis_name="i")(m),
        ValueError,
        "all_to_all: dimension 0 of shape (3,) must equal the size 2 of the axis"
        " (or of its groups).",
    ),
    "cholesky of a matrix that is not square": (
        lambda: lax.linalg.cholesky(m),
        ValueError,
        "cholesky: the matrices must be square, of shape (..., n, n); got (2, 3).",
    ),
    "fft of an unknown type": (
        lambda: lax.fft(z, "DFT", (3,)),
        ValueError,
        "fft: Unknown FFT type 'DFT'; use one of FFT, IFFT, RFFT, IRFFT.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    call, error, text = REFUSED[what]
    assert message(error, call) == text
