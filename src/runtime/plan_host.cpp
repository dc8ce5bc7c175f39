// Host steps: ndarrays for the slots they read, a call of Python, checks of what came.
//
// Views of temporaries are borrowed memory. A callable may keep one, so after the call
// a guard, the base of all of them, says whether any is still there; then the
// temporaries move to new memory and the former stays with the views, as they saw it.
//
// In loops and branches operands are copied, except for what lies in an ndarray that
// nothing writes to while they run: arguments and constants of the whole program, what
// host steps returned, and the copies of a loop's constants, which are made once.
#include <algorithm>
#include <cstring>

#include "denormals.h"
#include "plan_frame.h"

namespace chainrule::plan {
namespace {

constexpr const char* kGuardName = "chainrule.temporaries";

PyObject* as_object(PyArrayObject* array) { return reinterpret_cast<PyObject*>(array); }
PyArrayObject* as_array(PyObject* object) {
    return reinterpret_cast<PyArrayObject*>(object);
}

/// The guard's context is a memory::Block once views outlive the host step.
void release_guard(PyObject* capsule) {
    delete static_cast<memory::Block*>(PyCapsule_GetContext(capsule));
}

bool fits(PyArrayObject* array, const HostOperand& operand) {
    return PyArray_NDIM(array) == int(operand.dims.size()) &&
           std::equal(operand.dims.begin(), operand.dims.end(), PyArray_DIMS(array)) &&
           PyArray_EquivTypes(PyArray_DESCR(array), operand.descr());
}

/// 'float32[2,3]'; a new str.
PyObject* label(PyArray_Descr* descr, int ndim, const npy_intp* dims) {
    Ref aval(aval_get(reinterpret_cast<PyObject*>(descr), ndim, dims, false));
    return aval ? aval_label(aval.get(), false) : nullptr;
}

/// The name of a callable for messages; a new str.
PyObject* name_of(PyObject* callable) {
    if (PyObject* name = PyObject_GetAttrString(callable, "__name__")) return name;
    PyErr_Clear();
    return PyUnicode_FromString(Py_TYPE(callable)->tp_name);
}

bool raise_misfit(const HostStep& step, std::size_t index, PyArrayObject* array) {
    const HostOperand& wanted = step.outputs[index];
    Ref name(name_of(step.callable.get()));
    Ref found(label(PyArray_DESCR(array), PyArray_NDIM(array), PyArray_DIMS(array)));
    Ref declared(label(wanted.descr(), int(wanted.dims.size()), wanted.dims.data()));
    if (name && found && declared)
        PyErr_Format(PyExc_TypeError,
                     "%U: result %zu is %U, but %U was declared; return arrays of the "
                     "declared shapes and dtypes.",
                     name.get(), index, found.get(), declared.get());
    return false;
}

bool raise_count(const HostStep& step, Py_ssize_t count) {
    Ref name(name_of(step.callable.get()));
    if (name)
        PyErr_Format(PyExc_TypeError,
                     "%U: %zd results were returned, but %zu were declared; return one "
                     "array for each.",
                     name.get(), count, step.outputs.size());
    return false;
}

/// The ndarray that a returned item is; a new reference.
PyObject* array_of(const HostStep& step, std::size_t index, PyObject* item) {
    if (is_concrete(item)) return Py_XNewRef(as_object(array_data(as_concrete(item))));
    if (PyArray_CheckExact(item)) return Py_NewRef(item);
    if (PyArray_Check(item) || PyArray_IsScalar(item, Generic))
        return PyArray_FromAny(item, nullptr, 0, 0, NPY_ARRAY_ENSUREARRAY, nullptr);
    Ref name(name_of(step.callable.get()));
    if (name)
        PyErr_Format(PyExc_TypeError,
                     "%U: result %zu is of type %s; return an ndarray.", name.get(),
                     index, Py_TYPE(item)->tp_name);
    return nullptr;
}

/// A read-only ndarray of what an operand is, at an address in the memory of `base`.
PyObject* view(const HostOperand& operand, void* address, PyObject* base) {
    Py_INCREF(operand.descr());
    PyObject* made = PyArray_NewFromDescr(
        &PyArray_Type, operand.descr(), int(operand.dims.size()), operand.dims.data(),
        nullptr, address, NPY_ARRAY_CARRAY_RO, nullptr);
    if (made && PyArray_SetBaseObject(as_array(made), Py_NewRef(base)) < 0)
        Py_CLEAR(made);
    return made;
}

/// A read-only ndarray with a copy of an operand.
PyObject* copy_of(const HostOperand& operand, const void* address) {
    ShapedArray* aval = as_shaped(operand.aval.get());
    PyArrayObject* made = take_spare(aval);
    if (!made) made = memory::new_array(operand.descr(), aval->ndim, aval->dims);
    if (!made) return nullptr;
    if (std::size_t bytes = std::size_t(PyArray_NBYTES(made)))
        std::memcpy(PyArray_DATA(made), address, bytes);
    PyArray_CLEARFLAGS(made, NPY_ARRAY_WRITEABLE);
    return as_object(made);
}

/// What a host step is called with: references, and a free place before them.
class Operands {
  public:
    explicit Operands(std::size_t most) { items_.reserve(most + 1); }
    Operands(const Operands&) = delete;
    Operands& operator=(const Operands&) = delete;
    ~Operands() { clear(); }
    /// Steals the next operand; false where there is none.
    bool add(PyObject* operand) {
        if (items_.empty()) items_.push_back(nullptr);
        if (operand) items_.push_back(operand);
        return operand != nullptr;
    }
    void clear() {
        for (PyObject* item : items_) Py_XDECREF(item);
        items_.clear();
    }
    PyObject* give_to(PyObject* callable) {
        if (!callable)
            return PyErr_Format(PyExc_RuntimeError,
                                "Plan: the plan was taken apart by the garbage "
                                "collector; do not call it from finalizers.");
        if (items_.empty()) items_.push_back(nullptr);
        std::size_t count = items_.size() - 1;
        return PyObject_Vectorcall(callable, items_.data() + 1,
                                   count | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
    }

  private:
    std::vector<PyObject*> items_;
};

}  // namespace

PyObject* Run::host_input(const HostOperand& operand, Ref* guard) {
    int slot = operand.slot;
    PyObject* owner = owners_[slot];
    if (slot < program_.num_args) {
        PyArrayObject* data = array_data(as_concrete(args_[slot]));
        if (!data) return nullptr;
        bool taken = false;
        for (int i = program_.first_output();
             program_.donates && i < program_.first_temp(); ++i)
            taken = taken || slots_[i] == PyArray_DATA(data);
        if (fits(data, operand))
            return taken ? PyArray_NewCopy(data, NPY_CORDER)
                         : Py_NewRef(as_object(data));
        if (!owner) owner = as_object(data);
    } else if (slot < program_.first_output()) {
        owner = program_.consts[slot - program_.first_const()].get();
        if (fits(as_array(owner), operand)) return Py_NewRef(owner);
    } else if (!owner) {
        if (!*guard) {
            static char nothing;  // for programs whose temporaries are all empty
            void* memory = arena_.data() ? arena_.data() : &nothing;
            *guard = Ref(PyCapsule_New(memory, kGuardName, release_guard));
            if (!*guard) return nullptr;
        }
        owner = guard->get();
    }
    return view(operand, slots_[slot], owner);
}

bool Run::run_host(const HostStep& step) {
    Ref guard;
    Operands operands(step.inputs.size());
    for (const HostOperand& input : step.inputs)
        if (!operands.add(host_input(input, &guard))) return false;
    Ref results(operands.give_to(step.callable.get()));
    bool good = results && store_results(step, results.get(), nullptr);
    results = Ref();
    operands.clear();
    return settle(std::move(guard)) && good;
}

/// The ndarray in whose memory a slot stays what it is, borrowed; null: there is none.
PyObject* Run::keeper(int slot, Frame* frame) const {
    const Program& program = frame ? frame->program() : program_;
    if (slot >= program.first_const() && slot < program.first_output())
        return program.consts[slot - program.first_const()].get();
    if (frame) {
        int around = frame->fixed(slot);
        PyObject* found = around < 0 ? nullptr : keeper(around, frame->outer());
        return found ? found : frame->owner(slot).get();
    }
    if (slot < program.num_args) return program.donates ? nullptr : owners_[slot];
    bool temp = slot >= program.first_temp();
    bool filled = temp || program.outputs[slot - program.first_output()].host_filled;
    return filled ? owners_[slot] : nullptr;
}

PyObject* Run::host_input(const HostOperand& operand, Frame& frame) {
    int slot = operand.slot;
    if (PyObject* owner = keeper(slot, &frame)) {
        PyArrayObject* array = as_array(owner);
        if (fits(array, operand) && !PyArray_ISWRITEABLE(array))
            return Py_NewRef(owner);
        return view(operand, PyArray_DATA(array), owner);
    }
    PyObject* made = copy_of(operand, frame.slots()[slot]);
    Frame* place = &frame;
    while (place->outer() && place->fixed(slot) >= 0 &&
           place->outer()->fixed(place->fixed(slot)) >= 0) {
        slot = place->fixed(slot);
        place = place->outer();
    }
    if (made && place->fixed(slot) >= 0) place->owner(slot) = Ref::borrow(made);
    return made;
}

bool Run::run_host(const HostStep& step, Frame& frame) {
    if (released_) {
        acquire_gil();
        taken_ = Clock::now();
    }
    denormals::Kept mode;
    Operands operands(step.inputs.size());
    for (const HostOperand& input : step.inputs)
        if (!operands.add(host_input(input, frame))) return false;
    Ref results(operands.give_to(step.callable.get()));
    if (!results || !store_results(step, results.get(), &frame)) return false;
    results = Ref();
    operands.clear();
    if (program_.is_long && frame.program().is_long) release_gil();
    return true;
}

/// Keeps the results in the slots of `frame`; null: of the run itself.
bool Run::store_results(const HostStep& step, PyObject* results, Frame* frame) {
    bool sequence = PyTuple_Check(results) || PyList_Check(results);
    if (!sequence) {
        if (step.outputs.empty() && results == Py_None) return true;
        if (step.outputs.size() != 1) return raise_count(step, 1);
        return store_result(step, 0, results, Py_REFCNT(results) == 1, frame);
    }
    Py_ssize_t count = PySequence_Fast_GET_SIZE(results);
    if (count != Py_ssize_t(step.outputs.size())) return raise_count(step, count);
    for (Py_ssize_t i = 0; i < count; ++i) {
        Ref item = Ref::borrow(PySequence_Fast_GET_ITEM(results, i));
        bool fresh = Py_REFCNT(results) == 1 && Py_REFCNT(item.get()) == 2;
        if (!store_result(step, std::size_t(i), item.get(), fresh, frame)) return false;
    }
    return true;
}

/// Makes a result the memory of its slot. It is copied where somebody else may write to
/// it later: `fresh` says that nobody but the caller refers to `item`.
bool Run::store_result(const HostStep& step, std::size_t index, PyObject* item,
                       bool fresh, Frame* frame) {
    const HostOperand& operand = step.outputs[index];
    Ref owned(array_of(step, index, item));
    if (!owned) return false;
    PyArrayObject* array = as_array(owned.get());
    if (!fits(array, operand)) return raise_misfit(step, index, array);
    bool made_here = owned.get() != item;
    bool own = PyArray_CHKFLAGS(array, NPY_ARRAY_OWNDATA) && (fresh || made_here);
    bool safe = (own || !PyArray_ISWRITEABLE(array)) && PyArray_ISCARRAY_RO(array) &&
                !arena_.contains(PyArray_DATA(array));
    if (!safe) owned = Ref(PyArray_NewCopy(array, NPY_CORDER));
    if (!owned) return false;
    if (!frame) return set_owner(operand.slot, owned.release()), true;
    frame->slots()[operand.slot] = PyArray_DATA(as_array(owned.get()));
    std::swap(frame->owner(operand.slot), owned);
    return true;
}

/// Looks whether views of temporaries outlive the host step, and lets them.
bool Run::settle(Ref guard) {
    if (!guard || Py_REFCNT(guard.get()) == 1 || !arena_.data()) return true;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    char* former_data = arena_.data();
    auto former = std::make_unique<memory::Block>();
    bool moved = arena_.move_away(former.get());
    PyCapsule_SetContext(guard.get(), former.release());
    for (int slot = program_.first_temp(); moved && slot < program_.num_slots();
         ++slot) {
        std::int64_t offset = program_.temps[slot - program_.first_temp()];
        if (slots_[slot] == former_data + offset && offset >= 0)
            slots_[slot] = arena_.data() + offset;
    }
    if (moved || type) PyErr_Restore(type, value, traceback);
    return moved;
}

}  // namespace chainrule::plan
