"""Messages of products of matrices, numpy.linalg and numpy.fft."""

import numpy as np
import pytest

import chainrule.numpy as cnp
from chainrule.core.avals import as_array

from .expecting import message

x = as_array(np.array([1.0, 2.0, 3.0], np.float32))
y = as_array(np.ones(4, np.float32))
z = as_array(np.ones(3, np.complex64))
m = as_array(np.arange(6, dtype=np.float32).reshape(2, 3))
q = as_array(np.eye(3, dtype=np.float32))

REFUSED = {
    "matmul of a scalar": (
        lambda: cnp.matmul(x, 2.0),
        ValueError,
        "matmul: operand 1 is a scalar, but must have at least 1 dimension; use"
        " multiply.",
    ),
    "matmul of sizes that differ": (
        lambda: m @ y,
        TypeError,
        "dot_general: requires contracting dimensions to have the same shape, got"
        " (3,) and (4,), dimensions (1,) of (2, 3) and (0,) of (4,).",
    ),
    "dot of sizes that differ": (
        lambda: cnp.dot(m, y),
        TypeError,
        "dot_general: requires contracting dimensions to have the same shape, got"
        " (3,) and (4,), dimensions (1,) of (2, 3) and (0,) of (4,).",
    ),
    "vecdot of sizes that differ": (
        lambda: cnp.vecdot(x, y),
        ValueError,
        "vecdot: vectors have 3 and 4 elements along axis -1 of shapes (3,) and"
        " (4,); the sizes must be equal.",
    ),
    "tensordot over too many axes": (
        lambda: cnp.tensordot(x, x, 2),
        TypeError,
        "tensordot: axes 2 must not be negative or exceed the operands' numbers of"
        " dimensions, 1 and 1.",
    ),
    "tensordot over sizes that differ": (
        lambda: cnp.tensordot(m, y, 1),
        TypeError,
        "dot_general: requires contracting dimensions to have the same shape, got"
        " (3,) and (4,), dimensions (1,) of (2, 3) and (0,) of (4,).",
    ),
    "tensordot over unequal numbers of axes": (
        lambda: cnp.tensordot(m, m, ((0, 1), (0,))),
        TypeError,
        "tensordot: axes ((0, 1), (0,)) name 2 dimensions of the first operand and"
        " 1 of the second; the numbers must be equal.",
    ),
    "cross of vectors of 4 components": (
        lambda: cnp.cross(y, y),
        ValueError,
        "cross: vectors must have 2 or 3 components; got 4 and 4 along axes -1 and"
        " -1.",
    ),
    "einsum of too few operands": (
        lambda: cnp.einsum("ij,jk->ik", m),
        ValueError,
        "einsum: 'ij,jk->ik' has 2 operands, but 1 were given.",
    ),
    "einsum with an output label that is in no operand": (
        lambda: cnp.einsum("ij->ik", m),
        ValueError,
        "einsum: output label 'k' of 'ij->ik' is in no operand.",
    ),
    "einsum with an output label twice": (
        lambda: cnp.einsum("ij->ii", m),
        ValueError,
        "einsum: output label 'i' appears more than once in 'ij->ii'.",
    ),
    "einsum with too many labels": (
        lambda: cnp.einsum("ijk->i", m),
        ValueError,
        "einsum: the labels 'ijk' of operand 0 do not fit its shape (2, 3); give"
        " one for each of its 2 dimensions.",
    ),
    "einsum of sizes that differ": (
        lambda: cnp.einsum("ij,ij->i", m, m.T),
        ValueError,
        "einsum: label 'i' has size 3 in operand 1, but 2 before.",
    ),
    "solve of sizes that differ": (
        lambda: cnp.linalg.solve(q, y),
        ValueError,
        "linear_solve: a of shape (3, 3) and b of shape (4, 1) do not fit; b must"
        " be (..., 3, k).",
    ),
    "inv of a matrix that is not square": (
        lambda: cnp.linalg.inv(m),
        ValueError,
        "inv: the matrices must be square, of shape (..., n, n); got (2, 3).",
    ),
    "det of a vector": (
        lambda: cnp.linalg.det(x),
        TypeError,
        "det: the operand must have rank at least 2, of shape (..., m, n); got"
        " shape (3,).",
    ),
    "cholesky of integers of a bad shape": (
        lambda: cnp.linalg.cholesky(m),
        ValueError,
        "cholesky: the matrices must be square, of shape (..., n, n); got (2, 3).",
    ),
    "norm of an unknown order": (
        lambda: cnp.linalg.norm(m, ord=3),
        ValueError,
        "norm: Invalid order '3' for matrix norm.",
    ),
    "norm over three axes": (
        lambda: cnp.linalg.norm(cnp.ones((2, 2, 2)), axis=(0, 1, 2)),
        ValueError,
        "norm: Improper number of axes for norm: axis=(0, 1, 2). Pass one axis to"
        " compute a vector-norm, or two axes to compute a matrix-norm.",
    ),
    "eigh with an unknown part": (
        lambda: cnp.linalg.eigh(q, UPLO="X"),
        ValueError,
        "eigh: UPLO must be one of None, 'L', or 'U', got 'X'.",
    ),
    "matrix_power of a float": (
        lambda: cnp.linalg.matrix_power(q, 1.5),
        TypeError,
        "matrix_power: exponent must be an integer, got 1.5.",
    ),
    "multi_dot of one matrix": (
        lambda: cnp.linalg.multi_dot([m]),
        ValueError,
        "multi_dot: requires at least two arrays; got len(arrays)=1.",
    ),
    "lstsq of sizes that differ": (
        lambda: cnp.linalg.lstsq(m, x),
        ValueError,
        "lstsq: Leading dimensions of input arrays must match; got (2, 3) and (3,).",
    ),
    "fft with an unknown norm": (
        lambda: cnp.fft.fft(x, norm="none"),
        ValueError,
        'fft: Invalid norm value none; should be "backward","ortho" or "forward".',
    ),
    "fft over an axis twice": (
        lambda: cnp.fft.fftn(m, axes=(0, 0)),
        ValueError,
        "fftn: does not support repeated axes. Got axes (0, 0).",
    ),
    "rfft of complex numbers": (
        lambda: cnp.fft.rfft(z),
        ValueError,
        "rfft: only real valued inputs supported for rfft; got dtype complex64.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    call, error, text = REFUSED[what]
    assert message(error, call) == text
