// Tridiagonal systems for the vectors that the processor has.
#include "tridiagonal.h"

#define CHAINRULE_LANES "tridiagonal_lanes.h"
#include "each_vectors.h"

namespace chainrule::tridiagonal {

template <class T>
void solve(const Systems<T>& systems, Int parts, Int begin, Int end) {
    if (systems.n == 0 || systems.sides == 0) return;
    CHAINRULE_OF_THE_PROCESSOR(solve_all<T>(systems, parts, begin, end));
}

template void solve(const Systems<float>&, Int, Int, Int);
template void solve(const Systems<double>&, Int, Int, Int);

}  // namespace chainrule::tridiagonal
