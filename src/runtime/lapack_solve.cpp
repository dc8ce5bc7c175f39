// Factorisations and solvers of linear systems: Cholesky, LU, triangular,
// general, tridiagonal and Sylvester.
#include "lapack.h"

#include <numeric>

#include <nanobind/stl/string.h>

namespace chainrule::lapack {
namespace {

nb::object cholesky(nb::handle a_value) {
    Operand a("lapack_cholesky", "a", a_value, 2);
    a.require_square();
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int n = a.rows();
        Result<T> factor(a, {n, n});
        Routine potrf = routine<T>("potrf");
        each_problem(a.batch(), n * n, [&](Int i) {
            // Read column-major, the lower triangle of A is the upper one of A^T,
            // and the U with A^T = U^H U is L^T: nothing needs transposing.
            T* l = factor.data(i);
            for (Int row = 0; row < n; ++row) {
                const T* source = a.data<T>(i) + row * n;
                std::copy_n(source, row + 1, l + row * n);
                std::fill_n(l + row * n + row + 1, n - row - 1, T(0));
            }
            Int info = 0;
            if (n > 0) potrf('U', n, l, leading(n), &info);
            for (Int row = 0; info != 0 && row < n; ++row) {
                std::fill_n(l + row * n, row + 1, nan_of<T>());
            }
        });
        return factor.array();
    });
}

// One letter of an option, checked against those allowed.
char option(const char* function, const char* name, const std::string& value,
            const std::string& allowed) {
    if (value.size() == 1 && allowed.find(value) != std::string::npos) return value[0];
    std::string message = std::string(function) + ": " + name + " is '" + value +
                          "'; use one of the letters " + allowed + ".";
    throw nb::value_error(message.c_str());
}

nb::object triangular_solve(nb::handle a_value, nb::handle b_value, bool lower,
                            const std::string& trans, bool unit_diagonal,
                            bool left_side) {
    constexpr const char* function = "lapack_triangular_solve";
    Operand a(function, "a", a_value, 2), b(function, "b", b_value, 2);
    char operation = option(function, "trans", trans, "NTC");
    a.require_square();
    a.require_alike(b);
    b.require_size(left_side ? -2 : -1, a.rows(), "the size of a");
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int n = a.rows(), rows = b.rows(), cols = b.cols();
        Result<T> x(b, {rows, cols});
        Routine trsm = routine<T>("trsm");
        // Column-major, both matrices are their transposes: the side and the
        // triangle swap, and op(A)^T = op(A^T) needs the same operation.
        char side = left_side ? 'R' : 'L', triangle = lower ? 'U' : 'L';
        char diagonal = unit_diagonal ? 'U' : 'N';
        each_problem(x.core_size() > 0 ? b.batch() : 0, n * n, [&](Int i) {
            std::copy_n(b.data<T>(i), x.core_size(), x.data(i));
            trsm(side, triangle, operation, diagonal, cols, rows, T(1), a.data<T>(i), n,
                 x.data(i), cols);
        });
        return x.array();
    });
}

// Pivots as LAPACK counts them to zero-based, and the permutation they amount to.
void write_pivots(const Int* found, Int count, Int rows, std::int32_t* pivots,
                  std::int32_t* permutation) {
    std::iota(permutation, permutation + rows, 0);
    for (Int k = 0; k < count; ++k) {
        // NaN in a column can leave its pivot undefined: then no rows swap.
        Int pivot = found[k] > k && found[k] <= rows ? found[k] - 1 : k;
        pivots[k] = std::int32_t(pivot);
        std::swap(permutation[k], permutation[pivot]);
    }
}

nb::object lu(nb::handle a_value) {
    Operand a("lapack_lu", "a", a_value, 2);
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int m = a.rows(), n = a.cols(), count = std::min(m, n);
        Result<T> factors(a, {m, n});
        Result<std::int32_t> pivots(a, {count}), permutation(a, {m});
        Routine getrf = routine<T>("getrf");
        Workspace<T> columns(m * n);
        Workspace<Int> found(count);
        each_problem(a.batch(), m * n, [&](Int i) {
            transpose_into(a.data<T>(i), m, n, columns.data());
            Int info = 0;
            if (count > 0) getrf(m, n, columns.data(), m, found.data(), &info);
            transpose_into(columns.data(), n, m, factors.data(i));
            write_pivots(found.data(), count, m, pivots.data(i), permutation.data(i));
        });
        return nb::make_tuple(factors.array(), pivots.array(), permutation.array());
    });
}

// Solves A X = B for one system, given A column-major; X is row-major and holds B.
// Read column-major, X is its transpose, which the factors multiply from the right.
template <class T> class Gesv {
  public:
    Gesv(Int n, Int k) : n_(n), k_(k), pivots_(n) {}
    bool operator()(T* columns, T* x) {
        Int info = 0;
        getrf_(n_, n_, columns, n_, pivots_.data(), &info);
        if (info != 0) return false;
        for (Int row = 0; row < n_; ++row) {
            Int pivot = pivots_[row] - 1;
            if (pivot <= row || pivot >= n_) continue;
            std::swap_ranges(x + row * k_, x + (row + 1) * k_, x + pivot * k_);
        }
        if (k_ == 1) {
            trsv_('L', 'N', 'U', n_, columns, n_, x, Int(1));
            trsv_('U', 'N', 'N', n_, columns, n_, x, Int(1));
        } else {
            trsm_('R', 'L', 'T', 'U', k_, n_, T(1), columns, n_, x, k_);
            trsm_('R', 'U', 'T', 'N', k_, n_, T(1), columns, n_, x, k_);
        }
        return true;
    }

  private:
    Routine getrf_ = routine<T>("getrf");
    Routine trsm_ = routine<T>("trsm"), trsv_ = routine<T>("trsv");
    Int n_, k_;
    Workspace<Int> pivots_;
};

nb::object solve(nb::handle a_value, nb::handle b_value) {
    Operand a("lapack_solve", "a", a_value, 2), b("lapack_solve", "b", b_value, 2);
    a.require_square();
    a.require_alike(b);
    b.require_size(-2, a.rows(), "the size of a");
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int n = a.rows(), k = b.cols();
        Result<T> x(b, {n, k});
        Gesv<T> gesv(n, k);
        Workspace<T> columns(n * n);
        each_problem(x.core_size() > 0 ? b.batch() : 0, n * n, [&](Int i) {
            transpose_into(a.data<T>(i), n, n, columns.data());
            std::copy_n(b.data<T>(i), n * k, x.data(i));
            if (!gesv(columns.data(), x.data(i))) x.fill(i, nan_of<T>());
        });
        return x.array();
    });
}

nb::object tridiagonal_solve(nb::handle dl_value, nb::handle d_value,
                             nb::handle du_value, nb::handle b_value) {
    constexpr const char* function = "lapack_tridiagonal_solve";
    Operand dl(function, "dl", dl_value, 1), d(function, "d", d_value, 1);
    Operand du(function, "du", du_value, 1), b(function, "b", b_value, 2);
    for (const Operand* diagonal : {&dl, &du}) {
        d.require_alike(*diagonal);
        diagonal->require_size(-1, d.cols(), "the size of d");
    }
    d.require_alike(b);
    b.require_size(-2, d.cols(), "the size of d");
    return by_element(d, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int n = d.cols(), k = b.cols();
        Result<T> x(b, {n, k});
        Routine gtsv = routine<T>("gtsv");
        Workspace<T> below(n), middle(n), above(n), sides(n * k);
        each_problem(x.core_size() > 0 ? b.batch() : 0, n, [&](Int i) {
            std::copy_n(dl.data<T>(i) + 1, n - 1, below.data());
            std::copy_n(d.data<T>(i), n, middle.data());
            std::copy_n(du.data<T>(i), n - 1, above.data());
            transpose_into(b.data<T>(i), n, k, sides.data());
            Int info = 0;
            gtsv(n, k, below.data(), middle.data(), above.data(), sides.data(), n,
                 &info);
            if (info != 0) {
                x.fill(i, nan_of<T>());
            } else {
                transpose_into(sides.data(), k, n, x.data(i));
            }
        });
        return x.array();
    });
}

nb::object sylvester(nb::handle a_value, nb::handle b_value, nb::handle c_value,
                     const std::string& trans_a, const std::string& trans_b,
                     bool subtract) {
    constexpr const char* function = "lapack_triangular_sylvester";
    Operand a(function, "a", a_value, 2), b(function, "b", b_value, 2);
    Operand c(function, "c", c_value, 2);
    char operation_a = option(function, "trans_a", trans_a, "NTC");
    char operation_b = option(function, "trans_b", trans_b, "NTC");
    a.require_square();
    b.require_square();
    a.require_alike(b);
    a.require_alike(c);
    c.require_size(-2, a.rows(), "the size of a");
    c.require_size(-1, b.rows(), "the size of b");
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int m = a.rows(), n = b.rows();
        if (is_complex<T> && (operation_a == 'T' || operation_b == 'T')) {
            throw nb::value_error(
                "lapack_triangular_sylvester: trans 'T' is for real matrices; use 'C', "
                "or conjugate the matrix.");
        }
        Result<T> x(c, {m, n});
        Routine trsyl = routine<T>("trsyl");
        Workspace<T> left(m * m), right(n * n), sides(m * n);
        Int problems = x.core_size() > 0 ? c.batch() : 0;
        each_problem(problems, std::max(m * m, n * n), [&](Int i) {
            bool finite = all_finite(a.data<T>(i), m * m) &&
                          all_finite(b.data<T>(i), n * n) &&
                          all_finite(c.data<T>(i), m * n);
            transpose_into(a.data<T>(i), m, m, left.data());
            transpose_into(b.data<T>(i), n, n, right.data());
            transpose_into(c.data<T>(i), m, n, sides.data());
            Int info = 0;
            Real<T> scale = 1;
            if (finite) {
                trsyl(operation_a, operation_b, Int(subtract ? -1 : 1), m, n,
                      left.data(), m, right.data(), n, sides.data(), m, &scale, &info);
            }
            if (!finite || info < 0) {
                x.fill(i, nan_of<T>());
                return;
            }
            transpose_into(sides.data(), n, m, x.data(i));
            for (Int k = 0; scale != 1 && k < m * n; ++k) x.data(i)[k] /= scale;
        });
        return x.array();
    });
}

}  // namespace

void register_solvers(nb::module_& m) {
    m.def("lapack_cholesky", &cholesky, nb::arg("a"));
    m.def("lapack_triangular_solve", &triangular_solve, nb::arg("a"), nb::arg("b"),
          nb::arg("lower") = true, nb::arg("trans") = "N",
          nb::arg("unit_diagonal") = false, nb::arg("left_side") = true);
    m.def("lapack_lu", &lu, nb::arg("a"));
    m.def("lapack_solve", &solve, nb::arg("a"), nb::arg("b"));
    m.def("lapack_tridiagonal_solve", &tridiagonal_solve, nb::arg("dl"), nb::arg("d"),
          nb::arg("du"), nb::arg("b"));
    m.def("lapack_triangular_sylvester", &sylvester, nb::arg("a"), nb::arg("b"),
          nb::arg("c"), nb::arg("trans_a") = "N", nb::arg("trans_b") = "N",
          nb::arg("subtract") = false);
}

}  // namespace chainrule::lapack
