"""Swinging up a pole on a cart: optimal control by the gradient through a simulation.

The forces of 100 intervals are the parameters; a scan of Runge-Kutta steps simulates the
cart, and the gradient of the cost goes back through all steps. Adam (Kingma and Ba, 2015)
minimises it inside of one compiled scan. Cart 1 kg, pole 0.3 kg and 0.5 m, as in Kelly,
An Introduction to Trajectory Optimization (SIAM Review 59, 2017), section 6; motion by
direct shooting.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import chainrule as cr
import chainrule.numpy as cnp

CART, POLE, LENGTH, GRAVITY = 1.0, 0.3, 0.5, 9.81
INTERVALS, DURATION, STEPS, RATE = 100, 2.0, 3000, 0.1
TARGET = np.array([1.0, np.pi, 0.0, 0.0], np.float32)
LIMIT = 20.0


def slope(state, force):
    """Slopes of position, angle (0 hangs down) and their speeds."""
    _, angle, speed, turning = state
    sin, cos = cnp.sin(angle), cnp.cos(angle)
    mass = CART + POLE * sin**2
    push = force + POLE * sin * (LENGTH * turning**2 + GRAVITY * cos)
    fall = force * cos + POLE * LENGTH * turning**2 * sin * cos
    fall = fall + (CART + POLE) * GRAVITY * sin
    return cnp.stack([speed, turning, push / mass, -fall / (LENGTH * mass)])


def simulate(forces):
    """States at the start and after each interval, shape (INTERVALS + 1, 4)."""
    h = DURATION / INTERVALS

    def step(state, force):
        a = slope(state, force)
        b = slope(state + h / 2 * a, force)
        c = slope(state + h / 2 * b, force)
        d = slope(state + h * c, force)
        after = state + h / 6 * (a + 2 * b + 2 * c + d)
        return after, after

    start = cnp.zeros(4)
    return cnp.concatenate([start[None], cr.lax.scan(step, start, forces)[1]])


def cost(raw):
    """Distance of the last state from the target, and the work of the motor."""
    forces = LIMIT * cnp.tanh(raw)
    missed = simulate(forces)[-1] - TARGET
    return 100 * cnp.sum(missed**2) + 0.1 * cnp.mean(forces**2)


@cr.jit
def optimise(raw):
    """All steps of Adam as one scan: the raw forces and the costs on the way."""

    def step(carry, count):
        raw, mean, square = carry
        value, gradient = cr.value_and_grad(cost)(raw)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        rate = RATE * (1 - count / STEPS)
        corrected = cnp.sqrt(1 - 0.99 ** (count + 1)) / (1 - 0.9 ** (count + 1))
        raw = raw - rate * corrected * mean / (cnp.sqrt(square) + 1e-8)
        return (raw, mean, square), value

    zeros = cnp.zeros_like(raw)
    carry, values = cr.lax.scan(step, (raw, zeros, zeros), cnp.arange(STEPS))
    return carry[0], values


def draw_motion(ax, states) -> None:
    """The cart and its pole at every fourth interval, fading in."""
    for k in range(0, INTERVALS + 1, 4):
        x, angle = states[k, 0], states[k, 1]
        shade = 0.15 + 0.85 * k / INTERVALS
        tip = x + LENGTH * np.sin(angle), -LENGTH * np.cos(angle)
        ax.plot([x, tip[0]], [0, tip[1]], "C0", alpha=shade, linewidth=1.5)
        ax.plot(*tip, "C3o", alpha=shade, markersize=5)
    ax.axhline(0, color="0.6", linewidth=1, zorder=0)
    ax.set(xlabel="x [m]", ylabel="height [m]", aspect="equal", title="motion")


def plot(states, forces, values, path: Path) -> None:
    times = np.linspace(0, DURATION, INTERVALS + 1)
    fig, axes = plt.subplot_mosaic(
        [["motion", "motion"], ["states", "force"], ["cost", "cost"]],
        figsize=(10, 11),
        height_ratios=[4, 3, 2],
        layout="constrained",
    )
    draw_motion(axes["motion"], states)
    axes["states"].plot(times, states[:, 0], label="position [m]")
    axes["states"].plot(times, states[:, 1], label="angle [rad]")
    axes["states"].axhline(np.pi, color="k", linewidth=0.8, linestyle="--")
    axes["states"].legend()
    axes["force"].step(times[:-1], forces, where="post", color="C2")
    axes["force"].set(ylabel="force [N]")
    for name in ("states", "force"):
        axes[name].set_xlabel("time [s]")
        axes[name].grid(alpha=0.3)
    axes["cost"].semilogy(values)
    axes["cost"].set(xlabel="step of Adam", ylabel="cost")
    fig.suptitle("A pole swung up by the gradient through its simulation")
    fig.savefig(path, dpi=110)
    plt.close(fig)


def run(output: Path) -> list[str]:
    """Optimise and draw; raises if the pole does not come to stand."""
    raw, values = optimise(0.1 * cnp.sin(cnp.linspace(0, 6.0, INTERVALS)))
    forces = LIMIT * cnp.tanh(raw)
    states = np.asarray(simulate(forces))
    missed = np.abs(states[-1] - TARGET)
    plot(states, np.asarray(forces), np.asarray(values), output / "cart_pole.png")
    if not np.max(missed) < 0.1:
        raise ArithmeticError(
            f"cart-pole: the last state misses its target by {missed}"
        )
    return [
        f"cost from {values[0]:.0f} to {values[-1]:.2f} in {STEPS} steps of Adam",
        f"at the end: angle {np.degrees(states[-1, 1]):.1f} degrees, position"
        f" {states[-1, 0]:.3f} m, speeds within {np.max(missed[2:]):.3f} of rest",
        f"force at most {np.max(np.abs(np.asarray(forces))):.1f} N",
    ]
