"""Methods and properties of arrays: `x.T`, `x.reshape(...)`, `x.sum()`, `x.at`.

Each is the function of the same name in this package with the array first; they are
handed to the runtime's Array type by `install_methods`, at their first use (see
deferred_methods.py).
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..api.placement import device_put
from ..core import dtypes
from ..core.avals import wrap
from ..ops.elementwise_conversion import bitcast_convert_type_p
from ..ops.joining import rev_p
from ..ops.shaping import reshape as _reshape
from ..ops.shaping import transpose as _transpose
from ..parallel import devices
from ..runtime import _native
from ..runtime._native import ConcreteArray
from . import (
    contractions,
    creation,
    cumulative,
    diagonals,
    manipulation,
    moments,
    nonzero_search,
    reductions,
    repeating,
    sorting,
    taking,
    ufuncs_floating,
    ufuncs_selection,
)
from .index_update import at
from .indexing import getitem


def _reshape_method(
    self: Any, *args: Any, order: str = "C", copy: bool | None = None,
    out_sharding: Any = None,
) -> Any:  # fmt: skip
    """The elements under another shape: `x.reshape(2, -1)` or `x.reshape((2, -1))`."""
    shape = args[0] if len(args) == 1 else args
    return manipulation.reshape(self, shape, order)


def _transpose_method(self: Any, *args: Any) -> Any:
    """The array with its axes permuted; reversed without arguments."""
    axes = args[0] if len(args) == 1 and not isinstance(args[0], int) else args or None
    return manipulation.transpose(self, axes)


def _reversed_axes(self: Any) -> Any:
    return _transpose(self, range(self.ndim - 1, -1, -1))


def _astype(self: Any, dtype: Any, copy: bool = False, device: Any = None) -> Any:
    """The array converted to `dtype`; see chainrule.numpy.astype."""
    return creation.astype(self, dtype, copy=copy, device=device)


def _copy(self: Any) -> Any:
    """An array with the same values."""
    if type(self) is ConcreteArray:
        return wrap(self._data, self.weak_type)
    return self


def _flatten(self: Any, order: str = "C", *, out_sharding: Any = None) -> Any:
    """The elements as a 1-d array, in order "C" or "F"."""
    return manipulation.ravel(self, order)


def _clip(self: Any, min: Any = None, max: Any = None) -> Any:
    """The array with its elements bounded by `min` and `max`."""
    return ufuncs_selection.clip(self, min, max)


def _compress(
    self: Any, condition: Any, axis: int | None = None, *, out: None = None,
    size: int | None = None, fill_value: Any = 0,
) -> Any:  # fmt: skip
    """The sub-arrays for which `condition` holds; see chainrule.numpy.compress."""
    return taking.compress(
        condition, self, axis, size=size, fill_value=fill_value, out=out
    )


def _view(self: Any, dtype: Any = None, type: None = None) -> Any:
    """The same bits read as elements of `dtype`; the last axis takes up the ratio."""
    if type is not None:
        raise NotImplementedError(
            "view: `type` is not supported; there are no subclasses."
        )
    wanted = dtypes.default_float() if dtype is None else dtypes.as_dtype(dtype)
    wanted = dtypes.check_array_dtype("view", wanted)
    if wanted == self.dtype:
        return self
    if wanted == dtypes.bool_ or self.dtype == dtypes.bool_:
        return _bool_view(self, wanted)
    old, new = self.dtype.itemsize, wanted.itemsize
    if old == new:
        return bitcast_convert_type_p(self, new_dtype=wanted)
    if not self.ndim or (self.shape[-1] * old) % new:
        raise ValueError(
            f"view: an array of shape {self.shape} and {old} bytes per element cannot"
            f" be read as {wanted}: the last axis must hold a multiple of {new} bytes."
        )
    *batch, n = self.shape
    if old > new:
        parts = bitcast_convert_type_p(self, new_dtype=wanted)
        return _reshape(parts, (*batch, n * (old // new)))
    grouped = _reshape(self, (*batch, n * old // new, new // old))
    return bitcast_convert_type_p(grouped, new_dtype=wanted)


def _bool_view(self: Any, wanted: Any) -> Any:
    if wanted == dtypes.bool_:
        return _view(self, "uint8") != np.uint8(0)
    return _view(creation.converted(self, dtypes.as_dtype("uint8")), wanted)


def _byteswap(self: Any) -> Any:
    """The array with the order of the bytes of each element reversed."""
    if self.dtype.itemsize == 1:
        return self
    single = bitcast_convert_type_p(self, new_dtype=dtypes.as_dtype("uint8"))
    turned = rev_p(single, dimensions=(single.ndim - 1,))
    return bitcast_convert_type_p(turned, new_dtype=self.dtype)


def _to_device(self: Any, device: Any, *, stream: Any = None) -> Any:
    """The array on `device`."""
    return device_put(self, device)


def _device(self: Any) -> Any:
    """The device, or the sharding where the array is spread over several."""
    return getattr(self, "sharding_", None) or devices.devices()[0]


def _devices(self: Any) -> set[Any]:
    """The set of devices that hold the array."""
    sharding = getattr(self, "sharding_", None)
    found = getattr(sharding, "device_set", None)
    return {devices.devices()[0]} if found is None else set(found)


def _array_namespace(self: Any, *, api_version: str | None = None) -> Any:
    """The module of functions on arrays, for the array API standard."""
    return sys.modules["chainrule.numpy"]


_methods: dict[str, Any] = {
    "T": property(_reversed_axes, doc="The array with its axes reversed."),
    "mT": property(manipulation.matrix_transpose, doc="The last two axes exchanged."),
    "at": at,
    "real": property(lambda self: ufuncs_selection.real(self), doc="The real part."),
    "imag": property(
        lambda self: ufuncs_selection.imag(self), doc="The imaginary part."
    ),
    "device": property(_device, doc=_device.__doc__),
    "all": reductions.all,
    "any": reductions.any,
    "argmax": reductions.argmax,
    "argmin": reductions.argmin,
    "argpartition": sorting.argpartition,
    "argsort": sorting.argsort,
    "astype": _astype,
    "byteswap": _byteswap,
    "choose": taking.choose,
    "clip": _clip,
    "compress": _compress,
    "conj": lambda self: ufuncs_selection.conjugate(self),
    "conjugate": lambda self: ufuncs_selection.conjugate(self),
    "copy": _copy,
    "cumprod": cumulative.cumprod,
    "cumsum": cumulative.cumsum,
    "devices": _devices,
    "diagonal": diagonals.diagonal,
    "dot": contractions.dot,
    "flatten": _flatten,
    "max": reductions.max,
    "mean": reductions.mean,
    "min": reductions.min,
    "nonzero": nonzero_search.nonzero,
    "prod": reductions.prod,
    "ptp": reductions.ptp,
    "ravel": manipulation.ravel,
    "repeat": repeating.repeat,
    "reshape": _reshape_method,
    "round": lambda self, decimals=0, out=None: ufuncs_floating.round(
        self, decimals, out
    ),
    "searchsorted": sorting.searchsorted,
    "sort": sorting.sort,
    "squeeze": manipulation.squeeze,
    "std": moments.std,
    "sum": reductions.sum,
    "swapaxes": manipulation.swapaxes,
    "take": taking.take,
    "to_device": _to_device,
    "trace": diagonals.trace,
    "transpose": _transpose_method,
    "var": moments.var,
    "view": _view,
    "__array_namespace__": _array_namespace,
}


def install_methods() -> None:
    """Hands indexing, methods and properties to the runtime."""
    _native.install({"getitem": getitem}, _methods)


__all__ = ["install_methods"]
