// Structures made from structures: composition, tuples, a root with given children, and
// the description that pickles.
#include "pytree.h"

namespace chainrule::pytree {
namespace {

constexpr long state_version = 1;

/// The kind, registration and stored data of a root given as (type, static data).
struct Root {
    Kind kind;
    const Registration* type;
    nb::object data;
};

Root root_of(PyTypeObject* type, PyObject* data, const char* who) {
    const Registration* entry = find_registration(type);
    if (!entry) {
        if (!is_named_tuple(type))
            raise(PyExc_ValueError,
                  "%s: %R is not a registered pytree node; register it first", who,
                  type);
        return {Kind::named_tuple, nullptr,
                nb::borrow(reinterpret_cast<PyObject*>(type))};
    }
    switch (entry->kind) {
        case Kind::none:
        case Kind::tuple:
        case Kind::list: return {entry->kind, nullptr, nb::object()};
        case Kind::dict:
        case Kind::ordered_dict:
            return {entry->kind, nullptr, own(PySequence_Tuple(data))};
        case Kind::default_dict: {
            PyObject *factory, *keys;
            if (!PyTuple_Check(data) || !PyArg_ParseTuple(data, "OO", &factory, &keys))
                raise(PyExc_ValueError,
                      "%s: static data of a defaultdict are (factory, keys), got %R",
                      who, data);
            nb::object tuple = own(PySequence_Tuple(keys));
            return {entry->kind, nullptr, own(PyTuple_Pack(2, factory, tuple.ptr()))};
        }
        default: return {entry->kind, entry, nb::borrow(data)};
    }
}

/// The number of children that the root's data prescribe, or -1.
Py_ssize_t prescribed_arity(const Root& root) {
    switch (root.kind) {
        case Kind::none: return 0;
        case Kind::dict:
        case Kind::ordered_dict: return PyTuple_GET_SIZE(root.data.ptr());
        case Kind::default_dict:
            return PyTuple_GET_SIZE(PyTuple_GET_ITEM(root.data.ptr(), 1));
        case Kind::dataclass: return PyTuple_GET_SIZE(root.type->data_fields);
        default: return -1;
    }
}

void check_root(const Root& root, Py_ssize_t arity, const char* who) {
    Py_ssize_t wanted = prescribed_arity(root);
    if (wanted >= 0 && wanted != arity)
        raise(PyExc_ValueError, "%s: this node has %zd children, got %zd", who, wanted,
              arity);
    if (root.kind != Kind::dataclass) return;
    Py_ssize_t fields = PyTuple_GET_SIZE(root.type->meta_fields);
    if (!PyTuple_Check(root.data.ptr()) || PyTuple_GET_SIZE(root.data.ptr()) != fields)
        raise(PyExc_ValueError,
              "%s: static data of this dataclass are a tuple of %zd values, got %R",
              who, fields, root.data.ptr());
}

nb::object finish(Nodes& nodes, const Root& root, PyObject* treedefs, const char* who) {
    Py_ssize_t arity = PyTuple_GET_SIZE(treedefs);
    check_root(root, arity, who);
    size_t leaves = 0;
    for (Py_ssize_t i = 0; i < arity; ++i) {
        TreeDef* child = as_treedef(PyTuple_GET_ITEM(treedefs, i), who);
        nodes.append(child->nodes, child->size());
        leaves += child->root().num_leaves;
    }
    nodes.push(root.kind, arity, leaves, nodes.size() + 1, root.type, root.data);
    return make_treedef(nodes);
}

PyTypeObject* as_type(PyObject* object, const char* who) {
    if (!PyType_Check(object))
        raise(PyExc_TypeError, "%s: a node type must be a class, got %R", who, object);
    return reinterpret_cast<PyTypeObject*>(object);
}

}  // namespace

nb::object compose(const TreeDef* outer, const TreeDef* inner) {
    Nodes nodes;
    int32_t leaves = inner->root().num_leaves, size = inner->root().num_nodes;
    for (Py_ssize_t i = 0; i < outer->size(); ++i) {
        const Node& node = outer->nodes[i];
        if (node.kind == Kind::leaf) {
            nodes.append(inner->nodes, inner->size());
            continue;
        }
        int32_t inside = node.num_nodes - node.num_leaves;
        nodes.push(node.kind, node.arity, size_t(node.num_leaves) * leaves,
                   inside + size_t(node.num_leaves) * size, node.type,
                   nb::borrow(node.data));
    }
    return make_treedef(nodes);
}

nb::object from_node_data_and_children(PyObject* data, PyObject* children) {
    const char* who = "PyTreeDef.from_node_data_and_children";
    nb::object treedefs = own(PySequence_Tuple(children));
    if (data == Py_None) {
        if (PyTuple_GET_SIZE(treedefs.ptr()))
            raise(PyExc_ValueError, "%s: a leaf has no children, got %zd", who,
                  PyTuple_GET_SIZE(treedefs.ptr()));
        return leaf_treedef();
    }
    PyObject *type, *statics;
    if (!PyTuple_Check(data) || !PyArg_ParseTuple(data, "OO", &type, &statics))
        raise(PyExc_TypeError,
              "%s: node_data must be None or (type, static data), got %R", who, data);
    Nodes nodes;
    return finish(nodes, root_of(as_type(type, who), statics, who), treedefs.ptr(),
                  who);
}

nb::object treedef_tuple(PyObject* treedefs) {
    nb::object items = own(PySequence_Tuple(treedefs));
    Nodes nodes;
    return finish(nodes, {Kind::tuple, nullptr, nb::object()}, items.ptr(),
                  "treedef_tuple");
}

nb::object treedef_state(const TreeDef* def) {
    nb::object state = own(PyTuple_New(def->size() + 1));
    PyTuple_SET_ITEM(state.ptr(), 0,
                     own(PyLong_FromLong(state_version)).release().ptr());
    for (Py_ssize_t i = 0; i < def->size(); ++i) {
        const Node& node = def->nodes[i];
        bool leaf = node.kind == Kind::leaf;
        auto* type = reinterpret_cast<PyObject*>(node_type(node));
        PyObject* data = node.kind == Kind::named_tuple ? nullptr : node.data;
        nb::object entry = own(
            leaf ? Py_NewRef(Py_None)
                 : Py_BuildValue("OiO", type, int(node.arity), data ? data : Py_None));
        PyTuple_SET_ITEM(state.ptr(), i + 1, entry.release().ptr());
    }
    return state;
}

nb::object treedef_from_state(PyObject* state) {
    const char* who = "PyTreeDef (unpickled)";
    if (!PyTuple_Check(state) || PyTuple_GET_SIZE(state) < 2 ||
        PyLong_AsLong(PyTuple_GET_ITEM(state, 0)) != state_version) {
        PyErr_Clear();
        raise(PyExc_ValueError, "%s: not the state of a PyTreeDef: %R", who, state);
    }
    References stack;  // finished subtrees
    for (Py_ssize_t i = 1; i < PyTuple_GET_SIZE(state); ++i) {
        PyObject *entry = PyTuple_GET_ITEM(state, i), *type, *data;
        if (entry == Py_None) {
            stack.push(leaf_treedef());
            continue;
        }
        int arity;
        if (!PyTuple_Check(entry))
            raise(PyExc_ValueError, "%s: bad node %R", who, entry);
        check(PyArg_ParseTuple(entry, "OiO", &type, &arity, &data) - 1);
        if (arity < 0 || size_t(arity) > stack.size())
            raise(PyExc_ValueError, "%s: node %R lacks children", who, entry);
        nb::object children = own(PyTuple_New(arity));
        for (int k = arity - 1; k >= 0; --k)
            PyTuple_SET_ITEM(children.ptr(), k, stack.pop().release().ptr());
        Nodes nodes;
        stack.push(
            finish(nodes, root_of(as_type(type, who), data, who), children.ptr(), who));
    }
    if (stack.size() != 1) raise(PyExc_ValueError, "%s: several roots", who);
    return stack.pop();
}

}  // namespace chainrule::pytree
