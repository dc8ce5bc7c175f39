// Kernels that sort rows by themselves.
//
// sort_<type>: buffers are x and out; the integers rows, n and width.
//
// Elements are mapped to unsigned integers of the same order, sorted, and mapped back.
// That loses the sign of zeros and which NaN is which; rows that have -0 or NaN are
// read a second time, and what is equal in order is written in its order of appearance.
#include "kernel_order.h"
#include "parted_sort.h"
#include "vector_code.h"

#include <atomic>
#include <utility>

namespace chainrule::kernels {
namespace {

/// The images of a row, and whether one of its elements is special.
template <class Order> struct Images {
    using Bits = typename Order::Bits;
    using Item = Bits;
    const Bits* x;
    std::atomic<bool>* special;

    void write(Int begin, Int end, Bits* to) const {
        Bits found = 0;
        in_vectors([&]() CHAINRULE_LOOP {
            const Bits* __restrict from = x + begin;
            Bits* __restrict images = to;
            const Int count = end - begin;
            Bits any = 0;
            for (Int i = 0; i < count; ++i) {
                images[i] = Order::image(from[i]);
                any |= Bits(Order::is_special(from[i]));
            }
            found = any;
        });
        if (found) special->store(true, std::memory_order_relaxed);
    }
};

/// Writes zeros and NaNs of x, in their order, where the sorted row has them: threads
/// count those of their sections first.
template <class Order, class Bits> class Special {
  public:
    Special(const Bits* x, Bits* out, Int n)
        : x_(x), out_(out), n_(n), sections_(std::clamp(n / kPartLength, Int(1), kMost)) {}

    void write() {
        each_section([&](Int section) { count(section); });
        Int zero = place_of(Order::zero), nan = place_of(Order::nan);
        for (Int section = 0; section < sections_; ++section) {
            zero += std::exchange(zeros_[section], zero);
            nan += std::exchange(nans_[section], nan);
        }
        each_section([&](Int section) { write(section); });
    }

  private:
    static constexpr Int kMost = 64;

    Int start(Int section) const { return n_ * section / sections_; }

    template <class Body> void each_section(const Body& body) const {
        parallel(sections_, 1, [&](Int begin, Int end) {
            for (; begin < end; ++begin) body(begin);
        });
    }

    /// Where a sorted row has an image or what is above it.
    Int place_of(Bits image) const {
        const auto below = [](Bits item, Bits bound) {
            return Order::image(item) < bound;
        };
        return std::lower_bound(out_, out_ + n_, image, below) - out_;
    }

    void count(Int section) {
        Int zeros = 0, nans = 0;
        for (Int i = start(section); i < start(section + 1); ++i) {
            zeros += Order::is_zero(x_[i]);
            nans += Order::is_nan(x_[i]);
        }
        zeros_[section] = zeros, nans_[section] = nans;
    }

    void write(Int section) const {
        Int zero = zeros_[section], nan = nans_[section];
        for (Int i = start(section); i < start(section + 1); ++i) {
            if (Order::is_zero(x_[i])) out_[zero++] = x_[i];
            if (Order::is_nan(x_[i])) out_[nan++] = x_[i];
        }
    }

    const Bits* x_;
    Bits* out_;
    Int n_, sections_;
    std::array<Int, kMost> zeros_, nans_;  // how many, then where they go
};

/// Images are sorted where the result lies, and become it from the end on, which the
/// cache still holds.
template <class Order, class Bits>
void sort_row(const Bits* x, Bits* out, Int n, Int parts) {
    std::atomic<bool> special{false};
    sort_from(Images<Order>{x, &special}, out, n, parts, [&](Int begin, Int end) {
        in_vectors([&]() CHAINRULE_LOOP {
            Bits* items = out;
            for (Int i = end, first = begin; i-- > first;)
                items[i] = Order::restore(items[i]);
        });
    });
    if constexpr (Order::has_special)
        if (special.load()) Special<Order, Bits>(x, out, n).write();
}

template <class Order> void sort_rows(void** buffers, const Int* ints, Int, Int) {
    using Bits = typename Order::Bits;
    const Rows rows(ints);
    const Int n = rows.n;
    const Bits* x = static_cast<const Bits*>(buffers[0]);
    Bits* out = static_cast<Bits*>(buffers[1]);
    rows.each([&](Int row, Int, Int parts) {
        sort_row<Order>(x + row * n, out + row * n, n, parts);
    });
}

}  // namespace

void add_sort_kernels(Names& names) {
    find_sort_functions();
    for_each_order([&](const char* type, auto order) {
        names[std::string("sort_") + type] = sort_rows<decltype(order)>;
    });
}

}  // namespace chainrule::kernels
