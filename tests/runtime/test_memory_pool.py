"""Memory that is kept for large arrays: reuse, limits, giving back, exhaustion."""

import gc
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from plan_kernels import aval, binary_plan, elementwise, kernel, load, wrap

from chainrule.runtime import _native as native

MIB = 1 << 20


@pytest.fixture(autouse=True)
def nothing_kept():
    gc.collect()
    native.release_memory()
    yield
    native.release_memory()


def pointer(array):
    return array._data.__array_interface__["data"][0]


def empty_plan(nbytes):
    """A plan that makes one array of bytes, unset."""
    return native.Plan(0, [], [], [("new", aval((nbytes,), "uint8"))], [], 0)


@pytest.mark.parametrize("nbytes", [1 << 16, 100_001, 2 * MIB, 3 * MIB + 1, 64 * MIB])
def test_large_arrays_are_used_again(nbytes):
    plan = empty_plan(nbytes)
    (first,) = plan()
    assert native.kept_memory() == 0
    where = pointer(first)
    assert where % (2 * MIB if nbytes >= 2 * MIB else 4096) == 0
    view = np.asarray(first)[1:]
    del first
    gc.collect()
    assert native.kept_memory() == 0  # the view is still there
    assert view.shape == (nbytes - 1,)
    del view
    kept = native.kept_memory()
    assert nbytes <= kept <= nbytes * 1.25 + 2 * MIB
    (second,) = plan()
    assert pointer(second) == where and native.kept_memory() == 0
    del second
    assert native.release_memory() == kept
    assert native.kept_memory() == 0 and native.release_memory() == 0


def test_small_arrays_are_not_kept():
    empty_plan((1 << 16) - 1)()
    assert native.kept_memory() == 0


def test_arrays_in_use_do_not_overlap():
    rng = np.random.default_rng(0)
    live = []
    for k in range(300):
        size = int(rng.integers(1 << 14, 1 << 18))
        x = wrap(np.full(size, k))
        live.append((k, binary_plan(size=size)(x, x)[0]))
        if len(live) > 8:
            del live[rng.integers(len(live))]
        for value, array in live:
            assert np.all(np.asarray(array) == 2.0 * value)


def test_what_is_kept_is_limited():
    limit = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 8
    block = limit // 3 // MIB * MIB
    arrays = [empty_plan(block)()[0] for _ in range(6)]
    assert len({pointer(a) for a in arrays}) == 6
    del arrays
    assert 0 < native.kept_memory() <= limit


def test_large_arenas_are_kept():
    size = 1 << 20
    add = elementwise("fadd")
    steps = [kernel(add, (3, 0, 1), (), size), kernel(add, (2, 3, 1), (), size)]
    plan = native.Plan(2, [], [0], [("new", aval((size,)))], steps, 4 * size, load)
    x = wrap(np.ones(size))
    (out,) = plan(x, x)
    assert np.all(np.asarray(out) == 3.0)
    assert native.kept_memory() == 4 * size


def test_memory_that_is_not_there():
    for plan in (
        empty_plan(1 << 55),
        native.Plan(0, [], [0], [], [], 1 << 55),
        native.Plan(0, [], [], [("new", aval((1 << 40, 1 << 20), "uint8"))], [], 0),
    ):
        with pytest.raises(MemoryError) as raised:
            plan()
        assert str(raised.value).endswith(
            "bytes of memory are needed and the system does not give them; delete "
            "arrays or use smaller ones."
        )
    with pytest.raises(MemoryError, match="^chainrule: 36028797018963968 bytes"):
        empty_plan(1 << 55)()
    assert (
        np.asarray(binary_plan()(wrap([1] * 4), wrap([2] * 4))[0]).tolist() == [3] * 4
    )


def test_what_is_kept_goes_before_memory_runs_out():
    program = """
import resource, sys
sys.path.insert(0, {path!r})
from plan_kernels import *
def array(mib):
    return native.Plan(0, [], [], [("new", aval((mib << 20,), "uint8"))], [], 0)()[0]
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (used + (400 << 20),) * 2)
for mib in (64, 96, 128):
    array(mib)
assert native.kept_memory() == 288 << 20, native.kept_memory()
array(320)
assert native.kept_memory() == 320 << 20, native.kept_memory()
kept = array(320)
try:
    array(256)
except MemoryError as error:
    print(error)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program.format(path=os.path.dirname(__file__))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout.startswith("chainrule: 268435456 bytes"), ended.stderr


def test_threads_share_what_is_kept():
    wrong = []

    def work(k):
        size = 50_000 + 1000 * k
        plan, x = binary_plan(size=size), wrap(np.full(size, k))
        for _ in range(200):
            if not np.all(np.asarray(plan(x, x)[0]) == 2.0 * k):
                wrong.append(k)

    workers = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_the_child_of_a_fork_has_its_own_memory():
    (array,) = empty_plan(4 * MIB)()
    del array
    child = os.fork()
    if child == 0:
        (mine,) = empty_plan(4 * MIB)()
        os._exit(0 if native.kept_memory() == 0 and mine.shape else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert native.kept_memory() == 4 * MIB
