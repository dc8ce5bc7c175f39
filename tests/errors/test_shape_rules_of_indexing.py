"""Messages of the shape rules: slices, indexing, windows, linear algebra and keys."""

import pytest

from chainrule.core import dtypes
from chainrule.ops.convolution import ConvDimensionNumbers
from chainrule.ops.windows import (
    GatherDimensionNumbers,
    GatherScatterMode,
    ScatterDimensionNumbers,
)

from .expecting import derive, message

REFUSED = {
    "slice with too few bounds": (
        "slice",
        "f32[3,2]",
        {"start_indices": (0,), "limit_indices": (2,), "strides": None},
        TypeError,
        "slice: start_indices (0,), limit_indices (2,) and strides (1, 1) need one"
        " entry per dimension of shape (3, 2).",
    ),
    "slice out of bounds": (
        "slice",
        "f32[3]",
        {"start_indices": (1,), "limit_indices": (4,), "strides": None},
        TypeError,
        "slice: bounds (1,) to (4,) by (1,) do not lie within shape (3,); use 0 <="
        " start <= limit <= size and strides of at least 1.",
    ),
    "pad with a value of another dtype": (
        "pad",
        "f32[3] i32[]",
        {"padding_config": ((1, 1, 0),)},
        TypeError,
        "pad: the padding value must be a scalar of dtype float32; got i32[].",
    ),
    "pad with too few paddings": (
        "pad",
        "f32[3,2] f32[]",
        {"padding_config": ((1, 1, 0),)},
        ValueError,
        "pad: padding_config ((1, 1, 0),) needs (low, high, interior) per"
        " dimension of shape (3, 2), with interior >= 0.",
    ),
    "pad that cuts too much": (
        "pad",
        "f32[3] f32[]",
        {"padding_config": ((-2, -2, 0),)},
        ValueError,
        "pad: padding_config ((-2, -2, 0),) cuts more than shape (3,) has.",
    ),
    "concatenate of nothing": (
        "concatenate",
        "",
        {"dimension": 0},
        ValueError,
        "concatenate: no operands; give at least one array.",
    ),
    "concatenate along a dimension that does not exist": (
        "concatenate",
        "f32[3] f32[3]",
        {"dimension": 1},
        TypeError,
        "concatenate: dimension 1 is out of bounds for operands of shape (3,); use"
        " 0 <= dimension < 1.",
    ),
    "concatenate of shapes that differ": (
        "concatenate",
        "f32[3,2] f32[3,4]",
        {"dimension": 0},
        TypeError,
        "concatenate: operands of shapes (3, 2), (3, 4) differ outside of"
        " dimension 0; all other sizes must be equal.",
    ),
    "concatenate of two dtypes": (
        "concatenate",
        "f32[3] i32[3]",
        {"dimension": 0},
        TypeError,
        "concatenate: operands must have one dtype; got float32 and int32. Convert"
        " one with astype.",
    ),
    "split along an axis that does not exist": (
        "split",
        "f32[3]",
        {"axis": 1, "sizes": (1, 2)},
        ValueError,
        "split: axis 1 is out of bounds for shape (3,); use 0 <= axis < 1.",
    ),
    "split into sizes that do not add up": (
        "split",
        "f32[3]",
        {"axis": 0, "sizes": (1, 1)},
        ValueError,
        "split: sizes (1, 1) must be non-negative and add up to 3, the size of"
        " axis 0 of shape (3,).",
    ),
    "squeeze of a dimension of size 3": (
        "squeeze",
        "f32[3,1]",
        {"dimensions": (0,)},
        ValueError,
        "squeeze: dimensions (0,) of shape (3, 1) must be distinct and have size 1.",
    ),
    "rev of a dimension twice": (
        "rev",
        "f32[3,1]",
        {"dimensions": (0, 0)},
        TypeError,
        "rev: dimensions (0, 0) must be distinct dimensions of shape (3, 1).",
    ),
    "tile with too few repetitions": (
        "tile",
        "f32[3,2]",
        {"reps": (2,)},
        TypeError,
        "tile: reps (2,) needs one non-negative number per dimension of shape (3, 2).",
    ),
    "iota along a dimension that does not exist": (
        "iota",
        "",
        {"dtype": dtypes.float32, "shape": (3,), "dimension": 1},
        ValueError,
        "iota: dimension 1 is out of bounds for shape (3,); use 0 <= dimension < 1.",
    ),
    "iota of booleans": (
        "iota",
        "",
        {"dtype": dtypes.bool_, "shape": (3,), "dimension": 0},
        TypeError,
        "iota: dtype bool does not count; use a numeric dtype.",
    ),
    "dynamic_slice with too few starts": (
        "dynamic_slice",
        "f32[3,2] i32[]",
        {"slice_sizes": (1, 1)},
        TypeError,
        "dynamic_slice: needs one start index per dimension of the operand, 2; got 1.",
    ),
    "dynamic_slice with a start that is no integer": (
        "dynamic_slice",
        "f32[3] f32[]",
        {"slice_sizes": (1,)},
        TypeError,
        "dynamic_slice: start indices must be integer scalars; got f32[].",
    ),
    "dynamic_slice larger than the operand": (
        "dynamic_slice",
        "f32[3] i32[]",
        {"slice_sizes": (4,)},
        TypeError,
        "dynamic_slice: slice_sizes (4,) must have one entry per dimension of"
        " shape (3,), none larger than the dimension.",
    ),
    "dynamic_update_slice of two dtypes": (
        "dynamic_update_slice",
        "f32[3] i32[2] i32[]",
        {},
        TypeError,
        "dynamic_update_slice: operand and update must have one dtype; got float32"
        " and int32. Convert one with astype.",
    ),
    "dynamic_update_slice that does not fit": (
        "dynamic_update_slice",
        "f32[3] f32[4] i32[]",
        {},
        TypeError,
        "dynamic_update_slice: an update of shape (4,) does not fit into shape"
        " (3,); it needs as many dimensions, none larger.",
    ),
    "gather with floating-point indices": (
        "gather",
        "f32[3,4] f32[2,1]",
        {
            "dimension_numbers": GatherDimensionNumbers((1,), (0,), (0,), (), ()),
            "slice_sizes": (1, 4),
            "indices_are_sorted": False,
            "unique_indices": False,
            "mode": GatherScatterMode.CLIP,
            "fill_value": None,
        },
        TypeError,
        "gather: indices must be integers; got dtype float32.",
    ),
    "gather with indices of too many components": (
        "gather",
        "f32[3,4] i32[2,2]",
        {
            "dimension_numbers": GatherDimensionNumbers((1,), (0,), (0,), (), ()),
            "slice_sizes": (1, 4),
            "indices_are_sorted": False,
            "unique_indices": False,
            "mode": GatherScatterMode.CLIP,
            "fill_value": None,
        },
        TypeError,
        "gather: the last dimension of the indices must have size 1, one per"
        " indexed operand dimension; got indices of shape (2, 2).",
    ),
    "gather with windows that are too large": (
        "gather",
        "f32[3,4] i32[2,1]",
        {
            "dimension_numbers": GatherDimensionNumbers((1,), (0,), (0,), (), ()),
            "slice_sizes": (1, 5),
            "indices_are_sorted": False,
            "unique_indices": False,
            "mode": GatherScatterMode.CLIP,
            "fill_value": None,
        },
        TypeError,
        "gather: slice_sizes (1, 5) must have one entry per dimension of the"
        " operand's shape (3, 4), none larger than the dimension.",
    ),
    "gather that drops a wide dimension": (
        "gather",
        "f32[3,4] i32[2,1]",
        {
            "dimension_numbers": GatherDimensionNumbers((1,), (0,), (0,), (), ()),
            "slice_sizes": (2, 4),
            "indices_are_sorted": False,
            "unique_indices": False,
            "mode": GatherScatterMode.CLIP,
            "fill_value": None,
        },
        TypeError,
        "gather: dimensions (0,) are dropped, so their slice_sizes must be 1; got"
        " (2, 4).",
    ),
    "gather with too few offset dimensions": (
        "gather",
        "f32[3,4] i32[2,1]",
        {
            "dimension_numbers": GatherDimensionNumbers((), (0,), (0,), (), ()),
            "slice_sizes": (1, 4),
            "indices_are_sorted": False,
            "unique_indices": False,
            "mode": GatherScatterMode.CLIP,
            "fill_value": None,
        },
        TypeError,
        "gather: offset_dims () must name 1 output dimensions, one per operand"
        " dimension that is not dropped.",
    ),
    "gather along a dimension twice": (
        "gather",
        "f32[3,4] i32[2,2]",
        {
            "dimension_numbers": GatherDimensionNumbers((1,), (0,), (0, 0), (), ()),
            "slice_sizes": (1, 4),
            "indices_are_sorted": False,
            "unique_indices": False,
            "mode": GatherScatterMode.CLIP,
            "fill_value": None,
        },
        TypeError,
        "gather: start_index_map (0, 0) must be distinct and in 0 <= dimension < 2.",
    ),
    "gather with batching dimensions that do not pair up": (
        "gather",
        "f32[3,4] i32[3,1]",
        {
            "dimension_numbers": GatherDimensionNumbers((), (1,), (1,), (0,), ()),
            "slice_sizes": (1, 1),
            "indices_are_sorted": False,
            "unique_indices": False,
            "mode": GatherScatterMode.CLIP,
            "fill_value": None,
        },
        TypeError,
        "gather: operand_batching_dims and start_indices_batching_dims must pair"
        " up; got (0,) and ().",
    ),
    "gather with batching dimensions of two sizes": (
        "gather",
        "f32[3,4] i32[2,1]",
        {
            "dimension_numbers": GatherDimensionNumbers((), (1,), (1,), (0,), (0,)),
            "slice_sizes": (1, 1),
            "indices_are_sorted": False,
            "unique_indices": False,
            "mode": GatherScatterMode.CLIP,
            "fill_value": None,
        },
        TypeError,
        "gather: batching dimensions 0 of the operand (3, 4) and 0 of the indices"
        " (2, 1) must have one size.",
    ),
    "scatter of two dtypes": (
        "scatter-add",
        "f32[3,4] i32[2,1] i32[2,4]",
        {
            "dimension_numbers": ScatterDimensionNumbers((1,), (0,), (0,), (), ()),
            "indices_are_sorted": False,
            "unique_indices": False,
            "mode": GatherScatterMode.CLIP,
        },
        TypeError,
        "scatter_add: operand and updates must have one dtype; got float32 and"
        " int32. Convert one with astype.",
    ),
    "scatter of updates that do not fit": (
        "scatter-add",
        "f32[3,4] i32[2,1] f32[3,4]",
        {
            "dimension_numbers": ScatterDimensionNumbers((1,), (0,), (0,), (), ()),
            "indices_are_sorted": False,
            "unique_indices": False,
            "mode": GatherScatterMode.CLIP,
        },
        TypeError,
        "scatter_add: updates of shape (3, 4) do not fit; besides the 1"
        " update_window_dims (1,) they must have the shape (2,) of the indices.",
    ),
    "scatter of windows that are too large": (
        "scatter-add",
        "f32[3,4] i32[2,1] f32[2,5]",
        {
            "dimension_numbers": ScatterDimensionNumbers((1,), (0,), (0,), (), ()),
            "indices_are_sorted": False,
            "unique_indices": False,
            "mode": GatherScatterMode.CLIP,
        },
        TypeError,
        "scatter_add: windows of shape (1, 5) are larger than the operand's shape"
        " (3, 4).",
    ),
    "sort of two shapes": (
        "sort",
        "f32[3] f32[4]",
        {"dimension": 0, "is_stable": True, "num_keys": 1},
        TypeError,
        "sort: operands must have one shape; got (3,), (4,).",
    ),
    "sort along a dimension that does not exist": (
        "sort",
        "f32[3]",
        {"dimension": 1, "is_stable": True, "num_keys": 1},
        ValueError,
        "sort: dimension 1 is out of bounds for shape (3,); use 0 <= dimension < 1.",
    ),
    "sort by more keys than there are operands": (
        "sort",
        "f32[3]",
        {"dimension": 0, "is_stable": True, "num_keys": 2},
        ValueError,
        "sort: num_keys 2 must be between 1 and the number of operands, 1.",
    ),
    "top_k of a scalar": (
        "top_k",
        "f32[]",
        {"k": 1, "axis": 0},
        ValueError,
        "top_k: axis 0 is out of bounds for an operand of shape (); it needs at"
        " least one dimension.",
    ),
    "top_k of more than there are": (
        "top_k",
        "f32[3]",
        {"k": 4, "axis": 0},
        ValueError,
        "top_k: k = 4 must be between 0 and 3, the size of axis 0 of shape (3,).",
    ),
    "top_k of complex numbers": (
        "top_k",
        "c64[3]",
        {"k": 1, "axis": 0},
        TypeError,
        "top_k: does not accept dtype complex64; it takes real numbers.",
    ),
    "a window with too many dimensions": (
        "reduce_window_sum",
        "f32[3]",
        {
            "window_dimensions": (2, 2),
            "window_strides": (1,),
            "padding": ((0, 0),),
            "base_dilation": (1,),
            "window_dilation": (1,),
        },
        TypeError,
        "reduce_window_sum: window_dimensions (2, 2) needs an entry for each"
        " dimension of shape (3,).",
    ),
    "an empty window": (
        "reduce_window_sum",
        "f32[3]",
        {
            "window_dimensions": (0,),
            "window_strides": (1,),
            "padding": ((0, 0),),
            "base_dilation": (1,),
            "window_dilation": (1,),
        },
        TypeError,
        "reduce_window_sum: window_dimensions (0,) must be at least 1.",
    ),
    "a window over booleans": (
        "reduce_window_sum",
        "bool[3]",
        {
            "window_dimensions": (2,),
            "window_strides": (1,),
            "padding": ((0, 0),),
            "base_dilation": (1,),
            "window_dilation": (1,),
        },
        TypeError,
        "reduce_window_sum: does not accept dtype bool.",
    ),
    "a convolution with a kernel of another rank": (
        "conv_general_dilated",
        "f32[1,2,5] f32[3,2]",
        {
            "window_strides": (1,),
            "padding": ((0, 0),),
            "lhs_dilation": (1,),
            "rhs_dilation": (1,),
            "dimension_numbers": ConvDimensionNumbers((0, 1, 2), (0, 1, 2), (0, 1, 2)),
            "feature_group_count": 1,
            "batch_group_count": 1,
            "precision": None,
            "preferred_element_type": None,
        },
        ValueError,
        "conv_general_dilated: operand and kernel must have one number of"
        " dimensions, at least 2; got shapes (1, 2, 5) and (3, 2).",
    ),
    "a convolution with too few strides": (
        "conv_general_dilated",
        "f32[1,2,5] f32[3,2,2]",
        {
            "window_strides": (),
            "padding": ((0, 0),),
            "lhs_dilation": (1,),
            "rhs_dilation": (1,),
            "dimension_numbers": ConvDimensionNumbers((0, 1, 2), (0, 1, 2), (0, 1, 2)),
            "feature_group_count": 1,
            "batch_group_count": 1,
            "precision": None,
            "preferred_element_type": None,
        },
        ValueError,
        "conv_general_dilated: window_strides () needs an entry for each of the 1"
        " spatial dimensions.",
    ),
    "a convolution with a stride of 0": (
        "conv_general_dilated",
        "f32[1,2,5] f32[3,2,2]",
        {
            "window_strides": (0,),
            "padding": ((0, 0),),
            "lhs_dilation": (1,),
            "rhs_dilation": (1,),
            "dimension_numbers": ConvDimensionNumbers((0, 1, 2), (0, 1, 2), (0, 1, 2)),
            "feature_group_count": 1,
            "batch_group_count": 1,
            "precision": None,
            "preferred_element_type": None,
        },
        ValueError,
        "conv_general_dilated: window_strides (0,) must be at least 1.",
    ),
    "a convolution with a kernel of other features": (
        "conv_general_dilated",
        "f32[1,2,5] f32[3,3,2]",
        {
            "window_strides": (1,),
            "padding": ((0, 0),),
            "lhs_dilation": (1,),
            "rhs_dilation": (1,),
            "dimension_numbers": ConvDimensionNumbers((0, 1, 2), (0, 1, 2), (0, 1, 2)),
            "feature_group_count": 1,
            "batch_group_count": 1,
            "precision": None,
            "preferred_element_type": None,
        },
        ValueError,
        "conv_general_dilated: the operand has 2 features in 1 groups, so the"
        " kernel must have 2 input features; it has 3.",
    ),
    "a convolution with dimension numbers that are no permutation": (
        "conv_general_dilated",
        "f32[1,2,5] f32[3,2,2]",
        {
            "window_strides": (1,),
            "padding": ((0, 0),),
            "lhs_dilation": (1,),
            "rhs_dilation": (1,),
            "dimension_numbers": ConvDimensionNumbers((0, 1, 1), (0, 1, 2), (0, 1, 2)),
            "feature_group_count": 1,
            "batch_group_count": 1,
            "precision": None,
            "preferred_element_type": None,
        },
        ValueError,
        "conv_general_dilated: dimension numbers (0, 1, 1) are no permutation of"
        " the dimensions of shape (1, 2, 5).",
    ),
    "a convolution in groups that do not divide": (
        "conv_general_dilated",
        "f32[1,2,5] f32[3,2,2]",
        {
            "window_strides": (1,),
            "padding": ((0, 0),),
            "lhs_dilation": (1,),
            "rhs_dilation": (1,),
            "dimension_numbers": ConvDimensionNumbers((0, 1, 2), (0, 1, 2), (0, 1, 2)),
            "feature_group_count": 3,
            "batch_group_count": 1,
            "precision": None,
            "preferred_element_type": None,
        },
        ValueError,
        "conv_general_dilated: feature_group_count 3 must divide 2 and 3, the"
        " sizes it splits (of shapes (1, 2, 5) and (3, 2, 2)).",
    ),
    "a convolution in 0 groups": (
        "conv_general_dilated",
        "f32[1,2,5] f32[3,2,2]",
        {
            "window_strides": (1,),
            "padding": ((0, 0),),
            "lhs_dilation": (1,),
            "rhs_dilation": (1,),
            "dimension_numbers": ConvDimensionNumbers((0, 1, 2), (0, 1, 2), (0, 1, 2)),
            "feature_group_count": 0,
            "batch_group_count": 1,
            "precision": None,
            "preferred_element_type": None,
        },
        ValueError,
        "conv_general_dilated: feature_group_count must be positive; got 0.",
    ),
    "a convolution in groups of both kinds": (
        "conv_general_dilated",
        "f32[2,2,5] f32[2,1,2]",
        {
            "window_strides": (1,),
            "padding": ((0, 0),),
            "lhs_dilation": (1,),
            "rhs_dilation": (1,),
            "dimension_numbers": ConvDimensionNumbers((0, 1, 2), (0, 1, 2), (0, 1, 2)),
            "feature_group_count": 2,
            "batch_group_count": 2,
            "precision": None,
            "preferred_element_type": None,
        },
        ValueError,
        "conv_general_dilated: at most one of feature_group_count 2 and"
        " batch_group_count 2 may exceed 1.",
    ),
    "cholesky of matrices that are not square": (
        "cholesky",
        "f32[3,2]",
        {},
        ValueError,
        "cholesky: the matrices must be square, of shape (..., n, n); got (3, 2).",
    ),
    "cholesky of a vector": (
        "cholesky",
        "f32[3]",
        {},
        TypeError,
        "cholesky: the operand must have rank at least 2, of shape (..., m, n);"
        " got shape (3,).",
    ),
    "cholesky of integers": (
        "cholesky",
        "i32[3,3]",
        {},
        TypeError,
        "cholesky: does not accept dtype int32; it takes float32, float64,"
        " complex64 and complex128 arrays.",
    ),
    "triangular_solve of shapes that do not fit": (
        "triangular_solve",
        "f32[3,3] f32[2,1]",
        {
            "left_side": True,
            "lower": True,
            "transpose_a": False,
            "conjugate_a": False,
            "unit_diagonal": False,
        },
        TypeError,
        "triangular_solve: a of shape (3, 3) and b of shape (2, 1) do not fit; b"
        " must be (..., n, k) with n = 3.",
    ),
    "triangular_solve of two dtypes": (
        "triangular_solve",
        "f32[3,3] f64[3,1]",
        {
            "left_side": True,
            "lower": True,
            "transpose_a": False,
            "conjugate_a": False,
            "unit_diagonal": False,
        },
        TypeError,
        "triangular_solve: operands must have one dtype; got float32 and float64."
        " Convert one with astype.",
    ),
    "triangular_solve of two batches": (
        "triangular_solve",
        "f32[2,3,3] f32[3,3,1]",
        {
            "left_side": True,
            "lower": True,
            "transpose_a": False,
            "conjugate_a": False,
            "unit_diagonal": False,
        },
        TypeError,
        "triangular_solve: operands must have equal batch dimensions; got shapes"
        " (2, 3, 3) and (3, 3, 1).",
    ),
    "linear_solve of shapes that do not fit": (
        "linear_solve",
        "f32[3,3] f32[2,1]",
        {},
        ValueError,
        "linear_solve: a of shape (3, 3) and b of shape (2, 1) do not fit; b must"
        " be (..., 3, k).",
    ),
    "tridiagonal_solve with diagonals of two shapes": (
        "tridiagonal_solve",
        "f32[3] f32[3] f32[2] f32[3,1]",
        {},
        TypeError,
        "_abstract() missing 1 required keyword-only argument: 'perturb_singular'",
    ),
    "sylvester of shapes that do not fit": (
        "sylvester",
        "f32[2,2] f32[3,3] f32[3,2]",
        {},
        ValueError,
        "sylvester: c must be (..., 2, 3) for a of shape (2, 2) and b of shape (3,"
        " 3); got (3, 2).",
    ),
    "lu_pivots_to_permutation of floats": (
        "lu_pivots_to_permutation",
        "f32[3]",
        {"permutation_size": 3},
        TypeError,
        "lu_pivots_to_permutation: pivots must be integers of shape (..., k); got"
        " f32[3].",
    ),
    "lu_pivots_to_permutation to too few": (
        "lu_pivots_to_permutation",
        "i32[3]",
        {"permutation_size": 2},
        ValueError,
        "lu_pivots_to_permutation: permutation_size 2 must be at least the number"
        " of pivots, 3.",
    ),
    "householder_product of wide matrices": (
        "householder_product",
        "f32[2,3] f32[2]",
        {},
        ValueError,
        "householder_product: needs matrices with at least as many rows as"
        " columns, and at most as many taus; got a of shape (2, 3) and taus of"
        " shape (2,).",
    ),
    "threefry2x32 of signed integers": (
        "threefry2x32",
        "i32[] i32[] i32[] i32[]",
        {},
        TypeError,
        "threefry2x32: keys and counters must be uint32; got i32[], i32[], i32[],"
        " i32[].",
    ),
    "random_bits of what are no keys": (
        "random_bits",
        "u32[2]",
        {"bit_width": 32, "shape": (2,)},
        TypeError,
        "random_bits: operates on typed keys; got u32[2]. Make one with"
        " random.key(seed), or wrap its words with random.wrap_key_data.",
    ),
    "random_seed of a float": (
        "random_seed",
        "f32[]",
        {"impl": "threefry2x32"},
        TypeError,
        "random_seed: the seed must be an integer; got f32[].",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    name, operands, params, error, text = REFUSED[what]
    assert message(error, derive, name, operands, params) == text
