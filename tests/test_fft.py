"""chainrule.numpy.fft against NumPy: values, dtypes, derivatives, messages."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax

rng = np.random.default_rng(6)
NORMS = [None, "backward", "ortho", "forward"]
PRECISIONS = ["float32", "float64"]


def signal(*shape, precision="float64", real=False):
    x = rng.standard_normal(shape)
    if real:
        return x.astype(precision)
    x = x + 1j * rng.standard_normal(shape)
    return x.astype("complex64" if precision == "float32" else "complex128")


@pytest.fixture(autouse=True)
def wide():
    with cr.enable_x64(True):
        yield


def assert_like(found, expected):
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    single = expected.dtype in ("float32", "complex64")
    np.testing.assert_allclose(
        np.asarray(found), expected, rtol=0, atol=3e-5 if single else 1e-12
    )


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_one_dimension(name, norm, precision):
    x = signal(4, 6, precision=precision, real=name in ("rfft", "ihfft"))
    for n, axis in ((None, -1), (None, 0), (3, 1), (9, 0), (1, 1)):
        if name in ("irfft", "hfft") and n == 1:
            continue
        found = getattr(cnp.fft, name)(cnp.asarray(x), n, axis, norm)
        assert_like(found, getattr(np.fft, name)(x, n, axis, norm))


@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_several_dimensions(name, norm, precision):
    x = signal(2, 3, 4, 5, precision=precision, real=name == "rfftn")
    for s, axes in (
        (None, None), (None, (0, 2)), (None, (3, 1)), ((4, 3), (1, 2)),
        ((2, 2, 6), (0, 1, 3)),
    ):  # fmt: skip
        found = getattr(cnp.fft, name)(cnp.asarray(x), s, axes, norm)
        assert_like(found, getattr(np.fft, name)(x, s, axes, norm))


@pytest.mark.parametrize("name", ["fft2", "ifft2", "rfft2", "irfft2"])
def test_two_dimensions(name):
    x = signal(3, 4, 5, real=name == "rfft2")
    assert_like(getattr(cnp.fft, name)(x), getattr(np.fft, name)(x))
    found = getattr(cnp.fft, name)(x, (2, 6), (2, 0))
    assert_like(found, getattr(np.fft, name)(x, (2, 6), (2, 0)))


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_frequencies(n):
    for d in (1.0, 0.25):
        assert_like(cnp.fft.fftfreq(n, d), np.fft.fftfreq(n, d))
        assert_like(cnp.fft.rfftfreq(n, d), np.fft.rfftfreq(n, d))
    assert cnp.fft.fftfreq(n, dtype="float32").dtype == np.float32


@pytest.mark.parametrize("axes", [None, 0, (1,), (0, 2)])
def test_shifts(axes):
    x = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    assert_like(cnp.fft.fftshift(x, axes), np.fft.fftshift(x, axes))
    assert_like(cnp.fft.ifftshift(x, axes), np.fft.ifftshift(x, axes))


def test_integers_and_half_precision_are_computed_as_floats():
    with cr.enable_x64(False):
        assert cnp.fft.fft(cnp.arange(4)).dtype == np.complex64
        assert cnp.fft.rfft(cnp.ones(4, "float16")).dtype == np.complex64


def test_gradient_of_the_power_spectrum():
    """Parseval: the sum of |fft(x)|^2 is n times the sum of |x|^2."""
    x = signal(8, real=True)
    power = cr.grad(lambda x: cnp.sum(cnp.abs(cnp.fft.fft(x)) ** 2))
    np.testing.assert_allclose(power(x), 2 * 8 * x, rtol=1e-10)
    half = cr.grad(lambda x: cnp.sum(cnp.fft.irfft(cnp.fft.rfft(x)) ** 2))
    np.testing.assert_allclose(half(x), 2 * x, rtol=1e-10)


def test_transforms_are_linear_under_jit_and_vmap():
    x = signal(3, 4, real=True)
    found = cr.jit(cr.vmap(cnp.fft.rfft))(x)
    np.testing.assert_allclose(found, np.fft.rfft(x), atol=1e-12)
    tangent = cr.jvp(cnp.fft.rfft, (x,), (x[::-1],))[1]
    np.testing.assert_allclose(tangent, np.fft.rfft(x[::-1]), atol=1e-12)


def test_lax_takes_names_and_converts_real_operands():
    x = signal(2, 6, real=True)
    assert_like(lax.fft(cnp.asarray(x), "FFT", (6,)), np.fft.fft(x))
    assert_like(lax.fft(cnp.asarray(x), lax.FftType.RFFT, (2, 6)), np.fft.rfft2(x))


MESSAGES = [
    (lambda: cnp.fft.fft(np.ones(4), axis=2), ValueError,
     "fft: axis 2 is out of bounds for array of dimension 1; use -1 <= axis < 1."),
    (lambda: cnp.fft.fft(np.ones(4), n=0), ValueError,
     "fft: Shape should be positive; got (0,)."),
    (lambda: cnp.fft.fft(np.ones(4), norm="unit"), ValueError,
     'fft: Invalid norm value unit; should be "backward","ortho" or "forward".'),
    (lambda: cnp.fft.rfft(np.ones(4) * 1j), ValueError,
     "rfft: only real valued inputs supported for rfft; got dtype complex128."),
    (lambda: cnp.fft.fftn(np.ones((2, 2)), axes=(0, 0)), ValueError,
     "fftn: does not support repeated axes. Got axes (0, 0)."),
    (lambda: cnp.fft.fft2(np.ones((2, 2)), axes=(0,)), ValueError,
     "fft2: only supports 2 axes. Got axes = (0,)."),
    (lambda: lax.fft(cnp.ones((2, 4)), "FFT", (3,)), ValueError,
     "fft: the last dimensions must be (3,) for FFT; got fft_lengths (3,) for an"
     " operand of shape (2, 4)."),
    (lambda: lax.fft(cnp.ones(4), "DCT", (4,)), ValueError,
     "fft: Unknown FFT type 'DCT'; use one of FFT, IFFT, RFFT, IRFFT."),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(MESSAGES)))
def test_message(number):
    call, error, text = MESSAGES[number]
    with pytest.raises(error) as found:
        call()
    assert str(found.value) == text
