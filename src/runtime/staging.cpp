// Recording: a bind under a StageTrace becomes an equation. Operands that are neither
// variables of the trace nor known constants are made atoms in Python (`atom`); types
// come from the primitive's rule, remembered in its memo (`infer`).
#include "staging.h"
#include "tape.h"

namespace chainrule {

PyTypeObject* recording_type = nullptr;

namespace {

/// The Python classes that recordings are made of, and where a tracer has its variable.
struct StageClasses {
    PyTypeObject* tracer = nullptr;
    PyTypeObject* variable = nullptr;
    PyTypeObject* equation = nullptr;
    PyObject* literal = nullptr;
    Py_ssize_t var = 0;
};
StageClasses classes;
PyObject* atom_name = nullptr;
PyObject* aval_name = nullptr;

Recording* as_recording(PyObject* object) {
    return reinterpret_cast<Recording*>(object);
}

/// The variable of a constant that was seen before, borrowed; null if there is none.
PyObject* known_constant(PyObject* recording, PyObject* x) {
    Ref id(PyLong_FromVoidPtr(x));
    if (!id) return nullptr;
    PyObject* pair = PyDict_GetItemWithError(as_recording(recording)->consts, id.get());
    return pair && PyTuple_Check(pair) ? PyTuple_GET_ITEM(pair, 0) : nullptr;
}

/// Whether a constant of this type is written into the program.
bool is_literal_type(PyObject* aval) {
    if (!is_shaped_array(aval) || as_shaped(aval)->ndim != 0) return false;
    PyObject* dtype = as_shaped(aval)->dtype;
    if (!PyArray_DescrCheck(dtype)) return false;
    int type = reinterpret_cast<PyArray_Descr*>(dtype)->type_num;
    return PyTypeNum_ISNUMBER(type) || PyTypeNum_ISBOOL(type);
}

/// The variable or literal that stands for an operand; a new reference.
PyObject* atom_of(PyObject* recording, PyObject* x) {
    if (Py_TYPE(x) == classes.tracer && as_tracer(x)->trace == recording)
        return Py_XNewRef(slot_value(x, classes.var));
    if (is_concrete(x)) {
        PyObject* found = known_constant(recording, x);
        if (found) return Py_NewRef(found);
        if (PyErr_Occurred()) return nullptr;
        PyObject* aval =
            as_concrete(x)->data ? array_aval(as_concrete(x)) : nullptr;
        if (aval && is_literal_type(aval)) {
            PyObject* fields[] = {x, aval};
            return PyObject_Vectorcall(classes.literal, fields, 2, nullptr);
        }
    }
    PyObject* stack[] = {recording, x};
    return PyObject_VectorcallMethod(atom_name, stack, 2, nullptr);
}

PyObject* aval_of_atom(PyObject* atom) {
    if (Py_TYPE(atom) == classes.variable)
        return Py_XNewRef(reinterpret_cast<Variable*>(atom)->aval);
    return PyObject_GetAttr(atom, aval_name);
}

/// A tracer of a new variable of type `aval`; the variable goes to outvars[i].
PyObject* new_output(PyObject* recording, PyObject* aval, PyObject* outvars,
                     Py_ssize_t i) {
    PyObject* variable = new_variable(classes.variable, aval);
    if (!variable) return nullptr;
    PyList_SET_ITEM(outvars, i, variable);
    PyObject* fields[] = {recording, aval, variable};
    return PyObject_Vectorcall(reinterpret_cast<PyObject*>(classes.tracer), fields, 3,
                               nullptr);
}

/// New variables of the types `avals`, one or a list of them: fills *outvars, and
/// returns the tracer, or the list of them.
PyObject* new_outputs(PyObject* recording, PyObject* avals, bool many, Ref* outvars) {
    if (!many) {
        *outvars = Ref(PyList_New(1));
        return *outvars ? new_output(recording, avals, outvars->get(), 0) : nullptr;
    }
    Ref types(PySequence_Fast(avals, "out_aval: a list of avals is needed."));
    if (!types) return nullptr;
    Py_ssize_t n = PySequence_Fast_GET_SIZE(types.get());
    *outvars = Ref(PyList_New(n));
    Ref tracers(PyList_New(n));
    for (Py_ssize_t i = 0; *outvars && tracers && i < n; ++i) {
        PyObject* aval = PySequence_Fast_GET_ITEM(types.get(), i);
        PyObject* tracer = new_output(recording, aval, outvars->get(), i);
        if (!tracer) return nullptr;
        PyList_SET_ITEM(tracers.get(), i, tracer);
    }
    return *outvars ? tracers.release() : nullptr;
}

PyObject* record(PyObject* recording, PyObject* primitive, PyObject* const* args,
                 Py_ssize_t nargs, PyObject* params) {
    Ref invars(PyList_New(nargs)), avals(PyTuple_New(nargs));
    if (!invars || !avals) return nullptr;
    for (Py_ssize_t i = 0; i < nargs; ++i) {
        PyObject* atom = atom_of(recording, args[i]);
        if (!atom) return nullptr;
        PyList_SET_ITEM(invars.get(), i, atom);
        PyObject* aval = aval_of_atom(atom);
        if (!aval) return nullptr;
        PyTuple_SET_ITEM(avals.get(), i, aval);
    }
    Ref out(infer(primitive, avals.get(), params));
    if (!out) return nullptr;
    bool many = reinterpret_cast<Primitive*>(primitive)->multiple_results;
    Ref outvars;
    Ref result(new_outputs(recording, out.get(), many, &outvars));
    if (!result) return nullptr;
    Ref equation(new_equation(classes.equation, primitive, invars.get(), params,
                              outvars.get()));
    if (!equation || PyList_Append(as_recording(recording)->eqns, equation.get()) < 0)
        return nullptr;
    return result.release();
}

/// record(primitive, args, params) -> tracer, or the list of tracers
PyObject* record_method(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
    if (nargs != 3 || !PyObject_TypeCheck(args[0], primitive_type) ||
        !PyDict_Check(args[2])) {
        PyErr_SetString(PyExc_TypeError,
                        "record: takes (primitive, operands, params dict).");
        return nullptr;
    }
    Ref operands(PySequence_Fast(args[1], "record: operands must be a sequence."));
    if (!operands) return nullptr;
    return record(self, args[0], PySequence_Fast_ITEMS(operands.get()),
                  PySequence_Fast_GET_SIZE(operands.get()), args[2]);
}

PyObject* recording_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
    Ref self(trace_type->tp_new(type, args, kwargs));
    if (!self) return nullptr;
    as_recording(self.get())->eqns = PyList_New(0);
    as_recording(self.get())->consts = PyDict_New();
    bool ok = as_recording(self.get())->eqns && as_recording(self.get())->consts;
    return ok ? self.release() : nullptr;
}

int recording_traverse(PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(as_recording(self)->eqns);
    Py_VISIT(as_recording(self)->consts);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

int recording_clear(PyObject* self) {
    Py_CLEAR(as_recording(self)->eqns);
    Py_CLEAR(as_recording(self)->consts);
    return 0;
}

void recording_dealloc(PyObject* self) {
    PyTypeObject* type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    recording_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

/// set_stage_classes(tracer class, variable class, equation class, literal class)
PyObject* set_stage_classes(PyObject*, PyObject* args) {
    StageClasses found;
    if (!PyArg_ParseTuple(args, "O!O!O!O!", &PyType_Type, &found.tracer, &PyType_Type,
                          &found.variable, &PyType_Type, &found.equation,
                          &PyType_Type, &found.literal))
        return nullptr;
    if (!PyType_IsSubtype(found.tracer, tracer_type) ||
        !PyType_IsSubtype(found.variable, variable_type) ||
        !PyType_IsSubtype(found.equation, equation_type)) {
        PyErr_SetString(PyExc_TypeError,
                        "set_stage_classes: the classes must be subclasses of Tracer, "
                        "Variable and Equation.");
        return nullptr;
    }
    found.var = slot_offset(found.tracer, "variable");
    if (found.var < 0) return nullptr;
    for (PyTypeObject* kept : {found.tracer, found.variable, found.equation})
        Py_INCREF(reinterpret_cast<PyObject*>(kept));
    Py_INCREF(found.literal);
    classes = found;
    Py_RETURN_NONE;
}

PyMemberDef recording_members[] = {
    {"eqns", T_OBJECT, offsetof(Recording, eqns), READONLY, "Equations, in order."},
    {"const_of", T_OBJECT, offsetof(Recording, consts), READONLY,
     "Constants by id: (variable, value)."},
    {nullptr, 0, 0, 0, nullptr}};

PyMethodDef recording_methods[] = {
    {"record", reinterpret_cast<PyCFunction>(record_method), METH_FASTCALL,
     "record(primitive, operands, params): records one equation and returns the\n"
     "tracer of its output, or the list of them."},
    {nullptr, nullptr, 0, nullptr}};

PyType_Slot recording_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(recording_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(recording_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(recording_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(recording_clear)},
    {Py_tp_members, recording_members},
    {Py_tp_methods, recording_methods},
    {Py_tp_doc, const_cast<char*>("A program being recorded.")},
    {0, nullptr}};

PyType_Spec recording_spec = {
    "chainrule.runtime._native.Recording", sizeof(Recording), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, recording_slots};

PyMethodDef staging_functions[] = {
    {"set_stage_classes", set_stage_classes, METH_VARARGS,
     "set_stage_classes(tracer, variable, equation, literal)"},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

bool record_bind(PyObject* recording, PyObject* primitive, PyObject* const* args,
                 Py_ssize_t nargs, PyObject* names, PyObject** result) {
    auto* prim = reinterpret_cast<Primitive*>(primitive);
    if (!classes.tracer || (prim->stage && prim->stage != Py_None)) return false;
    Ref params(params_of(args + nargs, names));
    *result = params ? record(recording, primitive, args, nargs, params.get()) : nullptr;
    return true;
}

bool init_staging(PyObject* module) {
    atom_name = PyUnicode_InternFromString("atom");
    aval_name = PyUnicode_InternFromString("aval");
    recording_type = add_type(module, &recording_spec, trace_type, "Recording");
    return atom_name && aval_name && recording_type &&
           PyModule_AddFunctions(module, staging_functions) == 0;
}

}  // namespace chainrule
