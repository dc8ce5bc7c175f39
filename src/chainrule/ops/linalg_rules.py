"""How linear-algebra primitives are declared, and the rules they all share.

Operands are stacks of matrices (or of vectors): leading dimensions are batch dimensions
and equal among operands, so batching moves the batch dim to the front and binds again.
Evaluation is by LAPACK on NumPy arrays (runtime/lapack.py) in float32, float64,
complex64 and complex128. A factorisation that does not exist holds NaN; only shapes and
dtypes raise. Derivatives are written in the matrix algebra of matrices.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core import dtypes
from ..core.primitive import Primitive
from .joining import with_batch_first

supported = frozenset(
    (dtypes.float32, dtypes.float64, dtypes.complex64, dtypes.complex128)
)


def check_dtype(name: str, x: Any) -> Any:
    """The dtype of `x`, or TypeError or NotImplementedError where LAPACK has it not."""
    if x.dtype in supported:
        return x.dtype
    if dtypes.is_inexact(x.dtype):
        raise NotImplementedError(
            f"{name}: Unsupported dtype {x.dtype}; convert the operand of shape"
            f" {x.shape} to float32 or float64."
        )
    raise TypeError(
        f"{name}: does not accept dtype {x.dtype}; it takes float32, float64, complex64"
        " and complex128 arrays."
    )


def check_matrix(name: str, x: Any, square: bool = False) -> tuple[Any, int, int]:
    """(batch shape, m, n) of a stack of matrices; raises if it is not one."""
    check_dtype(name, x)
    if x.ndim < 2:
        raise TypeError(
            f"{name}: the operand must have rank at least 2, of shape (..., m, n); got"
            f" shape {x.shape}."
        )
    m, n = x.shape[-2:]
    if square and m != n:
        raise ValueError(
            f"{name}: the matrices must be square, of shape (..., n, n); got {x.shape}."
        )
    return x.shape[:-2], m, n


def check_same(name: str, x: Any, y: Any, rank: int = 2) -> None:
    """Raises unless `y` has the dtype and the batch dimensions of matrices `x`."""
    if x.dtype != y.dtype:
        raise TypeError(
            f"{name}: operands must have one dtype; got {x.dtype} and {y.dtype}."
            " Convert one with astype."
        )
    if y.ndim < rank or y.shape[: y.ndim - rank] != x.shape[:-2]:
        raise TypeError(
            f"{name}: operands must have equal batch dimensions; got shapes {x.shape}"
            f" and {y.shape}."
        )


def declare(
    name: str,
    doc: str,
    *,
    abstract: Callable[..., Any],
    compute: Callable[..., Any],
    jvp: Any = None,
    batch: Any = None,
    multiple_results: bool = False,
    **rules: Any,
) -> Primitive:
    """A linear-algebra primitive, evaluated by `compute`, batched over leading dims."""

    def batch_leading(args: Any, dims: Any, size: int, **params: Any) -> Any:
        out = prim(*with_batch_first(args, dims, size), **params)
        return out, [0] * len(out) if multiple_results else 0

    prim = Primitive(
        name, doc, abstract=abstract, evaluate=compute, jvp=jvp,
        batch=batch or batch_leading, multiple_results=multiple_results, **rules,
    )  # fmt: skip
    return prim


__all__ = ["check_dtype", "check_matrix", "check_same", "declare", "supported"]
