"""Random numbers: the same from the same key in Chainrule and JAX, which is checked.

NumPy and PyTorch draw numbers of their own, with the generators that they have.
"""

import numpy

from benchmarks.budgets import AtMost
from benchmarks.compiled import program
from benchmarks.units import ms

GROUP = "random"


def key(size):
    """A raw key: its two words, and an array that knows the size."""
    return numpy.array([0, size], numpy.uint32), numpy.zeros((size, 0))


def draw(name, title, function, cases, numpy_draw=None, torch_draw=None, **options):
    """A row whose function is given the library, a key and a shape."""
    others = {}
    if numpy_draw:

        def prepare_numpy(np):
            source = np.random.default_rng(0)
            return lambda key, size: numpy_draw(source, len(size), size.dtype)

        others["numpy"] = prepare_numpy
    if torch_draw:
        others["torch"] = lambda torch: (
            lambda key, size: torch_draw(torch, len(size), size.dtype)
        )
    program(
        GROUP,
        name,
        title,
        lambda lib, key, size: function(lib, key, size.shape[:1], size.dtype),
        key,
        cases,
        others=others,
        random=True,
        bound="copy",
        **options,
    )


draw(
    "bits",
    "32 random bits",
    lambda lib, key, shape, dtype: lib.random.bits(key, shape, "uint32"),
    "1K f32, 16M f32",
    lambda source, n, dtype: source.integers(0, 1 << 32, n, numpy.uint32),
    budgets={"16M f32": (AtMost(ms(10)),)},
)
draw(
    "uniform",
    "uniform",
    lambda lib, key, shape, dtype: lib.random.uniform(key, shape, dtype),
    "1K f32, 1M f64, 16M f32",
    lambda source, n, dtype: source.random(n, dtype),
    lambda torch, n, dtype: torch.rand(n, dtype=dtype),
    rtol={"f32": 1e-6, "f64": 1e-12},
)
draw(
    "normal",
    "normal",
    lambda lib, key, shape, dtype: lib.random.normal(key, shape, dtype),
    "1K f32, 1M f64, 4M f32",
    lambda source, n, dtype: source.standard_normal(n, dtype),
    lambda torch, n, dtype: torch.randn(n, dtype=dtype),
)
draw(
    "exponential",
    "exponential",
    lambda lib, key, shape, dtype: lib.random.exponential(key, shape, dtype),
    "1K f32, 1M f32",
    lambda source, n, dtype: source.standard_exponential(n, dtype),
)
draw(
    "dropout",
    "where(bernoulli(0.9), 1 / 0.9, 0)",
    lambda lib, key, shape, dtype: lib.numpy.where(
        lib.random.bernoulli(key, 0.9, shape), dtype.type(1 / 0.9), dtype.type(0)
    ),
    "1K f32, 4M f32",
)
draw(
    "randint",
    "integers below 1000",
    lambda lib, key, shape, dtype: lib.random.randint(key, shape, 0, 1000),
    "1K f32, 1M f32",
    lambda source, n, dtype: source.integers(0, 1000, n, numpy.int32),
)
draw(
    "permutation",
    "permutation",
    lambda lib, key, shape, dtype: lib.random.permutation(key, shape[0]),
    "1K f32, 256K f32",
    lambda source, n, dtype: source.permutation(n),
)
draw(
    "categorical",
    "categorical of 16, n draws",
    lambda lib, key, shape, dtype: lib.random.categorical(
        key, lib.numpy.arange(16.0, dtype=dtype) / 8, shape=shape
    ),
    "1K f32, 64K f32",
)
draw(
    "gamma",
    "gamma of shape 2.5",
    lambda lib, key, shape, dtype: lib.random.gamma(key, 2.5, shape, dtype),
    "1K f32, 1M f32",
    lambda source, n, dtype: source.standard_gamma(2.5, n, dtype),
)
draw(
    "poisson",
    "Poisson of mean 4.5",
    lambda lib, key, shape, dtype: lib.random.poisson(key, 4.5, shape),
    "1K f32, 64K f32",
    lambda source, n, dtype: source.poisson(4.5, n),
)
