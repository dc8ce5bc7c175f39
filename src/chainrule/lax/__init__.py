"""lax: the primitives as functions. Strict: one dtype, explicit sizes, no promotion.

`chainrule.numpy` stands on these operations and is what programs mostly use; here are
control flow, general gathers, windows and collectives, which NumPy does not have.
"""

# --- shapes, indexing, sorting -------------------------------------------------------
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

# --- contractions, convolution, reductions, windows, collectives ---------------------
from .contractions import DotAlgorithm as DotAlgorithm
from .contractions import DotAlgorithmPreset as DotAlgorithmPreset
from .contractions import DotDimensionNumbers as DotDimensionNumbers
from .contractions import Precision as Precision
from .contractions import PrecisionLike as PrecisionLike
from .contractions import RaggedDotDimensionNumbers as RaggedDotDimensionNumbers
from .contractions import batch_matmul as batch_matmul
from .contractions import dot as dot
from .contractions import dot_general as dot_general
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
