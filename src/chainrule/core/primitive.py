"""Primitives: one record per operation, holding every rule about it.

A primitive is called with arrays and keyword parameters. With no trace about, the
runtime hands the arguments to `evaluate` at once; otherwise the innermost trace
processes it by one of the rules below. Rules are functions:

    abstract(*avals, **params)            -> (shape, dtype), or a list of them
    partials: one per operand             -> see ops/elementwise_rules.py
    jvp(primals, tangents, y, **params)   -> y_dot   (None: a zero tangent)
    linear: positions of the operands in which the primitive is jointly linear
    bilinear: linear in each of the two operands separately
    transpose(ct, *args, **params)        -> cotangent per operand, None if known;
                                             unknown operands are `is_linear(arg)`;
                                             one may be a `SparseCotangent`
    batch(args, dims, size, **params)     -> (out, out_dim), a dim is int or None
    taylor(y, *series, **params)          -> yields coefficients 1, 2, ... of the output
    evaluate(*ndarrays, **params)         -> NumPy's result, the reference
    lower(...)                            -> index functions for the compiler, or
    compose(*operands, **params)          -> binds the primitives that it consists of

A primitive with `effects` is there for what it does: it is run once, in its place, and
is not left out where nobody reads its results.
Primitives with `multiple_results` take and return lists where one value stands above.
A rule that does not exist is a `Missing` with its reason. Higher-order primitives
(control/) have `jvp_call`, `linearize_call`, `batch_call`, `taylor_call`, `stage` instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..runtime import _native
from . import errors
from .avals import ShapedArray, aval_of

Rule = Callable[..., Any]

WEAK_IF_ALL, WEAK_NEVER, WEAK_BY_PARAM, WEAK_IF_REST = 0, 1, 2, 3

registry: dict[str, Primitive] = {}


class Missing:
    """A rule that a primitive has not, and why. Calling it raises."""

    __slots__ = ("reason",)

    def __init__(self, reason: str):
        self.reason = reason

    def __bool__(self) -> bool:
        return False

    def of(self, what: str) -> Missing:
        """The same with a message that says what is missing of which primitive."""
        return Missing(f"{what}: {self.reason}.")

    def __call__(self, *args: Any, **params: Any) -> Any:
        raise NotImplementedError(self.reason)


awaits_compiler = Missing("it has no lowering rule")
undefined = Missing("not defined")


class Primitive(_native.Primitive):
    """An operation and its rules; see the module's docstring for their signatures."""

    def __init__(
        self,
        name: str,
        doc: str,
        *,
        abstract: Rule,
        evaluate: Rule | Missing,
        partials: tuple[Any, ...] | None = None,
        jvp: Rule | Missing | None = None,
        linear: tuple[int, ...] | None = None,
        bilinear: bool = False,
        transpose: Rule | Missing = undefined,
        batch: Rule | Missing = undefined,
        taylor: Rule | Missing | None = None,
        lower: Rule | Missing = awaits_compiler,
        multiple_results: bool = False,
        weak: int = WEAK_IF_ALL,
        raw: bool = False,
        effects: bool = False,
        **higher_order: Any,
    ):
        if name in registry:
            raise ValueError(f"Primitive: {name!r} exists already; use another name.")
        self.name, self.__doc__ = name, doc
        self.abstract, self.partials, self.jvp = abstract, partials, jvp
        self.linear, self.bilinear = linear, bilinear
        if isinstance(transpose, Missing):
            transpose = transpose.of(f"{name}: cannot be transposed")
        self.transpose = transpose
        self.linear_in_first = linear == (0,)
        self.batch, self.taylor, self.lower = batch, taylor, lower
        self.multiple_results, self.weak_rule, self.raw = multiple_results, weak, raw
        self.evaluate, self.effects = evaluate, effects
        self.stage = higher_order.pop("stage", None)
        self.jvp_call = higher_order.pop("jvp_call", None)
        self.linearize_call = higher_order.pop("linearize_call", None)
        self.batch_call = higher_order.pop("batch_call", None)
        self.taylor_call = higher_order.pop("taylor_call", None)
        self.axis_rule = bool(higher_order.pop("axis_rule", False))
        self.batch_axis = higher_order.pop("batch_axis", None)
        self.called = higher_order.pop("called", None)  # the param that is a program
        self.expansion = higher_order.pop("expansion", None)  # see passes/inline.py
        self.compose = higher_order.pop("compose", None)  # see passes/inline.py
        self.absorbing: Any = None  # the form of ops/absorbing_forms.py
        self.live = higher_order.pop("live", None)  # see compiler/passes/dead_code.py
        self.simplify = higher_order.pop("simplify", None)  # see passes/algebra.py
        self.contract = higher_order.pop("contract", None)  # passes/contraction.py
        self.work = higher_order.pop("work", None)  # per element; control/sufficient.py
        self.view = higher_order.pop("view", None)  # passes/arrangement.py
        self.split = higher_order.pop("split", None)  # compiler/complex_programs.py
        self.parts: Any = None  # the rule of ops/complex_parts.py
        self.arrange = higher_order.pop("arrange", None)  # passes/arrangement.py
        self.flat = bool(higher_order.pop("flat", False))  # control/substitution.py
        self.keeps_scalars = bool(higher_order.pop("keeps_scalars", False))
        if higher_order:
            raise TypeError(f"Primitive: unknown rules {sorted(higher_order)}.")
        registry[name] = self

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> Any:
        return lookup, (self.name,)

    def _infer(self, avals: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """The output's aval, or the list of them; `out_aval` remembers the answer."""
        out = self.abstract(*avals, **params)
        if self.weak_rule == WEAK_NEVER:
            weak = False
        elif self.weak_rule == WEAK_BY_PARAM:
            weak = bool(params["weak_type"])
        elif self.weak_rule == WEAK_IF_REST:
            weak = all(a.weak_type for a in avals[1:])
        else:
            weak = bool(avals) and all(a.weak_type for a in avals)
        if self.multiple_results:
            return [_aval(o, weak) for o in out]
        return _aval(out, weak)


def _aval(out: Any, weak: bool) -> Any:
    return out if isinstance(out, ShapedArray) else ShapedArray(out[0], out[1], weak)


def lookup(name: str) -> Primitive:
    """The primitive called `name`; KeyError where there is none."""
    try:
        return registry[name]
    except KeyError:
        raise KeyError(f"there is no primitive called {name!r}") from None


def _refused(prim: Any, args: tuple[Any, ...], params: dict[str, Any]) -> None:
    """Raises the shape rule's error for operands whose evaluation failed, if it has one."""
    if isinstance(prim, Primitive):
        prim.out_aval(tuple(aval_of(x) for x in args), params)


_native.set_hooks({"leaked": errors.leaked, "refused": _refused})
