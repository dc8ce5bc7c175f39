"""Products of vectors, matrices and tensors: dot, matmul, tensordot and their kin.

Each is one dot_general where the operands allow it; only stacks of matrices whose
leading dimensions broadcast need a permutation behind it. einsum is in einstein_sums.py.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from ..core import dtypes
from ..ops.arithmetic import mul_p
from ..ops.contractions import MATRIX_PRODUCT, Numbers, dot_general_p
from ..ops.elementwise_complex import conj_p
from ..ops.elementwise_rules import broadcast_shapes
from ..ops.joining import concatenate, slice_along, squeeze
from ..ops.precision import canonical_precision
from ..ops.shaping import (
    broadcast_to,
    canonical_axis,
    move_dim,
    reshape,
    transpose,
)
from .promotion import promote, promote_operands

_VECTORS: Numbers = (((0,), (0,)), ((), ()))


def _product_type(name: str, x: Any, preferred: Any) -> Any:
    if preferred is None:
        return x.dtype
    return dtypes.check_array_dtype(name, preferred)


def _contract(
    x: Any, y: Any, numbers: Numbers, precision: Any = None, preferred: Any = None
) -> Any:
    if precision is not None:
        precision = canonical_precision("dot_general", precision)
    return dot_general_p(
        x,
        y,
        dimension_numbers=numbers,
        precision=precision,
        preferred_element_type=x.dtype if preferred is None else preferred,
    )


def matmul(
    a: Any,
    b: Any,
    *,
    precision: Any = None,
    preferred_element_type: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Matrix product of `a` and `b`, the operator `@`.

    Args:
        a: shape (..., n, k), or (k,): a row vector, its dimension dropped at the end.
        b: shape (..., k, m), or (k,): a column vector, likewise. Leading dimensions
            broadcast.
        precision: accepted; products are of the operands' full precision.
        preferred_element_type: dtype of the result; default the operands' common one.
        out_sharding: accepted for programs that name shardings.

    Returns:
        An array of shape (..., n, m).

    Raises:
        ValueError: an operand is a scalar.
        TypeError: contracted sizes differ, or leading dimensions do not broadcast.

    >>> import chainrule.numpy as cnp
    >>> cnp.matmul(cnp.array([[1, 2], [3, 4]]), cnp.array([5, 6])).tolist()
    [17, 39]
    """
    a, b = promote_operands("matmul", a, b)
    dtype = _product_type("matmul", a, preferred_element_type)
    rank, other = a.ndim, b.ndim
    if not rank or not other:
        raise ValueError(
            f"matmul: operand {0 if not rank else 1} is a scalar, but must have at"
            " least 1 dimension; use multiply."
        )
    if other > 2:
        return _stacked(a, b, precision, dtype)
    if rank != 2 or precision is not None:
        return _contract(a, b, (((rank - 1,), (0,)), ((), ())), precision, dtype)
    return dot_general_p(
        a,
        b,
        dimension_numbers=MATRIX_PRODUCT,
        precision=None,
        preferred_element_type=dtype,
    )


def _stacked(a: Any, b: Any, precision: Any, dtype: Any) -> Any:
    """a @ b where b has leading dimensions; those paired with equal size are batch."""
    rank = a.ndim
    lead_a, lead_b = a.shape[:-2], b.shape[:-2]
    lead = broadcast_shapes("matmul", lead_a, lead_b)
    n = len(lead)
    # Where only one operand has a leading dimension (of more than 1), it stays free.
    at_a = {
        i + n - len(lead_a): i
        for i, m in enumerate(lead_a)
        if m == lead[i - len(lead_a)]
    }
    at_b = {
        i + n - len(lead_b): i
        for i, m in enumerate(lead_b)
        if m == lead[i - len(lead_b)]
    }
    drop_a = [i for i in range(len(lead_a)) if i not in at_a.values()]
    drop_b = [i for i in range(len(lead_b)) if i not in at_b.values()]
    a, b = squeeze(a, drop_a), squeeze(b, drop_b)
    shared = [d for d in range(n) if d in at_a and d in at_b]
    only_a = [d for d in at_a if d not in at_b]
    only_b = [d for d in at_b if d not in at_a]
    kept_a, kept_b = sorted(at_a), sorted(at_b)
    batch = (
        tuple(kept_a.index(d) for d in shared),
        tuple(kept_b.index(d) for d in shared),
    )
    numbers = (((a.ndim - 1,), (b.ndim - 2,)), batch)
    out = _contract(a, b, numbers, precision, dtype)
    found: list[Any] = [*shared, *sorted(only_a)]
    found += ["row"] if rank > 1 else []
    found += [*sorted(only_b), "column"]
    wanted = [*range(n), *(["row"] if rank > 1 else []), "column"]
    return transpose(out, [found.index(d) for d in wanted])


def dot(
    a: Any,
    b: Any,
    *,
    precision: Any = None,
    preferred_element_type: Any = None,
    out_sharding: Any = None,
) -> Any:
    """The sum over the last dimension of `a` and the second to last of `b`.

    Args:
        a: array of any shape; a scalar multiplies.
        b: array of any shape; a vector is summed over its only dimension.
        precision: accepted; products are of the operands' full precision.
        preferred_element_type: dtype of the result; default the operands' common one.
        out_sharding: accepted for programs that name shardings.

    Raises:
        TypeError: the summed dimensions differ in size.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.dot(cnp.array([1., 2.]), cnp.array([3., 4.])))
    11.0
    """
    a, b = promote_operands("dot", a, b)
    dtype = _product_type("dot", a, preferred_element_type)
    if not a.ndim or not b.ndim:
        numbers: Numbers = (((), ()), ((), ()))
    elif b.ndim == 1:
        numbers = (((a.ndim - 1,), (0,)), ((), ()))
    else:
        numbers = (((a.ndim - 1,), (b.ndim - 2,)), ((), ()))
    return _contract(a, b, numbers, precision, dtype)


def vdot(
    a: Any, b: Any, *, precision: Any = None, preferred_element_type: Any = None
) -> Any:
    """The inner product of `a` and `b` as flat vectors, `a` conjugated.

    Args:
        a, b: arrays of the same number of elements.
        precision: accepted; products are of the operands' full precision.
        preferred_element_type: dtype of the result.

    >>> import chainrule.numpy as cnp
    >>> complex(cnp.vdot(cnp.array([1j]), cnp.array([2j])))
    (2+0j)
    """
    a, b = promote("vdot", a, b)
    dtype = _product_type("vdot", a, preferred_element_type)
    if dtypes.is_complex(a.dtype):
        a = conj_p(a, input_dtype=a.dtype)
    a, b = reshape(a, (a.size,)), reshape(b, (b.size,))
    return _contract(a, b, _VECTORS, precision, dtype)


def vecdot(
    x1: Any,
    x2: Any,
    /,
    *,
    axis: int = -1,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Any:
    """Inner products of vectors along `axis`, the other dimensions broadcasting.

    Args:
        x1, x2: arrays with dimension `axis` of equal size; `x1` is conjugated.
        axis: the dimension to sum over, counted in each operand.
        precision: accepted; products are of the operands' full precision.
        preferred_element_type: dtype of the result.

    Raises:
        ValueError: the summed sizes differ, or `axis` is out of bounds.

    >>> import chainrule.numpy as cnp
    >>> cnp.vecdot(cnp.array([[1, 2], [3, 4]]), cnp.array([1, 1])).tolist()
    [3, 7]
    """
    x1, x2 = promote("vecdot", x1, x2)
    dtype = _product_type("vecdot", x1, preferred_element_type)
    i, j = (canonical_axis("vecdot", axis, x.ndim) for x in (x1, x2))
    if x1.shape[i] != x2.shape[j]:
        raise ValueError(
            f"vecdot: vectors have {x1.shape[i]} and {x2.shape[j]} elements along axis"
            f" {axis} of shapes {x1.shape} and {x2.shape}; the sizes must be equal."
        )
    if dtypes.is_complex(x1.dtype):
        x1 = conj_p(x1, input_dtype=x1.dtype)
    x1, x2 = move_dim(x1, i, x1.ndim - 1), move_dim(x2, j, x2.ndim - 1)
    x1 = reshape(x1, (*x1.shape[:-1], 1, x1.shape[-1]))
    out = matmul(
        x1,
        reshape(x2, (*x2.shape, 1)),
        precision=precision,
        preferred_element_type=dtype,
    )
    return reshape(out, out.shape[:-2])


def matvec(x1: Any, x2: Any, /) -> Any:
    """Matrices times vectors: x1 of shape (..., n, k), x2 of shape (..., k).

    >>> import chainrule.numpy as cnp
    >>> cnp.matvec(cnp.array([[1, 2], [3, 4]]), cnp.array([[1, 0], [0, 1]])).tolist()
    [[1, 3], [2, 4]]
    """
    x1, x2 = promote("matvec", x1, x2)
    _check_rank("matvec", 0, x1, 2)
    _check_rank("matvec", 1, x2, 1)
    if x2.ndim == 1:
        return matmul(x1, x2)
    return squeeze_last(matmul(x1, reshape(x2, (*x2.shape, 1))), -1)


def vecmat(x1: Any, x2: Any, /) -> Any:
    """Conjugated vectors times matrices: x1 of shape (..., n), x2 (..., n, k).

    >>> import chainrule.numpy as cnp
    >>> cnp.vecmat(cnp.array([1, 0]), cnp.array([[1, 2], [3, 4]])).tolist()
    [1, 2]
    """
    x1, x2 = promote("vecmat", x1, x2)
    _check_rank("vecmat", 0, x1, 1)
    _check_rank("vecmat", 1, x2, 2)
    if dtypes.is_complex(x1.dtype):
        x1 = conj_p(x1, input_dtype=x1.dtype)
    if x1.ndim == 1:
        return matmul(x1, x2)
    return squeeze_last(matmul(reshape(x1, (*x1.shape[:-1], 1, x1.shape[-1])), x2), -2)


def squeeze_last(x: Any, axis: int) -> Any:
    """`x` without its dimension `axis` (negative) of size 1."""
    return squeeze(x, (x.ndim + axis,))


def _check_rank(name: str, number: int, x: Any, rank: int) -> None:
    if x.ndim < rank:
        raise ValueError(
            f"{name}: operand {number} of shape {x.shape} must have at least {rank}"
            " dimensions."
        )


def inner(
    a: Any, b: Any, *, precision: Any = None, preferred_element_type: Any = None
) -> Any:
    """The sum of products over the last dimensions of `a` and `b`.

    Args:
        a: shape (..., k); a scalar multiplies.
        b: shape (..., k).
        precision: accepted; products are of the operands' full precision.
        preferred_element_type: dtype of the result.

    Returns:
        An array of shape (*a.shape[:-1], *b.shape[:-1]).

    >>> import chainrule.numpy as cnp
    >>> cnp.inner(cnp.array([[1, 2], [3, 4]]), cnp.array([1, 1])).tolist()
    [3, 7]
    """
    a, b = promote_operands("inner", a, b)
    dtype = _product_type("inner", a, preferred_element_type)
    numbers: Numbers = (((), ()), ((), ()))
    if a.ndim and b.ndim:
        numbers = (((a.ndim - 1,), (b.ndim - 1,)), ((), ()))
    return _contract(a, b, numbers, precision, dtype)


def outer(a: Any, b: Any, out: None = None) -> Any:
    """The products of all pairs of elements of `a` and `b`, both taken as flat.

    Returns:
        An array of shape (a.size, b.size).

    >>> import chainrule.numpy as cnp
    >>> cnp.outer(cnp.array([1, 2]), cnp.array([3, 4])).tolist()
    [[3, 4], [6, 8]]
    """
    refuse_out("outer", out)
    a, b = promote("outer", a, b)
    return mul_p(reshape(a, (a.size, 1)), reshape(b, (1, b.size)))


def refuse_out(name: str, out: Any) -> None:
    """NotImplementedError where the argument `out` is given: arrays are immutable."""
    if out is not None:
        raise NotImplementedError(
            f"{name}: the argument 'out' is not supported, because arrays are"
            " immutable; use the returned array."
        )


def tensordot(
    a: Any,
    b: Any,
    axes: int | Sequence[int] | Sequence[Sequence[int]] = 2,
    *,
    precision: Any = None,
    preferred_element_type: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Sums of products over several dimensions of `a` and `b`.

    Args:
        a, b: arrays.
        axes: an int n: the last n dimensions of `a` with the first n of `b`; or a pair
            of dimensions, or of sequences of them, of `a` and of `b`.
        precision: accepted; products are of the operands' full precision.
        preferred_element_type: dtype of the result.
        out_sharding: accepted for programs that name shardings.

    Raises:
        TypeError: `axes` has another form, or the paired sizes differ.

    >>> import chainrule.numpy as cnp
    >>> int(cnp.tensordot(cnp.array([[1, 2], [3, 4]]), cnp.array([[1, 0], [0, 1]])))
    5
    """
    a, b = promote("tensordot", a, b)
    dtype = _product_type("tensordot", a, preferred_element_type)
    left, right = _paired_axes(axes, a.ndim, b.ndim)
    return _contract(a, b, ((left, right), ((), ())), precision, dtype)


def _paired_axes(axes: Any, n: int, m: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if hasattr(axes, "__index__"):
        count = operator.index(axes)
        if not 0 <= count <= min(n, m):
            raise TypeError(
                f"tensordot: axes {axes} must not be negative or exceed the operands'"
                f" numbers of dimensions, {n} and {m}."
            )
        return tuple(range(n - count, n)), tuple(range(count))
    if len(axes) != 2:
        raise TypeError(f"tensordot: axes must be an int or a pair; got {axes!r}.")
    pair = [(d,) if hasattr(d, "__index__") else tuple(d) for d in axes]
    if len(pair[0]) != len(pair[1]):
        raise TypeError(
            f"tensordot: axes {axes!r} name {len(pair[0])} dimensions of the first"
            f" operand and {len(pair[1])} of the second; the numbers must be equal."
        )
    left = tuple(canonical_axis("tensordot", d, n) for d in pair[0])
    right = tuple(canonical_axis("tensordot", d, m) for d in pair[1])
    return left, right


def kron(a: Any, b: Any) -> Any:
    """The Kronecker product: blocks of `b` scaled by the elements of `a`.

    Returns:
        An array whose sizes are the products of the operands' (leading ones added).

    >>> import chainrule.numpy as cnp
    >>> cnp.kron(cnp.array([1, 10]), cnp.array([1, 2])).tolist()
    [1, 2, 10, 20]
    """
    a, b = promote("kron", a, b)
    rank = max(a.ndim, b.ndim)
    a_shape = (*(1,) * (rank - a.ndim), *a.shape)
    b_shape = (*(1,) * (rank - b.ndim), *b.shape)
    blocks = mul_p(
        reshape(a, [n for m in a_shape for n in (m, 1)]),
        reshape(b, [n for m in b_shape for n in (1, m)]),
    )
    return reshape(blocks, [n * m for n, m in zip(a_shape, b_shape)])


def cross(
    a: Any,
    b: Any,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Any:
    """The cross product of vectors of 2 or 3 components.

    Args:
        a, b: arrays with 2 or 3 elements along `axisa`, `axisb`; the other dimensions
            broadcast. A third component that is missing is zero.
        axisa, axisb, axisc: where the components are in `a`, `b` and the result.
        axis: overrides all three.

    Returns:
        The products; where both operands have 2 components, only the third component,
        without a dimension for it.

    Raises:
        ValueError: another number of components.

    >>> import chainrule.numpy as cnp
    >>> cnp.cross(cnp.array([1, 0, 0]), cnp.array([0, 1, 0])).tolist()
    [0, 0, 1]
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = promote("cross", a, b)
    a = move_dim(a, canonical_axis("cross", axisa, a.ndim), a.ndim - 1)
    b = move_dim(b, canonical_axis("cross", axisb, b.ndim), b.ndim - 1)
    n, m = a.shape[-1], b.shape[-1]
    if n not in (2, 3) or m not in (2, 3):
        raise ValueError(
            f"cross: vectors must have 2 or 3 components; got {n} and {m} along axes"
            f" {axisa} and {axisb}."
        )
    x, y = _components(a), _components(b)
    third = x[0] * y[1] - x[1] * y[0]
    if n == m == 2:
        return third
    parts = [_minor(x, y, 1, 2), _minor(x, y, 2, 0), third]
    shape = broadcast_shapes("cross", *(p.shape for p in parts))
    stacked = [reshape(broadcast_to(p, shape), (*shape, 1)) for p in parts]
    out = concatenate(stacked, len(shape))
    return move_dim(out, len(shape), canonical_axis("cross", axisc, out.ndim))


def _components(v: Any) -> list[Any]:
    n = v.shape[-1]
    last = v.ndim - 1
    return [reshape(slice_along(v, i, i + 1, last), v.shape[:-1]) for i in range(n)]


def _minor(x: list[Any], y: list[Any], i: int, j: int) -> Any:
    """x[i] y[j] - x[j] y[i], components that do not exist being zero."""
    terms: list[Any] = []
    if i < len(x) and j < len(y):
        terms.append(x[i] * y[j])
    if j < len(x) and i < len(y):
        terms.append(-(x[j] * y[i]))
    return terms[0] if len(terms) == 1 else terms[0] + terms[1]


__all__ = [
    "cross", "dot", "inner", "kron", "matmul", "matvec", "outer", "refuse_out",
    "tensordot", "vdot", "vecdot", "vecmat",
]  # fmt: skip
