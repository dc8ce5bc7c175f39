"""Every row runs in Chainrule, and agrees with NumPy's implementation where there is one."""

import numpy
import pytest

from benchmarks.libraries import import_library, read_numbers
from benchmarks.rows import CallRow, ProcessRow, Timed, load_rows
from benchmarks.turns import Settings, agree, run_program

ROWS = load_rows()
CALLS = [row for row in ROWS.values() if isinstance(row, CallRow)]
PROGRAMS = [row for row in ROWS.values() if isinstance(row, ProcessRow)]


def numbers(row: CallRow, name: str, library) -> list[list[float]]:
    """What `row` computes in `library`."""
    made = row.makers[name](library)
    if isinstance(made, Timed):
        return read_numbers(made.result(made.run()))
    return read_numbers(made())


@pytest.mark.parametrize("row", CALLS, ids=lambda row: row.id)
def test_row_runs_and_agrees_with_numpy(row):
    ours = numbers(row, "chainrule", import_library("chainrule")[0])
    again = numbers(row, "chainrule", import_library("chainrule")[0])
    assert agree(ours, again, 0.0)
    if "numpy" in row.makers:
        assert agree(ours, numbers(row, "numpy", numpy), row.rtol)


@pytest.mark.parametrize("row", PROGRAMS, ids=lambda row: row.id)
def test_program_runs_in_a_fresh_process(row):
    _, printed = run_program(row, "chainrule", Settings())
    expected = [[-1.0]] if "grad(log)" in row.title else [[]]
    assert printed == expected
