"""Functions of rows in one kernel: what is computed once a row and read again."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp


def softmax_loss(logits, targets):
    logits = logits - cnp.max(logits, axis=-1, keepdims=True)
    logs = logits - cnp.log(cnp.sum(cnp.exp(logits), axis=-1, keepdims=True))
    return -cnp.mean(cnp.sum(targets * logs, axis=-1))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 3, 8, 16, 17, 32])
def test_values_that_are_kept_for_a_row_belong_to_that_row_alone(rows, dtype):
    draw = np.random.default_rng(rows)
    with cr.enable_x64(True):
        logits, targets = (
            cnp.asarray(draw.normal(size=(rows, 10)).astype(dtype)) for _ in range(2)
        )
        step = cr.value_and_grad(softmax_loss)
        value, gradient = cr.jit(step)(logits, targets)
        wanted_value, wanted = step(logits, targets)
    close = {"rtol": 1e-5, "atol": 1e-6}
    if dtype == "float64":
        close = {"rtol": 1e-13, "atol": 1e-14}
    np.testing.assert_allclose(value, wanted_value, **close)
    np.testing.assert_allclose(gradient, wanted, **close)
