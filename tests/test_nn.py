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
        cr.nn.dot_product_attention(cnp.ones((2, 3, 4)), cnp.ones((2, 3, 5)), cnp.ones((2, 3, 5)))
