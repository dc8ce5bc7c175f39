"""Compiled elementwise primitives on special values, in every dtype they accept.

All pairs (or triples) of zeros of both signs, subnormal and extreme numbers, infinities
and NaN, and for integers the ends of their range and every shift: results are those of
evaluation, bit by bit where both do the same operations.
"""

import contextlib
import functools
import importlib
import itertools

import ml_dtypes
import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.compiler.assemble import select_steps
from chainrule.compiler.pipeline import compile_program, simplify
from chainrule.compiler.program import HostStep, Program
from chainrule.core.avals import aval_of, wrap
from chainrule.core.primitive import registry

for _family in ("compound", "special", "trigonometric"):
    importlib.import_module(f"chainrule.ops.elementwise_{_family}")
importlib.import_module("chainrule.ops.random_bits")

DTYPES = [
    np.dtype(d)
    for d in (
        "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
        "uint64", ml_dtypes.bfloat16, "float16", "float32", "float64",
    )
]  # fmt: skip

EXACT = {
    "abs": 1, "add": 2, "and": 2, "ceil": 1, "clz": 1, "copysign": 2, "div": 2,
    "eq": 2, "floor": 1, "floor_divide": 2, "fma": 3, "ge": 2, "gt": 2, "is_finite": 1,
    "le": 2, "lt": 2, "mul": 2, "mulhi": 2, "ne": 2, "neg": 1, "not": 1,
    "or": 2, "population_count": 1, "rem": 2, "remainder": 2,
    "shift_left": 2, "shift_right_arithmetic": 2, "shift_right_logical": 2,
    "sqrt": 1, "square": 1, "sub": 2, "xor": 2,
}  # fmt: skip
"""Primitives that do the same operations compiled as evaluated, and their operands."""

EITHER_ZERO = {"clamp": 3, "max": 2, "min": 2, "nextafter": 2, "sign": 1}
"""The same, but for the sign of zeros, which differs among NumPy's dtypes or sizes."""

ROUNDED = {
    "acos": 1, "acosh": 1, "asin": 1, "asinh": 1, "atan": 1, "atan2": 2, "atanh": 1,
    "bessel_i0e": 1, "bessel_i1e": 1, "cbrt": 1, "cos": 1, "cosh": 1, "digamma": 1,
    "erf": 1, "erf_inv": 1, "erfc": 1, "erfcx": 1, "exp": 1, "exp2": 1, "expm1": 1,
    "hypot": 2, "lgamma": 1, "log": 1, "log1p": 1, "log_ndtr": 1, "logistic": 1, "ndtri": 1, "pow": 2, "rsqrt": 1, "sin": 1, "sinh": 1,
    "tan": 1, "tanh": 1,
}  # fmt: skip
"""Functions of their own implementation: a few units in the last place may differ."""

CANCELLING = {"logaddexp": 2, "logaddexp2": 2}
"""Functions of their own implementation, exact to a few units of the larger operand."""

ULPS = 8


def special_values(dtype):
    """Numbers at which the operations have special cases, and some ordinary ones."""
    if dtype == np.bool_:
        return np.array([False, True])
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        near = [*range(-10, 11), 15, 16, 17, 31, 32, 33, 63, 64, 65, 100]
        ends = [info.min, info.min + 1, info.max - 1, info.max, info.max // 3]
        return np.array([v for v in near + ends if info.min <= v <= info.max], dtype)
    info = ml_dtypes.finfo(dtype)
    sizes = [0, 0.25, 0.5, 1, 1.5, 2, 2.5, 3, 7.25, 20.5, 100]
    ends = [info.smallest_subnormal, info.tiny, info.max, info.eps, 1 + float(info.eps)]
    positive = np.array([*map(float, [*sizes, *ends]), np.inf, np.nan])
    return np.concatenate([positive, -positive]).astype(dtype)


def precision(dtype):
    return cr.enable_x64(True) if dtype.itemsize == 8 else contextlib.nullcontext()


def operands(dtype, count):
    """Every combination of special values, along one axis."""
    values = special_values(dtype)
    if count == 3:
        values = values[::2]
    grid = np.meshgrid(*[values] * count, indexing="ij")
    return [wrap(np.ascontiguousarray(g.reshape(-1)), False) for g in grid]


@functools.cache
def accepted(name, count):
    """The dtypes that a primitive takes."""
    found = []
    for dtype in DTYPES:
        with precision(dtype):
            xs = operands(dtype, count)
            with contextlib.suppress(TypeError):
                registry[name].out_aval(tuple(aval_of(x) for x in xs), {})
                found.append(dtype)
    return found


def both(prim, xs, **params):
    """The primitive's results compiled and evaluated; nothing runs on the host."""
    closed = cr.make_jaxpr(lambda *xs: prim(*xs, **params))(*xs)
    steps = select_steps(Program(simplify(closed)))
    assert not [s for s in steps if isinstance(s, HostStep)]
    (found,) = compile_program(closed)(*xs)
    expected = prim(*xs, **params)
    assert aval_of(found) == aval_of(expected)
    return np.asarray(found), np.asarray(expected)


def integers(x):
    """The bits of floats as integers in the order of the numbers; NaN is the same."""
    x = np.where(np.isnan(x), np.asarray(np.nan, x.dtype), x)
    bits = x.view(f"i{x.dtype.itemsize}").astype(np.int64)
    low = np.int64(np.iinfo(f"i{x.dtype.itemsize}").max)
    return np.where(bits < 0, -(bits & low), bits), np.signbit(x) & ~np.isnan(x)


def assert_same(found, expected, xs, ulps=0, zeros_differ=False):
    if found.dtype.kind in "biu":
        wrong = found != expected
    else:
        (a, a_sign), (b, b_sign) = integers(found), integers(expected)
        wrong = np.abs(a.astype(np.float64) - b.astype(np.float64)) > ulps
        if not zeros_differ:
            wrong |= (a_sign != b_sign) & (expected == 0) & (found == 0)
    if wrong.any():
        k = int(np.flatnonzero(wrong)[0])
        at = [np.asarray(x)[k] for x in xs]
        pytest.fail(
            f"{found.dtype}: {wrong.sum()} of {wrong.size} differ; at {at}:"
            f" compiled {found[k]}, evaluated {expected[k]}"
        )


def each(table):
    rows = [(name, d) for name, n in table.items() for d in accepted(name, n)]
    ids = [f"{name}-{d.name}" for name, d in rows]
    return pytest.mark.parametrize("name,dtype", rows, ids=ids)


@each(EXACT)
def test_the_same_operations_give_the_same_bits(name, dtype):
    with precision(dtype):
        xs = operands(dtype, EXACT[name])
        assert_same(*both(registry[name], xs), xs)


@each(EITHER_ZERO)
def test_selections_by_comparison(name, dtype):
    with precision(dtype):
        xs = operands(dtype, EITHER_ZERO[name])
        assert_same(*both(registry[name], xs), xs, zeros_differ=True)


@each(ROUNDED)
def test_functions_agree_to_a_few_units(name, dtype):
    with precision(dtype):
        xs = operands(dtype, ROUNDED[name])
        assert_same(*both(registry[name], xs), xs, ulps=ULPS)


@each(CANCELLING)
def test_logarithms_of_sums(name, dtype):
    with precision(dtype), np.errstate(all="ignore"):
        xs = operands(dtype, CANCELLING[name])
        found, expected = both(registry[name], xs)
        wide = [np.abs(np.asarray(x).astype(np.float64)) for x in (*xs, expected)]
        largest = np.maximum.reduce([np.where(np.isfinite(x), x, 0) for x in wide])
        apart = np.abs(found.astype(np.float64) - expected.astype(np.float64))
        alike = (found == expected) | (np.isnan(found) & np.isnan(expected))
        bound = ULPS * float(ml_dtypes.finfo(dtype).eps) * largest
        assert (alike | (apart <= bound)).all()


@pytest.mark.parametrize("new", DTYPES, ids=str)
@pytest.mark.parametrize("old", DTYPES, ids=str)
def test_conversions(old, new):
    with cr.enable_x64(True):
        xs = operands(old, 1)
        convert = registry["convert_element_type"]
        assert_same(*both(convert, xs, new_dtype=new, weak_type=False), xs)


def random_bits(dtype, count, seed=0):
    """Floats of random bits: all exponents, subnormal numbers, NaN."""
    raw = np.random.default_rng(seed).integers(0, 256, count * dtype.itemsize, np.uint8)
    return wrap(raw.view(dtype), False)


@pytest.mark.parametrize(
    "old,new", list(itertools.permutations(DTYPES[-4:], 2)), ids=str
)
def test_conversions_of_floats_round_once(old, new):
    with cr.enable_x64(True), np.errstate(all="ignore"):
        half = np.asarray(random_bits(new, 4000)).astype(np.float64)
        ties = half * (
            1 + np.random.default_rng(1).choice([0, 2**-40, -(2**-40)], 4000)
        )
        for x in (random_bits(old, 4000), wrap(ties.astype(old), False)):
            convert = registry["convert_element_type"]
            assert_same(*both(convert, [x], new_dtype=new, weak_type=False), [x])


@pytest.mark.parametrize("dtype", DTYPES[-4:], ids=lambda d: d.name)
@pytest.mark.parametrize("bits", [(8, 23), (5, 10), (8, 7), (4, 3), (2, 0), (11, 52)])
def test_reduced_precision(dtype, bits):
    with precision(dtype):
        params = {"exponent_bits": bits[0], "mantissa_bits": bits[1]}
        x = random_bits(dtype, 4000)
        assert_same(*both(registry["reduce_precision"], [x], **params), [x])
        xs = operands(dtype, 1)
        assert_same(*both(registry["reduce_precision"], xs, **params), xs)


@pytest.mark.parametrize("dtype", DTYPES[-4:], ids=lambda d: d.name)
@pytest.mark.parametrize("method", [0, 1])
def test_rounding(dtype, method):
    with precision(dtype):
        xs = operands(dtype, 1)
        assert_same(*both(registry["round"], xs, rounding_method=method), xs)


def integer_powers():
    exponents = [0, 1, 2, 3, 7, -1, -2, -5]
    rows = itertools.product(DTYPES[1:], exponents)
    return [(d, n) for d, n in rows if n >= 0 or d.kind not in "iu"]


@pytest.mark.parametrize("dtype,n", integer_powers(), ids=str)
def test_powers_by_multiplication(dtype, n):
    with precision(dtype):
        xs = operands(dtype, 1)
        assert_same(*both(registry["integer_pow"], xs, y=n), xs)


@pytest.mark.parametrize("dtype", DTYPES[1:], ids=lambda d: d.name)
def test_selection_by_number(dtype):
    with precision(dtype):
        (x,) = operands(dtype, 1)
        which = np.arange(x.size, dtype=np.int32) % 6 - 2
        cases = [x, -x, x, -x]
        xs = [wrap(which, False), *cases[:3]]
        assert_same(*both(registry["select_n"], xs), xs)


@pytest.mark.parametrize("new", DTYPES[1:], ids=str)
@pytest.mark.parametrize("old", DTYPES[1:], ids=str)
def test_bits_as_another_type(old, new):
    with cr.enable_x64(True):
        bits = np.random.default_rng(0).integers(0, 256, 16 * 24, np.uint8).view(old)
        ratio = max(new.itemsize // old.itemsize, 1)
        x = wrap(bits.reshape(-1, ratio) if ratio > 1 else bits, False)
        found, expected = both(registry["bitcast_convert_type"], [x], new_dtype=new)
        np.testing.assert_array_equal(found.view(np.uint8), expected.view(np.uint8))


def blend(x, y, i):
    """Several dtypes and fusable operations in one expression."""
    larger = x > y
    mixed = cnp.where(larger, x * 2 - y, cnp.abs(y)) + i.astype("float32")
    return mixed, larger, (i << 3) ^ larger.astype("int16"), mixed.astype("bfloat16")


def assert_blend(xs):
    found = compile_program(cr.make_jaxpr(blend)(*xs))(*xs)
    for a, b in zip(found, blend(*xs), strict=True):
        assert aval_of(a) == aval_of(b)
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def numbers(shape, kind, seed):
    values = np.random.default_rng(seed).integers(-50, 50, shape)
    return cnp.asarray(values.astype(kind))


@pytest.mark.parametrize("n", [*range(18), *range(31, 35), *range(62, 67), 130, 4099])
def test_every_length(n):
    x, y = numbers(n, "float32", 1), numbers(n, "float32", 2)
    assert_blend([x, y, numbers(n, "int16", 3)])


@pytest.mark.parametrize(
    "shapes",
    [
        [(), (3,), (1,)], [(5, 1), (1, 7), (7,)], [(1,), (3, 4), ()],
        [(2, 1, 3), (4, 1), (2, 4, 3)], [(64, 1), (64, 33), (33,)],
        [(0, 4), (1,), (4,)], [(3, 1, 1), (1, 70), (2, 1)],
    ],
    ids=str,
)  # fmt: skip
def test_broadcasting(shapes):
    kinds = ("float32", "float32", "int16")
    operands = zip(shapes, kinds, range(3), strict=True)
    assert_blend([numbers(s, kind, k) for s, kind, k in operands])


def test_chains_of_halves_round_after_every_operation():
    for dtype in ("float16", "bfloat16"):
        x = random_bits(np.dtype(getattr(ml_dtypes, dtype, dtype)), 4000)
        x = cnp.where(cnp.isfinite(x), x, 1)
        xs = [x, x[::-1]]

        def chain(x, y):
            return (x + y) * x - y

        (found,) = compile_program(cr.make_jaxpr(chain)(*xs))(*xs)
        assert_same(np.asarray(found), np.asarray(chain(*xs)), xs)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint32", "int64"])
def test_division_by_a_power_of_two_is_of_bits(dtype):
    with cr.enable_x64(True):
        ends = np.iinfo(dtype)
        some = np.arange(-9 if ends.min else 0, 40)
        x = np.append(some, [ends.min, ends.min + 1, ends.max]).astype(dtype)
        for n in (1, 2, 8, 64, 3, 7):
            d = np.array(n, dtype)
            both = lambda x, d=d: (x // d, x % d)
            for made, want in zip(cr.jit(both)(x), (x // d, x % d)):
                assert made.dtype == want.dtype
                assert np.array_equal(made, want)
            text = cr.jit(both).lower(x).compile().as_text()
            assert (" / " in text) is (n in (3, 7))
