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


class extended(np.generic):  # noqa: N801 (the public name)
    """The abstract class of dtypes that NumPy does not know, such as keys."""


class prng_key(extended):  # noqa: N801 (the public name)
    """The abstract class of the dtypes of typed PRNG keys."""


def issubdtype(a: Any, b: Any) -> bool:
    """Whether dtype `a` is `b`, or belongs to the abstract dtype class `b`.

    >>> import numpy as np
    >>> issubdtype("bfloat16", np.floating)
    True
    """
    if isinstance(b, type) and issubclass(b, extended):
        return getattr(a, "extended", None) is not None
    if getattr(a, "extended", None) is not None:
        return a == b
    if isinstance(a, type) and issubclass(a, np.generic) and not _concrete(a):
        return np.issubdtype(a, b)
    dtype = _dtypes.as_dtype(a)
    if isinstance(b, type) and issubclass(b, np.generic) and not _concrete(b):
        classes = {
            "b": np.bool_, "i": np.signedinteger, "u": np.unsignedinteger,
            "f": np.floating, "c": np.complexfloating,
        }  # fmt: skip
        return issubclass(classes.get(_dtypes.kind(dtype), dtype.type), b)
    return dtype == _dtypes.as_dtype(b)


def _concrete(cls: type) -> bool:
    abstract = (
        np.generic, np.number, np.integer, np.signedinteger, np.unsignedinteger,
        np.inexact, np.floating, np.complexfloating, np.flexible, np.character,
    )  # fmt: skip
    return cls not in abstract


def result_type(*args: Any, return_weak_type_flag: bool = False) -> Any:
    """The dtype that arrays, numbers and dtypes promote to together.

    >>> import numpy as np
    >>> result_type(np.int32, 1.0)
    dtype('float32')
    """
    if not args:
        raise ValueError("result_type: at least one array or dtype is required.")
    types: list[tuple[Any, bool]] = []
    for a in args:
        if isinstance(a, (type, str, np.dtype)) or getattr(a, "extended", False):
            weak = a in (int, float, complex)
            types.append((_dtypes.canonicalize_dtype(a), weak))
        else:
            aval = aval_of(a)
            types.append((aval.dtype, aval.weak_type))
    dtype, weak = _dtypes.promote(*types)
    return (dtype, weak) if return_weak_type_flag else dtype


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
