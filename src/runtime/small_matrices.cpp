// Factorisations and solves of small matrices for the vectors that the processor has.
#define CHAINRULE_LANES "small_matrices_lanes.h"
#include "each_vectors.h"

namespace chainrule::small {

template <class T> void cholesky(Int n, Int count, const T* a, T* l) {
    CHAINRULE_OF_THE_PROCESSOR(cholesky_all<T>(n, count, a, l));
}

template <class T>
void lu(Int n, Int count, const T* a, T* factors, std::int32_t* pivots,
        std::int32_t* permutation) {
    CHAINRULE_OF_THE_PROCESSOR(lu_all<T>(n, count, a, factors, pivots, permutation));
}

template <class T>
void solve(Int n, Int sides, Int count, const T* a, const T* b, T* x) {
    CHAINRULE_OF_THE_PROCESSOR(solve_all<T>(n, sides, count, a, b, x));
}

template <class T>
void solve_triangular(const Triangular& system, Int count, const T* a, const T* b, T* x) {
    CHAINRULE_OF_THE_PROCESSOR(triangular_all<T>(system, count, a, b, x));
}

template <class T>
void solve_factored(Int n, Int sides, bool transposed, Int count, const T* factors,
                    const std::int32_t* permutation, const T* b, T* x) {
    CHAINRULE_OF_THE_PROCESSOR(
        factored_all<T>(n, sides, transposed, count, factors, permutation, b, x));
}

template <class T> void determinant(Int n, Int count, const T* a, T* out) {
    CHAINRULE_OF_THE_PROCESSOR(determinant_all<T>(n, count, a, out));
}

#define CHAINRULE_SMALL_MATRICES(T)                                                       \
    template void cholesky(Int, Int, const T*, T*);                                       \
    template void lu(Int, Int, const T*, T*, std::int32_t*, std::int32_t*);               \
    template void solve(Int, Int, Int, const T*, const T*, T*);                           \
    template void solve_triangular(const Triangular&, Int, const T*, const T*, T*);       \
    template void solve_factored(Int, Int, bool, Int, const T*, const std::int32_t*,      \
                                 const T*, T*);                                           \
    template void determinant(Int, Int, const T*, T*);
CHAINRULE_SMALL_MATRICES(float)
CHAINRULE_SMALL_MATRICES(double)
#undef CHAINRULE_SMALL_MATRICES

}  // namespace chainrule::small
