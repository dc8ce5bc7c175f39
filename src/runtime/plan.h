/// Plan: a compiled program, ready to run. Kernels (machine code) and host steps
/// (Python callables) run in order over numbered buffers, the slots: arguments,
/// constants, outputs, temporaries, in this order.
///
/// plan_build.cpp reads and checks what Python passes to the constructor, plan_run.cpp
/// runs kernels, plan_nested.cpp loops and branches (plan_frame.h: their slots),
/// plan_host.cpp calls Python, plan.cpp is the type.
#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include "dispatch.h"
#include "machine_code.h"
#include "memory_pool.h"
#include "thread_pool.h"

namespace chainrule::plan {

using Clock = std::chrono::steady_clock;

/// A call of machine code over [0, extent), in multiples of grain.
struct KernelStep {
    machine_code::Shared code;           // null for a routine of the runtime:
    threads::Kernel function = nullptr;  // its address
    std::vector<int> slots;
    std::vector<std::int64_t> ints;
    std::int64_t extent = 0;
    std::int64_t grain = 1;
    std::int64_t chunks = 4;  // for each thread, at most
    int source = -1;          // a copy of this slot to `target`: nothing is to be done
    int target = -1;          // where they are one memory
};

/// A slot as an ndarray that a host step sees or fills.
struct HostOperand {
    int slot = 0;
    Ref dtype;  // an np.dtype
    std::vector<npy_intp> dims;
    Ref aval;  // of arrays in memory like this one
    PyArray_Descr* descr() const {
        return reinterpret_cast<PyArray_Descr*>(dtype.get());
    }
};

/// A call of Python.
struct HostStep {
    Ref callable;
    std::vector<HostOperand> inputs;
    std::vector<HostOperand> outputs;
};

struct Program;

/// Another plan's program, run on slots of the one it is in. Its results are outputs of
/// that plan: result k is output picks[k].
struct SubProgram {
    Ref plan;
    const Program* program = nullptr;  // null: there is none
    int arena = -1;                    // the slot with memory for its temporaries
    std::vector<int> picks;
    std::vector<int> homes;  // for each output, the first result that it is
};

/// A loop. The body maps (constants, carry, row of each x) to (carry, row of each y);
/// it runs `length` times, or, with a test of (constants, carry), while that is true.
struct LoopStep {
    SubProgram test, body;
    std::vector<int> test_consts, body_consts, init, xs, carry, ys, spares;  // slots
    std::vector<std::size_t> carry_bytes, x_bytes, y_bytes;  // of the whole; of a row
    int flag = -1;             // the slot for what the test says
    std::int64_t length = -1;  // -1: there is a test
    bool reverse = false;
    std::vector<bool> in_place;  // for each carry: the body writes to it
};

/// One of several programs, chosen by an int32 in a slot, moved into range.
struct BranchStep {
    std::vector<SubProgram> branches;
    int index = 0;
    std::vector<int> inputs, outputs;
    std::vector<std::size_t> bytes;  // of the outputs
};

struct Step {
    KernelStep kernel;
    std::unique_ptr<HostStep> host;  // null for kernels
    std::unique_ptr<LoopStep> loop;
    std::unique_ptr<BranchStep> branch;
};

enum class Source { kNew, kArgument, kConstant, kTemporary, kDonated };

/// What one output is made of.
struct Output {
    Source source = Source::kNew;
    int index = 0;      // of the argument, constant or temporary
    bool weak = false;  // of arguments and constants passed through
    bool host_filled = false;
    bool may_take = true;  // the donated argument's memory
    Ref aval;   // a ShapedArray, except for arguments and constants passed through
    Ref dtype;  // the np.dtype of its elements
    std::size_t bytes = 0;
    PyArray_Descr* descr() const {
        return reinterpret_cast<PyArray_Descr*>(dtype.get());
    }
    ShapedArray* shaped() const { return as_shaped(aval.get()); }
};

/// Everything a plan consists of; does not change once built.
struct Program {
    int num_args = 0;
    std::vector<Ref> in_avals;  // empty: not checked
    std::vector<Ref> consts;    // ndarrays, C-contiguous
    std::vector<void*> const_data;
    std::vector<Output> outputs;
    std::vector<std::int64_t> temps;  // arena offsets; -1: filled by a host step
    std::vector<Step> steps;
    std::size_t arena_bytes = 0;
    std::size_t most_buffers = 0;  // of one kernel
    bool donates = false;
    bool is_long = false;  // releases the GIL and looks for Ctrl-C
    bool holds_args = false;
    bool has_loops = false;
    bool calls_python = false;  // in host steps, of programs within it too
    int calls_until_best = 0;  // kernels are then compiled anew, for speed
    mutable std::atomic<bool> asked_for_best{false};

    /// Calls `visit` with every SubProgram that a loop or branch of this one runs.
    template <class Visit> void each_sub(Visit&& visit) const {
        for (const Step& step : steps) {
            if (step.loop) {
                visit(step.loop->body);
                if (step.loop->test.program) visit(step.loop->test);
            }
            if (step.branch)
                for (const SubProgram& sub : step.branch->branches) visit(sub);
        }
    }
    /// Has kernels that were compiled quickly compiled as well as LLVM can.
    void request_best() const;
    /// Returns when that is done; do not hold the GIL. std::runtime_error from LLVM.
    void wait_for_best() const;
    int first_const() const { return num_args; }
    int first_output() const { return first_const() + int(consts.size()); }
    int first_temp() const { return first_output() + int(outputs.size()); }
    int num_slots() const { return first_temp() + int(temps.size()); }
};

/// Reads the constructor's arguments; nullptr with an exception if they are wrong.
std::unique_ptr<Program> build(PyObject* args, PyObject* kwargs);

/// The program of a Plan; nullptr for any other object.
const Program* program_of(PyObject* object);

/// Memory for small arenas, kept by a plan between calls. The GIL protects it.
class Arenas {
  public:
    /// nullptr data (and no exception) where there is no memory.
    memory::Block take(std::size_t bytes);
    void keep(memory::Block block);

  private:
    std::vector<memory::Block> blocks_;
};

/// A block of temporaries that ndarrays may outlive.
class Arena {
  public:
    Arena(Arenas& spares, std::size_t bytes) : spares_(spares), bytes_(bytes) {}
    ~Arena();
    /// Makes the memory be there; false with MemoryError.
    bool fill();
    char* data() const { return block_.data(); }
    std::size_t bytes() const { return bytes_; }
    bool contains(const void* address) const { return block_.contains(address); }
    /// Replaces the memory by a copy; the former is for the caller to keep.
    bool move_away(memory::Block* former);

  private:
    Arenas& spares_;
    std::size_t bytes_;
    memory::Block block_;
};

/// One run of a program. Uses no memory but its own and the C++ stack for small ones.
class Run {
  public:
    Run(const Program& program, Arenas& arenas, PyObject* const* args);
    ~Run();
    /// Checks the arguments and makes buffers for everything; false with an exception.
    bool prepare(Py_ssize_t nargs);
    /// Does the steps; with `seconds`, puts the time of each there.
    bool execute(double* seconds);
    /// The list of output Arrays.
    PyObject* finish();

  private:
    bool take_argument(int index);
    bool make_output(const Output& output, int slot);
    bool take_donated(const Output& output, int slot);
    bool is_argument_twice(int index) const;
    PyObject* wrap_output(const Output& output, int slot);
    bool delete_donated(bool only_taken);
    bool check_signals();

    // loops and branches (plan_nested.cpp): false with an exception, of Ctrl-C or of a
    // host step. `frame` is what the slots belong to, null for the run's own.
    class Frame;
    bool run_steps(Frame& frame);
    bool run_step(const Step& step, void** slots, void** buffers, Frame* frame);
    bool run_loop(const LoopStep& loop, void** outer, Frame* frame);
    bool run_branch(const BranchStep& branch, void** outer, Frame* frame);
    bool look_around(bool calls_python);
    void release_gil();
    void acquire_gil();
    void set_owner(int slot, PyObject* stolen);
    PyArrayObject* owner_array(int slot) const {
        return reinterpret_cast<PyArrayObject*>(owners_[slot]);
    }

    // host steps (plan_host.cpp), of the program and of those within it
    bool run_host(const HostStep& step);
    bool run_host(const HostStep& step, Frame& frame);
    PyObject* host_input(const HostOperand& operand, Ref* guard);
    PyObject* host_input(const HostOperand& operand, Frame& frame);
    PyObject* keeper(int slot, Frame* frame) const;
    bool store_results(const HostStep& step, PyObject* results, Frame* frame);
    bool store_result(const HostStep& step, std::size_t index, PyObject* item,
                      bool fresh, Frame* frame);
    bool settle(Ref guard);

    static constexpr int kInlineSlots = 32;
    static constexpr std::size_t kInlineBuffers = 16;
    const Program& program_;
    PyObject* const* args_;
    Arena arena_;
    void** slots_;       // the memory of each slot
    PyObject** owners_;  // the ndarray that a slot's memory belongs to, or null
    void** buffers_;
    void* inline_slots_[kInlineSlots];
    PyObject* inline_owners_[kInlineSlots];
    void* inline_buffers_[kInlineBuffers];
    std::unique_ptr<void*[]> heap_;
    PyThreadState* released_ = nullptr;
    Clock::time_point checked_;
    Clock::time_point taken_;  // when a host step took the GIL back
};

}  // namespace chainrule::plan
