"""Complex numbers sorted, scanned, reduced and scattered: by kernels, in loops too."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax

from . import native

rng = np.random.default_rng(17)
NAN, INF = np.nan, np.inf


def of_arrays(check):
    return lambda f, *args: check(f, *map(cnp.asarray, args))


run, assert_same, assert_close = map(
    of_arrays, (native.run, native.assert_same, native.assert_close)
)
DTYPES = ["complex64", "complex128"]


def numbers(*shape, dtype="complex64"):
    z = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return z.astype(dtype)


def coarse(*shape, dtype="complex64"):
    """Numbers of which many share a part, or both."""
    return (rng.integers(-3, 3, shape) + 1j * rng.integers(-3, 3, shape)).astype(dtype)


def special(*shape, dtype="complex64"):
    """The same with zeros of both signs, infinities and NaNs in either part."""
    parts = np.array([1, 0.0, -0.0, NAN, -NAN, INF, -INF, -2])
    z = np.empty(shape, dtype)
    z.real, z.imag = rng.choice(parts, shape), rng.choice(parts, shape)
    return z


def in_order(z):
    """The order of the elements by Python's sort: NaN last in either part."""
    key = lambda x: (np.isnan(x.real), x.real, np.isnan(x.imag), x.imag)
    keys = [key(x) for x in np.where(np.isnan(z), z, z + 0).tolist()]
    clean = [tuple(0 if x != x else x for x in k) for k in keys]
    return sorted(range(len(z)), key=clean.__getitem__)


# --- sorting ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("make", [numbers, coarse, special])
@pytest.mark.parametrize("n", [0, 1, 2, 13, 300, 70_001])
def test_sorting(n, make, dtype):
    """Equal elements keep their order, and every element its bits."""
    with cr.enable_x64(True):
        z = make(n, dtype=dtype)
        order = in_order(z)
        (found,) = run(cnp.sort, z)
        assert found.tobytes() == z[order].tobytes()
        assert np.asarray(cnp.sort(z)).tobytes() == found.tobytes()
        (places,) = run(cnp.argsort, z)
        assert places.tolist() == order
        assert cnp.argsort(z).tolist() == order


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_sorting_along_any_axis(axis):
    z = special(5, 70, 6)
    assert_same(lambda z: cnp.sort(z, axis), z)
    assert_same(lambda z: cnp.argsort(z, axis), z)
    assert_same(lambda z: cnp.sort(z * 2j, axis) * (1 + 1j), coarse(5, 70, 6))


def test_sorting_several_operands():
    x, y, z = coarse(40), special(40), np.arange(40)
    assert_same(lambda *xs: lax.sort(xs, num_keys=1), x, y, z)
    assert_same(lambda *xs: lax.sort(xs, num_keys=2), x, y, z)
    assert_same(lambda x, y, z: lax.sort((z % 3, x, y), num_keys=3), x, y, z)
    assert_same(lambda x, y: cnp.lexsort((x, y)), x, y)


def test_what_is_built_on_sorting():
    x, y = coarse(60), special(25)
    assert_same(lambda x: cnp.unique(x, size=60, return_inverse=True), x)
    for side in ("left", "right"):
        assert_same(
            lambda x, y, side=side: cnp.searchsorted(cnp.sort(x), y, side), y, x
        )
        found = cnp.searchsorted(cnp.sort(y), y, side)
        (compiled,) = run(
            lambda y, side=side: cnp.searchsorted(cnp.sort(y), y, side), y
        )
        assert found.tolist() == compiled.tolist()
    assert_same(lambda x: cnp.partition(x, 7), x)


def test_searches_know_the_order_of_sorting():
    """1 + nan i lies before 2, where NumPy has it behind."""
    z = cnp.asarray([2, complex(1, NAN), complex(NAN, -1)])
    assert cnp.argsort(z).tolist() == [1, 0, 2]
    assert cnp.searchsorted(cnp.sort(z), z).tolist() == [1, 0, 2]
    assert cnp.searchsorted(cnp.sort(z), z, "right").tolist() == [2, 1, 3]


# --- scans --------------------------------------------------------------------------------

SCANS = {
    "cumprod": cnp.cumprod,
    "cummax": lax.cummax,
    "cummin": lax.cummin,
    "cumlogsumexp": lax.cumlogsumexp,
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SCANS)
def test_scans(name, dtype):
    with cr.enable_x64(True):
        scan, rtol = SCANS[name], 1e-11 if dtype == "complex128" else 3e-5
        for shape in ((0,), (1,), (9,), (3, 5), (2, 40, 3), (20, 300), (9, 3, 20)):
            z = numbers(*shape, dtype=dtype)
            for axis in range(len(shape)):
                (found,) = run(lambda z, axis=axis: scan(z, axis=axis), z)
                np.testing.assert_allclose(found, scan(z, axis=axis), rtol, rtol)
                back = lambda z, axis=axis: cnp.flip(
                    scan(cnp.flip(z, axis), axis=axis), axis
                )
                (found,) = run(back, z)
                np.testing.assert_allclose(found, back(z), rtol, rtol)


def test_long_products():
    z = np.exp(1j * rng.standard_normal(30_000)).astype("complex64")
    (found,) = run(cnp.cumprod, z)
    np.testing.assert_allclose(found, np.cumprod(z.astype(complex)), 0, 1e-3)


def test_a_scan_begins_with_the_first_number_itself():
    z = np.array([complex(INF, 1), 1, complex(0, NAN)], "complex64")
    for scan in SCANS.values():
        (found,) = run(scan, z)
        np.testing.assert_array_equal(found[0], z[0])


@pytest.mark.parametrize("axis", [0, 1])
def test_linear_recurrences(axis):
    step = lambda z, ab: (ab[0] * z + ab[1],) * 2
    a, b = numbers(50, 20) / 2, numbers(50, 20)

    def by_steps(a, b):
        rows = [cnp.moveaxis(x, axis, 0) for x in (a, b)]
        first = cnp.zeros_like(rows[0][0])
        return cnp.moveaxis(lax.scan(step, first, tuple(rows))[1], 0, axis)

    f = lambda a, b: cr.ops.cumulative.linear_recurrence_p(
        a, b, axis=axis, reverse=False
    )
    (found,) = run(f, a, b)
    np.testing.assert_allclose(found, by_steps(a, b), 1e-4, 1e-5)


# --- reductions and elements --------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 100, 5001, 200_000])
def test_reductions_of_every_length(n):
    z, w = np.exp(1j * rng.standard_normal(n)).astype("complex64"), coarse(n)
    (found,) = run(lambda z: z.prod(), z)
    np.testing.assert_allclose(found, np.prod(z.astype(complex)), 0, 1e-3)
    assert_same(lambda w: (w.max(), w.min(), w.argmax(), w.argmin()), w)
    assert_same(lambda w: (cnp.max(w * 2j), cnp.argmin(1j - w)), w)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_reductions_along_any_axis(axis):
    z, w = numbers(4, 30, 20), coarse(4, 30, 20)
    assert_close(lambda z: z.prod(axis).real, z / 2)
    assert_close(lambda z: (z * 1j).prod(axis).imag, z / 2)
    assert_same(lambda w: (w.max(axis), w.min(axis), w.argmax(axis), w.argmin(axis)), w)


def test_reductions_of_nothing():
    z = np.zeros((3, 0), "complex64")
    f = lambda z: (z.prod(1), z.max(1, initial=2j), z.min(0), z.sum(1))
    assert_same(f, z)
    assert_same(lambda z: lax.reduce(z, 0j, lax.max, (1,)), z)


@pytest.mark.parametrize("n", [3, 40, 3000])
def test_the_first_nan_is_the_extremum(n):
    z = coarse(n)
    places = sorted(rng.choice(n, 2, replace=False).tolist())
    z[places] = complex(1, NAN), complex(NAN, 2)
    (most, least) = run(lambda z: (z.argmax(), z.argmin()), z)
    assert most == least == places[0]
    for found in run(lambda z: (z.max(), z.min()), z):
        assert np.isnan(found)


def test_larger_and_lesser_elements():
    x, y = special(200), special(200)
    for f, of in ((cnp.maximum, np.maximum), (cnp.minimum, np.minimum)):
        (found,) = run(f, x, y)
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(found, of(x, y))
    assert_same(cnp.maximum, coarse(50), coarse(50))


def test_zeros_that_absorb():
    x = np.array([0, 1j, complex(INF, 1), 0, 2 + 1j], "complex64")
    y = np.array([complex(INF, NAN), 2, 0, 0, 1 - 1j], "complex64")
    (found,) = run(lambda x, y: cr.ops.arithmetic.absorbing_mul_p(x, y), x, y)
    np.testing.assert_array_equal(found, [0, 2j, 0, 0, 3 - 1j])


# --- scatters -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_scatters(dtype):
    with cr.enable_x64(True):
        x, v = coarse(30, 4, dtype=dtype), coarse(50, 4, dtype=dtype)
        i = rng.integers(-5, 40, 50)
        for name in ("multiply", "max", "min"):
            f = lambda x, i, v, name=name: getattr(x.at[i], name)(v)
            assert_same(f, cnp.asarray(x), i, v)
            g = lambda x, i, v, name=name: getattr(x.at[i % 30, i % 4], name)(v[:, 0])
            assert_same(g, cnp.asarray(x), abs(i), v)
            clip = lambda x, i, v, name=name: getattr(x.at[i], name)(v, mode="clip")
            assert_same(clip, cnp.asarray(x), i, v)
            h = lambda x, v, name=name: getattr(x.at[:, 1], name)(v[:30, 0]) * 2
            assert_same(h, cnp.asarray(x) * 1j, v)


# --- programs -----------------------------------------------------------------------------

BODIES = {
    "sort": lambda z: cnp.sort(z) * (1 + 0.1j),
    "argsort": lambda z: z[cnp.argsort(z)] * (1 + 0.1j),
    "cumprod": lambda z: z * cnp.cumprod(1 + z / 2000),
    "extrema": lambda z: z - 0.1 * z.max() + 0.05j * z.min(),
    "indices": lambda z: z + z[z.argmax()] - z[z.argmin()] * 1j,
    "prod": lambda z: z * (1 + (1 + z / 2000).prod() / 10),
    "scatter": lambda z: z.at[cnp.array([1, 0, 1])].multiply(0.5j + z[:3]),
    "maximum": lambda z: cnp.maximum(z, z[::-1] * 1j),
    "cummax": lambda z: lax.cummax(z) * 1j,
}


@pytest.mark.parametrize("n", [3, 8, 500])
@pytest.mark.parametrize("name", BODIES)
def test_loops(name, n):
    """Loops of a known number of steps and of an unknown one are native."""
    z = cnp.asarray(numbers(n))
    f = lambda z: lax.fori_loop(0, 5, lambda _, z: BODIES[name](z), z)
    kinds = [s.kind for s in cr.explain(f)(z).steps]
    assert kinds and "host" not in kinds
    np.testing.assert_allclose(cr.jit(f)(z), f(z), 2e-4, 2e-4)
    step = lambda s: (s[0] + 1, BODIES[name](s[1]))
    g = lambda z: lax.while_loop(
        lambda s: (s[0] < 4) & (s[1][0] == s[1][0]), step, (0, z)
    )
    assert "host" not in [s.kind for s in cr.explain(g)(z).steps]
    np.testing.assert_allclose(cr.jit(g)(z)[1], g(z)[1], 2e-4, 2e-4)


def test_gradients():
    z = numbers(7)
    for f in (
        lambda z: cnp.abs(z.prod() - 1j) ** 2,
        lambda z: (cnp.abs(cnp.cumprod(z)) ** 2).sum(),
        lambda z: cnp.abs(
            cnp.asarray(z).at[cnp.array([0, 3, 0])].multiply(z[:3])
        ).sum(),
    ):
        (found,) = run(cr.grad(f), z)
        np.testing.assert_allclose(found, cr.grad(f)(z), 1e-4, 1e-5)


def test_batches():
    z = coarse(6, 20)
    for f in (cnp.sort, cnp.argsort, cnp.max, cnp.argmin, lax.cummax):
        assert_same(cr.vmap(f), z)


def test_new_sizes_are_filled_in():
    f = cr.jit(lambda z: (cnp.sort(z) + z.max(), z.argmin(), cnp.cumprod(z / 2)))
    for n in (5, 8, 21, 34, 500, 1200):
        z = coarse(n)
        assert f(z)[0].tolist() == (cnp.sort(z) + z.max()).tolist()
        assert f(z)[1] == z.argmin()
        np.testing.assert_allclose(f(z)[2], np.cumprod(z / 2), 1e-4)
