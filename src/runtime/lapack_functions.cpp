// Functions of matrices, and what is made of several factorisations.
#include "lapack_determinants.h"
#include "matrix_exponential.h"
#include "matrix_factors.h"
#include "matrix_functions.h"

#include <deque>

namespace chainrule::lapack {
namespace {

nb::object expm(nb::handle a_value, Int max_squarings) {
    Operand a("lapack_expm", "a", a_value, 2);
    a.require_square();
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int n = a.rows();
        Result<T> out(a, {n, n});
        Expm<T> problem(n, max_squarings);
        all_problems(problem.entries(), [&] {
            problem.many(a.batch(), a.data<T>(0), nullptr, out.data(0));
        });
        return out.array();
    });
}

nb::object expm_frechet(nb::handle a_value, nb::sequence directions,
                        Int max_squarings) {
    constexpr const char* function = "lapack_expm_frechet";
    std::deque<Operand> operands;
    operands.emplace_back(function, "a", a_value, 2);
    const Operand& a = operands.front();
    a.require_square();
    for (nb::handle e : directions) {
        const Operand& direction = operands.emplace_back(function, "direction", e, 2);
        a.require_alike(direction);
        direction.require_size(-1, a.rows(), "the size of a");
        direction.require_size(-2, a.rows(), "the size of a");
    }
    const Int given = Int(operands.size()) - 1;
    if (given < 1 || given > kMostDirections) {
        throw nb::value_error((std::string(function) + ": there are " +
                               std::to_string(given) + " directions; use 1 to " +
                               std::to_string(kMostDirections) + ".")
                                  .c_str());
    }
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int n = a.rows();
        Result<T> out(a, {n, n});
        ExpmFrechet<T> problem(n, given, max_squarings);
        std::vector<const T*> data;
        for (const Operand& x : operands) data.push_back(x.template data<T>(0));
        all_problems(problem.entries(), [&] { problem.many(a.batch(), data.data(), out.data(0)); });
        return out.array();
    });
}

nb::object cofactors(nb::handle a_value) {
    Operand a("lapack_cofactors", "a", a_value, 2);
    a.require_square();
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int n = a.rows();
        Result<T> out(a, {n, n});
        Cofactors<T> problem(n);
        all_problems(problem.entries(),
                     [&] { problem.many(a.batch(), a.data<T>(0), out.data(0)); });
        return out.array();
    });
}

nb::object slogdet(nb::handle a_value) {
    Operand a("lapack_slogdet", "a", a_value, 2);
    a.require_square();
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int n = a.rows();
        Result<T> sign(a, {});
        Result<Real<T>> logarithm(a, {});
        SignAndLogarithm<T> problem(n);
        all_problems(problem.entries(), [&] {
            problem.many(a.batch(), a.data<T>(0), sign.data(0), logarithm.data(0));
        });
        return nb::make_tuple(sign.array(), logarithm.array());
    });
}

nb::object pinv(nb::handle a_value, nb::handle rtol_value) {
    Operand a("lapack_pinv", "a", a_value, 2);
    Operand rtol("lapack_pinv", "rtol", rtol_value, 0);
    rtol.require_real_of(a);
    a.require_same_batch(rtol);
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int m = a.rows(), n = a.cols();
        Result<T> out(a, {n, m});
        Pinv<T> problem(m, n);
        all_problems(m * n, [&] {
            problem.many(a.batch(), a.data<T>(0), rtol.data<Real<T>>(0), out.data(0));
        });
        return out.array();
    });
}

nb::object least_squares(nb::handle a_value, nb::handle b_value,
                         nb::handle rtol_value) {
    constexpr const char* function = "lapack_least_squares";
    Operand a(function, "a", a_value, 2), b(function, "b", b_value, 2);
    Operand rtol(function, "rtol", rtol_value, 0);
    a.require_alike(b);
    b.require_size(-2, a.rows(), "the rows of a");
    rtol.require_real_of(a);
    a.require_same_batch(rtol);
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int m = a.rows(), n = a.cols(), sides = b.cols();
        Result<T> x(a, {n, sides});
        Result<Real<T>> s(a, {std::min(m, n)});
        LeastSquares<T> problem(m, n, sides);
        all_problems(m * n, [&] {
            problem.many(a.batch(), a.data<T>(0), b.data<T>(0), rtol.data<Real<T>>(0),
                         x.data(0), s.data(0));
        });
        return nb::make_tuple(x.array(), s.array());
    });
}

void require_high(const char* function, const Operand& a) {
    if (a.rows() >= a.cols()) return;
    throw nb::value_error((std::string(function) + ": a has " +
                           std::to_string(a.rows()) + " rows and " +
                           std::to_string(a.cols()) +
                           " columns; it needs at least as many rows as columns.")
                              .c_str());
}

nb::object polar(nb::handle a_value) {
    Operand a("lapack_polar", "a", a_value, 2);
    require_high("lapack_polar", a);
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int m = a.rows(), n = a.cols();
        Result<T> u(a, {m, n}), p(a, {n, n});
        Polar<T> problem(m, n);
        all_problems(m * n, [&] {
            problem.many(a.batch(), a.data<T>(0), u.data(0), p.data(0));
        });
        return nb::make_tuple(u.array(), p.array());
    });
}

nb::object qdwh(nb::handle a_value, Int max_iterations, double eps) {
    Operand a("lapack_qdwh", "a", a_value, 2);
    require_high("lapack_qdwh", a);
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int m = a.rows(), n = a.cols();
        Result<T> u(a, {m, n}), p(a, {n, n});
        Result<std::int32_t> steps(a, {});
        Result<bool> converged(a, {});
        Qdwh<T> problem(m, n, max_iterations, eps);
        all_problems(problem.entries(), [&] {
            problem.many(a.batch(), a.data<T>(0), u.data(0), p.data(0), steps.data(0),
                         converged.data(0));
        });
        return nb::make_tuple(u.array(), p.array(), steps.array(), converged.array());
    });
}

nb::object cholesky_update(nb::handle r_value, nb::handle w_value) {
    constexpr const char* function = "lapack_cholesky_update";
    Operand r(function, "r", r_value, 2), w(function, "w", w_value, 1);
    r.require_square();
    r.require_alike(w);
    w.require_size(-1, r.rows(), "the size of r");
    return by_element(r, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int n = r.rows();
        Result<T> out(r, {n, n});
        CholeskyUpdate<T> problem(n);
        all_problems(n * n, [&] {
            problem.many(r.batch(), r.data<T>(0), w.data<T>(0), out.data(0));
        });
        return out.array();
    });
}

nb::object sqrtm(nb::handle a_value) {
    Operand a("lapack_sqrtm", "a", a_value, 2);
    a.require_square();
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int n = a.rows();
        Result<std::complex<Real<T>>> out(a, {n, n});
        Sqrtm<T> problem(n);
        all_problems(n * n,
                     [&] { problem.many(a.batch(), a.data<T>(0), out.data(0)); });
        return out.array();
    });
}

nb::object parlett(nb::handle t_value, nb::handle f_value) {
    constexpr const char* function = "lapack_parlett";
    Operand t(function, "t", t_value, 2), f(function, "f", f_value, 1);
    t.require_square();
    t.require_alike(f);
    f.require_size(-1, t.rows(), "the size of t");
    return by_element(t, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        Int n = t.rows();
        Result<T> out(t, {n, n});
        all_problems(n * n, [&] {
            Parlett<T>(n).many(t.batch(), t.data<T>(0), f.data<T>(0), out.data(0));
        });
        return out.array();
    });
}

nb::object complex_schur(nb::handle t_value, nb::handle z_value) {
    constexpr const char* function = "lapack_complex_schur";
    Operand t(function, "t", t_value, 2), z(function, "z", z_value, 2);
    t.require_square();
    z.require_square();
    t.require_alike(z);
    z.require_size(-1, t.rows(), "the size of t");
    return by_element(t, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        using C = std::complex<Real<T>>;
        Int n = t.rows();
        Result<C> t_out(t, {n, n}), z_out(t, {n, n});
        all_problems(n * n, [&] {
            ComplexSchur<T>(n).many(t.batch(), t.data<T>(0), z.data<T>(0),
                                    t_out.data(0), z_out.data(0));
        });
        return nb::make_tuple(t_out.array(), z_out.array());
    });
}

}  // namespace

void register_functions(nb::module_& m) {
    m.def("lapack_expm", &expm, nb::arg("a"), nb::arg("max_squarings") = 16);
    m.def("lapack_expm_frechet", &expm_frechet, nb::arg("a"), nb::arg("directions"),
          nb::arg("max_squarings") = 16);
    m.def("lapack_cofactors", &cofactors, nb::arg("a"));
    m.def("lapack_slogdet", &slogdet, nb::arg("a"));
    m.def("lapack_pinv", &pinv, nb::arg("a"), nb::arg("rtol"));
    m.def("lapack_least_squares", &least_squares, nb::arg("a"), nb::arg("b"),
          nb::arg("rtol"));
    m.def("lapack_polar", &polar, nb::arg("a"));
    m.def("lapack_qdwh", &qdwh, nb::arg("a"), nb::arg("max_iterations"),
          nb::arg("eps"));
    m.def("lapack_cholesky_update", &cholesky_update, nb::arg("r"), nb::arg("w"));
    m.def("lapack_sqrtm", &sqrtm, nb::arg("a"));
    m.def("lapack_parlett", &parlett, nb::arg("t"), nb::arg("f"));
    m.def("lapack_complex_schur", &complex_schur, nb::arg("t"), nb::arg("z"));
}

}  // namespace chainrule::lapack
