/// Fourier transforms in the lanes of vectors: an element of a buffer is the real and
/// the imaginary vector of one index, a lane for each transform.
///
/// The steps are those of Stockham, which sort as they go (P. Swarztrauber, "FFT
/// algorithms for vector computers", Parallel Computing 1, 1984): of `parts` blocks p
/// of `stride` elements q, those at p + parts k, k < radix, become the elements at
/// radix p + j.
#pragma once
#include <algorithm>
#include <cstring>

#include "fft_butterflies.h"
#include "fft_task.h"

namespace chainrule::fft {
namespace {

template <class T, int Bytes> struct Worker {
    using V = typename Vectors<T, Bytes>::type;
    using C = Complex<V>;
    static constexpr int kWidth = Bytes / int(sizeof(T));
    using Indices = std::make_index_sequence<kWidth>;

    static CHAINRULE_INLINE V load(const T* from) {
        V x;
        std::memcpy(&x, from, Bytes);
        return x;
    }
    static CHAINRULE_INLINE void store(T* to, V x) { std::memcpy(to, &x, Bytes); }
    static CHAINRULE_INLINE C get(const T* buffer, Int i) {
        return {load(buffer + 2 * kWidth * i), load(buffer + 2 * kWidth * i + kWidth)};
    }
    static CHAINRULE_INLINE void set(T* buffer, Int i, C x) {
        store(buffer + 2 * kWidth * i, x.re);
        store(buffer + 2 * kWidth * i + kWidth, x.im);
    }

    // --- steps

    /// The elements at q of block p. Inlined with a constant `radix`, or a loop.
    template <class Butterfly>
    static CHAINRULE_INLINE void one(const Pass<T>& step, int radix, const T* in,
                                     T* out, Int p, Int q, bool rooted,
                                     const Butterfly& transform) {
        C x[kLargestRadix];
        const T* roots = step.roots + 2 * (radix - 1) * p;
        for (int k = 0; k < radix; ++k)
            x[k] = get(in, q + step.stride * (p + step.parts * k));
        transform(x);
        set(out, q + step.stride * radix * p, x[0]);
        for (int j = 1; j < radix; ++j) {
            if (rooted) x[j] = times(x[j], roots[2 * j - 2], roots[2 * j - 1]);
            set(out, q + step.stride * (radix * p + j), x[j]);
        }
    }

    template <int Radix, bool rooted>
    static CHAINRULE_INLINE void pass(const Pass<T>& step, const T* in, T* out) {
        for (Int p = 0; p < step.parts; ++p)
            for (Int q = 0; q < step.stride; ++q)
                one(step, Radix, in, out, p, q, rooted,
                    [](C* x) { transform<Radix, T>(x); });
    }

    static CHAINRULE_INLINE void any_pass(const Pass<T>& step, const T* in, T* out) {
        for (Int p = 0; p < step.parts; ++p)
            for (Int q = 0; q < step.stride; ++q)
                one(step, step.radix, in, out, p, q, true,
                    [&](C* x) { transform_odd<T>(step.radix, x); });
    }

    /// Transforms `a` with the help of `b`: exchanges them so that the result is in
    /// `a`.
    static CHAINRULE_INLINE void run(const Steps<T>& steps, T*& a, T*& b) {
        for (const Pass<T>& step : steps.passes) {
            const bool last = step.parts == 1;
            switch (step.radix) {
            case 2: pass<2, true>(step, a, b); break;
            case 3: pass<3, true>(step, a, b); break;
            case 4:
                last ? pass<4, false>(step, a, b) : pass<4, true>(step, a, b);
                break;
            case 5: pass<5, true>(step, a, b); break;
            case 8:
                last ? pass<8, false>(step, a, b) : pass<8, true>(step, a, b);
                break;
            default: any_pass(step, a, b);
            }
            std::swap(a, b);
        }
    }

    static CHAINRULE_INLINE C exchanged(C x, bool is) { return is ? C{x.im, x.re} : x; }

    /// The transform of what is in `a`: one round of steps, or the two of a
    /// convolution.
    static CHAINRULE_INLINE void run(const Lanes<T>& lanes, T*& a, T*& b) {
        const Chirp<T>* c = lanes.chirp.get();
        if (c) {
            multiply(c->n, c->chirp.data(), false, a);
            for (Int k = c->n; k < c->padded; ++k) set(a, k, C{});
        }
        for (int round = 0; round < (c ? 2 : 1); ++round) {
            if (round == 1) multiply(c->padded, c->spectrum.data(), true, a);
            run(lanes.steps, a, b);
        }
        if (!c) return;
        for (Int k = 0; k < c->n; ++k) set(a, k, exchanged(get(a, k), true));
        multiply(c->n, c->chirp.data(), false, a);
    }

    static CHAINRULE_INLINE void multiply(Int n, const T* by, bool exchange, T* a) {
        for (Int k = 0; k < n; ++k)
            set(a, k, exchanged(times(get(a, k), by[2 * k], by[2 * k + 1]), exchange));
    }

    // --- reading and writing

    /// Elements whose lanes lie side by side.
    static CHAINRULE_INLINE void read_columns(const Task<T>& t, T* a) {
        for (Int i = 0; i < t.in.count; ++i) {
            const T* from = t.in.at + i * t.in.step;
            V pair[2] = {};
            if (t.lanes == kWidth) {
                pair[0] = load(from);
                pair[1] = load(from + kWidth);
            } else {
                std::memcpy(pair, from, 2 * sizeof(T) * std::size_t(t.lanes));
            }
            set(a, i, exchanged(parted(pair[0], pair[1], Indices{}), t.inverse));
        }
    }

    static CHAINRULE_INLINE void write_columns(const Task<T>& t, const T* a) {
        for (Int i = 0; i < t.out.count; ++i) {
            T* to = t.out.at + i * t.out.step;
            C x = exchanged(get(a, i), t.inverse);
            if (t.twist_re) {
                const V re = load(t.twist_re + i * t.twist_step);
                V im = load(t.twist_im + i * t.twist_step);
                x = times(x, re, t.inverse ? -im : im);
            }
            const auto [low, high] =
                joined(C{x.re * t.factor, x.im * t.factor}, Indices{});
            const V pair[2] = {low, high};
            if (t.lanes == kWidth) {
                store(to, low);
                store(to + kWidth, high);
            } else {
                std::memcpy(to, pair, 2 * sizeof(T) * std::size_t(t.lanes));
            }
        }
    }

    /// A square of numbers of rows, from number `first` on, becomes one of lanes.
    static CHAINRULE_INLINE void read_square(const Task<T>& t, Int first, Int numbers,
                                             V* square) {
        const std::size_t bytes =
            std::size_t(std::min<Int>(numbers - first, kWidth)) * sizeof(T);
        for (int lane = 0; lane < kWidth; ++lane) {
            square[lane] = V{};
            if (lane >= t.lanes) continue;
            const T* from = t.in.at + lane * t.in.lane + first;
            if (bytes == Bytes)
                square[lane] = load(from);
            else
                std::memcpy(&square[lane], from, bytes);
        }
        transpose<kWidth>(square);
    }

    static CHAINRULE_INLINE void write_square(const Task<T>& t, Int first, Int numbers,
                                              V* square) {
        const std::size_t bytes =
            std::size_t(std::min<Int>(numbers - first, kWidth)) * sizeof(T);
        transpose<kWidth>(square);
        for (int lane = 0; lane < t.lanes; ++lane) {
            T* to = t.out.at + lane * t.out.lane + first;
            if (bytes == Bytes)
                store(to, square[lane]);
            else
                std::memcpy(to, &square[lane], bytes);
        }
    }

    /// A row alone, which squares would be too much for.
    static CHAINRULE_INLINE void read_row(const Task<T>& t, T* a) {
        for (Int i = 0; i < t.in.count; ++i) {
            C x{};
            x.re[0] = t.in.at[t.in.is_real ? i : 2 * i];
            if (!t.in.is_real) x.im[0] = t.in.at[2 * i + 1];
            set(a, i, exchanged(x, t.inverse));
        }
    }

    static CHAINRULE_INLINE void write_row(const Task<T>& t, const T* a) {
        const Int re = t.inverse ? kWidth : 0;
        for (Int i = 0; i < t.out.count; ++i) {
            const T* x = a + 2 * kWidth * i;
            t.out.at[t.out.is_real ? i : 2 * i] = x[re] * t.factor;
            if (!t.out.is_real) t.out.at[2 * i + 1] = x[kWidth - re] * t.factor;
        }
    }

    static CHAINRULE_INLINE void read_rows(const Task<T>& t, T* a) {
        if (t.lanes == 1) return read_row(t, a);
        const Int each = t.in.is_real ? 1 : 2, numbers = t.in.count * each;
        for (Int first = 0; first < numbers; first += kWidth) {
            V square[kWidth];
            read_square(t, first, numbers, square);
            for (Int k = 0; k < std::min<Int>(numbers - first, kWidth); k += each) {
                const C x = each == 1 ? C{square[k], V{}} : C{square[k], square[k + 1]};
                set(a, (first + k) / each, exchanged(x, t.inverse));
            }
        }
    }

    /// Of the transform of pairs of neighbours, a_2k + i a_2k+1, that of the numbers.
    static CHAINRULE_INLINE C of_pairs(const Task<T>& t, const T* a, Int k) {
        const Int half = t.lanes_of->n;
        const C x = get(a, k == half ? 0 : k), y = get(a, k == 0 ? 0 : half - k);
        const C even = {x.re + y.re, x.im - y.im}, odd = {x.im + y.im, y.re - x.re};
        const C z = even + times(odd, t.roots[2 * k], t.roots[2 * k + 1]);
        return {z.re * T(0.5), z.im * T(0.5)};
    }

    static CHAINRULE_INLINE void write_rows(const Task<T>& t, const T* a) {
        if (t.lanes == 1) return write_row(t, a);
        const bool pairs = t.kind == Kind::kFromReal && t.roots;
        const Int each = t.out.is_real ? 1 : 2, numbers = t.out.count * each;
        for (Int first = 0; first < numbers; first += kWidth) {
            V square[kWidth];
            for (Int k = 0; k < kWidth; k += each) {
                const Int i = std::min((first + k) / each, t.out.count - 1);
                const C x = pairs ? of_pairs(t, a, i) : exchanged(get(a, i), t.inverse);
                square[k] = x.re * t.factor;
                if (each == 2) square[k + 1] = x.im * t.factor;
            }
            write_square(t, first, numbers, square);
        }
    }

    // --- real transforms

    /// The way back; buffers are those of an inverse transform, parts exchanged.
    static CHAINRULE_INLINE void join_pairs(Int half, const T* roots, const T* a,
                                            T* b) {
        for (Int k = 0; k < half; ++k) {
            C x = exchanged(get(a, k), true), y = exchanged(get(a, half - k), true);
            if (k == 0) x.im = y.im = V{};
            const C even = {x.re + y.re, x.im - y.im}, odd = {x.re - y.re, x.im + y.im};
            const C z = times(odd, roots[2 * k], -roots[2 * k + 1]);
            set(b, k, {even.im + z.re, even.re - z.im});
        }
    }

    /// The redundant half of an odd number of elements; parts exchanged.
    static CHAINRULE_INLINE void mirror(Int n, T* a) {
        const C first = get(a, 0);
        set(a, 0, {V{}, first.im});
        for (Int k = 1; k <= n / 2; ++k) {
            const C x = get(a, k);
            set(a, n - k, {-x.re, x.im});
        }
    }

    static CHAINRULE_INLINE void work(const Task<T>& t) {
        const Int room = t.lanes_of->room() * 2 * kWidth;
        T *a = t.work, *b = a + room;
        if (t.in.columns)
            read_columns(t, a);
        else
            read_rows(t, a);
        if (t.kind == Kind::kToReal && t.roots) {
            join_pairs(t.lanes_of->n, t.roots, a, b);
            std::swap(a, b);
        } else if (t.kind == Kind::kToReal) {
            mirror(t.lanes_of->n, a);
        }
        run(*t.lanes_of, a, b);
        if (t.kind == Kind::kFromReal && t.roots && t.lanes == 1) {
            for (Int k = 0; k <= t.lanes_of->n; ++k) set(b, k, of_pairs(t, a, k));
            std::swap(a, b);
        }
        if (t.out.columns)
            write_columns(t, a);
        else
            write_rows(t, a);
    }
};

}  // namespace
}  // namespace chainrule::fft
