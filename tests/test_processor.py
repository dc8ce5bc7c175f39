"""Threads and denormal numbers of compiled code, as a user sets them."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp

TINY = np.full(100000, 2e-39, "float32")


@pytest.fixture(autouse=True)
def unchanged():
    threads = cr.get_num_threads()
    yield
    cr.set_num_threads(threads)
    cr.set_flush_denormals(False)


@pytest.mark.parametrize("threads", [1, 2])
def test_denormals_are_kept_unless_asked(threads):
    cr.set_num_threads(threads)
    f = cr.jit(lambda x: x * 0.5)
    assert (np.asarray(f(TINY)) > 0).all()
    cr.set_flush_denormals(True)
    assert (np.asarray(f(TINY)) == 0).all()
    assert (np.asarray(cnp.asarray(TINY) * 0.5) > 0).all()  # evaluated by NumPy
    assert (TINY * np.float32(0.5) > 0).all()
    cr.set_flush_denormals(False)
    assert (np.asarray(f(TINY)) > 0).all()


def test_operands_that_are_denormal_are_zeros():
    cr.set_flush_denormals(True)
    found = np.asarray(cr.jit(lambda x: x * 1e30 + 1)(TINY))
    assert (found == 1).all()


def test_numbers_of_threads():
    cr.set_num_threads(1)
    assert cr.get_num_threads() == 1
    with pytest.raises(ValueError, match="^set_num_threads: the count is 0; use"):
        cr.set_num_threads(0)
    with pytest.raises(TypeError):
        cr.set_num_threads(1.5)
    assert cr.get_num_threads() == 1
