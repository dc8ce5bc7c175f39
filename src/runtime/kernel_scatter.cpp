// Kernels that combine complex numbers with what is at places of an array, one after the
// other: scatter_<operation>_<type>, the operations mul, min and max, types c64 and c128.
//
// Buffers are x, places (64 bits; negative ones are left out), updates, out; the integers
// the sizes of x and of updates.
#include "kernel_complex.h"
#include "kernels.h"

#include <cstring>

namespace chainrule::kernels {
namespace {

template <class T, class Op> void scatter(void** buffers, const Int* ints, Int, Int) {
    const auto* places = static_cast<const Int*>(buffers[1]);
    const auto* updates = static_cast<const Complex<T>*>(buffers[2]);
    auto* out = static_cast<Complex<T>*>(buffers[3]);
    std::memcpy(buffers[3], buffers[0], std::size_t(ints[0]) * sizeof(Complex<T>));
    for (Int i = 0; i < ints[1]; ++i) {
        if (places[i] < 0) continue;
        Complex<T>& place = out[places[i]];
        place = Op::combine(place, updates[i]);
    }
}

template <class Op> void add(Names& names, const std::string& operation) {
    names["scatter_" + operation + "_c64"] = scatter<float, Op>;
    names["scatter_" + operation + "_c128"] = scatter<double, Op>;
}

}  // namespace

void add_scatter_kernels(Names& names) {
    add<Times>(names, "mul");
    add<Greater>(names, "max");
    add<Lesser>(names, "min");
}

}  // namespace chainrule::kernels
