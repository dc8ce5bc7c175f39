// Registration of arrays, tracing and primitives in the extension module.
#include "jit_call.h"
#include "places.h"
#include "staging.h"
#include "tape.h"

namespace chainrule {

PyTypeObject* add_type(PyObject* module, PyType_Spec* spec, PyTypeObject* base,
                       const char* name) {
    PyObject* type =
        PyType_FromModuleAndSpec(module, spec, reinterpret_cast<PyObject*>(base));
    if (type && name && PyModule_AddObjectRef(module, name, type) < 0) Py_CLEAR(type);
    return reinterpret_cast<PyTypeObject*>(type);  // kept for the life of the process
}

PyObject* import_attribute(const char* module, const char* name) {
    Ref imported(PyImport_ImportModule(module));
    return imported ? PyObject_GetAttrString(imported.get(), name) : nullptr;
}

namespace {

/// is_inexact_array(x): whether x is an Array or tracer of NumPy's own floating-point or
/// complex dtypes. (False also for bfloat16 and its like; callers then look further.)
PyObject* is_inexact_array(PyObject*, PyObject* x) {
    PyObject* dtype = nullptr;
    if (is_concrete(x)) {
        PyArrayObject* data = as_concrete(x)->data;
        if (data) dtype = reinterpret_cast<PyObject*>(PyArray_DESCR(data));
    } else if (is_tracer(x)) {
        PyObject* aval = as_tracer(x)->aval;
        if (aval && is_shaped_array(aval)) dtype = as_shaped(aval)->dtype;
    }
    if (!dtype || !PyArray_DescrCheck(dtype)) Py_RETURN_FALSE;
    int type = reinterpret_cast<PyArray_Descr*>(dtype)->type_num;
    return PyBool_FromLong(PyTypeNum_ISFLOAT(type) || PyTypeNum_ISCOMPLEX(type));
}

PyMethodDef functions[] = {
    {"is_inexact_array", is_inexact_array, METH_O,
     "is_inexact_array(x): whether x is an array of a built-in floating-point or\n"
     "complex dtype."},
    {"install", reinterpret_cast<PyCFunction>(install), METH_VARARGS | METH_KEYWORDS,
     "install(operators, methods)\n--\n\n"
     "Sets the functions behind Array's operators, and attributes of Array.\n"
     "Returns the functions installed before."},
    {"set_hooks", set_hooks, METH_O,
     "set_hooks(hooks)\n--\n\n"
     "Sets the callables 'leaked', 'collective', 'refused', 'configuration' and\n"
     "'as_array'; returns those set before."},
    {"configuration_changed", configuration_changed, METH_NOARGS,
     "Says that an option of some thread has another value."},
    {"swap_dynamic", swap_dynamic, METH_O,
     "swap_dynamic(trace, /)\n--\n\n"
     "Makes a trace (or None) see every operation of this thread; returns the former."},
    {"current_dynamic", current_dynamic, METH_NOARGS,
     "The trace that sees every operation of this thread, or None."},
    {"silently", reinterpret_cast<PyCFunction>(silently), METH_FASTCALL | METH_KEYWORDS,
     "silently(function, /, *args, **kwargs)\n--\n\n"
     "Calls a function with NumPy's floating-point warnings off."},
    {"set_internal_prefix", set_internal_prefix, METH_O,
     "set_internal_prefix(prefix)\n--\n\n"
     "Adds a path prefix of files that user_frame passes over."},
    {"user_frame", user_frame, METH_NOARGS,
     "The innermost frame outside of internal files as (code, lasti), or None."},
    {"bind_at", reinterpret_cast<PyCFunction>(bind_at), METH_FASTCALL,
     "bind_at(frame, primitive, args, params): binds in the name of the user's line\n"
     "that user_frame gave."},
    {nullptr, nullptr, 0, nullptr}};

/// The names that `install` takes, for the public layer to check itself against.
bool add_operator_names(PyObject* module) {
    Ref names(PyTuple_New(kOpCount));
    for (int op = 0; names && op < kOpCount; ++op) {
        PyObject* name = PyUnicode_InternFromString(operator_names[op]);
        if (!name) return false;
        PyTuple_SET_ITEM(names.get(), op, name);
    }
    return names && PyModule_AddObjectRef(module, "OPERATORS", names.get()) == 0;
}

}  // namespace

void register_dispatch(nb::module_& m) {
    PyObject* module = m.ptr();
    bool ok = init_state() && init_eager_operators(module) &&
              init_eager_products(module) && init_avals(module) &&
              init_arrays(module) && init_row_iterator(module) &&
              init_tracers(module) && init_primitives(module) && init_tape(module) &&
              init_equations(module) && init_staging(module) && jit::init_jit(module) &&
              init_records(module) &&
              PyModule_AddFunctions(module, functions) == 0 &&
              add_operator_names(module);
    if (!ok) throw nb::python_error();
}

}  // namespace chainrule
