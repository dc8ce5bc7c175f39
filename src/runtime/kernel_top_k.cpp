// Kernels that find the largest elements.
//
// top_k_<type>: the k largest of every row, the largest first, equal ones by position,
// NaN before everything. Buffers are x, out (rows x k), positions (rows x k, 32 bits),
// scratch; the integers rows, n, k, width. Scratch holds width * capacity items, which
// are 8 bytes (16 for elements of 64 bits); capacity is min(2 k + kBlock, n + kBlock).
// The extent, `width`, may be divided: each slot does its share of the rows.
//
// A row is read once, and what is larger than the k-th largest so far is collected;
// when 2 k have come together, all but the k largest are dropped.
#include "kernel_order.h"
#include "kernel_rows.h"

#include <type_traits>

namespace chainrule::kernels {
namespace {

constexpr Int kBlock = 64;  // elements looked at together

/// Images turned round, so that the largest come first.
template <class Order, class Bits> Bits descending(Bits x) {
    return Bits(~Order::image(x));
}

/// A key and a position; equal keys order by position. Keys of up to 32 bits share an
/// integer with the position.
struct WideItem {
    u64 key;
    u64 position;
    friend bool operator<(const WideItem& a, const WideItem& b) {
        return a.key < b.key || (a.key == b.key && a.position < b.position);
    }
};

template <class Bits>
using Item = std::conditional_t<(sizeof(Bits) > 4), WideItem, u64>;

template <class Bits> Item<Bits> make_item(Bits key, u32 position) {
    if constexpr (sizeof(Bits) > 4) {
        return {key, position};
    } else {
        return u64(key) << 32 | position;
    }
}

u32 position_of(u64 item) { return u32(item); }
u32 position_of(const WideItem& item) { return u32(item.position); }

void sort_found(u64* items, Int n) { sort_integers(items, n); }
void sort_found(WideItem* items, Int n) { std::sort(items, items + n); }

template <class Bits> Bits key_of(const Item<Bits>& item) {
    if constexpr (sizeof(Bits) > 4) {
        return item.key;
    } else {
        return Bits(item >> 32);
    }
}

template <class Order> class Largest {
  public:
    using Bits = typename Order::Bits;
    using T = Item<Bits>;
    Largest(T* items, Int k) : items_(items), k_(k) {}

    /// Finds the k first of a row; they are items()[0..k) then.
    void run(const Bits* x, Int n) {
        count_ = 0, full_ = false;
        Int i = 0;
        for (; i + kBlock <= n; i += kBlock) {
            if (full_ && !any_better(x + i)) continue;
            for (Int j = i; j < i + kBlock; ++j) consider(x[j], j);
            if (count_ >= 2 * k_) drop();
        }
        for (; i < n; ++i) consider(x[i], i);
        if (count_ > k_) drop();
        sort_found(items_, k_);
    }

  private:
    bool any_better(const Bits* x) const {
        const Bits worst = worst_;
        Bits found = 0;
        for (Int j = 0; j < kBlock; ++j)
            found |= Bits(descending<Order>(x[j]) < worst ? 1 : 0);
        return found != 0;
    }

    /// Later elements that equal the worst do not come before it.
    void consider(Bits x, Int position) {
        const Bits key = descending<Order>(x);
        if (full_ && key >= worst_) return;
        items_[count_++] = make_item<Bits>(key, u32(position));
    }

    void drop() {
        std::nth_element(items_, items_ + k_ - 1, items_ + count_);
        count_ = k_, full_ = true, worst_ = key_of<Bits>(items_[k_ - 1]);
    }

    T* items_;
    Int k_;
    Int count_ = 0;
    bool full_ = false;  // worst_ is the k-th so far
    Bits worst_ = 0;
};

template <class Order>
void top_k(void** buffers, const Int* ints, Int begin, Int end) {
    using Bits = typename Order::Bits;
    using T = Item<Bits>;
    const Int rows = ints[0], n = ints[1], k = ints[2], width = ints[3];
    if (k == 0) return;
    const Bits* x = static_cast<const Bits*>(buffers[0]);
    Bits* out = static_cast<Bits*>(buffers[1]);
    auto* positions = static_cast<std::int32_t*>(buffers[2]);
    const Int capacity = std::min(2 * k, n) + kBlock;
    for (Int slot = begin; slot < end; ++slot) {
        T* items = static_cast<T*>(buffers[3]) + slot * capacity;
        Largest<Order> largest(items, k);
        for (Int row = rows * slot / width; row < rows * (slot + 1) / width; ++row) {
            largest.run(x + row * n, n);
            for (Int i = 0; i < k; ++i) {
                const u32 position = position_of(items[i]);
                out[row * k + i] = x[row * n + position];
                positions[row * k + i] = std::int32_t(position);
            }
        }
    }
}

}  // namespace

void add_top_k_kernels(Names& names) {
    for_each_order([&](const char* type, auto order) {
        names[std::string("top_k_") + type] = top_k<decltype(order)>;
    });
}

}  // namespace chainrule::kernels
