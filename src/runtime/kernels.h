/// Kernels written in C++, with the signature of compiled ones: plans call them through
/// their address, found by name. The buffers of a kernel are its inputs, then its
/// outputs, all of them C-contiguous; scratch memory is the last output.
///
/// Kernels here take their whole iteration space in one call and divide it themselves,
/// where not said otherwise: what is best depends on the sizes and the threads there
/// are.
#pragma once
#include "thread_pool.h"

#include <cstdint>
#include <string>
#include <unordered_map>

namespace chainrule::kernels {

using Int = std::int64_t;
using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

using Names = std::unordered_map<std::string, threads::Kernel>;

/// sort_*: rows in ascending order. See kernel_sort.cpp for these and the next two.
void add_sort_kernels(Names& names);
/// sort_c64, sort_c128.
void add_complex_sort_kernels(Names& names);
/// order_*, reorder_*: stable sorting permutations.
void add_order_kernels(Names& names);
/// top_k_*: the largest elements of rows and their positions.
void add_top_k_kernels(Names& names);
/// deal_*: values dealt to buckets by where they are going.
void add_deal_kernels(Names& names);
/// scan_*: cumulative sums, products, extrema along an axis; linear recurrences.
void add_scan_kernels(Names& names);
/// scatter_*: products and extrema of complex numbers at places.
void add_scatter_kernels(Names& names);
/// random_*: bits and keys by Threefry.
void add_random_kernels(Names& names);
/// cholesky_*, lu_*, solve_*, ...: see kernel_linalg.cpp.
void add_linalg_kernels(Names& names);
/// expm_*, ...: see kernel_linalg_functions.cpp.
void add_linalg_function_kernels(Names& names);

/// ragged_rows_*, ragged_sums_*: see kernel_ragged.cpp.
void add_ragged_kernels(Names& names);

/// fft_*, ifft_*, rfft_*, irfft_*: see kernel_fft.cpp.
void add_fft_kernels(Names& names);

/// The kernel of this name; nullptr if there is none.
threads::Kernel find(const std::string& name);
/// The same among those that call LAPACK, which has to be open when they run.
threads::Kernel find_linalg(const std::string& name);
/// The same among those that call the library's products, which have to be found before.
threads::Kernel find_ragged(const std::string& name);

/// Calls body(begin, end) for parts of [0, extent) on the pool's threads, at most four
/// of them a thread.
template <class Body> void parallel(Int extent, Int grain, const Body& body) {
    if (extent <= 0) return;
    if (extent <= grain) return body(Int(0), extent);
    void* context = const_cast<Body*>(&body);
    threads::run(
        [](void** buffers, const Int*, Int begin, Int end) {
            (*static_cast<const Body*>(*buffers))(begin, end);
        },
        &context, nullptr, extent, grain, 4);
}

}  // namespace chainrule::kernels
