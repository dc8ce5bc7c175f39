// Small sums and matrix products, where NumPy's call costs more than its arithmetic.
// They are what gradients of small networks consist of. Arrays are float32 or float64,
// aligned and in native byte order; products take any strides, sums C order.
#include "dispatch.h"
#include "ufunc.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace chainrule {
namespace {

constexpr npy_intp kSmallSum = 4096;
constexpr npy_intp kSmallProduct = 32 * 32 * 32;  // multiplications
constexpr npy_intp kSmallInner = 128;             // terms added one by one
constexpr npy_intp kSmallColumns = 512;  // multiplications, of fewer columns than kWide
constexpr npy_intp kWide = 4;
constexpr npy_intp kPanel = 4096;  // elements of a right operand that is copied

PyObject* axes_name = nullptr;
PyObject* product_names = nullptr;

/// Whether a kernel below takes the array.
bool is_plain_float(PyObject* object) {
    if (!PyArray_CheckExact(object)) return false;
    auto* array = reinterpret_cast<PyArrayObject*>(object);
    int type = PyArray_DESCR(array)->type_num;
    return (type == NPY_FLOAT || type == NPY_DOUBLE) && PyArray_ISBEHAVED_RO(array);
}

PyObject* new_array(int ndim, const npy_intp* dims, PyArrayObject* like) {
    PyArray_Descr* descr = PyArray_DESCR(like);
    Py_INCREF(reinterpret_cast<PyObject*>(descr));
    return PyArray_NewFromDescr(&PyArray_Type, descr, ndim, dims, nullptr, nullptr, 0,
                                nullptr);
}

// --- sums

/// out[j] = the sum over r of x[r, j].
template <typename T>
void sum_rows(const T* x, npy_intp rows, npy_intp n, T* out) {
    std::fill(out, out + n, T(0));
    for (npy_intp r = 0; r < rows; ++r)
        for (npy_intp j = 0; j < n; ++j) out[j] += x[r * n + j];
}

/// The sum of n numbers: eight partial sums, over halves where there are many.
template <typename T>
T sum_all(const T* x, npy_intp n) {
    if (n > 128) {
        npy_intp half = n / 16 * 8;
        return sum_all(x, half) + sum_all(x + half, n - half);
    }
    T parts[8] = {};
    npy_intp i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; ++k) parts[k] += x[i + k];
    T rest = 0;
    for (; i < n; ++i) rest += x[i];
    return ((parts[0] + parts[1]) + (parts[2] + parts[3])) +
           ((parts[4] + parts[5]) + (parts[6] + parts[7])) + rest;
}

template <typename T>
void sum_typed(PyArrayObject* x, bool leading, npy_intp rows, npy_intp n, void* out) {
    auto* data = static_cast<const T*>(PyArray_DATA(x));
    auto* result = static_cast<T*>(out);
    if (leading) return sum_rows(data, rows, n, result);
    for (npy_intp r = 0; r < rows; ++r) result[r] = sum_all(data + r * n, n);
}

/// The axes as the first or the last `count` dimensions; false for any others.
bool outer_axes(PyObject* axes, int ndim, bool* leading) {
    Py_ssize_t count = PyTuple_GET_SIZE(axes);
    long first = count ? PyLong_AsLong(PyTuple_GET_ITEM(axes, 0)) : 0;
    *leading = first == 0 && count < ndim;
    if (count == 0 || count > ndim || first != (first ? ndim - count : 0)) return false;
    for (Py_ssize_t i = 1; i < count; ++i)
        if (PyLong_AsLong(PyTuple_GET_ITEM(axes, i)) != first + i) return false;
    return true;
}

/// quick_sum(x, *, axes): the sum, or NotImplemented.
PyObject* quick_sum(PyObject*, PyObject* const* args, Py_ssize_t nargs,
                    PyObject* names) {
    if (nargs != 1 || !names || PyTuple_GET_SIZE(names) != 1 ||
        PyTuple_GET_ITEM(names, 0) != axes_name || !PyTuple_CheckExact(args[1]) ||
        !is_plain_float(args[0]))
        Py_RETURN_NOTIMPLEMENTED;
    auto* x = reinterpret_cast<PyArrayObject*>(args[0]);
    int ndim = PyArray_NDIM(x);
    bool leading;
    if (!PyArray_IS_C_CONTIGUOUS(x) || PyArray_SIZE(x) > kSmallSum ||
        !outer_axes(args[1], ndim, &leading)) {
        if (PyErr_Occurred()) PyErr_Clear();  // axes that are no integers
        Py_RETURN_NOTIMPLEMENTED;
    }
    int kept = ndim - static_cast<int>(PyTuple_GET_SIZE(args[1]));
    const npy_intp* dims = PyArray_DIMS(x);
    int cut = leading ? ndim - kept : kept;
    npy_intp rows = PyArray_MultiplyList(dims, cut);
    npy_intp n = PyArray_MultiplyList(dims + cut, ndim - cut);
    PyObject* out = new_array(kept, leading ? dims + cut : dims, x);
    if (!out) return nullptr;
    void* data = PyArray_DATA(reinterpret_cast<PyArrayObject*>(out));
    if (PyArray_DESCR(x)->type_num == NPY_FLOAT)
        sum_typed<float>(x, leading, rows, n, data);
    else
        sum_typed<double>(x, leading, rows, n, data);
    return out;
}

// --- products

/// A matrix by its strides, counted in elements.
struct Matrix {
    const void* data;
    npy_intp rows, columns, row_step, column_step;
};

/// N numbers in a register, or in as many as the machine needs.
template <typename T, int N>
struct Lanes {
    typedef T type __attribute__((vector_size(N * sizeof(T))));
};
template <typename T>
struct Lanes<T, 1> {
    typedef T type;
};

/// R rows of N columns of the product of x and b, whose rows are `b_step` apart, into
/// out, whose rows are `out_step` apart; a is the first of the rows of x.
template <typename T, int R, int N>
CHAINRULE_INLINE void block(const T* a, const Matrix& x, const T* b, npy_intp b_step,
                            T* out, npy_intp out_step) {
    using Row = typename Lanes<T, N>::type;
    Row sums[R];
    for (int r = 0; r < R; ++r) sums[r] = Row{};
    for (npy_intp q = 0; q < x.columns; ++q) {
        Row row;
        std::memcpy(&row, b + q * b_step, sizeof row);
        for (int r = 0; r < R; ++r)
            sums[r] += a[r * x.row_step + q * x.column_step] * row;
    }
    for (int r = 0; r < R; ++r) std::memcpy(out + r * out_step, &sums[r], sizeof(Row));
}

template <typename T, int R>
CHAINRULE_INLINE void row_block(const T* a, const Matrix& x, const T* b,
                                npy_intp b_step, npy_intp n, T* out) {
    npy_intp c = 0;
    for (; c + 16 <= n; c += 16) block<T, R, 16>(a, x, b + c, b_step, out + c, n);
    for (; c + 4 <= n; c += 4) block<T, R, 4>(a, x, b + c, b_step, out + c, n);
    for (; c < n; ++c) block<T, R, 1>(a, x, b + c, b_step, out + c, n);
}

template <typename T>
CHAINRULE_INLINE void multiply(const Matrix& x, const T* b, npy_intp b_step,
                               npy_intp n, T* out) {
    auto* a = static_cast<const T*>(x.data);
    npy_intp r = 0;
    for (; r + 4 <= x.rows; r += 4)
        row_block<T, 4>(a + r * x.row_step, x, b, b_step, n, out + r * n);
    for (; r < x.rows; ++r)
        row_block<T, 1>(a + r * x.row_step, x, b, b_step, n, out + r * n);
}

CHAINRULE_VECTOR_CLONES void multiply_floats(const Matrix& x, const float* b,
                                             npy_intp b_step, npy_intp n, float* out) {
    multiply(x, b, b_step, n, out);
}

CHAINRULE_VECTOR_CLONES void multiply_doubles(const Matrix& x, const double* b,
                                              npy_intp b_step, npy_intp n,
                                              double* out) {
    multiply(x, b, b_step, n, out);
}

/// The rows of y one behind the other: y's own memory, or a copy in `panel`.
template <typename T>
const T* rows_of(const Matrix& y, std::array<T, kPanel>* panel, npy_intp* step) {
    auto* data = static_cast<const T*>(y.data);
    *step = y.row_step;
    if (y.column_step == 1 || y.columns == 1) return data;
    *step = y.columns;
    for (npy_intp q = 0; q < y.rows; ++q)
        for (npy_intp c = 0; c < y.columns; ++c)
            (*panel)[q * y.columns + c] = data[q * y.row_step + c * y.column_step];
    return panel->data();
}

void multiply_typed(int type, const Matrix& x, const Matrix& y, void* out) {
    npy_intp step;
    if (type == NPY_FLOAT) {
        std::array<float, kPanel> panel;
        const float* b = rows_of(y, &panel, &step);
        return multiply_floats(x, b, step, y.columns, static_cast<float*>(out));
    }
    std::array<double, kPanel> panel;
    const double* b = rows_of(y, &panel, &step);
    multiply_doubles(x, b, step, y.columns, static_cast<double*>(out));
}

/// The operand with its dimension `inner` last (of a left one) or first; a vector is a
/// row or a column. False where that dimension does not exist.
bool as_matrix(PyArrayObject* x, npy_intp inner, bool left, Matrix* out) {
    int ndim = PyArray_NDIM(x);
    if (ndim < 1 || ndim > 2 || inner < 0 || inner >= ndim) return false;
    npy_intp size = PyArray_ITEMSIZE(x);
    npy_intp extent = PyArray_DIM(x, inner), step = PyArray_STRIDE(x, inner) / size;
    npy_intp other = 1, other_step = 0;
    if (ndim == 2) {
        other = PyArray_DIM(x, 1 - inner);
        other_step = PyArray_STRIDE(x, 1 - inner) / size;
    }
    *out = left ? Matrix{PyArray_DATA(x), other, extent, other_step, step}
                : Matrix{PyArray_DATA(x), extent, other, step, other_step};
    return true;
}

bool is_small(const Matrix& x, const Matrix& y) {
    npy_intp inner = x.columns, n = y.columns;
    if (inner > kSmallInner || x.rows > kPanel || n > kPanel || inner * n > kPanel)
        return false;
    npy_intp count = x.rows * inner * n;
    return count <= (n < kWide ? kSmallColumns : kSmallProduct);
}

/// The dimension in ((i,),) of a pair of 1-tuples; -1 for anything else.
npy_intp only(PyObject* pair, Py_ssize_t side) {
    PyObject* dims = PyTuple_GET_ITEM(pair, side);
    if (!PyTuple_CheckExact(dims) || PyTuple_GET_SIZE(dims) != 1) return -1;
    PyObject* item = PyTuple_GET_ITEM(dims, 0);
    return PyLong_CheckExact(item) ? PyLong_AsSsize_t(item) : -1;
}

bool is_pair(PyObject* object) {
    return PyTuple_CheckExact(object) && PyTuple_GET_SIZE(object) == 2;
}

/// The contracted dimensions of numbers ((cx, cy), ((), ())); false for any others.
bool contracted(PyObject* numbers, npy_intp* i, npy_intp* j) {
    if (!is_pair(numbers)) return false;
    PyObject* pair = PyTuple_GET_ITEM(numbers, 0);
    PyObject* batch = PyTuple_GET_ITEM(numbers, 1);
    if (!is_pair(pair) || !is_pair(batch)) return false;
    PyObject* first = PyTuple_GET_ITEM(batch, 0);
    if (!PyTuple_CheckExact(first) || PyTuple_GET_SIZE(first) != 0) return false;
    *i = only(pair, 0);
    *j = only(pair, 1);
    return *i >= 0 && *j >= 0;
}

/// quick_product(x, y, *, dimension_numbers, precision, preferred_element_type): the
/// product, or NotImplemented.
PyObject* quick_product(PyObject*, PyObject* const* args, Py_ssize_t nargs,
                        PyObject* names) {
    if (nargs != 2 || !names || PyTuple_GET_SIZE(names) != 3) Py_RETURN_NOTIMPLEMENTED;
    for (Py_ssize_t i = 0; i < 3; ++i)
        if (PyTuple_GET_ITEM(names, i) != PyTuple_GET_ITEM(product_names, i))
            Py_RETURN_NOTIMPLEMENTED;
    npy_intp i, j;
    if (!is_plain_float(args[0]) || !is_plain_float(args[1]) ||
        !contracted(args[2], &i, &j))
        Py_RETURN_NOTIMPLEMENTED;
    auto* x = reinterpret_cast<PyArrayObject*>(args[0]);
    auto* y = reinterpret_cast<PyArrayObject*>(args[1]);
    PyObject* wanted = args[4];
    PyObject* result;
    if ((wanted == Py_None ||
         wanted == reinterpret_cast<PyObject*>(PyArray_DESCR(x))) &&
        small_product(x, y, i, j, &result) == Eager::kDone)
        return result;
    Py_RETURN_NOTIMPLEMENTED;
}

PyMethodDef product_functions[] = {
    {"quick_sum", reinterpret_cast<PyCFunction>(quick_sum),
     METH_FASTCALL | METH_KEYWORDS,
     "quick_sum(x, *, axes): the sum of a small array, or NotImplemented."},
    {"quick_product", reinterpret_cast<PyCFunction>(quick_product),
     METH_FASTCALL | METH_KEYWORDS,
     "quick_product(x, y, *, dimension_numbers, precision, preferred_element_type):\n"
     "the product of small matrices and vectors, or NotImplemented."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

Eager small_product(PyArrayObject* x, PyArrayObject* y, npy_intp i, npy_intp j,
                    PyObject** result) {
    Matrix a, b;
    int type = PyArray_DESCR(x)->type_num;
    if (PyArray_DESCR(y)->type_num != type ||
        !is_plain_float(reinterpret_cast<PyObject*>(x)) ||
        !is_plain_float(reinterpret_cast<PyObject*>(y)) || !as_matrix(x, i, true, &a) ||
        !as_matrix(y, j, false, &b) || a.columns != b.rows || !is_small(a, b))
        return Eager::kDeclined;
    npy_intp dims[2];
    int ndim = 0;
    if (PyArray_NDIM(x) == 2) dims[ndim++] = a.rows;
    if (PyArray_NDIM(y) == 2) dims[ndim++] = b.columns;
    *result = new_array(ndim, dims, x);
    if (*result)
        multiply_typed(type, a, b,
                       PyArray_DATA(reinterpret_cast<PyArrayObject*>(*result)));
    return Eager::kDone;
}

bool init_eager_products(PyObject* module) {
    axes_name = PyUnicode_InternFromString("axes");
    product_names =
        Py_BuildValue("(NNN)", PyUnicode_InternFromString("dimension_numbers"),
                      PyUnicode_InternFromString("precision"),
                      PyUnicode_InternFromString("preferred_element_type"));
    return axes_name && product_names &&
           PyModule_AddFunctions(module, product_functions) == 0;
}

}  // namespace chainrule
