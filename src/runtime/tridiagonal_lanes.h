// Tridiagonal systems, one at a time or one for each lane of a vector, by the same code.
//
// Partial pivoting is Golub and Van Loan, Matrix Computations, 3.4; elimination from both
// ends is what LINPACK's ptsl does for positive definite matrices. A row that replaces
// another brings an entry with it, so rows of the triangular factor have three: `pivots`,
// `seconds` and `thirds`, of columns that are ever farther from the end.
//
// Included by each_vectors.h, for each kind of vectors.
namespace chainrule::tridiagonal::CHAINRULE_KIND {
namespace {

using namespace small::CHAINRULE_KIND;

/// Bytes of a group of systems that a processor's own cache holds.
constexpr Int kCached = 1 << 20;
/// From how many systems on a vector of them is ahead of one after the other.
constexpr Int kFewest = 3;

// --- what one number and a vector of numbers do differently

template <class V> struct Lanes {
    using Flags = decltype(V() > V());
    static CHAINRULE_INLINE V magnitude(V x) { return x < 0 ? -x : x; }
    static CHAINRULE_INLINE void exchange(const Flags& here, V& x, V& y) {
        const V z = x;
        x = here ? y : x;
        y = here ? z : y;
    }
};

/// A single system branches: elimination would wait for a selection, and most matrices
/// ask for no exchange.
template <class T> struct Lane {
    using Flags = bool;
    static CHAINRULE_INLINE T magnitude(T x) { return std::fabs(x); }
    static CHAINRULE_INLINE void exchange(bool here, T& x, T& y) {
        if (__builtin_expect(here, 0)) std::swap(x, y);
    }
};
template <> struct Lanes<float> : Lane<float> {};
template <> struct Lanes<double> : Lane<double> {};
template <class V> using Flags = typename Lanes<V>::Flags;

// --- elimination

/// A system, and where its triangular factor and its solution go, which may be the same
/// memory. Right-hand sides are `width` of rows of `stride` entries.
template <class V> struct Problem {
    Int n, width, stride;
    const V *dl, *d, *du, *b;
    V *pivots, *seconds, *thirds, *x;
};

/// Reduces the right-hand sides of the row beside a pivot's. `mine` holds those of the
/// row that was reduced last, and then those of the pivot.
template <class V>
CHAINRULE_INLINE void reduce(Int width, const Flags<V>& exchanged, V factor, V* mine,
                             const V* next, V* reduced) {
    for (Int c = 0; c < width; ++c) {
        V pivot = mine[c], other = next[c];
        Lanes<V>::exchange(exchanged, pivot, other);
        mine[c] = pivot;
        reduced[c] = other - factor * pivot;
    }
}

/// Elimination from one end: the two entries left of the row that was reduced last.
template <class V> struct Chain {
    V first, second;
    Flags<V> none{};

    /// Eliminates the column of row i by the next row, i + Step, whose entries are
    /// `entry` in that column, then `middle` and `last`.
    template <int Step>
    CHAINRULE_INLINE void eliminate(const Problem<V>& a, Int i, V entry, V middle,
                                    V last, const V* side) {
        const Flags<V> exchanged =
            Lanes<V>::magnitude(entry) > Lanes<V>::magnitude(first);
        V third{};
        Lanes<V>::exchange(exchanged, first, entry);
        Lanes<V>::exchange(exchanged, second, middle);
        Lanes<V>::exchange(exchanged, third, last);
        const V factor = entry / first;
        none |= first == 0;
        a.pivots[i] = first;
        a.seconds[i] = second;
        a.thirds[i] = third;
        first = middle - factor * second;
        second = last - factor * third;
        reduce<V>(a.width, exchanged, factor, a.x + i * a.stride, side,
                  a.x + (i + Step) * a.stride);
    }

    CHAINRULE_INLINE void down(const Problem<V>& a, Int i) {
        eliminate<1>(a, i, a.dl[i + 1], a.d[i + 1], a.du[i + 1],
                     a.b + (i + 1) * a.stride);
    }
    CHAINRULE_INLINE void up(const Problem<V>& a, Int i) {
        eliminate<-1>(a, i, a.du[i - 1], a.d[i - 1], a.dl[i - 1],
                      a.b + (i - 1) * a.stride);
    }
};

/// The solution at row i by those of the two rows before it, `near` and `far`.
template <class V>
CHAINRULE_INLINE V substitute(const Problem<V>& a, Int i, V side, V near, V far) {
    return (side - a.seconds[i] * near - a.thirds[i] * far) / a.pivots[i];
}

template <class V, int Step>
CHAINRULE_INLINE void substitute_row(const Problem<V>& a, Int i) {
    V* row = a.x + i * a.stride;
    const V *near = row + Step * a.stride, *far = near + Step * a.stride;
    for (Int c = 0; c < a.width; ++c) row[c] = substitute(a, i, row[c], near[c], far[c]);
}

/// Solves for all rows, of which `top` and the one below are solved already.
template <class V> CHAINRULE_INLINE void substitute_all(const Problem<V>& a, Int top) {
    Int up = top - 1, down = top + 2;
    if (a.width == 1) {
        // The chains stay in registers.
        const Int s = a.stride;
        V x = a.x[top * s], y = a.x[(top + 1) * s];
        V above = x, beyond_above = y, below = y, beyond_below = x;
        for (; down < a.n; --up, ++down) {
            if (up >= 0) {
                x = substitute(a, up, a.x[up * s], above, beyond_above);
                a.x[up * s] = x;
                beyond_above = above, above = x;
            }
            y = substitute(a, down, a.x[down * s], below, beyond_below);
            a.x[down * s] = y;
            beyond_below = below, below = y;
        }
        return;
    }
    for (; down < a.n; --up, ++down) {
        if (up >= 0) substitute_row<V, 1>(a, up);
        substitute_row<V, -1>(a, down);
    }
}

/// Solves one system, or one a lane; returns where a pivot was zero. `One` is known to
/// the compiler: a single right-hand side.
template <class V, bool One> CHAINRULE_INLINE Flags<V> solve_by(Problem<V> a) {
    if constexpr (One) a.width = 1;
    const Int n = a.n, top = (n - 2) / 2, s = a.stride;
    std::copy_n(a.b, a.width, a.x);
    Chain<V> upper{a.d[0], n > 1 ? a.du[0] : V{}};
    if (n == 1) {
        for (Int c = 0; c < a.width; ++c) a.x[c] /= upper.first;
        return upper.first == 0;
    }
    std::copy_n(a.b + (n - 1) * s, a.width, a.x + (n - 1) * s);
    Chain<V> lower{a.d[n - 1], a.dl[n - 1]};
    Int j = n - 1;
    if (n % 2 == 1) lower.up(a, j--);
    for (Int i = 0; i < top; ++i, --j) {
        upper.down(a, i);
        lower.up(a, j);
    }
    // Two rows are left, of two unknowns.
    upper.template eliminate<1>(a, top, lower.second, lower.first, V{}, a.x + j * s);
    const V last = upper.first;
    for (Int c = 0; c < a.width; ++c) {
        const V y = a.x[j * s + c] / last;
        a.x[j * s + c] = y;
        a.x[top * s + c] = substitute(a, top, a.x[top * s + c], y, V{});
    }
    substitute_all(a, top);
    return upper.none | lower.none | (last == 0);
}

template <class V> CHAINRULE_INLINE Flags<V> solve_problem(const Problem<V>& a) {
    return a.width == 1 ? solve_by<V, true>(a) : solve_by<V, false>(a);
}

// --- where systems come from

struct alignas(kBytes) Line {
    char bytes[kBytes];
};

/// Memory for `count` vectors, or as many numbers; uninitialised.
template <class V> class Memory {
  public:
    explicit Memory(Int count)
        : lines_(new Line[std::size_t(count) * sizeof(V) / kBytes + 1]) {}
    V* data() { return reinterpret_cast<V*>(lines_.get()); }

  private:
    std::unique_ptr<Line[]> lines_;
};

template <class T> constexpr T kNan = std::numeric_limits<T>::quiet_NaN();

/// Part `part` of the right-hand sides of one system.
template <class T>
CHAINRULE_INLINE void solve_one(const Systems<T>& all, Int parts, Int piece, T* memory) {
    const Int n = all.n, system = piece / parts;
    const Int width = (all.sides + parts - 1) / parts, first = piece % parts * width;
    const Int at = system * n, side = at * all.sides + first;
    Problem<T> a{n, std::min(width, all.sides - first), all.sides,
                 all.dl + at, all.d + at, all.du + at, all.b + side,
                 memory, memory + n, memory + 2 * n, all.x + side};
    if (a.width <= 0) return;
    if (!solve_problem(a)) return;
    for (Int i = 0; i < n; ++i) std::fill_n(a.x + i * a.stride, a.width, kNan<T>);
}

/// A group of systems, whose factors and solutions take the place of what they are of.
template <class T>
CHAINRULE_INLINE void solve_group(const Systems<T>& all, const Group<T>& group, Int room,
                                  Numbers<T>* memory) {
    const Int n = all.n, sides = all.sides;
    Numbers<T>*dl = memory, *d = dl + room, *du = d + room, *x = du + room;
    read_entries<T>(group, n, all.dl, dl);
    read_entries<T>(group, n, all.d, d);
    read_entries<T>(group, n, all.du, du);
    read_entries<T>(group, n * sides, all.b, x);
    const auto none = solve_problem(
        Problem<Numbers<T>>{n, sides, sides, dl, d, du, x, d, du, dl, x});
    write_entries<T>(group, n * sides, x, all.x);
    const Int size = n * sides;
    for (int lane = 0; lane < group.lanes; ++lane)
        if (none[lane]) std::fill_n(all.x + (group.first + lane) * size, size, kNan<T>);
}

template <class T>
void solve_all(const Systems<T>& all, Int parts, Int begin, Int end) {
    const Int n = all.n, room = (n + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
    const bool grouped = parts == 1 && end - begin >= kFewest &&
                         room * (3 + all.sides) * kBytes <= kCached;
    if (grouped) {
        Memory<Numbers<T>> memory(room * (3 + all.sides));
        for (; end - begin >= kFewest; begin += kLanes<T>)
            solve_group(all, Group<T>(begin, end), room, memory.data());
    }
    if (begin >= end) return;
    Memory<T> memory(3 * n);
    for (; begin < end; ++begin) solve_one(all, parts, begin, memory.data());
}

}  // namespace
}  // namespace chainrule::tridiagonal::CHAINRULE_KIND
