// Numbers in vector registers: arithmetic, comparisons, choices, the order of lanes.
#include "quick_coder.h"

namespace chainrule::quick {

namespace {

struct Named {
    std::string_view name;
    Evex op;
};

constexpr Evex kCopy{1, 0, 0, 0x28};
constexpr Named kFloats[] = {{"fadd", {1, 0, 0, 0x58}}, {"fmul", {1, 0, 0, 0x59}},
                             {"fsub", {1, 0, 0, 0x5C}}, {"fdiv", {1, 0, 0, 0x5E}}};
constexpr Named kInts4[] = {{"add", {1, 1, 0, 0xFE}}, {"sub", {1, 1, 0, 0xFA}},
                            {"mul", {2, 1, 0, 0x40}}, {"and", {1, 1, 0, 0xDB}},
                            {"or", {1, 1, 0, 0xEB}},  {"xor", {1, 1, 0, 0xEF}}};
constexpr Named kInts8[] = {{"add", {1, 1, 1, 0xD4}}, {"sub", {1, 1, 1, 0xFB}},
                            {"mul", {2, 1, 1, 0x40}}, {"and", {1, 1, 1, 0xDB}},
                            {"or", {1, 1, 1, 0xEB}},  {"xor", {1, 1, 1, 0xEF}}};

constexpr Named kInts2[] = {{"add", {1, 1, 0, 0xFD}}, {"sub", {1, 1, 0, 0xF9}},
                            {"mul", {1, 1, 0, 0xD5}}, {"and", {1, 1, 0, 0xDB}},
                            {"or", {1, 1, 0, 0xEB}},  {"xor", {1, 1, 0, 0xEF}}};
constexpr Named kInts1[] = {{"add", {1, 1, 0, 0xFC}}, {"sub", {1, 1, 0, 0xF8}},
                            {"and", {1, 1, 0, 0xDB}}, {"or", {1, 1, 0, 0xEB}},
                            {"xor", {1, 1, 0, 0xEF}}};

template <std::size_t n> const Evex* find(const Named (&table)[n], std::string_view name) {
    for (const Named& entry : table)
        if (entry.name == name) return &entry.op;
    return nullptr;
}

int predicate_of_floats(std::string_view name) {
    static constexpr std::pair<std::string_view, int> predicates[] = {
        {"oeq", 0x00}, {"une", 0x04}, {"olt", 0x11}, {"ole", 0x12},
        {"ogt", 0x1E}, {"oge", 0x1D}, {"uno", 0x03}, {"ord", 0x07},
    };
    for (auto& [word, code] : predicates)
        if (word == name) return code;
    throw Unsupported("a predicate");
}

int predicate_of_ints(std::string_view name) {
    std::string_view tail = name.size() == 3 ? name.substr(1) : name;
    if (tail == "eq") return 0;
    if (tail == "lt") return 1;
    if (tail == "le") return 2;
    if (tail == "ne") return 4;
    if (tail == "ge") return 5;
    if (tail == "gt") return 6;
    throw Unsupported("a predicate");
}

/// Whether lanes follow each other.
bool goes_on(const Operand& order) {
    for (std::size_t k = 1; k < order.bits.size(); ++k)
        if (order.bits[k] != order.bits[0] + k) return false;
    return true;
}

}  // namespace

void Coder::lanes(const Instruction& i) {
    switch (i.op) {
        case Op::kBinary: return binary(i);
        case Op::kNegate: return bits_with(i, {1, 1, 0, 0xEF}, 1u << 31, 1ull << 63);
        case Op::kCompareInts:
        case Op::kCompareFloats: return compare(i);
        case Op::kSelect: return select(i);
        case Op::kInsert: return insert(i);
        case Op::kExtract: return extract(i);
        case Op::kShuffle: return shuffle(i);
        case Op::kCast: return cast(i);
        case Op::kCall: return intrinsic(i);
        case Op::kAddress: return addresses(i);
        case Op::kLoad: {
            Shape s = shape_of(i.type);
            if (i.type.elem == Elem::kI1) throw Unsupported("masks in memory");
            int base = integer(i.args[0]);
            for (int p = 0; p < s.parts; ++p)
                load(result(i.result, p), at(base, 64 * p), s.stored);
            return;
        }
        case Op::kStore: {
            Shape s = shape_of(i.args[0].type);
            if (i.args[0].type.elem == Elem::kI1) throw Unsupported("masks in memory");
            int base = integer(i.args[1]);
            for (int p = 0; p < s.parts; ++p)
                store(lanes_of(i.args[0], p), at(base, 64 * p), s.stored);
            return;
        }
        default: throw Unsupported("'" + std::string(i.name) + "' of lanes");
    }
}

void Coder::binary(const Instruction& i) {
    Shape s = shape_of(i.type);
    if (i.name == "shl" || i.name == "lshr" || i.name == "ashr") return shift(i);
    std::string_view kind = i.name.substr(1);
    if (i.name[0] != 'f' && (kind == "div" || kind == "rem")) return divide(i);
    const Evex* op = is_float(i.type.elem) ? find(kFloats, i.name)
                     : s.element == 8      ? find(kInts8, i.name)
                     : s.element == 4      ? find(kInts4, i.name)
                     : s.element == 2      ? find(kInts2, i.name)
                                           : find(kInts1, i.name);
    if (!op) throw Unsupported("'" + std::string(i.name) + "' of short lanes");
    Evex chosen = is_float(i.type.elem) && s.element == 8
                      ? Evex{op->map, 1, 1, op->opcode}
                      : *op;
    for (int p = 0; p < s.parts; ++p) {
        int x = lanes_of(i.args[0], p);
        Source y = source(i.args[1], p);
        vector(chosen, s.bytes, result(i.result, p), x, y);
    }
}

/// The place in the frame of a part of an operand.
int Coder::slot_of(const Operand& x, int part) {
    int reg = lanes_of(x, part), bytes = shape_of(x.type).bytes;
    if (x.value >= 0) {
        Place& p = values_[x.value].places[part];
        if (p.dirty) spill(x.value, part);
        return p.slot;
    }
    int slot = new_slot(bytes);
    store(reg, at(kRsp, slot), bytes);
    return slot;
}

/// Quotients and remainders of integers: one lane after the other.
void Coder::divide(const Instruction& i) {
    Shape s = shape_of(i.type);
    if (s.element < 4) throw Unsupported("quotients of short lanes");
    bool wide = s.element == 8, is_signed = i.name[0] == 's';
    for (int p = 0; p < s.parts; ++p) {
        int x = slot_of(i.args[0], p), y = slot_of(i.args[1], p), z = new_slot(s.bytes);
        for (int k = 0; k < s.per * s.element; k += s.element) {
            a_.memory({0x8B}, kRax, at(kRsp, x + k), wide);
            widen_dividend(is_signed, wide);
            a_.memory({0xF7}, is_signed ? 7 : 6, at(kRsp, y + k), wide);
            a_.memory({0x89}, i.name[1] == 'd' ? kRax : kRdx, at(kRsp, z + k), wide);
        }
        load(result(i.result, p), at(kRsp, z), s.bytes);
    }
}

/// Amounts below the width: the text sees to it.
void Coder::shift(const Instruction& i) {
    Shape s = shape_of(i.type);
    if (s.element == 2 && i.args[1].is_splat() && i.type.elem == Elem::kI16) {
        int kind = i.name == "shl" ? 6 : i.name == "ashr" ? 4 : 2;
        for (int p = 0; p < s.parts; ++p) {
            int x = lanes_of(i.args[0], p);
            a_.vector({1, 1, 0, 0x71}, s.bytes, kind, result(i.result, p), x);
            a_.byte(int(i.args[1].bits[0]));
        }
        return;
    }
    if (s.element < 4 || i.type.elem == Elem::kI1) throw Unsupported("shifts of short lanes");
    bool wide = s.element == 8, left = i.name == "shl", arithmetic = i.name == "ashr";
    const Operand& by = i.args[1];
    for (int p = 0; p < s.parts; ++p) {
        int x = lanes_of(i.args[0], p);
        if (by.is_splat()) {
            Evex op{1, 1, wide, Byte(wide && !arithmetic ? 0x73 : 0x72)};
            int kind = left ? 6 : arithmetic ? 4 : 2;
            a_.vector(op, s.bytes, kind, result(i.result, p), x);
            a_.byte(int(by.bits[0]));
        } else {
            Evex op{2, 1, wide, Byte(left ? 0x47 : arithmetic ? 0x46 : 0x45)};
            int y = lanes_of(by, p);
            a_.vector(op, s.bytes, result(i.result, p), x, y);
        }
    }
}

/// Floats with the same bits set, cleared or turned.
void Coder::bits_with(const Instruction& i, Evex op32, std::uint64_t bits32,
                      std::uint64_t bits64) {
    Shape s = shape_of(i.type);
    std::uint64_t bits = s.element == 8 ? bits64 : bits32;
    const Memory m = a_.pooled(&bits, s.element, true);
    for (int p = 0; p < s.parts; ++p) {
        int x = lanes_of(i.args[0], p);
        a_.vector(widened(op32, s.element == 8), s.bytes, result(i.result, p), x, m);
    }
}

void Coder::unary(const Instruction& i, Evex op, int immediate) {
    Shape s = shape_of(i.type);
    for (int p = 0; p < s.parts; ++p) {
        int x = lanes_of(i.args[0], p);
        a_.vector(op, s.bytes, result(i.result, p), 0, x);
        if (immediate >= 0) a_.byte(immediate);
    }
}

// --- masks: in k1 and k2 for a moment

/// The lanes of part `part`, `per` of them, of a mask, in the mask register k.
void Coder::mask_to(int k, const Operand& m, int part, int per) {
    if (m.type.lanes == 0) {
        test_condition(m);
        a_.set(5, kRax);
        a_.registers({0xF7}, 3, kRax, false);  // neg
        a_.register_to_mask(k, kRax);
        return;
    }
    Shape s = shape_of(m.type);
    if (per > s.per) throw Unsupported("wide masks");
    const int first = part * per;
    a_.vector({2, 2, 0, 0x39}, s.bytes, k, 0, lanes_of(m, first / s.per));
    if (m.type.lanes < 4) {
        a_.mask_to_register(kRax, k);
        a_.registers({0x83}, 4, kRax, false);  // and
        a_.byte((1 << m.type.lanes) - 1);
        a_.register_to_mask(k, kRax);
    }
    if (first % s.per) a_.shift_mask_right(k, first % s.per);
}

/// The masks of so many parts, from k1 on, as the result; an integer for single values.
void Coder::mask_result(const Instruction& i, int parts) {
    if (i.type.lanes == 0) {
        int out = result(i.result);
        a_.mask_to_register(out, 1);
        a_.registers({0x83}, 4, out, false);  // and
        a_.byte(1);
        return;
    }
    Shape s = shape_of(i.type);
    const bool pairs = parts == 2 * s.parts;
    for (int p = 0; p < s.parts; ++p) {
        const int k = 1 + (pairs ? 2 * p : p);
        if (pairs) a_.join_masks(k, k + 1, k);
        a_.vector({2, 2, 0, 0x38}, s.bytes, result(i.result, p), 0, k);
    }
}

void Coder::compare(const Instruction& i) {
    Type t = i.args[0].type;
    Shape s = shape_of(t);
    Evex op;
    int predicate;
    if (s.per > 16) throw Unsupported("wide masks");
    if (is_float(t.elem)) {
        op = {1, Byte(s.element == 8), Byte(s.element == 8), 0xC2};
        predicate = predicate_of_floats(i.name);
    } else {
        if (t.elem == Elem::kI1 && i.name[0] == 's') throw Unsupported("signs of masks");
        bool is_short = s.element < 4;
        bool is_unsigned = i.name[0] == 'u';
        op = {3, 1, Byte(s.element == 8 || s.element == 2),
              Byte(is_short ? (is_unsigned ? 0x3E : 0x3F) : (is_unsigned ? 0x1E : 0x1F))};
        predicate = predicate_of_ints(i.name);
    }
    for (int p = 0; p < s.parts; ++p) {
        int x = lanes_of(i.args[0], p);
        vector(op, s.bytes, 1 + p, x, source(i.args[1], p), 0, false, 1);
        a_.byte(predicate);
    }
    mask_result(i, s.parts);
}

void Coder::select(const Instruction& i) {
    Shape s = shape_of(i.type);
    bool is_short = s.element < 4;
    Evex blend{2, 1, Byte(s.element == 8 || s.element == 2), Byte(is_short ? 0x66 : 0x65)};
    for (int p = 0; p < s.parts; ++p) {
        mask_to(1, i.args[0], i.args[0].type.lanes ? p : 0, s.per);
        int no = lanes_of(i.args[2], p);
        Source yes = source(i.args[1], p);
        vector(blend, s.bytes, result(i.result, p), no, yes, 1);
    }
}

// --- single lanes and their order

/// A vector of which only the first lane counts.
void Coder::insert(const Instruction& i) {
    const Operand &into = i.args[0], &x = i.args[1], &place = i.args[2];
    if (!into.poison || !place.is_constant() || place.bits[0] != 0)
        throw Unsupported("lanes that are set one by one");
    Shape s = shape_of(i.type);
    if (is_float(x.type.elem)) {
        int from = lanes_of(x, 0);
        a_.vector(kCopy, 16, result(i.result), 0, from);
    } else {
        int from = integer(x);
        if (x.type.elem == Elem::kI1) {
            a_.move(kRax, from);
            a_.registers({0xF7}, 3, kRax, false);  // neg
            from = kRax;
        }
        a_.vector({1, 1, Byte(s.element == 8), 0x6E}, 16, result(i.result), 0, from);
    }
    for (int p = 1; p < s.parts; ++p) {  // anything
        int out = result(i.result, p);
        a_.vector({1, 1, 0, 0xEF}, 16, out, out, out);
    }
}

void Coder::extract(const Instruction& i) {
    const Operand &x = i.args[0], &place = i.args[1];
    if (!place.is_constant() || x.is_constant()) throw Unsupported("a lane by its number");
    Shape s = shape_of(x.type);
    if (place.bits[0] >= std::uint64_t(s.lanes)) throw Unsupported("a lane that is not");
    int lane = int(place.bits[0]), part = lane / s.per, offset = lane % s.per * s.element;
    int from = lanes_of(x, part);
    if (offset) {
        Place& p = values_[x.value].places[part];
        if (p.dirty) spill(x.value, part);
        Memory m = at(kRsp, p.slot + offset);
        if (is_float(i.type.elem)) return load(result(i.result), m, s.element);
        if (i.type.elem == Elem::kI1) throw Unsupported("lanes of masks");
        int out = result(i.result);
        if (s.element == 1) return a_.memory({0x0F, 0xB6}, out, m, false);
        if (s.element == 2) return a_.memory({0x0F, 0xB7}, out, m, false);
        return a_.memory({0x8B}, out, m, s.element == 8);
    }
    int out = result(i.result);
    if (is_float(i.type.elem)) return a_.vector(kCopy, 16, out, 0, from);
    a_.vector({1, 1, Byte(s.element == 8), 0x7E}, 16, from, 0, out);
    if (s.element < 4)
        a_.registers({0x0F, s.element == 1 ? 0xB6 : 0xB7}, out, out, false);
    if (i.type.elem == Elem::kI1) a_.registers({0x83}, 4, out, false), a_.byte(1);
}

void Coder::shuffle(const Instruction& i) {
    const Operand &x = i.args[0], &y = i.args[1], &order = i.args[2];
    Shape from = shape_of(x.type), to = shape_of(i.type);
    bool wide = to.element == 8;
    if (order.is_splat() && order.bits[0] == 0) {
        for (int p = 0; p < to.parts; ++p) {
            int first = lanes_of(x, 0);
            a_.vector(spread(to.element), to.bytes, result(i.result, p), 0, first);
        }
        return;
    }
    if (y.poison && from.parts > 1 && !order.is_splat() && order.bits[0] % from.per == 0 &&
        to.lanes >= from.per && goes_on(order)) {
        for (int p = 0; p < to.parts; ++p) {  // registers as they are
            int part = int(order.bits[0]) / from.per + p;
            if (part >= from.parts) throw Unsupported("lanes that are not");
            int in = lanes_of(x, part);
            a_.vector(kCopy, 64, result(i.result, p), 0, in);
        }
        return;
    }
    if (to.element < 4) throw Unsupported("the order of short lanes");
    // Two registers hold all lanes that are asked for: parts of one operand, or both.
    if (from.parts > 2 || (from.parts == 2 && !y.poison)) throw Unsupported("the order of many lanes");
    if (order.is_splat()) throw Unsupported("one lane for all");
    int bytes = std::max(from.bytes, to.bytes), slots = bytes / to.element;
    for (int p = 0; p < to.parts; ++p) {
        std::string lanes(bytes, '\0');
        for (int k = 0; k < to.per; ++k) {
            int lane = int(order.bits[p * to.per + k]);
            int which = lane / (from.parts == 2 ? from.per : from.lanes);
            int place = lane % (from.parts == 2 ? from.per : from.lanes);
            std::uint64_t index = std::uint64_t(which * slots + place);
            std::memcpy(&lanes[k * to.element], &index, to.element);
        }
        int a = lanes_of(x, 0);
        int b = from.parts == 2 ? lanes_of(x, 1) : y.poison ? a : lanes_of(y, 0);
        int out = result(i.result, p);
        load(out, a_.pooled(lanes.data(), lanes.size()), bytes);
        a_.vector({2, 1, Byte(wide), 0x76}, bytes, out, a, b);  // vpermi2
    }
}

}  // namespace chainrule::quick
