// Variable and Equation: the records of the IR, as C++ bases of the classes in
// core/jaxpr.py, so that recording a program allocates and calls as little as it can.
#include "staging.h"

namespace chainrule {

PyTypeObject* variable_type = nullptr;
PyTypeObject* equation_type = nullptr;

namespace {

Variable* as_variable(PyObject* object) { return reinterpret_cast<Variable*>(object); }
Equation* as_equation(PyObject* object) { return reinterpret_cast<Equation*>(object); }

/// Variable(aval). The type holds no cycles (avals are immortal), so instances are left
/// out of garbage collection.
PyObject* variable_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
    PyObject* aval;
    static const char* names[] = {"aval", nullptr};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O", const_cast<char**>(names),
                                     &aval))
        return nullptr;
    return new_variable(type, aval);
}

void variable_dealloc(PyObject* self) {
    PyTypeObject* type = Py_TYPE(self);
    Py_CLEAR(as_variable(self)->aval);
    type->tp_free(self);
    Py_DECREF(type);
}

/// Sets the place from `frame`, (code, offset) or None.
bool set_frame(Equation* self, PyObject* frame) {
    if (frame == Py_None) {
        Py_CLEAR(self->code);
        return true;
    }
    PyObject* code;
    int offset;
    if (!PyTuple_Check(frame) || !PyArg_ParseTuple(frame, "Oi", &code, &offset)) {
        PyErr_SetString(PyExc_TypeError,
                        "JaxprEqn: frame must be (code, offset) or None.");
        return false;
    }
    PyObject* old = std::exchange(self->code, Py_NewRef(code));
    Py_XDECREF(old);
    self->offset = offset;
    return true;
}

/// Equation(primitive, invars, params, outvars, frame=None)
PyObject* equation_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
    PyObject *primitive, *invars, *params, *outvars, *frame = Py_None;
    static const char* names[] = {"primitive", "invars", "params",
                                  "outvars",   "frame",  nullptr};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOO|O", const_cast<char**>(names),
                                     &primitive, &invars, &params, &outvars, &frame))
        return nullptr;
    Ref self(type->tp_alloc(type, 0));
    if (!self) return nullptr;
    Equation* equation = as_equation(self.get());
    equation->primitive = Py_NewRef(primitive);
    equation->invars = Py_NewRef(invars);
    equation->params = Py_NewRef(params);
    equation->outvars = Py_NewRef(outvars);
    return set_frame(equation, frame) ? self.release() : nullptr;
}

int equation_traverse(PyObject* self, visitproc visit, void* arg) {
    Equation* equation = as_equation(self);
    Py_VISIT(equation->primitive);
    Py_VISIT(equation->invars);
    Py_VISIT(equation->params);
    Py_VISIT(equation->outvars);
    Py_VISIT(equation->code);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

int equation_clear(PyObject* self) {
    Equation* equation = as_equation(self);
    Py_CLEAR(equation->primitive);
    Py_CLEAR(equation->invars);
    Py_CLEAR(equation->params);
    Py_CLEAR(equation->outvars);
    Py_CLEAR(equation->code);
    return 0;
}

void equation_dealloc(PyObject* self) {
    PyTypeObject* type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    equation_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

PyObject* get_frame(PyObject* self, void*) {
    Equation* equation = as_equation(self);
    if (!equation->code) Py_RETURN_NONE;
    return Py_BuildValue("(Oi)", equation->code, equation->offset);
}

PyMemberDef variable_members[] = {
    {"aval", T_OBJECT, offsetof(Variable, aval), 0, "The type of its value."},
    {nullptr, 0, 0, 0, nullptr}};

PyMemberDef equation_members[] = {
    {"primitive", T_OBJECT, offsetof(Equation, primitive), 0, "The operation."},
    {"invars", T_OBJECT, offsetof(Equation, invars), 0, "Variables and literals."},
    {"params", T_OBJECT, offsetof(Equation, params), 0, "Parameters by name."},
    {"outvars", T_OBJECT, offsetof(Equation, outvars), 0, "The variables bound."},
    {nullptr, 0, 0, 0, nullptr}};

PyGetSetDef equation_getset[] = {
    {"frame", get_frame, nullptr,
     "The user's place that made it: (code, instruction offset), or None.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyType_Slot variable_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(variable_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(variable_dealloc)},
    {Py_tp_members, variable_members},
    {Py_tp_doc, const_cast<char*>("Variable(aval): an identity with an aval.")},
    {0, nullptr}};

PyType_Slot equation_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(equation_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(equation_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(equation_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(equation_clear)},
    {Py_tp_members, equation_members},
    {Py_tp_getset, equation_getset},
    {Py_tp_doc, const_cast<char*>("Equation(primitive, invars, params, outvars, "
                                  "frame=None): one step of a program.")},
    {0, nullptr}};

PyType_Spec variable_spec = {"chainrule.runtime._native.Variable", sizeof(Variable), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, variable_slots};

PyType_Spec equation_spec = {
    "chainrule.runtime._native.Equation", sizeof(Equation), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, equation_slots};

}  // namespace

PyObject* new_variable(PyTypeObject* type, PyObject* aval) {
    PyObject* self = type->tp_alloc(type, 0);
    if (self) as_variable(self)->aval = Py_NewRef(aval);
    return self;
}

PyObject* new_equation(PyTypeObject* type, PyObject* primitive, PyObject* invars,
                       PyObject* params, PyObject* outvars) {
    Ref self(type->tp_alloc(type, 0));
    if (!self) return nullptr;
    Equation* equation = as_equation(self.get());
    equation->primitive = Py_NewRef(primitive);
    equation->invars = Py_NewRef(invars);
    equation->params = Py_NewRef(params);
    equation->outvars = Py_NewRef(outvars);
    equation->code = find_user_frame(&equation->offset);
    return self.release();
}

bool init_equations(PyObject* module) {
    variable_type = add_type(module, &variable_spec, nullptr, "Variable");
    equation_type = add_type(module, &equation_spec, nullptr, "Equation");
    return variable_type && equation_type;
}

}  // namespace chainrule
