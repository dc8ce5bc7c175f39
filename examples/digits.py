"""A classifier of handwritten digits, trained with `value_and_grad` and `jit`.

The data are the 1,797 images of 8x8 of examples/data/README.md; a fifth of them, drawn by
a fixed shuffle, is held out. The model is a multilayer perceptron in plain functions, its
parameters a list of pairs; the optimiser is Adam (Kingma and Ba, 2015, algorithm 1),
written with `tree.map`. Everything runs eagerly.
"""

import gzip
import sys
import time
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np

import chainrule as cr
import chainrule.numpy as cnp

DATA = Path(__file__).parent / "data" / "digits.csv.gz"
WIDTHS = (64, 128, 64, 10)
EPOCHS, BATCH, RATE, DECAY = 60, 128, 3e-3, 1e-4
REQUIRED_ACCURACY = 0.96


class Split(NamedTuple):
    """Images of shape (n, 64) with values in [0, 1], and labels of shape (n,)."""

    images: cr.Array
    labels: cr.Array


def load(key) -> tuple[Split, Split]:
    """The training and the held-out images, four fifths and one fifth."""
    with gzip.open(DATA, "rt") as file:
        table = cnp.asarray(np.loadtxt(file, delimiter=",", dtype=np.float32))
    table = table[cr.random.permutation(key, len(table))]
    split = Split(table[:, :-1] / 16, table[:, -1].astype(int))
    held_out = len(table) // 5
    return Split(*(part[held_out:] for part in split)), Split(
        *(part[:held_out] for part in split)
    )


def initial_parameters(key):
    """Weights of variance 2 / inputs (He et al., 2015) and zero biases."""
    keys = cr.random.split(key, len(WIDTHS) - 1)
    return [
        (cr.random.normal(k, (rows, columns)) * (2 / rows) ** 0.5, cnp.zeros(columns))
        for k, rows, columns in zip(keys, WIDTHS[:-1], WIDTHS[1:], strict=True)
    ]


def log_probabilities(parameters, images):
    """Log-probabilities of the ten digits, shape (n, 10)."""
    hidden = images
    for w, b in parameters[:-1]:
        hidden = cr.nn.relu(hidden @ w + b)
    w, b = parameters[-1]
    return cr.nn.log_softmax(hidden @ w + b)


def loss(parameters, images, labels):
    """Mean cross-entropy with decay of the weights."""
    chosen = log_probabilities(parameters, images)[cnp.arange(len(labels)), labels]
    return -chosen.mean() + DECAY * sum(cnp.sum(w**2) for w, _ in parameters)


def accuracy(parameters, split: Split) -> float:
    predicted = log_probabilities(parameters, split.images).argmax(axis=1)
    return float((predicted == split.labels).mean())


class Adam(NamedTuple):
    """The first and second moments of the gradient, and the number of steps."""

    mean: list
    square: list
    step: int = 0


def adam_update(parameters, gradient, state: Adam, rate: float):
    """New parameters and state after one gradient."""
    step = state.step + 1
    mean = cr.tree.map(lambda m, g: 0.9 * m + 0.1 * g, state.mean, gradient)
    square = cr.tree.map(lambda s, g: 0.99 * s + 0.01 * g * g, state.square, gradient)
    scale = rate * (1 - 0.99**step) ** 0.5 / (1 - 0.9**step)
    parameters = cr.tree.map(
        lambda p, m, s: p - scale * m / (cnp.sqrt(s) + 1e-8), parameters, mean, square
    )
    return parameters, Adam(mean, square, step)


def train_step(parameters, state: Adam, images, labels, rate: float):
    """Parameters and state after one batch, and its loss."""
    value, gradient = cr.value_and_grad(loss)(parameters, images, labels)
    parameters, state = adam_update(parameters, gradient, state, rate)
    return parameters, state, value


def train(key, training: Split, held_out: Split, step=train_step, epochs: int = EPOCHS):
    """The parameters after training, and a list of (loss, held-out loss) per epoch."""
    key, start = cr.random.split(key)
    parameters = initial_parameters(start)
    zeros = cr.tree.map(cnp.zeros_like, parameters)
    state, history = Adam(zeros, zeros), []
    for epoch in range(epochs):
        key, shuffle = cr.random.split(key)
        order = cr.random.permutation(shuffle, len(training.labels))
        rate = RATE * 0.5 * (1 + np.cos(np.pi * epoch / EPOCHS))
        losses = []
        for first in range(0, len(order) - BATCH + 1, BATCH):
            batch = order[first : first + BATCH]
            parameters, state, value = step(
                parameters, state, training.images[batch], training.labels[batch], rate
            )
            losses.append(float(value))
        history.append((np.mean(losses), float(loss(parameters, *held_out))))
        if epochs > 1:
            show_progress(epoch + 1, epochs, f"loss {history[-1][0]:.4f}")
    return parameters, history


def show_progress(done: int, total: int, note: str) -> None:
    """A bar on the terminal's line; without a terminal a line for each fifth."""
    bar = "#" * (30 * done // total)
    if sys.stdout.isatty():
        end = "\n" if done == total else ""
        print(f"\r  [{bar:<30}] epoch {done}/{total}  {note}", end=end, flush=True)
    elif done % (total // 5) == 0:
        print(f"  [{bar:<30}] epoch {done}/{total}  {note}")


def plot_losses(history, path: Path, reached: float) -> None:
    """The mean loss of each epoch and the loss on the held-out images."""
    epochs = np.arange(1, len(history) + 1)
    fig, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
    ax.semilogy(epochs, [h[0] for h in history], linewidth=2, label="training")
    ax.semilogy(epochs, [h[1] for h in history], linewidth=2, label="held out")
    ax.set(xlabel="epoch", ylabel="cross-entropy + weight decay")
    ax.set_title(
        f"Training on the UCI digits: {reached:.2%} right on the held-out fifth"
    )
    ax.grid(alpha=0.3)
    ax.legend()
    fig.savefig(path, dpi=110)
    plt.close(fig)


def plot_misclassified(parameters, held_out: Split, path: Path) -> int:
    """The held-out digits that were taken for another; returns their number."""
    logs = np.asarray(log_probabilities(parameters, held_out.images))
    labels, predicted = np.asarray(held_out.labels), logs.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    columns = max(3, round((2 * len(wrong)) ** 0.5))
    rows = max(1, -(-len(wrong) // columns))
    size = (1.8 * columns + 0.4, 2.3 * rows + 0.7)
    fig, axes = plt.subplots(
        rows, columns, figsize=size, layout="constrained", squeeze=False
    )
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, i in zip(axes.flat, wrong):
        image = np.asarray(held_out.images[i]).reshape(8, 8)
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=1)
        said, meant = np.exp(logs[i, predicted[i]]), np.exp(logs[i, labels[i]])
        ax.set_title(
            f"is {labels[i]} ({meant:.0%})\nread as {predicted[i]} ({said:.0%})",
            fontsize=10,
        )
    fig.suptitle(f"{len(wrong)} of {len(labels)} held-out digits misread", fontsize=12)
    fig.savefig(path, dpi=110)
    plt.close(fig)
    return len(wrong)


def run(output: Path) -> list[str]:
    """Train, plot, and return the summary's lines. Raises if the accuracy is short."""
    shuffle, key = cr.random.split(cr.random.key(0))
    training, held_out = load(shuffle)
    start = time.perf_counter()
    parameters, history = train(key, training, held_out, cr.jit(train_step))
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    train(key, training, held_out, train_step, epochs=1)
    eager = (time.perf_counter() - start) * EPOCHS
    reached = accuracy(parameters, held_out)
    plot_losses(history, output / "digits_loss.png", reached)
    wrong = plot_misclassified(parameters, held_out, output / "digits_misread.png")
    if reached < REQUIRED_ACCURACY:
        raise ArithmeticError(
            f"digits: {reached:.2%} right on the held-out images; "
            f"{REQUIRED_ACCURACY:.0%} are required"
        )
    return [
        f"{reached:.2%} of {len(held_out.labels)} held-out digits read right",
        f"{wrong} misread; at least {REQUIRED_ACCURACY:.0%} right are required",
        f"{EPOCHS} epochs over {len(training.labels)} images in {seconds:.1f} s,"
        f" compiled with jit; the same eagerly takes {eager:.1f} s",
    ]
