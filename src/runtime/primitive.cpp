// Primitive: calling one binds it. Without tracers it is evaluated at once on the raw
// ndarrays; otherwise the trace of the highest level processes it.
#include "staging.h"
#include "tape.h"

#include <memory>

namespace chainrule {

PyTypeObject* primitive_type = nullptr;

namespace {

PyObject* process_name = nullptr;
PyObject* weak_type_name = nullptr;

Primitive* as_primitive(PyObject* object) {
    return reinterpret_cast<Primitive*>(object);
}

/// Arguments of a call, copied so that arrays can be replaced by their ndarrays; slot
/// -1 is free for the callee, as PY_VECTORCALL_ARGUMENTS_OFFSET promises.
class Arguments {
  public:
    explicit Arguments(Py_ssize_t count)
        : heap_(count > kInline ? new PyObject*[count + 1] : nullptr),
          base_(heap_ ? heap_.get() : inline_) {}
    PyObject** begin() { return base_ + 1; }

  private:
    static constexpr Py_ssize_t kInline = 15;
    PyObject* inline_[kInline + 1];
    std::unique_ptr<PyObject*[]> heap_;
    PyObject** base_;
};

/// Whether an operand keeps the result weakly typed; arrays of NumPy never do.
bool keeps_weak(PyObject* argument, bool* any_operand) {
    if (is_concrete(argument)) {
        *any_operand = true;
        return as_concrete(argument)->weak;
    }
    if (PyArray_Check(argument) || PyArray_IsScalar(argument, Generic)) {
        *any_operand = true;
        return false;
    }
    if (PyFloat_CheckExact(argument) || PyLong_CheckExact(argument) ||
        PyComplex_CheckExact(argument))
        *any_operand = true;
    return true;
}

/// Whether the results are weakly typed; -1 with an exception.
int result_weak(Primitive* self, PyObject* const* args, Py_ssize_t nargs,
                PyObject* names) {
    if (self->weak_rule == kNeverWeak) return 0;
    if (self->weak_rule == kWeakByParameter) {
        for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); ++i) {
            PyObject* name = PyTuple_GET_ITEM(names, i);
            if (name == weak_type_name || PyUnicode_Compare(name, weak_type_name) == 0)
                return PyObject_IsTrue(args[nargs + i]);
        }
        return 0;
    }
    bool any_operand = false;
    for (Py_ssize_t i = self->weak_rule == kWeakIfRest; i < nargs; ++i)
        if (!keeps_weak(args[i], &any_operand)) return 0;
    return any_operand;
}

PyObject* wrap_many(PyObject* results, bool weak) {
    Ref owned(results);
    Ref items(PySequence_Fast(results,
                              "Primitive: evaluate must return a sequence of "
                              "results where multiple_results is set."));
    if (!items) return nullptr;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(items.get());
    Ref list(PyList_New(count));
    for (Py_ssize_t i = 0; list && i < count; ++i) {
        PyObject* item = Py_NewRef(PySequence_Fast_GET_ITEM(items.get(), i));
        PyObject* wrapped = wrap_result(item, weak);
        if (!wrapped) return nullptr;
        PyList_SET_ITEM(list.get(), i, wrapped);
    }
    return list.release();
}

PyObject* evaluate_raw(Primitive* self, PyObject* const* args, std::size_t nargsf,
                       PyObject* names) {
    Ref function = Ref::borrow(self->evaluate);
    return PyObject_Vectorcall(function.get(), args, nargsf, names);
}

PyObject* missing_evaluation(Primitive* self) {
    return PyErr_Format(PyExc_NotImplementedError, "%S: no evaluation rule",
                        self->name ? self->name : Py_None);
}

/// A hook that takes the operation over, or the trace's `process`.
PyObject* hand_over(PyObject* receiver, bool is_trace, PyObject* self,
                    PyObject* const* args, Py_ssize_t nargs, PyObject* names) {
    Ref tuple(PyTuple_New(nargs));
    Ref params(params_of(args + nargs, names));
    if (!tuple || !params) return nullptr;
    for (Py_ssize_t i = 0; i < nargs; ++i)
        PyTuple_SET_ITEM(tuple.get(), i, Py_NewRef(args[i]));
    Ref keep = Ref::borrow(receiver);
    PyObject* stack[] = {receiver, self, tuple.get(), params.get()};
    if (is_trace) return PyObject_VectorcallMethod(process_name, stack, 4, nullptr);
    return PyObject_Vectorcall(receiver, stack + 1, 3, nullptr);
}

/// Evaluation raised. The hook 'refused' derives the types anew and so may say in the
/// primitive's own words what is wrong with the operands; if not, the exception stands.
PyObject* refused(Primitive* self, PyObject* const* args, Py_ssize_t nargs,
                  PyObject* names) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError) &&
        !PyErr_ExceptionMatches(PyExc_ValueError) &&
        !PyErr_ExceptionMatches(PyExc_IndexError))
        return nullptr;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject* callback = hook(kRefused);
    Ref answer(callback ? hand_over(callback, false, reinterpret_cast<PyObject*>(self),
                                    args, nargs, names)
                        : nullptr);
    if (answer || !callback) {
        PyErr_Clear();
        PyErr_Restore(type, value, traceback);
        return nullptr;
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return nullptr;
}

/// The result of `quick`, or where it declines of `evaluate`, on ndarrays.
PyObject* call_rules(Primitive* self, PyObject* const* raws, Py_ssize_t nargs,
                     PyObject* names) {
    std::size_t flags =
        static_cast<std::size_t>(nargs) | PY_VECTORCALL_ARGUMENTS_OFFSET;
    if (self->quick && self->quick != Py_None) {
        PyObject* result = PyObject_Vectorcall(self->quick, raws, flags, names);
        if (result != Py_NotImplemented) return result;
        Py_DECREF(result);
    }
    Ref function = Ref::borrow(self->evaluate);
    return PyObject_Vectorcall(function.get(), raws, flags, names);
}

PyObject* evaluate(Primitive* self, PyObject* const* args, Py_ssize_t nargs,
                   PyObject* names) {
    int weak = result_weak(self, args, nargs, names);
    if (weak < 0) return nullptr;
    PyObject* small;
    if (!names && evaluate_small(self->evaluate, args, nargs, &small) == Eager::kDone)
        return wrap_stolen(small, weak != 0);
    Py_ssize_t total = nargs + (names ? PyTuple_GET_SIZE(names) : 0);
    Arguments raws(total);
    std::copy(args, args + total, raws.begin());
    for (Py_ssize_t i = 0; i < nargs; ++i) {
        if (!is_concrete(args[i])) continue;
        PyArrayObject* data = array_data(as_concrete(args[i]));
        if (!data) return nullptr;
        raws.begin()[i] = reinterpret_cast<PyObject*>(data);
    }
    bool many = self->multiple_results;
    PyObject* result;
    {
        Silence silence;
        if (!silence.ok()) return nullptr;
        result = call_rules(self, raws.begin(), nargs, names);
    }
    if (!result) return refused(self, args, nargs, names);
    return many ? wrap_many(result, weak != 0) : wrap_result(result, weak != 0);
}

/// A tracer whose transformation has ended; the hook raises.
PyObject* leaked(PyObject* tracer) {
    PyObject* callback = hook(kLeaked);
    Ref answer(callback ? PyObject_CallOneArg(callback, tracer) : nullptr);
    if (answer)
        PyErr_SetString(PyExc_RuntimeError,
                        "chainrule: the hook 'leaked' returned; it "
                        "must raise.");
    return nullptr;
}

/// The trace that takes the operation, borrowed; null without one. False on failure.
bool find_top(PyObject* const* args, Py_ssize_t nargs, PyObject** top) {
    *top = thread_state.dynamic;
    for (Py_ssize_t i = 0; i < nargs; ++i) {
        if (!is_tracer(args[i])) continue;
        PyObject* object = as_tracer(args[i])->trace;
        if (!object || !PyObject_TypeCheck(object, trace_type)) {
            PyErr_Format(PyExc_TypeError,
                         "%s: the tracer's _trace is not a Trace; set "
                         "it in __init__.",
                         Py_TYPE(args[i])->tp_name);
            return false;
        }
        auto* trace = reinterpret_cast<Trace*>(object);
        if (!trace->alive) {
            leaked(args[i]);
            return false;
        }
        if (!*top || trace->level > reinterpret_cast<Trace*>(*top)->level)
            *top = object;
    }
    return true;
}

PyObject* bind(PyObject* object, PyObject* const* args, std::size_t nargsf,
               PyObject* names) {
    Primitive* self = as_primitive(object);
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    PyObject* top;
    if (!find_top(args, nargs, &top)) return nullptr;
    if (self->axis_rule) {
        PyObject* callback = hook(kCollective);
        return callback ? hand_over(callback, false, object, args, nargs, names)
                        : nullptr;
    }
    if (top) {
        PyObject* result;
        if (is_tape(top) && tape_bind(top, object, args, nargs, names, &result))
            return result;
        if (is_recording(top) &&
            record_bind(top, object, args, nargs, names, &result))
            return result;
        return hand_over(top, true, object, args, nargs, names);
    }
    if (!self->evaluate || self->evaluate == Py_None) return missing_evaluation(self);
    if (self->raw) return evaluate_raw(self, args, nargsf, names);
    return evaluate(self, args, nargs, names);
}

PyObject* primitive_new(PyTypeObject* type, PyObject*, PyObject*) {
    PyObject* self = type->tp_alloc(type, 0);
    if (self) as_primitive(self)->vectorcall = bind;
    return self;
}

int primitive_traverse(PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(as_primitive(self)->name);
    Py_VISIT(as_primitive(self)->evaluate);
    Py_VISIT(as_primitive(self)->partials);
    Py_VISIT(as_primitive(self)->quick);
    Py_VISIT(as_primitive(self)->stage);
    Py_VISIT(as_primitive(self)->memo);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

int primitive_clear(PyObject* self) {
    Py_CLEAR(as_primitive(self)->name);
    Py_CLEAR(as_primitive(self)->evaluate);
    Py_CLEAR(as_primitive(self)->partials);
    Py_CLEAR(as_primitive(self)->quick);
    Py_CLEAR(as_primitive(self)->stage);
    Py_CLEAR(as_primitive(self)->memo);
    return 0;
}

void primitive_dealloc(PyObject* self) {
    PyTypeObject* type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    primitive_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

PyObject* primitive_repr(PyObject* self) {
    PyObject* name = as_primitive(self)->name;
    return name ? PyObject_Str(name) : PyUnicode_FromString(Py_TYPE(self)->tp_name);
}

/// Subclasses made in Python do not inherit the vectorcall flag before Python 3.12.
PyObject* prepare_subclass(PyObject* cls, PyObject*, PyObject* kwargs) {
    auto* type = reinterpret_cast<PyTypeObject*>(cls);
    if (kwargs && PyDict_GET_SIZE(kwargs) > 0)
        return PyErr_Format(PyExc_TypeError,
                            "%s: class keywords are not supported by "
                            "Primitive.",
                            type->tp_name);
    if (type->tp_call == PyVectorcall_Call)
        type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    Py_RETURN_NONE;
}

PyMemberDef primitive_members[] = {
    {"name", T_OBJECT, offsetof(Primitive, name), 0, "The name in printed programs."},
    {"evaluate", T_OBJECT, offsetof(Primitive, evaluate), 0,
     "Computes the result from ndarrays, or None."},
    {"partials", T_OBJECT, offsetof(Primitive, partials), 0,
     "Partial derivatives, one per operand of an elementwise operation, or None."},
    {"quick", T_OBJECT, offsetof(Primitive, quick), 0,
     "A function tried before evaluate; it returns NotImplemented where it declines."},
    {"stage", T_OBJECT, offsetof(Primitive, stage), 0,
     "The staging rule of a higher-order primitive, or None."},
    {"bilinear", T_BOOL, offsetof(Primitive, bilinear), 0,
     "Whether the operation is linear in each of its two operands."},
    {"linear_in_first", T_BOOL, offsetof(Primitive, linear_in_first), 0,
     "Whether the operation is linear in its only operand."},
    {"multiple_results", T_BOOL, offsetof(Primitive, multiple_results), 0,
     "Whether evaluate returns a sequence of results."},
    {"weak_rule", T_INT, offsetof(Primitive, weak_rule), 0,
     "0: weak if every operand is; 1: never weak; 2: as the parameter weak_type says;\n"
     "3: weak if every operand after the first is."},
    {"raw", T_BOOL, offsetof(Primitive, raw), 0,
     "Whether evaluate takes and returns Arrays as they are."},
    {"axis_rule", T_BOOL, offsetof(Primitive, axis_rule), 0,
     "Whether binding is left to the hook 'collective'."},
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Primitive, vectorcall), READONLY,
     nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyMethodDef primitive_methods[] = {
    {"out_aval", reinterpret_cast<PyCFunction>(out_aval_method), METH_FASTCALL,
     "out_aval(avals, params): the output's aval, or the list of them, by the shape\n"
     "rule; remembered where params hash."},
    {"bind", reinterpret_cast<PyCFunction>(bind_method), METH_FASTCALL | METH_KEYWORDS,
     "bind(*arrays, **params): as a call, but the shape rule has accepted the operands\n"
     "before anything is computed."},
    {"__init_subclass__", reinterpret_cast<PyCFunction>(prepare_subclass),
     METH_VARARGS | METH_KEYWORDS | METH_CLASS, nullptr},
    {nullptr, nullptr, 0, nullptr}};

PyType_Slot primitive_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(primitive_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(primitive_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(primitive_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(primitive_clear)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_repr, reinterpret_cast<void*>(primitive_repr)},
    {Py_tp_members, primitive_members},
    {Py_tp_methods, primitive_methods},
    {Py_tp_doc, const_cast<char*>("An operation; prim(*args, **params) binds it.")},
    {0, nullptr}};

PyType_Spec primitive_spec = {"chainrule.runtime._native.Primitive", sizeof(Primitive),
                              0,
                              Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE |
                                  Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
                              primitive_slots};

}  // namespace

bool init_primitives(PyObject* module) {
    process_name = PyUnicode_InternFromString("process");
    weak_type_name = PyUnicode_InternFromString("weak_type");
    primitive_type = add_type(module, &primitive_spec, nullptr, "Primitive");
    return process_name && weak_type_name && init_inference() && primitive_type;
}

}  // namespace chainrule
