// Includes the file CHAINRULE_LANES, code of the vectors in matrix_lanes.h, once for each
// kind of vectors that a processor may have, in namespaces whose names hold their bytes;
// CHAINRULE_OF_THE_PROCESSOR calls a function of the kind that this processor has.
//
// Included after all other headers: what they define must not be compiled for vectors that
// a processor may lack. Copies that a compiler makes of one function (as by
// CHAINRULE_VECTOR_CLONES) do not serve: in them, what the least of the processors has no
// instruction for has been taken apart already, lane by lane.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "small_matrices.h"
#include "ufunc.h"
#include "vector_code.h"

// Vectors are passed between functions that are inlined, never by a calling convention.
#pragma GCC diagnostic ignored "-Wpsabi"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define CHAINRULE_KIND of_64_bytes
#define CHAINRULE_VECTOR_BYTES 64
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,fma")
#include "matrix_lanes.h"
#include CHAINRULE_LANES
#pragma GCC pop_options
#undef CHAINRULE_KIND
#undef CHAINRULE_VECTOR_BYTES

#define CHAINRULE_KIND of_32_bytes
#define CHAINRULE_VECTOR_BYTES 32
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#include "matrix_lanes.h"
#include CHAINRULE_LANES
#pragma GCC pop_options
#undef CHAINRULE_KIND
#undef CHAINRULE_VECTOR_BYTES

#define CHAINRULE_OF_THE_PROCESSOR(call)         \
    switch (vector_bytes()) {                    \
        case 64: return of_64_bytes::call;       \
        case 32: return of_32_bytes::call;       \
        default: return of_16_bytes::call;       \
    }
#else
#define CHAINRULE_OF_THE_PROCESSOR(call) return of_16_bytes::call
#endif

#define CHAINRULE_KIND of_16_bytes
#define CHAINRULE_VECTOR_BYTES 16
#include "matrix_lanes.h"
#include CHAINRULE_LANES
#undef CHAINRULE_KIND
#undef CHAINRULE_VECTOR_BYTES
