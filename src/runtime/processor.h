/// What the machine's caches keep, and how to write past them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace chainrule {

/// From how many bytes on what is written goes past the caches: those that leave them
/// before they are read again. That is what all cores have for themselves on Intel's
/// servers, where a core writes to the last cache, which they share, no faster than to
/// memory; elsewhere what the last cache holds.
std::int64_t streamed_bytes();

/// A copy that no cache keeps; the lines of the target are not read for it.
inline void copy_past_caches(void* to, const void* from, std::size_t bytes) {
#if defined(__x86_64__)
    auto* target = static_cast<unsigned char*>(to);
    auto* source = static_cast<const unsigned char*>(from);
    const std::size_t lead = -reinterpret_cast<std::uintptr_t>(to) % 64;
    if (lead < bytes) {
        std::memcpy(target, source, lead);
        target += lead, source += lead, bytes -= lead;
        for (; bytes >= 64; bytes -= 64, target += 64, source += 64)
            for (int k = 0; k < 64; k += 16)
                _mm_stream_si128(
                    reinterpret_cast<__m128i*>(target + k),
                    _mm_loadu_si128(reinterpret_cast<const __m128i*>(source + k)));
        _mm_sfence();
    }
    std::memcpy(target, source, bytes);
#else
    std::memcpy(to, from, bytes);
#endif
}

}  // namespace chainrule
