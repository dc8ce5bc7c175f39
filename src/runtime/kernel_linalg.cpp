// Linear algebra in plans: problems of lapack_problems.h and lapack_decompositions.h,
// for the element types f32, f64, c64 and c128.
//
// Buffers are inputs, then outputs; the integers are sizes and flags, in the order in
// which a problem takes them. The extent counts problems, and threads may divide it,
// except where a matrix is large: then there is one chunk, which threads share, or in
// which the library uses its own.
#include "cholesky.h"
#include "kernels.h"
#include "lapack_singular.h"
#include "linalg_buffers.h"

namespace chainrule::kernels {
namespace {

using namespace lapack;

/// n
template <class T>
void cholesky(void** buffers, const Int* ints, Int begin, Int end) {
    const Int n = ints[0];
    const Cholesky<T> problem(n);
    Threading threading(problem.entries());
    problem.many(end - begin, at<const T>(buffers, 0, begin, n * n),
                 at<T>(buffers, 1, begin, n * n));
}

/// n, sides, left, lower, operation (0: as it is, 1: transpose, 2: adjoint, 3:
/// conjugate), unit
template <class T>
void triangular_solve(void** buffers, const Int* ints, Int begin, Int end) {
    const Int n = ints[0], sides = ints[1];
    TriangularSolve<T> problem(n, sides, ints[2], ints[3], "NTCR"[ints[4]], ints[5]);
    problem.many(end - begin, at<const T>(buffers, 0, begin, n * n),
                 at<const T>(buffers, 1, begin, n * sides),
                 at<T>(buffers, 2, begin, n * sides));
}

/// m, n
template <class T> void lu(void** buffers, const Int* ints, Int begin, Int end) {
    const Int m = ints[0], n = ints[1];
    Lu<T> problem(m, n);
    Threading threading(problem.entries());
    problem.many(end - begin, at<const T>(buffers, 0, begin, m * n),
                 at<T>(buffers, 1, begin, m * n),
                 at<std::int32_t>(buffers, 2, begin, std::min(m, n)),
                 at<std::int32_t>(buffers, 3, begin, m));
}

/// n, sides, transposed
template <class T> void lu_solve(void** buffers, const Int* ints, Int begin, Int end) {
    const Int n = ints[0], sides = ints[1];
    FactoredSolve<T>(n, sides, ints[2])
        .many(end - begin, at<const T>(buffers, 0, begin, n * n),
              at<const std::int32_t>(buffers, 1, begin, n),
              at<const T>(buffers, 2, begin, n * sides),
              at<T>(buffers, 3, begin, n * sides));
}

/// n, sides
template <class T> void solve(void** buffers, const Int* ints, Int begin, Int end) {
    const Int n = ints[0], sides = ints[1];
    Solve<T> problem(n, sides);
    Threading threading(problem.entries());
    problem.many(end - begin, at<const T>(buffers, 0, begin, n * n),
                 at<const T>(buffers, 1, begin, n * sides),
                 at<T>(buffers, 2, begin, n * sides));
}

/// n, sides, parts in which right-hand sides are solved, perturb; the extent counts parts
template <class T>
void tridiagonal_solve(void** buffers, const Int* ints, Int begin, Int end) {
    const auto in = [&](int k) { return static_cast<const T*>(buffers[k]); };
    TridiagonalSolve<T>(ints[3]).some(
        {ints[0], ints[1], in(0), in(1), in(2), in(3), static_cast<T*>(buffers[4])},
        ints[2], begin, end);
}

/// n
template <class T>
void determinant(void** buffers, const Int* ints, Int begin, Int end) {
    const Int n = ints[0];
    Determinant<T> problem(n);
    Threading threading(problem.entries());
    problem.many(end - begin, at<const T>(buffers, 0, begin, n * n),
                 at<T>(buffers, 1, begin, 1));
}

/// m, n, rows of r
template <class T>
void qr_reflections(void** buffers, const Int* ints, Int begin, Int end) {
    const Int m = ints[0], n = ints[1], width = ints[2];
    QrReflections<T> problem(m, n, width);
    Threading threading(problem.entries());
    problem.many(end - begin, at<const T>(buffers, 0, begin, m * n),
                 at<T>(buffers, 1, begin, m * n),
                 at<T>(buffers, 2, begin, std::min(m, n)),
                 at<T>(buffers, 3, begin, width * n));
}

/// m, n, columns of q
template <class T> void qr_basis(void** buffers, const Int* ints, Int begin, Int end) {
    const Int m = ints[0], n = ints[1], width = ints[2];
    QrBasis<T> problem(m, n, width);
    Threading threading(problem.entries());
    problem.many(end - begin, at<const T>(buffers, 0, begin, m * n),
                 at<const T>(buffers, 1, begin, std::min(m, n)),
                 at<T>(buffers, 2, begin, m * width));
}

/// n, lower, vectors
template <class T> void eigh(void** buffers, const Int* ints, Int begin, Int end) {
    const Int n = ints[0];
    const bool vectors = ints[2];
    Threading threading(n * n);
    T* v = vectors ? at<T>(buffers, 1, begin, n * n) : nullptr;
    Eigh<T>(n, ints[1], vectors)
        .many(end - begin, at<const T>(buffers, 0, begin, n * n), v,
              at<Real<T>>(buffers, 1 + vectors, begin, n));
}

/// m, n, job (0: no vectors, 1: as many as there are values, 2: all), method (0: rotate, 1: divide, 2: iterate)
template <class T> void svd(void** buffers, const Int* ints, Int begin, Int end) {
    const Int m = ints[0], n = ints[1], job = ints[2], k = std::min(m, n);
    Threading threading(m * n);
    T *u = nullptr, *vh = nullptr;
    if (job != 0) {
        u = at<T>(buffers, 2, begin, m * (job == 2 ? m : k));
        vh = at<T>(buffers, 3, begin, n * (job == 2 ? n : k));
    }
    Svd<T>(m, n, "NSA"[job], static_cast<SvdMethod>(ints[3]))
        .many(end - begin, at<const T>(buffers, 0, begin, m * n), u,
              at<Real<T>>(buffers, 1, begin, k), vh);
}

template <class T> void add_all(Names& names, const std::string& type) {
    names["cholesky_" + type] = cholesky<T>;
    names["triangular_solve_" + type] = triangular_solve<T>;
    names["lu_" + type] = lu<T>;
    names["lu_solve_" + type] = lu_solve<T>;
    names["solve_" + type] = solve<T>;
    names["tridiagonal_solve_" + type] = tridiagonal_solve<T>;
    names["determinant_" + type] = determinant<T>;
    names["qr_reflections_" + type] = qr_reflections<T>;
    names["qr_basis_" + type] = qr_basis<T>;
    names["eigh_" + type] = eigh<T>;
    names["svd_" + type] = svd<T>;
}

}  // namespace

void add_linalg_kernels(Names& names) {
    add_all<float>(names, "f32");
    add_all<double>(names, "f64");
    add_all<std::complex<float>>(names, "c64");
    add_all<std::complex<double>>(names, "c128");
}

}  // namespace chainrule::kernels
