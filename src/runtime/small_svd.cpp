// Singular values of small matrices for the vectors that the processor has.
#define CHAINRULE_LANES "small_svd_lanes.h"
#include "each_vectors.h"

namespace chainrule::small {

template <class T>
void svd(Int m, Int n, Int count, const T* a, T* u, T* s, T* vh, bool* found) {
    CHAINRULE_OF_THE_PROCESSOR(svd_all<T>(m, n, count, a, u, s, vh, found));
}

template void svd(Int, Int, Int, const float*, float*, float*, float*, bool*);
template void svd(Int, Int, Int, const double*, double*, double*, double*, bool*);

}  // namespace chainrule::small
