// Trace and Tracer: the C++ bases that transformations subclass in Python.
//
// A tracer's shape, dtype and the like are those of its aval. What needs a value asks
// the subclass: `_concrete(kind)` returns a concrete array, or raises.
#include "dispatch.h"

namespace chainrule {

PyTypeObject* trace_type = nullptr;
PyTypeObject* tracer_type = nullptr;

namespace {

std::int64_t next_level = 1;

PyObject* trace_new(PyTypeObject* type, PyObject*, PyObject*) {
    PyObject* self = type->tp_alloc(type, 0);
    if (!self) return nullptr;
    auto* trace = reinterpret_cast<Trace*>(self);
    trace->level = next_level++;
    trace->alive = true;
    return self;
}

void trace_dealloc(PyObject* self) {
    PyTypeObject* type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);
}

PyMemberDef trace_members[] = {
    {"level", T_LONGLONG, offsetof(Trace, level), READONLY,
     "Position in the order of construction; the highest level takes an operation."},
    {"alive", T_BOOL, offsetof(Trace, alive), 0,
     "False once the transformation ended: its tracers have leaked."},
    {nullptr, 0, 0, 0, nullptr}};

PyType_Slot trace_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(trace_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(trace_dealloc)},
    {Py_tp_members, trace_members},
    {Py_tp_doc, const_cast<char*>("Base of tracing contexts; subclasses implement "
                                  "process(prim, args, params).")},
    {0, nullptr}};

PyType_Spec trace_spec = {"chainrule.runtime._native.Trace", sizeof(Trace), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, trace_slots};

/// The aval, borrowed; AttributeError before __init__ has set it.
PyObject* aval_of(PyObject* self) {
    PyObject* aval = as_tracer(self)->aval;
    if (!aval)
        PyErr_Format(PyExc_AttributeError,
                     "%s: the tracer has no aval yet; set it in "
                     "__init__.",
                     Py_TYPE(self)->tp_name);
    return aval;
}

/// An attribute that a tracer takes from its aval: by name in general, and directly
/// where the aval is a ShapedArray, as it nearly always is.
struct Aspect {
    const char* name;
    PyObject* (*direct)(ShapedArray*);
};

Aspect shape_aspect{"shape", [](ShapedArray* a) { return Py_NewRef(a->shape); }};
Aspect dtype_aspect{"dtype", [](ShapedArray* a) { return Py_NewRef(a->dtype); }};
Aspect ndim_aspect{"ndim", [](ShapedArray* a) { return PyLong_FromLong(a->ndim); }};
Aspect size_aspect{"size", [](ShapedArray* a) { return PyLong_FromSsize_t(a->size); }};
Aspect weak_aspect{"weak_type",
                   [](ShapedArray* a) { return PyBool_FromLong(a->weak); }};

PyObject* get_aspect(PyObject* self, void* closure) {
    auto* aspect = static_cast<const Aspect*>(closure);
    PyObject* aval = aval_of(self);
    if (!aval) return nullptr;
    return is_shaped_array(aval) ? aspect->direct(as_shaped(aval))
                                 : PyObject_GetAttrString(aval, aspect->name);
}

PyObject* get_itemsize(PyObject* self, void*) {
    PyObject* aval = aval_of(self);
    Ref dtype(aval ? PyObject_GetAttrString(aval, "dtype") : nullptr);
    return dtype ? PyObject_GetAttrString(dtype.get(), "itemsize") : nullptr;
}

PyObject* get_nbytes(PyObject* self, void*) {
    Ref itemsize(get_itemsize(self, nullptr));
    PyObject* aval = itemsize ? aval_of(self) : nullptr;
    Ref size(aval ? PyObject_GetAttrString(aval, "size") : nullptr);
    return size ? PyNumber_Multiply(size.get(), itemsize.get()) : nullptr;
}

/// What the subclass gives for a conversion: a concrete array, or an exception.
PyObject* concrete_for(PyObject* self, const char* kind) {
    Ref value(PyObject_CallMethod(self, "_concrete", "s", kind));
    if (value && !is_concrete(value.get()))
        return PyErr_Format(PyExc_TypeError,
                            "%s: _concrete('%s') returned %s; it must "
                            "return a concrete Array or raise.",
                            Py_TYPE(self)->tp_name, kind,
                            Py_TYPE(value.get())->tp_name);
    return value.release();
}

int tracer_bool(PyObject* self) {
    Ref value(concrete_for(self, "bool"));
    return value ? array_bool(value.get()) : -1;
}
PyObject* tracer_int(PyObject* self) {
    Ref value(concrete_for(self, "int"));
    return value ? array_int(value.get()) : nullptr;
}
PyObject* tracer_float(PyObject* self) {
    Ref value(concrete_for(self, "float"));
    return value ? array_float(value.get()) : nullptr;
}
PyObject* tracer_complex(PyObject* self, PyObject*) {
    Ref value(concrete_for(self, "complex"));
    return value ? array_complex(value.get()) : nullptr;
}
PyObject* tracer_index(PyObject* self) {
    Ref value(concrete_for(self, "index"));
    return value ? array_index(value.get()) : nullptr;
}
PyObject* tracer_as_numpy(PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                          PyObject* kwnames) {
    Ref value(concrete_for(self, "array"));
    return value ? array_as_numpy(value.get(), args, nargs, kwnames) : nullptr;
}
PyObject* tracer_item(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
    Ref value(concrete_for(self, "item"));
    return value ? array_item(value.get(), args, nargs) : nullptr;
}
PyObject* tracer_tolist(PyObject* self, PyObject*) {
    Ref value(concrete_for(self, "item"));
    return value ? array_tolist(value.get(), nullptr) : nullptr;
}

/// Extent of the leading axis; -1 with an exception. `scalar` is said of 0-d values.
Py_ssize_t leading_extent(PyObject* self, const char* scalar) {
    Ref shape(get_aspect(self, &shape_aspect));
    Py_ssize_t ndim = shape ? PySequence_Size(shape.get()) : -1;
    if (ndim > 0) {
        Ref extent(PySequence_GetItem(shape.get(), 0));
        return extent ? PyNumber_AsSsize_t(extent.get(), PyExc_OverflowError) : -1;
    }
    if (ndim == 0) PyErr_SetString(PyExc_TypeError, scalar);
    return -1;
}

Py_ssize_t tracer_length(PyObject* self) {
    return leading_extent(self, "len() of unsized object");
}

PyObject* tracer_iter(PyObject* self) {
    Py_ssize_t length = leading_extent(self, "iteration over a 0-d array");
    return length < 0 ? nullptr : make_row_iterator(self, length);
}

PyObject* tracer_repr(PyObject* self) {
    Ref name(
        PyObject_GetAttrString(reinterpret_cast<PyObject*>(Py_TYPE(self)), "__name__"));
    PyObject* aval = name ? as_tracer(self)->aval : nullptr;
    Ref label(aval ? aval_label(aval, false) : PyUnicode_FromString("?"));
    if (!name || !label) return nullptr;
    bool weak = aval && is_shaped_array(aval) && as_shaped(aval)->weak;
    return PyUnicode_FromFormat("%U(%s%U)", name.get(), weak ? "~" : "", label.get());
}

PyObject* refuse_pickle(PyObject* self, PyObject*) {
    return PyErr_Format(PyExc_TypeError,
                        "%s: a tracer cannot be pickled; pickle the "
                        "result of the transformation.",
                        Py_TYPE(self)->tp_name);
}

PyObject* same_tracer(PyObject* self, PyObject*) { return Py_NewRef(self); }
PyObject* nothing(PyObject*, PyObject*) { Py_RETURN_NONE; }

PyObject* tracer_new(PyTypeObject* type, PyObject*, PyObject*) {
    return type->tp_alloc(type, 0);
}

int tracer_traverse(PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(as_tracer(self)->trace);
    Py_VISIT(as_tracer(self)->aval);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

int tracer_clear(PyObject* self) {
    Py_CLEAR(as_tracer(self)->trace);
    Py_CLEAR(as_tracer(self)->aval);
    return 0;
}

void tracer_dealloc(PyObject* self) {
    PyTypeObject* type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    tracer_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

PyGetSetDef tracer_getset[] = {
    {"shape", get_aspect, nullptr, "Tuple of extents.", &shape_aspect},
    {"dtype", get_aspect, nullptr, "The dtype of the elements.", &dtype_aspect},
    {"ndim", get_aspect, nullptr, "Number of dimensions.", &ndim_aspect},
    {"size", get_aspect, nullptr, "Number of elements.", &size_aspect},
    {"weak_type", get_aspect, nullptr,
     "True where the dtype yields to that of another operand.", &weak_aspect},
    {"itemsize", get_itemsize, nullptr, "Bytes taken by one element.", nullptr},
    {"nbytes", get_nbytes, nullptr, "Bytes taken by the elements.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMemberDef tracer_members[] = {
    {"_trace", T_OBJECT, offsetof(Tracer, trace), 0, "The Trace it belongs to."},
    {"aval", T_OBJECT, offsetof(Tracer, aval), 0, "The ShapedArray of the value."},
    {nullptr, 0, 0, 0, nullptr}};

PyMethodDef tracer_methods[] = {
    {"__init_subclass__", reinterpret_cast<PyCFunction>(prepare_tracer_subclass),
     METH_VARARGS | METH_KEYWORDS | METH_CLASS, nullptr},
    {"__array__", reinterpret_cast<PyCFunction>(tracer_as_numpy),
     METH_FASTCALL | METH_KEYWORDS, "The value as an ndarray, where it is known."},
    {"__complex__", tracer_complex, METH_NOARGS, nullptr},
    {"__reduce__", refuse_pickle, METH_NOARGS, nullptr},
    {"__copy__", same_tracer, METH_NOARGS, nullptr},
    {"__deepcopy__", same_tracer, METH_O, nullptr},
    {"item", reinterpret_cast<PyCFunction>(tracer_item), METH_FASTCALL,
     "The element as a Python scalar, where it is known."},
    {"tolist", tracer_tolist, METH_NOARGS, "The elements as lists, where known."},
    {"block_until_ready", same_tracer, METH_NOARGS, "The tracer itself."},
    {"copy_to_host_async", nothing, METH_NOARGS, "Does nothing."},
    {nullptr, nullptr, 0, nullptr}};

PyType_Slot tracer_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(tracer_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(tracer_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(tracer_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(tracer_clear)},
    {Py_tp_repr, reinterpret_cast<void*>(tracer_repr)},
    {Py_tp_iter, reinterpret_cast<void*>(tracer_iter)},
    {Py_tp_getset, tracer_getset},
    {Py_tp_members, tracer_members},
    {Py_tp_methods, tracer_methods},
    {Py_mp_length, reinterpret_cast<void*>(tracer_length)},
    {Py_mp_subscript, reinterpret_cast<void*>(array_subscript)},
    {Py_sq_length, reinterpret_cast<void*>(tracer_length)},
    {Py_nb_bool, reinterpret_cast<void*>(tracer_bool)},
    {Py_nb_int, reinterpret_cast<void*>(tracer_int)},
    {Py_nb_float, reinterpret_cast<void*>(tracer_float)},
    {Py_nb_index, reinterpret_cast<void*>(tracer_index)},
    {Py_tp_doc, const_cast<char*>("Stands for a value under a trace.")},
    {0, nullptr}};

PyType_Spec tracer_spec = {
    "chainrule.runtime._native.Tracer", sizeof(Tracer), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, tracer_slots};

}  // namespace

bool init_tracers(PyObject* module) {
    trace_type = add_type(module, &trace_spec, nullptr, "Trace");
    tracer_type =
        trace_type ? add_type(module, &tracer_spec, array_type, "Tracer") : nullptr;
    return tracer_type != nullptr;
}

}  // namespace chainrule
