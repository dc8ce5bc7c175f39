"""Operators, primitives, tracers and thread state of the native dispatch.

These tests see only chainrule.runtime._native.
"""

import copy
import operator
import pickle
import subprocess
import sys
import threading
import warnings
import weakref

import ml_dtypes
import numpy as np
import pytest
from dispatch_samples import F32, Boxed, Op, Recorder, array, boxed

from chainrule.runtime import _native as native

# ------------------------------------------------------------------ operators


FAST = [
    (operator.add, np.add), (operator.sub, np.subtract), (operator.mul, np.multiply),
    (operator.truediv, np.true_divide), (operator.eq, np.equal),
    (operator.ne, np.not_equal), (operator.lt, np.less), (operator.le, np.less_equal),
    (operator.gt, np.greater), (operator.ge, np.greater_equal),
]  # fmt: skip
SHAPES = [
    ((), ()),
    ((3,), (3,)),
    ((), (4,)),
    ((2, 3), ()),
    ((2, 1), (1, 3)),
    ((0,), ()),
]


def sample(shape, dtype, seed):
    values = np.random.default_rng(seed).integers(-3, 4, shape)
    return np.asarray(values).astype(dtype)


@pytest.mark.parametrize("op, ufunc", FAST)
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c8", "i1", "i4", "i8", "u4"])
def test_operators_equal_numpy(op, ufunc, dtype, recorded):
    integral = np.dtype(dtype).kind in "iu"
    ordered = op in (operator.lt, operator.le, operator.gt, operator.ge)
    if (integral and op is operator.truediv) or (dtype == "c8" and ordered):
        name = "true_divide" if op is operator.truediv else ufunc.__name__
        assert op(array([1, 2], dtype), array([3, 4], dtype))[0] == name
        return
    for left, right in SHAPES + [((2000,), (2000,)), ((3000,), ())]:
        x, y = sample(left, dtype, 1), sample(right, dtype, 2)
        with np.errstate(all="ignore"):
            expected = [ufunc(x, y), ufunc(x, 2), ufunc(2, x)]
        cx, cy = native.wrap(x), native.wrap(y)
        for got, want in zip([op(cx, cy), op(cx, 2), op(2, cx)], expected, strict=True):
            assert type(got) is native.ConcreteArray
            assert got.dtype == want.dtype and got.shape == want.shape
            np.testing.assert_array_equal(got._data, want)


def test_strided_operands_equal_numpy():
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    x, y = base[:, ::2], base.T[:3].T
    got = native.wrap(x) * native.wrap(y)
    np.testing.assert_array_equal(got._data, x * y)


def test_other_fast_operators_equal_numpy():
    x, y = np.float32([[1, 2], [3, 4]]), np.float32([[2, 0], [1, 3]])
    cx, cy = native.wrap(x.copy()), native.wrap(y.copy())
    np.testing.assert_array_equal((cx**cy)._data, x**y)
    np.testing.assert_array_equal((cx @ cy)._data, x @ y)
    assert (native.wrap(x[0]) @ native.wrap(y[0])).shape == ()
    np.testing.assert_array_equal((-cx)._data, -x)
    np.testing.assert_array_equal(abs(-cx)._data, x)
    i, j = np.int32([6, 3]), np.int32([5, 1])
    for op in (operator.and_, operator.or_, operator.xor):
        np.testing.assert_array_equal(
            op(native.wrap(i), native.wrap(j))._data, op(i, j)
        )
    assert (array([True, False], bool) & array([True, True], bool)).tolist() == [
        True,
        False,
    ]
    assert abs(array([-128], np.int8)).tolist() == [-128]
    assert (-array([1], np.uint8)).tolist() == [255]
    lowest = np.iinfo(np.int32).min
    assert (array([lowest], np.int32) - 1).tolist() == [2**31 - 1]
    assert (-array([lowest], np.int32)).tolist() == [lowest]
    assert (array([2.0]) / 0).tolist() == [np.inf]


def test_weak_types_of_fast_results():
    strong, weak = array([1.0]), array([1.0], weak_type=True)
    assert not (strong + 1).weak_type and not (strong + weak).weak_type
    assert (weak + 1).weak_type and (2.0 * weak).weak_type and (weak + weak).weak_type
    assert (-weak).weak_type and not (-strong).weak_type
    assert not (weak < weak).weak_type and not (weak == 1).weak_type


class Ranked(list):
    __array_priority__ = 200


class Convertible:
    def __jax_array__(self):
        raise AssertionError("the installed function is to call it")


def test_what_takes_the_slow_path(recorded):
    x, i = array([1.0, 2.0]), array([1, 2], np.int32)
    half = array([1], ml_dtypes.bfloat16)
    sharded = native.wrap(np.ones(2, np.float32), sharding="elsewhere")
    for other in (i, True, 1j, np.float32(1), np.ones(2, np.float32), [1, 2], (1, 2),
                  np.float64(2), half, 2**70, Convertible(), sharded):  # fmt: skip
        name, left, right = x + other
        assert name == "add" and left is x and right is other
        if not isinstance(other, native.Array):
            name, left, right = other + x
            assert name == "add" and left is other and right is x
    assert (
        (i + 1.5)[0] == "add" and (i + 2**40)[0] == "add" and (i == 2**40)[0] == "equal"
    )
    assert (array([1], np.uint8) + -1)[0] == "add"
    assert (x + array([1.0, 2.0, 3.0]))[0] == "add"
    assert (x @ array([1.0, 2.0, 3.0]))[0] == "matmul"
    assert (half + half)[0] == "add" and (x**2)[0] == "power" and (x @ 2)[0] == "matmul"
    assert (x @ array(1.0))[0] == "matmul"
    assert [(x // x)[0], (x % x)[0], divmod(x, x)[0]] == [
        "floor_divide", "remainder", "divmod"]  # fmt: skip
    assert [(i << i)[0], (i >> i)[0], (~i)[0], (+i)[0]] == [
        "left_shift", "right_shift", "invert", "positive"]  # fmt: skip
    for key in (slice(1), 2, -3, 2**70, True, (0,), None, np.int64(0)):
        name, operand, index = x[key]
        assert name == "getitem" and operand is x and index is key
    assert (-array([True], bool))[0] == "negative"


def test_foreign_operands_are_left_to_python(recorded):
    x = array([1.0, 2.0])
    for other in ("a", None, {}, object()):
        with pytest.raises(TypeError, match="unsupported operand"):
            x + other
        assert (x == other) is False and (x != other) is True
    with pytest.raises(TypeError, match="not supported between"):
        x < None
    with pytest.raises(TypeError):
        x + Ranked([1])
    with pytest.raises(TypeError, match="pow"):
        pow(x, x, 2)


def test_a_python_int_in_range_selects_a_row_at_once():
    x = array([[1, 2], [3, 4]], weak_type=True)
    assert x[1].tolist() == x[-1].tolist() == [3, 4] and x[1].weak_type
    assert np.shares_memory(x[1]._data, x._data) and x[1][0].item() == 3
    assert not np.shares_memory(x[1][0]._data, x._data)


def test_operators_without_the_public_layer_say_so():
    program = (
        "from importlib.util import module_from_spec, spec_from_file_location\n"
        f"spec = spec_from_file_location('_native', {native.__file__!r})\n"
        "n = module_from_spec(spec)\nspec.loader.exec_module(n)\n"
        "import numpy as np\nx = n.wrap(np.ones(2))\n"
        "try:\n    x % x\nexcept TypeError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert done.stdout.strip() == (
        "Array: the operator 'remainder' needs chainrule.numpy, which is not loaded; "
        "import chainrule.numpy."
    )


def test_install_checks_before_it_changes_anything(recorded):
    for wrong in ({"add": 1}, {"no_such": print}, {1: print}):
        with pytest.raises(ValueError, match="install: "):
            native.install({"subtract": print, **wrong}, {})
    assert (array([1.0]) - True)[0] == "subtract"
    native.install({}, {"answer_": property(lambda self: 42)})
    assert array([1.0]).answer_ == 42 and boxed().answer_ == 42
    del native.Array.answer_


# ------------------------------------------------------------------ silence


def test_no_warnings_and_errstate_untouched():
    log, x = Op("log", np.log), array([0.0, -1.0])
    big = native.wrap(np.zeros(5000, np.float32))
    with warnings.catch_warnings(), np.errstate(divide="warn", invalid="raise"):
        warnings.simplefilter("error")
        before = np.geterr()
        assert np.isneginf(log(x)._data[0]) and np.isnan((x / 0)._data[0])
        assert np.isnan((big / big)._data).all() and np.isinf((1.0 / big)._data).all()
        assert np.isinf((array([1e30]) * 1e30)._data).all()
        assert np.geterr() == before
        with pytest.raises(FloatingPointError):
            np.log(np.float64(-1.0))
    inside = Op("inside", lambda: np.geterr()["divide"] == "ignore")
    assert inside().item() is True
    assert native.silently(np.geterr)["over"] == "ignore"


def test_silence_nests_and_survives_exceptions():
    log = Op("log", np.log)

    def evaluate(x):
        log(array([0.0]))
        np.log(np.float32(0))
        raise KeyError("stop")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            with pytest.raises(KeyError):
                Op("outer", evaluate)(array([1.0]))
            log(array([0.0]))
        with pytest.raises(RuntimeWarning):
            np.log(np.float32(0))


def test_threads_have_their_own_state():
    log, failures = Op("log", np.log), []

    def work():
        try:
            assert native.current_dynamic() is None
            native.swap_dynamic(Recorder())
            assert log(array([0.0]))[1] is log
            native.swap_dynamic(None)
            for _ in range(100):
                assert np.isneginf(log(array([0.0]))._data[0])
        except BaseException as error:
            failures.append(error)

    trace = Recorder()
    native.swap_dynamic(trace)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert native.current_dynamic() is trace
    finally:
        assert native.swap_dynamic(None) is trace
    assert not failures


# ------------------------------------------------------------------ Primitive


def test_evaluation_sees_ndarrays_and_results_are_wrapped():
    seen = []

    def evaluate(x, y, *, axis):
        seen.append((type(x), type(y), axis))
        return x + y

    x = array([1.0, 2.0])
    y = Op("add", evaluate)(x, 2.0, axis=1)
    assert seen == [(np.ndarray, float, 1)] and y.tolist() == [3.0, 4.0]
    assert Op("sum", np.sum)(x).shape == ()
    assert Op("same", lambda a: x)(x) is x
    both = Op("both", lambda a: (a, a), multiple_results=True)(x)
    assert type(both) is list and [b.tolist() for b in both] == [[1.0, 2.0]] * 2
    many = [array(float(i)) for i in range(40)]
    assert Op("total", lambda *a, **k: sum(a) + k["one"])(*many, one=1).item() == 781.0


def test_weak_rules():
    strong, weak = array([1.0]), array([1.0], weak_type=True)
    add = Op("add", np.add)
    assert add(weak, weak).weak_type and add(weak, 2.0).weak_type
    assert not add(weak, strong).weak_type and not add(weak, np.float32(1)).weak_type
    assert not Op("iota", lambda: np.arange(3))().weak_type
    assert not Op("lt", np.less, weak_rule=1)(weak, weak).weak_type
    convert = Op("convert", lambda x, weak_type: x, weak_rule=2)
    assert convert(strong, weak_type=True).weak_type
    assert not convert(weak, weak_type=False).weak_type


def test_raw_primitives_get_arrays():
    x = array([1.0])
    assert Op("raw", lambda *a, **k: (a, k), raw=True)(x, 2, n=3) == ((x, 2), {"n": 3})


def test_evaluation_failures():
    x = array([1.0])
    with pytest.raises(NotImplementedError, match="^nothing: no evaluation rule$"):
        Op("nothing")(x)
    with pytest.raises(TypeError):
        Op("bad", lambda x: object())(x)
    with pytest.raises(TypeError, match="sequence"):
        Op("bad", lambda x: 1, multiple_results=True)(x)
    with pytest.raises(TypeError):
        Op("log", np.log)(x, wrong=1)
    with pytest.raises(ZeroDivisionError):
        Op("bad", lambda x: 1 // 0)(x)
    assert repr(Op("named")) == "named"


def test_the_highest_level_takes_the_operation(hooks):
    add = Op("add", np.add)
    low, high = Recorder(), Recorder()
    assert low.level < high.level
    a, b, x = boxed(trace=low), boxed(trace=high), array([1.0])
    assert add(a, b) == (high, add, (a, b), {})
    assert add(b, a, axis=0) == (high, add, (b, a), {"axis": 0})
    trace, prim, args, params = add(x, a)
    assert (trace, prim, params) == (low, add, {}) and args[0] is x and args[1] is a


def test_a_dynamic_trace_sees_every_operation(recorded):
    add, x = Op("add", np.add), array([1.0])
    low, dynamic, high = Recorder(), Recorder(), Recorder()
    assert native.swap_dynamic(dynamic) is None
    try:
        assert native.current_dynamic() is dynamic
        assert add(x, x)[0] is dynamic and add(boxed(trace=low), x)[0] is dynamic
        assert add(boxed(trace=high), x)[0] is high
        assert (x + x)[0] == "add" and (-x)[0] == "negative"
    finally:
        assert native.swap_dynamic(None) is dynamic
    assert add(x, x).tolist() == [2.0] and (x + x).tolist() == [2.0]
    with pytest.raises(TypeError, match="swap_dynamic"):
        native.swap_dynamic(1)


def test_leaked_tracers_and_collectives_go_to_the_hooks(hooks):
    tracer = boxed()
    tracer._trace.alive = False
    with pytest.raises(ReferenceError):
        Op("add", np.add)(tracer, 1.0)
    native.set_hooks({"leaked": lambda tracer: None})
    with pytest.raises(RuntimeError, match="must raise"):
        Op("add", np.add)(tracer, 1.0)
    psum, x = Op("psum", axis_rule=True), array([1.0])
    assert psum(x, axes=("i",)) == ("collective", psum, (x,), {"axes": ("i",)})
    with pytest.raises(ValueError, match="set_hooks"):
        native.set_hooks({"wrong": print})
    with pytest.raises(TypeError, match="_trace is not a Trace"):
        Op("add", np.add)(Boxed.__new__(Boxed))


# ------------------------------------------------------------------ Tracer


def test_tracers_take_their_aspects_from_the_aval():
    tracer = boxed(aval=native.ShapedArray((3, 2), F32, True))
    assert isinstance(tracer, native.Array)
    assert (tracer.shape, tracer.ndim, tracer.size) == ((3, 2), 2, 6)
    assert (tracer.dtype, tracer.itemsize, tracer.nbytes) == (F32, 4, 24)
    assert tracer.weak_type and len(tracer) == 3
    assert repr(tracer) == "Boxed(~float32[3,2])"
    with pytest.raises(AttributeError, match="no aval"):
        Boxed.__new__(Boxed).shape


def test_tracers_convert_through_the_hook():
    scalar = native.ShapedArray((), F32)
    t = boxed(array(2.5), aval=scalar)
    assert (bool(t), int(t), float(t), complex(t), t.item()) == (True, 2, 2.5, 2.5, 2.5)
    assert operator.index(boxed(array(3, int))) == 3 and t.tolist() == 2.5
    assert np.asarray(t) == 2.5
    conversions = {"bool": bool, "int": int, "float": float, "complex": complex,
                   "index": operator.index, "array": np.asarray,
                   "item": operator.methodcaller("item")}  # fmt: skip
    for kind, convert in conversions.items():
        with pytest.raises(ValueError, match=kind):
            convert(boxed(None))
    with pytest.raises(TypeError, match="must return a concrete Array"):
        float(boxed(1.0))
    with pytest.raises(TypeError, match="unhashable"):
        hash(t)
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(t)
    with pytest.raises(TypeError):
        memoryview(t)
    with pytest.raises(TypeError, match="0-d"):
        iter(t)
    with pytest.raises(TypeError, match="unsized"):
        len(t)


def test_tracer_operators_and_iteration(recorded):
    t, x = boxed(), array([1.0, 2.0, 3.0])
    for op, name in (
        (operator.add, "add"),
        (operator.matmul, "matmul"),
        (operator.eq, "equal"),
    ):
        for left, right in ((t, x), (x, t), (t, 2.0), (t, t)):
            got = op(left, right)
            assert got[0] == name and got[1] is left and got[2] is right
    assert (
        (2.0 + t)[2] is t and (np.ones(3) + t)[0] == "add" and abs(t)[0] == "absolute"
    )
    assert [(row[0], row[2]) for row in t] == [("getitem", i) for i in range(3)]
    assert copy.copy(t) is t and t.block_until_ready() is t


def test_construction_of_tracers():
    class Derived(Boxed):
        __slots__ = ("zeta", "alpha")

    class WithInit(Boxed):
        __slots__ = ("extra",)

        def __init__(self, trace, extra):
            self._trace, self.aval, self.extra = trace, None, extra

    trace, aval = Recorder(), native.ShapedArray((), F32)
    t = Derived(trace, aval, 1, 2, 3)
    assert (t._trace, t.aval, t.value, t.zeta, t.alpha) == (trace, aval, 1, 2, 3)
    assert WithInit(trace, 7).extra == 7
    for wrong in ((), (trace,), (trace, aval, 1), (trace, aval, 1, 2, 3, 4)):
        with pytest.raises(TypeError, match="positional arguments"):
            Derived(*wrong)
    with pytest.raises(TypeError, match="positional arguments"):
        Derived(trace, aval, 1, 2, alpha=3)


def test_cycles_through_tracers_are_collected():
    import gc

    class Holder(Recorder):
        pass

    trace = Holder()
    trace.tracers = [boxed(trace=trace)]
    reference = weakref.ref(trace)
    del trace
    gc.collect()
    assert reference() is None


# ------------------------------------------------------------------ user_frame


def test_user_frame_skips_internal_files():
    namespace = {"native": native}
    internal = compile(
        "def enter():\n    return deeper()\ndef deeper():\n    return native.user_frame()\n",
        "/somewhere/internal/file.py", "exec")  # fmt: skip
    exec(internal, namespace)
    code, _ = namespace["enter"]()
    assert code.co_name == "deeper"
    native.set_internal_prefix("/somewhere/internal/")
    code, lasti = namespace["enter"]()
    assert code is test_user_frame_skips_internal_files.__code__ and lasti > 0
    for wrong in ("", 3, None):
        with pytest.raises(TypeError, match="set_internal_prefix"):
            native.set_internal_prefix(wrong)


# ------------------------------------------------------------------ references


def test_reference_counts_are_kept(hooks, recorded):
    """Every path, run many times, leaves the counts of what it touched."""
    prim, trace, marker = Op("add", np.add), Recorder(), object()
    x, t = array([1.0, 2.0]), boxed(array(1.0), trace=trace)
    i, z = array([3, 4], np.int32), array(0.0)
    failing = Op("bad", lambda x: 1 // 0)
    aval = native.ShapedArray((2,), F32)

    def once():
        prim(x, x), prim(t, x, axis=marker), x + x, x + 1.5, 2 - x, x < x, -x, abs(x)
        x @ x, x + i, x == marker, z + z, z * 2.0
        float(z), bool(t), float(t), t.item(), repr(x), str(t), list(x), list(t)
        Boxed(trace, aval, marker), pickle.dumps(x), np.asarray(x), memoryview(x)
        x.__dlpack__(), np.from_dlpack(x), x.shape, x.dtype, t.shape, x.tolist()
        native.user_frame(), native.wrap(np.ones(2, np.float32)).aval
        native.swap_dynamic(trace), native.swap_dynamic(None)
        native.ShapedArray((2,), F32), aval.str_short(), repr(aval)
        for bad in (lambda: failing(x), lambda: Boxed(trace), lambda: x < marker,
                    lambda: native.wrap(marker), lambda: hash(x), lambda: float(x)):  # fmt: skip
            with pytest.raises((ZeroDivisionError, TypeError)):
                bad()

    watched = [prim, trace, marker, x, t, i, z, aval, F32, x._data, z._data, native.wrap,
               native.ConcreteArray, Boxed, Recorder, (2,).__class__]  # fmt: skip
    once()
    before = [sys.getrefcount(w) for w in watched]
    for _ in range(200):
        once()
    after = [sys.getrefcount(w) for w in watched]
    grown = [
        (w, b, a) for w, b, a in zip(watched, before, after, strict=True) if a - b > 20
    ]
    assert not grown
