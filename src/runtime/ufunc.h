/// Registration of C++ loops as NumPy ufuncs.
#pragma once
#include "native.h"

namespace chainrule {

/// The signature of a NumPy ufunc's inner loop.
using Loop = void (*)(char** args, npy_intp const* dimensions, npy_intp const* steps,
                      void* data);

/// A ufunc: `loops` parallel arrays of static lifetime. `types` lists, loop after loop,
/// the type numbers of the inputs and then of the outputs.
struct UfuncSpec {
    const char* name;
    const char* doc;
    const Loop* loops;
    const char* types;
    int loop_count;
    int inputs;
    int outputs;
};

/// Adds the ufunc to the module. What `spec` points to must live forever.
void add_ufunc(nb::module_& m, const UfuncSpec& spec);

/// Applied before a function: compiled for AVX-512, AVX2 and the baseline, chosen when
/// the module is loaded. Nothing on other machines than x86-64 with glibc, and nothing for
/// the thread sanitizer, whose checks the choice would call before they are there.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    defined(__linux__) && !defined(__SANITIZE_THREAD__)
#define CHAINRULE_VECTOR_CLONES \
    __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CHAINRULE_VECTOR_CLONES
#endif
#define CHAINRULE_INLINE inline __attribute__((always_inline))

}  // namespace chainrule
