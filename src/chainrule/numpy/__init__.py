"""NumPy's functions on arrays that can be differentiated, batched and staged.

Functions live in the modules of this package, by theme. They are loaded when they are
first used, so that importing the package costs little: `_HOMES` says which module has
which names (`public=name` where they differ there).
"""

import importlib as _importlib
from typing import Any as _Any

from .deferred_methods import install_deferred_methods as _install_methods
from .operators import install_operators as _install_operators

_install_operators()
_install_methods(lambda: _importlib.import_module(f"{__name__}.array_methods"))

_HOMES = {
    "buffers": "from_dlpack frombuffer",
    "contractions": (
        "cross dot inner kron matmul matvec outer tensordot vdot vecdot vecmat"
    ),
    "creation": (
        "arange array asarray astype copy empty empty_like full full_like ones "
        "ones_like zeros zeros_like"
    ),
    "cumulative": (
        "cumprod cumsum cumulative_prod cumulative_sum diff ediff1d gradient nancumprod "
        "nancumsum trapezoid"
    ),
    "diagonals": (
        "diag diag_indices diag_indices_from diagflat diagonal eye fill_diagonal "
        "identity mask_indices trace tri tril tril_indices tril_indices_from triu "
        "triu_indices triu_indices_from vander"
    ),
    "einstein_sums": "einsum einsum_path",
    "exchange": (
        "array_equal array_equiv array_repr array_str fromfile fromiter fromstring "
        "get_printoptions load packbits printoptions save savez set_printoptions "
        "trim_zeros unpackbits"
    ),
    "grids": (
        "c_ fromfunction geomspace index_exp indices linspace logspace meshgrid mgrid "
        "ogrid r_ s_"
    ),
    "histograms": "bincount histogram histogram2d histogram_bin_edges histogramdd",
    "joining": (
        "append array_split block column_stack concat concatenate dsplit dstack hsplit "
        "hstack split stack unstack vsplit vstack"
    ),
    "manipulation": (
        "atleast_1d atleast_2d atleast_3d broadcast_arrays broadcast_shapes "
        "broadcast_to expand_dims flip fliplr flipud matrix_transpose moveaxis "
        "permute_dims ravel reshape resize rollaxis rot90 squeeze swapaxes transpose"
    ),
    "mapping": "apply_along_axis apply_over_axes vectorize",
    "moments": "corrcoef cov std var",
    "nan_reductions": (
        "nanargmax nanargmin nanmax nanmean nanmin nanprod nanstd nansum nanvar"
    ),
    "nonzero_search": "argwhere flatnonzero nonzero",
    "padding": "pad",
    "polynomials": (
        "poly polyadd polyder polydiv polyfit polyint polymul polysub polyval roots"
    ),
    "positions": "ix_ ravel_multi_index unravel_index",
    "quantiles": "median nanmedian nanpercentile nanquantile percentile quantile",
    "reductions": (
        "all amax amin any argmax argmin average count_nonzero max mean min prod ptp "
        "sum"
    ),
    "repeating": "delete insert repeat roll tile",
    "sets": (
        "intersect1d isin setdiff1d setxor1d union1d unique unique_all unique_counts "
        "unique_inverse unique_values"
    ),
    "signals": "convolve correlate interp",
    "sorting": (
        "argpartition argsort digitize lexsort partition searchsorted sort sort_complex"
    ),
    "taking": (
        "choose compress extract piecewise place put put_along_axis select take "
        "take_along_axis"
    ),
    "types": (
        "ComplexWarning can_cast character complexfloating dtype e euler_gamma finfo "
        "flexible floating generic iinfo inexact inf integer isdtype isscalar "
        "issubdtype iterable nan ndarray ndim newaxis number object_ pi promote_types "
        "result_type shape signedinteger size unsignedinteger"
    ),
    "ufuncs_arithmetic": (
        "abs=absolute absolute add divide=true_divide divmod fabs float_power "
        "floor_divide fmax fmin fmod gcd hypot lcm maximum minimum mod=remainder "
        "multiply negative positive pow=power power reciprocal remainder sign square "
        "subtract true_divide"
    ),
    "ufuncs_exponential": (
        "cbrt exp exp2 expm1 i0 log log10 log1p log2 logaddexp logaddexp2 sqrt"
    ),
    "ufuncs_floating": (
        "around=round ceil copysign floor frexp heaviside ldexp modf nextafter rint "
        "round spacing trunc"
    ),
    "ufuncs_logic": (
        "allclose bitwise_and bitwise_count bitwise_invert=invert "
        "bitwise_left_shift=left_shift bitwise_not=invert bitwise_or "
        "bitwise_right_shift=right_shift bitwise_xor equal greater greater_equal invert "
        "isclose iscomplex iscomplexobj isfinite isinf isnan isneginf isposinf isreal "
        "isrealobj left_shift less less_equal logical_and logical_not logical_or "
        "logical_xor not_equal right_shift signbit"
    ),
    "ufuncs_phase": "unwrap",
    "ufuncs_selection": "clip conj=conjugate conjugate imag nan_to_num real where",
    "ufuncs_trigonometric": (
        "acos=arccos acosh=arccosh angle arccos arccosh arcsin arcsinh arctan arctan2 "
        "arctanh asin=arcsin asinh=arcsinh atan2=arctan2 atan=arctan atanh=arctanh cos "
        "cosh deg2rad degrees=rad2deg rad2deg radians=deg2rad sin sinc sinh tan tanh"
    ),
    "window_functions": "bartlett blackman hamming hanning kaiser",
}
_SUBMODULES = ("fft", "linalg")
_home_of = {
    entry.partition("=")[0]: (module, entry.rpartition("=")[2])
    for module, names in _HOMES.items()
    for entry in names.split()
}
_SCALAR_TYPES = (
    "bfloat16 bool bool_ cdouble complex128 complex64 complex_ csingle double float16"
    " float32 float4_e2m1fn float64 float6_e2m3fn float6_e3m2fn float8_e3m4 float8_e4m3"
    " float8_e4m3b11fnuz float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz"
    " float8_e8m0fnu float_ int1 int16 int2 int32 int4 int64 int8 int_ single uint uint1"
    " uint16 uint2 uint32 uint4 uint64 uint8"
)
_home_of.update({name: ("types", name) for name in _SCALAR_TYPES.split()})

__all__ = sorted([*_home_of, *_SUBMODULES])  # pyright: ignore


def __getattr__(name: str) -> _Any:
    if name in _SUBMODULES:
        return _importlib.import_module(f"{__name__}.{name}")
    if name not in _home_of:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _home_of[name]
    found = getattr(_importlib.import_module(f"{__name__}.{module}"), attribute)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
