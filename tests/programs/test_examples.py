"""The programs of `make demo` run, pass their own checks, and leave their pictures."""

import sys
from importlib import import_module
from pathlib import Path

import matplotlib
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PICTURES = {
    "derivatives": ["derivatives.png"],
    "digits": ["digits_loss.png", "digits_misread.png"],
    "gaussian_process": ["gaussian_process.png"],
}


@pytest.mark.parametrize("name", PICTURES)
def test_example_runs_and_draws(name, tmp_path, monkeypatch):
    matplotlib.use("Agg")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    summary = import_module(name).run(tmp_path)
    sys.modules.pop(name)
    assert all(summary)
    assert sorted(path.name for path in tmp_path.iterdir()) == PICTURES[name]
    assert all(path.stat().st_size > 10_000 for path in tmp_path.iterdir())
