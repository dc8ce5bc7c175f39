// Reflections of columns of small matrices, one for each lane of a vector, and the powers of
// two that keep squares within range: what the small_*_lanes.h of QR factors, eigenvalues
// and singular values share. Everything here is inlined.
namespace chainrule::small::CHAINRULE_KIND {
namespace {

/// Powers of two about numbers that are not negative, and their reciprocals.
template <class T> struct Powers {
    Numbers<T> power, inverse;

    CHAINRULE_INLINE explicit Powers(const Numbers<T>& sizes) {
        using Integer = typename Vectors<T>::Integer;
        constexpr int shift = std::numeric_limits<T>::digits - 1;
        constexpr Integer bias = std::numeric_limits<T>::max_exponent - 1;
        constexpr Integer lowest = Integer(1) << shift, highest = (2 * bias - 1) << shift;
        Integers<T> bits = (Integers<T>)sizes & ((2 * bias + 1) << shift);
        bits = bits < lowest ? Integers<T>{} + lowest : bits;
        bits = bits > highest ? Integers<T>{} + highest : bits;
        power = (Numbers<T>)bits;
        inverse = (Numbers<T>)(((2 * bias) << shift) - bits);
    }
};

template <class T>
CHAINRULE_INLINE Numbers<T> larger(const Numbers<T>& x, const Numbers<T>& y) {
    return y > x ? y : x;
}

/// sqrt(x^2 + y^2), without overflow, and exact where both are small.
template <class T>
CHAINRULE_INLINE Numbers<T> length(const Numbers<T>& x, const Numbers<T>& y) {
    const Powers<T> by(larger<T>(magnitude<T>(x), magnitude<T>(y)));
    const Numbers<T> p = x * by.inverse, q = y * by.inverse;
    return root<T>(p * p + q * q) * by.power;
}

template <class T> CHAINRULE_INLINE bool any(const Integers<T>& lanes) {
    std::uint64_t words[kBytes / 8], all = 0;
    std::memcpy(words, &lanes, kBytes);
    for (const std::uint64_t word : words) all |= word;
    return all != 0;
}

template <class T>
CHAINRULE_INLINE void exchange(Numbers<T>& x, Numbers<T>& y, const Integers<T>& here) {
    const Numbers<T> first = x;
    x = here ? y : first;
    y = here ? first : y;
}

/// Row-major entries of m x n matrices become column-major ones.
template <class T>
CHAINRULE_INLINE void turn(Int m, Int n, const Numbers<T>* from, Numbers<T>* to) {
    for (Int i = 0; i < m; ++i)
        for (Int j = 0; j < n; ++j) to[j * m + i] = from[i * n + j];
}

template <class T> CHAINRULE_INLINE Integers<T> is_finite(const Numbers<T>& x) {
    return magnitude<T>(x) <= std::numeric_limits<T>::max();
}

/// Divides the entries of each lane by a power of two, so that the largest finite one is
/// about 1. Returns the powers.
template <class T> CHAINRULE_INLINE Numbers<T> scale(Int size, Numbers<T>* entries) {
    Numbers<T> largest{};
    for (Int i = 0; i < size; ++i) {
        const Numbers<T> entry = magnitude<T>(entries[i]);
        largest = is_finite<T>(entry) ? larger<T>(largest, entry) : largest;
    }
    const Powers<T> by(largest);
    for (Int i = 0; i < size; ++i) entries[i] *= by.inverse;
    return by.power;
}

/// Zeros for all entries of lanes of which one is not finite. Returns those lanes.
template <class T>
CHAINRULE_INLINE Integers<T> clear_infinite(Int size, Numbers<T>* entries) {
    Integers<T> bad{};
    for (Int i = 0; i < size; ++i) bad |= ~is_finite<T>(entries[i]);
    for (Int i = 0; i < size; ++i) entries[i] = bad ? Numbers<T>{} : entries[i];
    return bad;
}

/// The reflection I - scale v v^T that takes column k of `x`, from row `first` to the last of
/// `rows`, to one with `image` alone, which has the sign that the entry in row `first` has
/// not. That entry of v is 1, the others take the place of the column's. A column with
/// nothing behind its first entry stays as it is, as LAPACK has it.
template <class T> struct Reflection {
    Numbers<T> image, scale;

    template <class Columns>
    CHAINRULE_INLINE Reflection(Columns& x, Int first, Int rows, Int k) {
        Numbers<T> largest = magnitude<T>(x(first, k)), squares{};
        Integers<T> none = ~Integers<T>{};
        for (Int i = first + 1; i < rows; ++i) {
            none &= x(i, k) == 0;
            largest = larger<T>(largest, magnitude<T>(x(i, k)));
        }
        const Powers<T> by(largest);
        const Numbers<T> alpha = x(first, k) * by.inverse;
        for (Int i = first + 1; i < rows; ++i) {
            x(i, k) *= by.inverse;
            squares += x(i, k) * x(i, k);
        }
        const Numbers<T> size = root<T>(alpha * alpha + squares);
        const Numbers<T> beta = alpha < 0 ? size : -size;
        image = none ? x(first, k) : beta * by.power;
        scale = none ? Numbers<T>{} : (beta - alpha) / beta;
        const Numbers<T> factor = none ? Numbers<T>{} : 1 / (alpha - beta);
        for (Int i = first + 1; i < rows; ++i) x(i, k) *= factor;
    }
};

}  // namespace
}  // namespace chainrule::small::CHAINRULE_KIND
