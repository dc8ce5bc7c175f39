"""Ordinary differential equations: an adaptive Runge-Kutta solver and its derivatives.

`odeint` takes steps of Dormand and Prince's pair of orders 5 and 4 (J. Comput. Appl. Math.
6, 1980), with the step size control, first step and dense output of Hairer, Norsett and
Wanner, Solving Ordinary Differential Equations I, sections II.4 to II.6. Derivatives are
solutions of differential equations again, solved by the same code to the same tolerances:
forward mode integrates the sensitivities along with the state, reverse mode the adjoint
equation from the last time back to the first. The steps themselves are never
differentiated, so no residuals are stored but the states at the given times.

What a solution cannot reach is NaN: never a value of which no step was accepted.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .. import numpy as cnp
from ..api.gradients import jvp, vjp
from ..api.inspection import eval_shape
from ..api.vmap import vmap
from ..control.closures import closure_convert
from ..control.custom_vjp import custom_vjp
from ..control.jit import jit
from ..core.avals import abstract_of, as_array, aval_of
from ..core.dtypes import is_inexact
from ..core.errors import TracerArrayConversionError
from ..flatten_util import ravel_pytree
from ..lax import scan, while_loop
from ..runtime._native import tree_flatten, tree_unflatten
from ..runtime.pytree import tree_map
from ..transforms.flat import check_callable, name_of

__all__ = ["odeint"]

NODES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
"""Row i weighs the slopes before it; the last row is the solution of order 5."""
ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
"""Weights of the slopes in the difference between the solutions of order 5 and 4."""
DENSE = (
    -12715105075 / 11282082432,
    0.0,
    87487479700 / 32700410799,
    -10690763975 / 1880347072,
    701980252875 / 199316789632,
    -1453857185 / 822651844,
    69997945 / 29380423,
)
"""Weights of the slopes in the quartic term of the dense output."""

SAFETY, SHRINK, GROW, EXPONENT = 0.9, 0.2, 10.0, -1 / 5
FIRST_STEP = 1e-6


@dataclass(frozen=True, slots=True)
class Control:
    """What decides on the steps: tolerances, steps per output, the longest step."""

    rtol: float
    atol: float
    mxstep: float
    hmax: float


class Solver(NamedTuple):
    """The solver between two steps.

    y and slope hold at `time`, `h` is the next step to try; `dense` are the coefficients
    of the last step, which went from `before` to `time`.
    """

    time: Any
    y: Any
    slope: Any
    h: Any
    before: Any
    dense: tuple[Any, ...]
    count: Any


def odeint(
    func: Callable[..., Any],
    y0: Any,
    t: Any,
    *args: Any,
    rtol: float = 1.4e-8,
    atol: float = 1.4e-8,
    mxstep: float = math.inf,
    hmax: float = math.inf,
) -> Any:
    """Solves dy/dt = func(y, t, *args) with y(t[0]) = y0, at the times t.

    Adaptive steps by Dormand and Prince's method; each keeps the root mean square of its
    estimated error below atol + rtol |y|. Values between steps are of order 4. The slope
    is not evaluated beyond the last time.

    Args:
        func: the slope, of the structure and shapes of the state y.
        y0: initial state, pytree of floating-point or complex arrays.
        t: times, shape (n,), n >= 1, floating-point, not decreasing; y0 is at t[0].
        args: pytrees of arrays and numbers; derivatives go to these, to y0, to t, and
            to traced values that `func` closes over.
        rtol, atol: relative tolerance, and absolute one in the unit of y. In float32
            less than 1e-6 costs steps that rounding makes useless.
        mxstep: largest number of steps, tried ones included, from one time to the next.
        hmax: longest step, in the unit of t.

    Returns:
        The states at the times: the structure of y0, leaves with a leading axis n. NaN
        where `mxstep` steps did not suffice, where no step was short enough (at a
        singularity), and where traced times decrease.

    Raises:
        ValueError: t is no vector, is empty or decreases; a limit is not positive.
        TypeError: y0 or t are integers; the slope's structure or shapes are not those
            of y0; args that are not arrays or numbers.

    Derivatives of all orders, forward and reverse, are solutions of the sensitivity and
    the adjoint equation, to the same tolerances. Compiled when first called with `func`.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> decay = lambda y, t, rate: -rate * y
    >>> y = odeint(decay, 1.0, cnp.array([0.0, 1.0]), 2.0, rtol=1e-6)
    >>> print(f"{y[-1]:.4f}")
    0.1353
    >>> last = lambda rate: odeint(decay, 1.0, cnp.array([0.0, 1.0]), rate, rtol=1e-6)[1]
    >>> print(f"{cr.grad(last)(2.0):.4f}")
    -0.1353
    """
    check_callable("odeint", func)
    control = _checked_control(rtol, atol, mxstep, hmax)
    y0, t = _checked_state(y0), _checked_times(t)
    leaves, tree = tree_flatten(args)
    leaves = [_checked_argument(x) for x in leaves]
    args = tree_unflatten(tree, leaves)
    converted, consts = closure_convert(func, y0, t[0], *args)
    converted.__name__ = name_of(func)
    if not consts and _hashable(func):
        converted = func  # the same function finds its compiled solver again
    return _compiled(converted, control, y0, t, (*args, *consts))


def _hashable(func: Any) -> bool:
    return type(func).__hash__ is not None


def _checked_control(*values: float) -> Control:
    for name, value in zip(("rtol", "atol", "mxstep", "hmax"), values):
        if not value >= 0 or (name in ("mxstep", "hmax") and value == 0):
            raise ValueError(f"odeint: {name} must be positive; got {value}.")
    if values[0] == values[1] == 0:
        raise ValueError("odeint: rtol and atol are both 0; give one of them.")
    return Control(*map(float, values))


def _checked_state(y0: Any) -> Any:
    leaves, tree = tree_flatten(y0)
    leaves = [as_array(y, "odeint") for y in leaves]
    for y in leaves:
        if not is_inexact(y.dtype):
            raise TypeError(
                "odeint: the initial state must be floating-point or complex; got"
                f" {aval_of(y).str_short()}. Write 1.0 for 1, or y.astype(float)."
            )
    return tree_unflatten(tree, leaves)


def _checked_times(t: Any) -> Any:
    t = as_array(t, "odeint")
    short = aval_of(t).str_short()
    if not cnp.issubdtype(t.dtype, cnp.floating):
        raise TypeError(f"odeint: t must be an array of floats; got {short}.")
    if t.ndim != 1 or t.shape[0] == 0:
        raise ValueError(
            f"odeint: t must be a vector of at least one time; got {short}."
        )
    try:
        times = np.asarray(t, np.float64)
    except TracerArrayConversionError:
        return t  # decided when it runs: NaN
    if not (np.all(np.isfinite(times)) and np.all(np.diff(times) >= 0)):
        raise ValueError(
            "odeint: t must be finite and not decrease; got"
            f" {np.array2string(times, threshold=8)}. To solve backwards, solve"
            " dy/ds = -func(y, -s) at the times s = -t."
        )
    return t


def _checked_argument(x: Any) -> Any:
    try:
        return as_array(x, "odeint")
    except TypeError:
        raise TypeError(
            "odeint: further arguments must be arrays or numbers, or pytrees of them;"
            f" got {x!r}. Close over other values: odeint(lambda y, t: f(y, t, value),"
            " ...)."
        ) from None


def _check_slope(func: Any, y0: Any, t: Any, args: Any) -> None:
    """The slope must have the state's structure and shapes, and no wider kind."""
    wanted, tree = tree_flatten(y0)
    found, found_tree = tree_flatten(eval_shape(func, y0, t[0], *args))
    if found_tree != tree:
        raise TypeError(
            f"odeint: {name_of(func)} must return the structure of the state, {tree};"
            f" got {found_tree}."
        )
    for y, f in zip(wanted, found):
        real = not cnp.issubdtype(y.dtype, cnp.complexfloating)
        if y.shape != f.shape or (
            real and cnp.issubdtype(f.dtype, cnp.complexfloating)
        ):
            raise TypeError(
                f"odeint: {name_of(func)} must return the slope of the state, of type"
                f" {aval_of(y).str_short()}; got {abstract_of(f, 'odeint').str_short()}."
            )


def _solve(func: Any, control: Control, y0: Any, t: Any, args: Any) -> Any:
    _check_slope(func, y0, t, args)
    leaves, tree = tree_flatten(args)
    smooth = [is_inexact(x.dtype) for x in leaves]

    def slope(y: Any, time: Any, parts: Any) -> Any:
        given = [iter(part) for part in parts]
        return func(
            y, time, *tree_unflatten(tree, [next(given[not s]) for s in smooth])
        )

    parts = (
        [x for x, s in zip(leaves, smooth) if s],
        [x for x, s in zip(leaves, smooth) if not s],
    )
    return _solution(slope, control, y0, t, *parts)


_compiled = jit(_solve, static_argnums=(0, 1))


def _states(
    func: Any, control: Control, y0: Any, t: Any, params: Any, fixed: Any
) -> Any:
    """The states at the times; derivatives go to y0, t and the list `params`.

    `func(y, time, (params, fixed))` is the slope.
    """
    y0, unravel = ravel_pytree(y0)

    def slope(y: Any, time: Any) -> Any:
        return ravel_pytree(func(unravel(y), time, (params, fixed)))[0].astype(y.dtype)

    return vmap(unravel)(_march(slope, control, y0, t))


_solution = custom_vjp(_states, nondiff_argnums=(0, 1))


def _forward(func: Any, control: Control, y0: Any, t: Any, params: Any, fixed: Any):
    ys = _solution(func, control, y0, t, params, fixed)
    return ys, (ys, t, params, fixed)


def _backward(func: Any, control: Control, residuals: Any, ys_bar: Any) -> Any:
    """The adjoint equation, in the time s = -t, from each time to the one before it.

    The adjoint a of the state obeys da/dt = -(df/dy)^T a and jumps by the cotangent of
    each output; that of the parameters gathers (df/dp)^T a on the way. The state is
    integrated backwards along with it, and taken afresh from every output.
    """
    ys, t, params, fixed = residuals

    def adjoint(state: Any, s: Any, parts: Any) -> Any:
        y, y_bar, _ = state
        at_s = lambda y, params: func(y, -s, (params, parts[1]))
        slope, pull = vjp(at_s, y, parts[0])
        return (tree_map(cnp.negative, slope), *pull(_like(y_bar, slope)))

    def segment(carry: Any, span: Any) -> Any:
        y_bar, params_bar = carry
        y, y_bar_out, end, start = span
        y_bar = tree_map(cnp.add, y_bar, y_bar_out)
        state, times = (y, y_bar, params_bar), -cnp.stack([end, start])
        found = _solution(adjoint, control, state, times, params, fixed)
        return tree_map(lambda x: x[1], found[1:]), None

    slopes = vmap(lambda y, time: func(y, time, (params, fixed)))(ys, t)
    t_bar = vmap(_dot)(slopes, ys_bar)
    at = lambda i: lambda tree: tree_map(lambda x: x[i], tree)
    first, later = at(0), at(slice(1, None))
    zeros = tree_map(cnp.zeros_like, (first(ys), params))
    spans = (later(ys), later(ys_bar), t[1:], t[:-1])
    (y_bar, params_bar), _ = scan(segment, zeros, spans, reverse=True)
    # The first output is y0 itself; the others move with their start along the slope.
    t_bar = t_bar.at[0].set(-_dot(first(slopes), y_bar).astype(t.dtype))
    return tree_map(cnp.add, y_bar, first(ys_bar)), t_bar, params_bar, None


def _sensitivities(func: Any, control: Control, primals: Any, tangents: Any) -> Any:
    """The tangent y' of the state obeys dy'/dt = (df/dy) y' + (df/dp) p'."""
    y0, t, params, fixed = primals
    y0_dot, t_dot, params_dot, _ = tangents

    def extended(state: Any, time: Any, parts: Any) -> Any:
        (params, params_dot), fixed = parts
        at_time = lambda y, params: func(y, time, (params, fixed))
        y, y_dot = state
        slope, slope_dot = jvp(at_time, (y, params), (y_dot, params_dot))
        return slope, slope_dot

    moved = lambda sign: lambda y, f, dt: y + (sign * dt * f).astype(y.dtype)
    slope = func(y0, t[0], (params, fixed))
    start = tree_map(lambda y, f: moved(-1)(y, f, t_dot[0]), y0_dot, slope)
    ys, ys_dot = _solution(
        extended, control, (y0, start), t, (params, params_dot), fixed
    )
    slopes = vmap(lambda y, time: func(y, time, (params, fixed)))(ys, t)
    shift = lambda y, f: vmap(moved(1))(y, f, t_dot)
    return ys, tree_map(shift, ys_dot, slopes)


_solution.defvjp(_forward, _backward)
_solution.defjvp(_sensitivities)


def _like(values: Any, wanted: Any) -> Any:
    return tree_map(lambda x, y: x.astype(y.dtype), values, wanted)


def _dot(slope: Any, y_bar: Any) -> Any:
    """The sum over all leaves of slope * y_bar, real."""
    products = tree_map(lambda f, c: cnp.sum(f * c).real, slope, y_bar)
    return sum(tree_flatten(products)[0])


def _march(slope: Any, control: Control, y0: Any, t: Any) -> Any:
    """The vectors at the times t, shape (n, len(y0)); a scan of while loops."""
    end = cnp.max(t)

    def advance(solver: Solver, target: Any) -> tuple[Solver, Any]:
        def going(s: Solver) -> Any:
            short = (s.time < target) & (s.time + s.h > s.time)
            return short & (s.count < control.mxstep) if limited else short

        limited = math.isfinite(control.mxstep)
        solver = solver._replace(count=cnp.zeros((), int))
        step = lambda s: _step(slope, control, s, end)
        solver = while_loop(going, step, solver)
        held = (solver.before <= target) & (target <= solver.time)
        return solver, cnp.where(held, _between(solver, target), cnp.nan)

    slope0 = slope(y0, t[0])
    h = _first_step(slope, control, y0, slope0, t[0], end)
    nothing = cnp.zeros_like(y0)
    dense = (y0, nothing, nothing, nothing, nothing)
    start = Solver(t[0], y0, slope0, h, t[0], dense, cnp.zeros((), int))
    return scan(advance, start, t)[1]


def _step(slope: Any, control: Control, solver: Solver, end: Any) -> Solver:
    """One trial step: taken if its error is within the tolerance, and the next size."""
    time, y, f = solver.time, solver.y, solver.slope
    after = cnp.minimum(time + solver.h, end)
    h = after - time  # what the rounded times are apart
    width = h.astype(y.real.dtype)
    slopes = [f]
    for node, weights in zip(NODES, STAGES):
        new = y + width * _weighted(weights, slopes)
        slopes.append(slope(new, time + node * h))
    error = _norm(width * _weighted(ERROR, slopes), control, y, new)
    taken = error <= 1
    factor = cnp.clip(SAFETY * cnp.maximum(error, 1e-10) ** EXPONENT, SHRINK, GROW)
    # A step that rounding lengthened must shrink all the same, or it is tried forever.
    tried = cnp.minimum(h, solver.h)
    next_h = cnp.minimum(tried * factor.astype(h.dtype), control.hmax)
    dense = _dense(width, y, new, slopes)
    reached = Solver(after, new, slopes[-1], next_h, time, dense, solver.count)
    chosen = tree_map(lambda a, b: cnp.where(taken, a, b), reached, solver)
    return chosen._replace(h=next_h, count=solver.count + 1)


def _weighted(weights: Any, slopes: Any) -> Any:
    return sum(w * k for w, k in zip(weights, slopes) if w)


def _norm(values: Any, control: Control, *states: Any) -> Any:
    """Root mean square of values over their tolerances, at the larger of the states."""
    size = abs(states[0])
    for state in states[1:]:
        size = cnp.maximum(size, abs(state))
    ratio = abs(values) / (control.atol + control.rtol * size)
    return cnp.sqrt(cnp.sum(ratio**2) / max(ratio.size, 1))


def _first_step(
    slope: Any, control: Control, y0: Any, slope0: Any, time: Any, end: Any
) -> Any:
    """A guess from the sizes of y, y' and y'' (section II.4, algorithm of Gladwell)."""
    size, speed = (_norm(v, control, y0) for v in (y0, slope0))
    tiny = (size < 1e-5) | (speed < 1e-5)
    h = cnp.where(tiny, FIRST_STEP, 0.01 * size / cnp.where(tiny, 1.0, speed))
    h = cnp.minimum(h.astype(time.dtype), end - time)
    width = h.astype(y0.real.dtype)
    moved = slope(y0 + width * slope0, time + h)
    still = width == 0
    bend = _norm(moved - slope0, control, y0) / cnp.where(still, 1.0, width)
    steepest = cnp.maximum(speed, bend)
    flat = steepest <= 1e-15
    guess = (0.01 / cnp.where(flat, 1.0, steepest)) ** -EXPONENT
    guess = cnp.where(flat, cnp.maximum(FIRST_STEP, 1e-3 * width), guess)
    return cnp.minimum(cnp.minimum(100 * h, guess.astype(h.dtype)), control.hmax)


def _dense(h: Any, y: Any, new: Any, slopes: Any) -> tuple[Any, ...]:
    """Coefficients of the quartic through both ends of a step (section II.6)."""
    change = new - y
    bend = h * slopes[0] - change
    twist = change - h * slopes[-1] - bend
    return y, change, bend, twist, h * _weighted(DENSE, slopes)


def _between(solver: Solver, target: Any) -> Any:
    """The state at a time within the last step."""
    length = solver.time - solver.before
    part = (target - solver.before) / cnp.where(length == 0, 1.0, length)
    y, change, bend, twist, quartic = solver.dense
    p = part.astype(y.real.dtype)
    q = 1 - p
    return y + p * (change + q * (bend + p * (twist + q * quartic)))
