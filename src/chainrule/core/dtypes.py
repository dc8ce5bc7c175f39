"""Dtypes and promotion: the type lattice with weak types, and 32 bits by default.

A dtype is an `np.dtype` (ml_dtypes supplies bfloat16 and the narrow floats) or an
extended dtype, an object with the attribute `extended` set (typed PRNG keys). Python
scalars are *weak*: `1.0` follows the array it meets. The lattice is the one of JAX's
"type promotion semantics" page: weak int < each int, weak float < each float, weak
complex < each complex. Results are memoised; hot paths pay one dictionary access.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from .config import options
from .keys import fry as key_fry

bfloat16 = np.dtype(ml_dtypes.bfloat16)
float0 = np.dtype([("float0", np.void, 0)])
"""The dtype of tangents of integer and boolean values: there are none."""

bool_ = np.dtype(np.bool_)
int32, int64 = np.dtype(np.int32), np.dtype(np.int64)
uint32 = np.dtype(np.uint32)
float16, float32, float64 = (np.dtype(f"f{n}") for n in (2, 4, 8))
complex64, complex128 = np.dtype(np.complex64), np.dtype(np.complex128)

_signed = [np.dtype(f"i{n}") for n in (1, 2, 4, 8)]
_unsigned = [np.dtype(f"u{n}") for n in (1, 2, 4, 8)]
_int4 = [np.dtype(ml_dtypes.int2), np.dtype(ml_dtypes.int4)]
_uint4 = [np.dtype(ml_dtypes.uint2), np.dtype(ml_dtypes.uint4)]
_narrow_floats = [
    np.dtype(getattr(ml_dtypes, name))
    for name in (
        "float4_e2m1fn float6_e2m3fn float6_e3m2fn float8_e3m4 float8_e4m3 "
        "float8_e4m3b11fnuz float8_e4m3fn float8_e4m3fnuz float8_e5m2 "
        "float8_e5m2fnuz float8_e8m0fnu"
    ).split()
]
_floats = [*_narrow_floats, bfloat16, float16, float32, float64]
_complexes = [complex64, complex128]
_integers = [*_signed, *_unsigned, *_int4, *_uint4]

_kinds: dict[Any, str] = {bool_: "b"}
_kinds.update({d: "i" for d in [*_signed, *_int4]})
_kinds.update({d: "u" for d in [*_unsigned, *_uint4]})
_kinds.update({d: "f" for d in _floats})
_kinds.update({d: "c" for d in _complexes})

by_name: dict[str, Any] = {d.name: d for d in [*_kinds, key_fry]} | {"float0": float0}
"""The dtypes of arrays by the names that programs and messages show."""

_narrowed = {
    int64: int32,
    np.dtype(np.uint64): uint32,
    float64: float32,
    complex128: complex64,
}
_scalar_kinds = {bool: bool_, int: int64, float: float64, complex: complex128}
_abstract = {
    np.floating: float64, np.inexact: float64, np.integer: int64,
    np.signedinteger: int64, np.unsignedinteger: np.dtype(np.uint64),
    np.complexfloating: complex128,
}  # fmt: skip


class TypePromotionError(ValueError):
    """Two dtypes have no common dtype under the current promotion rules."""


def kind(dtype: Any) -> str:
    """One of 'b', 'i', 'u', 'f', 'c' for numeric dtypes, 'V' for float0, 'k' else."""
    found = _kinds.get(dtype)
    if found is not None:
        return found
    return "V" if dtype == float0 else "k"


def is_inexact(dtype: Any) -> bool:
    """Whether values of `dtype` are floating-point or complex (differentiable)."""
    return _kinds.get(dtype) in ("f", "c")


def is_float(dtype: Any) -> bool:
    """Whether values of `dtype` are real floating-point numbers."""
    return _kinds.get(dtype) == "f"


def is_complex(dtype: Any) -> bool:
    """Whether values of `dtype` are complex."""
    return _kinds.get(dtype) == "c"


def is_integer(dtype: Any) -> bool:
    """Whether values of `dtype` are signed or unsigned integers."""
    return _kinds.get(dtype) in ("i", "u")


def is_extended(dtype: Any) -> bool:
    """Whether `dtype` is one of ours that NumPy does not know (PRNG keys)."""
    return not isinstance(dtype, np.dtype)


def as_dtype(dtype: Any) -> Any:
    """The dtype object that `dtype` names, in full width.

    Raises TypeError for what is no dtype, and for dtypes no array of ours can have.
    """
    if isinstance(dtype, np.dtype):
        found = dtype
    elif dtype in _scalar_kinds:
        return _scalar_kinds[dtype]
    elif getattr(dtype, "extended", False):
        return dtype
    elif isinstance(dtype, type) and dtype in _abstract:
        return _abstract[dtype]
    else:
        found = _named(dtype)
    if found.byteorder == ">":
        found = found.newbyteorder("=")
    return found


def _named(dtype: Any) -> np.dtype[Any]:
    if dtype is None:
        raise TypeError("dtype: None names no dtype; pass one such as 'float32'.")
    if hasattr(dtype, "dtype") and not isinstance(dtype, type):
        return as_dtype(dtype.dtype)
    if isinstance(dtype, str) and hasattr(ml_dtypes, dtype):
        return np.dtype(getattr(ml_dtypes, dtype))
    try:
        return np.dtype(dtype)
    except TypeError:
        raise TypeError(
            f"dtype: {dtype!r} names no dtype; use one such as 'float32' or np.int32."
        ) from None


def canonicalize_dtype(dtype: Any, allow_extended_dtype: bool = True) -> Any:
    """`dtype`, with 64 bits narrowed to 32 unless `enable_x64` is set.

    >>> import numpy as np
    >>> canonicalize_dtype(np.float64)
    dtype('float32')
    """
    found = as_dtype(dtype)
    if options.enable_x64:
        return found
    return _narrowed.get(found, found)


def check_array_dtype(name: str, dtype: Any) -> Any:
    """The canonical dtype for an array, or TypeError naming function `name`."""
    found = canonicalize_dtype(dtype)
    if found in _kinds or found == float0 or is_extended(found):
        return found
    raise TypeError(
        f"{name}: dtype {found} is not a valid array type; only boolean and numeric"
        " arrays are supported."
    )


def default_int() -> Any:
    """int32, or int64 under `enable_x64`."""
    return int64 if options.enable_x64 else int32


def default_float() -> Any:
    """float32, or float64 under `enable_x64`."""
    return float64 if options.enable_x64 else float32


def default_complex() -> Any:
    """complex64, or complex128 under `enable_x64`."""
    return complex128 if options.enable_x64 else complex64


def scalar_dtype(x: Any) -> Any:
    """The canonical dtype of a Python scalar `x`."""
    return canonicalize_dtype(_scalar_kinds[type(x)])


def to_inexact(dtype: Any) -> Any:
    """The dtype in which `dtype` is computed with by functions such as `sin`."""
    return dtype if is_inexact(dtype) else default_float()


def real_part(dtype: Any) -> Any:
    """The dtype of the real part of values of `dtype`."""
    if not is_complex(dtype):
        return dtype
    return float32 if dtype == complex64 else float64


def with_complex(dtype: Any) -> Any:
    """The complex dtype whose parts hold values of `dtype`."""
    if is_complex(dtype):
        return dtype
    return complex128 if dtype == float64 else complex64


def tangent_dtype(dtype: Any) -> Any:
    """The dtype of tangents of values of `dtype`: itself, or float0."""
    return dtype if is_inexact(dtype) else float0


# --- the lattice -----------------------------------------------------------------
# Nodes: dtypes, and the weak types as the strings "i*", "f*", "c*". Edges go up.


def _lattice() -> dict[Any, list[Any]]:
    i1, i2, i4, i8 = _signed
    u1, u2, u4, u8 = _unsigned
    up: dict[Any, list[Any]] = {
        bool_: ["i*"],
        "i*": [u1, i1, *_int4, *_uint4],
        u1: [i2, u2], u2: [i4, u4], u4: [i8, u8], u8: ["f*"],
        i1: [i2], i2: [i4], i4: [i8], i8: ["f*"],
        "f*": [*_narrow_floats, bfloat16, float16, "c*"],
        bfloat16: [float32], float16: [float32], float32: [float64, complex64],
        float64: [complex128], "c*": [complex64], complex64: [complex128],
        complex128: [],
    }  # fmt: skip
    up.update({d: [] for d in [*_int4, *_uint4, *_narrow_floats]})
    return up


def _reachable(up: dict[Any, list[Any]]) -> dict[Any, set[Any]]:
    found: dict[Any, set[Any]] = {}

    def above(node: Any) -> set[Any]:
        if node not in found:
            found[node] = {node}.union(*(above(n) for n in up[node]))
        return found[node]

    for node in up:
        above(node)
    return found


_above = _reachable(_lattice())
_joins: dict[tuple[Any, ...], Any] = {}
_weak_node = {"b": bool_, "i": "i*", "u": "i*", "f": "f*", "c": "c*"}


def _node(dtype: Any, weak: bool) -> Any:
    return _weak_node[_kinds[dtype]] if weak else dtype


def _join(nodes: frozenset[Any]) -> Any:
    shared = set.intersection(*(_above[n] for n in nodes))
    least = [n for n in shared if shared <= _above[n]]
    if len(least) != 1:
        names = ", ".join(sorted(str(n) for n in nodes))
        raise TypePromotionError(
            f"promotion: the dtypes {names} have no implicit common dtype; convert"
            " one explicitly with x.astype(...)."
        )
    return least[0]


def promote(*types: tuple[Any, bool]) -> tuple[Any, bool]:
    """The (dtype, weak) that operands of the given (dtype, weak) types share.

    >>> promote((int32, False), (float32, True))
    (dtype('float32'), True)
    """
    key = (options.enable_x64, options.numpy_dtype_promotion, *types)
    found = _joins.get(key)
    if found is None:
        found = _joins[key] = _promote(types)
    return found


def _promote(types: tuple[tuple[Any, bool], ...]) -> tuple[Any, bool]:
    for dtype, _ in types:
        if dtype not in _kinds:
            return _promote_extended(types)
    strong = {d for d, w in types if not w}
    if options.numpy_dtype_promotion == "strict" and len(strong) > 1:
        names = ", ".join(sorted(str(d) for d in strong))
        raise TypePromotionError(
            f"promotion: the dtypes {names} differ and numpy_dtype_promotion is"
            " 'strict'; convert explicitly with x.astype(...)."
        )
    node = _join(frozenset(_node(d, w) for d, w in types))
    if not isinstance(node, str):
        return canonicalize_dtype(node), all(w for _, w in types)
    wide = {"i*": int64, "f*": float64, "c*": complex128}[node]
    same = [d for d, w in types if w and _weak_node[_kinds[d]] == node]
    if same and not strong:
        widest = max(same, key=lambda d: d.itemsize)
        return canonicalize_dtype(widest), True
    return canonicalize_dtype(wide), True


def _promote_extended(types: tuple[tuple[Any, bool], ...]) -> tuple[Any, bool]:
    if len({d for d, _ in types}) == 1:
        return types[0][0], False
    names = ", ".join(str(d) for d, _ in types)
    raise TypeError(
        f"promotion: {names} have no common dtype; numeric values and keys don't mix."
    )


finfo = ml_dtypes.finfo
iinfo = ml_dtypes.iinfo
