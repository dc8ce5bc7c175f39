"""The accuracy each special function keeps: strata of arguments, references, bounds.

A case is `name: (ufunc, reference, strata, bound)`. The reference takes mpmath numbers;
strata are samplers of argument tuples, at the ends of the range and in its middle; the
bound is the largest relative error in float64 that any sample may have.
"""

import mpmath as mp

from tests.accuracy.references_parametric import integers, powers_of_ten, uniform


def near(point, low, high):
    """Points at distances 10**low ... 10**high below `point`."""
    return lambda rng, n: point - 10.0 ** rng.uniform(low, high, n)


def log_abs_gamma(x):
    return mp.log(abs(mp.gamma(x)))


def hurwitz_zeta(s, q):
    small = s * mp.log10(q) if q > 1 else 0  # mpmath's error is absolute
    with mp.workdps(40 + int(small)):
        return mp.zeta(s, q)


def polygamma(n, x):
    with mp.workdps(200):
        return mp.polygamma(int(n), x)


def erfcx(x):
    return mp.exp(x * x) * mp.erfc(x)


def erfc_inv(q):
    """Newton's method on log erfc from its leading asymptotic term."""
    if q > 1:
        return -erfc_inv(2 - q)
    if q > mp.mpf("0.01"):
        return mp.erfinv(1 - q)
    with mp.workdps(40):
        target = mp.log(q)
        y = mp.sqrt(-target)
        for _ in range(30):
            slope = -2 / mp.sqrt(mp.pi) * mp.exp(-y * y) / mp.erfc(y)
            y -= (mp.log(mp.erfc(y)) - target) / slope
        return y


def ndtri(p):
    return -mp.sqrt(2) * erfc_inv(2 * p)


def log_ndtr(x):
    with mp.workdps(400):
        return mp.log(mp.erfc(-x / mp.sqrt(2)) / 2)


CASES = {
    "lgamma": (
        "special_lgamma",
        log_abs_gamma,
        [
            [powers_of_ten(-300, -5)],
            [uniform(0, 4)],
            [uniform(4, 170)],
            [powers_of_ten(2, 5)],
            [uniform(-30, 0)],
        ],
        1e-15,
    ),
    "digamma": (
        "special_digamma",
        mp.digamma,
        [
            [powers_of_ten(-300, 0)],
            [uniform(1, 2)],
            [uniform(2, 11)],
            [powers_of_ten(1, 15)],
            [powers_of_ten(-300, -2, sign=-1)],
        ],
        5e-16,
    ),
    # Between two poles digamma has a root, where only the absolute error is small.
    "digamma left": (
        "special_digamma",
        mp.digamma,
        [[uniform(-1, -0.7)], [uniform(-20.4, -20.1)]],
        5e-15,
    ),
    "zeta": (
        "special_zeta",
        hurwitz_zeta,
        [
            [uniform(1.0001, 1.1), powers_of_ten(-3, 3)],
            [uniform(1.1, 5), powers_of_ten(-3, 3)],
            [uniform(5, 40), powers_of_ten(-3, 3)],
            [uniform(40, 100), uniform(0.1, 10)],
            [integers(2, 12), uniform(-20, 0)],
        ],
        1.5e-15,
    ),
    "polygamma": (
        "special_polygamma",
        polygamma,
        [
            [integers(0, 6), powers_of_ten(-3, 4)],
            [integers(6, 60), powers_of_ten(-1, 2)],
            [integers(60, 160), powers_of_ten(0, 1.5)],
        ],
        2e-15,
    ),
    "polygamma of large orders": (
        "special_polygamma",
        polygamma,
        [[integers(171, 400), uniform(60, 400)]],
        4e-15,
    ),
    "polygamma left": (
        "special_polygamma",
        polygamma,
        [[integers(1, 6), uniform(-9.4, -9.0)]],
        5e-15,
    ),
    "erf": ("special_erf", mp.erf, [[powers_of_ten(-300, 0)], [uniform(-6, 6)]], 5e-16),
    "erfc": (
        "special_erfc",
        mp.erfc,
        [[powers_of_ten(-20, 0)], [uniform(-6, 6)], [uniform(6, 26)]],
        1e-15,
    ),
    "erfcx": (
        "special_erfcx",
        erfcx,
        [[uniform(-26, 0)], [uniform(0, 3)], [uniform(3, 40)], [powers_of_ten(1, 2)]],
        1e-15,
    ),
    "erf_inv": (
        "special_erf_inv",
        mp.erfinv,
        [[uniform(-1, 1)], [powers_of_ten(-300, 0)], [near(1, -15.9, -1)]],
        5e-16,
    ),
    "erfc_inv": (
        "special_erfc_inv",
        erfc_inv,
        [[uniform(0, 2)], [powers_of_ten(-15, -2)], [powers_of_ten(-300, -15)]],
        5e-16,
    ),
    "ndtri": (
        "special_ndtri",
        ndtri,
        [[uniform(0, 0.4)], [uniform(0.6, 1)], [powers_of_ten(-300, -2)]],
        1e-15,
    ),
    "log_ndtr": (
        "special_log_ndtr",
        log_ndtr,
        [[uniform(-30, -2)], [uniform(-2, 2)], [uniform(2, 30)]],
        1e-15,
    ),
    "logistic": (
        "special_logistic",
        lambda x: 1 / (1 + mp.exp(-x)),
        [[uniform(-3, 3)], [uniform(-700, 40)]],
        4e-16,
    ),
    "rsqrt": (
        "special_rsqrt",
        lambda x: 1 / mp.sqrt(x),
        [[powers_of_ten(-300, 300)]],
        3e-16,
    ),
    "log1p": ("special_log1p", mp.log1p, [[uniform(-1, 3)]], 3e-16),
    "expm1": ("special_expm1", mp.expm1, [[uniform(-3, 3)]], 4e-16),
}
