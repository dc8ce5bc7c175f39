// The types of a primitive's outputs: its shape rule, remembered by operand avals and
// params; and binds whose operands that rule has accepted first.
#include "staging.h"
#include "tape.h"

namespace chainrule {
namespace {

constexpr Py_ssize_t kMaxRemembered = 4096;
PyObject* infer_name = nullptr;

/// (avals, name, value, name, value, ...), or the avals alone without params.
PyObject* memo_key(PyObject* avals, PyObject* params) {
    Py_ssize_t n = PyDict_GET_SIZE(params);
    if (n == 0) return Py_NewRef(avals);
    Ref key(PyTuple_New(2 * n + 1));
    if (!key) return nullptr;
    PyTuple_SET_ITEM(key.get(), 0, Py_NewRef(avals));
    PyObject *name, *value;
    Py_ssize_t cursor = 0, i = 1;
    while (PyDict_Next(params, &cursor, &name, &value)) {
        PyTuple_SET_ITEM(key.get(), i++, Py_NewRef(name));
        PyTuple_SET_ITEM(key.get(), i++, Py_NewRef(value));
    }
    return key.release();
}

PyObject* by_rule(PyObject* primitive, PyObject* avals, PyObject* params) {
    PyObject* stack[] = {primitive, avals, params};
    return PyObject_VectorcallMethod(infer_name, stack, 3, nullptr);
}

/// The avals of operands as a tuple.
PyObject* avals_of(PyObject* const* args, Py_ssize_t nargs) {
    Ref avals(PyTuple_New(nargs));
    for (Py_ssize_t i = 0; avals && i < nargs; ++i) {
        PyObject* aval = aval_of(args[i]);
        if (!aval) return nullptr;
        PyTuple_SET_ITEM(avals.get(), i, aval);
    }
    return avals.release();
}

}  // namespace

PyObject* params_of(PyObject* const* values, PyObject* names) {
    Ref params(PyDict_New());
    for (Py_ssize_t i = 0; params && names && i < PyTuple_GET_SIZE(names); ++i)
        if (PyDict_SetItem(params.get(), PyTuple_GET_ITEM(names, i), values[i]) < 0)
            return nullptr;
    return params.release();
}

PyObject* infer(PyObject* primitive, PyObject* avals, PyObject* params) {
    auto* self = reinterpret_cast<Primitive*>(primitive);
    if (!self->memo) self->memo = PyDict_New();
    Ref memo = Ref::borrow(self->memo);
    Ref key(memo ? memo_key(avals, params) : nullptr);
    if (!key) return nullptr;
    PyObject* found = PyDict_GetItemWithError(memo.get(), key.get());
    if (found) return Py_NewRef(found);
    if (PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_TypeError)) return nullptr;
        PyErr_Clear();  // params that do not hash are not remembered
        return by_rule(primitive, avals, params);
    }
    Ref out(by_rule(primitive, avals, params));
    if (!out) return nullptr;
    if (PyDict_GET_SIZE(memo.get()) >= kMaxRemembered) PyDict_Clear(memo.get());
    if (PyDict_SetItem(memo.get(), key.get(), out.get()) < 0) return nullptr;
    return out.release();
}

PyObject* out_aval_method(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
    if (nargs != 2 || !PyTuple_Check(args[0]) || !PyDict_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError,
                        "out_aval: takes (tuple of avals, dict of params).");
        return nullptr;
    }
    return infer(self, args[0], args[1]);
}

PyObject* bind_method(PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                      PyObject* names) {
    if (!(thread_state.dynamic && is_recording(thread_state.dynamic))) {
        Ref avals(avals_of(args, nargs));
        Ref params(avals ? params_of(args + nargs, names) : nullptr);
        Ref out(params ? infer(self, avals.get(), params.get()) : nullptr);
        if (!out) return nullptr;
    }
    return PyObject_Vectorcall(self, args, static_cast<std::size_t>(nargs), names);
}

bool init_inference() {
    infer_name = PyUnicode_InternFromString("_infer");
    return infer_name != nullptr;
}

}  // namespace chainrule
