"""Arrays from and to elsewhere: files, text, bits; how arrays are printed.

Printing follows NumPy's print options, which these functions set; files are NumPy's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.avals import as_array
from ..ops.elementwise_rules import broadcast_shapes
from ..ops.shaping import canonical_axis
from .joining import concatenate

get_printoptions = np.get_printoptions
set_printoptions = np.set_printoptions
printoptions = np.printoptions


def array_repr(
    arr: Any,
    max_line_width: int | None = None,
    precision: int | None = None,
    suppress_small: bool | None = None,
) -> str:
    """The text that `repr` gives for `arr`, with other print options."""
    with np.printoptions(
        **{
            k: v
            for k, v in (
                ("linewidth", max_line_width),
                ("precision", precision),
                ("suppress", suppress_small),
            )
            if v is not None
        }
    ):
        return repr(as_array(arr, "array_repr"))


def array_str(
    a: Any,
    max_line_width: int | None = None,
    precision: int | None = None,
    suppress_small: bool | None = None,
) -> str:
    """The text that `str` gives for `a`, with other print options."""
    return np.array_str(np.asarray(a), max_line_width, precision, suppress_small)


def save(file: Any, arr: Any) -> None:
    """Writes one array to a .npy file."""
    np.save(file, np.asarray(arr))


def savez(file: Any, *args: Any, **kwds: Any) -> None:
    """Writes arrays to an .npz file, named arr_0, arr_1, ... or by keyword."""
    named = {k: np.asarray(v) for k, v in kwds.items()}
    np.savez(file, *map(np.asarray, args), **named)


def load(file: Any, *args: Any, **kwargs: Any) -> Any:
    """Reads a .npy file as an array; an .npz file as NumPy's mapping of names.

    Raises OSError or ValueError, as NumPy does, for files that hold no array.
    """
    found = np.load(file, *args, **kwargs)
    return as_array(found, "load") if isinstance(found, np.ndarray) else found


def fromfile(*args: Any, **kwargs: Any) -> Any:
    """An array of raw numbers read from a file; arguments as for numpy.fromfile."""
    return as_array(np.fromfile(*args, **kwargs), "fromfile")


def fromiter(*args: Any, **kwargs: Any) -> Any:
    """A vector of what an iterable yields; arguments as for numpy.fromiter."""
    return as_array(np.fromiter(*args, **kwargs), "fromiter")


def fromstring(string: str, dtype: Any = float, count: int = -1, *, sep: str) -> Any:
    """A vector of the numbers in a text, separated by `sep`."""
    return as_array(np.fromstring(string, dtype, count, sep=sep), "fromstring")


def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    """Whether two arrays have one shape and equal elements, as a boolean array."""
    a1, a2 = as_array(a1, "array_equal"), as_array(a2, "array_equal")
    if a1.shape != a2.shape:
        return as_array(False)
    same = a1 == a2
    if equal_nan:
        same = same | ((a1 != a1) & (a2 != a2))
    return same.all()


def array_equiv(a1: Any, a2: Any) -> Any:
    """Whether two arrays are equal where they broadcast together."""
    a1, a2 = as_array(a1, "array_equiv"), as_array(a2, "array_equiv")
    try:
        broadcast_shapes("array_equiv", a1.shape, a2.shape)
    except TypeError:
        return as_array(False)
    return (a1 == a2).all()


def _bit_order(name: str, bitorder: str) -> np.ndarray[Any, Any]:
    if bitorder not in ("big", "little"):
        raise ValueError(
            f"{name}: bitorder must be 'big' or 'little'; got {bitorder!r}."
        )
    shifts = np.arange(8, dtype=np.uint8)
    return shifts if bitorder == "little" else shifts[::-1].copy()


def packbits(a: Any, axis: int | None = None, bitorder: str = "big") -> Any:
    """Elements as bits (nonzero is 1), eight to a uint8, along `axis`.

    >>> import chainrule.numpy as cnp
    >>> cnp.packbits(cnp.array([1, 0, 1])).tolist()
    [160]
    """
    a = as_array(a, "packbits")
    if a.dtype.kind not in "biu":
        raise TypeError(f"packbits: needs integers or booleans; got dtype {a.dtype}.")
    a = a.reshape(-1) if axis is None else a
    axis = -1 if axis is None else canonical_axis("packbits", axis, a.ndim)
    bits = (a != 0).astype(np.uint8).swapaxes(axis, -1)
    missing = -bits.shape[-1] % 8
    if missing:
        zeros = as_array(np.zeros((*bits.shape[:-1], missing), np.uint8))
        bits = concatenate([bits, zeros], -1)
    grouped = bits.reshape(*bits.shape[:-1], -1, 8)
    packed = (grouped << _bit_order("packbits", bitorder)).sum(-1, dtype=np.uint8)
    return packed.swapaxes(axis, -1)


def unpackbits(
    a: Any, axis: int | None = None, count: int | None = None, bitorder: str = "big"
) -> Any:
    """The bits of uint8 elements as zeros and ones, along `axis`; the first `count`."""
    a = as_array(a, "unpackbits")
    if a.dtype != np.uint8:
        raise TypeError(f"unpackbits: needs dtype uint8; got {a.dtype}.")
    a = a.reshape(-1) if axis is None else a
    axis = -1 if axis is None else canonical_axis("unpackbits", axis, a.ndim)
    moved = a.swapaxes(axis, -1)
    bits = (moved[..., None] >> _bit_order("unpackbits", bitorder)) & np.uint8(1)
    bits = bits.reshape(*moved.shape[:-1], -1)
    if count is not None:
        kept = count if count >= 0 else bits.shape[-1] + count
        missing = max(kept - bits.shape[-1], 0)
        zeros = as_array(np.zeros((*bits.shape[:-1], missing), np.uint8))
        bits = concatenate([bits, zeros], -1)[..., :kept]
    return bits.swapaxes(axis, -1)


def trim_zeros(filt: Any, trim: str = "fb") -> Any:
    """A vector without its leading ('f') and trailing ('b') zeros.

    The size of the result depends on values, so it needs a concrete array.
    """
    filt = as_array(filt, "trim_zeros")
    nonzero = np.flatnonzero(np.asarray(filt))
    start = nonzero[0] if "f" in trim.lower() and nonzero.size else 0
    stop = nonzero[-1] + 1 if "b" in trim.lower() and nonzero.size else filt.shape[0]
    return filt[int(start) : int(stop)] if nonzero.size else filt[:0]
