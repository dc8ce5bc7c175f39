// Fourier transforms: in lanes where there are many or they are short, by the four
// steps of a matrix where they are long.
#include "fft.h"

#include <algorithm>
#include <new>

#include "kernels.h"
#include "memory_pool.h"
#include "ufunc.h"

namespace chainrule::fft {
namespace {

using kernels::parallel;

constexpr Int kWork = 1 << 13;  // numbers that are worth a thread
constexpr Int kShort = 512;     // rows up to this are transformed in lanes
constexpr Int kTall = 4096;     // columns up to this as well
constexpr Int kAlone = 24;      // a single row up to this

/// Memory to work in, small ones on the stack; throws where there is none.
template <class T> class Scratch {
  public:
    explicit Scratch(Int size)
        : block_(size > kSmall ? std::size_t(size) * sizeof(T) : 0),
          data_(size > kSmall ? reinterpret_cast<T*>(block_.data()) : small_) {
        if (!data_) throw std::bad_alloc();
    }
    T* data() const { return data_; }

  private:
    static constexpr Int kSmall = 1 << 12;
    alignas(64) T small_[kSmall];
    memory::Block block_;
    T* data_;
};

/// The same for what is never small.
template <class T> class Numbers {
  public:
    explicit Numbers(Int size) : block_(std::size_t(size) * sizeof(T)) {
        if (!block_.data()) throw std::bad_alloc();
    }
    T* data() const { return reinterpret_cast<T*>(block_.data()); }

  private:
    memory::Block block_;
};

/// Calls body(k, count, work) for groups of neighbours in [begin, end) that do not pass
/// a multiple of `line`: at most a vector's number of them.
template <class T, class Body>
void in_groups(const Lanes<T>& lanes, Int begin, Int end, Int line, const Body& body) {
    const Int wide = width<T>();
    const Int grain = std::max<Int>(kWork / lanes.steps.n / wide, 1) * wide;
    parallel(end - begin, grain, [&](Int first, Int last) {
        const Scratch<T> work(work_size(lanes));
        for (Int k = begin + first; k < begin + last;) {
            const Int count = std::min({wide, line - k % line, begin + last - k});
            body(k, int(count), work.data());
            k += count;
        }
    });
}

// --- one long transform

/// The transform of rows x columns numbers, through `between`.
template <class T>
void four_steps(const Long<T>& t, const T* in, T* between, T* out, bool inverse,
                T factor) {
    const Int rows = t.rows, columns = t.columns;
    in_groups<T>(*t.of_columns, 0, columns, columns, [&](Int k, int count, T* work) {
        Task<T> task{t.of_columns.get(),
                     {in + 2 * k, rows, true, false, 2 * columns, 2},
                     {between + 2 * k, rows, true, false, 2 * columns, 2},
                     count,
                     inverse,
                     T(1),
                     work};
        task.twist_re = t.twist[0].data() + k;
        task.twist_im = t.twist[1].data() + k;
        task.twist_step = columns;
        run(task);
    });
    in_groups<T>(*t.of_rows, 0, rows, rows, [&](Int k, int count, T* work) {
        run(Task<T>{t.of_rows.get(),
                    {between + 2 * columns * k, columns, false, false, 2, 2 * columns},
                    {out + 2 * k, columns, true, false, 2 * rows, 2},
                    count,
                    inverse,
                    factor,
                    work});
    });
}

/// to = from * by of complex numbers, parts exchanged before and after where asked for.
template <class T>
CHAINRULE_INLINE void multiply_all(Int n, const T* from, const T* by, T* to,
                                   bool before, bool after, T factor) {
    const int re = before, out = after;
    for (Int k = 0; k < n; ++k) {
        const T x = from[2 * k + re], y = from[2 * k + 1 - re];
        to[2 * k + out] = (x * by[2 * k] - y * by[2 * k + 1]) * factor;
        to[2 * k + 1 - out] = (x * by[2 * k + 1] + y * by[2 * k]) * factor;
    }
}

CHAINRULE_VECTOR_CLONES void multiply(Int n, const float* from, const float* by,
                                      float* to, bool before, bool after,
                                      float factor) {
    multiply_all(n, from, by, to, before, after, factor);
}
CHAINRULE_VECTOR_CLONES void multiply(Int n, const double* from, const double* by,
                                      double* to, bool before, bool after,
                                      double factor) {
    multiply_all(n, from, by, to, before, after, factor);
}

template <class T>
void convolve(const Long<T>& t, const T* in, T* out, bool inverse, T factor) {
    const Chirp<T>& c = *t.chirp;
    Numbers<T> memory(6 * c.padded);
    T *a = memory.data(), *b = a + 2 * c.padded, *between = b + 2 * c.padded;
    multiply(c.n, in, c.chirp.data(), a, inverse, false, T(1));
    std::fill(a + 2 * c.n, a + 2 * c.padded, T(0));
    four_steps(t, static_cast<const T*>(a), between, b, false, T(1));
    multiply(c.padded, b, c.spectrum.data(), a, false, false, T(1));
    four_steps(t, static_cast<const T*>(a), between, b, true, T(1));
    multiply(c.n, b, c.chirp.data(), out, false, inverse, factor);
}

// --- one long real transform

/// As `of_pairs` of fft_lanes.h, of numbers that lie side by side.
template <class T>
CHAINRULE_INLINE void part_all(Int half, const T* roots, const T* z, T* out, T factor,
                               Int first, Int last) {
    factor /= 2;
    for (Int k = first; k < last; ++k) {
        const Int i = k == half ? 0 : k, j = k == 0 ? 0 : half - k;
        const T xr = z[2 * i], xi = z[2 * i + 1], yr = z[2 * j], yi = z[2 * j + 1];
        const T wr = roots[2 * k], wi = roots[2 * k + 1];
        const T dr = xi + yi, di = yr - xr;
        out[2 * k] = (xr + yr + dr * wr - di * wi) * factor;
        out[2 * k + 1] = (xi - yi + dr * wi + di * wr) * factor;
    }
}

/// As `join_pairs`.
template <class T>
CHAINRULE_INLINE void join_all(Int half, const T* roots, const T* x, T* z, Int first,
                               Int last) {
    for (Int k = first; k < last; ++k) {
        const Int j = half - k;
        const T xr = x[2 * k], xi = k ? x[2 * k + 1] : T(0);
        const T yr = x[2 * j], yi = k ? x[2 * j + 1] : T(0);
        const T wr = roots[2 * k], wi = -roots[2 * k + 1];
        const T dr = xr - yr, di = xi + yi;
        z[2 * k] = xr + yr - (dr * wi + di * wr);
        z[2 * k + 1] = xi - yi + dr * wr - di * wi;
    }
}

template <class T> void from_real_row(Int n, const T* in, T* out, T factor) {
    if (n % 2) {
        Numbers<T> memory(4 * n);
        T *x = memory.data(), *y = x + 2 * n;
        for (Int k = 0; k < n; ++k) x[2 * k] = in[k], x[2 * k + 1] = T(0);
        transform_long<T>(*tables<Long<T>>(n), x, y, false, factor);
        std::copy_n(y, n + 1, out);
        return;
    }
    const Int half = n / 2;
    const auto roots = tables<Halves<T>>(n);
    Numbers<T> z(n);
    transform_long<T>(*tables<Long<T>>(half), in, z.data(), false, T(1));
    parallel(half + 1, kWork, [&](Int first, Int last) {
        part_all(half, roots->roots.data(), z.data(), out, factor, first, last);
    });
}

template <class T> void to_real_row(Int n, const T* in, T* out, T factor) {
    if (n % 2) {
        Numbers<T> memory(4 * n);
        T *x = memory.data(), *y = x + 2 * n;
        x[0] = in[0], x[1] = T(0);
        for (Int k = 1; k <= n / 2; ++k) {
            x[2 * (n - k)] = x[2 * k] = in[2 * k];
            x[2 * (n - k) + 1] = -(x[2 * k + 1] = in[2 * k + 1]);
        }
        transform_long<T>(*tables<Long<T>>(n), x, y, true, factor);
        for (Int k = 0; k < n; ++k) out[k] = y[2 * k];
        return;
    }
    const Int half = n / 2;
    const auto roots = tables<Halves<T>>(n);
    Numbers<T> z(n);
    parallel(half, kWork, [&](Int first, Int last) {
        join_all(half, roots->roots.data(), in, z.data(), first, last);
    });
    transform_long<T>(*tables<Long<T>>(half), z.data(), out, true, factor);
}

// --- many

/// What all cases are told.
template <class T> struct Call {
    Kind kind;
    bool inverse;
    const Shape& shape;
    const T* in;
    T* out;
    T factor;
    Int size_in() const { return kind == Kind::kFromReal ? 1 : 2; }
    Int size_out() const { return kind == Kind::kToReal ? 1 : 2; }
};

template <class T> void long_row(const Call<T>& c, Int k) {
    const Int n = c.shape.points;
    const T* in = c.in + k * c.shape.in * c.size_in();
    T* out = c.out + k * c.shape.out * c.size_out();
    if (c.kind == Kind::kFromReal)
        from_real_row(n, in, out, c.factor);
    else if (c.kind == Kind::kToReal)
        to_real_row(n, in, out, c.factor);
    else
        transform_long<T>(*tables<Long<T>>(n), in, out, c.inverse, c.factor);
}

/// Rows are dealt to threads where there are enough, and shared by them where not.
template <class T> void long_rows(const Call<T>& c, Int begin, Int end) {
    const auto some = [&](Int first, Int last) {
        for (Int k = begin + first; k < begin + last; ++k) long_row(c, k);
    };
    if (end - begin >= threads::count())
        parallel(end - begin, 1, some);
    else
        some(0, end - begin);
}

/// Pairs of neighbours of an even number of real ones are complex numbers.
template <class T> void short_rows(const Call<T>& c, Int begin, Int end) {
    const Int n = c.shape.points;
    const bool paired = c.kind != Kind::kComplex && n % 2 == 0;
    const auto lanes = tables<Lanes<T>>(paired ? n / 2 : n);
    const auto roots = paired ? tables<Halves<T>>(n) : nullptr;
    const bool real_in = c.kind == Kind::kFromReal, real_out = c.kind == Kind::kToReal;
    const Int in_lane = c.shape.in * c.size_in(), out_lane = c.shape.out * c.size_out();
    const Int in_count = real_in && paired ? n / 2 : c.shape.in;
    const Int out_count = real_out && paired ? n / 2 : c.shape.out;
    in_groups<T>(*lanes, begin, end, end, [&](Int k, int count, T* work) {
        Task<T> task{
            lanes.get(),
            {c.in + k * in_lane, in_count, false, real_in && !paired, 0, in_lane},
            {c.out + k * out_lane, out_count, false, real_out && !paired, 0, out_lane},
            count,
            c.inverse,
            c.factor,
            work};
        task.kind = c.kind;
        if (paired) task.roots = roots->roots.data();
        run(task);
    });
}

template <class T> void short_columns(const Call<T>& c, Int begin, Int end) {
    const Int n = c.shape.points, after = c.shape.after;
    const auto lanes = tables<Lanes<T>>(n);
    in_groups<T>(*lanes, begin, end, after, [&](Int k, int count, T* work) {
        const Int place = 2 * (k / after * n * after + k % after);
        run(Task<T>{lanes.get(),
                    {c.in + place, n, true, false, 2 * after, 2},
                    {c.out + place, n, true, false, 2 * after, 2},
                    count,
                    c.inverse,
                    c.factor,
                    work});
    });
}

/// Long columns are rows for a while, some at a time.
template <class T> void long_columns(const Call<T>& c, Int begin, Int end) {
    const Int n = c.shape.points, after = c.shape.after, wide = width<T>();
    const auto tall = tables<Long<T>>(n);
    Numbers<T> rows(2 * n * std::min(wide, after)), row(2 * n);
    for (Int k = begin; k < end;) {
        const Int count = std::min({wide, after - k % after, end - k});
        const Int place = 2 * (k / after * n * after + k % after);
        for (Int i = 0; i < n; ++i)
            for (Int j = 0; j < count; ++j)
                std::copy_n(c.in + place + 2 * (i * after + j), 2,
                            rows.data() + 2 * (j * n + i));
        for (Int j = 0; j < count; ++j) {
            transform_long<T>(*tall, rows.data() + 2 * j * n, row.data(), c.inverse,
                              c.factor);
            std::copy_n(row.data(), 2 * n, rows.data() + 2 * j * n);
        }
        for (Int i = 0; i < n; ++i)
            for (Int j = 0; j < count; ++j)
                std::copy_n(rows.data() + 2 * (j * n + i), 2,
                            c.out + place + 2 * (i * after + j));
        k += count;
    }
}

}  // namespace

template <class T>
void transform_long(const Long<T>& tables, const T* in, T* out, bool inverse,
                    T factor) {
    if (tables.chirp) return convolve(tables, in, out, inverse, factor);
    Numbers<T> between(2 * tables.n);
    four_steps(tables, in, between.data(), out, inverse, factor);
}

template <class T>
void transform(Kind kind, bool inverse, const Shape& shape, const T* in, T* out,
               T factor, Int begin, Int end) {
    if (begin >= end) return;
    const Call<T> call{kind, inverse, shape, in, out, factor};
    const Int n = shape.points;
    if (shape.after > 1)
        return n > kTall ? long_columns(call, begin, end)
                         : short_columns(call, begin, end);
    const Int complex_points = kind != Kind::kComplex && n % 2 == 0 ? n / 2 : n;
    const bool few = end - begin < width<T>() / 2;
    if (complex_points > (few ? kAlone : kShort)) return long_rows(call, begin, end);
    short_rows(call, begin, end);
}

template void transform_long(const Long<float>&, const float*, float*, bool, float);
template void transform_long(const Long<double>&, const double*, double*, bool, double);
template void transform(Kind, bool, const Shape&, const float*, float*, float, Int,
                        Int);
template void transform(Kind, bool, const Shape&, const double*, double*, double, Int,
                        Int);

}  // namespace chainrule::fft
