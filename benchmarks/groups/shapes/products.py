"""Products of matrices, long, thin, small and odd, plain, transposed, in layers, derived."""

from benchmarks.shapes import Family, gradient, normal

family = Family("products")

PLAIN = (
    (1, 1024, 1024),
    (8, 1024, 1024),
    (1024, 8, 1024),
    (1024, 1024, 8),
    (1024, 1024, 1),
    (100_000, 16, 16),
    (16, 100_000, 16),
    (2, 100_000, 2),
    (33, 7, 5000),
    (127, 129, 131),
    (300, 300, 300),
    (64, 4096, 64),
    (2048, 64, 2048),
)
SOME = (
    (8, 1024, 1024),
    (1024, 8, 1024),
    (100_000, 16, 16),
    (300, 300, 300),
    (64, 4096, 64),
)


def product(np, x, y):
    return x @ y


def left_transposed(np, x, y):
    return x.T @ y


def right_transposed(np, x, y):
    return x @ y.T


def layer(lib, x, w, b):
    return lib.nn.relu(x @ w + b)


def squashed(lib, x, y):
    return lib.numpy.tanh(x @ y)


for m, k, n in PLAIN:
    family.kernel("x @ y", product, normal(m, k), normal(k, n))
for m, k, n in SOME:
    family.kernel("x.T @ y", left_transposed, normal(k, m), normal(k, n))
    family.kernel("x @ y.T", right_transposed, normal(m, k), normal(n, k))
    family.program("relu(x @ w + b)", layer, normal(m, k), normal(k, n), normal(n))
    family.program(
        "gradients of sum(tanh(x @ y)**2)",
        gradient(squashed, 0, 1),
        normal(m, k, scale=k**-0.5),
        normal(k, n),
        rtol=1e-3,
    )

EQUATIONS = (
    ("bij,bjk->bik", (64, 32, 48), (64, 48, 16)),
    ("bihd,bjhd->bhij", (4, 64, 8, 32), (4, 64, 8, 32)),
    ("ijk,kl->ijl", (32, 100, 64), (64, 128)),
    ("ij,ij->i", (10_000, 64), (10_000, 64)),
    ("ij,ik->ijk", (1000, 30), (1000, 30)),
    ("ijk,ijl->kl", (100, 50, 20), (100, 50, 30)),
    ("i,j->ij", (3000,), (3000,)),
    ("bnm,bnk->bmk", (1000, 20, 6), (1000, 20, 5)),
    ("nij,nkj->nik", (5000, 3, 3), (5000, 3, 3)),
    ("ijkl,jk->il", (20, 30, 40, 50), (30, 40)),
)
for equation, left, right in EQUATIONS:
    contract = lambda np, x, y, equation=equation: np.einsum(equation, x, y)
    family.kernel(f"einsum {equation}", contract, normal(*left), normal(*right))


def chain(np, x, y, z):
    return x @ y @ z


family.kernel("x @ y @ z", chain, normal(500, 20), normal(20, 500), normal(500, 20))
family.kernel("x.T @ x", lambda np, x: x.T @ x, normal(100_000, 10))
family.kernel(
    "x @ y, float16",
    product,
    normal(128, 128, dtype="float16"),
    normal(128, 128, dtype="float16"),
    rtol=5e-3,
)
