// Prefixes: a structure fits a tree if it can be laid over the tree's top, its leaves
// covering whole subtrees. Values are matched directly; an error is described by
// matching structures.
#include <vector>

#include "pytree.h"

namespace chainrule::pytree {
namespace {

constexpr size_t longest_structure = 400;

std::string text_of(PyObject* str) {
    nb::object bytes = own(PyUnicode_AsEncodedString(str, "utf-8", "backslashreplace"));
    return {PyBytes_AS_STRING(bytes.ptr()), size_t(PyBytes_GET_SIZE(bytes.ptr()))};
}

std::string repr_of(PyObject* object) {
    return text_of(own(PyObject_Repr(object)).ptr());
}

std::string structure_of(const TreeDef* def) {
    std::string text = text_of(treedef_repr(def).ptr());
    if (text.size() <= longest_structure) return text;
    size_t end = longest_structure;
    while ((text[end] & 0xC0) == 0x80) --end;  // not inside a UTF-8 sequence
    return text.substr(0, end) + "...";
}

/// The step from a node to its child `k`, as keystr prints it.
std::string step(const Node& node, int32_t k) {
    switch (node.kind) {
        case Kind::dict:
        case Kind::ordered_dict:
            return "[" + repr_of(PyTuple_GET_ITEM(node.data, k)) + "]";
        case Kind::default_dict:
            return "[" + repr_of(PyTuple_GET_ITEM(PyTuple_GET_ITEM(node.data, 1), k)) +
                   "]";
        case Kind::dataclass:
            return "." + text_of(PyTuple_GET_ITEM(node.type->data_fields, k));
        case Kind::named_tuple: {
            nb::object fields = own(PyObject_GetAttrString(node.data, "_fields"));
            nb::object name = own(PySequence_GetItem(fields.ptr(), k));
            return "." + text_of(own(PyObject_Str(name.ptr())).ptr());
        }
        case Kind::custom: return "[<flat index " + std::to_string(k) + ">]";
        default: return "[" + std::to_string(k) + "]";
    }
}

/// The key path of node `index`; empty for the root.
std::string path_to(const TreeDef* def, Py_ssize_t index) {
    std::string path;
    Py_ssize_t root = def->size() - 1;
    while (root != index) {
        Py_ssize_t end = root - 1;
        int32_t k = def->nodes[root].arity - 1;
        for (; index <= end - def->nodes[end].num_nodes; --k)
            end -= def->nodes[end].num_nodes;
        path += step(def->nodes[root], k);
        root = end;
    }
    return path;
}

/// A node in words, short.
std::string describe(const Node& node) {
    if (node.kind == Kind::leaf) return "a leaf";
    if (node.kind == Kind::none) return "None";
    std::string name = text_of(own(PyType_GetName(node_type(node))).ptr());
    std::string arity = std::to_string(node.arity);
    switch (node.kind) {
        case Kind::tuple:
        case Kind::list: return "a " + name + " of length " + arity;
        case Kind::named_tuple: return "a namedtuple " + name + " of length " + arity;
        case Kind::dict:
        case Kind::ordered_dict:
            return (node.kind == Kind::dict ? "a " : "an ") + name + " with keys " +
                   repr_of(node.data);
        case Kind::default_dict:
            return "a defaultdict with factory and keys " + repr_of(node.data);
        default:
            return "a node " + name + " with " + arity + " children and static data " +
                   repr_of(node.data);
    }
}

struct Mismatch {
    std::string path, prefix, full;
};

/// Walks a prefix and a full structure from their roots; `on_leaf(i, j)` for every
/// leaf i of the prefix over node j of the full one, `on_mismatch(i, j)` for nodes that
/// differ. Both are visited from the last child to the first.
template <class OnLeaf, class OnMismatch>
void walk(const TreeDef* prefix, const TreeDef* full, OnLeaf on_leaf,
          OnMismatch on_mismatch) {
    SmallArray<Py_ssize_t, 32> agenda;
    agenda.push(full->size() - 1);
    for (Py_ssize_t i = prefix->size() - 1; i >= 0;) {
        Py_ssize_t j = agenda.pop();
        const Node& node = prefix->nodes[i];
        if (node.kind == Kind::leaf) {
            on_leaf(i--, j);
        } else if (!same_node(node, full->nodes[j])) {
            on_mismatch(i, j);
            i -= node.num_nodes;
        } else {
            size_t first = agenda.size();
            for (Py_ssize_t k = 0, end = j - 1; k < node.arity; ++k) {
                agenda.push(end);
                end -= full->nodes[end].num_nodes;
            }
            for (size_t a = first, b = agenda.size(); a + 1 < b; ++a, --b)
                std::swap(agenda[a], agenda[b - 1]);
            --i;
        }
    }
}

/// The mismatches, the first in the tree first.
std::vector<Mismatch> mismatches(const TreeDef* prefix, const TreeDef* full) {
    std::vector<Mismatch> found;
    walk(
        prefix, full, [](Py_ssize_t, Py_ssize_t) {},
        [&](Py_ssize_t i, Py_ssize_t j) {
            found.insert(found.begin(), {path_to(prefix, i), describe(prefix->nodes[i]),
                                         describe(full->nodes[j])});
        });
    return found;
}

[[noreturn]] void raise_mismatch(const TreeDef* prefix, const TreeDef* full,
                                 const Wording& wording) {
    std::vector<Mismatch> found = mismatches(prefix, full);
    std::string text = std::string(wording.who) + ": " + wording.full +
                       " does not fit " + wording.prefix;
    if (!found.empty()) {
        const Mismatch& first = found.front();
        text += first.path.empty() ? " at the root" : " at " + first.path;
        text += ": expected " + first.prefix + ", got " + first.full;
    }
    text += ". The structure of " + std::string(wording.prefix) + " is " +
            structure_of(prefix) + ", of " + wording.full + " " + structure_of(full) +
            "; " + wording.full + " must agree with " + wording.prefix +
            " down to the leaves of " + wording.prefix + ".";
    PyErr_SetString(PyExc_ValueError, text.c_str());
    throw nb::python_error();
}

/// Pushes the children of `value` if it is a node like `node`; false if it is not.
class Matcher {
public:
    explicit Matcher(References& agenda) : agenda_(agenda) {}

    bool expand(const Node& node, PyObject* value) {
        if (node.kind == Kind::none) return value == Py_None;
        if (Py_TYPE(value) != node_type(node)) return false;
        switch (node.kind) {
            case Kind::tuple:
            case Kind::named_tuple:
                return expand_items(node,
                                    reinterpret_cast<PyTupleObject*>(value)->ob_item,
                                    PyTuple_GET_SIZE(value));
            case Kind::list:
                return expand_items(node,
                                    reinterpret_cast<PyListObject*>(value)->ob_item,
                                    PyList_GET_SIZE(value));
            case Kind::dict: return expand_dict(node, node.data, value);
            default: return expand_by_flattening(node, value);
        }
    }

private:
    bool expand_items(const Node& node, PyObject* const* items, Py_ssize_t count) {
        if (count != node.arity) return false;
        for (Py_ssize_t i = 0; i < count; ++i) agenda_.push_borrowed(items[i]);
        return true;
    }

    bool expand_dict(const Node& node, PyObject* keys, PyObject* dict) {
        if (PyDict_GET_SIZE(dict) != node.arity) return false;
        for (Py_ssize_t i = 0; i < node.arity; ++i) {
            PyObject* value = PyDict_GetItemWithError(dict, PyTuple_GET_ITEM(keys, i));
            if (value) {
                agenda_.push_borrowed(value);
                continue;
            }
            if (PyErr_Occurred()) throw nb::python_error();
            return false;
        }
        return true;
    }

    bool expand_by_flattening(const Node& node, PyObject* value) {
        nb::object owner = flatten_one_level(value, false, agenda_);
        const Node& root = reinterpret_cast<TreeDef*>(owner.ptr())->root();
        return same_node(node, root);
    }

    References& agenda_;
};

bool match(const TreeDef* def, PyObject* tree, References& reversed) {
    References agenda;
    Matcher matcher(agenda);
    agenda.push_borrowed(tree);
    for (Py_ssize_t i = def->size() - 1; i >= 0; --i) {
        nb::object value = agenda.pop();
        if (def->nodes[i].kind == Kind::leaf)
            reversed.push(std::move(value));
        else if (!matcher.expand(def->nodes[i], value.ptr()))
            return false;
    }
    return true;
}

}  // namespace

void flatten_up_to(const TreeDef* def, PyObject* tree, const Wording& wording,
                   References& subtrees) {
    References reversed;
    if (!match(def, tree, reversed)) {
        References leaves;
        nb::object full = flatten(tree, nullptr, leaves);
        raise_mismatch(def, reinterpret_cast<TreeDef*>(full.ptr()), wording);
    }
    while (reversed.size()) subtrees.push(reversed.pop());
}

nb::object prefix_counts(const TreeDef* prefix, const TreeDef* full,
                         const Wording& wording) {
    Py_ssize_t left = prefix->root().num_leaves;
    nb::object counts = own(PyList_New(left));
    walk(
        prefix, full,
        [&](Py_ssize_t, Py_ssize_t j) {
            PyObject* count = PyLong_FromLong(full->nodes[j].num_leaves);
            PyList_SET_ITEM(counts.ptr(), --left, own(count).release().ptr());
        },
        [&](Py_ssize_t, Py_ssize_t) { raise_mismatch(prefix, full, wording); });
    return counts;
}

nb::object prefix_mismatches(const TreeDef* prefix, const TreeDef* full) {
    nb::object list = own(PyList_New(0));
    for (const Mismatch& found : mismatches(prefix, full)) {
        nb::object entry = own(Py_BuildValue("sss", found.path.c_str(),
                                             found.prefix.c_str(), found.full.c_str()));
        check(PyList_Append(list.ptr(), entry.ptr()));
    }
    return list;
}

}  // namespace chainrule::pytree
