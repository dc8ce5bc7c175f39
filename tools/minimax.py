"""Best polynomials for a machine: weighted Remez exchange, then rounding with refits.

`minimax` finds the polynomial whose largest weighted error on a grid is smallest
(E. Remez, 1934; Muller, "Elementary Functions", section 3.5), in 60 digits. `rounded`
fixes its coefficients one by one at what the machine holds, lowest first, and fits the
others again, so that each takes up the rounding error of those before it (the
greedy form of Brisebarre and Chevillard, "Efficient polynomial L-approximations", 2007).
"""

import mpmath as mp
import numpy as np

mp.mp.dps = 60


def grid(low, high, count):
    """Chebyshev points of [low, high], which lie close together at its ends."""
    low, high = mp.mpf(low), mp.mpf(high)
    middle, half = (low + high) / 2, (high - low) / 2
    return [
        middle - half * mp.cos(mp.pi * (2 * j + 1) / (2 * count)) for j in range(count)
    ]


def evaluate(coefficients, t):
    out = mp.mpf(0)
    for c in reversed(coefficients):
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
    matrix = mp.matrix(terms + 1, terms + 1)
    right = mp.matrix(terms + 1, 1)
    for row, i in enumerate(reference):
        power = mp.mpf(1)
        for column in range(terms):
            matrix[row, column] = power
            power *= points[i]
        matrix[row, terms] = (-1) ** row / weights[i]
        right[row] = values[i]
    solution = mp.lu_solve(matrix, right)
    return list(solution)[:terms], abs(solution[terms])


def minimax(points, values, weights, terms):
    """(coefficients, largest weighted error) of the best polynomial of so many terms."""
    if terms == 0:
        return [], max(abs(v * w) for v, w in zip(values, weights, strict=True))
    count = len(points)
    reference = [
        int((1 - np.cos(np.pi * (2 * j + 1) / (2 * (terms + 1)))) / 2 * count)
        for j in range(terms + 1)
    ]
    for j in range(1, terms + 1):
        reference[j] = max(reference[j], reference[j - 1] + 1)
    best = None
    for _ in range(60):
        coefficients, level = solve(points, values, weights, reference, terms)
        errors = [
            w * (v - evaluate(coefficients, t))
            for t, v, w in zip(points, values, weights, strict=True)
        ]
        worst = max(abs(e) for e in errors)
        if best is None or worst < best[1]:
            best = coefficients, worst
        if worst <= level * mp.mpf("1.001"):
            break
        reference = extremes(errors)
        while len(reference) > terms + 1:
            drop = 0 if abs(errors[reference[0]]) < abs(errors[reference[-1]]) else -1
            if len(reference) > terms + 2:
                sizes = [
                    max(abs(errors[a]), abs(errors[b]))
                    for a, b in zip(reference, reference[1:], strict=False)
                ]
                least = min(range(len(sizes)), key=sizes.__getitem__)
                ends = min(abs(errors[reference[0]]), abs(errors[reference[-1]]))
                if sizes[least] < ends:
                    del reference[least : least + 2]
                    continue
            del reference[drop]
        if len(reference) < terms + 1:
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
    for form in formats:
        found, _ = minimax(points, rest, scale, len(formats) - len(fixed))
        fixed.append(to_format(found[0], form))
        rest = [(v - fixed[-1]) / t for v, t in zip(rest, points, strict=True)]
        scale = [w * abs(t) for w, t in zip(scale, points, strict=True)]
    errors = [
        abs(w * (v - evaluate(fixed, t)))
        for t, v, w in zip(points, values, weights, strict=True)
    ]
    return fixed, max(errors)
