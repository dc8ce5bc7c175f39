"""New types of pytree nodes: registration, and Partial, a callable that is a pytree.

A registered type says how its values are taken apart (children, static data) and put
together. Static data take part in comparing structures, so they must be hashable and
comparable with ==. A type is registered once and for the life of the process; values
of its subclasses are leaves until the subclass is registered too.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from . import _native


def register_pytree_node(
    nodetype: type,
    flatten_func: Callable[[Any], tuple[Iterable[Any], Any]],
    unflatten_func: Callable[[Any, Iterable[Any]], Any],
    flatten_with_keys_func: Callable[[Any], tuple[Iterable[Any], Any]] | None = None,
) -> None:
    """Makes values of a class nodes of pytrees.

    Args:
      nodetype: the class.
      flatten_func: from a value to a pair: its children, and static data.
      unflatten_func: from static data and a tuple of children to a value.
      flatten_with_keys_func: as flatten_func, each child as a pair (key, child).

    Raises:
      ValueError: the class is registered already.
      TypeError: nodetype is no class, or a function is not callable.

    >>> from chainrule import tree_util
    >>> class Interval:
    ...     def __init__(self, low, high):
    ...         self.low, self.high = low, high
    >>> tree_util.register_pytree_node(
    ...     Interval, lambda x: ((x.low, x.high), None), lambda _, ends: Interval(*ends)
    ... )
    >>> tree_util.tree_leaves([Interval(1, 2), 3])
    [1, 2, 3]
    """
    _native.register_node(
        nodetype, flatten_func, unflatten_func, flatten_with_keys_func
    )


def register_pytree_node_class(cls: type) -> type:
    """Class decorator: registers a class by its own methods.

    Args:
      cls: a class with a method `tree_flatten()`, which gives (children, static data),
        and a class method `tree_unflatten(static data, children)`.

    Raises:
      AttributeError: a method is missing.
      ValueError: the class is registered already.

    >>> from chainrule import tree_util
    >>> @tree_util.register_pytree_node_class
    ... class Pair:
    ...     def __init__(self, *items):
    ...         self.items = items
    ...     def tree_flatten(self):
    ...         return self.items, None
    ...     @classmethod
    ...     def tree_unflatten(cls, static, children):
    ...         return cls(*children)
    >>> tree_util.tree_map(lambda x: 2 * x, Pair(1, 2)).items
    (2, 4)
    """
    register_pytree_node(cls, cls.tree_flatten, cls.tree_unflatten)
    return cls


def _without_keys(
    flatten_with_keys: Callable[[Any], tuple[Iterable[Any], Any]], value: Any
) -> tuple[list[Any], Any]:
    pairs, static = flatten_with_keys(value)
    return [child for _, child in pairs], static


def register_pytree_with_keys(
    nodetype: type,
    flatten_with_keys: Callable[[Any], tuple[Iterable[Any], Any]],
    unflatten_func: Callable[[Any, Iterable[Any]], Any],
    flatten_func: Callable[[Any], tuple[Iterable[Any], Any]] | None = None,
) -> None:
    """Makes values of a class nodes whose children have keys in key paths.

    Args:
      nodetype: the class.
      flatten_with_keys: from a value to a pair: its children as pairs (key, child), and
        static data.
      unflatten_func: from static data and a tuple of children to a value.
      flatten_func: as flatten_with_keys without the keys, for speed.

    Raises:
      ValueError: the class is registered already.

    >>> from chainrule import tree_util
    >>> class Point:
    ...     def __init__(self, x, y):
    ...         self.x, self.y = x, y
    >>> tree_util.register_pytree_with_keys(
    ...     Point,
    ...     lambda p: ([(tree_util.GetAttrKey(k), getattr(p, k)) for k in "xy"], None),
    ...     lambda _, children: Point(*children),
    ... )
    >>> pairs = tree_util.tree_leaves_with_path(Point(1, 2))
    >>> [tree_util.keystr(path) for path, _ in pairs]
    ['.x', '.y']
    """
    if flatten_func is None:
        flatten_func = functools.partial(_without_keys, flatten_with_keys)
    register_pytree_node(nodetype, flatten_func, unflatten_func, flatten_with_keys)


def register_pytree_with_keys_class(cls: type) -> type:
    """Class decorator: registers a class with keys by its own methods.

    Args:
      cls: a class with a method `tree_flatten_with_keys()`, which gives (pairs of key
        and child, static data), a class method `tree_unflatten(static data, children)`
        and, if it likes, `tree_flatten()`.

    Raises:
      AttributeError: a method is missing.
      ValueError: the class is registered already.

    >>> from chainrule import tree_util
    >>> @tree_util.register_pytree_with_keys_class
    ... class Box:
    ...     def __init__(self, inside):
    ...         self.inside = inside
    ...     def tree_flatten_with_keys(self):
    ...         return [(tree_util.GetAttrKey("inside"), self.inside)], None
    ...     @classmethod
    ...     def tree_unflatten(cls, static, children):
    ...         return cls(*children)
    >>> tree_util.keystr(tree_util.tree_leaves_with_path(Box([5]))[0][0])
    '.inside[0]'
    """
    flatten_func = getattr(cls, "tree_flatten", None)
    register_pytree_with_keys(
        cls, cls.tree_flatten_with_keys, cls.tree_unflatten, flatten_func
    )
    return cls


def _field_names(
    nodetype: Any, data_fields: Any, meta_fields: Any, drop_fields: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The data and the meta fields, given or read from a dataclass."""
    if data_fields is not None and meta_fields is not None:
        for names in (data_fields, meta_fields, drop_fields):
            if isinstance(names, str):
                raise TypeError(
                    f"register_dataclass: fields are sequences of names, got {names!r};"
                    f" write [{names!r}]."
                )
        return tuple(data_fields), tuple(meta_fields)
    if data_fields is not None or meta_fields is not None:
        raise TypeError(
            "register_dataclass: give both data_fields and meta_fields or none of them,"
            f" got data_fields={data_fields!r} and meta_fields={meta_fields!r}."
        )
    if not dataclasses.is_dataclass(nodetype):
        raise TypeError(
            f"register_dataclass: {nodetype!r} is no dataclass; give data_fields and"
            " meta_fields."
        )
    fields = [
        field
        for field in dataclasses.fields(nodetype)
        if field.init and field.name not in drop_fields
    ]
    static = {field.name for field in fields if field.metadata.get("static", False)}
    data = tuple(field.name for field in fields if field.name not in static)
    return data, tuple(field.name for field in fields if field.name in static)


def _check_fields(
    nodetype: type, data: tuple[str, ...], meta: tuple[str, ...], drop: Sequence[str]
) -> None:
    names = data + meta
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(
            f"register_dataclass: fields {repeated} of {nodetype!r} are given twice;"
            " each is either a data field or a meta field."
        )
    if not dataclasses.is_dataclass(nodetype):
        return
    wanted = {field.name for field in dataclasses.fields(nodetype) if field.init}
    wanted -= set(drop)
    missing, unknown = sorted(wanted - set(names)), sorted(set(names) - wanted)
    if missing:
        raise ValueError(
            f"register_dataclass: fields {missing} of {nodetype!r} are missing; add"
            " them to data_fields, meta_fields or drop_fields."
        )
    if unknown:
        raise ValueError(
            f"register_dataclass: {unknown} are no fields of {nodetype!r} that its"
            f" __init__ takes and drop_fields keeps; those are {sorted(wanted)}."
        )


def register_dataclass(
    nodetype: type,
    data_fields: Sequence[str] | None = None,
    meta_fields: Sequence[str] | None = None,
    drop_fields: Sequence[str] = (),
) -> type:
    """Makes values of a dataclass nodes; usable as a class decorator.

    Args:
      nodetype: a dataclass, or any class that takes its fields as keyword arguments.
      data_fields: names of the children. Without data_fields and meta_fields they are
        all fields of the dataclass not made by `tree.static`.
      meta_fields: names of the static data, which must be hashable.
      drop_fields: names of fields that are neither: they get their default again.

    Returns:
      nodetype.

    Raises:
      TypeError: one of data_fields and meta_fields is given alone, or none for a class
        that is no dataclass.
      ValueError: the names are not those of the fields, or the class is registered.

    >>> import dataclasses
    >>> from chainrule import tree, tree_util
    >>> @tree_util.register_dataclass
    ... @dataclasses.dataclass
    ... class Layer:
    ...     weight: float
    ...     activation: str = tree.static(default="tanh")
    >>> tree_util.tree_flatten(Layer(2.0))
    ([2.0], PyTreeDef(CustomNode(Layer[('tanh',)], [*])))
    """
    data, meta = _field_names(nodetype, data_fields, meta_fields, drop_fields)
    _check_fields(nodetype, data, meta, drop_fields)
    _native.register_dataclass_node(nodetype, data, meta)
    return nodetype


def static(**kwargs: Any) -> Any:
    """A dataclass field that `register_dataclass` takes for static data.

    Args:
      **kwargs: those of `dataclasses.field`.

    >>> static(default=3).metadata["static"]
    True
    """
    metadata = {"static": True, **(kwargs.pop("metadata", None) or {})}
    return dataclasses.field(metadata=metadata, **kwargs)


def register_static(cls: type) -> type:
    """Class decorator: makes values of a class nodes without children.

    The value itself is the static data: it must be hashable and comparable with ==.

    Raises:
      ValueError: the class is registered already.

    >>> from chainrule import tree_util
    >>> @tree_util.register_static
    ... class Name(str):
    ...     pass
    >>> tree_util.tree_leaves([Name("a"), 1])
    [1]
    """
    register_pytree_node(cls, lambda value: ((), value), lambda value, _: value)
    return cls


class _Whole:
    """Hides a functools.partial from functools.partial, which would merge with it."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Whole):
            return NotImplemented
        return self.function == other.function

    def __hash__(self) -> int:
        return hash(self.function)

    def __repr__(self) -> str:
        return repr(self.function)


class Partial(functools.partial):
    """A `functools.partial` that is a pytree: its arguments are the children.

    The function is static data; a partial given as the function stays whole.

    >>> from chainrule import tree_util
    >>> add_two = tree_util.Partial(lambda x, y: x + y, 2)
    >>> add_two(3), tree_util.tree_leaves(add_two)
    (5, [2])
    """

    def __new__(cls, func: Callable[..., Any], *args: Any, **kw: Any) -> Partial:
        if isinstance(func, functools.partial):
            func = _Whole(func)
        return super().__new__(cls, func, *args, **kw)

    def __repr__(self) -> str:
        parts = [repr(self.func), *map(repr, self.args)]
        parts += [f"{name}={value!r}" for name, value in self.keywords.items()]
        return f"Partial({', '.join(parts)})"


register_pytree_node(
    Partial,
    lambda partial: ((partial.args, partial.keywords), partial.func),
    lambda func, children: Partial(func, *children[0], **children[1]),
)


class PyTreeRegistry:
    """The registry of node types as an object; there is one, `default_registry`."""

    __slots__ = ()
    flatten = staticmethod(_native.tree_flatten)
    flatten_with_path = staticmethod(_native.tree_flatten_with_path)
    flatten_one_level = staticmethod(_native.flatten_one_level)
    flatten_one_level_with_keys = staticmethod(_native.flatten_one_level_with_keys)
    is_node = staticmethod(_native.is_tree_node)
    register_node = staticmethod(_native.register_node)
    register_dataclass_node = staticmethod(_native.register_dataclass_node)

    def __reduce__(self) -> str:
        return "default_registry"


default_registry = PyTreeRegistry()
