// Unflattening and tree_map. The post-order of the nodes makes unflattening a loop over
// a stack of finished values.
#include "pytree.h"

namespace chainrule::pytree {
namespace {

nb::object make_tuple(PyObject* const* children, Py_ssize_t count) {
    nb::object tuple = own(PyTuple_New(count));
    for (Py_ssize_t i = 0; i < count; ++i)
        PyTuple_SET_ITEM(tuple.ptr(), i, Py_NewRef(children[i]));
    return tuple;
}

nb::object make_list(PyObject* const* children, Py_ssize_t count) {
    nb::object list = own(PyList_New(count));
    for (Py_ssize_t i = 0; i < count; ++i)
        PyList_SET_ITEM(list.ptr(), i, Py_NewRef(children[i]));
    return list;
}

void fill_dict(PyObject* dict, PyObject* keys, PyObject* const* children) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keys); ++i)
        check(PyDict_SetItem(dict, PyTuple_GET_ITEM(keys, i), children[i]));
}

nb::object make_ordered_dict(PyObject* keys, PyObject* const* children) {
    nb::object dict = own(PyODict_New());
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keys); ++i)
        check(PyODict_SetItem(dict.ptr(), PyTuple_GET_ITEM(keys, i), children[i]));
    return dict;
}

nb::object make_default_dict(const Node& node, PyObject* const* children) {
    auto* type = reinterpret_cast<PyObject*>(node_type(node));
    nb::object dict = own(PyObject_CallOneArg(type, PyTuple_GET_ITEM(node.data, 0)));
    fill_dict(dict.ptr(), PyTuple_GET_ITEM(node.data, 1), children);
    return dict;
}

/// Calls the class with the fields as keyword arguments.
nb::object make_dataclass(const Node& node, PyObject* const* children) {
    SmallArray<PyObject*, 32> values;
    for (int32_t i = 0; i < node.arity; ++i) values.push(children[i]);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(node.data); ++i)
        values.push(PyTuple_GET_ITEM(node.data, i));
    return own(PyObject_Vectorcall(reinterpret_cast<PyObject*>(node.type->type),
                                   values.data(), 0, node.type->field_names));
}

nb::object make_custom(const Node& node, PyObject* const* children) {
    nb::object tuple = make_tuple(children, node.arity);
    PyObject* arguments[2] = {node.data, tuple.ptr()};
    return own(PyObject_Vectorcall(node.type->from_iterable, arguments, 2, nullptr));
}

[[noreturn]] void raise_count(const TreeDef* def, Py_ssize_t count) {
    Py_ssize_t wanted = def->root().num_leaves;
    nb::object text = treedef_repr(def);
    raise(PyExc_ValueError,
          "tree_unflatten: too %s leaves: got %zd, but the structure %U has %zd",
          count < wanted ? "few" : "many", count, text.ptr(), wanted);
}

}  // namespace

nb::object make_node(const Node& node, PyObject* const* children) {
    switch (node.kind) {
        case Kind::tuple: return make_tuple(children, node.arity);
        case Kind::list: return make_list(children, node.arity);
        case Kind::dict: {
            nb::object dict = own(PyDict_New());
            fill_dict(dict.ptr(), node.data, children);
            return dict;
        }
        case Kind::ordered_dict: return make_ordered_dict(node.data, children);
        case Kind::default_dict: return make_default_dict(node, children);
        case Kind::named_tuple:
            return own(PyObject_Vectorcall(node.data, children, node.arity, nullptr));
        case Kind::custom: return make_custom(node, children);
        case Kind::dataclass: return make_dataclass(node, children);
        case Kind::none:
        case Kind::leaf: break;
    }
    return nb::none();
}

nb::object unflatten(const TreeDef* def, PyObject* const* leaves) {
    References stack;
    for (Py_ssize_t i = 0; i < def->size(); ++i) {
        const Node& node = def->nodes[i];
        if (node.kind == Kind::leaf) {
            stack.push_borrowed(*leaves++);
            continue;
        }
        size_t first = stack.size() - node.arity;
        nb::object value = make_node(node, stack.data() + first);
        stack.truncate(first);
        stack.push(std::move(value));
    }
    return stack.pop();
}

nb::object unflatten_iterable(const TreeDef* def, PyObject* leaves) {
    // A tuple of our own, unless it is one: unflatten functions may change a list.
    nb::object items =
        PyTuple_CheckExact(leaves) ? nb::borrow(leaves) : own(PySequence_Tuple(leaves));
    Py_ssize_t count = PyTuple_GET_SIZE(items.ptr());
    if (count != def->root().num_leaves) raise_count(def, count);
    return unflatten(def, reinterpret_cast<PyTupleObject*>(items.ptr())->ob_item);
}

nb::object tree_map(PyObject* function, PyObject* const* trees, Py_ssize_t count,
                    PyObject* is_leaf) {
    References leaves;  // those of the first tree, then those of the others
    nb::object owner = flatten(trees[0], is_leaf, leaves);
    auto* def = reinterpret_cast<TreeDef*>(owner.ptr());
    size_t size = leaves.size();
    for (Py_ssize_t i = 1; i < count; ++i) {
        std::string name = "tree " + std::to_string(i + 1);
        flatten_up_to(def, trees[i], {"tree_map", "the first tree", name.c_str()},
                      leaves);
    }
    References results;
    SmallArray<PyObject*, 8> arguments;
    for (Py_ssize_t i = 0; i < count; ++i) arguments.push(nullptr);
    for (size_t leaf = 0; leaf < size; ++leaf) {
        for (Py_ssize_t i = 0; i < count; ++i) arguments[i] = leaves[i * size + leaf];
        results.push(
            own(PyObject_Vectorcall(function, arguments.data(), count, nullptr)));
    }
    return unflatten(def, results.data());
}

}  // namespace chainrule::pytree
