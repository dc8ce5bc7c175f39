// Initializer: the `__init__` of records, classes of named fields (compiler/records.py).
// It sets the fields of an instance, by position or by name, without a Python frame and
// without code that would have to be compiled when the class is made.
#include "dispatch.h"

namespace chainrule {
namespace {

struct Initializer {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject* fields;    // a tuple of interned names
    PyObject* defaults;  // a dict from names to values
};

Initializer* as_initializer(PyObject* object) {
    return reinterpret_cast<Initializer*>(object);
}

/// The place of a field's name among the keywords of a call; -1 where it is not there.
Py_ssize_t find_keyword(PyObject* kwnames, PyObject* name) {
    Py_ssize_t count = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    for (Py_ssize_t k = 0; k < count; ++k) {
        PyObject* given = PyTuple_GET_ITEM(kwnames, k);
        if (given == name || PyUnicode_Compare(given, name) == 0) return k;
    }
    return -1;
}

/// Raises TypeError: `what` is wrong with a record's field `name`.
PyObject* refuse(PyObject* record, const char* what, PyObject* name) {
    return PyErr_Format(PyExc_TypeError, "%s: %s field %R.", Py_TYPE(record)->tp_name,
                        what, name);
}

/// Sets the fields after the first `given` ones by keywords, or to their defaults.
/// Returns how many keywords were used, -1 with an error set.
Py_ssize_t set_rest(Initializer* self, PyObject* record, Py_ssize_t given,
                    PyObject* const* keywords, PyObject* kwnames) {
    Py_ssize_t used = 0;
    for (Py_ssize_t k = given; k < PyTuple_GET_SIZE(self->fields); ++k) {
        PyObject* name = PyTuple_GET_ITEM(self->fields, k);
        Py_ssize_t place = find_keyword(kwnames, name);
        PyObject* value = place < 0 ? PyDict_GetItemWithError(self->defaults, name)
                                    : keywords[place];
        used += place >= 0;
        if (!value && !PyErr_Occurred()) refuse(record, "there is no value for the", name);
        if (!value || PyObject_SetAttr(record, name, value) < 0) return -1;
    }
    return used;
}

/// The call: __init__(record, *values, **values).
PyObject* initialize(PyObject* object, PyObject* const* args, std::size_t nargsf,
                     PyObject* kwnames) {
    Initializer* self = as_initializer(object);
    Py_ssize_t given = PyVectorcall_NARGS(nargsf) - 1;
    if (given < 0 || given > PyTuple_GET_SIZE(self->fields))
        return PyErr_Format(PyExc_TypeError, "record: %zd values for %zd fields.", given,
                            PyTuple_GET_SIZE(self->fields));
    PyObject* record = args[0];
    for (Py_ssize_t k = 0; k < given; ++k)
        if (PyObject_SetAttr(record, PyTuple_GET_ITEM(self->fields, k), args[k + 1]) < 0)
            return nullptr;
    Py_ssize_t used = set_rest(self, record, given, args + given + 1, kwnames);
    if (used < 0) return nullptr;
    Py_ssize_t named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    if (used == named) Py_RETURN_NONE;
    Py_ssize_t k = 0;  // one of the names is no field, or that of a value before it
    while (k < named - 1 &&
           find_keyword(self->fields, PyTuple_GET_ITEM(kwnames, k)) >= given)
        ++k;
    return refuse(record, "there is no further", PyTuple_GET_ITEM(kwnames, k));
}

/// Initializer(fields, defaults)
PyObject* initializer_new(PyTypeObject* type, PyObject* args, PyObject*) {
    PyObject *fields, *defaults;
    if (!PyArg_ParseTuple(args, "O!O!", &PyTuple_Type, &fields, &PyDict_Type, &defaults))
        return nullptr;
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(fields); ++k)
        if (!PyUnicode_Check(PyTuple_GET_ITEM(fields, k)))
            return PyErr_Format(PyExc_TypeError, "Initializer: fields must be names.");
    PyObject* self = type->tp_alloc(type, 0);
    if (!self) return nullptr;
    as_initializer(self)->vectorcall = initialize;
    as_initializer(self)->fields = Py_NewRef(fields);
    as_initializer(self)->defaults = Py_NewRef(defaults);
    return self;
}

int initializer_traverse(PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(as_initializer(self)->fields);
    Py_VISIT(as_initializer(self)->defaults);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

int initializer_clear(PyObject* self) {
    Py_CLEAR(as_initializer(self)->fields);
    Py_CLEAR(as_initializer(self)->defaults);
    return 0;
}

void initializer_dealloc(PyObject* self) {
    PyTypeObject* type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    initializer_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

PyMemberDef initializer_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Initializer, vectorcall), READONLY,
     nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyType_Slot initializer_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(initializer_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(initializer_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(initializer_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(initializer_clear)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_members, initializer_members},
    {Py_tp_doc, const_cast<char*>("Initializer(fields, defaults): the __init__ of a class "
                                  "with these fields.")},
    {0, nullptr}};

PyType_Spec initializer_spec = {
    "chainrule.runtime._native.Initializer", sizeof(Initializer), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
        Py_TPFLAGS_METHOD_DESCRIPTOR,
    initializer_slots};

}  // namespace

bool init_records(PyObject* module) {
    return add_type(module, &initializer_spec, nullptr, "Initializer");
}

}  // namespace chainrule
