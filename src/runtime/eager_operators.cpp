// The fast path of the operators: NumPy's ufunc on the raw ndarrays, at once.
//
// It is taken for exact concrete arrays of one NumPy dtype, or one and a Python float
// or int, where NumPy's result is by its own rules (NEP 50) the one that ours
// prescribe. Anything else is declined and decided in Python.
#include "dispatch.h"

#include <algorithm>

namespace chainrule {
namespace {

constexpr std::uint32_t bit(int type) { return 1u << type; }

constexpr std::uint32_t kBool = bit(NPY_BOOL);
constexpr std::uint32_t kSigned =
    bit(NPY_BYTE) | bit(NPY_SHORT) | bit(NPY_INT) | bit(NPY_LONG);
constexpr std::uint32_t kUnsigned =
    bit(NPY_UBYTE) | bit(NPY_USHORT) | bit(NPY_UINT) | bit(NPY_ULONG);
constexpr std::uint32_t kInteger = kSigned | kUnsigned;
constexpr std::uint32_t kReal = bit(NPY_HALF) | bit(NPY_FLOAT) | bit(NPY_DOUBLE);
constexpr std::uint32_t kComplex = bit(NPY_CFLOAT) | bit(NPY_CDOUBLE);
constexpr std::uint32_t kInexact = kReal | kComplex;

/// For which dtypes an operator is taken: between arrays, and with a Python scalar.
struct Rule {
    std::uint32_t arrays;
    std::uint32_t scalars;
    bool weak_result;  // false: the result is never weakly typed
};

constexpr Rule rule_of(Op op) {
    switch (op) {
        case kAdd:
        case kSubtract:
        case kMultiply: return {kInteger | kInexact, kInteger | kInexact, true};
        case kTrueDivide: return {kInexact, kInexact, true};
        case kPower: return {bit(NPY_FLOAT) | bit(NPY_DOUBLE), 0, true};
        case kMatmul:
            return {bit(NPY_FLOAT) | bit(NPY_DOUBLE) | kComplex | bit(NPY_INT), 0,
                    true};
        case kAnd:
        case kOr:
        case kXor: return {kInteger | kBool, 0, true};
        case kEqual:
        case kNotEqual: return {kInteger | kInexact, kInteger | kInexact, false};
        case kLess:
        case kLessEqual:
        case kGreater:
        case kGreaterEqual: return {kInteger | kReal, kInteger | kReal, false};
        case kNegative: return {kInteger | kInexact, 0, true};
        case kAbsolute: return {kSigned | kReal, 0, true};
        default: return {0, 0, true};
    }
}

PyObject* ufuncs[kOpCount] = {};
Rule rules[kOpCount];

std::uint32_t type_bit(PyArrayObject* data) {
    int type = PyArray_DESCR(data)->type_num;
    return type < 32 ? bit(type) : 0;
}

/// Whether a Python int is representable in the dtype (in 64 bits for inexact ones).
bool int_fits(PyObject* value, int type) {
    int overflow = 0;
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow) return false;
    switch (type) {
        case NPY_BYTE: return number == static_cast<npy_byte>(number);
        case NPY_UBYTE: return number == static_cast<npy_ubyte>(number);
        case NPY_SHORT: return number == static_cast<npy_short>(number);
        case NPY_USHORT: return number == static_cast<npy_ushort>(number);
        case NPY_INT: return number == static_cast<npy_int>(number);
        case NPY_UINT: return number == static_cast<npy_uint>(number);
        case NPY_ULONG: return number >= 0;
        default: return true;
    }
}

/// Whether a Python scalar may meet an array of this dtype without changing it.
bool scalar_fits(PyObject* scalar, PyArrayObject* data, std::uint32_t allowed) {
    std::uint32_t type = type_bit(data) & allowed;
    if (PyFloat_CheckExact(scalar)) return (type & kInexact) != 0;
    return type && PyLong_CheckExact(scalar) &&
           int_fits(scalar, PyArray_DESCR(data)->type_num);
}

/// The ndarray of an operand that the fast path takes, or null.
PyArrayObject* plain_data(PyObject* operand) {
    if (!is_concrete(operand) || as_concrete(operand)->sharding) return nullptr;
    return as_concrete(operand)->data;
}

PyObject* call_ufunc(PyObject* ufunc, PyObject* a, PyObject* b, bool weak) {
    PyObject* stack[] = {nullptr, a, b};
    Silence silence;
    if (!silence.ok()) return nullptr;
    PyObject* result = PyObject_Vectorcall(
        ufunc, stack + 1, (b ? 2 : 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
    return wrap_stolen(result, weak);
}

/// Whether the ufunc refused the shapes. The installed function then says what is
/// wrong, in the terms of the operation.
bool declined_shapes(PyObject* result) {
    if (result || !PyErr_ExceptionMatches(PyExc_ValueError)) return false;
    PyErr_Clear();
    return true;
}

}  // namespace

Eager eager_binary(Op op, PyObject* a, PyObject* b, PyObject** result) {
    const Rule& rule = rules[op];
    PyArrayObject* x = plain_data(a);
    PyArrayObject* y = plain_data(b);
    bool weak = rule.weak_result;
    if (x && y) {
        if (PyArray_DESCR(x)->type_num != PyArray_DESCR(y)->type_num ||
            !(type_bit(x) & rule.arrays))
            return Eager::kDeclined;
        if (op == kMatmul && (PyArray_NDIM(x) == 0 || PyArray_NDIM(y) == 0))
            return Eager::kDeclined;
        weak = weak && as_concrete(a)->weak && as_concrete(b)->weak;
    } else if (x) {
        if (!scalar_fits(b, x, rule.scalars)) return Eager::kDeclined;
        weak = weak && as_concrete(a)->weak;
    } else {
        if (!y || !scalar_fits(a, y, rule.scalars)) return Eager::kDeclined;
        weak = weak && as_concrete(b)->weak;
    }
    PyObject* scalar = x && y ? nullptr : x ? b : a;
    if (small_kernel(op, x ? x : y, x ? y : nullptr, scalar, !x, result) ==
        Eager::kDone) {
        *result = wrap_stolen(*result, weak);
        return Eager::kDone;
    }
    if (op == kMatmul && small_product(x, y, PyArray_NDIM(x) - 1,
                                       std::max(PyArray_NDIM(y) - 2, 0),
                                       result) == Eager::kDone) {
        *result = wrap_stolen(*result, weak);
        return Eager::kDone;
    }
    PyObject* left = x ? reinterpret_cast<PyObject*>(x) : a;
    PyObject* right = y ? reinterpret_cast<PyObject*>(y) : b;
    *result = call_ufunc(ufuncs[op], left, right, weak);
    return declined_shapes(*result) ? Eager::kDeclined : Eager::kDone;
}

Eager evaluate_small(PyObject* function, PyObject* const* args, Py_ssize_t nargs,
                     PyObject** result) {
    Op found = kOpCount;
    for (Op op : {kMultiply, kAdd, kSubtract, kNegative, kGreater, kLess, kEqual})
        if (ufuncs[op] == function) found = op;
    if (found == kOpCount || nargs != (found == kNegative ? 1 : 2))
        return Eager::kDeclined;
    if (!is_concrete(args[0]) || !is_concrete(args[nargs - 1])) return Eager::kDeclined;
    PyArrayObject* x = as_concrete(args[0])->data;
    PyArrayObject* y = as_concrete(args[nargs - 1])->data;
    if (!x || !y || PyArray_DESCR(x)->type_num != PyArray_DESCR(y)->type_num)
        return Eager::kDeclined;
    return small_kernel(found, x, nargs == 2 ? y : nullptr, nullptr, false, result);
}

/// quick_divide(x, y): x / y of small arrays, or NotImplemented.
static PyObject* quick_divide(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    PyObject* result;
    if (nargs == 2 && PyArray_CheckExact(args[0]) && PyArray_CheckExact(args[1])) {
        auto* x = reinterpret_cast<PyArrayObject*>(args[0]);
        auto* y = reinterpret_cast<PyArrayObject*>(args[1]);
        if (PyArray_DESCR(x)->type_num == PyArray_DESCR(y)->type_num &&
            small_kernel(kTrueDivide, x, y, nullptr, false, &result) == Eager::kDone)
            return result;
    }
    Py_RETURN_NOTIMPLEMENTED;
}

/// constant(number, dtype, weak): a Python float or int as a scalar array of a dtype
/// that represents it; None where that is to be decided in Python.
static PyObject* constant(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    if (nargs != 3 || !PyArray_DescrCheck(args[1])) Py_RETURN_NONE;
    PyObject* number = args[0];
    auto* descr = reinterpret_cast<PyArray_Descr*>(args[1]);
    int type = descr->type_num;
    bool real = type == NPY_FLOAT || type == NPY_DOUBLE;
    bool fits = PyFloat_CheckExact(number)
                    ? real
                    : PyLong_CheckExact(number) &&
                          (real || type == NPY_INT || type == NPY_LONG) &&
                          int_fits(number, type);
    if (!fits) Py_RETURN_NONE;
    PyObject* scalar = PyArray_SimpleNew(0, nullptr, type);
    if (!scalar) return nullptr;
    store_scalar(number, type, PyArray_DATA(reinterpret_cast<PyArrayObject*>(scalar)));
    return wrap_stolen(scalar, args[2] == Py_True);
}

Eager eager_unary(Op op, PyObject* a, PyObject** result) {
    PyArrayObject* x = plain_data(a);
    if (!x || !(type_bit(x) & rules[op].arrays)) return Eager::kDeclined;
    bool weak = as_concrete(a)->weak;
    if (small_kernel(op, x, nullptr, nullptr, false, result) == Eager::kDone)
        *result = wrap_stolen(*result, weak);
    else
        *result = call_ufunc(ufuncs[op], reinterpret_cast<PyObject*>(x), nullptr, weak);
    return Eager::kDone;
}

static PyMethodDef operator_functions[] = {
    {"quick_divide", reinterpret_cast<PyCFunction>(quick_divide), METH_FASTCALL,
     "quick_divide(x, y): x / y of small float arrays, or NotImplemented."},
    {"constant", reinterpret_cast<PyCFunction>(constant), METH_FASTCALL,
     "constant(number, dtype, weak): a Python number as a scalar Array, or None."},
    {nullptr, nullptr, 0, nullptr}};

bool init_eager_operators(PyObject* module) {
    for (int op = 0; op < kOpCount; ++op) {
        rules[op] = rule_of(static_cast<Op>(op));
        if (!rules[op].arrays) continue;
        ufuncs[op] = import_attribute("numpy", operator_names[op]);
        if (!ufuncs[op]) return false;
    }
    return PyModule_AddFunctions(module, operator_functions) == 0;
}

}  // namespace chainrule
