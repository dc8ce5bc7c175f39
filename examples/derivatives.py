"""Derivatives by transformation: nested `grad`, `jacrev`, and forward over reverse.

A function and its first three derivatives are plotted from nothing but `grad` applied to
`grad`; then the gradient, Jacobian and Hessian of functions of two variables are printed
beside their closed forms.
"""

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import chainrule as cr
import chainrule.numpy as cnp

TOLERANCE = 1e-5


def wave(x):
    """A damped oscillation."""
    return cnp.exp(-0.3 * x) * cnp.sin(2.0 * x)


def closed_form(x: np.ndarray, order: int) -> np.ndarray:
    """The `order`-th derivative of `wave`: the imaginary part of r^order exp(r x)."""
    rate = -0.3 + 2.0j
    return (rate**order * np.exp(rate * x)).imag


def plot_derivatives(path: Path) -> float:
    """Plot `wave` and three derivatives; return the largest deviation from closed form."""
    derivatives = [wave]
    for _ in range(3):
        derivatives.append(cr.grad(derivatives[-1]))
    xs = np.linspace(0.0, 8.0, 401)
    names = ["f(x) = exp(-0.3 x) sin(2 x)", "grad(f)", "grad(grad(f))"]
    names.append("grad(grad(grad(f)))")
    fig, axes = plt.subplots(4, 1, figsize=(8, 9), sharex=True, layout="constrained")
    deviation = 0.0
    for order, (ax, f, name) in enumerate(zip(axes, derivatives, names, strict=True)):
        ys, exact = np.asarray(cr.vmap(f)(xs)), closed_form(xs, order)
        deviation = max(deviation, float(np.max(np.abs(ys - exact))))
        ax.plot(xs, ys, color=f"C{order}", linewidth=2)
        ax.plot(xs[::20], exact[::20], "k.", markersize=5, label="closed form")
        ax.axhline(0.0, color="0.7", linewidth=0.8, zorder=0)
        ax.set_title(name, family="monospace", fontsize=11, loc="left")
        ax.set_ylabel("f" + "'" * order)
    axes[0].legend(loc="upper right")
    axes[-1].set_xlabel("x")
    fig.suptitle("A function and its first three derivatives by nested grad")
    fig.savefig(path, dpi=110)
    plt.close(fig)
    return deviation


def paraboloid(x, y):
    return x**2 + y**2


def pair(x, y):
    return cnp.array([x**3 + 2 * x**2 + 2 * y**3 + y**2, 4 * x + 3 * y**2])


def hessian(f: Callable) -> Callable:
    """Second derivatives in both variables, forward over reverse."""
    return cr.jacfwd(cr.jacrev(f, argnums=(0, 1)), argnums=(0, 1))


def two_variable_cases(x: float, y: float) -> list[tuple[str, object, object]]:
    """(what, computed, closed form) for the functions of two variables at (x, y)."""
    return [
        (
            "f = x^2 + y^2: gradient",
            cr.grad(paraboloid, argnums=(0, 1))(x, y),
            (2 * x, 2 * y),
        ),
        (
            "f = x^2 + y^2: Hessian",
            hessian(paraboloid)(x, y),
            ((2, 0), (0, 2)),
        ),
        (
            "g = [x^3 + 2x^2 + 2y^3 + y^2, 4x + 3y^2]: Jacobian",
            cr.jacrev(pair, argnums=(0, 1))(x, y),
            ([3 * x**2 + 4 * x, 4], [6 * y**2 + 2 * y, 6 * y]),
        ),
        (
            "g: Hessian",
            hessian(pair)(x, y),
            (([6 * x + 4, 0], [0, 0]), ([0, 0], [12 * y + 2, 6])),
        ),
        (
            "h = x^2 + 2y^2: gradient",
            cr.grad(lambda x, y: x**2 + 2 * y**2, argnums=(0, 1))(x, y),
            (2 * x, 4 * y),
        ),
    ]


def print_two_variable_cases(x: float, y: float) -> float:
    """Print each case beside its closed form; return the largest deviation."""
    deviation = 0.0
    for what, computed, exact in two_variable_cases(x, y):
        ours, theirs = np.asarray(computed, np.float64), np.asarray(exact, np.float64)
        deviation = max(deviation, float(np.max(np.abs(ours - theirs))))
        print(f"  {what} at ({x:g}, {y:g})")
        print(f"    computed     {ours.tolist()}")
        print(f"    closed form  {theirs.tolist()}")
    return deviation


def run(output: Path) -> list[str]:
    """Plot and print; return the summary's lines. Raises if a value is wrong."""
    plotted = plot_derivatives(output / "derivatives.png")
    printed = max(
        print_two_variable_cases(1.0, 1.0), print_two_variable_cases(2.0, 3.0)
    )
    if max(plotted, printed) > TOLERANCE:
        raise ArithmeticError(
            f"derivatives: deviation {max(plotted, printed):.2g} from the closed forms"
        )
    return [
        f"f, f', f'', f''' at 401 points: at most {plotted:.1e} from the closed form",
        f"gradients, Jacobians, Hessians: at most {printed:.1e} from the closed form",
    ]
