/// Sorting a long row in parts, each of them below the next, that threads sort.
///
/// What is sorted comes from a source, whose write(begin, end, to) makes the items of
/// places [begin, end): they are made where they are read and lie in memory only when
/// they have been dealt. A part is ready for its use, `done(begin, end)`, as soon as its
/// thread has sorted it.
///
/// Two threads do not wait for each other at all: one takes what is below a bound from
/// all of the row, from the front of the result on, and the other what is above, from its
/// end on. What equals the bound lies between, and needs no more than to be written.
/// Several count their sections first, so that each knows where its items go.
#pragma once
#include "kernel_rows.h"

#include <array>

namespace chainrule::kernels {

/// Items made at once: few, so that what comes next is fetched meanwhile.
constexpr Int kDealt = 256;
/// Items of each part that its bounds are chosen by, at most.
constexpr Int kSample = 512;

template <class Source, class Done> class PartedSort {
  public:
    using Item = typename Source::Item;

    /// `to` holds n items; parts is at least 2.
    PartedSort(const Source& source, Item* to, Int n, Int parts, const Done& done)
        : source_(source), done_(done), to_(to), n_(n), parts_(parts) {}

    void sort() {
        choose_bounds();
        if (parts_ == 2) return sort_two();
        each_part([&](Int part) { count(part); });
        place();
        each_part([&](Int part) { move(part); });
        each_part([&](Int part) { finish(begins_[part], begins_[part + 1]); });
    }

  private:
    Int start(Int part) const { return n_ * part / parts_; }

    template <class Body> void each_part(const Body& body) const {
        parallel(parts_, 1, [&](Int begin, Int end) {
            for (; begin < end; ++begin) body(begin);
        });
    }

    void finish(Int begin, Int end) const {
        sort_integers(to_ + begin, end - begin);
        done_(begin, end);
    }

    /// Calls body(items, count) for the items of [begin, end).
    template <class Body> void each_block(Int begin, Int end, const Body& body) const {
        Item items[kDealt];
        for (Int next; begin < end; begin = next) {
            next = std::min(begin + kDealt, end);
            source_.write(begin, next, items);
            body(items, next - begin);
        }
    }

    /// Quantiles of a sample, whose items do not lie at equal distances.
    void choose_bounds() {
        std::array<Item, kSample * kMostParts> sample;
        Int each = kSample;
        while (each * each * 4 > n_) each /= 2;
        const Int size = each * parts_, step = n_ / size;
        for (Int i = 0; i < size; ++i) {
            const auto mixed = std::uint64_t(i) * 0x9E3779B97F4A7C15u >> 32;
            const Int at = i * step + Int(mixed % std::uint64_t(step));
            source_.write(at, at + 1, &sample[i]);
        }
        sort_integers(sample.data(), size);
        for (Int k = 1; k < parts_; ++k) bounds_[k - 1] = sample[each * k];
    }

    /// A thread alone deals to both sides in one go.
    void sort_two() {
        Int below = 0, above = 0;
        const bool alone = threads::count() == 1;
        if (alone) take(below, above, true, true);
        each_part([&](Int part) {
            if (!alone) take(below, above, part == 0, part == 1);
            if (part == 0) finish(0, below);
            if (part == 1) finish(n_ - above, n_);
        });
        parallel(n_ - above - below, kPartLength, [&](Int begin, Int end) {
            std::fill(to_ + below + begin, to_ + below + end, bounds_[0]);
            done_(below + begin, below + end);
        });
    }

    void take(Int& below, Int& above, bool low, bool high) const {
        const Item bound = bounds_[0];
        Item *front = to_, *back = to_ + n_;
        each_block(0, n_, [&](const Item* items, Int count) {
            if (low) front += take_below(items, count, bound, front);
            if (high) back -= take_above(items, count, bound, back);
        });
        if (low) below = front - to_;
        if (high) above = to_ + n_ - back;
    }

    Int part_of(Item item) const {
        Int part = 0;
        for (Int k = 0; k + 1 < parts_; ++k) part += item >= bounds_[k];
        return part;
    }

    /// Sets next_ to how many items of a section go to each part.
    void count(Int section) {
        auto& own = next_[section];
        own.fill(0);
        own[0] = start(section + 1) - start(section);
        const Int begin = start(section), end = start(section + 1);
        each_block(begin, end, [&](const Item* items, Int count) {
            for (Int k = 0; k + 1 < parts_; ++k) {
                const Item bound = bounds_[k];
                Int above = 0;
                for (Int i = 0; i < count; ++i) above += items[i] >= bound;
                own[k + 1] += above;
            }
        });
        for (Int k = 0; k + 1 < parts_; ++k) own[k] -= own[k + 1];
    }

    /// Sets next_ to where a section's items of each part go.
    void place() {
        Int total = 0;
        for (Int part = 0; part < parts_; ++part) {
            begins_[part] = total;
            for (Int section = 0; section < parts_; ++section) {
                const Int found = next_[section][part];
                next_[section][part] = total;
                total += found;
            }
        }
        begins_[parts_] = total;
    }

    void move(Int section) {
        auto& next = next_[section];
        const Int begin = start(section), end = start(section + 1);
        each_block(begin, end, [&](const Item* items, Int count) {
            for (Int i = 0; i < count; ++i) to_[next[part_of(items[i])]++] = items[i];
        });
    }

    const Source& source_;
    const Done& done_;
    Item* to_;
    Int n_, parts_;
    std::array<Item, kMostParts> bounds_;
    std::array<std::array<Int, kMostParts>, kMostParts> next_;
    std::array<Int, kMostParts + 1> begins_;
};

/// Sorts what n places of the source give into `to`, and calls done(begin, end), on any
/// thread, for parts that are sorted. One part is not dealt.
template <class Source, class Done>
void sort_from(const Source& source, typename Source::Item* to, Int n, Int parts,
               const Done& done) {
    if (parts > 1) return PartedSort<Source, Done>(source, to, n, parts, done).sort();
    source.write(0, n, to);
    sort_integers(to, n);
    done(Int(0), n);
}

}  // namespace chainrule::kernels
