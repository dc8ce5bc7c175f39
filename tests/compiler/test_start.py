"""The first compilation: LLVM is loaded beside Python, and only where it will be needed."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from chainrule.compiler.records import record
from chainrule.runtime import _native

PROGRAM = """
import sys, time
from chainrule.compiler import cache, start

def is_loaded():
    return "llvmlite" in open("/proc/self/maps").read()

assert not is_loaded()
start.load_llvm()
patience = time.monotonic() + float(sys.argv[1])
while not is_loaded() and time.monotonic() < patience:
    time.sleep(0.01)
print(is_loaded())
"""


OWN_CODE_OFF = {"CHAINRULE_QUICK_CODE": "0"}
AS_HERE = {"CHAINRULE_QUICK_CODE": os.environ.get("CHAINRULE_QUICK_CODE", "1")}


def loads(seconds, **environment):
    """Whether a new process has LLVM loaded so long after `load_llvm`."""
    out = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(seconds)],
        env={**os.environ, "CHAINRULE_NUM_THREADS": "2", **OWN_CODE_OFF, **environment},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return out.stdout.strip() == "True"


def test_llvm_is_loaded_where_no_kernel_is_on_disk(tmp_path):
    assert loads(60, CHAINRULE_CACHE="0")
    assert loads(60, CHAINRULE_CACHE="1", CHAINRULE_CACHE_DIR=str(tmp_path))


def test_llvm_is_not_loaded_where_kernels_are_on_disk(tmp_path):
    (tmp_path / "k0.kernel").write_bytes(b"")
    assert not loads(0.5, CHAINRULE_CACHE="1", CHAINRULE_CACHE_DIR=str(tmp_path))


def test_llvm_is_not_loaded_without_a_second_thread():
    assert not loads(0.5, CHAINRULE_CACHE="0", CHAINRULE_NUM_THREADS="1")


def test_llvm_is_not_loaded_where_first_calls_do_without_it():
    if _native.has_quick_code():
        assert not loads(0.5, CHAINRULE_CACHE="0", **AS_HERE)
    else:
        assert loads(60, CHAINRULE_CACHE="0", **AS_HERE)


FIRST_CALL = """
import chainrule as cr, chainrule.numpy as cnp
x = cnp.linspace(0.1, 2, 50)
f = cr.jit(cr.grad(lambda x: cnp.tanh(cnp.outer(x, cnp.sin(x))).sum()))
total = float(abs(f(x)).sum())
print(total, "libllvmlite" in open("/proc/self/maps").read())
"""


@pytest.mark.parametrize("chosen", [OWN_CODE_OFF, AS_HERE], ids=["off", "as here"])
def test_a_first_call_needs_llvm_only_without_quick_code(chosen):
    environment = {"CHAINRULE_CACHE": "0", **chosen}
    out = subprocess.run(
        [sys.executable, "-c", FIRST_CALL],
        env={**os.environ, "CHAINRULE_NUM_THREADS": "2", **environment},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    total, loaded = out.stdout.split()
    x = np.linspace(0.1, 2, 50)
    y = np.outer(x, np.sin(x))
    slope = 1 - np.tanh(y) ** 2
    wanted = slope @ np.sin(x) + np.cos(x) * (slope.T @ x)
    np.testing.assert_allclose(float(total), np.abs(wanted).sum(), rtol=1e-4)
    assert (loaded == "False") == (chosen is AS_HERE and _native.has_quick_code())


def test_a_record_has_slots_and_defaults():
    @record
    class Point:
        """Two numbers."""

        x: int
        y: int = 2

        @property
        def total(self):
            return self.x + self.y

    a, b, c = Point(1), Point(y=4, x=3), Point(5, y=6)
    assert (a.total, b.total, c.total) == (3, 7, 11)
    assert Point.__doc__ == "Two numbers."
    with pytest.raises(AttributeError):
        a.z = 1


@pytest.mark.parametrize(
    ("given", "named", "message"),
    [
        ((), {}, "Point: there is no value for the field 'x'."),
        ((), {"y": 1}, "Point: there is no value for the field 'x'."),
        ((1, 2, 3), {}, "record: 3 values for 2 fields."),
        ((1,), {"z": 2}, "Point: there is no further field 'z'."),
        ((1,), {"y": 2, "x": 2}, "Point: there is no further field 'x'."),
    ],
)
def test_a_record_takes_a_value_for_each_field(given, named, message):
    @record
    class Point:
        """Two numbers."""

        x: int
        y: int = 2

    with pytest.raises(TypeError, match=re.escape(message)):
        Point(*given, **named)
