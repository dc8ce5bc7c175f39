// Loops and branches: programs that run on slots of the program they are in. Nothing is
// allocated in a step: carries alternate between two buffers each, rows of xs and ys are
// read and written where they lie, and temporaries have a place in the outer arena.
#include <algorithm>
#include <cstring>
#include <optional>

#include "plan_frame.h"
#include "plan_reading.h"

namespace chainrule::plan {
namespace {

constexpr std::int64_t kStepsBetweenChecks = 64;  // for Ctrl-C, where steps are short
constexpr std::int64_t kStepsUntilBest = 3;
constexpr auto kHeld = std::chrono::milliseconds(5);  // as Python's own turns

void call(const KernelStep& step, void** slots, void** buffers) {
    if (step.extent <= 0) return;
    if (step.source >= 0 && slots[step.source] == slots[step.target]) return;
    for (std::size_t i = 0; i < step.slots.size(); ++i)
        buffers[i] = slots[step.slots[i]];
    threads::Kernel function = step.code ? step.code->entry() : step.function;
    if (step.extent <= step.grain)
        function(buffers, step.ints.data(), 0, step.extent);
    else
        threads::run(function, buffers, step.ints.data(), step.extent, step.grain,
                     step.chunks);
}

void copy(void* to, const void* from, std::size_t bytes) {
    if (to != from && bytes) std::memcpy(to, from, bytes);
}

char* row(void* base, std::int64_t index, std::size_t bytes) {
    return static_cast<char*>(base) + index * std::int64_t(bytes);
}

}  // namespace

Run::Frame::Frame(Run& run, const SubProgram& sub, const std::vector<int>& fixed,
                  void* const* around, Frame* outer)
    : run_(run), sub_(sub), fixed_(fixed), outer_(outer) {
    const Program& program = *sub.program;
    std::size_t slots = std::size_t(program.num_slots());
    slots_ = inline_;
    if (slots + program.most_buffers > kInline) {
        heap_.reset(new void*[slots + program.most_buffers]);
        slots_ = heap_.get();
    }
    if (program.calls_python) owners_.resize(slots);
    buffers_ = slots_ + slots;
    for (std::size_t i = 0; i < fixed.size(); ++i) slots_[i] = around[fixed[i]];
    std::copy(program.const_data.begin(), program.const_data.end(),
              slots_ + program.first_const());
    char* arena = sub.arena < 0 ? nullptr : static_cast<char*>(around[sub.arena]);
    void** temps = slots_ + program.first_temp();
    for (std::int64_t offset : program.temps)
        *temps++ = offset < 0 ? nullptr : arena + offset;
}

bool Run::run_step(const Step& step, void** slots, void** buffers, Frame* frame) {
    if (step.loop) return run_loop(*step.loop, slots, frame);
    if (step.branch) return run_branch(*step.branch, slots, frame);
    if (step.host) return run_host(*step.host, *frame);
    call(step.kernel, slots, buffers);
    return true;
}

bool Run::run_steps(Frame& frame) {
    for (const Step& step : frame.program().steps)
        if (!run_step(step, frame.slots(), frame.buffers(), &frame)) return false;
    return true;
}

bool Run::run_branch(const BranchStep& branch, void** outer, Frame* frame) {
    std::int32_t index;
    std::memcpy(&index, outer[branch.index], sizeof index);
    index = std::min(std::max(index, 0), std::int32_t(branch.branches.size()) - 1);
    Frame chosen(*this, branch.branches[std::size_t(index)], branch.inputs, outer,
                 frame);
    std::vector<void*> places;
    for (int slot : branch.outputs) places.push_back(outer[slot]);
    chosen.place(places.data());
    if (!run_steps(chosen)) return false;
    for (std::size_t k = 0; k < places.size(); ++k)
        copy(places[k], chosen.result(k), branch.bytes[k]);
    return true;
}

/// Between steps: lets Ctrl-C end the loop, and other threads run. A body that calls
/// Python keeps the GIL for a while: to take it from a busy thread takes milliseconds.
bool Run::look_around(bool calls_python) {
    if (!check_signals()) return false;
    if (!calls_python || Clock::now() - taken_ >= kHeld) release_gil();
    return true;
}

bool Run::run_loop(const LoopStep& loop, void** outer, Frame* frame) {
    Frame body(*this, loop.body, loop.body_consts, outer, frame);
    std::optional<Frame> test;
    if (loop.test.program)
        test.emplace(*this, loop.test, loop.test_consts, outer, frame);
    std::size_t n = loop.init.size(), rows = loop.ys.size();
    std::vector<void*> now(n), places(n + rows);
    for (std::size_t k = 0; k < n; ++k) {
        now[k] = outer[loop.init[k]];
        if (!loop.in_place[k]) continue;
        copy(outer[loop.carry[k]], now[k], loop.carry_bytes[k]);
        now[k] = outer[loop.carry[k]];
    }
    void** given = body.arguments() + loop.body_consts.size();
    void* flag = loop.flag < 0 ? nullptr : outer[loop.flag];
    if (test) test->place(&flag);
    bool calls_python =
        body.program().calls_python || (test && test->program().calls_python);
    auto goes_on = [&](bool* answer) {
        std::copy(now.begin(), now.end(), test->arguments() + loop.test_consts.size());
        if (!run_steps(*test)) return false;
        std::memcpy(answer, test->result(0), sizeof *answer);
        return true;
    };
    for (std::int64_t step = 0; loop.length < 0 || step < loop.length; ++step) {
        bool on = true;
        if (test && !goes_on(&on)) return false;
        if (!on) break;
        std::int64_t at = loop.reverse ? loop.length - 1 - step : step;
        for (std::size_t k = 0; k < n; ++k) {
            given[k] = now[k];
            void *last = outer[loop.carry[k]], *spare = outer[loop.spares[k]];
            bool first = now[k] != last && now[k] != spare;
            bool into_last = first ? ((loop.length - step) & 1) != 0 : now[k] == spare;
            places[k] = into_last ? last : spare;
        }
        for (std::size_t k = 0; k < loop.xs.size(); ++k)
            given[n + k] = row(outer[loop.xs[k]], at, loop.x_bytes[k]);
        for (std::size_t k = 0; k < rows; ++k)
            places[n + k] = row(outer[loop.ys[k]], at, loop.y_bytes[k]);
        body.place(places.data());
        if (!run_steps(body)) return false;
        for (std::size_t k = 0; k < n; ++k) {
            void* made = body.result(k);
            if (made == now[k]) continue;  // the carry stays what it is
            copy(places[k], made, loop.carry_bytes[k]);
        }
        for (std::size_t k = 0; k < rows; ++k)
            copy(places[n + k], body.result(n + k), loop.y_bytes[k]);
        for (std::size_t k = 0; k < n; ++k)
            if (body.result(k) != now[k]) now[k] = places[k];
        if (step + 1 == kStepsUntilBest) {
            body.program().request_best();
            if (test) test->program().request_best();
        }
        bool look = body.program().is_long || step % kStepsBetweenChecks == 0;
        if (look && !look_around(calls_python)) return false;
    }
    for (std::size_t k = 0; k < n; ++k)
        copy(outer[loop.carry[k]], now[k], loop.carry_bytes[k]);
    return true;
}

// --- reading ------------------------------------------------------------------------

namespace {

std::vector<std::size_t> sizes_of(PyObject* object, const std::string& what) {
    Sequence given(object, what);
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < given.size(); ++i)
        found.push_back(
            std::size_t(integer_between(given[i], 0, std::int64_t(1) << 62, what)));
    return found;
}

/// Reads (plan, picks, arena slot or None).
void read_sub(PyObject* object, const Program& outer, const std::string& what,
              std::size_t inputs, std::size_t results, SubProgram* sub) {
    Sequence entry(object, what);
    entry.require_size(3);
    sub->program = program_of(entry[0]);
    if (!sub->program) fail(PyExc_TypeError, what + " is no plan; pass a Plan.");
    sub->plan = Ref::borrow(entry[0]);
    const Program& program = *sub->program;
    if (std::size_t(program.num_args) != inputs)
        fail(PyExc_ValueError, what + " takes " + std::to_string(program.num_args) +
                                   " arguments; it is given " +
                                   std::to_string(inputs) + ".");
    Sequence picks(entry[1], "picks of " + what);
    picks.require_size(results);
    sub->homes.assign(program.outputs.size(), -1);
    for (std::size_t k = 0; k < results; ++k) {
        int output = int(integer_between(picks[k], 0,
                                         std::int64_t(program.outputs.size()) - 1,
                                         "a pick of " + what));
        sub->picks.push_back(output);
        if (sub->homes[output] < 0) sub->homes[output] = int(k);
    }
    for (std::size_t i = 0; i < program.outputs.size(); ++i) {
        Source source = program.outputs[i].source;
        if (sub->homes[i] < 0 || source == Source::kTemporary ||
            source == Source::kDonated)
            fail(PyExc_ValueError, what + " has an output that is no result.");
    }
    if (entry[2] != Py_None)
        sub->arena = int(integer_between(entry[2], 0, outer.num_slots() - 1, what));
    else if (program.arena_bytes)
        fail(PyExc_ValueError, what + " needs a slot for its temporaries.");
}

/// Results that Python makes, from the first on, are as large as the places for them.
void check_sizes(const SubProgram& sub, const std::string& what, std::size_t first,
                 const std::vector<std::size_t>& bytes) {
    for (std::size_t k = 0; k < bytes.size(); ++k) {
        const Output& output = sub.program->outputs[sub.picks[first + k]];
        if (output.host_filled && output.bytes != bytes[k])
            fail(PyExc_ValueError,
                 nth("result", first + k) + " of " + what + " has " +
                     std::to_string(output.bytes) + " bytes; there is a place for " +
                     std::to_string(bytes[k]) + ".");
    }
}

}  // namespace

void read_loop(const Sequence& entry, const Program& program, LoopStep* loop) {
    entry.require_size(8);
    const std::string& what = entry.what();
    Sequence slots(entry[3], "slots of " + what);
    slots.require_size(7);
    std::vector<int>* groups[] = {&loop->test_consts, &loop->body_consts, &loop->init,
                                  &loop->xs,          &loop->carry,       &loop->ys,
                                  &loop->spares};
    for (std::size_t i = 0; i < 7; ++i)
        *groups[i] = slots_of(slots[i], program, "slots of " + what);
    Sequence sizes(entry[4], "sizes of " + what);
    sizes.require_size(3);
    loop->carry_bytes = sizes_of(sizes[0], what);
    loop->x_bytes = sizes_of(sizes[1], what);
    loop->y_bytes = sizes_of(sizes[2], what);
    std::size_t n = loop->init.size();
    if (loop->carry.size() != n || loop->spares.size() != n ||
        loop->carry_bytes.size() != n || loop->x_bytes.size() != loop->xs.size() ||
        loop->y_bytes.size() != loop->ys.size())
        fail(PyExc_ValueError, what + " has groups of different lengths.");
    read_sub(entry[2], program, "the body of " + what,
             loop->body_consts.size() + n + loop->xs.size(), n + loop->ys.size(),
             &loop->body);
    check_sizes(loop->body, "the body of " + what, 0, loop->carry_bytes);
    if (entry[1] != Py_None) {
        Sequence pair(entry[1], "the test of " + what);
        pair.require_size(2);
        read_sub(pair[0], program, "the test of " + what, loop->test_consts.size() + n,
                 1, &loop->test);
        check_sizes(loop->test, "the test of " + what, 0, {sizeof(bool)});
        loop->flag = int(integer_between(pair[1], 0, program.num_slots() - 1, what));
    }
    loop->length = integer_between(entry[5], loop->test.program ? -1 : 0,
                                   loop->test.program ? -1 : std::int64_t(1) << 62,
                                   "the length of " + what);
    if (loop->length) check_sizes(loop->body, "the body of " + what, n, loop->y_bytes);
    loop->reverse = PyObject_IsTrue(entry[6]) == 1;
    Sequence in_place(entry[7], "what " + what + " writes to");
    in_place.require_size(n);
    for (std::size_t k = 0; k < n; ++k)
        loop->in_place.push_back(PyObject_IsTrue(in_place[k]) == 1);
}

void read_branch(const Sequence& entry, const Program& program, BranchStep* branch) {
    entry.require_size(6);
    const std::string& what = entry.what();
    branch->index = int(integer_between(entry[2], 0, program.num_slots() - 1, what));
    branch->inputs = slots_of(entry[3], program, "inputs of " + what);
    branch->outputs = slots_of(entry[4], program, "outputs of " + what);
    branch->bytes = sizes_of(entry[5], what);
    if (branch->bytes.size() != branch->outputs.size())
        fail(PyExc_ValueError, what + " has groups of different lengths.");
    Sequence branches(entry[1], "programs of " + what);
    if (!branches.size()) fail(PyExc_ValueError, what + " has no programs.");
    branch->branches.resize(branches.size());
    for (std::size_t i = 0; i < branches.size(); ++i)
        read_sub(branches[i], program, nth("program", i) + " of " + what,
                 branch->inputs.size(), branch->outputs.size(), &branch->branches[i]);
    for (std::size_t i = 0; i < branches.size(); ++i)
        check_sizes(branch->branches[i], nth("program", i) + " of " + what, 0,
                    branch->bytes);
}

}  // namespace chainrule::plan
