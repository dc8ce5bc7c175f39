/// The slots of a nested program while it runs. A step of a loop allocates nothing: the
/// memory of its slots is used again. What Python may keep of it lies in ndarrays of its
/// own, which the frame refers to.
#pragma once
#include "plan.h"

namespace chainrule::plan {

class Run::Frame {
  public:
    /// `outer` is what the slots `around` belong to; null: the run itself. The first
    /// arguments are the slots that `fixed` lists: they stay what they are.
    Frame(Run& run, const SubProgram& sub, const std::vector<int>& fixed,
          void* const* around, Frame* outer);
    ~Frame() {
        for (const Ref& owner : owners_)
            if (owner) run_.acquire_gil();
    }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

    void** arguments() { return slots_; }
    void** slots() { return slots_; }
    void** buffers() { return buffers_; }
    const Program& program() const { return *sub_.program; }
    Frame* outer() const { return outer_; }
    /// The slot around this program that an argument is as long as the frame is there;
    /// -1 for other slots.
    int fixed(int slot) const {
        return std::size_t(slot) < fixed_.size() ? fixed_[std::size_t(slot)] : -1;
    }
    /// The ndarray that a slot's elements are in for good; null: there is none.
    Ref& owner(int slot) { return owners_[std::size_t(slot)]; }
    /// Has results made where `places` says.
    void place(void* const* places) {
        void** outputs = slots_ + program().first_output();
        for (std::size_t i = 0; i < sub_.homes.size(); ++i)
            outputs[i] = places[sub_.homes[i]];
    }
    /// Where result `k` is after a run.
    void* result(std::size_t k) const {
        const Output& output = program().outputs[sub_.picks[k]];
        switch (output.source) {
            case Source::kArgument:
                return slots_[output.index];
            case Source::kConstant:
                return slots_[program().first_const() + output.index];
            default:
                return slots_[program().first_output() + sub_.picks[k]];
        }
    }

  private:
    static constexpr std::size_t kInline = 48;
    Run& run_;
    const SubProgram& sub_;
    const std::vector<int>& fixed_;
    Frame* outer_;
    void** slots_;
    void** buffers_;
    void* inline_[kInline];
    std::unique_ptr<void*[]> heap_;
    std::vector<Ref> owners_;  // none where no Python is called
};

}  // namespace chainrule::plan
