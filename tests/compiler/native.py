"""How tests of the compiler run a function: compiled, with nothing left to NumPy."""

import contextlib
import ctypes
import mmap
import signal
import subprocess
import sys
import time

import numpy as np

import chainrule as cr
from chainrule.compiler.assemble import KernelStep, select_steps
from chainrule.compiler.pipeline import compile_program, simplify
from chainrule.compiler.program import Program, host_steps


def steps_of(f, *args):
    """The steps of the compiled program of `f`."""
    return select_steps(Program(simplify(cr.make_jaxpr(f)(*args))))


def run(f, *args):
    """The results of `f`, compiled, as ndarrays; fails if a step is not native."""
    closed = cr.make_jaxpr(f)(*args)
    steps = select_steps(Program(simplify(closed)))
    left = [s.eqn.primitive.name for s in host_steps(steps)]
    assert not left, f"{left} are not native"
    return [np.asarray(x) for x in compile_program(closed)(*cr.tree.leaves(args))]


def numbers(rng, *shape, dtype="float32"):
    """Whole numbers, which every type holds."""
    x = rng.integers(-50, 50, shape)
    return np.asarray(x % 2 == 0 if dtype == "bool" else x, dtype)


def assert_same(f, *args):
    """Compiled, `f` gives the bits that it gives eagerly."""
    wanted = [np.asarray(x) for x in cr.tree.leaves(f(*args))]
    found = run(f, *args)
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        if a.tobytes() != b.tobytes():
            np.testing.assert_array_equal(a, b)
            raise AssertionError("equal, but not the same bits")


def assert_close(f, *args, rtol=2e-5):
    """Compiled, `f` gives what it gives eagerly, but for the order of sums."""
    wanted = [np.asarray(x) for x in cr.tree.leaves(f(*args))]
    for a, b in zip(run(f, *args), wanted, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        scale = max(np.abs(b.astype(np.float64)).max(initial=0.0), 1.0)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * scale)


@contextlib.contextmanager
def page_between_shut_ones():
    """Three pages of memory, of which nothing but the second may be touched: a read of
    the others would end the process."""
    page = mmap.PAGESIZE
    memory = mmap.mmap(-1, 3 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    edges = [ctypes.c_void_p(start + k * page) for k in (0, 2)]
    assert [protect(edge, page, 0) for edge in edges] == [0, 0]
    try:
        yield memory
    finally:
        for edge in edges:
            protect(edge, page, mmap.PROT_READ | mmap.PROT_WRITE)


__all__ = [
    "KernelStep",
    "assert_close",
    "assert_same",
    "page_between_shut_ones",
    "run",
    "steps_of",
]


def wait_until_improved(code):
    """Returns when the background has made the best of a kernel's code, without asking
    for it; fails where that does not happen."""
    patience = time.monotonic() + 60
    while code.level < 2 and time.monotonic() < patience:
        time.sleep(0.01)
    assert code.level == 2, "nobody improves the code"


@contextlib.contextmanager
def two_threads():
    """With one, code is as good as can be from the beginning."""
    former = cr.get_num_threads()
    cr.set_num_threads(2)
    try:
        yield
    finally:
        cr.set_num_threads(former)


def assert_ctrl_c_ends(program):
    """A program that prints 'begins', and 'ended 0.0' once Ctrl-C has ended its loop."""
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "begins\n"
    for _ in range(50):
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=1)
            break
        except subprocess.TimeoutExpired:
            continue
    assert process.stdout.read() == "ended 0.0\n"
