"""Host steps of loops and branches: what Python sees, may return, may keep."""

import gc
import weakref

import numpy as np
import pytest
from plan_kernels import aval, elementwise, kernel, load, wrap

from chainrule.runtime import _native as native

F4 = (np.dtype(np.float32), (4,))
X = [1, 2, 3, 4]


def body(function):
    """carry = function(carry + const) + const, row = function's result itself; slots:
    const 0, carry 1, new carry 2, row 3, a temporary 4."""
    add = elementwise("fadd")
    steps = [
        kernel(add, (4, 1, 0), (), 4),
        ("host", function, [(4, *F4)], [(3, *F4)]),
        kernel(add, (2, 3, 0), (), 4),
    ]
    outputs = [("new", aval((4,))), ("new", aval((4,)))]
    return native.Plan(2, [], [0], outputs, steps, 64, load)


def loop_plan(function, length=3):
    """The last carry and the rows of that body; slots: const 0, init 1, carry 2, rows 3,
    spare 4, the body's temporaries 5."""
    slots = ([], [0], [1], [], [2], [3], [4])
    made = body(function), [0, 1], 5
    step = ("loop", None, made, slots, ([16], [], [16]), length, False, [False])
    outputs = [("new", aval((4,))), ("new", aval((length, 4)))]
    return native.Plan(2, [], [0, 64], outputs, [step], 128, load)


def branch_plan(function):
    """function(x + x) where the index is 1, else x; slots: index 0, x 1, out 2, the
    branch's temporaries 3."""
    add = elementwise("fadd")
    steps = [kernel(add, (2, 0, 0), (), 4), ("host", function, [(2, *F4)], [(1, *F4)])]
    asked = native.Plan(1, [], [0], [("new", aval((4,)))], steps, 64, load)
    plain = native.Plan(1, [], [], [("arg", 0, False)], [], 0)
    subs = [(plain, [0], None), (asked, [0], 3)]
    step = ("branch", subs, 0, [1], [2], [16])
    return native.Plan(2, [], [0], [("new", aval((4,)))], [step], 64, load)


def numbers(arrays):
    return [np.asarray(x).tolist() for x in arrays]


def one():
    return native.wrap(np.int32(1))


def test_a_loop_calls_python_at_each_step():
    seen = []

    def double(t):
        seen.append((t.dtype, t.shape, t.flags.writeable, t.tolist()))
        return t * 2

    plan = loop_plan(double)
    assert plan.is_long
    carry, rows = plan(wrap([1, 1, 1, 1]), wrap(X))
    want, c = [], np.array(X, np.float32)
    for _ in range(3):
        want.append((c + 1) * 2)
        c = want[-1] + 1
    assert np.asarray(carry).tolist() == c.tolist()
    assert np.asarray(rows).tolist() == np.array(want).tolist()
    assert seen == [(np.float32, (4,), False, (w / 2).tolist()) for w in want]


def test_a_branch_calls_python():
    seen = []
    plan = branch_plan(lambda t: (seen.append(t.tolist()), t * 10)[1])
    assert not plan.is_long
    assert numbers(plan(native.wrap(np.int32(0)), wrap(X))) == [X] and seen == []
    assert numbers(plan(one(), wrap(X))) == [[20, 40, 60, 80]]
    assert seen == [[2, 4, 6, 8]]


def test_operands_that_are_kept():
    kept = []
    plan = loop_plan(lambda t: (kept.append(t[1:]), t + 0)[1])
    for k in range(50):
        plan(wrap([0, 0, 0, 1]), wrap([0, 0, k, 0]))
    gc.collect()
    want = [[0, k, i + 1 + i] for k in range(50) for i in range(3)]
    found = [t.tolist() for t in kept]
    assert [f[:2] for f in found] == [w[:2] for w in want]
    assert [f[2] for f in found] == [1, 3, 5] * 50


@pytest.mark.parametrize("container", [lambda r: r, lambda r: [r], native.wrap])
def test_results_in_any_container_and_layout(container):
    plan = loop_plan(lambda t: container(t[::-1]), 1)
    assert numbers(plan(wrap([1] * 4), wrap(X))) == [[6, 5, 4, 3], [[5, 4, 3, 2]]]


def test_an_operand_may_be_returned():
    kept = []
    plan = loop_plan(lambda t: (kept.append(t), t)[1], 2)
    assert numbers(plan(wrap([1] * 4), wrap(X))) == [
        [5, 6, 7, 8],
        [[2, 3, 4, 5], [4, 5, 6, 7]],
    ]
    assert numbers(kept) == [[2, 3, 4, 5], [4, 5, 6, 7]]


def test_what_others_may_write_to_is_copied():
    buffer = np.zeros(4, np.float32)

    def fill(t):
        buffer[...] = t
        return buffer

    _, rows = loop_plan(fill, 2)(wrap([1] * 4), wrap(X))
    assert buffer.flags.writeable
    assert np.asarray(rows).tolist() == [[2, 3, 4, 5], [4, 5, 6, 7]]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (
            np.zeros(3, np.float32),
            (
                "callback: result 0 is float32[3], but float32[4] was declared; return "
                "arrays of the declared shapes and dtypes."
            ),
        ),
        (
            (),
            "callback: 0 results were returned, but 1 were declared; return one array "
            "for each.",
        ),
        (None, "callback: result 0 is of type NoneType; return an ndarray."),
    ],
)
@pytest.mark.parametrize("make", [loop_plan, lambda f: branch_plan(f)])
def test_results_that_do_not_fit(make, result, message):
    def callback(t):
        return result

    given = (wrap([1] * 4) if make is loop_plan else one(), wrap(X))
    with pytest.raises(TypeError) as raised:
        make(callback)(*given)
    assert str(raised.value) == message


def test_what_a_callable_raises_ends_the_loop():
    seen = []

    def fail(t):
        seen.append(float(t[0]))
        if len(seen) == 2:
            raise ZeroDivisionError("enough")
        return t

    plan = loop_plan(fail, 5)
    with pytest.raises(ZeroDivisionError, match="enough"):
        plan(wrap([1] * 4), wrap(X))
    assert seen == [2, 4]
    assert numbers(plan(wrap([1] * 4), wrap(X)))[0] == [11, 12, 13, 14]


def test_a_plan_may_be_called_by_the_host_step_of_its_loop():
    depth = []

    def recurse(t):
        if len(depth) == 4:
            return t + 0
        depth.append(1)
        out = np.asarray(plan(wrap([1] * 4), wrap(t))[0])
        depth.pop()
        return out

    def plainly(c, k):
        for _ in range(2):
            c = (c + 1 if k == 4 else plainly(c + 1, k + 1)) + 1
        return c

    plan = loop_plan(recurse, 2)
    found = plan(wrap([1] * 4), wrap(X))[0]
    assert np.asarray(found).tolist() == [plainly(x, 0) for x in X]


def test_an_argument_that_is_deleted_in_a_branch_is_still_there():
    x = wrap(X)

    def drop(t):
        x.delete()
        gc.collect()
        return t + 0

    sub = native.Plan(
        1, [], [], [("new", aval((4,)))], [("host", drop, [(0, *F4)], [(1, *F4)])], 0
    )
    step = ("branch", [(sub, [0], None)], 0, [1], [2], [16])
    add = kernel(elementwise("fadd"), (3, 1, 2), (), 4)
    outputs = [("new", aval((4,))), ("new", aval((4,)))]
    plan = native.Plan(2, [], [], outputs, [step, add], 0, load)
    assert numbers(plan(one(), x)) == [X, [2, 4, 6, 8]]
    assert x.is_deleted()


def test_results_without_a_place_of_their_size():
    step = ("host", np.sum, [(0, *F4)], [(1, *F4)])
    sub = native.Plan(1, [], [], [("new", aval((4,)))], [step], 0)
    branch = ("branch", [(sub, [0], None)], 0, [1], [2], [12])
    with pytest.raises(ValueError) as raised:
        native.Plan(2, [], [], [("new", aval((3,)))], [branch], 0)
    assert str(raised.value) == (
        "Plan: result 0 of program 0 of step 0 has 16 bytes; there is a place for 12."
    )
    slots = ([], [], [0], [], [1], [], [2])
    body = sub, [0], None
    loop = ("loop", None, body, slots, ([12], [], []), 3, False, [False])
    with pytest.raises(ValueError, match="result 0 of the body of step 0 has 16 bytes"):
        native.Plan(1, [], [0], [("new", aval((3,)))], [loop], 64)


def test_cycles_through_the_programs_of_loops_are_collected():
    class Model:
        def __init__(self):
            self.loop, self.branch = loop_plan(self.call), branch_plan(self.call)

        def call(self, t):
            return t + 0

    model = Model()
    model.loop(wrap([1] * 4), wrap(X))
    model.branch(one(), wrap(X))
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
