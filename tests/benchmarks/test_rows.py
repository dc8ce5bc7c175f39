"""Every row runs in Chainrule, and agrees with NumPy's or C's where there is one."""

import shutil

import pytest

from benchmarks.libraries import honour_x64, import_library, read_numbers
from benchmarks.rows import CallRow, ProcessRow, Timed, load_rows
from benchmarks.turns import Settings, agree, run_program

ROWS = [row for row in load_rows().values() if row.tested]
CALLS = [pytest.param(row, id=row.id) for row in ROWS if isinstance(row, CallRow)]
IN_C = [case for case in CALLS if "c" in case.values[0].makers and shutil.which("gcc")]
PROGRAMS = [row for row in ROWS if isinstance(row, ProcessRow)]


def numbers(row: CallRow, name: str) -> list[list[float]] | None:
    """What `row` computes in a library; None if it draws numbers of its own."""
    library, _ = import_library(name)
    honour_x64(name, library, row.x64)
    try:
        made = row.makers[name](library)
        if not isinstance(made, Timed):
            return read_numbers(made())
        return made.result and read_numbers(made.result(made.run()))
    finally:
        honour_x64(name, library, False)


@pytest.mark.parametrize("row", CALLS)
def test_row_runs_and_agrees_with_numpy(row):
    ours = numbers(row, "chainrule")
    assert ours is not None
    theirs = numbers(row, "numpy") if "numpy" in row.makers else None
    assert agree(ours, theirs or ours, row.rtol)


@pytest.mark.parametrize("row", IN_C)
def test_row_agrees_with_the_program_in_c(row):
    assert agree(numbers(row, "chainrule"), numbers(row, "c"), row.rtol)


@pytest.mark.parametrize("row", PROGRAMS, ids=lambda row: row.id)
def test_program_runs_in_a_fresh_process(row, tmp_path):
    seconds, (printed,) = run_program(row, "chainrule", Settings(), str(tmp_path))
    assert seconds > 0
    if "grad(log)" in row.title:
        assert printed == [-1.0]
