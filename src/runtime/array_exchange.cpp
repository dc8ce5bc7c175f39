// Arrays leaving for elsewhere: DLPack capsules and pickles.
//
// NumPy makes the capsules. Two things it declines are arranged around it: arrays that
// are not writable for consumers older than DLPack's read-only flag, and the narrow
// floats of ml_dtypes, which travel as unsigned integers with the type code replaced.
#include "extended.h"

#include <cstring>

namespace chainrule {
namespace {

PyObject* as_object(PyArrayObject* array) { return reinterpret_cast<PyObject*>(array); }

/// The records of dlpack.h that a capsule points to, as far as they are read here.
struct DLTensor {
    void* data;
    std::int32_t device_type, device_id, ndim;
    std::uint8_t code, bits;
    std::uint16_t lanes;
};
struct DLManagedTensorVersioned {
    std::uint32_t major, minor;
    void* manager;
    void (*deleter)(DLManagedTensorVersioned*);
    std::uint64_t flags;
    DLTensor tensor;
};

struct ExtendedFloat {
    const char* name;
    std::uint8_t code;  // DLDataTypeCode
};
constexpr ExtendedFloat extended_floats[] = {
    {"bfloat16", 4},           {"float8_e3m4", 7},      {"float8_e4m3", 8},
    {"float8_e4m3b11fnuz", 9}, {"float8_e4m3fn", 10},   {"float8_e4m3fnuz", 11},
    {"float8_e5m2", 12},       {"float8_e5m2fnuz", 13}, {"float8_e8m0fnu", 14}};

/// The entry of an extended dtype; null with BufferError for one DLPack cannot carry.
const ExtendedFloat* find_extended(PyArrayObject* data) {
    Ref label(dtype_label(reinterpret_cast<PyObject*>(PyArray_DESCR(data)), false));
    const char* name = label ? PyUnicode_AsUTF8(label.get()) : nullptr;
    if (!name) return nullptr;
    for (const ExtendedFloat& entry : extended_floats)
        if (std::strcmp(entry.name, name) == 0) return &entry;
    PyErr_Format(PyExc_BufferError,
                 "__dlpack__: dtype %s has no DLPack code; convert "
                 "the array to another dtype first.",
                 name);
    return nullptr;
}

/// Replaces the type code in the tensor that a fresh capsule holds.
bool set_code(PyObject* capsule, std::uint8_t code) {
    DLTensor* tensor = nullptr;
    if (PyCapsule_IsValid(capsule, "dltensor_versioned")) {
        void* managed = PyCapsule_GetPointer(capsule, "dltensor_versioned");
        tensor = &static_cast<DLManagedTensorVersioned*>(managed)->tensor;
    } else {
        tensor = static_cast<DLTensor*>(PyCapsule_GetPointer(capsule, "dltensor"));
    }
    if (tensor) tensor->code = code;
    return tensor != nullptr;
}

/// A second ndarray over the same memory, of dtype `type` (NPY_NOTYPE: its own).
PyObject* view_as(PyArrayObject* data, int type, bool writable) {
    PyArray_Descr* descr = type == NPY_NOTYPE ? nullptr : PyArray_DescrFromType(type);
    Ref view(PyArray_View(data, descr, &PyArray_Type));
    if (view && writable)
        PyArray_ENABLEFLAGS(reinterpret_cast<PyArrayObject*>(view.get()),
                            NPY_ARRAY_WRITEABLE);
    return view.release();
}

/// Whether the consumer knows the read-only flag (DLPack 1.0); -1 with an exception.
int knows_read_only(PyObject* kwargs) {
    PyObject* version = kwargs ? PyDict_GetItemString(kwargs, "max_version") : nullptr;
    if (!version || version == Py_None) return 0;
    Ref major(PySequence_GetItem(version, 0));
    long number = major ? PyLong_AsLong(major.get()) : -1;
    return number == -1 && PyErr_Occurred() ? -1 : number >= 1;
}

}  // namespace

PyObject* array_dlpack(PyObject* self, PyObject* args, PyObject* kwargs) {
    PyArrayObject* data = numeric_data(as_concrete(self), "DLPack");
    if (!data) return nullptr;
    int read_only = knows_read_only(kwargs);
    if (read_only < 0) return nullptr;
    bool extended = PyArray_DESCR(data)->type_num >= NPY_USERDEF;
    const ExtendedFloat* entry = extended ? find_extended(data) : nullptr;
    if (extended && !entry) return nullptr;
    int carrier = !entry                        ? NPY_NOTYPE
                  : PyArray_ITEMSIZE(data) == 1 ? NPY_UINT8
                                                : NPY_UINT16;
    Ref exporter(view_as(data, carrier, !read_only));
    Ref method(exporter ? PyObject_GetAttrString(exporter.get(), "__dlpack__")
                        : nullptr);
    Ref capsule(method ? PyObject_Call(method.get(), args, kwargs) : nullptr);
    if (capsule && entry && !set_code(capsule.get(), entry->code)) return nullptr;
    return capsule.release();
}

PyObject* array_dlpack_device(PyObject* self, PyObject*) {
    PyArrayObject* data = array_data(as_concrete(self));
    if (!data) return nullptr;
    return PyObject_CallMethod(as_object(data), "__dlpack_device__", nullptr);
}

PyObject* array_reduce(PyObject* self, PyObject*) {
    PyArrayObject* data = array_data(as_concrete(self));
    if (!data) return nullptr;
    if (PyObject* extended = extended_dtype(data))
        return PyObject_CallMethod(extended, "reduce_array", "O", as_object(data));
    Ref wrap(import_attribute("chainrule.runtime._native", "wrap"));
    if (!wrap) return nullptr;
    return Py_BuildValue("O(OO)", wrap.get(), as_object(data),
                         as_concrete(self)->weak ? Py_True : Py_False);
}

}  // namespace chainrule
