// Where values are: registers and slots of the frame.
#include "quick_coder.h"

namespace chainrule::quick {

namespace {

constexpr int kMaxFrame = 1 << 17;  // threads may have small stacks
constexpr Evex kZero{1, 1, 0, 0xEF};

}  // namespace

Shape shape_of(Type t) {
    int lanes = t.lanes ? t.lanes : 1;
    int element = t.elem == Elem::kI1 ? 4 : size_of(t.elem);
    int total = element * lanes;
    if (total > 64 * kMostParts || (total & (total - 1)) || total < 4)
        throw Unsupported("its lanes");
    int parts = total > 64 ? total / 64 : 1;
    int stored = total / parts;
    return {element, lanes, parts, stored < 16 ? 16 : stored, stored, lanes / parts};
}

int Coder::slot_bytes(Type t) { return in_lanes(t) ? shape_of(t).bytes : 8; }

/// The place of so many bytes, a multiple of `align`.
int Coder::new_slot(int align, std::uint64_t bytes) {
    int slot = (frame_ + align - 1) / align * align;
    if (bytes > std::uint64_t(kMaxFrame - slot)) throw Unsupported("the size of its frame");
    frame_ = slot + int(bytes);
    return slot;
}

/// A register that this instruction does not use yet.
int Coder::take(Registers& r) {
    for (int reg : r.all) {
        if (r.owners[reg].value < 0 && r.stamps[reg] != now_) {
            r.stamps[reg] = now_;
            return reg;
        }
    }
    for (std::size_t k = 0; k < r.all.size(); ++k) {
        int reg = r.all[r.turn++ % r.all.size()];
        if (r.stamps[reg] == now_) continue;
        evict(r, reg);
        r.stamps[reg] = now_;
        return reg;
    }
    throw Unsupported("the registers of an instruction");
}

void Coder::evict(Registers& r, int reg) {
    Owner& o = r.owners[reg];
    if (o.value < 0) return;
    Value& v = values_[o.value];
    if (v.places[o.part].dirty && v.uses > 0) spill(o.value, o.part);
    v.places[o.part].reg = -1;
    o.value = -1;
}

void Coder::load(int reg, const Memory& m, int stored) {
    Evex op = stored == 4 ? Evex{1, 2, 0, 0x10} : stored == 8 ? Evex{1, 3, 1, 0x10}
                                                              : Evex{1, 0, 0, 0x10};
    a_.vector(op, stored, reg, 0, m);
}

void Coder::store(int reg, const Memory& m, int stored) {
    Evex op = stored == 4 ? Evex{1, 2, 0, 0x11} : stored == 8 ? Evex{1, 3, 1, 0x11}
                                                              : Evex{1, 0, 0, 0x11};
    a_.vector(op, stored, reg, 0, m);
}

void Coder::spill(int value, int part) {
    Value& v = values_[value];
    Place& p = v.places[part];
    if (p.slot < 0) p.slot = new_slot(slot_bytes(v.type));
    if (in_lanes(v.type))
        store(p.reg, at(kRsp, p.slot), shape_of(v.type).bytes);
    else
        a_.memory({0x89}, p.reg, at(kRsp, p.slot), true);
    p.dirty = false;
}

/// Gives slots to all that is used later.
void Coder::spill_all() {
    for (Registers* r : {&ints_, &lanes_}) {
        for (int reg : r->all) {
            Owner o = r->owners[reg];
            if (o.value < 0) continue;
            Value& v = values_[o.value];
            if (v.places[o.part].dirty && v.uses > 0) spill(o.value, o.part);
        }
    }
}

/// No register holds a value any more.
void Coder::forget() {
    for (Registers* r : {&ints_, &lanes_}) {
        for (int reg : r->all) {
            Owner& o = r->owners[reg];
            if (o.value >= 0) values_[o.value].places[o.part].reg = -1;
            o.value = -1;
        }
    }
}

void Coder::release(int value) {
    Value& v = values_[value];
    for (Place& p : v.places) {
        if (p.reg >= 0) file(v).owners[p.reg].value = -1;
        p.reg = -1;
    }
}

void Coder::bind(Registers& r, int reg, int value, int part) {
    r.owners[reg] = {value, part};
    r.stamps[reg] = now_;
    Place& p = values_[value].places[part];
    p.reg = reg;
    p.dirty = true;
    values_[value].defined = true;
}

/// A register for a part of a result.
int Coder::result(int value, int part) {
    Registers& r = file(values_[value]);
    int reg = take(r);
    bind(r, reg, value, part);
    return reg;
}

int Coder::read(const Operand& x, int part) {
    return in_lanes(x.type) ? lanes_of(x, part) : integer(x);
}

int Coder::integer(const Operand& x) {
    if (x.is_constant()) {
        int reg = take(ints_);
        std::uint64_t bits = x.bits[0];
        if (x.type.elem == Elem::kI32) bits = std::uint32_t(bits);
        if (x.type.elem == Elem::kI16) bits = std::uint16_t(bits);
        if (x.type.elem == Elem::kI8) bits = std::uint8_t(bits);
        a_.constant(reg, std::int64_t(bits));
        return reg;
    }
    Value& v = values_[x.value];
    if (!v.defined) throw Unsupported("a value that is used above its computation");
    Place& p = v.places[0];
    if (p.reg < 0) {
        int reg = take(ints_);
        a_.memory({0x8B}, reg, at(kRsp, p.slot), true);
        bind(ints_, reg, x.value, 0);
        p.dirty = false;
    }
    ints_.stamps[p.reg] = now_;
    return p.reg;
}

int Coder::lanes_of(const Operand& x, int part) {
    if (x.is_constant()) {
        int reg = take(lanes_);
        materialize(reg, x, part);
        return reg;
    }
    Value& v = values_[x.value];
    if (!v.defined) throw Unsupported("a value that is used above its computation");
    Place& p = v.places[part];
    if (p.reg < 0) {
        int reg = take(lanes_);
        load(reg, at(kRsp, p.slot), shape_of(v.type).bytes);
        bind(lanes_, reg, x.value, part);
        p.dirty = false;
    }
    lanes_.stamps[p.reg] = now_;
    return p.reg;
}

namespace {

/// A constant as its lanes have it.
std::uint64_t lane_bits(const Operand& x, std::uint64_t bits) {
    return x.type.elem == Elem::kI1 ? (bits ? 0xFFFFFFFF : 0) : bits;
}

}  // namespace

void Coder::materialize(int reg, const Operand& x, int part) {
    Shape s = shape_of(x.type);
    if (x.is_splat() && x.bits[0] == 0) {
        a_.vector(kZero, 16, reg, reg, reg);  // the rest of the register as well
        return;
    }
    if (x.is_splat()) {
        std::uint64_t bits = lane_bits(x, x.bits[0]);
        a_.vector(spread(s.element), s.bytes, reg, 0, a_.pooled(&bits, s.element));
        return;
    }
    std::string data(s.stored, '\0');
    for (int k = 0; k < s.per; ++k) {
        std::uint64_t bits = lane_bits(x, x.bits[part * s.per + k]);
        std::memcpy(&data[k * s.element], &bits, s.element);
    }
    load(reg, a_.pooled(data.data(), data.size()), s.stored);
}

/// An operand as instructions take their last one: numbers of all lanes out of memory.
Coder::Source Coder::source(const Operand& x, int part) {
    Source s;
    if (x.is_splat() && x.bits[0] != 0 && shape_of(x.type).element >= 4) {
        std::uint64_t bits = lane_bits(x, x.bits[0]);
        s.memory = a_.pooled(&bits, shape_of(x.type).element, true);
    } else {
        s.reg = lanes_of(x, part);
    }
    return s;
}

}  // namespace chainrule::quick
