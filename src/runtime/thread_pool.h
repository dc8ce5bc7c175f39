/// One pool of threads for the process, which kernels are split over.
///
/// No thread exists before the first parallel run, and none at all while the count is
/// one. Idle workers spin for some microseconds, then sleep. A second run while the
/// pool is taken is done by its caller alone. After a fork the child starts threads
/// anew.
#pragma once
#include <cstdint>

namespace chainrule::threads {

/// Compiled code: does the indices [begin, end) of its iteration space.
using Kernel = void (*)(void** buffers, const std::int64_t* ints, std::int64_t begin,
                        std::int64_t end);

/// Runs a kernel over [0, extent): in one call where extent <= grain, otherwise in
/// chunks that begin at multiples of `grain` (at least 1), on all threads, at most
/// `chunks` (at least 1) of them a thread. Needs no GIL; returns when all is done. What a
/// kernel throws, on whichever thread, is thrown here when no thread works any more.
void run(Kernel kernel, void** buffers, const std::int64_t* ints, std::int64_t extent,
         std::int64_t grain, std::int64_t chunks);

/// How many processors this process may use.
int processors();
/// How many threads, the caller's included, a run uses.
int count();
/// Sets it (at least 1). Waits for a run in progress; do not hold the GIL.
void set_count(int count);

}  // namespace chainrule::threads
