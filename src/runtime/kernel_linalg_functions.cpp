// More of linear algebra in plans: reductions, forms of general matrices, functions of
// matrices and what is made of several factorisations; buffers, integers and extents as
// in kernel_linalg.cpp.
#include "kernels.h"
#include "lapack_determinants.h"
#include "lapack_reductions.h"
#include "linalg_buffers.h"
#include "matrix_exponential.h"
#include "matrix_factors.h"
#include "matrix_functions.h"

#include <cstring>

namespace chainrule::kernels {
namespace {

using namespace lapack;

/// n, most squarings
template <class T> void expm(void** buffers, const Int* ints, Int begin, Int end) {
    const Int n = ints[0];
    Expm<T> problem(n, ints[1]);
    Threading threading(problem.entries());
    problem.many(end - begin, at<const T>(buffers, 0, begin, n * n), nullptr,
                 at<T>(buffers, 1, begin, n * n));
}

/// n, directions, most squarings
template <class T>
void expm_frechet(void** buffers, const Int* ints, Int begin, Int end) {
    const Int n = ints[0], directions = ints[1];
    const T* operands[kMostDirections + 1];
    for (Int k = 0; k <= directions; ++k)
        operands[k] = at<const T>(buffers, int(k), begin, n * n);
    ExpmFrechet<T> problem(n, directions, ints[2]);
    Threading threading(problem.entries());
    problem.many(end - begin, operands, at<T>(buffers, int(directions) + 1, begin, n * n));
}

/// m, n
template <class T> void geqrf(void** buffers, const Int* ints, Int begin, Int end) {
    const Int m = ints[0], n = ints[1];
    QrReflections<T> problem(m, n, 0);
    Threading threading(problem.entries());
    problem.packed(end - begin, at<const T>(buffers, 0, begin, m * n),
                   at<T>(buffers, 1, begin, m * n),
                   at<T>(buffers, 2, begin, std::min(m, n)));
}

/// m, n
template <class T> void geqp3(void** buffers, const Int* ints, Int begin, Int end) {
    const Int m = ints[0], n = ints[1];
    Threading threading(m * n);
    PivotedQr<T>(m, n).packed(end - begin, at<const T>(buffers, 0, begin, m * n),
                              at<T>(buffers, 1, begin, m * n),
                              at<std::int32_t>(buffers, 2, begin, n),
                              at<T>(buffers, 3, begin, std::min(m, n)));
}

/// m, n, columns of q
template <class T>
void pivoted_qr(void** buffers, const Int* ints, Int begin, Int end) {
    const Int m = ints[0], n = ints[1], width = ints[2];
    Threading threading(m * n);
    PivotedQr<T>(m, n).many(end - begin, at<const T>(buffers, 0, begin, m * n), width,
                            at<T>(buffers, 1, begin, m * width),
                            at<T>(buffers, 2, begin, width * n),
                            at<std::int32_t>(buffers, 3, begin, n));
}

/// m, n, reflections
template <class T>
void householder_product(void** buffers, const Int* ints, Int begin, Int end) {
    const Int m = ints[0], n = ints[1], k = ints[2];
    HouseholderProduct<T> problem(m, n, k);
    Threading threading(problem.entries());
    problem.many(end - begin, at<const T>(buffers, 0, begin, m * n),
                 at<const T>(buffers, 1, begin, k), at<T>(buffers, 2, begin, m * n));
}

/// rows and columns of the factors, reflections, m, n, left, adjoint
template <class T> void ormqr(void** buffers, const Int* ints, Int begin, Int end) {
    const Reflecting s{ints[0], ints[1],      ints[2],     ints[3],
                       ints[4], ints[5] != 0, ints[6] != 0};
    Threading threading(s.m * s.n);
    Reflect<T>(s).many(end - begin, at<const T>(buffers, 0, begin, s.rows * s.columns),
                       at<const T>(buffers, 1, begin, s.k),
                       at<const T>(buffers, 2, begin, s.m * s.n),
                       at<T>(buffers, 3, begin, s.m * s.n));
}

/// n
template <class T>
void hessenberg(void** buffers, const Int* ints, Int begin, Int end) {
    const Int n = ints[0];
    Threading threading(n * n);
    Hessenberg<T>(n).many(end - begin, at<const T>(buffers, 0, begin, n * n),
                          at<T>(buffers, 1, begin, n * n),
                          at<T>(buffers, 2, begin, std::max<Int>(0, n - 1)));
}

/// n, lower
template <class T>
void tridiagonal(void** buffers, const Int* ints, Int begin, Int end) {
    const Int n = ints[0], off = std::max<Int>(0, n - 1);
    Threading threading(n * n);
    Tridiagonal<T>(n, ints[1])
        .many(end - begin, at<const T>(buffers, 0, begin, n * n),
              at<T>(buffers, 1, begin, n * n), at<Real<T>>(buffers, 2, begin, n),
              at<Real<T>>(buffers, 3, begin, off), at<T>(buffers, 4, begin, off));
}

/// n, left, right
template <class T> void eig(void** buffers, const Int* ints, Int begin, Int end) {
    using C = std::complex<Real<T>>;
    const Int n = ints[0];
    const bool left = ints[1], right = ints[2];
    Threading threading(n * n);
    C* vl = left ? at<C>(buffers, 2, begin, n * n) : nullptr;
    C* vr = right ? at<C>(buffers, 2 + left, begin, n * n) : nullptr;
    Eig<T>(n, left, right)
        .many(end - begin, at<const T>(buffers, 0, begin, n * n),
              at<C>(buffers, 1, begin, n), vl, vr);
}

/// n, vectors
template <class T> void schur(void** buffers, const Int* ints, Int begin, Int end) {
    const Int n = ints[0];
    const bool vectors = ints[1];
    Threading threading(n * n);
    Schur<T>(n, vectors)
        .many(end - begin, at<const T>(buffers, 0, begin, n * n),
              at<T>(buffers, 1, begin, n * n),
              vectors ? at<T>(buffers, 2, begin, n * n) : nullptr);
}

/// m, n
template <class T> void sylvester(void** buffers, const Int* ints, Int begin, Int end) {
    const Int m = ints[0], n = ints[1];
    Threading threading(std::max(m * m, n * n));
    Sylvester<T>(m, n).many(end - begin, at<const T>(buffers, 0, begin, m * m),
                            at<const T>(buffers, 1, begin, n * n),
                            at<const T>(buffers, 2, begin, m * n),
                            at<T>(buffers, 3, begin, m * n));
}

/// n
template <class T> void cofactors(void** buffers, const Int* ints, Int begin, Int end) {
    const Int n = ints[0];
    Cofactors<T> problem(n);
    Threading threading(problem.entries());
    problem.many(end - begin, at<const T>(buffers, 0, begin, n * n),
                 at<T>(buffers, 1, begin, n * n));
}

/// n
template <class T> void slogdet(void** buffers, const Int* ints, Int begin, Int end) {
    const Int n = ints[0];
    SignAndLogarithm<T> problem(n);
    Threading threading(problem.entries());
    problem.many(end - begin, at<const T>(buffers, 0, begin, n * n),
                 at<T>(buffers, 1, begin, 1),
                 at<Real<T>>(buffers, 2, begin, 1));
}

/// m, n
template <class T> void pinv(void** buffers, const Int* ints, Int begin, Int end) {
    const Int m = ints[0], n = ints[1];
    Threading threading(m * n);
    Pinv<T>(m, n).many(end - begin, at<const T>(buffers, 0, begin, m * n),
                       at<const Real<T>>(buffers, 1, begin, 1),
                       at<T>(buffers, 2, begin, m * n));
}

/// m, n, sides
template <class T>
void least_squares(void** buffers, const Int* ints, Int begin, Int end) {
    const Int m = ints[0], n = ints[1], sides = ints[2];
    Threading threading(m * n);
    LeastSquares<T>(m, n, sides)
        .many(end - begin, at<const T>(buffers, 0, begin, m * n),
              at<const T>(buffers, 1, begin, m * sides),
              at<const Real<T>>(buffers, 2, begin, 1),
              at<T>(buffers, 3, begin, n * sides),
              at<Real<T>>(buffers, 4, begin, std::min(m, n)));
}

/// m, n
template <class T> void polar(void** buffers, const Int* ints, Int begin, Int end) {
    const Int m = ints[0], n = ints[1];
    Threading threading(m * n);
    Polar<T>(m, n).many(end - begin, at<const T>(buffers, 0, begin, m * n),
                        at<T>(buffers, 1, begin, m * n),
                        at<T>(buffers, 2, begin, n * n));
}

/// m, n, most steps, the bits of eps as an f64
template <class T> void qdwh(void** buffers, const Int* ints, Int begin, Int end) {
    const Int m = ints[0], n = ints[1];
    double eps;
    std::memcpy(&eps, &ints[3], sizeof eps);
    Qdwh<T> problem(m, n, ints[2], eps);
    Threading threading(problem.entries());
    problem.many(end - begin, at<const T>(buffers, 0, begin, m * n),
                 at<T>(buffers, 1, begin, m * n), at<T>(buffers, 2, begin, n * n),
                 at<std::int32_t>(buffers, 3, begin, 1), at<bool>(buffers, 4, begin, 1));
}

/// n
template <class T>
void cholesky_update(void** buffers, const Int* ints, Int begin, Int end) {
    const Int n = ints[0];
    Threading threading(n * n);
    CholeskyUpdate<T>(n).many(end - begin, at<const T>(buffers, 0, begin, n * n),
                              at<const T>(buffers, 1, begin, n),
                              at<T>(buffers, 2, begin, n * n));
}

/// n
template <class T> void sqrtm(void** buffers, const Int* ints, Int begin, Int end) {
    const Int n = ints[0];
    Threading threading(n * n);
    Sqrtm<T>(n).many(end - begin, at<const T>(buffers, 0, begin, n * n),
                     at<std::complex<Real<T>>>(buffers, 1, begin, n * n));
}

/// n
template <class T> void parlett(void** buffers, const Int* ints, Int begin, Int end) {
    const Int n = ints[0];
    Parlett<T>(n).many(end - begin, at<const T>(buffers, 0, begin, n * n),
                       at<const T>(buffers, 1, begin, n),
                       at<T>(buffers, 2, begin, n * n));
}

/// n
template <class T>
void complex_schur(void** buffers, const Int* ints, Int begin, Int end) {
    using C = std::complex<Real<T>>;
    const Int n = ints[0];
    ComplexSchur<T>(n).many(end - begin, at<const T>(buffers, 0, begin, n * n),
                            at<const T>(buffers, 1, begin, n * n),
                            at<C>(buffers, 2, begin, n * n),
                            at<C>(buffers, 3, begin, n * n));
}

template <class T> void add_all(Names& names, const std::string& type) {
    names["expm_" + type] = expm<T>;
    names["expm_frechet_" + type] = expm_frechet<T>;
    names["geqrf_" + type] = geqrf<T>;
    names["geqp3_" + type] = geqp3<T>;
    names["pivoted_qr_" + type] = pivoted_qr<T>;
    names["householder_product_" + type] = householder_product<T>;
    names["ormqr_" + type] = ormqr<T>;
    names["hessenberg_" + type] = hessenberg<T>;
    names["tridiagonal_" + type] = tridiagonal<T>;
    names["eig_" + type] = eig<T>;
    names["schur_" + type] = schur<T>;
    names["sylvester_" + type] = sylvester<T>;
    names["cofactors_" + type] = cofactors<T>;
    names["slogdet_" + type] = slogdet<T>;
    names["pinv_" + type] = pinv<T>;
    names["least_squares_" + type] = least_squares<T>;
    names["polar_" + type] = polar<T>;
    names["qdwh_" + type] = qdwh<T>;
    names["cholesky_update_" + type] = cholesky_update<T>;
    names["sqrtm_" + type] = sqrtm<T>;
    names["parlett_" + type] = parlett<T>;
    names["complex_schur_" + type] = complex_schur<T>;
}

}  // namespace

void add_linalg_function_kernels(Names& names) {
    add_all<float>(names, "f32");
    add_all<double>(names, "f64");
    add_all<std::complex<float>>(names, "c64");
    add_all<std::complex<double>>(names, "c128");
}

}  // namespace chainrule::kernels
