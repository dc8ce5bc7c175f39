"""Fixtures of the dispatch tests; what they install is put back afterwards."""

import pytest

from chainrule.runtime import _native as native


@pytest.fixture
def recorded():
    """Operators that return what they were called with."""
    made = {n: (lambda *args, n=n: (n, *args)) for n in native.OPERATORS}
    former = native.install(made, {})
    yield
    native.install(former, {})


@pytest.fixture
def hooks():
    def leaked(tracer):
        raise ReferenceError("leaked")

    def collective(prim, args, params):
        return ("collective", prim, args, params)

    former = native.set_hooks({"leaked": leaked, "collective": collective})
    yield
    native.set_hooks(former)
