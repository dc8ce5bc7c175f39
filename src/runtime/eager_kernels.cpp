// Arithmetic and comparison of small arrays without a ufunc.
//
// A ufunc's call costs several times its work on a few elements. For the commonest
// dtypes, operands that are contiguous and of one shape (or scalars) are computed here,
// with the results of NumPy's own loops: IEEE arithmetic, wrapping integers.
#include "dispatch.h"

#include <algorithm>
#include <type_traits>

namespace chainrule {
namespace {

/// Beyond this many elements NumPy's vectorised loops are worth their call.
constexpr npy_intp kSmall = 1024;

/// Integers are computed unsigned, where overflow wraps.
template <typename T>
using Carrier =
    typename std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>,
                                std::enable_if<true, T>>::type;

template <typename T, typename R, typename F>
void loop(npy_intp n, const T* x, bool x_scalar, const T* y, bool y_scalar, R* out,
          F f) {
    if (x_scalar) {
        T left = *x;
        for (npy_intp i = 0; i < n; ++i) out[i] = f(left, y_scalar ? *y : y[i]);
    } else if (y_scalar) {
        T right = *y;
        for (npy_intp i = 0; i < n; ++i) out[i] = f(x[i], right);
    } else {
        for (npy_intp i = 0; i < n; ++i) out[i] = f(x[i], y[i]);
    }
}

struct Operand {
    const void* data;
    bool scalar;
};

template <typename T>
bool compute(Op op, npy_intp n, Operand a, Operand b, void* result) {
    auto x = static_cast<const T*>(a.data);
    auto y = static_cast<const T*>(b.data);
    auto run = [&](auto* out, auto f) { loop(n, x, a.scalar, y, b.scalar, out, f); };
    using C = Carrier<T>;
    auto* out = static_cast<T*>(result);
    auto* truth = static_cast<npy_bool*>(result);
    switch (op) {
        case kAdd: run(out, [](T p, T q) { return T(C(p) + C(q)); }); return true;
        case kSubtract: run(out, [](T p, T q) { return T(C(p) - C(q)); }); return true;
        case kMultiply: run(out, [](T p, T q) { return T(C(p) * C(q)); }); return true;
        case kTrueDivide:
            if constexpr (std::is_floating_point_v<T>)
                run(out, [](T p, T q) { return p / q; });
            return std::is_floating_point_v<T>;
        case kNegative: run(out, [](T p, T) { return T(-C(p)); }); return true;
        case kEqual: run(truth, [](T p, T q) { return p == q; }); return true;
        case kNotEqual: run(truth, [](T p, T q) { return p != q; }); return true;
        case kLess: run(truth, [](T p, T q) { return p < q; }); return true;
        case kLessEqual: run(truth, [](T p, T q) { return p <= q; }); return true;
        case kGreater: run(truth, [](T p, T q) { return p > q; }); return true;
        case kGreaterEqual: run(truth, [](T p, T q) { return p >= q; }); return true;
        default: return false;
    }
}

bool compute_typed(int type, Op op, npy_intp n, Operand a, Operand b, void* result) {
    switch (type) {
        case NPY_FLOAT: return compute<float>(op, n, a, b, result);
        case NPY_DOUBLE: return compute<double>(op, n, a, b, result);
        case NPY_INT: return compute<std::int32_t>(op, n, a, b, result);
        case NPY_LONG: return compute<npy_long>(op, n, a, b, result);
        default: return false;
    }
}

bool has_kernel(Op op, int type) {
    switch (op) {
        case kAdd:
        case kSubtract:
        case kMultiply:
        case kNegative:
        case kEqual:
        case kNotEqual:
        case kLess:
        case kLessEqual:
        case kGreater:
        case kGreaterEqual:
            return type == NPY_FLOAT || type == NPY_DOUBLE || type == NPY_INT ||
                   type == NPY_LONG;
        case kTrueDivide: return type == NPY_FLOAT || type == NPY_DOUBLE;
        default: return false;
    }
}

bool same_shape(PyArrayObject* x, PyArrayObject* y) {
    int ndim = PyArray_NDIM(x);
    return ndim == PyArray_NDIM(y) &&
           std::equal(PyArray_DIMS(x), PyArray_DIMS(x) + ndim, PyArray_DIMS(y));
}

/// Whether the shape of y is the end of that of x, so that y meets each row of x.
bool is_row_of(PyArrayObject* y, PyArrayObject* x) {
    int ndim = PyArray_NDIM(y), lead = PyArray_NDIM(x) - ndim;
    return lead > 0 &&
           std::equal(PyArray_DIMS(y), PyArray_DIMS(y) + ndim, PyArray_DIMS(x) + lead);
}

/// The array that gives the result its shape, or null where broadcasting needs more.
PyArrayObject* shape_giver(PyArrayObject* x, PyArrayObject* y) {
    if (!y || same_shape(x, y) || is_row_of(y, x)) return x;
    return is_row_of(x, y) ? y : nullptr;
}

bool is_comparison(Op op) { return op >= kEqual && op <= kGreaterEqual; }

PyObject* new_like(PyArrayObject* shape, Op op) {
    PyArray_Descr* descr = PyArray_DESCR(shape);
    if (is_comparison(op))
        descr = PyArray_DescrFromType(NPY_BOOL);
    else
        Py_INCREF(reinterpret_cast<PyObject*>(descr));
    return PyArray_NewFromDescr(&PyArray_Type, descr, PyArray_NDIM(shape),
                                PyArray_DIMS(shape), nullptr, nullptr, 0, nullptr);
}

}  // namespace

void store_scalar(PyObject* scalar, int type, void* out) {
    if (type == NPY_INT || type == NPY_LONG) {
        long value = PyLong_AsLong(scalar);
        if (type == NPY_INT)
            *static_cast<std::int32_t*>(out) = static_cast<npy_int>(value);
        else
            *static_cast<npy_long*>(out) = value;
        return;
    }
    double value = PyFloat_CheckExact(scalar) ? PyFloat_AS_DOUBLE(scalar)
                                              : PyLong_AsDouble(scalar);
    if (type == NPY_FLOAT)
        *static_cast<float*>(out) = static_cast<float>(value);
    else
        *static_cast<double*>(out) = value;
}

Eager small_kernel(Op op, PyArrayObject* x, PyArrayObject* y, PyObject* scalar,
                   bool scalar_left, PyObject** result) {
    int type = PyArray_DESCR(x)->type_num;
    if (!has_kernel(op, type)) return Eager::kDeclined;
    PyArrayObject* shape = shape_giver(x, y);
    if (!shape || !PyArray_IS_C_CONTIGUOUS(x) || (y && !PyArray_IS_C_CONTIGUOUS(y)))
        return Eager::kDeclined;
    npy_intp n = PyArray_SIZE(shape);
    if (n > kSmall) return Eager::kDeclined;
    alignas(16) char storage[16];
    Operand a{PyArray_DATA(x), PyArray_NDIM(x) == 0};
    Operand b{storage, true};
    if (y)
        b = {PyArray_DATA(y), PyArray_NDIM(y) == 0};
    else if (scalar)
        store_scalar(scalar, type, storage);
    else
        b = a;
    if (scalar_left) std::swap(a, b);
    *result = new_like(shape, op);
    if (!*result) return Eager::kDone;
    void* out = PyArray_DATA(reinterpret_cast<PyArrayObject*>(*result));
    if (n == 0) return Eager::kDone;
    npy_intp row = n;  // elements of the operand that is repeated
    for (PyArrayObject* operand : {x, y})
        if (operand && PyArray_NDIM(operand) > 0)
            row = std::min(row, PyArray_SIZE(operand));
    auto advanced = [&](Operand operand, PyArrayObject* array, npy_intp start) {
        if (array && array == shape)
            operand.data = static_cast<const char*>(operand.data) +
                           start * PyArray_ITEMSIZE(array);
        return operand;
    };
    PyArrayObject *left = scalar_left ? y : x, *right = scalar_left ? x : y;
    npy_intp item = PyArray_ITEMSIZE(reinterpret_cast<PyArrayObject*>(*result));
    for (npy_intp start = 0; start < n; start += row)
        compute_typed(type, op, row, advanced(a, left, start),
                      advanced(b, right, start),
                      static_cast<char*>(out) + start * item);
    return Eager::kDone;
}

}  // namespace chainrule
