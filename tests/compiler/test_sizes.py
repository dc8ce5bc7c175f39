"""Long programs compile: chains are cut into kernels, none of which grows without end."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp


def transcendental(x):
    return cnp.sin(x) + 0.5


def cheap(x):
    return (x * 0.5 + 0.25) - cnp.maximum(x, 0.5)


@pytest.mark.parametrize("step", [transcendental, cheap])
@pytest.mark.parametrize("length", [30, 600])
def test_chains_of_elementwise_operations_compile_at_any_length(step, length):
    def chain(x):
        for _ in range(length):
            x = step(x)
        return x

    x = cnp.asarray(np.linspace(-1, 1, 101, dtype=np.float32))
    np.testing.assert_allclose(cr.jit(chain)(x), chain(x), rtol=1e-6, atol=1e-6)


def test_every_value_of_a_long_chain_may_be_a_result():
    def chain(x):
        values = []
        for _ in range(100):
            x = cheap(x)
            values.append(x)
        return values

    x = cnp.asarray(np.linspace(-1, 1, 101, dtype=np.float32))
    for found, wanted in zip(cr.jit(chain)(x), chain(x), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
