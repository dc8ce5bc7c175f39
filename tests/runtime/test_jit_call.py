"""The call path of jitted functions: hits, misses, signatures, configuration."""

import threading

import numpy as np
import pytest
from jit_cases import add, counting, power

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.control import executors
from chainrule.core.avals import as_array

pytestmark = pytest.mark.usefixtures("interpreted")


# --- hits and misses ------------------------------------------------------------------


def test_a_signature_is_traced_once():
    f, traces = counting(add)
    a = cnp.arange(3.0)
    for _ in range(3):
        assert f(a, a).tolist() == [0, 2, 4]
    assert len(traces) == 1 == f._cache_size()
    f(cnp.arange(4.0), 1.0)
    f(a, a)
    assert len(traces) == 2 == f._cache_size()


def test_what_makes_a_new_signature():
    f, traces = counting(add)
    a = cnp.ones(3)
    for args in [(a, a), (a, 1.0), (a, 1), (a, True), (a, cnp.float32(1)), (a, 1j)]:
        f(*args), f(*args)
    assert len(traces) == 6 == f._cache_size()
    f(a, b=a), f(b=a, a=a), f(a=a, b=a)
    assert len(traces) == 8


def test_many_signatures_are_all_found_again():
    f, traces = counting(lambda x: x.sum())
    for _ in range(2):
        for n in range(200):
            assert f(cnp.ones(n)) == n
    assert len(traces) == 200 == f._cache_size()


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize(
    "value",
    [
        True, False, 0, -1, 2**31 - 1, -(2**31), 0.0, -0.0, 1.5, 1e300, float("inf"),
        float("nan"), 1 + 2j, np.float32(2), np.float64(2.5), np.int64(3), np.int8(-3),
        np.bool_(True), np.complex128(1j), np.ones(3), np.arange(4), np.ones((2, 0)),
        np.arange(3, dtype=">i4"), np.arange(6.0).reshape(2, 3).T, np.uint64(7),
        np.arange(4, dtype=np.uint64), np.float16(1), np.array(3 + 1j),
        np.arange(9, dtype=np.int8)[::2], np.longlong(5),
    ],
    ids=repr,
)  # fmt: skip
def test_arguments_become_the_arrays_that_as_array_makes(value, x64):
    with cr.enable_x64(x64):
        expected = as_array(value)
        [got] = cr.jit(lambda x: [x])(value)
        assert got.aval is expected.aval
        np.testing.assert_array_equal(np.asarray(got), np.asarray(expected))


def test_signs_of_zero_survive():
    assert np.signbit(np.asarray(cr.jit(lambda x: x)(-0.0)))


def test_an_argument_of_numpy_is_not_aliased():
    x = np.zeros(3, np.float32)
    y = cr.jit(lambda x: x)(x)
    x[0] = 1
    assert y.tolist() == [0, 0, 0] and x.flags.writeable


def test_wide_integers_need_x64():
    with pytest.raises(OverflowError, match="out of bounds for int32"):
        cr.jit(add)(2**31, 1)
    with cr.enable_x64(True):
        assert int(cr.jit(add)(2**31, 1)) == 2**31 + 1


def test_subclasses_of_numbers_and_of_ndarray():
    class Count(int):
        pass

    class Data(np.ndarray):
        pass

    class Wrapped:
        def __jax_array__(self):
            return cnp.ones(2)

    f = cr.jit(add)
    assert int(f(Count(2), 1)) == 3
    assert f(np.ones(2, "f").view(Data), 1.0).tolist() == [2, 2]
    assert f(Wrapped(), 1.0).tolist() == [2, 2]


def test_keyword_arguments():
    f, traces = counting(lambda x, y=2.0, **rest: x - y + rest.get("z", 0.0))
    assert float(f(5.0, y=1.0)) == 4
    assert float(f(y=1.0, x=5.0)) == float(f(x=5.0, y=1.0)) == 4
    assert float(f(5.0)) == 3
    named = {"z": 1.0, "y": 2.0}
    assert float(f(5.0, **named)) == float(f(5.0, y=2.0, z=1.0)) == 4
    assert len(traces) == 4 == f._cache_size()


def test_trees_in_and_out():
    f, traces = counting(
        lambda tree, k=None: {"sum": tree["a"] + tree["b"][0], "t": tree}
    )
    tree = {"b": (cnp.ones(2), None), "a": cnp.ones(2)}
    for _ in range(2):
        out = f(tree, k=[1.0])
        assert out["sum"].tolist() == [2, 2] and out["t"]["b"][1] is None
    assert len(traces) == 1
    f({"b": [cnp.ones(2), None], "a": cnp.ones(2)}, k=[1.0])
    assert len(traces) == 2


def test_large_trees_and_custom_nodes():
    @cr.tree_util.register_pytree_node_class
    class Pair:
        def __init__(self, x, tag):
            self.x, self.tag = x, tag

        def tree_flatten(self):
            return (self.x,), self.tag

        @classmethod
        def tree_unflatten(cls, tag, children):
            return cls(*children, tag)

    f, traces = counting(lambda many, pair: (many[0] + pair.x, pair))
    many = [cnp.ones(1) * i for i in range(150)]
    for _ in range(2):
        total, pair = f(many, Pair(cnp.ones(1), "a"))
        assert total.tolist() == [1] and type(pair) is Pair and pair.tag == "a"
    assert len(traces) == 1
    f(many, Pair(cnp.ones(1), "b"))
    assert len(traces) == 2


def test_outputs_of_every_shape_of_tree():
    x = cnp.ones(2)
    for out in [(), (x,), (x, x), [x], (x, (x,)), {"a": x}, None, (None, x)]:
        f = cr.jit(lambda y, out=out: cr.tree.map(lambda _: y, out))
        for _ in range(2):
            assert cr.tree.structure(f(x)) == cr.tree.structure(out)
    assert int(cr.jit(lambda: 3)()) == 3


def test_more_arguments_than_a_mask_holds():
    f, traces = counting(lambda *xs: sum(xs), static_argnums=0)
    assert int(f(1, *[2] * 100)) == int(f(1, *[2] * 100)) == 201
    assert len(traces) == 1


# --- static arguments -----------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [{"static_argnums": 1}, {"static_argnames": "n"}, {"static_argnums": (-1,)}],
    ids=str,
)
def test_static_arguments(options):
    f, traces = counting(power, **options)
    assert [float(f(2.0, n)) for n in (3, 2, 3, 2)] == [8, 4, 8, 4]
    assert len(traces) == 2 == f._cache_size()


def test_static_arguments_by_name():
    f, traces = counting(power, static_argnames=("n", "sign"))
    assert float(f(2.0, n=3)) == 8
    assert float(f(2.0, sign=-1, n=3)) == float(f(2.0, n=3, sign=-1)) == -8
    assert float(f(2.0, 3, sign=-1)) == -8
    assert len(traces) == 3 == f._cache_size()


def test_static_values_are_compared_by_type_and_equality():
    f, traces = counting(lambda n: n, static_argnums=0)
    kinds = [f(v).dtype.kind for v in (1, 1.0, True, 1, 1.0, True)]
    assert kinds == ["i", "f", "b"] * 2 and len(traces) == 3
    g, traces = counting(lambda t: len(t[0]), static_argnums=0)
    g((("a", "b"),)), g((tuple("ab"),))
    assert len(traces) == 1


def test_equality_that_raises_or_empties_the_cache():
    class Odd:
        action = None

        def __hash__(self):
            return 1

        def __eq__(self, other):
            if Odd.action:
                Odd.action()
            return True

    f, traces = counting(lambda x, odd: x, static_argnums=1)
    f(1.0, Odd()), f(1.0, Odd())
    assert len(traces) == 1
    Odd.action = f.clear_cache
    assert float(f(2.0, Odd())) == 2

    def fail():
        raise LookupError("no comparison")

    f(1.0, Odd())
    Odd.action = fail
    with pytest.raises(LookupError, match="no comparison"):
        f(1.0, Odd())


def test_unhashable_static_arguments():
    f = cr.jit(power, static_argnums=1)
    with pytest.raises(ValueError, match="static argument 1 of power is not hashable"):
        f(2.0, [1])
    f(2.0, 1)
    with pytest.raises(ValueError, match="static argument 1 of power is not hashable"):
        f(2.0, [1])


# --- configuration and transformations ------------------------------------------------


def test_options_are_part_of_the_signature():
    f, traces = counting(lambda x: cnp.zeros(2) + x)
    assert f(1).dtype == np.float32
    with cr.enable_x64(True):
        assert f(1).dtype == np.float64
        with cr.default_matmul_precision("highest"):
            f(1)
        assert f(1).dtype == np.float64
    assert f(1).dtype == np.float32
    assert len(traces) == 3 == f._cache_size()


def test_options_set_for_the_process_reach_other_threads():
    f = cr.jit(lambda x: x * 2)
    ready, changed, seen = threading.Event(), threading.Event(), []

    def work():
        seen.append(f(1).dtype)
        ready.set()
        changed.wait()
        seen.append(f(1).dtype)

    worker = threading.Thread(target=work)
    worker.start()
    ready.wait()
    cr.config.update("enable_x64", True)
    changed.set()
    worker.join()
    cr.config.update("enable_x64", False)
    assert seen == [np.int32, np.int64] and f(1).dtype == np.int32


def test_disable_jit_calls_the_function_itself():
    f, traces = counting(lambda x: float(x))
    with cr.disable_jit():
        assert f(2.0) == 2.0 and f(2.0) == 2.0
    assert len(traces) == 2 and f._cache_size() == 0


def test_checks_look_at_every_operation_of_a_run_that_gave_nan(runs):
    f = cr.jit(lambda x: cnp.log(x) + 1)
    f(1.0)
    with cr.debug_nans(True), pytest.raises(FloatingPointError, match="^log: "):
        f(-1.0)
    assert len(runs) == 2


def test_tracers_take_the_other_path():
    f, traces = counting(lambda x: x * x)
    assert float(cr.grad(f)(3.0)) == 6
    assert cr.vmap(f)(cnp.arange(3.0)).tolist() == [0, 1, 4]
    assert "jit[" in str(cr.make_jaxpr(f)(1.0))
    assert float(cr.jit(lambda x: f(x) + 1)(2.0)) == 5
    assert f._cache_size() == 0 and len(traces) == 2  # weakly typed, and not
    assert float(f(4.0)) == 16 and len(traces) == 2


def test_programs_of_eager_transformations_go_through_the_executor(runs):
    f = cr.jit(lambda x: cnp.sin(x) * x)
    assert float(cr.grad(f)(0.0)) == 0
    assert runs
    first = len({id(closed) for closed, _, _ in runs})
    cr.grad(f)(1.0)
    assert len({id(closed) for closed, _, _ in runs}) == first
    assert len(runs) == 2 * first


def test_a_function_that_closes_over_a_tracer_is_not_kept():
    kept = []

    def outer(x):
        inner = cr.jit(lambda y: x * y)
        kept.append(inner)
        return inner(2.0) + inner(3.0)

    assert float(cr.grad(outer)(1.0)) == 5
    assert kept[0]._cache_size() == 0
    assert "2 more traces were not kept" in kept[0].explain_recompile()


def test_named_axes_reach_the_function():
    f = cr.jit(lambda: cr.lax.axis_index("i"))
    out = cr.vmap(lambda x: x + f(), axis_name="i")(cnp.zeros(3))
    assert out.tolist() == [0, 1, 2]
    with pytest.raises(NameError, match="unbound axis name"):
        f()


def test_operations_at_compile_time_use_the_fast_path():
    inner = cr.jit(lambda x: x + 1)

    @cr.jit
    def f(x):
        with cr.ensure_compile_time_eval():
            n = int(inner(2.0))
        return x * n

    assert float(f(2.0)) == 6 and inner._cache_size() == 1


# --- executors ------------------------------------------------------------------------


def test_programs_run_through_the_executor_in_force(runs):
    f = cr.jit(add)
    f(1.0, 2.0), f(1.0, 2.0)
    assert [len(args) for _, _, args in runs] == [2, 2]
    assert runs[0][0] is runs[1][0]


def test_a_new_executor_serves_what_was_compiled_before():
    f = cr.jit(add)
    assert float(f(1.0, 2.0)) == 3
    former = executors.set_executor(lambda closed, donated: lambda *_: [as_array(7.0)])
    try:
        assert float(f(1.0, 2.0)) == 7
    finally:
        assert executors.set_executor(former) is not former
    assert float(f(1.0, 2.0)) == 3


@pytest.mark.parametrize("answer", [[], [1, 2], 3, None], ids=str)
def test_a_program_with_the_wrong_number_of_results(answer):
    former = executors.set_executor(lambda closed, donated: lambda *_: answer)
    try:
        with pytest.raises(TypeError, match="must return a list or tuple of 1 arrays"):
            cr.jit(add)(1.0, 2.0)
    finally:
        executors.set_executor(former)
