/// Loops compiled for the widest vectors of the processor that runs them.
#pragma once

namespace chainrule {

/// Bytes of the widest vectors there is code for: 64 with AVX-512, 32 with AVX2, else 16;
/// at most what the environment variable CHAINRULE_VECTOR_BYTES says.
int vector_bytes();

#if defined(__x86_64__) && defined(__GNUC__)
template <class Body>
__attribute__((target("avx512f,avx512dq,fma"))) void in_vectors_of_64_bytes(const Body& body) {
    body();
}

template <class Body>
__attribute__((target("avx2,fma"))) void in_vectors_of_32_bytes(const Body& body) {
    body();
}

/// Calls body(), a lambda with CHAINRULE_LOOP before its braces, which is inlined into
/// code for AVX-512 or AVX2 where the processor has them. It reads what it captures into
/// variables of its own, which nothing that it writes can change. What numbers round to
/// may differ from processor to processor. (Code of vector types: each_vectors.h.)
template <class Body> void in_vectors(const Body& body) {
    const int bytes = vector_bytes();
    if (bytes == 64) return in_vectors_of_64_bytes(body);
    if (bytes == 32) return in_vectors_of_32_bytes(body);
    body();
}
#else
template <class Body> void in_vectors(const Body& body) { body(); }
#endif

#define CHAINRULE_LOOP __attribute__((always_inline))

}  // namespace chainrule
