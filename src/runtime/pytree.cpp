// The pytree functions of the module: arguments in, the other files' work, errors out.
#include "pytree.h"
#include "pytree_docs.h"

namespace chainrule {
namespace {

using namespace pytree;

/// The positional and keyword arguments of one call, by parameter name.
template <size_t N>
struct Arguments {
    PyObject* values[N] = {};

    /// `keyword_values`: where they stand if not right behind the positional arguments.
    Arguments(const char* who, const char* const (&names)[N], size_t required,
              PyObject* const* args, Py_ssize_t count, PyObject* keywords,
              PyObject* const* keyword_values = nullptr) {
        if (!keyword_values) keyword_values = args + count;
        if (count > Py_ssize_t(N))
            raise(PyExc_TypeError, "%s takes at most %zd arguments, got %zd", who,
                  Py_ssize_t(N), count);
        for (Py_ssize_t i = 0; i < count; ++i) values[i] = args[i];
        Py_ssize_t given = keywords ? PyTuple_GET_SIZE(keywords) : 0;
        for (Py_ssize_t k = 0; k < given; ++k)
            assign(who, names, PyTuple_GET_ITEM(keywords, k), keyword_values[k]);
        for (size_t i = 0; i < required; ++i)
            if (!values[i])
                raise(PyExc_TypeError, "%s() misses the argument '%s'", who, names[i]);
    }

    /// Null where the argument is missing or None.
    PyObject* optional(size_t index) const {
        return values[index] == Py_None ? nullptr : values[index];
    }

private:
    void assign(const char* who, const char* const (&names)[N], PyObject* name,
                PyObject* value) {
        for (size_t i = 0; i < N; ++i) {
            if (PyUnicode_CompareWithASCIIString(name, names[i])) continue;
            if (values[i])
                raise(PyExc_TypeError, "%s() got two values for '%U'", who, name);
            values[i] = value;
            return;
        }
        raise(PyExc_TypeError, "%s() has no parameter '%U'", who, name);
    }
};

const char* const tree_and_is_leaf[] = {"tree", "is_leaf"};

PyObject* check_is_leaf(PyObject* is_leaf, const char* who) {
    if (is_leaf && !PyCallable_Check(is_leaf))
        raise(PyExc_TypeError, "%s: is_leaf must be callable or None, got %R", who,
              is_leaf);
    return is_leaf;
}

nb::object as_list(References& items) {
    nb::object list = own(PyList_New(items.size()));
    for (size_t i = 0; i < items.size(); ++i) PyList_SET_ITEM(list.ptr(), i, items[i]);
    items.forget(0);
    return list;
}

nb::object pair(nb::object first, nb::object second) {
    nb::object tuple = own(PyTuple_New(2));
    PyTuple_SET_ITEM(tuple.ptr(), 0, first.release().ptr());
    PyTuple_SET_ITEM(tuple.ptr(), 1, second.release().ptr());
    return tuple;
}

#define CALL PyObject *, PyObject *const *args, Py_ssize_t count, PyObject *keywords

PyObject* tree_flatten_(CALL) {
    return guarded_object([&] {
        Arguments a("tree_flatten", tree_and_is_leaf, 1, args, count, keywords);
        PyObject* is_leaf = check_is_leaf(a.optional(1), "tree_flatten");
        if (!is_leaf && is_leaf_value(a.values[0], nullptr)) {
            nb::object list = own(PyList_New(1));
            PyList_SET_ITEM(list.ptr(), 0, Py_NewRef(a.values[0]));
            return pair(std::move(list), leaf_treedef());
        }
        References leaves;
        nb::object def = flatten(a.values[0], is_leaf, leaves);
        return pair(as_list(leaves), std::move(def));
    });
}

PyObject* tree_leaves_(CALL) {
    return guarded_object([&] {
        Arguments a("tree_leaves", tree_and_is_leaf, 1, args, count, keywords);
        PyObject* is_leaf = check_is_leaf(a.optional(1), "tree_leaves");
        References leaves;
        flatten(a.values[0], is_leaf, leaves);
        return as_list(leaves);
    });
}

PyObject* tree_structure_(CALL) {
    return guarded_object([&] {
        Arguments a("tree_structure", tree_and_is_leaf, 1, args, count, keywords);
        PyObject* is_leaf = check_is_leaf(a.optional(1), "tree_structure");
        References leaves;
        return flatten(a.values[0], is_leaf, leaves);
    });
}

PyObject* tree_flatten_with_path_(CALL) {
    return guarded_object([&] {
        const char* const names[] = {"tree", "is_leaf", "is_leaf_takes_path"};
        Arguments a("tree_flatten_with_path", names, 1, args, count, keywords);
        PyObject* is_leaf = check_is_leaf(a.optional(1), "tree_flatten_with_path");
        int takes_path = a.values[2] ? PyObject_IsTrue(a.values[2]) : 0;
        check(takes_path);
        References leaves;
        nb::object def = flatten_with_path(a.values[0], is_leaf, takes_path, leaves);
        return pair(as_list(leaves), std::move(def));
    });
}

PyObject* tree_unflatten_(CALL) {
    return guarded_object([&] {
        const char* const names[] = {"treedef", "leaves"};
        Arguments a("tree_unflatten", names, 2, args, count, keywords);
        return unflatten_iterable(as_treedef(a.values[0], "tree_unflatten"),
                                  a.values[1]);
    });
}

PyObject* tree_map_(CALL) {
    return guarded_object([&] {
        const char* const names[] = {"f", "tree", "is_leaf"};
        // Beyond the second, positional arguments are further trees.
        Py_ssize_t named = count < 2 ? count : 2;
        Arguments a("tree_map", names, 2, args, named, keywords, args + count);
        PyObject* is_leaf = check_is_leaf(a.optional(2), "tree_map");
        if (count < 2) return tree_map(a.values[0], &a.values[1], 1, is_leaf);
        return tree_map(a.values[0], args + 1, count - 1, is_leaf);
    });
}

PyObject* all_leaves_(CALL) {
    return guarded_object([&] {
        const char* const names[] = {"iterable", "is_leaf"};
        Arguments a("all_leaves", names, 1, args, count, keywords);
        PyObject* is_leaf = check_is_leaf(a.optional(1), "all_leaves");
        nb::object iterator = own(PyObject_GetIter(a.values[0]));
        while (PyObject* next = PyIter_Next(iterator.ptr()))
            if (!is_leaf_value(nb::steal(next).ptr(), is_leaf))
                return nb::borrow(Py_False);
        if (PyErr_Occurred()) throw nb::python_error();
        return nb::borrow(Py_True);
    });
}

nb::object one_level(PyObject* tree, bool with_keys, const char* who) {
    References items;
    nb::object def = flatten_one_level(tree, with_keys, items);
    const Node& root = reinterpret_cast<TreeDef*>(def.ptr())->root();
    if (root.kind == Kind::leaf)
        raise(PyExc_ValueError, "%s: a value of type %R is a leaf, it has no children",
              who, Py_TYPE(tree));
    nb::object children = as_list(items);
    if (root.kind <= Kind::dict && root.kind != Kind::list)
        children = own(PyList_AsTuple(children.ptr()));
    return pair(std::move(children), root.data ? nb::borrow(root.data) : nb::none());
}

PyObject* flatten_one_level_(CALL) {
    return guarded_object([&] {
        const char* const names[] = {"tree"};
        Arguments a("flatten_one_level", names, 1, args, count, keywords);
        return one_level(a.values[0], false, "flatten_one_level");
    });
}

PyObject* flatten_one_level_with_keys_(CALL) {
    return guarded_object([&] {
        const char* const names[] = {"tree"};
        Arguments a("flatten_one_level_with_keys", names, 1, args, count, keywords);
        return one_level(a.values[0], true, "flatten_one_level_with_keys");
    });
}

PyObject* register_node_(CALL) {
    return guarded_object([&] {
        const char* const names[] = {"type", "to_iterable", "from_iterable",
                                     "flatten_with_keys"};
        Arguments a("register_node", names, 3, args, count, keywords);
        register_node(a.values[0], a.values[1], a.values[2], a.optional(3));
        return nb::none();
    });
}

PyObject* register_dataclass_node_(CALL) {
    return guarded_object([&] {
        const char* const names[] = {"type", "data_fields", "meta_fields"};
        Arguments a("register_dataclass_node", names, 3, args, count, keywords);
        register_dataclass_node(a.values[0], a.values[1], a.values[2]);
        return nb::none();
    });
}

PyObject* is_tree_node_(CALL) {
    return guarded_object([&] {
        const char* const names[] = {"typ"};
        Arguments a("is_tree_node", names, 1, args, count, keywords);
        if (!PyType_Check(a.values[0]))
            raise(PyExc_TypeError, "is_tree_node: expected a class, got %R",
                  a.values[0]);
        auto* type = reinterpret_cast<PyTypeObject*>(a.values[0]);
        bool node = find_registration(type) || is_named_tuple(type);
        return nb::borrow(node ? Py_True : Py_False);
    });
}

PyObject* treedef_tuple_(CALL) {
    return guarded_object([&] {
        const char* const names[] = {"treedefs"};
        Arguments a("treedef_tuple", names, 1, args, count, keywords);
        return treedef_tuple(a.values[0]);
    });
}

const char* as_text(PyObject* str) {
    const char* text = PyUnicode_AsUTF8(str);
    if (!text) throw nb::python_error();
    return text;
}

PyObject* prefix_counts_(CALL) {
    return guarded_object([&] {
        const char* const names[] = {"prefix", "full", "who", "prefix_name",
                                     "full_name"};
        Arguments a("prefix_counts", names, 5, args, count, keywords);
        return prefix_counts(
            as_treedef(a.values[0], "prefix_counts"),
            as_treedef(a.values[1], "prefix_counts"),
            {as_text(a.values[2]), as_text(a.values[3]), as_text(a.values[4])});
    });
}

PyObject* prefix_mismatches_(CALL) {
    return guarded_object([&] {
        const char* const names[] = {"prefix", "full"};
        Arguments a("prefix_mismatches", names, 2, args, count, keywords);
        return prefix_mismatches(as_treedef(a.values[0], "prefix_mismatches"),
                                 as_treedef(a.values[1], "prefix_mismatches"));
    });
}

PyObject* set_key_types_(CALL) {
    return guarded_object([&] {
        const char* const names[] = {"dict_key", "sequence_key", "attribute_key",
                                     "flat_key"};
        Arguments a("set_key_types", names, 4, args, count, keywords);
        set_key_types(a.values[0], a.values[1], a.values[2], a.values[3]);
        return nb::none();
    });
}

PyObject* treedef_from_state_(PyObject*, PyObject* state) {
    return guarded_object([&] { return treedef_from_state(state); });
}

#undef CALL

template <class Function>
PyMethodDef fast(const char* name, Function* function, const char* doc) {
    return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(function)),
            METH_FASTCALL | METH_KEYWORDS, doc};
}

PyMethodDef functions[] = {
    fast("tree_flatten", tree_flatten_, docs::tree_flatten),
    fast("tree_leaves", tree_leaves_, docs::tree_leaves),
    fast("tree_structure", tree_structure_, docs::tree_structure),
    fast("tree_flatten_with_path", tree_flatten_with_path_,
         docs::tree_flatten_with_path),
    fast("tree_unflatten", tree_unflatten_, docs::tree_unflatten),
    fast("tree_map", tree_map_, docs::tree_map),
    fast("all_leaves", all_leaves_, docs::all_leaves),
    fast("flatten_one_level", flatten_one_level_, docs::flatten_one_level),
    fast("flatten_one_level_with_keys", flatten_one_level_with_keys_,
         docs::flatten_one_level_with_keys),
    fast("is_tree_node", is_tree_node_, docs::is_tree_node),
    fast("treedef_tuple", treedef_tuple_, docs::treedef_tuple),
    fast("register_node", register_node_, docs::register_node),
    fast("register_dataclass_node", register_dataclass_node_,
         docs::register_dataclass_node),
    fast("prefix_counts", prefix_counts_, docs::prefix_counts),
    fast("prefix_mismatches", prefix_mismatches_, docs::prefix_mismatches),
    fast("set_key_types", set_key_types_, docs::set_key_types),
    {"treedef_from_state", treedef_from_state_, METH_O, docs::treedef_from_state},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

void register_pytree(nb::module_& module) {
    init_registry();
    init_treedef(module.ptr());
    check(PyModule_AddFunctions(module.ptr(), functions));
}

}  // namespace chainrule
