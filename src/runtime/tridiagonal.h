/// Tridiagonal systems by elimination with partial pivoting, from both ends at once:
/// the two chains of quotients run side by side and meet in the middle, which halves
/// what one chain waits for. At every step the larger of the two entries left in a
/// column is its pivot, as in LAPACK's gtsv, so it is as stable.
///
/// Many systems are solved one for each lane of a vector. A system has the same
/// solution whatever its neighbours are, and whatever their number is.
#pragma once
#include <cstdint>

namespace chainrule::tridiagonal {

using Int = std::int64_t;

/// Systems of n equations with `sides` right-hand sides, one behind the other: lower
/// diagonals `dl`, of which no first entry is read, diagonals `d`, upper diagonals `du`,
/// of which no last one is, right-hand sides `b` and solutions `x`, n x sides.
template <class T> struct Systems {
    Int n, sides;
    const T *dl, *d, *du, *b;
    T* x;
};

/// How many parts of the right-hand sides of a system are best solved apart.
constexpr Int parts_of(Int sides) { return sides > 256 ? (sides + 255) / 256 : 1; }

/// Solves the pieces [begin, end), each one of `parts` parts of a system's right-hand
/// sides; NaN where a pivot is zero.
template <class T>
void solve(const Systems<T>& systems, Int parts, Int begin, Int end);

}  // namespace chainrule::tridiagonal
