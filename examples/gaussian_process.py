"""A Gaussian process fitted by the gradient of its log marginal likelihood.

The likelihood goes through a Cholesky factor (Rasmussen and Williams, 2006, algorithm
2.1), and its gradient with respect to the logarithms of the three hyperparameters comes
from `value_and_grad`: gradient descent with momentum does the rest.
"""

from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.scipy.linalg import cho_solve, solve_triangular

POINTS, NOISE = 60, 0.2


class Kernel(NamedTuple):
    """Logarithms of the amplitude, length scale and standard deviation of the noise."""

    amplitude: cr.Array
    length: cr.Array
    noise: cr.Array


def truth(x):
    return cnp.sin(x) + 0.5 * cnp.sin(2.3 * x)


def covariance(kernel: Kernel, xs, others):
    """Squared-exponential covariance, shape (len(xs), len(others))."""
    scaled = (xs[:, None] - others[None, :]) / cnp.exp(kernel.length)
    return cnp.exp(2 * kernel.amplitude - 0.5 * scaled**2)


def noisy_factor(kernel: Kernel, xs):
    """Cholesky factor of the covariance of the observations at `xs`."""
    noise = cnp.exp(2 * kernel.noise) * cnp.eye(len(xs))
    return cnp.linalg.cholesky(covariance(kernel, xs, xs) + noise)


def negative_log_likelihood(kernel: Kernel, xs, ys):
    """-log p(ys | xs), equation 2.30 of Rasmussen and Williams."""
    factor = noisy_factor(kernel, xs)
    whitened = solve_triangular(factor, ys, lower=True)
    log_det = cnp.sum(cnp.log(cnp.diag(factor)))
    return 0.5 * whitened @ whitened + log_det + 0.5 * len(xs) * cnp.log(2 * cnp.pi)


def predict(kernel: Kernel, xs, ys, new):
    """Posterior mean and standard deviation of the function at the points `new`."""
    factor = noisy_factor(kernel, xs)
    cross = covariance(kernel, xs, new)
    mean = cross.T @ cho_solve((factor, True), ys)
    whitened = solve_triangular(factor, cross, lower=True)
    variance = cnp.exp(2 * kernel.amplitude) - cnp.sum(whitened**2, axis=0)
    return mean, cnp.sqrt(variance)


def fit(kernel: Kernel, xs, ys, steps: int = 200, rate: float = 0.03):
    """Gradient descent with momentum; the fitted kernel and the values on the way."""
    value_and_gradient = cr.value_and_grad(negative_log_likelihood)
    speed = cr.tree.map(cnp.zeros_like, kernel)
    values = []
    for _ in range(steps):
        value, gradient = value_and_gradient(kernel, xs, ys)
        speed = cr.tree.map(lambda v, g: 0.9 * v - rate / len(xs) * g, speed, gradient)
        kernel = cr.tree.map(cnp.add, kernel, speed)
        values.append(float(value))
    return kernel, values, gradient


def observations(key):
    """Noisy values of `truth` at random points of two stretches, with a gap between."""
    where, noise = cr.random.split(key)
    u = cnp.sort(cr.random.uniform(where, (POINTS,)))
    xs = cnp.where(u < 0.6, 8 * u, 8 * u + 1.6)
    return xs, truth(xs) + NOISE * cr.random.normal(noise, (POINTS,))


def plot(kernels, xs, ys, values, path: Path) -> None:
    """The band before and after the fit, and the likelihood on the way."""
    fig, axes = plt.subplot_mosaic(
        [["before", "after"], ["path", "path"]],
        figsize=(11, 7.5),
        height_ratios=[3, 2],
        layout="constrained",
    )
    new = cnp.linspace(-0.5, 10.0, 300)
    for name, kernel in zip(("before", "after"), kernels, strict=True):
        ax = axes[name]
        mean, deviation = (np.asarray(part) for part in predict(kernel, xs, ys, new))
        ax.fill_between(
            new, mean - 2 * deviation, mean + 2 * deviation, alpha=0.25, label="2 sigma"
        )
        ax.plot(new, mean, linewidth=2, label="posterior mean")
        ax.plot(new, truth(new), "k--", linewidth=1, label="true function")
        ax.plot(xs, ys, "k.", markersize=6, label=f"{POINTS} observations")
        amplitude, length, noise = (float(cnp.exp(part)) for part in kernel)
        ax.set_title(
            f"{name} the fit: amplitude {amplitude:.2f}, length {length:.2f}, "
            f"noise {noise:.2f}",
            fontsize=10,
        )
        ax.set(xlabel="x", ylabel="y", ylim=(-3, 3))
    axes["after"].legend(loc="lower left", fontsize=9)
    axes["path"].plot(values, linewidth=2)
    axes["path"].set(xlabel="step", ylabel="-log p(y | x)")
    axes["path"].set_title("negative log marginal likelihood", fontsize=10)
    axes["path"].grid(alpha=0.3)
    fig.suptitle("A Gaussian process fitted by the gradient of its marginal likelihood")
    fig.savefig(path, dpi=110)
    plt.close(fig)


def run(output: Path) -> list[str]:
    """Fit, plot, and return the summary's lines. Raises if the fit did not converge."""
    xs, ys = observations(cr.random.key(1))
    start = Kernel(*(cnp.log(value) for value in (1.0, 0.3, 1.0)))
    kernel, values, gradient = fit(start, xs, ys)
    plot((start, kernel), xs, ys, values, output / "gaussian_process.png")
    slope = max(abs(float(part)) for part in gradient)
    if not slope < 1e-2:
        raise ArithmeticError(f"gaussian process: gradient {slope:.2g} after the fit")
    amplitude, length, noise = (float(cnp.exp(part)) for part in kernel)
    return [
        f"-log p(y | x) from {values[0]:.2f} to {values[-1]:.2f}",
        f"gradient {slope:.0e} after {len(values)} steps",
        f"amplitude {amplitude:.3f}, length {length:.3f}",
        f"noise {noise:.3f}, where the data's is {NOISE}",
    ]
