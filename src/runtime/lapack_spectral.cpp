// Spectral decompositions: eigenvalues (Hermitian and general), Schur form and
// singular values. A matrix that holds NaN or infinity has results of NaN.
#include "lapack_singular.h"
#include "lapack_general.h"

#include <nanobind/stl/string.h>

namespace chainrule::lapack {
namespace {

nb::object eigh(nb::handle a_value, bool lower, bool compute_v) {
    Operand a("lapack_eigh", "a", a_value, 2);
    a.require_square();
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int n = a.rows();
        Result<Real<T>> w(a, {n});
        Result<T> v(a, {compute_v ? n : 0, n});
        Eigh<T> problem(n, lower, compute_v);
        all_problems(n * n, [&] {
            problem.many(a.batch(), a.data<T>(0), v.data(0), w.data(0));
        });
        if (!compute_v) return nb::make_tuple(w.array());
        return nb::make_tuple(w.array(), v.array());
    });
}

nb::object eig(nb::handle a_value, bool left, bool right) {
    Operand a("lapack_eig", "a", a_value, 2);
    a.require_square();
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        using C = std::complex<Real<T>>;
        Int n = a.rows();
        Result<C> w(a, {n}), vl(a, {left ? n : 0, n}), vr(a, {right ? n : 0, n});
        Eig<T> problem(n, left, right);
        all_problems(n * n, [&] {
            problem.many(a.batch(), a.data<T>(0), w.data(0), vl.data(0), vr.data(0));
        });
        nb::list results;
        results.append(w.array());
        if (left) results.append(vl.array());
        if (right) results.append(vr.array());
        return nb::tuple(results);
    });
}

nb::object schur(nb::handle a_value, bool compute_v) {
    Operand a("lapack_schur", "a", a_value, 2);
    a.require_square();
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int n = a.rows();
        Result<T> t(a, {n, n}), v(a, {compute_v ? n : 0, n});
        Schur<T> problem(n, compute_v);
        all_problems(n * n, [&] {
            problem.many(a.batch(), a.data<T>(0), t.data(0), v.data(0));
        });
        if (!compute_v) return nb::make_tuple(t.array());
        return nb::make_tuple(t.array(), v.array());
    });
}

nb::object svd(nb::handle a_value, bool full_matrices, bool compute_uv,
               const std::string& algorithm) {
    Operand a("lapack_svd", "a", a_value, 2);
    const SvdMethod method = algorithm == "qr"       ? SvdMethod::kIterate
                             : algorithm == "divide" ? SvdMethod::kDivide
                                                     : SvdMethod::kRotate;
    if (method == SvdMethod::kRotate && algorithm != "rotate") {
        std::string message = "lapack_svd: algorithm is '" + algorithm +
                              "'; use 'rotate', 'divide' or 'qr'.";
        throw nb::value_error(message.c_str());
    }
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int m = a.rows(), n = a.cols(), k = std::min(m, n);
        Int u_cols = full_matrices ? m : k, vh_rows = full_matrices ? n : k;
        Result<T> u(a, {compute_uv ? m : 0, u_cols});
        Result<T> vh(a, {compute_uv ? vh_rows : 0, n});
        Result<Real<T>> s(a, {k});
        char job = !compute_uv ? 'N' : full_matrices ? 'A' : 'S';
        Svd<T> problem(m, n, job, method);
        all_problems(m * n, [&] {
            problem.many(a.batch(), a.data<T>(0), u.data(0), s.data(0), vh.data(0));
        });
        if (!compute_uv) return nb::make_tuple(s.array());
        return nb::make_tuple(u.array(), s.array(), vh.array());
    });
}

}  // namespace

void register_spectral(nb::module_& m) {
    m.def("lapack_eigh", &eigh, nb::arg("a"), nb::arg("lower") = true,
          nb::arg("compute_v") = true);
    m.def("lapack_eig", &eig, nb::arg("a"), nb::arg("left") = false,
          nb::arg("right") = true);
    m.def("lapack_schur", &schur, nb::arg("a"), nb::arg("compute_v") = true);
    m.def("lapack_svd", &svd, nb::arg("a"), nb::arg("full_matrices") = true,
          nb::arg("compute_uv") = true, nb::arg("algorithm") = "rotate");
}

}  // namespace chainrule::lapack
