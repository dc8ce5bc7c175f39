// The operators of Array: the number, comparison and subscript slots.
//
// Each slot tries the fast path on raw NumPy arrays first (eager_operators.cpp), then
// calls the function that the public layer installed under the operator's name.
#include "dispatch.h"

namespace chainrule {

const char* const operator_names[kOpCount] = {
    "add",        "subtract",    "multiply",   "true_divide",   "floor_divide",
    "remainder",  "divmod",      "power",      "matmul",        "bitwise_and",
    "bitwise_or", "bitwise_xor", "left_shift", "right_shift",   "negative",
    "positive",   "absolute",    "invert",     "equal",         "not_equal",
    "less",       "less_equal",  "greater",    "greater_equal", "getitem"};

namespace {

PyObject* installed[kOpCount] = {};

bool is_array(PyObject* object) {
    return is_concrete(object) || PyObject_TypeCheck(object, array_type);
}

/// The attribute `name` of the type of `object`; null if absent, without an exception.
bool type_has(PyObject* object, const char* name) {
    Ref text(PyUnicode_FromString(name));
    bool found = text && _PyType_Lookup(Py_TYPE(object), text.get());
    PyErr_Clear();
    return found;
}

bool is_exact_builtin(PyObject* object) {
    return PyFloat_CheckExact(object) || PyLong_CheckExact(object) ||
           PyArray_CheckExact(object) || PyBool_Check(object) ||
           PyComplex_CheckExact(object);
}

/// Whether `other` ranks above Array, so that its own operator is the one to run.
bool outranks(PyObject* other) {
    if (!type_has(other, "__array_priority__")) return false;
    Ref priority(PyObject_GetAttrString(other, "__array_priority__"));
    double rank = priority ? PyFloat_AsDouble(priority.get()) : 0.0;
    PyErr_Clear();  // a priority that is not a number ranks nowhere
    return rank > 100.0;
}

/// Whether the installed functions are to see `other`, the operand that may not be
/// ours.
bool is_operand(PyObject* other) {
    if (is_array(other) || is_exact_builtin(other)) return true;
    bool known = PyArray_Check(other) || PyArray_IsScalar(other, Generic) ||
                 PyFloat_Check(other) || PyLong_Check(other) ||
                 PyComplex_Check(other) || PyList_Check(other) ||
                 PyTuple_Check(other) || type_has(other, "__jax_array__");
    return known && !outranks(other);
}

PyObject* installed_function(Op op) {
    if (!installed[op])
        PyErr_Format(PyExc_TypeError,
                     "Array: the operator '%s' needs chainrule.numpy, "
                     "which is not loaded; import chainrule.numpy.",
                     operator_names[op]);
    return Py_XNewRef(installed[op]);
}

PyObject* call_installed(Op op, PyObject* a, PyObject* b) {
    Ref function(installed_function(op));
    if (!function) return nullptr;
    PyObject* stack[] = {nullptr, a, b};
    return PyObject_Vectorcall(function.get(), stack + 1,
                               (b ? 2 : 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
}

PyObject* binary(Op op, PyObject* a, PyObject* b) {
    PyObject* result;
    if (!thread_state.dynamic && eager_binary(op, a, b, &result) == Eager::kDone)
        return result;
    if (!is_operand(is_array(a) ? b : a)) Py_RETURN_NOTIMPLEMENTED;
    return call_installed(op, a, b);
}

template <Op op>
PyObject* binary_slot(PyObject* a, PyObject* b) {
    return binary(op, a, b);
}

template <Op op>
PyObject* unary_slot(PyObject* a) {
    PyObject* result;
    if (!thread_state.dynamic && eager_unary(op, a, &result) == Eager::kDone)
        return result;
    return call_installed(op, a, nullptr);
}

PyObject* power_slot(PyObject* a, PyObject* b, PyObject* modulus) {
    if (modulus != Py_None) Py_RETURN_NOTIMPLEMENTED;
    return binary(kPower, a, b);
}

PyObject* compare_slot(PyObject* a, PyObject* b, int comparison) {
    static const Op ops[] = {kLess,     kLessEqual, kEqual,
                             kNotEqual, kGreater,   kGreaterEqual};
    return binary(ops[comparison], a, b);
}

int refuse_assignment(PyObject*, PyObject*, PyObject* value) {
    PyErr_SetString(
        PyExc_TypeError,
        value ? "Array: arrays are immutable, x[index] = y is not possible; use "
                "x = x.at[index].set(y)."
              : "Array: arrays are immutable, del x[index] is not possible; use "
                "chainrule.numpy.delete(x, index).");
    return -1;
}

/// Checks every name and value before anything is replaced.
bool check_operators(PyObject* operators, Op* which) {
    PyObject *key, *value;
    Py_ssize_t cursor = 0, index = 0;
    while (PyDict_Next(operators, &cursor, &key, &value)) {
        int op = 0;
        while (op < kOpCount &&
               !(PyUnicode_Check(key) &&
                 PyUnicode_CompareWithASCIIString(key, operator_names[op]) == 0))
            ++op;
        if (op == kOpCount || !PyCallable_Check(value) || index == kOpCount) {
            PyErr_Format(PyExc_ValueError,
                         "install: %R: %R is not an operator and its "
                         "function; see chainrule.runtime._native.OPERATORS.",
                         key, value);
            return false;
        }
        which[index++] = static_cast<Op>(op);
    }
    return true;
}

/// The row that a Python int selects; -1 where that is for the installed function.
Py_ssize_t row_position(ConcreteArray* array, PyObject* key) {
    if (!array->data || array->sharding || PyArray_NDIM(array->data) == 0) return -1;
    int overflow = 0;
    long long index = PyLong_AsLongLongAndOverflow(key, &overflow);
    npy_intp extent = PyArray_DIM(array->data, 0);
    if (overflow || index < -extent || index >= extent) return -1;
    return index < 0 ? index + extent : index;
}

PyObject* former_functions() {
    Ref former(PyDict_New());
    for (int op = 0; former && op < kOpCount; ++op)
        if (installed[op] &&
            PyDict_SetItemString(former.get(), operator_names[op], installed[op]) < 0)
            return nullptr;
    return former.release();
}

template <typename Function>
void* slot(Function* function) {
    return reinterpret_cast<void*>(function);
}

}  // namespace

PyObject* array_subscript(PyObject* array, PyObject* key) {
    if (is_concrete(array) && PyLong_CheckExact(key) && !thread_state.dynamic) {
        Py_ssize_t position = row_position(as_concrete(array), key);
        if (position >= 0) return array_row(as_concrete(array), position);
    }
    return call_installed(kGetitem, array, key);
}

PyObject* install(PyObject*, PyObject* args, PyObject* kwargs) {
    PyObject *operators, *methods = nullptr;
    static const char* names[] = {"operators", "methods", nullptr};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!|O!:install",
                                     const_cast<char**>(names), &PyDict_Type,
                                     &operators, &PyDict_Type, &methods))
        return nullptr;
    Op which[kOpCount];
    if (!check_operators(operators, which)) return nullptr;
    Ref former(former_functions());
    if (!former) return nullptr;
    PyObject *key, *value;
    Py_ssize_t cursor = 0, index = 0;
    while (PyDict_Next(operators, &cursor, &key, &value)) {
        PyObject* old = std::exchange(installed[which[index++]], Py_NewRef(value));
        Py_XDECREF(old);
    }
    cursor = 0;
    while (methods && PyDict_Next(methods, &cursor, &key, &value))
        if (PyObject_SetAttr(reinterpret_cast<PyObject*>(array_type), key, value) < 0)
            return nullptr;
    return former.release();
}

PyType_Slot array_operator_slots[] = {
    {Py_nb_add, slot(binary_slot<kAdd>)},
    {Py_nb_subtract, slot(binary_slot<kSubtract>)},
    {Py_nb_multiply, slot(binary_slot<kMultiply>)},
    {Py_nb_true_divide, slot(binary_slot<kTrueDivide>)},
    {Py_nb_floor_divide, slot(binary_slot<kFloorDivide>)},
    {Py_nb_remainder, slot(binary_slot<kRemainder>)},
    {Py_nb_divmod, slot(binary_slot<kDivmod>)},
    {Py_nb_power, slot(power_slot)},
    {Py_nb_matrix_multiply, slot(binary_slot<kMatmul>)},
    {Py_nb_and, slot(binary_slot<kAnd>)},
    {Py_nb_or, slot(binary_slot<kOr>)},
    {Py_nb_xor, slot(binary_slot<kXor>)},
    {Py_nb_lshift, slot(binary_slot<kLeftShift>)},
    {Py_nb_rshift, slot(binary_slot<kRightShift>)},
    {Py_nb_negative, slot(unary_slot<kNegative>)},
    {Py_nb_positive, slot(unary_slot<kPositive>)},
    {Py_nb_absolute, slot(unary_slot<kAbsolute>)},
    {Py_nb_invert, slot(unary_slot<kInvert>)},
    {Py_tp_richcompare, slot(compare_slot)},
    {Py_mp_subscript, slot(array_subscript)},
    {Py_mp_ass_subscript, slot(refuse_assignment)}};

const int array_operator_slot_count =
    sizeof(array_operator_slots) / sizeof(array_operator_slots[0]);

}  // namespace chainrule
