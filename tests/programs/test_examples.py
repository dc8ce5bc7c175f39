"""The programs of `make demo` run, pass their own checks, and leave their pictures."""

import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).resolve().parents[2] / "examples" / "demo.py"
PICTURES = [
    "cart_pole.png",
    "derivatives.png",
    "digits_loss.png",
    "digits_misread.png",
    "gaussian_process.png",
    "lorenz.png",
    "pendulum.png",
    "sonnets.png",
]


def test_the_demo_runs_and_draws(tmp_path):
    command = [sys.executable, str(DEMO), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILED" not in done.stdout
    assert "computed     [[7.0, 4.0], [8.0, 6.0]]" in done.stdout
    assert "largest Lyapunov exponent" in done.stdout
    assert "forward and adjoint gradients agree" in done.stdout
    assert "held-out digits read right" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == PICTURES
    assert all(path.stat().st_size > 10_000 for path in tmp_path.iterdir())
