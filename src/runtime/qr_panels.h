/// QR of one large matrix by panels (panels.h), whose reflections are applied together
/// (R. Schreiber and C. Van Loan, "A storage-efficient WY representation for products of
/// Householder transformations", SIAM J. Sci. Stat. Comput. 10, 1989).
#pragma once
#include "fortran.h"
#include "panel_kernels.h"
#include "panels.h"

namespace chainrule::lapack {

/// Reflections of one panel, all together 1 - v t v^T.
template <class T> class Reflections {
  public:
    /// Of `width` columns of at most `rows` rows.
    Reflections(Int rows, Int width)
        : strip_(panel::strip_of<T>(width)), v_(rows * strip_),
          adjoint_(panel::packed_size<T>(width, rows)), t_(strip_ * strip_),
          other_(strip_ * strip_) {}

    /// Of factors whose columns lie `stride` numbers apart; `reversed`: their product in
    /// the other order, with t^T for t.
    void read(Int rows, Int width, const T* factors, Int stride, const T* taus,
              bool reversed) {
        rows_ = rows;
        width_ = width;
        strip_ = panel::strip_of<T>(width);
        panel::read_reflections<T>(rows, width, factors, stride, v_.data());
        panel::pack<T>(width, rows, factors, stride, adjoint_.data());
        for (Int k = 0; k < width; ++k) {
            T* row = adjoint_.data() + k * panel::strip_of<T>(rows);
            std::fill_n(row, k, T(0));
            row[k] = T(1);
        }
        T *dots = other_.data(), *t = t_.data();
        panel::multiply<T>(width, strip_, rows, {v_.data(), 1, strip_}, v_.data(), dots,
                           strip_, panel::Into::kSet);
        panel::join_reflections<T>(width, dots, taus, t);
        if (reversed) return;
        std::copy_n(t, strip_ * strip_, dots);
        turn(dots, strip_, strip_, strip_, t, strip_);
    }

    /// Applies them to columns c, as many as the strip has at most: c^T -= c^T v t v^T.
    /// The room is for two squares of the strip.
    void apply(Int columns, T* c, Int stride, T* room) {
        using panel::Into;
        T* other = room + panel::kStrip<T> * strip_;
        panel::multiply<T>(columns, width_, rows_, {c, stride, 1}, v_.data(), room, strip_,
                           Into::kSet);
        panel::multiply<T>(columns, width_, width_, {room, strip_, 1}, t_.data(), other,
                           strip_, Into::kSet);
        panel::multiply<T>(columns, rows_, width_, {other, strip_, 1}, adjoint_.data(), c,
                           stride, Into::kSubtract);
    }

  private:
    Int rows_ = 0, width_ = 0, strip_;
    Workspace<T> v_, adjoint_, t_, other_;
};

template <class T> class QrPanels {
  public:
    /// Very tall matrices are LAPACK's.
    static bool serve(Int m, Int n) {
        const Int k = std::min(m, n);
        return panel::served() && k >= kFewest && 2 * m <= k * k;
    }

    /// Of m x n factors, or of m x n products of k reflections.
    QrPanels(Int m, Int n, Int k)
        : m_(m), panels_(k, n, kWidth), inner_(m, kInner),
          outer_{Reflections<T>(m, kWidth), Reflections<T>(m, kWidth)},
          room_(panel::room_for<T>(m)), rooms_(panels_.blocks() * 2 * kWidth * kWidth) {}

    /// One column-major matrix in place, as LAPACK leaves its factors.
    void factorise(T* a, T* taus) {
        panels_.each([&](Int k) { factorise_panel(k, a, taus); },
                     [&](Int k, Int block) { reflect(k, block, a); });
    }

    /// The first columns of the product of the reflections in `factors`, column-major:
    /// those of the unit matrix, which reflections change from the last to the first.
    void multiply(const T* factors, const T* taus, T* q) {
        const Int last = panels_.count() - 1;
        read_panel(last, factors, taus, true);
        for (Int k = last; k >= 0; --k)
            panels_.deal(k, [&](Int block) {
                if (block == k && k > 0) read_panel(k - 1, factors, taus, true);
                if (block == k || k == last) set_unit(block, q);
                reflect(k, block, q);
            });
    }

  private:
    static constexpr Int kFewest = 16, kWidth = panel::kStrip<T>;
    static constexpr Int kInner = panel::kVector<T>;

    void set_unit(Int block, T* q) {
        for (Int j = panels_.first(block); j < panels_.first(block + 1); ++j) {
            std::fill_n(q + j * m_, m_, T(0));
            q[j * m_ + j] = T(1);
        }
    }

    /// By columns of a vector, whose reflections are applied to the rest of the panel.
    void factorise_panel(Int k, T* a, T* taus) {
        const Int end = panels_.first(k + 1);
        for (Int column = panels_.first(k); column < end; column += kInner) {
            const Int count = std::min(kInner, end - column), rest = end - column - count;
            T* corner = a + column * (m_ + 1);
            factorise_columns(m_ - column, count, corner, taus + column);
            if (rest == 0) break;
            inner_.read(m_ - column, count, corner, m_, taus + column, false);
            inner_.apply(rest, corner + count * m_, m_, rooms_.data());
        }
        read_panel(k, a, taus, false);
    }

    void factorise_columns(Int rows, Int count, T* corner, T* taus) {
        if (panel::qr<T>(rows, count, corner, m_, taus, room_.data())) return;
        Int info = 0;
        fortran::geqrf<T>()(rows, count, corner, m_, taus, room_.data(), kInner, &info);
    }

    void read_panel(Int k, const T* factors, const T* taus, bool reversed) {
        const Int top = panels_.first(k);
        outer_[k % 2].read(m_ - top, panels_.size(k), factors + top * (m_ + 1), m_,
                           taus + top, reversed);
    }

    void reflect(Int k, Int block, T* a) {
        outer_[k % 2].apply(panels_.size(block),
                            a + panels_.first(k) + panels_.first(block) * m_, m_,
                            rooms_.data() + block * 2 * kWidth * kWidth);
    }

    Int m_;
    Panels panels_;
    Reflections<T> inner_, outer_[2];
    Workspace<T> room_, rooms_;
};

/// Complex matrices are LAPACK's.
template <class T> class QrPanels<std::complex<T>> {
  public:
    static bool serve(Int, Int) { return false; }
    QrPanels(Int, Int, Int) {}
    void factorise(std::complex<T>*, std::complex<T>*) {}
    void multiply(const std::complex<T>*, const std::complex<T>*, std::complex<T>*) {}
};

}  // namespace chainrule::lapack
