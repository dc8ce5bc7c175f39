"""checkify: run-time checks in staged programs, whose failures come back as a value.

`checkify(f)` stages `f` and runs its equations one by one, each with its checks; what
failed is returned as an `Error` beside the output, so the whole works under `jit`,
`vmap` and `grad`. In loops and branches the first failure of each check is carried
along. Every check is a `_Finding`: whether it failed, its message, and what the message
shows of the values; the first in the order of the program is the one reported.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import lax
from .. import numpy as cnp
from ..api.inspection import eval_shape
from ..control.checks import check_p
from ..core import dtypes
from ..core.avals import as_array
from ..core.errors import JaxRuntimeError
from ..core.jaxpr import ClosedJaxpr, Literal
from ..runtime._native import tree_flatten, tree_unflatten
from ..transforms.flat import FlatFun, check_callable, name_of
from ..transforms.stage import stage_closed
from ..tree_util import register_pytree_node

user_checks = frozenset({"user"})
nan_checks = frozenset({"nan"})
index_checks = frozenset({"index"})
div_checks = frozenset({"div"})
float_checks = nan_checks | div_checks
automatic_checks = float_checks | index_checks
all_checks = automatic_checks | user_checks


@dataclass(frozen=True, slots=True)
class _Finding:
    """One check: `failed` (bool), and the message with its arguments."""

    failed: Any
    message: str
    keys: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()

    def text(self, index: tuple[int, ...]) -> str:
        """The message, for the failing example `index` of a batch."""
        shown = [np.asarray(v)[index] for v in self.values]
        unnamed = [v for k, v in zip(self.keys, shown) if not k]
        return self.message.format(
            *unnamed, **{k: v for k, v in zip(self.keys, shown) if k}
        )


class Error:
    """What the checks of a function found; a pytree, returned by `checkify`.

    >>> from chainrule.experimental import checkify
    >>> def f(x):
    ...     checkify.check(x > 0, "{x} is not positive", x=x)
    ...     return x
    >>> error, _ = checkify.checkify(f)(-1.0)
    >>> error.get()
    '-1.0 is not positive (`check` failed)'
    """

    def __init__(self, findings: Sequence[_Finding] = ()):
        self._findings = tuple(findings)

    def get(self) -> str | None:
        """The message of the first check that failed, or None."""
        for finding in self._findings:
            failed = np.asarray(finding.failed)
            if failed.any():
                return finding.text(tuple(int(i) for i in np.argwhere(failed)[0]))
        return None

    def throw(self) -> None:
        """Raises JaxRuntimeError with the message, if a check failed."""
        message = self.get()
        if message is not None:
            raise JaxRuntimeError(message)

    def get_exception(self) -> JaxRuntimeError | None:
        """The exception that `throw` would raise, or None."""
        message = self.get()
        return None if message is None else JaxRuntimeError(message)

    def __repr__(self) -> str:
        return f"Error({self.get()!r})"


register_pytree_node(
    Error,
    lambda error: (
        [(f.failed, f.values) for f in error._findings],
        tuple((f.message, f.keys) for f in error._findings),
    ),
    lambda kinds, parts: Error(
        [_Finding(failed, *kind, tuple(vs)) for kind, (failed, vs) in zip(kinds, parts)]
    ),
)
init_error = Error()


def check(
    pred: Any, msg: str, *fmt_args: Any, debug: bool = False, **fmt_kwargs: Any
) -> None:
    """Checks that `pred` holds when the program runs.

    Args:
        pred: a boolean scalar.
        msg: a format string for the message where it does not hold.
        fmt_args, fmt_kwargs: arrays or numbers for the format.
        debug: whether to check nothing outside of `checkify`.

    Raises:
        TypeError: `pred` is no boolean scalar, or `msg` cannot be formatted.
        JaxRuntimeError: outside of `checkify`, when it runs: `pred` does not hold.

    >>> from chainrule.experimental import checkify
    >>> checkify.check(1 < 2, "never seen")
    """
    pred = as_array(pred, "check")
    if pred.shape != () or pred.dtype != np.bool_:
        raise TypeError(
            f"check: the predicate must be a boolean scalar; got {pred.aval.str_short()}."
            " Reduce it with .all()."
        )
    keys = ("",) * len(fmt_args) + tuple(fmt_kwargs)
    values = [as_array(x, "check") for x in (*fmt_args, *fmt_kwargs.values())]
    try:
        msg.format(*[0] * len(fmt_args), **dict.fromkeys(fmt_kwargs, 0))
    except (IndexError, KeyError) as error:
        raise TypeError(
            f"check: the message {msg!r} names an argument that is not given: {error}."
        ) from None
    message = f"{msg} (`check` failed)"
    check_p(pred, *values, message=message, keys=keys, debug=debug)


def debug_check(pred: Any, msg: str, *fmt_args: Any, **fmt_kwargs: Any) -> None:
    """A `check` that is made within `checkify` alone."""
    check(pred, msg, *fmt_args, debug=True, **fmt_kwargs)


def check_error(error: Error) -> None:
    """Checks that `error` holds no failure: raises it, or hands it to `checkify`."""
    for f in error._findings:
        check_p(
            cnp.logical_not(cnp.any(f.failed)), *f.values, message=f.message,
            keys=f.keys, debug=False,
        )  # fmt: skip


def checkify(
    f: Callable[..., Any], errors: frozenset[str] = user_checks
) -> Callable[..., tuple[Error, Any]]:
    """`f` with run-time checks, whose outcome is returned beside the output.

    Args:
        f: function of arrays or pytrees of them.
        errors: what to check: `user_checks` (`check` and `debug_check`), `nan_checks`,
            `div_checks`, `index_checks`, or unions of them; `float_checks`,
            `automatic_checks` and `all_checks` are such.

    Returns:
        A function of the same arguments that returns (Error, output).

    >>> from chainrule.experimental import checkify
    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> error, y = cr.jit(checkify.checkify(cnp.log, checkify.nan_checks))(-1.0)
    >>> error.get().partition(" at ")[0]
    'nan generated by primitive: log'
    """
    check_callable("checkify", f)
    unknown = sorted(set(errors) - all_checks)
    if unknown:
        raise ValueError(
            f"checkify: there are no checks {', '.join(map(repr, unknown))}; use"
            " user_checks, nan_checks, div_checks, index_checks or unions of them."
        )

    @functools.wraps(f)
    def checked(*args: Any, **kwargs: Any) -> tuple[Error, Any]:
        leaves, tree = tree_flatten((args, kwargs))
        leaves = [as_array(x, "checkify") for x in leaves]
        flat = FlatFun(lambda a, k: f(*a, **k), tree)
        flat.name = name_of(f)
        closed, outer = stage_closed(flat, [x.aval for x in leaves], flat.name)
        outs, findings = _run(closed, [*outer, *leaves], errors)
        return Error(findings), tree_unflatten(flat.out_tree, outs)

    return checked


# --- running with checks -------------------------------------------------------------

Found = tuple[list[Any], list[_Finding]]


def _run(closed: ClosedJaxpr, args: Sequence[Any], errors: frozenset[str]) -> Found:
    """The outputs of a program and the findings of its checks, in order."""
    jaxpr = closed.jaxpr
    env: dict[Any, Any] = dict(zip(jaxpr.constvars, closed.consts))
    env.update(zip(jaxpr.invars, args))
    read = lambda v: v.val if type(v) is Literal else env[v]
    findings: list[_Finding] = []
    for eqn in jaxpr.eqns:
        outs, found = _equation(eqn, [read(v) for v in eqn.invars], errors)
        env.update(zip(eqn.outvars, outs))
        findings += found
    return [read(v) for v in jaxpr.outvars], findings


def _equation(eqn: Any, args: list[Any], errors: frozenset[str]) -> Found:
    prim, params = eqn.primitive, eqn.params
    rule = _rules.get(prim.name)
    if rule is not None:
        return rule(args, params, errors)
    called = params.get(prim.called) if prim.called else None
    if isinstance(called, ClosedJaxpr):
        return _call(prim, called, args, params, errors)
    out = prim(*args, **params)
    outs = out if prim.multiple_results else [out]
    where = str(eqn.source_info)
    return outs, _automatic(prim, args, params, outs, where, errors)


def _call(prim: Any, called: Any, args: Any, params: Any, errors: Any) -> Found:
    """A call: inlined where something within is checked, else as it is."""
    outs, findings = _run(called, args, errors)
    if findings:
        return outs, findings
    return prim(*args, **params), []


def _automatic(
    prim: Any, args: Any, params: Any, outs: Any, where: str, errors: frozenset[str]
) -> list[_Finding]:
    findings: list[_Finding] = []
    if "div" in errors and prim.name in _divisions:
        failed = cnp.any(args[1] == 0)
        findings.append(_Finding(failed, f"division by zero at {where}"))
    if "index" in errors and prim.name in _indices:
        findings += _indices[prim.name](args, params, where)
    if "nan" in errors and not prim.name.startswith("absorbing_"):
        nans = [cnp.any(cnp.isnan(y)) for y in outs if dtypes.is_inexact(y.dtype)]
        message = f"nan generated by primitive: {prim.name} at {where}"
        findings += [_Finding(failed, message) for failed in nans]
    return findings


_divisions = frozenset({"div", "rem", "floor_divide", "remainder"})


def _bounds(x: Any, starts: Any, dims: Any, sizes: Any, where: str) -> list[_Finding]:
    """Findings for index vectors in the last dimension of `starts`."""
    last = cnp.array([x.shape[d] - sizes[d] for d in dims], starts.dtype)
    outside = (starts < 0) | (starts > last)
    first = cnp.argmax(outside.ravel()) if outside.size else 0
    if not outside.size:
        return []
    values = starts.ravel()[first], cnp.asarray(dims)[first % max(len(dims), 1)]
    message = (
        f"out-of-bounds indexing for array of shape {x.shape}: index {{}} is out of"
        f" bounds for axis {{}} at {where}"
    )
    return [_Finding(cnp.any(outside), message, ("", ""), values)]


def _gather_bounds(args: Any, params: Any, where: str) -> list[_Finding]:
    dims = params["dimension_numbers"].start_index_map
    return _bounds(args[0], args[1], dims, params["slice_sizes"], where)


def _scatter_bounds(args: Any, params: Any, where: str) -> list[_Finding]:
    x, starts, updates = args
    numbers = params["dimension_numbers"]
    gone = {*numbers.inserted_window_dims, *numbers.operand_batching_dims}
    window = iter(numbers.update_window_dims)
    sizes = [1 if d in gone else updates.shape[next(window)] for d in range(x.ndim)]
    dims = numbers.scatter_dims_to_operand_dims
    return _bounds(x, starts, dims, sizes, where)


def _slice_bounds(args: Any, params: Any, where: str) -> list[_Finding]:
    x, *starts = args
    sizes = params["slice_sizes"]
    return _bounds(x, cnp.stack(starts), range(x.ndim), sizes, where)


def _update_bounds(args: Any, params: Any, where: str) -> list[_Finding]:
    x, update, *starts = args
    return _bounds(x, cnp.stack(starts), range(x.ndim), update.shape, where)


_indices = {
    "gather": _gather_bounds,
    "dynamic_slice": _slice_bounds,
    "dynamic_update_slice": _update_bounds,
    **{
        f"scatter{kind}": _scatter_bounds
        for kind in ("", "-add", "-sub", "-mul", "-min", "-max", "_add", "_mul")
    },
}


# --- higher-order primitives ---------------------------------------------------------

State = list[tuple[Any, tuple[Any, ...]]]


def _state(findings: Sequence[_Finding]) -> State:
    return [(f.failed, f.values) for f in findings]


def _from_state(kinds: Sequence[_Finding], state: State) -> list[_Finding]:
    return [_Finding(p, k.message, k.keys, v) for k, (p, v) in zip(kinds, state)]


def _kinds_of(closed: ClosedJaxpr, args: Any, errors: Any) -> tuple[Any, Any]:
    """The findings of a program without running it, and their types."""
    kinds: list[_Finding] = []

    def trial(*xs: Any) -> State:
        kinds[:] = _run(closed, xs, errors)[1]
        return _state(kinds)

    return kinds, eval_shape(trial, *args)


def _blank(types: Any) -> Any:
    leaves, tree = tree_flatten(types)
    return tree_unflatten(tree, [cnp.zeros(t.shape, t.dtype) for t in leaves])


def _first(before: State, now: State) -> State:
    """For each check its earlier failure, else the new one if nothing failed before."""
    earlier = functools.reduce(lambda a, b: a | b, [p for p, _ in before], False)
    now = [(q & cnp.logical_not(earlier), new) for q, new in now]
    return [
        (p | q, tuple(cnp.where(p, a, b) for a, b in zip(old, new)))
        for (p, old), (q, new) in zip(before, now)
    ]


def _check(args: Any, params: Any, errors: Any) -> Found:
    if "user" not in errors:
        return [], []
    failed = cnp.logical_not(args[0])
    values = tuple(args[1:])
    return [], [_Finding(failed, params["message"], params["keys"], values)]


def _cond(args: Any, params: Any, errors: Any) -> Found:
    index, *operands = args
    found = [_kinds_of(b, operands, errors) for b in params["branches"]]

    def branch(k: int) -> Any:
        def fun(*xs: Any) -> Any:
            outs, findings = _run(params["branches"][k], xs, errors)
            states = [_blank(types) for _, types in found]
            states[k] = _state(findings)
            return outs, states

        return fun

    branches = [branch(k) for k in range(len(found))]
    outs, states = lax.switch(index, branches, *operands)
    pairs = zip(found, states)
    return outs, [f for (kinds, _), s in pairs for f in _from_state(kinds, s)]


def _scan(args: Any, params: Any, errors: Any) -> Found:
    n, m, body = params["num_consts"], params["num_carry"], params["jaxpr"]
    consts, init, xs = args[:n], args[n : n + m], args[n + m :]
    rows = [cnp.zeros(x.shape[1:], x.dtype) for x in xs]
    kinds, types = _kinds_of(body, [*consts, *init, *rows], errors)

    def step(carry: Any, row: Any) -> Any:
        values, state = carry
        outs, findings = _run(body, [*consts, *values, *row], errors)
        return (outs[:m], _first(state, _state(findings))), outs[m:]

    (carry, state), ys = lax.scan(
        step, (list(init), _blank(types)), list(xs), params["length"],
        params["reverse"], params["unroll"],
    )  # fmt: skip
    return [*carry, *ys], _from_state(kinds, state)


def _while(args: Any, params: Any, errors: Any) -> Found:
    n, m = params["cond_nconsts"], params["body_nconsts"]
    cond, body = params["cond_jaxpr"], params["body_jaxpr"]
    tests, consts, init = args[:n], args[n : n + m], args[n + m :]
    tested, test_types = _kinds_of(cond, [*tests, *init], errors)
    kinds, types = _kinds_of(body, [*consts, *init], errors)
    clear = _blank(test_types), _blank(types)

    def test(carry: Any, state: State) -> tuple[Any, State]:
        """Whether the loop goes on, and the state after the checks of its condition."""
        (going,), findings = _run(cond, [*tests, *carry], errors)
        return going, _first(state, _state(findings) + clear[1])

    def step(carry: Any, state: State) -> tuple[Any, State]:
        outs, findings = _run(body, [*consts, *carry], errors)
        return outs, _first(state, clear[0] + _state(findings))

    loop = _tested_once if tested else _tested_as_is
    carry, state = loop(test, step, list(init), sum(clear, []))
    return carry, _from_state([*tested, *kinds], state)


def _tested_as_is(test: Any, step: Any, init: Any, state: State) -> Any:
    """A loop whose condition checks nothing."""
    return lax.while_loop(lambda v: test(*v)[0], lambda v: step(*v), (init, state))


def _tested_once(test: Any, step: Any, init: Any, state: State) -> Any:
    """A loop that carries the outcome of its condition, which is run once per test."""

    def advance(value: Any) -> Any:
        carry, state = step(*value[1:])
        going, state = test(carry, state)
        return going, carry, state

    going, state = test(init, state)
    return lax.while_loop(lambda v: v[0], advance, (going, init, state))[1:]


_rules: dict[str, Any] = {
    "check": _check, "cond": _cond, "scan": _scan, "while": _while,
}  # fmt: skip

__all__ = [
    "Error", "JaxRuntimeError", "all_checks", "automatic_checks", "check",
    "check_error", "checkify", "debug_check", "div_checks", "float_checks",
    "index_checks", "init_error", "nan_checks", "user_checks",
]  # fmt: skip
