"""Compiled programs with complex numbers: native, by real and imaginary parts."""

import mpmath
import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.compiler.complex_programs import in_parts
from chainrule.compiler.passes.complex_numbers import take_complex_apart

from .native import run

rng = np.random.default_rng(3)


def numbers(*shape, dtype="complex64"):
    x = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return cnp.asarray(x.astype(dtype))


def steps_of(f, *args):
    return cr.explain(f)(*args).steps


def check(f, *args, rtol=1e-5, atol=1e-6):
    """Compiled as eagerly, types too, and nothing on the host."""
    want = cr.tree.leaves(f(*args))
    got = cr.tree.leaves(cr.jit(f)(*args))
    for a, b in zip(got, want, strict=True):
        assert (a.dtype, a.shape, a.weak_type) == (b.dtype, b.shape, b.weak_type)
        np.testing.assert_allclose(a, b, rtol, atol)
    steps = steps_of(f, *args)
    assert all(s.kind != "host" for s in steps), [s.what for s in steps]
    return steps


# --- functions, against mpmath ------------------------------------------------------------

FUNCTIONS = {
    "exp": (cnp.exp, mpmath.exp),
    "exp2": (cnp.exp2, lambda z: mpmath.mpf(2) ** z),
    "expm1": (cnp.expm1, mpmath.expm1),
    "log": (cnp.log, mpmath.log),
    "log1p": (cnp.log1p, mpmath.log1p),
    "sqrt": (cnp.sqrt, mpmath.sqrt),
    "rsqrt": (lax.rsqrt, lambda z: 1 / mpmath.sqrt(z)),
    "sin": (cnp.sin, mpmath.sin),
    "cos": (cnp.cos, mpmath.cos),
    "tan": (cnp.tan, mpmath.tan),
    "sinh": (cnp.sinh, mpmath.sinh),
    "cosh": (cnp.cosh, mpmath.cosh),
    "tanh": (cnp.tanh, mpmath.tanh),
    "asin": (cnp.arcsin, mpmath.asin),
    "acos": (cnp.arccos, mpmath.acos),
    "atan": (cnp.arctan, mpmath.atan),
    "asinh": (cnp.arcsinh, mpmath.asinh),
    "acosh": (cnp.arccosh, mpmath.acosh),
    "atanh": (cnp.arctanh, lambda z: atanh_above(z)),
    "logistic": (cr.nn.sigmoid, lambda z: 1 / (1 + mpmath.exp(-z))),
    "abs": (cnp.abs, abs),
    "reciprocal": (lambda z: 1 / z, lambda z: 1 / z),
    "cube": (lambda z: z**3, lambda z: z**3),
    "inverse square": (lambda z: z**-2, lambda z: z**-2),
}
"""The compiled function and the exact one; 4 eps of the modulus apart."""


def atanh_above(z):
    """atanh, from above where a cut goes through z: there the parts' zeros are +0."""
    w = mpmath.atanh(z)
    return mpmath.conj(w) if z.imag == 0 and z.real > 1 else w


def places(dtype):
    """Numbers near zero, near the unit circle, on the axes, and a few far away."""
    mild = 10.0 ** rng.uniform(-2, 1, 30) * np.exp(2j * np.pi * rng.uniform(size=30))
    unit = np.exp(2j * np.pi * rng.uniform(size=15)) * (1 + 1e-3 * rng.normal(size=15))
    small = 10.0 ** rng.uniform(-18, -6, 15) * np.exp(2j * rng.uniform(size=15))
    axes = np.concatenate([mild[:4].real + 0j, 1j * mild[:4].imag])
    return np.concatenate([mild, unit, small, axes]).astype(dtype)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name, dtype):
    compiled, exact = FUNCTIONS[name]
    with cr.enable_x64(True):
        z = places(dtype)
        found = np.asarray(cr.jit(compiled)(z))
    info = np.finfo(dtype)
    eps, least = float(info.eps), 2 * float(info.smallest_subnormal)
    with mpmath.workdps(60):
        for a, b in zip(z.tolist(), found.tolist(), strict=True):
            c = exact(mpmath.mpc(a.real, a.imag))
            assert abs(mpmath.mpmathify(b) - c) <= 4 * eps * abs(c) + least, (a, b, c)


INVERSES = ("sin", "cos", "tan", "sinh", "cosh", "tanh")


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", INVERSES)
def test_inverses_on_their_branch_cuts_and_at_infinity(name, dtype):
    """NumPy's values and signs, those of zeros too."""
    info = np.finfo(dtype)
    sizes = [0, 0.25, 1, 2, 1e9, info.max, info.tiny, np.inf]
    parts = [sign * float(x) for x in sizes for sign in (1, -1)]
    z = np.array([complex(a, b) for a in parts for b in parts], dtype)
    with cr.enable_x64(True), np.errstate(all="ignore"):
        found = np.asarray(cr.jit(getattr(cnp, f"arc{name}"))(z))
        wanted = getattr(np, f"arc{name}")(z)
    finite = np.isfinite(wanted)
    far = 4 * info.eps * np.abs(wanted) + 2 * info.smallest_subnormal
    assert (np.abs(found[finite] - wanted[finite]) <= far[finite]).all()
    for a, b in ((found.real, wanted.real), (found.imag, wanted.imag)):
        np.testing.assert_allclose(a[~finite], b[~finite], rtol=4 * info.eps)
        np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


@pytest.mark.parametrize("name", INVERSES)
def test_inverses_of_what_is_no_number(name):
    nan = np.nan
    z = cnp.asarray([complex(nan, 1), complex(1, nan), complex(nan, nan)])
    assert np.isnan(np.asarray(cr.jit(getattr(cnp, f"arc{name}"))(z))).all()


@pytest.mark.parametrize("name", INVERSES)
def test_inverses_near_their_branch_points(name):
    """Where they turn to infinity, or like a root."""
    with cr.enable_x64(True):
        near = 10.0 ** rng.uniform(-9, -1, 40) * np.exp(
            2j * np.pi * rng.uniform(size=40)
        )
        z = (1 + near) * rng.choice([1, -1, 1j, -1j], 40)
        found = np.asarray(cr.jit(getattr(cnp, f"arc{name}"))(z))
    exact = FUNCTIONS[f"a{name}"][1]
    with mpmath.workdps(60):
        for a, b in zip(z.tolist(), found.tolist(), strict=True):
            c = exact(mpmath.mpc(a.real, a.imag))
            assert abs(mpmath.mpmathify(b) - c) <= 4 * np.finfo(float).eps * abs(c)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_nothing_overflows_or_vanishes_on_the_way(dtype):
    """Sizes from the least normal number to the largest, both parts independent."""
    info = np.finfo(dtype)
    ends = np.log10(float(info.tiny)) * 0.98, np.log10(float(info.max)) * 0.98
    a, b = 10.0 ** rng.uniform(*ends, (2, 300)) * rng.choice([-1, 1], (2, 300))
    with cr.enable_x64(True):
        z = cnp.asarray((a + 1j * b).astype(dtype))
        inverses = [getattr(cnp, f"arc{name}") for name in INVERSES]
        for f in (cnp.abs, cnp.sqrt, cnp.log, cnp.sign, cnp.tanh, *inverses):
            found, want = np.asarray(cr.jit(f)(z)), np.asarray(f(z))
            assert np.isfinite(found).all()
            assert (np.abs(found - want) <= 4 * info.eps * np.abs(want)).all(), f
        ratio = np.asarray(cr.jit(cnp.divide)(z, z))
        np.testing.assert_allclose(ratio, np.ones(300), 4 * info.eps)


def test_what_is_infinite_or_zero():
    inf, nan = np.inf, np.nan
    z = cnp.asarray([inf + 1j, 1 - inf * 1j, complex(nan, inf), 0, complex(-inf, inf)])
    assert cr.jit(cnp.abs)(z).tolist() == [inf, inf, inf, 0, inf]
    assert cr.jit(cnp.exp)(cnp.asarray([-inf + 1j, 0j, complex(inf)])).tolist()[:2] == [
        0, 1
    ]  # fmt: skip
    assert cr.jit(cnp.sqrt)(cnp.asarray([0j, complex(4), -4 + 0j])).tolist() == [
        0,
        2,
        2j,
    ]
    zero = np.asarray(cr.jit(cnp.divide)(cnp.asarray([1 + 1j]), cnp.asarray([0j])))
    assert np.isinf(zero.real).all() and np.isinf(zero.imag).all()
    powers = cr.jit(lambda z: (z**0j, z ** (1 + 1j)))(cnp.zeros(2, "complex64"))
    assert [p.tolist() for p in powers] == [[1, 1], [0, 0]]


# --- programs -----------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2, 7, 16, 33, 1000, 5001])
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_arithmetic_at_every_length(n, dtype):
    with cr.enable_x64(True):
        z, w = numbers(n, dtype=dtype), numbers(n, dtype=dtype)
        f = lambda z, w: (z * w + 1j * z - w.conj() / (z + 3), z.real, w.imag * 2)
        check(f, z, w)


def test_values_move_as_they_do_eagerly():
    z, w = numbers(6, 5), numbers(5)
    check(lambda z: (z.T, z[::-1, 1:4], z.reshape(3, 10), cnp.roll(z, 2, 0)), z)
    check(lambda z, w: (cnp.concatenate([z, w[None]]), cnp.pad(z, 1), z + w), z, w)
    check(lambda z: (z[cnp.array([0, -1, 3])], cnp.where(z.real > 0, z, 1j)), z)
    check(lambda z: z.at[1, 2].set(3j).at[cnp.array([0, 0])].add(1 - 1j), z)
    check(lambda z: z.sum(0) + cnp.mean(z) + cnp.cumsum(z, 1)[:, 0].sum(), z)
    check(lambda z: (cnp.cumsum(z, 1), cnp.cumsum(2 * z, 0) + 1), z)
    check(lambda z: lax.fori_loop(0, 3, lambda _, z: cnp.cumsum(z, 1) / 2, z), z)
    check(lambda z: lax.dynamic_slice(z, (1, cnp.argmax(z[0].real)), (2, 2)), z)
    check(lambda z: z.at[9, 9].get(mode="fill", fill_value=2 + 1j), z)
    check(lambda x: (x + 1j, x.astype(complex), cnp.arange(5) * 1j + x), w.real)
    check(lambda z: (z == z[0], z != 0, z.astype(bool), z.astype(int)), z)


def test_arguments_in_any_memory():
    """Strided, reversed and read-only arrays, numbers, and constants of the program."""
    base = np.asarray(numbers(8, 6))
    fixed = base[0].copy()
    fixed.flags.writeable = False
    f = cr.jit(lambda z, w, s: z * w * s + fixed)
    for z in (
        base[:, ::2].T[:, :6],
        base[::-1][:3, :],
        np.broadcast_to(base[0], (3, 6)),
    ):
        want = z * base[1] * (1 + 2j) + fixed
        np.testing.assert_allclose(f(z, base[1], 1 + 2j), want, 1e-5, 1e-6)


def test_a_result_in_the_memory_of_a_donated_argument():
    f = cr.jit(lambda z: z[::-1] * 1j + z, donate_argnums=0)
    z = np.asarray(numbers(1000))
    np.testing.assert_allclose(f(cnp.array(z)), z[::-1] * 1j + z, 1e-6, 1e-6)


def test_parts_of_what_lies_far_from_the_beginning():
    """One part alone, with and without the other, in kernels that are shared."""
    z = numbers(2000)
    for start in (100, 300, 301, 1200):
        check(lambda z, k=start: z[k:].imag + 1, z)
        check(lambda z, k=start: (z[k:].imag - 2, z[k:].real * 3), z)
        check(lambda z, k=start: (z[k:].imag * z[k - 1 : -1].real).sum(), z, rtol=1e-4)


def test_products_small_and_large():
    for m, k, n in ((3, 4, 5), (16, 16, 16), (40, 50, 30)):
        x, y = numbers(m, k), numbers(k, n)
        f = lambda x, y: x @ y + (x.conj() @ y.conj()).conj()
        np.testing.assert_allclose(cr.jit(f)(x, y), f(x, y), 1e-4, 1e-4)
    x, y = numbers(3, 40, 50), numbers(3, 30, 50)
    f = lambda x, y: cnp.einsum("bij,bkj->bik", x, y)
    assert check(f, x, y, rtol=1e-4, atol=1e-4)[-1].what.startswith("gemm_c64")
    with cr.enable_x64(True):
        x = numbers(70, 70, dtype="complex128")
        check(lambda x: (x.T @ x) * 2, x, rtol=1e-12)
    check(
        lambda x, y: cnp.einsum("bij,bjk->bik", x, y),
        numbers(9, 3, 3),
        numbers(9, 3, 2),
    )
    check(lambda x, y: cnp.convolve(x, y), numbers(30), numbers(4))


def test_what_has_no_parts_takes_and_makes_whole_values():
    z = numbers(64)
    f = lambda z: cnp.sort(cnp.sort(z * 2) * z.conj()).real
    np.testing.assert_allclose(cr.jit(f)(z), f(z), 1e-5, 1e-6)
    steps = [s.what for s in steps_of(f, z)]
    assert steps == ["complex", "sort_c64", "complex", "sort_c64", "real"]


TRANSFORMS = [
    ("fft", (16,), {}), ("ifft", (3, 15), {}), ("fft", (8, 6), {"axis": 0}),
    ("fft2", (4, 6, 5), {}), ("ifftn", (4, 6, 5), {}), ("rfft", (3, 16), {}),
    ("rfft", (15,), {}), ("irfft", (3, 9), {"n": 15}), ("irfft", (9,), {}),
    ("rfft2", (5, 6, 7), {}), ("irfftn", (4, 6, 5), {"s": (4, 6, 9), "axes": (0, 1, 2)}), ("fft", (1,), {}),
    ("rfftn", (2, 3, 4, 5), {}), ("fft", (2000,), {}), ("fft2", (300, 200), {}),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize(("name", "shape", "options"), TRANSFORMS)
def test_transforms(name, shape, options, dtype):
    """Called from the plan, from loops and by several threads."""
    with cr.enable_x64(True):
        x = numbers(*shape, dtype=dtype)
        x = x.real if name.startswith("r") else x
        f = lambda x: getattr(cnp.fft, name)(x, **options)
        want = np.asarray(getattr(np.fft, name)(np.asarray(x), **options))
        found = cr.jit(f)(x)
        assert found.dtype == want.dtype
        far = (2e-15 if dtype == "complex128" else 1e-6) * np.abs(want).max()
        np.testing.assert_allclose(found, want, rtol=0, atol=far)
        assert "host" not in {s.kind for s in steps_of(f, x)}
        twice = lambda x: lax.fori_loop(0, 2, lambda _, y: f(x), cnp.zeros_like(found))
        np.testing.assert_array_equal(cr.jit(twice)(x), found)
        check(cr.grad(lambda x: cnp.abs(f(x)).sum()), x, rtol=1e-3, atol=1e-5)


def test_transforms_of_nothing():
    for shape, axis in (((0, 4), 1), ((3, 0, 4), 2)):
        f = lambda x, axis=axis: cnp.fft.fft(x, axis=axis)
        assert cr.jit(f)(cnp.zeros(shape, "complex64")).shape == shape


def turn(z, angle):
    return z * cnp.exp(1j * angle)


@pytest.mark.parametrize("size", [3, 500])
def test_loops_carry_parts(size):
    z = numbers(size)

    def run(z):
        def step(c, x):
            c = turn(c, 0.1) + 0.01 * x.conj() * c
            return c, cnp.abs(c).sum()

        return lax.scan(step, z, numbers_of_steps(z, 20))

    def numbers_of_steps(z, n):
        return cnp.stack([z * (0.05 * k) for k in range(n)])

    kinds = [s.kind for s in check(run, z, rtol=1e-4)]
    assert "host" not in kinds
    grown = lambda z: lax.while_loop(
        lambda s: cnp.abs(s[0]).max() < 100,
        lambda s: (s[0] * (1.1 + 0.3j), s[1] + 1),
        (z, 0),
    )
    check(grown, z, rtol=1e-4)
    check(lambda z: lax.cond(z[0].real > 9, lambda z: z, lambda z: z.conj() * 2j, z), z)
    check(lambda z: lax.switch(1, [cnp.exp, cnp.sin, cnp.conj], z), z)
    real = lambda x: lax.fori_loop(0, 9, lambda _, x: cnp.abs(turn(x + 0j, 0.3) + 1), x)
    check(real, z.real, rtol=1e-4)


@pytest.mark.parametrize("n", [2, 8, 500])
def test_loops_of_what_has_no_parts(n):
    z, factor = numbers(n), cnp.exp(-0.1j * cnp.arange(n))
    step = lambda _, z: cnp.fft.ifft(cnp.fft.fft(z) * factor) * factor.conj()
    f = lambda z: lax.fori_loop(0, 9, step, z)
    np.testing.assert_allclose(cr.jit(f)(z), f(z), 1e-4, 1e-5)
    loss = lambda z: cnp.abs(f(z)).sum()
    np.testing.assert_allclose(cr.jit(cr.grad(loss))(z), cr.grad(loss)(z), 1e-4, 1e-5)
    g = lambda z: lax.cond(z[0].real > 9, lambda z: z, lambda z: cnp.sort(z) + 1j, z)
    np.testing.assert_allclose(cr.jit(g)(z), g(z), 1e-6)


def test_gradients_and_batches():
    z, w = numbers(5, dtype="complex64"), numbers(5)
    energy = lambda z, w: (cnp.abs(cnp.sin(z) * w + z / (w + 3)) ** 2).sum()
    check(cr.grad(energy), z, w, rtol=1e-4)
    check(cr.vmap(cr.grad(energy)), numbers(4, 5), numbers(4, 5), rtol=1e-4)
    check(cr.grad(lambda z: cnp.exp(z**3 / 4)[()], holomorphic=True), z[0], rtol=1e-4)
    steps = lambda z: lax.scan(
        lambda c, _: (cnp.tanh(c) * (1 + 0.1j), None), z, length=7
    )
    loss = lambda z: cnp.abs(steps(z)[0]).sum()
    check(cr.grad(loss), z, rtol=1e-4)
    eager = cr.grad(loss)(z)
    np.testing.assert_allclose(cr.grad(cr.jit(loss))(z), eager, 1e-4, 1e-5)
    push = lambda z, v: cr.jvp(loss, (z,), (v,))[1]
    check(push, z, w, rtol=1e-4)


def test_new_sizes_are_filled_in():
    f = cr.jit(lambda z: (z * z.conj() + 1j * z[::-1]).sum() + cnp.abs(z).max())
    for n in (5, 8, 21, 34, 500, 1200):
        z = np.asarray(numbers(n))
        want = (z * z.conj() + 1j * z[::-1]).sum() + np.abs(z).max()
        np.testing.assert_allclose(f(z), want, 1e-4)


def test_programs_without_complex_numbers_are_left_alone():
    closed = cr.make_jaxpr(lambda x: lax.fori_loop(0, 3, lambda _, x: cnp.sin(x), x))(
        1.0
    )
    assert take_complex_apart(closed) is closed


def test_the_program_in_parts():
    closed = cr.make_jaxpr(lambda z, x: z * 1j + x)(numbers(3), cnp.ones(3))
    assert str(in_parts(closed)).splitlines() == [
        "{ lambda ; a:c64[3] b:f32[3]. let",
        "    c:f32[3] = real a",
        "    d:f32[3] = imag a",
        "    e:f32[3] = mul c 0.0:f32[]",
        "    f:f32[3] = mul d 1.0:f32[]",
        "    g:f32[3] = sub e f",
        "    h:f32[3] = mul c 1.0:f32[]",
        "    i:f32[3] = mul d 0.0:f32[]",
        "    j:f32[3] = add h i",
        "    k:f32[3] = broadcast_in_dim[broadcast_dimensions=() shape=(3,)] 0.0:f32[]",
        "    l:f32[3] = add g b",
        "    m:f32[3] = add j k",
        "    n:c64[3] = complex l m",
        "  in (n,) }",
    ]


@pytest.mark.parametrize("shape", [(1,), (33,), (5, 33)])
def test_rows_that_are_read_again_as_parts_of_complex_results(shape):
    def f(x):
        rows = abs(cr.nn.softmax(x))
        return cr.lax.complex(cnp.float32(x), cnp.float32(rows)), abs(rows)

    x = cnp.asarray(np.random.default_rng(0).standard_normal(shape), "float16")
    for found, wanted in zip(run(f, x), f(x), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-3)
