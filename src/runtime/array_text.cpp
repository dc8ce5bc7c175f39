// repr, str and format of concrete arrays.
#include "extended.h"

namespace chainrule {
namespace {

PyObject* as_object(PyArrayObject* array) { return reinterpret_cast<PyObject*>(array); }

/// The values as NumPy prints them, indented to stand behind "Array(", with a comma.
PyObject* values_text(PyArrayObject* data) {
    if (PyArray_SIZE(data) == 0) {
        Ref shape(PyObject_GetAttrString(as_object(data), "shape"));
        return shape ? PyUnicode_FromFormat("[], shape=%R,", shape.get()) : nullptr;
    }
    static PyObject* array2string = nullptr;
    if (!array2string && !(array2string = import_attribute("numpy", "array2string")))
        return nullptr;
    Ref args(PyTuple_Pack(1, as_object(data)));
    Ref kwargs(Py_BuildValue("{s:s,s:s,s:s}", "separator", ", ", "prefix", "Array(",
                             "suffix", ","));
    Ref text(args && kwargs ? PyObject_Call(array2string, args.get(), kwargs.get())
                            : nullptr);
    return text ? PyUnicode_FromFormat("%U,", text.get()) : nullptr;
}

/// NumPy's line width; -1 with an exception on failure.
Py_ssize_t line_width() {
    static PyObject* get_options = nullptr;
    if (!get_options && !(get_options = import_attribute("numpy", "get_printoptions")))
        return -1;
    Ref options(PyObject_CallNoArgs(get_options));
    Ref width(options ? PyMapping_GetItemString(options.get(), "linewidth") : nullptr);
    return width ? PyLong_AsSsize_t(width.get()) : -1;
}

Py_ssize_t last_line_length(PyObject* text) {
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    return length - 1 - PyUnicode_FindChar(text, '\n', 0, length, -1);
}

}  // namespace

PyObject* array_repr(PyObject* self) {
    ConcreteArray* array = as_concrete(self);
    PyArrayObject* data = array_data(array);
    if (data && extended_dtype(data)) return extended_text(data);
    Ref values(data ? values_text(data) : nullptr);
    if (!values) return nullptr;
    Ref dtype(dtype_label(
        as_object(data) ? reinterpret_cast<PyObject*>(PyArray_DESCR(data)) : nullptr,
        false));
    Ref ending(dtype ? PyUnicode_FromFormat("dtype=%U%s)", dtype.get(),
                                            array->weak ? ", weak_type=True" : "")
                     : nullptr);
    Py_ssize_t width = ending ? line_width() : -1;
    if (width == -1 && PyErr_Occurred()) return nullptr;
    Py_ssize_t needed = last_line_length(values.get()) + 2;
    bool fits = needed + PyUnicode_GET_LENGTH(ending.get()) <= width;
    return PyUnicode_FromFormat("Array(%U%s%U", values.get(), fits ? " " : "      ",
                                ending.get());
}

PyObject* array_str(PyObject* self) {
    PyArrayObject* data = array_data(as_concrete(self));
    if (data && extended_dtype(data)) return extended_text(data);
    return data ? PyObject_Str(as_object(data)) : nullptr;
}

PyObject* array_format(PyObject* self, PyObject* spec) {
    PyArrayObject* data = array_data(as_concrete(self));
    if (!data) return nullptr;
    if (extended_dtype(data)) return extended_text(data);
    if (PyArray_NDIM(data) > 0) return PyObject_Format(as_object(data), spec);
    Ref scalar(array_item(self, nullptr, 0));
    return scalar ? PyObject_Format(scalar.get(), spec) : nullptr;
}

}  // namespace chainrule
