// Exponentials of small matrices and their derivatives, one for each lane of a vector.
//
// Lanes have their own approximants: one polynomial serves all, whose coefficients are
// zero beyond the degree of a lane's. Each lane is squared as often as it asks for.
//
// Included by each_vectors.h, for each kind of vectors.
#include "small_factors.h"

namespace chainrule::small::CHAINRULE_KIND {
namespace {

/// Matrices, followed by their derivatives where there are two parts.
template <class T, int Parts> struct Jets {
    Matrices<T> part[Parts];
};

/// z = x y; with `add`, z + x y.
template <class T> CHAINRULE_INLINE void multiply(Int n, const Matrices<T>& x,
                                                  const Matrices<T>& y, Matrices<T>& z,
                                                  bool add = false) {
    z.n = n;
    for (Int i = 0; i < n; ++i)
        for (Int j = 0; j < n; ++j) {
            Numbers<T> sum = add ? z(i, j) : Numbers<T>{};
            for (Int k = 0; k < n; ++k) sum += x(i, k) * y(k, j);
            z(i, j) = sum;
        }
}

template <class T, int Parts>
CHAINRULE_INLINE void multiply(Int n, const Jets<T, Parts>& x, const Jets<T, Parts>& y,
                               Jets<T, Parts>& z) {
    multiply(n, x.part[0], y.part[0], z.part[0]);
    if constexpr (Parts == 2) {
        multiply(n, x.part[1], y.part[0], z.part[1]);
        multiply(n, x.part[0], y.part[1], z.part[1], true);
    }
}

/// What each lane does: coefficients, the factor of its matrix and how often it
/// squares; lanes that have no exponential are `lost`.
template <class T> struct Plans {
    static constexpr int kTerms = sizeof(T) == 4 ? 8 : 14;
    Numbers<T> b[kTerms], scale;
    Int squarings[kLanes<T>];
    Integers<T> lost;
    Int most = 0;
};

template <class T, int Parts>
CHAINRULE_INLINE void plan_lanes(const Group<T>& group, Int n, Int max_squarings,
                                 const Matrices<T>& a, Plans<T>& plans) {
    Numbers<T> norm{};
    for (Int j = 0; j < n; ++j) {
        Numbers<T> sum{};
        for (Int i = 0; i < n; ++i) sum += magnitude<T>(a(i, j));
        norm = (sum <= norm) | (norm != norm) ? norm : sum;
    }
    const exponential::Approximant* by[kLanes<T>];
    bool alike = true;
    for (int lane = 0; lane < kLanes<T>; ++lane) {
        const int source = group.source(lane);
        const exponential::Plan plan =
            source == lane
                ? exponential::plan<T>(double(norm[lane]), Parts == 2, max_squarings)
                : exponential::Plan{by[source], int(plans.squarings[source])};
        by[lane] = plan.approximant;
        alike = alike && by[lane] == by[0];
        plans.squarings[lane] = plan.squarings;
        plans.most = std::max<Int>(plans.most, plan.squarings);
        plans.lost[lane] = plan.approximant ? 0 : -1;
        plans.scale[lane] =
            source == lane ? std::ldexp(T(1), -plan.squarings) : plans.scale[source];
    }
    const auto coefficient = [&](int lane, int k) {
        return T((by[lane] ? by[lane] : exponential::kSingle)->b[k]);
    };
    for (int k = 0; k < Plans<T>::kTerms; ++k) {
        plans.b[k] = Numbers<T>{} + coefficient(0, k);
        for (int lane = 1; !alike && lane < kLanes<T>; ++lane)
            plans.b[k][lane] = coefficient(lane, k);
    }
}

/// Numerator and denominator of a Pade approximant in lanes: even + x odd, even - x
/// odd.
template <class T, int Parts> struct Quotients {
    Jets<T, Parts> x, powers[3], odd, even, high, times;
    Int n;

    /// The sum of b_(first + 2k) times the powers from the k-th on.
    CHAINRULE_INLINE void combine(const Plans<T>& plans, int first, int unit,
                                  Jets<T, Parts>& out) const {
        for (int p = 0; p < Parts; ++p) {
            out.part[p].n = n;
            for (Int i = 0; i < n * n; ++i) {
                Numbers<T> sum = plans.b[first] * powers[0].part[p].entries[i];
                for (int k = 1; k < 3; ++k)
                    sum += plans.b[first + 2 * k] * powers[k].part[p].entries[i];
                out.part[p].entries[i] = sum;
            }
        }
        for (Int i = 0; unit >= 0 && i < n; ++i) out.part[0](i, i) += plans.b[unit];
    }

    CHAINRULE_INLINE void add(const Jets<T, Parts>& x, Jets<T, Parts>& sum) const {
        for (int p = 0; p < Parts; ++p)
            for (Int i = 0; i < n * n; ++i)
                sum.part[p].entries[i] += x.part[p].entries[i];
    }

    CHAINRULE_INLINE void expand(const Plans<T>& plans) {
        multiply(n, x, x, powers[0]);
        multiply(n, powers[0], powers[0], powers[1]);
        multiply(n, powers[1], powers[0], powers[2]);
        combine(plans, 3, 1, odd);
        combine(plans, 2, 0, even);
        if constexpr (Plans<T>::kTerms > 8) {
            for (int k = 0; k < 2; ++k) {
                combine(plans, 9 - k, -1, high);
                multiply(n, powers[2], high, times);
                add(times, k == 0 ? odd : even);
            }
        }
        multiply(n, x, odd, times);
        for (int p = 0; p < Parts; ++p)
            for (Int i = 0; i < n * n; ++i) {
                const Numbers<T> shared = even.part[p].entries[i];
                const Numbers<T> differing = times.part[p].entries[i];
                odd.part[p].entries[i] = shared + differing;
                even.part[p].entries[i] = shared - differing;
            }
    }
};

/// b becomes the x with a x = b, by a's factors.
template <class T>
CHAINRULE_INLINE void solve_in_place(const Factors<T>& f, Int n, Matrices<T>& b) {
    for (Int j = 0; j < n; ++j) {
        Sides<T, 1> s{{}, n, 0, 0, 0};
        for (Int i = 0; i < n; ++i) {
            s.x[i][0] = b(0, j);
            for (Int k = 1; k < n; ++k)
                s.x[i][0] =
                    f.order[i] == typename Vectors<T>::Integer(k) ? b(k, j) : s.x[i][0];
        }
        substitute(f.a, s, true, false, true);
        substitute(f.a, s, false, false, false);
        for (Int i = 0; i < n; ++i) b(i, j) = s.x[i][0];
    }
}

/// The quotient, in `odd`.
template <class T, int Parts>
CHAINRULE_INLINE void divide(Quotients<T, Parts>& q, Factors<T>& f) {
    f.a.n = q.n;
    std::copy_n(q.even.part[0].entries, q.n * q.n, f.a.entries);
    factorise(f, q.n);
    solve_in_place(f, q.n, q.odd.part[0]);
    if constexpr (Parts == 2) {
        multiply(q.n, q.even.part[1], q.odd.part[0], q.times.part[1]);
        for (Int i = 0; i < q.n * q.n; ++i)
            q.odd.part[1].entries[i] -= q.times.part[1].entries[i];
        solve_in_place(f, q.n, q.odd.part[1]);
    }
}

template <class T, int Parts>
CHAINRULE_INLINE void square(const Plans<T>& plans, Quotients<T, Parts>& q) {
    for (Int step = 0; step < plans.most; ++step) {
        multiply(q.n, q.odd, q.odd, q.times);
        Integers<T> more;
        for (int lane = 0; lane < kLanes<T>; ++lane)
            more[lane] = plans.squarings[lane] > step ? -1 : 0;
        for (int p = 0; p < Parts; ++p)
            for (Int i = 0; i < q.n * q.n; ++i) {
                Numbers<T>& entry = q.odd.part[p].entries[i];
                entry = more ? q.times.part[p].entries[i] : entry;
            }
    }
}

template <int Parts, class T>
void exponential_all(Int n, Int max_squarings, Int count, const T* a, const T* e,
                     T* out) {
    Quotients<T, Parts> q;
    Factors<T> f;
    q.n = n;
    for (Int first = 0; first < count; first += kLanes<T>) {
        const Group<T> group(first, count);
        Plans<T> plans{};
        for (int p = 0; p < Parts; ++p) read(group, n, p == 0 ? a : e, q.x.part[p]);
        plan_lanes<T, Parts>(group, n, max_squarings, q.x.part[0], plans);
        for (int p = 0; p < Parts; ++p)
            for (Int i = 0; i < n * n; ++i) q.x.part[p].entries[i] *= plans.scale;
        q.expand(plans);
        divide(q, f);
        square(plans, q);
        Matrices<T>& result = q.odd.part[Parts - 1];
        for (Int i = 0; i < n * n; ++i)
            result.entries[i] = plans.lost ? nan<T>() : result.entries[i];
        write(group, n, result, out);
    }
}

}  // namespace
}  // namespace chainrule::small::CHAINRULE_KIND
