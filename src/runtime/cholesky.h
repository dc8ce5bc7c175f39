/// The Cholesky problem, as the others in lapack_problems.h: small matrices side by side,
/// larger ones by panels (cholesky_panels.h), or in tiles of the library's where those do
/// not serve, those between by LAPACK.
#pragma once
#include "cholesky_panels.h"
#include "lapack_problems.h"

#include <atomic>

namespace chainrule::lapack {

/// The lower triangle of a, and zeros above it; threads take `grain` rows or more.
template <class T> void lower_triangle(Int n, Int grain, const T* a, T* l) {
    kernels::parallel(n, grain, [&](Int begin, Int end) {
        for (Int row = begin; row < end; ++row) {
            std::copy_n(a + row * n, row + 1, l + row * n);
            std::fill_n(l + row * n + row + 1, n - row - 1, T(0));
        }
    });
}

/// Factors of one matrix of kTiled rows or more. Read column-major, the lower triangle of
/// a is the upper one of a^T, and the u with a^T = u^H u is l^T: nothing needs
/// transposing.
///
/// A step solves for one row of tiles and subtracts its products from the columns behind
/// it. The first of these is done first, and its tile on the diagonal is factorised at
/// once, so that the next step waits for nobody. Tiles depend on n alone, and so do bits.
///
/// A row is solved for, and multiplied, in its adjoint, which lies by itself: OpenBLAS
/// solves x u = b 2.7 times as fast as u^H x = b.
template <class T> class TiledCholesky {
  public:
    static constexpr Int kTiled = 192;

    explicit TiledCholesky(Int n)
        : n_(n), tile_(tile_for(n)), tiles_((n + tile_ - 1) / tile_),
          panel_((n - tile_) * tile_) {}

    /// Whether a has factors; then `l` is the lower one.
    bool factorise(const T* a, T* l) {
        u_ = l;
        good_.store(true);
        lower_triangle(n_, 32, a, l);
        factorise_diagonal(0);
        for (Int k = 0; k + 1 < tiles_ && good_.load(); ++k) {
            share(tiles_ - k - 1, [&](Int i) { solve(k, k + 1 + i); });
            share(tiles_ - k - 1, [&](Int i) {
                update(k, i == 0 ? k + 1 : tiles_ - i);
            });
        }
        return good_.load();
    }

  private:
    /// Few tiles leave threads waiting at the end; small ones multiply slowly.
    static Int tile_for(Int n) { return n < 768 ? 64 : 128; }

    T* at(Int row, Int column) const { return u_ + row * tile_ + column * tile_ * n_; }
    Int size(Int tile) const { return std::min(tile_, n_ - tile * tile_); }

    void factorise_diagonal(Int k) {
        Int info = 0;
        fortran::potrf<T>()('U', size(k), at(k, k), n_, &info);
        if (info != 0) good_.store(false);
    }

    /// The rows of the panel that belong to a column of tiles in step k, and how long
    /// the panel's columns are.
    T* panel(Int k, Int column) { return panel_.data() + (column - k - 1) * tile_; }
    Int length(Int k) const { return n_ - (k + 1) * tile_; }

    void solve(Int k, Int column) {
        const Int width = size(column), m = length(k);
        T* adjoint = panel(k, column);
        turn(at(k, column), n_, width, tile_, adjoint, m, adjoint_of);
        fortran::trsm<T>()('R', 'U', 'N', 'N', width, tile_, T(1), at(k, k), n_, adjoint,
                           m);
        turn(adjoint, m, tile_, width, at(k, column), n_, adjoint_of);
    }

    /// Subtracts products of row k from a column of tiles down to the diagonal.
    void update(Int k, Int column) {
        const Int above = (column - k - 1) * tile_, width = size(column), m = length(k);
        const T* factors = panel(k, column);
        if (above > 0)
            fortran::gemm<T>()('N', 'C', above, width, tile_, T(-1), panel_.data(), m,
                               factors, m, T(1), at(k + 1, column), n_);
        fortran::syrk<T>()('U', 'N', width, tile_, Real<T>(-1), factors, m, Real<T>(1),
                           at(column, column), n_);
        if (column == k + 1) factorise_diagonal(column);
    }

    static T adjoint_of(T x) {
        if constexpr (is_complex<T>) return std::conj(x);
        return x;
    }

    Int n_, tile_, tiles_;
    T* u_ = nullptr;
    Workspace<T> panel_;
    std::atomic<bool> good_{true};
};

/// l with a = l l^H, of the lower triangle of a; NaN where there is none.
template <class T> class Cholesky {
  public:
    explicit Cholesky(Int n) : n_(n) {}

    /// The entries of a matrix for which the library may use threads of its own.
    Int entries() const { return is_tiled() ? 0 : n_ * n_; }

    void many(Int count, const T* a, T* l) const {
        if constexpr (has_small<T>) {
            if (small::is_small(n_)) return small::cholesky(n_, count, a, l);
        }
        if constexpr (!is_complex<T>)
            if (CholeskyPanels<T>::serve(n_))
                return factorise_all(count, a, l, CholeskyPanels<T>(n_));
        if (is_tiled()) return factorise_all(count, a, l, TiledCholesky<T>(n_));
        factorise_all(count, a, l, Plain{n_});
    }

  private:
    struct Plain {
        Int n;
        bool factorise(const T* a, T* l) const {
            Int info = 0;
            lower_triangle(n, n, a, l);
            if (n > 0) fortran::potrf<T>()('U', n, l, leading(n), &info);
            return info == 0;
        }
    };

    bool is_tiled() const { return n_ >= TiledCholesky<T>::kTiled; }

    template <class Method>
    void factorise_all(Int count, const T* a, T* l, Method&& method) const {
        for (Int i = 0; i < count; ++i, a += n_ * n_, l += n_ * n_) {
            if (method.factorise(a, l)) continue;
            for (Int row = 0; row < n_; ++row) {
                std::fill_n(l + row * n_, row + 1, nan_of<T>());
                std::fill_n(l + row * n_ + row + 1, n_ - row - 1, T(0));
            }
        }
    }

    Int n_;
};

}  // namespace chainrule::lapack
