"""Training steps, whole: loss, gradient and the updated parameters of small networks.

Every step returns the loss and new parameters; their agreement is checked like that of
any result. PyTorch's users write the same with autograd and update without recording.
"""

import numpy

from benchmarks.compiled import generator, program

GROUP = "learning"
RATE = 0.1
LOOSE = {"f32": 2e-3, "f64": 1e-8}


def weights(draw, *shape):
    """Normal numbers of scale 1/sqrt(inputs)."""
    return draw.standard_normal(shape) / numpy.prod(shape[:-1]) ** 0.5


def descend(lib, loss, parameters, *data):
    """The loss and the parameters after one step of gradient descent."""
    value, gradient = lib.value_and_grad(loss)(parameters, *data)
    update = lambda p, g: p - RATE * g
    return value, lib.tree.map(update, parameters, gradient)


def torch_step(loss):
    """The same step in PyTorch, for a `loss(torch, parameters, *data)` of flat lists."""

    def prepare(torch):
        def step(parameters, *data):
            leaves = [p.detach().requires_grad_() for p in parameters]
            value = loss(torch, leaves, *data)
            gradients = torch.autograd.grad(value, leaves)
            with torch.no_grad():
                return value, [p - RATE * g for p, g in zip(leaves, gradients)]

        return step

    return prepare


def torch_step_compiled(loss):
    """The same, its loss compiled by torch.compile."""

    def prepare(torch):
        compiled = torch.compile(lambda *args: loss(torch, *args))
        return torch_step(lambda torch, *args: compiled(*args))(torch)

    return prepare


def training(
    name, title, loss, inputs, cases, torch_loss=None, compiled=False, small=8
):
    others = {}
    if torch_loss:
        others["torch"] = torch_step(torch_loss)
    if compiled:
        others["torch.compile"] = torch_step_compiled(torch_loss)
    program(
        GROUP,
        name,
        title,
        lambda lib, parameters, *data: descend(
            lib, lambda p, *data: loss(lib, p, *data), parameters, *data
        ),
        inputs,
        cases,
        others=others,
        rtol=LOOSE,
        small=small,
    )


def mlp_inputs(*widths):
    def make(size):
        draw = generator(21)
        parameters = []
        for here, there in zip(widths, widths[1:]):
            parameters += [weights(draw, here, there), 0.1 * draw.normal(size=there)]
        x = draw.standard_normal((size, widths[0]))
        return parameters, x, draw.standard_normal((size, widths[-1]))

    return make


def mlp_loss(lib, parameters, x, y):
    np = lib.numpy
    for w, b in zip(parameters[:-2:2], parameters[1:-2:2]):
        x = np.tanh(x @ w + b)
    return np.mean((x @ parameters[-2] + parameters[-1] - y) ** 2)


def mlp_loss_torch(torch, parameters, x, y):
    for w, b in zip(parameters[:-2:2], parameters[1:-2:2]):
        x = torch.tanh(x @ w + b)
    return torch.mean((x @ parameters[-2] + parameters[-1] - y) ** 2)


training(
    "mlp_small",
    "MLP 16-16-16-16-16-16, batch n",
    mlp_loss,
    mlp_inputs(16, 16, 16, 16, 16, 16),
    "16 f32, 16 f64",
    mlp_loss_torch,
    small=16,
)
training(
    "mlp",
    "MLP 784-256-256-10, batch n",
    mlp_loss,
    mlp_inputs(784, 256, 256, 10),
    "8 f32, 128 f32, 128 f64",
    mlp_loss_torch,
    compiled=True,
)


def cnn_inputs(size):
    draw = generator(22)
    parameters = [
        weights(draw, 3, 3, 3, 32),
        weights(draw, 3, 3, 32, 64),
        weights(draw, 4096, 10),
    ]
    x = draw.standard_normal((size, 32, 32, 3))
    return parameters, x, numpy.eye(10)[draw.integers(0, 10, size)]


def cnn_loss(lib, parameters, x, y):
    np = lib.numpy
    first, second, last = parameters
    for kernel in (first, second):
        x = lib.lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        n, h, w, c = x.shape
        x = np.maximum(x, 0.0).reshape(n, h // 2, 2, w // 2, 2, c).mean((2, 4))
    logits = x.reshape(x.shape[0], -1) @ last
    return -np.mean(np.sum(y * log_softmax(np, logits), axis=-1))


def log_softmax(np, x):
    x = x - np.max(x, axis=-1, keepdims=True)
    return x - np.log(np.sum(np.exp(x), axis=-1, keepdims=True))


def cnn_loss_torch(torch, parameters, x, y):
    first, second, last = parameters
    x = x.permute(0, 3, 1, 2)
    for kernel in (first, second):
        x = torch.nn.functional.conv2d(x, kernel.permute(3, 2, 0, 1), padding=1)
        x = torch.nn.functional.avg_pool2d(torch.relu(x), 2)
    logits = x.permute(0, 2, 3, 1).reshape(len(x), -1) @ last
    return -torch.mean(torch.sum(y * torch.log_softmax(logits, -1), -1))


training(
    "cnn",
    "CNN, two convolutions, images 32 x 32 x 3, batch n",
    cnn_loss,
    cnn_inputs,
    "2 f32, 32 f32, 8 f64",
    cnn_loss_torch,
    small=2,
)

LAYERS, HEADS, WIDTH, WORDS = 2, 4, 64, 100


def transformer_inputs(size):
    draw = generator(23)
    parameters = [weights(draw, WORDS, WIDTH)]
    for _ in range(LAYERS):
        parameters += [
            weights(draw, WIDTH, 3 * WIDTH),
            weights(draw, WIDTH, WIDTH),
            weights(draw, WIDTH, 4 * WIDTH),
            weights(draw, 4 * WIDTH, WIDTH),
        ]
    return parameters, draw.integers(0, WORDS, (2, size)).astype(numpy.int32)


def normalise(np, x):
    centred = x - np.mean(x, axis=-1, keepdims=True)
    return centred / np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + 1e-5)


def attend(np, x, to_qkv, out):
    b, n, width = x.shape
    q, k, v = np.split(x @ to_qkv, 3, axis=-1)
    heads = lambda t: t.reshape(b, n, HEADS, width // HEADS)
    scores = np.einsum("bqhd,bkhd->bhqk", heads(q), heads(k))
    past = np.tril(np.ones((n, n), bool))
    scores = np.where(past, scores * (width // HEADS) ** -0.5, -1e9)
    scores = np.exp(log_softmax(np, scores))
    return np.einsum("bhqk,bkhd->bqhd", scores, heads(v)).reshape(b, n, width) @ out


def transformer_loss(lib, parameters, words):
    np = lib.numpy
    embedding, *layers = parameters
    x = embedding[words]
    for to_qkv, out, up, down in zip(*(layers[i::4] for i in range(4))):
        x = x + attend(np, normalise(np, x), to_qkv, out)
        x = x + np.tanh(normalise(np, x) @ up) @ down
    logs = log_softmax(np, normalise(np, x[:, :-1]) @ embedding.T)
    return -np.mean(np.take_along_axis(logs, words[:, 1:, None], axis=-1))


def transformer_loss_torch(torch, parameters, words):
    functional = torch.nn.functional
    embedding, *layers = parameters
    words = words.long()
    x = embedding[words]
    b, n, width = x.shape
    heads = lambda t: t.reshape(b, n, HEADS, width // HEADS).transpose(1, 2)
    norm = lambda x: functional.layer_norm(x, (width,), eps=1e-5)
    for to_qkv, out, up, down in zip(*(layers[i::4] for i in range(4))):
        q, k, v = map(heads, torch.split(norm(x) @ to_qkv, width, -1))
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + mixed.transpose(1, 2).reshape(b, n, width) @ out
        x = x + torch.tanh(norm(x) @ up) @ down
    logs = torch.log_softmax(norm(x[:, :-1]) @ embedding.T, -1)
    return -torch.mean(torch.take_along_dim(logs, words[:, 1:, None], -1))


training(
    "transformer",
    "transformer, 2 layers of 64, 2 texts of n words",
    transformer_loss,
    transformer_inputs,
    "16 f32, 128 f32, 64 f64",
    transformer_loss_torch,
    compiled=True,
    small=16,
)


def recurrent_inputs(size):
    draw = generator(24)
    parameters = [weights(draw, 64, 128), 0.1 * draw.normal(size=128)]
    return parameters, draw.standard_normal((size, 12, 32))


def recurrent_loss(lib, parameters, x):
    """A gated recurrent network over 12 steps, written out."""
    np, (w, b) = lib.numpy, parameters
    state = np.zeros((x.shape[0], 32), x.dtype)
    cell = state
    for step in range(12):
        gates = np.concatenate([x[:, step], state], axis=1) @ w + b
        keep, enter, leave, new = np.split(gates, 4, axis=1)
        sigmoid = lambda t: 0.5 + 0.5 * np.tanh(0.5 * t)
        cell = sigmoid(keep) * cell + sigmoid(enter) * np.tanh(new)
        state = sigmoid(leave) * np.tanh(cell)
    return np.mean(state**2)


def recurrent_loss_torch(torch, parameters, x):
    w, b = parameters
    state = torch.zeros((x.shape[0], 32), dtype=x.dtype)
    cell = state
    for step in range(12):
        gates = torch.cat([x[:, step], state], 1) @ w + b
        keep, enter, leave, new = torch.chunk(gates, 4, 1)
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(enter) * torch.tanh(new)
        state = torch.sigmoid(leave) * torch.tanh(cell)
    return torch.mean(state**2)


training(
    "lstm",
    "LSTM of 32, 12 steps written out, batch n",
    recurrent_loss,
    recurrent_inputs,
    "8 f32, 64 f64",
    recurrent_loss_torch,
)
