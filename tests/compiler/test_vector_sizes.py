"""Kernels for vectors of 32 and 16 bytes, as processors without AVX-512 get them."""

import os
import subprocess
import sys

import pytest

FILES = (
    "test_gathered_rows.py",
    "test_gathered_places.py",
    "test_first_places.py",
    "test_elementwise.py",
    "test_short_rows.py",
)
OF_64_BYTES = "not columns_are_written_out"
"""What is said of a program, not of its values, is of vectors of 64 bytes."""


@pytest.mark.parametrize("size", [16, 32])
def test_narrower_vectors_compute_the_same(size):
    folder = os.path.dirname(__file__)
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p",
         "no:xdist", "-k", OF_64_BYTES, *(os.path.join(folder, f) for f in FILES)],
        env={**os.environ, "CHAINRULE_VECTOR_BYTES": str(size)},
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr
