"""Writes special_tables.h: the coefficients of the special functions, from mpmath.

Run `python src/runtime/special_tables.py > src/runtime/special_tables.h` after a change
here. Each smooth piece of a function is interpolated at Chebyshev points with 60
digits, cut where the Chebyshev coefficients fall below the tolerance, and stored by
powers of t in [-1, 1], the affine image of the piece's interval, lowest power first.
"""

import mpmath as mp

mp.mp.dps = 60
BELOW_AN_ULP = mp.mpf(10) ** -18


def chebyshev(function, low, high, points=72):
    """Coefficients of the interpolant at the Chebyshev points of [low, high]."""
    angles = [mp.pi * (2 * j + 1) / (2 * points) for j in range(points)]
    middle, half = mp.mpf(low + high) / 2, mp.mpf(high - low) / 2
    values = [function(middle + half * mp.cos(a)) for a in angles]
    sums = [
        mp.fsum(v * mp.cos(k * a) for v, a in zip(values, angles, strict=True))
        for k in range(points)
    ]
    return [sums[0] / points] + [2 * s / points for s in sums[1:]]


def powers(coefficients):
    """The Chebyshev series sum c_k T_k(t) by powers of t."""
    total = [mp.mpf(0)] * len(coefficients)
    current, following = [1], [0, 1]  # T_0, T_1
    for c in coefficients:
        for i, v in enumerate(current):
            total[i] += c * v
        doubled = [0] + [2 * v for v in following]
        padded = current + [0, 0]
        current, following = (
            following,
            [d - p for d, p in zip(doubled, padded, strict=True)],
        )
    return total


def fit(function, low, high, tolerance=BELOW_AN_ULP):
    series = chebyshev(function, mp.mpf(low), mp.mpf(high))
    floor = tolerance * min(
        abs(function(low + (high - low) * mp.mpf(i) / 16)) for i in range(17)
    )
    while abs(series[-1]) < floor:
        series.pop()
    return powers(series)


def temme(count):
    """Taylor coefficients in eta of eta / mu, where eta^2 / 2 = mu - log(1 + mu).

    From mu mu' = (1 + mu) eta, the powers a_k of mu follow one from another; the
    quotient's are those of the reciprocal series.
    """
    a = [mp.mpf(0), mp.mpf(1)]
    for k in range(3, count + 3):
        square = mp.fsum(a[i] * a[k - i] for i in range(2, k - 1))
        a.append(a[k - 2] / k - square / 2)
    a = a[1:]
    quotient = [mp.mpf(1)]
    for n in range(1, count):
        quotient.append(-mp.fsum(a[j] * quotient[n - j] for j in range(1, n + 1)))
    return quotient


def emit(name, comment, values):
    print(f"/// {comment}")
    print(f"constexpr double {name}[] = {{")
    for v in values:
        print(f"    {mp.nstr(v, 19)},")
    print("};\n")


def emit_split(name, comment, value):
    """A constant as the sum of two doubles."""
    high = float(value)
    emit(name, comment + ", in two parts.", [mp.mpf(high), value - mp.mpf(high)])


def gamma_tables():
    root = mp.findroot(mp.digamma, 1.46)
    emit_split("digamma_root", "The positive root of digamma", root)
    emit(
        "digamma_near_root",
        "digamma(x) / (x - root), t = 2 x - 3, 1 <= x <= 2.",
        fit(
            lambda x: (
                mp.digamma(x) / (x - root)
                if abs(x - root) > mp.mpf(10) ** -20
                else mp.polygamma(1, root)
            ),
            1,
            2,
        ),
    )
    emit(
        "digamma_tail",
        "-B_2k / 2k for k = 1, 2, ...",
        [-mp.bernoulli(2 * k) / (2 * k) for k in range(1, 11)],
    )
    emit(
        "euler_maclaurin",
        "B_2j / (2j)! for j = 1, 2, ...",
        [mp.bernoulli(2 * j) / mp.factorial(2 * j) for j in range(1, 19)],
    )
    emit(
        "stirling",
        "B_2k / (2k (2k - 1)) for k = 1, 2, ...",
        [mp.bernoulli(2 * k) / (2 * k * (2 * k - 1)) for k in range(1, 11)],
    )
    emit(
        "log_gamma_quotient",
        "lgamma(1 + a) / a, t = 2 a, |a| <= 1/2.",
        fit(lambda a: mp.loggamma(1 + a) / a if a else -mp.euler, -0.5, 0.5),
    )
    emit(
        "temme_quotient",
        "Powers of eta in eta / mu (see special_incomplete.h).",
        temme(36),
    )


def error_tables():
    rough = mp.mpf(10) ** -10

    def central(w):
        x = mp.sqrt(-mp.expm1(-w))
        return mp.erfinv(x) / x if w else mp.sqrt(mp.pi) / 2

    emit(
        "erf_inv_central",
        "erf_inv(x) / x by w = -log(1 - x^2), t = 0.4 w - 1, 0 <= w <= 5; 10 digits.",
        fit(central, 0, 5, rough),
    )
    emit(
        "erf_inv_tail",
        "erf_inv(x) by r = sqrt(w), t = (r - 4.3) / 2.1, 2.2 <= r <= 6.4; 10 digits.",
        fit(lambda r: mp.erfinv(mp.sqrt(-mp.expm1(-r * r))), 2.2, 6.4, rough),
    )


def bessel_tables():
    for order, name in [(0, "bessel_i0e"), (1, "bessel_i1e")]:
        small = (
            (lambda x: mp.besseli(0, x) * mp.exp(-x))
            if order == 0
            else (lambda x: mp.besseli(1, x) * mp.exp(-x) / x if x else mp.mpf(1) / 2)
        )
        over = "" if order == 0 else " / x"
        emit(
            f"{name}_small",
            f"{name}(x){over}, t = x / 4 - 1, 0 <= x <= 8.",
            fit(small, 0, 8),
        )
        emit(
            f"{name}_large",
            f"sqrt(x) {name}(x), t = 16 / x - 1, x >= 8.",
            fit(
                lambda u, n=order: (
                    mp.besseli(n, 1 / u) * mp.exp(-1 / u) / mp.sqrt(u)
                    if u > mp.mpf(10) ** -30
                    else 1 / mp.sqrt(2 * mp.pi)
                ),
                0,
                0.125,
            ),
        )


def integral_tables():
    root = mp.findroot(mp.ei, 0.37)
    emit_split("expi_root", "The root of Ei", root)
    emit(
        "expi_near_root",
        "Ei(x) / (x - root), t = 4 x - 1.8, 0.2 <= x <= 0.7.",
        fit(lambda x: mp.ei(x) / (x - root), mp.mpf("0.2"), mp.mpf("0.7")),
    )


def main():
    print("// Coefficients of the special functions; written by special_tables.py.")
    print("#pragma once\n\nnamespace chainrule::special {\n")
    gamma_tables()
    error_tables()
    bessel_tables()
    integral_tables()
    print("}  // namespace chainrule::special")


if __name__ == "__main__":
    main()
