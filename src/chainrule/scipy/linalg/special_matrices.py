"""Matrices of a given pattern, from vectors or from a size alone.

Those made of vectors (Toeplitz, companion and the like) take the vectors along the last
dimension, leading ones being batch dimensions; each is one gather, so derivatives with
respect to the vectors follow. Those of a size alone are computed exactly in integers or
in float64, then rounded.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...core import dtypes
from ...core.avals import aval_of, wrap
from ...numpy.promotion import inexact_operand, operand, promote, promote_operands
from ...ops.elementwise_complex import abs_p
from ...ops.elementwise_logic import lt_p
from ...ops.elementwise_rules import broadcast_shapes
from ...ops.elementwise_selection import select
from ...ops.gather import gather
from ...ops.joining import concatenate, iota, rev_p
from ...ops.matrices import as_columns, as_rows, below, columns_between, conj
from ...ops.shaping import broadcast_to, full, reshape
from ...ops.slicing import pad_p
from ...ops.windows import GatherDimensionNumbers, GatherScatterMode

# --- patterns of vectors --------------------------------------------------------------


def laid_out(values: Any, layout: Any) -> Any:
    """The matrices with values[..., layout[i, j]] in row i, column j."""
    shape = aval_of(values).shape
    last = len(shape) - 1
    offsets = tuple(range(last))
    numbers = GatherDimensionNumbers(offsets, (last,), (last,), (), ())
    places = reshape(layout, (*layout.shape, 1))
    sizes = (*shape[:-1], 1)
    if not (layout.size and values.size):
        return full((*shape[:-1], *layout.shape), 0, values.dtype)
    mode = GatherScatterMode.PROMISE_IN_BOUNDS
    return gather(values, places, numbers, sizes, mode)


def _indices(m: int, n: int) -> tuple[Any, Any]:
    """Row and column numbers, of shapes (m, 1) and (1, n)."""
    return iota(dtypes.int32, (m, 1), 0), iota(dtypes.int32, (1, n), 1)


def _vectors(name: str, x: Any) -> Any:
    """`x` as an array of at least one dimension."""
    x = operand(f"scipy.linalg.{name}", x)
    return reshape(x, (1,)) if x.ndim == 0 else x


def _joined(*xs: Any) -> Any:
    return concatenate(xs, aval_of(xs[0]).ndim - 1)


def _reversed(x: Any) -> Any:
    return rev_p(x, dimensions=(aval_of(x).ndim - 1,))


def _from(x: Any, start: int) -> Any:
    return columns_between(x, start, max(start, aval_of(x).shape[-1]))


def _pair(name: str, c: Any, r: Any) -> tuple[Any, Any]:
    """Two vectors of one dtype, their leading dimensions broadcast."""
    c, r = promote_operands(name, _vectors(name, c), _vectors(name, r))
    lead = broadcast_shapes(name, c.shape[:-1], r.shape[:-1])
    return (
        broadcast_to(c, (*lead, c.shape[-1])),
        broadcast_to(r, (*lead, r.shape[-1])),
    )


def toeplitz(c: Any, r: Any = None) -> Any:
    """Toeplitz matrices, constant along diagonals.

    Args:
        c: first columns (..., m).
        r: first rows (..., n), whose first entry is not used; default the conjugate of
            c.

    Returns:
        Shape (..., m, n).

    >>> from chainrule.scipy.linalg import toeplitz
    >>> import chainrule.numpy as cnp
    >>> toeplitz(cnp.array([1, 2, 3]), cnp.array([1, 4])).tolist()
    [[1, 4], [2, 1], [3, 2]]
    """
    c = _vectors("toeplitz", c)
    r = conj(c) if r is None else r
    c, r = _pair("toeplitz", c, r)
    m, n = c.shape[-1], r.shape[-1]
    if not m or not n:
        return full((*c.shape[:-1], m, n), 0, c.dtype)
    i, j = _indices(m, n)
    return laid_out(_joined(_reversed(_from(r, 1)), c), i - j + (n - 1))


def hankel(c: Any, r: Any = None) -> Any:
    """Hankel matrices, constant along anti-diagonals.

    Args:
        c: first columns (..., m).
        r: last rows (..., n), whose first entry is not used; default zeros.

    Returns:
        Shape (..., m, n).

    >>> from chainrule.scipy.linalg import hankel
    >>> import chainrule.numpy as cnp
    >>> hankel(cnp.array([1, 2, 3]), cnp.array([0, 7])).tolist()
    [[1, 2], [2, 3], [3, 7]]
    """
    c = _vectors("hankel", c)
    r = full(c.shape, 0, c.dtype) if r is None else r
    c, r = _pair("hankel", c, r)
    m, n = c.shape[-1], r.shape[-1]
    i, j = _indices(m, n)
    return laid_out(_joined(c, _from(r, 1)), i + j)


def circulant(c: Any) -> Any:
    """Circulant matrices (..., n, n) whose first columns are `c` (..., n).

    >>> from chainrule.scipy.linalg import circulant
    >>> import chainrule.numpy as cnp
    >>> circulant(cnp.array([1, 2, 3])).tolist()
    [[1, 3, 2], [2, 1, 3], [3, 2, 1]]
    """
    c = _vectors("circulant", c)
    n = c.shape[-1]
    i, j = _indices(n, n)
    step = i - j
    around = select(lt_p(step, full((), 0, dtypes.int32)), step + n, step)
    return laid_out(c, around)


def convolution_matrix(a: Any, n: int, mode: str = "full") -> Any:
    """The matrices whose product with v of length n is the convolution of `a` with v.

    Args:
        a: vectors (..., k).
        n: length of v, positive.
        mode: "full", "same" or "valid", as in numpy.convolve.

    Raises:
        ValueError: n is not positive, `a` is empty, or an unknown mode.

    >>> from chainrule.scipy.linalg import convolution_matrix
    >>> import chainrule.numpy as cnp
    >>> convolution_matrix(cnp.array([1, 2]), 2).tolist()
    [[1, 0], [2, 1], [0, 2]]
    """
    if n <= 0:
        raise ValueError(f"convolution_matrix: n must be a positive integer; got {n}.")
    if mode not in ("full", "valid", "same"):
        raise ValueError(
            "convolution_matrix: mode must be one of 'full', 'valid', 'same'; got"
            f" {mode!r}."
        )
    a = _vectors("convolution_matrix", a)
    k = a.shape[-1]
    if not k:
        raise ValueError(
            f"convolution_matrix: needs vectors of at least one entry; got {a.shape}."
        )
    total = k + n - 1
    rows = {"full": total, "same": max(k, n), "valid": max(k, n) - min(k, n) + 1}[mode]
    first = (total - rows) // 2
    zeros = full((*a.shape[:-1], n - 1), 0, a.dtype)
    i, j = _indices(rows, n)
    return laid_out(_joined(zeros, a, zeros), i - j + (n - 1 + first))


def _monic(name: str, a: Any, least: int) -> Any:
    """-a[1:] / a[0], followed by a one and a zero."""
    a = inexact_operand(name, _vectors(name, a))
    if a.shape[-1] < least:
        raise ValueError(
            f"{name}: The length of `a` along the last axis must be at least {least};"
            f" got shape {a.shape}."
        )
    tail = -_from(a, 1) / columns_between(a, 0, 1)
    ends = [full((*a.shape[:-1], 1), v, a.dtype) for v in (1, 0)]
    return _joined(tail, *ends)


def companion(a: Any) -> Any:
    """The companion matrices (..., n, n) of polynomials a (..., n + 1), highest first.

    Raises:
        ValueError: fewer than two coefficients.

    >>> from chainrule.scipy.linalg import companion
    >>> import chainrule.numpy as cnp
    >>> companion(cnp.array([1., 2., 3.])).tolist()
    [[-2.0, -3.0], [1.0, 0.0]]
    """
    values = _monic("companion", a, 2)
    n = values.shape[-1] - 2
    layout = np.full((n, n), n + 1, np.int32)
    layout[0] = np.arange(n)
    layout[np.arange(1, n), np.arange(n - 1)] = n
    return laid_out(values, wrap(layout))


def fiedler_companion(a: Any) -> Any:
    """The pentadiagonal companion matrices of polynomials a (..., n + 1).

    Source: Fiedler, A note on companion matrices, 2003.

    >>> from chainrule.scipy.linalg import fiedler_companion
    >>> import chainrule.numpy as cnp
    >>> fiedler_companion(cnp.array([1., 2., 3., 4.])).tolist()
    [[-2.0, -3.0, 1.0], [1.0, 0.0, 0.0], [0.0, -4.0, 0.0]]
    """
    values = _monic("fiedler_companion", a, 1)
    n = values.shape[-1] - 2
    layout = np.full((n, n), n + 1, np.int32)
    if n:
        layout[0, 0] = 0
    if n > 1:
        layout[1, 0] = n
    for i in range(0, n - 1, 2):
        layout[i, i + 1] = i + 1
    for i in range(2, n, 2):
        layout[i, i - 1] = i
    for i in range(0, n - 2, 2):
        layout[i, i + 2] = n
    for i in range(3, n, 2):
        layout[i, i - 2] = n
    return laid_out(values, wrap(layout))


def leslie(f: Any, s: Any) -> Any:
    """Leslie matrices (..., n, n): fecundities f in the first row, survival s below.

    Args:
        f: shape (..., n).
        s: shape (..., n - 1), the subdiagonal.

    Raises:
        ValueError: lengths that do not fit.

    >>> from chainrule.scipy.linalg import leslie
    >>> import chainrule.numpy as cnp
    >>> leslie(cnp.array([1, 2]), cnp.array([5])).tolist()
    [[1, 2], [5, 0]]
    """
    f, s = _pair("leslie", f, s)
    n = f.shape[-1]
    if s.shape[-1] != n - 1:
        raise ValueError(
            "leslie: Incorrect lengths for f and s. The length of s along the last axis"
            f" must be one less than the length of f; got f shape {f.shape} and s shape"
            f" {s.shape}."
        )
    layout = np.full((n, n), 2 * n - 1, np.int32)
    layout[0] = np.arange(n)
    layout[np.arange(1, n), np.arange(n - 1)] = n + np.arange(n - 1)
    zero = full((*f.shape[:-1], 1), 0, f.dtype)
    return laid_out(_joined(f, s, zero), wrap(layout))


def fiedler(a: Any) -> Any:
    """The symmetric matrices |a[i] - a[j]| of vectors a (..., n).

    >>> from chainrule.scipy.linalg import fiedler
    >>> import chainrule.numpy as cnp
    >>> fiedler(cnp.array([1, 4])).tolist()
    [[0, 3], [3, 0]]
    """
    a = _vectors("fiedler", a)
    return abs_p(as_columns(a) - as_rows(a))


def block_diag(*arrs: Any) -> Any:
    """The matrix with the given blocks along its diagonal and zeros elsewhere.

    Args:
        arrs: matrices; vectors count as one row, scalars as one entry.

    Raises:
        ValueError: a block of more than two dimensions.

    >>> from chainrule.scipy.linalg import block_diag
    >>> import chainrule.numpy as cnp
    >>> block_diag(cnp.array([[1, 2]]), 3).tolist()
    [[1, 2, 0], [0, 0, 3]]
    """
    if not arrs:
        return full((1, 0), 0, dtypes.default_float())
    blocks = promote("scipy.linalg.block_diag", *arrs)
    for i, x in enumerate(blocks):
        if x.ndim > 2:
            raise ValueError(
                "block_diag: arguments must have at most 2 dimensions; argument"
                f" {i} has shape {x.shape}."
            )
    blocks = [reshape(x, (*(1,) * (2 - x.ndim), *x.shape)) for x in blocks]
    total = sum(x.shape[1] for x in blocks)
    rows: list[Any] = []
    start = 0
    for x in blocks:
        width = x.shape[1]
        config = ((0, 0, 0), (start, total - start - width, 0))
        rows.append(pad_p(x, full((), 0, x.dtype), padding_config=config))
        start += width
    return below(*rows)


# --- matrices of a size ---------------------------------------------------------------


def _rounded(values: Any, dtype: Any = None) -> Any:
    """NumPy values as an array of `dtype`, by default of the default float."""
    dtype = dtypes.default_float() if dtype is None else dtype
    return wrap(np.array(values, np.float64).astype(dtype))


def hilbert(n: int) -> Any:
    """The Hilbert matrix 1 / (i + j + 1), (n, n).

    >>> from chainrule.scipy.linalg import hilbert
    >>> hilbert(2)[1].tolist()[0]
    0.5
    """
    i = np.arange(n)
    return _rounded(1.0 / (i[:, None] + i[None, :] + 1.0))


def invhilbert(n: int) -> Any:
    """The inverse of the Hilbert matrix (n, n), its integers rounded to floats.

    >>> from chainrule.scipy.linalg import invhilbert
    >>> invhilbert(2).tolist()
    [[4.0, -6.0], [-6.0, 12.0]]
    """

    def entry(i: int, j: int) -> int:
        size = (i + j + 1) * math.comb(n + i, n - j - 1) * math.comb(n + j, n - i - 1)
        return (-1) ** (i + j) * size * math.comb(i + j, i) ** 2

    return _rounded(_table(entry, n))


def _table(entry: Any, n: int) -> Any:
    values = [[float(entry(i, j)) for j in range(n)] for i in range(n)]
    return np.array(values, np.float64).reshape(n, n)


_kinds = ("symmetric", "lower", "upper")


def _pascal_kind(name: str, kind: str | None) -> str:
    kind = "symmetric" if kind is None else kind
    if kind not in _kinds:
        raise ValueError(
            f"{name}: Expected kind to be one of: {list(_kinds)}; got {kind}"
        )
    return kind


def pascal(n: int, kind: str | None = None) -> Any:
    """The Pascal matrix of binomial coefficients, (n, n).

    Args:
        n: the size.
        kind: "symmetric" (as None): entries C(i + j, i); "lower": C(i, j); "upper".

    Raises:
        ValueError: an unknown kind.

    >>> from chainrule.scipy.linalg import pascal
    >>> pascal(3).tolist()
    [[1.0, 1.0, 1.0], [1.0, 2.0, 3.0], [1.0, 3.0, 6.0]]
    """
    kind = _pascal_kind("pascal", kind)
    if kind == "symmetric":
        return _rounded(_table(lambda i, j: math.comb(i + j, i), n))
    lower = _table(math.comb, n)
    return _rounded(lower if kind == "lower" else lower.T)


def invpascal(n: int, kind: str | None = None) -> Any:
    """The inverse of the Pascal matrix, (n, n); arguments as of `pascal`.

    >>> from chainrule.scipy.linalg import invpascal
    >>> invpascal(2).tolist()
    [[2.0, -1.0], [-1.0, 1.0]]
    """
    kind = _pascal_kind("invpascal", kind)
    lower = _table(lambda i, j: (-1) ** (i + j) * math.comb(i, j), n)
    if kind == "symmetric":
        return _rounded(_symmetric_inverse(n))
    return _rounded(lower if kind == "lower" else lower.T)


def _symmetric_inverse(n: int) -> Any:
    """The product of the upper and lower inverses, in exact integers."""

    def entry(i: int, j: int) -> int:
        terms = (math.comb(k, i) * math.comb(k, j) for k in range(max(i, j), n))
        return (-1) ** (i + j) * sum(terms)

    return _table(entry, n)


def hadamard(n: int, dtype: Any = int) -> Any:
    """The Hadamard matrix (n, n) by Sylvester's construction, n a power of 2.

    Raises:
        ValueError: n is no power of 2.

    >>> from chainrule.scipy.linalg import hadamard
    >>> hadamard(2).tolist()
    [[1, 1], [1, -1]]
    """
    if n < 1 or n & (n - 1):
        raise ValueError(f"hadamard: n must be a positive power of 2; got {n}.")
    dtype = dtypes.check_array_dtype("hadamard", dtype)
    i = np.arange(n)
    odd = np.bitwise_count(i[:, None] & i[None, :]) % 2
    return wrap((1 - 2 * odd.astype(np.int64)).astype(dtype))


def helmert(n: int, full: bool = False) -> Any:
    """The Helmert matrix (n - 1, n), or with its constant first row if `full`.

    Raises:
        ValueError: n is not positive.

    >>> from chainrule.scipy.linalg import helmert
    >>> helmert(3).shape
    (2, 3)
    """
    if n < 1:
        raise ValueError(f"helmert: n must be a positive integer; got {n}.")
    h = np.tril(np.ones((n, n)), -1) - np.diag(np.arange(n, dtype=np.float64))
    h[0] = 1
    k = np.arange(n, dtype=np.float64)
    square = k * (k + 1)
    square[0] = n
    h /= np.sqrt(square)[:, None]
    return _rounded(h if full else h[1:])


def dft(n: int, scale: str | None = None, *, dtype: Any = None) -> Any:
    """The matrix of the discrete Fourier transform, (n, n).

    Args:
        n: the size.
        scale: None: exp(-2 pi i j k / n); "sqrtn": that over sqrt(n); "n": over n.
        dtype: a complex dtype.

    Raises:
        ValueError: an unknown scale, or a dtype that is not complex.

    >>> from chainrule.scipy.linalg import dft
    >>> dft(2).real.tolist()
    [[1.0, 1.0], [1.0, -1.0]]
    """
    if scale not in (None, "sqrtn", "n"):
        raise ValueError(f"dft: scale must be None, 'sqrtn', or 'n'; got {scale!r}.")
    wanted = dtypes.default_complex()
    if dtype is not None:
        wanted = dtypes.check_array_dtype("dft", dtype)
        if not dtypes.is_complex(wanted):
            raise ValueError(
                f"dft: dtype must be a complex floating-point type; got {wanted}."
            )
    k = np.arange(n)
    turns = (k[:, None] * k[None, :]) % max(n, 1)
    angle = 2 * np.pi * turns / max(n, 1)
    values = np.cos(angle) - 1j * np.sin(angle)
    factor = {None: 1.0, "sqrtn": math.sqrt(max(n, 1)), "n": max(n, 1)}[scale]
    return wrap((values / factor).astype(wanted))


__all__ = [
    "block_diag", "circulant", "companion", "convolution_matrix", "dft",
    "fiedler", "fiedler_companion", "hadamard", "hankel", "helmert", "hilbert",
    "invhilbert", "invpascal", "laid_out", "leslie", "pascal", "toeplitz",
]  # fmt: skip
