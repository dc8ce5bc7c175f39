/// How kernels of linear algebra read the buffers they are given.
#pragma once
#include "lapack.h"

namespace chainrule::kernels {

/// The `k`-th buffer of a kernel from problem `first` on, of `size` elements each.
template <class E> E* at(void** buffers, int k, lapack::Int first, lapack::Int size) {
    return static_cast<E*>(buffers[k]) + first * size;
}

}  // namespace chainrule::kernels
