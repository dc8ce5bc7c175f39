/// The call path of jitted functions: from arguments to a program without Python.
///
/// A call is read into a `Call` (flat arrays, their avals, structure, static
/// arguments; jit_signature.cpp), looked up in the function's `Cache`
/// (jit_cache.cpp) and run (jit_call.cpp). Whatever is not plain business (tracers,
/// a dynamic trace, invalid arguments) goes to the Python class's `_call`.
///
/// Invariant: an entry is valid for one configuration token (state.cpp), structure,
/// tuple of interned avals and static arguments; equal calls find it.
#pragma once
#include "dispatch.h"
#include "pytree.h"

#include <memory>
#include <unordered_map>
#include <vector>

namespace chainrule::jit {

/// A static argument: at a position, or by keyword where `name` is set.
struct Static {
    Py_ssize_t position;
    PyObject* name;
    PyObject* value;
};

/// What keyword arguments of one tuple of names mean; the last such tuple is kept.
struct Keywords {
    Ref names;                       ///< as the caller gave them
    Ref dynamic;                     ///< those that are traced, sorted
    std::vector<int> order;          ///< where the dynamic ones stand among `names`
    std::vector<int> static_sorted;  ///< where the static ones stand, sorted by name
};

/// Which arguments of a function are static. Negative positions count from the end.
struct StaticRule {
    std::vector<Py_ssize_t> positions;
    Ref names;  ///< tuple of str, or null where there are none
    bool empty() const { return positions.empty() && !names; }
};

/// What reading a call comes to.
enum class Reading { kReady, kLeaveToPython, kFailed };

/// One call's arguments: flat arrays, their avals, structure, static arguments. Borrows
/// from the caller's arguments, which must stay alive.
class Call {
  public:
    /// Reads the arguments. kFailed: a Python exception is set. May throw
    /// nb::python_error.
    Reading read(const StaticRule& rule, Keywords& keywords, PyObject* const* args,
                 Py_ssize_t nargs, PyObject* names, bool x64);
    Py_ssize_t size() const { return static_cast<Py_ssize_t>(avals_.size()); }
    PyObject* const* arrays() { return arrays_.data(); }
    PyObject* const* avals() { return avals_.data(); }
    Py_ssize_t static_count() const { return static_cast<Py_ssize_t>(statics_.size()); }
    const Static& static_at(Py_ssize_t i) { return statics_[i]; }
    /// The structure of (args, kwargs), or null where all arguments are positional
    /// leaves.
    PyObject* tree() const { return tree_.ptr(); }
    /// The structure in any case. May throw.
    nb::object full_tree();
    /// Hash of structure, avals and static arguments; false with a TypeError set where
    /// a static argument is not hashable. May throw.
    bool hash(std::uint64_t token, std::uint64_t* result);
    /// The static arguments as Python writes them: ((where, type, value), ...).
    PyObject* statics_tuple();

  private:
    bool read_plain(PyObject* const* args, Py_ssize_t nargs, bool x64,
                    Reading* reading);
    Reading read_leaf(PyObject* leaf, bool x64);
    void read_statics(const StaticRule& rule, const std::vector<int>& named,
                      PyObject* const* args, Py_ssize_t nargs, PyObject* names,
                      std::uint64_t* omitted);

    pytree::SmallArray<PyObject*, 32> arrays_;
    pytree::SmallArray<PyObject*, 32> avals_;
    pytree::SmallArray<Static, 4> statics_;
    pytree::References leaves_;
    pytree::References made_;
    nb::object tree_;
};

/// How an output is put together from the program's results.
enum class Output { kLeaf, kTuple, kTree };

/// A signature and the program that serves it. Counted: a call in progress holds it,
/// so that the cache may be emptied meanwhile.
struct Entry {
    int holders = 1;
    std::uint64_t hash = 0;
    std::uint64_t token = 0;
    PyObject* tree = nullptr;  ///< owned; null: all arguments are positional leaves
    std::vector<PyObject*> avals;    ///< interned, immortal
    std::vector<Static> statics;     ///< owned references
    PyObject* program = nullptr;     ///< owned
    PyObject* out_tree = nullptr;    ///< owned
    std::vector<Py_ssize_t> donated;  ///< positions of the arrays that are donated
    Output output = Output::kTree;
    Py_ssize_t out_count = 0;

    ~Entry();
    /// 1 if `call` has this signature, 0 if not, -1 with an exception. May run Python.
    int matches(Call& call, std::uint64_t wanted_token) const;
};

/// Holds an entry.
class EntryRef {
  public:
    EntryRef() = default;
    explicit EntryRef(Entry* entry) : entry_(entry) {
        if (entry_) ++entry_->holders;
    }
    EntryRef(EntryRef&& other) noexcept
        : entry_(std::exchange(other.entry_, nullptr)) {}
    EntryRef& operator=(EntryRef&& other) noexcept {
        std::swap(entry_, other.entry_);
        return *this;
    }
    EntryRef(const EntryRef&) = delete;
    EntryRef& operator=(const EntryRef&) = delete;
    ~EntryRef() {
        if (entry_ && --entry_->holders == 0) delete entry_;
    }
    /// Takes over the reference that a new entry is born with.
    static EntryRef adopt(Entry* entry) {
        EntryRef made;
        made.entry_ = entry;
        return made;
    }
    Entry* get() const { return entry_; }
    explicit operator bool() const { return entry_ != nullptr; }

  private:
    Entry* entry_ = nullptr;
};

/// The entries of one function, the one used last first.
class Cache {
  public:
    /// Looks the call up. *failed: a Python exception is set (an unhashable static
    /// argument, or an __eq__ that raises).
    EntryRef find(Call& call, std::uint64_t token, bool* failed);
    /// Adds an entry; one of the same signature must not be there.
    void insert(EntryRef entry);
    void clear();
    Py_ssize_t size() const { return static_cast<Py_ssize_t>(entries_.size()); }
    int traverse(visitproc visit, void* arg) const;

  private:
    EntryRef last_;
    std::unordered_multimap<std::uint64_t, EntryRef> entries_;
    std::uint64_t changes_ = 0;
};

/// Creates the type and adds it to the module.
bool init_jit(PyObject* module);

}  // namespace chainrule::jit
