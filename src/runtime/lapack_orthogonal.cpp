// Factorisations by Householder reflections: QR (plain and pivoted), the products
// of reflections, and the reductions to Hessenberg and to tridiagonal form.
#include "lapack_reductions.h"

namespace chainrule::lapack {
namespace {

nb::object qr(nb::handle a_value, bool full_matrices) {
    Operand a("lapack_qr", "a", a_value, 2);
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int m = a.rows(), n = a.cols(), k = std::min(m, n);
        Int width = full_matrices ? m : k;
        Result<T> q(a, {m, width}), r(a, {width, n});
        QrReflections<T> reflections(m, n, width);
        QrBasis<T> basis(m, n, width);
        Workspace<T> columns(a.batch() * m * n), taus(a.batch() * k);
        all_problems(reflections.entries(), [&] {
            reflections.many(a.batch(), a.data<T>(0), columns.data(), taus.data(),
                             r.data(0));
            basis.many(a.batch(), columns.data(), taus.data(), q.data(0));
        });
        return nb::make_tuple(q.array(), r.array());
    });
}

nb::object geqrf(nb::handle a_value) {
    Operand a("lapack_geqrf", "a", a_value, 2);
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int m = a.rows(), n = a.cols();
        Result<T> factors(a, {m, n}), taus(a, {std::min(m, n)});
        QrReflections<T> problem(m, n, 0);
        all_problems(problem.entries(), [&] {
            problem.packed(a.batch(), a.data<T>(0), factors.data(0), taus.data(0));
        });
        return nb::make_tuple(factors.array(), taus.array());
    });
}

nb::object geqp3(nb::handle a_value) {
    Operand a("lapack_geqp3", "a", a_value, 2);
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int m = a.rows(), n = a.cols();
        Result<T> factors(a, {m, n}), taus(a, {std::min(m, n)});
        Result<std::int32_t> pivots(a, {n});
        PivotedQr<T> problem(m, n);
        all_problems(m * n, [&] {
            problem.packed(a.batch(), a.data<T>(0), factors.data(0), pivots.data(0),
                           taus.data(0));
        });
        return nb::make_tuple(factors.array(), pivots.array(), taus.array());
    });
}

nb::object pivoted_qr(nb::handle a_value, bool full_matrices) {
    Operand a("lapack_pivoted_qr", "a", a_value, 2);
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int m = a.rows(), n = a.cols(), width = full_matrices ? m : std::min(m, n);
        Result<T> q(a, {m, width}), r(a, {width, n});
        Result<std::int32_t> pivots(a, {n});
        PivotedQr<T> problem(m, n);
        all_problems(m * n, [&] {
            problem.many(a.batch(), a.data<T>(0), width, q.data(0), r.data(0),
                         pivots.data(0));
        });
        return nb::make_tuple(q.array(), r.array(), pivots.array());
    });
}

nb::object householder_product(nb::handle a_value, nb::handle taus_value) {
    constexpr const char* function = "lapack_householder_product";
    Operand a(function, "a", a_value, 2), taus(function, "taus", taus_value, 1);
    a.require_alike(taus);
    Int m = a.rows(), n = a.cols(), k = taus.cols();
    if (n > m || k > n) {
        std::string message = std::string(function) + ": a has " + std::to_string(m) +
                              " rows and " + std::to_string(n) + " columns, taus " +
                              std::to_string(k) + "; it needs rows >= columns >= taus.";
        throw nb::value_error(message.c_str());
    }
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Result<T> q(a, {m, n});
        HouseholderProduct<T> problem(m, n, k);
        all_problems(problem.entries(), [&] {
            problem.many(a.batch(), a.data<T>(0), taus.data<T>(0), q.data(0));
        });
        return q.array();
    });
}

nb::object ormqr(nb::handle a_value, nb::handle taus_value, nb::handle c_value,
                 bool left, bool transpose) {
    constexpr const char* function = "lapack_ormqr";
    Operand a(function, "a", a_value, 2), taus(function, "taus", taus_value, 1);
    Operand c(function, "c", c_value, 2);
    a.require_alike(taus);
    a.require_alike(c);
    c.require_size(left ? -2 : -1, a.rows(), "the rows of a");
    Int m = c.rows(), n = c.cols(), k = taus.cols();
    if (k > std::min(a.rows(), a.cols())) {
        std::string message = std::string(function) + ": taus has " +
                              std::to_string(k) +
                              " entries; use at most the rows and columns of a, " +
                              std::to_string(std::min(a.rows(), a.cols())) + ".";
        throw nb::value_error(message.c_str());
    }
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Result<T> product(c, {m, n});
        Reflect<T> problem({a.rows(), a.cols(), k, m, n, left, transpose});
        all_problems(m * n, [&] {
            problem.many(c.batch(), a.data<T>(0), taus.data<T>(0), c.data<T>(0),
                         product.data(0));
        });
        return product.array();
    });
}

nb::object hessenberg(nb::handle a_value) {
    Operand a("lapack_hessenberg", "a", a_value, 2);
    a.require_square();
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int n = a.rows();
        Result<T> factors(a, {n, n}), taus(a, {std::max<Int>(0, n - 1)});
        Hessenberg<T> problem(n);
        all_problems(n * n, [&] {
            problem.many(a.batch(), a.data<T>(0), factors.data(0), taus.data(0));
        });
        return nb::make_tuple(factors.array(), taus.array());
    });
}

nb::object tridiagonal(nb::handle a_value, bool lower) {
    Operand a("lapack_tridiagonal", "a", a_value, 2);
    a.require_square();
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int n = a.rows(), off = std::max<Int>(0, n - 1);
        Result<T> factors(a, {n, n}), taus(a, {off});
        Result<Real<T>> d(a, {n}), e(a, {off});
        Tridiagonal<T> problem(n, lower);
        all_problems(n * n, [&] {
            problem.many(a.batch(), a.data<T>(0), factors.data(0), d.data(0), e.data(0),
                         taus.data(0));
        });
        return nb::make_tuple(factors.array(), d.array(), e.array(), taus.array());
    });
}

}  // namespace

void register_orthogonal(nb::module_& m) {
    m.def("lapack_qr", &qr, nb::arg("a"), nb::arg("full_matrices") = true);
    m.def("lapack_geqrf", &geqrf, nb::arg("a"));
    m.def("lapack_geqp3", &geqp3, nb::arg("a"));
    m.def("lapack_pivoted_qr", &pivoted_qr, nb::arg("a"),
          nb::arg("full_matrices") = true);
    m.def("lapack_householder_product", &householder_product, nb::arg("a"),
          nb::arg("taus"));
    m.def("lapack_ormqr", &ormqr, nb::arg("a"), nb::arg("taus"), nb::arg("c"),
          nb::arg("left") = true, nb::arg("transpose") = false);
    m.def("lapack_hessenberg", &hessenberg, nb::arg("a"));
    m.def("lapack_tridiagonal", &tridiagonal, nb::arg("a"), nb::arg("lower") = true);
}

}  // namespace chainrule::lapack
