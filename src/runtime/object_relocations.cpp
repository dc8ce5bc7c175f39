// Relocation arithmetic for x86-64 (System V psABI, table 4.9) and AArch64 (ELF for the
// Arm 64-bit Architecture, section 5.7). S is the symbol, A the addend, P the place.
#include "object_loader.h"

namespace chainrule::object {
namespace {

[[noreturn]] void refuse(std::uint32_t type, const std::string& why) {
    throw DamagedObject("relocation of type " + std::to_string(type) + " " + why);
}

template <class Value>
void store(const Fixup& fixup, std::uint32_t type, Value value) {
    if (fixup.available < sizeof value)
        refuse(type, "reaches over the end of its section; the bytes are damaged.");
    std::memcpy(fixup.place, &value, sizeof value);
}

template <class Value>
Value load(const Fixup& fixup, std::uint32_t type) {
    Value value;
    if (fixup.available < sizeof value)
        refuse(type, "reaches over the end of its section; the bytes are damaged.");
    std::memcpy(&value, fixup.place, sizeof value);
    return value;
}

/// `value` if it is a signed number of `bits` bits.
std::int64_t require_signed(std::int64_t value, int bits, std::uint32_t type) {
    if (value < -(std::int64_t(1) << (bits - 1)) || value >= std::int64_t(1)
                                                                 << (bits - 1))
        refuse(type, "has the value " + std::to_string(value) + ", which needs more " +
                         "than " + std::to_string(bits) +
                         " bits; compile as position-independent code.");
    return value;
}

std::uint64_t address_of(const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer);
}

/// S + A; overflow wraps as it does in address arithmetic.
std::uint64_t absolute(const Fixup& fixup) {
    return fixup.target + std::uint64_t(fixup.addend);
}

/// S + A - P, through the symbol's jump where it is outside of the object.
std::int64_t relative(const Fixup& fixup) {
    std::uint64_t base =
        fixup.external ? address_of(fixup.linkage->jump) : fixup.target;
    return std::int64_t(base + std::uint64_t(fixup.addend) - address_of(fixup.place));
}

/// The symbol's address slot + A.
std::uint64_t slot(const Fixup& fixup) {
    return address_of(&fixup.linkage->address) + std::uint64_t(fixup.addend);
}

void relocate_x86_64(std::uint32_t type, const Fixup& fixup) {
    switch (type) {
        case R_X86_64_NONE:
            return;
        case R_X86_64_64:
            return store(fixup, type, absolute(fixup));
        case R_X86_64_PC64:
            return store(fixup, type, relative(fixup));
        case R_X86_64_PC32:
        case R_X86_64_PLT32:
            return store(fixup, type,
                         std::int32_t(require_signed(relative(fixup), 32, type)));
        case R_X86_64_32: {
            std::uint64_t value = absolute(fixup);
            if (value >> 32)
                refuse(type, "has the value " + std::to_string(value) +
                                 ", which needs more than 32 bits; compile as "
                                 "position-independent code.");
            return store(fixup, type, std::uint32_t(value));
        }
        case R_X86_64_32S:
            return store(
                fixup, type,
                std::int32_t(require_signed(std::int64_t(absolute(fixup)), 32, type)));
        case R_X86_64_GOTPCREL:
        case R_X86_64_GOTPCRELX:
        case R_X86_64_REX_GOTPCRELX: {
            auto value = std::int64_t(slot(fixup) - address_of(fixup.place));
            return store(fixup, type, std::int32_t(require_signed(value, 32, type)));
        }
        default:
            refuse(type,
                   "is not known for x86-64; compile as position-independent "
                   "code of the small model.");
    }
}

/// Replaces `bits` bits of the instruction from bit `low` on.
void insert_bits(const Fixup& fixup, std::uint32_t type, std::int64_t value, int bits,
                 int low) {
    std::uint32_t mask = ((std::uint32_t(1) << bits) - 1) << low;
    auto instruction = load<std::uint32_t>(fixup, type);
    auto field = (std::uint32_t(value) << low) & mask;
    store(fixup, type, (instruction & ~mask) | field);
}

/// A branch distance in instructions, in `bits` bits from bit `low` on.
void insert_branch(const Fixup& fixup, std::uint32_t type, int bits, int low) {
    std::int64_t distance = require_signed(relative(fixup), bits + 2, type);
    if (distance & 3) refuse(type, "goes between instructions; the bytes are damaged.");
    insert_bits(fixup, type, distance >> 2, bits, low);
}

/// The immediate of adr and adrp: 21 bits, the low two of them in bits 29 and 30.
void insert_adr(const Fixup& fixup, std::uint32_t type, std::int64_t value) {
    require_signed(value, 21, type);
    insert_bits(fixup, type, value, 2, 29);
    insert_bits(fixup, type, value >> 2, 19, 5);
}

std::int64_t pages_between(const Fixup& fixup, std::uint64_t target) {
    return std::int64_t((target & ~std::uint64_t(0xfff)) -
                        (address_of(fixup.place) & ~std::uint64_t(0xfff))) >>
           12;
}

/// The low 12 bits of an address in units of 2^scale bytes.
void insert_low(const Fixup& fixup, std::uint32_t type, std::uint64_t address,
                int scale) {
    std::uint64_t low = address & 0xfff;
    if (low & ((1u << scale) - 1))
        refuse(type, "has an address that is not a multiple of " +
                         std::to_string(1 << scale) + "; the bytes are damaged.");
    insert_bits(fixup, type, std::int64_t(low >> scale), 12, 10);
}

/// S + A, or that of the jump where the symbol is outside of the object.
std::uint64_t near_address(const Fixup& fixup) {
    return std::uint64_t(relative(fixup)) + address_of(fixup.place);
}

void relocate_aarch64(std::uint32_t type, const Fixup& fixup) {
    switch (type) {
        case R_AARCH64_NONE:
            return;
        case R_AARCH64_ABS64:
            return store(fixup, type, absolute(fixup));
        case R_AARCH64_PREL64:
            return store(fixup, type, relative(fixup));
        case R_AARCH64_PREL32:
            return store(fixup, type,
                         std::int32_t(require_signed(relative(fixup), 32, type)));
        case R_AARCH64_CALL26:
        case R_AARCH64_JUMP26:
            return insert_branch(fixup, type, 26, 0);
        case R_AARCH64_CONDBR19:
            return insert_branch(fixup, type, 19, 5);
        case R_AARCH64_TSTBR14:
            return insert_branch(fixup, type, 14, 5);
        case R_AARCH64_ADR_PREL_LO21:
            return insert_adr(fixup, type, relative(fixup));
        case R_AARCH64_ADR_PREL_PG_HI21:
            return insert_adr(fixup, type, pages_between(fixup, near_address(fixup)));
        case R_AARCH64_ADR_GOT_PAGE:
            return insert_adr(fixup, type, pages_between(fixup, slot(fixup)));
        case R_AARCH64_LD64_GOT_LO12_NC:
            return insert_low(fixup, type, slot(fixup), 3);
        case R_AARCH64_ADD_ABS_LO12_NC:
        case R_AARCH64_LDST8_ABS_LO12_NC:
            return insert_low(fixup, type, near_address(fixup), 0);
        case R_AARCH64_LDST16_ABS_LO12_NC:
            return insert_low(fixup, type, near_address(fixup), 1);
        case R_AARCH64_LDST32_ABS_LO12_NC:
            return insert_low(fixup, type, near_address(fixup), 2);
        case R_AARCH64_LDST64_ABS_LO12_NC:
            return insert_low(fixup, type, near_address(fixup), 3);
        case R_AARCH64_LDST128_ABS_LO12_NC:
            return insert_low(fixup, type, near_address(fixup), 4);
        default:
            refuse(type,
                   "is not known for AArch64; compile as position-independent "
                   "code of the small model.");
    }
}

}  // namespace

bool is_known_machine(std::uint16_t machine) {
    return machine == EM_X86_64 || machine == EM_AARCH64;
}

bool needs_linkage(std::uint16_t machine, std::uint32_t type) {
    if (machine == EM_X86_64)
        return type == R_X86_64_GOTPCREL || type == R_X86_64_GOTPCRELX ||
               type == R_X86_64_REX_GOTPCRELX;
    return type == R_AARCH64_ADR_GOT_PAGE || type == R_AARCH64_LD64_GOT_LO12_NC;
}

void write_jump(std::uint16_t machine, Linkage* linkage) {
    // Both go through the address 8 bytes before the jump.
    static const std::uint8_t x86_64[] = {0xff, 0x25, 0xf2, 0xff, 0xff, 0xff};
    static const std::uint32_t aarch64[] = {0x58ffffd0u, 0xd61f0200u};
    if (machine == EM_X86_64)
        std::memcpy(linkage->jump, x86_64, sizeof x86_64);
    else
        std::memcpy(linkage->jump, aarch64, sizeof aarch64);
}

void relocate(std::uint16_t machine, std::uint32_t type, const Fixup& fixup) {
    machine == EM_X86_64 ? relocate_x86_64(type, fixup) : relocate_aarch64(type, fixup);
}

}  // namespace chainrule::object
