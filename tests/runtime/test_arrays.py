"""ShapedArray and Array: attributes, conversions, protocols, text, exchange.

The expected texts are those that JAX prints for the same arrays.
"""

import copy
import ctypes
import operator
import pickle
import struct
import weakref

import ml_dtypes
import numpy as np
import pytest
from dispatch_samples import F32, Op, array

from chainrule.runtime import _native as native

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
