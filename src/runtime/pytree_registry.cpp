// Which Python types are nodes of pytrees: an open-addressed table from type to
// registration. Types and their functions are kept for the life of the process.
#include <cstdarg>
#include <vector>

#include "pytree.h"

namespace chainrule::pytree {
namespace {

class Table {
public:
    Table() : slots_(64, nullptr) {}

    const Registration* find(PyTypeObject* type) const {
        for (size_t i = start(type);; i = (i + 1) & (slots_.size() - 1)) {
            const Registration* entry = slots_[i];
            if (!entry || entry->type == type) return entry;
        }
    }

    void insert(const Registration* entry) {
        if (2 * (count_ + 1) > slots_.size()) {
            std::vector<const Registration*> old(2 * slots_.size(), nullptr);
            old.swap(slots_);
            for (const Registration* other : old)
                if (other) place(other);
        }
        place(entry);
        ++count_;
    }

private:
    size_t start(PyTypeObject* type) const {
        auto bits = reinterpret_cast<uintptr_t>(type);
        return ((bits >> 4) * 0x9E3779B97F4A7C15ull >> 32) & (slots_.size() - 1);
    }

    void place(const Registration* entry) {
        size_t i = start(entry->type);
        while (slots_[i]) i = (i + 1) & (slots_.size() - 1);
        slots_[i] = entry;
    }

    std::vector<const Registration*> slots_;
    size_t count_ = 0;
};

Table* table = nullptr;
PyObject* fields_name = nullptr;  // "_fields"
PyTypeObject* default_dict_type = nullptr;

void add_builtin(Kind kind, PyTypeObject* type) {
    table->insert(new Registration{kind, type, nullptr, nullptr, nullptr, nullptr,
                                   nullptr, nullptr});
}

PyTypeObject* as_unregistered_type(PyObject* type, const char* who) {
    if (!PyType_Check(type))
        raise(PyExc_TypeError, "%s: a node type must be a class, got %R", who, type);
    auto* result = reinterpret_cast<PyTypeObject*>(type);
    if (table->find(result))
        raise(PyExc_ValueError,
              "%s: %R is already registered as a pytree node; register a type once",
              who, type);
    return result;
}

void check_callable(PyObject* function, const char* role, PyObject* type) {
    if (!PyCallable_Check(function))
        raise(PyExc_TypeError,
              "register_pytree_node: %s of %R must be callable, got %R", role, type,
              function);
}

nb::object as_field_names(PyObject* fields, PyObject* type) {
    nb::object names = own(PySequence_Tuple(fields));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names.ptr()); ++i)
        if (!PyUnicode_CheckExact(PyTuple_GET_ITEM(names.ptr(), i)))
            raise(PyExc_TypeError,
                  "register_dataclass: field names of %R must be str, got %R", type,
                  PyTuple_GET_ITEM(names.ptr(), i));
    return names;
}

}  // namespace

void raise(PyObject* type, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    PyErr_FormatV(type, format, arguments);
    va_end(arguments);
    throw nb::python_error();
}

void init_registry() {
    if (table) return;
    nb::object collections = own(PyImport_ImportModule("collections"));
    nb::object type = own(PyObject_GetAttrString(collections.ptr(), "defaultdict"));
    fields_name = own(PyUnicode_InternFromString("_fields")).release().ptr();
    default_dict_type = reinterpret_cast<PyTypeObject*>(type.release().ptr());
    table = new Table;
    add_builtin(Kind::none, Py_TYPE(Py_None));
    add_builtin(Kind::tuple, &PyTuple_Type);
    add_builtin(Kind::list, &PyList_Type);
    add_builtin(Kind::dict, &PyDict_Type);
    add_builtin(Kind::ordered_dict, &PyODict_Type);
    add_builtin(Kind::default_dict, default_dict_type);
}

const Registration* find_registration(PyTypeObject* type) { return table->find(type); }

bool is_named_tuple(PyTypeObject* type) {
    if (!PyType_HasFeature(type, Py_TPFLAGS_TUPLE_SUBCLASS)) return false;
    nb::object fields =
        nb::steal(PyObject_GetAttr(reinterpret_cast<PyObject*>(type), fields_name));
    if (fields.is_valid()) return true;
    if (!PyErr_ExceptionMatches(PyExc_AttributeError)) throw nb::python_error();
    PyErr_Clear();
    return false;
}

PyTypeObject* node_type(const Node& node) {
    switch (node.kind) {
        case Kind::none: return Py_TYPE(Py_None);
        case Kind::tuple: return &PyTuple_Type;
        case Kind::list: return &PyList_Type;
        case Kind::dict: return &PyDict_Type;
        case Kind::ordered_dict: return &PyODict_Type;
        case Kind::default_dict: return default_dict_type;
        case Kind::named_tuple: return reinterpret_cast<PyTypeObject*>(node.data);
        case Kind::custom:
        case Kind::dataclass: return node.type->type;
        case Kind::leaf: break;
    }
    return nullptr;
}

void register_node(PyObject* type, PyObject* to_iterable, PyObject* from_iterable,
                   PyObject* with_keys) {
    PyTypeObject* node = as_unregistered_type(type, "register_pytree_node");
    check_callable(to_iterable, "flatten_func", type);
    check_callable(from_iterable, "unflatten_func", type);
    if (with_keys) check_callable(with_keys, "flatten_with_keys_func", type);
    Py_INCREF(type);
    table->insert(new Registration{Kind::custom, node, Py_NewRef(to_iterable),
                                   Py_NewRef(from_iterable), Py_XNewRef(with_keys),
                                   nullptr, nullptr, nullptr});
}

void register_dataclass_node(PyObject* type, PyObject* data_fields,
                             PyObject* meta_fields) {
    PyTypeObject* node = as_unregistered_type(type, "register_dataclass");
    nb::object data = as_field_names(data_fields, type);
    nb::object meta = as_field_names(meta_fields, type);
    nb::object names = own(PySequence_Concat(data.ptr(), meta.ptr()));
    Py_INCREF(type);
    table->insert(new Registration{Kind::dataclass, node, nullptr, nullptr, nullptr,
                                   data.release().ptr(), meta.release().ptr(),
                                   names.release().ptr()});
}

}  // namespace chainrule::pytree
