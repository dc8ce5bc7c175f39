"""chainrule.nn gives JAX 0.10.2's values: activations, their gradients, attention, initializers.

tests/values/nn.json holds what JAX printed for the inputs below; the second half tests
against formulas written independently in float64.
"""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp

ACTIVATIONS, INITIALIZERS, ATTENTION = json.loads(
    (pathlib.Path(__file__).parent / "values" / "nn.json").read_text()
)
X = np.array([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.5], np.float32)
WEIGHTS = np.arange(1.0, 8.0, dtype=np.float32)


def close(actual, expected, tolerance=3e-6):
    np.testing.assert_allclose(np.asarray(actual), expected, tolerance, tolerance)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_and_its_gradient(name):
    def f(x):
        if name == "gelu_exact":
            return cr.nn.gelu(x, approximate=False)
        return getattr(cr.nn, name)(x)

    values, gradient = ACTIVATIONS[name]
    close(f(cnp.array(X)), values)
    close(cr.grad(lambda x: (f(x) * WEIGHTS).sum())(cnp.array(X)), gradient)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initializer_draws_the_same_numbers(name):
    makers = cr.nn.initializers
    maker, shape = {
        "orthogonal": (makers.orthogonal, (3, 2)),
        "orthogonal_wide": (makers.orthogonal, (2, 3)),
        "normal": (makers.normal, (2, 2)),
        "uniform": (makers.uniform, (2, 2)),
        "truncated": (makers.truncated_normal, (2, 2)),
    }.get(name, (getattr(makers, name, None), (2, 3)))
    close(maker()(cr.random.key(1), shape), INITIALIZERS[name])


@pytest.mark.parametrize("name", ATTENTION)
def test_attention(name):
    query = cr.random.normal(cr.random.key(1), (2, 4, 4, 3))
    key = cr.random.normal(cr.random.key(2), (2, 5, 2, 3))
    value = cr.random.normal(cr.random.key(3), (2, 5, 2, 3))
    options = {
        "plain": {},
        "causal": {"is_causal": True, "local_window_size": 2},
        "lengths": {
            "query_seq_lengths": cnp.array([2, 4]),
            "key_value_seq_lengths": cnp.array([3, 5]),
        },
    }[name]
    out = cr.nn.dot_product_attention(query, key, value, **options)
    close(np.asarray(out).sum((0, 3)), ATTENTION[name])


def test_softmax_is_stable_and_sums_to_one():
    x = cnp.array([1000.0, 1001.0, -1e30])
    close(cr.nn.softmax(x), [1 / (1 + np.e), np.e / (1 + np.e), 0.0])
    close(cr.nn.log_softmax(x)[:2], [-np.log1p(np.e), 1 - np.log1p(np.e)])
    assert np.isfinite(cr.grad(lambda x: cr.nn.softmax(x)[0])(x)).all()


def test_softmax_over_some_elements():
    mask = np.array([True, False, True])
    found = cr.nn.softmax(cnp.array([1.0, np.nan, 2.0]), where=mask)
    close(found, [1 / (1 + np.e), 0.0, np.e / (1 + np.e)])


def test_softmax_jacobian():
    x = np.array([0.1, -0.4, 0.7], np.float32)
    p = np.exp(x) / np.exp(x).sum()
    close(cr.jacrev(cr.nn.softmax)(x), np.diag(p) - np.outer(p, p))


def test_logmeanexp_and_one_hot():
    x = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    close(cr.nn.logmeanexp(x, axis=1), np.log(np.exp(x).mean(1)))
    assert cr.nn.one_hot(cnp.array([[1], [5]]), 3, axis=0).shape == (3, 2, 1)
    assert cr.nn.one_hot(cnp.array([5, -1]), 3).tolist() == [[0.0] * 3] * 2


def test_log1mexp_is_exact_at_both_ends():
    x = np.array([1e-6, 0.5, 40.0])
    with cr.enable_x64(True):
        close(cr.nn.log1mexp(cnp.array(x)), np.log(-np.expm1(-x)), 1e-12)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="glu: the size along axis -1 must be even"):
        cr.nn.glu(cnp.ones(3))
    with pytest.raises(ValueError, match="mode must be one of"):
        cr.nn.initializers.variance_scaling(1.0, "fan", "normal")
    with pytest.raises(ValueError, match="do not fit together"):
        cr.nn.dot_product_attention(
            cnp.ones((2, 3, 4)), cnp.ones((2, 3, 5)), cnp.ones((2, 3, 5))
        )


# --- types, masks, scaled products -------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["elu", "celu", "selu", "relu6", "mish", "hard_sigmoid"]
)
def test_integers_become_weak_floats(name):
    y = getattr(cr.nn, name)(cnp.arange(-2, 3))
    assert (y.dtype, y.weak_type) == (np.float32, name != "mish")
    assert getattr(cr.nn, name)(cnp.ones(2, "bfloat16")).dtype == cnp.bfloat16


def test_sigmoid_takes_no_integers():
    for f in (cr.nn.sigmoid, cr.nn.silu):
        with pytest.raises(TypeError, match="logistic: does not accept dtype int32"):
            f(cnp.arange(3))


def test_derivatives_at_kinks():
    slopes = {
        "relu": {0.0: 0.0}, "relu6": {0.0: 0.0, 6.0: 0.0}, "leaky_relu": {0.0: 1.0},
        "elu": {0.0: 1.0}, "selu": {0.0: 1.7580993}, "hard_sigmoid": {-3.0: 0.0, 3.0: 0.0},
        "hard_tanh": {1.0: 1.0, -1.0: 1.0}, "sparse_plus": {-1.0: 0.0, 1.0: 1.0},
    }  # fmt: skip
    for name, points in slopes.items():
        for x, slope in points.items():
            assert float(cr.grad(getattr(cr.nn, name))(x)) == pytest.approx(slope)


def test_nothing_but_zeros_where_the_mask_is_empty():
    x = cnp.array([[1.0, 2.0], [3.0, 4.0]])
    mask = cnp.array([[True, True], [False, False]])
    probabilities = cr.nn.softmax(x, where=mask)
    close(probabilities[0], cr.nn.softmax(x[0]))
    assert probabilities[1].tolist() == [0.0, 0.0]
    assert cr.nn.log_softmax(x, where=mask)[1].tolist() == [-np.inf, -np.inf]
    slope = cr.jacobian(lambda x: cr.nn.softmax(x, where=mask).sum())(x)
    assert np.isfinite(slope).all()


def test_standardize_is_stable_where_asked():
    x = cnp.array([1.0, 2.0, 3.0]) + 1e5
    expected = np.array([-1.0, 0.0, 1.0]) / np.sqrt(2 / 3 + 1e-5)
    close(cr.nn.standardize(x, algorithm="stable"), expected)
    with pytest.raises(ValueError, match="'fast' or 'stable'"):
        cr.nn.standardize(x, algorithm="exact")


def test_one_hot_checks_its_arguments():
    assert cr.nn.one_hot([0, 1], 3).shape == (2, 3)
    assert cr.nn.one_hot(cnp.arange(3, dtype="uint8"), 300).sum() == 3
    with pytest.raises(ValueError, match="axis 5 is out of bounds"):
        cr.nn.one_hot(cnp.zeros((2, 2), int), 3, axis=5)
    with pytest.raises(TypeError, match="integer"):
        cr.nn.one_hot(cnp.arange(2), 3.0)


def test_complex_initializers_have_the_variance_asked_for():
    for name in ("glorot_normal", "he_uniform", "lecun_normal"):
        maker = getattr(cr.nn.initializers, name)()
        real = np.asarray(maker(cr.random.key(0), (100, 200)))
        both = np.asarray(maker(cr.random.key(0), (100, 200), cnp.complex64))
        assert np.var(both) == pytest.approx(np.var(real), rel=0.05)
        assert abs(np.var(both.real) / np.var(both.imag) - 1) < 0.05
    expected = [-0.49888146 + 0.34527853j, -0.2736499 - 0.08681848j]  # JAX 0.10.2
    found = cr.nn.initializers.glorot_normal()(cr.random.key(1), (3, 4), cnp.complex64)
    close(found[0, :2], expected)


def test_delta_orthogonal_acts_at_the_centre():
    kernel = cr.nn.initializers.delta_orthogonal()(cr.random.key(1), (3, 3, 4, 5))
    centre = np.asarray(kernel[1, 1])
    close(centre @ centre.T, np.eye(4), 1e-5)
    assert np.count_nonzero(kernel) == 20
    close(centre[0, :2], [-0.08339262, 0.68397254], 1e-5)  # JAX 0.10.2


def test_attention_keeps_narrow_dtypes_and_checks_them():
    x = cr.random.normal(cr.random.key(0), (2, 5, 4, 3))
    exact = cr.nn.dot_product_attention(x, x, x)
    for dtype in ("bfloat16", "float16"):
        narrow = x.astype(dtype)
        out, residual = cr.nn.dot_product_attention(
            narrow, narrow, narrow, return_residual=True
        )
        assert out.dtype == residual.dtype == narrow.dtype
        assert residual.shape == (2, 5, 4)
        close(out.astype(np.float32), exact, 3e-2)
    with pytest.raises(ValueError, match="must have one dtype"):
        cr.nn.dot_product_attention(x, x, x.astype("bfloat16"))
    with pytest.raises(ValueError, match="mask must be boolean"):
        cr.nn.dot_product_attention(x, x, x, mask=cnp.ones((5, 5)))
    with pytest.raises(ValueError, match=r"integers of shape \(2,\)"):
        cr.nn.dot_product_attention(x, x, x, query_seq_lengths=cnp.array([1, 2, 3]))


@pytest.mark.parametrize("mode, error", [("mxfp8", 0.05), ("nvfp4", 0.25)])
def test_scaled_dot_general_is_near_the_product(mode, error):
    keys = cr.random.split(cr.random.key(0))
    a = cr.random.normal(keys[0], (3, 4, 64))
    b = cr.random.normal(keys[1], (3, 64, 5)) * 1e3
    config = cr.nn.get_scaled_dot_general_config(mode)
    numbers = (((2,), (1,)), ((0,), (0,)))

    def scaled(a, b):
        return cr.nn.scaled_dot_general(a, b, numbers, configs=[config] * 3)

    exact = np.asarray(a) @ np.asarray(b)
    spread = np.sqrt((exact**2).mean())
    assert np.abs(scaled(a, b) - exact).max() < 4 * error * spread
    assert np.abs(scaled(a, b) - exact).max() > 1e-4 * spread
    close(cr.nn.scaled_dot_general(a, b, numbers), exact, 1e-2)
    slopes = cr.grad(lambda a, b: scaled(a, b).sum(), (0, 1))(a, b)
    assert [s.shape for s in slopes] == [a.shape, b.shape]
    with pytest.raises(ValueError, match="multiple of the block size"):
        scaled(a[:, :, :30], b[:, :30])


def test_scaled_matmul_multiplies_each_block_by_its_scale():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 3, 64)), rng.standard_normal((2, 4, 64))
    a_scales, b_scales = rng.uniform(0.5, 2, (2, 3, 2)), rng.uniform(0.5, 2, (2, 4, 2))
    expected = np.einsum(
        "bmk,bnk->bmn", a * a_scales.repeat(32, 2), b * b_scales.repeat(32, 2)
    )
    close(
        cr.nn.scaled_matmul(*map(cnp.array, (a, b, a_scales, b_scales))), expected, 1e-5
    )
    with pytest.raises(ValueError, match="do not fit together"):
        cr.nn.scaled_matmul(*map(cnp.array, (a, b, a_scales, b_scales[:, :, :1])))
