"""A pendulum's length, friction and start, from noisy angles: gradients through `odeint`.

The sum of squared misfits is minimised by Gauss and Newton's method with Marquardt's
damping: the Jacobian of the residuals comes in forward mode through the differential
equation, and the gradient is compared with the one of the adjoint equation.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.experimental.ode import odeint

TRUTH = {"length": 1.3, "friction": 0.25, "angle": 1.9, "speed": 0.4}
GUESS = {"length": 0.9, "friction": 0.05, "angle": 1.2, "speed": 0.0}
NOISE, POINTS, STEPS = 0.05, 60, 25
TIMES = np.linspace(0.0, 8.0, POINTS)


def slope(state, t, length, friction):
    angle, speed = state
    return speed, -9.81 / length * cnp.sin(angle) - friction * speed


def angles(parameters, times=TIMES):
    """The pendulum's angle at the times."""
    start = parameters["angle"], parameters["speed"]
    constants = parameters["length"], parameters["friction"]
    return odeint(slope, start, times, *constants, rtol=1e-8, atol=1e-8)[0]


def residuals(vector, seen):
    return (angles(dict(zip(TRUTH, vector, strict=True))) - seen) / NOISE


@cr.jit
def misfit(vector, seen):
    return 0.5 * cnp.sum(residuals(vector, seen) ** 2)


@cr.jit
def proposal(vector, damping, seen):
    """The step of Gauss and Newton with Marquardt's damping, and the Hessian's guess."""
    jacobian = cr.jacfwd(residuals)(vector, seen)
    normal = jacobian.T @ jacobian
    damped = normal + damping * cnp.diag(cnp.diag(normal))
    return cnp.linalg.solve(damped, -jacobian.T @ residuals(vector, seen)), normal


def fit(vector, seen):
    """The fitted parameters, the normal matrix there, and the misfits on the way."""
    damping, misfits = 1e-2, [float(misfit(vector, seen))]
    for _ in range(STEPS):
        step, normal = proposal(vector, damping, seen)
        value = float(misfit(vector + step, seen))
        if value <= misfits[-1]:
            vector, damping = vector + step, damping / 5
        else:
            value, damping = misfits[-1], damping * 5
        misfits.append(value)
    return vector, normal, misfits


def plot(guess, fitted, seen, misfits, path: Path) -> None:
    fine = np.linspace(0.0, 8.0, 400)
    fig, axes = plt.subplots(
        1, 2, figsize=(12, 4.5), width_ratios=[3, 1], layout="constrained"
    )
    curve = lambda vector: angles(dict(zip(TRUTH, vector, strict=True)), fine)
    axes[0].plot(fine, angles(TRUTH, fine), "k--", linewidth=1, label="truth")
    axes[0].plot(fine, curve(guess), color="0.7", linewidth=2, label="first guess")
    axes[0].plot(fine, curve(fitted), color="C0", linewidth=2, label="fitted")
    axes[0].plot(TIMES, seen, "k.", markersize=5, label=f"{POINTS} noisy angles")
    axes[0].set(xlabel="time [s]", ylabel="angle [rad]")
    axes[0].legend(loc="upper right", ncols=2)
    axes[1].semilogy(misfits, "o-", markersize=3)
    axes[1].set(xlabel="step", title="misfit")
    axes[1].grid(alpha=0.3)
    fig.suptitle("A pendulum fitted by derivatives of the solution of its equation")
    fig.savefig(path, dpi=110)
    plt.close(fig)


def modes_apart(vector, seen) -> float:
    """Relative deviation of the adjoint equation's gradient from forward mode's."""
    by_adjoint = np.asarray(cr.jit(cr.grad(misfit))(vector, seen))
    tangents = np.asarray(cr.jit(cr.jacfwd(misfit))(vector, seen))
    return float(np.max(np.abs(by_adjoint - tangents)) / np.max(np.abs(tangents)))


def run(output: Path) -> list[str]:
    """Fit, compare the modes, plot. Raises if the truth is not found."""
    with cr.enable_x64(True):
        noise = NOISE * np.random.default_rng(3).normal(size=POINTS)
        seen = angles(TRUTH) + noise
        guess = cnp.array(list(GUESS.values()))
        fitted, normal, misfits = fit(guess, seen)
        apart = modes_apart(guess, seen)
        plot(guess, fitted, seen, misfits, output / "pendulum.png")
    errors = np.sqrt(np.diag(np.linalg.inv(normal)))
    away = np.max(np.abs(np.asarray(fitted) - list(TRUTH.values())) / errors)
    if apart > 1e-6 or away > 4:
        raise ArithmeticError(
            f"pendulum: gradients differ by {apart:.2g}; the fit is {away:.1f} standard"
            " errors off the truth"
        )
    found = zip(TRUTH, np.asarray(fitted), errors, strict=True)
    return [
        ", ".join(f"{name} {x:.3f} +- {e:.3f}" for name, x, e in found),
        f"truth: {', '.join(f'{name} {x:g}' for name, x in TRUTH.items())}",
        f"misfit from {misfits[0]:.0f} to {misfits[-1]:.1f} for {POINTS} points",
        f"forward and adjoint gradients agree to {apart:.0e}",
    ]
