/// Writes one function after the other. A value has a register from where it is computed
/// on, and a slot in the frame once it needs one: where registers run out, where a block
/// ends, where a function is called. Values that no instruction uses any more lose both.
/// Integers that are no vectors are in general registers, numbers of all kinds with lanes
/// and single floats in vector registers, of 128 bits at least, in one, two or four parts;
/// masks are vectors of 32-bit integers 0 and -1.
#pragma once
#include <unordered_map>

#include "quick_assembler.h"
#include "quick_module.h"

namespace chainrule::quick {

/// The registers that lanes may take.
constexpr int kMostParts = 4;

/// How lanes lie in registers: `parts` of them, of `bytes`, of which `stored` count, with
/// `per` lanes of `element` bytes each.
struct Shape {
    int element, lanes, parts, bytes, stored, per;
};

inline bool in_lanes(Type t) { return t.lanes > 0 || is_float(t.elem); }
Shape shape_of(Type t);

class Coder {
  public:
    explicit Coder(std::string_view entry) : entry_(entry) {}
    void write(const std::vector<Function>& functions);
    const std::vector<Byte>& code() const { return a_.code; }
    std::size_t start() const { return start_; }

  private:
    struct Place {
        int reg = -1, slot = -1;
        bool dirty = false;
    };
    struct Value {
        Type type;
        int uses = 0;
        bool defined = false;
        Place places[kMostParts];
    };
    struct Owner {
        int value = -1, part = 0;
    };
    struct Registers {
        std::vector<int> all;
        Owner owners[32];
        unsigned stamps[32] = {};
        std::size_t turn = 0;
    };
    struct Source {
        int reg = -1;
        Memory memory{0};
    };
    struct Fixup {
        std::size_t place;
        int block;
    };
    struct Snapshot {
        Registers ints, lanes;
        std::vector<bool> dirty;
    };

    // --- functions and blocks (quick_code.cpp)
    void function(const Function& f);
    void count_uses();
    std::size_t enter(const Function& f);
    void leave(const Instruction& i);
    void place_lanes(const Operand& x, int reg);
    void instruction(const Instruction& i);
    void consume(const Instruction& i);
    void jump(const Instruction& i);
    void edge(int target);
    void go(int target);
    int parts_of_edge(int target) const;
    void count_edge(int target);
    void pin(int target);
    template <class Body> void each_copy(int target, const Body& body) const;
    void call(const Instruction& i);
    Snapshot remember() const;
    void restore(const Snapshot& s);

    // --- places of values (quick_places.cpp)
    int new_slot(int align, std::uint64_t bytes);
    int new_slot(int bytes) { return new_slot(bytes, std::uint64_t(bytes)); }
    int take(Registers& r);
    void evict(Registers& r, int reg);
    void spill(int value, int part);
    void spill_all();
    void forget();
    void release(int value);
    int result(int value, int part = 0);
    void bind(Registers& r, int reg, int value, int part);
    int read(const Operand& x, int part = 0);
    int integer(const Operand& x);
    int lanes_of(const Operand& x, int part);
    void materialize(int reg, const Operand& x, int part);
    Source source(const Operand& x, int part);
    void load(int reg, const Memory& m, int stored);
    void store(int reg, const Memory& m, int stored);
    Registers& file(const Value& v) { return in_lanes(v.type) ? lanes_ : ints_; }
    static int slot_bytes(Type t);

    // --- integers (quick_integers.cpp)
    void integers(const Instruction& i);
    void binary_integer(const Instruction& i);
    void compare_integers(const Instruction& i);
    void cast_integer(const Instruction& i);
    void extremum_integer(const Instruction& i, int condition);
    void address(const Instruction& i);
    void load_integer(const Instruction& i);
    void store_integer(const Instruction& i);
    void test_condition(const Operand& x);

    // --- lanes (quick_lanes.cpp)
    void lanes(const Instruction& i);
    void binary(const Instruction& i);
    void shift(const Instruction& i);
    void divide(const Instruction& i);
    void widen_dividend(bool is_signed, bool wide);
    int slot_of(const Operand& x, int part);
    void bits_with(const Instruction& i, Evex op32, std::uint64_t bits32,
                   std::uint64_t bits64);
    void compare(const Instruction& i);
    void select(const Instruction& i);
    void insert(const Instruction& i);
    void extract(const Instruction& i);
    void shuffle(const Instruction& i);
    void mask_to(int k, const Operand& m, int part, int per);
    void mask_result(const Instruction& i, int parts);
    void unary(const Instruction& i, Evex op32, int immediate = -1);

    // --- conversions and intrinsics (quick_intrinsics.cpp)
    void cast(const Instruction& i);
    void convert(const Instruction& i, Evex op);
    void resize_masks(const Instruction& i);
    int half(int reg, int part, int bytes);
    void join(int low, int high, int bytes);
    void intrinsic(const Instruction& i);
    void fma(const Instruction& i);
    void copysign(const Instruction& i);
    void extremum(const Instruction& i, bool largest);
    void any(const Instruction& i);
    void masked_load(const Instruction& i);
    void masked_store(const Instruction& i);
    void gather(const Instruction& i);
    void scatter(const Instruction& i);
    void addresses(const Instruction& i);

    void vector(Evex op, int bytes, int reg, int second, const Source& s, int mask = 0,
                bool zero = false, int trailing = 0) {
        if (s.reg >= 0)
            a_.vector(op, bytes, reg, second, s.reg, mask, zero);
        else
            a_.vector(op, bytes, reg, second, s.memory, mask, zero, trailing);
    }

    Assembler a_;
    std::string_view entry_;
    std::size_t start_ = 0;
    std::unordered_map<std::string_view, std::size_t> starts_;
    std::vector<std::pair<std::size_t, std::string_view>> calls_;

    const Function* f_ = nullptr;
    std::vector<Value> values_;
    Registers ints_, lanes_;
    unsigned now_ = 0;
    int frame_ = 0, current_ = 0, next_ = -1;
    std::vector<std::size_t> blocks_;
    std::vector<Fixup> jumps_;
};

/// The broadcast of a first element, or of one in memory, of so many bytes.
inline Evex spread(int element) {
    if (element == 8) return {2, 1, 1, 0x59};
    return {2, 1, 0, Byte(element == 4 ? 0x58 : element == 2 ? 0x79 : 0x78)};
}

/// The form of an instruction for elements of 8 bytes.
inline Evex widened(Evex op, bool wide) {
    op.wide = wide;
    return op;
}

}  // namespace chainrule::quick
