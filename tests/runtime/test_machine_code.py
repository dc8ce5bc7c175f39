"""Kernels compiled in the background: levels, errors, forks, and one set of values."""

import os
import subprocess
import sys

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.compiler.codegen import host
from chainrule.runtime import _native

TEXT = """
define void @{name}(ptr %buffers, ptr %ints, i64 %begin, i64 %end) #0 {{
  %p = load ptr, ptr %buffers
  store float {value}, ptr %p
  ret void
}}
"""


def code(name="f", value="2.5"):
    host.ready()
    text = host.module_text(TEXT.format(name=name, value=value))
    return _native.MachineCode.of_text(name, text)


def run(made):
    aval = cr.make_jaxpr(lambda: cnp.float32(0))().out_avals[0]
    step = ("kernel", made, (0,), (), 1, 1)
    (out,) = _native.Plan(0, [], [], [("new", aval)], [step], 0)()
    return float(out)


def test_code_is_compiled_quickly_and_then_as_well_as_can_be():
    made = code()
    assert made.level == 0 and made.nbytes == 0
    made.wait()
    assert made.level == 1 and run(made) == 2.5
    made.request(best=True)
    made.wait(best=True)
    assert made.level == 2 and run(made) == 2.5
    data, best = made.object()
    assert best and data[:4] == b"\x7fELF"
    again = _native.MachineCode.of_object("f", "", data, True)
    assert again.level == 2 and run(again) == 2.5


def test_the_best_code_serves_where_any_is_asked_for():
    made = code()
    made.wait(best=True)
    made.request(best=False)
    made.wait()
    assert made.level == 2


def test_many_kernels_at_once():
    made = [code(f"f{k}", f"{k}.0") for k in range(40)]
    for m in made:
        m.request(best=False)
    for m in reversed(made):
        m.wait()
    assert [run(m) for m in made] == list(range(40))


def test_text_that_is_no_program():
    host.ready()
    made = _native.MachineCode.of_text("f", "define nonsense")
    with pytest.raises(RuntimeError, match="LLVM: .*expected type"):
        made.wait()
    with pytest.raises(ValueError, match="is not compiled; wait for it first"):
        run(made)


def test_an_object_without_the_function():
    made = code()
    made.wait()
    data, _ = made.object()
    with pytest.raises(ValueError, match="there is no function 'g' in it"):
        _native.MachineCode.of_object("g", "", data, True)
    with pytest.raises(ValueError, match="load_object: "):
        _native.MachineCode.of_object("f", "", data[:100], True)


def test_a_forked_child_compiles():
    """While the parent's thread is compiling; the child has no such thread."""
    made = [code(f"f{k}", f"{k}.0") for k in range(30)]
    for m in made:
        m.request(best=True)
    child = os.fork()
    if child == 0:
        for m in made:
            m.wait(best=True)
        other = code("g", "7.0")
        other.request(best=False)
        other.wait()
        good = [run(m) for m in [*made, other]] == [*range(30), 7]
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    for m in made:
        m.wait(best=True)
    assert [run(m) for m in made] == list(range(30))


def test_a_process_ends_while_code_is_being_improved():
    program = (
        "import chainrule as cr, chainrule.numpy as cnp\n"
        "f = cr.jit(cr.grad(lambda x: cnp.sum(cnp.tanh(x @ x) * cnp.sin(x))))\n"
        "x = cnp.ones((30, 30))\n"
        "for _ in range(4): y = f(x)\n"
        "print(float(y[0, 0]))\n"
    )
    environment = {**os.environ, "CHAINRULE_CACHE": "0"}
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("threads", [1, 2])
def test_both_kinds_of_code_give_the_same_bits(threads):
    """The text decides every rounding; LLVM's effort does not change one."""
    former = _native.get_num_threads()
    _native.set_num_threads(threads)
    try:
        x = np.random.default_rng(0).normal(size=(70, 33)).astype("float32")

        def f(x):
            y = cnp.tanh(x) @ cnp.exp(-x.T) + cnp.sin(x[:, :1]) ** 3
            return cnp.sum(y, axis=0), cnp.max(y), y / (1 + cnp.abs(y))

        g = cr.jit(cr.value_and_grad(lambda x: cnp.sum(f(x)[2])))
        first = g(x)
        best = g.lower(x).compile()(x)
        for a, b in zip(first, best):
            np.testing.assert_array_equal(a, b)
    finally:
        _native.set_num_threads(former)


def test_digest_of_the_standard():
    """FIPS 180-4's examples: one block, two blocks, nothing."""
    assert _native.sha256(b"abc").hex().startswith("ba7816bf8f01cfea414140de5dae2223")
    two = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
    assert _native.sha256(two).hex().startswith("248d6a61d20638b8e5c026930c3e6039")
    assert _native.sha256(b"").hex().startswith("e3b0c44298fc1c149afbf4c8996fb924")
