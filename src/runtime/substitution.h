/// Systems with a triangle for many right-hand sides, which threads share.
#pragma once
#include "fortran.h"
#include "panel_products.h"

namespace chainrule::lapack {

/// A triangle op(a) of row-major n x n matrices; a itself is lower or not.
template <class T> struct Triangle {
    const T* data;
    Int n;
    bool lower, transposed, unit;
};

/// Calls solve(first, count) for parts of the right-hand sides of n equations. Parts depend
/// on the sizes alone, and so do bits. Each reads the whole matrix anew, so few are not
/// divided, and many by no more than `most`.
template <class Solve> void by_sides(Int n, Int sides, Int most, const Solve& solve) {
    Int part = sides;
    if (n * n * sides >= Int(1) << 19) part = (sides / 2 + 15) / 16 * 16;
    part = std::clamp(part, Int(16), most);
    share((sides + part - 1) / part, [&](Int i) {
        solve(i * part, std::min(part, sides - i * part));
    });
}

/// Whether `substitute` is for so many equations.
template <class T> bool substitutes(Int n, Int sides) {
    return !is_complex<T> && panel::served() && n >= 16 && sides >= 4;
}

/// The rows of x, `sides` numbers each, become those of op(a)^-1 x. An upper triangle read
/// from its end is a lower one.
template <class T> void substitute(const Triangle<T>& triangle, Int sides, T* x) {
    if constexpr (!is_complex<T>) {
        const Int n = triangle.n;
        const bool down = triangle.lower != triangle.transposed;
        const Int row = triangle.transposed ? 1 : n, sign = down ? 1 : -1;
        const T* start = down ? triangle.data : triangle.data + (n - 1) * (n + 1);
        T* first_row = down ? x : x + (n - 1) * sides;
        constexpr Int width = panel::kStrip<T>;
        by_sides(n, sides, width, [&](Int first, Int count) {
            Workspace<T> room(width * width);
            for (Int k = 0; k < n; k += width) {
                const Int w = std::min(width, n - k);
                panel::eliminate<T>(
                    w, n - k - w, count,
                    {start + sign * k * (n + 1), sign * row, sign * (n + 1 - row)},
                    triangle.unit, first_row + sign * k * sides + first, sign * sides,
                    room.data());
            }
        });
    }
}

}  // namespace chainrule::lapack
