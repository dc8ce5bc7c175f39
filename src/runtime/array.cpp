// Array, the base of every array-like value, and ConcreteArray: creation, attributes.
//
// A ConcreteArray owns one ndarray of native byte order, aligned and not writable; its
// dtype is a numeric one or the layout of an extended one. Everything else in this file
// relies on that.
#include "extended.h"

#include <numpy/arrayscalars.h>
#include <algorithm>
#include <iterator>
#include <vector>

namespace chainrule {

PyTypeObject* array_type = nullptr;
PyTypeObject* concrete_type = nullptr;

namespace {

PyObject* as_object(PyArrayObject* array) { return reinterpret_cast<PyObject*>(array); }

bool is_array_dtype(int type) {
    return type <= NPY_CDOUBLE
               ? type != NPY_LONGDOUBLE
               : type == NPY_HALF || type == NPY_VOID || type >= NPY_USERDEF;
}

/// True for an ndarray that can be held as it is.
bool is_plain(PyObject* value) {
    if (!PyArray_CheckExact(value)) return false;
    auto* array = reinterpret_cast<PyArrayObject*>(value);
    int type = PyArray_DESCR(array)->type_num;
    return (type <= NPY_ULONG || type == NPY_FLOAT || type == NPY_DOUBLE ||
            type == NPY_CFLOAT || type == NPY_CDOUBLE || type == NPY_HALF) &&
           type >= 0 && PyArray_ISBEHAVED_RO(array);
}

/// A 0-d ndarray that holds `element`.
template <typename T>
PyObject* zero_dimensional(int type, T element) {
    PyObject* array = PyArray_SimpleNew(0, nullptr, type);
    if (array)
        *static_cast<T*>(PyArray_DATA(reinterpret_cast<PyArrayObject*>(array))) =
            element;
    return array;
}

/// The 0-d ndarray of a NumPy scalar. Ufuncs return scalars for 0-d arrays, hence the
/// shortcuts for the commonest types.
PyObject* array_of_scalar(PyObject* scalar) {
    PyTypeObject* type = Py_TYPE(scalar);
    if (type == &PyFloatArrType_Type)
        return zero_dimensional(NPY_FLOAT, PyArrayScalar_VAL(scalar, Float));
    if (type == &PyDoubleArrType_Type)
        return zero_dimensional(NPY_DOUBLE, PyArrayScalar_VAL(scalar, Double));
    if (type == &PyIntArrType_Type)
        return zero_dimensional(NPY_INT, PyArrayScalar_VAL(scalar, Int));
    if (type == &PyLongArrType_Type)
        return zero_dimensional(NPY_LONG, PyArrayScalar_VAL(scalar, Long));
    if (type == &PyBoolArrType_Type)
        return zero_dimensional(NPY_BOOL, PyArrayScalar_VAL(scalar, Bool));
    return PyArray_FromAny(scalar, nullptr, 0, 0, 0, nullptr);
}

/// An ndarray of plain class, native byte order, canonical dtype; steals `value`.
PyArrayObject* normalize(PyObject* value) {
    Ref owned(value);
    constexpr int kRequirements =
        NPY_ARRAY_ALIGNED | NPY_ARRAY_NOTSWAPPED | NPY_ARRAY_ENSUREARRAY;
    Ref array(PyArray_CheckFromAny(value, nullptr, 0, 0, kRequirements, nullptr));
    if (!array) return nullptr;
    auto* numpy = reinterpret_cast<PyArrayObject*>(array.get());
    if (!is_array_dtype(PyArray_DESCR(numpy)->type_num)) {
        PyErr_Format(PyExc_TypeError,
                     "Array: dtype %S cannot be held by an array; "
                     "convert to a boolean, integer, floating or complex dtype.",
                     PyArray_DESCR(numpy));
        return nullptr;
    }
    Ref descr(canonical_dtype(reinterpret_cast<PyObject*>(PyArray_DESCR(numpy))));
    if (!descr) return nullptr;
    bool replace = PyArray_DescrCheck(descr.get()) &&
                   descr.get() != reinterpret_cast<PyObject*>(PyArray_DESCR(numpy));
    if (replace)
        array = Ref(PyArray_View(
            numpy, reinterpret_cast<PyArray_Descr*>(descr.release()), &PyArray_Type));
    return reinterpret_cast<PyArrayObject*>(array.release());
}

bool is_wrappable(PyObject* value) {
    return PyArray_Check(value) || PyFloat_Check(value) || PyLong_Check(value) ||
           PyComplex_Check(value);
}

PyObject* reject(PyObject* value) {
    PyErr_Format(PyExc_TypeError,
                 "Array: a value of type %s cannot be wrapped; pass an "
                 "ndarray or a scalar.",
                 Py_TYPE(value)->tp_name);
    Py_DECREF(value);
    return nullptr;
}

/// Memory of arrays that were freed, for the next ones.
constexpr int kMaxSpares = 128;
ConcreteArray* spares[kMaxSpares];
int spare_count = 0;

/// Leaves the ndarray of a dying array with its aval, if nobody else can reach it and it
/// is as NumPy made it: making and freeing one costs more than a small kernel.
bool leave_spare(ConcreteArray* array) {
    constexpr npy_intp kMaxBytes = 4096;
    constexpr int kFlags = NPY_ARRAY_OWNDATA | NPY_ARRAY_CARRAY_RO;
    if (!array->aval || !array->data) return false;
    ShapedArray* aval = as_shaped(array->aval);
    auto* data = reinterpret_cast<PyArrayObject_fields*>(array->data);
    if (Py_REFCNT(data) != 1 || aval->spare_count == std::size(aval->spares) ||
        reinterpret_cast<PyObject*>(data->descr) != aval->dtype ||
        (data->flags & kFlags) != kFlags || data->weakreflist || data->base ||
        Py_TYPE(data) != &PyArray_Type || data->nd != aval->ndim ||
        !std::equal(aval->dims, aval->dims + aval->ndim, data->dimensions) ||
        aval->size * PyArray_ITEMSIZE(array->data) > kMaxBytes)
        return false;
    aval->spares[aval->spare_count++] = array->data;
    return true;
}

void concrete_dealloc(PyObject* self) {
    ConcreteArray* array = as_concrete(self);
    if (array->weakrefs) PyObject_ClearWeakRefs(self);
    if (!leave_spare(array)) Py_XDECREF(as_object(array->data));
    Py_XDECREF(array->aval);
    Py_XDECREF(array->sharding);
    Py_DECREF(reinterpret_cast<PyObject*>(Py_TYPE(self)));
    if (spare_count < kMaxSpares)
        spares[spare_count++] = array;
    else
        PyObject_Free(self);
}

/// A new array, its fields uninitialized, or null with MemoryError.
ConcreteArray* allocate() {
    if (spare_count == 0) return PyObject_New(ConcreteArray, concrete_type);
    PyObject* spare = reinterpret_cast<PyObject*>(spares[--spare_count]);
    return as_concrete(PyObject_Init(spare, concrete_type));
}

PyObject* array_new(PyTypeObject* type, PyObject*, PyObject*) {
    if (type == array_type)
        return PyErr_Format(PyExc_TypeError,
                            "Array: not constructible by itself; use "
                            "chainrule.numpy.array(values).");
    return type->tp_alloc(type, 0);
}

PyObject* get_aval(PyObject* self, void*) {
    return Py_XNewRef(array_aval(as_concrete(self)));
}

template <PyObject* ShapedArray::* field>
PyObject* get_aval_field(PyObject* self, void*) {
    PyObject* aval = array_aval(as_concrete(self));
    return aval ? Py_NewRef(as_shaped(aval)->*field) : nullptr;
}

PyObject* get_ndim(PyObject* self, void*) {
    PyObject* aval = array_aval(as_concrete(self));
    return aval ? PyLong_FromLong(as_shaped(aval)->ndim) : nullptr;
}
PyObject* get_size(PyObject* self, void*) {
    PyObject* aval = array_aval(as_concrete(self));
    return aval ? PyLong_FromSsize_t(as_shaped(aval)->size) : nullptr;
}
/// Bytes per element; -1 with an exception.
npy_intp element_size(PyObject* aval) {
    PyObject* dtype = as_shaped(aval)->dtype;
    if (PyArray_DescrCheck(dtype))
        return PyDataType_ELSIZE(reinterpret_cast<PyArray_Descr*>(dtype));
    Ref size(PyObject_GetAttrString(dtype, "itemsize"));
    return size ? PyLong_AsSsize_t(size.get()) : -1;
}
PyObject* get_itemsize(PyObject* self, void*) {
    PyObject* aval = array_aval(as_concrete(self));
    npy_intp size = aval ? element_size(aval) : -1;
    return size < 0 ? nullptr : PyLong_FromSsize_t(size);
}
PyObject* get_nbytes(PyObject* self, void*) {
    PyObject* aval = array_aval(as_concrete(self));
    npy_intp size = aval ? element_size(aval) : -1;
    return size < 0 ? nullptr : PyLong_FromSsize_t(size * as_shaped(aval)->size);
}
PyObject* get_weak_type(PyObject* self, void*) {
    return PyBool_FromLong(as_concrete(self)->weak);
}
PyObject* get_data(PyObject* self, void*) {
    PyArrayObject* data = array_data(as_concrete(self));
    return data ? Py_NewRef(as_object(data)) : nullptr;
}
PyObject* get_true(PyObject*, void*) { Py_RETURN_TRUE; }

PyGetSetDef concrete_getset[] = {
    {"aval", get_aval, nullptr, "ShapedArray of this array.", nullptr},
    {"shape", get_aval_field<&ShapedArray::shape>, nullptr, "Tuple of extents.",
     nullptr},
    {"dtype", get_aval_field<&ShapedArray::dtype>, nullptr, "np.dtype of the elements.",
     nullptr},
    {"ndim", get_ndim, nullptr, "Number of dimensions.", nullptr},
    {"size", get_size, nullptr, "Number of elements.", nullptr},
    {"nbytes", get_nbytes, nullptr, "Bytes taken by the elements.", nullptr},
    {"itemsize", get_itemsize, nullptr, "Bytes taken by one element.", nullptr},
    {"weak_type", get_weak_type, nullptr,
     "True where the dtype yields to that of another operand.", nullptr},
    {"_data", get_data, nullptr, "The ndarray, not writable.", nullptr},
    {"is_fully_addressable", get_true, nullptr,
     "True: this process holds the whole array.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMemberDef concrete_members[] = {
    {"sharding_", T_OBJECT, offsetof(ConcreteArray, sharding), READONLY,
     "The sharding it was made with, or None."},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(ConcreteArray, weakrefs), READONLY,
     nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyObject* wrap(PyObject*, PyObject* args, PyObject* kwargs) {
    PyObject *value, *sharding = Py_None;
    int weak = 0;
    static const char* names[] = {"", "weak_type", "sharding", nullptr};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|pO:wrap",
                                     const_cast<char**>(names), &value, &weak,
                                     &sharding))
        return nullptr;
    PyObject* array = wrap_stolen(Py_NewRef(value), weak != 0);
    if (array && sharding != Py_None)
        as_concrete(array)->sharding = Py_NewRef(sharding);
    return array;
}

PyMethodDef array_functions[] = {
    {"wrap", reinterpret_cast<PyCFunction>(wrap), METH_VARARGS | METH_KEYWORDS,
     "wrap(value, /, weak_type=False, sharding=None)\n--\n\n"
     "An Array over the memory of an ndarray or NumPy scalar, without a copy."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

PyObject* wrap_stolen(PyObject* value, bool weak) {
    if (!value) return nullptr;
    if (PyArray_IsScalar(value, Generic)) {
        Ref scalar(value);
        value = array_of_scalar(value);
        if (!value) return nullptr;
    }
    if (!is_plain(value)) {
        if (!is_wrappable(value)) return reject(value);
        value = as_object(normalize(value));
        if (!value) return nullptr;
    }
    ConcreteArray* array = allocate();
    if (!array) {
        Py_DECREF(value);
        return nullptr;
    }
    array->data = reinterpret_cast<PyArrayObject*>(value);
    PyArray_CLEARFLAGS(array->data, NPY_ARRAY_WRITEABLE);
    array->aval = nullptr;
    array->sharding = nullptr;
    array->weakrefs = nullptr;
    array->weak = weak;
    return reinterpret_cast<PyObject*>(array);
}

PyArrayObject* take_spare(ShapedArray* aval) {
    if (aval->spare_count == 0) return nullptr;
    PyArrayObject* data = aval->spares[--aval->spare_count];
    PyArray_ENABLEFLAGS(data, NPY_ARRAY_WRITEABLE);
    return data;
}

PyObject* wrap_fitting(PyArrayObject* data, PyObject* aval) {
    ConcreteArray* array = allocate();
    if (!array) {
        Py_DECREF(as_object(data));
        return nullptr;
    }
    PyArray_CLEARFLAGS(data, NPY_ARRAY_WRITEABLE);
    array->data = data;
    array->aval = Py_NewRef(aval);
    array->sharding = nullptr;
    array->weakrefs = nullptr;
    array->weak = as_shaped(aval)->weak;
    return reinterpret_cast<PyObject*>(array);
}

bool delete_array(ConcreteArray* array) {
    if (array->data && !array_aval(array)) return false;
    PyArrayObject* data = std::exchange(array->data, nullptr);
    Py_XDECREF(as_object(data));
    return true;
}

PyObject* wrap_result(PyObject* value, bool weak) {
    if (value && PyObject_TypeCheck(value, array_type)) return value;
    return wrap_stolen(value, weak);
}

std::nullptr_t raise_deleted(PyObject* aval) {
    Ref label(aval_label(aval, false));
    if (label)
        PyErr_Format(PyExc_RuntimeError, "Array has been deleted with shape=%U.",
                     label.get());
    return nullptr;
}

PyArrayObject* array_data(ConcreteArray* array) {
    return array->data ? array->data : raise_deleted(array->aval);
}

PyObject* array_aval(ConcreteArray* array) {
    if (!array->aval)
        array->aval =
            aval_get(reinterpret_cast<PyObject*>(PyArray_DESCR(array->data)),
                     PyArray_NDIM(array->data), PyArray_DIMS(array->data), array->weak);
    return array->aval;
}

/// Adds the slots of the operators to those of the type itself.
static PyTypeObject* add_array_type(PyObject* module) {
    std::vector<PyType_Slot> slots(array_operator_slots,
                                   array_operator_slots + array_operator_slot_count);
    slots.push_back({Py_tp_new, reinterpret_cast<void*>(array_new)});
    slots.push_back({Py_tp_hash, reinterpret_cast<void*>(PyObject_HashNotImplemented)});
    slots.push_back(
        {Py_tp_doc,
         const_cast<char*>("An immutable array, or a tracer that stands for one.")});
    slots.push_back({0, nullptr});
    PyType_Spec spec = {"chainrule.Array", sizeof(PyObject), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots.data()};
    PyTypeObject* type = add_type(module, &spec, nullptr, "Array");
    if (!type) return nullptr;
    Ref priority(PyLong_FromLong(100));  // ndarray's own operators then defer to ours
    if (!priority || PyObject_SetAttrString(reinterpret_cast<PyObject*>(type),
                                            "__array_priority__", priority.get()) < 0)
        return nullptr;
    return type;
}

static PyType_Slot concrete_slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(concrete_dealloc)},
    {Py_tp_repr, reinterpret_cast<void*>(array_repr)},
    {Py_tp_str, reinterpret_cast<void*>(array_str)},
    {Py_tp_iter, reinterpret_cast<void*>(array_iter)},
    {Py_tp_getset, concrete_getset},
    {Py_tp_members, concrete_members},
    {Py_tp_methods, array_protocol_methods},
    {Py_mp_length, reinterpret_cast<void*>(array_length)},
    {Py_mp_subscript, reinterpret_cast<void*>(array_subscript)},
    {Py_sq_length, reinterpret_cast<void*>(array_length)},
    {Py_nb_bool, reinterpret_cast<void*>(array_bool)},
    {Py_nb_int, reinterpret_cast<void*>(array_int)},
    {Py_nb_float, reinterpret_cast<void*>(array_float)},
    {Py_nb_index, reinterpret_cast<void*>(array_index)},
    {Py_bf_getbuffer, reinterpret_cast<void*>(array_getbuffer)},
    {Py_tp_doc, const_cast<char*>("An immutable array in memory.")},
    {0, nullptr}};

bool init_arrays(PyObject* module) {
    array_type = add_array_type(module);
    if (!array_type) return false;
    PyType_Spec spec = {"chainrule.Array", sizeof(ConcreteArray), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                        concrete_slots};
    concrete_type = add_type(module, &spec, array_type, "ConcreteArray");
    return concrete_type && PyModule_AddFunctions(module, array_functions) == 0;
}

}  // namespace chainrule
