"""Pytrees: nested containers as a list of leaves and a structure.

The walks (flatten, unflatten, map, match) are native, in src/runtime/pytree*.cpp; this
module adds what is said about them in Python: key paths and their print, reductions,
transposition, prefixes. Invariant: every function agrees with `tree_flatten` on what a
node is and on the order of leaves.

`core` and the transformations use these functions; the public modules `tree` and
`tree_util` give them their public names. New types of nodes: pytree_nodes.py.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from . import _native
from ._native import (
    PyTreeDef,
    all_leaves,
    flatten_one_level,
    flatten_one_level_with_keys,
    is_tree_node,
    tree_flatten,
    tree_flatten_with_path,
    tree_leaves,
    tree_map,
    tree_structure,
    tree_unflatten,
    treedef_tuple,
)

__all__ = [
    "DictKey", "FlattenedIndexKey", "GetAttrKey", "KeyEntry", "KeyPath", "PyTreeDef",
    "SequenceKey", "all_leaves", "flatten_axes", "flatten_one_level",
    "flatten_one_level_with_keys", "is_tree_node", "keystr", "prefix_errors",
    "tree_all", "tree_broadcast", "tree_flatten", "tree_flatten_with_path",
    "tree_leaves", "tree_leaves_with_path", "tree_map", "tree_map_with_path",
    "tree_reduce", "tree_reduce_associative", "tree_structure", "tree_transpose",
    "tree_unflatten", "treedef_children", "treedef_is_leaf", "treedef_tuple",
]  # fmt: skip

IsLeaf = Callable[[Any], bool] | None


@dataclass(frozen=True, slots=True)
class DictKey:
    """The step to a dict's entry: prints as ``['key']``.

    >>> str(DictKey("a"))
    "['a']"
    """

    key: Hashable

    def __str__(self) -> str:
        return f"[{self.key!r}]"


@dataclass(frozen=True, slots=True)
class SequenceKey:
    """The step to an item of a tuple or list: prints as ``[1]``.

    >>> str(SequenceKey(1))
    '[1]'
    """

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"


@dataclass(frozen=True, slots=True)
class GetAttrKey:
    """The step to a field of a namedtuple or dataclass: prints as ``.name``.

    >>> str(GetAttrKey("x"))
    '.x'
    """

    name: str

    def __str__(self) -> str:
        return f".{self.name}"


@dataclass(frozen=True, slots=True)
class FlattenedIndexKey:
    """The step to a child of a node that was registered without keys.

    >>> str(FlattenedIndexKey(0))
    '[<flat index 0>]'
    """

    key: int

    def __str__(self) -> str:
        return f"[<flat index {self.key}>]"


_native.set_key_types(DictKey, SequenceKey, GetAttrKey, FlattenedIndexKey)

KeyEntry = TypeVar("KeyEntry", bound=Hashable)
KeyPath = tuple[KeyEntry, ...]


def _bare(key: Any) -> str:
    match key:
        case DictKey(key=value) | FlattenedIndexKey(key=value):
            return str(value)
        case SequenceKey(idx=index):
            return str(index)
        case GetAttrKey(name=name):
            return name
        case _:
            return str(key)


def keystr(keys: KeyPath, *, simple: bool = False, separator: str = "") -> str:
    """The print of a key path.

    Args:
      keys: a key path, as `tree_flatten_with_path` gives them.
      simple: print each key bare, without brackets, quotes and dots.
      separator: what stands between the keys.

    >>> path = (GetAttrKey("layers"), SequenceKey(0), DictKey("w"))
    >>> keystr(path)
    ".layers[0]['w']"
    >>> keystr(path, simple=True, separator="/")
    'layers/0/w'
    """
    return separator.join(map(_bare if simple else str, keys))


def tree_leaves_with_path(
    tree: Any,
    is_leaf: Callable[..., bool] | None = None,
    is_leaf_takes_path: bool = False,
) -> list[tuple[KeyPath, Any]]:
    """The leaves of a pytree, each as a pair of its key path and itself.

    The arguments are those of `tree_flatten_with_path`.

    >>> [(keystr(path), leaf) for path, leaf in tree_leaves_with_path({"a": [1, 2]})]
    [("['a'][0]", 1), ("['a'][1]", 2)]
    """
    return tree_flatten_with_path(tree, is_leaf, is_leaf_takes_path)[0]


def tree_map_with_path(
    f: Callable[..., Any],
    tree: Any,
    *rest: Any,
    is_leaf: Callable[..., bool] | None = None,
    is_leaf_takes_path: bool = False,
) -> Any:
    """As `tree_map`, the function taking the leaf's key path first.

    Args:
      f: function of a key path and as many leaves as there are trees.
      tree: the first pytree; it gives the structure.
      *rest: pytrees that have at least this structure.
      is_leaf, is_leaf_takes_path: as for `tree_flatten_with_path`.

    Raises:
      ValueError: a tree does not have the structure of the first.

    >>> tree_map_with_path(lambda path, x: keystr(path) + "=" + str(x), {"a": [1, 2]})
    {'a': ["['a'][0]=1", "['a'][1]=2"]}
    """
    pairs, treedef = tree_flatten_with_path(tree, is_leaf, is_leaf_takes_path)
    columns = [treedef.flatten_up_to(other, "tree_map_with_path") for other in rest]
    rows = zip(pairs, *columns, strict=True)
    return treedef.unflatten([f(path, leaf, *xs) for (path, leaf), *xs in rows])


_missing: Any = type("Missing", (), {"__repr__": lambda self: "<missing>"})()


def tree_reduce(
    function: Callable[[Any, Any], Any],
    tree: Any,
    initializer: Any = _missing,
    is_leaf: IsLeaf = None,
) -> Any:
    """The leaves combined from the left, as `functools.reduce` does.

    Args:
      function: of the value so far and the next leaf.
      tree: the pytree.
      initializer: the value to begin with; without it the first leaf.
      is_leaf: as for `tree_flatten`.

    Raises:
      TypeError: there is no leaf and no initializer.

    >>> tree_reduce(lambda total, x: total + x, {"a": 1, "b": (2, 3)})
    6
    """
    leaves = tree_leaves(tree, is_leaf)
    if initializer is not _missing:
        return functools.reduce(function, leaves, initializer)
    if not leaves:
        raise TypeError(
            f"tree_reduce: {tree_structure(tree, is_leaf)} has no leaf; "
            "give an initializer"
        )
    return functools.reduce(function, leaves)


def tree_reduce_associative(
    operation: Callable[[Any, Any], Any],
    tree: Any,
    *,
    identity: Any = _missing,
    is_leaf: IsLeaf = None,
) -> Any:
    """The leaves combined pairwise, as a balanced tree of operations.

    Args:
      operation: an associative function of two leaves.
      tree: the pytree.
      identity: what is returned if there are no leaves.
      is_leaf: as for `tree_flatten`.

    Raises:
      TypeError: there is no leaf and no identity.

    >>> tree_reduce_associative(lambda x, y: f"({x}{y})", ["a", "b", "c", "d"])
    '((ab)(cd))'
    """
    leaves = tree_leaves(tree, is_leaf)
    if not leaves and identity is _missing:
        raise TypeError(
            f"tree_reduce_associative: {tree_structure(tree, is_leaf)} has no leaf; "
            "give an identity"
        )

    def reduce(first: int, last: int) -> Any:
        if last - first == 1:
            return leaves[first]
        middle = first + (last - first) // 2
        return operation(reduce(first, middle), reduce(middle, last))

    return reduce(0, len(leaves)) if leaves else identity


def tree_all(tree: Any, *, is_leaf: IsLeaf = None) -> bool:
    """Whether all leaves are true.

    Args:
      tree: the pytree.
      is_leaf: as for `tree_flatten`.

    >>> tree_all({"a": True, "b": (1, 0)}), tree_all(())
    (False, True)
    """
    return all(tree_leaves(tree, is_leaf))


def tree_transpose(
    outer_treedef: PyTreeDef, inner_treedef: PyTreeDef | None, pytree_to_transpose: Any
) -> Any:
    """Turns a tree of trees inside out.

    Args:
      outer_treedef: the structure of the outer tree.
      inner_treedef: the structure of each of the inner trees; None: that of the first.
      pytree_to_transpose: the tree of structure outer.compose(inner).

    Returns:
      The tree of structure inner.compose(outer).

    Raises:
      TypeError: the number of leaves is not that of outer.compose(inner).
      ValueError: inner_treedef is None and the outer structure does not fit.

    >>> rows = [(1, 2), (3, 4), (5, 6)]
    >>> tree_transpose(tree_structure([0, 0, 0]), tree_structure((0, 0)), rows)
    ([1, 3, 5], [2, 4, 6])
    """
    leaves, treedef = tree_flatten(pytree_to_transpose)
    if inner_treedef is None:
        first, *_ = outer_treedef.flatten_up_to(pytree_to_transpose, "tree_transpose")
        inner_treedef = tree_structure(first)
    outer, inner = outer_treedef.num_leaves, inner_treedef.num_leaves
    if treedef.num_leaves != outer * inner:
        raise TypeError(
            f"tree_transpose: expected {outer} x {inner} leaves, as in "
            f"{outer_treedef.compose(inner_treedef)}, got {treedef.num_leaves}, "
            f"in {treedef}; give the structures of the outer and the inner tree."
        )
    columns = (outer_treedef.unflatten(leaves[i::inner]) for i in range(inner))
    return inner_treedef.unflatten(columns)


def treedef_children(treedef: PyTreeDef) -> list[PyTreeDef]:
    """The structures of the children of a structure's root.

    >>> treedef_children(tree_structure((1, [2, 3])))
    [PyTreeDef(*), PyTreeDef([*, *])]
    """
    return treedef.children()


def treedef_is_leaf(treedef: PyTreeDef) -> bool:
    """Whether a structure is a single node: a leaf, None or an empty container.

    >>> treedef_is_leaf(tree_structure(1)), treedef_is_leaf(tree_structure([1]))
    (True, False)
    """
    return treedef.num_nodes == 1


def _repeat(values: Iterable[Any], counts: Iterable[int]) -> list[Any]:
    return [value for value, n in zip(values, counts, strict=True) for _ in range(n)]


def tree_broadcast(prefix_tree: Any, full_tree: Any, is_leaf: IsLeaf = None) -> Any:
    """A tree of the structure of `full_tree` with the leaves of a prefix repeated.

    Args:
      prefix_tree: a pytree with the structure of the top of `full_tree`.
      full_tree: the pytree that gives the structure.
      is_leaf: as for `tree_flatten`, on the prefix.

    Raises:
      ValueError: prefix_tree is no prefix of full_tree.

    >>> tree_broadcast([0, 1], [{"a": "x", "b": "y"}, "z"])
    [{'a': 0, 'b': 0}, 1]
    """
    values, prefix = tree_flatten(prefix_tree, is_leaf)
    full = tree_structure(full_tree)
    counts = _native.prefix_counts(
        prefix, full, "tree_broadcast", "prefix_tree", "full_tree"
    )
    return full.unflatten(_repeat(values, counts))


def _is_none(value: Any) -> bool:
    return value is None


def flatten_axes(name: str, treedef: PyTreeDef, axis_tree: Any) -> list[Any]:
    """One entry of a prefix tree of axes for every leaf of a structure.

    Args:
      name: what the axes are to the user, as "vmap in_axes"; it begins the error.
      treedef: the structure of the values.
      axis_tree: an int, None, or a pytree of them that is a prefix of `treedef`; None
        is an entry, not an empty subtree.

    Raises:
      ValueError: axis_tree is no prefix of treedef.

    >>> flatten_axes("vmap in_axes", tree_structure(({"a": 0, "b": 0}, 0)), (None, 1))
    [None, None, 1]
    """
    axes, prefix = tree_flatten(axis_tree, _is_none)
    counts = _native.prefix_counts(
        prefix, treedef, name, "the tree of axes", "the tree of values"
    )
    return _repeat(axes, counts)


def prefix_errors(
    prefix_tree: Any, full_tree: Any, is_leaf: IsLeaf = None
) -> list[Callable[[str], ValueError]]:
    """Why a tree is no prefix of another: a function from its name to an error, each.

    >>> [error] = prefix_errors({"a": (0, 1)}, {"a": [0, 1]})
    >>> print(error("in_axes"))
    in_axes['a']: expected a tuple of length 2, got a list of length 2
    """
    prefix = tree_structure(prefix_tree, is_leaf)
    found = _native.prefix_mismatches(prefix, tree_structure(full_tree))

    def error(path: str, expected: str, got: str, name: str) -> ValueError:
        return ValueError(f"{name}{path}: expected {expected}, got {got}")

    return [functools.partial(error, *mismatch) for mismatch in found]
