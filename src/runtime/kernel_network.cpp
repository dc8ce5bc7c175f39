// The sorting network, compiled for each kind of vectors.
#include "kernel_network.h"

namespace chainrule::kernels {
namespace {
using Lanes32 = u32 __attribute__((vector_size(kNetworkBytes)));
using Lanes64 = u64 __attribute__((vector_size(kNetworkBytes)));
}  // namespace

CHAINRULE_VECTOR_CLONES void sort_columns(u32* keys, Int n) {
    merge_exchange(reinterpret_cast<Lanes32*>(keys), n);
}

CHAINRULE_VECTOR_CLONES void sort_columns(u64* keys, Int n) {
    merge_exchange(reinterpret_cast<Lanes64*>(keys), n);
}

}  // namespace chainrule::kernels
