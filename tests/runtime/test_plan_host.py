"""Host steps of plans: what Python sees, what it may return, what it may keep."""

import gc

import numpy as np
import pytest
from plan_kernels import aval, elementwise, kernel, load, wrap

from chainrule.runtime import _native as native

F4 = (np.dtype(np.float32), (4,))


def host_plan(function, **options):
    """out = function(x + x) for float32[4]; slots: x 0, out 1, temporary 2."""
    steps = [
        kernel(elementwise("fadd"), (2, 0, 0), (), 4),
        ("host", function, [(2, *F4)], [(1, *F4)]),
    ]
    output = ("new", aval((4,)))
    return native.Plan(1, [], [0], [output], steps, 64, load, **options)


def between_kernels_plan(function):
    """out = function(x + x) + x and function's result itself."""
    add = elementwise("fadd")
    steps = [
        kernel(add, (3, 0, 0), (), 4),
        ("host", function, [(3, *F4)], [(4, *F4)]),
        kernel(add, (1, 4, 0), (), 4),
    ]
    outputs = [("new", aval((4,))), ("temp", 1, aval((4,)))]
    return native.Plan(1, [], [0, None], outputs, steps, 64, load)


@pytest.mark.parametrize("options", [{}, {"work": 1e9}])
def test_a_host_step_reads_a_temporary_and_fills_an_output(options):
    seen = []

    def square(x):
        seen.append((x.dtype, x.shape, x.flags.writeable, x.tolist()))
        return x * x

    (out,) = host_plan(square, **options)(wrap([1, 2, 3, 4]))
    assert seen == [(np.float32, (4,), False, [2, 4, 6, 8])]
    assert np.asarray(out).tolist() == [4, 16, 36, 64]


def test_a_host_step_between_kernels():
    x = wrap([1, 2, 3, 4])
    out, temp = between_kernels_plan(lambda t: t * 10)(x)
    assert np.asarray(out).tolist() == [21, 42, 63, 84]
    assert np.asarray(temp).tolist() == [20, 40, 60, 80]


def test_the_memory_returned_becomes_the_output():
    made = []

    def function(x):
        made.append(np.array(x))
        return [made.pop()]

    def address(x):
        array = np.array(x)
        addresses.append(array.ctypes.data)
        return array

    addresses = []
    (out,) = host_plan(address)(wrap([1, 2, 3, 4]))
    assert np.asarray(out).ctypes.data == addresses[0]
    (out,) = host_plan(function)(wrap([1, 2, 3, 4]))
    assert np.asarray(out).tolist() == [2, 4, 6, 8]


@pytest.mark.parametrize(
    "container", [lambda r: r, lambda r: [r], lambda r: (r,), native.wrap]
)
def test_results_come_in_any_container(container):
    x = wrap([1, 2, 3, 4])
    (out,) = host_plan(lambda t: container(t + 1))(x)
    assert np.asarray(out).tolist() == [3, 5, 7, 9]


def test_arguments_and_constants_are_seen_as_they_are():
    const = np.arange(3.0)
    seen = []
    step = (
        "host",
        lambda *arrays: seen.extend(arrays),
        [(0, np.float32, (2, 2)), (1, np.float64, (3,)), (0, np.float32, (4,))],
        [],
    )
    plan = native.Plan(1, [const], [], [], [step], 0)
    x = native.wrap(np.arange(4, dtype=np.float32).reshape(2, 2).T)
    plan(x)
    assert seen[0] is x._data and seen[1] is const
    assert seen[2].tolist() == [0, 2, 1, 3] and not seen[2].flags.writeable


def test_what_a_callable_keeps_stays_as_it_was():
    kept = []

    def keep(t):
        kept.append(t[1:])
        return t + 0

    plan = between_kernels_plan(keep)
    for k in range(200):
        plan(wrap(np.full(4, k)))
    gc.collect()
    assert [t.tolist() for t in kept] == [[2.0 * k] * 3 for k in range(200)]


def test_a_temporary_that_is_kept_and_written_again():
    add = elementwise("fadd")
    kept = []
    steps = [
        kernel(add, (2, 0, 0), (), 4),
        ("host", kept.append, [(2, *F4)], []),
        kernel(add, (2, 2, 2), (), 4),
        ("host", kept.append, [(2, *F4)], []),
        kernel(add, (1, 2, 2), (), 4),
    ]
    plan = native.Plan(1, [], [0], [("new", aval((4,)))], steps, 64, load)
    (out,) = plan(wrap([1, 2, 3, 4]))
    assert kept[0].tolist() == [2, 4, 6, 8] and kept[1].tolist() == [4, 8, 12, 16]
    assert np.asarray(out).tolist() == [8, 16, 24, 32]


def test_a_callable_may_return_its_argument():
    x = wrap([1, 2, 3, 4])
    out, temp = between_kernels_plan(lambda t: t)(x)
    assert np.asarray(out).tolist() == [3, 6, 9, 12]
    assert np.asarray(temp).tolist() == [2, 4, 6, 8]
    between_kernels_plan(lambda t: t)(wrap([7, 7, 7, 7]))
    assert np.asarray(temp).tolist() == [2, 4, 6, 8]


def test_what_others_may_write_to_is_copied():
    buffer = np.zeros(4, np.float32)

    def fill(t):
        buffer[...] = t
        return buffer

    plan = host_plan(fill)
    (first,), (second,) = plan(wrap([1, 2, 3, 4])), plan(wrap([5, 6, 7, 8]))
    assert buffer.flags.writeable
    assert np.asarray(first).tolist() == [2, 4, 6, 8]
    assert np.asarray(second).tolist() == [10, 12, 14, 16]


def test_any_layout_may_be_returned():
    (out,) = host_plan(lambda t: t[::-1])(wrap([1, 2, 3, 4]))
    assert np.asarray(out).tolist() == [8, 6, 4, 2]
    (out,) = host_plan(lambda t: np.broadcast_to(t[0], 4))(wrap([1, 2, 3, 4]))
    assert np.asarray(out).tolist() == [2, 2, 2, 2]


def test_scalars_may_be_returned():
    step = ("host", np.sum, [(0, *F4)], [(1, np.float32, ())])
    plan = native.Plan(1, [], [], [("new", aval(()))], [step], 0)
    (out,) = plan(wrap([1, 2, 3, 4]))
    assert out.shape == () and float(out) == 10.0


def test_extended_dtypes():
    from chainrule import random

    key = random.key(3)
    layout = key._data.dtype
    step = ("host", lambda k: k, [(0, key.dtype, ())], [(1, layout, ())])
    plan = native.Plan(1, [], [], [("new", key.aval)], [step], 0)
    (out,) = plan(key)
    assert out.dtype == key.dtype
    assert np.array_equal(random.key_data(out), random.key_data(key))


def bad(result):
    def callback(t):
        return result

    return host_plan(callback)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (
            np.zeros(4),
            (
                "callback: result 0 is float64[4], but float32[4] was declared; return "
                "arrays of the declared shapes and dtypes."
            ),
        ),
        (
            [np.zeros((2, 2), np.float32)],
            (
                "callback: result 0 is float32[2,2], but float32[4] was declared; return "
                "arrays of the declared shapes and dtypes."
            ),
        ),
        (
            (np.zeros(4, np.float32),) * 2,
            (
                "callback: 2 results were returned, but 1 were declared; return one array "
                "for each."
            ),
        ),
        ("text", "callback: result 0 is of type str; return an ndarray."),
        (None, "callback: result 0 is of type NoneType; return an ndarray."),
    ],
)
def test_results_that_do_not_fit(result, message):
    with pytest.raises(TypeError) as raised:
        bad(result)(wrap([1, 2, 3, 4]))
    assert str(raised.value) == message


@pytest.mark.parametrize("options", [{}, {"work": 1e9}])
def test_what_a_callable_raises_is_raised(options):
    def fail(t):
        raise ZeroDivisionError(t.tolist())

    x = wrap([1, 2, 3, 4])
    with pytest.raises(ZeroDivisionError, match="2.0, 4.0, 6.0, 8.0"):
        host_plan(fail, **options)(x)
    assert not x.is_deleted()


def test_donated_arguments_seen_by_a_host_step():
    add = elementwise("fadd")
    kept = []
    steps = [
        ("host", kept.append, [(0, *F4)], []),
        kernel(add, (1, 0, 0), (), 4),
    ]
    output = ("donated", 0, aval((4,)))
    plan = native.Plan(1, [], [], [output], steps, 0, load)
    x = wrap([1, 2, 3, 4])
    (out,) = plan(x)
    assert x.is_deleted() and kept[0].tolist() == [1, 2, 3, 4]
    assert np.asarray(out).tolist() == [2, 4, 6, 8]


def test_an_argument_deleted_by_a_callable_is_still_read():
    x = wrap([1, 2, 3, 4])
    out, _ = between_kernels_plan(lambda t: (x.delete(), t + 0)[1:])(x)
    assert np.asarray(out).tolist() == [3, 6, 9, 12]


def test_a_plan_may_be_called_by_its_own_host_step():
    depth = []

    def recurse(t):
        depth.append(1)
        if len(depth) < 5:
            return np.asarray(plan(wrap(t))[0])
        return t + 0

    plan = host_plan(recurse)
    (out,) = plan(wrap([1, 1, 1, 1]))
    assert np.asarray(out).tolist() == [32] * 4


def test_host_outputs_that_disagree_with_the_program():
    step = ("host", np.sum, [(0, *F4)], [(1, np.float64, ())])
    with pytest.raises(ValueError) as raised:
        native.Plan(1, [], [], [("new", aval(()))], [step], 0)
    assert str(raised.value) == (
        "Plan: output 0 has another shape or dtype than the host step that fills it "
        "declares."
    )
