/// Scans side by side: chains of dependent operations, several of which a processor works
/// on at once. `streams` scans rows or parts of rows, in lanes of registers where the
/// types allow; `parts` those of a chunk, past the caches, or fetched before they are
/// written, if no cache holds them; `sum` is what a part adds up to. A stream rounds as
/// one element after the other does.
#pragma once
#include "kernel_scan.h"
#include "processor.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace chainrule::kernels {

constexpr Int kStreams = 8;
constexpr Int kBlock = 64;  // elements: whole lines of all types
constexpr Int kPart = 33 * kBlock;  // parts do not fall on the same sets of a cache
constexpr Int kChunk = kStreams * kPart;
constexpr Int kAhead = 512;  // elements

template <Int value> using Constant = std::integral_constant<Int, value>;

/// Registers of the smallest size that all machines have.
template <class T> struct Register {
    typedef T type __attribute__((vector_size(16)));
};

/// Transposes a square of rows.
template <class V> void transpose(V (&r)[2]) {
    using Places = decltype(r[0] == r[0]);
    const V first = __builtin_shuffle(r[0], r[1], Places{0, 2});
    r[1] = __builtin_shuffle(r[0], r[1], Places{1, 3});
    r[0] = first;
}

template <class V> void transpose(V (&r)[4]) {
    using Places = decltype(r[0] == r[0]);
    constexpr Places low{0, 4, 1, 5}, high{2, 6, 3, 7};
    constexpr Places left{0, 1, 4, 5}, right{2, 3, 6, 7};
    const V a = __builtin_shuffle(r[0], r[1], low), b = __builtin_shuffle(r[2], r[3], low);
    const V c = __builtin_shuffle(r[0], r[1], high);
    const V d = __builtin_shuffle(r[2], r[3], high);
    r[0] = __builtin_shuffle(a, b, left);
    r[1] = __builtin_shuffle(a, b, right);
    r[2] = __builtin_shuffle(c, d, left);
    r[3] = __builtin_shuffle(c, d, right);
}

/// Copies to memory `bytes`, whole lines, past the caches; `to` begins a line.
inline void write_past(void* to, const void* from, Int bytes) {
#ifdef __SSE2__
    auto* out = static_cast<__m128i*>(to);
    auto* in = static_cast<const __m128i*>(from);
    for (Int i = 0; i < bytes / 16; ++i) _mm_stream_si128(out + i, _mm_load_si128(in + i));
#else
    std::memcpy(to, from, bytes);
#endif
}

/// What was written past the caches is seen by who is told of it after this.
inline void finish_past() {
#ifdef __SSE2__
    _mm_sfence();
#endif
}

/// Rows or parts scanned side by side: x and y point to the first element in the
/// direction of the scan, `distance` elements apart.
template <class Memory, class Op> struct Streams {
    using Element = typename Memory::Element;
    using Total = typename Memory::Total;

    /// The streams that have a register together; 1 where elements are no totals.
    static constexpr Int kLanes =
        Op::vectors && std::is_same_v<Element, Total> && sizeof(Total) >= 4
            ? 16 / Int(sizeof(Total))
            : 1;

    /// Continues from `start`, and leaves the new totals there. Distances are numbers or
    /// constants.
    template <Int count, Int step, class XDistance, class YDistance>
    static void streams(const Element* x, XDistance x_distance, Element* y,
                        YDistance y_distance, Int n, Total* start) {
        if constexpr (kLanes > 1 && count % kLanes == 0) {
            const Int whole = n / kLanes * kLanes;
            in_registers<count / kLanes, step>(x, x_distance, y, y_distance, whole, start);
            x += whole * step, y += whole * step, n -= whole;
        }
        Total total[count];
        for (Int j = 0; j < count; ++j) total[j] = start[j];
        for (Int i = 0; i < n; ++i) {
            for (Int j = 0; j < count; ++j) {
                total[j] = Op::combine(total[j], Memory::load(x[j * x_distance + i * step]));
                y[j * y_distance + i * step] = Memory::store(total[j]);
            }
        }
        for (Int j = 0; j < count; ++j) start[j] = total[j];
    }

    /// Squares of elements are transposed, so that each stream has its lane: the same
    /// operations in the same order, and a store for several elements.
    template <Int registers, Int step, class XDistance, class YDistance>
    static void in_registers(const Element* x, XDistance x_distance, Element* y,
                             YDistance y_distance, Int n, Total* start) {
        using V = typename Register<Total>::type;
        V total[registers];
        std::memcpy(total, start, sizeof total);
        constexpr Int back = step > 0 ? 0 : kLanes - 1;  // to the lowest of a square
        for (Int i = 0; i < n; i += kLanes) {
            for (Int g = 0; g < registers; ++g) {
                const Int at = i * step - back, first = g * kLanes;
                V square[kLanes];
                for (Int j = 0; j < kLanes; ++j)
                    std::memcpy(&square[j], x + (first + j) * x_distance + at, sizeof(V));
                transpose(square);
                for (Int j = 0; j < kLanes; ++j) {
                    V& next = square[step > 0 ? j : kLanes - 1 - j];
                    next = total[g] = Op::combine(total[g], next);
                }
                transpose(square);
                for (Int j = 0; j < kLanes; ++j)
                    std::memcpy(y + (first + j) * y_distance + at, &square[j], sizeof(V));
            }
        }
        std::memcpy(start, total, sizeof total);
    }

    /// Parts of kPart elements, whose lines are asked for two blocks before.
    template <Int step>
    static void fetched_parts(const Element* x, Element* y, Total* start) {
        constexpr Constant<step * kPart> apart;
        constexpr Int line = 64 / sizeof(Element);
        for (Int i = 0; i != step * kPart; i += step * kBlock) {
            for (Int j = 0; j < kStreams; ++j)
                for (Int k = 0; k < kBlock; k += line)
                    __builtin_prefetch(y + j * apart + i + step * (2 * kBlock + k), 1);
            streams<kStreams, step>(x + i, apart, y + i, apart, kBlock, start);
        }
    }

    /// The parts of a chunk, of n elements each.
    template <Int step>
    static void parts(const Element* x, Element* y, Int n, Total* start, bool past) {
        if (n != kPart)
            return streams<kStreams, step>(x, step * n, y, step * n, n, start);
        constexpr Constant<step * kPart> apart;
        if (past && fetches_to_write()) return fetched_parts<step>(x, y, start);
        const Element* lowest = step > 0 ? y : y - (kPart - 1);
        if (!past || reinterpret_cast<std::uintptr_t>(lowest) % 64)
            return streams<kStreams, step>(x, apart, y, apart, kPart, start);
        alignas(64) Element block[kStreams][kBlock];
        constexpr Int last = step > 0 ? 0 : kBlock - 1;
        for (Int i = 0; i != step * kPart; i += step * kBlock) {
            streams<kStreams, step>(x + i, apart, &block[0][last], Constant<kBlock>(),
                                    kBlock, start);
            for (Int j = 0; j < kStreams; ++j)
                write_past(y + j * apart + i - last, block[j], sizeof block[j]);
        }
    }

    /// The total of n elements, in a fixed order; x is the one lowest in memory. What
    /// is `far` from the processor is asked for a page ahead: it does that itself within
    /// a page only.
    static Total sum(const Element* x, Int n, bool far) {
        constexpr Int lanes = 64 / sizeof(Total);
        alignas(64) Total totals[lanes];
        std::fill_n(totals, lanes, Op::template identity<Total>());
        Int i = 0;
        for (const Int whole = n - n % lanes; i < whole;) {
            const Int stop = std::min(whole, i + kAhead);
            for (Int k = i; far && k < stop; k += lanes)
                __builtin_prefetch(x + k + 2 * kAhead);
            add_up(x + i, stop - i, totals);
            i = stop;
        }
        for (; i < n; ++i) totals[0] = Op::combine(totals[0], Memory::load(x[i]));
        for (Int half = lanes / 2; half > 0; half /= 2)
            for (Int j = 0; j < half; ++j)
                totals[j] = Op::combine(totals[j], totals[j + half]);
        return totals[0];
    }

    /// Adds elements to totals, as many as fill a line; n is a multiple of these.
    static void add_up(const Element* x, Int n, Total* totals) {
        if constexpr (Op::vectors && std::is_same_v<Element, Total>) {
            using V = typename Register<Total>::type;
            constexpr Int per = 16 / sizeof(Total);
            V sums[4];
            std::memcpy(sums, totals, sizeof sums);
            for (Int i = 0; i < n; i += 4 * per) {
                for (Int j = 0; j < 4; ++j) {
                    V next;
                    std::memcpy(&next, x + i + j * per, sizeof next);
                    sums[j] = Op::combine(sums[j], next);
                }
            }
            std::memcpy(totals, sums, sizeof sums);
        } else {
            constexpr Int lanes = 64 / sizeof(Total);
            for (Int i = 0; i < n; i += lanes)
                for (Int j = 0; j < lanes; ++j)
                    totals[j] = Op::combine(totals[j], Memory::load(x[i + j]));
        }
    }
};

}  // namespace chainrule::kernels
