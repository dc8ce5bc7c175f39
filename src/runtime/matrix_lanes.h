// Groups of small matrices, a matrix for each lane of a vector: how their entries get
// there and back. Included by each_vectors.h, for each kind of vectors, and by
// panel_vectors.h. Everything here is inlined.
namespace chainrule::small::CHAINRULE_KIND {
namespace {

template <class T> struct Same;
template <> struct Same<float> { using Integer = std::int32_t; };
template <> struct Same<double> { using Integer = std::int64_t; };

constexpr int kBytes = CHAINRULE_VECTOR_BYTES;
template <class T> constexpr int kLanes = kBytes / int(sizeof(T));

template <class T> struct Vectors {
    using Integer = typename Same<T>::Integer;
    typedef T Numbers __attribute__((vector_size(kBytes)));
    typedef Integer Integers __attribute__((vector_size(kBytes)));
};
template <class T> using Numbers = typename Vectors<T>::Numbers;
template <class T> using Integers = typename Vectors<T>::Integers;

/// The entries of a group of n x n matrices, row-major: a vector for each entry.
template <class T> struct Matrices {
    Numbers<T> entries[kLargest * kLargest + kLanes<T>];
    Int n;
    CHAINRULE_INLINE Numbers<T>& operator()(Int i, Int j) { return entries[i * n + j]; }
    CHAINRULE_INLINE const Numbers<T>& operator()(Int i, Int j) const {
        return entries[i * n + j];
    }
};

/// A group: the first of its matrices, and how many it has.
template <class T> struct Group {
    Int first;
    int lanes;
    Group(Int first, Int count)
        : first(first), lanes(int(std::min<Int>(kLanes<T>, count - first))) {}
    int source(int lane) const { return std::min(lane, lanes - 1); }
};

/// Lane I of both results of an exchange, counted over two vectors of `w` lanes.
template <int D> constexpr int low_lane(int i, int w) { return i & D ? i - D + w : i; }
template <int D> constexpr int high_lane(int i, int w) { return i & D ? i + w : i + D; }

/// Exchanges blocks of D x D beside the diagonals of blocks of 2 D x 2 D.
template <int D, class T, std::size_t... I>
CHAINRULE_INLINE void exchange_blocks(Numbers<T>* rows, std::index_sequence<I...>) {
    constexpr int w = kLanes<T>;
    for (int i = 0; i < w; ++i) {
        if (i & D) continue;
        const Numbers<T> x = rows[i], y = rows[i + D];
#ifdef __clang__
        rows[i] = __builtin_shufflevector(x, y, low_lane<D>(I, w)...);
        rows[i + D] = __builtin_shufflevector(x, y, high_lane<D>(I, w)...);
#else
        rows[i] = __builtin_shuffle(x, y, Integers<T>{low_lane<D>(I, w)...});
        rows[i + D] = __builtin_shuffle(x, y, Integers<T>{high_lane<D>(I, w)...});
#endif
    }
}

/// Transposes a square of as many vectors as a vector has lanes.
template <class T> CHAINRULE_INLINE void transpose(Numbers<T>* rows) {
    const std::make_index_sequence<kLanes<T>> lanes{};
    if constexpr (kLanes<T> > 8) exchange_blocks<8, T>(rows, lanes);
    if constexpr (kLanes<T> > 4) exchange_blocks<4, T>(rows, lanes);
    if constexpr (kLanes<T> > 2) exchange_blocks<2, T>(rows, lanes);
    exchange_blocks<1, T>(rows, lanes);
}

/// Reads `size` entries of each of a group, a vector's number of them at once: `entries`
/// has room for a multiple of that. A read may reach into what lies behind, as far as
/// the group has it.
template <class T>
CHAINRULE_INLINE void read_entries(const Group<T>& group, Int size, const T* from,
                                   Numbers<T>* entries) {
    from += group.first * size;
    for (Int start = 0; start < size; start += kLanes<T>) {
        Numbers<T>* rows = entries + start;
        const Int rest = std::min<Int>(size - start, kLanes<T>);
        for (int lane = 0; lane < kLanes<T>; ++lane) {
            const int source = group.source(lane);
            const bool inside =
                (group.lanes - 1 - source) * size >= kLanes<T> - rest;
            const T* entry = from + source * size + start;
            if (inside)
                std::memcpy(&rows[lane], entry, kBytes);
            else
                std::memcpy(&rows[lane], entry, std::size_t(rest) * sizeof(T));
        }
        transpose<T>(rows);
    }
}

/// Writes what `read_entries` reads, last entries first: a write may reach into what
/// lies behind, whose own entries follow.
template <class T>
CHAINRULE_INLINE void write_entries(const Group<T>& group, Int size,
                                    const Numbers<T>* entries, T* to) {
    to += group.first * size;
    for (Int start = (size - 1) / kLanes<T> * kLanes<T>; start >= 0;
         start -= kLanes<T>) {
        Numbers<T> rows[kLanes<T>];
        std::copy_n(entries + start, kLanes<T>, rows);
        transpose<T>(rows);
        const Int rest = std::min<Int>(size - start, kLanes<T>);
        for (int lane = 0; lane < group.lanes; ++lane) {
            const bool inside = (group.lanes - 1 - lane) * size >= kLanes<T> - rest;
            T* entry = to + lane * size + start;
            if (inside)
                std::memcpy(entry, &rows[lane], kBytes);
            else
                std::memcpy(entry, &rows[lane], std::size_t(rest) * sizeof(T));
        }
    }
}

template <class T> CHAINRULE_INLINE Numbers<T> magnitude(const Numbers<T>& x) {
    using Integer = typename Vectors<T>::Integer;
    return (Numbers<T>)((Integers<T>)x & std::numeric_limits<Integer>::max());
}

template <class T> CHAINRULE_INLINE Numbers<T> nan() {
    return Numbers<T>{} + std::numeric_limits<T>::quiet_NaN();
}

template <class T> CHAINRULE_INLINE Numbers<T> root(const Numbers<T>& x) {
    Numbers<T> y;
    for (int lane = 0; lane < kLanes<T>; ++lane) y[lane] = std::sqrt(x[lane]);
    return y;
}

/// Reads a group of n x n matrices.
template <class T>
CHAINRULE_INLINE void read(const Group<T>& group, Int n, const T* from,
                           Matrices<T>& a) {
    a.n = n;
    read_entries<T>(group, n * n, from, a.entries);
}

template <class T>
CHAINRULE_INLINE void write(const Group<T>& group, Int n, const Matrices<T>& a, T* to) {
    write_entries<T>(group, n * n, a.entries, to);
}

}  // namespace
}  // namespace chainrule::small::CHAINRULE_KIND
