"""What tracing costs, per primitive: a chain of 200 operations, the time divided by 200.

The chain alternates `sin` and a product with a captured array of four numbers. The rows
named `staged` trace under `make_jaxpr`: there no array is computed, and what remains is
the transformation's own cost. The others run on values, so that they hold the NumPy
arithmetic, too (about 0.5 us a primitive). Every call traces a new function object, so
that no library answers from a cache of traces.
"""

from typing import Any

from benchmarks.inputs import FOUR, to_array
from benchmarks.rows import CallRow, Timed

LENGTH = 200
BATCH = FOUR.reshape(2, 2).repeat(2, axis=1)


def chain(lib: Any, length: int = LENGTH) -> Any:
    """A function of `length` primitives on arrays whose last axis is 4."""
    sin, mul, ones = lib.lax.sin, lib.lax.mul, to_array(lib, 0 * FOUR + 1)

    def apply(x):
        for _ in range(length // 2):
            x = mul(sin(x), ones)
        return x

    return apply


def eqn_count(jaxpr: Any) -> int:
    """Number of equations of a staged program."""
    return len(jaxpr.jaxpr.eqns)


def row(name: str, title: str) -> CallRow:
    return CallRow("tracing", name, f"{title}, per primitive", per=LENGTH)


call = row("eager", "plain eager call")
stage = row("stage", "make_jaxpr")
stage_numpy = row("stage_numpy", "make_jaxpr through the numpy module")
forward = row("jvp", "jvp on values")
forward_staged = row("jvp_staged", "jvp staged")
record = row("linearize", "linearize on values")
pull = row("transpose", "pullback of vjp on values")
reverse_staged = row("vjp_staged", "vjp and its pullback staged")
batch = row("vmap", "vmap on values")
batch_staged = row("vmap_staged", "vmap staged")


@call.implement("chainrule", "jax")
def make_call(lib):
    f, x = chain(lib), to_array(lib, FOUR)
    return lambda: f(x)


@stage.implement("chainrule", "jax")
def make_stage(lib):
    f, x = chain(lib), to_array(lib, FOUR)
    return Timed(lambda: lib.make_jaxpr(lambda x: f(x))(x), eqn_count)


@stage_numpy.implement("chainrule", "jax")
def make_stage_numpy(lib):
    sin, ones = lib.numpy.sin, to_array(lib, 0 * FOUR + 1)

    def f(x):
        for _ in range(LENGTH // 2):
            x = sin(x) * ones
        return x

    x = to_array(lib, FOUR)
    return Timed(lambda: lib.make_jaxpr(lambda x: f(x))(x), eqn_count)


@forward.implement("chainrule", "jax")
def make_forward(lib):
    f, x, x_dot = chain(lib), to_array(lib, FOUR), to_array(lib, FOUR[::-1])
    return lambda: lib.jvp(f, (x,), (x_dot,))


@forward_staged.implement("chainrule", "jax")
def make_forward_staged(lib):
    f, x = chain(lib), to_array(lib, FOUR)
    stage = lambda: lib.make_jaxpr(lambda x: lib.jvp(f, (x,), (x,)))(x)
    return Timed(stage, lambda jaxpr: None)


@record.implement("chainrule", "jax")
def make_record(lib):
    f, x = chain(lib), to_array(lib, FOUR)
    return Timed(lambda: lib.linearize(f, x), lambda outcome: outcome[1](x))


@pull.implement("chainrule", "jax")
def make_pull(lib):
    f, x = chain(lib), to_array(lib, FOUR)
    y, pullback = lib.vjp(f, x)
    return lambda: pullback(y)


@reverse_staged.implement("chainrule", "jax")
def make_reverse_staged(lib):
    f, x = chain(lib), to_array(lib, FOUR)
    stage = lambda: lib.make_jaxpr(lambda x: lib.vjp(f, x)[1](x))(x)
    return Timed(stage, lambda jaxpr: None)


@batch.implement("chainrule", "jax")
def make_batch(lib):
    batched, rows = lib.vmap(chain(lib)), to_array(lib, BATCH)
    return lambda: batched(rows)


@batch_staged.implement("chainrule", "jax")
def make_batch_staged(lib):
    batched, rows = lib.vmap(chain(lib)), to_array(lib, BATCH)
    stage = lambda: lib.make_jaxpr(lambda rows: batched(rows))(rows)
    return Timed(stage, lambda jaxpr: None)
