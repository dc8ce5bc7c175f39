// SHA-256 (FIPS 180-4): names and seals of files in the cache of kernels. Python's
// hashlib loads OpenSSL, which takes longer than reading all kernels of a program.
#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "native.h"

namespace chainrule::digest {
namespace {

using Words = std::array<std::uint32_t, 8>;

/// The first 32 bits of the fractional parts of the first primes' cube roots.
constexpr std::uint32_t kRound[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
    0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
    0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
    0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
    0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
    0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
    0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2};

std::uint32_t rotated(std::uint32_t x, int n) { return x >> n | x << (32 - n); }

std::uint32_t big_endian(const std::uint8_t* p) {
    return std::uint32_t(p[0]) << 24 | std::uint32_t(p[1]) << 16 |
           std::uint32_t(p[2]) << 8 | p[3];
}

/// Section 6.2.2: one block of 64 bytes.
void absorb(Words& state, const std::uint8_t* block) {
    std::uint32_t w[64];
    for (int t = 0; t < 16; ++t) w[t] = big_endian(block + 4 * t);
    for (int t = 16; t < 64; ++t) {
        std::uint32_t x = w[t - 15], y = w[t - 2];
        w[t] = w[t - 16] + (rotated(x, 7) ^ rotated(x, 18) ^ x >> 3) + w[t - 7] +
               (rotated(y, 17) ^ rotated(y, 19) ^ y >> 10);
    }
    auto [a, b, c, d, e, f, g, h] = state;
    for (int t = 0; t < 64; ++t) {
        std::uint32_t first = h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) +
                              ((e & f) ^ (~e & g)) + kRound[t] + w[t];
        std::uint32_t second = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) +
                               ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + first;
        d = c, c = b, b = a, a = first + second;
    }
    const std::uint32_t added[8] = {a, b, c, d, e, f, g, h};
    for (int k = 0; k < 8; ++k) state[k] += added[k];
}

nb::bytes sha256(nb::bytes data) {
    Words state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    auto bytes = reinterpret_cast<const std::uint8_t*>(data.c_str());
    std::size_t size = data.size(), whole = size / 64 * 64;
    for (std::size_t at = 0; at < whole; at += 64) absorb(state, bytes + at);
    std::uint8_t last[128] = {};
    std::size_t left = size - whole, padded = left < 56 ? 64 : 128;
    std::memcpy(last, bytes + whole, left);
    last[left] = 0x80;
    for (int k = 0; k < 8; ++k)
        last[padded - 1 - k] = std::uint8_t(std::uint64_t(size) * 8 >> 8 * k);
    for (std::size_t at = 0; at < padded; at += 64) absorb(state, last + at);
    char out[32];
    for (int k = 0; k < 32; ++k) out[k] = char(state[k / 4] >> (24 - 8 * (k % 4)));
    return nb::bytes(out, sizeof out);
}

}  // namespace
}  // namespace chainrule::digest

namespace chainrule {
void register_digest(nb::module_& m) {
    m.def("sha256", &digest::sha256, nb::arg("data"),
          "The 32 bytes of the SHA-256 digest of `data`.");
}
}  // namespace chainrule
