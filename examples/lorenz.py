"""How far two weathers drift apart: forward derivatives through a scan of Lorenz's system.

A tangent is carried along 5,000 Runge-Kutta steps by `jvp` through `lax.scan`; its
logarithmic growth is the largest Lyapunov exponent (0.906 at these parameters: Sprott,
Chaos and Time-Series Analysis, 2003). While they are small, true differences between two
trajectories follow the tangent.
"""

from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import chainrule as cr
import chainrule.numpy as cnp

STEP, STEPS, NUDGE = 0.01, 5000, 1e-9
EXPONENT = 0.906


def slope(state, rayleigh):
    x, y, z = state
    return cnp.stack([10.0 * (y - x), x * (rayleigh - z) - y, x * y - 8 / 3 * z])


def runge_kutta(state, rayleigh):
    """A step of the classical method of order 4."""
    a = slope(state, rayleigh)
    b = slope(state + STEP / 2 * a, rayleigh)
    c = slope(state + STEP / 2 * b, rayleigh)
    d = slope(state + STEP * c, rayleigh)
    return state + STEP / 6 * (a + 2 * b + 2 * c + d)


def trajectory(start, rayleigh):
    """The states after each step, shape (STEPS, 3)."""

    def step(state, _):
        state = runge_kutta(state, rayleigh)
        return state, state

    return cr.lax.scan(step, start, None, length=STEPS)[1]


@cr.jit
def sensitivity(start, rayleigh):
    """The trajectory, and its derivative along a nudge of x at the start."""
    nudge = cnp.array([1.0, 0.0, 0.0])
    return cr.jvp(partial(trajectory, rayleigh=rayleigh), (start,), (nudge,))


def growth(tangents):
    """Largest Lyapunov exponent: the slope of log |tangent| over time, transient aside."""
    times = STEP * np.arange(1, STEPS + 1)
    logs = np.log(np.linalg.norm(tangents, axis=1))
    return np.polyfit(times[500:], logs[500:], 1)[0]


def plot(states, apart, tangents, path: Path) -> None:
    times = STEP * np.arange(1, STEPS + 1)
    fig, axes = plt.subplots(
        1, 2, figsize=(12, 5), width_ratios=[2, 3], layout="constrained"
    )
    size = np.log10(np.linalg.norm(tangents, axis=1))
    dots = axes[0].scatter(states[:, 0], states[:, 2], c=size, s=3, cmap="plasma")
    fig.colorbar(dots, ax=axes[0], label="log10 |derivative|")
    axes[0].set(xlabel="x", ylabel="z", title="trajectory")
    axes[1].semilogy(times, apart, color="0.6", linewidth=3, label="two trajectories")
    norms = NUDGE * np.linalg.norm(tangents, axis=1)
    axes[1].semilogy(times, norms, "C3", linewidth=1, label=f"{NUDGE:g} x derivative")
    axes[1].set(xlabel="time", ylabel="distance", ylim=(1e-10, 1e6))
    axes[1].set_title("a nudge of 1e-9, and what the derivative says of it")
    axes[1].legend()
    axes[1].grid(alpha=0.3)
    fig.suptitle("Lorenz's system: sensitivity by forward mode through 5,000 steps")
    fig.savefig(path, dpi=110)
    plt.close(fig)


def run(output: Path) -> list[str]:
    """Derive, compare, plot; raises if derivative and difference do not agree."""
    with cr.enable_x64(True):
        start = cnp.array([1.0, 2.0, 20.0])
        states, tangents = map(np.asarray, sensitivity(start, 28.0))
        nudge = cnp.array([NUDGE, 0.0, 0.0])
        nudged = np.asarray(cr.jit(trajectory)(start + nudge, 28.0))
    apart = np.linalg.norm(nudged - states, axis=1)
    early = 1000
    expected = NUDGE * np.linalg.norm(tangents, axis=1)
    deviation = np.max(np.abs(apart / expected - 1)[:early])
    plot(states, apart, tangents, output / "lorenz.png")
    exponent = growth(tangents)
    if deviation > 1e-2 or abs(exponent - EXPONENT) > 0.1:
        raise ArithmeticError(
            f"lorenz: differences deviate by {deviation:.2g} from the derivative;"
            f" Lyapunov exponent {exponent:.3f}"
        )
    return [
        f"derivative grows by exp({exponent:.3f} t) (largest Lyapunov exponent"
        f" {EXPONENT})",
        f"differences of {NUDGE:g} follow it within {deviation:.1e} up to time"
        f" {early * STEP:g}",
    ]
