// Reading the arguments of a call: leaves, avals, structure, static arguments.
//
// Numbers and NumPy arrays become arrays here as `as_array` (core/avals.py) makes them;
// the types without a shortcut are left to that function.
#include "jit_call.h"

#include <limits>

namespace chainrule::jit {
namespace {

constexpr Py_ssize_t kMaxPositional = 64;  // bits of the mask of static positions

/// A weakly typed 0-d array (or a strong boolean); wraps what `fill` writes.
template <class T>
PyObject* scalar_array(int type, T value, bool weak) {
    PyObject* array = PyArray_SimpleNew(0, nullptr, type);
    if (!array) return nullptr;
    *static_cast<T*>(PyArray_DATA(reinterpret_cast<PyArrayObject*>(array))) = value;
    return wrap_stolen(array, weak);
}

/// What converting a leaf comes to: an array, or null. `declined` tells a type or
/// value without a shortcut from a failure.
PyObject* decline(bool* declined) {
    *declined = true;
    return nullptr;
}

PyObject* integer_array(PyObject* number, bool x64, bool* declined) {
    int overflow = 0;
    long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (overflow) return decline(declined);
    if (x64) return scalar_array<npy_int64>(NPY_INT64, value, true);
    if (value < std::numeric_limits<npy_int32>::min() ||
        value > std::numeric_limits<npy_int32>::max())
        return decline(declined);
    return scalar_array<npy_int32>(NPY_INT32, static_cast<npy_int32>(value), true);
}

PyObject* complex_array(PyObject* number, bool x64) {
    Py_complex value = PyComplex_AsCComplex(number);
    npy_cdouble wide{value.real, value.imag};
    if (x64) return scalar_array<npy_cdouble>(NPY_CDOUBLE, wide, true);
    npy_cfloat narrow{static_cast<float>(value.real), static_cast<float>(value.imag)};
    return scalar_array<npy_cfloat>(NPY_CFLOAT, narrow, true);
}

/// The type of NumPy in which an array of `type` is held, or -1: not decided here.
int held_type(int type, bool x64) {
    switch (type) {
        case NPY_BOOL:
        case NPY_BYTE:
        case NPY_UBYTE:
        case NPY_SHORT:
        case NPY_USHORT:
        case NPY_INT:
        case NPY_UINT:
        case NPY_HALF:
        case NPY_FLOAT:
        case NPY_CFLOAT: return type;
        case NPY_LONG: return x64 ? NPY_LONG : NPY_INT;
        case NPY_ULONG: return x64 ? NPY_ULONG : NPY_UINT;
        case NPY_DOUBLE: return x64 ? NPY_DOUBLE : NPY_FLOAT;
        case NPY_CDOUBLE: return x64 ? NPY_CDOUBLE : NPY_CFLOAT;
        default: return -1;
    }
}

PyObject* numpy_scalar(PyObject* value, bool x64, bool* declined) {
    Ref descr(reinterpret_cast<PyObject*>(PyArray_DescrFromScalar(value)));
    if (!descr) return nullptr;
    int type = reinterpret_cast<PyArray_Descr*>(descr.get())->type_num;
    if (held_type(type, x64) != type) return decline(declined);
    return wrap_stolen(Py_NewRef(value), false);
}

/// Memory that its owner may write to is copied.
PyObject* numpy_array(PyArrayObject* array, bool x64, bool* declined) {
    int type = PyArray_DESCR(array)->type_num;
    int held = held_type(type, x64);
    if (held < 0 || !PyArray_ISNOTSWAPPED(array)) return decline(declined);
    if (held != type) {
        Silence silence;
        if (!silence.ok()) return nullptr;
        PyArray_Descr* descr = PyArray_DescrFromType(held);
        return wrap_stolen(PyArray_CastToType(array, descr, 0), false);
    }
    if (PyArray_ISWRITEABLE(array) || !PyArray_ISALIGNED(array))
        return wrap_stolen(PyArray_NewCopy(array, NPY_KEEPORDER), false);
    return wrap_stolen(Py_NewRef(reinterpret_cast<PyObject*>(array)), false);
}

/// A number or NumPy array as an Array; a new reference. `declined`: it is neither, or
/// has no shortcut.
PyObject* convert(PyObject* value, bool x64, bool* declined) {
    if (PyFloat_CheckExact(value)) {
        double number = PyFloat_AS_DOUBLE(value);
        if (x64) return scalar_array<double>(NPY_DOUBLE, number, true);
        return scalar_array<float>(NPY_FLOAT, static_cast<float>(number), true);
    }
    if (PyLong_CheckExact(value)) return integer_array(value, x64, declined);
    if (PyBool_Check(value))
        return scalar_array<npy_bool>(NPY_BOOL, value == Py_True, false);
    if (PyComplex_CheckExact(value)) return complex_array(value, x64);
    if (PyArray_CheckExact(value))
        return numpy_array(reinterpret_cast<PyArrayObject*>(value), x64, declined);
    if (PyArray_IsScalar(value, Generic)) return numpy_scalar(value, x64, declined);
    return decline(declined);
}

/// True for types that are leaves for certain, without asking the registry.
bool is_certain_leaf(PyObject* value) {
    return PyFloat_CheckExact(value) || PyLong_CheckExact(value) ||
           PyBool_Check(value) || PyArray_CheckExact(value) ||
           PyComplex_CheckExact(value);
}

bool same_names(PyObject* a, PyObject* b) {
    if (a == b) return true;
    if (!a || PyTuple_GET_SIZE(a) != PyTuple_GET_SIZE(b)) return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(a); ++i)
        if (PyTuple_GET_ITEM(a, i) != PyTuple_GET_ITEM(b, i)) return false;
    return true;
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
    hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
    return hash ^ (hash >> 29);
}

}  // namespace

namespace {

/// What these keyword names mean. Names may be of the user's subclass of str, whose
/// methods may call the function in between. May throw.
Keywords arranged(const StaticRule& rule, PyObject* names) {
    Py_ssize_t count = PyTuple_GET_SIZE(names);
    nb::object sorted = pytree::own(PySequence_List(names));
    pytree::check(PyList_Sort(sorted.ptr()));
    nb::object dynamic = pytree::own(PyList_New(0));
    std::vector<int> order, static_sorted;
    for (Py_ssize_t i = 0; i < count; ++i) {
        PyObject* name = PyList_GET_ITEM(sorted.ptr(), i);
        int where = 0;
        while (PyTuple_GET_ITEM(names, where) != name) ++where;
        int is_static = rule.names ? PySequence_Contains(rule.names.get(), name) : 0;
        pytree::check(is_static);
        (is_static ? static_sorted : order).push_back(where);
        if (!is_static) pytree::check(PyList_Append(dynamic.ptr(), name));
    }
    nb::object tuple = pytree::own(PyList_AsTuple(dynamic.ptr()));
    return {Ref::borrow(names), Ref(tuple.release().ptr()), std::move(order),
            std::move(static_sorted)};
}

}  // namespace

Reading Call::read_leaf(PyObject* leaf, bool x64) {
    if (!is_concrete(leaf)) {
        bool declined = false;
        PyObject* made = convert(leaf, x64, &declined);
        if (declined && (PyArray_Check(leaf) || PyArray_IsScalar(leaf, Generic))) {
            PyObject* as_array = hook(kAsArray);
            made = as_array ? PyObject_CallOneArg(as_array, leaf) : nullptr;
            if (made && !is_concrete(made)) Py_CLEAR(made);
            if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception))
                return Reading::kFailed;
            declined = !made;
            PyErr_Clear();  // Python finds the same fault and names the argument
        }
        if (declined) return Reading::kLeaveToPython;
        if (!made) return Reading::kFailed;
        made_.push(nb::steal(made));
        leaf = made;
    }
    ConcreteArray* array = as_concrete(leaf);
    if (!array_data(array)) return Reading::kFailed;
    PyObject* aval = array_aval(array);
    if (!aval) return Reading::kFailed;
    arrays_.push(leaf);
    avals_.push(aval);
    return Reading::kReady;
}

/// Reads positional leaves; false if there is anything else among them.
bool Call::read_plain(PyObject* const* args, Py_ssize_t nargs, bool x64,
                      Reading* reading) {
    for (Py_ssize_t i = 0; i < nargs; ++i) {
        if (!is_concrete(args[i]) && !is_certain_leaf(args[i])) {
            *reading = Reading::kLeaveToPython;
            return is_tracer(args[i]);
        }
        *reading = read_leaf(args[i], x64);
        if (*reading != Reading::kReady) return true;
    }
    *reading = Reading::kReady;
    return true;
}

void Call::read_statics(const StaticRule& rule, const std::vector<int>& named,
                        PyObject* const* args, Py_ssize_t nargs, PyObject* names,
                        std::uint64_t* omitted) {
    for (Py_ssize_t position : rule.positions) {
        if (position < -nargs || position >= nargs) continue;
        *omitted |= std::uint64_t(1) << (position < 0 ? position + nargs : position);
    }
    for (Py_ssize_t i = 0; i < nargs; ++i)
        if (*omitted >> i & 1) statics_.push({i, nullptr, args[i]});
    for (int where : named)
        statics_.push({-1, PyTuple_GET_ITEM(names, where), args[nargs + where]});
}

Reading Call::read(const StaticRule& rule, Keywords& keywords, PyObject* const* args,
                   Py_ssize_t nargs, PyObject* names, bool x64) {
    bool named = names && PyTuple_GET_SIZE(names) > 0;
    if (!named && rule.empty()) {
        Reading reading = Reading::kReady;
        if (read_plain(args, nargs, x64, &reading)) return reading;
        arrays_.truncate(0);
        avals_.truncate(0);
    }
    if (nargs > kMaxPositional) return Reading::kLeaveToPython;
    pytree::CallArguments call{args, nargs, 0, nullptr, nullptr};
    pytree::SmallArray<PyObject*, 16> values;
    Keywords former;  // dropped at the end: this may run the user's code
    if (named) {
        if (!same_names(keywords.names.get(), names)) {
            former = arranged(rule, names);
            std::swap(former, keywords);
        }
        for (int where : keywords.order) values.push(args[nargs + where]);
        call.names = keywords.dynamic.get();
        call.values = values.data();
    }
    // Flattening may run the user's code, which may call this function and thereby
    // rearrange `keywords`: what is needed of them is read or held before.
    Ref held_names = Ref::borrow(call.names);
    static const std::vector<int> none;
    read_statics(rule, named ? keywords.static_sorted : none, args, nargs, names,
                 &call.omitted);
    tree_ = pytree::flatten_call(call, leaves_);
    for (size_t i = 0; i < leaves_.size(); ++i) {
        Reading reading = read_leaf(leaves_[i], x64);
        if (reading != Reading::kReady) return reading;
    }
    return Reading::kReady;
}

nb::object Call::full_tree() {
    if (tree_.is_valid()) return tree_;
    pytree::References leaves;
    return pytree::flatten_call({arrays(), size(), 0, nullptr, nullptr}, leaves);
}

bool Call::hash(std::uint64_t token, std::uint64_t* result) {
    std::uint64_t hash = mix(token, static_cast<std::uint64_t>(size()));
    if (tree_.is_valid()) {
        Py_hash_t structure = PyObject_Hash(tree_.ptr());
        if (structure == -1) throw nb::python_error();
        hash = mix(hash, static_cast<std::uint64_t>(structure));
    }
    for (Py_ssize_t i = 0; i < size(); ++i)
        hash = mix(hash, reinterpret_cast<std::uintptr_t>(avals_[i]));
    for (Py_ssize_t i = 0; i < static_count(); ++i) {
        Py_hash_t value = PyObject_Hash(statics_[i].value);
        if (value == -1) return false;
        hash = mix(hash, reinterpret_cast<std::uintptr_t>(Py_TYPE(statics_[i].value)));
        hash = mix(hash, static_cast<std::uint64_t>(value));
    }
    *result = hash;
    return true;
}

PyObject* Call::statics_tuple() {
    Ref tuple(PyTuple_New(static_count()));
    for (Py_ssize_t i = 0; tuple && i < static_count(); ++i) {
        const Static& given = statics_[i];
        Ref where(given.name ? Py_NewRef(given.name)
                             : PyLong_FromSsize_t(given.position));
        PyObject* triple =
            where ? PyTuple_Pack(3, where.get(),
                                 reinterpret_cast<PyObject*>(Py_TYPE(given.value)),
                                 given.value)
                  : nullptr;
        if (!triple) return nullptr;
        PyTuple_SET_ITEM(tuple.get(), i, triple);
    }
    return tuple.release();
}

}  // namespace chainrule::jit
