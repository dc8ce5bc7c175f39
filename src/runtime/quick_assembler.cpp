// Encodings. Addresses always have a distance of 4 bytes.
#include "quick_assembler.h"

namespace chainrule::quick {

void Assembler::bytes4(std::int32_t x) {
    for (int k = 0; k < 4; ++k) byte(std::uint32_t(x) >> 8 * k & 255);
}

void Assembler::bytes8(std::int64_t x) {
    for (int k = 0; k < 8; ++k) byte(std::uint64_t(x) >> 8 * k & 255);
}

void Assembler::patch(std::size_t place, std::int32_t x) {
    std::memcpy(&code[place], &x, 4);
}

/// REX, always: byte registers above BL need it, others do not mind.
void Assembler::prefixes(int reg, int index, int base, bool wide) {
    byte(0x40 | wide << 3 | (reg >> 3 & 1) << 2 | (index >> 3 & 1) << 1 | (base >> 3 & 1));
}

void Assembler::registers(std::initializer_list<int> opcode, int reg, int rm, bool wide) {
    prefixes(reg, 0, rm, wide);
    for (int b : opcode) byte(b);
    byte(0xC0 | (reg & 7) << 3 | (rm & 7));
}

void Assembler::memory(std::initializer_list<int> opcode, int reg, Memory m, bool wide,
                       int prefix) {
    if (prefix) byte(prefix);
    prefixes(reg, 0, m.base, wide);
    for (int b : opcode) byte(b);
    operand(reg, m, 0);
}

void Assembler::operand(int reg, const Memory& m, int trailing) {
    if (m.pool >= 0) {
        byte((reg & 7) << 3 | 5);
        uses_.push_back({here(), m.pool, trailing});
        bytes4(0);
        return;
    }
    byte(0x80 | (reg & 7) << 3 | (m.base & 7));
    if ((m.base & 7) == 4) byte(0x24);
    bytes4(m.distance);
}

void Assembler::constant(int to, std::int64_t x) {
    if (x == std::int64_t(std::uint32_t(x))) {
        prefixes(0, 0, to, false);
        byte(0xB8 | (to & 7));
        bytes4(std::int32_t(x));
    } else if (x == std::int32_t(x)) {
        prefixes(0, 0, to, true);
        byte(0xC7), byte(0xC0 | (to & 7));
        bytes4(std::int32_t(x));
    } else {
        prefixes(0, 0, to, true);
        byte(0xB8 | (to & 7));
        bytes8(x);
    }
}

void Assembler::address(int to, int base, int index, int scale, std::int32_t distance) {
    int power = scale == 8 ? 3 : scale == 4 ? 2 : scale == 2 ? 1 : 0;
    prefixes(to, index, base, true);
    byte(0x8D);
    byte(0x80 | (to & 7) << 3 | 4);
    byte(power << 6 | (index & 7) << 3 | (base & 7));
    bytes4(distance);
}

void Assembler::shift(int kind, int reg, int amount, bool wide) {
    registers({0xC1}, kind, reg, wide);
    byte(amount);
}

void Assembler::set(int condition, int reg) {
    registers({0x0F, 0x90 | condition}, 0, reg, false);
    registers({0x0F, 0xB6}, reg, reg, false);
}

std::size_t Assembler::jump() {
    byte(0xE9);
    bytes4(0);
    return here() - 4;
}

std::size_t Assembler::jump_if(int condition) {
    byte(0x0F), byte(0x80 | condition);
    bytes4(0);
    return here() - 4;
}

std::size_t Assembler::call() {
    byte(0xE8);
    bytes4(0);
    return here() - 4;
}

void Assembler::evex(Evex op, int bytes, int reg, int second, int rm_low, int rm_high,
                     int mask, bool zero, bool broadcast, int index_high) {
    int length = bytes == 64 ? 2 : bytes == 32 ? 1 : 0;
    int inverted = (reg >> 3 & 1) << 7 | rm_high << 6 | rm_low << 5 | (reg >> 4 & 1) << 4;
    byte(0x62);
    byte((inverted ^ 0xF0) | op.map);
    byte(op.wide << 7 | (~second & 15) << 3 | 4 | op.prefix);
    byte(zero << 7 | length << 5 | broadcast << 4 |
         (((second >> 4 & 1) | index_high) ^ 1) << 3 | mask);
    byte(op.opcode);
}

void Assembler::vector(Evex op, int bytes, int reg, int second, int rm, int mask,
                       bool zero) {
    evex(op, bytes, reg, second, rm >> 3 & 1, rm >> 4 & 1, mask, zero, false);
    byte(0xC0 | (reg & 7) << 3 | (rm & 7));
}

void Assembler::vector(Evex op, int bytes, int reg, int second, const Memory& m, int mask,
                       bool zero, int trailing) {
    int base = m.pool >= 0 ? 0 : m.base;
    evex(op, bytes, reg, second, base >> 3 & 1, 0, mask, zero, m.broadcast);
    operand(reg, m, trailing);
}

void Assembler::vector_indexed(Evex op, int bytes, int reg, int index, int mask) {
    evex(op, bytes, reg, 0, 0, index >> 3 & 1, mask, false, false, index >> 4 & 1);
    byte((reg & 7) << 3 | 4);
    byte((index & 7) << 3 | 5);  // no base; a distance of 4 bytes
    bytes4(0);
}

void Assembler::mask_to_register(int reg, int mask) {
    byte(0xC5), byte((reg < 8) << 7 | 0x78), byte(0x93);
    byte(0xC0 | (reg & 7) << 3 | mask);
}

void Assembler::register_to_mask(int mask, int reg) {
    byte(0xC4), byte(0xC1 | (reg < 8) << 5), byte(0x78), byte(0x92);
    byte(0xC0 | mask << 3 | (reg & 7));
}

void Assembler::shift_mask_right(int mask, int by) {
    byte(0xC4), byte(0xE3), byte(0xF9), byte(0x30);
    byte(0xC0 | mask << 3 | mask), byte(by);
}

void Assembler::join_masks(int to, int high, int low) {
    byte(0xC5), byte((~high & 15) << 3 | 0x85), byte(0x4B);
    byte(0xC0 | to << 3 | low);
}

Memory Assembler::pooled(const void* data, std::size_t size, bool broadcast) {
    std::string text(static_cast<const char*>(data), size);
    auto [found, fresh] = places_.try_emplace(text, int(pool_.size()));
    if (fresh) pool_.push_back(text);
    return {0, 0, found->second, broadcast};
}

void Assembler::finish() {
    std::vector<std::size_t> starts;
    for (const std::string& c : pool_) {
        while (code.size() % c.size()) byte(0);
        starts.push_back(here());
        code.insert(code.end(), c.begin(), c.end());
    }
    for (const Use& u : uses_)
        patch(u.place,
              std::int32_t(starts[u.constant] - (u.place + 4 + std::size_t(u.trailing))));
}

}  // namespace chainrule::quick
