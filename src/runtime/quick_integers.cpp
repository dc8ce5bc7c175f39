// Integers and addresses in general registers. Those of 8 and 16 bits have zeros above.
#include "quick_coder.h"

namespace chainrule::quick {

namespace {

bool is_wide(Type t) { return t.elem == Elem::kI64 || t.elem == Elem::kPtr; }

/// The condition of x86 for a predicate of `icmp`.
int condition_of(std::string_view name) {
    static constexpr std::pair<std::string_view, int> conditions[] = {
        {"eq", 4},  {"ne", 5},  {"slt", 12}, {"sge", 13}, {"sle", 14},
        {"sgt", 15}, {"ult", 2}, {"uge", 3},  {"ule", 6},  {"ugt", 7},
    };
    for (auto& [word, code] : conditions)
        if (word == name) return code;
    throw Unsupported("a predicate");
}

}  // namespace

void Coder::integers(const Instruction& i) {
    switch (i.op) {
        case Op::kBinary: return binary_integer(i);
        case Op::kCompareInts: return compare_integers(i);
        case Op::kCast: return cast_integer(i);
        case Op::kAddress: return address(i);
        case Op::kLoad: return load_integer(i);
        case Op::kStore: return store_integer(i);
        case Op::kSelect: {
            int x = integer(i.args[1]), y = integer(i.args[2]);
            test_condition(i.args[0]);
            int out = result(i.result);
            a_.move(out, y);
            a_.registers({0x0F, 0x45}, out, x, true);  // cmovne
            return;
        }
        case Op::kAlloca: {
            int place = new_slot(64, i.args[0].bits[0]);
            a_.memory({0x8D}, result(i.result), at(kRsp, place), true);
            return;
        }
        case Op::kCall:
            if (i.name == "llvm.smax.i64" || i.name == "llvm.smax.i32")
                return extremum_integer(i, 15);
            if (i.name == "llvm.smin.i64" || i.name == "llvm.smin.i32")
                return extremum_integer(i, 12);
            if (i.name == "llvm.umax.i64" || i.name == "llvm.umax.i32")
                return extremum_integer(i, 7);
            if (i.name == "llvm.umin.i64" || i.name == "llvm.umin.i32")
                return extremum_integer(i, 2);
            break;
        default: break;
    }
    throw Unsupported("'" + std::string(i.name) + "' of integers");
}

/// Sets the flags: not zero where the condition holds.
void Coder::test_condition(const Operand& x) {
    int reg = kRax;
    if (x.is_constant()) {
        a_.constant(kRax, std::int64_t(x.bits[0]));
    } else if (values_[x.value].places[0].reg >= 0) {
        reg = values_[x.value].places[0].reg;
    } else {
        a_.memory({0x8B}, kRax, at(kRsp, values_[x.value].places[0].slot), true);
    }
    a_.registers({0x85}, reg, reg, false);
}

/// RDX becomes the upper half of the dividend in RAX.
void Coder::widen_dividend(bool is_signed, bool wide) {
    if (!is_signed) return a_.registers({0x33}, kRdx, kRdx, false);
    if (wide) a_.byte(0x48);
    a_.byte(0x99);
}

void Coder::binary_integer(const Instruction& i) {
    Type t = i.type;
    bool wide = is_wide(t);
    bool logic = i.name == "and" || i.name == "or" || i.name == "xor";
    if (!wide && t.elem != Elem::kI32 && !logic) throw Unsupported("short integers");
    int x = integer(i.args[0]);
    bool shift = i.name == "shl" || i.name == "lshr" || i.name == "ashr";
    if (shift) {
        int kind = i.name == "shl" ? 4 : i.name == "lshr" ? 5 : 7;
        const Operand& by = i.args[1];
        if (by.is_constant()) {
            int out = result(i.result);
            a_.move(out, x, wide);
            a_.shift(kind, out, int(by.bits[0]) & (wide ? 63 : 31), wide);
            return;
        }
        a_.move(kRcx, integer(by));
        int out = result(i.result);
        a_.move(out, x, wide);
        a_.registers({0xD3}, kind, out, wide);
        return;
    }
    int y = integer(i.args[1]);
    if (i.name.substr(1) == "div" || i.name.substr(1) == "rem") {
        bool is_signed = i.name[0] == 's';
        a_.move(kRax, x, wide);
        widen_dividend(is_signed, wide);
        a_.registers({0xF7}, is_signed ? 7 : 6, y, wide);
        return a_.move(result(i.result), i.name[1] == 'd' ? kRax : kRdx, wide);
    }
    int out = result(i.result);
    a_.move(out, x, wide);
    if (i.name == "mul") return a_.registers({0x0F, 0xAF}, out, y, wide);
    int opcode = i.name == "add"   ? 0x03
                 : i.name == "sub" ? 0x2B
                 : i.name == "and" ? 0x23
                 : i.name == "or"  ? 0x0B
                                   : 0x33;
    a_.registers({opcode}, out, y, wide);
}

void Coder::compare_integers(const Instruction& i) {
    Type t = i.args[0].type;
    int condition = condition_of(i.name);
    bool is_signed = condition >= 12;
    if (is_signed && !is_wide(t) && t.elem != Elem::kI32)
        throw Unsupported("short signed integers");
    int x = integer(i.args[0]), y = integer(i.args[1]);
    a_.registers({0x3B}, x, y, is_wide(t));
    a_.set(condition, result(i.result));
}

void Coder::extremum_integer(const Instruction& i, int condition) {
    bool wide = is_wide(i.type);
    int x = integer(i.args[0]), y = integer(i.args[1]);
    int out = result(i.result);
    a_.move(out, y, wide);
    a_.registers({0x3B}, x, y, wide);
    a_.registers({0x0F, 0x40 | condition}, out, x, wide);
}

void Coder::cast_integer(const Instruction& i) {
    Elem from = i.args[0].type.elem, to = i.type.elem;
    int x = integer(i.args[0]);
    int out = result(i.result);
    if (i.name == "zext" || i.name == "ptrtoint" || i.name == "bitcast") {
        a_.move(out, x);
    } else if (i.name == "sext" && from == Elem::kI32 && to == Elem::kI64) {
        a_.registers({0x63}, out, x, true);  // movsxd
    } else if (i.name == "sext" && from == Elem::kI8) {
        a_.registers({0x0F, 0xBE}, out, x, to == Elem::kI64);
    } else if (i.name == "sext" && from == Elem::kI16) {
        a_.registers({0x0F, 0xBF}, out, x, to == Elem::kI64);
    } else if (i.name == "trunc" && to == Elem::kI32) {
        a_.move(out, x, false);
    } else if (i.name == "trunc" && to == Elem::kI8) {
        a_.registers({0x0F, 0xB6}, out, x, false);
    } else if (i.name == "trunc" && to == Elem::kI16) {
        a_.registers({0x0F, 0xB7}, out, x, false);
    } else {
        throw Unsupported("'" + std::string(i.name) + "' of integers");
    }
}

void Coder::address(const Instruction& i) {
    int size = i.blocks[0];
    const Operand& index = i.args[1];
    int base = integer(i.args[0]);
    if (index.is_constant()) {
        std::int64_t distance = std::int64_t(index.bits[0]) * size;
        if (distance == std::int32_t(distance))
            return a_.memory({0x8D}, result(i.result), at(base, std::int32_t(distance)),
                             true);
    }
    int x = integer(index);
    a_.address(result(i.result), base, x, size, 0);
}

void Coder::load_integer(const Instruction& i) {
    int base = integer(i.args[0]);
    int out = result(i.result);
    switch (i.type.elem) {
        case Elem::kI64:
        case Elem::kPtr: return a_.memory({0x8B}, out, at(base, 0), true);
        case Elem::kI32: return a_.memory({0x8B}, out, at(base, 0), false);
        case Elem::kI16: return a_.memory({0x0F, 0xB7}, out, at(base, 0), false);
        case Elem::kI8: return a_.memory({0x0F, 0xB6}, out, at(base, 0), false);
        default: throw Unsupported("what it loads");
    }
}

void Coder::store_integer(const Instruction& i) {
    int x = integer(i.args[0]), base = integer(i.args[1]);
    switch (i.args[0].type.elem) {
        case Elem::kI64:
        case Elem::kPtr: return a_.memory({0x89}, x, at(base, 0), true);
        case Elem::kI32: return a_.memory({0x89}, x, at(base, 0), false);
        case Elem::kI16: return a_.memory({0x89}, x, at(base, 0), false, 0x66);
        case Elem::kI8: return a_.memory({0x88}, x, at(base, 0), false);
        default: throw Unsupported("what it stores");
    }
}

}  // namespace chainrule::quick
