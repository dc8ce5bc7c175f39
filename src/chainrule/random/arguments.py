"""What random functions do with their arguments before they draw.

Keys become single typed keys, dtypes canonical ones of the kind wanted, shapes tuples,
parameters Arrays of the result's dtype. All errors about arguments are raised here,
before any bits are drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array, as_array, aval_of, wrap
from ..core.config import options
from ..core.keys import KeyDtype, fry
from ..ops.elementwise_rules import broadcast_shapes
from ..ops.random_bits import random_wrap_p, single_key
from ..ops.shaping import canonical_shape, convert
from ..runtime import _native

_numbers = (bool, int, float)
_kind_names = {
    "f": "a floating-point dtype",
    "fc": "a floating-point or complex dtype",
    "u": "an unsigned integer dtype",
    "iu": "an integer dtype",
    "biuf": "a real dtype",
    "iuf": "a real dtype",
}


def generator(name: str, impl: Any) -> KeyDtype:
    """The key dtype of a generator given by name, by key dtype, or None: the default."""
    if isinstance(impl, KeyDtype):
        return impl
    if impl is None:
        impl = options.default_prng_impl
    if impl == fry.implementation:
        return fry
    raise ValueError(
        f"{name}: there is no generator {impl!r}; use {fry.implementation!r}."
    )


def is_typed(key: Any) -> bool:
    """Whether `key` is an array of typed keys."""
    return isinstance(key, Array) and isinstance(key.dtype, KeyDtype)


def typed_keys(name: str, key: Any) -> Any:
    """`key`, typed or words, as an array of typed keys; TypeError for anything else."""
    if is_typed(key):
        return key
    if not isinstance(key, (Array, np.ndarray)):
        raise TypeError(
            f"{name}: {key!r} of type {type(key).__name__} is no key; make one with"
            " random.key(seed)."
        )
    aval = aval_of(key)
    if aval.dtype != np.uint32 or aval.shape[-1:] != (2,):
        raise TypeError(
            f"{name}: the words of a key must be uint32 of shape (..., 2); got"
            f" {aval.str_short()}. Make keys with random.key(seed)."
        )
    return random_wrap_p(key, impl="fry")


def typed_key(name: str, key: Any) -> Any:
    """`key` as one typed key; ValueError where there are several."""
    if type(key) is _native.ConcreteArray and key.dtype is fry and not key.ndim:
        return key
    return single_key(name, typed_keys(name, key))


def like(key: Any, keys: Any, unwrap: Any) -> Any:
    """Typed `keys` in the form in which the user gave `key`: typed, or words."""
    return keys if is_typed(key) else unwrap(keys)


def dtype_of(name: str, dtype: Any, kinds: str = "f", default: Any = None) -> Any:
    """The canonical dtype of a result; ValueError where its kind is not among `kinds`."""
    if dtype is None:
        return dtypes.default_float() if default is None else default
    found = dtypes.canonicalize_dtype(dtype)
    if dtypes.kind(found) not in kinds:
        raise ValueError(
            f"{name}: the dtype must be {_kind_names[kinds]}; got {found}."
        )
    return found


def parameter(name: str, x: Any, dtype: Any) -> Any:
    """A parameter of a distribution as an Array of `dtype`."""
    if type(x) in _numbers:
        return wrap(np.asarray(x, dtype))
    if isinstance(x, complex):
        x = x.real
    return convert(as_array(x, name), dtype)


def check_array_like(name: str, x: Any) -> None:
    """TypeError where `x` is a list or the like, which must be made an array first."""
    if isinstance(x, (list, tuple, str)) or x is None:
        raise TypeError(
            f"{name}: requires ndarray or scalar arguments, got {x!r} of type"
            f" {type(x).__name__}; make it an array with chainrule.numpy.asarray."
        )


def shape_of(name: str, shape: Any) -> tuple[int, ...]:
    """A shape given by the user, as a tuple."""
    return canonical_shape(name, shape)


def result_shape(name: str, shape: Any, *parameters: Any) -> tuple[int, ...]:
    """The shape given, to which parameters must broadcast; their own where None.

    Raises ValueError where they do not.
    """
    shapes = [aval_of(p).shape for p in parameters]
    try:
        common = broadcast_shapes(name, *shapes) if shapes else ()
        if shape is None:
            return common
        wanted = shape_of(name, shape)
        if broadcast_shapes(name, wanted, common) == wanted:
            return wanted
    except TypeError as error:
        if "incompatible shapes" not in str(error):
            raise
    given = ", ".join(map(str, shapes))
    raise ValueError(
        f"{name}: parameters of shapes {given} do not broadcast to the shape {shape} of"
        " the result; trailing dimensions must agree or be 1."
    )


__all__ = [
    "check_array_like", "dtype_of", "generator", "is_typed", "like", "parameter",
    "result_shape", "shape_of", "typed_key", "typed_keys",
]  # fmt: skip
