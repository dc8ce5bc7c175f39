/// Pytrees: nested Python containers as a flat list of leaves and a structure.
///
/// A structure (`TreeDef`, the Python type PyTreeDef) is an immutable array of nodes
/// in post-order: the children of a node stand before it, the root is last, and every
/// node knows the size of its subtree, so that a subtree is a slice. Unflattening,
/// matching, comparing and printing are loops over that array; only flattening
/// recurses, guarded by the interpreter's recursion limit.
///
/// Python errors travel as nb::python_error and are translated once, in pytree.cpp
/// and in the slots of pytree_def.cpp, by `guarded`.
///
/// Read next: pytree_flatten.cpp, pytree_unflatten.cpp, pytree_match.cpp.
#pragma once
#include <cstdint>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "native.h"

namespace chainrule::pytree {

enum class Kind : uint32_t {
    leaf,
    none,
    tuple,
    list,
    dict,
    ordered_dict,
    default_dict,
    named_tuple,
    custom,
    dataclass,
};

/// How values of one Python type are taken apart; lives for the whole process.
struct Registration {
    Kind kind;
    PyTypeObject* type;
    PyObject* to_iterable;    ///< custom: value -> (children, static data)
    PyObject* from_iterable;  ///< custom: (static data, children) -> value
    PyObject* with_keys;      ///< custom: value -> (pairs, static data), or null
    PyObject* data_fields;    ///< dataclass: tuple of str, the children
    PyObject* meta_fields;    ///< dataclass: tuple of str, the static data
    PyObject* field_names;    ///< dataclass: data fields, then meta fields
};

/// One node. Plain data without padding: nodes are compared by memcmp first.
struct Node {
    Kind kind;
    int32_t arity;
    int32_t num_leaves;
    int32_t num_nodes;
    const Registration* type;  ///< custom and dataclass only
    /// Owned, or null: dict: the sorted keys (tuple); ordered_dict: the keys;
    /// default_dict: (factory, sorted keys); named_tuple: the type; custom: the static
    /// data; dataclass: the meta fields' values (tuple).
    PyObject* data;
};
static_assert(sizeof(Node) == 32, "nodes are compared as bytes");

/// The Python object PyTreeDef: `Py_SIZE` nodes in post-order.
struct TreeDef {
    PyObject_VAR_HEAD  // a macro, with its own semicolon
    PyObject* weakrefs;
    Py_hash_t hash;  ///< -1 until asked for
    Node nodes[1];

    Py_ssize_t size() const { return Py_SIZE(this); }
    const Node& root() const { return nodes[size() - 1]; }
};

/// Sets a Python exception (PyErr_Format's notation) and throws it.
[[noreturn]] void raise(PyObject* type, const char* format, ...);

/// A new reference from the C API; null means that an exception is set: throws it.
inline nb::object own(PyObject* object) {
    if (!object) throw nb::python_error();
    return nb::steal(object);
}

/// Throws if a C API call returned a negative status.
inline void check(int status) {
    if (status < 0) throw nb::python_error();
}

/// Runs `body` and returns its value, or `failure` with a Python exception set.
template <class Body, class Value>
Value guarded(Value failure, Body&& body) noexcept {
    try {
        return body();
    } catch (nb::python_error& error) {
        error.restore();
    } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
    } catch (const std::exception& error) {
        PyErr_SetString(PyExc_RuntimeError, error.what());
    }
    return failure;
}

template <class Body>
PyObject* guarded_object(Body&& body) noexcept {
    return guarded(static_cast<PyObject*>(nullptr),
                   [&] { return body().release().ptr(); });
}

/// Holds one level of the interpreter's recursion; throws RecursionError beyond it.
class RecursionGuard {
public:
    RecursionGuard() {
        if (Py_EnterRecursiveCall(" while flattening a pytree"))
            throw nb::python_error();
    }
    ~RecursionGuard() { Py_LeaveRecursiveCall(); }
    RecursionGuard(const RecursionGuard&) = delete;
    RecursionGuard& operator=(const RecursionGuard&) = delete;
};

/// A growing array of plain values whose first N live inside the object.
template <class T, size_t N>
class SmallArray {
public:
    SmallArray() = default;
    SmallArray(const SmallArray&) = delete;
    SmallArray& operator=(const SmallArray&) = delete;
    ~SmallArray() {
        if (data_ != inline_) PyMem_Free(data_);
    }
    size_t size() const { return size_; }
    T* data() { return data_; }
    T& operator[](size_t index) { return data_[index]; }
    /// Makes room for one more value, so that the next `push` cannot fail.
    void reserve_one() {
        if (size_ == capacity_) grow();
    }
    void push(T value) {
        reserve_one();
        data_[size_++] = value;
    }
    T pop() { return data_[--size_]; }
    void truncate(size_t size) { size_ = size; }

private:
    void grow() {
        size_t capacity = 2 * capacity_;
        T* old = data_ == inline_ ? nullptr : data_;
        T* data = static_cast<T*>(PyMem_Realloc(old, capacity * sizeof(T)));
        if (!data) throw std::bad_alloc();
        if (!old) std::memcpy(data, inline_, size_ * sizeof(T));
        data_ = data;
        capacity_ = capacity;
    }

    T inline_[N];
    T* data_ = inline_;
    size_t size_ = 0;
    size_t capacity_ = N;
};

/// A growing array of owned references.
class References {
public:
    References() = default;
    ~References() { clear(); }
    size_t size() const { return items_.size(); }
    PyObject* const* data() { return items_.data(); }
    PyObject* operator[](size_t index) { return items_[index]; }
    void push_borrowed(PyObject* object) {
        items_.reserve_one();
        items_.push(Py_NewRef(object));
    }
    void push(nb::object object) {
        items_.reserve_one();
        items_.push(object.release().ptr());
    }
    nb::object pop() { return nb::steal(items_.pop()); }
    void drop_last() { Py_DECREF(items_.pop()); }
    /// Drops the references from position `size` on.
    void truncate(size_t size) {
        while (items_.size() > size) drop_last();
    }
    void clear() { truncate(0); }
    /// Forgets the references from position `size` on; they now belong to the caller.
    void forget(size_t size) { items_.truncate(size); }

private:
    SmallArray<PyObject*, 32> items_;
};

/// A growing array of nodes that owns their data.
class Nodes {
public:
    Nodes() = default;
    ~Nodes() {
        for (size_t i = 0; i < items_.size(); ++i) Py_XDECREF(items_[i].data);
    }
    size_t size() const { return items_.size(); }
    Node* data() { return items_.data(); }
    Node& operator[](size_t index) { return items_[index]; }
    void push(Kind kind, Py_ssize_t arity, size_t num_leaves, size_t num_nodes,
              const Registration* type, nb::object data) {
        if (num_nodes > INT32_MAX)
            raise(PyExc_OverflowError, "pytree: more than 2**31 - 1 nodes");
        items_.reserve_one();
        items_.push({kind, static_cast<int32_t>(arity),
                     static_cast<int32_t>(num_leaves), static_cast<int32_t>(num_nodes),
                     type, data.release().ptr()});
    }
    void push_leaf() { items_.push({Kind::leaf, 0, 1, 1, nullptr, nullptr}); }
    /// Appends copies of `count` nodes.
    void append(const Node* nodes, Py_ssize_t count) {
        for (Py_ssize_t i = 0; i < count; ++i) {
            items_.push(nodes[i]);
            Py_XINCREF(nodes[i].data);
        }
    }
    /// Forgets all nodes; their data now belong to the caller.
    void forget() { items_.truncate(0); }

private:
    SmallArray<Node, 32> items_;
};

// pytree_registry.cpp: which types are nodes.

/// Makes the built-in registrations; once, at import.
void init_registry();
/// How a value of this type is taken apart; null: it is a leaf (or a namedtuple).
const Registration* find_registration(PyTypeObject* type);
/// Whether a tuple subclass without a registration is a namedtuple.
bool is_named_tuple(PyTypeObject* type);
/// The type of a node's values.
PyTypeObject* node_type(const Node& node);
void register_node(PyObject* type, PyObject* to_iterable, PyObject* from_iterable,
                   PyObject* with_keys);
void register_dataclass_node(PyObject* type, PyObject* data_fields,
                             PyObject* meta_fields);

// pytree_keys.cpp: the keys of a dict, sorted.

/// The keys of an exact dict or defaultdict as a sorted tuple; an equal sequence of str
/// keys gives the identical tuple as long as a bounded cache remembers it.
nb::object sorted_keys(PyObject* dict);

// pytree_def.cpp: the type PyTreeDef.

/// Makes the type and adds it to the module.
void init_treedef(PyObject* module);
/// The argument as a TreeDef; TypeError naming `who` otherwise.
TreeDef* as_treedef(PyObject* object, const char* who);
/// A structure of these nodes, which are moved out of the buffer; small structures of
/// built-in containers are remembered, so that repeating them costs no allocation.
nb::object make_treedef(Nodes& nodes);
/// The structure of a single leaf.
nb::object leaf_treedef();
/// The structure of a slice: the subtree whose root is node `index`.
nb::object subtree(const TreeDef* def, Py_ssize_t index);
/// The list of the root's children.
nb::object children(const TreeDef* def);
/// None for a leaf, else (type, static data).
nb::object node_data(const TreeDef* def);
/// Whether two nodes are of one kind, type, arity and equal static data.
bool same_node(const Node& a, const Node& b);
/// "PyTreeDef(...)".
nb::object treedef_repr(const TreeDef* def);

// pytree_build.cpp: structures made from structures.

/// Each leaf of `outer` replaced by `inner`.
nb::object compose(const TreeDef* outer, const TreeDef* inner);
/// The structure with these children and a root as `data` (of `node_data`) says.
nb::object from_node_data_and_children(PyObject* data, PyObject* children);
/// The structure of a tuple with these children.
nb::object treedef_tuple(PyObject* treedefs);
/// A picklable description, and the structure back from it.
nb::object treedef_state(const TreeDef* def);
nb::object treedef_from_state(PyObject* state);

// pytree_flatten.cpp

/// Appends the leaves of `tree` and returns its structure; `is_leaf` may be null.
nb::object flatten(PyObject* tree, PyObject* is_leaf, References& leaves);
/// The arguments of a call: `names` (sorted, or null) and `values` of those by keyword;
/// the positional ones whose bit is set in `omitted` count as None.
struct CallArguments {
    PyObject* const* args;
    Py_ssize_t count;
    uint64_t omitted;
    PyObject* names;
    PyObject* const* values;
};
/// As `flatten` of (args, kwargs), of which neither is built.
nb::object flatten_call(const CallArguments& call, References& leaves);
/// As `flatten`, each leaf as (key path, leaf); `takes_path`: is_leaf(path, value).
nb::object flatten_with_path(PyObject* tree, PyObject* is_leaf, bool takes_path,
                             References& leaves);
/// The structure of the root alone, its children as leaves; the children are appended.
nb::object flatten_one_level(PyObject* tree, bool with_keys, References& children);
/// Whether flattening would keep this value whole.
bool is_leaf_value(PyObject* value, PyObject* is_leaf);
/// Python classes of key path entries: dict key, sequence index, attribute, flat index.
void set_key_types(PyObject* dict, PyObject* sequence, PyObject* attribute,
                   PyObject* flat);

// pytree_unflatten.cpp

/// The value of structure `def` with these leaves, of which there are `num_leaves`.
nb::object unflatten(const TreeDef* def, PyObject* const* leaves);
/// The value of one node with these children, whose references it does not take.
nb::object make_node(const Node& node, PyObject* const* children);
/// As `unflatten`, from any iterable; ValueError for a wrong number of leaves.
nb::object unflatten_iterable(const TreeDef* def, PyObject* leaves);
nb::object tree_map(PyObject* function, PyObject* const* trees, Py_ssize_t count,
                    PyObject* is_leaf);

// pytree_match.cpp: prefixes.

/// What stands in an error about two structures that do not match.
struct Wording {
    const char* who;     ///< the function the user called
    const char* prefix;  ///< what the prefix is
    const char* full;    ///< what must fit it
};
/// Appends the subtrees of `tree` that stand where `def` has leaves.
void flatten_up_to(const TreeDef* def, PyObject* tree, const Wording& wording,
                   References& subtrees);
/// For every leaf of `prefix`, the number of leaves of `full` that stand under it.
nb::object prefix_counts(const TreeDef* prefix, const TreeDef* full,
                         const Wording& wording);
/// The list of (path, what prefix has, what full has), one for each mismatch.
nb::object prefix_mismatches(const TreeDef* prefix, const TreeDef* full);

}  // namespace chainrule::pytree
