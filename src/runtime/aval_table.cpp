// The table of interned avals, canonical dtypes and their names.
//
// An aval is looked up by (canonical dtype object, extents, weak type) in an open
// hash table; it is created once and never freed, so that identity is equality.
#include "extended.h"

#include <cstring>
#include <vector>

namespace chainrule {
namespace {

std::vector<ShapedArray*> table(1024, nullptr);
std::size_t occupied = 0;

std::size_t hash_of(PyObject* dtype, int ndim, const npy_intp* dims, bool weak) {
    std::uint64_t h = reinterpret_cast<std::uintptr_t>(dtype) >> 4;
    h = h * 2 + weak;
    for (int i = 0; i < ndim; ++i)
        h = (h ^ static_cast<std::uint64_t>(dims[i])) * 0x9E3779B97F4A7C15ull + 1;
    h *= 0x9E3779B97F4A7C15ull;
    return static_cast<std::size_t>(h ^ (h >> 32));
}

bool matches(const ShapedArray* aval, std::size_t hash, PyObject* dtype, int ndim,
             const npy_intp* dims, bool weak) {
    return aval->hash == hash && aval->dtype == dtype && aval->ndim == ndim &&
           aval->weak == weak &&
           (ndim == 0 || std::memcmp(aval->dims, dims, ndim * sizeof(npy_intp)) == 0);
}

void grow() {
    std::vector<ShapedArray*> larger(table.size() * 2, nullptr);
    for (ShapedArray* aval : table) {
        if (!aval) continue;
        std::size_t slot = aval->hash & (larger.size() - 1);
        while (larger[slot]) slot = (slot + 1) & (larger.size() - 1);
        larger[slot] = aval;
    }
    table.swap(larger);
}

/// Number of elements; -1 with an exception if it does not fit.
npy_intp element_count(int ndim, const npy_intp* dims) {
    npy_intp size = 1;
    for (int i = 0; i < ndim; ++i)
        if (dims[i] == 0) return 0;
    for (int i = 0; i < ndim; ++i)
        if (__builtin_mul_overflow(size, dims[i], &size)) {
            PyErr_SetString(PyExc_OverflowError,
                            "ShapedArray: the number of elements "
                            "exceeds 64 bits; use smaller extents.");
            return -1;
        }
    return size;
}

ShapedArray* create(PyObject* dtype, int ndim, const npy_intp* dims, bool weak) {
    npy_intp size = element_count(ndim, dims);
    if (size < 0) return nullptr;
    Ref shape(PyTuple_New(ndim));
    if (!shape) return nullptr;
    for (int i = 0; i < ndim; ++i) {
        PyObject* extent = PyLong_FromSsize_t(dims[i]);
        if (!extent) return nullptr;
        PyTuple_SET_ITEM(shape.get(), i, extent);
    }
    auto* copy = static_cast<npy_intp*>(PyMem_Malloc((ndim + 1) * sizeof(npy_intp)));
    if (!copy) {
        PyErr_NoMemory();
        return nullptr;
    }
    std::copy(dims, dims + ndim, copy);
    ShapedArray* aval = PyObject_New(ShapedArray, shaped_array_type);
    if (!aval) {
        PyMem_Free(copy);
        return nullptr;
    }
    aval->shape = shape.release();
    aval->dtype = Py_NewRef(dtype);
    aval->dims = copy;
    aval->ndim = ndim;
    aval->weak = weak;
    aval->size = size;
    aval->spare_count = 0;
    return aval;
}

/// What stands for each structured dtype seen: a dict, borrowed.
PyObject* structured_dtypes() {
    static PyObject* seen = nullptr;
    if (!seen) seen = PyDict_New();
    return seen;
}

/// The first dtype seen that equals this one, for dtypes that NumPy keeps no singleton
/// of (structured ones such as float0); or the extended dtype whose layout it is.
PyObject* first_equal_dtype(PyObject* dtype) {
    PyObject* seen = structured_dtypes();
    return seen ? Py_XNewRef(PyDict_SetDefault(seen, dtype, dtype)) : nullptr;
}

PyObject* canonical_descr(PyArray_Descr* descr) {
    int type = descr->type_num;
    if (sizeof(npy_long) == sizeof(npy_longlong)) {
        if (type == NPY_LONGLONG) type = NPY_LONG;
        if (type == NPY_ULONGLONG) type = NPY_ULONG;
    }
    bool numeric = (type >= 0 && type <= NPY_CLONGDOUBLE) || type == NPY_HALF ||
                   type >= NPY_USERDEF;
    if (numeric) return reinterpret_cast<PyObject*>(PyArray_DescrFromType(type));
    return first_equal_dtype(reinterpret_cast<PyObject*>(descr));
}

/// 'float0' for the structured dtype that stands for "no tangent", otherwise null.
bool is_float0(PyObject* dtype) {
    if (reinterpret_cast<PyArray_Descr*>(dtype)->type_num != NPY_VOID) return false;
    Ref names(PyObject_GetAttrString(dtype, "names"));
    bool answer = names && PyTuple_CheckExact(names.get()) &&
                  PyTuple_GET_SIZE(names.get()) == 1 &&
                  PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names.get(), 0),
                                                   "float0") == 0;
    PyErr_Clear();
    return answer;
}

PyObject* shorten(PyObject* name) {
    static const char* const words[][2] = {{"bfloat", "bf"},
                                           {"float", "f"},
                                           {"uint", "u"},
                                           {"int", "i"},
                                           {"complex", "c"}};
    const char* text = PyUnicode_AsUTF8(name);
    if (!text) return nullptr;
    for (auto& word : words) {
        std::size_t length = std::strlen(word[0]);
        if (std::strncmp(text, word[0], length) == 0)
            return PyUnicode_FromFormat("%s%s", word[1], text + length);
    }
    return Py_NewRef(name);
}

}  // namespace

bool add_extended_dtype(PyObject* layout, PyObject* extended) {
    PyObject* seen = structured_dtypes();
    return seen && PyDict_SetItem(seen, layout, extended) == 0;
}

PyObject* canonical_dtype(PyObject* dtype) {
    if (PyArray_DescrCheck(dtype))
        return canonical_descr(reinterpret_cast<PyArray_Descr*>(dtype));
    if (!PyType_Check(dtype) && !PyUnicode_Check(dtype)) return Py_NewRef(dtype);
    PyArray_Descr* descr = nullptr;
    if (!PyArray_DescrConverter(dtype, &descr)) return nullptr;
    Ref owned(reinterpret_cast<PyObject*>(descr));
    return canonical_descr(descr);
}

PyObject* aval_get(PyObject* dtype, int ndim, const npy_intp* dims, bool weak) {
    Ref canonical(canonical_dtype(dtype));
    if (!canonical) return nullptr;
    std::size_t hash = hash_of(canonical.get(), ndim, dims, weak);
    std::size_t slot = hash & (table.size() - 1);
    for (; table[slot]; slot = (slot + 1) & (table.size() - 1))
        if (matches(table[slot], hash, canonical.get(), ndim, dims, weak))
            return Py_NewRef(reinterpret_cast<PyObject*>(table[slot]));
    ShapedArray* aval = create(canonical.get(), ndim, dims, weak);
    if (!aval) return nullptr;
    aval->hash = hash;
    table[slot] = aval;
    if (++occupied * 2 > table.size()) grow();
    return Py_NewRef(reinterpret_cast<PyObject*>(aval));  // the table keeps one
}

PyObject* dtype_label(PyObject* dtype, bool brief) {
    if (!PyArray_DescrCheck(dtype)) return PyObject_Str(dtype);
    if (is_float0(dtype)) return PyUnicode_FromString("float0");
    Ref name(PyObject_GetAttrString(dtype, "name"));
    if (!name) return nullptr;
    return brief ? shorten(name.get()) : name.release();
}

PyObject* aval_label(PyObject* object, bool brief) {
    if (!is_shaped_array(object)) return PyObject_Str(object);
    ShapedArray* aval = as_shaped(object);
    Ref text(dtype_label(aval->dtype, brief));
    if (!text) return nullptr;
    Ref extents(PyList_New(0));
    if (!extents) return nullptr;
    for (int i = 0; i < aval->ndim; ++i) {
        Ref extent(PyObject_Str(PyTuple_GET_ITEM(aval->shape, i)));
        if (!extent || PyList_Append(extents.get(), extent.get()) < 0) return nullptr;
    }
    Ref comma(PyUnicode_FromString(","));
    Ref inside(comma ? PyUnicode_Join(comma.get(), extents.get()) : nullptr);
    if (!inside) return nullptr;
    return PyUnicode_FromFormat("%U[%U]", text.get(), inside.get());
}

}  // namespace chainrule
