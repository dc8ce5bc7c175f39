// Kernels that scan along an axis.
//
// scan_<operation>_<type>: buffers are x, out; the integers outer, n, inner and
// reverse: arrays of shape (outer, n, inner) are scanned along n, from its end with
// reverse. scan_recurrence_<type>: z[i] = a[i] z[i-1] + b[i], z[0] = b[0]; buffers a,
// b, z.
//
// A scan is a chain of dependent operations, so several run side by side: of several
// rows, of several parts of a long row, or of neighbouring columns. What a part adds up
// to is known before it is scanned; parts of all threads get their start from the part
// before. The division into parts does not depend on the number of threads. Results that
// no cache holds are made a block at a time and written past the caches.
#include "scan_streams.h"
#include "processor.h"

#include <algorithm>
#include <atomic>

#include <sched.h>

namespace chainrule::kernels {
namespace {

constexpr Int kSerial = 4096;  // rows up to here are scanned element by element
constexpr Int kColumns = 256;  // most columns scanned together

struct Shape {
    Int outer, n, inner;
    bool reverse;
    explicit Shape(const Int* ints)
        : outer(ints[0]), n(ints[1]), inner(ints[2]), reverse(ints[3] != 0) {}
};

/// Scans of arrays, along rows and along columns.
template <class Memory, class Op> struct Scan : Streams<Memory, Op> {
    using Element = typename Memory::Element;
    using Total = typename Memory::Total;
    using S = Streams<Memory, Op>;

    /// Rows [begin, end) of n elements, one after the other element.
    template <Int step>
    static void rows(const Element* x, Element* y, Int n, Int begin, Int end) {
        const Int first = step < 0 ? n - 1 : 0;
        auto several = [&](auto count) {
            for (; begin + count <= end; begin += count) {
                const Int at = begin * n + first;
                Total start[kStreams];
                std::fill_n(start, kStreams, Op::template identity<Total>());
                S::template streams<count, step>(x + at, n, y + at, n, n, start);
            }
        };
        several(Constant<kStreams>());
        several(Constant<kStreams / 2>());
        several(Constant<1>());
    }

    /// Long rows: the chunks of all rows in order, whichever thread is free.
    template <int step>
    static void long_rows(const Element* x, Element* y, Int rows, Int n) {
        const Int chunks = (n + kChunk - 1) / kChunk, units = rows * chunks;
        const Int bytes = rows * n * Int(sizeof(Element));
        const bool past = bytes >= streamed_bytes(), far = bytes >= 2 * streamed_bytes();
        std::atomic<Int> next{0}, ready{0};
        Total carried = Op::template identity<Total>();  // by the units before `ready`
        auto work = [&](Int, Int) {
            for (Int unit; (unit = next.fetch_add(1)) < units;) {
                const Int row = unit / chunks, done = unit % chunks * kChunk;
                const Int length = std::min(kChunk, n - done);
                const Int at = row * n + (step > 0 ? done : n - 1 - done);
                // Equal parts, and a last one of what these leave.
                Total sums[kStreams + 1];
                const Int part = length / kStreams, rest = length % kStreams;
                for (Int j = 0; j <= kStreams; ++j) {
                    const Int size = j < kStreams ? part : rest;
                    const Int low = at + (step > 0 ? j * part : -j * part - size + 1);
                    sums[j] = S::sum(x + low, size, far);
                }
                wait_for(ready, unit);
                Total total = done == 0 ? Op::template identity<Total>() : carried;
                for (Total& before : sums) {
                    const Total after = Op::combine(total, before);
                    before = total;
                    total = after;
                }
                carried = total;
                ready.store(unit + 1, std::memory_order_release);
                S::template parts<step>(x + at, y + at, part, sums, past);
                const Int last = at + step * kStreams * part;
                S::template streams<1, step>(x + last, 0, y + last, 0, rest, sums + kStreams);
            }
            if (past) finish_past();
        };
        parallel(std::min<Int>(threads::count(), units), 1, work);
    }

    static void wait_for(const std::atomic<Int>& ready, Int unit) {
        for (int spins = 0; ready.load(std::memory_order_acquire) != unit; ++spins)
            if (spins > 4000) sched_yield();
    }

    template <Int step>
    static void any_rows(const Element* x, Element* y, const Shape& s) {
        if constexpr (Op::regroups)
            if (s.n > kSerial) return long_rows<step>(x, y, s.outer, s.n);
        const Int grain = std::max<Int>(kStreams, (1 << 14) / std::max<Int>(s.n, 1));
        parallel(s.outer, grain / kStreams * kStreams, [&](Int begin, Int end) {
            rows<step>(x, y, s.n, begin, end);
        });
    }

    /// `count` neighbouring columns of one (n, inner) array.
    static void columns(const Element* x, Element* y, const Shape& s, Int count) {
        Total totals[kColumns];
        std::fill_n(totals, count, Op::template identity<Total>());
        for (Int i = 0; i < s.n; ++i) {
            const Int at = (s.reverse ? s.n - 1 - i : i) * s.inner;
            for (Int j = 0; j < count; ++j) {
                totals[j] = Op::combine(totals[j], Memory::load(x[at + j]));
                y[at + j] = Memory::store(totals[j]);
            }
        }
    }
};

/// Calls body(offset of the first, number of columns) for blocks of columns.
template <class Body> void each_block(const Shape& s, const Body& body) {
    const Int share = s.outer * s.inner / (2 * threads::count());
    const Int width = std::clamp<Int>(share / 16 * 16, 16, kColumns);
    const Int blocks = (s.inner + width - 1) / width;
    parallel(s.outer * blocks, 1, [&](Int begin, Int end) {
        for (; begin < end; ++begin) {
            const Int first = begin % blocks * width;
            body(begin / blocks * s.n * s.inner + first,
                 std::min(width, s.inner - first));
        }
    });
}

template <class Memory, class Op> void scan(void** buffers, const Int* ints, Int, Int) {
    using S = Scan<Memory, Op>;
    using Element = typename Memory::Element;
    const Shape s(ints);
    const Element* x = static_cast<const Element*>(buffers[0]);
    Element* y = static_cast<Element*>(buffers[1]);
    if (s.inner > 1) {
        each_block(s, [&](Int at, Int count) { S::columns(x + at, y + at, s, count); });
    } else if (s.reverse) {
        S::template any_rows<-1>(x, y, s);
    } else {
        S::template any_rows<1>(x, y, s);
    }
}

/// `count` recurrences side by side; element i of number j is at i * step + j * apart.
template <class Memory, class Count>
void recur(const typename Memory::Element* a, const typename Memory::Element* b,
           typename Memory::Element* z, Int n, Int step, Int apart, Count count) {
    typename Memory::Total totals[kColumns];
    for (Int j = 0; j < count; ++j) {
        totals[j] = Memory::load(b[j * apart]);
        z[j * apart] = Memory::store(totals[j]);
    }
    for (Int i = 1; i < n; ++i) {
        for (Int j = 0; j < count; ++j) {
            const Int at = i * step + j * apart;
            totals[j] = Memory::load(b[at]) + Memory::load(a[at]) * totals[j];
            z[at] = Memory::store(totals[j]);
        }
    }
}

template <class Memory> void recurrence(void** buffers, const Int* ints, Int, Int) {
    using Element = typename Memory::Element;
    const Shape s(ints);
    if (s.n == 0) return;
    const Int step = s.reverse ? -s.inner : s.inner;
    const Int first = s.reverse ? (s.n - 1) * s.inner : 0;
    const Element* a = static_cast<const Element*>(buffers[0]) + first;
    const Element* b = static_cast<const Element*>(buffers[1]) + first;
    Element* z = static_cast<Element*>(buffers[2]) + first;
    if (s.inner > 1) {
        each_block(s, [&](Int at, Int count) {
            recur<Memory>(a + at, b + at, z + at, s.n, step, Int(1), count);
        });
        return;
    }
    parallel(s.outer, kStreams, [&](Int row, Int end) {
        auto several = [&](auto count) {
            for (; row + count <= end; row += count) {
                const Int at = row * s.n;
                recur<Memory>(a + at, b + at, z + at, s.n, step, s.n, count);
            }
        };
        several(Constant<kStreams>());
        several(Constant<kStreams / 2>());
        several(Constant<1>());
    });
}

template <class Op, class... Memories>
void add(Names& names, const std::string& operation,
         std::initializer_list<const char*> types) {
    auto type = types.begin();
    ((names["scan_" + operation + "_" + *type++] = scan<Memories, Op>), ...);
}

/// Wrapping integers and floats.
template <class Op> void add_arithmetic(Names& names, const std::string& operation) {
    add<Op, Plain<u8>, Plain<u8>, Plain<u16>, Plain<u16>, Plain<u32>, Plain<u32>,
        Plain<u64>, Plain<u64>, Half, Bfloat, Plain<float>, Plain<double>>(
        names, operation, {"i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f16",
                           "bf16", "f32", "f64"});
}

template <class Op> void add_extrema(Names& names, const std::string& operation) {
    add<Op, Plain<std::int8_t>, Plain<u8>, Plain<std::int16_t>, Plain<u16>,
        Plain<std::int32_t>, Plain<u32>, Plain<std::int64_t>, Plain<u64>, Half, Bfloat,
        Plain<float>, Plain<double>>(
        names, operation, {"i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f16",
                           "bf16", "f32", "f64"});
}

template <class Op> void add_complex(Names& names, const std::string& operation) {
    add<InOrder<Op>, Pairs<float>, Pairs<double>>(names, operation, {"c64", "c128"});
}

}  // namespace

void add_scan_kernels(Names& names) {
    add_arithmetic<Add>(names, "cumsum");
    add_arithmetic<Multiply>(names, "cumprod");
    add_extrema<Maximum>(names, "cummax");
    add_extrema<Minimum>(names, "cummin");
    add<LogAddExp, Half, Bfloat, Plain<float>, Plain<double>>(
        names, "cumlogsumexp", {"f16", "bf16", "f32", "f64"});
    add_complex<Times>(names, "cumprod");
    add_complex<Greater>(names, "cummax");
    add_complex<Lesser>(names, "cummin");
    add_complex<LogSum>(names, "cumlogsumexp");
    names["scan_recurrence_c64"] = recurrence<Pairs<float>>;
    names["scan_recurrence_c128"] = recurrence<Pairs<double>>;
    names["scan_recurrence_f16"] = recurrence<Half>;
    names["scan_recurrence_bf16"] = recurrence<Bfloat>;
    names["scan_recurrence_f32"] = recurrence<Plain<float>>;
    names["scan_recurrence_f64"] = recurrence<Plain<double>>;
}

}  // namespace chainrule::kernels
