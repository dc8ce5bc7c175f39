// What Python passes to Plan, read and checked: afterwards a run needs no checks of its
// own program. Messages are for those who write compilers, and name the entry.
#include <algorithm>
#include <string>

#include "plan_reading.h"

namespace chainrule::plan {
namespace {

constexpr int kCallsUntilBest = 3;

/// The np.dtype that ndarrays of this dtype have: for an extended dtype its layout.
Ref layout_of(PyObject* dtype) {
    Ref found(canonical_dtype(dtype));
    if (found && !PyArray_DescrCheck(found.get()))
        found = Ref(PyObject_GetAttrString(found.get(), "dtype"));
    if (!found) throw Raised();
    if (!PyArray_DescrCheck(found.get()))
        fail(PyExc_TypeError, "a dtype has no layout in memory; pass an np.dtype.");
    return found;
}

class Builder {
  public:
    Builder() : program_(std::make_unique<Program>()) {}
    std::unique_ptr<Program> run(PyObject* args, PyObject* kwargs);

  private:
    void read_consts(PyObject* object);
    void read_temps(PyObject* object);
    void read_outputs(PyObject* object);
    void read_output(const Sequence& entry, Output* output);
    void read_steps(PyObject* object);
    void read_kernel(const Sequence& entry, KernelStep* kernel);
    void read_code(const Sequence& entry, KernelStep* kernel);
    void read_host(const Sequence& entry, HostStep* host);
    HostOperand read_operand(PyObject* object, const std::string& what);
    void read_in_avals(PyObject* object);
    void require_filled(int slot, const std::string& what) const;
    void note_filled(const HostOperand& operand, const std::string& what);
    void check_outputs();
    void set_work(PyObject* work);

    std::unique_ptr<Program> program_;
    std::vector<HostOperand const*> filled_;  // by slot: what a host step puts there
};

void Builder::read_consts(PyObject* object) {
    Sequence consts(object, "consts");
    for (std::size_t i = 0; i < consts.size(); ++i) {
        if (!PyArray_CheckExact(consts[i]))
            fail(PyExc_TypeError, nth("constant", i) + " is of type " +
                                      Py_TYPE(consts[i])->tp_name +
                                      "; pass an ndarray.");
        Ref array(
            PyArray_FromAny(consts[i], nullptr, 0, 0, NPY_ARRAY_CARRAY_RO, nullptr));
        if (!array) throw Raised();
        auto* data = reinterpret_cast<PyArrayObject*>(array.get());
        program_->const_data.push_back(PyArray_DATA(data));
        program_->consts.push_back(std::move(array));
    }
}

void Builder::read_temps(PyObject* object) {
    Sequence temps(object, "temps");
    for (std::size_t i = 0; i < temps.size(); ++i) {
        if (temps[i] == Py_None) {
            program_->temps.push_back(-1);
            continue;
        }
        auto limit = std::int64_t(program_->arena_bytes);
        std::int64_t offset =
            integer_between(temps[i], 0, limit, nth("the offset of temporary", i));
        if (offset % 64)
            fail(PyExc_ValueError, nth("the offset of temporary", i) + " is " +
                                       std::to_string(offset) +
                                       "; it must be a multiple of 64.");
        program_->temps.push_back(offset);
    }
}

void Builder::read_output(const Sequence& entry, Output* output) {
    if (entry.size() == 0) entry.require_size(3);
    std::string kind = text_of(entry[0], "the kind of " + entry.what());
    bool passed = kind == "arg" || kind == "const";
    if (kind != "new" && kind != "temp" && kind != "donated" && !passed)
        fail(PyExc_ValueError, entry.what() + " is of kind '" + kind +
                                   "'; use 'new', 'arg', 'const', 'temp' or "
                                   "'donated'.");
    entry.require_size(kind == "new" ? 2 : 3);
    output->source = kind == "new"     ? Source::kNew
                     : kind == "arg"   ? Source::kArgument
                     : kind == "const" ? Source::kConstant
                     : kind == "temp"  ? Source::kTemporary
                                       : Source::kDonated;
    if (kind != "new") {
        std::size_t limit = kind == "const"  ? program_->consts.size()
                            : kind == "temp" ? program_->temps.size()
                                             : std::size_t(program_->num_args);
        output->index = int(integer_between(entry[1], 0, std::int64_t(limit) - 1,
                                            "the index of " + entry.what()));
    }
    if (passed) {
        int weak = PyObject_IsTrue(entry[2]);
        if (weak < 0) throw Raised();
        output->weak = weak != 0;
        return;
    }
    PyObject* aval = entry[entry.size() - 1];
    if (!is_shaped_array(aval))
        fail(PyExc_TypeError, entry.what() + " has an aval of type " +
                                  Py_TYPE(aval)->tp_name + "; pass a ShapedArray.");
    output->aval = Ref::borrow(aval);
    output->dtype = layout_of(as_shaped(aval)->dtype);
    output->bytes = std::size_t(as_shaped(aval)->size) *
                    std::size_t(PyDataType_ELSIZE(output->descr()));
}

void Builder::read_outputs(PyObject* object) {
    Sequence outputs(object, "outputs");
    program_->outputs.resize(outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        read_output(Sequence(outputs[i], nth("output", i)), &program_->outputs[i]);
        program_->donates |= program_->outputs[i].source == Source::kDonated;
    }
}

/// Raises unless `slot` holds memory by now.
void Builder::require_filled(int slot, const std::string& what) const {
    const Program& program = *program_;
    bool temp = slot >= program.first_temp();
    bool empty = temp && program.temps[slot - program.first_temp()] < 0;
    if (slot >= program.first_output() && !temp) {
        const Output& output = program.outputs[slot - program.first_output()];
        empty = output.host_filled ||
                (output.source != Source::kNew && output.source != Source::kDonated);
    }
    if (empty && !filled_[slot])
        fail(PyExc_ValueError, what + " uses slot " + std::to_string(slot) +
                                   ", which has no memory of its own and is not filled "
                                   "by an earlier host step.");
}

void Builder::read_code(const Sequence& entry, KernelStep* kernel) {
    machine_code::Handle* handle = nullptr;
    if (nb::try_cast(nb::handle(entry[1]), handle) && handle) {
        kernel->code = handle->code;
        if (!kernel->code->entry())
            fail(PyExc_ValueError, "the code of " + entry.what() +
                                       " is not compiled; wait for it first.");
        return;
    }
    std::int64_t address = integer(entry[1], "the address of " + entry.what());
    if (!address) fail(PyExc_ValueError, "the address of " + entry.what() + " is 0.");
    kernel->function = reinterpret_cast<threads::Kernel>(address);
}

void Builder::read_kernel(const Sequence& entry, KernelStep* kernel) {
    if (entry.size() != 7 && entry.size() != 8) entry.require_size(6);
    read_code(entry, kernel);
    Sequence slots(entry[2], "slots of " + entry.what());
    for (std::size_t i = 0; i < slots.size(); ++i) {
        int slot = int(integer_between(slots[i], 0, program_->num_slots() - 1,
                                       "a slot of " + entry.what()));
        require_filled(slot, entry.what());
        kernel->slots.push_back(slot);
    }
    Sequence ints(entry[3], "ints of " + entry.what());
    for (std::size_t i = 0; i < ints.size(); ++i)
        kernel->ints.push_back(integer(ints[i], "an integer of " + entry.what()));
    kernel->extent = integer_between(entry[4], 0, std::int64_t(1) << 62,
                                     "the extent of " + entry.what());
    kernel->grain = integer_between(entry[5], 1, std::int64_t(1) << 62,
                                    "the grain of " + entry.what());
    if (entry.size() >= 7)
        kernel->chunks =
            integer_between(entry[6], 1, 1 << 20, "the chunks of " + entry.what());
    if (entry.size() == 8) {
        std::vector<int> copy = slots_of(entry[7], *program_, "copy of " + entry.what());
        if (copy.size() != 2)
            fail(PyExc_ValueError, entry.what() + " copies one slot to another.");
        kernel->source = copy[0];
        kernel->target = copy[1];
    }
    program_->most_buffers = std::max(program_->most_buffers, kernel->slots.size());
}

HostOperand Builder::read_operand(PyObject* object, const std::string& what) {
    Sequence entry(object, what);
    entry.require_size(3);
    HostOperand operand;
    operand.slot = int(
        integer_between(entry[0], 0, program_->num_slots() - 1, "the slot of " + what));
    operand.dtype = layout_of(entry[1]);
    Sequence shape(entry[2], "the shape of " + what);
    for (std::size_t i = 0; i < shape.size(); ++i)
        operand.dims.push_back(integer_between(shape[i], 0, std::int64_t(1) << 62,
                                               "an extent of " + what));
    operand.aval = Ref(aval_get(operand.dtype.get(), int(operand.dims.size()),
                                operand.dims.data(), false));
    if (!operand.aval) throw Raised();
    return operand;
}

/// Records that a host step fills a slot, which must be a temporary or an output.
void Builder::note_filled(const HostOperand& operand, const std::string& what) {
    Program& program = *program_;
    int slot = operand.slot;
    bool good = slot >= program.first_output();
    if (good && slot < program.first_temp()) {
        Output& output = program.outputs[slot - program.first_output()];
        good = output.source == Source::kNew || output.source == Source::kDonated;
        output.host_filled = true;
    }
    if (!good)
        fail(PyExc_ValueError, what + " fills slot " + std::to_string(slot) +
                                   "; a host step fills temporaries and outputs that "
                                   "are 'new' or 'donated'.");
    filled_[slot] = &operand;
}

void Builder::read_host(const Sequence& entry, HostStep* host) {
    entry.require_size(4);
    if (!PyCallable_Check(entry[1]))
        fail(PyExc_TypeError, entry.what() + " calls an object of type " +
                                  Py_TYPE(entry[1])->tp_name +
                                  ", which is not callable.");
    host->callable = Ref::borrow(entry[1]);
    Sequence inputs(entry[2], "inputs of " + entry.what());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        host->inputs.push_back(
            read_operand(inputs[i], nth("input", i) + " of " + entry.what()));
        require_filled(host->inputs.back().slot, entry.what());
    }
    Sequence outputs(entry[3], "outputs of " + entry.what());
    for (std::size_t i = 0; i < outputs.size(); ++i)
        host->outputs.push_back(
            read_operand(outputs[i], nth("output", i) + " of " + entry.what()));
    for (const HostOperand& output : host->outputs) note_filled(output, entry.what());
}

void Builder::read_steps(PyObject* object) {
    Sequence steps(object, "steps");
    filled_.resize(std::size_t(program_->num_slots()), nullptr);
    program_->steps.resize(steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) {
        Sequence entry(steps[i], nth("step", i));
        if (entry.size() == 0) entry.require_size(6);
        std::string kind = text_of(entry[0], "the kind of " + entry.what());
        Step& step = program_->steps[i];
        if (kind == "kernel") {
            read_kernel(entry, &step.kernel);
        } else if (kind == "host") {
            step.host = std::make_unique<HostStep>();
            read_host(entry, step.host.get());
            program_->calls_python = true;
        } else if (kind == "loop") {
            step.loop = std::make_unique<LoopStep>();
            read_loop(entry, *program_, step.loop.get());
            program_->has_loops = true;
        } else if (kind == "branch") {
            step.branch = std::make_unique<BranchStep>();
            read_branch(entry, *program_, step.branch.get());
        } else {
            fail(PyExc_ValueError,
                 entry.what() + " is of kind '" + kind +
                     "'; use 'kernel', 'host', 'loop' or 'branch'.");
        }
    }
    program_->each_sub([this](const SubProgram& sub) {
        program_->has_loops |= sub.program->has_loops;
        program_->calls_python |= sub.program->calls_python;
    });
}

/// Outputs that host steps fill agree with what those declare.
void Builder::check_outputs() {
    Program& program = *program_;
    for (std::size_t i = 0; i < program.outputs.size(); ++i) {
        Output& output = program.outputs[i];
        bool temp = output.source == Source::kTemporary;
        int slot = temp ? program.first_temp() + output.index
                        : program.first_output() + int(i);
        for (const Output& other : program.outputs)
            if (other.source == Source::kArgument && other.index == output.index)
                output.may_take = false;
        const HostOperand* filled = filled_[slot];
        if (temp && !filled)
            fail(PyExc_ValueError, nth("output", i) + " is temporary " +
                                       std::to_string(output.index) +
                                       ", which no host step fills.");
        if (!filled) continue;
        const ShapedArray* aval = output.shaped();
        if (int(filled->dims.size()) != aval->ndim ||
            !std::equal(filled->dims.begin(), filled->dims.end(), aval->dims) ||
            !PyArray_EquivTypes(filled->descr(), output.descr()))
            fail(PyExc_ValueError, nth("output", i) +
                                       " has another shape or dtype "
                                       "than the host step that fills "
                                       "it declares.");
    }
}

void Builder::read_in_avals(PyObject* object) {
    if (!object || object == Py_None) return;
    Sequence avals(object, "in_avals");
    avals.require_size(std::size_t(program_->num_args));
    for (std::size_t i = 0; i < avals.size(); ++i) {
        if (!is_shaped_array(avals[i]))
            fail(PyExc_TypeError, nth("in_avals: entry", i) + " is of type " +
                                      Py_TYPE(avals[i])->tp_name +
                                      "; pass ShapedArrays.");
        program_->in_avals.push_back(Ref::borrow(avals[i]));
    }
}

/// Decides whether runs take long enough to let other threads have the GIL.
void Builder::set_work(PyObject* work) {
    constexpr double kLong = 1 << 17;
    double amount = 0;
    if (work && work != Py_None) {
        amount = PyFloat_AsDouble(work);
        if (amount == -1 && PyErr_Occurred()) throw Raised();
    } else {
        for (const Step& step : program_->steps) amount += double(step.kernel.extent);
    }
    program_->is_long = amount >= kLong || program_->has_loops;
    program_->holds_args = program_->is_long || program_->calls_python;
    program_->calls_until_best = program_->is_long ? 1 : kCallsUntilBest;
}

std::unique_ptr<Program> Builder::run(PyObject* args, PyObject* kwargs) {
    static const char* names[] = {"num_args", "consts",      "temps",     "outputs",
                                  "steps",    "arena_bytes", "keepalive", "in_avals",
                                  "work",     nullptr};
    PyObject *num_args, *consts, *temps, *outputs, *steps, *arena_bytes;
    PyObject *keepalive = nullptr, *in_avals = nullptr, *work = nullptr;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOOOO|O$OO:Plan",
                                     const_cast<char**>(names), &num_args, &consts,
                                     &temps, &outputs, &steps, &arena_bytes, &keepalive,
                                     &in_avals, &work))
        throw Raised();
    program_->num_args = int(integer_between(num_args, 0, 1 << 24, "num_args"));
    program_->arena_bytes = std::size_t(
        integer_between(arena_bytes, 0, std::int64_t(1) << 62, "arena_bytes"));
    read_consts(consts);
    read_temps(temps);
    read_outputs(outputs);
    read_steps(steps);
    check_outputs();
    read_in_avals(in_avals);
    set_work(work);
    return std::move(program_);
}

}  // namespace

void Program::request_best() const {
    if (asked_for_best.exchange(true)) return;
    for (const Step& step : steps)
        if (step.kernel.code)
            machine_code::request(step.kernel.code, machine_code::Level::kBest, false);
    each_sub([](const SubProgram& sub) { sub.program->request_best(); });
}

void Program::wait_for_best() const {
    request_best();
    for (const Step& step : steps)
        if (step.kernel.code)
            machine_code::wait(step.kernel.code, machine_code::Level::kBest);
    each_sub([](const SubProgram& sub) { sub.program->wait_for_best(); });
}

std::unique_ptr<Program> build(PyObject* args, PyObject* kwargs) {
    try {
        return Builder().run(args, kwargs);
    } catch (const Raised&) {
        return nullptr;
    }
}

}  // namespace chainrule::plan
