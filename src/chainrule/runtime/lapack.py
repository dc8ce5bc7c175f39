"""Dense linear algebra on NumPy arrays, by LAPACK from scipy-openblas64.

Every function takes arrays of float32, float64, complex64 or complex128 with any
leading batch dimensions (also empty ones), leaves its arguments alone, and returns
fresh C-contiguous arrays; it runs with the GIL released. Where a factorisation does
not exist or an iteration does not converge the result holds NaN; nothing is raised
for values. Wrong shapes raise ValueError, wrong dtypes or types TypeError.

The library is opened at the first call, not at import. `...` stands for the batch
dimensions, k for min(m, n). The algorithms are LAPACK's (Anderson et al., LAPACK
Users' Guide, third edition, 1999); the C++ side is src/runtime/lapack_*.cpp.
"""

import functools
import importlib.util
import pathlib

from chainrule.runtime import _native

__all__ = [
    "address",
    "cholesky",
    "cholesky_update",
    "cofactors",
    "complex_schur",
    "determinant",
    "eig",
    "eigh",
    "expm",
    "expm_frechet",
    "geqp3",
    "geqrf",
    "hessenberg",
    "householder_product",
    "least_squares",
    "library_path",
    "lu",
    "lu_solve",
    "ormqr",
    "parlett",
    "pinv",
    "pivoted_qr",
    "polar",
    "qdwh",
    "qr",
    "schur",
    "set_threads",
    "slogdet",
    "solve",
    "sqrtm",
    "svd",
    "sylvester",
    "threads",
    "triangular_solve",
    "triangular_sylvester",
    "tridiagonal",
    "tridiagonal_solve",
]


def library_path():
    """Path of the shared library inside the package scipy-openblas64.

    Returns a str; the package is located, not imported. Raises ImportError if it is
    not installed or holds no library.

    >>> "openblas" in library_path()
    True
    """
    spec = importlib.util.find_spec("scipy_openblas64")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(
            "lapack: the package scipy-openblas64 is not installed; "
            "run `pip install scipy-openblas64`."
        )
    folder = pathlib.Path(spec.submodule_search_locations[0]) / "lib"
    for suffix in (".so", ".dylib", ".dll"):
        for path in sorted(folder.glob(f"libscipy_openblas*{suffix}")):
            return str(path)
    raise ImportError(
        f"lapack: no libscipy_openblas library in {folder}; reinstall scipy-openblas64."
    )


@functools.cache
def _loaded():
    """The native module, once the library is open."""
    _native.lapack_load(library_path())
    return _native


def address(name):
    """Address of a Fortran routine, for code that calls it directly.

    `name` is a BLAS or LAPACK name with its type letter; integers are 64-bit and
    every character argument has a hidden length at the end. Returns an int. Raises
    ImportError if the library has no such routine.

    >>> address("dgemm") != 0
    True
    """
    return _loaded().lapack_address(name)


def set_threads(count):
    """Let the library use `count` threads for large problems, from now on.

    Matrices of fewer than 1024 x 1024 entries always run on the calling thread alone,
    and so does what compiled code calls by `address`.

    Raises ValueError if `count` is less than one.

    >>> set_threads(threads())
    """
    _loaded().lapack_set_threads(count)


def threads():
    """How many threads the library may use for large problems, an int.

    At first all processors, or what OPENBLAS_NUM_THREADS says.

    >>> threads() >= 1
    True
    """
    return _loaded().lapack_threads()


def cholesky(a):
    """Lower triangular L with a = L L^H, for Hermitian positive definite matrices.

    `a`: (..., n, n), of which only the lower triangle is read. Returns L, (..., n, n);
    where a matrix is not positive definite its lower triangle is NaN.

    >>> import numpy as np
    >>> cholesky(np.array([[4.0, 2.0], [2.0, 5.0]]))
    array([[2., 0.],
           [1., 2.]])
    """
    return _loaded().lapack_cholesky(a)


def triangular_solve(a, b, lower=True, trans="N", unit_diagonal=False, left_side=True):
    """Solve op(a) x = b, or x op(a) = b if not `left_side`, for a triangular `a`.

    `a`: (..., n, n), of which one triangle is read; `b`: (..., n, k), or (..., k, n)
    if not `left_side`. `trans`: op is the identity 'N', the transpose 'T', the
    conjugate transpose 'C' or the conjugate 'R'. `unit_diagonal`: take the diagonal as ones. Returns x,
    shaped as `b`; a zero on the diagonal gives infinities and NaN.

    >>> import numpy as np
    >>> a = np.array([[2.0, 0.0], [1.0, 4.0]])
    >>> triangular_solve(a, np.array([[2.0], [9.0]]))
    array([[1.],
           [2.]])
    """
    return _loaded().lapack_triangular_solve(
        a, b, lower, trans, unit_diagonal, left_side
    )


def lu(a):
    """Factors of P a = L U by partial pivoting, `a`: (..., m, n).

    Returns (lu, pivots, permutation): `lu` (..., m, n) holds U and, below the
    diagonal, L without its ones; `pivots` (..., k) int32 are zero-based row swaps in
    order; `permutation` (..., m) int32 is such that a[permutation] = L U. A singular
    matrix has a zero on the diagonal of U.

    >>> import numpy as np
    >>> lu(np.array([[1.0, 2.0], [2.0, 2.0]]))[0]
    array([[2. , 2. ],
           [0.5, 1. ]])
    """
    return _loaded().lapack_lu(a)


def lu_solve(factors, permutation, b, transposed=False):
    """Solve a x = b, or a^T x = b, by the factors of a.

    `factors`: (..., n, n), and `permutation`: (..., n), as `lu` returns them; `b`:
    (..., n, k). Returns x, shaped as `b`; a zero on the diagonal of the upper factor
    gives infinities and NaN.

    >>> import numpy as np
    >>> factors, _, permutation = lu(np.array([[0.0, 2.0], [4.0, 0.0]]))
    >>> lu_solve(factors, permutation, np.array([[2.0], [4.0]]))
    array([[1.],
           [1.]])
    """
    return _loaded().lapack_lu_solve(factors, permutation, b, transposed)


def determinant(a):
    """The determinant of each matrix, as the product of the pivots of its LU factors.

    `a`: (..., n, n). Returns an array of the batch's shape, () for one matrix.

    >>> import numpy as np
    >>> determinant(np.array([[0.0, 2.0], [4.0, 1.0]]))
    array(-8.)
    """
    return _loaded().lapack_determinant(a)


def solve(a, b):
    """Solve a x = b by LU with partial pivoting.

    `a`: (..., n, n), `b`: (..., n, k). Returns x, (..., n, k), NaN where `a` is
    exactly singular.

    >>> import numpy as np
    >>> solve(np.array([[0.0, 2.0], [1.0, 0.0]]), np.array([[4.0], [3.0]]))
    array([[3.],
           [2.]])
    """
    return _loaded().lapack_solve(a, b)


def tridiagonal_solve(dl, d, du, b, perturb_singular=False):
    """Solve a x = b for tridiagonal matrices, with partial pivoting.

    `dl`, `d`, `du`: (..., n), the lower, main and upper diagonals; dl[..., 0] and
    du[..., -1] are not read. `b`: (..., n, k). `perturb_singular`: where the solution
    is not finite, move the diagonal by its rounding error and solve again. Returns x,
    (..., n, k), NaN where the matrix is exactly singular.

    >>> import numpy as np
    >>> d = np.array([2.0, 2.0])
    >>> tridiagonal_solve(np.zeros(2), d, np.ones(2), np.array([[5.0], [2.0]]))
    array([[2.],
           [1.]])
    """
    return _loaded().lapack_tridiagonal_solve(dl, d, du, b, perturb_singular)


def triangular_sylvester(a, b, c, trans_a="N", trans_b="N", subtract=False):
    """Solve op(a) x + x op(b) = c for upper (quasi-)triangular `a` and `b`.

    `a`: (..., m, m) and `b`: (..., n, n) in Schur form, as `schur` returns it;
    `c`: (..., m, n). `trans_a`, `trans_b`: 'N', 'C', or for real matrices 'T'.
    `subtract`: solve op(a) x - x op(b) = c. Returns x, (..., m, n); where `a` and
    `b` nearly share an eigenvalue, slightly perturbed ones are used.

    >>> import numpy as np
    >>> triangular_sylvester(np.eye(1), np.eye(1), np.array([[6.0]]))
    array([[3.]])
    """
    return _loaded().lapack_triangular_sylvester(a, b, c, trans_a, trans_b, subtract)


def qr(a, full_matrices=True):
    """Orthonormal q and upper triangular r with a = q r, `a`: (..., m, n).

    Returns (q, r): (..., m, m) and (..., m, n), or (..., m, k) and (..., k, n) if
    not `full_matrices`. The diagonal of r may be negative.

    >>> import numpy as np
    >>> q, r = qr(np.array([[3.0], [4.0]]), full_matrices=False)
    >>> q @ r
    array([[3.],
           [4.]])
    """
    return _loaded().lapack_qr(a, full_matrices)


def geqrf(a):
    """QR of `a`: (..., m, n), with q left as Householder reflections.

    Returns (factors, taus): `factors` (..., m, n) holds r and, below the diagonal,
    the reflections' vectors; `taus` (..., k) their scales.

    >>> import numpy as np
    >>> factors, taus = geqrf(np.array([[3.0], [4.0]]))
    >>> householder_product(factors, taus) * factors[0, 0]
    array([[3.],
           [4.]])
    """
    return _loaded().lapack_geqrf(a)


def geqp3(a):
    """QR with column pivoting, q left as reflections: a[:, pivots] = q r.

    `a`: (..., m, n). Returns (factors, pivots, taus): as `geqrf`, and `pivots`
    (..., n) int32, zero-based. The diagonal of r decreases in magnitude.

    >>> import numpy as np
    >>> geqp3(np.array([[1.0, 0.0], [0.0, 2.0]]))[1]
    array([1, 0], dtype=int32)
    """
    return _loaded().lapack_geqp3(a)


def householder_product(a, taus):
    """The first n columns of a product of Householder reflections.

    `a`: (..., m, n) with m >= n, the reflections' vectors below its diagonal;
    `taus`: (..., t) with t <= n. Returns (..., m, n) with orthonormal columns.

    >>> import numpy as np
    >>> householder_product(np.array([[0.0], [1.0]]), np.array([1.0]))
    array([[ 0.],
           [-1.]])
    """
    return _loaded().lapack_householder_product(a, taus)


def ormqr(a, taus, c, left=True, transpose=False):
    """Multiply `c` by the q of a QR that is kept as reflections, without forming q.

    `a`: (..., r, s) and `taus`: (..., t) as from `geqrf`, t <= min(r, s); `c`:
    (..., m, n), r being m, or n if not `left`. Returns q c, or c q if not `left`,
    with q^H in place of q if `transpose`.

    >>> import numpy as np
    >>> ormqr(np.eye(2), np.zeros(2), np.array([[3.0], [4.0]]))
    array([[3.],
           [4.]])
    """
    return _loaded().lapack_ormqr(a, taus, c, left, transpose)


def hessenberg(a):
    """Reduction q^H a q = h to upper Hessenberg form, q left as reflections.

    `a`: (..., n, n). Returns (factors, taus): `factors` (..., n, n) holds h and,
    below the subdiagonal, the vectors; `taus` is (..., max(n - 1, 0)). The q of the
    trailing n - 1 coordinates is householder_product(factors[..., 1:, :-1], taus).

    >>> import numpy as np
    >>> hessenberg(np.eye(2))[0]
    array([[1., 0.],
           [0., 1.]])
    """
    return _loaded().lapack_hessenberg(a)


def tridiagonal(a, lower=True):
    """Reduction q^H a q of Hermitian matrices to real tridiagonal form.

    `a`: (..., n, n), of which one triangle is read. Returns (factors, d, e, taus):
    the real diagonal `d` (..., n) and off-diagonal `e` (..., n - 1), and q as
    reflections in `factors` (..., n, n) and `taus` (..., n - 1).

    >>> import numpy as np
    >>> tridiagonal(np.array([[1.0, 2.0], [2.0, 3.0]]))[1]
    array([1., 3.])
    """
    return _loaded().lapack_tridiagonal(a, lower)


def eigh(a, lower=True, compute_v=True):
    """Eigenvalues and eigenvectors of Hermitian matrices.

    `a`: (..., n, n), of which one triangle is read. Returns (w, v): `w` (..., n)
    real and ascending, `v` (..., n, n) with orthonormal columns, a v = v diag(w);
    (w,) if not `compute_v`. A matrix with NaN or infinity gives NaN.

    >>> import numpy as np
    >>> eigh(np.array([[0.0, 1.0], [1.0, 0.0]]))[0]
    array([-1.,  1.])
    """
    return _loaded().lapack_eigh(a, lower, compute_v)


def eig(a, left=False, right=True):
    """Eigenvalues and eigenvectors of general matrices, `a`: (..., n, n).

    Returns a tuple of w (..., n), then vl (..., n, n) if `left`, then vr (..., n, n)
    if `right`, all complex: a vr = vr diag(w), vl^H a = diag(w) vl^H, columns of
    norm one. A matrix with NaN or infinity gives NaN.

    >>> import numpy as np
    >>> w, vr = eig(np.array([[2.0, 0.0], [0.0, 3.0]]))
    >>> w
    array([2.+0.j, 3.+0.j])
    """
    return _loaded().lapack_eig(a, left, right)


def schur(a, compute_v=True):
    """Schur form a = v t v^H of general matrices, `a`: (..., n, n).

    Returns (t, v), both (..., n, n) of a's dtype, or (t,) if not `compute_v`: v is
    unitary; t upper triangular, for real matrices with 2 x 2 blocks on the diagonal
    for complex pairs of eigenvalues. A matrix with NaN or infinity gives NaN.

    >>> import numpy as np
    >>> schur(np.array([[1.0, 2.0], [0.0, 3.0]]))[0]
    array([[1., 2.],
           [0., 3.]])
    """
    return _loaded().lapack_schur(a, compute_v)


def svd(a, full_matrices=True, compute_uv=True, algorithm="rotate"):
    """Singular value decomposition a = u diag(s) vh, `a`: (..., m, n).

    Returns (u, s, vh): (..., m, m), (..., k) real and descending, (..., n, n); or
    (..., m, k), (..., k), (..., k, n) if not `full_matrices`; or (s,) if not
    `compute_uv`. `algorithm`: "divide" (and conquer, then QR iteration where that
    does not converge), "qr" (iteration at once: slower, better at tiny values), or
    "rotate" (pairs of columns, of matrices of at most 48 rows or columns which are not
    next to singular; the others are divided). A matrix with NaN or infinity gives NaN.

    >>> import numpy as np
    >>> svd(np.array([[3.0, 0.0], [0.0, 4.0]]))[1]
    array([4., 3.])
    """
    return _loaded().lapack_svd(a, full_matrices, compute_uv, algorithm)


def expm(a, max_squarings=16):
    """The exponentials of square matrices, `a`: (..., n, n).

    By scaling and squaring (Higham, The scaling and squaring method for the matrix
    exponential revisited, 2005). Returns an array like `a`; NaN where a matrix is not
    finite, or asks for more than `max_squarings` squarings.

    >>> import numpy as np
    >>> expm(np.array([[0.0, 2.0], [0.0, 0.0]]))
    array([[1., 2.],
           [0., 1.]])
    """
    return _loaded().lapack_expm(a, max_squarings)


def expm_frechet(a, directions, max_squarings=16):
    """The derivative of the exponential at `a` along one direction or several.

    `a`: (..., n, n), and as many more of the same shape in the sequence `directions`, at
    most 16 (Al-Mohy and Higham, Computing the Frechet derivative of the matrix
    exponential, 2009; of several, Higham and Relton, Higher order Frechet derivatives of
    matrix functions, 2014). Returns an array like `a`, NaN as for `expm`.

    >>> import numpy as np
    >>> expm_frechet(np.zeros((1, 1)), [np.array([[3.0]])])
    array([[3.]])
    """
    return _loaded().lapack_expm_frechet(a, directions, max_squarings)


def sylvester(a, b, c):
    """Solve a x + x b = c (Bartels and Stewart, 1972).

    `a`: (..., m, m), `b`: (..., n, n), `c`: (..., m, n). Returns x, (..., m, n), NaN
    where a matrix is not finite.

    >>> import numpy as np
    >>> sylvester(np.eye(1), np.eye(1), np.array([[6.0]]))
    array([[3.]])
    """
    return _loaded().lapack_sylvester(a, b, c)


def pivoted_qr(a, full_matrices=True):
    """QR with column pivoting, a[:, pivots] = q r: `geqp3` with q multiplied out.

    `a`: (..., m, n). Returns (q, r, pivots): q and r shaped as by `qr`, `pivots` (..., n)
    int32, zero-based.

    >>> import numpy as np
    >>> pivoted_qr(np.array([[1.0, 0.0], [0.0, 2.0]]))[2]
    array([1, 0], dtype=int32)
    """
    return _loaded().lapack_pivoted_qr(a, full_matrices)


def cofactors(a):
    """Matrices of cofactors: (-1)^(i + j) times the minor without row i and column j.

    `a`: (..., n, n), which may be singular. Returns an array like `a`.

    >>> import numpy as np
    >>> cofactors(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[ 4., -3.],
           [-2.,  1.]])
    """
    return _loaded().lapack_cofactors(a)


def slogdet(a):
    """Determinants as signs (or phases), and logarithms of their magnitudes.

    `a`: (..., n, n). Returns (sign, logarithm), both of the batch's shape: 0 and -inf for
    singular matrices.

    >>> import numpy as np
    >>> sign, logarithm = slogdet(np.diag([-1.0, 1.0]))
    >>> float(sign), float(logarithm)
    (-1.0, 0.0)
    """
    return _loaded().lapack_slogdet(a)


def pinv(a, rtol):
    """Pseudoinverses, singular values up to rtol times the largest taken as zero.

    `a`: (..., m, n); `rtol`: (...), real. Returns (..., n, m).

    >>> import numpy as np
    >>> pinv(np.array([[2.0], [0.0]]), np.array(1e-6))
    array([[0.5, 0. ]])
    """
    return _loaded().lapack_pinv(a, rtol)


def least_squares(a, b, rtol):
    """The x of least norm among those of least |a x - b|; the singular values of a.

    `a`: (..., m, n), `b`: (..., m, j), `rtol`: (...), real, as for `pinv`. Returns
    (x, s): (..., n, j) and (..., k).

    >>> import numpy as np
    >>> least_squares(np.ones((2, 1)), np.array([[1.0], [3.0]]), np.array(1e-6))[0]
    array([[2.]])
    """
    return _loaded().lapack_least_squares(a, b, rtol)


def polar(a):
    """Factors a = u p by singular values, `a`: (..., m, n) with m >= n.

    Returns (u, p): u (..., m, n) with orthonormal columns, p (..., n, n) positive
    semidefinite.

    >>> import numpy as np
    >>> polar(np.diag([3.0, -2.0]))[1]
    array([[3., 0.],
           [0., 2.]])
    """
    return _loaded().lapack_polar(a)


def qdwh(a, max_iterations, eps):
    """Factors as of `polar`, by iteration (Nakatsukasa, Bai and Gygi, 2010).

    `a`: (..., m, n) with m >= n; `eps`: the rounding error to reach. Returns (u, p,
    steps, converged), the last two (...) of int32 and bool. A matrix with NaN or infinity
    gives NaN.

    >>> import numpy as np
    >>> bool(qdwh(np.eye(2), 10, 1e-16)[3])
    True
    """
    return _loaded().lapack_qdwh(a, max_iterations, eps)


def cholesky_update(r, w):
    """Upper triangular y with y^H y = r^H r + w w^H, for upper triangular r.

    `r`: (..., n, n), of which the upper triangle is read; `w`: (..., n). Returns y,
    (..., n, n), with a positive diagonal.

    >>> import numpy as np
    >>> cholesky_update(np.array([[3.0]]), np.array([4.0]))
    array([[5.]])
    """
    return _loaded().lapack_cholesky_update(r, w)


def sqrtm(a):
    """The complex y with y y = a whose eigenvalues have non-negative real parts.

    `a`: (..., n, n) (Bjorck and Hammarling, A Schur method for the square root of a
    matrix, 1983). Returns an array of complex numbers, shaped as `a`.

    >>> import numpy as np
    >>> sqrtm(np.array([[4.0]]))
    array([[2.+0.j]])
    """
    return _loaded().lapack_sqrtm(a)


def parlett(t, f):
    """The function of upper triangular t that has the values f at its diagonal.

    `t`: (..., n, n), `f`: (..., n) (Golub and Van Loan, Matrix Computations, algorithm
    9.1.1). Returns (..., n, n); equal eigenvalues divide by the smallest normal number.

    >>> import numpy as np
    >>> parlett(np.array([[1.0, 1.0], [0.0, 2.0]]), np.array([1.0, 4.0]))
    array([[1., 3.],
           [0., 4.]])
    """
    return _loaded().lapack_parlett(t, f)


def complex_schur(t, z):
    """The complex, upper triangular Schur form of matrices from their real ones.

    `t`, `z`: (..., n, n), as `schur` returns them. Returns (t, z), complex.

    >>> import numpy as np
    >>> complex_schur(np.array([[1.0]]), np.eye(1))[0]
    array([[1.+0.j]])
    """
    return _loaded().lapack_complex_schur(t, z)
