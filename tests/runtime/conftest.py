"""Fixtures of the runtime's tests; what they set or install is put back afterwards."""

import pytest

from chainrule.control import executors
from chainrule.runtime import _native as native


@pytest.fixture(params=[1, 2, 3, 7])
def threads(request):
    before = native.get_num_threads()
    native.set_num_threads(request.param)
    yield request.param
    native.set_num_threads(before)


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


@pytest.fixture
def interpreted():
    """Programs are run equation by equation, so that no test waits for a compiler."""
    former = executors.set_executor(executors.interpreter)
    yield
    executors.set_executor(former)


@pytest.fixture
def runs(interpreted):
    """Runs of programs: (program, donated positions, arguments) of each."""
    made = []

    def executor(closed, donated):
        program = executors.interpreter(closed, donated)

        def counted(*args):
            made.append((closed, donated, args))
            return program(*args)

        return counted

    former = executors.set_executor(executor)
    yield made
    executors.set_executor(former)
