"""The pool of threads: counts, how kernels are split, forks, several callers."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from plan_kernels import aval, binary_plan, kernel, load, loop, wrap

from chainrule.runtime import _native as native


@pytest.fixture(autouse=True)
def count():
    former = native.get_num_threads()
    native.set_num_threads(4)
    yield
    native.set_num_threads(former)


def own_threads():
    """Names do not help: threads of the process that Python did not start. One that has
    ended may be listed a moment longer, so the count is read until it stays."""
    last, count = -1, len(os.listdir("/proc/self/task"))
    while count != last:
        time.sleep(0.02)
        last, count = count, len(os.listdir("/proc/self/task"))
    return count


COUNT_AND_MARK = """
  %a0 = getelementptr i64, ptr %b0, i64 %i
  store i64 %begin, ptr %a0
  %a1 = getelementptr i64, ptr %b1, i64 %i
  store i64 %end, ptr %a1
"""


def bounds(extent, grain, *chunks):
    """(begin, end) of the call that did each index."""
    step = (*kernel(loop(2, COUNT_AND_MARK), (0, 1), (), extent, grain), *chunks)
    outputs = [("new", aval((extent,), "int64"))] * 2
    begin, end = native.Plan(0, [], [], outputs, [step], 0, load)()
    return np.asarray(begin), np.asarray(end)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize(
    ("extent", "grain"), [(1, 1), (7, 1), (64, 64), (65, 64), (1000, 7), (100_000, 64)]
)
def test_chunks_cover_the_extent_in_multiples_of_the_grain(threads, extent, grain):
    native.set_num_threads(threads)
    begin, end = bounds(extent, grain)
    index = np.arange(extent)
    assert np.all((begin <= index) & (index < end))
    assert np.all(begin % grain == 0)
    assert np.all((end % grain == 0) | (end == extent))
    calls = len(np.unique(begin))
    assert calls == 1 if threads == 1 or extent <= grain else calls > 1
    assert calls <= 4 * threads


@pytest.mark.parametrize("chunks", [1, 2, 9])
def test_the_number_of_chunks_is_limited(chunks):
    begin, _ = bounds(10_000, 1, chunks)
    assert len(np.unique(begin)) == 4 * chunks


def test_many_runs_lose_no_work():
    size = 1003
    plan = binary_plan(size=size, grain=8)
    x, y = wrap(np.arange(size)), wrap(np.ones(size))
    expected = np.arange(size) + 1.0
    step = plan.steps[0]
    split = native.Plan(2, [], [], [("new", aval((size,)))], [(*step[:5], 16)], 0, load)
    for _ in range(5000):
        assert np.array_equal(np.asarray(split(x, y)[0]), expected)


def test_counts_that_are_refused():
    for wrong in (0, -1, 5000):
        with pytest.raises(ValueError) as raised:
            native.set_num_threads(wrong)
        assert str(raised.value) == (
            f"set_num_threads: the count is {wrong}; use an integer from 1 to 4096."
        )


def test_threads_start_at_the_first_parallel_kernel():
    native.set_num_threads(1)
    before = own_threads()
    native.set_num_threads(3)
    bounds(10, 100)
    assert own_threads() == before
    bounds(1000, 1)
    assert own_threads() == before + 2
    native.set_num_threads(2)
    bounds(1000, 1)
    assert own_threads() == before + 1
    native.set_num_threads(1)
    bounds(1000, 1)
    assert own_threads() == before


def run_python(program, **environment):
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


READ = "from chainrule.runtime import _native as n; print(n.get_num_threads())"


def test_the_count_at_the_start():
    assert run_python(READ, CHAINRULE_NUM_THREADS="3").stdout == "3\n"
    processors = len(os.sched_getaffinity(0))
    assert run_python(READ, CHAINRULE_NUM_THREADS="").stdout == f"{processors}\n"
    narrowed = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
    assert run_python(narrowed + READ, CHAINRULE_NUM_THREADS="").stdout == "1\n"
    wrong = run_python(READ, CHAINRULE_NUM_THREADS="many")
    assert wrong.stderr.endswith(
        "ImportError: CHAINRULE_NUM_THREADS: 'many' is no number of threads; use an "
        "integer from 1 to 4096.\n"
    )


def test_the_child_of_a_fork_computes():
    assert bounds(1000, 1)[0].max() > 0
    child = os.fork()
    if child == 0:
        begin, _ = bounds(1000, 1)
        os._exit(0 if begin.max() > 0 and native.get_num_threads() == 4 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert bounds(1000, 1)[0].max() > 0


def test_forks_while_kernels_run():
    size = 50_000
    step = binary_plan(size=size).steps[0]
    plan = native.Plan(
        2, [], [], [("new", aval((size,)))], [(*step[:5], 64)], 0, load, work=1e9
    )
    x = wrap(np.ones(size))
    done = threading.Event()

    def work():
        while not done.is_set():
            plan(x, x)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    statuses = []
    for _ in range(20):
        child = os.fork()
        if child == 0:
            good = np.all(np.asarray(plan(x, x)[0]) == 2.0)
            os._exit(0 if good else 1)
        statuses.append(os.waitpid(child, 0)[1])
    done.set()
    for worker in workers:
        worker.join()
    assert statuses == [0] * 20


def test_the_count_changes_while_kernels_run():
    size = 20_000
    step = binary_plan(size=size).steps[0]
    plan = native.Plan(
        2, [], [], [("new", aval((size,)))], [(*step[:5], 64)], 0, load, work=1e9
    )
    x = wrap(np.ones(size))
    wrong = []
    done = threading.Event()

    def work():
        while not done.is_set():
            if not np.all(np.asarray(plan(x, x)[0]) == 2.0):
                wrong.append(1)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for k in range(60):
        native.set_num_threads(1 + k % 5)
    done.set()
    for worker in workers:
        worker.join()
    assert not wrong


def test_a_process_ends_while_threads_sleep():
    program = """
import sys
sys.path.insert(0, {path!r})
from plan_kernels import *
native.set_num_threads(3)
plan = binary_plan(size=1000)
step = (*plan.steps[0][:5], 1)
split = native.Plan(2, [], [], [("new", aval((1000,)))], [step], 0, load)
x = wrap(np.ones(1000))
print(float(np.asarray(split(x, x)[0]).sum()))
"""
    path = os.path.dirname(__file__)
    ended = run_python(program.format(path=path))
    assert (ended.stdout, ended.returncode) == ("2000.0\n", 0), ended.stderr


# A matrix that no machine has memory for, so that the kernel's workspace throws.
ENDLESS = 1 << 22


@pytest.mark.parametrize("extent", [1, 2, 8, 64])
def test_what_a_kernel_throws_on_any_thread_is_raised_by_the_caller(extent):
    address = native.library_kernel("eigh_f64")
    step = ("kernel", address, (0, 0, 0), (ENDLESS, True, True), extent, 1)
    failing = native.Plan(0, [], [], [("new", aval((1,)))], [step], 0)
    for _ in range(100):
        with pytest.raises(MemoryError):
            failing()
    test_many_runs_lose_no_work()
