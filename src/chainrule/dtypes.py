"""Dtypes and their promotion."""

from typing import Any

import numpy as np

from .core import dtypes as _dtypes
from .core.avals import aval_of
from .core.dtypes import TypePromotionError as TypePromotionError
from .core.dtypes import bfloat16 as bfloat16
from .core.dtypes import canonicalize_dtype as canonicalize_dtype
from .core.dtypes import finfo as finfo
from .core.dtypes import float0 as float0
from .core.dtypes import iinfo as iinfo
from .numpy.types import extended as extended
from .numpy.types import prng_key as prng_key
from .numpy.types import result_type as result_type


def scalar_type_of(x: Any) -> type:
    """The Python scalar type (bool, int, float or complex) of the values of `x`."""
    return {"b": bool, "i": int, "u": int, "f": float, "c": complex}[
        _dtypes.kind(aval_of(x).dtype)
    ]


def itemsize_bits(dtype: Any) -> int:
    """Bits per element of `dtype`."""
    dtype = _dtypes.as_dtype(dtype)
    if dtype == np.bool_:
        return 8
    info = _dtypes.iinfo if _dtypes.is_integer(dtype) else _dtypes.finfo
    if _dtypes.is_complex(dtype):
        return dtype.itemsize * 8
    return info(dtype).bits
