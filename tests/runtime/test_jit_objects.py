"""Jitted functions as objects: donation, methods, pickling, threads, lifetime."""

import copy
import functools
import gc
import inspect
import pickle
import sys
import threading
import warnings
import weakref

import numpy as np
import pytest
from jit_cases import add, add_jitted, arrays, counting, power

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.control import executors

pytestmark = pytest.mark.usefixtures("interpreted")


# --- donation -------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"donate_argnums": 0}, {"donate_argnames": "a"}])
def test_donated_arguments_are_deleted(options):
    f = cr.jit(add, **options)
    for how in range(3):
        a, b = arrays(3, 3)
        args, kwargs = [((a, b), {}), ((a,), {"b": b}), ((), {"a": a, "b": b})][how]
        assert f(*args, **kwargs).tolist() == [2, 2, 2]
        assert a.is_deleted() and not b.is_deleted()
        with pytest.raises(RuntimeError, match="has been deleted with shape=float32"):
            f(a, b)


def test_donated_leaves_of_trees_reach_the_executor(runs):
    f = cr.jit(lambda n, t, y: [t["u"] * n, t["v"]], static_argnums=0, donate_argnums=1)
    t = {"v": cnp.ones(2), "u": cnp.ones(3)}
    u, v = f(2, t, 1.0)
    assert u.tolist() == [2, 2, 2] and v.tolist() == [1, 1]
    assert t["u"].is_deleted() and t["v"].is_deleted()
    assert [donated for _, donated, _ in runs] == [(0, 1)]


def test_a_donated_argument_may_be_returned():
    f = cr.jit(lambda x: (x, x + 1), donate_argnums=0)
    (a,) = arrays(2)
    x, y = f(a)
    assert a.is_deleted() and x.tolist() == [1, 1] and y.tolist() == [2, 2]


def test_donated_memory_that_no_output_takes():
    f = cr.jit(lambda x: x.sum(), donate_argnums=0)
    (a,) = arrays(4)
    with pytest.warns(UserWarning, match=r"donated f32\[4\]; these arguments are kept"):
        f(a)
    assert not a.is_deleted()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f(a)


def test_donation_is_left_alone_under_transformations():
    f = cr.jit(lambda x: (x * x).sum() * x, donate_argnums=0)
    (a,) = arrays(3)
    cr.jvp(f, (a,), (a,))
    cr.vmap(f)(cnp.ones((2, 3)))
    assert not a.is_deleted()


def test_numbers_and_numpy_arrays_can_be_donated():
    f = cr.jit(lambda x: x + 1, donate_argnums=0)
    data = np.ones(3, np.float32)
    assert f(data).tolist() == [2, 2, 2] and data.tolist() == [1, 1, 1]
    assert float(f(1.0)) == 2


def test_a_failing_program_donates_nothing():
    def fail(closed, donated):
        def program(*_):
            raise MemoryError("full")

        return program

    former = executors.set_executor(fail)
    try:
        (a,) = arrays(3)
        with pytest.raises(MemoryError, match="full"):
            cr.jit(lambda x: x + 1, donate_argnums=0)(a)
        assert not a.is_deleted()
    finally:
        executors.set_executor(former)


# --- the object -----------------------------------------------------------------------


def test_attributes_of_the_function():
    f = cr.jit(power, static_argnums=1)
    assert f.__wrapped__ is power and f.__name__ == "power"
    assert inspect.signature(f) == inspect.signature(power)
    assert repr(f) == f"<jit of {power!r}>"
    f.note = "kept"
    assert f.note == "kept" and callable(f)


class Model:
    scale = 3.0

    @cr.jit
    def traced(self, x):
        return x

    @functools.partial(cr.jit, static_argnums=0)
    def scaled(self, x, offset=0.0):
        return self.scale * x + offset

    @staticmethod
    @cr.jit
    def alone(x):
        return x + 1

    @classmethod
    @functools.partial(cr.jit, static_argnums=0)
    def of_class(cls, x):
        return cls.scale * x


def test_methods():
    model = Model()
    assert float(model.scaled(2.0)) == 6 and float(model.scaled(2.0, offset=1.0)) == 7
    assert float(Model.scaled(model, 2.0)) == 6
    assert float(model.alone(1.0)) == float(Model.alone(1.0)) == 2
    assert float(Model.of_class(2.0)) == 6
    assert inspect.ismethod(model.scaled) and Model.scaled is Model.__dict__["scaled"]
    with pytest.raises(TypeError, match="argument self of traced"):
        model.traced(1.0)


def test_partial_functions():
    f, traces = counting(add)
    g = functools.partial(f, b=1.0)
    assert float(g(1.0)) == float(g(2.0)) - 1 == 2 and len(traces) == 1
    h = cr.jit(functools.partial(add, b=cnp.ones(2)))
    assert h(1.0).tolist() == [2, 2]


def test_recursion_while_tracing():
    @functools.partial(cr.jit, static_argnums=1)
    def factorial(x, n):
        return x if n == 0 else n * factorial(x, n - 1)

    assert float(factorial(1.0, 5)) == 120
    assert factorial._cache_size() == 1
    assert float(factorial(1.0, 3)) == 6 and factorial._cache_size() == 2


def test_a_function_that_calls_itself_eagerly_while_it_is_traced():
    @cr.jit
    def f(x):
        if x.shape == (2,):
            with cr.ensure_compile_time_eval():
                return x + f(cnp.ones(3)).sum()
        return x

    assert f(cnp.ones(2)).tolist() == [4, 4] and f._cache_size() == 2


def test_errors_while_tracing_leave_no_entry():
    @cr.jit
    def f(x):
        if fail:
            raise LookupError("while tracing")
        return x

    fail = True
    for _ in range(2):
        with pytest.raises(LookupError, match="while tracing"):
            f(1.0)
    assert f._cache_size() == 0
    fail = False
    assert float(f(1.0)) == 1 and f._cache_size() == 1


def test_clearing():
    f, traces = counting(add)
    f(1.0, 2.0)
    f.clear_cache()
    assert f._cache_size() == 0
    f(1.0, 2.0)
    cr.clear_caches()
    assert f._cache_size() == 0
    f(1.0, 2.0)
    assert len(traces) == 3


def test_clearing_while_a_program_runs():
    f = cr.jit(lambda x: cr.pure_callback(clear, x, x))

    def clear(x):
        f.clear_cache()
        gc.collect()
        return np.asarray(x)

    assert float(f(2.0)) == float(f(2.0)) == 2


class Name(str):
    """A keyword's name whose end runs `at_end`."""

    __hash__ = str.__hash__
    at_end = None

    def __del__(self):
        if Name.at_end:
            run, Name.at_end = Name.at_end, None
            run()


def test_a_call_while_the_names_of_another_are_forgotten():
    f = cr.jit(lambda **named: sum(named.values()))
    with pytest.raises(TypeError, match="argument a0 of"):
        f(**{Name(f"a{i}"): object() for i in range(70)})
    sums = []
    Name.at_end = lambda: sums.append(f(**{f"z{i}": 1.0 for i in range(300)}))
    assert f(b=1.0, c=2.0) == 3.0
    assert sums == [300.0]


def test_pickling():
    loaded = pickle.loads(pickle.dumps(add_jitted))
    assert loaded is add_jitted
    again = pickle.loads(pickle.dumps(cr.jit(power, static_argnums=1)))
    assert float(again(2.0, 3)) == 8 and again._cache_size() == 1
    assert copy.deepcopy(add_jitted) is add_jitted
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(cr.jit(lambda x: x))


def test_calls_from_several_threads():
    f = cr.jit(lambda x, n: (x * n).sum(), static_argnums=1)
    failures = []

    def work(seed):
        for i in range(200):
            n, k = (i + seed) % 7, (i * seed) % 5
            if float(f(cnp.ones(k), n)) != n * k:
                failures.append((n, k))

    threads = [threading.Thread(target=work, args=(s,)) for s in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures and f._cache_size() == 35


# --- lifetime -------------------------------------------------------------------------


def test_functions_in_cycles_are_collected():
    class Owner:
        pass

    owner = Owner()
    owner.f = cr.jit(lambda x, o: x if o is None else x + 1, static_argnums=1)
    owner.f(1.0, owner)
    owner.f(cnp.ones(2), None)
    alive = [weakref.ref(owner), weakref.ref(owner.f)]
    del owner
    gc.collect()
    assert [r() for r in alive] == [None, None]


def test_a_function_dies_with_its_last_reference():
    f = cr.jit(add)
    f(1.0, 2.0)
    alive = weakref.ref(f)
    del f
    gc.collect()
    assert alive() is None


def test_calls_leave_no_references():
    tag = ("static", 1234567)
    f = cr.jit(lambda t, n, k=0.0: (t["a"] + k, t["a"]), static_argnums=1)
    a = cnp.ones(3)
    tree = {"a": a}
    f(tree, tag, k=2.0)
    watched = [a, tree, tag, f]
    before = [sys.getrefcount(x) for x in watched]
    for _ in range(1000):
        f(tree, tag, k=2.0)
        with pytest.raises(TypeError):
            f({"a": object()}, tag, k=2.0)
        with pytest.raises(ValueError):
            f(tree, [], k=2.0)
    assert [sys.getrefcount(x) for x in watched] == before


def test_memory_stays_level():
    resource = pytest.importorskip("resource")
    f = cr.jit(lambda t, y: {"s": t["a"] + y})
    tree = {"a": cnp.ones(3), "b": (cnp.ones(2), None)}

    def calls(count):
        for _ in range(count):
            f(tree, 1.0)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = calls(2000)
    assert calls(30000) - before < 1024  # KiB; a leaked object a call would be 1.5 MiB
