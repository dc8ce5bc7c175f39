// Kernels that find the largest elements.
//
// top_k_<type>: the k largest of every row, the largest first, equal ones by position,
// NaN before everything. Buffers are x, out (rows x k), positions (rows x k, 32 bits),
// scratch; the integers rows, n, k, width. Scratch holds width * capacity items, which
// are 8 bytes (16 for elements of 64 bits); capacity is min(8 k, n) + kMargin.
// The extent, `width`, may be divided: each slot does its share of the rows.
//
// A row is read once, and what is larger than the k-th largest so far is collected: few
// are kept in order, and of many all but the k largest are dropped when 2 k have come
// together. Where k is most of the row, all of it is sorted.
#include "kernel_order.h"
#include "kernel_rows.h"

#include <type_traits>

namespace chainrule::kernels {
namespace {

constexpr Int kMargin = 64;  // items beyond that many

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
        if (8 * k_ >= n && k_ > kInserted) return sort_all(x, n);
        count_ = 0, full_ = false;
        Int i = 0;
        for (; i + kBlock <= n; i += kBlock) look_at(x + i, i);
        for (; i < n; ++i) consider(descending<Order>(x[i]), i);
        if (k_ <= kInserted) return;
        if (count_ > k_) drop();
        sort_found(items_, k_);
    }

  private:
    static constexpr Int kBlock = 32;     // elements looked at together
    static constexpr Int kInserted = 24;  // up to this many are kept in order

    void sort_all(const Bits* x, Int n) {
        for (Int i = 0; i < n; ++i)
            items_[i] = make_item<Bits>(descending<Order>(x[i]), u32(i));
        sort_found(items_, n);
    }

    void look_at(const Bits* x, Int first) {
        Bits keys[kBlock];
        const Bits worst = worst_;
        Bits found = 0;
        for (Int j = 0; j < kBlock; ++j) {
            keys[j] = descending<Order>(x[j]);
            found |= Bits(keys[j] < worst);
        }
        if (full_ && !found) return;
        for (Int j = 0; j < kBlock; ++j) consider(keys[j], first + j);
        if (k_ > kInserted && count_ >= 2 * k_) drop();
    }

    /// Later elements that equal the worst do not come before it.
    void consider(Bits key, Int position) {
        if (full_ && key >= worst_) return;
        const T item = make_item<Bits>(key, u32(position));
        if (k_ > kInserted) {
            items_[count_++] = item;
            return;
        }
        Int place = full_ ? k_ - 1 : count_++;
        for (; place > 0 && item < items_[place - 1]; --place)
            items_[place] = items_[place - 1];
        items_[place] = item;
        full_ = count_ == k_, worst_ = key_of<Bits>(items_[count_ - 1]);
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
    const Int capacity = std::min(8 * k, n) + kMargin;
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
