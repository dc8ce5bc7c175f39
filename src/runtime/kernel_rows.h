/// Sorting rows of unsigned integers. NumPy's own sort does the work, called by
/// address: it is written for the vectors of the machine. Rows are sorted side by side,
/// and long ones in parts that are merged, each by all threads.
#pragma once
#include "kernels.h"

#include <algorithm>

namespace chainrule::kernels {

void sort_integers(u8* items, Int n);
void sort_integers(u16* items, Int n);
void sort_integers(u32* items, Int n);
void sort_integers(u64* items, Int n);

/// Finds NumPy's functions. Needs the GIL; before anything is sorted.
void find_sort_functions();

constexpr Int kLongRow = 1 << 16;    // from here on rows are sorted by all threads
constexpr Int kPartLength = 1 << 14;  // at least

/// The rows that a kernel sorts: `width` at once, each in scratch memory of its own,
/// or, where they are long, one after the other.
struct Rows {
    Int rows, n, width;
    explicit Rows(const Int* ints) : rows(ints[0]), n(ints[1]), width(ints[2]) {}

    /// Calls body(row, slot, parts).
    template <class Body> void each(const Body& body) const {
        if (n >= kLongRow) {
            Int parts = 1;
            while (2 * parts <= threads::count() && 2 * parts * kPartLength <= n)
                parts *= 2;
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

/// A row in `parts` parts, a power of two.
template <class T> class PartedSort {
  public:
    PartedSort(T* items, T* spare, Int n, Int parts)
        : from_(items), to_(spare), n_(n), parts_(parts) {}

    /// Returns the buffer of the result.
    T* sort() {
        each_part([&](Int part) {
            sort_integers(from_ + start(part), start(part + 1) - start(part));
        });
        for (Int run = 1; run < parts_; run *= 2) {
            each_part([&](Int part) { merge(part, run); });
            std::swap(from_, to_);
        }
        return from_;
    }

  private:
    Int start(Int part) const { return n_ * part / parts_; }

    template <class Body> void each_part(const Body& body) {
        parallel(parts_, 1, [&](Int begin, Int end) {
            for (; begin < end; ++begin) body(begin);
        });
    }

    /// Writes one part of what two neighbouring runs of `run` parts merge into.
    void merge(Int part, Int run) {
        const Int first = part / (2 * run) * (2 * run);
        const T* a = from_ + start(first);
        const T* b = from_ + start(first + run);
        const Int a_size = b - a, b_size = from_ + start(first + 2 * run) - b;
        const Int begin = start(part) - start(first);
        const Int end = start(part + 1) - start(first);
        const Int a_begin = split(a, a_size, b, b_size, begin);
        const Int a_end = split(a, a_size, b, b_size, end);
        merge_ranges(a + a_begin, a + a_end, b + (begin - a_begin), b + (end - a_end),
                     to_ + start(part));
    }

    /// Without branches that depend on the items.
    static void merge_ranges(const T* a, const T* a_end, const T* b, const T* b_end,
                             T* out) {
        while (a < a_end && b < b_end) {
            const T x = *a, y = *b;
            const bool second = y < x;
            *out++ = second ? y : x;
            b += second, a += !second;
        }
        std::copy(b, b_end, std::copy(a, a_end, out));
    }

    /// How many of the first `count` merged items are of `a`.
    static Int split(const T* a, Int a_size, const T* b, Int b_size, Int count) {
        Int low = std::max<Int>(0, count - b_size), high = std::min(count, a_size);
        while (low < high) {
            const Int middle = (low + high) / 2;
            if (a[middle] < b[count - 1 - middle]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    T* from_;
    T* to_;
    Int n_, parts_;
};

template <class T> T* sort_items(T* items, T* spare, Int n, Int parts) {
    return PartedSort<T>(items, spare, n, parts).sort();
}

}  // namespace chainrule::kernels
