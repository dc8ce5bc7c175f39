// The thread's tracing state, the silent evaluation context and the hooks.
//
// NumPy keeps np.errstate in a context variable. Evaluations run inside a private
// contextvars.Context, one per Python thread, in which every floating-point condition
// is ignored: no warning is made, and the user's setting is never touched.
#include "dispatch.h"

namespace chainrule {

thread_local ThreadState thread_state;

namespace {

PyObject* silent_template = nullptr;
PyObject* context_key = nullptr;
PyObject* hooks_set[kHookCount] = {};
const char* const hook_names[kHookCount] = {"leaked", "collective", "refused",
                                             "configuration", "as_array"};

/// A context in which np.seterr(all="ignore") has run.
PyObject* make_template() {
    Ref context(PyContext_New());
    Ref run(context ? PyObject_GetAttrString(context.get(), "run") : nullptr);
    Ref seterr(import_attribute("numpy", "seterr"));
    if (!run || !seterr) return nullptr;
    Ref args(PyTuple_Pack(1, seterr.get()));
    Ref kwargs(Py_BuildValue("{s:s}", "all", "ignore"));
    if (!args || !kwargs) return nullptr;
    Ref previous(PyObject_Call(run.get(), args.get(), kwargs.get()));
    return previous ? context.release() : nullptr;
}

/// The silent context of this Python thread, borrowed from its state's dict.
PyObject* find_context(std::uint64_t owner) {
    PyObject* dict = PyThreadState_GetDict();
    if (!dict) {
        PyErr_SetString(PyExc_RuntimeError,
                        "chainrule: the Python thread has no state");
        return nullptr;
    }
    PyObject* context = PyDict_GetItemWithError(dict, context_key);
    if (!context) {
        if (PyErr_Occurred()) return nullptr;
        Ref copy(PyContext_Copy(silent_template));
        if (!copy || PyDict_SetItem(dict, context_key, copy.get()) < 0) return nullptr;
        context = copy.get();
    }
    thread_state.context = context;
    thread_state.context_owner = owner;
    return context;
}

}  // namespace

Silence::Silence() {
    ThreadState& state = thread_state;
    if (state.depth++ > 0) return;
    std::uint64_t owner = PyThreadState_GetID(PyThreadState_Get());
    PyObject* context =
        state.context_owner == owner ? state.context : find_context(owner);
    if (!context || PyContext_Enter(context) < 0) {
        ok_ = false;
        return;
    }
    entered_ = context;
}

Silence::~Silence() {
    --thread_state.depth;
    if (entered_ && PyContext_Exit(entered_) < 0) PyErr_WriteUnraisable(entered_);
}

PyObject* hook(Hook which) {
    if (!hooks_set[which])
        PyErr_Format(PyExc_RuntimeError,
                     "chainrule: the hook '%s' is not set; import "
                     "chainrule before using its runtime.",
                     hook_names[which]);
    return hooks_set[which];
}

std::uint64_t configuration_epoch = 1;

bool ask_configuration() {
    std::uint64_t epoch = configuration_epoch;
    PyObject* callback = hook(kConfiguration);
    Ref answer(callback ? PyObject_CallNoArgs(callback) : nullptr);
    unsigned long long token;
    int x64, absorbing;
    if (!answer || !PyArg_ParseTuple(answer.get(), "Kpp:configuration", &token, &x64,
                                     &absorbing))
        return false;
    thread_state.epoch = epoch;
    thread_state.token = token;
    thread_state.x64 = x64 != 0;
    thread_state.absorbing = absorbing != 0;
    return true;
}

PyObject* configuration_changed(PyObject*, PyObject*) {
    ++configuration_epoch;
    Py_RETURN_NONE;
}

PyObject* set_hooks(PyObject*, PyObject* hooks) {
    if (!PyDict_Check(hooks))
        return PyErr_Format(PyExc_TypeError, "set_hooks: a dict is needed, not %s.",
                            Py_TYPE(hooks)->tp_name);
    Ref former(PyDict_New());
    for (int i = 0; former && i < kHookCount; ++i)
        if (hooks_set[i] &&
            PyDict_SetItemString(former.get(), hook_names[i], hooks_set[i]) < 0)
            return nullptr;
    if (!former) return nullptr;
    PyObject *key, *value;
    Py_ssize_t cursor = 0;
    while (PyDict_Next(hooks, &cursor, &key, &value)) {
        int which = 0;
        while (which < kHookCount &&
               !(PyUnicode_Check(key) &&
                 PyUnicode_CompareWithASCIIString(key, hook_names[which]) == 0))
            ++which;
        if (which == kHookCount || !PyCallable_Check(value))
            return PyErr_Format(PyExc_ValueError,
                                "set_hooks: %R: %R is not a hook; the "
                                "hooks are callables named 'leaked', 'collective', "
                                "'refused', 'configuration' and 'as_array'.",
                                key, value);
        PyObject* old = std::exchange(hooks_set[which], Py_NewRef(value));
        Py_XDECREF(old);
    }
    return former.release();
}

PyObject* swap_dynamic(PyObject*, PyObject* trace) {
    if (trace != Py_None && !PyObject_TypeCheck(trace, trace_type))
        return PyErr_Format(PyExc_TypeError,
                            "swap_dynamic: a Trace or None is needed, "
                            "not %s.",
                            Py_TYPE(trace)->tp_name);
    PyObject* entering = trace == Py_None ? nullptr : Py_NewRef(trace);
    PyObject* previous = std::exchange(thread_state.dynamic, entering);
    return previous ? previous : Py_NewRef(Py_None);
}

PyObject* current_dynamic(PyObject*, PyObject*) {
    return Py_NewRef(thread_state.dynamic ? thread_state.dynamic : Py_None);
}

PyObject* silently(PyObject*, PyObject* const* args, Py_ssize_t nargs,
                   PyObject* names) {
    if (nargs < 1)
        return PyErr_Format(PyExc_TypeError, "silently: pass the function to call.");
    Silence silence;
    if (!silence.ok()) return nullptr;
    return PyObject_Vectorcall(args[0], args + 1, nargs - 1, names);
}

bool init_state() {
    context_key = PyUnicode_InternFromString("chainrule.silent_context");
    silent_template = context_key ? make_template() : nullptr;
    return silent_template != nullptr;
}

}  // namespace chainrule
