/// Numbers below the normal ones: kept, as IEEE 754 wants, or taken for zeros while
/// compiled code runs, where a process asks for it. Some processors need a hundred times
/// longer for them.
#pragma once
#include <atomic>
#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace chainrule::denormals {

extern std::atomic<bool> flushed;

/// The processor's mode within a block of this thread.
class Mode {
  public:
    Mode() : changed_(flushed.load(std::memory_order_relaxed)) {
        if (changed_) change();
    }
    ~Mode() {
        if (changed_) restore();
    }
    Mode(const Mode&) = delete;
    Mode& operator=(const Mode&) = delete;

  private:
#if defined(__x86_64__)
    void change() {
        former_ = _mm_getcsr();
        _mm_setcsr(static_cast<unsigned>(former_) | 0x8040);  // results, operands
    }
    void restore() { _mm_setcsr(static_cast<unsigned>(former_)); }
#elif defined(__aarch64__)
    void change() {
        asm volatile("mrs %0, fpcr" : "=r"(former_));
        asm volatile("msr fpcr, %0" : : "r"(former_ | (std::uint64_t(1) << 24)));
    }
    void restore() { asm volatile("msr fpcr, %0" : : "r"(former_)); }
#else
    void change() {}
    void restore() {}
#endif
    bool changed_;
    std::uint64_t former_ = 0;
};

}  // namespace chainrule::denormals
