// JitFunction, the type of jitted functions: the call itself.
//
// The Python subclass (control/jit.py) has `_call(*args, **kwargs)`, which serves any
// call, and `_compile(arrays, tree, static)`, which serves a miss: it returns
// (program, out_tree, kept, donated), where `kept` says whether the program may serve
// later calls. A program takes the flat arrays and returns a list or tuple of arrays.
#include "jit_call.h"

namespace chainrule::jit {
namespace {

PyTypeObject* function_type = nullptr;
PyObject* call_name = nullptr;
PyObject* compile_name = nullptr;

struct State {
    Cache cache;
    StaticRule rule;
    Keywords keywords;
};

struct Function {
    PyObject_HEAD vectorcallfunc vectorcall;
    State* state;
};

Function* as_function(PyObject* object) { return reinterpret_cast<Function*>(object); }

PyObject* call_in_python(PyObject* self, PyObject* const* args, std::size_t nargsf,
                         PyObject* names) {
    Ref method(PyObject_GetAttr(self, call_name));
    return method ? PyObject_Vectorcall(method.get(), args, nargsf, names) : nullptr;
}

/// The results of a program, each an owned or borrowed item of a list or tuple.
struct Results {
    PyObject* const* items;
    Py_ssize_t count;
};

bool read_results(PyObject* sequence, Py_ssize_t wanted, Results* results) {
    bool fits = PyList_CheckExact(sequence) || PyTuple_CheckExact(sequence);
    if (fits) *results = {PySequence_Fast_ITEMS(sequence),
                          PySequence_Fast_GET_SIZE(sequence)};
    if (fits && results->count == wanted) return true;
    PyErr_Format(PyExc_TypeError,
                 "jit: a program must return a list or tuple of %zd arrays; got %R.",
                 wanted, sequence);
    return false;
}

PyObject* assemble(const Entry& entry, PyObject* stolen) {
    Ref sequence(stolen);
    Results results;
    if (!stolen || !read_results(stolen, entry.out_count, &results)) return nullptr;
    if (entry.output == Output::kLeaf) return Py_NewRef(results.items[0]);
    if (entry.output == Output::kTuple) {
        if (PyTuple_CheckExact(stolen)) return sequence.release();
        PyObject* tuple = PyTuple_New(results.count);
        for (Py_ssize_t i = 0; tuple && i < results.count; ++i)
            PyTuple_SET_ITEM(tuple, i, Py_NewRef(results.items[i]));
        return tuple;
    }
    auto* tree = reinterpret_cast<pytree::TreeDef*>(entry.out_tree);
    return pytree::unflatten(tree, results.items).release().ptr();
}

/// An array that is donated must not be another argument as well: `_donated_twice`
/// raises, naming the two.
bool check_donated(PyObject* self, const Entry& entry, Call& call) {
    for (Py_ssize_t i : entry.donated)
        for (Py_ssize_t k = 0; k < call.size(); ++k) {
            if (k == i || call.arrays()[k] != call.arrays()[i]) continue;
            nb::object tree = call.full_tree();
            Ref answer(PyObject_CallMethod(self, "_donated_twice", "Onn", tree.ptr(),
                                           k < i ? k : i, k < i ? i : k));
            if (answer) PyErr_SetString(PyExc_RuntimeError, "_donated_twice returned");
            return false;
        }
    return true;
}

/// The results with every donated argument among them in an Array of its own, and the
/// donated arguments deleted. Steals `results`.
PyObject* finish_donation(const Entry& entry, Call& call, PyObject* results) {
    Ref owned(results);
    Ref list(results ? PySequence_List(results) : nullptr);
    for (std::size_t d = 0; list && d < entry.donated.size(); ++d) {
        ConcreteArray* array = as_concrete(call.arrays()[entry.donated[d]]);
        for (Py_ssize_t i = 0; array->data && i < PyList_GET_SIZE(list.get()); ++i) {
            if (as_concrete(PyList_GET_ITEM(list.get(), i)) != array) continue;
            PyObject* data = Py_NewRef(reinterpret_cast<PyObject*>(array->data));
            PyObject* moved = wrap_stolen(data, array->weak);
            if (!moved || PyList_SetItem(list.get(), i, moved) < 0) return nullptr;
        }
        if (!delete_array(array)) return nullptr;
    }
    return list.release();
}

PyObject* run(PyObject* self, const Entry& entry, Call& call) {
    bool donates = !entry.donated.empty();
    if (donates && !check_donated(self, entry, call)) return nullptr;
    PyObject* results =
        PyObject_Vectorcall(entry.program, call.arrays(), call.size(), nullptr);
    if (donates) results = finish_donation(entry, call, results);
    return assemble(entry, results);
}

/// What `_compile` answered, as an entry; the signature is still missing.
EntryRef read_answer(PyObject* answer, bool* kept) {
    PyObject *program, *out_tree, *donated;
    int keep;
    if (!PyArg_ParseTuple(answer, "OOpO!:_compile", &program, &out_tree, &keep,
                          &PyTuple_Type, &donated))
        return EntryRef();
    pytree::TreeDef* tree = pytree::as_treedef(out_tree, "_compile");
    EntryRef made = EntryRef::adopt(new Entry);
    Entry& entry = *made.get();
    entry.program = Py_NewRef(program);
    entry.out_tree = Py_NewRef(out_tree);
    entry.out_count = tree->root().num_leaves;
    const pytree::Node& root = tree->root();
    bool flat = root.arity == entry.out_count && tree->size() == entry.out_count + 1;
    if (root.kind == pytree::Kind::leaf) entry.output = Output::kLeaf;
    if (root.kind == pytree::Kind::tuple && flat) entry.output = Output::kTuple;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(donated); ++i) {
        Py_ssize_t where = PyLong_AsSsize_t(PyTuple_GET_ITEM(donated, i));
        if (where == -1 && PyErr_Occurred()) return EntryRef();
        entry.donated.push_back(where);
    }
    *kept = keep != 0;
    return made;
}

bool sign(Entry& entry, Call& call, std::uint64_t token) {
    entry.token = token;
    entry.tree = Py_XNewRef(call.tree());
    entry.avals.assign(call.avals(), call.avals() + call.size());
    for (Py_ssize_t i = 0; i < call.static_count(); ++i) {
        const Static& given = call.static_at(i);
        entry.statics.push_back(
            {given.position, Py_XNewRef(given.name), Py_NewRef(given.value)});
    }
    return call.hash(token, &entry.hash);
}

PyObject* miss(PyObject* self, Call& call, std::uint64_t token) {
    State& state = *as_function(self)->state;
    Ref arrays(PyList_New(call.size()));
    for (Py_ssize_t i = 0; arrays && i < call.size(); ++i)
        PyList_SET_ITEM(arrays.get(), i, Py_NewRef(call.arrays()[i]));
    nb::object tree = call.full_tree();
    Ref statics(call.statics_tuple());
    if (!arrays || !statics) return nullptr;
    PyObject* stack[] = {self, arrays.get(), tree.ptr(), statics.get()};
    Ref answer(PyObject_VectorcallMethod(compile_name, stack, 4, nullptr));
    if (!answer) return nullptr;
    bool kept = false;
    EntryRef entry = read_answer(answer.get(), &kept);
    if (!entry) return nullptr;
    for (Py_ssize_t i : entry.get()->donated)
        if (i < 0 || i >= call.size())
            return PyErr_Format(PyExc_IndexError, "_compile: no argument %zd.", i);
    if (kept) {
        // Tracing may have called this function: another entry may be there by now.
        bool failed = false;
        EntryRef found = state.cache.find(call, token, &failed);
        if (failed) return nullptr;
        if (!found) {
            if (!sign(*entry.get(), call, token)) return nullptr;
            state.cache.insert(EntryRef(entry.get()));
        }
    }
    return run(self, *entry.get(), call);
}

PyObject* call_function(PyObject* self, PyObject* const* args, std::size_t nargsf,
                        PyObject* names) {
    if (thread_state.dynamic) return call_in_python(self, args, nargsf, names);
    if (!refresh_configuration()) return nullptr;
    std::uint64_t token = thread_state.token;
    if (token == 0) return call_in_python(self, args, nargsf, names);
    return pytree::guarded(static_cast<PyObject*>(nullptr), [&]() -> PyObject* {
        State& state = *as_function(self)->state;
        Call call;
        Reading reading =
            call.read(state.rule, state.keywords, args, PyVectorcall_NARGS(nargsf),
                      names, thread_state.x64);
        if (reading == Reading::kFailed) return nullptr;
        if (reading == Reading::kLeaveToPython)
            return call_in_python(self, args, nargsf, names);
        bool failed = false;
        EntryRef entry = state.cache.find(call, token, &failed);
        if (entry) return run(self, *entry.get(), call);
        if (!failed) return miss(self, call, token);
        if (!PyErr_ExceptionMatches(PyExc_TypeError)) return nullptr;
        PyErr_Clear();  // a static argument without a hash: Python says which
        return call_in_python(self, args, nargsf, names);
    });
}

/// _set_static(positions, names): which arguments are static.
PyObject* set_static(PyObject* self, PyObject* args) {
    PyObject *positions, *names;
    if (!PyArg_ParseTuple(args, "O!O!:_set_static", &PyTuple_Type, &positions,
                          &PyTuple_Type, &names))
        return nullptr;
    StaticRule rule;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(positions); ++i) {
        Py_ssize_t position = PyLong_AsSsize_t(PyTuple_GET_ITEM(positions, i));
        if (position == -1 && PyErr_Occurred()) return nullptr;
        rule.positions.push_back(position);
    }
    if (PyTuple_GET_SIZE(names) > 0) rule.names = Ref::borrow(names);
    State& state = *as_function(self)->state;
    state.rule = std::move(rule);
    state.keywords = Keywords();
    state.cache.clear();
    Py_RETURN_NONE;
}

PyObject* cache_size(PyObject* self, PyObject*) {
    return PyLong_FromSsize_t(as_function(self)->state->cache.size());
}

PyObject* clear_cache(PyObject* self, PyObject*) {
    as_function(self)->state->cache.clear();
    Py_RETURN_NONE;
}

PyObject* function_new(PyTypeObject* type, PyObject*, PyObject*) {
    PyObject* self = type->tp_alloc(type, 0);
    if (!self) return nullptr;
    as_function(self)->vectorcall = call_function;
    as_function(self)->state = new (std::nothrow) State;
    if (as_function(self)->state) return self;
    Py_DECREF(self);
    return PyErr_NoMemory();
}

int function_traverse(PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(self));
    State* state = as_function(self)->state;
    return state ? state->cache.traverse(visit, arg) : 0;
}

int function_clear(PyObject* self) {
    if (State* state = as_function(self)->state) state->cache.clear();
    return 0;
}

void function_dealloc(PyObject* self) {
    PyTypeObject* type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    delete std::exchange(as_function(self)->state, nullptr);
    type->tp_free(self);
    Py_DECREF(type);
}

/// Bound to an instance where it is looked up through one, as functions are.
PyObject* function_get(PyObject* self, PyObject* instance, PyObject*) {
    if (!instance || instance == Py_None) return Py_NewRef(self);
    return PyMethod_New(self, instance);
}

/// Subclasses made in Python inherit neither flag before Python 3.12.
PyObject* prepare_subclass(PyObject* cls, PyObject*) {
    auto* type = reinterpret_cast<PyTypeObject*>(cls);
    if (type->tp_call == PyVectorcall_Call)
        type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    if (type->tp_descr_get == function_get)
        type->tp_flags |= Py_TPFLAGS_METHOD_DESCRIPTOR;
    Py_RETURN_NONE;
}

PyMemberDef function_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Function, vectorcall), READONLY,
     nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyMethodDef function_methods[] = {
    {"__init_subclass__", prepare_subclass, METH_NOARGS | METH_CLASS, nullptr},
    {"_set_static", set_static, METH_VARARGS,
     "_set_static($self, positions, names, /)\n--\n\nWhich arguments are static."},
    {"_cache_size", cache_size, METH_NOARGS,
     "_cache_size($self, /)\n--\n\nThe number of signatures with a program."},
    {"_clear_entries", clear_cache, METH_NOARGS,
     "_clear_entries($self, /)\n--\n\nForgets all programs."},
    {nullptr, nullptr, 0, nullptr}};

PyType_Slot function_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(function_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(function_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(function_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(function_clear)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_descr_get, reinterpret_cast<void*>(function_get)},
    {Py_tp_members, function_members},
    {Py_tp_methods, function_methods},
    {Py_tp_doc, const_cast<char*>("A function that is staged and compiled once per "
                                  "signature of its arguments.")},
    {0, nullptr}};

PyType_Spec function_spec = {
    "chainrule.runtime._native.JitFunction", sizeof(Function), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
        Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    function_slots};

}  // namespace

bool init_jit(PyObject* module) {
    call_name = PyUnicode_InternFromString("_call");
    compile_name = PyUnicode_InternFromString("_compile");
    function_type = add_type(module, &function_spec, nullptr, "JitFunction");
    return call_name && compile_name && function_type;
}

}  // namespace chainrule::jit
