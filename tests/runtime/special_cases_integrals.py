"""Accuracy cases of the exponential, trigonometric, Fresnel and Dawson integrals.

In the form of special_cases. `ufunc:1` is the second output of a ufunc with two.
"""

import mpmath as mp
from special_cases import integers, near, powers_of_ten, uniform


def dawsn(x):
    with mp.workdps(80):
        return mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x)


CASES = {
    "exp1": (
        "special_exp1",
        mp.e1,
        [[powers_of_ten(-300, 0)], [uniform(0.5, 2)], [powers_of_ten(0, 2.8)]],
        2e-15,
    ),
    "expi": (
        "special_expi",
        mp.ei,
        [
            [powers_of_ten(-300, -1)],
            [uniform(0.1, 0.9)],
            [uniform(1, 50)],
            [powers_of_ten(1.5, 2.84)],
            [powers_of_ten(-20, 2.8, sign=-1)],
        ],
        3e-15,
    ),
    "expn": (
        "special_expn",
        lambda n, x: mp.expint(n, x),
        [
            [integers(0, 5), powers_of_ten(-8, 1)],
            [integers(5, 40), powers_of_ten(-2, 1.3)],
        ],
        1e-15,
    ),
    "Si": (
        "special_sici:0",
        mp.si,
        [[powers_of_ten(-300, 0)], [uniform(-30, 30)]],
        1e-15,
    ),
    "Ci": (
        "special_sici:1",
        mp.ci,
        [[powers_of_ten(-300, -1)], [uniform(0.7, 3)], [uniform(1000, 1000.4)]],
        5e-15,
    ),
    "S": (
        "special_fresnel:0",
        mp.fresnels,
        [[powers_of_ten(-80, 0)], [uniform(-3, 3)], [powers_of_ten(0, 2)]],
        2e-15,
    ),
    "C": (
        "special_fresnel:1",
        mp.fresnelc,
        [[powers_of_ten(-300, 0)], [uniform(-3, 3)], [powers_of_ten(0, 2)]],
        2e-15,
    ),
    "dawsn": (
        "special_dawsn",
        dawsn,
        [[powers_of_ten(-300, 0)], [uniform(-8, 8)], [powers_of_ten(0.5, 6)]],
        8e-15,
    ),
    "spence": (
        "special_spence",
        lambda x: mp.polylog(2, 1 - x),
        [
            [powers_of_ten(-300, 0)],
            [uniform(0.3, 3)],
            [powers_of_ten(0, 300)],
            [near(1, -15, -1)],
        ],
        1e-15,
    ),
}
