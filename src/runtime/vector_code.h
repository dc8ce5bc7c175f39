/// Loops compiled for the widest vectors of the processor that runs them.
#pragma once

namespace chainrule {

#if defined(__x86_64__) && defined(__GNUC__)
template <class Body>
__attribute__((target("avx512f"))) void in_vectors_of_64_bytes(const Body& body) {
    body();
}

template <class Body>
__attribute__((target("avx2"))) void in_vectors_of_32_bytes(const Body& body) {
    body();
}

/// Calls body(), a lambda with CHAINRULE_LOOP before its braces, which is inlined into
/// code for AVX-512 or AVX2 where the processor has them. It reads what it captures into
/// variables of its own, which nothing that it writes can change. Bodies compute with
/// integers: what numbers round to may differ.
template <class Body> void in_vectors(const Body& body) {
    static const int bytes = __builtin_cpu_supports("avx512f") ? 64
                             : __builtin_cpu_supports("avx2")  ? 32
                                                               : 16;
    if (bytes == 64) return in_vectors_of_64_bytes(body);
    if (bytes == 32) return in_vectors_of_32_bytes(body);
    body();
}
#else
template <class Body> void in_vectors(const Body& body) { body(); }
#endif

#define CHAINRULE_LOOP __attribute__((always_inline))

}  // namespace chainrule
