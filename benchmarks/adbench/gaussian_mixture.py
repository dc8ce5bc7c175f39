"""Gaussian mixture model: log posterior of points under full covariances.

A component's inverse covariance is Q^T Q with Q lower triangular: exp(q) on its diagonal
and l, row by row, below it; Wishart's prior keeps Q regular. The gradient is that of a
scalar with respect to all parameters: reverse mode.
"""

import math

import numpy

from benchmarks.compiled import generator

GAMMA, SURPLUS = 1.0, 0
"""Of Wishart's distribution: scale and degrees of freedom beyond d + 1."""


def inputs(points: int, dimension: int = 10, components: int = 5):
    """alphas (k,), means (k, d), logarithms (k, d), lower (k, d (d - 1) / 2), x (n, d)."""
    draw = generator(41)
    below = dimension * (dimension - 1) // 2
    return (
        draw.standard_normal(components),
        draw.uniform(0, 1, (components, dimension)),
        draw.standard_normal((components, dimension)),
        draw.standard_normal((components, below)),
        draw.standard_normal((points, dimension)),
    )


def places(dimension: int):
    """Where the entries of l go in a flat d x d matrix, and a matrix of their numbers.

    The second is d (d - 1) / 2 where no entry goes: the number of a zero after them.
    """
    rows, columns = numpy.tril_indices(dimension, -1)
    numbers = numpy.full((dimension, dimension), len(rows))
    numbers[rows, columns] = numpy.arange(len(rows))
    return numbers


def log_sum_exp(np, x):
    highest = np.amax(x, -1)
    return highest + np.log(np.sum(np.exp(x - highest[..., None]), -1))


def prior_constant(dimension: int) -> float:
    """What Wishart's log density has that no parameter changes, per component."""
    n = dimension + SURPLUS + 1
    terms = (math.lgamma(0.5 * (n - i)) for i in range(dimension))
    log_gamma = 0.25 * dimension * (dimension - 1) * math.log(math.pi) + sum(terms)
    return n * dimension * (math.log(GAMMA) - 0.5 * math.log(2)) - log_gamma


def objective(lib, alphas, means, logarithms, lower, x):
    """The log posterior, a scalar."""
    np, (n, d) = lib.numpy, x.shape
    k = alphas.shape[0]
    zero = np.zeros_like(lower[:, :1])
    padded = np.concatenate([lower, zero], 1)
    below = padded[:, places(d).reshape(-1)].reshape(k, d, d)
    scales = np.exp(logarithms)
    apart = x[:, None, :] - means
    turned = scales * apart + np.einsum("kij,nkj->nki", below, apart)
    trace = np.sum(logarithms, 1)
    logs = alphas + trace - 0.5 * np.sum(turned**2, 2)
    likelihood = np.sum(log_sum_exp(np, logs)) - n * log_sum_exp(np, alphas)
    frobenius = np.sum(scales**2) + np.sum(lower**2)
    prior = SURPLUS * np.sum(trace) - 0.5 * GAMMA**2 * frobenius
    constant = k * prior_constant(d) - 0.5 * n * d * math.log(2 * math.pi)
    return likelihood + prior + constant


def derivative(lib, *arrays):
    """The gradient with respect to the parameters, not the points."""
    gradient = lib.grad(lambda *p: objective(lib, *p, arrays[-1]), (0, 1, 2, 3))
    return gradient(*arrays[:-1])
