// The type Plan: construction, calls, introspection, garbage collection.
#include "plan.h"

#include <new>

namespace chainrule {
namespace {

using plan::Program;
using plan::Run;

struct Plan {
    PyObject_HEAD vectorcallfunc vectorcall;
    Program* program;      // owned
    plan::Arenas* arenas;  // owned
    PyObject* steps;
    PyObject* keepalive;
    PyObject* weakrefs;
};

Plan* as_plan(PyObject* object) { return reinterpret_cast<Plan*>(object); }

PyObject* run_program(Plan* self, PyObject* const* args, Py_ssize_t nargs,
                      double* seconds) {
    if (!self->keepalive)
        return PyErr_Format(PyExc_RuntimeError,
                            "Plan: the plan was taken apart by the garbage collector; "
                            "do not call it from finalizers.");
    try {
        Run run(*self->program, *self->arenas, args);
        if (!run.prepare(nargs) || !run.execute(seconds)) return nullptr;
        Program& program = *self->program;
        if (program.calls_until_best > 0 && --program.calls_until_best == 0)
            program.request_best();
        return run.finish();
    } catch (const std::bad_alloc&) {
        return PyErr_NoMemory();
    } catch (const std::exception& failed) {
        PyErr_SetString(PyExc_RuntimeError, failed.what());
        return nullptr;
    }
}

PyObject* plan_call(PyObject* self, PyObject* const* args, std::size_t nargsf,
                    PyObject* names) {
    if (names && PyTuple_GET_SIZE(names) > 0)
        return PyErr_Format(PyExc_TypeError,
                            "Plan: keyword argument %R given; pass all Arrays by "
                            "position.",
                            PyTuple_GET_ITEM(names, 0));
    return run_program(as_plan(self), args, PyVectorcall_NARGS(nargsf), nullptr);
}

PyObject* plan_profile(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
    std::vector<double> seconds(as_plan(self)->program->steps.size() + 1);
    Ref outputs(run_program(as_plan(self), args, nargs, seconds.data()));
    seconds.pop_back();
    Ref times(outputs ? PyList_New(Py_ssize_t(seconds.size())) : nullptr);
    for (std::size_t i = 0; times && i < seconds.size(); ++i) {
        PyObject* time = PyFloat_FromDouble(seconds[i]);
        if (!time) return nullptr;
        PyList_SET_ITEM(times.get(), Py_ssize_t(i), time);
    }
    return times ? PyTuple_Pack(2, outputs.get(), times.get()) : nullptr;
}

/// The argument `name` or the one at `index`, borrowed; None if it was not given.
PyObject* given(PyObject* args, PyObject* kwargs, Py_ssize_t index, const char* name) {
    PyObject* value =
        index < PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, index) : nullptr;
    if (!value && kwargs) value = PyDict_GetItemString(kwargs, name);
    return value ? value : Py_None;
}

PyObject* plan_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
    try {
        std::unique_ptr<Program> program = plan::build(args, kwargs);
        if (!program) return nullptr;
        auto arenas = std::make_unique<plan::Arenas>();
        Ref steps(PySequence_List(given(args, kwargs, 4, "steps")));
        PyObject* self = steps ? type->tp_alloc(type, 0) : nullptr;
        if (!self) return nullptr;
        as_plan(self)->vectorcall = plan_call;
        as_plan(self)->program = program.release();
        as_plan(self)->arenas = arenas.release();
        as_plan(self)->steps = steps.release();
        as_plan(self)->keepalive = Py_NewRef(given(args, kwargs, 6, "keepalive"));
        return self;
    } catch (const std::bad_alloc&) {
        return PyErr_NoMemory();
    }
}

int plan_traverse(PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(as_plan(self)->steps);
    Py_VISIT(as_plan(self)->keepalive);
    int found = 0;
    if (const Program* program = as_plan(self)->program) {
        for (const plan::Step& step : program->steps)
            if (step.host) Py_VISIT(step.host->callable.get());
        program->each_sub([&](const plan::SubProgram& sub) {
            if (!found && sub.plan) found = visit(sub.plan.get(), arg);
        });
    }
    if (found) return found;
    Py_VISIT(Py_TYPE(self));
    return 0;
}

/// Breaks cycles: host steps and what is kept alive go; the plan then runs no more.
int plan_clear(PyObject* self) {
    if (Program* program = as_plan(self)->program)
        for (plan::Step& step : program->steps)
            if (step.host) step.host->callable = Ref();
    Py_CLEAR(as_plan(self)->steps);
    Py_CLEAR(as_plan(self)->keepalive);
    return 0;
}

void plan_dealloc(PyObject* self) {
    PyTypeObject* type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (as_plan(self)->weakrefs) PyObject_ClearWeakRefs(self);
    plan_clear(self);
    delete as_plan(self)->program;
    delete as_plan(self)->arenas;
    type->tp_free(self);
    Py_DECREF(type);
}

PyObject* get_num_args(PyObject* self, void*) {
    return PyLong_FromLong(as_plan(self)->program->num_args);
}
PyObject* get_arena_bytes(PyObject* self, void*) {
    return PyLong_FromSize_t(as_plan(self)->program->arena_bytes);
}
PyObject* get_is_long(PyObject* self, void*) {
    return PyBool_FromLong(as_plan(self)->program->is_long);
}

PyGetSetDef plan_getset[] = {
    {"num_args", get_num_args, nullptr, "How many Arrays a call takes.", nullptr},
    {"arena_bytes", get_arena_bytes, nullptr,
     "Bytes of memory for the temporaries of one call.", nullptr},
    {"is_long", get_is_long, nullptr,
     "Whether calls let other threads run and look for Ctrl-C.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMemberDef plan_members[] = {
    {"steps", T_OBJECT, offsetof(Plan, steps), READONLY,
     "The steps as they were given."},
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Plan, vectorcall), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Plan, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyObject* plan_optimize(PyObject* self, PyObject*) {
    std::string error;
    Py_BEGIN_ALLOW_THREADS try {
        as_plan(self)->program->wait_for_best();
    } catch (const std::exception& failed) {
        error = failed.what();
    }
    Py_END_ALLOW_THREADS if (error.empty()) Py_RETURN_NONE;
    PyErr_SetString(PyExc_RuntimeError, error.c_str());
    return nullptr;
}

PyMethodDef plan_methods[] = {
    {"optimize", plan_optimize, METH_NOARGS,
     "Returns when all kernels are as good as LLVM can make them."},
    {"profile", reinterpret_cast<PyCFunction>(plan_profile), METH_FASTCALL,
     "profile(*arrays): the outputs of a call, and the seconds that each step took."},
    {nullptr, nullptr, 0, nullptr}};

constexpr const char* kDoc =
    "Plan(num_args, consts, temps, outputs, steps, arena_bytes, keepalive=None, *,\n"
    "     in_avals=None, work=None)\n\n"
    "A compiled program; calling it with Arrays returns a list of Arrays.\n\n"
    "Slots number the buffers: arguments, constants, outputs, temporaries.\n"
    "consts: ndarrays. temps: offsets into an arena of arena_bytes bytes, multiples "
    "of\n"
    "64, or None for those that host steps fill. outputs: tuples ('new', aval),\n"
    "('arg', i, weak), ('const', i, weak), ('temp', i, aval), ('donated', i, aval): "
    "the\n"
    "last takes the memory of argument i where nothing else refers to it, and the\n"
    "argument is deleted by the call. steps: ('kernel', code, slots, ints, extent,\n"
    "grain[, chunks[, (source, target)]]), code a MachineCode or an address, calls void k(void** buffers, const int64_t* ints, int64_t begin,\n"
    "int64_t end), split over threads at multiples of grain, in 4 chunks a thread at\n"
    "most, or in `chunks`; a kernel that copies `source` to `target` is left out where\n"
    "these are one memory; ('host', callable, inputs,\n"
    "outputs), both sequences of (slot, dtype, shape), calls Python with read-only\n"
    "ndarrays; it returns one ndarray for each output; ('loop', ...) and ('branch', ...)\n"
    "run other plans on slots of this one, see compiler/loops.py; host steps in these get\n"
    "copies of what may change. No kernel may write to a slot\n"
    "that a host step filled. in_avals: types of the arguments, to be checked. work:\n"
    "about how many elements a call computes (the sum of the extents if None); calls\n"
    "of much work let other Python threads run and look for Ctrl-C.";

PyType_Slot plan_slots[] = {{Py_tp_new, reinterpret_cast<void*>(plan_new)},
                            {Py_tp_dealloc, reinterpret_cast<void*>(plan_dealloc)},
                            {Py_tp_traverse, reinterpret_cast<void*>(plan_traverse)},
                            {Py_tp_clear, reinterpret_cast<void*>(plan_clear)},
                            {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
                            {Py_tp_getset, plan_getset},
                            {Py_tp_members, plan_members},
                            {Py_tp_methods, plan_methods},
                            {Py_tp_doc, const_cast<char*>(kDoc)},
                            {0, nullptr}};

PyType_Spec plan_spec = {
    "chainrule.runtime._native.Plan", sizeof(Plan), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL, plan_slots};

PyTypeObject* plan_type = nullptr;

}  // namespace

const plan::Program* plan::program_of(PyObject* object) {
    return Py_TYPE(object) == plan_type ? as_plan(object)->program : nullptr;
}

void register_plan(nb::module_& m) {
    plan_type = add_type(m.ptr(), &plan_spec, nullptr, "Plan");
    if (!plan_type) throw nb::python_error();
}

}  // namespace chainrule
