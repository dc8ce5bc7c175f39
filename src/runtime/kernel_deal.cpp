// Kernels that deal values to buckets by where they are going.
//
// deal_<bytes>: positions of 32 bits, values of so many bytes; out: both again, those of
// a bucket together and in their former order, and where each bucket begins (one more
// than there are), then scratch for kMostParts counts of each bucket. A position belongs
// to bucket position >> shift; negative ones are left out. The integers n, buckets, shift.
//
// Who then works on one bucket after the other finds its part of memory in a cache, and
// no other bucket touches it. Up to 16 buckets, so 32 streams of stores, a processor
// fetches the next lines in advance; with 32 buckets dealing took four times as long.
#include <algorithm>
#include <string>

#include "kernels.h"

namespace chainrule::kernels {
namespace {

constexpr Int kMostParts = 16;
constexpr Int kPart = 1 << 14;

template <class Value> struct Deal {
    const std::int32_t* positions;
    const Value* values;
    std::int32_t* dealt_positions;
    Value* dealt_values;
    Int* begins;
    Int* counts;  // of each bucket, part by part; later where the part's values go
    Int n, buckets, shift, parts;

    Int first(Int part) const { return n * part / parts; }

    void count(Int part) const {
        Int* own = counts + part * buckets;
        std::fill_n(own, buckets, 0);
        for (Int i = first(part), end = first(part + 1); i < end; ++i)
            if (positions[i] >= 0) ++own[positions[i] >> shift];
    }

    void place() const {
        Int total = 0;
        for (Int b = 0; b < buckets; ++b) {
            begins[b] = total;
            for (Int part = 0; part < parts; ++part) {
                const Int found = counts[part * buckets + b];
                counts[part * buckets + b] = total;
                total += found;
            }
        }
        begins[buckets] = total;
    }

    void move(Int part) const {
        Int* next = counts + part * buckets;
        for (Int i = first(part), end = first(part + 1); i < end; ++i) {
            const std::int32_t position = positions[i];
            if (position < 0) continue;
            const Int to = next[position >> shift]++;
            dealt_positions[to] = position;
            dealt_values[to] = values[i];
        }
    }
};

template <class Value> void deal(void** buffers, const Int* ints, Int, Int) {
    const Int n = ints[0];
    const Deal<Value> all = {static_cast<const std::int32_t*>(buffers[0]),
                             static_cast<const Value*>(buffers[1]),
                             static_cast<std::int32_t*>(buffers[2]),
                             static_cast<Value*>(buffers[3]),
                             static_cast<Int*>(buffers[4]),
                             static_cast<Int*>(buffers[5]),
                             n,
                             ints[1],
                             ints[2],
                             std::clamp(n / kPart, Int(1), kMostParts)};
    parallel(all.parts, 1, [&](Int begin, Int end) {
        for (Int part = begin; part < end; ++part) all.count(part);
    });
    all.place();
    parallel(all.parts, 1, [&](Int begin, Int end) {
        for (Int part = begin; part < end; ++part) all.move(part);
    });
}

}  // namespace

void add_deal_kernels(Names& names) {
    names["deal_1"] = deal<u8>;
    names["deal_2"] = deal<u16>;
    names["deal_4"] = deal<u32>;
    names["deal_8"] = deal<u64>;
}

}  // namespace chainrule::kernels
