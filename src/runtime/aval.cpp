// ShapedArray, the Python type: construction, attributes and text.
// The table of interned instances is in aval_table.cpp.
#include "dispatch.h"

#include <cstring>

namespace chainrule {

PyTypeObject* shaped_array_type = nullptr;

namespace {

constexpr int kMaxDims = 64;

/// Reads a shape (any sequence of integers) into dims; -1 with an exception on failure.
int read_shape(PyObject* shape, npy_intp* dims) {
    Ref items(PySequence_Fast(shape,
                              "ShapedArray: the shape is not a sequence of "
                              "integers; pass a tuple such as (2, 3)."));
    if (!items) return -1;
    Py_ssize_t ndim = PySequence_Fast_GET_SIZE(items.get());
    if (ndim > kMaxDims) {
        PyErr_Format(PyExc_ValueError,
                     "ShapedArray: %zd dimensions given; at most %d "
                     "are possible.",
                     ndim, kMaxDims);
        return -1;
    }
    for (Py_ssize_t i = 0; i < ndim; ++i) {
        PyObject* item = PySequence_Fast_GET_ITEM(items.get(), i);
        Py_ssize_t extent = PyNumber_AsSsize_t(item, PyExc_OverflowError);
        if (extent == -1 && PyErr_Occurred()) {
            if (PyErr_ExceptionMatches(PyExc_TypeError))
                PyErr_Format(PyExc_TypeError,
                             "ShapedArray: dimension %zd of the shape "
                             "%R is not an integer; pass integers.",
                             i, shape);
            return -1;
        }
        if (extent < 0) {
            PyErr_Format(PyExc_ValueError,
                         "ShapedArray: dimension %zd of the shape %R "
                         "is negative; pass extents >= 0.",
                         i, shape);
            return -1;
        }
        dims[i] = extent;
    }
    return static_cast<int>(ndim);
}

PyObject* construct(PyObject* shape, PyObject* dtype, PyObject* weak_type) {
    if (!shape || !dtype) {
        PyErr_SetString(PyExc_TypeError,
                        "ShapedArray: shape and dtype are required; "
                        "call ShapedArray(shape, dtype, weak_type=False).");
        return nullptr;
    }
    npy_intp dims[kMaxDims];
    int ndim = read_shape(shape, dims);
    if (ndim < 0) return nullptr;
    int weak = weak_type ? PyObject_IsTrue(weak_type) : 0;
    if (weak < 0) return nullptr;
    Ref canonical(canonical_dtype(dtype));
    if (!canonical) return nullptr;
    return aval_get(canonical.get(), ndim, dims, weak != 0);
}

/// Position of a keyword among (shape, dtype, weak_type), or -1 with an exception.
int parameter_position(PyObject* keyword) {
    static const char* const names[] = {"shape", "dtype", "weak_type"};
    for (int i = 0; i < 3; ++i)
        if (PyUnicode_CompareWithASCIIString(keyword, names[i]) == 0) return i;
    PyErr_Format(PyExc_TypeError,
                 "ShapedArray: unknown argument %R; it takes shape, "
                 "dtype and weak_type.",
                 keyword);
    return -1;
}

bool too_many(Py_ssize_t count) {
    if (count <= 3) return false;
    PyErr_Format(PyExc_TypeError,
                 "ShapedArray: %zd positional arguments given; it takes "
                 "shape, dtype and weak_type.",
                 count);
    return true;
}

PyObject* shaped_vectorcall(PyObject*, PyObject* const* args, std::size_t nargsf,
                            PyObject* names) {
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    if (too_many(nargs)) return nullptr;
    PyObject* values[3] = {nullptr, nullptr, nullptr};
    std::copy(args, args + nargs, values);
    Py_ssize_t nkw = names ? PyTuple_GET_SIZE(names) : 0;
    for (Py_ssize_t i = 0; i < nkw; ++i) {
        int position = parameter_position(PyTuple_GET_ITEM(names, i));
        if (position < 0) return nullptr;
        values[position] = args[nargs + i];
    }
    return construct(values[0], values[1], values[2]);
}

PyObject* shaped_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
    if (too_many(PyTuple_GET_SIZE(args))) return nullptr;
    PyObject* values[3] = {nullptr, nullptr, nullptr};
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i)
        values[i] = PyTuple_GET_ITEM(args, i);
    PyObject *key, *value;
    Py_ssize_t cursor = 0;
    while (kwargs && PyDict_Next(kwargs, &cursor, &key, &value)) {
        int position = parameter_position(key);
        if (position < 0) return nullptr;
        values[position] = value;
    }
    return construct(values[0], values[1], values[2]);
}

PyObject* shaped_repr(PyObject* self) {
    Ref label(aval_label(self, false));
    if (!label) return nullptr;
    return PyUnicode_FromFormat("ShapedArray(%U%s)", label.get(),
                                as_shaped(self)->weak ? ", weak_type=True" : "");
}

PyObject* shaped_str_short(PyObject* self, PyObject*) { return aval_label(self, true); }

PyObject* shaped_reduce(PyObject* self, PyObject*) {
    ShapedArray* aval = as_shaped(self);
    return Py_BuildValue("O(OOO)", shaped_array_type, aval->shape, aval->dtype,
                         aval->weak ? Py_True : Py_False);
}

PyObject* shaped_update(PyObject* self, PyObject* args, PyObject* kwargs) {
    ShapedArray* aval = as_shaped(self);
    PyObject* shape = aval->shape;
    PyObject* dtype = aval->dtype;
    PyObject* weak = aval->weak ? Py_True : Py_False;
    static const char* names[] = {"shape", "dtype", "weak_type", nullptr};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OOO:update",
                                     const_cast<char**>(names), &shape, &dtype, &weak))
        return nullptr;
    return construct(shape, dtype, weak);
}

PyObject* shaped_strip(PyObject* self, PyObject*) {
    ShapedArray* aval = as_shaped(self);
    return aval_get(aval->dtype, aval->ndim, aval->dims, false);
}

PyObject* get_ndim(PyObject* self, void*) {
    return PyLong_FromLong(as_shaped(self)->ndim);
}
PyObject* get_size(PyObject* self, void*) {
    return PyLong_FromSsize_t(as_shaped(self)->size);
}
PyObject* get_weak_type(PyObject* self, void*) {
    return PyBool_FromLong(as_shaped(self)->weak);
}

PyObject* same_object(PyObject* self, PyObject*) { return Py_NewRef(self); }

PyMethodDef shaped_methods[] = {
    {"str_short", shaped_str_short, METH_NOARGS,
     "The aval in short: 'f32[2,3]' for float32 of shape (2, 3)."},
    {"update", reinterpret_cast<PyCFunction>(shaped_update),
     METH_VARARGS | METH_KEYWORDS,
     "The aval with some of shape, dtype and weak_type replaced."},
    {"strip_weak_type", shaped_strip, METH_NOARGS,
     "The aval that is not weakly typed."},
    {"__reduce__", shaped_reduce, METH_NOARGS, nullptr},
    {"__copy__", same_object, METH_NOARGS, nullptr},
    {"__deepcopy__", same_object, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr}};

PyMemberDef shaped_members[] = {
    {"shape", T_OBJECT, offsetof(ShapedArray, shape), READONLY, "Tuple of extents."},
    {"dtype", T_OBJECT, offsetof(ShapedArray, dtype), READONLY,
     "np.dtype, or an extended dtype."},
    {nullptr, 0, 0, 0, nullptr}};

PyGetSetDef shaped_getset[] = {
    {"ndim", get_ndim, nullptr, "Number of dimensions.", nullptr},
    {"size", get_size, nullptr, "Number of elements.", nullptr},
    {"weak_type", get_weak_type, nullptr,
     "True where the dtype yields to that of another operand.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyType_Slot shaped_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(shaped_new)},
    {Py_tp_repr, reinterpret_cast<void*>(shaped_repr)},
    {Py_tp_methods, shaped_methods},
    {Py_tp_members, shaped_members},
    {Py_tp_getset, shaped_getset},
    {Py_tp_doc,
     const_cast<char*>(
         "ShapedArray(shape, dtype, weak_type=False)\n--\n\n"
         "Shape and dtype of an array. Equal arguments give the identical object.")},
    {0, nullptr}};

PyType_Spec shaped_spec = {"chainrule.runtime._native.ShapedArray", sizeof(ShapedArray),
                           0, Py_TPFLAGS_DEFAULT, shaped_slots};

}  // namespace

bool init_avals(PyObject* module) {
    shaped_array_type = add_type(module, &shaped_spec, nullptr, "ShapedArray");
    if (!shaped_array_type) return false;
    shaped_array_type->tp_vectorcall = shaped_vectorcall;
    return true;
}

}  // namespace chainrule
