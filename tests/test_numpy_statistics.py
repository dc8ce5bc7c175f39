"""numpy: reductions, moments, quantiles, histograms and differences are NumPy's."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.core import dtypes

rng = np.random.default_rng(101)
x = rng.standard_normal((3, 4))
y = rng.standard_normal((2, 3, 5))
v = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.5])
mask = rng.random((3, 4)) > 0.4
integers = rng.integers(-9, 9, (3, 4)).astype(np.int32)
weights = rng.random((3, 4)) + 0.1
holes = np.where(rng.random((4, 5)) > 0.6, np.nan, rng.standard_normal((4, 5)))
holes[:, 0] = [1.0, 2.0, np.nan, 3.0]
z = x + 1j * x[::-1]

METHODS = [
    "linear",
    "lower",
    "higher",
    "midpoint",
    "inverted_cdf",
    "averaged_inverted_cdf",
    "hazen",
    "weibull",
    "closest_observation",
    "interpolated_inverted_cdf",
    "median_unbiased",
    "normal_unbiased",
]

CALLS = {
    "sum": lambda xp: xp.sum(x),
    "sum over an axis, kept": lambda xp: xp.sum(y, axis=(0, 2), keepdims=True),
    "sum where": lambda xp: xp.sum(x, axis=0, where=mask, initial=2.0),
    "sum of complex": lambda xp: xp.sum(z, axis=1),
    "sum of nothing": lambda xp: xp.sum(np.zeros((0, 3)), axis=0),
    "prod": lambda xp: xp.prod(x, axis=-1),
    "prod where": lambda xp: xp.prod(x, where=mask),
    "mean": lambda xp: xp.mean(y, axis=1),
    "mean where": lambda xp: xp.mean(x, axis=1, where=mask, keepdims=True),
    "mean of integers": lambda xp: xp.mean(integers, axis=0),
    "max": lambda xp: xp.max(y, axis=(0, 1)),
    "max where": lambda xp: xp.max(x, axis=0, where=mask, initial=-1.0),
    "max of NaN": lambda xp: xp.max(holes, axis=1),
    "min": lambda xp: xp.min(integers, keepdims=True),
    "min of nothing, initial": lambda xp: xp.min(np.zeros(0), initial=3.0),
    "ptp": lambda xp: xp.ptp(x, axis=1),
    "all": lambda xp: xp.all(integers, axis=0),
    "all where": lambda xp: xp.all(mask, axis=0, where=integers > 0),
    "any": lambda xp: xp.any(integers > 7, axis=1, keepdims=True),
    "argmax": lambda xp: xp.argmax(x, axis=1),
    "argmax of NaN": lambda xp: xp.argmax(holes, axis=1),
    "argmin, flat, kept": lambda xp: xp.argmin(x, keepdims=True),
    "count_nonzero": lambda xp: xp.count_nonzero(mask, axis=0),
    "average": lambda xp: xp.average(x, axis=1, weights=weights),
    "average along an axis": lambda xp: xp.average(x, axis=1, weights=weights[0]),
    "var": lambda xp: xp.var(x, axis=0),
    "var, ddof": lambda xp: xp.var(y, axis=(0, 2), ddof=1, keepdims=True),
    "var where": lambda xp: xp.var(x, axis=1, where=mask),
    "var of complex": lambda xp: xp.var(z, axis=0),
    "std": lambda xp: xp.std(integers),
    "cov": lambda xp: xp.cov(x),
    "cov by columns": lambda xp: xp.cov(x, rowvar=False, bias=True),
    "cov of two": lambda xp: xp.cov(x[0], x[1]),
    "cov, weighted": lambda xp: xp.cov(
        x, fweights=np.array([1, 2, 1, 3]), aweights=weights[0]
    ),
    "cov of complex": lambda xp: xp.cov(z),
    "corrcoef": lambda xp: xp.corrcoef(x),
    "nansum": lambda xp: xp.nansum(holes, axis=0),
    "nanprod": lambda xp: xp.nanprod(holes, axis=1),
    "nanmax": lambda xp: xp.nanmax(holes, axis=0),
    "nanmin": lambda xp: xp.nanmin(holes),
    "nanargmax": lambda xp: xp.nanargmax(holes, axis=1),
    "nanargmin": lambda xp: xp.nanargmin(holes),
    "nanmean": lambda xp: xp.nanmean(holes, axis=1),
    "nanvar": lambda xp: xp.nanvar(holes, axis=0, ddof=1),
    "nanstd": lambda xp: xp.nanstd(holes, axis=1, keepdims=True),
    "nancumsum": lambda xp: xp.nancumsum(holes, axis=1),
    "nancumprod": lambda xp: xp.nancumprod(holes),
    "nanmedian": lambda xp: xp.nanmedian(holes, axis=0),
    "nanquantile": lambda xp: xp.nanquantile(holes, np.array([0.2, 0.7]), axis=1),
    "nanpercentile": lambda xp: xp.nanpercentile(holes, 30.0),
    "cumsum": lambda xp: xp.cumsum(x, axis=0),
    "cumsum, flat": lambda xp: xp.cumsum(integers),
    "cumprod": lambda xp: xp.cumprod(x, axis=1),
    "diff": lambda xp: xp.diff(x, n=2, axis=0),
    "diff with ends": lambda xp: xp.diff(x, prepend=0.0, append=x[:, :2]),
    "diff of booleans": lambda xp: xp.diff(mask),
    "ediff1d": lambda xp: xp.ediff1d(v, to_begin=np.array([1.0, 2.0]), to_end=9.0),
    "gradient": lambda xp: xp.gradient(x),
    "gradient, uneven": lambda xp: xp.gradient(v, np.cumsum(v)),
    "gradient along an axis": lambda xp: xp.gradient(y, 0.5, axis=2),
    "trapezoid": lambda xp: xp.trapezoid(x, dx=0.5, axis=0),
    "trapezoid at positions": lambda xp: xp.trapezoid(x, np.cumsum(weights[0])),
    "median": lambda xp: xp.median(y, axis=(0, 2), keepdims=True),
    "percentile": lambda xp: xp.percentile(x, np.array([10.0, 60.0]), axis=1),
    "quantile of NaN": lambda xp: xp.quantile(holes, 0.5, axis=0),
    "quantile, weighted": lambda xp: xp.quantile(
        x, 0.6, axis=1, weights=weights, method="inverted_cdf"
    ),
    **{
        f"quantile, {m}": lambda xp, m=m: xp.quantile(
            v, np.array([0.0, 0.13, 0.5, 0.77, 1.0]), method=m
        )
        for m in METHODS
    },
    "histogram": lambda xp: xp.histogram(v, bins=4),
    "histogram, edges": lambda xp: xp.histogram(v, bins=np.array([0.0, 1.0, 4.0, 5.0])),
    "histogram, density": lambda xp: xp.histogram(v, range=(0.0, 6.0), density=True),
    "histogram, weights": lambda xp: xp.histogram(v, bins=3, weights=v),
    "histogram2d": lambda xp: xp.histogram2d(v, v[::-1], bins=[2, 3]),
    "histogramdd": lambda xp: xp.histogramdd(np.stack([v, v**2], 1), bins=3),
    "histogram_bin_edges": lambda xp: xp.histogram_bin_edges(v, bins=5, range=(0, 7)),
    "bincount": lambda xp: xp.bincount(np.array([1, 3, 1, 0]), minlength=6),
    "bincount, weights": lambda xp: xp.bincount(np.array([1, 3, 1]), v[:3]),
}


def leaves(tree):
    if isinstance(tree, (tuple, list)):
        return [leaf for part in tree for leaf in leaves(part)]
    return [tree]


@pytest.mark.parametrize("name", CALLS)
def test_values_are_those_of_numpy(name):
    call = CALLS[name]
    with np.errstate(all="ignore"), cr.enable_x64(True):
        expected, found = leaves(call(np)), leaves(call(cnp))
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(np.asarray(a), b, rtol=1e-11, atol=1e-12)


RESULTS = {
    # from:     sum        mean       max         cumsum     var
    "bool":     ("int32",    "float32", "bool",     "int32",   "float32"),
    "int8":     ("int32",    "float32", "int8",     "int8",    "float32"),
    "uint8":    ("uint32",   "float32", "uint8",    "uint8",   "float32"),
    "int16":    ("int32",    "float32", "int16",    "int16",   "float32"),
    "int32":    ("int32",    "float32", "int32",    "int32",   "float32"),
    "uint32":   ("uint32",   "float32", "uint32",   "uint32",  "float32"),
    "bfloat16": ("bfloat16", "bfloat16", "bfloat16", "bfloat16", "bfloat16"),
    "float16":  ("float16",  "float16", "float16",  "float16", "float16"),
    "float32":  ("float32",  "float32", "float32",  "float32", "float32"),
    "complex64": ("complex64", "complex64", "complex64", "complex64", "float32"),
}  # fmt: skip


@pytest.mark.parametrize("dtype", RESULTS)
def test_dtypes_of_results(dtype):
    ones = cnp.ones((2, 3), dtype)
    functions = (cnp.sum, cnp.mean, cnp.max, cnp.cumsum, cnp.var)
    assert tuple(str(f(ones).dtype) for f in functions) == RESULTS[dtype]
    assert cnp.argmax(ones.real if dtype == "complex64" else ones).dtype == np.int32
    assert cnp.any(ones).dtype == np.bool_


def test_reductions_are_never_weak():
    weak = cnp.sin(2.0)
    assert weak.weak_type
    for f in (cnp.sum, cnp.prod, cnp.mean, cnp.max, cnp.var, cnp.cumsum, cnp.median):
        assert not f(weak).weak_type


def test_16_bit_means_do_not_overflow_or_stall():
    assert cnp.mean(cnp.full(3000, 300.0, "float16")) == 300.0
    assert cnp.sum(cnp.ones(3000, "bfloat16")) == 3008.0  # 3000, rounded


def test_gradient_of_max_is_shared_at_ties():
    slope = cr.grad(cnp.max)(cnp.array([1.0, 3.0, 3.0, 2.0]))
    assert slope.tolist() == [0.0, 0.5, 0.5, 0.0]


def test_derivatives_of_products_are_exact_at_zeros():
    at = cnp.array([0.0, 3.0, 0.0, 2.0])
    assert cr.grad(cnp.prod)(at).tolist() == [0.0, 0.0, 0.0, 0.0]
    second = np.zeros((4, 4))
    second[0, 2] = second[2, 0] = 6.0
    assert cr.hessian(cnp.prod)(at).tolist() == second.tolist()
    rows = cr.jacobian(cnp.cumprod)(cnp.array([2.0, 0.0, 5.0])).tolist()
    assert rows == [[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 10.0, 0.0]]


def test_quantiles_have_derivatives():
    points = cnp.array([3.0, 1.0, 4.0, 1.5, 5.0])
    slopes = cr.grad(lambda t: cnp.quantile(t, 0.3))(points)
    np.testing.assert_allclose(slopes, [0.2, 0.0, 0.0, 0.8, 0.0], atol=1e-6)
    by_level = cr.grad(lambda q: cnp.quantile(points, q))(0.3)
    np.testing.assert_allclose(by_level, 6.0, rtol=1e-5)


def test_bincount_under_jit_needs_a_length():
    ints = cnp.array([1, 7, -2, 0])
    counts = cr.jit(lambda i: cnp.bincount(i, length=4))(ints)
    assert counts.tolist() == [2, 1, 0, 0]
    with pytest.raises(cr.errors.ConcretizationTypeError, match="static `length`"):
        cr.jit(cnp.bincount)(ints)


def test_dtypes_named_here_exist():
    assert all(name in dtypes.by_name for name in RESULTS)
