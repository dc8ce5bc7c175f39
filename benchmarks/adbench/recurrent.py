"""LSTM: the loss of a network of diagonal weights that predicts a text's next letter.

Two layers, each with four gates of elementwise weights, read a sequence of vectors of 14
entries; the mean log-likelihood of the entries that follow is the objective, and its
gradient by all parameters wanted: reverse mode through time.
"""

from benchmarks.compiled import generator

LAYERS, WIDTH = 2, 14


def inputs(length: int):
    """weights and biases (layers, 4, width), ends (3, width), states, text (n, width)."""
    draw = generator(44)
    letters = draw.integers(0, 2, (length, WIDTH)).astype(float)
    return (
        draw.standard_normal((LAYERS, 4, WIDTH)),
        draw.standard_normal((LAYERS, 4, WIDTH)),
        draw.standard_normal((3, WIDTH)),
        draw.standard_normal((LAYERS, 2, WIDTH)),
        letters,
    )


def layer(np, weights, biases, hidden, cell, x):
    """The next hidden and cell state; forget, enter and leave gates, and the change."""
    sigmoid = lambda v: 1 / (1 + np.exp(-v))
    forget = sigmoid(x * weights[0] + biases[0])
    enter = sigmoid(hidden * weights[1] + biases[1])
    leave = sigmoid(x * weights[2] + biases[2])
    change = np.tanh(hidden * weights[3] + biases[3])
    cell = cell * forget + enter * change
    return leave * np.tanh(cell), cell


def predict(np, weights, biases, ends, states, x):
    """States after reading x, and the logarithms it predicts for the next."""
    x, after = x * ends[0], []
    for k in range(LAYERS):
        x, cell = layer(np, weights[k], biases[k], states[k][0], states[k][1], x)
        after.append((x, cell))
    logs = x * ends[1] + ends[2]
    return after, logs - np.log(np.sum(np.exp(logs)) + 2)


def objective(lib, weights, biases, ends, states, text):
    """Minus the mean of text[t + 1] times its predicted logarithm; a scan in time."""
    np = lib.numpy

    def step(states, pair):
        states, logs = predict(np, weights, biases, ends, states, pair[0])
        return states, np.sum(pair[1] * logs)

    start = [(states[k, 0], states[k, 1]) for k in range(LAYERS)]
    found = lib.lax.scan(step, start, (text[:-1], text[1:]))[1]
    return -np.sum(found) / ((text.shape[0] - 1) * WIDTH)


def unrolled(np, weights, biases, ends, states, text):
    """The same by a Python loop, for a library without scan."""
    total, states = 0.0, [(states[k, 0], states[k, 1]) for k in range(LAYERS)]
    for t in range(text.shape[0] - 1):
        states, logs = predict(np, weights, biases, ends, states, text[t])
        total = total + np.sum(text[t + 1] * logs)
    return -total / ((text.shape[0] - 1) * WIDTH)


def derivative(lib, weights, biases, ends, states, text):
    """The gradient with respect to weights, biases and ends."""
    loss = lambda *p: objective(lib, *p, states, text)
    return lib.grad(loss, (0, 1, 2))(weights, biases, ends)
