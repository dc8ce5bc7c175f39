// Exponentials of small matrices for the vectors that the processor has, and what those of
// larger ones have in common with them.
#include "exponential_degrees.h"

#define CHAINRULE_LANES "small_exponential_lanes.h"
#include "each_vectors.h"

namespace chainrule::small {

template <class T, int Parts>
void exponential(Int n, Int max_squarings, Int count, const T* a, const T* e, T* out) {
    CHAINRULE_OF_THE_PROCESSOR(
        exponential_all<Parts>(n, max_squarings, count, a, e, out));
}

template void exponential<float, 1>(Int, Int, Int, const float*, const float*, float*);
template void exponential<float, 2>(Int, Int, Int, const float*, const float*, float*);
template void exponential<double, 1>(Int, Int, Int, const double*, const double*, double*);
template void exponential<double, 2>(Int, Int, Int, const double*, const double*, double*);

}  // namespace chainrule::small

namespace chainrule::exponential {
namespace {

template <class R> CHAINRULE_INLINE void weighted(Int size, int count, const R* weights,
                                                  const R* const* terms, R* out) {
    for (Int i = 0; i < size; ++i) out[i] = weights[0] * terms[0][i];
    for (int k = 1; k < count; ++k)
        for (Int i = 0; i < size; ++i) out[i] += weights[k] * terms[k][i];
}

}  // namespace

template <>
CHAINRULE_VECTOR_CLONES void weighted_sum(Int size, int count, const float* weights,
                                          const float* const* terms, float* out) {
    weighted(size, count, weights, terms, out);
}

template <>
CHAINRULE_VECTOR_CLONES void weighted_sum(Int size, int count, const double* weights,
                                          const double* const* terms, double* out) {
    weighted(size, count, weights, terms, out);
}

}  // namespace chainrule::exponential
