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

#if defined(__x86_64__)
using Bits = unsigned;
constexpr Bits kFlush = 0x8040;  // results, operands
inline Bits bits() { return _mm_getcsr(); }
inline void set_bits(Bits value) { _mm_setcsr(value); }
#elif defined(__aarch64__)
using Bits = std::uint64_t;
constexpr Bits kFlush = Bits(1) << 24;
inline Bits bits() {
    Bits value;
    asm volatile("mrs %0, fpcr" : "=r"(value));
    return value;
}
inline void set_bits(Bits value) { asm volatile("msr fpcr, %0" : : "r"(value)); }
#else
using Bits = unsigned;
constexpr Bits kFlush = 0;
inline Bits bits() { return 0; }
inline void set_bits(Bits) {}
#endif

/// Within a block of this thread, the mode that the process asks for.
class Mode {
  public:
    Mode() : changed_(flushed.load(std::memory_order_relaxed)) {
        if (!changed_) return;
        former_ = bits();
        set_bits(former_ | kFlush);
    }
    ~Mode() {
        if (changed_) set_bits(former_);
    }
    Mode(const Mode&) = delete;
    Mode& operator=(const Mode&) = delete;

  private:
    bool changed_;
    Bits former_ = 0;
};

/// Within a block of this thread, IEEE's numbers: Python is called from compiled code.
class Kept {
  public:
    Kept() : former_(bits()) {
        if (former_ & kFlush) set_bits(former_ & ~kFlush);
    }
    ~Kept() {
        if (former_ & kFlush) set_bits(former_);
    }
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;

  private:
    Bits former_;
};

}  // namespace chainrule::denormals
