/// Cholesky factors of one large matrix by panels (panels.h): u with u^T u = a, row by row
/// of blocks. A row is solved for, then its products are subtracted from the blocks below.
#pragma once
#include "panel_kernels.h"
#include "panels.h"

namespace chainrule::lapack {

template <class T> class CholeskyPanels {
  public:
    static bool serve(Int n) { return panel::served() && n >= kFewest; }

    explicit CholeskyPanels(Int n)
        : n_(n), panels_(n, n, kWidth), strips_(panels_.count() * kWidth * kWidth) {}

    /// Whether the matrix of which a is the lower triangle has factors; then `l` is u^T,
    /// and zeros above it.
    bool factorise(const T* a, T* l) {
        u_ = l;
        good_.store(true);
        panels_.deal(0, [&](Int column) {
            for (Int row = 0; row <= column; ++row)
                turn(a + panels_.first(column) * n_ + panels_.first(row), n_,
                     panels_.size(column), panels_.size(row), at(row, column), n_);
        });
        factorise_diagonal(0);
        for (Int k = 0; k + 1 < panels_.count() && good_.load(); ++k) {
            panels_.deal(k + 1, [&](Int column) { solve(k, column); });
            panels_.deal(k + 1, [&](Int column) { update(k, column); });
        }
        if (good_.load())
            panels_.deal(0, [&](Int column) { put_lower(column); });
        return good_.load();
    }

  private:
    static constexpr Int kFewest = 24, kWidth = panel::kStrip<T>;

    T* at(Int row, Int column) const {
        return u_ + panels_.first(row) * n_ + panels_.first(column);
    }
    T* strip(Int column) { return strips_.data() + column * kWidth * kWidth; }

    void factorise_diagonal(Int k) {
        if (!panel::cholesky<T>(panels_.size(k), at(k, k), n_)) good_.store(false);
    }

    /// The block of row k; its strip stays for `update`.
    void solve(Int k, Int column) {
        panel::eliminate<T>(panels_.size(k), 0, panels_.size(column), {at(k, k), 1, n_},
                            false, at(k, column), n_, strip(column));
    }

    void update(Int k, Int column) {
        for (Int row = k + 1; row <= column; ++row)
            panel::multiply<T>(panels_.size(row), panels_.size(column), panels_.size(k),
                               {strip(row), 1, panel::strip_of<T>(panels_.size(row))},
                               strip(column), at(row, column), n_, panel::Into::kSubtract);
        if (column == k + 1) factorise_diagonal(column);
    }

    /// What is right of the diagonal in a column of blocks goes to the other side.
    void put_lower(Int column) {
        const Int size = panels_.size(column);
        for (Int row = 0; row < column; ++row) {
            turn(at(row, column), n_, panels_.size(row), size, at(column, row), n_);
            for (Int i = 0; i < panels_.size(row); ++i)
                std::fill_n(at(row, column) + i * n_, size, T(0));
        }
        T* square = at(column, column);
        for (Int i = 0; i < size; ++i)
            for (Int j = i + 1; j < size; ++j) {
                square[j * n_ + i] = square[i * n_ + j];
                square[i * n_ + j] = T(0);
            }
    }

    Int n_;
    Panels panels_;
    T* u_ = nullptr;
    Workspace<T> strips_;
    std::atomic<bool> good_{true};
};

}  // namespace chainrule::lapack
