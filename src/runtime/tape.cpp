// The type Tape and the recording of tangents: elementwise primitives by their partial
// derivatives, bilinear ones operand by operand, linear ones as they are.
#include "tape.h"

#include <algorithm>
#include <array>

namespace chainrule {

PyTypeObject* tape_type = nullptr;
TapeClasses tape_classes;

namespace {

constexpr Py_ssize_t kMaxOperands = 6;
constexpr Py_ssize_t kMaxValues = 16;
PyObject* no_params = nullptr;
PyObject* broadcast_name = nullptr;

/// +1 or -1 for the constant partials 1 and -1, else 0.
int constant_partial(PyObject* partial) {
    if (!PyLong_CheckExact(partial)) return 0;
    long value = PyLong_AsLong(partial);
    return value == 1 ? 1 : value == -1 ? -1 : 0;
}

/// One bind being linearized: operands split in primals and tangents (null: zero).
struct Call {
    PyObject* tape;
    Primitive* primitive;
    Py_ssize_t nargs;
    PyObject* names;
    std::array<PyObject*, kMaxValues> values{};  // y, the primals, the params
    std::array<PyObject*, kMaxOperands> tangents{};
    PyObject* aval = nullptr;

    PyObject* prim() const { return reinterpret_cast<PyObject*>(primitive); }
    PyObject* primal(Py_ssize_t i) const { return values[i + 1]; }
};

PyObject* append1(const Call& call, PyObject* primitive, PyObject* x, PyObject* aval,
                  PyObject* params = nullptr) {
    Ref operands(PyTuple_Pack(1, x));
    if (!operands) return nullptr;
    return tape_append(call.tape, primitive, operands.get(), aval, params);
}

PyObject* append2(const Call& call, PyObject* primitive, PyObject* x, PyObject* y,
                  PyObject* aval, PyObject* params = nullptr) {
    Ref operands(PyTuple_Pack(2, x, y));
    if (!operands) return nullptr;
    return tape_append(call.tape, primitive, operands.get(), aval, params);
}

/// The variable of `x` broadcast to the shape of the output, by the general path.
PyObject* broadcast(const Call& call, PyObject* x) {
    PyObject* stack[] = {call.tape, x, call.aval};
    return PyObject_VectorcallMethod(broadcast_name, stack, 3, nullptr);
}

/// tangent * partial for operand i, in the shape of the output.
PyObject* scaled(const Call& call, Py_ssize_t i, PyObject* partial) {
    PyObject* x_dot = call.tangents[i];
    PyObject* x_aval = as_tracer(x_dot)->aval;
    int sign = constant_partial(partial);
    if (sign != 0) {
        Ref product(sign > 0 ? Py_NewRef(x_dot)
                             : append1(call, tape_classes.negate, x_dot, x_aval));
        if (!product || same_shape(x_aval, call.aval)) return product.release();
        return broadcast(call, product.get());
    }
    Ref factor(PyObject_Vectorcall(partial, call.values.data(),
                                   static_cast<std::size_t>(call.nargs + 1), call.names));
    if (!factor) return nullptr;
    Ref wide = Ref::borrow(x_dot);
    if (!same_shape(x_aval, call.aval)) {
        Ref factor_aval(aval_of(factor.get()));
        if (!factor_aval) return nullptr;
        if (!same_shape(factor_aval.get(), call.aval))
            wide = Ref(broadcast(call, x_dot));
        if (!wide) return nullptr;
    }
    return append2(call, tape_classes.scale, wide.get(), factor.get(), call.aval);
}

/// The sum of tangent times partial; a null Ref without exception where it is zero.
bool from_partials(const Call& call, PyObject* partials, Ref* total) {
    if (!PyTuple_Check(partials) || PyTuple_GET_SIZE(partials) != call.nargs) {
        PyErr_Format(PyExc_TypeError, "%S: needs one partial per operand.",
                     call.primitive->name);
        return false;
    }
    if (call.nargs == 2 && call.tangents[0] && call.tangents[1] &&
        constant_partial(PyTuple_GET_ITEM(partials, 0)) == 1 &&
        constant_partial(PyTuple_GET_ITEM(partials, 1)) != 0) {
        *total = Ref(append2(call, call.prim(), call.tangents[0], call.tangents[1],
                             call.aval));
        return bool(*total);
    }
    for (Py_ssize_t i = 0; i < call.nargs; ++i) {
        PyObject* partial = PyTuple_GET_ITEM(partials, i);
        if (!call.tangents[i] || partial == Py_None) continue;
        Ref product(scaled(call, i, partial));
        if (!product) return false;
        *total = *total ? Ref(append2(call, tape_classes.add, total->get(),
                                      product.get(), call.aval))
                        : std::move(product);
        if (!*total) return false;
    }
    return true;
}

bool from_bilinear(const Call& call, PyObject* params, Ref* total) {
    for (int i = 0; i < 2; ++i) {
        if (!call.tangents[i]) continue;
        PyObject* x = i == 0 ? call.tangents[0] : call.primal(0);
        PyObject* y = i == 1 ? call.tangents[1] : call.primal(1);
        Ref product(append2(call, call.prim(), x, y, call.aval, params));
        if (!product) return false;
        *total = *total ? Ref(append2(call, tape_classes.add, total->get(),
                                      product.get(), call.aval))
                        : std::move(product);
        if (!*total) return false;
    }
    return true;
}

/// How a primitive is linearized here; kGeneral is left to Python.
enum class Rule { kPartials, kBilinear, kLinear, kGeneral };

Rule rule_of(Primitive* primitive, Py_ssize_t nargs) {
    if (primitive->multiple_results) return Rule::kGeneral;
    if (primitive->partials && primitive->partials != Py_None) return Rule::kPartials;
    if (primitive->bilinear) return nargs == 2 ? Rule::kBilinear : Rule::kGeneral;
    return primitive->linear_in_first && nargs == 1 ? Rule::kLinear : Rule::kGeneral;
}

/// Splits the operands. False where one is a tangent variable (a rule is running).
bool split(Call* call, PyObject* const* args) {
    for (Py_ssize_t i = 0; i < call->nargs; ++i) {
        PyObject* x = args[i];
        if (is_variable_of(x, call->tape)) return false;
        bool mine =
            Py_TYPE(x) == tape_classes.pair && as_tracer(x)->trace == call->tape;
        call->values[i + 1] = mine ? slot_value(x, tape_classes.primal) : x;
        call->tangents[i] = mine ? slot_value(x, tape_classes.tangent) : nullptr;
        PyObject* x_dot = call->tangents[i];
        if (!call->values[i + 1]) return false;
        if (mine && (!x_dot || !is_variable_of(x_dot, call->tape))) return false;
    }
    return true;
}

bool record(const Call& call, Rule rule, Ref* y_dot) {
    if (rule == Rule::kPartials)
        return from_partials(call, call.primitive->partials, y_dot);
    Ref params(params_of(call.values.data() + 1 + call.nargs, call.names));
    if (!params) return false;
    if (rule == Rule::kBilinear) return from_bilinear(call, params.get(), y_dot);
    *y_dot =
        Ref(append1(call, call.prim(), call.tangents[0], call.aval, params.get()));
    return bool(*y_dot);
}

}  // namespace

PyObject* tape_append(PyObject* tape, PyObject* primitive, PyObject* operands,
                      PyObject* aval, PyObject* params) {
    Ref slot(PyLong_FromSsize_t(as_tape(tape)->size));
    if (!slot) return nullptr;
    PyObject* fields[] = {tape, aval, slot.get()};
    Ref out(PyObject_Vectorcall(reinterpret_cast<PyObject*>(tape_classes.variable),
                                fields, 3, nullptr));
    if (!out) return nullptr;
    // Lines are looked for where a program is recorded or watched; eager gradients pay
    // nothing.
    Ref frame(thread_state.dynamic ? user_frame(nullptr, nullptr) : Py_NewRef(Py_None));
    if (!frame) return nullptr;
    Ref entry(PyTuple_Pack(5, primitive, operands, params ? params : no_params,
                           out.get(), frame.get()));
    if (!entry || PyList_Append(as_tape(tape)->entries, entry.get()) < 0)
        return nullptr;
    ++as_tape(tape)->size;
    return out.release();
}

bool tape_bind(PyObject* tape, PyObject* primitive, PyObject* const* args,
               Py_ssize_t nargs, PyObject* names, PyObject** result) {
    Py_ssize_t total = nargs + (names ? PyTuple_GET_SIZE(names) : 0);
    if (nargs == 0 || nargs > kMaxOperands || total >= kMaxValues ||
        !tape_classes.variable)
        return false;
    auto* prim = reinterpret_cast<Primitive*>(primitive);
    Rule rule = rule_of(prim, nargs);
    if (rule == Rule::kGeneral) return false;
    if (!refresh_configuration()) {
        *result = nullptr;
        return true;
    }
    if (thread_state.absorbing) return false;
    Call call{tape, prim, nargs, names};
    if (!split(&call, args)) return false;
    *result = nullptr;
    std::copy(args + nargs, args + total, call.values.begin() + 1 + nargs);
    Ref y(PyObject_Vectorcall(primitive, call.values.data() + 1,
                              static_cast<std::size_t>(nargs), names));
    if (!y) return true;
    Ref aval(aval_of(y.get()));
    if (!aval) return true;
    call.values[0] = y.get();
    call.aval = aval.get();
    Ref y_dot;
    if (!record(call, rule, &y_dot)) return true;
    if (!y_dot) {
        *result = y.release();
        return true;
    }
    PyObject* fields[] = {tape, aval.get(), y.get(), y_dot.get()};
    *result = PyObject_Vectorcall(reinterpret_cast<PyObject*>(tape_classes.pair),
                                  fields, 4, nullptr);
    return true;
}

namespace {

PyObject* tape_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
    PyObject* self = trace_type->tp_new(type, args, kwargs);
    if (!self) return nullptr;
    as_tape(self)->entries = PyList_New(0);
    if (!as_tape(self)->entries) {
        Py_DECREF(self);
        return nullptr;
    }
    return self;
}

int tape_traverse(PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(as_tape(self)->entries);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

int tape_clear(PyObject* self) {
    Py_CLEAR(as_tape(self)->entries);
    return 0;
}

void tape_dealloc(PyObject* self) {
    PyTypeObject* type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    tape_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

/// append(primitive, operands, aval, params=None) -> variable
PyObject* append_method(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
    if (nargs < 3 || nargs > 4 || !PyTuple_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError,
                        "append: takes (primitive, operands tuple, aval[, params]).");
        return nullptr;
    }
    return tape_append(self, args[0], args[1], args[2], nargs == 4 ? args[3] : nullptr);
}

/// set_tape_classes(variable class, pair class, add, scale, negate,
/// unbroadcast, zeros, sparse cotangent class)
PyObject* set_tape_classes(PyObject*, PyObject* args) {
    TapeClasses found;
    if (!PyArg_ParseTuple(args, "O!O!O!O!O!OOO!", &PyType_Type, &found.variable,
                          &PyType_Type, &found.pair, primitive_type, &found.add,
                          primitive_type, &found.scale, primitive_type, &found.negate,
                          &found.unbroadcast, &found.zeros, &PyType_Type,
                          &found.sparse))
        return nullptr;
    if (!PyType_IsSubtype(found.variable, tracer_type) ||
        !PyType_IsSubtype(found.pair, tracer_type)) {
        PyErr_SetString(PyExc_TypeError, "set_tape_classes: the classes must be "
                                         "subclasses of Tracer.");
        return nullptr;
    }
    found.slot = slot_offset(found.variable, "slot");
    if (found.slot < 0) return nullptr;
    found.primal = slot_offset(found.pair, "primal");
    if (found.primal < 0) return nullptr;
    found.tangent = slot_offset(found.pair, "tangent");
    if (found.tangent < 0) return nullptr;
    for (PyObject* kept : {reinterpret_cast<PyObject*>(found.variable),
                           reinterpret_cast<PyObject*>(found.pair), found.add,
                           found.scale, found.negate, found.unbroadcast, found.zeros,
                           reinterpret_cast<PyObject*>(found.sparse)})
        Py_INCREF(kept);
    tape_classes = found;
    Py_RETURN_NONE;
}

PyMemberDef tape_members[] = {
    {"entries", T_OBJECT, offsetof(Tape, entries), 0,
     "Entries (primitive, operands, params, outputs, frame) in order."},
    {"size", T_PYSSIZET, offsetof(Tape, size), 0, "How many variables were made."},
    {nullptr, 0, 0, 0, nullptr}};

PyMethodDef tape_methods[] = {
    {"append", reinterpret_cast<PyCFunction>(append_method), METH_FASTCALL,
     "append(primitive, operands, aval, params=None): records an equation with one\n"
     "output of type aval, and returns its variable."},
    {nullptr, nullptr, 0, nullptr}};

PyType_Slot tape_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(tape_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(tape_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(tape_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(tape_clear)},
    {Py_tp_members, tape_members},
    {Py_tp_methods, tape_methods},
    {Py_tp_doc, const_cast<char*>("A recorded tangent program, still growing.")},
    {0, nullptr}};

PyType_Spec tape_spec = {"chainrule.runtime._native.Tape", sizeof(Tape), 0,
                         Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
                         tape_slots};

PyMethodDef tape_functions[] = {
    {"set_tape_classes", set_tape_classes, METH_VARARGS,
     "set_tape_classes(variable, pair, add, scale, negate, unbroadcast, zeros, sparse)"},
    {"pull", reinterpret_cast<PyCFunction>(tape_pull), METH_FASTCALL,
     "pull(tape, inputs, outs, out_cts): cotangents of the inputs."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

bool init_tape(PyObject* module) {
    no_params = PyDict_New();
    broadcast_name = PyUnicode_InternFromString("broadcast_variable");
    tape_type = add_type(module, &tape_spec, trace_type, "Tape");
    return no_params && broadcast_name && tape_type &&
           PyModule_AddFunctions(module, tape_functions) == 0 &&
           init_tape_ends(module);
}

}  // namespace chainrule
