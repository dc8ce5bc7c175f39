// Flattening: one recursive walk for all variants (with is_leaf, with key paths, one
// level only). User code may run at every node, so the walk owns what it holds and
// reads sizes anew at each step.
#include "pytree.h"

namespace chainrule::pytree {
namespace {

enum KeyKind { dict_key, sequence_key, attribute_key, flat_key };
PyObject* key_types[4] = {nullptr, nullptr, nullptr, nullptr};

/// What is taken from a custom node.
struct Taken {
    nb::object children;  ///< tuple
    nb::object keys;      ///< tuple, or null where no keys are known
    nb::object data;
};

bool ask(PyObject* answer_or_null) {
    nb::object answer = own(answer_or_null);
    if (answer.ptr() == Py_True) return true;
    if (answer.ptr() == Py_False || answer.ptr() == Py_None) return false;
    raise(PyExc_ValueError, "pytree: is_leaf must return a bool, got %R", answer.ptr());
}

/// Calls a registered function; its result must be a pair.
nb::object call_for_pair(PyObject* function, PyObject* value, const char* role) {
    nb::object pair = own(PyObject_CallOneArg(function, value));
    if (!PyTuple_Check(pair.ptr()) || PyTuple_GET_SIZE(pair.ptr()) != 2)
        raise(PyExc_ValueError,
              "pytree: %s of %R must return (children, static data), got %R", role,
              Py_TYPE(value), pair.ptr());
    return pair;
}

/// The iterable as a tuple; ValueError if it is none.
nb::object as_children(PyObject* iterable, PyObject* value, const char* role) {
    if (PyTuple_CheckExact(iterable)) return nb::borrow(iterable);
    if (PyList_CheckExact(iterable)) return own(PyList_AsTuple(iterable));
    PyObject* iterator = PyObject_GetIter(iterable);
    if (!iterator) {
        if (!PyErr_ExceptionMatches(PyExc_TypeError)) throw nb::python_error();
        PyErr_Clear();
        raise(PyExc_ValueError,
              "pytree: %s of %R must return iterable children, got %R", role,
              Py_TYPE(value), iterable);
    }
    nb::object owned = nb::steal(iterator);
    return own(PySequence_Tuple(iterator));
}

Taken take(const Registration* type, PyObject* value) {
    const char* role = "flatten_func";
    nb::object pair = call_for_pair(type->to_iterable, value, role);
    return {as_children(PyTuple_GET_ITEM(pair.ptr(), 0), value, role), nb::object(),
            nb::borrow(PyTuple_GET_ITEM(pair.ptr(), 1))};
}

Taken take_with_keys(const Registration* type, PyObject* value) {
    if (!type->with_keys) return take(type, value);
    const char* role = "flatten_with_keys_func";
    nb::object pair = call_for_pair(type->with_keys, value, role);
    nb::object items = as_children(PyTuple_GET_ITEM(pair.ptr(), 0), value, role);
    Py_ssize_t count = PyTuple_GET_SIZE(items.ptr());
    nb::object keys = own(PyTuple_New(count)), children = own(PyTuple_New(count));
    for (Py_ssize_t i = 0; i < count; ++i) {
        PyObject* item = PyTuple_GET_ITEM(items.ptr(), i);
        if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 2)
            raise(PyExc_ValueError,
                  "pytree: %s of %R must return children as (key, child) pairs, got %R",
                  role, Py_TYPE(value), item);
        PyTuple_SET_ITEM(keys.ptr(), i, Py_NewRef(PyTuple_GET_ITEM(item, 0)));
        PyTuple_SET_ITEM(children.ptr(), i, Py_NewRef(PyTuple_GET_ITEM(item, 1)));
    }
    return {children, keys, nb::borrow(PyTuple_GET_ITEM(pair.ptr(), 1))};
}

nb::object make_key(KeyKind kind, PyObject* value) {
    if (!key_types[kind])
        raise(PyExc_RuntimeError, "pytree: the key path classes are not installed");
    return own(PyObject_CallOneArg(key_types[kind], value));
}

nb::object make_index_key(KeyKind kind, Py_ssize_t index) {
    return make_key(kind, own(PyLong_FromSsize_t(index)).ptr());
}

/// The names of a namedtuple's fields if they are what they should be, else null.
nb::object field_names(PyTypeObject* type, Py_ssize_t count) {
    nb::object fields =
        own(PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), "_fields"));
    if (!PyTuple_Check(fields.ptr()) || PyTuple_GET_SIZE(fields.ptr()) != count)
        return nb::object();
    return fields;
}

class Walk {
public:
    References& leaves;
    PyObject* is_leaf = nullptr;
    bool with_path = false;
    bool is_leaf_takes_path = false;
    bool one_level = false;

    explicit Walk(References& out) : leaves(out) {}

    nb::object run(PyObject* tree) {
        visit(tree);
        return make_treedef(nodes_);
    }

    nb::object run_call(const CallArguments& call) {
        for (Py_ssize_t i = 0; i < call.count; ++i) {
            bool omitted = i < 64 && (call.omitted >> i & 1);
            visit(omitted ? Py_None : call.args[i]);
        }
        finish(Kind::tuple, call.count, 0, 0, nullptr, nb::object());
        size_t leaf = leaves.size(), node = nodes_.size();
        Py_ssize_t named = call.names ? PyTuple_GET_SIZE(call.names) : 0;
        for (Py_ssize_t i = 0; i < named; ++i) visit(call.values[i]);
        nb::object keys = call.names ? nb::borrow(call.names) : own(PyTuple_New(0));
        finish(Kind::dict, named, leaf, node, nullptr, std::move(keys));
        finish(Kind::tuple, 2, 0, 0, nullptr, nb::object());
        return make_treedef(nodes_);
    }

private:
    void visit(PyObject* value) {
        if (one_level && inside_) return leaf(value);
        if (is_leaf && asked_for_leaf(value)) return leaf(value);
        PyTypeObject* type = Py_TYPE(value);
        if (type == &PyTuple_Type) return visit_tuple(value, Kind::tuple);
        if (type == &PyList_Type) return visit_list(value);
        if (type == &PyDict_Type) return visit_dict(value, Kind::dict);
        if (value == Py_None)
            return nodes_.push(Kind::none, 0, 0, 1, nullptr, nb::object());
        const Registration* entry = find_registration(type);
        if (entry) return visit_registered(value, entry);
        if (is_named_tuple(type)) return visit_tuple(value, Kind::named_tuple);
        leaf(value);
    }

    bool asked_for_leaf(PyObject* value) {
        if (!is_leaf_takes_path) return ask(PyObject_CallOneArg(is_leaf, value));
        nb::object path = current_path();
        return ask(PyObject_CallFunctionObjArgs(is_leaf, path.ptr(), value, nullptr));
    }

    nb::object current_path() {
        nb::object path = own(PyTuple_New(path_.size()));
        for (size_t i = 0; i < path_.size(); ++i)
            PyTuple_SET_ITEM(path.ptr(), i, Py_NewRef(path_[i]));
        return path;
    }

    void leaf(PyObject* value) {
        nodes_.push_leaf();
        if (!with_path) return leaves.push_borrowed(value);
        nb::object path = one_level ? nb::borrow(path_[0]) : current_path();
        leaves.push(own(PyTuple_Pack(2, path.ptr(), value)));
    }

    void child(PyObject* value) {
        ++inside_;
        visit(value);
        --inside_;
    }

    void child(PyObject* value, nb::object key) {
        path_.push(std::move(key));
        child(value);
        path_.drop_last();
    }

    /// Ends the node whose subtree began at these positions.
    void finish(Kind kind, Py_ssize_t arity, size_t leaf, size_t node,
                const Registration* type, nb::object data) {
        nodes_.push(kind, arity, leaves.size() - leaf, nodes_.size() - node + 1, type,
                    std::move(data));
    }

    void visit_tuple(PyObject* tuple, Kind kind) {
        RecursionGuard guard;
        size_t leaf = leaves.size(), node = nodes_.size();
        Py_ssize_t count = PyTuple_GET_SIZE(tuple);
        nb::object names, type;
        if (kind == Kind::named_tuple) {
            type = nb::borrow(reinterpret_cast<PyObject*>(Py_TYPE(tuple)));
            if (with_path) names = field_names(Py_TYPE(tuple), count);
        }
        for (Py_ssize_t i = 0; i < count; ++i) {
            PyObject* item = PyTuple_GET_ITEM(tuple, i);
            if (!with_path)
                child(item);
            else if (names.is_valid())
                child(item, make_key(attribute_key, PyTuple_GET_ITEM(names.ptr(), i)));
            else
                child(item, make_index_key(sequence_key, i));
        }
        finish(kind, count, leaf, node, nullptr, std::move(type));
    }

    void visit_list(PyObject* list) {
        RecursionGuard guard;
        size_t leaf = leaves.size(), node = nodes_.size();
        Py_ssize_t count = 0;
        for (; count < PyList_GET_SIZE(list); ++count) {
            nb::object item = nb::borrow(PyList_GET_ITEM(list, count));
            if (with_path)
                child(item.ptr(), make_index_key(sequence_key, count));
            else
                child(item.ptr());
        }
        finish(Kind::list, count, leaf, node, nullptr, nb::object());
    }

    void visit_dict(PyObject* dict, Kind kind) {
        RecursionGuard guard;
        size_t leaf = leaves.size(), node = nodes_.size();
        nb::object keys = kind == Kind::ordered_dict ? own(PySequence_Tuple(dict))
                                                     : sorted_keys(dict);
        nb::object data = keys;
        if (kind == Kind::default_dict) {
            nb::object factory = own(PyObject_GetAttrString(dict, "default_factory"));
            data = own(PyTuple_Pack(2, factory.ptr(), keys.ptr()));
        }
        Py_ssize_t count = PyTuple_GET_SIZE(keys.ptr());
        for (Py_ssize_t i = 0; i < count; ++i) {
            PyObject* key = PyTuple_GET_ITEM(keys.ptr(), i);
            nb::object value = nb::borrow(PyDict_GetItemWithError(dict, key));
            if (!value.is_valid()) {
                if (PyErr_Occurred()) throw nb::python_error();
                raise(PyExc_RuntimeError,
                      "pytree: a dict lost its key %R while it was flattened", key);
            }
            if (with_path)
                child(value.ptr(), make_key(dict_key, key));
            else
                child(value.ptr());
        }
        finish(kind, count, leaf, node, nullptr, std::move(data));
    }

    void visit_registered(PyObject* value, const Registration* type) {
        switch (type->kind) {
            case Kind::ordered_dict:
            case Kind::default_dict: return visit_dict(value, type->kind);
            case Kind::dataclass: return visit_dataclass(value, type);
            default: return visit_custom(value, type);
        }
    }

    void visit_custom(PyObject* value, const Registration* type) {
        RecursionGuard guard;
        size_t leaf = leaves.size(), node = nodes_.size();
        Taken taken = with_path ? take_with_keys(type, value) : take(type, value);
        Py_ssize_t count = PyTuple_GET_SIZE(taken.children.ptr());
        for (Py_ssize_t i = 0; i < count; ++i) {
            PyObject* item = PyTuple_GET_ITEM(taken.children.ptr(), i);
            if (!with_path)
                child(item);
            else if (taken.keys.is_valid())
                child(item, nb::borrow(PyTuple_GET_ITEM(taken.keys.ptr(), i)));
            else
                child(item, make_index_key(flat_key, i));
        }
        finish(Kind::custom, count, leaf, node, type, std::move(taken.data));
    }

    void visit_dataclass(PyObject* value, const Registration* type) {
        RecursionGuard guard;
        size_t leaf = leaves.size(), node = nodes_.size();
        Py_ssize_t count = PyTuple_GET_SIZE(type->data_fields);
        for (Py_ssize_t i = 0; i < count; ++i) {
            PyObject* name = PyTuple_GET_ITEM(type->data_fields, i);
            nb::object item = own(PyObject_GetAttr(value, name));
            if (with_path)
                child(item.ptr(), make_key(attribute_key, name));
            else
                child(item.ptr());
        }
        Py_ssize_t fields = PyTuple_GET_SIZE(type->meta_fields);
        nb::object data = own(PyTuple_New(fields));
        for (Py_ssize_t i = 0; i < fields; ++i) {
            PyObject* name = PyTuple_GET_ITEM(type->meta_fields, i);
            nb::object item = own(PyObject_GetAttr(value, name));
            PyTuple_SET_ITEM(data.ptr(), i, item.release().ptr());
        }
        finish(Kind::dataclass, count, leaf, node, type, std::move(data));
    }

    Nodes nodes_;
    References path_;
    size_t inside_ = 0;
};

}  // namespace

nb::object flatten(PyObject* tree, PyObject* is_leaf, References& leaves) {
    Walk walk(leaves);
    walk.is_leaf = is_leaf;
    return walk.run(tree);
}

nb::object flatten_call(const CallArguments& call, References& leaves) {
    return Walk(leaves).run_call(call);
}

nb::object flatten_with_path(PyObject* tree, PyObject* is_leaf, bool takes_path,
                             References& leaves) {
    Walk walk(leaves);
    walk.is_leaf = is_leaf;
    walk.is_leaf_takes_path = takes_path;
    walk.with_path = true;
    return walk.run(tree);
}

nb::object flatten_one_level(PyObject* tree, bool with_keys, References& children) {
    Walk walk(children);
    walk.one_level = true;
    walk.with_path = with_keys && !is_leaf_value(tree, nullptr);
    return walk.run(tree);
}

bool is_leaf_value(PyObject* value, PyObject* is_leaf) {
    if (is_leaf && ask(PyObject_CallOneArg(is_leaf, value))) return true;
    PyTypeObject* type = Py_TYPE(value);
    return !find_registration(type) && !is_named_tuple(type);
}

void set_key_types(PyObject* dict, PyObject* sequence, PyObject* attribute,
                   PyObject* flat) {
    PyObject* types[4] = {dict, sequence, attribute, flat};
    for (int i = 0; i < 4; ++i) {
        PyObject* old = key_types[i];
        key_types[i] = Py_NewRef(types[i]);
        Py_XDECREF(old);
    }
}

}  // namespace chainrule::pytree
