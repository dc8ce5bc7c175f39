"""What all functions of dense linear algebra share: layouts, threads, mistakes.

The equations that they solve are tested in test_lapack_solvers, _orthogonal and
_spectral.
"""

import doctest
import subprocess
import sys
import threading

import numpy as np
import pytest
from lapack_residuals import assert_equal, every_dtype, positive_definite, random

from chainrule.runtime import _native, lapack


@every_dtype
@pytest.mark.parametrize("n", [1, 3, 40, 150])
@pytest.mark.parametrize(
    "function",
    ["cholesky", "lu", "qr", "geqrf", "geqp3", "hessenberg", "tridiagonal"],
)
def test_nan_neither_hangs_nor_crashes_a_factorisation(function, dtype, n):
    results = getattr(lapack, function)(np.full((2, n, n), np.nan, dtype))
    results = results if isinstance(results, tuple) else (results,)
    for i in range(2):
        assert any(np.isnan(result[i]).any() for result in results)


@every_dtype
@pytest.mark.parametrize("function", ["lu", "qr", "svd", "eig", "eigh", "cholesky"])
def test_arguments_of_any_layout_are_read_and_left_alone(function, dtype):
    a = positive_definite((2, 5, 5), dtype)
    wanted = getattr(lapack, function)(a)
    kept = a.copy()
    fortran = np.asfortranarray(a)
    strided = np.repeat(np.repeat(a, 2, axis=-1), 3, axis=0)[::3, :, ::2]
    swapped = a.astype(a.dtype.newbyteorder())
    unaligned = np.frombuffer(b"x" + a.tobytes(), a.dtype, offset=1).reshape(a.shape)
    for given in (a, fortran, strided, swapped, unaligned):
        got = getattr(lapack, function)(given)
        for x, y in zip(got, wanted, strict=True):
            np.testing.assert_array_equal(x, y)
            assert y.flags.c_contiguous and y.flags.writeable
    np.testing.assert_array_equal(a, kept)


def test_calls_from_several_threads_agree():
    a = random((20, 30, 30), np.float64)
    wanted = lapack.svd(a, compute_uv=False)[0]
    results = [None] * 4

    def work(i):
        results[i] = lapack.svd(a, compute_uv=False)[0]

    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for result in results:
        np.testing.assert_allclose(result, wanted, rtol=1e-12)


@pytest.fixture(params=[1, 2])
def thread_count(request):
    before = lapack.threads()
    lapack.set_threads(request.param)
    yield request.param
    lapack.set_threads(before)


def test_problems_large_enough_for_threads(thread_count):
    assert lapack.threads() == thread_count
    tall = random((20000, 60), np.float64)
    q, r = lapack.qr(tall, full_matrices=False)
    assert_equal(q @ r, tall)
    a = random((1040, 1040), np.float64) + 1040 * np.eye(1040)
    x = lapack.solve(a, tall[:1040])
    assert_equal(a @ x, tall[:1040])
    gram = a + a.T
    factor = lapack.cholesky(gram)
    assert_equal(factor @ factor.T, gram)


def f64(*shape):
    return np.ones(shape)


MISTAKES = [
    (
        "lu",
        ([[1.0]],),
        TypeError,
        "lapack_lu: a is a list; pass a numpy.ndarray.",
    ),
    (
        "lu",
        (np.ones((2, 2), np.int32),),
        TypeError,
        "lapack_lu: a has dtype int32; use float32, float64, complex64 or complex128.",
    ),
    (
        "qr",
        (f64(3),),
        ValueError,
        "lapack_qr: a has shape (3,); it must have at least 2 dimensions.",
    ),
    (
        "cholesky",
        (f64(4, 2, 3),),
        ValueError,
        (
            "lapack_cholesky: a has shape (4, 2, 3); "
            "its last two dimensions must be equal."
        ),
    ),
    (
        "solve",
        (f64(2, 2), np.ones((2, 1), np.float32)),
        TypeError,
        "lapack_solve: a and b have dtypes float64 and float32; use one dtype.",
    ),
    (
        "solve",
        (f64(5, 2, 2), f64(4, 2, 1)),
        ValueError,
        (
            "lapack_solve: a and b have shapes (5, 2, 2) and (4, 2, 1); "
            "their batch dimensions must be equal."
        ),
    ),
    (
        "triangular_solve",
        (f64(2, 2), f64(3, 1)),
        ValueError,
        (
            "lapack_triangular_solve: b has shape (3, 1); its dimension -2 must be 2, "
            "the size of a."
        ),
    ),
    (
        "triangular_solve",
        (f64(2, 2), f64(2, 1), True, "X"),
        ValueError,
        "lapack_triangular_solve: trans is 'X'; use one of the letters NTCR.",
    ),
    (
        "triangular_sylvester",
        (f64(2, 2) + 0j, f64(2, 2) + 0j, f64(2, 2) + 0j, "T"),
        ValueError,
        (
            "lapack_triangular_sylvester: trans 'T' is for real matrices; use 'C', "
            "or conjugate the matrix."
        ),
    ),
    (
        "tridiagonal_solve",
        (f64(2), f64(3), f64(3), f64(3, 1)),
        ValueError,
        (
            "lapack_tridiagonal_solve: dl has shape (2,); its dimension -1 must be 3, "
            "the size of d."
        ),
    ),
    (
        "householder_product",
        (f64(2, 3), f64(2)),
        ValueError,
        (
            "lapack_householder_product: a has 2 rows and 3 columns, taus 2; "
            "it needs rows >= columns >= taus."
        ),
    ),
    (
        "ormqr",
        (f64(4, 2), f64(3), f64(4, 4)),
        ValueError,
        "lapack_ormqr: taus has 3 entries; use at most the rows and columns of a, 2.",
    ),
    (
        "svd",
        (f64(2, 2), True, True, "magic"),
        ValueError,
        "lapack_svd: algorithm is 'magic'; use 'rotate', 'divide' or 'qr'.",
    ),
    (
        "set_threads",
        (0,),
        ValueError,
        "lapack_set_threads: count is 0; use at least 1.",
    ),
    (
        "address",
        ("dnothing",),
        ImportError,
        (
            "lapack: the loaded library has no function scipy_dnothing_64_; "
            "install scipy-openblas64 0.3.29 or newer."
        ),
    ),
]


@pytest.mark.parametrize(
    "function, arguments, error, message", MISTAKES, ids=lambda x: str(x)[:24]
)
def test_mistakes_are_reported(function, arguments, error, message):
    with pytest.raises(error) as raised:
        getattr(lapack, function)(*arguments)
    assert str(raised.value) == message


def run_fresh(program):
    """What `program` prints in a new interpreter."""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout


def test_importing_opens_nothing():
    program = """
import sys
from chainrule.runtime import lapack
maps = pathlib.Path("/proc/self/maps")
print("scipy_openblas64" in sys.modules)
print(maps.exists() and "scipy_openblas64_.so" in maps.read_text())
"""
    assert run_fresh("import pathlib" + program).split() == ["False", "False"]


def test_native_functions_ask_for_the_library():
    program = """
import numpy as np
from chainrule.runtime import _native
for call in (
    lambda: _native.lapack_lu(np.eye(13)), lambda: _native.lapack_load("/no/such")
):
    try:
        call()
    except (RuntimeError, ImportError) as error:
        print(type(error).__name__, str(error).split(";")[0].split(":")[0])
"""
    assert run_fresh(program).splitlines() == [
        "RuntimeError lapack",
        "ImportError lapack_load",
    ]


def test_every_function_is_exposed():
    native = {name for name in dir(_native) if name.startswith("lapack_")}
    assert native - {"lapack_load"} == {
        f"lapack_{name}" for name in lapack.__all__ if name != "library_path"
    }


def test_examples_of_the_documentation():
    failures, tried = doctest.testmod(lapack)
    assert tried > len(lapack.__all__) and failures == 0
