/// LU factors of one large matrix by panels (panels.h). A step swaps rows of a block of
/// columns, solves for its upper part and subtracts products.
#pragma once
#include "panel_kernels.h"
#include "panels.h"

namespace chainrule::lapack {

template <class T> class LuPanels {
  public:
    static bool serve(Int m, Int n) {
        return panel::served() && std::min(m, n) >= kFewest;
    }

    LuPanels(Int m, Int n)
        : m_(m), n_(n), panels_(std::min(m, n), n, kWidth),
          panel_(panel::room_for<T>(m)), strips_(panels_.blocks() * kWidth * kWidth) {}

    /// Factors of a row-major matrix; `pivots` are LAPACK's, counted from 1.
    void factorise(const T* a, T* factors, Int* pivots) {
        kernels::parallel(m_, 32, [&](Int begin, Int end) {
            std::copy(a + begin * n_, a + end * n_, factors + begin * n_);
        });
        a_ = factors;
        pivots_ = pivots;
        panels_.each([&](Int k) { factorise_panel(k); },
                     [&](Int k, Int block) { update(k, block); });
        panels_.deal(0, [&](Int block) {
            for (Int k = block + 1; k < panels_.count(); ++k) swap_rows(k, block);
        });
    }

  private:
    static constexpr Int kFewest = 16, kWidth = panel::kStrip<T>;

    T* at(Int row, Int column) const { return a_ + row * n_ + column; }

    void factorise_panel(Int k) {
        const Int top = panels_.first(k), w = panels_.size(k);
        panel::lu<T>(m_ - top, w, at(top, top), n_, pivots_ + top, panel_.data());
        for (Int i = top; i < top + w; ++i) pivots_[i] += top + 1;
    }

    /// The swaps of panel k in other columns.
    void swap_rows(Int k, Int block) {
        const Int column = panels_.first(block), w = panels_.size(block);
        for (Int i = panels_.first(k); i < panels_.first(k + 1); ++i)
            if (pivots_[i] != i + 1)
                std::swap_ranges(at(i, column), at(i, column) + w,
                                 at(pivots_[i] - 1, column));
    }

    void update(Int k, Int block) {
        swap_rows(k, block);
        const Int top = panels_.first(k), w = panels_.size(k);
        panel::eliminate<T>(w, m_ - top - w, panels_.size(block), {at(top, top), n_, 1},
                            true, at(top, panels_.first(block)), n_,
                            strips_.data() + block * kWidth * kWidth);
    }

    Int m_, n_;
    Panels panels_;
    T* a_ = nullptr;
    Int* pivots_ = nullptr;
    Workspace<T> panel_, strips_;
};

/// Complex matrices are LAPACK's.
template <class T> class LuPanels<std::complex<T>> {
  public:
    static bool serve(Int, Int) { return false; }
    LuPanels(Int, Int) {}
    void factorise(const std::complex<T>*, std::complex<T>*, Int*) {}
};

}  // namespace chainrule::lapack
