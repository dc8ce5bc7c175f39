/// What is transformed in lanes: where elements lie, and what is done before and after.
#pragma once
#include "fft_tables.h"

namespace chainrule::fft {

enum class Kind { kComplex, kFromReal, kToReal };

/// One side of a task: `count` elements of each lane. Columns have lanes side by side
/// and elements `step` numbers apart; rows have elements side by side and lanes `lane`
/// numbers apart.
template <class T> struct Side {
    T* at;
    Int count;
    bool columns, is_real;
    Int step, lane;
};

/// Transforms of `lanes` lanes, at most `width<T>()` of them.
template <class T> struct Task {
    const Lanes<T>* lanes_of;
    Side<const T> in;
    Side<T> out;
    int lanes;
    bool inverse;  // conjugate roots: real and imaginary parts change places
    T factor;      // of all results
    T* work;       // `work_size` numbers, aligned to 64 bytes
    Kind kind = Kind::kComplex;
    const T* roots = nullptr;  // those of `Halves`, where pairs stand for real numbers
    /// Factors of the results in columns, `twist_step` apart, or none.
    const T *twist_re = nullptr, *twist_im = nullptr;
    Int twist_step = 0;
};

/// How many transforms a vector has on this machine.
template <class T> int width();

/// The numbers that a task works in.
template <class T> Int work_size(const Lanes<T>& lanes) {
    return 4 * width<T>() * lanes.room();
}

template <class T> void run(const Task<T>& task);

}  // namespace chainrule::fft
