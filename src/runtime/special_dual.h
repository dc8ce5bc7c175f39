/// Numbers that carry their derivative with respect to one parameter, so that one
/// expansion gives a function and its derivative.
#pragma once

namespace chainrule::special {

struct Dual {
    double value = 0, slope = 0;
    Dual(double v = 0, double s = 0) : value(v), slope(s) {}
};

inline Dual operator+(Dual a, Dual b) { return {a.value + b.value, a.slope + b.slope}; }
inline Dual operator-(Dual a, Dual b) { return {a.value - b.value, a.slope - b.slope}; }
inline Dual operator*(Dual a, Dual b) {
    return {a.value * b.value, a.slope * b.value + a.value * b.slope};
}
inline Dual operator/(Dual a, Dual b) {
    const double value = a.value / b.value;
    return {value, (a.slope - value * b.slope) / b.value};
}
inline Dual& operator+=(Dual& a, Dual b) { return a = a + b; }
inline Dual& operator*=(Dual& a, Dual b) { return a = a * b; }

inline double value_of(double x) { return x; }
inline double value_of(Dual x) { return x.value; }
/// The larger of the relative sizes of value and slope of `term` against `sum`.
inline double relative_size(double term, double sum) {
    return term < 0 ? relative_size(-term, sum) : term / (sum < 0 ? -sum : sum);
}
inline double relative_size(Dual term, Dual sum) {
    const double value = relative_size(term.value, sum.value);
    if (term.slope == 0) return value;
    const double slope = relative_size(term.slope, sum.slope);
    return value > slope ? value : slope;
}

}  // namespace chainrule::special
