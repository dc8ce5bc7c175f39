"""The native dispatch: arrays, tracers, primitives, operators, thread state.

These tests see only chainrule.runtime._native; where they install operators or hooks
of their own, the former ones are put back.
"""

import copy
import ctypes
import operator
import pickle
import struct
import subprocess
import sys
import threading
import warnings
import weakref

import ml_dtypes
import numpy as np
import pytest

from chainrule.runtime import _native as native

F32 = np.dtype(np.float32)


def array(values, dtype=np.float32, weak_type=False):
    return native.wrap(np.array(values, dtype), weak_type=weak_type)


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


class Recorder(native.Trace):
    def process(self, prim, args, params):
        return (self, prim, args, params)


class Boxed(native.Tracer):
    __slots__ = ("value",)

    def _concrete(self, kind):
        if self.value is None:
            raise ValueError(kind)
        return self.value


class Op(native.Primitive):
    def __init__(self, name, evaluate=None, **fields):
        self.name = name
        self.evaluate = evaluate
        for field, value in fields.items():
            setattr(self, field, value)


def boxed(value=None, trace=None, aval=None):
    trace = Recorder() if trace is None else trace
    aval = native.ShapedArray((3,), F32) if aval is None else aval
    return Boxed(trace, aval, value)


# ------------------------------------------------------------------ ShapedArray


def test_equal_arguments_give_the_identical_aval():
    aval = native.ShapedArray((2, 3), F32)
    assert aval is native.ShapedArray([2, np.int64(3)], "float32", False)
    assert aval is native.ShapedArray(shape=(2, 3), dtype=np.float32)
    assert aval is native.ShapedArray((2, 3), pickle.loads(pickle.dumps(F32)))
    assert aval is not native.ShapedArray((2, 3), F32, True)
    assert aval is not native.ShapedArray((3, 2), F32)
    assert aval is pickle.loads(pickle.dumps(aval)) is copy.deepcopy(aval)
    assert array(np.zeros((2, 3))).aval is aval
    assert (aval.shape, aval.dtype, aval.ndim, aval.size) == ((2, 3), F32, 2, 6)
    assert native.ShapedArray((), "q").dtype is np.dtype("int64")
    assert native.ShapedArray((), ">f4").dtype is F32


def test_interning_survives_growth_of_the_table():
    avals = [native.ShapedArray((i, 7), F32) for i in range(5000)]
    assert all(native.ShapedArray((i, 7), F32) is a for i, a in enumerate(avals))
    assert len(set(avals)) == 5000


def test_avals_of_extended_and_structured_dtypes():
    class Key:
        def __str__(self):
            return "key<fry>"

    key = Key()
    aval = native.ShapedArray((2,), key)
    assert aval is native.ShapedArray((2,), key)
    assert (repr(aval), aval.str_short()) == ("ShapedArray(key<fry>[2])", "key<fry>[2]")
    first, second = (np.dtype([("float0", np.void, 0)]) for _ in range(2))
    assert native.ShapedArray((), first) is native.ShapedArray((), second)
    assert native.ShapedArray((4,), first).str_short() == "float0[4]"


@pytest.mark.parametrize(
    "dtype, long, short",
    [
        ("float32", "float32", "f32"),
        ("float16", "float16", "f16"),
        ("int8", "int8", "i8"),
        ("uint64", "uint64", "u64"),
        ("bool", "bool", "bool"),
        ("complex64", "complex64", "c64"),
        (ml_dtypes.bfloat16, "bfloat16", "bf16"),
        (ml_dtypes.float8_e4m3fn, "float8_e4m3fn", "f8_e4m3fn"),
        (ml_dtypes.int4, "int4", "i4"),
    ],
)
def test_aval_text(dtype, long, short):
    aval = native.ShapedArray((2, 3), dtype)
    assert repr(aval) == f"ShapedArray({long}[2,3])"
    assert aval.str_short() == f"{short}[2,3]"
    weak = native.ShapedArray((), dtype, weak_type=True)
    assert repr(weak) == f"ShapedArray({long}[], weak_type=True)"
    assert weak.strip_weak_type() is native.ShapedArray((), dtype)
    assert weak.update(shape=(2, 3), weak_type=False) is aval


@pytest.mark.parametrize(
    "arguments, error",
    [
        (((2.5,), F32), TypeError),
        ((3, F32), TypeError),
        (((-1,), F32), ValueError),
        (((2,), "no such dtype"), TypeError),
        (((2,),), TypeError),
        (((2,), F32, False, 1), TypeError),
        (((1,) * 65, F32), ValueError),
        (((2**62, 4), F32), OverflowError),
        (((2**70,), F32), OverflowError),
    ],
)
def test_bad_avals_are_refused(arguments, error):
    with pytest.raises(error):
        native.ShapedArray(*arguments)
    with pytest.raises(TypeError):
        native.ShapedArray((2,), F32, wrong=1)


# ------------------------------------------------------------------ Array


def test_wrap_shares_memory_and_forbids_writing():
    data = np.arange(3.0, dtype=np.float32)
    x = native.wrap(data)
    assert x._data is data and not data.flags.writeable
    assert x.unsafe_buffer_pointer() == data.ctypes.data
    assert isinstance(x, native.Array) and type(x).__name__ == "Array"
    assert (x.shape, x.dtype, x.ndim, x.size) == ((3,), F32, 1, 3)
    assert (x.nbytes, x.itemsize, x.weak_type) == (12, 4, False)
    assert x.sharding_ is None and x.is_fully_addressable
    assert native.wrap(data, sharding="here").sharding_ == "here"


def test_wrap_of_scalars_and_unusual_arrays():
    assert native.wrap(np.float32(2)).shape == ()
    assert native.wrap(ml_dtypes.bfloat16(2)).dtype == ml_dtypes.bfloat16
    swapped = native.wrap(np.array([1, 2], ">i4"))
    assert swapped.dtype is np.dtype("int32") and swapped.tolist() == [1, 2]
    assert native.wrap(np.array([1], "q"))._data.dtype.char == "l"
    masked = np.ma.masked_array([1.0, 2.0], [False, True])
    assert type(native.wrap(masked)._data) is np.ndarray


@pytest.mark.parametrize(
    "value", [object(), [1.0], "a", np.array([None]), np.array("a"), np.longdouble(1)]
)
def test_wrap_refuses_what_no_array_holds(value):
    with pytest.raises(TypeError, match="Array: "):
        native.wrap(value)


def test_arrays_are_not_constructed_directly():
    with pytest.raises(TypeError, match="chainrule.numpy.array"):
        native.Array()
    with pytest.raises(TypeError):
        native.ConcreteArray()


def test_conversions_to_python_scalars():
    assert float(array(2.5)) == 2.5 and int(array(2.5)) == 2
    assert complex(array(2 + 1j, np.complex64)) == 2 + 1j
    assert operator.index(array(3, np.int32)) == 3 and bool(array([[1.0]]))
    assert float(array(1.5, ml_dtypes.bfloat16)) == 1.5
    assert array(1.5, ml_dtypes.bfloat16).item() == 1.5
    assert array([1, 2], ml_dtypes.int4).tolist() == [1, 2]
    assert array([[1, 2], [3, 4]]).item(1, 0) == 3.0


@pytest.mark.parametrize(
    "attempt, error, message",
    [
        (lambda: float(array([1.0])), TypeError, "Python scalars; got arr.ndim=1"),
        (lambda: int(array([[1.0]])), TypeError, "Python scalars; got arr.ndim=2"),
        (lambda: complex(array([1, 2])), TypeError, "Python scalars; got arr.ndim=1"),
        (lambda: float(array(1j, np.complex64)), TypeError, "not 'complex'"),
        (lambda: operator.index(array(1.0)), TypeError, "Only integer scalar arrays"),
        (lambda: operator.index(array(True, bool)), TypeError, "Only integer scalar"),
        (lambda: bool(array([1, 2])), ValueError, "more than one element is ambiguous"),
        (lambda: bool(array([])), ValueError, "an empty array is ambiguous"),
        (lambda: len(array(1)), TypeError, "len\\(\\) of unsized object"),
        (lambda: iter(array(1)), TypeError, "iteration over a 0-d array"),
        (lambda: hash(array(1)), TypeError, "unhashable type"),
        (lambda: array([1, 2]).item(), ValueError, "array of size 1"),
        (lambda: array([1, 2]).item(5), IndexError, "out of bounds"),
        (lambda: int(array(np.nan)), ValueError, "NaN"),
        (lambda: operator.setitem(array([1]), 0, 1), TypeError, "immutable"),
        (lambda: operator.delitem(array([1]), 0), TypeError, "immutable"),
    ],
)
def test_impossible_conversions(attempt, error, message):
    with pytest.raises(error, match=message):
        attempt()


def test_iteration_yields_rows_that_share_memory():
    x = array([[1, 2], [3, 4], [5, 6]], weak_type=True)
    rows = list(x)
    assert len(x) == 3 and [row.tolist() for row in rows] == [[1, 2], [3, 4], [5, 6]]
    assert all(type(r) is type(x) and r.weak_type for r in rows)
    assert np.shares_memory(rows[1]._data, x._data)
    assert [e.shape for e in rows[0]] == [(), ()]
    assert operator.length_hint(iter(x)) == 3


def test_numpy_and_buffer_protocols():
    x = array([1.0, 2.0])
    assert x.__array__() is x._data
    assert x.__array__(np.float64).dtype == np.float64
    assert x.__array__(copy=True).flags.writeable
    with pytest.raises(ValueError):
        x.__array__(np.float64, copy=False)
    assert type(np.sin(x)) is np.ndarray
    view = memoryview(x)
    assert view.readonly and view.tolist() == [1.0, 2.0]
    assert np.shares_memory(np.asarray(x), x._data)
    assert np.asarray(array([1], ml_dtypes.bfloat16)).dtype == ml_dtypes.bfloat16
    with pytest.raises(ValueError):
        np.asarray(x)[0] = 1
    with pytest.raises((BufferError, ValueError)):
        memoryview(array([1], ml_dtypes.bfloat16))


def test_pickle_and_copy():
    for x in (array([1, 2]), array(1.5, weak_type=True), array(1, ml_dtypes.bfloat16)):
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            back = pickle.loads(pickle.dumps(x, protocol))
            assert back.aval is x.aval and back.tolist() == x.tolist()
            assert not back._data.flags.writeable
        assert copy.copy(x) is x and copy.deepcopy(x) is x


def test_a_deleted_array_refuses_every_use(recorded):
    x = array([1, 2, 3])
    assert not x.is_deleted()
    x.delete()
    x.delete()
    assert x.is_deleted() and x.shape == (3,) and x.aval.dtype == F32
    uses = [
        repr,
        str,
        len,
        iter,
        bool,
        float,
        np.asarray,
        memoryview,
        copy.copy,
        pickle.dumps,
        operator.methodcaller("tolist"),
        Op("neg", np.negative),
        operator.attrgetter("_data"),
        operator.methodcaller("__dlpack__"),
    ]
    for use in uses:
        with pytest.raises(RuntimeError, match=r"deleted with shape=float32\[3\]\."):
            use(x)
    assert (x + x)[0] == "add"


@pytest.mark.parametrize(
    "values, dtype, expected",
    [
        ([1, 2, 3], "f4", "Array([1., 2., 3.], dtype=float32)"),
        ([True, False], "?", "Array([ True, False], dtype=bool)"),
        ([[1, 2], [3, 4.5]], "f4",
         "Array([[1. , 2. ],\n       [3. , 4.5]], dtype=float32)"),
        ([], "f4", "Array([], shape=(0,), dtype=float32)"),
        (np.zeros((0, 3)), "f4", "Array([], shape=(0, 3), dtype=float32)"),
        ([1, 2], ml_dtypes.bfloat16, "Array([1, 2], dtype=bfloat16)"),
        ([1 + 2j, 3.5], "c8", "Array([1. +2.j, 3.5+0.j], dtype=complex64)"),
        (range(2000), "i8",
         "Array([   0,    1,    2, ..., 1997, 1998, 1999], dtype=int64)"),
        (True, "?", "Array(True, dtype=bool)"),
        (np.arange(12).reshape(1, 2, 6), "i4",
         "Array([[[ 0,  1,  2,  3,  4,  5],\n        [ 6,  7,  8,  9, 10, 11]]], "
         "dtype=int32)"),
        ([1 / 3] * 13, "f8",
         "Array([0.33333333, 0.33333333, 0.33333333, 0.33333333, 0.33333333,\n"
         "       0.33333333, 0.33333333, 0.33333333, 0.33333333, 0.33333333,\n"
         "       0.33333333, 0.33333333, 0.33333333], dtype=float64)"),
        ([0.02040816] * 5, "f8",
         "Array([0.02040816, 0.02040816, 0.02040816, 0.02040816, 0.02040816],"
         "      dtype=float64)"),
    ],
)  # fmt: skip
def test_repr_is_that_of_jax(values, dtype, expected):
    assert repr(array(values, dtype)) == expected


def test_str_and_format():
    assert repr(array(2, weak_type=True)) == "Array(2., dtype=float32, weak_type=True)"
    assert str(array([1, 2])) == "[1. 2.]" and str(array(2)) == "2.0"
    assert f"{array(3.14159):.2f}" == "3.14" and f"{array(2, int):d}" == "2"
    assert f"{array(3.14159)}" == "3.141590118408203"
    assert f"{array([1, 2])}" == "[1. 2.]"
    with pytest.raises(TypeError):
        format(array([1, 2]), ".2f")


def test_arrays_are_weakly_referable_and_freed():
    x = array([1.0])
    reference = weakref.ref(x)
    del x
    assert reference() is None


# ------------------------------------------------------------------ DLPack


@pytest.mark.parametrize("dtype", ["f4", "f8", "i1", "u8", "c8", "?"])
def test_dlpack_shares_memory(dtype):
    x = array([[1, 0], [1, 1]], dtype)
    back = np.from_dlpack(x)
    assert np.shares_memory(back, x._data) and back.tolist() == x.tolist()
    assert not back.flags.writeable and not x._data.flags.writeable
    assert x.__dlpack_device__() == (1, 0)
    for version in (None, (0, 8), (1, 0)):
        assert "dltensor" in repr(x.__dlpack__(max_version=version))
    capsules = [x.__dlpack__() for _ in range(10)]
    assert len(capsules) == 10


@pytest.mark.parametrize("version", [None, (1, 0)])
def test_dlpack_carries_extended_floats(version):
    x = array([1.5, -2.0], ml_dtypes.bfloat16)
    capsule = x.__dlpack__(max_version=version)
    name = b"dltensor" if version is None else b"dltensor_versioned"
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = (
        ctypes.c_void_p,
        [ctypes.py_object, ctypes.c_char_p],
    )
    address = pointer(capsule, name) + (0 if version is None else 32)
    assert ctypes.c_void_p.from_address(address).value == x.unsafe_buffer_pointer()
    code, bits, lanes = struct.unpack("BBH", ctypes.string_at(address + 20, 4))
    assert (code, bits, lanes) == (4, 16, 1)
    with pytest.raises(BufferError, match="dtype int4 has no DLPack code"):
        array([1], ml_dtypes.int4).__dlpack__()


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
        "from chainrule.runtime import _native as n\nimport numpy as np\n"
        "x = n.wrap(np.ones(2))\n"
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
