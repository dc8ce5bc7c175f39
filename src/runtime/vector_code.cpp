// What vectors the processor has.
#include "vector_code.h"

#include <cstdlib>

namespace chainrule {
namespace {

int widest() {
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("fma")) {
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
            return 64;
        if (__builtin_cpu_supports("avx2")) return 32;
    }
#endif
    return 16;
}

int find_bytes() {
    const char* text = std::getenv("CHAINRULE_VECTOR_BYTES");
    const int limit = text ? std::atoi(text) : 0, most = widest();
    return limit == 16 || (limit == 32 && most == 64) ? limit : most;
}

}  // namespace

int vector_bytes() {
    static const int bytes = find_bytes();
    return bytes;
}

}  // namespace chainrule
