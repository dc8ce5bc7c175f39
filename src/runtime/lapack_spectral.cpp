// Spectral decompositions: eigenvalues (Hermitian and general), Schur form and
// singular values. Matrices that hold NaN or infinity never reach LAPACK, whose
// iterations may not end on them: their results, like those of an iteration that
// does not converge, are NaN.
#include "lapack_decompositions.h"

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

// Writes the eigenvectors that geev returned (column-major; a real matrix's complex
// pairs as consecutive columns of real and imaginary parts) row-major into `target`.
template <class T, class C>
void write_eigenvectors(T* columns, const C* values, Int n, C* target) {
    if constexpr (is_complex<T>) {
        transpose_into(columns, n, n, target);
    } else {
        for (Int j = 0; j < n; ++j) {
            const T* column = columns + j * n;
            bool pair = values[j].imag() != 0 && j + 1 < n;
            for (Int i = 0; i < n; ++i) {
                C entry(column[i], pair ? column[n + i] : T(0));
                target[i * n + j] = entry;
                if (pair) target[i * n + j + 1] = std::conj(entry);
            }
            if (pair) ++j;
        }
    }
}

// geev for one element type: eigenvalues and packed eigenvectors of one matrix.
template <class T> class Geev {
  public:
    using C = std::complex<Real<T>>;

    Geev(Int n, bool left, bool right)
        : n_(n), left_(left), right_(right), columns(n * n),
          left_columns(left ? n * n : 1), right_columns(right ? n * n : 1),
          real_work_(2 * n), size_(query()), work_(size_) {}

    // True if it converged; `columns` is overwritten.
    bool operator()(C* values) {
        if (run(values, work_.data(), size_) != 0) return false;
        if constexpr (!is_complex<T>) {
            for (Int j = 0; j < n_; ++j) {
                values[j] = C(real_work_[j], real_work_[n_ + j]);
            }
        }
        return true;
    }

  private:
    Int run(C* values, T* work, Int size) {
        Int info = 0;
        char left = left_ ? 'V' : 'N', right = right_ ? 'V' : 'N';
        if constexpr (is_complex<T>) {
            geev_(left, right, n_, columns.data(), leading(n_), values,
                  left_columns.data(), leading(n_), right_columns.data(), leading(n_),
                  work, size, real_work_.data(), &info);
        } else {
            geev_(left, right, n_, columns.data(), leading(n_), real_work_.data(),
                  real_work_.data() + n_, left_columns.data(), leading(n_),
                  right_columns.data(), leading(n_), work, size, &info);
        }
        return info;
    }
    Int query() {
        C unused;
        T answer(0);
        run(&unused, &answer, -1);
        return queried_size(answer);
    }

    Routine geev_ = routine<T>("geev");
    Int n_;
    bool left_, right_;

  public:
    Workspace<T> columns, left_columns, right_columns;

  private:
    Workspace<Real<T>> real_work_;
    Int size_;
    Workspace<T> work_;
};

nb::object eig(nb::handle a_value, bool left, bool right) {
    Operand a("lapack_eig", "a", a_value, 2);
    a.require_square();
    return by_element(a, [&](auto zero) -> nb::object {
        using T = decltype(zero);
        using C = std::complex<Real<T>>;
        Int n = a.rows();
        Result<C> w(a, {n}), vl(a, {left ? n : 0, n}), vr(a, {right ? n : 0, n});
        Geev<T> geev(n, left, right);
        each_problem(n > 0 ? a.batch() : 0, n * n, [&](Int i) {
            transpose_into(a.data<T>(i), n, n, geev.columns.data());
            if (!all_finite(geev.columns.data(), n * n) || !geev(w.data(i))) {
                C nan(nan_of<Real<T>>(), nan_of<Real<T>>());
                w.fill(i, nan);
                vl.fill(i, nan);
                vr.fill(i, nan);
                return;
            }
            if (left) {
                write_eigenvectors(geev.left_columns.data(), w.data(i), n, vl.data(i));
            }
            if (right) {
                write_eigenvectors(geev.right_columns.data(), w.data(i), n, vr.data(i));
            }
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
        Routine gees = routine<T>("gees");
        Workspace<T> columns(n * n), vectors(compute_v ? n * n : 1), values(2 * n);
        Workspace<Real<T>> real_work(n);
        auto run = [&](T* work, Int size) {
            Int info = 0, selected = 0;
            void* no_selection = nullptr;
            Int* no_flags = nullptr;
            char job = compute_v ? 'V' : 'N';
            if constexpr (is_complex<T>) {
                gees(job, 'N', no_selection, n, columns.data(), leading(n), &selected,
                     values.data(), vectors.data(), leading(n), work, size,
                     real_work.data(), no_flags, &info);
            } else {
                gees(job, 'N', no_selection, n, columns.data(), leading(n), &selected,
                     values.data(), values.data() + n, vectors.data(), leading(n), work,
                     size, no_flags, &info);
            }
            return info;
        };
        T answer(0);
        run(&answer, -1);
        Int size = queried_size(answer);
        Workspace<T> work(size);
        each_problem(n > 0 ? a.batch() : 0, n * n, [&](Int i) {
            transpose_into(a.data<T>(i), n, n, columns.data());
            if (!all_finite(columns.data(), n * n) || run(work.data(), size) != 0) {
                t.fill(i, nan_of<T>());
                v.fill(i, nan_of<T>());
                return;
            }
            transpose_into(columns.data(), n, n, t.data(i));
            if (compute_v) transpose_into(vectors.data(), n, n, v.data(i));
        });
        if (!compute_v) return nb::make_tuple(t.array());
        return nb::make_tuple(t.array(), v.array());
    });
}

nb::object svd(nb::handle a_value, bool full_matrices, bool compute_uv,
               const std::string& algorithm) {
    Operand a("lapack_svd", "a", a_value, 2);
    if (algorithm != "divide" && algorithm != "qr") {
        std::string message = "lapack_svd: algorithm is '" + algorithm +
                              "'; use 'divide' or 'qr'.";
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
        Svd<T> problem(m, n, job, algorithm == "qr");
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
          nb::arg("compute_uv") = true, nb::arg("algorithm") = "divide");
}

}  // namespace chainrule::lapack
