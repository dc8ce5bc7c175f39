"""The cases of many shapes: each can be traced, the small ones are the same compiled."""

import numpy
import pytest

import chainrule
from benchmarks import summary
from benchmarks.__main__ import choose_rows
from benchmarks.groups import SHAPES
from benchmarks.libraries import import_library, read_numbers
from benchmarks.rows import CallRow, load_rows, register
from benchmarks.shapes import (
    CASES,
    KEY,
    Family,
    ascending,
    complex_normal,
    constant,
    integers,
    normal,
    uniform,
)
from benchmarks.turns import Outcome, agree
from tests.benchmarks.rows_apart import unregistered

ROWS = load_rows()
SMALL = [name for name, case in CASES.items() if case.size <= 1 << 14]
FAMILIES = {name.split("/")[1] for name in CASES}


@pytest.fixture(autouse=True, scope="module")
def _submodules():
    import_library("chainrule")


def traced_shapes(case):
    """The shapes of all results, without any data."""
    inputs = [
        chainrule.ShapeDtypeStruct(item.shape, item.dtype) for item in case.inputs
    ]
    outcome = chainrule.eval_shape(
        lambda *arrays: case.function(chainrule, *arrays), *inputs
    )
    return [leaf.shape for leaf in chainrule.tree.leaves(outcome)]


@pytest.mark.parametrize("name", CASES)
def test_case_is_traced_from_its_shapes(name):
    shapes = traced_shapes(CASES[name])
    assert shapes
    assert all(numpy.prod(shape) > 0 for shape in shapes)


@pytest.mark.parametrize("name", SMALL)
def test_small_case_is_the_same_compiled_and_eagerly(name):
    row, case = ROWS[name], CASES[name]
    timed = row.makers["chainrule"](chainrule)
    compiled = read_numbers(timed.result(timed.run()))
    arrays = [chainrule.numpy.asarray(array) for array in case.arrays()]
    eager = read_numbers(timed.result(case.function(chainrule, *arrays)))
    assert agree(compiled, eager, row.rtol)


def test_every_case_is_a_row_that_chainrule_and_jax_run():
    rows = {name: row for name, row in ROWS.items() if row.group.startswith(SHAPES)}
    assert rows.keys() == CASES.keys()
    for row in rows.values():
        assert row.libraries[:2] == ("chainrule", "jax")
        assert "|" not in row.title.replace("|rfft2|", "")
        assert len(row.title) <= 88


def test_there_are_hundreds_of_cases_and_each_family_has_some_that_tests_compute():
    assert 300 <= len(CASES) <= 500
    assert {name.split("/")[1] for name in SMALL} == FAMILIES


def test_a_case_that_is_declared_twice_is_an_error():
    row = next(iter(ROWS.values()))
    with pytest.raises(ValueError, match="is declared twice"):
        register(row)


@pytest.mark.parametrize(
    ("drawn", "text"),
    [
        (normal(3, 1000), "3 x 1000"),
        (normal(7, dtype="float16"), "7 float16"),
        (complex_normal(2, 5), "2 x 5 complex64"),
        (uniform(9, low=2.0, high=3.0), "9"),
        (integers(10, 4, 2, dtype="int8"), "4 x 2 int8"),
        (ascending(normal(2, 30)), "2 x 30"),
        (constant(0.5), "scalar"),
        (KEY, "a key"),
    ],
)
def test_an_input_has_the_shape_and_type_that_it_names(drawn, text):
    values = drawn.values(numpy.random.default_rng(0))
    assert (values.shape, values.dtype.name) == (drawn.shape, drawn.dtype)
    assert str(drawn) == text


def test_inputs_lie_where_they_are_meant_to():
    source = numpy.random.default_rng(0)
    assert set(integers(3, 100).values(source)) == {0, 1, 2}
    numbers = uniform(100, low=2.0, high=3.0).values(source)
    assert 2 <= numbers.min() < 2.1 and 2.9 < numbers.max() <= 3
    assert (numpy.diff(ascending(normal(2, 30)).values(source)) >= 0).all()
    assert numpy.std(normal(1000, scale=0.1).values(source)) == pytest.approx(0.1, 0.2)
    assert numpy.std(complex_normal(1000).values(source).imag) == pytest.approx(1, 0.2)


def test_shapes_are_left_out_unless_their_groups_are_named():
    everything = {row.group.split("/")[0] for row in choose_rows("", "")}
    assert SHAPES not in everything and "reductions" in everything
    assert {row.id for row in choose_rows("", SHAPES)} == CASES.keys()
    (family,) = {row.group for row in choose_rows("", "shapes/loops")}
    assert family == "shapes/loops"
    assert all("1000 keys" in row.title for row in choose_rows("1000 keys", SHAPES))


def outcome_of(group, title, ours, theirs):
    row = unregistered(CallRow, group=group, title=title, makers={})
    return Outcome(row, {"chainrule": [ours], "jax": [theirs]})


def test_the_brief_report_is_a_line_a_group_and_every_row_below_the_ratio():
    outcomes = [
        outcome_of("shapes/loops", "a", 1e-3, 4e-3),
        outcome_of("shapes/loops", "b", 2e-3, 1e-3),
        outcome_of("shapes/random", "c", 1e-3, 1.1e-3),
    ]
    libraries = ["chainrule", "jax"]
    (_, means), (title, slow) = summary.brief(outcomes, libraries, "chainrule", 1.2)
    assert means == [
        ["group", "rows", "jax", "slower than a peer", "the slowest"],
        ["shapes/loops", "2", "1.41x", "1", "0.50x b"],
        ["shapes/random", "1", "1.10x", "0", "1.10x c"],
        ["all", "3", "1.30x", "1", "0.50x b"],
    ]
    assert title == "Ratios below 1.20x, worst first"
    assert slow[1:] == [
        ["shapes/loops: b", "2.00 ms", "jax", "1.00 ms", "0.50x"],
        ["shapes/random: c", "1.00 ms", "jax", "1.10 ms", "1.10x"],
    ]
    assert len(summary.brief(outcomes, libraries, "chainrule", 0.1)) == 1
    many = [outcome_of("shapes/loops", f"row {i}", 2.0, 1.0) for i in range(50)]
    assert len(summary.brief(many, libraries, "chainrule", 1.0)[1][1]) == 51


def test_a_family_declares_a_row_whose_title_ends_in_the_shapes(monkeypatch):
    monkeypatch.setattr("benchmarks.rows._registry", {})
    monkeypatch.setattr("benchmarks.shapes.CASES", found := {})
    Family("tested").kernel(
        "x + y", lambda np, x, y: x + y, normal(2, 3), integers(5, 3)
    )
    ((name, case),) = found.items()
    assert name == "shapes/tested/x + y: 2 x 3, 3 int32"
    assert case.size == 9
    assert traced_shapes(case) == [(2, 3)]
