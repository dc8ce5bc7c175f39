"""Error classes, and what they say: the cause, the user's line, the way out.

A tracer error is raised where Python asks a traced value for something that only a
concrete one has. The classes and their base classes are those that users of JAX
catch; each docstring gives the cause and the remedy, and the message repeats both
with the file and line of the program that asked.
"""

from __future__ import annotations

from typing import Any

from . import source


class JaxRuntimeError(RuntimeError):
    """An error raised while a compiled program runs."""


class JAXTypeError(TypeError):
    """A value has a type that the program cannot use there."""


class JAXIndexError(IndexError):
    """An index cannot be used in a traced program."""


class JaxprTypeError(TypeError):
    """A program of the IR is ill-typed; the message shows the equation."""


class KeyReuseError(RuntimeError):
    """A PRNG key was consumed twice; split it first."""


class InconclusiveDimensionOperation(Exception):
    """A comparison of symbolic dimensions has no definite answer."""


class ConcretizationTypeError(JAXTypeError):
    """A traced value was used where a concrete one is needed.

    Cause: under `jit`, `vmap` and similar transformations, values are abstract while
    the function is traced. Remedy: make the argument static
    (`jit(f, static_argnums=...)`), or use `numpy.where`, `lax.cond`, `lax.fori_loop`.

    >>> import chainrule as cr
    >>> cr.jit(lambda n: range(n))(3)
    Traceback (most recent call last):
    ...
    chainrule.errors.TracerIntegerConversionError: ...
    """


class TracerBoolConversionError(ConcretizationTypeError):
    """A traced value was used as a truth value, as in `if x > 0:`.

    Remedy: `numpy.where(c, a, b)` or `lax.cond(c, f, g, x)`; or mark the argument
    that decides as static.
    """


class TracerArrayConversionError(JAXTypeError):
    """A traced value was handed to NumPy, which needs a concrete array.

    Remedy: use the function of `chainrule.numpy` in the place of NumPy's, or
    `pure_callback` for code that must run on concrete arrays.
    """


class TracerIntegerConversionError(JAXTypeError):
    """A traced value was used as a Python integer: a shape, an index, a `range`.

    Remedy: mark the argument as static; index NumPy arrays and lists after making
    them Arrays with `chainrule.numpy.asarray`.
    """


class NonConcreteBooleanIndexError(JAXIndexError):
    """An array was indexed by a traced mask, so that the result's shape is unknown.

    Remedy: `numpy.where(mask, x, fill)`, or the `size=` argument of `nonzero`.
    """


class UnexpectedTracerError(JAXTypeError):
    """A traced value outlived the function it belongs to.

    Cause: it was stored in a global, an attribute or a list while the function was
    traced, and used afterwards. Remedy: return it from the function instead.
    """


for _class in list(vars().values()):
    if isinstance(_class, type) and issubclass(_class, Exception):
        _class.__module__ = "chainrule.errors"

_requests: dict[str, tuple[type[Exception], str, str]] = {
    "bool": (
        TracerBoolConversionError,
        "its truth value decides a Python `if`, `while`, `and` or `assert`",
        "use chainrule.numpy.where or lax.cond, or make the deciding argument static"
        " with static_argnums",
    ),
    "int": (
        ConcretizationTypeError,
        "int() needs its value",
        "keep it an array (x.astype(int)), or make the argument static",
    ),
    "float": (
        ConcretizationTypeError,
        "float() needs its value",
        "keep it an array (x.astype(float)), or make the argument static",
    ),
    "complex": (
        ConcretizationTypeError,
        "complex() needs its value",
        "keep it an array (x.astype(complex)), or make the argument static",
    ),
    "item": (
        ConcretizationTypeError,
        "item() and tolist() need its value",
        "keep it an array, or call them outside of the transformed function",
    ),
    "index": (
        TracerIntegerConversionError,
        "it is used as a Python integer (a shape, an index or a range)",
        "make the argument static with static_argnums, or index an Array rather than"
        " a NumPy array or list",
    ),
    "array": (
        TracerArrayConversionError,
        "NumPy needs its value (numpy.asarray, or a numpy function was called on it)",
        "call the function of chainrule.numpy instead, or pure_callback",
    ),
}


def tracer_error(
    tracer: Any, kind: str, state: str = "has no value while the function is traced"
) -> Exception:
    """The error for a `tracer` asked for a concrete value of `kind`."""
    cls, cause, remedy = _requests[kind]
    return cls(
        f"{described(tracer)} {state}, but {cause} at {source.current()}; {remedy}."
    )


def described(tracer: Any) -> str:
    """How messages name a tracer: its type, transformation and origin."""
    origin = getattr(tracer, "origin", None)
    found = origin() if origin is not None else ""
    return f"traced array {tracer.aval.str_short()}{' ' + found if found else ''}"


def leaked(tracer: Any) -> None:
    """Raises UnexpectedTracerError for a tracer whose trace has ended."""
    raise UnexpectedTracerError(
        f"{described(tracer)} outlived the transformed function it was made in, and"
        f" is used at {source.current()}; return it from the function instead of"
        " storing it in a global, an attribute or a closure."
    )
