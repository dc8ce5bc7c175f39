// Arrays leaving for elsewhere: DLPack capsules and pickles.
#include "dispatch.h"

namespace chainrule {
namespace {

PyObject* as_object(PyArrayObject* array) { return reinterpret_cast<PyObject*>(array); }

/// A second ndarray over the same memory, flagged writable: NumPy refuses to export a
/// read-only array to consumers that predate DLPack's read-only flag.
PyObject* writable_view(PyArrayObject* data) {
    Ref view(PyArray_View(data, nullptr, &PyArray_Type));
    if (view)
        PyArray_ENABLEFLAGS(reinterpret_cast<PyArrayObject*>(view.get()),
                            NPY_ARRAY_WRITEABLE);
    return view.release();
}

}  // namespace

PyObject* array_dlpack(PyObject* self, PyObject* args, PyObject* kwargs) {
    PyArrayObject* data = array_data(as_concrete(self));
    if (!data) return nullptr;
    PyObject* version = kwargs ? PyDict_GetItemString(kwargs, "max_version") : nullptr;
    Ref exporter(version && version != Py_None ? Py_NewRef(as_object(data))
                                               : writable_view(data));
    Ref method(exporter ? PyObject_GetAttrString(exporter.get(), "__dlpack__") : nullptr);
    return method ? PyObject_Call(method.get(), args, kwargs) : nullptr;
}

PyObject* array_dlpack_device(PyObject* self, PyObject*) {
    PyArrayObject* data = array_data(as_concrete(self));
    return data ? PyObject_CallMethod(as_object(data), "__dlpack_device__", nullptr)
                : nullptr;
}

PyObject* array_reduce(PyObject* self, PyObject*) {
    PyArrayObject* data = array_data(as_concrete(self));
    if (!data) return nullptr;
    Ref wrap(import_attribute("chainrule.runtime._native", "wrap"));
    if (!wrap) return nullptr;
    return Py_BuildValue("O(OO)", wrap.get(), as_object(data),
                         as_concrete(self)->weak ? Py_True : Py_False);
}

}  // namespace chainrule
