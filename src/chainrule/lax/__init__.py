"""lax: the primitives as functions. Strict: one dtype, explicit sizes, no promotion.

`chainrule.numpy` stands on these operations and is what programs mostly use; here are
control flow, general gathers, windows and collectives, which NumPy does not have.
"""

# --- elementwise functions -----------------------------------------------------------
# --- Fourier transforms; linear algebra, loaded at its first use ---------------------
import importlib as _importlib
from typing import Any as _Any

# --- contractions, convolution, reductions, windows, collectives ---------------------
from .collectives import all_gather as all_gather
from .collectives import all_to_all as all_to_all
from .collectives import axis_index as axis_index
from .collectives import axis_size as axis_size
from .collectives import pbroadcast as pbroadcast
from .collectives import pmax as pmax
from .collectives import pmean as pmean
from .collectives import pmin as pmin
from .collectives import ppermute as ppermute
from .collectives import pshuffle as pshuffle
from .collectives import psum as psum
from .collectives import psum_scatter as psum_scatter
from .collectives import pswapaxes as pswapaxes
from .contractions import DotAlgorithm as DotAlgorithm
from .contractions import DotAlgorithmPreset as DotAlgorithmPreset
from .contractions import DotDimensionNumbers as DotDimensionNumbers
from .contractions import Precision as Precision
from .contractions import PrecisionLike as PrecisionLike
from .contractions import batch_matmul as batch_matmul
from .contractions import dot as dot
from .contractions import dot_general as dot_general
from .control_flow import cond as cond
from .control_flow import fori_loop as fori_loop
from .control_flow import switch as switch
from .control_flow import while_loop as while_loop
from .convolution import ConvDimensionNumbers as ConvDimensionNumbers
from .convolution import (
    ConvGeneralDilatedDimensionNumbers as ConvGeneralDilatedDimensionNumbers,
)
from .convolution import conv as conv
from .convolution import conv_dimension_numbers as conv_dimension_numbers
from .convolution import conv_general_dilated as conv_general_dilated
from .convolution import conv_general_permutations as conv_general_permutations
from .convolution import conv_general_shape_tuple as conv_general_shape_tuple
from .convolution import conv_shape_tuple as conv_shape_tuple
from .convolution import conv_transpose as conv_transpose
from .convolution import conv_transpose_shape_tuple as conv_transpose_shape_tuple
from .convolution import conv_with_general_padding as conv_with_general_padding
from .convolution import padtype_to_pads as padtype_to_pads
from .convolution_forms import conv_general_dilated_local as conv_general_dilated_local
from .convolution_forms import (
    conv_general_dilated_patches as conv_general_dilated_patches,
)
from .elementwise import AccuracyMode as AccuracyMode
from .elementwise import RoundingMethod as RoundingMethod
from .elementwise import Tolerance as Tolerance
from .elementwise import abs as abs
from .elementwise import acos as acos
from .elementwise import acosh as acosh
from .elementwise import add as add
from .elementwise import asin as asin
from .elementwise import asinh as asinh
from .elementwise import atan as atan
from .elementwise import atan2 as atan2
from .elementwise import atanh as atanh
from .elementwise import bessel_i0e as bessel_i0e
from .elementwise import bessel_i1e as bessel_i1e
from .elementwise import betainc as betainc
from .elementwise import bitcast_convert_type as bitcast_convert_type
from .elementwise import bitwise_and as bitwise_and
from .elementwise import bitwise_not as bitwise_not
from .elementwise import bitwise_or as bitwise_or
from .elementwise import bitwise_xor as bitwise_xor
from .elementwise import cbrt as cbrt
from .elementwise import ceil as ceil
from .elementwise import clamp as clamp
from .elementwise import clz as clz
from .elementwise import complex as complex
from .elementwise import conj as conj
from .elementwise import convert_element_type as convert_element_type
from .elementwise import cos as cos
from .elementwise import cosh as cosh
from .elementwise import digamma as digamma
from .elementwise import div as div
from .elementwise import eq as eq
from .elementwise import erf as erf
from .elementwise import erf_inv as erf_inv
from .elementwise import erfc as erfc
from .elementwise import exp as exp
from .elementwise import exp2 as exp2
from .elementwise import expm1 as expm1
from .elementwise import floor as floor
from .elementwise import ge as ge
from .elementwise import gt as gt
from .elementwise import igamma as igamma
from .elementwise import igamma_grad_a as igamma_grad_a
from .elementwise import igammac as igammac
from .elementwise import imag as imag
from .elementwise import integer_pow as integer_pow
from .elementwise import is_finite as is_finite
from .elementwise import le as le
from .elementwise import lgamma as lgamma
from .elementwise import log as log
from .elementwise import log1p as log1p
from .elementwise import logistic as logistic
from .elementwise import lt as lt
from .elementwise import max as max
from .elementwise import min as min
from .elementwise import mul as mul
from .elementwise import mulhi as mulhi
from .elementwise import ne as ne
from .elementwise import neg as neg
from .elementwise import nextafter as nextafter
from .elementwise import optimization_barrier as optimization_barrier
from .elementwise import polygamma as polygamma
from .elementwise import population_count as population_count
from .elementwise import pow as pow
from .elementwise import random_gamma_grad as random_gamma_grad
from .elementwise import real as real
from .elementwise import reciprocal as reciprocal
from .elementwise import reduce_precision as reduce_precision
from .elementwise import rem as rem
from .elementwise import round as round
from .elementwise import rsqrt as rsqrt
from .elementwise import select as select
from .elementwise import select_n as select_n
from .elementwise import shift_left as shift_left
from .elementwise import shift_right_arithmetic as shift_right_arithmetic
from .elementwise import shift_right_logical as shift_right_logical
from .elementwise import sign as sign
from .elementwise import sin as sin
from .elementwise import sinh as sinh
from .elementwise import sqrt as sqrt
from .elementwise import square as square
from .elementwise import stop_gradient as stop_gradient
from .elementwise import sub as sub
from .elementwise import tan as tan
from .elementwise import tanh as tanh
from .elementwise import zeta as zeta
from .fft import FftType as FftType
from .fft import fft as fft

# --- shapes, indexing, sorting -------------------------------------------------------
from .implicit import custom_linear_solve as custom_linear_solve
from .implicit import custom_root as custom_root
from .indexing import GatherDimensionNumbers as GatherDimensionNumbers
from .indexing import GatherScatterMode as GatherScatterMode
from .indexing import ScatterDimensionNumbers as ScatterDimensionNumbers
from .indexing import gather as gather
from .indexing import index_take as index_take
from .indexing import scatter as scatter
from .indexing import scatter_add as scatter_add
from .indexing import scatter_apply as scatter_apply
from .indexing import scatter_max as scatter_max
from .indexing import scatter_min as scatter_min
from .indexing import scatter_mul as scatter_mul
from .indexing import scatter_sub as scatter_sub
from .ragged import RaggedDotDimensionNumbers as RaggedDotDimensionNumbers
from .ragged import ragged_dot as ragged_dot
from .ragged import ragged_dot_general as ragged_dot_general
from .ragged import scaled_dot as scaled_dot
from .reductions import argmax as argmax
from .reductions import argmin as argmin
from .reductions import cumlogsumexp as cumlogsumexp
from .reductions import cummax as cummax
from .reductions import cummin as cummin
from .reductions import cumprod as cumprod
from .reductions import cumsum as cumsum
from .reductions import reduce as reduce
from .reductions import reduce_and as reduce_and
from .reductions import reduce_max as reduce_max
from .reductions import reduce_min as reduce_min
from .reductions import reduce_or as reduce_or
from .reductions import reduce_prod as reduce_prod
from .reductions import reduce_sum as reduce_sum
from .reductions import reduce_xor as reduce_xor
from .scanning import associative_scan as associative_scan
from .scanning import map as map
from .scanning import scan as scan
from .shaping import broadcast as broadcast
from .shaping import broadcast_in_dim as broadcast_in_dim
from .shaping import broadcast_like as broadcast_like
from .shaping import broadcast_shapes as broadcast_shapes
from .shaping import broadcast_to_rank as broadcast_to_rank
from .shaping import broadcasted_iota as broadcasted_iota
from .shaping import collapse as collapse
from .shaping import concatenate as concatenate
from .shaping import dtype as dtype
from .shaping import empty as empty
from .shaping import expand_dims as expand_dims
from .shaping import full as full
from .shaping import full_like as full_like
from .shaping import iota as iota
from .shaping import reshape as reshape
from .shaping import rev as rev
from .shaping import shape_as_value as shape_as_value
from .shaping import split as split
from .shaping import squeeze as squeeze
from .shaping import stack as stack
from .shaping import tile as tile
from .shaping import transpose as transpose
from .shaping import unstack as unstack
from .slicing import dynamic_index_in_dim as dynamic_index_in_dim
from .slicing import dynamic_slice as dynamic_slice
from .slicing import dynamic_slice_in_dim as dynamic_slice_in_dim
from .slicing import dynamic_update_index_in_dim as dynamic_update_index_in_dim
from .slicing import dynamic_update_slice as dynamic_update_slice
from .slicing import dynamic_update_slice_in_dim as dynamic_update_slice_in_dim
from .slicing import index_in_dim as index_in_dim
from .slicing import pad as pad
from .slicing import slice as slice
from .slicing import slice_in_dim as slice_in_dim
from .sorting import approx_max_k as approx_max_k
from .sorting import approx_min_k as approx_min_k
from .sorting import sort as sort
from .sorting import sort_key_val as sort_key_val
from .sorting import top_k as top_k
from .windows import reduce_window as reduce_window
from .windows import reduce_window_shape_tuple as reduce_window_shape_tuple


def __getattr__(name: str) -> _Any:
    if name == "linalg":
        return _importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
