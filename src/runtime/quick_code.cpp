// Functions, blocks, jumps and calls.
#include "quick_code.h"

#include <cstdlib>

#include "quick_coder.h"

namespace chainrule::quick {

namespace {

constexpr int kArguments[] = {kRdi, kRsi, kRdx, kRcx, 8, 9};
constexpr int kSaved[] = {kRbx, 12, 13, 14, 15};
constexpr int kManyLanes = 20, kManyInts = 6;
constexpr int kRegisters = 32;  // of vectors

}  // namespace

void Coder::write(const std::vector<Function>& functions) {
    // RAX, RCX and RDX are for moments.
    ints_.all = {kRbx, kRsi, kRdi, 8, 9, 10, 11, 12, 13, 14, 15};
    for (int k = 0; k < kRegisters; ++k) lanes_.all.push_back(k);
    for (const Function& f : functions) function(f);
    for (auto& [place, name] : calls_) {
        auto found = starts_.find(name);
        if (found == starts_.end())
            throw Unsupported("the function '" + std::string(name) + "'");
        a_.patch(place, std::int32_t(found->second - (place + 4)));
    }
    auto entry = starts_.find(entry_);
    if (entry == starts_.end()) throw Unsupported("a text without its function");
    start_ = entry->second;
    a_.finish();
}

void Coder::function(const Function& f) {
    f_ = &f;
    values_.assign(f.values.size(), {});
    for (std::size_t k = 0; k < values_.size(); ++k) values_[k].type = f.values[k];
    frame_ = 0;
    blocks_.assign(f.blocks.size(), 0);
    jumps_.clear();
    count_uses();
    const std::size_t frame_place = enter(f);
    for (std::size_t k = 0; k < f.order.size(); ++k) {
        current_ = f.order[k];
        next_ = k + 1 < f.order.size() ? f.order[k + 1] : -1;
        blocks_[current_] = a_.here();
        for (const Instruction& i : f.blocks[current_].instructions) {
            ++now_;
            instruction(i);
        }
        forget();
    }
    a_.patch(frame_place, (frame_ + 63) / 64 * 64);
    for (const Fixup& j : jumps_) {
        if (!f.blocks[j.block].defined) throw Unsupported("a block that is not there");
        a_.patch(j.place, std::int32_t(blocks_[j.block] - (j.place + 4)));
    }
}

/// Counts the uses of values, whose types are those that the uses say; gives phis slots.
void Coder::count_uses() {
    for (const Block& b : f_->blocks) {
        for (const Instruction& i : b.instructions) {
            if (i.op == Op::kBranch && i.blocks[0] == i.blocks[1])
                throw Unsupported("a choice of one block");
            for (const Operand& x : i.args) {
                if (x.value < 0) continue;
                Value& v = values_[x.value];
                if (v.type.elem != x.type.elem || v.type.lanes != x.type.lanes)
                    throw Unsupported("an operand of another type");
                ++v.uses;
            }
            if (i.op != Op::kPhi) continue;
            Value& v = values_[i.result];
            v.defined = true;
            int parts = in_lanes(v.type) ? shape_of(v.type).parts : 1;
            for (int p = 0; p < parts; ++p)
                v.places[p].slot = new_slot(slot_bytes(v.type));
        }
    }
}

/// Where the size of the frame is to be written.
std::size_t Coder::enter(const Function& f) {
    starts_[f.name] = a_.here();
    a_.byte(0x55);  // push rbp
    a_.move(kRbp, kRsp);
    if (f.name == entry_)
        for (int reg : kSaved) a_.byte(reg < 8 ? 0x40 : 0x41), a_.byte(0x50 | (reg & 7));
    a_.byte(0x48), a_.byte(0x81), a_.byte(0xEC);  // sub rsp, frame
    const std::size_t place = a_.here();
    a_.bytes4(0);
    a_.byte(0x48), a_.byte(0x83), a_.byte(0xE4), a_.byte(0xC0);  // and rsp, -64
    int ints = 0, lanes = 0;
    for (const Operand& p : f.parameters) {
        Value& v = values_[p.value];
        ++now_;
        if (!in_lanes(p.type)) {
            if (ints >= 6) throw Unsupported("its arguments");
            int slot = v.places[0].slot = new_slot(8);
            a_.memory({0x89}, kArguments[ints++], at(kRsp, slot), true);
        } else {
            Shape s = shape_of(p.type);
            if (lanes + s.parts > kRegisters) throw Unsupported("its arguments");
            for (int k = 0; k < s.parts; ++k) {
                int slot = v.places[k].slot = new_slot(s.bytes);
                store(lanes++, at(kRsp, slot), s.bytes);
            }
        }
        v.defined = true;
    }
    return place;
}

void Coder::leave(const Instruction& i) {
    if (!i.args.empty() && !in_lanes(i.type)) {
        a_.move(kRax, integer(i.args[0]));
    } else if (!i.args.empty()) {
        spill_all();
        place_lanes(i.args[0], 0);
    }
    if (f_->name == entry_) {
        a_.memory({0x8D}, kRsp, at(kRbp, -40), true);  // lea
        for (int k = 4; k >= 0; --k)
            a_.byte(kSaved[k] < 8 ? 0x40 : 0x41), a_.byte(0x58 | (kSaved[k] & 7));
        a_.byte(0xC5), a_.byte(0xF8), a_.byte(0x77);  // vzeroupper
    } else {
        a_.move(kRsp, kRbp);
    }
    a_.byte(0x5D), a_.byte(0xC3);  // pop rbp; ret
}

void Coder::instruction(const Instruction& i) {
    switch (i.op) {
        case Op::kNothing:
        case Op::kPhi: return;
        case Op::kJump:
        case Op::kBranch: return jump(i);
        case Op::kReturn: return leave(i);
        case Op::kCall:
            if (i.name.substr(0, 5) != "llvm.") return call(i);
            break;
        default: break;
    }
    if (i.result >= 0 && values_[i.result].defined)
        throw Unsupported("a value that is computed twice");
    bool lanes = in_lanes(i.type);
    for (const Operand& x : i.args) lanes = lanes || in_lanes(x.type);
    if (lanes)
        this->lanes(i);
    else
        integers(i);
    consume(i);
}

/// Values that were used for the last time lose their registers.
void Coder::consume(const Instruction& i) {
    for (const Operand& x : i.args)
        if (x.value >= 0 && --values_[x.value].uses == 0) release(x.value);
}

// --- jumps

/// body(the phi's value, where its value comes from) for those of a block.
template <class Body> void Coder::each_copy(int target, const Body& body) const {
    for (const Instruction& i : f_->blocks[target].instructions) {
        if (i.op != Op::kPhi) return;
        for (std::size_t k = 0; k < i.blocks.size(); ++k)
            if (i.blocks[k] == current_) body(i.result, i.args[k]);
    }
}

int Coder::parts_of_edge(int target) const {
    int lanes = 0, ints = 0;
    each_copy(target, [&](int phi, const Operand&) {
        Type t = f_->values[phi];
        (in_lanes(t) ? lanes : ints) += in_lanes(t) ? shape_of(t).parts : 1;
    });
    return std::max(lanes * kManyInts, ints * kManyLanes);  // of kManyLanes * kManyInts
}

void Coder::count_edge(int target) {
    each_copy(target, [&](int, const Operand& x) {
        if (x.value >= 0) --values_[x.value].uses;
    });
}

/// Keeps what a block's phis take from registers in them.
void Coder::pin(int target) {
    each_copy(target, [&](int, const Operand& x) {
        if (x.value < 0) return;
        Value& v = values_[x.value];
        for (const Place& p : v.places)
            if (p.reg >= 0) file(v).stamps[p.reg] = now_;
    });
}

/// The new values of a block's phis: all are read before one is written.
void Coder::edge(int target) {
    bool many = parts_of_edge(target) > kManyLanes * kManyInts;
    struct Copy {
        int reg, phi, part;
    };
    std::vector<Copy> copies;
    auto write = [&] {
        for (const Copy& c : copies) {
            Value& v = values_[c.phi];
            Memory m = at(kRsp, v.places[c.part].slot);
            if (in_lanes(v.type))
                store(c.reg, m, shape_of(v.type).bytes);
            else
                a_.memory({0x89}, c.reg, m, true);
        }
        copies.clear();
        ++now_;
    };
    ++now_;
    if (!many) pin(target);
    each_copy(target, [&](int phi, const Operand& x) {
        if (many && x.value >= 0)
            each_copy(target, [&](int other, const Operand&) {
                if (other == x.value) throw Unsupported("the exchange of many values");
            });
        int parts = in_lanes(x.type) ? shape_of(x.type).parts : 1;
        for (int p = 0; p < parts; ++p) copies.push_back({read(x, p), phi, p});
        if (many) write();
    });
    write();
}

void Coder::go(int target) {
    if (target == next_) return;
    jumps_.push_back({a_.jump(), target});
}

Coder::Snapshot Coder::remember() const {
    Snapshot s{ints_, lanes_, {}};
    for (const Registers* r : {&s.ints, &s.lanes})
        for (int reg : r->all) {
            Owner o = r->owners[reg];
            s.dirty.push_back(o.value >= 0 && values_[o.value].places[o.part].dirty);
        }
    return s;
}

void Coder::restore(const Snapshot& s) {
    forget();
    ints_ = s.ints;
    lanes_ = s.lanes;
    std::size_t k = 0;
    for (const Registers* r : {&s.ints, &s.lanes})
        for (int reg : r->all) {
            Owner o = r->owners[reg];
            bool dirty = s.dirty[k++];
            if (o.value < 0) continue;
            values_[o.value].places[o.part].reg = reg;
            values_[o.value].places[o.part].dirty = dirty;
        }
}

/// What phis take from registers needs no slot, unless there are many of them.
void Coder::jump(const Instruction& i) {
    bool many = false;
    for (int b : i.blocks) many = many || parts_of_edge(b) > kManyLanes * kManyInts;
    if (!many)
        for (int b : i.blocks) count_edge(b);
    if (i.op == Op::kBranch && i.args[0].value >= 0) --values_[i.args[0].value].uses;
    spill_all();
    if (many)
        for (int b : i.blocks) count_edge(b);
    if (i.op == Op::kJump) {
        edge(i.blocks[0]);
        go(i.blocks[0]);
        return;
    }
    test_condition(i.args[0]);
    std::size_t taken = a_.jump_if(5);  // not zero
    Snapshot s = remember();
    edge(i.blocks[1]);
    jumps_.push_back({a_.jump(), i.blocks[1]});
    a_.patch(taken, std::int32_t(a_.here() - (taken + 4)));
    restore(s);
    edge(i.blocks[0]);
    go(i.blocks[0]);
}

/// Puts an operand, which has a slot, into the vector registers from `reg` on.
void Coder::place_lanes(const Operand& x, int reg) {
    Shape s = shape_of(x.type);
    for (int p = 0; p < s.parts; ++p) {
        if (x.is_constant())
            materialize(reg + p, x, p);
        else
            load(reg + p, at(kRsp, values_[x.value].places[p].slot), s.bytes);
    }
}

// --- calls: integers in the registers of the C convention, lanes in the first vector
// registers, results in RAX or the first ones; nothing is preserved

void Coder::call(const Instruction& i) {
    spill_all();
    forget();
    int ints = 0, lanes = 0;
    for (const Operand& x : i.args) {
        if (!in_lanes(x.type)) {
            if (ints >= 6) throw Unsupported("a call's arguments");
            int reg = kArguments[ints++];
            if (x.is_constant())
                a_.constant(reg, std::int64_t(x.bits[0]));
            else
                a_.memory({0x8B}, reg, at(kRsp, values_[x.value].places[0].slot), true);
            continue;
        }
        const int parts = shape_of(x.type).parts;
        if (lanes + parts > kRegisters) throw Unsupported("a call's arguments");
        place_lanes(x, lanes);
        lanes += parts;
    }
    calls_.push_back({a_.call(), i.name});
    consume(i);
    if (i.result < 0) return;
    ++now_;
    if (in_lanes(i.type)) {
        for (int p = 0; p < shape_of(i.type).parts; ++p) bind(lanes_, p, i.result, p);
    } else {
        a_.move(result(i.result), kRax);
    }
}

// --- modules

bool is_in_use() {
#if defined(__x86_64__)
    static const char* chosen = std::getenv("CHAINRULE_QUICK_CODE");
    static const bool found =
        !(chosen && std::string_view(chosen) == "0") &&
        __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return found;
#else
    return false;
#endif
}

bool assemble(const std::string& text, const std::string& name, object::Code* code,
              std::string* reason) {
    try {
        if (!is_in_use()) throw Unsupported("the processor, or CHAINRULE_QUICK_CODE=0");
        Coder coder(name);
        coder.write(read(text));
        const std::vector<Byte>& bytes = coder.code();
        code->pages = object::Pages((bytes.size() + 4095) / 4096 * 4096);
        std::memcpy(code->pages.data(), bytes.data(), bytes.size());
        code->protected_size = code->pages.size();
        code->pages.protect(code->protected_size, true);
        code->addresses[name] =
            reinterpret_cast<std::uintptr_t>(code->pages.data() + coder.start());
    } catch (const Unsupported& e) {
        if (reason) *reason = e.what();
        return false;
    }
    return true;
}

}  // namespace chainrule::quick
