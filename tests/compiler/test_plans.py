"""Plans on disk: what a process compiled, the next one calls without compiling."""

import os
import subprocess
import sys

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.compiler import plans
from chainrule.compiler.pipeline import simplify

PROGRAM = """
import sys
import numpy as np
import chainrule as cr, chainrule.numpy as cnp
from chainrule import lax
table = cnp.asarray(np.arange(8.0, dtype="float32") * {factor})
def loss(x):
    step = lambda c, r: (cnp.tanh(c @ x + r), c.sum())
    c, sums = lax.scan(step, x[0] + table, x)
    c = lax.cond(c.sum() > 0, cnp.sin, cnp.cos, c)
    return (c * table).sum() + sums.mean()
x = cnp.linspace(-1, 1, 64).reshape(8, 8)
values = {call}
print(repr([float(v) for v in cnp.ravel(values)]))
print("chainrule.compiler.families" in sys.modules)
"""
CALL = "cr.jit(cr.grad(loss))(x)"


def run(folder, factor=1.0, call=CALL, **more):
    """What a new process computes, and whether it compiled."""
    environment = {**os.environ, "CHAINRULE_CACHE": "1", **more}
    environment["CHAINRULE_CACHE_DIR"] = str(folder)
    out = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(factor=factor, call=call)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert out.returncode == 0, out.stderr
    values, compiled = out.stdout.splitlines()
    return eval(values), compiled == "True"


def test_the_next_process_does_not_compile(tmp_path):
    first, compiled = run(tmp_path)
    assert compiled
    assert run(tmp_path) == (first, False)


def test_constants_are_those_of_the_process(tmp_path):
    """Programs that differ in an array they close over share a plan."""
    expected = run(tmp_path / "other", 3.0)
    run(tmp_path)
    assert run(tmp_path, 3.0) == (expected[0], False)
    assert expected[0] != run(tmp_path)[0]


def damage(path):
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])


def test_damaged_plans_and_missing_kernels_are_made_anew(tmp_path):
    first = run(tmp_path)
    (plan,) = tmp_path.glob("*.plan")
    damage(plan)
    assert run(tmp_path) == first
    assert run(tmp_path) == (first[0], False)
    for kernel in tmp_path.glob("*.kernel"):
        kernel.unlink()
    assert run(tmp_path) == first
    assert run(tmp_path) == (first[0], False)
    for kernel in tmp_path.glob("*.kernel"):
        damage(kernel)
    assert run(tmp_path) == first


def test_kernels_alone(tmp_path):
    first = run(tmp_path, CHAINRULE_CACHE="kernels")
    assert not list(tmp_path.glob("*.plan"))
    assert run(tmp_path, CHAINRULE_CACHE="kernels") == first


@pytest.mark.parametrize(
    "run_it", ["ask(x)", "lax.fori_loop(0, 2, lambda _, c: ask(c), x)"]
)
def test_a_program_with_python_in_it_has_no_file(tmp_path, run_it):
    call = f"""(ask := lambda x: cr.pure_callback(
        lambda v: np.sin(v), cr.ShapeDtypeStruct((8, 8), "float32"), x),
        cr.jit(lambda x: {run_it})(x))[1]"""
    first = run(tmp_path, call=call)
    assert not list(tmp_path.glob("*.plan"))
    assert run(tmp_path, call=call) == first


def test_other_sizes_after_a_plan_from_disk(tmp_path):
    """The second size is compiled for all that follow, as if the first had been."""
    call = "(lambda f: cnp.stack([f(cnp.ones(n)) for n in {}]))(cr.jit(SUMS))"
    call = call.replace("SUMS", "lambda x: cnp.sin(x).sum()")
    run(tmp_path, call=call.format([9]))
    found, _ = run(tmp_path, call=call.format([9, 10, 11, 12, 300]))
    np.testing.assert_allclose(
        found, np.sin(1.0) * np.array([9, 10, 11, 12, 300]), 1e-5
    )


# --- keys --------------------------------------------------------------------------------


def key(fun, *args, donated=()):
    closed = simplify(cr.make_jaxpr(fun)(*args))
    return plans._key(closed, donated)


@pytest.fixture
def kept(monkeypatch, tmp_path):
    monkeypatch.setattr(plans.cache, "has_plans", lambda: True)


X = np.ones(3, np.float32)
DIFFERENT = {
    "literals": (lambda x: x * 2.0, lambda x: x * 3.0),
    "signs of zero": (lambda x: x + 0.0 * x, lambda x: x + -0.0 * x),
    "operations": (cnp.sin, cnp.cos),
    "orders": (lambda x: x - x[::-1], lambda x: x[::-1] - x),
    "results": (lambda x: (x, x + 1), lambda x: (x + 1, x)),
    "parameters": (lambda x: lax.cumsum(x), lambda x: lax.cumsum(x, reverse=True)),
    "modes": (
        lambda x: cnp.take(x, cnp.arange(2), mode="clip"),
        lambda x: cnp.take(x, cnp.arange(2), mode="fill"),
    ),
    "bodies": (
        lambda x: lax.fori_loop(0, 3, lambda i, c: c * 2.0, x),
        lambda x: lax.fori_loop(0, 3, lambda i, c: c * 3.0, x),
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_programs(name, kept):
    one, other = DIFFERENT[name]
    assert key(one, X) != key(other, X)
    assert key(one, X) == key(one, 2 * X)


def test_types_and_donations_are_part_of_a_key(kept):
    f = lambda x: x * 2
    keys = {key(f, X), key(f, X.astype(int)), key(f, X[:2]), key(f, X, donated=(0,))}
    keys.add(key(f, 1.0))
    keys.add(key(f, np.float32(1.0)))
    assert len(keys) == 6


def test_what_has_no_lasting_name_has_no_key(kept):
    call = lambda x: cr.pure_callback(np.sin, cr.ShapeDtypeStruct((3,), "float32"), x)
    assert key(call, X) is None
