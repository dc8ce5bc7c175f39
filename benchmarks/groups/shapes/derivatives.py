"""Gradients of normalisations, losses and attention, Jacobians, Hessians."""

from benchmarks.shapes import Family, gradient, integers, normal

family = Family("derivatives")
LOOSE = 1e-3


def bent_means(lib, x):
    return lib.numpy.tanh(x).mean(0)


def normalised(lib, x, axes):
    np = lib.numpy
    centred = x - x.mean(axes, keepdims=True)
    return np.sin(centred / np.sqrt(x.var(axes, keepdims=True) + 1e-5))


def batch_norm(lib, x):
    return normalised(lib, x, (0, 1))


def layer_norm(lib, x):
    return normalised(lib, x, -1)


for shape in ((3, 1_000_000), (1_000_000, 7), (512, 512), (37, 53)):
    family.program(
        "gradient, means of tanh", gradient(bent_means), normal(*shape), rtol=LOOSE
    )
for shape in ((32, 64, 512), (3, 1000, 1000), (300, 1000, 3)):
    family.program(
        "gradient, batch norm", gradient(batch_norm), normal(*shape), rtol=LOOSE
    )
    family.program(
        "gradient, layer norm", gradient(layer_norm), normal(*shape), rtol=LOOSE
    )
for shape in ((1000, 3), (100, 10_000)):
    softmax = lambda lib, x: lib.nn.softmax(x)
    family.program("gradient, softmax", gradient(softmax), normal(*shape), rtol=LOOSE)
for shape, axis in (((1000, 1000), 0), ((1000, 1000), 1), ((100_000, 3), 1)):
    top = lambda lib, x, axis=axis: lib.numpy.max(x, axis)
    family.program(f"gradient, max, axis {axis}", gradient(top), normal(*shape))
    scan = lambda lib, x, axis=axis: lib.numpy.cumsum(x, axis)
    family.program(
        f"gradient, cumsum, axis {axis}", gradient(scan), normal(*shape), rtol=LOOSE
    )
family.program(
    "gradient, sort", gradient(lambda lib, x: lib.numpy.sort(x) * x), normal(100, 1000)
)


def mixed(lib, x):
    return lib.numpy.sum(lib.numpy.sin(x) * x[::-1] ** 2)


def halves(lib, x):
    half = x.shape[0] // 2
    return lib.numpy.tanh(x[:half] * x[half:])


def rows_gradient(lib, w, x):
    loss = lambda w, x: lib.numpy.sum(lib.numpy.tanh(x @ w) ** 2)
    return lib.vmap(lib.grad(loss), (None, 0))(w, x)


def hessian_product(lib, x, v):
    slope = lib.grad(lambda x: mixed(lib, x))
    return lib.jvp(slope, (x,), (v,))[1]


for name in ("jacfwd", "jacrev"):
    matrix = lambda lib, x, name=name: getattr(lib, name)(lambda x: halves(lib, x))(x)
    family.program(name, matrix, normal(100))
hessian = lambda lib, x: lib.hessian(lambda x: mixed(lib, x))(x)
family.program("hessian", hessian, normal(100))
family.program("hessian", hessian, normal(7))
family.program("Hessian times vector", hessian_product, normal(10_000), normal(10_000))
family.program(
    "gradient by row", rows_gradient, normal(32, 32), normal(256, 32), rtol=LOOSE
)


def loss_by_place(lib, logits, labels):
    logs = lib.nn.log_softmax(logits)
    return -lib.numpy.mean(lib.numpy.take_along_axis(logs, labels[:, None], 1))


def loss_by_one_hot(lib, logits, labels):
    wanted = lib.nn.one_hot(labels, logits.shape[-1])
    return -lib.numpy.mean(lib.numpy.sum(lib.nn.log_softmax(logits) * wanted, -1))


for rows, classes in ((4096, 1000), (10_000, 10)):
    places = normal(rows, classes), integers(classes, rows)
    family.program(
        "gradient, cross entropy", gradient(loss_by_place), *places, rtol=LOOSE
    )
    family.program(
        "gradient, cross entropy by one_hot",
        gradient(loss_by_one_hot),
        *places,
        rtol=LOOSE,
    )


def causal_attention(lib, q, k, v):
    np, length = lib.numpy, q.shape[1]
    scores = np.einsum("bihd,bjhd->bhij", q, k) * q.shape[-1] ** -0.5
    scores = np.where(np.tril(np.ones((length, length), bool)), scores, -1e9)
    return np.einsum("bhij,bjhd->bihd", lib.nn.softmax(scores), v)


for shape in ((2, 256, 8, 64), (1, 100, 3, 20)):
    family.program("causal attention", causal_attention, *[normal(*shape)] * 3)
    family.program(
        "gradients, causal attention",
        gradient(causal_attention, 0, 1, 2),
        *[normal(*shape)] * 3,
        rtol=LOOSE,
    )
