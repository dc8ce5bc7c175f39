"""Making, reshaping, joining, sorting arrays: NumPy's values, eagerly and under jit."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.experimental import jet

rng = np.random.default_rng(7)
A = rng.permutation(24).reshape(2, 3, 4).astype(np.float32)
M = rng.permutation(12).reshape(3, 4).astype(np.float32)
V = np.array([3, 1, 2, 3, 0, 1], np.float32)
I = np.array([2, 0, 1, 2], np.int32)
B = M > 5

# Functions of (m, a, mat, v, i): m is NumPy or chainrule.numpy.
SHAPES = [
    lambda m, a, mat, v, i: m.reshape(a, (4, -1)),
    lambda m, a, mat, v, i: m.reshape(a, (4, 6), order="F"),
    lambda m, a, mat, v, i: m.ravel(a, order="F"),
    lambda m, a, mat, v, i: m.transpose(a, (2, 0, 1)),
    lambda m, a, mat, v, i: a.T,
    lambda m, a, mat, v, i: a.mT,
    lambda m, a, mat, v, i: m.moveaxis(a, (0, 2), (1, 0)),
    lambda m, a, mat, v, i: m.swapaxes(a, 0, -1),
    lambda m, a, mat, v, i: m.rollaxis(a, 2, 1),
    lambda m, a, mat, v, i: m.squeeze(a[None, :, :, :1]),
    lambda m, a, mat, v, i: m.expand_dims(a, (0, -1)),
    lambda m, a, mat, v, i: m.broadcast_to(v, (2, 6)),
    lambda m, a, mat, v, i: m.flip(a, (0, 2)),
    lambda m, a, mat, v, i: m.rot90(a, 3, (0, 2)),
    lambda m, a, mat, v, i: m.resize(v, (2, 5)),
    lambda m, a, mat, v, i: m.atleast_3d(v),
    lambda m, a, mat, v, i: m.tril(a, 1),
    lambda m, a, mat, v, i: m.triu(mat, -1),
    lambda m, a, mat, v, i: m.diagonal(a, 1, 1, 2),
    lambda m, a, mat, v, i: m.diag(v, -2),
    lambda m, a, mat, v, i: m.diag(mat, 2),
    lambda m, a, mat, v, i: m.trace(a, -1, 2, 1),
    lambda m, a, mat, v, i: m.concatenate([mat, mat[:1]], 0),
    lambda m, a, mat, v, i: m.concatenate([mat, v], None),
    lambda m, a, mat, v, i: m.stack([mat, mat], -1),
    lambda m, a, mat, v, i: m.dstack([mat, mat]),
    lambda m, a, mat, v, i: m.column_stack([v, v]),
    lambda m, a, mat, v, i: m.block([[mat, mat], [mat, mat]]),
    lambda m, a, mat, v, i: m.array_split(v, 4)[1],
    lambda m, a, mat, v, i: m.split(a, [1, 3], 2)[1],
    lambda m, a, mat, v, i: m.tile(mat, (2, 1, 2)),
    lambda m, a, mat, v, i: m.repeat(mat, 3, 1),
    lambda m, a, mat, v, i: m.roll(mat, 5),
    lambda m, a, mat, v, i: m.roll(mat, (1, -2), (0, 1)),
    lambda m, a, mat, v, i: m.append(mat, mat[:, :1], 1),
    lambda m, a, mat, v, i: m.delete(mat, [0, 2], 1),
    lambda m, a, mat, v, i: m.insert(mat, [1, 1, 3], v[:3, None], 1),
    lambda m, a, mat, v, i: m.insert(mat, 1, v[:4], 0),
    lambda m, a, mat, v, i: m.meshgrid(v, v[:2])[1],
    *[
        lambda m, a, mat, v, i, mode=mode: m.pad(mat, ((3, 1), (2, 5)), mode=mode)
        for mode in ("edge", "linear_ramp", "maximum", "mean", "median", "minimum",
                     "reflect", "symmetric", "wrap")
    ],
    lambda m, a, mat, v, i: m.pad(mat, 1, constant_values=((1, 2), (3, 4))),
    lambda m, a, mat, v, i: m.pad(v, 9, mode="reflect", reflect_type="odd"),
    lambda m, a, mat, v, i: m.pad(v, 9, mode="symmetric", reflect_type="odd"),
]  # fmt: skip
ORDERS = [
    lambda m, a, mat, v, i: m.vander(v, 3).astype(np.float32),
    lambda m, a, mat, v, i: m.sort(a, 1),
    lambda m, a, mat, v, i: m.sort(a, None),
    lambda m, a, mat, v, i: m.argsort(v, stable=True).astype(np.int32),
    lambda m, a, mat, v, i: m.lexsort((v, v > 1)).astype(np.int32),
    lambda m, a, mat, v, i: m.sort_complex(v).astype(np.complex64),
    lambda m, a, mat, v, i: m.searchsorted(m.sort(v), a, "right").astype(np.int32),
    lambda m, a, mat, v, i: m.digitize(a, m.array([0.0, 5.0, 9.0])).astype(np.int32),
    lambda m, a, mat, v, i: m.digitize(a, m.array([9.0, 5.0]), True).astype(np.int32),
    lambda m, a, mat, v, i: m.isin(a, v),
    lambda m, a, mat, v, i: m.isin(v, a, invert=True),
    lambda m, a, mat, v, i: m.take(mat, i, 0),
    lambda m, a, mat, v, i: m.take(mat, i[:, None] + i),
    lambda m, a, mat, v, i: m.take_along_axis(mat, m.argsort(mat, 1), 1),
    lambda m, a, mat, v, i: m.choose(i, [i * 2, i * 3, i * 5], mode="clip"),
    lambda m, a, mat, v, i: m.select([v < 1, v < 3], [v * 2, v * 3], 7.0),
    lambda m, a, mat, v, i: m.piecewise(
        v, [v < 1, v > 2], [-1.0, lambda t: t * 2, 5.0]
    ),
    lambda m, a, mat, v, i: m.unravel_index(i, (2, 3))[1].astype(np.int32),
    lambda m, a, mat, v, i: m.ravel_multi_index((i, i), (3, 4), mode="wrap").astype(
        "i4"
    ),
]
COUNTS = [
    lambda m, a, mat, v, i: m.nonzero(mat > 5)[1].astype(np.int32),
    lambda m, a, mat, v, i: m.argwhere(mat > 5).astype(np.int32),
    lambda m, a, mat, v, i: m.flatnonzero(v).astype(np.int32),
    lambda m, a, mat, v, i: m.unique(v),
    lambda m, a, mat, v, i: m.unique(v, return_inverse=True)[1].astype(np.int32),
    lambda m, a, mat, v, i: m.unique(m.tile(mat, (2, 1)), axis=0),
    lambda m, a, mat, v, i: m.compress(v > 1, v),
    lambda m, a, mat, v, i: m.extract(mat > 5, mat),
    lambda m, a, mat, v, i: m.repeat(mat, np.array([1, 0, 2]), 0),
    lambda m, a, mat, v, i: m.intersect1d(mat, v),
    lambda m, a, mat, v, i: m.setdiff1d(mat, v),
    lambda m, a, mat, v, i: m.setxor1d(mat, v),
    lambda m, a, mat, v, i: m.union1d(mat, v),
]
OPERANDS = (A, M, V, I)


def agree(found, expected):
    expected = np.asarray(expected)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-6)


@pytest.mark.parametrize("function", SHAPES + ORDERS + COUNTS)
def test_values_are_numpys(function):
    agree(function(cnp, *map(cnp.asarray, OPERANDS)), function(np, *OPERANDS))


@pytest.mark.parametrize("function", SHAPES + ORDERS)
def test_values_are_the_same_under_jit(function):
    found = cr.jit(lambda *args: function(cnp, *args))(*OPERANDS)
    agree(found, function(np, *OPERANDS))


@pytest.mark.parametrize("function", SHAPES)
def test_rearranging_is_linear_and_its_derivative_the_same(function):
    args = tuple(map(cnp.asarray, OPERANDS[:3]))
    linear = lambda a, mat, v: function(cnp, a, mat, v, I)
    zero = linear(*(x * 0 for x in args))
    _, dots = cr.jvp(linear, args, args)
    np.testing.assert_allclose(dots, linear(*args) - zero, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "values",
    [
        [1, 2], [1.5, 2], [True, False], [1, 2j], [], [[]], [[1], [2.5]], 3, 2.5, True,
        range(3), ((1, 2), (3, 4)), np.arange(3, dtype=np.int8), np.float16(2),
        [np.int8(1), 2], [np.float16(1), 2], [[np.int16(3)], [4]],
    ],
    ids=repr,
)  # fmt: skip
def test_arrays_of_values(values):
    found, expected = cnp.array(values), np.array(values)
    assert found.shape == expected.shape
    np.testing.assert_array_equal(np.asarray(found), expected)


@pytest.mark.parametrize(
    "values, dtype, weak",
    [
        (1, "int32", True), (1.0, "float32", True), (1j, "complex64", True),
        (True, "bool", False), ([1], "int32", False), ([1, 2.0], "float32", False),
        ([np.int8(1), 2], "int8", False), ([np.float16(1), 2.0], "float16", False),
        (np.float64(1), "float32", False), ([], "float32", False),
    ],
    ids=repr,
)  # fmt: skip
def test_dtypes_of_arrays_of_values(values, dtype, weak):
    found = cnp.array(values)
    assert (found.dtype, found.weak_type) == (np.dtype(dtype), weak)


def test_arrays_of_traced_values():
    found = cr.jit(lambda x, y: cnp.array([[x, 1.0], [y, 2.0]]))(3.0, 4)
    np.testing.assert_array_equal(np.asarray(found), [[3, 1], [4, 2]])
    assert cr.grad(lambda x: cnp.array([x, x * 2]).sum())(1.0) == 3


def test_an_array_does_not_see_later_changes_of_its_source():
    source = np.zeros(3, np.float32)
    made = [cnp.array(source), cnp.asarray(source), cnp.concatenate([source, source])]
    source[:] = 1
    for x in made:
        assert not np.asarray(x).any()


@pytest.mark.parametrize(
    "args",
    [(5,), (2, 7), (1, 8, 3), (8, 1, -2), (0.5,), (1.5, 4.0), (0, 1, 0.25), (5, 1)],
    ids=str,
)
def test_arange(args):
    expected = np.arange(*args)
    for found in (cnp.arange(*args), cr.jit(lambda: cnp.arange(*args))()):
        assert found.dtype == expected.astype(found.dtype).dtype
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_ranges_and_grids():
    for found, expected in [
        (cnp.linspace(0, 1, 7), np.linspace(0, 1, 7)),
        (cnp.linspace(V, 5.0, 3, axis=1), np.linspace(V, 5.0, 3, axis=1)),
        (cnp.linspace(2, 9, 4, dtype=int), np.linspace(2, 9, 4, dtype=int)),
        (cr.jit(lambda s: cnp.linspace(s, 3.0, 5, endpoint=False))(1.0),
         np.linspace(1, 3, 5, endpoint=False)),
        (cnp.logspace(0, 2, 5, base=2), np.logspace(0, 2, 5, base=2)),
        (cnp.geomspace(1, 256, 9), np.geomspace(1, 256, 9)),
        (cnp.mgrid[0:2, 1:2:3j], np.mgrid[0:2, 1:2:3j]),
        (cnp.r_[V, 5.0, 0:3], np.r_[V, 5.0, 0:3]),
        (cnp.c_[V, V], np.c_[V, V]),
        (cnp.indices((2, 3)), np.indices((2, 3))),
        (cnp.eye(3, 4, -1), np.eye(3, 4, -1)),
        (cr.jit(lambda: cnp.eye(3, 4, 1))(), np.eye(3, 4, 1)),
        (cnp.tri(3, 4, 1), np.tri(3, 4, 1)),
        (cnp.triu_indices(3, 1, 4)[1], np.triu_indices(3, 1, 4)[1]),
    ]:  # fmt: skip
        np.testing.assert_allclose(found, expected, rtol=2e-6)


# --- results whose size is fixed -------------------------------------------------------


@pytest.mark.parametrize("run", [lambda f: f, cr.jit], ids=["eager", "jit"])
def test_fixed_sizes_cut_and_fill(run):
    v = cnp.asarray(V)
    same = np.testing.assert_array_equal
    same(run(lambda x: cnp.nonzero(x, size=3)[0])(v), [0, 1, 2])
    same(
        run(lambda x: cnp.nonzero(x, size=7, fill_value=-1)[0])(v),
        [0, 1, 2, 3, 5, -1, -1],
    )
    same(run(lambda x: cnp.where(x > 1, size=4, fill_value=9)[0])(v), [0, 2, 3, 9])
    same(run(lambda x: cnp.unique(x, size=3))(v), [0, 1, 2])
    same(run(lambda x: cnp.unique(x, size=6, fill_value=8))(v), [0, 1, 2, 3, 8, 8])
    found = run(lambda x: cnp.unique(x, True, True, True, size=5))(v)
    for got, expected in zip(
        found, ([0, 1, 2, 3, 0], [4, 1, 2, 0, 4], [3, 1, 2, 3, 0, 1], [1, 2, 1, 2, 0])
    ):
        same(got, expected)
    same(run(lambda x: cnp.setdiff1d(x, x[:1], size=4, fill_value=7))(v), [0, 1, 2, 7])
    same(run(lambda x: cnp.intersect1d(x, x[2:4], size=3, fill_value=7))(v), [2, 3, 7])
    same(run(lambda x: cnp.compress(x > 1, x, size=4, fill_value=7))(v), [3, 2, 3, 7])
    repeats = run(lambda r: cnp.repeat(cnp.arange(3), r, total_repeat_length=6))
    same(repeats(cnp.array([2, 0, 3])), [0, 0, 2, 2, 2, 2])


def test_sizes_that_depend_on_traced_values_are_refused():
    for function in (cnp.nonzero, cnp.unique, cnp.argwhere, cnp.where):
        with pytest.raises(cr.errors.ConcretizationTypeError, match="size="):
            cr.jit(function)(V)


# --- methods ---------------------------------------------------------------------------


def test_methods_are_the_functions():
    x, values = cnp.asarray(M), M
    for name, args in [
        ("sum", (0,)), ("mean", ()), ("max", (1,)), ("min", ()), ("prod", (0,)),
        ("std", ()), ("var", (1,)), ("any", ()), ("all", (0,)), ("argmax", (1,)),
        ("argmin", ()), ("cumsum", (1,)), ("cumprod", (0,)), ("ravel", ()),
        ("flatten", ()), ("squeeze", ()), ("swapaxes", (0, 1)), ("transpose", (1, 0)),
        ("reshape", (2, -1)), ("repeat", (2,)), ("take", (I,)), ("trace", ()),
        ("diagonal", (1,)), ("clip", (2, 5)), ("round", ()), ("conj", ()),
        ("dot", (M.T,)), ("copy", ()), ("astype", (np.int8,)), ("tolist", ()),
    ]:  # fmt: skip
        found, expected = getattr(x, name)(*args), getattr(values, name)(*args)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_array_equal(x.sort(), np.sort(values))
    np.testing.assert_array_equal(x.argsort(0), np.argsort(values, 0))
    np.testing.assert_array_equal(x.nonzero()[0], values.nonzero()[0])
    np.testing.assert_array_equal(x.view(np.int32), values.view(np.int32))
    np.testing.assert_array_equal(x.view(np.int16), values.view(np.int16))
    np.testing.assert_array_equal(x.byteswap(), values.byteswap())
    assert x.devices() == {x.device}
    assert x.__array_namespace__() is cnp


@pytest.mark.parametrize(
    "run",
    [
        cr.jit,
        cr.vmap,
        lambda f: lambda x: cr.jvp(f, (x,), (x,))[0],
        lambda f: lambda x: cr.linearize(f, x)[0],
        lambda f: lambda x: jet.jet(f, (x,), ((x,),))[0],
    ],
    ids=["jit", "vmap", "jvp", "linearize", "jet"],
)
def test_traced_values_have_the_methods_of_arrays(run):
    """What a tracer keeps for itself hides none of those it has."""
    x = cnp.arange(6.0).reshape(3, 2)
    methods = [n for n in dir(x) if not n.startswith("_") and callable(getattr(x, n))]
    missing = []

    def f(y):
        missing.extend(n for n in methods if not callable(getattr(y, n, f)))
        return y.var()

    run(f)(x)
    assert "var" in methods and not missing


def test_scalar_types_take_every_integer_that_their_dtype_holds():
    assert int(cnp.uint32(2**32 - 1)) == 2**32 - 1
    assert float(cnp.float32(2**40)) == 2.0**40
    with pytest.raises(OverflowError, match="int8: Python int 300 is out of bounds"):
        cnp.int8(300)


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint8", "uint32"])
def test_clipped_indices_are_the_nearest_elements(dtype):
    x, ends = np.arange(10.0, dtype="float32"), np.iinfo(dtype)
    i = np.array([3, 9, 10, ends.max, ends.min], dtype)
    wanted = x[np.clip(i.astype(np.int64), 0, 9)]
    take = lambda x, i: cnp.take(x, i, mode="clip")
    for f in (take, cr.jit(take)):
        np.testing.assert_array_equal(f(x, i), wanted)


def test_negative_indices_along_an_axis_count_from_the_end_before_they_are_clipped():
    x = np.arange(10.0, dtype="float32")
    f = lambda x, i: cnp.take_along_axis(x, i, 0, mode="clip")
    for i in ([-1], [-10, -11], [-1, 12]):
        wanted = x[np.clip([k + 10 if k < 0 else k for k in i], 0, 9)]
        for g in (f, cr.jit(f)):
            np.testing.assert_array_equal(g(x, np.array(i)), wanted)
