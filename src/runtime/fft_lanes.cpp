// Fourier transforms in lanes, compiled for the vectors that a machine may have.
// Vectors are passed between functions of one file only, and inlined.
#pragma GCC diagnostic ignored "-Wpsabi"
#include "fft_lanes.h"

namespace chainrule::fft {
namespace {

/// What `run` does with vectors of so many bytes.
template <class T> struct Level {
    int bytes;
    void (*work)(const Task<T>&);
};

void work_16(const Task<float>& t) { Worker<float, 16>::work(t); }
void work_16(const Task<double>& t) { Worker<double, 16>::work(t); }

#if defined(__x86_64__) && defined(__GNUC__)
#define CHAINRULE_TARGET(features) __attribute__((target(features)))
CHAINRULE_TARGET("avx2,fma") void work_32(const Task<float>& t) {
    Worker<float, 32>::work(t);
}
CHAINRULE_TARGET("avx2,fma") void work_32(const Task<double>& t) {
    Worker<double, 32>::work(t);
}
CHAINRULE_TARGET("avx512f,avx512dq,fma") void work_64(const Task<float>& t) {
    Worker<float, 64>::work(t);
}
CHAINRULE_TARGET("avx512f,avx512dq,fma") void work_64(const Task<double>& t) {
    Worker<double, 64>::work(t);
}

template <class T> Level<T> find_level() {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
        return {64, work_64};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return {32, work_32};
    return {16, work_16};
}
#else
template <class T> Level<T> find_level() { return {16, work_16}; }
#endif

template <class T> const Level<T>& level() {
    static const Level<T> found = find_level<T>();
    return found;
}

}  // namespace

template <class T> int width() { return level<T>().bytes / int(sizeof(T)); }
template <class T> void run(const Task<T>& task) { level<T>().work(task); }

template int width<float>();
template int width<double>();
template void run(const Task<float>&);
template void run(const Task<double>&);

}  // namespace chainrule::fft
