"""Samples of the absorbing forms: those of their primitives, on which nothing differs,
and operands with zeros, infinities and NaNs, whose references skip what meets a zero.
"""

import dataclasses

import numpy as np

from chainrule.core.primitive import registry
from chainrule.ops.contractions import MATRIX_PRODUCT
from chainrule.ops.windows import ScatterDimensionNumbers

from . import Sample, contractions, convolution, cumulative, indexing, linalg

INF, NAN = np.inf, np.nan
MOST = 6


def _same(family):
    """The first samples of each primitive of the family that has a form."""
    found = {}
    for sample in family.SAMPLES:
        prim = registry.get(sample.primitive)
        if f"absorbing_{sample.primitive}" in registry and prim is not None:
            found.setdefault(prim, []).append(sample)
    for prim, samples in found.items():
        for sample in samples[:MOST]:
            yield dataclasses.replace(sample, primitive=f"absorbing_{prim.name}")


def _times(x, y):
    """x * y, zero where one of them is."""
    with np.errstate(invalid="ignore"):
        return np.where((x == 0) | (y == 0), 0, x * y)


def _product(x, y):
    """The matrix product, by terms; it is as it is where one that counts is not finite."""
    with np.errstate(invalid="ignore"):
        terms = _times(x[:, :, None], y[None])
        found = np.where(np.isfinite(terms).all(1), terms.sum(1), x @ y)
    return found.astype(x.dtype)


def _recurrence(a, b):
    z = [b[0]]
    for factor, term in zip(a[1:], b[1:]):
        z.append(_times(factor, z[-1]) + term)
    return np.stack(z).astype(b.dtype)


def _columns(a, b):
    """The solutions of lower triangular systems, zero for right-hand sides of zeros."""
    x = np.zeros_like(b)
    for j in np.flatnonzero(b.any(0)):
        for i in range(len(b)):
            x[i, j] = (b[i, j] - a[i, :i] @ x[:i, j]) / a[i, i]
    return x


_dot = {
    "dimension_numbers": MATRIX_PRODUCT,
    "precision": None,
    "preferred_element_type": None,
}
_solve = {
    "left_side": True, "lower": True, "transpose_a": False, "conjugate_a": False,
    "unit_diagonal": False,
}  # fmt: skip
_at_indices = {
    **next(s.params for s in indexing.SAMPLES if s.primitive == "scatter-mul"),
    "dimension_numbers": ScatterDimensionNumbers((), (0,), (0,)),
}
_left = np.array([[0, 1, 2], [3, 0, 0], [0, 0, 1], [INF, 1, 0], [NAN, 0, 2]], "f")
_right = np.array([[NAN, 1, INF, 0], [2, INF, 1, 0], [1, 2, -INF, 3]], "f")
_factors = np.array([[2, INF], [INF, 1], [3, NAN], [0, 2], [NAN, 0], [2, INF]], "f").T
_terms = np.array([[0, 1], [0, 0], [1, 0], [2, 1], [0, 0], [0, 0]], "f").T
_bad = np.array([[1, 0], [NAN, 2]], "f")

SAMPLES = [
    *_same(contractions), *_same(convolution), *_same(cumulative), *_same(indexing),
    *_same(linalg),
    Sample("absorbing_dot_general", (_left, _right), _dot,
           reference=_product, differentiable=(), dtypes=("float64",)),
    Sample("absorbing_dot_general", (_bad + 1j * _bad.T, _bad[:, ::-1] + 1j), _dot,
           reference=_product, differentiable=()),
    Sample("absorbing_linear_recurrence", (_factors.T, _terms.T),
           {"axis": 0, "reverse": False}, reference=_recurrence, differentiable=()),
    Sample("absorbing_triangular_solve",
           (_bad, np.array([[0, 1], [0, 2]], "f")), _solve, reference=_columns,
           differentiable=()),
    Sample("absorbing_scatter-mul",
           (np.array([0, 1, 0, 2], "f"), np.array([[0], [1]]), np.array([NAN, INF], "f")),
           _at_indices,
           reference=lambda x, *_: np.array([0, INF, 0, 2], "f"), differentiable=()),
]  # fmt: skip
