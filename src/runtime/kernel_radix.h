/// Sorting integers by their digits, the lowest first (LSD radix sort): every pass counts
/// the digits of each chunk of the items, then moves the items; chunks are done in
/// parallel. Passes in which all digits are equal move nothing. Stable.
#pragma once
#include "kernel_order.h"

namespace chainrule::kernels {

constexpr Int kMostChunks = 64;
constexpr Int kMostBuckets = 2048;
constexpr Int kLongRow = 1 << 16;     // from here on rows are sorted by all threads
constexpr Int kChunkLength = 1 << 14;  // at least

template <class Key> Key radix_key(Key item) { return item; }
inline u64 radix_key(const WideItem& item) { return item.key; }

/// The digits of a pass.
struct Digit {
    int shift;
    u32 mask;
    template <class T> u32 of(const T& item) const {
        return u32(radix_key(item) >> shift) & mask;
    }
    Int buckets() const { return Int(mask) + 1; }
};

/// Items in two buffers, sorted from one into the other; `counts` has kMostBuckets
/// numbers for each of `chunks`.
template <class T> class Radix {
  public:
    Radix(T* items, T* spare, Int n, u32* counts, Int chunks)
        : from_(items), to_(spare), n_(n), counts_(counts), chunks_(chunks) {}

    /// Sorts by the bits [low, high) of the keys; returns the buffer of the result.
    T* sort(int low, int high) {
        const int width = n_ > 4096 && high - low > 16 ? 11 : 8;
        for (int shift = low; shift < high; shift += width) {
            const int bits = std::min(width, high - shift);
            pass({shift, (u32(1) << bits) - 1});
        }
        return from_;
    }

  private:
    Int begin_of(Int chunk) const { return n_ / chunks_ * chunk; }
    Int end_of(Int chunk) const {
        return chunk + 1 == chunks_ ? n_ : begin_of(chunk + 1);
    }
    u32* counts_of(Int chunk) { return counts_ + chunk * kMostBuckets; }

    void pass(Digit digit) {
        parallel(chunks_, 1, [&](Int begin, Int end) {
            for (Int c = begin; c < end; ++c) count(digit, c);
        });
        if (!make_offsets(digit)) return;
        parallel(chunks_, 1, [&](Int begin, Int end) {
            for (Int c = begin; c < end; ++c) move(digit, c);
        });
        std::swap(from_, to_);
    }

    void count(Digit digit, Int chunk) {
        u32* counts = counts_of(chunk);
        std::fill_n(counts, digit.buckets(), 0);
        const T* from = from_;
        for (Int i = begin_of(chunk), end = end_of(chunk); i < end; ++i)
            ++counts[digit.of(from[i])];
    }

    /// Turns counts into first places; false where all items have one digit.
    bool make_offsets(Digit digit) {
        u32 place = 0;
        for (Int bucket = 0; bucket < digit.buckets(); ++bucket) {
            const u32 first = place;
            for (Int c = 0; c < chunks_; ++c)
                place += std::exchange(counts_of(c)[bucket], place);
            if (place - first == u32(n_)) return false;
        }
        return true;
    }

    void move(Digit digit, Int chunk) {
        u32* place = counts_of(chunk);
        const T* from = from_;
        T* to = to_;
        for (Int i = begin_of(chunk), end = end_of(chunk); i < end; ++i)
            to[place[digit.of(from[i])]++] = from[i];
    }

    T* from_;
    T* to_;
    Int n_;
    u32* counts_;
    Int chunks_;
};

/// The rows that a kernel sorts and how: several at once, in `width` parts with scratch
/// memory of their own, or one after the other on all threads.
struct Rows {
    Int rows, n, width;
    explicit Rows(const Int* ints) : rows(ints[0]), n(ints[1]), width(ints[2]) {}

    /// Calls body(row, slot, counts, chunks). `counts` of long rows lie in `memory`.
    template <class Body> void each(u32* memory, const Body& body) const {
        if (n >= kLongRow) {
            const Int chunks = std::min<Int>(
                {threads::count(), kMostChunks, n / kChunkLength});
            for (Int row = 0; row < rows; ++row) body(row, Int(0), memory, chunks);
            return;
        }
        parallel(width, 1, [&](Int begin, Int end) {
            u32 counts[kMostBuckets];
            for (Int slot = begin; slot < end; ++slot)
                for (Int row = rows * slot / width; row < rows * (slot + 1) / width;
                     ++row)
                    body(row, slot, counts, Int(1));
        });
    }
};

constexpr Int kInsertion = 24;  // rows up to here are sorted by insertion
constexpr Int kComparison = 160;  // and up to here by comparisons

template <class T> void insertion_sort(T* items, Int n) {
    for (Int i = 1; i < n; ++i) {
        T item = items[i];
        Int k = i;
        for (; k > 0 && item < items[k - 1]; --k) items[k] = items[k - 1];
        items[k] = item;
    }
}

/// Sorts distinct items, or items that are equal only if identical, by the method for
/// their number; returns the buffer of the result.
template <class T>
T* sort_items(T* items, T* spare, Int n, int low, int high, u32* counts, Int chunks) {
    if (n > kComparison)
        return Radix<T>(items, spare, n, counts, chunks).sort(low, high);
    if (n > kInsertion) {
        std::sort(items, items + n);
    } else {
        insertion_sort(items, n);
    }
    return items;
}

}  // namespace chainrule::kernels
