/// Bytes of x86-64 instructions: the integer ones that addresses and loops need, and
/// those of AVX-512 (F, BW, DQ, VL) with 128, 256 or 512 bits. Encodings: Intel 64 and
/// IA-32 Architectures Software Developer's Manual, volume 2.
#pragma once
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace chainrule::quick {

using Byte = std::uint8_t;

/// A vector instruction: opcode map, prefix (0, 66, F3, F2), W bit and opcode.
struct Evex {
    Byte map, prefix, wide, opcode;
};

/// An operand in memory: at a register and a distance, or in the pool of constants,
/// where one number may serve all lanes.
struct Memory {
    int base;
    std::int32_t distance = 0;
    int pool = -1;
    bool broadcast = false;
};

inline Memory at(int base, std::int32_t distance) { return {base, distance}; }

constexpr int kRax = 0, kRcx = 1, kRdx = 2, kRbx = 3, kRsp = 4, kRbp = 5, kRsi = 6,
              kRdi = 7;

class Assembler {
  public:
    std::vector<Byte> code;

    std::size_t here() const { return code.size(); }
    void byte(int b) { code.push_back(Byte(b)); }
    void bytes4(std::int32_t x);
    void bytes8(std::int64_t x);
    /// Writes 4 bytes over those at `place`.
    void patch(std::size_t place, std::int32_t x);

    // --- integers; `wide` for 64 bits, else 32

    void registers(std::initializer_list<int> opcode, int reg, int rm, bool wide);
    void memory(std::initializer_list<int> opcode, int reg, Memory m, bool wide,
                int prefix = 0);
    void move(int to, int from, bool wide = true) { registers({0x8B}, to, from, wide); }
    void constant(int to, std::int64_t x);
    /// to = base + index * scale + distance
    void address(int to, int base, int index, int scale, std::int32_t distance);
    /// Shifts left (4), right (5), right with the sign (7) by a constant.
    void shift(int kind, int reg, int amount, bool wide);
    /// Sets a register to 0 or 1 by a condition of the last comparison.
    void set(int condition, int reg);
    /// A jump, without its distance: where that is.
    std::size_t jump();
    std::size_t jump_if(int condition);
    std::size_t call();

    // --- vectors; `bytes` of the registers; a mask k1 ... k7 or none (0)

    void vector(Evex op, int bytes, int reg, int second, int rm, int mask = 0,
                bool zero = false);
    void vector(Evex op, int bytes, int reg, int second, const Memory& m, int mask = 0,
                bool zero = false, int trailing = 0);
    /// Elements at the addresses of a vector register.
    void vector_indexed(Evex op, int bytes, int reg, int index, int mask);
    /// Between masks and integers.
    void mask_to_register(int reg, int mask);
    void register_to_mask(int mask, int reg);
    void shift_mask_right(int mask, int by);
    /// to = high << 8 | low
    void join_masks(int to, int high, int low);

    // --- constants

    /// These bytes in the pool; with `broadcast`, for all lanes.
    Memory pooled(const void* data, std::size_t size, bool broadcast = false);
    /// Puts the pool behind the code.
    void finish();

  private:
    void prefixes(int reg, int index, int base, bool wide);
    void operand(int reg, const Memory& m, int trailing);
    void evex(Evex op, int bytes, int reg, int second, int rm_low, int rm_high, int mask,
              bool zero, bool broadcast, int index_high = 0);

    struct Use {
        std::size_t place;
        int constant, trailing;
    };
    std::vector<Use> uses_;
    std::vector<std::string> pool_;
    std::map<std::string, int> places_;
};

}  // namespace chainrule::quick
