"""Messages of indexing, updates and the functions that take elements."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.core.avals import as_array

from .expecting import message

x = as_array(np.array([1.0, 2.0, 3.0], np.float32))
n = as_array(np.arange(3))
m = as_array(np.arange(6, dtype=np.float32).reshape(2, 3))

REFUSED = {
    "too many indices": (
        lambda: x[0, 0],
        IndexError,
        "indexing: too many indices: an array of shape (3,) has 1 dimensions, but"
        " 2 were indexed.",
    ),
    "two ellipses": (
        lambda: m[..., ...],
        IndexError,
        "indexing: an index can have only one ellipsis ('...').",
    ),
    "a list as an index": (
        lambda: x[[0, 1]],
        TypeError,
        "indexing: a list is ambiguous as an index; use x[cnp.array(index)] or"
        " x[tuple(index)].",
    ),
    "a string as an index": (
        lambda: x["a"],
        TypeError,
        "indexing: a string is no index; got 'a'.",
    ),
    "a float as an index": (
        lambda: x[1.5],
        TypeError,
        "indexing: indices must have integer or boolean type; got dtype float32.",
    ),
    "floats as indices": (
        lambda: x[cnp.array([0.0, 1.0])],
        TypeError,
        "indexing: indices must have integer or boolean type; got dtype float32.",
    ),
    "a mask of another size": (
        lambda: x[cnp.array([True, False])],
        IndexError,
        "indexing: a boolean index of shape (2,) does not match the array's"
        " dimensions 0 to 0, which have shape (3,).",
    ),
    "a slice by a traced bound": (
        lambda: cr.jit(lambda i: x[i:])(1),
        IndexError,
        "indexing: the bounds of slice(Traced<i32[]>with<StageTrace>, None, None)"
        " are traced, but a slice needs static ones: they decide the result's"
        " shape. Use lax.dynamic_slice or lax.dynamic_slice_in_dim for a slice of"
        " static size.",
    ),
    "an element of an empty array": (
        lambda: x[:0][0],
        IndexError,
        "indexing: index 0 is out of bounds for axis 0 of size 0.",
    ),
    "an update that does not broadcast": (
        lambda: x.at[:2].set(cnp.ones(3)),
        ValueError,
        "at: values of shape (3,) do not broadcast to the shape (2,) of the"
        " indexed part.",
    ),
    "an update by a list": (
        lambda: x.at[[0]].set(1.0),
        TypeError,
        "indexing: a list is ambiguous as an index; use x[cnp.array(index)] or"
        " x[tuple(index)].",
    ),
    "an unknown mode": (
        lambda: x.at[0].set(1.0, mode="wrap around"),
        ValueError,
        "mode: 'wrap around' is none; use 'clip', 'fill', 'drop' or"
        " 'promise_in_bounds'.",
    ),
    "take by floats": (
        lambda: cnp.take(x, x),
        TypeError,
        "take: indices must be integers; got dtype float32.",
    ),
    "take in mode raise": (
        lambda: cnp.take(x, n, mode="raise"),
        NotImplementedError,
        "take: mode='raise' is not supported, as traced indices cannot raise; use"
        " 'fill', 'clip' or 'wrap'.",
    ),
    "take_along_axis of another rank": (
        lambda: cnp.take_along_axis(m, n, 0),
        ValueError,
        "take_along_axis: indices of shape (3,) must have as many dimensions as"
        " the array of shape (2, 3).",
    ),
    "ravel_multi_index out of range": (
        lambda: cnp.ravel_multi_index((cnp.array([5]),), (3,)),
        ValueError,
        "ravel_multi_index: invalid entry in coordinates array: [5] is not within"
        " 0 <= index < 3.",
    ),
    "unravel_index of floats": (
        lambda: cnp.unravel_index(x, (2, 3)),
        TypeError,
        "unravel_index: indices must be integers; got dtype float32.",
    ),
    "ix_ of a matrix": (
        lambda: cnp.ix_(m),
        ValueError,
        "ix_: arguments must be 1-d; got shape (2, 3).",
    ),
    "put in place": (
        lambda: cnp.put(x, 0, 1.0),
        ValueError,
        "put: arrays are immutable; pass inplace=False and use the result.",
    ),
    "compress of a matrix condition": (
        lambda: cnp.compress(m > 0, m),
        ValueError,
        "compress: condition must be 1-d; got shape (2, 3).",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    call, error, text = REFUSED[what]
    assert message(error, call) == text
