// Running a program: buffers for the slots, the kernels in order, outputs at the end.
//
// Short programs keep the GIL. Long ones release it around kernels and look for Ctrl-C
// between them; they hold references to the arguments' memory, since another thread may
// delete an Array meanwhile.
#include <algorithm>
#include <cstring>

#include "denormals.h"
#include "plan.h"

namespace chainrule::plan {
namespace {

constexpr auto kSignalInterval = std::chrono::milliseconds(20);

PyObject* as_object(PyArrayObject* array) { return reinterpret_cast<PyObject*>(array); }

bool has_layout(PyArrayObject* array, PyArray_Descr* descr, int ndim,
                const npy_intp* dims) {
    return PyArray_NDIM(array) == ndim && PyArray_DESCR(array) == descr &&
           std::equal(dims, dims + ndim, PyArray_DIMS(array));
}

bool raise_count(Py_ssize_t given, int wanted) {
    PyErr_Format(PyExc_TypeError,
                 "Plan: %zd arguments given, the program takes %d; pass the Arrays it "
                 "was compiled for.",
                 given, wanted);
    return false;
}

/// Whether argument `index` is the Array that was compiled for; weak types may differ.
bool check_aval(PyObject* argument, int index, const ShapedArray* expected) {
    PyObject* found = array_aval(as_concrete(argument));
    if (!found) return false;
    const ShapedArray* aval = as_shaped(found);
    if (aval == expected ||
        (aval->dtype == expected->dtype && aval->ndim == expected->ndim &&
         std::equal(aval->dims, aval->dims + aval->ndim, expected->dims)))
        return true;
    Ref given(aval_label(found, false));
    Ref wanted(aval_label(
        const_cast<PyObject*>(reinterpret_cast<const PyObject*>(expected)), false));
    if (given && wanted)
        PyErr_Format(PyExc_TypeError,
                     "Plan: argument %d is %U, the program was compiled for %U; "
                     "compile it for this type.",
                     index, given.get(), wanted.get());
    return false;
}

}  // namespace

memory::Block Arenas::take(std::size_t bytes) {
    if (blocks_.empty()) return memory::Block(bytes);
    memory::Block block = std::move(blocks_.back());
    blocks_.pop_back();
    return block;
}

void Arenas::keep(memory::Block block) {
    constexpr std::size_t kSmall = 1 << 16;  // larger ones are kept by the memory pool
    constexpr std::size_t kMost = 4;
    if (block.data() && block.bytes() < kSmall && blocks_.size() < kMost)
        blocks_.push_back(std::move(block));
}

Arena::~Arena() { spares_.keep(std::move(block_)); }

bool Arena::fill() {
    block_ = spares_.take(bytes_);
    if (!block_.data()) memory::raise_no_memory(bytes_);
    return block_.data() != nullptr;
}

bool Arena::move_away(memory::Block* former) {
    memory::Block fresh(bytes_);
    bool copied = fresh.data() != nullptr;
    if (copied)
        std::memcpy(fresh.data(), block_.data(), bytes_);
    else
        memory::raise_no_memory(bytes_);
    *former = std::move(block_);
    block_ = std::move(fresh);
    return copied;
}

Run::Run(const Program& program, Arenas& arenas, PyObject* const* args)
    : program_(program),
      args_(args),
      arena_(arenas, program.arena_bytes),
      slots_(inline_slots_),
      owners_(inline_owners_),
      buffers_(inline_buffers_) {
    std::size_t slots = std::size_t(program.num_slots());
    if (slots > kInlineSlots || program.most_buffers > kInlineBuffers) {
        heap_.reset(new void*[2 * slots + program.most_buffers]);
        slots_ = heap_.get();
        owners_ = reinterpret_cast<PyObject**>(slots_ + slots);
        buffers_ = slots_ + 2 * slots;
    }
    std::memset(owners_, 0, slots * sizeof *owners_);
}

Run::~Run() {
    for (int slot = program_.num_slots(); slot-- > 0;) Py_XDECREF(owners_[slot]);
}

void Run::set_owner(int slot, PyObject* stolen) {
    PyObject* former = std::exchange(owners_[slot], stolen);
    slots_[slot] = PyArray_DATA(owner_array(slot));
    Py_XDECREF(former);
}

bool Run::take_argument(int index) {
    PyObject* argument = args_[index];
    if (!is_concrete(argument)) {
        PyErr_Format(PyExc_TypeError,
                     "Plan: argument %d is of type %s; pass concrete Arrays.", index,
                     Py_TYPE(argument)->tp_name);
        return false;
    }
    PyArrayObject* data = array_data(as_concrete(argument));
    if (!data) return false;
    if (!program_.in_avals.empty() &&
        !check_aval(argument, index, as_shaped(program_.in_avals[index].get())))
        return false;
    if (!PyArray_ISCARRAY_RO(data)) {
        PyObject* copy = PyArray_NewCopy(data, NPY_CORDER);
        if (copy) set_owner(index, copy);
        return copy != nullptr;
    }
    slots_[index] = PyArray_DATA(data);
    if (program_.holds_args) owners_[index] = Py_NewRef(as_object(data));
    return true;
}

bool Run::prepare(Py_ssize_t nargs) {
    if (nargs != program_.num_args) return raise_count(nargs, program_.num_args);
    for (int i = 0; i < program_.num_args; ++i)
        if (!take_argument(i)) return false;
    if (!program_.const_data.empty())
        std::memcpy(slots_ + program_.first_const(), program_.const_data.data(),
                    program_.const_data.size() * sizeof(void*));
    int slot = program_.first_output();
    for (const Output& output : program_.outputs)
        if (!make_output(output, slot++)) return false;
    if (program_.arena_bytes && !arena_.fill()) return false;
    for (std::int64_t offset : program_.temps)
        slots_[slot++] = offset < 0 ? nullptr : arena_.data() + offset;
    return true;
}

bool Run::make_output(const Output& output, int slot) {
    slots_[slot] = nullptr;
    if (output.host_filled) return true;
    bool donated = output.source == Source::kDonated;
    if (!donated && output.source != Source::kNew) return true;
    if (donated && output.may_take && take_donated(output, slot)) return true;
    if (donated && PyErr_Occurred()) return false;
    ShapedArray* aval = output.shaped();
    PyArrayObject* array = take_spare(aval);
    if (!array) array = memory::new_array(output.descr(), aval->ndim, aval->dims);
    if (!array) return false;
    set_owner(slot, as_object(array));
    return true;
}

bool Run::is_argument_twice(int index) const {
    const PyArrayObject* data = as_concrete(args_[index])->data;
    for (int i = 0; i < program_.num_args; ++i)
        if (i != index && as_concrete(args_[i])->data == data) return true;
    return false;
}

/// Takes the argument's memory for an output if nobody else can see it.
bool Run::take_donated(const Output& output, int slot) {
    PyArrayObject* data = as_concrete(args_[output.index])->data;
    Py_ssize_t references = 1 + (owner_array(output.index) == data);
    if (!PyArray_ISCARRAY_RO(data) ||
        std::size_t(PyArray_NBYTES(data)) != output.bytes ||
        !memory::is_sole_owner(data, references) || is_argument_twice(output.index))
        return false;
    for (int taken = program_.first_output(); taken < slot; ++taken)
        if (slots_[taken] == PyArray_DATA(data)) return false;
    const ShapedArray* aval = output.shaped();
    if (has_layout(data, output.descr(), aval->ndim, aval->dims)) {
        set_owner(slot, Py_NewRef(as_object(data)));
        return true;
    }
    Py_INCREF(output.descr());
    Ref view(PyArray_NewFromDescr(&PyArray_Type, output.descr(), aval->ndim, aval->dims,
                                  nullptr, PyArray_DATA(data), NPY_ARRAY_CARRAY,
                                  nullptr));
    if (!view || PyArray_SetBaseObject(reinterpret_cast<PyArrayObject*>(view.get()),
                                       Py_NewRef(as_object(data))) < 0)
        return false;
    set_owner(slot, view.release());
    return true;
}

void Run::release_gil() {
    if (!released_) released_ = PyEval_SaveThread();
}

void Run::acquire_gil() {
    if (released_) PyEval_RestoreThread(std::exchange(released_, nullptr));
}

bool Run::check_signals() {
    Clock::time_point now = Clock::now();
    if (now - checked_ < kSignalInterval) return true;
    checked_ = now;
    acquire_gil();
    return PyErr_CheckSignals() == 0;
}

bool Run::execute(double* seconds) {
    if (program_.is_long) checked_ = Clock::now();
    bool good = true;
    for (std::size_t i = 0; good && i < program_.steps.size(); ++i) {
        const Step& step = program_.steps[i];
        Clock::time_point start = seconds ? Clock::now() : Clock::time_point();
        if (step.host) {
            acquire_gil();
            good = run_host(*step.host);
        } else {
            denormals::Mode mode;
            if (program_.is_long) release_gil();
            try {
                good = run_step(step, slots_, buffers_, nullptr);
            } catch (...) {
                acquire_gil();
                delete_donated(true);
                throw;
            }
        }
        if (seconds)
            seconds[i] = std::chrono::duration<double>(Clock::now() - start).count();
        if (good && program_.is_long && i + 1 < program_.steps.size())
            good = check_signals();
    }
    acquire_gil();
    return good || (delete_donated(true), false);
}

/// Marks donated arguments deleted: all, or those whose memory was written to.
bool Run::delete_donated(bool only_taken) {
    if (!program_.donates) return true;
    int slot = program_.first_output();
    bool good = true;
    for (const Output& output : program_.outputs) {
        ++slot;
        if (output.source != Source::kDonated) continue;
        ConcreteArray* array = as_concrete(args_[output.index]);
        bool taken = array->data && slots_[slot - 1] == PyArray_DATA(array->data);
        if (array->data && (taken || !only_taken)) good = delete_array(array) && good;
    }
    return good;
}

PyObject* Run::wrap_output(const Output& output, int slot) {
    switch (output.source) {
        case Source::kArgument: {
            PyObject* argument = args_[output.index];
            PyArrayObject* data = array_data(as_concrete(argument));
            if (!data) return nullptr;
            if (as_concrete(argument)->weak == output.weak && !program_.donates)
                return Py_NewRef(argument);
            return wrap_stolen(Py_NewRef(as_object(data)), output.weak);
        }
        case Source::kConstant:
            return wrap_stolen(Py_NewRef(program_.consts[output.index].get()),
                               output.weak);
        case Source::kTemporary:
            slot = program_.first_temp() + output.index;
            return wrap_stolen(Py_NewRef(owners_[slot]), output.shaped()->weak);
        default:
            break;
    }
    PyObject* array = std::exchange(owners_[slot], nullptr);
    if (output.host_filled) return wrap_stolen(array, output.shaped()->weak);
    return wrap_fitting(reinterpret_cast<PyArrayObject*>(array), output.aval.get());
}

PyObject* Run::finish() {
    Ref list(PyList_New(Py_ssize_t(program_.outputs.size())));
    if (!list) return nullptr;
    int slot = program_.first_output();
    for (std::size_t i = 0; i < program_.outputs.size(); ++i) {
        PyObject* array = wrap_output(program_.outputs[i], slot++);
        if (!array) return nullptr;
        PyList_SET_ITEM(list.get(), Py_ssize_t(i), array);
    }
    return delete_donated(false) ? list.release() : nullptr;
}

}  // namespace chainrule::plan
