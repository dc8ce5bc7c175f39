"""Accuracy cases of the incomplete gamma and beta functions and of I_0 and I_1.

In the form of special_cases; what the compiled functions are measured with serves these.
"""

import mpmath as mp
from special_cases import powers_of_ten, uniform

from tests.accuracy.references_parametric import PARAMETRIC


def parametric(name, bound):
    """The case of a function that kernels compute as well."""
    subject = PARAMETRIC[name]
    return f"special_{name}", subject.exact, subject.strata, bound


CASES = {
    "igamma": parametric("igamma", 3e-15),
    "igammac": parametric("igammac", 6e-15),
    "igamma_grad_a": parametric("igamma_grad_a", 1e-14),
    "random_gamma_grad": parametric("random_gamma_grad", 1e-14),
    "betainc": parametric("betainc", 1.5e-14),
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
