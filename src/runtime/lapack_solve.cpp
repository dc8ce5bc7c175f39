// Factorisations and solvers of linear systems: Cholesky, LU, triangular,
// general, tridiagonal and Sylvester.
#include "cholesky.h"
#include "lapack_general.h"

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
        Cholesky<T> problem(n);
        all_problems(problem.entries(), [&] {
            problem.many(a.batch(), a.data<T>(0), factor.data(0));
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
    char operation = option(function, "trans", trans, "NTCR");
    a.require_square();
    a.require_alike(b);
    b.require_size(left_side ? -2 : -1, a.rows(), "the size of a");
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int n = a.rows(), sides = left_side ? b.cols() : b.rows();
        Result<T> x(b, {b.rows(), b.cols()});
        TriangularSolve<T> problem(n, sides, left_side, lower, operation,
                                   unit_diagonal);
        all_problems(0, [&] {
            problem.many(b.batch(), a.data<T>(0), b.data<T>(0), x.data(0));
        });
        return x.array();
    });
}

nb::object lu(nb::handle a_value) {
    Operand a("lapack_lu", "a", a_value, 2);
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int m = a.rows(), n = a.cols(), count = std::min(m, n);
        Result<T> factors(a, {m, n});
        Result<std::int32_t> pivots(a, {count}), permutation(a, {m});
        Lu<T> problem(m, n);
        all_problems(problem.entries(), [&] {
            problem.many(a.batch(), a.data<T>(0), factors.data(0), pivots.data(0),
                         permutation.data(0));
        });
        return nb::make_tuple(factors.array(), pivots.array(), permutation.array());
    });
}

// Row numbers as int32, checked: as many as there are rows, each of a row there is.
nb::object row_numbers(const char* function, nb::handle value, Int count, Int n) {
    nb::object order = nb::steal(
        PyArray_FROMANY(value.ptr(), NPY_INT32, 0, 0, NPY_ARRAY_CARRAY_RO));
    if (!order.is_valid()) throw nb::python_error();
    auto* array = reinterpret_cast<PyArrayObject*>(order.ptr());
    const auto* rows = static_cast<const std::int32_t*>(PyArray_DATA(array));
    if (PyArray_SIZE(array) == count &&
        std::all_of(rows, rows + count, [&](Int row) { return 0 <= row && row < n; }))
        return order;
    throw nb::value_error((std::string(function) + ": permutation must hold " +
                           std::to_string(count) + " row numbers below " +
                           std::to_string(n) + "; pass what lapack_lu returned.")
                              .c_str());
}

nb::object lu_solve(nb::handle factors_value, nb::handle permutation,
                    nb::handle b_value, bool transposed) {
    constexpr const char* function = "lapack_lu_solve";
    Operand factors(function, "factors", factors_value, 2);
    Operand b(function, "b", b_value, 2);
    factors.require_square();
    factors.require_alike(b);
    b.require_size(-2, factors.rows(), "the size of factors");
    nb::object order = row_numbers(function, permutation, b.batch() * b.rows(), b.rows());
    const auto* rows = static_cast<const std::int32_t*>(
        PyArray_DATA(reinterpret_cast<PyArrayObject*>(order.ptr())));
    return by_element(b, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int n = b.rows(), k = b.cols();
        Result<T> x(b, {n, k});
        FactoredSolve<T> problem(n, k, transposed);
        all_problems(0, [&] {
            problem.many(b.batch(), factors.data<T>(0), rows, b.data<T>(0), x.data(0));
        });
        return x.array();
    });
}

nb::object solve(nb::handle a_value, nb::handle b_value) {
    Operand a("lapack_solve", "a", a_value, 2), b("lapack_solve", "b", b_value, 2);
    a.require_square();
    a.require_alike(b);
    b.require_size(-2, a.rows(), "the size of a");
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int n = a.rows(), k = b.cols();
        Result<T> x(b, {n, k});
        Solve<T> problem(n, k);
        all_problems(problem.entries(), [&] {
            problem.many(b.batch(), a.data<T>(0), b.data<T>(0), x.data(0));
        });
        return x.array();
    });
}

nb::object determinant(nb::handle a_value) {
    Operand a("lapack_determinant", "a", a_value, 2);
    a.require_square();
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Result<T> out(a, {});
        Determinant<T> problem(a.rows());
        all_problems(problem.entries(), [&] {
            problem.many(a.batch(), a.data<T>(0), out.data(0));
        });
        return out.array();
    });
}

nb::object tridiagonal_solve(nb::handle dl_value, nb::handle d_value,
                             nb::handle du_value, nb::handle b_value, bool perturb) {
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
        const Int parts = is_complex<T> || perturb ? 1 : tridiagonal::parts_of(k);
        all_problems(n, [&] {
            TridiagonalSolve<T>(perturb).some(
                {n, k, dl.data<T>(0), d.data<T>(0), du.data<T>(0), b.data<T>(0),
                 x.data(0)},
                parts, 0, b.batch() * parts);
        });
        return x.array();
    });
}

// Square matrices a and b, and c as high as a and as wide as b.
void require_equation(const Operand& a, const Operand& b, const Operand& c) {
    a.require_square();
    b.require_square();
    a.require_alike(b);
    a.require_alike(c);
    c.require_size(-2, a.rows(), "the size of a");
    c.require_size(-1, b.rows(), "the size of b");
}

nb::object triangular_sylvester(nb::handle a_value, nb::handle b_value,
                                nb::handle c_value, const std::string& trans_a,
                                const std::string& trans_b, bool subtract) {
    constexpr const char* function = "lapack_triangular_sylvester";
    Operand a(function, "a", a_value, 2), b(function, "b", b_value, 2);
    Operand c(function, "c", c_value, 2);
    char operation_a = option(function, "trans_a", trans_a, "NTC");
    char operation_b = option(function, "trans_b", trans_b, "NTC");
    require_equation(a, b, c);
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int m = a.rows(), n = b.rows();
        if (is_complex<T> && (operation_a == 'T' || operation_b == 'T')) {
            throw nb::value_error(
                "lapack_triangular_sylvester: trans 'T' is for real matrices; use 'C', "
                "or conjugate the matrix.");
        }
        Result<T> x(c, {m, n});
        TriangularSylvester<T> problem(m, n, operation_a, operation_b, subtract);
        all_problems(std::max(m * m, n * n), [&] {
            problem.many(c.batch(), a.data<T>(0), b.data<T>(0), c.data<T>(0),
                         x.data(0));
        });
        return x.array();
    });
}

nb::object sylvester(nb::handle a_value, nb::handle b_value, nb::handle c_value) {
    constexpr const char* function = "lapack_sylvester";
    Operand a(function, "a", a_value, 2), b(function, "b", b_value, 2);
    Operand c(function, "c", c_value, 2);
    require_equation(a, b, c);
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int m = a.rows(), n = b.rows();
        Result<T> x(c, {m, n});
        Sylvester<T> problem(m, n);
        all_problems(std::max(m * m, n * n), [&] {
            problem.many(c.batch(), a.data<T>(0), b.data<T>(0), c.data<T>(0),
                         x.data(0));
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
    m.def("lapack_lu_solve", &lu_solve, nb::arg("factors"), nb::arg("permutation"),
          nb::arg("b"), nb::arg("transposed") = false);
    m.def("lapack_determinant", &determinant, nb::arg("a"));
    m.def("lapack_solve", &solve, nb::arg("a"), nb::arg("b"));
    m.def("lapack_tridiagonal_solve", &tridiagonal_solve, nb::arg("dl"), nb::arg("d"),
          nb::arg("du"), nb::arg("b"), nb::arg("perturb_singular") = false);
    m.def("lapack_sylvester", &sylvester, nb::arg("a"), nb::arg("b"), nb::arg("c"));
    m.def("lapack_triangular_sylvester", &triangular_sylvester, nb::arg("a"),
          nb::arg("b"),
          nb::arg("c"), nb::arg("trans_a") = "N", nb::arg("trans_b") = "N",
          nb::arg("subtract") = false);
}

}  // namespace chainrule::lapack
