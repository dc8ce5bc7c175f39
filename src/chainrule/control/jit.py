"""jit: a function staged once per argument signature and run as one program.

The call path is native (src/runtime/jit_call.h): on a hit, arguments are flattened,
compared with a signature and handed to a program without Python. This class stages on
a miss, serves calls under transformations (an equation of the surrounding program)
and finds the words for what is wrong with arguments. `stages` has what `trace` and
`lower` return, `signatures` what programs depend on, `executors` what runs them.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..core.avals import Array, abstract_of, as_array
from ..core.config import options
from ..runtime import _native
from ..runtime._native import tree_flatten, tree_unflatten
from ..transforms.flat import FlatFun, check_callable, name_of
from ..transforms.stage import stage_closed
from .bodies import forget_bodies
from .call import call_primitive
from .executors import executable
from .selection import select
from .signatures import Signature, explain, leaf_names, signature
from .stages import Lowered, Staged, Traced, structs_of

jit_p = call_primitive("jit", "A staged function, called.")
_live: weakref.WeakSet[JitFunction] = weakref.WeakSet()


def _tuple(x: Any) -> tuple[Any, ...]:
    if x is None:
        return ()
    return (x,) if isinstance(x, (int, str)) else tuple(x)


class JitFunction(_native.JitFunction):
    """The callable that `jit` returns: a function with its staged programs.

    Calling it is native and comes here for what is not a plain hit: `_compile` for a
    new signature, `_call` where tracers or unusual arguments are about.
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        static: tuple[tuple[int, ...], tuple[str, ...]] = ((), ()),
        donate: tuple[tuple[int, ...], tuple[str, ...]] = ((), ()),
        primitive: Any = jit_p,
        **params: Any,
    ):
        functools.update_wrapper(self, fun)
        self._name = name_of(fun)
        self._rebuild = (static, donate, primitive, params)
        self._caller = "jit" if primitive is jit_p else "checkpoint"
        self._static = select(self._caller, "static", fun, *static)
        self._donate = select(self._caller, "donate", fun, *donate)
        self._donate.check_disjoint(self._static, fun)
        self._set_static(self._static.positions, self._static.names)
        self._programs: dict[Signature, Any] = {}
        self._closures = 0
        self._primitive, self._params = primitive, {"name": self._name, **params}
        _live.add(self)

    def __repr__(self) -> str:
        return f"<jit of {self.__wrapped__!r}>"

    def __reduce__(self) -> Any:
        found: Any = sys.modules.get(self.__module__)
        for part in self.__qualname__.split("."):
            found = getattr(found, part, None)
        if found is self:
            return self.__qualname__
        return _restore, (self.__wrapped__, *self._rebuild)

    def afresh(self) -> JitFunction:
        """The same function, with nothing staged yet."""
        return _restore(self.__wrapped__, *self._rebuild)

    def _call(self, *args: Any, **kwargs: Any) -> Any:
        """Any call: under a transformation, with tracers, with jit disabled."""
        if options.disable_jit:
            return self.__wrapped__(*args, **kwargs)
        leaves, tree, static = self._split(args, kwargs)
        program, outer, out_tree = self._program(leaves, tree, static)
        outs = self._primitive(*outer, *leaves, jaxpr=program, **self._params)
        return tree_unflatten(out_tree, outs)

    def _compile(self, leaves: Sequence[Any], tree: Any, static: Any) -> Any:
        """For the native path: (program, out tree, whether to keep it, donated)."""
        program, outer, out_tree = self._program(leaves, tree, static)
        if outer:
            bound = functools.partial(
                self._primitive, *outer, jaxpr=program, **self._params
            )
            return bound, out_tree, False, ()
        donated = self._donated(tree, program)
        return executable(program, donated), out_tree, True, donated

    def _split(
        self, args: Any, kwargs: Any, abstract: bool = False
    ) -> tuple[list[Any], Any, Any]:
        """Traced leaves, their structure, and the static arguments (a hashable).

        With `abstract`, ShapeDtypeStructs may stand for arrays.
        """
        static: Any = ()
        if self._static:
            args, kwargs, static = self._without_static(args, kwargs)
        leaves, tree = tree_flatten((args, kwargs))
        for i, x in enumerate(leaves):
            if not isinstance(x, Array):
                leaves[i] = self._argument(x, i, tree, abstract)
        return leaves, tree, static

    def _argument(self, x: Any, i: int, tree: Any, abstract: bool) -> Any:
        name = f"jit of {self._name}"
        try:
            return _Typed(abstract_of(x, name)) if abstract else as_array(x, name)
        except TypeError:
            where = leaf_names(self.__wrapped__, tree)[i]
            what = f"{x!r} of type {type(x).__name__}, not an array"
            if isinstance(x, (np.ndarray, np.generic)):
                what = f"an array of dtype {x.dtype}, which is neither bool nor numeric"
            raise TypeError(
                f"jit: argument {where} of {self._name} is {what}; mark it static with"
                " static_argnums or static_argnames, or register its class as a pytree."
            ) from None

    def _without_static(self, args: Any, kwargs: Any) -> tuple[Any, Any, Any]:
        nums = self._static.among(len(args))
        names = self._static.names
        fixed = [(i, args[i]) for i in nums]
        named = [(k, kwargs[k]) for k in sorted(kwargs) if k in names]
        for where, value in [*fixed, *named]:
            try:
                hash(value)
            except TypeError:
                raise ValueError(
                    f"{self._caller}: the static argument {where!r} of {self._name} is"
                    f" not hashable: {value!r} of type {type(value).__name__}. Static"
                    " arguments key the cache of programs; pass a tuple, or trace it."
                ) from None
        args = tuple(None if i in nums else a for i, a in enumerate(args))
        kwargs = {k: v for k, v in kwargs.items() if k not in names}
        keyed = tuple((where, type(v), v) for where, v in [*fixed, *named])
        return args, kwargs, keyed

    def _program(self, leaves: Sequence[Any], tree: Any, static: Any) -> Any:
        key = signature(leaves, tree, static)
        found = self._programs.get(key)
        if found is None:
            found = self._trace(key)
            if found[1]:
                self._closures += 1
            else:
                self._programs[key] = found
        return found

    def _trace(self, key: Signature) -> Any:
        fun = self.__wrapped__
        fixed = {where: v for where, _, v in key.static}
        named = {k: v for k, v in fixed.items() if isinstance(k, str)}

        def whole(args: Any, kwargs: Any) -> Any:
            full = [fixed.get(i, a) if i in fixed else a for i, a in enumerate(args)]
            return fun(*full, **kwargs, **named)

        flat = FlatFun(whole, key.tree)
        flat.name = self._name
        names = _LazyNames(fun, key.tree)
        program, outer = stage_closed(flat, key.avals, self._name, names)
        return program, outer, flat.out_tree

    def _donated(self, tree: Any, program: Any) -> tuple[int, ...]:
        """The donated leaves that an output can reuse; the others earn a warning."""
        if not self._donate:
            return ()
        free = [(a.shape, a.dtype) for a in program.out_avals]
        usable: list[int] = []
        useless: list[str] = []
        for i in self._donate.leaves(tree):
            aval = program.in_avals[i]
            if (aval.shape, aval.dtype) in free:
                free.remove((aval.shape, aval.dtype))
                usable.append(i)
            else:
                useless.append(aval.str_short())
        if useless:
            warnings.warn(
                f"jit: no output of {self._name} can take the place of the donated"
                f" {', '.join(useless)}; these arguments are kept.",
                stacklevel=3,
            )
        return tuple(usable)

    def _donated_twice(self, tree: Any, first: int, second: int) -> None:
        names = leaf_names(self.__wrapped__, tree)
        raise ValueError(
            f"jit: arguments {names[first]} and {names[second]} of {self._name} are one"
            " array, and it is donated; pass a copy, or do not donate it."
        )

    def trace(self, *args: Any, **kwargs: Any) -> Traced:
        """The program for these arguments (arrays or ShapeDtypeStructs)."""
        leaves, tree, static = self._split(args, kwargs, abstract=True)
        program, outer, out_tree = self._program(leaves, tree, static)
        donated = self._donated(tree, program) if not outer else ()
        fixed = frozenset(where for where, _, _ in static)
        return Traced(
            Staged(self.__wrapped__, program, outer, tree, fixed, out_tree, donated)
        )

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """The program for these arguments, ready to be compiled ahead of time."""
        return self.trace(*args, **kwargs).lower()

    def eval_shape(self, *args: Any, **kwargs: Any) -> Any:
        """ShapeDtypeStructs of what the function returns for these arguments."""
        leaves, tree, static = self._split(args, kwargs, abstract=True)
        program, _, out_tree = self._program(leaves, tree, static)
        return structs_of(program.out_avals, out_tree)

    def explain_recompile(self) -> str:
        """Why each program was traced: which argument differed, and how.

        >>> import chainrule as cr, chainrule.numpy as cnp
        >>> f = cr.jit(lambda x: x + 1)
        >>> _ = f(cnp.ones(4)), f(cnp.ones(5))
        >>> print(f.explain_recompile())
        <lambda>: 2 programs traced.
        1. the first call (x: f32[4])
        2. unlike 1: argument x: f32[4] -> f32[5]
        """
        return explain(
            self.__wrapped__, self._name, list(self._programs), self._closures
        )

    def clear_cache(self) -> None:
        """Forgets all staged programs."""
        self._programs.clear()
        self._closures = 0
        self._clear_entries()


def _restore(
    fun: Any, static: Any, donate: Any, primitive: Any, params: Any
) -> JitFunction:
    return JitFunction(fun, static, donate, primitive, **params)


class _Typed:
    """Stands for an array of which only the type is known."""

    __slots__ = ("aval",)

    def __init__(self, aval: Any):
        self.aval = aval


class _LazyNames(Sequence[str]):
    """Names of a program's arguments, found only when a message needs one."""

    def __init__(self, fun: Any, tree: Any):
        self.fun, self.tree = fun, tree

    def __len__(self) -> int:
        return self.tree.num_leaves

    def __getitem__(self, i: Any) -> Any:
        return leaf_names(self.fun, self.tree)[i]


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
    control_flow: str = "trace",
) -> Any:
    """Stages `fun` to a program, once per signature of its arguments.

    Args:
        fun: a pure function of arrays or pytrees of them. Without it, returns a
            decorator.
        static_argnums, static_argnames: positions or names of arguments that are not
            traced; they must be hashable, and each value gets a program of its own.
        donate_argnums, donate_argnames: arguments whose memory outputs may take; those
            arrays are deleted by the call.
        keep_unused, inline: accepted; they do not change results.
        control_flow: "convert" lets traced values decide `if`, `while`, `for` over
            `range`, boolean operators and assertions of `fun` itself; see
            docs/control_flow.md. By default they raise.
        in_shardings, out_shardings, device, backend, compiler_options: accepted.

    Returns:
        A function with the arguments of `fun`, and the methods `trace`, `lower`,
        `eval_shape`, `explain_recompile` and `clear_cache`.

    Raises:
        TypeError: an argument is neither array nor static.
        ValueError: a static argument is not hashable, or does not exist; a donated
            array is passed twice.
        TracerBoolConversionError and its siblings: `fun` needs a traced value.

    >>> import chainrule as cr
    >>> float(cr.jit(lambda x: x * 2)(3.0))
    6.0
    """
    if fun is None:
        given = {k: v for k, v in locals().items() if k != "fun"}
        return lambda f: jit(f, **given)
    check_callable("jit", fun)
    if control_flow != "trace":
        fun = _converted(fun, control_flow)
    return JitFunction(
        fun,
        (_tuple(static_argnums), _tuple(static_argnames)),
        (_tuple(donate_argnums), _tuple(donate_argnames)),
    )


_converters: list[Callable[[Any], Any]] = []


def set_converter(convert: Callable[[Any], Any]) -> None:
    """Says what converts the control flow of functions, for `control_flow`."""
    _converters[:] = [convert]


def _converted(fun: Any, control_flow: str) -> Any:
    if control_flow != "convert":
        raise ValueError(
            f"jit: control_flow must be 'trace' or 'convert'; got {control_flow!r}."
        )
    return _converters[0](fun)


def clear_caches() -> None:
    """Forgets the staged programs of all jitted functions, and of loops' bodies."""
    forget_bodies()
    for function in list(_live):
        function.clear_cache()


def named_call(
    fun: Callable[..., Any], *, name: str | None = None
) -> Callable[..., Any]:
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
