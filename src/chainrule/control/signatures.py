"""Signatures: what a staged program depends on, and what set two of them apart.

A `Signature` holds the structure and types of the traced arguments, the static ones,
and the configuration; equal signatures share a program. The runtime compares
configurations by the token that `configuration` hands out. `explain` puts into words
why each signature needed a program of its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from ..core.axis_env import bound_axes
from ..core.config import options
from ..runtime import _native
from ..runtime._native import tree_unflatten
from ..runtime.pytree import keystr, tree_flatten_with_path
from .executors import current_executor

OPTIONS = (
    "enable_x64", "default_matmul_precision", "numpy_rank_promotion",
    "numpy_dtype_promotion", "default_prng_impl", "enable_custom_prng",
    "default_device", "enable_checks", "nan_safe_gradients",
)  # fmt: skip
"""The options that a program may depend on."""

_values = attrgetter(*OPTIONS)
_tokens: dict[Any, int] = {}


class Signature(NamedTuple):
    """What one program of a jitted function was staged for."""

    tree: Any
    avals: tuple[Any, ...]
    static: tuple[tuple[int | str, type, Any], ...]
    options: tuple[Any, ...]
    axes: tuple[tuple[Any, int], ...]


def signature(leaves: Sequence[Any], tree: Any, static: Any) -> Signature:
    """The signature of a call with these arrays, under the options in force."""
    avals = tuple([x.aval for x in leaves])
    return Signature(tree, avals, static, _values(options), bound_axes())


def configuration() -> tuple[int, bool, bool]:
    """The token of this thread's configuration, and whether 64-bit types and

    nan_safe_gradients are on. Token 0: calls must be looked at in Python (checks, no jit, named axes).
    """
    special = options.disable_jit or options.debug_nans or options.debug_infs
    if special or bound_axes():
        return 0, options.enable_x64, options.nan_safe_gradients
    key = (_values(options), current_executor())
    token = _tokens.setdefault(key, len(_tokens) + 1)
    return token, options.enable_x64, options.nan_safe_gradients


_native.set_hooks({"configuration": configuration})


def parameter_names(fun: Any, count: int) -> list[str]:
    """The names of the first `count` positional arguments of `fun`."""
    try:
        names = list(inspect.signature(fun).parameters)[:count]
    except (TypeError, ValueError):
        names = []
    return names + [f"args[{i}]" for i in range(len(names), count)]


def leaf_names(fun: Any, tree: Any) -> list[str]:
    """How the user names each leaf of (args, kwargs): `x`, `params['w'][0]`."""
    args, kwargs = tree_unflatten(tree, range(tree.num_leaves))
    positional = parameter_names(fun, len(args))
    paths, _ = tree_flatten_with_path((args, kwargs))
    return [
        (path[1].key if path[0].idx else positional[path[1].idx]) + keystr(path[2:])
        for path, _ in paths
    ]


def _arguments(fun: Any, tree: Any) -> dict[str, Any]:
    """The structure of each argument by its name."""
    args, kwargs = tree.children()
    positional = args.children()
    found = dict(zip(parameter_names(fun, len(positional)), positional))
    return found | dict(zip(_keywords(tree), kwargs.children()))


def _keywords(tree: Any) -> list[str]:
    return tree.children()[1].node_data()[1]


def type_text(aval: Any) -> str:
    """An aval in short, and whether it is weakly typed: 'f32[2]', 'f32[] (weak)'."""
    return aval.str_short() + (" (weak)" if aval.weak_type else "")


def _changes(
    what: str, old: dict[Any, Any], new: dict[Any, Any], text: Any
) -> Iterator[str]:
    for name in [*old, *(n for n in new if n not in old)]:
        before = text(old[name]) if name in old else "absent"
        after = text(new[name]) if name in new else "absent"
        if before != after:
            yield f"{what} {name}: {before} -> {after}"


def differences(fun: Any, old: Signature, new: Signature) -> list[str]:
    """What changed from one signature to the other, a line for each change."""
    found: list[str] = []
    if old.tree != new.tree:
        before, after = _arguments(fun, old.tree), _arguments(fun, new.tree)
        shared = [n for n in before if n in after and before[n] != after[n]]
        found += [
            f"argument {n}: structure {_body(before[n])} -> {_body(after[n])}"
            for n in shared
        ]
    types = [dict(zip(leaf_names(fun, s.tree), s.avals)) for s in (old, new)]
    found += _changes("argument", *types, type_text)
    names = parameter_names(fun, 1 + max([-1, *_positions(old), *_positions(new)]))
    statics = [
        {names[k] if isinstance(k, int) else k: (t, v) for k, t, v in s.static}
        for s in (old, new)
    ]
    found += _changes("static argument", *statics, lambda pair: repr(pair[1]))
    settings = [dict(zip(OPTIONS, s.options)) for s in (old, new)]
    found += _changes("option", *settings, repr)
    found += _changes("axis", dict(old.axes), dict(new.axes), str)
    if not found:
        by_name = [", ".join(_named(s)) or "none" for s in (old, new)]
        if by_name[0] != by_name[1]:
            return [f"arguments by keyword: {by_name[0]} -> {by_name[1]}"]
    return found or ["values that print alike but are not equal"]


def _positions(s: Signature) -> list[int]:
    return [k for k, _, _ in s.static if isinstance(k, int)]


def _named(s: Signature) -> list[str]:
    return sorted(
        [*_keywords(s.tree), *(k for k, _, _ in s.static if isinstance(k, str))]
    )


def _body(tree: Any) -> str:
    return str(tree).removeprefix("PyTreeDef(").removesuffix(")")


def explain(fun: Any, name: str, signatures: Sequence[Signature], closures: int) -> str:
    """Why each of the programs of `fun` was made, against the nearest one before it."""
    lines = [f"{name}: {len(signatures)} program{'s' * (len(signatures) != 1)} traced."]
    for i, new in enumerate(signatures):
        if i == 0:
            types = zip(leaf_names(fun, new.tree), new.avals)
            text = ", ".join(f"{n}: {type_text(a)}" for n, a in types)
            lines.append(f"1. the first call ({text or 'no traced arguments'})")
            continue
        found = [
            (differences(fun, old, new), k) for k, old in enumerate(signatures[:i])
        ]
        changed, nearest = min(found, key=lambda pair: (len(pair[0]), -pair[1]))
        lines.append(f"{i + 1}. unlike {nearest + 1}: {'; '.join(changed)}")
    if closures:
        lines.append(
            f"{closures} more trace{'s were' if closures != 1 else ' was'} not kept:"
            f" {name} closes over values of an outer transformation; pass them as"
            " arguments to keep the program."
        )
    return "\n".join(lines)
