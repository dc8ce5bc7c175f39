"""Reductions and functions by row, along every axis of long, thin and small arrays."""

from functools import partial

from benchmarks.shapes import Family, normal

family = Family("reductions")

MATRICES = (
    (3, 1_000_000),
    (1_000_000, 3),
    (1_000_000, 7),
    (100, 100_000),
    (100_000, 100),
    (1000, 3),
    (37, 53),
)
SOME = ((3, 1_000_000), (1_000_000, 3), (1_000_000, 7), (37, 53))
FEW = ((3, 1_000_000), (1_000_000, 7), (1000, 4000))
LARGE = (16384, 1024)
BOXES = ((32, 64, 512), (512, 64, 32), (3, 1000, 1000), (1000, 1000, 3))


def total(np, x, axis):
    return np.sum(x, axis=axis)


def largest(np, x, axis):
    return np.max(x, axis=axis)


def place_of_largest(np, x, axis):
    return np.argmax(x, axis=axis)


def variance(np, x, axis):
    return np.var(x, axis=axis)


def product(np, x, axis):
    return np.prod(1 + 0.001 * x, axis=axis)


def some_beyond(np, x, axis):
    return np.any(x > 3, axis=axis)


def mean_of_numbers(np, x, axis):
    return np.nanmean(np.where(x < 2, x, np.nan), axis=axis)


def squares(np, x, axis):
    return np.sum(x * x, axis=axis)


def softmax(lib, x, axis):
    return lib.nn.softmax(x, axis=axis)


def log_sum_exp(lib, x, axis):
    return lib.scipy.special.logsumexp(x, axis=axis)


def along_axes(title, function, shapes, axes=(0, 1), declare=family.kernel, **options):
    """A case for each shape and axis."""
    for shape in shapes:
        for axis in axes:
            along = partial(function, axis=axis)
            declare(f"{title}, axis {axis}", along, normal(*shape), **options)


along_axes("sum", total, (*MATRICES, LARGE))
along_axes("sum", total, ((1_000_000, 3), (512, 512), (3_000_001,)), (None,))
along_axes("max", largest, (*FEW, LARGE), (0,))
along_axes("argmax", place_of_largest, SOME)
along_axes("variance", variance, FEW)
# A million factors, each product rounded: JAX's is off by 3e-4, NumPy's by 3e-5.
along_axes("product", product, ((1_000_000, 3),), rtol=1e-3)
along_axes("any(x > 3)", some_beyond, FEW[:2], (0,))
along_axes("nanmean", mean_of_numbers, ((1000, 1000),), (0,))
along_axes("softmax", softmax, (*SOME, LARGE), declare=family.program)
along_axes("softmax", softmax, BOXES[1:], (1,), declare=family.program)
along_axes("logsumexp", log_sum_exp, FEW, (0,), declare=family.program)
along_axes(
    "sum of squares", squares, (BOXES[0], *BOXES[2:]), (0, 1, (0, 1), (1, 2), (0, 2))
)


def unit_rows(np, x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def standardised_columns(np, x):
    return (x - x.mean(0)) / x.std(0)


def batch_norm(np, x):
    return (x - x.mean((0, 1))) / np.sqrt(x.var((0, 1)) + 1e-5)


def smallest_and_largest(np, x):
    return np.min(x, axis=0), np.max(x, axis=0)


for shape in FEW:
    family.kernel("rows of norm 1", unit_rows, normal(*shape))
    family.kernel("standardised columns", standardised_columns, normal(*shape))
for shape in BOXES:
    family.kernel("batch norm", batch_norm, normal(*shape))
family.kernel("min and max, axis 0", smallest_and_largest, normal(1_000_000, 7))
family.kernel(
    "count_nonzero(x > 0)", lambda np, x: np.count_nonzero(x > 0), normal(512, 512)
)
family.kernel(
    "sum of float16, axis 1",
    partial(total, axis=1),
    normal(1000, 1000, dtype="float16"),
    rtol=1e-3,
)
family.kernel("covariances", lambda np, x: np.cov(x), normal(50, 10000))
