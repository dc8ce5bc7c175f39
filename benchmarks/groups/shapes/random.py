"""Random numbers, whole arrays and single ones; the same in Chainrule and JAX."""

from benchmarks.shapes import KEY, Family, normal

family = Family("random")
SHAPE = (1000, 1000)


def draw(title, function, *inputs, **options):
    """A case of `function(random, key, *arrays)`."""
    with_module = lambda lib, *arrays: function(lib.random, *arrays)
    family.program(title, with_module, KEY, *inputs, **options)


for name in (
    "uniform",
    "normal",
    "exponential",
    "laplace",
    "logistic",
    "rademacher",
):
    draw(
        f"{name}, 1000 x 1000",
        lambda random, key, name=name: getattr(random, name)(key, SHAPE),
    )
draw("normal, 3 numbers", lambda random, key: random.normal(key, (3,)))
draw("normal, 37 x 53", lambda random, key: random.normal(key, (37, 53)))
draw(
    "truncated normal, 300 x 1000",
    lambda random, key: random.truncated_normal(key, -1.0, 1.0, (300, 1000)),
)
draw(
    "integers below 10, 1000000",
    lambda random, key: random.randint(key, (1_000_000,), 0, 10),
)
draw("bernoulli, 1000 x 1000", lambda random, key: random.bernoulli(key, 0.3, SHAPE))
draw("choice of 1000, 10000", lambda random, key: random.choice(key, 1000, (10_000,)))
draw(
    "rows permuted",
    lambda random, key, x: random.permutation(key, x),
    normal(10_000, 16),
)
draw(
    "categorical of rows",
    lambda random, key, logits: random.categorical(key, logits),
    normal(10_000, 50),
)
draw("1000 keys", lambda random, key: random.split(key, 1000))
draw("gamma, 3000", lambda random, key: random.gamma(key, 0.7, (3000,)), rtol=1e-3)
draw(
    "normal in 5 dimensions, 10000",
    lambda random, key, mean, root: random.multivariate_normal(
        key, mean, root @ root.T, (10_000,)
    ),
    normal(5),
    normal(5, 5),
    rtol=2e-3,
)
family.program(
    "1000 keys, 10 normals each",
    lambda lib, key: lib.vmap(lambda key: lib.random.normal(key, (10,)))(
        lib.random.split(key, 1000)
    ),
    KEY,
)
family.program(
    "dropout",
    lambda lib, key, x: lib.numpy.where(
        lib.random.bernoulli(key, 0.9, x.shape), x / 0.9, 0
    ),
    KEY,
    normal(300, 700),
)
