"""A recurrent network that learns five sonnets of Shakespeare, letter by letter.

A gated recurrent unit (Cho et al., 2014) over letters, in plain functions: `lax.scan` runs
along the text, the gradient goes back through the scan, Adam (Kingma and Ba, 2015) updates
the parameters; 50 updates are one compiled call. The trained network then writes: a scan
that draws each letter from the probabilities of the one before. Such a small text it comes
to know by heart, which is how one sees that it learns.
"""

import textwrap
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import chainrule as cr
import chainrule.numpy as cnp

TEXT = (Path(__file__).parent / "data" / "sonnets.txt").read_text()
LETTERS = sorted(set(TEXT))
CODES = np.array([LETTERS.index(letter) for letter in TEXT], np.int32)
WIDTH, BATCH, LENGTH, ROUND, ROUNDS, RATE = 96, 16, 48, 50, 16, 5e-3


def initial_parameters(key):
    """Orthogonal-sized random weights; three gates side by side."""
    keys, n = cr.random.split(key, 3), len(LETTERS)
    return {
        "enter": 0.3 * cr.random.normal(keys[0], (n, 3 * WIDTH)),
        "recur": cr.random.normal(keys[1], (WIDTH, 3 * WIDTH)) / WIDTH**0.5,
        "bias": cnp.zeros(3 * WIDTH),
        "leave": cr.random.normal(keys[2], (WIDTH, n)) / WIDTH**0.5,
    }


def unit(p, state, code):
    """The next state, shape (..., WIDTH), from the letter `code` of shape (...)."""
    entered = p["enter"][code] + p["bias"]
    reset, keep, new = cnp.split(entered, 3, axis=-1)
    old_reset, old_keep, old_new = cnp.split(state @ p["recur"], 3, axis=-1)
    keep = cr.nn.sigmoid(keep + old_keep)
    new = cnp.tanh(new + cr.nn.sigmoid(reset + old_reset) * old_new)
    return keep * state + (1 - keep) * new


def loss(p, codes):
    """Mean cross-entropy of each next letter, in nats; codes of shape (LENGTH + 1, n)."""

    def step(state, pair):
        code, following = pair
        state = unit(p, state, code)
        logs = cr.nn.log_softmax(state @ p["leave"])
        return state, cnp.take_along_axis(logs, following[:, None], axis=1)

    start = cnp.zeros((codes.shape[1], WIDTH))
    return -cr.lax.scan(step, start, (codes[:-1], codes[1:]))[1].mean()


def excerpts(key, codes):
    """BATCH random stretches of the text, each a column; some begin where it begins."""
    starts = cr.random.randint(key, (BATCH,), -LENGTH, len(CODES) - LENGTH - 1)
    return codes[cnp.maximum(starts, 0) + cnp.arange(LENGTH + 1)[:, None]]


@cr.jit
def train(p, moments, key, count, codes):
    """ROUND updates by Adam; the losses on the way."""

    def update(carry, key):
        p, mean, square, count = carry
        value, gradient = cr.value_and_grad(loss)(p, excerpts(key, codes))
        mean = cr.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
        square = cr.tree.map(lambda s, g: 0.99 * s + 0.01 * g**2, square, gradient)
        count = count + 1
        rate = RATE * cnp.sqrt(1 - 0.99**count) / (1 - 0.9**count)
        move = lambda p, m, s: p - rate * m / (cnp.sqrt(s) + 1e-8)
        return (cr.tree.map(move, p, mean, square), mean, square, count), value

    keys = cr.random.split(key, ROUND)
    (p, mean, square, count), values = cr.lax.scan(update, (p, *moments, count), keys)
    return p, (mean, square), count, values


@cr.jit
def write(p, key, temperature):
    """The codes of 200 letters, drawn one after the other after a line's end."""

    def step(carry, key):
        state, code = carry
        state = unit(p, state, code)
        drawn = cr.random.categorical(key, state @ p["leave"] / temperature)
        return (state, drawn.astype(code.dtype)), drawn

    start = cnp.zeros(WIDTH), cnp.int32(LETTERS.index("\n"))
    return cr.lax.scan(step, start, cr.random.split(key, 200))[1]


def as_text(codes) -> str:
    return "".join(LETTERS[int(code)] for code in codes)


def learn(key):
    """Train; the parameters, all losses, and what the network writes after each round."""
    start, key = cr.random.split(key)
    p = initial_parameters(start)
    moments = cr.tree.map(cnp.zeros_like, (p, p))
    count, losses, samples = cnp.float32(0), [], []
    for k in cr.random.split(key, ROUNDS):
        p, moments, count, values = train(p, moments, k, count, cnp.asarray(CODES))
        losses += values.tolist()
        samples.append(as_text(write(p, cr.random.key(0), 0.5)))
    return p, losses, samples


def wrapped(sample: str) -> str:
    lines = sample.strip().splitlines()
    return "\n".join(textwrap.fill(line, 68) for line in lines)


def plot(losses, samples, path: Path) -> None:
    fig, axes = plt.subplots(
        1, 2, figsize=(13, 5.5), width_ratios=[1, 1], layout="constrained"
    )
    axes[0].plot(losses, linewidth=1)
    axes[0].axhline(np.log(len(LETTERS)), color="k", linewidth=0.8, linestyle="--")
    axes[0].set(xlabel="update", ylabel="cross-entropy a letter [nats]", ylim=(0, None))
    axes[0].set_title(f"{len(TEXT)} letters of {len(LETTERS)} kinds; dashed: uniform")
    axes[0].grid(alpha=0.3)
    axes[1].axis("off")
    shown = [(1, samples[0]), (len(samples) // 4, samples[len(samples) // 4 - 1])]
    shown.append((len(samples), samples[-1]))
    text = "\n\n".join(
        f"[after {ROUND * n} updates]\n{wrapped(sample)}" for n, sample in shown
    )
    note = axes[1].text(0, 1, text, family="monospace", fontsize=8.5, va="top")
    note.set_in_layout(False)
    fig.suptitle("A recurrent network learns sonnets, letter by letter")
    fig.savefig(path, dpi=110)
    plt.close(fig)


def run(output: Path) -> list[str]:
    """Train, write, plot; raises if the loss did not fall."""
    begin = time.perf_counter()
    _, losses, samples = learn(cr.random.key(4))
    seconds = time.perf_counter() - begin
    plot(losses, samples, output / "sonnets.png")
    final = float(np.mean(losses[-ROUND:]))
    words = samples[-1].split()
    known = sum(word in TEXT.split() for word in words) / len(words)
    if not final < 0.5 or known < 0.7:
        raise ArithmeticError(
            f"sonnets: cross-entropy {final:.2f} after training; {known:.0%} of the"
            " written words are the text's"
        )
    line = next(line for line in samples[-1].splitlines() if len(line) > 15)
    return [
        f"cross-entropy a letter from {losses[0]:.2f} to {final:.2f} nats in"
        f" {len(losses)} updates ({seconds:.1f} s)",
        f"it writes, {known:.0%} of the words known: {line!r}",
    ]
