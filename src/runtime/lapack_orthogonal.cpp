// Factorisations by Householder reflections: QR (plain and pivoted), the products
// of reflections, and the reductions to Hessenberg and to tridiagonal form.
#include "lapack_decompositions.h"

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
        all_problems(m * n, [&] {
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
        Int m = a.rows(), n = a.cols(), k = std::min(m, n);
        Result<T> factors(a, {m, n}), taus(a, {k});
        QrReflections<T> reflections(m, n, 0);
        Workspace<T> columns(m * n);
        each_problem(a.batch(), m * n, [&](Int i) {
            transpose_into(a.data<T>(i), m, n, columns.data());
            reflections.factorise(columns.data(), taus.data(i));
            transpose_into(columns.data(), n, m, factors.data(i));
        });
        return nb::make_tuple(factors.array(), taus.array());
    });
}

nb::object geqp3(nb::handle a_value) {
    Operand a("lapack_geqp3", "a", a_value, 2);
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int m = a.rows(), n = a.cols(), k = std::min(m, n);
        Result<T> factors(a, {m, n}), taus(a, {k});
        Result<std::int32_t> pivots(a, {n});
        Routine factorise = routine<T>("geqp3");
        Workspace<Real<T>> real_work(2 * n);
        Workspace<Int> order(n);
        Workspace<T> columns(m * n);
        auto run = [&](T* tau, T* work, Int size) {
            Int info = 0;
            if constexpr (is_complex<T>) {
                factorise(m, n, columns.data(), leading(m), order.data(), tau, work,
                          size, real_work.data(), &info);
            } else {
                factorise(m, n, columns.data(), leading(m), order.data(), tau, work,
                          size, &info);
            }
        };
        T answer(0);
        run(&answer, &answer, -1);
        Int size = queried_size(answer);
        Workspace<T> work(size);
        each_problem(a.batch(), m * n, [&](Int i) {
            transpose_into(a.data<T>(i), m, n, columns.data());
            std::fill_n(order.data(), n, 0);
            if (k > 0) run(taus.data(i), work.data(), size);
            for (Int j = 0; j < n; ++j) {
                pivots.data(i)[j] = std::int32_t(k > 0 ? order[j] - 1 : j);
            }
            transpose_into(columns.data(), n, m, factors.data(i));
        });
        return nb::make_tuple(factors.array(), pivots.array(), taus.array());
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
        ReflectionProduct<T> product(m, n, k);
        Workspace<T> columns(m * n);
        each_problem(a.batch(), m * n, [&](Int i) {
            transpose_into(a.data<T>(i), m, n, columns.data());
            product.multiply(columns.data(), taus.data<T>(i));
            transpose_into(columns.data(), n, m, q.data(i));
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
        Routine multiply = routine<T>("ormqr", "unmqr");
        Workspace<T> reflectors(a.rows() * a.cols()), columns(m * n);
        char side = left ? 'L' : 'R', adjoint = is_complex<T> ? 'C' : 'T';
        char operation = transpose ? adjoint : 'N';
        auto run = [&](const T* tau, T* work, Int size) {
            Int info = 0;
            multiply(side, operation, m, n, k, reflectors.data(), leading(a.rows()),
                     tau, columns.data(), leading(m), work, size, &info);
        };
        T answer(0);
        run(&answer, &answer, -1);
        Int size = queried_size(answer);
        Workspace<T> work(size);
        each_problem(c.batch(), m * n, [&](Int i) {
            transpose_into(a.data<T>(i), a.rows(), a.cols(), reflectors.data());
            transpose_into(c.data<T>(i), m, n, columns.data());
            if (k > 0 && m * n > 0) run(taus.data<T>(i), work.data(), size);
            transpose_into(columns.data(), n, m, product.data(i));
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
        Routine gehrd = routine<T>("gehrd");
        Workspace<T> columns(n * n);
        auto run = [&](T* tau, T* work, Int size) {
            Int info = 0;
            gehrd(n, Int(1), n, columns.data(), leading(n), tau, work, size, &info);
        };
        T answer(0);
        run(&answer, &answer, -1);
        Int size = queried_size(answer);
        Workspace<T> work(size);
        each_problem(a.batch(), n * n, [&](Int i) {
            transpose_into(a.data<T>(i), n, n, columns.data());
            if (n > 1) run(taus.data(i), work.data(), size);
            transpose_into(columns.data(), n, n, factors.data(i));
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
        Routine sytrd = routine<T>("sytrd", "hetrd");
        Workspace<T> columns(n * n);
        auto run = [&](Real<T>* diagonal, Real<T>* beside, T* tau, T* work, Int size) {
            Int info = 0;
            sytrd(lower ? 'L' : 'U', n, columns.data(), leading(n), diagonal, beside,
                  tau, work, size, &info);
        };
        T answer(0);
        Real<T> unused = 0;
        run(&unused, &unused, &answer, &answer, -1);
        Int size = queried_size(answer);
        Workspace<T> work(size);
        each_problem(a.batch(), n * n, [&](Int i) {
            transpose_into(a.data<T>(i), n, n, columns.data());
            if (n > 0) run(d.data(i), e.data(i), taus.data(i), work.data(), size);
            transpose_into(columns.data(), n, n, factors.data(i));
        });
        return nb::make_tuple(factors.array(), d.array(), e.array(), taus.array());
    });
}

}  // namespace

void register_orthogonal(nb::module_& m) {
    m.def("lapack_qr", &qr, nb::arg("a"), nb::arg("full_matrices") = true);
    m.def("lapack_geqrf", &geqrf, nb::arg("a"));
    m.def("lapack_geqp3", &geqp3, nb::arg("a"));
    m.def("lapack_householder_product", &householder_product, nb::arg("a"),
          nb::arg("taus"));
    m.def("lapack_ormqr", &ormqr, nb::arg("a"), nb::arg("taus"), nb::arg("c"),
          nb::arg("left") = true, nb::arg("transpose") = false);
    m.def("lapack_hessenberg", &hessenberg, nb::arg("a"));
    m.def("lapack_tridiagonal", &tridiagonal, nb::arg("a"), nb::arg("lower") = true);
}

}  // namespace chainrule::lapack
