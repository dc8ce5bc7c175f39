"""Quick code without LLVM: which texts have it, and that it computes the best code's bits.

`tests/properties/test_compiled.py` compares both kinds of code for the samples of all
primitives. Here: what only whole kernels have. Where the processor has no quick code
these tests compare LLVM's code with LLVM's.
"""

import random
import re

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.runtime import _native

from .native import KernelStep, steps_of, two_threads


def numbers(*shape, dtype="float32"):
    draw = np.random.default_rng(len(shape))
    return cnp.asarray((3 * draw.standard_normal(shape)).astype(dtype))


def many(x):
    """More values than registers, all needed to the end."""
    values = [x * (k + 1) + k / 7 for k in range(45)]
    total = values[0]
    for a, b in zip(values, reversed(values)):
        total = total * 0.5 + a * b
    return total


def layers(x):
    for k in range(3):
        x = cnp.tanh(x @ (x.T / 20) @ x / 20 + k)
    return (x * x).sum()


PROGRAMS = {
    "map": lambda x: x * 2 + 1,
    "functions": lambda x: cnp.sin(cnp.sin(cnp.exp(-x * x))) + cnp.log1p(x * x),
    "huge angles": lambda x: cnp.cos(1e8 * x),
    "many values": many,
    "choices": lambda x: cnp.where((x > 0) & (x < 1) | (x < -2), x * 3, -x),
    "masks kept": lambda x: ((x > 0), (x > 0).sum(), (x[::-1] > x)),
    "extrema": lambda x: (x.max(), x.argmax(), cnp.minimum(x, x[::-1])),
    "softmax": lambda x: cr.nn.softmax(x.reshape(-1, 11), 1),
    "sums": lambda x: (x.sum(), x.reshape(-1, 11).sum(0), x.reshape(-1, 11).sum(1)),
    "doubles": lambda x: cnp.sin(x.astype("float64")) * 2 + x.astype("int64"),
    "integers": lambda x: (x * 100).astype("int32") // 7 % 5 << 2,
    "64-bit integers": lambda x: (x * 1e6).astype("int64") * 12345 >> 3,
    "largest integers": lambda x: (x * 1e30).astype("uint64") ^ 0x8000000000000001,
    "bytes": lambda x: (x > 1).astype("int8") + (x < 0).astype("uint8"),
    "unsigned": lambda x: (abs(x) * 1e9).astype("uint32").astype("float32"),
    "gather": lambda x: x[cnp.argsort(x)] * 2,
    "places of 32 bits": lambda x: x[(x * 9).astype("int32")] * 2,
    "rows at places": lambda x: cnp.resize(x, (30, 3))[(x * 9).astype("int32")] * 2,
    "wide rows at places": lambda x: cnp.resize(x, (30, 7))[(x * 9).astype("int64")],
    "places in rows": lambda x: cnp.argmax(cnp.resize(x, (len(x), 7)), 1),
    "scatter": lambda x: cnp.zeros(77).at[(x * 9).astype("int32") % 77].add(x),
    "strided": lambda x: x[::2][: len(x) // 3] + x[1::2][: len(x) // 3],
    "reversed": lambda x: x[::-1] * 2 + x,
    "padded": lambda x: cnp.pad(x, (3, 5)) * 2,
    "rolled": lambda x: x - cnp.roll(x, 7),
    "joined": lambda x: cnp.concatenate([x, x * 2, x[3:]]),
    "complex": lambda x: cnp.exp(1j * x) * (x + 2j),
    "squares transposed": lambda x: cnp.resize(x, (48, 48)).T + 1,
    "products": lambda x: cr.grad(layers)(cnp.resize(x, (37, 21))),
    "image": lambda x: lax.conv(
        cnp.resize(x, (2, 3, 12, 12)), cnp.resize(x, (4, 3, 3, 3)), (1, 1), "SAME"
    ),
    "counted loop": lambda x: lax.fori_loop(0, 9, lambda k, y: cnp.sin(y) + k, x),
    "small loop": lambda x: lax.fori_loop(0, 90, lambda k, y: y * 0.9 + k, x[:3]),
    "while": lambda x: lax.while_loop(
        lambda c: c[0] < 100, lambda c: (c[0] * 1.5 + 1, c[1] + 1), (x[0], 0)
    ),
    "scan": lambda x: lax.scan(lambda c, k: (c * 0.5 + k, c * k), 0.0, x),
    "repeated": lambda x: cr.scipy.special.gammainc(abs(x) + 0.1, x * x),
    "draws": lambda x: cr.random.normal(cr.random.key(0), x.shape) * x,
}


def quick_and_best(f, *args):
    """What a first call gives, whose code is quick, and what the best code does."""
    with two_threads():
        quick = cr.jit(f)(*args)
    return cr.tree.leaves(quick), cr.tree.leaves(
        cr.jit(f).lower(*args).compile()(*args)
    )


@pytest.mark.parametrize("size", [33, 231, 1056])
@pytest.mark.parametrize("name", PROGRAMS)
def test_quick_code_gives_the_bits_of_the_best(name, size):
    with cr.enable_x64(True):
        for a, b in zip(*quick_and_best(PROGRAMS[name], numbers(size)), strict=True):
            a, b = np.asarray(a), np.asarray(b)
            np.testing.assert_array_equal(a, b)
            if a.dtype.kind == "f":
                np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


def reasons(f, *args):
    """Why the kernels of a program are left to LLVM; None for those that are not."""
    codes = [s.structure.code for s in steps_of(f, *args) if isinstance(s, KernelStep)]
    assert codes
    return [_native.reason_for_llvm(c.name, c.text) for c in codes]


@pytest.mark.parametrize("name", sorted(set(PROGRAMS) - {"counted loop"}))
def test_what_programs_consist_of_has_quick_code(name, nothing_on_disk):
    with cr.enable_x64(True):
        found = reasons(PROGRAMS[name], numbers(231))
    if _native.has_quick_code():
        assert found == [None] * len(found)
    else:
        assert all("processor" in reason for reason in found)


def test_what_has_no_quick_code_is_compiled_by_llvm(nothing_on_disk):
    half = lambda x: x * x + 1
    x = numbers(100, dtype="float16")
    (reason,) = reasons(half, x)
    if _native.has_quick_code():
        assert reason == "the type 'half'"
    (found,), (best,) = quick_and_best(half, x)
    np.testing.assert_array_equal(np.asarray(found), np.asarray(best))


def test_loops_that_keep_a_mask_have_quick_code(nothing_on_disk):
    """Of Poisson numbers with large means: the last rounds are sought backwards."""
    x = abs(numbers(231)) * 50
    draw = lambda x: cr.random.poisson(cr.random.key(0), x, x.shape)
    steps = [s for s in steps_of(draw, x) if isinstance(s, KernelStep)]
    texts = [s.structure.code for s in steps]
    masked = [c for c in texts if "%on = phi <" in c.text]
    assert masked
    if _native.has_quick_code():
        assert all(_native.reason_for_llvm(c.name, c.text) is None for c in masked)
    (quick,), (best,) = quick_and_best(draw, x)
    np.testing.assert_array_equal(np.asarray(quick), np.asarray(best))


def test_threads_share_quick_code():
    f, x = cr.jit(lambda x: cnp.sin(x) * many(x)), numbers(40_000)
    with two_threads():
        once, again = np.asarray(f(x)), np.asarray(f(x))
    np.testing.assert_array_equal(once, again)


def texts():
    (step,) = steps_of(lambda x: cnp.sin(x).sum(), numbers(100))
    yield step.structure.code
    step, *_ = steps_of(cr.grad(layers), numbers(16, 16))
    yield step.structure.code


def test_damaged_texts_are_refused_not_believed(nothing_on_disk):
    """Nothing that is read makes the process fall; most of it is refused."""
    draw = random.Random(0)
    for code in texts():
        lines = code.text.split("\n")
        for _ in range(300):
            damaged = list(lines)
            at = draw.randrange(len(damaged))
            kind = draw.randrange(5)
            if kind == 0:
                del damaged[at]
            elif kind == 1:
                damaged[at] = damaged[at][: draw.randrange(len(damaged[at]) + 1)]
            elif kind == 2:
                damaged[at] = damaged[draw.randrange(len(damaged))]
            elif kind == 3:
                digit = lambda found: str(draw.randrange(10))
                damaged[at] = re.sub(r"\d", digit, damaged[at])
            else:
                words = damaged[at].split(" ")
                draw.shuffle(words)
                damaged[at] = " ".join(words)
            reason = _native.reason_for_llvm(code.name, "\n".join(damaged))
            assert reason is None or isinstance(reason, str)
        assert _native.reason_for_llvm(code.name, code.text[: len(code.text) // 2])
        assert _native.reason_for_llvm("another", code.text)
        assert _native.reason_for_llvm(code.name, "")
