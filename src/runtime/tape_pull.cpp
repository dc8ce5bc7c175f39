// Transposition of a tape: entries in reverse, each handing the cotangent of its output
// to its unknown operands. Scaling, adding and negating, which is most of what tapes
// hold, are done here; every other primitive by its transpose rule.
#include "places.h"
#include "tape.h"

#include <vector>

namespace chainrule {
namespace {

PyObject* transpose_name = nullptr;
PyObject* add_to_name = nullptr;

/// Cotangents by slot; null is zero. References are owned.
class Cotangents {
  public:
    explicit Cotangents(Py_ssize_t size) : values_(static_cast<std::size_t>(size)) {}

    /// What a tangent variable has; null with an exception for any other object.
    Ref* of(PyObject* variable) {
        if (Py_TYPE(variable) != tape_classes.variable) {
            PyErr_SetString(PyExc_TypeError, "pull: not a tape variable.");
            return nullptr;
        }
        Py_ssize_t slot = slot_of(variable);
        if (slot >= 0 && static_cast<std::size_t>(slot) < values_.size())
            return &values_[static_cast<std::size_t>(slot)];
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_IndexError, "pull: a variable of another tape.");
        return nullptr;
    }
    /// Adds `ct` (stolen, not null) to what the variable has. False on failure.
    bool add(PyObject* variable, Ref ct) {
        Ref* found = of(variable);
        if (!found) return false;
        Ref& old = *found;
        if (Py_TYPE(ct.get()) == tape_classes.sparse) {
            PyObject* stack[] = {ct.get(), old ? old.get() : Py_None};
            Ref sum(PyObject_VectorcallMethod(add_to_name, stack, 2, nullptr));
            if (!sum) return false;
            old = std::move(sum);
            return true;
        }
        if (!old) {
            old = std::move(ct);
            return true;
        }
        PyObject* stack[] = {old.get(), ct.get()};
        Ref sum(PyObject_Vectorcall(tape_classes.add, stack, 2, nullptr));
        if (!sum) return false;
        old = std::move(sum);
        return true;
    }

  private:
    std::vector<Ref> values_;
};

enum class Step { kDone, kDeclined, kFailed };

/// `ct`, summed over the dimensions along which a value of type `aval` was broadcast.
Ref unbroadcast(Ref ct, PyObject* ct_aval, PyObject* aval) {
    if (!ct || same_shape(aval, ct_aval)) return ct;
    PyObject* stack[] = {ct.get(), aval};
    return Ref(PyObject_Vectorcall(tape_classes.unbroadcast, stack, 2, nullptr));
}

/// Transposes add, scale and negate.
Step structural(PyObject* tape, PyObject* primitive, PyObject* operands, PyObject* ct,
                Cotangents* cts) {
    bool adds = primitive == tape_classes.add;
    bool scales = primitive == tape_classes.scale;
    if (!adds && !scales && primitive != tape_classes.negate) return Step::kDeclined;
    Ref ct_aval(aval_of(ct));
    if (!ct_aval) return Step::kFailed;
    Py_ssize_t n = PyTuple_GET_SIZE(operands);
    for (Py_ssize_t i = 0; i < n; ++i) {
        PyObject* x = PyTuple_GET_ITEM(operands, i);
        if (!is_variable_of(x, tape)) continue;
        Ref x_bar;
        if (adds) {
            x_bar = Ref::borrow(ct);
        } else {
            PyObject* stack[] = {ct, scales ? PyTuple_GET_ITEM(operands, 1 - i)
                                            : nullptr};
            x_bar = Ref(PyObject_Vectorcall(primitive, stack, scales ? 2 : 1, nullptr));
        }
        x_bar = unbroadcast(std::move(x_bar), ct_aval.get(), as_tracer(x)->aval);
        if (!x_bar || !cts->add(x, std::move(x_bar))) return Step::kFailed;
    }
    return Step::kDone;
}

/// Calls the primitive's transpose rule and distributes what it returns.
bool by_rule(PyObject* tape, PyObject* primitive, PyObject* operands, PyObject* params,
             PyObject* ct, Cotangents* cts) {
    Ref rule(PyObject_GetAttr(primitive, transpose_name));
    if (!rule) return false;
    Ref sequence(PySequence_Tuple(operands));
    if (!sequence) return false;
    Py_ssize_t n = PyTuple_GET_SIZE(sequence.get());
    Ref args(PyTuple_New(n + 1));
    if (!args) return false;
    PyTuple_SET_ITEM(args.get(), 0, Py_NewRef(ct));
    for (Py_ssize_t i = 0; i < n; ++i)
        PyTuple_SET_ITEM(args.get(), i + 1,
                         Py_NewRef(PyTuple_GET_ITEM(sequence.get(), i)));
    Ref answer(PyObject_Call(rule.get(), args.get(), params));
    if (!answer) return false;
    Ref found(PySequence_Fast(answer.get(), "transpose: a rule must return a sequence "
                                            "with one cotangent per operand."));
    // A tuple: adding runs code that might change the rule's list.
    if (found) found = Ref(PySequence_Tuple(found.get()));
    if (!found) return false;
    if (PySequence_Fast_GET_SIZE(found.get()) != n) {
        PyErr_Format(PyExc_TypeError,
                     "%S: the transpose rule returned %zd cotangents for %zd operands.",
                     reinterpret_cast<Primitive*>(primitive)->name,
                     PySequence_Fast_GET_SIZE(found.get()), n);
        return false;
    }
    for (Py_ssize_t i = 0; i < n; ++i) {
        PyObject* x = PyTuple_GET_ITEM(sequence.get(), i);
        PyObject* x_bar = PySequence_Fast_GET_ITEM(found.get(), i);
        if (x_bar == Py_None || !is_variable_of(x, tape)) continue;
        if (!cts->add(x, Ref::borrow(x_bar))) return false;
    }
    return true;
}

/// The cotangent of an entry's outputs, taken out: an array or, for several outputs, a
/// list with None for zeros. Null without exception where all are zero.
bool output_cotangent(PyObject* outs, Cotangents* cts, Ref* ct) {
    if (!PyList_Check(outs)) {
        Ref* found = cts->of(outs);
        if (found) *ct = std::move(*found);
        return found != nullptr;
    }
    Py_ssize_t n = PyList_GET_SIZE(outs);
    Ref list(PyList_New(n));
    if (!list) return false;
    bool some = false;
    for (Py_ssize_t i = 0; i < n; ++i) {
        Ref* found = cts->of(PyList_GET_ITEM(outs, i));
        if (!found) return false;
        Ref one = std::move(*found);
        some = some || one;
        PyList_SET_ITEM(list.get(), i, one ? one.release() : Py_NewRef(Py_None));
    }
    if (some) *ct = std::move(list);
    return true;
}

bool pull_entry(PyObject* tape, PyObject* entry, Cotangents* cts) {
    PyObject *primitive, *operands, *params, *outs, *frame, *code;
    int offset = 0;
    if (!PyArg_ParseTuple(entry, "OOOOO", &primitive, &operands, &params, &outs,
                          &frame) ||
        !read_place(frame, &code, &offset))
        return false;
    Ref ct;
    if (!output_cotangent(outs, cts, &ct)) return false;
    if (!ct) return true;
    Place place(code, offset);
    Step step = Step::kDeclined;
    if (PyTuple_Check(operands))
        step = structural(tape, primitive, operands, ct.get(), cts);
    if (step != Step::kDeclined) return step == Step::kDone;
    return by_rule(tape, primitive, operands, params, ct.get(), cts);
}

/// Seeds the cotangents of the outputs. False on failure.
bool seed(PyObject* outs, PyObject* out_cts, Cotangents* cts) {
    Py_ssize_t n = PySequence_Fast_GET_SIZE(outs);
    if (PySequence_Fast_GET_SIZE(out_cts) < n) {
        PyErr_SetString(PyExc_ValueError, "pull: fewer cotangents than outputs.");
        return false;
    }
    for (Py_ssize_t i = 0; i < n; ++i) {
        PyObject* v = PySequence_Fast_GET_ITEM(outs, i);
        PyObject* ct = PySequence_Fast_GET_ITEM(out_cts, i);
        if (v == Py_None || ct == Py_None) continue;
        if (!cts->add(v, Ref::borrow(ct))) return false;
    }
    return true;
}

PyObject* input_cotangents(PyObject* inputs, Cotangents& cts) {
    Py_ssize_t n = PySequence_Fast_GET_SIZE(inputs);
    Ref found(PyList_New(n));
    if (!found) return nullptr;
    for (Py_ssize_t i = 0; i < n; ++i) {
        PyObject* v = PySequence_Fast_GET_ITEM(inputs, i);
        PyObject* ct = nullptr;
        if (v != Py_None) {
            Ref* one = cts.of(v);
            if (!one) return nullptr;
            ct = one->get();
        }
        PyList_SET_ITEM(found.get(), i, Py_NewRef(ct ? ct : Py_None));
    }
    return found.release();
}

}  // namespace

PyObject* tape_pull(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    if (nargs != 4 || !is_tape(args[0])) {
        PyErr_SetString(PyExc_TypeError,
                        "pull: takes (tape, inputs, outs, out_cts), the tape a Tape.");
        return nullptr;
    }
    if (!transpose_name) transpose_name = PyUnicode_InternFromString("transpose");
    if (!add_to_name) add_to_name = PyUnicode_InternFromString("add_to");
    if (!transpose_name || !add_to_name) return nullptr;
    PyObject* tape = args[0];
    Ref inputs(PySequence_Fast(args[1], "pull: inputs must be a sequence."));
    Ref outs(inputs ? PySequence_Fast(args[2], "pull: outs must be a sequence.")
                    : nullptr);
    Ref out_cts(outs ? PySequence_Fast(args[3], "pull: out_cts must be a sequence.")
                     : nullptr);
    if (!out_cts) return nullptr;
    Cotangents cts(as_tape(tape)->size);
    if (!seed(outs.get(), out_cts.get(), &cts)) return nullptr;
    Ref entries = Ref::borrow(as_tape(tape)->entries);
    if (!entries || !PyList_Check(entries.get())) {
        PyErr_SetString(PyExc_TypeError, "pull: the tape's entries must be a list.");
        return nullptr;
    }
    for (Py_ssize_t i = PyList_GET_SIZE(entries.get()) - 1; i >= 0; --i) {
        if (i >= PyList_GET_SIZE(entries.get())) continue;
        Ref entry = Ref::borrow(PyList_GET_ITEM(entries.get(), i));
        if (!pull_entry(tape, entry.get(), &cts)) return nullptr;
    }
    return input_cotangents(inputs.get(), cts);
}

}  // namespace chainrule
