"""Complex Schur forms from real ones, and Parlett's recurrence on triangular matrices.

Both are steps of functions of matrices (scipy.linalg.rsf2csf, funm); neither carries a
derivative.
"""

from __future__ import annotations

from typing import Any

from ..core import dtypes
from ..core.primitive import Missing
from ..runtime import lapack
from . import linalg_kernels
from .linalg_rules import check_matrix, check_same, declare

_no_derivative = Missing(
    "it stands on a Schur form, which has no derivative; use expm, sqrtm or"
    " eigenvectors"
)


def _parlett_abstract(t: Any, f: Any) -> Any:
    check_matrix("parlett", t, square=True)
    check_same("parlett", t, f, rank=1)
    return t.shape, t.dtype


parlett_p = declare(
    "parlett",
    "The function of upper triangular t that has the values f at its diagonal.",
    abstract=_parlett_abstract,
    jvp=_no_derivative,
    compute=lapack.parlett,
    lower=linalg_kernels.square("parlett", 1),
)


def _complex_schur_abstract(t: Any, z: Any) -> Any:
    check_matrix("rsf2csf", t, square=True)
    check_same("rsf2csf", t, z)
    if t.shape != z.shape:
        raise ValueError(
            f"rsf2csf: T and Z must have one shape; got {t.shape} and {z.shape}."
        )
    dtype = dtypes.with_complex(t.dtype)
    return [(t.shape, dtype), (z.shape, dtype)]


rsf2csf_p = declare(
    "rsf2csf",
    "The complex, upper triangular Schur form of a matrix from its real one.",
    abstract=_complex_schur_abstract,
    jvp=_no_derivative,
    compute=lapack.complex_schur,
    lower=linalg_kernels.square("complex_schur", 10),
    multiple_results=True,
)

__all__ = ["parlett_p", "rsf2csf_p"]
