/// The tape of linearize: recording tangents of common primitives, and pulling
/// cotangents back, without Python frames of our own. transforms/linearize.py defines
/// the meaning; what is declined here takes the general path there.
#pragma once
#include "dispatch.h"

namespace chainrule {

/// A trace with the list of its entries (primitive, operands, params, outputs, frame)
/// and the number of tangent variables made so far. The frame is the user's line, as
/// user_frame gives it, or None.
struct Tape {
    Trace trace;
    PyObject* entries;
    Py_ssize_t size;
};

extern PyTypeObject* tape_type;

inline Tape* as_tape(PyObject* object) { return reinterpret_cast<Tape*>(object); }
inline bool is_tape(PyObject* object) {
    return tape_type && PyType_IsSubtype(Py_TYPE(object), tape_type);
}

/// The Python classes of tangent variables and of (primal, tangent) pairs, with the
/// offsets of their slots; and the primitives of the vector-space structure.
struct TapeClasses {
    PyTypeObject* variable = nullptr;
    PyTypeObject* pair = nullptr;
    Py_ssize_t slot = 0, primal = 0, tangent = 0;
    PyObject* add = nullptr;
    PyObject* scale = nullptr;
    PyObject* negate = nullptr;
    PyObject* unbroadcast = nullptr;  // unbroadcast(ct, aval): undoes broadcasting
    PyObject* zeros = nullptr;        // zeros(None, aval): a zero tangent made explicit
    PyTypeObject* sparse = nullptr;   // cotangents that say how they are added
};
extern TapeClasses tape_classes;

inline PyObject* slot_value(PyObject* object, Py_ssize_t offset) {
    return *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(object) + offset);
}
inline bool is_variable_of(PyObject* object, PyObject* tape) {
    return Py_TYPE(object) == tape_classes.variable && as_tracer(object)->trace == tape;
}
/// The index of a tangent variable, or -1 with an exception.
inline Py_ssize_t slot_of(PyObject* variable) {
    PyObject* index = slot_value(variable, tape_classes.slot);
    if (index) return PyLong_AsSsize_t(index);
    PyErr_SetString(PyExc_TypeError, "tape: a tangent variable has no slot.");
    return -1;
}
/// The aval of an array or tracer; a new reference.
inline PyObject* aval_of(PyObject* value) {
    if (is_concrete(value)) return Py_XNewRef(array_aval(as_concrete(value)));
    return PyObject_GetAttrString(value, "aval");
}
/// Whether two avals have the same shape.
inline bool same_shape(PyObject* a, PyObject* b) {
    if (a == b) return true;
    if (!is_shaped_array(a) || !is_shaped_array(b)) return false;
    ShapedArray *x = as_shaped(a), *y = as_shaped(b);
    if (x->ndim != y->ndim) return false;
    for (int i = 0; i < x->ndim; ++i)
        if (x->dims[i] != y->dims[i]) return false;
    return true;
}

/// Records `primitive(operands)` with one output of type `aval`; the new variable.
/// Steals nothing; `operands` is a tuple, `params` a dict or nullptr for none.
PyObject* tape_append(PyObject* tape, PyObject* primitive, PyObject* operands,
                      PyObject* aval, PyObject* params);
/// Linearizes one bind. Returns false where it declines (no exception set); otherwise
/// *result is the output, or nullptr with an exception.
bool tape_bind(PyObject* tape, PyObject* primitive, PyObject* const* args,
               Py_ssize_t nargs, PyObject* names, PyObject** result);
/// pull(tape, inputs, outs, cts): see transforms/transpose.py.
PyObject* tape_pull(PyObject*, PyObject* const* args, Py_ssize_t nargs);
bool init_tape(PyObject* module);
/// begin and gradient (tape_begin.cpp).
bool init_tape_ends(PyObject* module);

}  // namespace chainrule
