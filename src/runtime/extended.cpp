// What arrays of extended dtypes do otherwise than those of numbers.
#include "extended.h"

namespace chainrule {

PyObject* extended_dtype(PyArrayObject* data) {
    if (PyArray_DESCR(data)->type_num != NPY_VOID) return nullptr;
    Ref dtype(canonical_dtype(reinterpret_cast<PyObject*>(PyArray_DESCR(data))));
    if (!dtype) PyErr_Clear();
    // Registered dtypes are immortal, hence the borrowed reference outlives `dtype`.
    return dtype && !PyArray_DescrCheck(dtype.get()) ? dtype.get() : nullptr;
}

PyObject* extended_text(PyArrayObject* data) {
    return PyObject_CallMethod(extended_dtype(data), "array_text", "O",
                               reinterpret_cast<PyObject*>(data));
}

PyArrayObject* numeric_data(ConcreteArray* array, const char* target) {
    PyArrayObject* data = array_data(array);
    PyObject* dtype = data ? extended_dtype(data) : nullptr;
    if (!dtype) return data;
    PyErr_Format(PyExc_TypeError,
                 "Array: an array of dtype %S cannot be converted to %s; "
                 "random.key_data(keys) gives the integers behind keys.",
                 dtype, target);
    return nullptr;
}

namespace {

PyObject* register_dtype(PyObject*, PyObject* args) {
    PyObject *layout, *extended;
    if (!PyArg_ParseTuple(args, "O!O:register_extended_dtype", &PyArrayDescr_Type,
                          &layout, &extended))
        return nullptr;
    if (!add_extended_dtype(layout, extended)) return nullptr;
    Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"register_extended_dtype", register_dtype, METH_VARARGS,
     "register_extended_dtype(layout, dtype)\n--\n\n"
     "Lets the object `dtype` stand for the structured np.dtype `layout` in avals."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

void register_extended(nb::module_& m) {
    if (PyModule_AddFunctions(m.ptr(), functions) < 0) throw nb::python_error();
}

}  // namespace chainrule
