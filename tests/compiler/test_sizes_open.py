"""Sizes that stay open: what is computed of them, asked about them, and replayed."""

import math
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.compiler.sizes import (
    Needed,
    NoPattern,
    Size,
    SizedArray,
    Tape,
    about,
    identity,
    opaque,
    shaped,
)

numbers = st.integers(1, 200)
CONSTANTS = (1, 2, 3, 8, 64)


def _half(x):
    return math.floor(x / 2)


STEPS = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul,
    "floordiv": operator.floordiv, "mod": operator.mod, "max": max, "min": min,
    "half": lambda x, _: _half(x), "neg": lambda x, _: -x, "abs": lambda x, _: abs(x),
    "bits": lambda x, _: x.bit_length(), "divmod": lambda x, y: divmod(x, y)[1],
    "shift": lambda x, y: (x % 64) << (y % 8),
    "branch": lambda x, y: x + 1 if x < y else x - y,
    "made before": lambda x, y: {3: 3 - 1, 8: 8 - 1, y: y - 1}.get(x, x - 1),
    "sort": lambda x, y: sorted([x, y, 10])[1],
}  # fmt: skip


@st.composite
def programs(draw):
    """Straight programs: each step takes two of the values before it."""
    steps = []
    for k in range(draw(st.integers(1, 8))):
        pick = st.integers(0, k + 1 + len(CONSTANTS))
        steps.append((draw(st.sampled_from(sorted(STEPS))), draw(pick), draw(pick)))
    return steps


def run(steps, n, m):
    """The values of a program."""
    values = [*CONSTANTS, n, m]
    for name, i, j in steps:
        values.append(STEPS[name](values[i], values[j]))
    return values


def plain(made, x):
    """What a value is after a replay."""
    return made[x.place] if isinstance(x, Size) else x


@given(programs(), numbers, numbers, st.lists(st.tuples(numbers, numbers), max_size=8))
def test_a_replay_gives_what_the_program_gives_or_nothing(steps, n, m, others):
    tape = Tape([n, m])
    try:
        values = run(steps, *tape.sizes())
    except ZeroDivisionError:
        return
    assert [plain(tape.values, x) for x in values] == run(steps, n, m)
    assert tape.replay([n, m]) is not None
    for a, b in others:
        made = tape.replay([a, b])
        if made is not None:
            assert [plain(made, x) for x in values] == run(steps, a, b)


def test_a_replay_holds_where_the_answers_are_the_same():
    tape = Tape([10])
    (n,) = tape.sizes()
    rows = n * 4 if n > 8 else n
    assert plain(tape.replay([20]), rows) == 80
    assert tape.replay([8]) is None


@pytest.mark.parametrize(
    "use", [int, float, str, repr, range, lambda n: [0] * n, lambda n: f"{n:3d}"]
)
def test_what_needs_a_number_says_of_which_sizes(use):
    n, m = Tape([10, 4]).sizes()
    for size, places in ((n, {0}), (m, {1}), (2 * n + m, {0, 1}), (m // 2 + 8, {1})):
        with pytest.raises(Needed) as raised:
            use(size)
        assert raised.value.places == places


def test_sizes_that_are_equal_meet_in_a_table_and_are_asked():
    tape = Tape([10])
    (n,) = tape.sizes()
    assert {10: "ten"}[n] == "ten"
    assert tape.replay([11]) is None


def test_a_division_that_fails_elsewhere_is_no_replay():
    tape = Tape([10])
    (n,) = tape.sizes()
    assert plain(tape.values, 100 // (n - 5)) == 20
    assert tape.replay([5]) is None


def test_about_holds_within_an_order_of_magnitude():
    tape = Tape([10])
    assert about(tape.sizes()[0] * 3) == 30
    assert about(10) == 10
    assert [k for k in range(1, 140) if tape.replay([k]) is not None] == [*range(8, 32)]


def test_where_sizes_are_opaque_they_are_known_by_name_only():
    n, m = Tape([10, 10]).sizes()
    with opaque():
        assert n in (n,) and n != m and n != 10 and {n: 1}.get(10) is None and bool(n)
        for use in (lambda: n < 3, lambda: n + 1, lambda: int(n), lambda: f"{n}"):
            with pytest.raises(NoPattern, match="code"):
                use()
    assert n == 10
    assert identity(n) != identity(m)
    assert identity(10) == 10


def test_avals_of_open_sizes_are_those_of_their_numbers():
    (n,) = Tape([10]).sizes()
    found = shaped((n, 3), "float32")
    assert isinstance(found, SizedArray)
    assert found == shaped((10, 3), shaped((), "float32").dtype)
    assert (found.ndim, found.size) == (2, 30)


def test_sizes_of_other_tapes_are_numbers():
    (n,), (m,) = Tape([10]).sizes(), Tape([4]).sizes()
    assert (n + m).tape is n.tape
    assert n + m == 14
