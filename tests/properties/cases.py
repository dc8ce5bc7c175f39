"""Cases: every sample in every dtype it asks for, and what the properties share.

A case is a sample with its operands in one dtype. Programs run with 64 bits enabled
exactly where the case has 64-bit operands; derivatives are compared in 64 bits always.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import pathlib
import pkgutil

import numpy as np
import pytest

import chainrule as cr
from chainrule.core import dtypes
from chainrule.core.avals import as_array, aval_of, wrap
from chainrule.core.primitive import registry
from chainrule.ops.arithmetic import add_p, mul_p
from chainrule.ops.elementwise_complex import real_p
from chainrule.ops.shaping import reduce_sum_p

from .. import samples

STEP = 2e-4
"""Step of the finite differences in 64 bits; see `directional_derivative`."""

_tolerances = {
    "bfloat16": 2e-2, "float16": 2e-3, "float32": 2e-5, "complex64": 2e-5,
    "float64": 1e-11, "complex128": 1e-11,
}  # fmt: skip
_wide = {"f": dtypes.float64, "c": dtypes.complex128}


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """A sample with its operands in one dtype."""

    sample: samples.Sample
    args: tuple
    x64: bool
    name: str

    @property
    def primitive(self):
        """The primitive; None for programs of several."""
        if isinstance(self.sample, samples.Program):
            return None
        return registry[self.sample.primitive]

    def precision(self):
        """The context in which the case's dtypes exist."""
        return cr.enable_x64(True) if self.x64 else contextlib.nullcontext()

    def __call__(self, *args):
        return self.sample.bind(*args)

    def operands(self):
        """The operands as Arrays."""
        return [as_array(x) for x in self.args]

    def positions(self):
        """Positions of the operands to differentiate for."""
        if self.sample.differentiable is not None:
            return self.sample.differentiable
        found = [i for i, x in enumerate(self.args) if dtypes.is_inexact(x.dtype)]
        return tuple(found) if has_derivative(self) and self.is_inexact() else ()

    def is_inexact(self):
        """Whether an output has a tangent type."""
        if self.primitive is None:
            return True
        with self.precision():
            avals = tuple(aval_of(x) for x in self.operands())
            outs = self.primitive.out_aval(avals, self.sample.params)
        return any(dtypes.is_inexact(a.dtype) for a in flat(outs))

    def widened(self):
        """The same case in 64 bits: operands, and dtypes among the parameters."""
        sample = dataclasses.replace(
            self.sample, params={k: _widen(v) for k, v in self.sample.params.items()}
        )
        args = tuple(x.astype(_widen(x.dtype)) for x in self.args)
        return Case(sample, args, True, self.name)


def _widen(value):
    """`value`, or the widest dtype of its kind where it is a dtype."""
    if isinstance(value, type) and issubclass(value, np.generic):
        value = np.dtype(value)
    if isinstance(value, np.dtype):
        return _wide.get(dtypes.kind(value), value)
    return value


def has_derivative(case):
    """Whether the primitive has a derivative rule (programs of several have)."""
    prim = case.primitive
    if prim is None:
        return True
    rules = (prim.partials, prim.linear, prim.bilinear, prim.jvp, prim.jvp_call)
    return any(bool(rule) or rule == () for rule in rules)


def _cases():
    for module in pkgutil.iter_modules(samples.__path__):
        family = importlib.import_module(f"{samples.__name__}.{module.name}")
        for sample in family.SAMPLES:
            args = tuple(sample.operands())
            yield from _in_each_dtype(module.name, sample, args)


def _in_each_dtype(family, sample, args):
    versions = [args]
    for name in sample.dtypes:
        dtype = dtypes.as_dtype(name)
        versions.append(tuple(_converted(x, dtype) for x in args))
    for version in versions:
        wide = any(dtypes.canonicalize_dtype(x.dtype) != x.dtype for x in version)
        shown = [x.dtype.name for x in version if dtypes.is_inexact(x.dtype)]
        suffix = f"[{shown[0]}]" if shown else ""
        yield Case(sample, version, wide, f"{family}:{sample}{suffix}")


def _converted(x, dtype):
    if not dtypes.is_inexact(x.dtype):
        return x
    if dtypes.is_complex(x.dtype) and not dtypes.is_complex(dtype):
        return x.astype(dtypes.with_complex(dtype))
    return x.astype(dtype)


def load_all():
    """Imports every module of the package, so that all primitives are registered."""
    package = pathlib.Path(cr.__file__).parent
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        importlib.import_module(".".join(parts).removesuffix(".__init__"))


load_all()
CASES = list(_cases())


def each(cases, *more):
    """Parametrises a test over cases, or over (case, ...) with the names `more`."""
    rows = list(cases)
    if more:
        values = rows
        names = [f"{row[0].name}-{row[-1]}" for row in rows]
    else:
        values, names = rows, [c.name for c in rows]
    return pytest.mark.parametrize(",".join(("case", *more)), values, ids=names)


def differentiable_cases(order=1):
    """Cases with operands to differentiate for, up to the given order; each once."""
    seen = set()
    for case in CASES:
        fresh = id(case.sample) not in seen
        seen.add(id(case.sample))
        if fresh and case.positions() and case.sample.order >= order:
            yield case.widened()


# --- values --------------------------------------------------------------------------


def flat(out):
    """Outputs as a list of Arrays."""
    return list(out) if isinstance(out, (list, tuple)) else [out]


def assert_close(found, expected, tolerance=1.0, rtol=None):
    """Lists of arrays agree in shape, dtype and value, to the dtype's tolerance."""
    found, expected = flat(found), flat(expected)
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        a, b = np.asarray(a), np.asarray(b)
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        if not dtypes.is_inexact(a.dtype):
            np.testing.assert_array_equal(a, b)
            continue
        relative = _tolerances.get(a.dtype.name, 0.2) * tolerance
        relative = relative if rtol is None else rtol * tolerance
        assert_close_values(a, b, relative)


def assert_close_values(a, b, relative):
    """Values agree, with errors measured against the largest finite value, too."""
    a, b = (x if x.dtype.kind in "fc" else x.astype(np.float64) for x in (a, b))
    finite = np.abs(b[np.isfinite(b)])
    scale = float(finite.max()) if finite.size else 0.0
    np.testing.assert_allclose(a, b, rtol=relative, atol=relative * min(scale, 1e300))


def random_like(x, seed=0):
    """Standard normal values in the shape and inexact dtype of `x`."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(x.shape)
    if dtypes.is_complex(x.dtype):
        values = values + 1j * rng.standard_normal(x.shape)
    return wrap(np.asarray(values).astype(x.dtype), x.weak_type)


# --- functions of the differentiable operands --------------------------------------------


def closed(case):
    """The case as a function of its differentiable operands, and those operands.

    Outputs that have no tangent (integers) are left out.
    """
    operands, where = case.operands(), case.positions()

    def fun(*xs):
        full = list(operands)
        for i, x in zip(where, xs):
            full[i] = x
        return [y for y in flat(case(*full)) if dtypes.is_inexact(y.dtype)]

    return fun, [operands[i] for i in where]


def pairing(ws, ys):
    """Re(sum(w * y)), summed over the outputs: a scalar function of all of them."""
    total = None
    for w, y in zip(ws, ys):
        product = mul_p(w, y)
        if dtypes.is_complex(product.dtype):
            product = real_p(product)
        term = reduce_sum_p(product, axes=tuple(range(product.ndim)))
        total = term if total is None else add_p(total, term)
    return total


def directional_derivative(fun, xs, vs, step=STEP):
    """d/dt fun(x + t v) at t = 0 by central differences, extrapolated (Richardson).

    The error is of fourth order in the step. Real steps along complex directions give
    the derivative of functions that are not holomorphic, too.
    """

    def along(t):
        moved = [np.asarray(x) + t * np.asarray(v) for x, v in zip(xs, vs)]
        return [np.asarray(y) for y in fun(*[as_array(x) for x in moved])]

    def central(h):
        pairs = zip(along(h), along(-h))
        return [np.where(a == b, 0, a - b) / (2 * h) for a, b in pairs]

    coarse, fine = central(2 * step), central(step)
    return [(4 * b - a) / 3 for a, b in zip(coarse, fine)]
