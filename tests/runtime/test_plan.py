"""Plans: kernels over slots, what outputs are made of, donation, checks, threads."""

import ctypes
import gc
import signal
import sys
import threading
import time
import weakref

import numpy as np
import pytest
from plan_kernels import aval, binary_plan, elementwise, kernel, load, loop, wrap

from chainrule.runtime import _native as native


def test_a_kernel_computes_an_output():
    plan = binary_plan()
    x, y = wrap([1, 2, 3, 4]), wrap([5, 6, 7, 8])
    (out,) = plan(x, y)
    assert isinstance(out, native.Array)
    assert out.aval is aval((4,))
    assert np.asarray(out).tolist() == [6, 8, 10, 12]
    assert not np.asarray(out).flags.writeable


def test_outputs_are_fresh_each_time():
    plan = binary_plan()
    x, y = wrap([1, 2, 3, 4]), wrap([5, 6, 7, 8])
    (first,), (second,) = plan(x, x), plan(x, y)
    assert np.asarray(first).tolist() == [2, 4, 6, 8]
    assert np.asarray(second).tolist() == [6, 8, 10, 12]


def test_small_outputs_use_memory_that_nobody_sees_again():
    plan = binary_plan()
    x, y = wrap([1, 2, 3, 4]), wrap([5, 6, 7, 8])
    views, ndarrays, references = [], [], []
    for _ in range(50):
        (out,) = plan(x, y)
        views.append(np.asarray(out)[1:])
        (out,) = plan(x, y)
        ndarrays.append(out._data)
        (out,) = plan(x, y)
        references.append(weakref.ref(out._data))
        del out
        plan(y, y)
    assert all(v.tolist() == [8, 10, 12] for v in views)
    assert all(a.tolist() == [6, 8, 10, 12] for a in ndarrays)
    assert all(r() is None for r in references)
    pointers = {pointer(plan(x, y)[0]) for _ in range(50)}
    assert len(pointers) < 10


def test_weak_types_are_those_of_the_aval():
    step = kernel(elementwise("fadd"), (1, 0, 0), (), 1)
    weak = native.Plan(1, [], [], [("new", aval((), weak_type=True))], [step], 0, load)
    (out,) = weak(wrap(2.0))
    assert out.weak_type and out.shape == () and float(out) == 4.0


def test_constants_temporaries_and_integers():
    body = """
  %pn = getelementptr i64, ptr %ints, i64 1
  %n = load i64, ptr %pn
  %a0 = getelementptr i64, ptr %b0, i64 %i
  %a1 = getelementptr i64, ptr %b1, i64 %i
  %x = load i64, ptr %a1
  %y = mul i64 %x, %n
  store i64 %y, ptr %a0
"""
    scale = loop(2, body)
    add = elementwise("add", 2, "i64")
    const = np.array([10, 20, 30])
    # slots: x 0, const 1, out 2, temporaries 3 and 4
    plan = native.Plan(
        1,
        [const],
        [0, 64],
        [("new", aval((3,), "int64"))],
        [
            kernel(scale, (3, 0), (0, 7), 3),
            kernel(scale, (4, 3), (0, -1), 3),
            kernel(add, (2, 4, 1), (), 3),
        ],
        128,
        load,
    )
    assert plan.arena_bytes == 128 and plan.num_args == 1
    (out,) = plan(wrap([1, 2, 3], np.int64))
    assert np.asarray(out).tolist() == [3, 6, 9]


def test_many_slots():
    count = 100
    body = "\n".join(
        f"  %a{k} = getelementptr float, ptr %b{k}, i64 %i\n"
        f"  store float {k}.0, ptr %a{k}"
        for k in range(count)
    )
    outputs = [("new", aval((2,)))] * count
    step = kernel(loop(count, body), range(count), (), 2)
    plan = native.Plan(0, [], [], outputs, [step], 0, load)
    assert [np.asarray(out).tolist() for out in plan()] == [
        [k, k] for k in range(count)
    ]


def test_arguments_and_constants_pass_through():
    const = np.arange(3.0, dtype=np.float32)
    outputs = [("arg", 0, False), ("arg", 0, True), ("const", 0, True)]
    plan = native.Plan(1, [const], [], outputs, [], 0)
    x = wrap([1.0, 2.0])
    same, weak, constant = plan(x)
    assert same is x
    assert weak.weak_type and np.shares_memory(np.asarray(weak), np.asarray(x))
    assert constant.weak_type and np.shares_memory(np.asarray(constant), const)


@pytest.mark.parametrize(
    "data",
    [
        np.arange(16, dtype=np.float32).reshape(4, 4)[:, 1],
        np.arange(8, dtype=np.float32)[::-2],
        np.frombuffer(b"\0" + np.arange(4, dtype=np.float32).tobytes(), np.uint8)[
            1:
        ].view(np.float32),
        np.broadcast_to(np.float32(3), 4),
    ],
)
def test_any_layout_is_taken(data):
    plan = binary_plan()
    (out,) = plan(native.wrap(data), wrap([0, 0, 0, 0]))
    assert np.array_equal(np.asarray(out), data)


def test_empty_arrays():
    step = kernel(elementwise("fadd"), (2, 0, 1), (), 0)
    plan = native.Plan(2, [], [0], [("new", aval((0, 3)))], [step], 0, load)
    (out,) = plan(wrap(np.zeros((0, 3))), wrap(np.zeros((0, 3))))
    assert out.shape == (0, 3)


@pytest.mark.parametrize("dtype", ["bfloat16", "bool", "complex64", "float16", "uint8"])
def test_outputs_of_other_dtypes(dtype):
    import ml_dtypes

    found = np.dtype(getattr(ml_dtypes, dtype, None) or dtype)
    body = "  %a0 = getelementptr i8, ptr %b0, i64 %i\n  store i8 0, ptr %a0"
    step = kernel(loop(1, body), (0,), (), 2 * found.itemsize)
    plan = native.Plan(0, [], [], [("new", aval((2,), found))], [step], 0, load)
    (out,) = plan()
    assert out.dtype == found and np.array_equal(np.asarray(out), np.zeros(2, found))


# --- donation


def donating_plan(size=4, dtype="float32", shape=None):
    step = kernel(elementwise("fadd"), (2, 0, 1), (), size)
    output = ("donated", 0, aval(shape or (size,), dtype))
    return native.Plan(2, [], [], [output], [step], 0, load)


def pointer(array):
    return np.asarray(array).__array_interface__["data"][0]


@pytest.mark.parametrize("size", [4, 100_000])
def test_a_donated_argument_gives_its_memory(size):
    plan = donating_plan(size)
    x, y = binary_plan(size=size)(*[wrap(np.ones(size))] * 2)[0], wrap(np.ones(size))
    where = pointer(x)
    (out,) = plan(x, y)
    assert pointer(out) == where and x.is_deleted() and not y.is_deleted()
    assert np.asarray(out).tolist() == [3.0] * size
    (again,) = plan(out, y)
    assert pointer(again) == where and out.is_deleted()
    assert np.asarray(again).tolist() == [4.0] * size


def test_a_donated_argument_may_change_shape():
    plan = donating_plan(shape=(2, 2))
    x, y = wrap([1, 2, 3, 4]), wrap([1, 1, 1, 1])
    where = pointer(x)
    (out,) = plan(x, y)
    assert pointer(out) == where and out.shape == (2, 2) and x.is_deleted()


def test_memory_that_others_see_is_not_taken():
    plan = donating_plan()
    x, y = wrap([1, 2, 3, 4]), wrap([1, 1, 1, 1])
    seen = np.asarray(x)
    (out,) = plan(x, y)
    assert x.is_deleted() and not np.shares_memory(seen, np.asarray(out))
    assert seen.tolist() == [1, 2, 3, 4] and np.asarray(out).tolist() == [2, 3, 4, 5]
    view = np.asarray(out)[1:]
    (last,) = plan(out, y)
    assert view.tolist() == [3, 4, 5] and np.asarray(last).tolist() == [3, 4, 5, 6]


def test_one_array_given_twice_is_not_taken():
    plan = donating_plan()
    x = wrap([1, 2, 3, 4])
    (out,) = plan(x, x)
    assert x.is_deleted() and np.asarray(out).tolist() == [2, 4, 6, 8]


def test_a_donated_argument_that_passes_through():
    step = kernel(elementwise("fadd"), (2, 0, 1), (), 4)
    outputs = [("donated", 0, aval((4,))), ("arg", 0, False)]
    plan = native.Plan(2, [], [], outputs, [step], 0, load)
    x, y = wrap([1, 2, 3, 4]), wrap([1, 1, 1, 1])
    out, passed = plan(x, y)
    assert x.is_deleted() and np.asarray(passed).tolist() == [1, 2, 3, 4]
    assert np.asarray(out).tolist() == [2, 3, 4, 5]


def test_two_outputs_do_not_take_one_argument():
    add = elementwise("fadd")
    steps = [kernel(add, (2, 0, 1), (), 4), kernel(add, (3, 1, 1), (), 4)]
    outputs = [("donated", 0, aval((4,)))] * 2
    plan = native.Plan(2, [], [], outputs, steps, 0, load)
    first, second = plan(wrap([1, 2, 3, 4]), wrap([1, 1, 1, 1]))
    assert np.asarray(first).tolist() == [2, 3, 4, 5]
    assert np.asarray(second).tolist() == [2, 2, 2, 2]


def test_a_donated_argument_of_another_size_is_deleted():
    step = kernel(elementwise("fadd"), (2, 0, 1), (), 4)
    plan = native.Plan(2, [], [], [("donated", 0, aval((4,)))], [step], 0, load)
    x = wrap(np.arange(8))
    (out,) = plan(x, x)
    assert x.is_deleted() and np.asarray(out).tolist() == [0, 2, 4, 6]


def test_deleted_arguments_are_refused():
    plan = donating_plan()
    x, y = wrap([1, 2, 3, 4]), wrap([1, 1, 1, 1])
    plan(x, y)
    with pytest.raises(RuntimeError, match="deleted"):
        plan(x, y)


# --- what is refused


def refusal(error, function, *args, **kwargs):
    with pytest.raises(error) as raised:
        function(*args, **kwargs)
    return str(raised.value)


def test_calls_that_are_refused():
    plan = binary_plan(in_avals=[aval((4,)), aval((4,))])
    x = wrap([1, 2, 3, 4])
    assert refusal(TypeError, plan, x) == (
        "Plan: 1 arguments given, the program takes 2; pass the Arrays it was compiled "
        "for."
    )
    assert refusal(TypeError, plan, x, np.ones(4, np.float32)) == (
        "Plan: argument 1 is of type numpy.ndarray; pass concrete Arrays."
    )
    assert refusal(TypeError, plan, x, wrap([1, 2])) == (
        "Plan: argument 1 is float32[2], the program was compiled for float32[4]; "
        "compile it for this type."
    )
    assert "float64[4]" in refusal(TypeError, plan, wrap([1, 2, 3, 4], float), x)
    assert refusal(TypeError, plan, x, y=x) == (
        "Plan: keyword argument 'y' given; pass all Arrays by position."
    )
    weak = wrap([1, 2, 3, 4], weak_type=True)
    assert np.asarray(plan(weak, x)[0]).tolist() == [2, 4, 6, 8]


GOOD_STEP = ("kernel", 1, (0,), (), 1, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_args": -1}, "num_args is -1; it must be from 0 to"),
        ({"num_args": "1"}, "num_args is of type str; pass an int."),
        ({"consts": [1.0]}, "constant 0 is of type float; pass an ndarray."),
        ({"temps": [32]}, "the offset of temporary 0 is 32; it must be a multiple of 64"),
        ({"temps": [128]}, "the offset of temporary 0 is 128; it must be from 0 to 64."),
        ({"outputs": [("newest", 0)]}, "output 0 is of kind 'newest'; use 'new'"),
        ({"outputs": [("new",)]}, "output 0 has 1 entries; it must have 2."),
        ({"outputs": [("new", 3)]}, "output 0 has an aval of type int; pass a Shaped"),
        ({"outputs": [("arg", 5, False)]}, "the index of output 0 is 5; it must be from"),
        ({"outputs": [("temp", 0, aval(()))]}, "output 0 is temporary 0, which no host"),
        ({"steps": [("kern", 1)]}, "step 0 is of kind 'kern'; use 'kernel', 'host', 'loop' or 'branch'."),
        ({"steps": [("kernel", 1)]}, "step 0 has 2 entries; it must have 6."),
        ({"steps": [("kernel", 0, (), (), 1, 1)]}, "the address of step 0 is 0."),
        ({"steps": [("kernel", 1, (9,), (), 1, 1)]}, "a slot of step 0 is 9; it must"),
        ({"steps": [("kernel", 1, (3,), (), 1, 1)]}, "step 0 uses slot 3, which has no"),
        ({"steps": [("kernel", 1, (), (), 1, 0)]}, "the grain of step 0 is 0; it must"),
        ({"steps": [("kernel", 1, (), (), -1, 1)]}, "the extent of step 0 is -1; it must"),
        ({"steps": [("host", 1, (), ())]}, "step 0 calls an object of type int, which"),
        (
            {"steps": [("host", print, (), [(0, np.float32, ())])]},
            "step 0 fills slot 0; a host step fills temporaries and outputs",
        ),
        ({"in_avals": []}, "in_avals has 0 entries; it must have 1."),
    ],
)  # fmt: skip
def test_programs_that_are_refused(change, message):
    given = {
        "num_args": 1, "consts": [], "temps": [0, None],
        "outputs": [("new", aval(()))], "steps": [GOOD_STEP], "arena_bytes": 64,
    }  # fmt: skip
    assert native.Plan(**given).steps == [GOOD_STEP]
    text = refusal((TypeError, ValueError), native.Plan, **{**given, **change})
    assert text.startswith("Plan: " + message)


# --- threads, signals, lifetime


def test_several_threads_run_one_plan():
    size = 200_000
    add = elementwise("fadd")
    steps = [
        kernel(add, (3, 0, 1), (), size, 1000),
        kernel(add, (2, 3, 1), (), size, 1000),
    ]
    plan = native.Plan(
        2, [], [0], [("new", aval((size,)))], steps, 4 * size, load, work=1e9
    )
    assert plan.is_long
    wrong = []

    def work(k):
        x, y = wrap(np.full(size, k)), wrap(np.ones(size))
        for _ in range(30):
            (out,) = plan(x, y)
            if not np.array_equal(np.asarray(out), np.full(size, k + 2.0)):
                wrong.append(k)

    workers = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def slow_plan(steps):
    """Steps of about 20 ms each that count in out[0]."""
    body = """
  %v = load volatile double, ptr %b0
  %w = fadd double %v, 1.0
  store volatile double %w, ptr %b0
"""
    step = kernel(loop(1, body), (0,), (), 10_000_000)
    return native.Plan(
        0, [], [], [("new", aval((1,), "float64"))], [step] * steps, 0, load, work=1e9
    )


def test_a_long_plan_lets_other_threads_run():
    plan = slow_plan(10)
    running, turns = threading.Event(), 0

    def work():
        running.set()
        plan()
        running.clear()

    worker = threading.Thread(target=work)
    worker.start()
    running.wait()
    while running.is_set():
        turns += 1
        time.sleep(0.001)
    worker.join()
    assert turns > 10


def test_ctrl_c_stops_a_long_plan():
    plan = slow_plan(2000)
    timer = threading.Timer(0.2, signal.raise_signal, (signal.SIGINT,))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        plan()
    timer.join()
    assert np.asarray(slow_plan(1)()[0]).shape == (1,)


def test_calls_leak_nothing():
    plan = binary_plan()
    x, y = wrap([1, 2, 3, 4]), wrap([5, 6, 7, 8])
    watched = (x, y, x._data, y._data, aval((4,)), plan)
    before = [sys.getrefcount(o) for o in watched]
    blocks = sys.getallocatedblocks()
    for _ in range(1000):
        plan(x, y)
        with pytest.raises(TypeError):
            plan(x)
    assert [sys.getrefcount(o) for o in watched] == before
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 100


def test_a_plan_keeps_what_it_is_given_alive():
    class Kept:
        pass

    kept = Kept()
    alive = weakref.ref(kept)
    plan = native.Plan(0, [], [], [], [], 0, kept)
    del kept
    gc.collect()
    assert alive() is not None
    del plan
    assert alive() is None


def test_a_plan_in_a_cycle_is_collected():
    def step():
        return ()

    plan = native.Plan(0, [], [], [], [("host", step, (), ())], 0)
    step.plan = plan
    alive = weakref.ref(plan)
    del step, plan
    gc.collect()
    assert alive() is None


def test_profile_times_each_step():
    plan = slow_plan(2)
    outputs, seconds = plan.profile()
    assert np.asarray(outputs[0]).shape == (1,)
    assert len(seconds) == 2 and all(s > 1e-4 for s in seconds)


def test_a_plan_called_from_c():
    """Through tp_call as well as through vectorcall."""
    plan = binary_plan()
    x = wrap([1, 2, 3, 4])
    call = ctypes.pythonapi.PyObject_Call
    call.restype, call.argtypes = (
        ctypes.py_object,
        [ctypes.py_object] * 2 + [ctypes.c_void_p],
    )
    (out,) = call(plan, (x, x), None)
    assert np.asarray(out).tolist() == [2, 4, 6, 8]
