/// The text of a kernel's module, read for quick code: the part of LLVM's language that
/// kernels are mostly written in. What is not in it is `Unsupported`, and LLVM's affair.
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace chainrule::quick {

/// Text that has no quick code; says what is in the way.
struct Unsupported : std::runtime_error {
    using std::runtime_error::runtime_error;
};

enum class Elem : std::uint8_t { kVoid, kI1, kI8, kI16, kI32, kI64, kPtr, kF32, kF64 };

/// A scalar (0 lanes) or a vector.
struct Type {
    Elem elem = Elem::kVoid;
    int lanes = 0;
};

inline bool is_float(Elem e) { return e == Elem::kF32 || e == Elem::kF64; }

/// Bytes of an element in memory.
int size_of(Elem elem);

/// The result of an instruction, or a constant: one number for all lanes, or one each.
struct Operand {
    Type type;
    int value = -1;
    bool poison = false;
    std::vector<std::uint64_t> bits;
    bool is_constant() const { return value < 0; }
    bool is_splat() const { return value < 0 && bits.size() == 1; }
};

enum class Op : std::uint8_t {
    kBinary, kNegate, kCompareInts, kCompareFloats, kSelect, kPhi, kJump, kBranch,
    kReturn, kAddress, kLoad, kStore, kCall, kInsert, kExtract, kShuffle, kCast,
    kAlloca, kNothing,
};

/// `name` is the operation of a binary instruction or cast, the predicate of a
/// comparison, the function that is called; `blocks` are those it goes to, or those that
/// the values of a phi come from; an address has the bytes of an element there.
struct Instruction {
    Op op;
    Type type;
    int result = -1;
    std::string_view name;
    std::vector<Operand> args;
    std::vector<int> blocks;
};

struct Block {
    std::vector<Instruction> instructions;
    bool defined = false;
};

struct Function {
    std::string_view name;
    Type type;
    std::vector<Operand> parameters;
    std::vector<Type> values;  // of all results and parameters
    std::vector<Block> blocks;
    std::vector<int> order;  // of the blocks in the text; the first is entered
};

/// The functions that a text defines; views point into the text.
std::vector<Function> read(std::string_view text);

}  // namespace chainrule::quick
