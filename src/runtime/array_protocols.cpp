// What Python asks of a concrete array: conversions, length, iteration, buffer, items,
// and the methods that JAX programs call on arrays.
#include "extended.h"

#include <cstring>

namespace chainrule {
namespace {

PyObject* as_object(PyArrayObject* array) { return reinterpret_cast<PyObject*>(array); }

/// The only element of a 0-d array as a Python scalar; a new reference.
PyObject* python_scalar(PyArrayObject* data) {
    return PyArray_GETITEM(data, PyArray_BYTES(data));
}

/// The element of a scalar array, for float() and its kin.
PyObject* scalar_operand(PyObject* self) {
    PyArrayObject* data = numeric_data(as_concrete(self), "a Python scalar");
    if (!data) return nullptr;
    if (PyArray_NDIM(data) != 0)
        return PyErr_Format(PyExc_TypeError,
                            "Only scalar arrays can be converted to "
                            "Python scalars; got arr.ndim=%d",
                            PyArray_NDIM(data));
    return python_scalar(data);
}

PyObject* is_ready(PyObject*, PyObject*) { Py_RETURN_TRUE; }
PyObject* copy_to_host_async(PyObject*, PyObject*) { Py_RETURN_NONE; }

PyObject* same_array(PyObject* self, PyObject*) {
    return array_data(as_concrete(self)) ? Py_NewRef(self) : nullptr;
}

PyObject* is_deleted(PyObject* self, PyObject*) {
    return PyBool_FromLong(as_concrete(self)->data == nullptr);
}

PyObject* delete_method(PyObject* self, PyObject*) {
    if (!delete_array(as_concrete(self))) return nullptr;
    Py_RETURN_NONE;
}

PyObject* buffer_pointer(PyObject* self, PyObject*) {
    PyArrayObject* data = array_data(as_concrete(self));
    return data ? PyLong_FromVoidPtr(PyArray_DATA(data)) : nullptr;
}

struct RowIterator {
    PyObject_HEAD PyObject* array;
    Py_ssize_t position;
    Py_ssize_t length;
};
PyTypeObject* row_iterator_type = nullptr;

PyObject* row_next(PyObject* self) {
    auto* rows = reinterpret_cast<RowIterator*>(self);
    if (rows->position >= rows->length) return nullptr;
    Py_ssize_t index = rows->position++;
    if (is_concrete(rows->array)) return array_row(as_concrete(rows->array), index);
    Ref key(PyLong_FromSsize_t(index));
    return key ? array_subscript(rows->array, key.get()) : nullptr;
}

PyObject* row_length_hint(PyObject* self, PyObject*) {
    auto* rows = reinterpret_cast<RowIterator*>(self);
    return PyLong_FromSsize_t(rows->length - rows->position);
}

int row_traverse(PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(reinterpret_cast<RowIterator*>(self)->array);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

void row_dealloc(PyObject* self) {
    PyTypeObject* type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(reinterpret_cast<RowIterator*>(self)->array);
    type->tp_free(self);
    Py_DECREF(type);
}

PyMethodDef row_methods[] = {{"__length_hint__", row_length_hint, METH_NOARGS, nullptr},
                             {nullptr, nullptr, 0, nullptr}};

PyType_Slot row_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(row_dealloc)},
                           {Py_tp_traverse, reinterpret_cast<void*>(row_traverse)},
                           {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
                           {Py_tp_iternext, reinterpret_cast<void*>(row_next)},
                           {Py_tp_methods, row_methods},
                           {0, nullptr}};

PyType_Spec row_spec = {
    "chainrule.runtime.RowIterator", sizeof(RowIterator), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    row_slots};

}  // namespace

int array_bool(PyObject* self) {
    PyArrayObject* data = numeric_data(as_concrete(self), "a boolean");
    if (!data) return -1;
    if (PyArray_SIZE(data) == 1) return PyObject_IsTrue(as_object(data));
    PyErr_SetString(PyExc_ValueError, PyArray_SIZE(data) == 0
                                          ? "The truth value of an empty array is "
                                            "ambiguous. Use `array.size > 0` to check "
                                            "that an array is not empty."
                                          : "The truth value of an array with more "
                                            "than one element is ambiguous. Use "
                                            "a.any() or a.all()");
    return -1;
}

PyObject* array_to_bool_object(PyObject* self) {
    int truth = array_bool(self);
    return truth < 0 ? nullptr : PyBool_FromLong(truth);
}

PyObject* array_int(PyObject* self) {
    Ref scalar(scalar_operand(self));
    return scalar ? PyNumber_Long(scalar.get()) : nullptr;
}

PyObject* array_float(PyObject* self) {
    Ref scalar(scalar_operand(self));
    return scalar ? PyNumber_Float(scalar.get()) : nullptr;
}

PyObject* array_complex(PyObject* self) {
    Ref scalar(scalar_operand(self));
    if (!scalar) return nullptr;
    return PyObject_CallOneArg(reinterpret_cast<PyObject*>(&PyComplex_Type),
                               scalar.get());
}

PyObject* array_index(PyObject* self) {
    PyArrayObject* data = numeric_data(as_concrete(self), "an index");
    if (!data) return nullptr;
    if (PyArray_NDIM(data) == 0) {
        Ref scalar(python_scalar(data));
        if (!scalar) return nullptr;
        if (PyLong_CheckExact(scalar.get())) return scalar.release();
    }
    return PyErr_Format(
        PyExc_TypeError,
        "Only integer scalar arrays can be converted to a scalar index.");
}

Py_ssize_t array_length(PyObject* self) {
    PyArrayObject* data = array_data(as_concrete(self));
    if (!data) return -1;
    if (PyArray_NDIM(data) > 0) return PyArray_DIM(data, 0);
    PyErr_SetString(PyExc_TypeError, "len() of unsized object");
    return -1;
}

PyObject* array_iter(PyObject* self) {
    PyArrayObject* data = array_data(as_concrete(self));
    if (!data) return nullptr;
    if (PyArray_NDIM(data) == 0)
        return PyErr_Format(PyExc_TypeError, "iteration over a 0-d array");
    return make_row_iterator(self, PyArray_DIM(data, 0));
}

PyObject* array_row(ConcreteArray* array, Py_ssize_t index) {
    PyArrayObject* data = array_data(array);
    if (!data) return nullptr;
    PyArray_Descr* descr = PyArray_DESCR(data);
    Py_INCREF(reinterpret_cast<PyObject*>(descr));
    bool element = PyArray_NDIM(data) == 1;
    char* start = PyArray_BYTES(data) + index * PyArray_STRIDE(data, 0);
    Ref row(PyArray_NewFromDescr(&PyArray_Type, descr, PyArray_NDIM(data) - 1,
                                 PyArray_DIMS(data) + 1,
                                 element ? nullptr : PyArray_STRIDES(data) + 1,
                                 element ? nullptr : start, 0, nullptr));
    if (!row) return nullptr;
    auto* result = reinterpret_cast<PyArrayObject*>(row.get());
    if (element)
        std::memcpy(PyArray_DATA(result), start, PyArray_ITEMSIZE(data));
    else if (PyArray_SetBaseObject(result, Py_NewRef(as_object(data))) < 0)
        return nullptr;
    return wrap_stolen(row.release(), array->weak);
}

PyObject* make_row_iterator(PyObject* array, Py_ssize_t length) {
    auto* rows = PyObject_GC_New(RowIterator, row_iterator_type);
    if (!rows) return nullptr;
    rows->array = Py_NewRef(array);
    rows->position = 0;
    rows->length = length;
    PyObject_GC_Track(rows);
    return reinterpret_cast<PyObject*>(rows);
}

int array_getbuffer(PyObject* self, Py_buffer* view, int flags) {
    PyArrayObject* data = numeric_data(as_concrete(self), "a buffer");
    if (data) return PyObject_GetBuffer(as_object(data), view, flags);
    view->obj = nullptr;
    return -1;
}

PyObject* array_as_numpy(PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                         PyObject* kwnames) {
    PyArrayObject* data = numeric_data(as_concrete(self), "a NumPy array");
    if (!data) return nullptr;
    if (nargs == 0 && !kwnames) return Py_NewRef(as_object(data));
    Ref method(PyObject_GetAttrString(as_object(data), "__array__"));
    return method ? PyObject_Vectorcall(method.get(), args, nargs, kwnames) : nullptr;
}

PyObject* array_item(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
    PyArrayObject* data = numeric_data(as_concrete(self), "a Python scalar");
    if (!data) return nullptr;
    if (nargs == 0 && PyArray_NDIM(data) == 0) return python_scalar(data);
    Ref method(PyObject_GetAttrString(as_object(data), "item"));
    return method ? PyObject_Vectorcall(method.get(), args, nargs, nullptr) : nullptr;
}

PyObject* array_tolist(PyObject* self, PyObject*) {
    PyArrayObject* data = numeric_data(as_concrete(self), "a list");
    return data ? PyObject_CallMethod(as_object(data), "tolist", nullptr) : nullptr;
}

PyMethodDef array_protocol_methods[] = {
    {"__array__", reinterpret_cast<PyCFunction>(array_as_numpy),
     METH_FASTCALL | METH_KEYWORDS, "The values as an ndarray that is not writable."},
    {"__complex__", reinterpret_cast<PyCFunction>(+[](PyObject* self, PyObject*) {
         return array_complex(self);
     }),
     METH_NOARGS, nullptr},
    {"__format__", array_format, METH_O, nullptr},
    {"__dlpack__", reinterpret_cast<PyCFunction>(array_dlpack),
     METH_VARARGS | METH_KEYWORDS, "A DLPack capsule over the same memory."},
    {"__dlpack_device__", array_dlpack_device, METH_NOARGS, nullptr},
    {"__reduce__", array_reduce, METH_NOARGS, nullptr},
    {"__copy__", same_array, METH_NOARGS, nullptr},
    {"__deepcopy__", same_array, METH_O, nullptr},
    {"item", reinterpret_cast<PyCFunction>(array_item), METH_FASTCALL,
     "The only element, or the element at the given indices, as a Python scalar."},
    {"tolist", array_tolist, METH_NOARGS, "The elements as nested lists."},
    {"block_until_ready", same_array, METH_NOARGS, "The array itself: it is ready."},
    {"is_ready", is_ready, METH_NOARGS, "True."},
    {"copy_to_host_async", copy_to_host_async, METH_NOARGS,
     "Does nothing: the array is in host memory."},
    {"unsafe_buffer_pointer", buffer_pointer, METH_NOARGS,
     "The address of the first element."},
    {"is_deleted", is_deleted, METH_NOARGS, "True after delete()."},
    {"delete", delete_method, METH_NOARGS,
     "Gives up the memory; every later use raises RuntimeError."},
    {nullptr, nullptr, 0, nullptr}};

bool init_row_iterator(PyObject* module) {
    row_iterator_type = add_type(module, &row_spec, nullptr, nullptr);
    return row_iterator_type != nullptr;
}

}  // namespace chainrule
