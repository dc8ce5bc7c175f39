"""Kernels on disk: found by the next process, made anew if damaged, shared between sizes."""

import os
import subprocess
import sys

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.compiler.assemble import KernelStep
from chainrule.runtime import _native

from .native import steps_of, two_threads, wait_until_improved

PROGRAM = """
import chainrule as cr, chainrule.numpy as cnp
x = cnp.arange(100.0).reshape(10, 10)
f = cr.jit(lambda x: (cnp.sin(x) @ x).sum())
print(float({call}), "llvmlite" in open("/proc/self/maps").read())
"""


def run(folder, call="f(x)", **more):
    """What a new process prints: its result, and whether it needed LLVM."""
    # With one thread there is no quick code; without LLVM there are no objects of it.
    chosen = {"CHAINRULE_NUM_THREADS": "2", "CHAINRULE_QUICK_CODE": "0"}
    environment = {**os.environ, **chosen, "CHAINRULE_CACHE_DIR": str(folder), **more}
    out = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(call=call)],
        env=environment,
        capture_output=True,
        text=True,
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


def test_a_damaged_file_is_made_anew(tmp_path, expected):
    run(tmp_path)
    whole = {p: p.read_bytes() for p in tmp_path.glob("*.kernel")}
    assert whole
    for path, data in whole.items():
        middle = len(data) // 2
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    assert run(tmp_path) == (expected, True)
    assert {p: p.read_bytes() for p in whole} == whole
    assert run(tmp_path) == (expected, False)


def sizes(folder):
    return {p.name: p.stat().st_size for p in folder.glob("*.kernel")}


BEST = "f.lower(x).compile()(x)"


def test_better_code_replaces_what_is_on_disk(tmp_path, expected):
    """What is on disk has its text until LLVM has made its best of it."""
    run(tmp_path)
    quick = sizes(tmp_path)
    assert run(tmp_path) == (expected, False)
    assert sizes(tmp_path) == quick
    assert run(tmp_path, BEST) == (expected, True)
    best = sizes(tmp_path)
    assert best.keys() == quick.keys()
    assert sum(best.values()) < sum(quick.values())
    assert run(tmp_path, BEST) == (expected, False)
    assert run(tmp_path) == (expected, False)
    assert sizes(tmp_path) == best


def test_without_llvm_the_next_process_finds_texts(tmp_path, expected):
    chosen = os.environ.get("CHAINRULE_QUICK_CODE", "1")
    own, needed = {"CHAINRULE_QUICK_CODE": chosen}, not _native.has_quick_code()
    assert run(tmp_path, **own) == (expected, needed)
    texts = sizes(tmp_path)
    assert texts
    assert run(tmp_path, **own) == (expected, False)
    assert sizes(tmp_path) == texts
    assert run(tmp_path) == (expected, not needed)  # LLVM, from the same texts
    assert run(tmp_path, BEST, **own) == (expected, True)
    assert sizes(tmp_path).keys() == texts.keys()
    assert run(tmp_path, BEST) == (expected, False)


def test_code_of_programs_that_are_called_often_is_improved():
    unseen = np.float32(np.random.default_rng().uniform())
    f = cr.jit(lambda x: cnp.tanh(x) * unseen + cnp.sinh(x))
    x = cnp.ones(5)
    with two_threads():
        f(x)
        (step,) = [s for s in steps_of(f, x) if isinstance(s, KernelStep)]
        assert step.structure.code.level == 1
        f(x), f(x)
        wait_until_improved(step.structure.code)


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
