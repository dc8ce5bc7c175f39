// Both ends of a gradient without Python frames of our own: arguments become pairs of
// primal and tangent variable, and the cotangents of a scalar output become the
// gradient in the structure of the argument. What is declined here, before anything ran
// or was computed, takes the general path of api/gradients.py.
#include "pytree.h"
#include "tape.h"

#include <cmath>

namespace chainrule {
namespace {

bool is_builtin_inexact(PyObject* dtype) {
    if (!dtype || !PyArray_DescrCheck(dtype)) return false;
    int type = reinterpret_cast<PyArray_Descr*>(dtype)->type_num;
    return PyTypeNum_ISFLOAT(type) || PyTypeNum_ISCOMPLEX(type);
}

/// A Python float as a weakly typed scalar array; null without exception where it may
/// not fit the default floating-point dtype.
PyObject* array_of_float(PyObject* number, bool wide) {
    double value = PyFloat_AS_DOUBLE(number);
    if (!wide && !(std::fabs(value) < 1e38)) return nullptr;
    PyObject* scalar = PyArray_SimpleNew(0, nullptr, wide ? NPY_DOUBLE : NPY_FLOAT);
    if (!scalar) return nullptr;
    void* data = PyArray_DATA(reinterpret_cast<PyArrayObject*>(scalar));
    if (wide)
        *static_cast<double*>(data) = value;
    else
        *static_cast<float*>(data) = static_cast<float>(value);
    return wrap_stolen(scalar, true);
}

/// The leaf as a value of a floating-point or complex dtype that NumPy knows; null
/// without exception where it is none.
Ref differentiable(PyObject* leaf, bool wide) {
    if (is_concrete(leaf)) {
        PyArrayObject* data = as_concrete(leaf)->data;
        if (data &&
            is_builtin_inexact(reinterpret_cast<PyObject*>(PyArray_DESCR(data))))
            return Ref::borrow(leaf);
    } else if (is_tracer(leaf)) {
        PyObject* aval = as_tracer(leaf)->aval;
        if (aval && is_shaped_array(aval) && is_builtin_inexact(as_shaped(aval)->dtype))
            return Ref::borrow(leaf);
    } else if (PyFloat_CheckExact(leaf)) {
        return Ref(array_of_float(leaf, wide));
    }
    return Ref();
}

/// A pair of `primal` and a new tangent variable, which is appended to `inputs`.
PyObject* new_pair(PyObject* tape, PyObject* primal, PyObject* inputs) {
    Ref aval(aval_of(primal));
    if (!aval) return nullptr;
    Ref slot(PyLong_FromSsize_t(as_tape(tape)->size));
    if (!slot) return nullptr;
    PyObject* fields[] = {tape, aval.get(), slot.get()};
    Ref variable(PyObject_Vectorcall(
        reinterpret_cast<PyObject*>(tape_classes.variable), fields, 3, nullptr));
    if (!variable || PyList_Append(inputs, variable.get()) < 0) return nullptr;
    ++as_tape(tape)->size;
    PyObject* pair[] = {tape, aval.get(), primal, variable.get()};
    return PyObject_Vectorcall(reinterpret_cast<PyObject*>(tape_classes.pair), pair, 4,
                               nullptr);
}

/// `args` with item `position` replaced.
nb::object with_item(PyObject* args, Py_ssize_t position, const nb::object& item) {
    Py_ssize_t n = PyTuple_GET_SIZE(args);
    nb::object changed = pytree::own(PyTuple_New(n));
    for (Py_ssize_t i = 0; i < n; ++i)
        PyTuple_SET_ITEM(
            changed.ptr(), i,
            Py_NewRef(i == position ? item.ptr() : PyTuple_GET_ITEM(args, i)));
    return changed;
}

nb::object begin_of(PyObject* tape, PyObject* args, Py_ssize_t position, bool wide) {
    pytree::References leaves, pairs;
    PyObject* subject = position < 0 ? args : PyTuple_GET_ITEM(args, position);
    nb::object tree = pytree::flatten(subject, nullptr, leaves);
    for (std::size_t i = 0; i < leaves.size(); ++i) {
        Ref primal = differentiable(leaves[i], wide);
        if (!primal && PyErr_Occurred()) throw nb::python_error();
        if (!primal) return nb::none();
        pairs.push(nb::steal(primal.release()));
    }
    nb::object inputs = pytree::own(PyList_New(0));
    leaves.clear();
    for (std::size_t i = 0; i < pairs.size(); ++i)
        leaves.push(pytree::own(new_pair(tape, pairs[i], inputs.ptr())));
    auto* def = reinterpret_cast<pytree::TreeDef*>(tree.ptr());
    nb::object duals = pytree::unflatten(def, leaves.data());
    if (position >= 0) duals = with_item(args, position, duals);
    return pytree::own(PyTuple_Pack(3, tree.ptr(), inputs.ptr(), duals.ptr()));
}

/// begin(tape, args, position, wide): see gradients.py.
PyObject* begin(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    if (nargs != 4 || !is_tape(args[0]) || !PyTuple_CheckExact(args[1]) ||
        !tape_classes.variable) {
        PyErr_SetString(PyExc_TypeError,
                        "begin: takes (tape, args tuple, position or None, wide).");
        return nullptr;
    }
    Py_ssize_t position = -1;
    if (args[2] != Py_None) {
        if (!PyLong_CheckExact(args[2])) Py_RETURN_NONE;
        position = PyLong_AsSsize_t(args[2]);
        if (position == -1 && PyErr_Occurred()) PyErr_Clear();
        if (position < 0 || position >= PyTuple_GET_SIZE(args[1])) Py_RETURN_NONE;
    }
    return pytree::guarded_object(
        [&] { return begin_of(args[0], args[1], position, args[3] == Py_True); });
}

/// The number 1 as an array of the type of a scalar output; kept for good.
PyObject* one_like(const ShapedArray* aval) {
    static PyObject* ones[2][2] = {};
    bool wide = reinterpret_cast<PyArray_Descr*>(aval->dtype)->type_num == NPY_DOUBLE;
    PyObject*& found = ones[wide][aval->weak];
    if (!found) {
        Ref number(PyFloat_FromDouble(1.0));
        Ref one(number ? array_of_float(number.get(), wide) : nullptr);
        if (!one) return nullptr;
        as_concrete(one.get())->weak = aval->weak;
        found = one.release();
    }
    return found;
}

/// Whether `out` is a real scalar of the tape, in 32 or 64 bits.
bool is_plain_scalar(PyObject* tape, PyObject* out) {
    if (Py_TYPE(out) != tape_classes.pair || as_tracer(out)->trace != tape ||
        !slot_value(out, tape_classes.primal) || !slot_value(out, tape_classes.tangent))
        return false;
    PyObject* aval = as_tracer(out)->aval;
    if (!aval || !is_shaped_array(aval) || as_shaped(aval)->ndim != 0) return false;
    PyObject* dtype = as_shaped(aval)->dtype;
    if (!PyArray_DescrCheck(dtype)) return false;
    int type = reinterpret_cast<PyArray_Descr*>(dtype)->type_num;
    return type == NPY_FLOAT || type == NPY_DOUBLE;
}

/// Cotangents in the place of None: zeros of the type of the input variable.
bool fill_zeros(PyObject* cotangents, PyObject* inputs) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(cotangents); ++i) {
        if (PyList_GET_ITEM(cotangents, i) != Py_None) continue;
        PyObject* stack[] = {Py_None, as_tracer(PyList_GET_ITEM(inputs, i))->aval};
        PyObject* zeros = PyObject_Vectorcall(tape_classes.zeros, stack, 2, nullptr);
        if (!zeros || PyList_SetItem(cotangents, i, zeros) < 0) return false;
    }
    return true;
}

/// gradient(tape, tree, inputs, out) -> (value, gradient), or None where declined.
PyObject* gradient(PyObject* module, PyObject* const* args, Py_ssize_t nargs) {
    if (nargs != 4 || !is_tape(args[0]) || !PyList_CheckExact(args[2])) {
        PyErr_SetString(PyExc_TypeError,
                        "gradient: takes (tape, tree, inputs list, output).");
        return nullptr;
    }
    PyObject *tape = args[0], *tree = args[1], *inputs = args[2], *out = args[3];
    if (!is_plain_scalar(tape, out)) Py_RETURN_NONE;
    PyObject* one = one_like(as_shaped(as_tracer(out)->aval));
    Ref outs(one ? PyTuple_Pack(1, slot_value(out, tape_classes.tangent)) : nullptr);
    Ref cts(outs ? PyTuple_Pack(1, one) : nullptr);
    if (!cts) return nullptr;
    PyObject* stack[] = {tape, inputs, outs.get(), cts.get()};
    Ref pulled(tape_pull(module, stack, 4));
    if (!pulled || !fill_zeros(pulled.get(), inputs)) return nullptr;
    Ref found(pytree::guarded_object([&] {
        return pytree::unflatten_iterable(pytree::as_treedef(tree, "gradient"),
                                          pulled.get());
    }));
    if (!found) return nullptr;
    return PyTuple_Pack(2, slot_value(out, tape_classes.primal), found.get());
}

PyMethodDef functions[] = {
    {"begin", reinterpret_cast<PyCFunction>(begin), METH_FASTCALL,
     "begin(tape, args, position, wide): the structure of args[position] (of args for\n"
     "None), its tangent variables, and args with pairs for its leaves; or None."},
    {"gradient", reinterpret_cast<PyCFunction>(gradient), METH_FASTCALL,
     "gradient(tape, tree, inputs, out): (value, gradient) for a real scalar of the\n"
     "tape; None for anything else."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

bool init_tape_ends(PyObject* module) {
    return PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace chainrule
