"""How linear algebra lowers: to kernels of the runtime over stacks of matrices.

The kernels (src/runtime/kernel_linalg.cpp) are made of the problems that eager functions
solve too, so compiled programs have the same numbers. Matrices of at most 12 x 12 are
solved side by side, one for each lane of a vector; larger ones by panels or by LAPACK,
divided over threads by problems. What is one number for each matrix, determinants of at most
3 x 3 and their cofactors, is an expression, and fused with its neighbours.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

from ..core import dtypes

GRAIN = 1 << 15
"""Multiplications that a thread should have at least."""
LARGE = 1 << 20
"""Entries from which on the library divides one problem over threads itself."""
LANES = 16
"""Small matrices that are solved at once, at most."""
COLUMNS = 256
"""Right-hand sides of a tridiagonal system that are solved at once."""
INLINE = 3
DIRECTIONS = 16
"""Of a derivative of an exponential, at most."""

_types = {"float32": "f32", "float64": "f64", "complex64": "c64", "complex128": "c128"}


def _solved(
    build: Any, name: str, inputs: Sequence[Any], outs: Sequence[Any],
    sizes: Sequence[int], work: int,
) -> list[Any]:  # fmt: skip
    """What a kernel makes of stacks of matrices, at `work` operations for each."""
    x = inputs[0]
    count = math.prod(x.shape[:-2])
    grain = -(-GRAIN // max(work, 1) // LANES) * LANES
    if math.prod(x.shape[-2:]) >= LARGE:
        grain = count
    elif work >= GRAIN:
        grain = 1
    kind = _types[x.aval.dtype.name]
    return build.native(f"{name}_{kind}", inputs, outs, sizes, count, max(grain, 1))


def cholesky(build: Any, x: Any) -> Any:
    """The factor of each matrix."""
    n = x.shape[-1]
    return _solved(build, "cholesky", (x,), [build.out], (n,), n**3 // 3)[0]


def triangular_solve(
    build: Any, a: Any, b: Any, *, left_side: bool, lower: bool, transpose_a: bool,
    conjugate_a: bool, unit_diagonal: bool,
) -> Any:  # fmt: skip
    """The solutions of each triangular system."""
    conjugate = conjugate_a and dtypes.is_complex(a.aval.dtype)
    n = a.shape[-1]
    sides = b.shape[-1] if left_side else b.shape[-2]
    operation = (2 if conjugate else 1) if transpose_a else 3 if conjugate else 0
    flags = int(left_side), int(lower), operation, int(unit_diagonal)
    work = n * n * sides
    return _solved(
        build, "triangular_solve", (a, b), [build.out], (n, sides, *flags), work
    )[0]


def lu(build: Any, x: Any) -> list[Any]:
    """Factors, row swaps and permutations."""
    m, n = x.shape[-2:]
    return _solved(build, "lu", (x,), build.out, (m, n), m * n * min(m, n))


def pivots_to_permutation(build: Any, pivots: Any, *, permutation_size: int) -> Any:
    """Where the row at an index comes from: its way back through the swaps."""
    m, count = build.m, pivots.shape[-1]
    build.require(count <= 2 * LANES, f"{count} row swaps")
    out = build.type_of(build.out.dtype)

    def element(*indices: Any) -> Any:
        row = m.convert(indices[-1].expr(), out)
        for k in reversed(range(count)):
            other = pivots.at(*indices[:-1], m.expression_index(m.const(k, "i64")))
            row = m.select(row.eq(k), other, m.select(row.eq(other), k, row))
        return row

    return build.index(element, pivots, cost=4.0 * count)


def lu_solve(
    build: Any, a: Any, lu: Any, permutation: Any, b: Any, *, transpose_a: bool
) -> Any:
    """The solutions of each system by its factors."""
    n, sides = b.shape[-2:]
    sizes = (n, sides, int(transpose_a))
    work = 2 * n * n * sides
    return _solved(build, "lu_solve", (lu, permutation, b), [build.out], sizes, work)[0]


def linear_solve(build: Any, a: Any, b: Any) -> Any:
    """The solutions of each system."""
    n, sides = b.shape[-2:]
    work = n * n * (n + 2 * sides)
    return _solved(build, "solve", (a, b), [build.out], (n, sides), work)[0]


def tridiagonal_solve(
    build: Any, dl: Any, d: Any, du: Any, b: Any, *, perturb_singular: bool
) -> Any:
    """The solutions of each tridiagonal system; many right-hand sides in parts."""
    n, sides = b.shape[-2:]
    dtype = b.aval.dtype
    whole = perturb_singular or dtypes.is_complex(dtype)
    parts = 1 if whole else max(-(-sides // COLUMNS), 1)
    sizes = (n, sides, parts, int(perturb_singular))
    count = math.prod(b.shape[:-2]) * parts
    # A vector takes as many systems as one number, if the cache holds them.
    lanes = LANES if n * (3 + sides) <= COLUMNS**2 // 4 else 1
    grain = -(-GRAIN // max(n * (8 + 4 * sides), 1) // lanes) * lanes
    name = f"tridiagonal_solve_{_types[dtype.name]}"
    return build.native(name, (dl, d, du, b), [build.out], sizes, count, grain)[0]


def qr(build: Any, x: Any, *, pivoting: bool, full_matrices: bool) -> list[Any]:
    """Reflections and r in one step, their product q in another, if somebody reads it;
    with pivots, both in one."""
    m, n = x.shape[-2:]
    q, r = build.out[:2]
    sizes = (m, n, r.shape[-2])
    work = 2 * m * n * min(m, n)
    if pivoting:
        return _solved(build, "pivoted_qr", (x,), build.out, sizes, 2 * work)
    columns, taus = _reflections_avals(build, x)
    factors, scales, upper = _solved(
        build, "qr_reflections", (x,), [columns, taus, r], sizes, work
    )
    # The basis kernel takes the number of matrices from its first operand.
    (basis,) = _solved(build, "qr_basis", (factors, scales), [q], sizes, work)
    return [basis, upper]


def _reflections_avals(build: Any, x: Any) -> tuple[Any, Any]:
    """Avals of column-major factors and of the scales of reflections."""
    *batch, m, n = x.shape
    dtype = x.aval.dtype
    return (
        build.aval((*batch, n, m), dtype),
        build.aval((*batch, min(m, n)), dtype),
    )


def reflections(name: str) -> Any:
    """How factors in the form of reflections lower, by the kernel of that name."""

    def lower(build: Any, x: Any) -> list[Any]:
        m, n = x.shape[-2:]
        return _solved(build, name, (x,), build.out, (m, n), 2 * m * n * min(m, n))

    return lower


def householder_product(build: Any, a: Any, taus: Any) -> Any:
    """The product of each matrix's reflections."""
    sizes = (*a.shape[-2:], taus.shape[-1])
    work = 4 * math.prod(sizes)
    return _solved(build, "householder_product", (a, taus), [build.out], sizes, work)[0]


def ormqr(build: Any, a: Any, taus: Any, c: Any, *, left: bool, transpose: bool) -> Any:
    """Products with matrices that are reflections."""
    k = taus.shape[-1]
    sizes = (*a.shape[-2:], k, *c.shape[-2:], int(left), int(transpose))
    work = 4 * k * math.prod(c.shape[-2:])
    return _solved(build, "ormqr", (a, taus, c), [build.out], sizes, work)[0]


def eigh(build: Any, x: Any, *, lower: bool, vectors: bool) -> list[Any]:
    """Vectors and values, or values."""
    n = x.shape[-1]
    sizes = (n, int(lower), int(vectors))
    return _solved(build, "eigh", (x,), build.out, sizes, 10 * n**3)


def svd(
    build: Any, x: Any, *, full_matrices: bool, compute_uv: bool, algorithm: str
) -> list[Any]:
    """Values, or values and both sides' vectors."""
    m, n = x.shape[-2:]
    job = (2 if full_matrices else 1) if compute_uv else 0
    sizes = (m, n, job, ("rotate", "divide", "qr").index(algorithm))
    return _solved(build, "svd", (x,), build.out, sizes, 20 * m * n * min(m, n))


def expm(build: Any, x: Any, *, max_squarings: int) -> Any:
    """The exponential of each matrix."""
    n = x.shape[-1]
    return _solved(build, "expm", (x,), [build.out], (n, max_squarings), 20 * n**3)[0]


def expm_frechet(build: Any, x: Any, *directions: Any, max_squarings: int) -> Any:
    """The derivative of each matrix's exponential."""
    n, count = x.shape[-1], len(directions)
    build.require(count <= DIRECTIONS, f"{count} directions")
    work = 60 * (n << count - 1) ** 3
    inputs, sizes = (x, *directions), (n, count, max_squarings)
    return _solved(build, "expm_frechet", inputs, [build.out], sizes, work)[0]


def square(name: str, work: int) -> Any:
    """How functions of square matrices lower, and of what belongs to each: by the kernel
    of that name, at `work` times n^3 operations."""

    def lower(build: Any, x: Any, *others: Any) -> Any:
        n = x.shape[-1]
        several = isinstance(build.out, list)
        outs = build.out if several else [build.out]
        made = _solved(build, name, (x, *others), outs, (n,), work * n**3)
        return made if several else made[0]

    return lower


def tridiagonal(build: Any, x: Any, *, lower: bool) -> list[Any]:
    """Tridiagonal forms and reflections."""
    n = x.shape[-1]
    return _solved(build, "tridiagonal", (x,), build.out, (n, int(lower)), 2 * n**3)


def eig(build: Any, x: Any, *, left: bool, right: bool) -> list[Any]:
    """Values, then left and right vectors where wanted."""
    n = x.shape[-1]
    sizes = (n, int(left), int(right))
    return _solved(build, "eig", (x,), build.out, sizes, 25 * n**3)


def schur(build: Any, x: Any, *, compute_schur_vectors: bool) -> list[Any]:
    """Forms, and vectors where wanted."""
    n = x.shape[-1]
    sizes = (n, int(compute_schur_vectors))
    return _solved(build, "schur", (x,), build.out, sizes, 25 * n**3)


def sylvester(build: Any, a: Any, b: Any, c: Any) -> Any:
    """The solutions of each equation."""
    m, n = c.shape[-2:]
    work = 25 * (m**3 + n**3)
    return _solved(build, "sylvester", (a, b, c), [build.out], (m, n), work)[0]


def pinv(build: Any, x: Any, rtol: Any) -> Any:
    """The pseudoinverse of each matrix."""
    m, n = x.shape[-2:]
    work = 20 * m * n * min(m, n)
    return _solved(build, "pinv", (x, rtol), [build.out], (m, n), work)[0]


def least_squares(build: Any, a: Any, b: Any, rtol: Any) -> list[Any]:
    """Solutions and singular values."""
    m, n = a.shape[-2:]
    sizes = (m, n, b.shape[-1])
    work = 20 * m * n * min(m, n)
    return _solved(build, "least_squares", (a, b, rtol), build.out, sizes, work)


def polar(build: Any, x: Any) -> list[Any]:
    """Polar factors by singular values."""
    m, n = x.shape[-2:]
    return _solved(build, "polar", (x,), build.out, (m, n), 20 * m * n * n)


def qdwh(build: Any, x: Any, *, max_iterations: int, eps: float) -> list[Any]:
    """Polar factors by iteration; eps goes by its bits."""
    m, n = x.shape[-2:]
    (bits,) = struct.unpack("q", struct.pack("d", eps))
    sizes = (m, n, max_iterations, bits)
    return _solved(build, "qdwh", (x,), build.out, sizes, 50 * m * n * n)


# --- determinants ---------------------------------------------------------------------


def det(build: Any, x: Any) -> Any:
    """An expression for small matrices."""
    n = x.shape[-1]
    if x.type is None or n > INLINE:
        return _solved(build, "determinant", (x,), [build.out], (n,), n**3)[0]
    m = build.m

    def element(*batch: Any) -> Any:
        pivots, odd = _pivots(m, _entries(m, x, batch))
        product = _product(m, pivots) if pivots else m.const(1, x.type)
        return m.select(odd, -product, product) if n > 1 else product

    return build.index(element, build.settled(x, reads=n * n), cost=4.0 * n * n)


def slogdet(build: Any, x: Any) -> Any:
    """The signs of pivots multiplied, their logarithms added up; complex ones by a kernel
    of their own."""
    if x.type is None:
        return square("slogdet", 1)(build, x)
    m, n = build.m, x.shape[-1]
    batch = tuple(x.shape[:-2])
    ints = [build.aval((*batch, n), dtypes.int32)] * 2
    factors, swaps, _ = _solved(build, "lu", (x,), [x.aval, *ints], (n, n), n**3)

    def values(*indices: Any) -> Any:
        k = indices[-1]
        pivot = factors.at(*indices, k)
        swapped = swaps.at(*indices).ne(m.convert(k.expr(), "i32"))
        unit = m.select(pivot < 0, -1, m.select(pivot > 0, 1, pivot))
        return m.select(swapped, -unit, unit), m.log(m.unary("abs", pivot))

    start = (m.const(1, x.type), m.const(0, x.type))
    return build.fold(
        (*batch, n), (len(batch),), values, start,
        lambda total, v: (total[0] * v[0], total[1] + v[1]), factors, swaps,
    )  # fmt: skip


def cofactors(build: Any, x: Any) -> Any:
    """Polynomials of the entries of matrices of at most 3 x 3; a kernel beyond."""
    m, n = build.m, x.shape[-1]
    if x.type is None or n > INLINE:
        return square("cofactors", 2)(build, x)
    x = build.settled(x, reads=n * n)

    def element(*indices: Any) -> Any:
        *batch, i, j = indices
        if n < 2:
            return m.const(1, x.type)
        rows, columns = ([(k + s).divmod(n)[1] for s in range(1, n)] for k in (i, j))
        if n == 2:
            entry = x.at(*batch, rows[0], columns[0])
            return m.select((i + j).expr().eq(1), -entry, entry)
        return x.at(*batch, rows[0], columns[0]) * x.at(
            *batch, rows[1], columns[1]
        ) - x.at(*batch, rows[0], columns[1]) * x.at(*batch, rows[1], columns[0])

    return build.index(element, x, cost=3.0)


def _entries(m: Any, x: Any, batch: Sequence[Any]) -> list[list[Any]]:
    places = [m.Index(k) for k in range(x.shape[-1])]
    return [[x.at(*batch, i, j) for j in places] for i in places]


def _pivots(m: Any, a: list[list[Any]]) -> tuple[list[Any], Any]:
    """The pivots of elimination, each of the largest magnitude in its column, and
    whether an odd number of rows were exchanged."""
    n = len(a)
    odd = m.const(False, "bool")
    for k in range(n):
        for i in range(k + 1, n):
            larger = m.unary("abs", a[i][k]) > m.unary("abs", a[k][k])
            odd = larger if odd.op == "const" else odd ^ larger
            for j in range(k, n):
                a[k][j], a[i][j] = (
                    m.select(larger, a[i][j], a[k][j]),
                    m.select(larger, a[k][j], a[i][j]),
                )
        for i in range(k + 1, n):
            # Below a pivot of zero there are zeros.
            factor = m.select(a[k][k].eq(0), a[i][k], a[i][k] / a[k][k])
            for j in range(k + 1, n):
                a[i][j] = m.fma(-factor, a[k][j], a[i][j])
    return [a[k][k] for k in range(n)], odd


def _product(m: Any, pivots: list[Any]) -> Any:
    """The product of at most three numbers, the smallest by the largest first: then it
    overflows on the way only where the whole does."""
    if len(pivots) < 3:
        return pivots[0] if len(pivots) == 1 else pivots[0] * pivots[1]
    x, y, z = pivots
    for _ in range(2):
        x, y = _by_magnitude(m, x, y)
        y, z = _by_magnitude(m, y, z)
    return x * z * y


def _by_magnitude(m: Any, x: Any, y: Any) -> tuple[Any, Any]:
    turned = m.unary("abs", y) < m.unary("abs", x)
    return m.select(turned, y, x), m.select(turned, x, y)
