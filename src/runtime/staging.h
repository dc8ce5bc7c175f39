/// Staging: programs recorded equation by equation, without Python frames of our own.
/// core/jaxpr.py gives Variable and Equation their names, methods and meaning;
/// transforms/stage.py defines what recording means.
#pragma once
#include "dispatch.h"

namespace chainrule {

/// A variable of a program: an identity with an aval.
struct Variable {
    PyObject_HEAD PyObject* aval;
};

/// `outvars = primitive[params] invars`, with the user's place it came from: a code
/// object and an instruction offset, or no place.
struct Equation {
    PyObject_HEAD PyObject* primitive;
    PyObject* invars;
    PyObject* params;
    PyObject* outvars;
    PyObject* code;
    int offset;
};

/// A trace with the list of its equations and the dict of its constants, by id:
/// (variable, value).
struct Recording {
    Trace trace;
    PyObject* eqns;
    PyObject* consts;
};

extern PyTypeObject* variable_type;
extern PyTypeObject* equation_type;
extern PyTypeObject* recording_type;

inline bool is_recording(PyObject* object) {
    return recording_type && PyType_IsSubtype(Py_TYPE(object), recording_type);
}

/// A new equation of the Python class `type`, a subclass of Equation, at the place of
/// the user's that is executing now. The references in the arguments are borrowed.
PyObject* new_equation(PyTypeObject* type, PyObject* primitive, PyObject* invars,
                       PyObject* params, PyObject* outvars);
/// A new variable of the Python class `type`, a subclass of Variable.
PyObject* new_variable(PyTypeObject* type, PyObject* aval);
bool init_equations(PyObject* module);

/// Records one bind. Returns false where it declines (no exception set); otherwise
/// *result is the output, or nullptr with an exception.
bool record_bind(PyObject* recording, PyObject* primitive, PyObject* const* args,
                 Py_ssize_t nargs, PyObject* names, PyObject** result);
bool init_staging(PyObject* module);

}  // namespace chainrule
