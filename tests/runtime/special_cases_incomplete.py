"""Accuracy cases of the incomplete gamma and beta functions and of I_0 and I_1.

In the form of special_cases; a stratum that couples its arguments is a function.
"""

import mpmath as mp
import numpy as np
from special_cases import powers_of_ten, uniform


def times(parameter, ratio):
    """a and x = a * ratio."""

    def draw(rng, n):
        a = parameter(rng, n)
        return a, a * ratio(rng, n)

    return draw


def around_mean(first, second, deviations):
    """a, b and x at up to so many standard deviations from the mean of beta(a, b)."""

    def draw(rng, n):
        a, b = first(rng, n), second(rng, n)
        mean = a / (a + b)
        deviation = np.sqrt(mean * (1 - mean) / (a + b + 1))
        x = mean + deviation * rng.uniform(-deviations, deviations, n)
        return a, b, np.clip(x, 1e-9, 1 - 1e-9)

    return draw


def digits_for(small):
    """Digits that leave 40 where 1 - small is subtracted from 1."""
    return 60 + int(max(0, -mp.log10(small)))


def igamma(a, x):
    with mp.workdps(60):
        return mp.gammainc(a, 0, x, regularized=True)


def igammac(a, x):
    with mp.workdps(digits_for(a)):
        return mp.gammainc(a, x, regularized=True)


def igamma_grad_a(a, x):
    """A central difference so narrow that its error is below 1e-40."""
    with mp.workdps(120):
        h = a * mp.mpf(10) ** -30
        return (igamma_at(a + h, x) - igamma_at(a - h, x)) / (2 * h)


def igamma_at(a, x):
    return mp.gammainc(a, 0, x, regularized=True)


def random_gamma_grad(a, x):
    with mp.workdps(120):
        density = x ** (a - 1) * mp.exp(-x) / mp.gamma(a)
        return -igamma_grad_a(a, x) / density


def betainc(a, b, x):
    if x <= (a + 1) / (a + b + 2):
        with mp.workdps(60):
            return mp.betainc(a, b, 0, x, regularized=True)
    with mp.workdps(digits_for(b)):
        return 1 - mp.betainc(b, a, 0, 1 - x, regularized=True)


GAMMA_STRATA = [
    [uniform(0.01, 20), uniform(0.01, 25)],
    [powers_of_ten(-10, 0), uniform(0.1, 5)],
    [powers_of_ten(-10, 0), powers_of_ten(-20, 0)],
    times(uniform(1, 30), uniform(0.05, 3)),
    times(uniform(20, 200), uniform(0.6, 1.5)),
    times(powers_of_ten(2.5, 4), uniform(0.97, 1.03)),
]
TAIL_STRATA = [
    times(uniform(10, 50), powers_of_ten(-2, -0.5)),
    times(uniform(1, 50), uniform(2, 6)),
]
SLOPE_STRATA = [
    [powers_of_ten(-4, 0), uniform(0.1, 5)],
    [powers_of_ten(-2, 0), powers_of_ten(-20, 0)],
    times(uniform(1, 30), uniform(0.05, 3)),
    times(uniform(20, 100), uniform(0.7, 1.4)),
]

CASES = {
    "igamma": ("special_igamma", igamma, GAMMA_STRATA + TAIL_STRATA, 1e-14),
    "igammac": ("special_igammac", igammac, GAMMA_STRATA + TAIL_STRATA, 1e-14),
    "igamma_grad_a": ("special_igamma_grad_a", igamma_grad_a, SLOPE_STRATA, 1e-14),
    "random_gamma_grad": (
        "special_random_gamma_grad",
        random_gamma_grad,
        SLOPE_STRATA,
        1e-14,
    ),
    "betainc": (
        "special_betainc",
        betainc,
        [
            [uniform(0.1, 20), uniform(0.1, 20), uniform(0, 1)],
            [powers_of_ten(-8, 0), powers_of_ten(-8, 0), uniform(0, 1)],
            [powers_of_ten(-8, 1.3), powers_of_ten(-8, 2), powers_of_ten(-10, -1)],
            around_mean(powers_of_ten(0, 3), powers_of_ten(0, 3), 4),
            around_mean(powers_of_ten(0, 3), powers_of_ten(-8, 0), 4),
        ],
        1.5e-14,
    ),
    "bessel_i0e": (
        "special_bessel_i0e",
        lambda x: mp.besseli(0, x) * mp.exp(-abs(x)),
        [[powers_of_ten(-300, 0)], [uniform(-9, 9)], [powers_of_ten(0.9, 4)]],
        5e-16,
    ),
    "bessel_i1e": (
        "special_bessel_i1e",
        lambda x: mp.besseli(1, x) * mp.exp(-abs(x)),
        [[powers_of_ten(-300, 0)], [uniform(-9, 9)], [powers_of_ten(0.9, 4)]],
        1e-15,
    ),
}
