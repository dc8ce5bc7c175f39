/// Factorisations by panels of columns: a step brings the columns behind its panel up to
/// date, and threads share these by blocks. The first block is done first, and is the
/// next panel, which is factorised at once, so that the next step waits for nobody.
/// Panels depend on the sizes alone, and so do bits.
///
/// A block is its thread's from step to step, unless that one is late: what another core
/// has just written takes longer to fetch than to multiply.
#pragma once
#include "lapack.h"

namespace chainrule::lapack {

/// Where the blocks of columns of a matrix begin: those of the panels, which are its
/// first k columns, and as wide ones of what is behind.
class Panels {
  public:
    Panels(Int k, Int columns, Int width)
        : k_(k), columns_(columns), width_(width), count_((k + width - 1) / width),
          blocks_(count_ + (columns - k + width - 1) / width), done_(blocks_ + 1) {}

    Int count() const { return count_; }
    Int blocks() const { return blocks_; }
    Int first(Int block) const {
        return block <= count_ ? std::min(block * width_, k_)
                               : std::min(k_ + (block - count_) * width_, columns_);
    }
    Int size(Int block) const { return first(block + 1) - first(block); }

    /// Calls factorise(panel), and update(panel, block) for all blocks behind.
    template <class Factorise, class Update>
    void each(const Factorise& factorise, const Update& update) {
        factorise(0);
        for (Int k = 0; k < count_; ++k)
            deal(k + 1, [&](Int block) {
                update(k, block);
                if (block == k + 1 && block < count_) factorise(block);
            });
    }

    /// Calls body(block) for all blocks from `first` on, on the pool's threads.
    template <class Body> void deal(Int first, const Body& body) {
        const Int threads = share_between(blocks_ - first);
        const Int step = ++step_;
        kernels::parallel(threads, 1, [&](Int, Int) {
            const Int me = slot();
            const auto take = [&](Int block) {
                if (done_[std::size_t(block)].exchange(step) != step) body(block);
            };
            for (Int block = first; block < blocks_; ++block)
                if (block % threads == me % threads) take(block);
            for (Int block = first; block < blocks_; ++block) take(block);
        });
    }

  private:
    /// A number for the calling thread: one after the other for those of the pool.
    static Int slot() {
        static std::atomic<Int> made{0};
        thread_local Int mine = made.fetch_add(1);
        return mine;
    }

    Int k_, columns_, width_, count_, blocks_, step_ = 0;
    std::vector<std::atomic<Int>> done_;
};

}  // namespace chainrule::lapack
