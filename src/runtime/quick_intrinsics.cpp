// Conversions, LLVM's functions of lanes, and lanes at addresses of their own.
#include "quick_coder.h"

namespace chainrule::quick {

namespace {

constexpr Evex kCopy{1, 0, 0, 0x28};

/// The move of elements under a mask: of 4 and 8 bytes, or of 1 and 2.
Evex moved(int element, Byte longer, Byte shorter) {
    if (element >= 4) return {1, Byte(element == 8), Byte(element == 8), longer};
    return {1, 3, Byte(element == 2), shorter};
}

bool begins(std::string_view text, std::string_view with) {
    return text.substr(0, with.size()) == with;
}

/// The conversion of elements, or opcode 0.
Evex conversion(std::string_view name, Elem from, Elem to) {
    using E = Elem;
    auto is = [&](std::string_view n, E f, E t) { return n == name && f == from && t == to; };
    if (is("fpext", E::kF32, E::kF64)) return {1, 0, 0, 0x5A};
    if (is("fptrunc", E::kF64, E::kF32)) return {1, 1, 1, 0x5A};
    if (is("sitofp", E::kI32, E::kF32)) return {1, 0, 0, 0x5B};
    if (is("sitofp", E::kI32, E::kF64)) return {1, 2, 0, 0xE6};
    if (is("sitofp", E::kI64, E::kF64)) return {1, 2, 1, 0xE6};
    if (is("sitofp", E::kI64, E::kF32)) return {1, 0, 1, 0x5B};
    if (is("uitofp", E::kI32, E::kF32)) return {1, 3, 0, 0x7A};
    if (is("uitofp", E::kI32, E::kF64)) return {1, 2, 0, 0x7A};
    if (is("uitofp", E::kI64, E::kF64)) return {1, 2, 1, 0x7A};
    if (is("uitofp", E::kI64, E::kF32)) return {1, 3, 1, 0x7A};
    if (is("fptosi", E::kF32, E::kI32)) return {1, 2, 0, 0x5B};
    if (is("fptosi", E::kF64, E::kI32)) return {1, 1, 1, 0xE6};
    if (is("fptosi", E::kF64, E::kI64)) return {1, 1, 1, 0x7A};
    if (is("fptosi", E::kF32, E::kI64)) return {1, 1, 0, 0x7A};
    if (is("fptoui", E::kF32, E::kI32)) return {1, 0, 0, 0x78};
    if (is("fptoui", E::kF64, E::kI32)) return {1, 0, 1, 0x78};
    if (is("fptoui", E::kF64, E::kI64)) return {1, 1, 1, 0x78};
    if (is("fptoui", E::kF32, E::kI64)) return {1, 1, 0, 0x78};
    if (is("sext", E::kI32, E::kI64)) return {2, 1, 0, 0x25};
    if (is("zext", E::kI32, E::kI64)) return {2, 1, 0, 0x35};
    if (is("zext", E::kI8, E::kI32)) return {2, 1, 0, 0x31};
    if (is("sext", E::kI8, E::kI32)) return {2, 1, 0, 0x21};
    if (is("zext", E::kI16, E::kI32)) return {2, 1, 0, 0x33};
    if (is("sext", E::kI16, E::kI32)) return {2, 1, 0, 0x23};
    if (is("zext", E::kI8, E::kI16)) return {2, 1, 0, 0x30};
    if (is("sext", E::kI8, E::kI16)) return {2, 1, 0, 0x20};
    if (is("zext", E::kI8, E::kI64)) return {2, 1, 0, 0x32};
    if (is("sext", E::kI8, E::kI64)) return {2, 1, 0, 0x22};
    if (is("zext", E::kI16, E::kI64)) return {2, 1, 0, 0x34};
    if (is("sext", E::kI16, E::kI64)) return {2, 1, 0, 0x24};
    if (is("trunc", E::kI16, E::kI8)) return {2, 2, 0, 0x30};
    if (is("trunc", E::kI64, E::kI8)) return {2, 2, 0, 0x32};
    if (is("trunc", E::kI64, E::kI16)) return {2, 2, 0, 0x34};
    if (is("trunc", E::kI64, E::kI32)) return {2, 2, 0, 0x35};
    if (is("trunc", E::kI32, E::kI8)) return {2, 2, 0, 0x31};
    if (is("trunc", E::kI32, E::kI16)) return {2, 2, 0, 0x33};
    return {0, 0, 0, 0};
}

}  // namespace

void Coder::cast(const Instruction& i) {
    Type from = i.args[0].type, to = i.type;
    if (from.elem == Elem::kI1) return resize_masks(i);
    if (i.name == "bitcast") {
        if (in_lanes(from) && in_lanes(to)) {
            Shape s = shape_of(to), before = shape_of(from);
            if (s.parts != before.parts || s.bytes != before.bytes)
                throw Unsupported("lanes of another size");
            for (int p = 0; p < s.parts; ++p) {
                int x = lanes_of(i.args[0], p);
                a_.vector(kCopy, s.bytes, result(i.result, p), 0, x);
            }
        } else if (in_lanes(to)) {
            int x = integer(i.args[0]);
            a_.vector({1, 1, Byte(size_of(to.elem) == 8), 0x6E}, 16, result(i.result), 0, x);
        } else {
            int x = lanes_of(i.args[0], 0);
            a_.vector({1, 1, Byte(size_of(to.elem) == 8), 0x7E}, 16, x, 0,
                      result(i.result));
        }
        return;
    }
    Evex op = conversion(i.name, from.elem, to.elem);
    if (!op.opcode) throw Unsupported("'" + std::string(i.name) + "' of these lanes");
    if (in_lanes(from) && in_lanes(to)) return convert(i, op);
    if (in_lanes(to)) {
        int x = integer(i.args[0]);
        int out = result(i.result);
        a_.vector({1, 1, Byte(size_of(from.elem) == 8), 0x6E}, 16, out, 0, x);
        a_.vector(op, 16, out, 0, out);
    } else {
        int x = lanes_of(i.args[0], 0), moment = take(lanes_);
        a_.vector(op, 16, moment, 0, x);
        a_.vector({1, 1, Byte(size_of(to.elem) == 8), 0x7E}, 16, moment, 0,
                  result(i.result));
    }
}

/// The lower or upper half of a register.
int Coder::half(int reg, int upper, int bytes) {
    if (!upper) return reg;
    int out = take(lanes_);
    if (bytes == 64) {
        a_.vector({3, 1, 1, 0x1B}, 64, reg, 0, out);  // vextractf64x4
        a_.byte(1);
    } else if (bytes == 32) {
        a_.vector({3, 1, 0, 0x39}, 32, reg, 0, out);  // vextracti32x4
        a_.byte(1);
    } else {
        a_.vector({1, 1, 0, 0x73}, 16, 3, out, reg);  // vpsrldq
        a_.byte(8);
    }
    return out;
}

/// Puts `high` above the lower half of a register of so many bytes.
void Coder::join(int low, int high, int bytes) {
    if (bytes == 64) {
        a_.vector({3, 1, 1, 0x1A}, 64, low, low, high);  // vinsertf64x4
        a_.byte(1);
    } else if (bytes == 32) {
        a_.vector({3, 1, 0, 0x38}, 32, low, low, high);  // vinserti32x4
        a_.byte(1);
    } else {
        a_.vector({1, 1, 1, 0x6C}, 16, low, low, high);  // vpunpcklqdq
    }
}

/// Elements of one size from those of another, or of the same.
void Coder::convert(const Instruction& i, Evex op) {
    Shape from = shape_of(i.args[0].type), to = shape_of(i.type);
    bool narrows = i.name == "trunc";  // their register operands are the other way round
    auto one = [&](int bytes, int out, int x) {
        if (narrows)
            a_.vector(op, bytes, x, 0, out);
        else
            a_.vector(op, bytes, out, 0, x);
    };
    if (from.parts == to.parts) {
        for (int p = 0; p < to.parts; ++p) {
            int x = lanes_of(i.args[0], p);
            one(std::max(from.bytes, to.bytes), result(i.result, p), x);
        }
    } else if (to.parts == 2 * from.parts && from.stored == from.bytes) {
        for (int p = 0; p < to.parts; ++p) {
            int x = half(lanes_of(i.args[0], p / 2), p % 2, from.bytes);
            one(64, result(i.result, p), x);
        }
    } else if (from.parts == 2 * to.parts && to.stored == to.bytes) {
        for (int p = 0; p < to.parts; ++p) {
            int low = lanes_of(i.args[0], 2 * p), high = lanes_of(i.args[0], 2 * p + 1);
            int out = result(i.result, p), moment = take(lanes_);
            one(64, out, low);
            one(64, moment, high);
            join(out, moment, to.bytes);
        }
    } else {
        throw Unsupported("a conversion of these lanes");
    }
}

/// Masks as integers: 0 and 1, or 0 and -1; as floats, 0 and 1.
void Coder::resize_masks(const Instruction& i) {
    Type to = i.type;
    if (!i.args[0].type.lanes) {  // 0 or 1
        int x = integer(i.args[0]);
        int out = result(i.result);
        a_.vector({1, 1, 0, 0x6E}, 16, out, 0, x);
        if (i.name != "uitofp") throw Unsupported("a mask as a float");
        Evex op = to.elem == Elem::kF64 ? Evex{1, 2, 0, 0xE6} : Evex{1, 0, 0, 0x5B};
        a_.vector(op, 16, out, 0, out);
        return;
    }
    Shape s = shape_of(to);
    bool zero = i.name == "zext" || i.name == "uitofp";
    if (!zero && i.name != "sext") throw Unsupported("masks of this kind");
    std::uint64_t bits = 1;
    if (to.elem == Elem::kF32) bits = 0x3F800000;
    if (to.elem == Elem::kF64) bits = 0x3FF0000000000000;
    if (!zero) bits = ~std::uint64_t(0);
    const Memory one = a_.pooled(&bits, s.element);
    for (int p = 0; p < s.parts; ++p) {
        mask_to(1, i.args[0], p, s.per);
        a_.vector(spread(s.element), s.bytes, result(i.result, p), 0, one, 1, true);
    }
}

void Coder::intrinsic(const Instruction& i) {
    std::string_view n = i.name.substr(5);
    Type t = i.type;
    bool wide = in_lanes(t) && size_of(t.elem) == 8;
    if (begins(n, "fma.")) return fma(i);
    if (begins(n, "fabs.")) return bits_with(i, {1, 1, 0, 0xDB}, ~0u >> 1, ~0ull >> 1);
    if (begins(n, "copysign.")) return copysign(i);
    if (begins(n, "sqrt."))
        return unary(i, {1, Byte(wide), Byte(wide), 0x51});
    int rounding = begins(n, "roundeven.") ? 8
                   : begins(n, "floor.")   ? 9
                   : begins(n, "ceil.")    ? 10
                   : begins(n, "trunc.")   ? 11
                                           : -1;
    if (rounding >= 0)
        return unary(i, {3, 1, Byte(wide), Byte(wide ? 0x09 : 0x08)}, rounding);
    if (begins(n, "maximum.")) return extremum(i, true);
    if (begins(n, "minimum.")) return extremum(i, false);
    if (begins(n, "vector.reduce.or.")) return any(i);
    if (begins(n, "masked.load.")) return masked_load(i);
    if (begins(n, "masked.store.")) return masked_store(i);
    if (begins(n, "masked.gather.")) return gather(i);
    if (begins(n, "masked.scatter.")) return scatter(i);
    Shape s = in_lanes(t) ? shape_of(t) : Shape{};
    if (s.element >= 4 && t.elem != Elem::kI1) {
        if (begins(n, "abs.")) return unary(i, {2, 1, Byte(wide), Byte(wide ? 0x1F : 0x1E)});
        Byte opcode = begins(n, "smin.")   ? 0x39
                      : begins(n, "smax.") ? 0x3D
                      : begins(n, "umin.") ? 0x3B
                      : begins(n, "umax.") ? 0x3F
                                           : 0;
        for (int p = 0; opcode && p < s.parts; ++p) {
            int x = lanes_of(i.args[0], p);
            Source y = source(i.args[1], p);
            vector({2, 1, Byte(wide), opcode}, s.bytes, result(i.result, p), x, y);
        }
        if (opcode) return;
    }
    throw Unsupported("'" + std::string(i.name) + "'");
}

void Coder::fma(const Instruction& i) {
    Shape s = shape_of(i.type);
    for (int p = 0; p < s.parts; ++p) {
        int x = lanes_of(i.args[0], p), z = lanes_of(i.args[2], p);
        Source y = source(i.args[1], p);
        int out = result(i.result, p);
        a_.vector(kCopy, s.bytes, out, 0, z);
        vector({2, 1, Byte(s.element == 8), 0xB8}, s.bytes, out, x, y);  // 231
    }
}

/// The bits of the first operand, but for the sign.
void Coder::copysign(const Instruction& i) {
    Shape s = shape_of(i.type);
    std::uint64_t sign = s.element == 8 ? 1ull << 63 : 1u << 31;
    const Memory m = a_.pooled(&sign, s.element, true);
    for (int p = 0; p < s.parts; ++p) {
        int x = lanes_of(i.args[0], p), y = lanes_of(i.args[1], p);
        int out = result(i.result, p);
        a_.vector(kCopy, s.bytes, out, 0, x);
        a_.vector({3, 1, Byte(s.element == 8), 0x25}, s.bytes, out, y, m, 0, false, 1);
        a_.byte(0xD8);  // vpternlog: the second where the third is set, else the first
    }
}

/// IEEE 754-2019 minimum and maximum: -0 is less than 0, NaN stays.
void Coder::extremum(const Instruction& i, bool largest) {
    Shape s = shape_of(i.type);
    Byte wide = s.element == 8;
    for (int p = 0; p < s.parts; ++p) {
        int x = lanes_of(i.args[0], p), y = lanes_of(i.args[1], p);
        int out = result(i.result, p);
        a_.vector({3, 1, wide, 0x50}, s.bytes, out, x, y);  // vrange
        a_.byte(largest ? 5 : 4);
        a_.vector({1, wide, wide, 0xC2}, s.bytes, 1, x, y);
        a_.byte(3);  // unordered
        a_.vector({1, wide, wide, 0x58}, s.bytes, out, x, y, 1);
    }
}

/// Whether a lane of a mask is set.
void Coder::any(const Instruction& i) {
    const Operand& m = i.args[0];
    if (m.type.lanes && shape_of(m.type).parts > 1) {
        int some = take(lanes_);
        a_.vector(kCopy, 64, some, 0, lanes_of(m, 0));
        for (int p = 1; p < shape_of(m.type).parts; ++p)
            a_.vector({1, 1, 0, 0xEB}, 64, some, some, lanes_of(m, p));
        a_.vector({2, 2, 0, 0x39}, 64, 1, 0, some);
    } else {
        mask_to(1, m, 0, 0);
    }
    a_.mask_to_register(kRax, 1);
    a_.registers({0x85}, kRax, kRax, false);
    a_.set(5, result(i.result));
}

void Coder::masked_load(const Instruction& i) {
    Shape s = shape_of(i.type);
    int base = integer(i.args[0]);
    Evex op = moved(s.element, 0x10, 0x6F);
    for (int p = 0; p < s.parts; ++p) {
        int other = lanes_of(i.args[3], p);
        mask_to(1, i.args[2], p, s.per);
        int out = result(i.result, p);
        a_.vector(kCopy, s.bytes, out, 0, other);
        a_.vector(op, s.bytes, out, 0, at(base, 64 * p), 1);
    }
}

void Coder::masked_store(const Instruction& i) {
    Shape s = shape_of(i.args[0].type);
    int base = integer(i.args[1]);
    Evex op = moved(s.element, 0x11, 0x7F);
    for (int p = 0; p < s.parts; ++p) {
        mask_to(1, i.args[3], p, s.per);
        a_.vector(op, s.bytes, lanes_of(i.args[0], p), 0, at(base, 64 * p), 1);
    }
}

/// Addresses of lanes: a base and places, of 64 bits or of 32.
void Coder::addresses(const Instruction& i) {
    Shape s = shape_of(i.type);
    int size = i.blocks[0], power = size == 8 ? 3 : size == 4 ? 2 : size == 2 ? 1 : 0;
    if (i.args[0].type.lanes) throw Unsupported("bases of lanes");
    int base = integer(i.args[0]), bases = take(lanes_);
    a_.vector({2, 1, 1, 0x7C}, s.bytes, bases, 0, base);  // vpbroadcastq
    Shape from = shape_of(i.args[1].type);
    if (from.element < 4) throw Unsupported("short places");
    const bool pairs = s.parts == 2 * from.parts;  // of 32 bits, in as few registers
    for (int p = 0; p < s.parts; ++p) {
        int x = lanes_of(i.args[1], pairs ? p / 2 : p);
        if (from.element == 4) {
            if (pairs) x = half(x, p % 2, from.bytes);
            int wide = take(lanes_);
            a_.vector({2, 1, 0, 0x25}, s.bytes, wide, 0, x);  // vpmovsxdq
            x = wide;
        }
        int out = result(i.result, p);
        a_.vector({1, 1, 1, 0x73}, s.bytes, 6, out, x);  // vpsllq
        a_.byte(power);
        a_.vector({1, 1, 1, 0xD4}, s.bytes, out, out, bases);
    }
}

void Coder::scatter(const Instruction& i) {
    Shape s = shape_of(i.args[0].type), to = shape_of(i.args[1].type);
    if (s.element < 4) throw Unsupported("a scatter of short lanes");
    Evex op{2, 1, Byte(s.element == 8), 0xA3};
    for (int p = 0; p < to.parts; ++p) {
        int places = lanes_of(i.args[1], p);
        int x = lanes_of(i.args[0], s.parts == to.parts ? p : p / 2);
        if (s.parts != to.parts) x = half(x, p % 2, s.bytes);
        mask_to(1, i.args[3], p, to.per);
        a_.vector_indexed(op, to.bytes, x, places, 1);
    }
}

void Coder::gather(const Instruction& i) {
    Shape s = shape_of(i.type), from = shape_of(i.args[0].type);
    if (s.element < 4 || !i.args[3].is_splat() || i.args[3].bits[0] != 0)
        throw Unsupported("a gather");
    Evex op{2, 1, Byte(s.element == 8), 0x93};
    std::vector<int> found;
    for (int p = 0; p < from.parts; ++p) {
        int places = lanes_of(i.args[0], p);
        mask_to(1, i.args[2], p, from.per);
        bool alike = s.parts == from.parts, own = alike || p % 2 == 0;
        int out = own ? result(i.result, alike ? p : p / 2) : take(lanes_);
        a_.vector({1, 1, 0, 0xEF}, 16, out, out, out);
        a_.vector_indexed(op, from.bytes, out, places, 1);
        found.push_back(out);
    }
    if (s.parts == from.parts) return;
    for (int p = 0; p < s.parts; ++p) join(found[2 * p], found[2 * p + 1], s.bytes);
}

}  // namespace chainrule::quick
