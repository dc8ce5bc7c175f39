// What can be asked of a structure: its parts, its print, equality of nodes.
#include <vector>

#include "pytree.h"

namespace chainrule::pytree {
namespace {

/// The text of a str in UTF-8; lone surrogates survive the way back.
std::string utf8(nb::object text) {
    nb::object bytes =
        own(PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogatepass"));
    return {PyBytes_AS_STRING(bytes.ptr()),
            static_cast<size_t>(PyBytes_GET_SIZE(bytes.ptr()))};
}

std::string repr_of(PyObject* object) { return utf8(own(PyObject_Repr(object))); }

std::string join(const std::vector<std::string>& parts, size_t first) {
    std::string text;
    for (size_t i = first; i < parts.size(); ++i) {
        if (i > first) text += ", ";
        text += parts[i];
    }
    return text;
}

std::string print_dict(PyObject* keys, std::vector<std::string>& parts, size_t first) {
    for (size_t i = first; i < parts.size(); ++i)
        parts[i] = repr_of(PyTuple_GET_ITEM(keys, i - first)) + ": " + parts[i];
    return "{" + join(parts, first) + "}";
}

/// "CustomNode(name[static data], [children])", as structures of that kind print.
std::string print_custom(const std::string& name, PyObject* data,
                         const std::vector<std::string>& parts, size_t first) {
    std::string text = data ? utf8(own(PyObject_Str(data))) : std::string();
    return "CustomNode(" + name + "[" + text + "], [" + join(parts, first) + "])";
}

std::string type_name(PyTypeObject* type) { return utf8(own(PyType_GetName(type))); }

std::string print_node(const Node& node, std::vector<std::string>& parts,
                       size_t first) {
    switch (node.kind) {
        case Kind::leaf: return "*";
        case Kind::none: return "None";
        case Kind::tuple:
            return "(" + join(parts, first) + (node.arity == 1 ? ",)" : ")");
        case Kind::list: return "[" + join(parts, first) + "]";
        case Kind::dict: return print_dict(node.data, parts, first);
        case Kind::named_tuple:
            return "CustomNode(namedtuple[" + type_name(node_type(node)) + "], [" +
                   join(parts, first) + "])";
        default:
            return print_custom(type_name(node_type(node)), node.data, parts, first);
    }
}

nb::object copy_slice(const Node* nodes, Py_ssize_t count) {
    Nodes copy;
    copy.append(nodes, count);
    return make_treedef(copy);
}

/// Compares static data with ==; an error in it becomes a ValueError naming the type.
bool same_data(const Node& a, const Node& b) {
    int same = PyObject_RichCompareBool(a.data, b.data, Py_EQ);
    if (same >= 0) return same;
    if (!PyErr_ExceptionMatches(PyExc_Exception)) throw nb::python_error();
    nb::python_error cause;
    nb::raise_from(
        cause, PyExc_ValueError,
        "PyTreeDef: comparing the static data of two nodes of type %s failed; "
        "static data must be hashable and comparable with == (arrays cannot "
        "be static data)",
        node_type(a)->tp_name);
}

}  // namespace

bool same_node(const Node& a, const Node& b) {
    if (a.kind != b.kind || a.arity != b.arity || a.type != b.type) return false;
    if (a.data == b.data) return true;
    if (a.kind == Kind::named_tuple) return false;
    return same_data(a, b);
}

nb::object treedef_repr(const TreeDef* def) {
    std::vector<std::string> parts;
    for (Py_ssize_t i = 0; i < def->size(); ++i) {
        size_t first = parts.size() - def->nodes[i].arity;
        std::string text = print_node(def->nodes[i], parts, first);
        parts.resize(first);
        parts.push_back(std::move(text));
    }
    std::string text = "PyTreeDef(" + parts.back() + ")";
    return own(PyUnicode_DecodeUTF8(text.data(), text.size(), "surrogatepass"));
}

nb::object subtree(const TreeDef* def, Py_ssize_t index) {
    Py_ssize_t count = def->nodes[index].num_nodes;
    return copy_slice(def->nodes + index + 1 - count, count);
}

nb::object children(const TreeDef* def) {
    Py_ssize_t arity = def->root().arity, index = def->size() - 2;
    nb::object list = own(PyList_New(arity));
    for (Py_ssize_t i = arity - 1; i >= 0; --i) {
        PyList_SET_ITEM(list.ptr(), i, subtree(def, index).release().ptr());
        index -= def->nodes[index].num_nodes;
    }
    return list;
}

nb::object node_data(const TreeDef* def) {
    const Node& root = def->root();
    if (root.kind == Kind::leaf) return nb::none();
    nb::object data = nb::none();
    if (root.kind == Kind::dict)
        data = own(PySequence_List(root.data));
    else if (root.data && root.kind != Kind::named_tuple)
        data = nb::borrow(root.data);
    return own(Py_BuildValue("OO", node_type(root), data.ptr()));
}

}  // namespace chainrule::pytree
