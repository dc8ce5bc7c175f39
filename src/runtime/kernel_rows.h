/// Sorting rows of unsigned integers. NumPy's own sort does the work, called by
/// address: it is written for the vectors of the machine. Rows are sorted side by side,
/// and long ones are dealt into parts, each less than the next, that threads sort.
#pragma once
#include "kernels.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace chainrule::kernels {

void sort_integers(u8* items, Int n);
void sort_integers(u16* items, Int n);
void sort_integers(u32* items, Int n);
void sort_integers(u64* items, Int n);

/// Finds NumPy's functions. Needs the GIL; before anything is sorted.
void find_sort_functions();

/// Writes those of n items that are below `bound` to `low`, the others to `high`, in
/// their order. False, and nothing done, where the processor has no instructions for it.
bool deal_integers(const u32* items, Int n, u32 bound, u32* low, u32* high);
bool deal_integers(const u64* items, Int n, u64 bound, u64* low, u64* high);

constexpr Int kLongRow = 1 << 16;    // from here on rows are sorted by all threads
constexpr Int kPartLength = 1 << 14;  // at least, on an average
constexpr Int kMostParts = 16;
constexpr Int kSample = 512;  // items of each part that its bounds are chosen by

/// The rows that a kernel sorts: `width` at once, each in scratch memory of its own,
/// or, where they are long, one after the other.
struct Rows {
    Int rows, n, width;
    explicit Rows(const Int* ints) : rows(ints[0]), n(ints[1]), width(ints[2]) {}

    /// Calls body(row, slot, parts).
    template <class Body> void each(const Body& body) const {
        if (n >= kLongRow) {
            const Int parts = std::clamp<Int>(threads::count(), 1,
                                              std::min(kMostParts, n / kPartLength));
            for (Int row = 0; row < rows; ++row) body(row, Int(0), parts);
            return;
        }
        parallel(width, 1, [&](Int begin, Int end) {
            for (Int slot = begin; slot < end; ++slot)
                for (Int row = rows * slot / width; row < rows * (slot + 1) / width;
                     ++row)
                    body(row, slot, Int(1));
        });
    }
};

/// A row in `parts` parts: those below the first bound, those up to the second, ...
template <class T> class PartedSort {
  public:
    PartedSort(T* items, T* spare, Int n, Int parts)
        : from_(items), to_(spare), n_(n), parts_(parts) {}

    /// Returns the buffer of the result.
    T* sort() {
        if (parts_ == 1) {
            sort_integers(from_, n_);
            return from_;
        }
        choose_bounds();
        each_part([&](Int part) { count(part); });
        place();
        each_part([&](Int part) { parts_ == 2 ? move_to_two(part) : move(part); });
        each_part([&](Int part) {
            sort_integers(to_ + begins_[part], begins_[part + 1] - begins_[part]);
        });
        return to_;
    }

  private:
    Int start(Int part) const { return n_ * part / parts_; }

    template <class Body> void each_part(const Body& body) {
        parallel(parts_, 1, [&](Int begin, Int end) {
            for (; begin < end; ++begin) body(begin);
        });
    }

    /// Quantiles of a sample, whose items do not lie at equal distances.
    void choose_bounds() {
        std::array<T, kSample * kMostParts> sample;
        const Int size = kSample * parts_, step = n_ / size;
        for (Int i = 0; i < size; ++i) {
            const auto mixed = std::uint64_t(i) * 0x9E3779B97F4A7C15u >> 32;
            sample[i] = from_[i * step + Int(mixed % std::uint64_t(step))];
        }
        sort_integers(sample.data(), size);
        for (Int k = 1; k < parts_; ++k) bounds_[k - 1] = sample[size * k / parts_];
    }

    Int part_of(T item) const {
        Int part = 0;
        for (Int k = 0; k + 1 < parts_; ++k) part += item >= bounds_[k];
        return part;
    }

    /// Sets next_ to how many items of a section go to each part.
    void count(Int section) {
        auto& own = next_[section];
        own.fill(0);
        for (Int k = 0; k + 1 < parts_; ++k) {
            const T bound = bounds_[k];
            Int above = 0;
            for (Int i = start(section); i < start(section + 1); ++i)
                above += from_[i] >= bound;
            own[k + 1] = above;
        }
        own[0] = start(section + 1) - start(section);
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
        for (Int i = start(section); i < start(section + 1); ++i) {
            const T item = from_[i];
            to_[next[part_of(item)]++] = item;
        }
    }

    /// The same for two parts, without waiting for memory, and without branches: which
    /// part it is cannot be predicted.
    void move_to_two(Int section) {
        const T bound = bounds_[0];
        Int low = next_[section][0], high = next_[section][1];
        if constexpr (sizeof(T) >= 4) {
            const Int first = start(section), count = start(section + 1) - first;
            if (deal_integers(from_ + first, count, bound, to_ + low, to_ + high)) return;
        }
        for (Int i = start(section); i < start(section + 1); ++i) {
            const T item = from_[i];
            const Int above = item >= bound;
            to_[low ^ ((low ^ high) & -above)] = item;
            high += above, low += 1 - above;
        }
    }

    T* from_;
    T* to_;
    Int n_, parts_;
    std::array<T, kMostParts> bounds_;
    std::array<std::array<Int, kMostParts>, kMostParts> next_;
    std::array<Int, kMostParts + 1> begins_;
};

template <class T> T* sort_items(T* items, T* spare, Int n, Int parts) {
    return PartedSort<T>(items, spare, n, parts).sort();
}

}  // namespace chainrule::kernels
