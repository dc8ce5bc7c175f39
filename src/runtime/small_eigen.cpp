// Eigenvalues of small symmetric matrices for the vectors that the processor has.
#define CHAINRULE_LANES "small_eigen_lanes.h"
#include "each_vectors.h"

namespace chainrule::small {

template <class T> void eigh(Int n, bool lower, Int count, const T* a, T* v, T* w) {
    CHAINRULE_OF_THE_PROCESSOR(eigh_all<T>(n, lower, count, a, v, w));
}

template void eigh(Int, bool, Int, const float*, float*, float*);
template void eigh(Int, bool, Int, const double*, double*, double*);

}  // namespace chainrule::small
