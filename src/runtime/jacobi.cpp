// Rotations of columns. A column of x, padded by zeros, has below it that of w.
#include "jacobi.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "ufunc.h"

// Vectors are passed between functions of one file only, and inlined.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

namespace chainrule::lapack {
namespace {

using Int = std::int64_t;

constexpr int kBytes = 64;
constexpr int kSweeps = 30;
template <class T> constexpr Int kLanes = kBytes / Int(sizeof(T));
template <class T> struct Vectors {
    typedef T type __attribute__((vector_size(kBytes)));
};

/// The sum of all lanes, in every lane: of neighbours Half apart, and so on.
template <int Half, class V, std::size_t... I>
CHAINRULE_INLINE V folded(V x, std::index_sequence<I...> lanes) {
    if constexpr (Half > 0) {
        x += __builtin_shufflevector(x, x, int((I + Half) % sizeof...(I))...);
        return folded<Half / 2>(x, lanes);
    }
    return x;
}

template <class T> CHAINRULE_INLINE T dot(Int rows, const T* x, const T* y) {
    using V = typename Vectors<T>::type;
    V sum{};
    for (Int i = 0; i < rows; i += kLanes<T>) {
        V a, b;
        std::memcpy(&a, x + i, kBytes);
        std::memcpy(&b, y + i, kBytes);
        sum += a * b;
    }
    constexpr int lanes = int(kLanes<T>);
    return folded<lanes / 2>(sum, std::make_index_sequence<lanes>{})[0];
}

/// x, y = c x - s y, s x + c y with c = 1 - s tau, which is exact where s is small (H.
/// Rutishauser, "The Jacobi method for real symmetric matrices", Numer. Math. 9, 1966).
template <class T> CHAINRULE_INLINE void rotate(Int height, T* x, T* y, T s, T tau) {
    using V = typename Vectors<T>::type;
    for (Int i = 0; i < height; i += kLanes<T>) {
        V a, b;
        std::memcpy(&a, x + i, kBytes);
        std::memcpy(&b, y + i, kBytes);
        const V p = a - s * (b + tau * a), q = b + s * (a - tau * b);
        std::memcpy(x + i, &p, kBytes);
        std::memcpy(y + i, &q, kBytes);
    }
}

/// The columns of one x, and the squares of their lengths.
template <class T> struct Columns {
    Int padded, height, count;
    T* x;
    double* squares;
};

/// Pairs of columns without a common one, and what is known of them.
struct Round {
    static constexpr Int kMost = kMostRotated / 2;
    Int count = 0;
    Int p[kMost], q[kMost];
    double low[kMost], high[kMost], product[kMost], sine[kMost], tau[kMost];

    void add(Int a, Int b) {
        p[count] = std::min(a, b);
        q[count++] = std::max(a, b);
    }
};

/// Makes the pairs orthogonal, each step for all of them: no pair waits for another.
/// False if they are.
template <class T>
CHAINRULE_INLINE bool make_orthogonal(const Columns<T>& c, Round& r, double enough) {
    for (Int k = 0; k < r.count; ++k) {
        r.product[k] = dot(c.padded, c.x + r.p[k] * c.height, c.x + r.q[k] * c.height);
        r.low[k] = c.squares[r.p[k]];
        r.high[k] = c.squares[r.q[k]];
    }
    int rotated = 0;
    for (Int k = 0; k < r.count; ++k) {
        const double product = r.product[k], more = r.high[k] - r.low[k];
        const bool counts =
            std::abs(product) > enough * std::sqrt(r.low[k] * r.high[k]);
        const double twice = std::copysign(2.0, more) * product;
        const double t =
            twice / (std::abs(more) + std::sqrt(more * more + twice * twice));
        const double cosine = 1 / std::sqrt(1 + t * t), sine = cosine * t;
        r.sine[k] = counts ? sine : 0.0;
        r.tau[k] = sine / (1 + cosine);
        r.low[k] -= counts ? t * product : 0.0;
        r.high[k] += counts ? t * product : 0.0;
        rotated |= counts;
    }
    for (Int k = 0; rotated && k < r.count; ++k) {
        if (r.sine[k] == 0) continue;
        rotate(c.height, c.x + r.p[k] * c.height, c.x + r.q[k] * c.height, T(r.sine[k]),
               T(r.tau[k]));
        c.squares[r.p[k]] = r.low[k];
        c.squares[r.q[k]] = r.high[k];
    }
    return rotated;
}

/// Rotates until no two columns have an angle that counts; false where that takes too
/// long. Pairs meet as in a tournament.
template <class T> CHAINRULE_INLINE bool all_rotations(const Columns<T>& c) {
    const double enough =
        std::numeric_limits<T>::epsilon() * std::sqrt(double(c.padded));
    const Int others = c.count - 1 + c.count % 2;  // one sits out where they are odd
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
        bool rotated = false;
        for (Int j = 0; j < c.count; ++j)
            c.squares[j] = dot(c.padded, c.x + j * c.height, c.x + j * c.height);
        for (Int first = 0; first < others; ++first) {
            Round round;
            if (others < c.count) round.add(first, others);
            for (Int k = 1, p = first, q = first; k <= others / 2; ++k) {
                p = p + 1 == others ? 0 : p + 1;
                q = q == 0 ? others - 1 : q - 1;
                round.add(p, q);
            }
            rotated |= make_orthogonal(c, round, enough);
        }
        if (!rotated) return true;
    }
    return false;
}

CHAINRULE_VECTOR_CLONES bool rotations(const Columns<float>& c) {
    return all_rotations(c);
}
CHAINRULE_VECTOR_CLONES bool rotations(const Columns<double>& c) {
    return all_rotations(c);
}

template <class T> Int padded_to_vectors(Int size) {
    return (size + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

}  // namespace

template <class T>
Rotations<T>::Rotations(Int rows, Int columns, bool vectors)
    : rows_(rows),
      count_(columns),
      padded_(padded_to_vectors<T>(rows)),
      height_(padded_ + (vectors ? padded_to_vectors<T>(columns) : 0)),
      start_(0),
      vectors_(vectors),
      columns_(std::size_t(height_ * columns + kLanes<T>)),
      values_(std::size_t(columns)),
      squares_(values_.size()),
      order_(std::size_t(columns)) {
    const auto address = reinterpret_cast<std::uintptr_t>(columns_.data());
    start_ = Int((kBytes - address % kBytes) % kBytes / sizeof(T));
}

/// Divides by a power of two, so that no square overflows and none that counts
/// vanishes.
template <class T> bool Rotations<T>::scale() {
    T largest = 0;
    for (Int j = 0; j < count_; ++j)
        for (Int i = 0; i < rows_; ++i) {
            const T size = std::abs(column(j)[i]);
            if (!(size <= largest)) largest = size;
        }
    if (!(largest > 0 && largest <= std::numeric_limits<T>::max())) return false;
    const int exponent =
        std::min(std::ilogb(largest), std::numeric_limits<T>::max_exponent - 2);
    factor_ = std::ldexp(T(1), exponent);
    if (!(factor_ >= std::numeric_limits<T>::min())) return false;
    const T inverse = 1 / factor_;
    for (Int j = 0; j < count_; ++j)
        for (Int i = 0; i < rows_; ++i) column(j)[i] *= inverse;
    return true;
}

template <class T> bool Rotations<T>::find() {
    if (count_ > kMostRotated || !scale()) return false;
    for (Int j = 0; j < count_; ++j) {
        std::fill(column(j) + rows_, column(j) + height_, T(0));
        if (vectors_) column(j)[padded_ + j] = T(1);
    }
    if (!rotations({padded_, height_, count_, column(0), squares_.data()}))
        return false;
    const T smallest = std::sqrt(std::numeric_limits<T>::min()) * (1 << 20);
    for (Int j = 0; j < count_; ++j) {
        const T length = std::sqrt(dot(padded_, column(j), column(j)));
        if (!(length > smallest)) return false;
        for (Int i = 0; vectors_ && i < rows_; ++i) column(j)[i] /= length;
        values_[j] = length * factor_;
    }
    std::iota(order_.begin(), order_.end(), Int(0));
    std::sort(order_.begin(), order_.end(),
              [&](Int a, Int b) { return values_[a] > values_[b]; });
    return true;
}

template class Rotations<float>;
template class Rotations<double>;

}  // namespace chainrule::lapack
