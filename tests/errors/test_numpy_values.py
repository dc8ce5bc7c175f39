"""Messages of chainrule.numpy: reducing, searching and computing with arrays."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import errors
from chainrule.core.avals import as_array

from .expecting import message

x = as_array(np.array([1.0, 2.0, 3.0], np.float32))
y = as_array(np.ones(4, np.float32))
z = as_array(np.ones(3, np.complex64))
n = as_array(np.arange(3))
m = as_array(np.arange(6, dtype=np.float32).reshape(2, 3))

REFUSED = {
    "out in a reduction": (
        lambda: cnp.sum(x, out=x),
        NotImplementedError,
        "sum: the argument 'out' is not supported, because arrays are immutable;"
        " use the returned array.",
    ),
    "out in an elementwise function": (
        lambda: cnp.add(x, x, out=x),
        NotImplementedError,
        "add: the argument out is not supported; use the returned array.",
    ),
    "too many operands": (
        lambda: cnp.add(x),
        TypeError,
        "add: takes 2 operands; got 1.",
    ),
    "max of an empty array": (
        lambda: cnp.max(x[:0]),
        ValueError,
        "max: zero-size array of shape (0,) has no max over axes (0,); give a"
        " value `initial`.",
    ),
    "max with a mask and no initial value": (
        lambda: cnp.max(x, where=x > 0),
        ValueError,
        "max: has no identity, so a mask `where` needs a value `initial`.",
    ),
    "argmax of an empty array": (
        lambda: cnp.argmax(x[:0]),
        ValueError,
        "argmax: attempt to get argmax of an empty sequence: array of shape (0,)"
        " with axis None.",
    ),
    "var with both corrections": (
        lambda: cnp.var(x, ddof=1, correction=1),
        ValueError,
        "var: ddof 1 and correction 1 mean the same; give one.",
    ),
    "var of complex numbers in a real dtype": (
        lambda: cnp.var(z, dtype="float32"),
        ValueError,
        "var: cannot compute the variance of complex64 numbers in the real dtype"
        " float32; leave dtype out, or take the real part first.",
    ),
    "average by weights that do not fit": (
        lambda: cnp.average(m, weights=y),
        ValueError,
        "average: weights of shape (4,) fit neither the array's shape (2, 3) nor"
        " its axes None.",
    ),
    "quantile in an unknown method": (
        lambda: cnp.quantile(x, 0.5, method="best"),
        ValueError,
        "quantile: method 'best' is unknown; use one of 'linear', 'hazen',"
        " 'weibull', 'median_unbiased', 'normal_unbiased',"
        " 'interpolated_inverted_cdf', 'lower', 'higher', 'nearest', 'midpoint',"
        " 'inverted_cdf', 'averaged_inverted_cdf', 'closest_observation'.",
    ),
    "quantile of complex numbers": (
        lambda: cnp.quantile(z, 0.5),
        ValueError,
        "quantile: complex numbers have no order; got complex64.",
    ),
    "median over no elements": (
        lambda: cnp.median(x[:0]),
        ValueError,
        "median: an array of shape (0,) has no median over (0,).",
    ),
    "cov by weights that are no integers": (
        lambda: cnp.cov(m, fweights=cnp.ones(2)),
        RuntimeError,
        "cov: fweights of shape (2,) must have one entry for each of the 3"
        " observations.",
    ),
    "cumsum along an axis that does not exist": (
        lambda: cnp.cumsum(x, axis=2),
        ValueError,
        "cumsum: axis 2 is out of bounds for array of dimension 1; use -1 <= axis"
        " < 1.",
    ),
    "diff a negative number of times": (
        lambda: cnp.diff(x, n=-1),
        ValueError,
        "diff: n must not be negative; got -1.",
    ),
    "diff of a number": (
        lambda: cnp.diff(1.0),
        ValueError,
        "diff: needs an array of at least 1 dimension; got a scalar.",
    ),
    "gradient of one point": (
        lambda: cnp.gradient(x[:1]),
        ValueError,
        "gradient: shape (1,) is too small along axis 0; a numerical gradient"
        " needs at least 2 elements.",
    ),
    "gradient by too many spacings": (
        lambda: cnp.gradient(x, 1.0, 2.0),
        TypeError,
        "gradient: got 2 spacings for 1 axes; give one, or one for each axis.",
    ),
    "sort of an unknown kind": (
        lambda: cnp.sort(x, order="f"),
        TypeError,
        "sort: `order` is not supported; use stable= and descending=.",
    ),
    "partition out of bounds": (
        lambda: cnp.partition(x, 7),
        ValueError,
        "partition: kth 7 is out of bounds for axis -1 of size 3.",
    ),
    "searchsorted on an unknown side": (
        lambda: cnp.searchsorted(x, 1.0, side="middle"),
        ValueError,
        "searchsorted: side must be 'left' or 'right'; got 'middle'.",
    ),
    "searchsorted in a matrix": (
        lambda: cnp.searchsorted(m, 1.0),
        ValueError,
        "searchsorted: `a` must be 1-d; got shape (2, 3).",
    ),
    "lexsort of no keys": (
        lambda: cnp.lexsort(()),
        TypeError,
        "lexsort: needs at least one key; got none.",
    ),
    "unique under jit": (
        lambda: cr.jit(lambda v: cnp.unique(v))(x),
        errors.ConcretizationTypeError,
        "unique: the number of elements of the result depends on the values of the"
        " traced array f32[3] (argument v of <lambda>); give size=.",
    ),
    "where with one of two values": (
        lambda: cnp.where(x > 0, x),
        ValueError,
        "where: give both x and y, or neither of them.",
    ),
    "clip of complex numbers": (
        lambda: cnp.clip(z, 0, 1),
        ValueError,
        "clip: complex numbers have no order; clip their parts.",
    ),
    "an integer to a negative power": (
        lambda: n ** -1,
        TypeError,
        "power: Integers cannot be raised to negative powers, got"
        " integer_pow(i32[3], -1); use a float base.",
    ),
    "floor of complex numbers": (
        lambda: cnp.floor(z),
        TypeError,
        "floor: does not support complex-valued inputs.",
    ),
    "hypot of complex numbers": (
        lambda: cnp.hypot(z, z),
        ValueError,
        "hypot: is not defined for complex arrays; take absolute values first.",
    ),
    "gcd of floats": (
        lambda: cnp.gcd(x, x),
        ValueError,
        "gcd: arguments must be integers; got float32.",
    ),
    "logical shift of floats": (
        lambda: x << 1,
        TypeError,
        "shift_left: does not accept dtype float32; it takes signed integer,"
        " unsigned integer arrays.",
    ),
    "remainder of complex numbers": (
        lambda: z % z,
        TypeError,
        "remainder: does not support complex-valued inputs.",
    ),
    "comparison of a list": (
        lambda: x == [1, 2],
        TypeError,
        "equal: requires ndarray or scalar arguments, got [1, 2] of type list;"
        " make it an array with chainrule.numpy.asarray.",
    ),
    "bincount of floats": (
        lambda: cnp.bincount(x),
        TypeError,
        "bincount: x must have an integer dtype; got float32.",
    ),
    "bincount under jit": (
        lambda: cr.jit(lambda v: cnp.bincount(v))(n),
        errors.ConcretizationTypeError,
        "bincount: the length of the result depends on the values of x, which are"
        " traced (i32[3]); give a static `length`.",
    ),
    "histogram by an unknown rule": (
        lambda: cnp.histogram(x, bins="auto"),
        NotImplementedError,
        "histogram_bin_edges: bins 'auto' is not supported; give a number or edges.",
    ),
    "interp of unequal samples": (
        lambda: cnp.interp(1.0, x, y),
        ValueError,
        "interp: xp and fp must be 1-D and of one size; got shapes (3,) and (4,).",
    ),
    "convolve in an unknown mode": (
        lambda: cnp.convolve(x, x, mode="best"),
        ValueError,
        "convolve: mode 'best' is unknown; use 'full', 'same' or 'valid'.",
    ),
    "convolve of matrices": (
        lambda: cnp.convolve(m, m),
        ValueError,
        "convolve: only 1-D arrays are supported; got shapes (2, 3) and (2, 3).",
    ),
    "select with unequal numbers": (
        lambda: cnp.select([x > 0], [x, x]),
        ValueError,
        "select: needs as many conditions as choices; got 1 and 2.",
    ),
    "choose out of range under jit": (
        lambda: cr.jit(lambda a: cnp.choose(a, [x, x]))(n),
        errors.ConcretizationTypeError,
        "choose: mode='raise' needs the value of the traced array i32[3] (argument"
        " a of <lambda>); use mode='clip' or mode='wrap'.",
    ),
    "piecewise with too few functions": (
        lambda: cnp.piecewise(x, [x > 0, x > 1], [1]),
        ValueError,
        "piecewise: with 2 conditions there must be 2 or 3 functions; got 1.",
    ),
    "polyfit of a negative degree": (
        lambda: cnp.polyfit(x, x, -1),
        ValueError,
        "polyfit: expected deg >= 0; got -1.",
    ),
    "roots under jit": (
        lambda: cr.jit(lambda p: cnp.roots(p))(x),
        errors.ConcretizationTypeError,
        "roots: dropping zeros depends on the values of the coefficients, which"
        " are traced (f32[3]); turn it off, or call it without jit.",
    ),
    "vectorize by no signature": (
        lambda: cnp.vectorize(cnp.sin, signature="n->")(x),
        ValueError,
        "vectorize: 'n->' is no signature; write one such as '(n,k),(k)->(n)'.",
    ),
    "iteration over a number": (
        lambda: list(cnp.array(1.0)),
        TypeError,
        "iteration over a 0-d array",
    ),
    "the length of a number": (
        lambda: len(cnp.array(1.0)),
        TypeError,
        "len() of unsized object",
    ),
    "the truth of several values": (
        lambda: bool(x),
        ValueError,
        "The truth value of an array with more than one element is ambiguous. Use"
        " a.any() or a.all()",
    ),
    "a float from several values": (
        lambda: float(x),
        TypeError,
        "Only scalar arrays can be converted to Python scalars; got arr.ndim=1",
    ),
    "an index from a float": (
        lambda: [1, 2][cnp.array(1.0)],
        TypeError,
        "Only integer scalar arrays can be converted to a scalar index.",
    ),
    "assignment to an element": (
        lambda: x.__setitem__(0, 1.0),
        TypeError,
        "Array: arrays are immutable, x[index] = y is not possible; use x ="
        " x.at[index].set(y).",
    ),
    "the hash of an array": (
        lambda: hash(x),
        TypeError,
        "unhashable type: 'chainrule.Array'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    call, error, text = REFUSED[what]
    assert message(error, call) == text
