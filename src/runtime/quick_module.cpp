// Reads modules as `emit` writes them: an instruction a line.
#include "quick_module.h"

#include <cstdlib>
#include <cstring>
#include <unordered_map>
#include <utility>

namespace chainrule::quick {

int size_of(Elem elem) {
    switch (elem) {
        case Elem::kI1: case Elem::kI8: return 1;
        case Elem::kI16: return 2;
        case Elem::kI32: case Elem::kF32: return 4;
        case Elem::kI64: case Elem::kPtr: case Elem::kF64: return 8;
        default: throw Unsupported("a size");
    }
}

namespace {

using View = std::string_view;

constexpr std::pair<View, Elem> kTypes[] = {
    {"float", Elem::kF32}, {"double", Elem::kF64}, {"ptr", Elem::kPtr},
    {"i64", Elem::kI64},   {"i32", Elem::kI32},    {"i16", Elem::kI16},
    {"i8", Elem::kI8},     {"i1", Elem::kI1},      {"void", Elem::kVoid},
};

constexpr View kBinary[] = {"fadd", "fsub", "fmul", "fdiv", "add",  "sub",  "mul",
                            "and",  "or",   "xor",  "shl",  "lshr", "ashr",
                            "sdiv", "udiv", "srem", "urem"};
constexpr View kCasts[] = {"bitcast", "fpext",  "fptrunc", "sitofp", "uitofp",  "fptosi",
                           "fptoui",  "zext",   "sext",    "trunc",  "ptrtoint"};

template <std::size_t n> bool is_among(const View (&words)[n], View word) {
    for (View w : words)
        if (w == word) return true;
    return false;
}

bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '.' || c == '-';
}

/// What is left of a line.
class Line {
  public:
    explicit Line(View text) : text_(text) {}

    bool accept(View word) {
        skip();
        if (text_.substr(0, word.size()) != word) return false;
        if (is_name(word.back()) && text_.size() > word.size() &&
            is_name(text_[word.size()]))
            return false;
        text_.remove_prefix(word.size());
        return true;
    }
    void expect(View word) {
        if (!accept(word)) fail();
    }
    View word() {
        skip();
        std::size_t n = 0;
        while (n < text_.size() && is_name(text_[n])) ++n;
        View found = text_.substr(0, n);
        text_.remove_prefix(n);
        return found;
    }
    char next() {
        skip();
        return text_.empty() ? '\0' : text_[0];
    }
    [[noreturn]] void fail() const { throw Unsupported("'" + std::string(text_) + "'"); }

    Type type() {
        if (accept("<")) {
            Type t{Elem::kVoid, int(std::strtol(std::string(word()).c_str(), nullptr, 10))};
            if (t.lanes < 1 || t.lanes > 64) fail();
            expect("x");
            t.elem = type().elem;
            expect(">");
            return t;
        }
        View name = word();
        for (auto& [text, elem] : kTypes)
            if (text == name) return {elem, 0};
        throw Unsupported("the type '" + std::string(name) + "'");
    }

    /// The bits of a number as it is written.
    std::uint64_t number(Elem elem) {
        std::string text(word());
        if (text.empty()) fail();
        if (text == "true" || text == "false") return text == "true";
        if (!is_float(elem))  // a negative number wraps; others may have all 64 bits
            return std::strtoull(text.c_str(), nullptr, 10);
        double x;
        if (text.compare(0, 2, "0x") == 0) {
            std::uint64_t bits = std::strtoull(text.c_str() + 2, nullptr, 16);
            if (text.size() != 18) fail();
            std::memcpy(&x, &bits, 8);
        } else {
            x = std::strtod(text.c_str(), nullptr);
        }
        std::uint64_t bits = 0;
        if (elem == Elem::kF64) {
            std::memcpy(&bits, &x, 8);
        } else {
            float y = float(x);
            std::memcpy(&bits, &y, 4);
        }
        return bits;
    }

  private:
    void skip() {
        while (!text_.empty() && (text_[0] == ' ' || text_[0] == ',')) text_.remove_prefix(1);
    }
    View text_;
};

class Reader {
  public:
    explicit Reader(View text) : text_(text) {}
    std::vector<Function> run();

  private:
    View line();
    void check_ends() const;
    void begin(Line l);
    void instruction(Line l);
    void operation(Line& l, Instruction& i);
    void call(Line& l, Instruction& i);
    void phi(Line& l, Instruction& i);
    Operand operand(Line& l, Type type);
    Operand typed(Line& l) {
        Type type = l.type();
        return operand(l, type);
    }
    void two(Line& l, Instruction& i) {
        i.args.push_back(typed(l));
        i.args.push_back(operand(l, i.args[0].type));
    }
    int value(View name);
    int block(View name);
    int target(Line& l) {
        l.expect("label");
        l.expect("%");
        return block(l.word());
    }

    View text_;
    Function f_;
    int current_ = -1;
    bool inside_ = false;
    std::unordered_map<View, int> values_, blocks_;
};

View Reader::line() {
    std::size_t end = text_.find('\n');
    View found = text_.substr(0, end);
    text_.remove_prefix(end == View::npos ? text_.size() : end + 1);
    return found;
}

int Reader::value(View name) {
    auto [at, fresh] = values_.try_emplace(name, int(f_.values.size()));
    if (fresh) f_.values.push_back({});
    return at->second;
}

int Reader::block(View name) {
    auto [at, fresh] = blocks_.try_emplace(name, int(f_.blocks.size()));
    if (fresh) f_.blocks.push_back({});
    return at->second;
}

Operand Reader::operand(Line& l, Type type) {
    Operand x;
    x.type = type;
    if (l.accept("%")) {
        x.value = value(l.word());
    } else if (l.accept("poison")) {
        x.poison = true;
        x.bits = {0};
    } else if (l.accept("zeroinitializer")) {
        x.bits = {0};
    } else if (l.accept("splat")) {
        l.expect("(");
        l.type();
        x.bits = {l.number(type.elem)};
        l.expect(")");
    } else if (l.accept("<")) {
        for (int k = 0; k < type.lanes; ++k) {
            l.type();
            x.bits.push_back(l.accept("poison") ? 0 : l.number(type.elem));
        }
        l.expect(">");
    } else {
        x.bits = {l.number(type.elem)};
    }
    return x;
}

void Reader::begin(Line l) {
    f_ = {};
    values_.clear();
    blocks_.clear();
    l.accept("internal");
    f_.type = l.type();
    l.expect("@");
    f_.name = l.word();
    l.expect("(");
    while (!l.accept(")")) {
        Type type = l.type();
        while (l.accept("noalias") || l.accept("readonly")) {
        }
        Operand p = operand(l, type);
        if (p.value < 0) l.fail();
        f_.values[p.value] = type;
        f_.parameters.push_back(p);
    }
    inside_ = true;
    current_ = -1;
}

void Reader::phi(Line& l, Instruction& i) {
    i.op = Op::kPhi;
    i.type = l.type();
    while (l.accept("[")) {
        i.args.push_back(operand(l, i.type));
        l.expect("%");
        i.blocks.push_back(block(l.word()));
        l.expect("]");
    }
}

void Reader::call(Line& l, Instruction& i) {
    i.op = Op::kCall;
    i.type = l.type();
    l.expect("@");
    i.name = l.word();
    l.expect("(");
    while (!l.accept(")")) i.args.push_back(typed(l));
    if (i.name.substr(0, 13) == "llvm.prefetch") i.op = Op::kNothing;
}

void Reader::operation(Line& l, Instruction& i) {
    View word = l.word();
    i.name = word;
    if (is_among(kBinary, word)) {
        i.op = Op::kBinary;
        while (l.accept("nsw") || l.accept("nuw")) {
        }
        two(l, i);
        i.type = i.args[0].type;
    } else if (is_among(kCasts, word)) {
        i.op = Op::kCast;
        i.args = {typed(l)};
        l.expect("to");
        i.type = l.type();
    } else if (word == "fneg") {
        i.op = Op::kNegate;
        i.args = {typed(l)};
        i.type = i.args[0].type;
    } else if (word == "icmp" || word == "fcmp") {
        i.op = word == "icmp" ? Op::kCompareInts : Op::kCompareFloats;
        i.name = l.word();
        two(l, i);
        i.type = {Elem::kI1, i.args[0].type.lanes};
    } else if (word == "select") {
        i.op = Op::kSelect;
        for (int k = 0; k < 3; ++k) i.args.push_back(typed(l));
        i.type = i.args[1].type;
    } else if (word == "phi") {
        phi(l, i);
    } else if (word == "getelementptr") {
        i.op = Op::kAddress;
        Type element = l.type();
        i.blocks = {size_of(element.elem)};
        if (element.lanes) l.fail();
        for (int k = 0; k < 2; ++k) i.args.push_back(typed(l));
        i.type = {Elem::kPtr, i.args[1].type.lanes};
    } else if (word == "load") {
        i.op = Op::kLoad;
        i.type = l.type();
        i.args = {typed(l)};
    } else if (word == "call") {
        call(l, i);
    } else if (word == "insertelement" || word == "extractelement") {
        bool insert = word == "insertelement";
        i.op = insert ? Op::kInsert : Op::kExtract;
        for (int k = 0; k < 2 + insert; ++k) i.args.push_back(typed(l));
        i.type = i.args[0].type;
        if (!insert) i.type.lanes = 0;
    } else if (word == "shufflevector") {
        i.op = Op::kShuffle;
        for (int k = 0; k < 3; ++k) i.args.push_back(typed(l));
        i.type = {i.args[0].type.elem, i.args[2].type.lanes};
        if (!i.args[2].is_constant()) l.fail();
    } else if (word == "alloca") {
        i.op = Op::kAlloca;
        l.expect("i8");
        i.args = {typed(l)};
        if (!i.args[0].is_constant()) l.fail();
        i.type = {Elem::kPtr, 0};
    } else {
        throw Unsupported("the instruction '" + std::string(word) + "'");
    }
}

void Reader::instruction(Line l) {
    if (current_ < 0) throw Unsupported("a line outside of blocks");
    Instruction i{};
    if (l.accept("%")) {
        View name = l.word();
        l.expect("=");
        operation(l, i);
        i.result = value(name);
        f_.values[i.result] = i.type;
    } else if (l.accept("store")) {
        i.op = Op::kStore;
        for (int k = 0; k < 2; ++k) i.args.push_back(typed(l));
    } else if (l.accept("br")) {
        i.op = Op::kJump;
        if (l.accept("i1")) {
            i.op = Op::kBranch;
            i.args = {operand(l, {Elem::kI1, 0})};
            i.blocks.push_back(target(l));
        }
        i.blocks.push_back(target(l));
    } else if (l.accept("ret")) {
        i.op = Op::kReturn;
        i.type = l.type();
        if (i.type.elem != Elem::kVoid) i.args = {operand(l, i.type)};
    } else if (l.accept("call")) {
        call(l, i);
    } else if (l.accept("fence")) {
        i.op = Op::kNothing;  // quick code has no stores past the caches
    } else {
        l.fail();
    }
    f_.blocks[current_].instructions.push_back(std::move(i));
}

/// Blocks end with a jump or a return, and only there.
void Reader::check_ends() const {
    auto ends = [](Op op) {
        return op == Op::kJump || op == Op::kBranch || op == Op::kReturn;
    };
    for (const Block& b : f_.blocks) {
        const auto& all = b.instructions;
        bool good = !all.empty() && ends(all.back().op);
        for (std::size_t k = 0; good && k + 1 < all.size(); ++k) good = !ends(all[k].op);
        if (!good) throw Unsupported("a block without its end");
    }
}

std::vector<Function> Reader::run() {
    std::vector<Function> found;
    while (!text_.empty()) {
        View l = line();
        if (!inside_) {
            if (l.substr(0, 7) == "define ") begin(Line(l.substr(7)));
            continue;
        }
        if (l.empty()) continue;
        if (l == "}") {
            check_ends();
            found.push_back(std::move(f_));
            inside_ = false;
        } else if (l[0] != ' ' && l.back() == ':') {
            current_ = block(l.substr(0, l.size() - 1));
            f_.blocks[current_].defined = true;
            f_.order.push_back(current_);
        } else {
            instruction(Line(l));
        }
    }
    return found;
}

}  // namespace

std::vector<Function> read(std::string_view text) { return Reader(text).run(); }

}  // namespace chainrule::quick
