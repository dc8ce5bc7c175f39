"""Checks of what transformations are given, before anything is computed.

Each names the transformation, the argument or output in the user's words, what it is and
what to do. Tangents and cotangents that pass are arrays of the type of their primal or
output; None stands for the (empty) tangent of an integer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core import dtypes
from ..core.avals import Array, as_array
from ..runtime._native import tree_unflatten
from ..runtime.pytree import keystr, tree_flatten_with_path
from ..transforms.flat import leaf_name, name_of


def differentiable(
    name: str, fun: Any, args: Any, where: Any, leaves: Sequence[Any], kinds: str
) -> list[Any]:
    """Leaves of `args` as arrays whose dtypes are of one of the `kinds`.

    A Python int is taken as the float it stands for: `grad(f)(1)` is `grad(f)(1.0)`.
    """
    found: list[Any] = []
    for x in leaves:
        if not isinstance(x, Array):
            wants_float = type(x) is int and "f" in kinds and "i" not in kinds
            x = as_array(float(x) if wants_float else x, name)
        if dtypes.kind(x.dtype) not in kinds:
            which = f"argument {leaf_name(fun, len(found), args, None, where)}"
            raise _unsuitable(f"{name}: {which} of {name_of(fun)}", x.aval, kinds)
        found.append(x)
    return found


def _unsuitable(what: str, aval: Any, kinds: str) -> TypeError:
    got = aval.str_short()
    if kinds == "c":
        return TypeError(
            f"{what} must be complex with holomorphic=True; got {got}. Convert it with"
            " astype(complex)."
        )
    if dtypes.is_complex(aval.dtype):
        return TypeError(
            f"{what} must be real; got {got}. For a holomorphic function pass"
            " holomorphic=True."
        )
    return TypeError(
        f"{what} must have a floating-point dtype to be differentiated; got {got}. Pass"
        " a float; grad and jacrev also take allow_int=True, for a gradient of dtype"
        " float0."
    )


def check_outputs(name: str, fun: Any, outs: Sequence[Any], kinds: str) -> None:
    """Raises TypeError unless all outputs have dtypes of one of the `kinds`."""
    for y in outs:
        if dtypes.kind(y.dtype) in kinds:
            continue
        if kinds == "c":
            wanted, remedy = "complex with holomorphic=True", "leave holomorphic out"
        elif dtypes.is_complex(y.dtype):
            wanted = "real"
            remedy = "return its real part, or pass holomorphic=True"
        else:
            wanted, remedy = "floating-point", "convert it with astype(float)"
        raise TypeError(
            f"{name}: the output of {name_of(fun)} must be {wanted}; got dtype"
            f" {y.dtype}. To differentiate, {remedy}."
        )


def tangents(
    name: str, fun: Any, primals: Any, leaves: Sequence[Any], dots: Sequence[Any]
) -> list[Any]:
    """`dots` as tangents of the `leaves` of `primals`; None for those of integers."""
    return [
        _tangent(name, fun, primals, i, x, t)
        for i, (x, t) in enumerate(zip(leaves, dots))
    ]


def _tangent(name: str, fun: Any, primals: Any, i: int, x: Any, t: Any) -> Any:
    expected = dtypes.tangent_dtype(x.dtype)
    if expected == dtypes.float0:
        if getattr(t, "dtype", None) == dtypes.float0:
            return None
        raise TypeError(
            f"{name}: argument {leaf_name(fun, i, primals)} of {name_of(fun)} has type"
            f" {x.aval.str_short()}, which has no tangents; give"
            f" numpy.zeros({x.shape}, chainrule.float0)."
        )
    t = as_array(t, name)
    if t.shape != x.shape or t.dtype != expected:
        raise TypeError(
            f"{name}: the tangent of argument {leaf_name(fun, i, primals)} of"
            f" {name_of(fun)} must have its type {x.aval.str_short()}; got"
            f" {t.aval.str_short()}."
        )
    return t


def cotangents(
    name: str, fun: Any, tree: Any, avals: Sequence[Any], cts: Sequence[Any]
) -> list[Any]:
    """`cts` as cotangents of outputs of types `avals`, which make up `tree`."""
    return [
        _cotangent(name, fun, tree, i, aval, ct)
        for i, (aval, ct) in enumerate(zip(avals, cts))
    ]


def _cotangent(name: str, fun: Any, tree: Any, i: int, aval: Any, ct: Any) -> Any:
    if not dtypes.is_inexact(aval.dtype):
        return None
    ct = as_array(ct, name)
    if ct.shape != aval.shape or ct.dtype != aval.dtype:
        outputs = tree_unflatten(tree, range(tree.num_leaves))
        path = keystr(tree_flatten_with_path(outputs)[0][i][0])
        which = f"output{path}" if path else "the output"
        raise ValueError(
            f"{name}: the cotangent of {which} of {name_of(fun)} must have its type"
            f" {aval.str_short()}; got {ct.aval.str_short()}."
        )
    return ct
