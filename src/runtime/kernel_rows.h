/// Rows of unsigned integers and the threads that sort them. NumPy's own sort does the
/// work, called by address: it is written for the vectors of the machine. Rows are sorted
/// side by side; long ones are dealt into parts that threads sort (parted_sort.h).
#pragma once
#include "kernels.h"

#include <algorithm>
#include <cstdint>

namespace chainrule::kernels {

void sort_integers(u8* items, Int n);
void sort_integers(u16* items, Int n);
void sort_integers(u32* items, Int n);
void sort_integers(u64* items, Int n);

/// Finds NumPy's functions. Needs the GIL; before anything is sorted.
void find_sort_functions();

/// Writes those of n items that are below `bound` to `low` in their order, and nothing
/// behind them; how many there are.
Int take_below(const u8* items, Int n, u8 bound, u8* low);
Int take_below(const u16* items, Int n, u16 bound, u16* low);
Int take_below(const u32* items, Int n, u32 bound, u32* low);
Int take_below(const u64* items, Int n, u64 bound, u64* low);

/// Writes those above `bound` so that the last of them lies before `high`, in some order,
/// and nothing before them; how many there are.
Int take_above(const u8* items, Int n, u8 bound, u8* high);
Int take_above(const u16* items, Int n, u16 bound, u16* high);
Int take_above(const u32* items, Int n, u32 bound, u32* high);
Int take_above(const u64* items, Int n, u64 bound, u64* high);

constexpr Int kLongRow = 1 << 16;    // from here on rows are sorted by all threads
constexpr Int kPartLength = 1 << 14;  // at least, on an average
constexpr Int kMostParts = 16;

/// The rows that a kernel sorts: `width` at once, each in scratch memory of its own,
/// or, where they are long, one after the other.
struct Rows {
    Int rows, n, width;
    explicit Rows(const Int* ints) : rows(ints[0]), n(ints[1]), width(ints[2]) {}

    /// Calls body(row, slot, parts): one part, or several where the row is long.
    template <class Body> void each(const Body& body) const {
        if (n >= kLongRow) {
            const Int parts = std::clamp<Int>(threads::count(), 2,
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

}  // namespace chainrule::kernels
