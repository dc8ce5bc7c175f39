"""jit: a function staged once per argument signature and run as one program.

The signature is the structure and types of the traced arguments plus the static ones.
On a hit the staged program is called; the `jit` equation makes it one step of any
program around it. (The compiler turns such programs into native code; until it is
there they are evaluated equation by equation.)
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import weakref
from typing import Any, Callable, Iterable, Iterator, Sequence

import numpy as np

from ..core.avals import Array, as_array, aval_of
from ..core.axis_env import bound_axes
from ..core.config import options
from ..runtime._native import tree_flatten, tree_unflatten
from ..transforms.flat import FlatFun, check_callable, leaf_name, name_of
from ..transforms.stage import stage_closed
from .call import call_primitive

jit_p = call_primitive("jit", "A staged function, called.")
_live: weakref.WeakSet[JitFunction] = weakref.WeakSet()


def _tuple(x: Any) -> tuple[Any, ...]:
    if x is None:
        return ()
    return (x,) if isinstance(x, (int, str)) else tuple(x)


class JitFunction:
    """The callable that `jit` returns: a function with its staged programs."""

    def __init__(
        self,
        fun: Callable[..., Any],
        static_argnums: tuple[int, ...],
        static_argnames: tuple[str, ...],
        donate: tuple[tuple[int, ...], tuple[str, ...]],
        keep_unused: bool = False,
        inline: bool = False,
        primitive: Any = jit_p,
        **params: Any,
    ):
        self.__wrapped__ = fun
        functools.update_wrapper(self, fun)
        self._name = name_of(fun)
        self._static_nums, self._static_names = _statics(
            fun, static_argnums, static_argnames
        )
        self._donate = donate
        self._keep_unused, self._inline = keep_unused, inline
        self._programs: dict[Any, Any] = {}
        _live.add(self)
        self._primitive, self._params = primitive, {"name": self._name, **params}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if options.disable_jit:
            return self.__wrapped__(*args, **kwargs)
        leaves, tree, static = self._split(args, kwargs)
        program, outer, out_tree = self._program(leaves, tree, static)
        outs = self._primitive(*outer, *leaves, jaxpr=program, **self._params)
        return tree_unflatten(out_tree, outs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return f"<jit of {self.__wrapped__!r}>"

    def _split(self, args: Any, kwargs: Any) -> tuple[list[Any], Any, Any]:
        """Traced leaves, their structure, and the static arguments (a hashable)."""
        static: Any = ()
        if self._static_nums or self._static_names:
            args, kwargs, static = self._without_static(args, kwargs)
        leaves, tree = tree_flatten((args, kwargs))
        for i, x in enumerate(leaves):
            if not isinstance(x, Array):
                leaves[i] = self._argument(x, i, tree)
        return leaves, tree, static

    def _argument(self, x: Any, i: int, tree: Any) -> Any:
        try:
            return as_array(x, f"jit of {self._name}")
        except TypeError:
            name = _LazyNames(self.__wrapped__, tree)[i]
            what = f"{x!r} of type {type(x).__name__}, not an array"
            if isinstance(x, (np.ndarray, np.generic)):
                what = f"an array of dtype {x.dtype}, which is neither bool nor numeric"
            raise TypeError(
                f"jit: argument {name} of {self._name} is {what}; mark it static with"
                " static_argnums or static_argnames, or register its class as a pytree."
            ) from None

    def _without_static(self, args: Any, kwargs: Any) -> tuple[Any, Any, Any]:
        nums = {i % len(args) for i in self._static_nums if -len(args) <= i < len(args)}
        fixed = [(i, args[i]) for i in sorted(nums)]
        named = [(k, kwargs[k]) for k in sorted(kwargs) if k in self._static_names]
        for where, value in [*fixed, *named]:
            try:
                hash(value)
            except TypeError:
                raise ValueError(
                    f"jit: the static argument {where!r} of {self._name} is not hashable:"
                    f" {value!r} of type {type(value).__name__}. Static arguments key"
                    " the cache of programs; pass a tuple, or trace it."
                ) from None
        args = tuple(None if i in nums else a for i, a in enumerate(args))
        kwargs = {k: v for k, v in kwargs.items() if k not in self._static_names}
        keyed = tuple((where, type(v), v) for where, v in [*fixed, *named])
        return args, kwargs, keyed

    def _program(self, leaves: Sequence[Any], tree: Any, static: Any) -> Any:
        key = (
            tree,
            tuple([x.aval for x in leaves]),
            static,
            options.enable_x64,
            options.default_matmul_precision,
            bound_axes(),
        )
        found = self._programs.get(key)
        if found is None:
            found = self._trace(leaves, tree, static)
            if not found[1]:
                self._programs[key] = found
        return found

    def _trace(self, leaves: Sequence[Any], tree: Any, static: Any) -> Any:
        fun = self.__wrapped__
        fixed = {where: v for where, _, v in static}

        def whole(args: Any, kwargs: Any) -> Any:
            full = [fixed.get(i, a) if i in fixed else a for i, a in enumerate(args)]
            named = {k: v for k, v in fixed.items() if isinstance(k, str)}
            return fun(*full, **kwargs, **named)

        flat = FlatFun(whole, tree)
        flat.name = self._name
        program, outer = stage_closed(
            flat,
            [aval_of(x) for x in leaves],
            self._name,
            _LazyNames(fun, tree),
        )
        return program, outer, flat.out_tree

    def trace(self, *args: Any, **kwargs: Any) -> Any:
        """The program for these arguments (arrays or ShapeDtypeStructs)."""
        leaves, tree, static = self._split(args, kwargs)
        return self._program(leaves, tree, static)[0]

    def clear_cache(self) -> None:
        """Forgets all staged programs."""
        self._programs.clear()


class _LazyNames(Sequence[str]):
    """Names of a program's arguments, found only when a message needs one."""

    def __init__(self, fun: Any, tree: Any):
        self.fun, self.tree = fun, tree

    def __len__(self) -> int:
        return self.tree.num_leaves

    def __getitem__(self, i: Any) -> Any:
        args, kwargs = tree_unflatten(self.tree, range(len(self)))
        return leaf_name(self.fun, i, args, kwargs)


def _statics(
    fun: Any, nums: tuple[int, ...], names: tuple[str, ...]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Static positions and names, each inferred from the other by the signature."""
    try:
        parameters = list(inspect.signature(fun).parameters.values())
    except (TypeError, ValueError):
        return nums, names
    positional = [
        p.name
        for p in parameters
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    has_rest = any(p.kind == p.VAR_POSITIONAL for p in parameters)
    for i in nums:
        if not has_rest and not -len(positional) <= i < len(positional):
            raise ValueError(
                f"jit: static_argnums {i} is out of range: {name_of(fun)} takes"
                f" {len(positional)} positional arguments."
            )
    known = [p.name for p in parameters]
    any_name = any(p.kind == p.VAR_KEYWORD for p in parameters)
    for name in names:
        if name not in known and not any_name:
            raise ValueError(
                f"jit: static_argnames {name!r} names no parameter of {name_of(fun)};"
                f" it has {', '.join(known) or 'none'}."
            )
    if nums and not names:
        names = tuple(positional[i] for i in nums if -len(positional) <= i < len(positional))
    elif names and not nums:
        nums = tuple(i for i, p in enumerate(positional) if p in names)
    return nums, names


def jit(
    fun: Callable[..., Any] | None = None,
    /,
    *,
    in_shardings: Any = None,
    out_shardings: Any = None,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Iterable[str] | None = None,
    donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Iterable[str] | None = None,
    keep_unused: bool = False,
    device: Any = None,
    backend: Any = None,
    inline: bool = False,
    compiler_options: Any = None,
) -> Any:
    """Stages `fun` to a program, once per signature of its arguments.

    Args:
        fun: a pure function of arrays or pytrees of them. Without it, returns a
            decorator.
        static_argnums, static_argnames: positions or names of arguments that are not
            traced; they must be hashable, and each value gets a program of its own.
        donate_argnums, donate_argnames: arguments whose memory may be reused.
        keep_unused, inline: accepted; they do not change results.
        in_shardings, out_shardings, device, backend, compiler_options: accepted.

    Returns:
        A function with the arguments of `fun`.

    Raises:
        TypeError: an argument is neither array nor static.
        ValueError: a static argument is not hashable, or does not exist.
        TracerBoolConversionError and its siblings: `fun` needs a traced value.

    >>> import chainrule as cr
    >>> float(cr.jit(lambda x: x * 2)(3.0))
    6.0
    """
    if fun is None:
        given = {k: v for k, v in locals().items() if k != "fun"}
        return lambda f: jit(f, **given)
    check_callable("jit", fun)
    return JitFunction(
        fun,
        _tuple(static_argnums),
        _tuple(static_argnames),
        (_tuple(donate_argnums), _tuple(donate_argnames)),
        keep_unused,
        inline,
    )


def clear_caches() -> None:
    """Forgets the staged programs of all jitted functions."""
    for function in list(_live):
        function.clear_cache()


def named_call(fun: Callable[..., Any], *, name: str | None = None) -> Callable[..., Any]:
    """`fun` under another name, as programs and messages show it.

    >>> import chainrule as cr
    >>> cr.named_call(lambda x: x, name="identity").__name__
    'identity'
    """
    check_callable("named_call", fun)

    @functools.wraps(fun)
    def named(*args: Any, **kwargs: Any) -> Any:
        return fun(*args, **kwargs)

    named.__name__ = name or name_of(fun)
    return named


@contextlib.contextmanager
def named_scope(name: str) -> Iterator[None]:
    """A block whose operations belong together under `name`; results do not change."""
    if not isinstance(name, str):
        raise TypeError(f"named_scope: the name must be a string; got {name!r}.")
    yield
