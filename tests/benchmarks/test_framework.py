"""The benchmarks measure what they say: agreement, turns, budgets, failures, tables.

No test here asserts a time; timings are only checked to be there.
"""

import json
import subprocess
import sys

import numpy
import pytest

from benchmarks import libraries, report, summary, turns, units
from benchmarks.budgets import LOOPS, AheadOf, AtMost, AtMostBeyond, AtMostTimes
from benchmarks.libraries import LibraryAbsent, import_library, read_numbers
from benchmarks.peaks import Peaks
from benchmarks.rows import CallRow, ProcessRow, load_rows
from tests.benchmarks.rows_apart import unregistered

SETTINGS = turns.Settings(rounds=3, seconds=1e-4)


def run_module(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=turns.ROOT, check=False
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.56e-6, "4.56 us"), (0.1234, "123 ms"), (999.7e-9, "1.00 us"), (12.0, "12.0 s")],
)
def test_seconds_are_printed_with_three_digits_and_a_unit(seconds, text):
    assert units.show_seconds(seconds) == text


def test_budgets_judge_medians_and_abstain_without_them():
    seconds = {"chainrule": 2e-6, "numpy": 1.5e-6, "torch": 3e-6}
    assert AtMost(3e-6).met(seconds, "chainrule") is True
    assert AtMost(1e-6).met(seconds, "chainrule") is False
    assert AtMostTimes(2, "numpy").met(seconds, "chainrule") is True
    assert AtMostTimes(1.2, "numpy").met(seconds, "chainrule") is False
    assert AtMostBeyond(1e-7, "numpy").met(seconds, "chainrule") is False
    assert AheadOf(("torch", "jax")).met(seconds, "chainrule") is True
    assert AheadOf(("numpy",)).met(seconds, "chainrule") is False
    assert AheadOf(("jax",)).met(seconds, "chainrule") is None
    assert AtMost(1.0).met({}, "chainrule") is None


def test_loops_are_twice_as_fast_as_a_peer_or_as_fast_as_c():
    seconds = {"chainrule": 1.0, "jax": 2.5, "jax0431": 2.0, "c": 0.95}
    assert LOOPS.met(seconds, "chainrule") is True
    assert LOOPS.met({**seconds, "c": 0.5}, "chainrule") is True
    assert LOOPS.met({**seconds, "jax0431": 1.9}, "chainrule") is True
    assert LOOPS.met({**seconds, "jax0431": 1.9, "c": 0.9}, "chainrule") is False
    assert LOOPS.met({"chainrule": 1.0, "c": 0.5}, "chainrule") is False
    assert LOOPS.met({"chainrule": 1.0}, "chainrule") is None


def test_a_column_of_one_release_takes_no_other(monkeypatch):
    monkeypatch.setitem(libraries.RELEASES, "numpy1", ("numpy", "1.0"))
    with pytest.raises(LibraryAbsent):
        import_library("numpy1")
    monkeypatch.setitem(libraries.RELEASES, "numpy2", ("numpy", numpy.__version__))
    assert import_library("numpy2") == (numpy, numpy.__version__)


def test_results_agree_up_to_the_tolerance_of_their_largest_entry():
    assert turns.agree([[100.0, 0.0]], [[100.0, 0.009]], 1e-4)
    assert not turns.agree([[100.0, 0.0]], [[100.0, 0.02]], 1e-4)
    assert not turns.agree([[1.0, 2.0]], [[1.0], [2.0]], 1e-4)
    assert turns.agree(
        [[float("nan"), float("inf")]], [[float("nan"), float("inf")]], 0
    )
    assert not turns.agree([[float("nan")]], [[1.0]], 1.0)


def test_every_library_has_a_turn_in_every_round_and_the_first_one_rotates():
    order = [library for _, library in turns.in_turns(["a", "b", "c"], 2)]
    assert order == ["a", "b", "c", "b", "c", "a"]


def test_numbers_are_read_from_nested_results_in_a_fixed_order():
    assert read_numbers({"b": (1, [2.0]), "a": [[3, 4]]}) == [
        [3.0],
        [4.0],
        [1.0],
        [2.0],
    ]


def test_a_library_that_is_not_installed_is_absent():
    with pytest.raises(LibraryAbsent):
        import_library("no_such_library_anywhere")


def test_rows_are_timed_in_the_processes_of_their_libraries():
    processes = turns.start_libraries(["numpy"], SETTINGS)
    try:
        outcome = turns.measure(load_rows()["eager/add"], processes, SETTINGS)
    finally:
        processes["numpy"].close()
    assert outcome.failures == {}
    assert len(outcome.samples["numpy"]) == 3
    assert all(seconds > 0 for seconds in outcome.samples["numpy"])


def test_a_program_that_fails_is_reported_with_its_last_line():
    row = unregistered(ProcessRow, programs={"numpy": "raise ValueError('no luck')"})
    outcome = turns.Outcome(row)
    turns.measure_programs(row, ["numpy"], SETTINGS, outcome)
    assert outcome.failures == {"numpy": "ValueError: no luck"}
    assert outcome.samples == {}


def test_a_row_whose_results_differ_is_not_timed():
    programs = {"numpy": "print(1.0)", "jax": "print(2.0)"}
    row = unregistered(ProcessRow, programs=programs)
    outcome = turns.Outcome(row)
    settings = turns.Settings(rounds=1, interpreters={"jax": sys.executable})
    turns.measure_programs(row, ["numpy", "jax"], settings, outcome)
    assert outcome.failures == {"jax": "its result differs from that of numpy"}
    assert outcome.samples == {}


def test_the_table_shows_ratios_and_verdicts():
    row = unregistered(CallRow, budgets=(AtMost(1e-6),), makers={})
    samples = {"chainrule": [2e-6, 2e-6, 9e-6], "torch": [4e-6]}
    lines = report.table(
        [turns.Outcome(row, samples)], ["chainrule", "torch"], "chainrule"
    )
    assert lines == [
        ["", "chainrule", "torch", "budget"],
        ["a row", "2.00 us", "4.00 us (2.00x)", "<= 1.00 us: MISSED"],
        ["geometric mean of the ratios", "", "2.00x", ""],
    ]
    assert report.as_markdown(lines).splitlines()[1] == "| --- | ---: | ---: | --- |"


def test_a_program_may_take_its_own_time_and_be_given_an_environment(tmp_path):
    text = "import os; print(0.25, len(os.listdir(os.environ['PLACE'])))"
    row = unregistered(
        ProcessRow,
        programs={"numpy": text},
        inside=True,
        environment={"PLACE": "{cache}"},
    )
    done = turns.run_program(row, "numpy", SETTINGS, str(tmp_path))
    assert done == (0.25, [[0.0]])


def test_a_row_beyond_its_allowance_gets_the_fewest_rounds():
    row = unregistered(CallRow, makers={})
    outcome = turns.Outcome(row)
    turns.take_turns(["a", "b"], 9, 0.0, lambda library: 1.0, outcome)
    assert {lib: len(times) for lib, times in outcome.samples.items()} == {
        "a": turns.FEWEST,
        "b": turns.FEWEST,
    }


def test_large_arrays_are_compared_by_samples_and_means():
    entries = numpy.arange(100_000.0)
    samples, means = read_numbers(entries)
    assert len(samples) < 3000
    changed = entries.copy()
    changed[1] += 1e4
    assert not turns.agree(read_numbers(changed), [samples, means], 1e-6)
    assert means[0] == entries.mean()


def test_libraries_that_draw_numbers_of_their_own_are_not_compared():
    row = unregistered(CallRow, makers={})
    outcome = turns.Outcome(row)
    numbers = {"chainrule": [[1.0]], "torch": None, "jax": [[1.0]]}
    assert not turns.disagreements(numbers, 1e-6, outcome)
    assert turns.disagreements({**numbers, "jax": [[2.0]]}, 1e-6, outcome)
    assert list(outcome.failures) == ["jax"]


def test_a_share_is_of_the_copy_of_about_the_same_size_or_of_the_multiply_adds():
    peaks = Peaks({"1000000": 1e10, "100000000": 5e9}, fma32=2e11, fma64=1e11)
    copy = unregistered(CallRow, bound="copy", makers={})
    outcome = turns.Outcome(copy, {"chainrule": [3e-3, 1e-3]}, traffic=2_000_000)
    assert summary.share(outcome, "chainrule", peaks) == pytest.approx(0.2)
    product = unregistered(CallRow, bound="fma64", flops=5e10, makers={})
    outcome = turns.Outcome(product, {"chainrule": [1.0]})
    assert summary.share(outcome, "chainrule", peaks) == pytest.approx(0.5)
    assert summary.share(outcome, "chainrule", None) is None


def test_the_worst_rows_stand_first_and_only_where_a_peer_is_faster():
    rows = [unregistered(CallRow, title=title, makers={}) for title in "abc"]
    times = [(2.0, 1.0), (4.0, 1.0), (1.0, 9.0)]
    outcomes = [
        turns.Outcome(row, {"chainrule": [ours], "jax": [theirs]})
        for row, (ours, theirs) in zip(rows, times, strict=True)
    ]
    _, *lines = summary.worst(outcomes, "chainrule")
    assert [line[0] for line in lines] == ["test: b", "test: a"]
    *_, everything = summary.means(outcomes, ["chainrule", "jax"], "chainrule")
    assert everything == ["all", "3", "1.04x", "2", "jax >= 3x: MISSED"]


def test_the_command_prints_a_table_and_writes_json(tmp_path):
    target = tmp_path / "result.json"
    arguments = ["--subject", "numpy", "--peers", "", "--only", "eager/exp"]
    done = run_module(*arguments, "--rounds", "2", "--json", str(target))
    assert done.returncode == 0, done.stderr
    assert "exp(x), 4 elements" in done.stdout
    (row,) = json.loads(target.read_text())["rows"]
    assert len(row["samples_s"]["numpy"]) == 2


def test_a_group_that_is_not_there_is_an_error():
    done = run_module("--groups", "eager,nothing")
    assert done.returncode != 0
    assert "no group nothing" in done.stderr


def test_a_pattern_that_matches_nothing_is_an_error():
    done = run_module("--only", "no such row")
    assert done.returncode != 0
    assert "no row matches 'no such row'" in done.stderr
