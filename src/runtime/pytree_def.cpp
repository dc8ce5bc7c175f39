// The Python type PyTreeDef: memory, equality, hash, repr, attributes and methods.
//
// Structures made of leaves, None, tuples, lists and dicts with remembered keys are
// themselves remembered in a small direct-mapped cache: flattening the same kind of
// arguments again gives the identical object. Nothing that holds a user's object is
// remembered.
#include "pytree.h"

#include <structmember.h>

namespace chainrule::pytree {
namespace {

constexpr size_t cache_slots = 512;
constexpr size_t max_cached_nodes = 64;

PyTypeObject* treedef_type = nullptr;
PyObject* the_leaf = nullptr;
TreeDef* cache[cache_slots];

TreeDef* self_of(PyObject* object) { return reinterpret_cast<TreeDef*>(object); }

bool holds_users_objects(const Node& node) { return node.kind > Kind::dict; }

/// Takes over the data of the nodes.
nb::object allocate(const Node* nodes, size_t count, bool tracked) {
    auto* def = PyObject_GC_NewVar(TreeDef, treedef_type, count);
    if (!def) throw nb::python_error();
    def->weakrefs = nullptr;
    def->hash = -1;
    std::memcpy(def->nodes, nodes, count * sizeof(Node));
    if (tracked) PyObject_GC_Track(def);
    return nb::steal(reinterpret_cast<PyObject*>(def));
}

/// Without tp_clear, as for tuples: a structure is immutable, so that every cycle
/// through one also holds an object that can be cleared.
int traverse(PyObject* object, visitproc visit, void* arg) {
    TreeDef* def = self_of(object);
    Py_VISIT(Py_TYPE(object));
    for (Py_ssize_t i = 0; i < def->size(); ++i) Py_VISIT(def->nodes[i].data);
    return 0;
}

void deallocate(PyObject* object) {
    TreeDef* def = self_of(object);
    PyTypeObject* type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    Py_TRASHCAN_BEGIN(object, deallocate) if (def->weakrefs)
        PyObject_ClearWeakRefs(object);
    for (Py_ssize_t i = 0; i < def->size(); ++i) Py_XDECREF(def->nodes[i].data);
    PyObject_GC_Del(object);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

/// The hash of static data; unhashable data count as equal, == tells them apart.
Py_hash_t data_hash(PyObject* data) {
    Py_hash_t hash = PyObject_Hash(data);
    if (hash != -1) return hash;
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) throw nb::python_error();
    PyErr_Clear();
    return 0;
}

Py_hash_t hash_of(PyObject* object) {
    return guarded(Py_hash_t(-1), [&] {
        TreeDef* def = self_of(object);
        if (def->hash != -1) return def->hash;
        uint64_t hash = 0x243F6A8885A308D3ull;
        auto mix = [&](uint64_t word) {
            hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
            hash ^= hash >> 29;
        };
        for (Py_ssize_t i = 0; i < def->size(); ++i) {
            const Node& node = def->nodes[i];
            mix(uint64_t(node.kind) << 32 | uint32_t(node.arity));
            if (node.type) mix(reinterpret_cast<uintptr_t>(node.type));
            if (node.data) mix(data_hash(node.data));
        }
        def->hash = hash == uint64_t(-1) ? -2 : Py_hash_t(hash);
        return def->hash;
    });
}

bool equal(const TreeDef* a, const TreeDef* b) {
    if (a == b) return true;
    if (a->size() != b->size()) return false;
    if (!std::memcmp(a->nodes, b->nodes, a->size() * sizeof(Node))) return true;
    for (Py_ssize_t i = a->size() - 1; i >= 0; --i)
        if (!same_node(a->nodes[i], b->nodes[i])) return false;
    return true;
}

PyObject* compare(PyObject* left, PyObject* right, int operation) {
    bool comparable = operation == Py_EQ || operation == Py_NE;
    if (!comparable || Py_TYPE(right) != treedef_type) Py_RETURN_NOTIMPLEMENTED;
    return guarded_object([&] {
        bool same = equal(self_of(left), self_of(right));
        return nb::borrow(same == (operation == Py_EQ) ? Py_True : Py_False);
    });
}

PyObject* repr(PyObject* self) {
    return guarded_object([&] { return treedef_repr(self_of(self)); });
}

PyObject* get_num_leaves(PyObject* self, void*) {
    return PyLong_FromLong(self_of(self)->root().num_leaves);
}

PyObject* get_num_nodes(PyObject* self, void*) {
    return PyLong_FromSsize_t(self_of(self)->size());
}

PyObject* call_unflatten(PyObject* self, PyObject* leaves) {
    return guarded_object([&] { return unflatten_iterable(self_of(self), leaves); });
}

PyObject* call_flatten_up_to(PyObject* self, PyObject* const* args, Py_ssize_t count) {
    return guarded_object([&] {
        const char* who = "flatten_up_to";
        if (count < 1 || count > 2)
            raise(PyExc_TypeError,
                  "flatten_up_to(tree, who=...) takes 1 or 2 arguments");
        if (count == 2 && !(who = PyUnicode_AsUTF8(args[1]))) throw nb::python_error();
        References subtrees;
        flatten_up_to(self_of(self), args[0],
                      {who, "the expected tree", "the given tree"}, subtrees);
        nb::object list = own(PyList_New(subtrees.size()));
        for (size_t i = 0; i < subtrees.size(); ++i)
            PyList_SET_ITEM(list.ptr(), i, subtrees[i]);
        subtrees.forget(0);
        return list;
    });
}

PyObject* call_children(PyObject* self, PyObject*) {
    return guarded_object([&] { return children(self_of(self)); });
}

PyObject* call_node_data(PyObject* self, PyObject*) {
    return guarded_object([&] { return node_data(self_of(self)); });
}

PyObject* call_compose(PyObject* self, PyObject* inner) {
    return guarded_object(
        [&] { return compose(self_of(self), as_treedef(inner, "PyTreeDef.compose")); });
}

PyObject* call_from_node_data(PyObject*, PyObject* const* args, Py_ssize_t count) {
    return guarded_object([&] {
        if (count != 3)
            raise(PyExc_TypeError,
                  "from_node_data_and_children(registry, node_data, children) takes 3 "
                  "arguments, got %zd",
                  count);
        return from_node_data_and_children(args[1], args[2]);
    });
}

PyObject* call_reduce(PyObject* self, PyObject*) {
    return guarded_object([&] {
        nb::object module = own(PyImport_ImportModule("chainrule.runtime._native"));
        nb::object rebuild =
            own(PyObject_GetAttrString(module.ptr(), "treedef_from_state"));
        nb::object state = treedef_state(self_of(self));
        return own(Py_BuildValue("O(O)", rebuild.ptr(), state.ptr()));
    });
}

/// A METH_FASTCALL function as the type that method tables hold.
template <class Function>
PyCFunction erase(Function* function) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(function));
}

PyMethodDef methods[] = {
    {"unflatten", call_unflatten, METH_O,
     "unflatten($self, leaves, /)\n--\n\nThe tree of this structure with these "
     "leaves."},
    {"flatten_up_to", erase(call_flatten_up_to), METH_FASTCALL,
     "flatten_up_to($self, tree, who='flatten_up_to', /)\n--\n\n"
     "The subtrees of `tree` that stand where this structure has leaves."},
    {"children", call_children, METH_NOARGS,
     "children($self, /)\n--\n\nThe structures of the root's children."},
    {"node_data", call_node_data, METH_NOARGS,
     "node_data($self, /)\n--\n\nThe root's (type, static data); None for a leaf."},
    {"compose", call_compose, METH_O,
     "compose($self, inner, /)\n--\n\nThis structure, each leaf replaced by `inner`."},
    {"from_node_data_and_children", erase(call_from_node_data),
     METH_FASTCALL | METH_STATIC,
     "from_node_data_and_children(registry, node_data, children, /)\n--\n\n"
     "The structure with this root and these children."},
    {"__reduce__", call_reduce, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef attributes[] = {
    {"num_leaves", get_num_leaves, nullptr, "The number of leaves.", nullptr},
    {"num_nodes", get_num_nodes, nullptr, "The number of nodes, leaves included.",
     nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(TreeDef, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyType_Slot slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(deallocate)},
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {Py_tp_repr, reinterpret_cast<void*>(repr)},
    {Py_tp_hash, reinterpret_cast<void*>(hash_of)},
    {Py_tp_richcompare, reinterpret_cast<void*>(compare)},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_tp_members, members},
    {Py_tp_doc,
     const_cast<char*>(
         "The structure of a pytree: what is left of it without its leaves.")},
    {0, nullptr}};

PyType_Spec spec = {"chainrule.tree_util.PyTreeDef", offsetof(TreeDef, nodes),
                    sizeof(Node),
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
                        Py_TPFLAGS_DISALLOW_INSTANTIATION,
                    slots};

}  // namespace

void init_treedef(PyObject* module) {
    PyObject* type = own(PyType_FromSpec(&spec)).release().ptr();
    treedef_type = reinterpret_cast<PyTypeObject*>(type);
    Node leaf{Kind::leaf, 0, 1, 1, nullptr, nullptr};
    the_leaf = allocate(&leaf, 1, false).release().ptr();
    check(PyModule_AddObjectRef(module, "PyTreeDef", type));
}

TreeDef* as_treedef(PyObject* object, const char* who) {
    if (Py_TYPE(object) != treedef_type)
        raise(PyExc_TypeError, "%s: expected a PyTreeDef, got %R", who, object);
    return self_of(object);
}

nb::object leaf_treedef() { return nb::borrow(the_leaf); }

nb::object make_treedef(Nodes& nodes) {
    size_t count = nodes.size();
    if (count == 1 && nodes[0].kind == Kind::leaf) return leaf_treedef();
    bool plain = true;
    uint64_t hash = count;
    for (size_t i = 0; i < count; ++i) {
        const Node& node = nodes[i];
        plain &= !holds_users_objects(node);
        hash ^= uint64_t(node.kind) << 32 | uint32_t(node.arity);
        hash ^= reinterpret_cast<uintptr_t>(node.data) >> 4;
        hash *= 0x9E3779B97F4A7C15ull;
    }
    if (!plain || count > max_cached_nodes) {
        nb::object def = allocate(nodes.data(), count, true);
        nodes.forget();
        return def;
    }
    TreeDef*& slot = cache[(hash >> 40) % cache_slots];
    if (slot && slot->size() == Py_ssize_t(count) &&
        !std::memcmp(slot->nodes, nodes.data(), count * sizeof(Node)))
        return nb::borrow(reinterpret_cast<PyObject*>(slot));
    nb::object def = allocate(nodes.data(), count, false);
    nodes.forget();
    TreeDef* forgotten = slot;
    slot = self_of(Py_NewRef(def.ptr()));
    Py_XDECREF(forgotten);
    return def;
}

}  // namespace chainrule::pytree
