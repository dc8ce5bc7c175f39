"""Best polynomials for a machine: weighted Remez exchange, then rounding with refits.

`minimax` finds the polynomial whose largest weighted error on a grid is smallest
(E. Remez, 1934; Muller, "Elementary Functions", section 3.5), in 60 digits. `rounded`
fixes its coefficients one by one at what the machine holds, lowest first, and fits the
others again, so that each takes up the rounding error of those before it (the
greedy form of Brisebarre and Chevillard, "Efficient polynomial L-approximations", 2007).
"""

import itertools

import mpmath as mp
import numpy as np

try:
    import gmpy2

    gmpy2.get_context().precision = 220
except ImportError:
    gmpy2 = None

mp.mp.dps = 60


def grid(low, high, count):
    """Chebyshev points of [low, high], which lie close together at its ends."""
    low, high = mp.mpf(low), mp.mpf(high)
    middle, half = (low + high) / 2, (high - low) / 2
    return [
        middle - half * mp.cos(mp.pi * (2 * j + 1) / (2 * count)) for j in range(count)
    ]


def evaluate(coefficients, t):
    out = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        out = out * t + c
    return out


def extremes(errors):
    """Indices of the largest error of each run of one sign."""
    picked = []
    for i, e in enumerate(errors):
        if picked and (errors[picked[-1]] > 0) == (e > 0):
            if abs(e) > abs(errors[picked[-1]]):
                picked[-1] = i
        else:
            picked.append(i)
    return picked


def solve(points, values, weights, reference, terms):
    """Coefficients whose weighted errors at the reference are equal and alternate."""
    rows = []
    for sign, i in enumerate(reference):
        row, power = [], points[i] ** 0
        for _ in range(terms):
            row.append(power)
            power *= points[i]
        rows.append([*row, (-1) ** sign / weights[i], values[i]])
    for column in range(terms + 1):
        pivot = max(range(column, terms + 1), key=lambda r: abs(rows[r][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        top = rows[column]
        for row in rows[column + 1 :]:
            factor = row[column] / top[column]
            for k in range(column + 1, terms + 2):
                row[k] -= factor * top[k]
    solution = [0] * (terms + 1)
    for r in reversed(range(terms + 1)):
        rest = sum(rows[r][k] * solution[k] for k in range(r + 1, terms + 1))
        solution[r] = (rows[r][terms + 1] - rest) / rows[r][r]
    return solution[:terms], abs(solution[terms])


def quick(number):
    """The mpmath number as one of gmpy2, where that is installed: ten times faster."""
    if gmpy2 is None:
        return number
    sign, mantissa, exponent, _ = number._mpf_
    out = gmpy2.mpfr(mantissa)
    shift = gmpy2.mul_2exp if exponent >= 0 else gmpy2.div_2exp
    return shift(-out if sign else out, abs(exponent))


def exact(number):
    """Back to mpmath."""
    if gmpy2 is None:
        return number
    numerator, denominator = number.as_integer_ratio()
    return mp.mpf(int(numerator)) / int(denominator)


def minimax(points, values, weights, terms):
    """(coefficients, largest weighted error) of the best polynomial of so many terms."""
    columns = [[quick(v) for v in column] for column in (points, values, weights)]
    coefficients, worst = exchange(*columns, terms)
    return [exact(c) for c in coefficients], exact(worst)


def first_reference(terms, count):
    """Where on the grid the error of a Chebyshev series would be largest."""
    angles = np.pi * (2 * np.arange(terms + 1) + 1) / (2 * (terms + 1))
    reference = ((1 - np.cos(angles)) / 2 * count).astype(int).tolist()
    for j in range(1, terms + 1):
        reference[j] = max(reference[j], reference[j - 1] + 1)
    return reference


def thin(reference, errors, size):
    """Leaves out points where the error is least, so that signs still alternate: from an
    end, or two neighbours."""
    reference = list(reference)
    while len(reference) > size:
        ends = [abs(errors[reference[0]]), abs(errors[reference[-1]])]
        if len(reference) > size + 1:
            pairs = [
                max(abs(errors[a]), abs(errors[b]))
                for a, b in itertools.pairwise(reference)
            ]
            least = min(range(len(pairs)), key=pairs.__getitem__)
            if pairs[least] < min(ends):
                del reference[least : least + 2]
                continue
        del reference[0 if ends[0] < ends[1] else -1]
    return reference


def exchange(points, values, weights, terms):
    """Remez' exchange on the grid: the best coefficients found, and their error."""
    reference = first_reference(terms, len(points))
    best = None
    for _ in range(50):
        coefficients, level = solve(points, values, weights, reference, terms)
        errors = [
            w * (v - evaluate(coefficients, t))
            for t, v, w in zip(points, values, weights, strict=True)
        ]
        worst = max(abs(e) for e in errors)
        if best is None or worst < best[1]:
            best = coefficients, worst
        reference = thin(extremes(errors), errors, terms + 1)
        if worst <= level * 1.001 or len(reference) <= terms:
            break
    return best


def to_format(value, form):
    """The value rounded to f32 or f64; "pair": the sum of two f64."""
    if form == "f32":
        return mp.mpf(float(np.float32(float(value))))
    if form == "f64":
        return mp.mpf(float(value))
    high = mp.mpf(float(value))
    return high + mp.mpf(float(value - high))


def rounded(points, values, weights, formats):
    """(coefficients in the given formats, lowest first; largest weighted error)."""
    fixed = []
    rest, scale = list(values), list(weights)
    for place, form in enumerate(formats):
        if form == "f32" or place < 12:
            found, _ = minimax(points, rest, scale, len(formats) - place)
        else:  # the rounding errors of f64 further on do not count
            found = found[1:]
        fixed.append(to_format(found[0], form))
        rest = [(v - fixed[-1]) / t for v, t in zip(rest, points, strict=True)]
        scale = [w * abs(t) for w, t in zip(scale, points, strict=True)]
    errors = [
        abs(w * (v - evaluate(fixed, t)))
        for t, v, w in zip(points, values, weights, strict=True)
    ]
    return fixed, max(errors)


def quotient(function, high, degree):
    """(upper, lower), the coefficients of two polynomials of `degree` whose quotient is
    `function` at 2 degree + 1 points of [0, high], the lower beginning with 1; and the
    largest relative error between. The points are Chebyshev's squared, so that they lie
    closest at 0, where an asymptotic series has its singularity. For a Stieltjes function
    all coefficients are positive (Baker and Graves-Morris, "Pade Approximants", 5.4),
    and nothing cancels."""
    high = mp.mpf(high)
    points = [high * ((1 + t) / 2) ** 2 for t in grid(-1, 1, 2 * degree + 1)]
    system, side = mp.matrix(len(points)), mp.matrix(len(points), 1)
    for i, point in enumerate(points):
        side[i] = function(point)
        for j in range(degree + 1):
            system[i, j] = point**j
        for j in range(1, degree + 1):
            system[i, degree + j] = -side[i] * point**j
    solved = list(mp.lu_solve(system, side))
    upper, lower = solved[: degree + 1], [mp.mpf(1), *solved[degree + 1 :]]
    checks = [high * ((1 + t) / 2) ** 4 for t in grid(-1, 1, 8 * degree)]
    error = max(
        abs(evaluate(upper, t) / evaluate(lower, t) / function(t) - 1) for t in checks
    )
    return upper, lower, error
