/// Kernels between text and machine code. Code is first written quickly, so that a
/// program's first call need not wait for LLVM's optimizations, and later again with
/// all of them, in the background and only for programs that are called repeatedly.
/// Both compute the same values: the text decides every rounding.
///
/// compile_queue.cpp holds the requests and the thread that serves them.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "llvm_library.h"
#include "object_loader.h"
#include "thread_pool.h"

namespace chainrule::machine_code {

enum class Level : int { kNone = 0, kQuick = 1, kBest = 2 };

/// The code of one kernel. Safe for several threads.
class MachineCode {
  public:
    MachineCode(std::string name, std::string text);
    /// Code that was compiled before, from its object; DamagedObject if it is no object
    /// with a function of this name.
    MachineCode(std::string name, std::string text, std::string object, Level level);

    /// What to call; null before there is any code.
    threads::Kernel entry() const { return entry_.load(std::memory_order_acquire); }
    Level level() const { return level_.load(std::memory_order_acquire); }
    const std::string& name() const { return name_; }
    const std::string& text() const { return text_; }
    /// The object of the code at this level of the moment.
    std::string object() const;
    std::size_t bytes() const;
    /// Compiles, unless it is done; remembers an error for `check`.
    void compile(Level level) noexcept;
    /// std::runtime_error if compilation at `level` failed.
    void check(Level level) const;
    bool is_settled(Level level) const { return settled_[int(level)].load(); }

  private:
    void install(std::string object, Level level);
    void install(object::Code code, std::string object, Level level);

    const std::string name_, text_;
    std::atomic<threads::Kernel> entry_{nullptr};
    std::atomic<Level> level_{Level::kNone};
    std::atomic<bool> settled_[3] = {};  // compiled, or failed
    mutable std::mutex mutex_;           // of what follows
    std::string object_;
    std::string errors_[3];
    std::vector<object::Code> loaded_;  // former code may still be running
};

using Shared = std::shared_ptr<MachineCode>;

/// What Python holds. Its shared pointer is no Python object's, so that threads without
/// the GIL may drop it.
struct Handle {
    Shared code;
};

/// Asks for code; returns at once. Urgent requests are served first.
void request(const Shared& code, Level level, bool urgent);
/// Returns when the code is there, compiling it here if nobody does so yet. Do not hold
/// the GIL. std::runtime_error as `check`.
void wait(const Shared& code, Level level);
/// Drops all requests that are not urgent and ends the thread.
void stop();

}  // namespace chainrule::machine_code
