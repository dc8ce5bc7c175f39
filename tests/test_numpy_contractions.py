"""numpy: products, einsum, convolution, interpolation, polynomials are NumPy's."""

import itertools

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.numpy.contraction_path import cost, find_path

rng = np.random.default_rng(103)


def array(*shape):
    return rng.standard_normal(shape)


v, w = array(5), array(3)
m, n, k = array(3, 4), array(4, 5), array(5, 2)
stack = array(2, 3, 4)
c = array(3, 4) + 1j * array(3, 4)
unsorted = np.array([2.0, 0.5, 3.5, 1.0])

SHAPES = [
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)), ((5, 2, 3), (5, 3, 4)), ((2, 3), (5, 3, 4)),
    ((3,), (5, 3, 4)), ((4, 1, 2, 3), (5, 3, 2)), ((1, 2, 3), (1, 3, 2)),
    ((4, 5, 2, 3), (4, 1, 3, 2)), ((4, 5, 3), (2, 1, 1, 3, 2)), ((0, 3), (3, 2)),
    ((2, 0), (0, 2)),
]  # fmt: skip

EINSUMS = {
    "ij,jk->ik": (m, n), "ij,jk": (m, n), "ji,jk->ki": (m, array(3, 5)),
    "ii": (array(3, 3),), "ii->i": (array(3, 3),), "ijij->ji": (array(2, 3, 2, 3),),
    "iij->j": (array(2, 2, 3),), "ij->": (m,), "ij->ji": (m,), "i,j->ji": (v, w),
    "bij,bkj->bik": (stack, array(2, 5, 4)), "...ij,...jk->...ki": (stack, n),
    "i...->...": (stack,), "ij,ij->ij": (array(1, 4), m), "ij,->ij": (m, array()),
    "ab,bc,cd->ad": (m, n, k), "ab,ab,ab->b": (m, m, m), "": (array(),),
    "abc,abd,acd->bd": (array(2, 3, 4), array(2, 3, 5), array(2, 4, 5)),
    "ab,bc,cd,de,ef,fg,ga->": tuple(array(2, 2) for _ in range(7)),
    "i j, jk -> ik": (m, n),
}  # fmt: skip

CALLS = {
    "dot": lambda xp: xp.dot(stack, n),
    "dot of a scalar": lambda xp: xp.dot(m, 2.0),
    "vdot": lambda xp: xp.vdot(c, c[::-1]), "inner": lambda xp: xp.inner(stack, m),
    "outer": lambda xp: xp.outer(m, v), "kron": lambda xp: xp.kron(m, w),
    "kron of matrices": lambda xp: xp.kron(m, k),
    "tensordot": lambda xp: xp.tensordot(stack, stack, ((0, 2), (0, 2))),
    "tensordot over none": lambda xp: xp.tensordot(v, w, 0),
    "vecdot": lambda xp: xp.vecdot(c, m),
    "matvec": lambda xp: xp.matvec(stack, n[:, 0]),
    "vecmat": lambda xp: xp.vecmat(array(3), m) * 0,
    "cross": lambda xp: xp.cross(array(2, 3) * 0 + w, np.array([1.0, 2.0, 4.0])),
    "cross along axes": lambda xp: xp.cross(m, n.T[:3, :4], axis=0),
    "convolve": lambda xp: xp.convolve(v, w),
    **{
        f"{f} {a}x{b}, {mode}": lambda xp, f=f, a=a, b=b, mode=mode: getattr(xp, f)(
            np.arange(1.0, a + 1) ** 2, np.cos(np.arange(b)), mode
        )
        for f, (a, b), mode in itertools.product(
            ("convolve", "correlate"), ((5, 3), (5, 4), (3, 6), (1, 1)),
            ("full", "same", "valid"),
        )
    },
    "correlate complex": lambda xp: xp.correlate(c[0], c[1], "full"),
    "interp": lambda xp: xp.interp(array(4) * 0 + unsorted, np.arange(4.0), v[:4]),
    "interp beyond": lambda xp: xp.interp(
        np.array([-1.0, 9.0]), np.arange(4.0), v[:4], left=7.0
    ),
    "interp, periodic": lambda xp: xp.interp(
        np.array([-1.0, 9.3]), unsorted, v[:4], period=4.0
    ),
    "interp of complex": lambda xp: xp.interp(0.4, np.arange(4.0), c[0]),
    "polyadd": lambda xp: xp.polyadd(v, w), "polysub": lambda xp: xp.polysub(w, v),
    "polymul": lambda xp: xp.polymul(v, w), "polyder": lambda xp: xp.polyder(v, 2),
    "polyint": lambda xp: xp.polyint(v, 2, k=np.array([3.0, 4.0])),
    "polyval": lambda xp: xp.polyval(v, m), "poly": lambda xp: xp.poly(w),
    "polyfit": lambda xp: xp.polyfit(np.arange(5.0), v, 2),
    "polyfit, weighted": lambda xp: xp.polyfit(np.arange(5.0), v, 2, w=v**2),
    "polyfit, covariance": lambda xp: xp.polyfit(np.arange(5.0), v, 2, cov=True),
}  # fmt: skip


def same(found, expected, tolerance=1e-11):
    if isinstance(expected, tuple):
        for a, b in zip(found, expected, strict=True):
            same(a, b, tolerance)
        return
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(
        np.asarray(found), expected, rtol=tolerance, atol=tolerance
    )


@pytest.mark.parametrize("left,right", SHAPES)
def test_matmul(left, right):
    a, b = array(*left), array(*right)
    with cr.enable_x64(True):
        same(cnp.matmul(a, b), np.matmul(a, b))


@pytest.mark.parametrize("left,right", SHAPES)
def test_gradients_of_matmul(left, right):
    a, b, da, db = array(*left), array(*right), array(*left), array(*right)
    with cr.enable_x64(True):

        def total(x, y):
            return cnp.sum(cnp.matmul(x, y) ** 2)

        a_bar, b_bar = cr.grad(total, (0, 1))(a, b)
        slope = np.sum(a_bar * da) + np.sum(b_bar * db)
        product = 2 * np.matmul(a, b)
        expected = np.sum(product * (np.matmul(da, b) + np.matmul(a, db)))
        same(slope, expected)


@pytest.mark.parametrize("spec", EINSUMS)
@pytest.mark.parametrize("optimize", ["auto", "greedy", False])
def test_einsum(spec, optimize):
    operands = EINSUMS[spec]
    with cr.enable_x64(True):
        found = cnp.einsum(spec, *operands, optimize=optimize)
        same(found, np.einsum(spec, *operands))
        by_lists = cnp.einsum(m, [0, 1], n, [1, 2], [2, 0])
        same(by_lists, np.einsum(m, [0, 1], n, [1, 2], [2, 0]))


@pytest.mark.parametrize("name", CALLS)
def test_values_are_those_of_numpy(name):
    with cr.enable_x64(True):
        same(CALLS[name](cnp), CALLS[name](np), 1e-9)


def test_plain_products_are_one_equation():
    jaxpr = cr.make_jaxpr(lambda a, b: a @ b)(cnp.ones((2, 3)), cnp.ones((3, 4)))
    assert [e.primitive.name for e in jaxpr.jaxpr.eqns] == ["dot_general"]


def test_gradients_of_products_need_no_transposition():
    grads = cr.grad(lambda a, b: cnp.sum(a @ b), (0, 1))
    jaxpr = cr.make_jaxpr(grads)(cnp.ones((2, 3)), cnp.ones((3, 4)))
    names = [e.primitive.name for e in jaxpr.jaxpr.eqns]
    assert names.count("dot_general") == 3
    assert "transpose" not in names


def test_products_of_small_floats_are_summed_in_32_bits():
    ones = cnp.ones(3000, "bfloat16")
    assert cnp.dot(ones, ones) == 3008.0  # 3000, rounded
    exact = cnp.dot(ones, ones, preferred_element_type="float32")
    assert exact == 3000.0 and exact.dtype == np.float32


def test_einsum_contracts_chains_in_the_cheapest_order():
    sizes = {"a": 2, "b": 30, "c": 4, "d": 50}
    terms = [frozenset(t) for t in ("ab", "bc", "cd")]
    for how in ("optimal", "auto"):
        assert find_path(terms, frozenset("ad"), sizes, how) == [(0, 1), (0, 1)]
    assert cost("abc", sizes) == 240


def test_roots():
    found = cnp.roots(cnp.array([2.0, -12.0, 22.0, -12.0]))
    same(np.sort(np.asarray(found).real), np.array([1.0, 2.0, 3.0]), 1e-4)
    padded = cnp.roots(cnp.array([0.0, 1.0, -3.0, 2.0, 0.0]))
    same(np.sort(np.asarray(padded).real), np.array([0.0, 1.0, 2.0]), 1e-5)
    fixed = cr.jit(lambda p: cnp.roots(p, strip_zeros=False))
    with_nan = np.asarray(fixed(cnp.array([0.0, 1.0, -3.0, 2.0])))
    same(with_nan[:2].real, np.array([2.0, 1.0]), 1e-5)
    assert np.isnan(with_nan[2])


def test_polydiv_is_undone_by_polymul():
    u, d = cnp.array(array(6)), cnp.array(array(3))
    quotient, rest = cnp.polydiv(u, d)
    again = cnp.polyadd(cnp.polymul(quotient, d), rest)
    same(again, np.asarray(u), 1e-3)
