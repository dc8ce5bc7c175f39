// Reflections of columns of small matrices, one for each lane of a vector, and the powers of
// two that keep squares within range: what the small_*_lanes.h of QR factors, eigenvalues
// and singular values share. Everything here is inlined.
namespace chainrule::small::CHAINRULE_KIND {
namespace {

/// Factors by which what is squared is multiplied first, so that numbers of less than
/// 8 whose squares would vanish, do not. Powers of two.
template <class T> constexpr T kRaised = sizeof(T) == 4 ? T(0x1p56) : T(0x1p480);

/// sqrt(x^2 + y^2) of numbers less than 8.
template <class T>
CHAINRULE_INLINE Numbers<T> length(const Numbers<T>& x, const Numbers<T>& y) {
    const Numbers<T> p = x * kRaised<T>, q = y * kRaised<T>;
    return root<T>(p * p + q * q) * (1 / kRaised<T>);
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

template <class T> CHAINRULE_INLINE Numbers<T> raised_square(const Numbers<T>& x) {
    const Numbers<T> raised = x * kRaised<T>;
    return raised * raised;
}

template <class T> CHAINRULE_INLINE Integers<T> is_finite(const Numbers<T>& x) {
    return magnitude<T>(x) <= std::numeric_limits<T>::max();
}

/// Divides the entries of each lane by a power of two, so that the largest finite one is
/// about 1. Returns the powers.
template <class T> CHAINRULE_INLINE Numbers<T> scale(Int size, Numbers<T>* entries) {
    using Integer = typename Vectors<T>::Integer;
    constexpr int shift = std::numeric_limits<T>::digits - 1;
    constexpr Integer bias = std::numeric_limits<T>::max_exponent - 1;
    constexpr Integer lowest = Integer(1) << shift, highest = (2 * bias - 1) << shift;
    Numbers<T> largest{};
    for (Int i = 0; i < size; ++i) {
        const Numbers<T> entry = magnitude<T>(entries[i]);
        const Integers<T> larger = (entry > largest) & is_finite<T>(entry);
        largest = larger ? entry : largest;
    }
    Integers<T> power = (Integers<T>)largest & ((2 * bias + 1) << shift);
    power = power < lowest ? Integers<T>{} + lowest : power;
    power = power > highest ? Integers<T>{} + highest : power;
    const Numbers<T> inverse = (Numbers<T>)(((2 * bias) << shift) - power);
    for (Int i = 0; i < size; ++i) entries[i] *= inverse;
    return (Numbers<T>)power;
}

/// Zeros for all entries of lanes of which one is not finite. Returns those lanes.
template <class T>
CHAINRULE_INLINE Integers<T> clear_infinite(Int size, Numbers<T>* entries) {
    Integers<T> bad{};
    for (Int i = 0; i < size; ++i) bad |= ~is_finite<T>(entries[i]);
    for (Int i = 0; i < size; ++i) entries[i] = bad ? Numbers<T>{} : entries[i];
    return bad;
}

/// The reflection I - scale v v^T that takes a column of `alpha` and of what has the sum
/// `squares` (of `raised_square`) to one with `image` alone, which has the sign that
/// alpha has not. v has 1 in place of alpha and the rest times `factor`. A column with no
/// rest stays as it is, as LAPACK has it.
template <class T> struct Reflection {
    Numbers<T> image, scale, factor;

    CHAINRULE_INLINE Reflection(const Numbers<T>& alpha, const Numbers<T>& squares) {
        const Integers<T> none = squares == 0;
        const Numbers<T> size =
            root<T>(raised_square<T>(alpha) + squares) * (1 / kRaised<T>);
        const Numbers<T> beta = alpha < 0 ? size : -size;
        image = none ? alpha : beta;
        scale = none ? Numbers<T>{} : (beta - alpha) / beta;
        factor = none ? Numbers<T>{} : 1 / (alpha - beta);
    }
};

}  // namespace
}  // namespace chainrule::small::CHAINRULE_KIND
