"""Functions as single nodes: equal to what they stand for, and small to look at."""

import re

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.compiler import cache, functions, mathematics
from chainrule.compiler.costs import cost_of_kernel
from chainrule.compiler.expr import node
from chainrule.compiler.functions import Function, expanded, expansion, operations
from chainrule.compiler.interpret import interpret
from chainrule.compiler.rewrite import walk

from .native import steps_of, two_threads

X = node("var", "f32", (), "x")
Z = node("var", "f32", (), "z")
Y = node("var", "f32", (), "y")
W = node("var", "f32", (), "w")


BINARY = frozenset((
    "atan2", "expn", "hypot", "igamma", "igamma_grad_a", "igammac", "logaddexp",
    "logaddexp2", "nextafter", "polygamma", "pow", "random_gamma_grad", "zeta",
))  # fmt: skip


def of(name, x=X, y=Y):
    function = getattr(mathematics, name)
    if name == "hyp2f1":
        return function(x, y, W, Z)
    if name in ("betainc", "hyp1f1"):
        return function(x, y, Z)
    return function(x, y) if name in BINARY else function(x)


NAMES = [
    name
    for family, names in mathematics._FAMILIES.items()
    if family
    not in ("count_variates", "division", "draws", "gamma_variates", "integers")
    for name in names
    if name != "integer_pow"
]


@pytest.mark.parametrize("name", NAMES)
def test_a_function_is_one_node_that_knows_its_size(name):
    x = of(name)
    assert x.op == "function" and x.data.name == name
    inside = [e for e in walk(expanded([x])) if e not in (X, Y, Z, W)]
    assert all(e.op != "function" for e in inside)
    assert operations([x]) == len(inside)
    assert x.data.widest in (4, 8)
    assert x.data.widest >= max(
        int(e.type[1:]) // 8 for e in inside if e.type[0] == "f"
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_function_has_the_value_of_its_expansion(name):
    draw = np.random.default_rng(0)
    values = {
        v: draw.uniform(0.1, 0.9, 50).astype(np.float32) * scale
        for v, scale in ((X, 1), (Y, 3), (Z, 1), (W, 2))
    }
    (whole,) = expanded([of(name)])
    first = expansion(of(name))
    wanted = interpret(whole, values)
    assert wanted.tobytes() == interpret(of(name), values).tobytes()
    assert wanted.tobytes() == interpret(first, values).tobytes()


def test_names_tell_functions_apart():
    """The structure of a kernel, by which its code is found, has their names in it."""
    for name in NAMES:
        of(name)
    by_name = {}
    for found in functions._known.values():
        assert isinstance(found, Function)
        assert by_name.setdefault(found.name, found.compute) is found.compute


def test_functions_of_one_operand_share_what_they_have_in_common():
    def count(f):
        (step,) = steps_of(f, cnp.ones(1000, "float32"))
        return step.text.split("define void")[1].count("@llvm.fma")

    both = count(lambda x: cnp.sin(x) + cnp.cos(x))
    assert both < count(cnp.sin) + count(cnp.cos)


def test_functions_within_functions_compute_what_eager_evaluation_does():
    def f(x):
        for k in range(40):
            x = cnp.sin(x) * 1.5 + cnp.tanh(x) * k
        return x

    x = np.linspace(-1, 1, 37)
    with cr.enable_x64(True), two_threads():
        np.testing.assert_allclose(cr.jit(f)(x), f(x), rtol=1e-9, atol=1e-9)


def test_costs_count_what_functions_consist_of():
    (one,) = steps_of(lambda x: x * x, cnp.ones(100, "float32"))
    (many,) = steps_of(cnp.tanh, cnp.ones(100, "float32"))
    assert cost_of_kernel(one.scheduled.kernel).flops == 100
    assert cost_of_kernel(many.scheduled.kernel).flops > 1000


def test_the_version_of_code_on_disk_covers_functions(tmp_path, monkeypatch):
    """A kernel's structure names functions only: their sources are in its key."""
    read = cache._read
    before = cache.version()

    def changed(root, name):
        return read(root, name) + (b"#" if name == "trigonometric.py" else b"")

    monkeypatch.setattr(cache, "_read", changed)
    cache.version.cache_clear()
    try:
        assert cache.version() != before
    finally:
        cache.version.cache_clear()


def llvm_of(f, *args):
    """The texts of a compiled program's kernels."""
    return "\n".join(s.llvm for s in cr.explain(f)(*args).steps)


def test_what_a_kernel_computes_often_is_written_once_and_called():
    x = cnp.linspace(-3, 3, 64)

    def repeated(x):
        for _ in range(5):
            x = cnp.sin(x) + 0.5
        return x

    text = llvm_of(repeated, x)
    assert len(re.findall(r"define internal .* @sin_f32", text)) == 1
    assert len(re.findall(r"= call .* @sin_f32", text)) == 5
    assert "@sin_f32" not in llvm_of(cnp.sin, x)


def test_functions_of_one_operand_are_written_out():
    """They share the greater part of what they compute."""
    x = cnp.linspace(-3, 3, 64)
    text = llvm_of(lambda x: [cnp.sin(x * k) + cnp.cos(x * k) for k in range(1, 5)], x)
    assert not re.search(r"@(sin|cos)_f32", text)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_calls_and_expansions_give_the_same_bits(dtype):
    """LLVM's quick code calls, its best has everything in its place."""
    with cr.enable_x64():
        x = np.random.default_rng(5).standard_normal(1003).astype(dtype)

        def f(x):
            for k in range(4):
                x = cnp.tanh(cnp.sin(x) * 2 + k) * cnp.exp(x) + cnp.log1p(x * x)
            return x, x.sum()

        quick = [np.asarray(v) for v in cr.jit(f)(x)]
        best = [np.asarray(v) for v in cr.jit(f).lower(x).compile()(x)]
        for a, b in zip(quick, best):
            np.testing.assert_array_equal(a, b)
        scalar = cr.jit(lambda x: f(x)[0])
        alone = [float(scalar(v)) for v in x[:5]]
        np.testing.assert_array_equal(np.asarray(alone, dtype), quick[0][:5])
