"""Constants, scalar types, and questions about dtypes.

`chainrule.numpy.float32` is both: a name for the dtype, and a function that makes a
scalar array of it.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from ..core import dtypes
from ..core.avals import Array, ShapeDtypeStruct, as_array, aval_of, scalar
from ..core.avals import abstract_of as _abstract_of
from ..ops.shaping import convert

pi, e, euler_gamma = np.pi, np.e, np.euler_gamma
inf, nan, newaxis = np.inf, np.nan, None

ndarray = Array
dtype = np.dtype
finfo, iinfo = dtypes.finfo, dtypes.iinfo
ComplexWarning = np.exceptions.ComplexWarning

generic, number, object_ = np.generic, np.number, np.object_
integer, signedinteger = np.integer, np.signedinteger
unsignedinteger = np.unsignedinteger
inexact, floating, complexfloating = np.inexact, np.floating, np.complexfloating
flexible, character = np.flexible, np.character


class ScalarType:
    """A dtype by name, callable to make an array of it.

    >>> import chainrule.numpy as cnp
    >>> cnp.float32(2)
    Array(2., dtype=float32)
    >>> cnp.ones(2, cnp.int32).dtype == cnp.int32
    True
    """

    def __init__(self, name: str, scalar: type):
        self.__name__ = name
        self.dtype = np.dtype(scalar)
        self.__doc__ = f"The dtype {name}; called with a value, an array of it."

    def __call__(self, x: Any = 0) -> Any:
        dtype = dtypes.canonicalize_dtype(self.dtype)
        if type(x) is int:
            x = scalar(x, dtype, self.__name__)
        x = x if isinstance(x, Array) else as_array(x, self.__name__)
        return convert(x, dtype, False)

    def __repr__(self) -> str:
        return f"<scalar type {self.__name__}>"

    def __eq__(self, other: object) -> bool:
        try:
            return self.dtype == np.dtype(other)  # type: ignore[call-overload]
        except TypeError:
            return False

    def __hash__(self) -> int:
        return hash(self.dtype.type)


def _scalar_types() -> dict[str, ScalarType]:
    own = "bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32"
    own += " float64 complex64 complex128"
    found = {name: ScalarType(name, getattr(np, name)) for name in own.split()}
    extended = (
        "bfloat16 int1 int2 int4 uint1 uint2 uint4 float4_e2m1fn float6_e2m3fn"
        " float6_e3m2fn float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn"
        " float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu"
    )
    for name in extended.split():
        if hasattr(ml_dtypes, name):
            found[name] = ScalarType(name, getattr(ml_dtypes, name))
    aliases = {
        "bool": "bool_", "single": "float32", "double": "float64", "int_": "int64",
        "csingle": "complex64", "cdouble": "complex128", "uint": "uint64",
        "float_": "float64", "complex_": "complex128",
    }  # fmt: skip
    return found | {alias: found[name] for alias, name in aliases.items()}


SCALAR_TYPES = _scalar_types()
globals().update(SCALAR_TYPES)


class extended(np.generic):
    """The abstract class of dtypes that NumPy does not know, such as keys."""


class prng_key(extended):
    """The abstract class of the dtypes of typed PRNG keys."""


def subdtype(a: Any, b: Any) -> bool:
    """Whether dtype `a` is `b`, or belongs to the abstract dtype class `b`.

    >>> import numpy as np
    >>> subdtype("bfloat16", np.floating)
    True
    """
    if isinstance(b, type) and issubclass(b, extended):
        return getattr(a, "extended", None) is not None
    if getattr(a, "extended", None) is not None:
        return a == b
    if isinstance(a, type) and issubclass(a, np.generic) and not _concrete(a):
        return np.issubdtype(a, b)
    dtype = dtypes.as_dtype(a)
    if isinstance(b, type) and issubclass(b, np.generic) and not _concrete(b):
        classes = {
            "b": np.bool_, "i": np.signedinteger, "u": np.unsignedinteger,
            "f": np.floating, "c": np.complexfloating,
        }  # fmt: skip
        return issubclass(classes.get(dtypes.kind(dtype), dtype.type), b)
    return dtype == dtypes.as_dtype(b)


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
            types.append((dtypes.canonicalize_dtype(a), weak))
        else:
            aval = aval_of(a)
            types.append((aval.dtype, aval.weak_type))
    dtype, weak = dtypes.promote(*types)
    return (dtype, weak) if return_weak_type_flag else dtype


def issubdtype(arg1: Any, arg2: Any) -> bool:
    """Whether dtype `arg1` is `arg2`, or belongs to the abstract dtype class `arg2`.

    >>> import chainrule.numpy as cnp
    >>> cnp.issubdtype(cnp.bfloat16, cnp.floating)
    True
    """
    return subdtype(arg1, arg2)


def can_cast(from_: Any, to: Any, casting: str = "safe") -> bool:
    """Whether NumPy's rule `casting` allows a conversion between dtypes."""
    return bool(np.can_cast(dtypes.as_dtype(from_), dtypes.as_dtype(to), casting))


def promote_types(a: Any, b: Any) -> Any:
    """The dtype that two dtypes promote to; Python scalar types are weak.

    >>> promote_types("int32", "float16")
    dtype('float16')
    """
    return result_type(a, b)


_families: dict[str, str] = {
    "bool": "b", "signed integer": "i", "unsigned integer": "u", "integral": "iu",
    "real floating": "f", "complex floating": "c", "numeric": "iufc",
}  # fmt: skip


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether `dtype` is of a kind: a dtype, a kind's name, or a tuple of them.

    The names: 'bool', 'signed integer', 'unsigned integer', 'integral',
    'real floating', 'complex floating', 'numeric'. Raises ValueError for others.

    >>> isdtype("float32", "real floating")
    True
    """
    found = dtypes.as_dtype(dtype)
    for one in kind if isinstance(kind, tuple) else (kind,):
        if isinstance(one, str) and one in _families:
            if dtypes.kind(found) in _families[one]:
                return True
            continue
        if isinstance(one, str) and " " in one:
            raise ValueError(
                f"isdtype: unknown kind {one!r}; the kinds are {', '.join(_families)}."
            )
        if found == dtypes.as_dtype(one):
            return True
    return False


def isscalar(element: Any) -> bool:
    """Whether `element` is a number, or an array without dimensions."""
    if isinstance(element, Array):
        return element.ndim == 0
    return bool(np.isscalar(element)) or (
        isinstance(element, np.ndarray) and element.ndim == 0
    )


def iterable(y: Any) -> bool:
    """Whether one can iterate over `y`."""
    return y.ndim > 0 if isinstance(y, Array) else bool(np.iterable(y))


def _aval(name: str, a: Any) -> Any:
    if isinstance(a, (list, tuple)):
        return aval_of(np.asarray(a))
    return _abstract_of(a, name)


def shape(a: Any) -> tuple[int, ...]:
    """The shape of an array, number or nested sequence."""
    return _aval("shape", a).shape


def ndim(a: Any) -> int:
    """The number of dimensions of an array, number or nested sequence."""
    return _aval("ndim", a).ndim


def size(a: Any, axis: int | tuple[int, ...] | None = None) -> int:
    """The number of elements, or the extent along `axis` (or several)."""
    extents = _aval("size", a).shape
    if axis is None:
        return int(np.prod(extents, dtype=np.int64))
    axes = (axis,) if isinstance(axis, int) else axis
    return int(np.prod([extents[i] for i in axes], dtype=np.int64))


__all__ = [
    "SCALAR_TYPES", "ShapeDtypeStruct", "can_cast", "isdtype", "isscalar", "issubdtype",
    "iterable", "ndim", "promote_types", "result_type", "shape", "size",
]  # fmt: skip
