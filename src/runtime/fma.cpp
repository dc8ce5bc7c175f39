// x * y + z with one rounding, which NumPy does not have: uniform variates between two
// bounds are defined by it, and compiled code uses the instruction.
#include "ufunc.h"

#include <cmath>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    defined(__linux__) && !defined(__SANITIZE_THREAD__)
#define CHAINRULE_FMA_CLONES \
    __attribute__((target_clones("avx512f", "arch=haswell", "default")))
#else
#define CHAINRULE_FMA_CLONES
#endif

namespace chainrule {
namespace {

template <typename T>
CHAINRULE_INLINE void fma_strided(char** args, npy_intp n, npy_intp const* steps) {
    for (npy_intp i = 0; i < n; ++i) {
        const T x = *reinterpret_cast<const T*>(args[0] + i * steps[0]);
        const T y = *reinterpret_cast<const T*>(args[1] + i * steps[1]);
        const T z = *reinterpret_cast<const T*>(args[2] + i * steps[2]);
        *reinterpret_cast<T*>(args[3] + i * steps[3]) = std::fma(x, y, z);
    }
}

/// The common case apart, so that it becomes vector code: one array, two scalars.
template <typename T>
CHAINRULE_INLINE void fma_all(char** args, npy_intp n, npy_intp const* steps) {
    constexpr npy_intp size = sizeof(T);
    if (steps[0] != size || steps[1] != 0 || steps[2] != 0 || steps[3] != size)
        return fma_strided<T>(args, n, steps);
    const T* x = reinterpret_cast<const T*>(args[0]);
    const T y = *reinterpret_cast<const T*>(args[1]);
    const T z = *reinterpret_cast<const T*>(args[2]);
    T* out = reinterpret_cast<T*>(args[3]);
    for (npy_intp i = 0; i < n; ++i) out[i] = std::fma(x[i], y, z);
}

CHAINRULE_FMA_CLONES
void fma_float(char** args, npy_intp const* n, npy_intp const* steps, void*) {
    fma_all<float>(args, n[0], steps);
}

CHAINRULE_FMA_CLONES
void fma_double(char** args, npy_intp const* n, npy_intp const* steps, void*) {
    fma_all<double>(args, n[0], steps);
}

const Loop fma_loops[] = {fma_float, fma_double};
const char fma_types[] = {NPY_FLOAT,  NPY_FLOAT,  NPY_FLOAT,  NPY_FLOAT,
                          NPY_DOUBLE, NPY_DOUBLE, NPY_DOUBLE, NPY_DOUBLE};
const UfuncSpec fma_spec = {"fma", "fma(x, y, z) -> x * y + z, rounded once.",
                            fma_loops, fma_types, 2, 3, 1};

}  // namespace

void register_fma(nb::module_& m) { add_ufunc(m, fma_spec); }

}  // namespace chainrule
