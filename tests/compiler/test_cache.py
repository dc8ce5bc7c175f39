"""Kernels on disk: found by the next process, made anew if damaged, shared between sizes."""

import os
import subprocess
import sys

import numpy as np
import pytest

import chainrule.numpy as cnp
from chainrule.compiler.assemble import KernelStep

from .native import steps_of

PROGRAM = """
import sys
import chainrule as cr, chainrule.numpy as cnp
x = cnp.arange(100.0).reshape(10, 10)
print(float(cr.jit(lambda x: (cnp.sin(x) @ x).sum())(x)), "llvmlite" in sys.modules)
"""


def run(folder, **more):
    """What a new process prints: its result, and whether it needed LLVM."""
    environment = {**os.environ, "CHAINRULE_CACHE_DIR": str(folder), **more}
    out = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
    )
    assert out.returncode == 0, out.stderr
    value, compiled = out.stdout.split()
    return float(value), compiled == "True"


@pytest.fixture(scope="module")
def expected():
    x = np.arange(100.0).reshape(10, 10)
    return pytest.approx(float((np.sin(x) @ x).sum()), rel=1e-4)


def test_the_next_process_compiles_nothing(tmp_path, expected):
    assert run(tmp_path) == (expected, True)
    assert run(tmp_path) == (expected, False)


@pytest.mark.parametrize("kind", ["object", "entry"])
def test_a_damaged_file_is_made_anew(tmp_path, expected, kind):
    run(tmp_path)
    whole = {p: p.read_bytes() for p in tmp_path.glob(f"*.{kind}")}
    assert whole
    for path, data in whole.items():
        middle = len(data) // 2
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    assert run(tmp_path) == (expected, True)
    assert {p: p.read_bytes() for p in whole} == whole
    assert run(tmp_path) == (expected, False)


def test_a_missing_object_is_made_anew(tmp_path, expected):
    run(tmp_path)
    for path in tmp_path.glob("*.object"):
        path.unlink()
    assert run(tmp_path) == (expected, True)


def test_without_a_cache_nothing_is_written(tmp_path, expected):
    assert run(tmp_path, CHAINRULE_CACHE="0") == (expected, True)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_costs_only_time(tmp_path, expected):
    file = tmp_path / "file"
    file.write_text("in the way")
    assert run(file / "folder") == (expected, True)


def test_the_oldest_files_go_first(tmp_path, expected):
    run(tmp_path, CHAINRULE_CACHE_BYTES="1")
    assert run(tmp_path, CHAINRULE_CACHE_BYTES="1") == (expected, True)


def structures(f, *shapes):
    return [
        {
            s.structure.name
            for s in steps_of(f, cnp.ones(shape))
            if isinstance(s, KernelStep)
        }
        for shape in shapes
    ]


def test_sizes_share_code():
    """Large extents are numbers of a call, and so is the number of rows."""
    first, second = structures(lambda x: cnp.tanh(x) * 2, (1000,), (777,))
    assert first == second
    first, second = structures(lambda x: (x * x).sum(axis=1), (40, 100), (33, 100))
    assert first == second
