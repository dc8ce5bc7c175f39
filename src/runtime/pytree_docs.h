/// Signatures and docstrings of the pytree functions; their examples run as doctests.
#pragma once

namespace chainrule::docs {

inline constexpr char tree_flatten[] = R"(tree_flatten($module, tree, is_leaf=None)
--

The leaves of a pytree, as a list, and its structure.

A pytree is a leaf, or None, or a tuple, list, dict, OrderedDict, defaultdict,
namedtuple or value of a registered type whose children are pytrees. The entries of a
dict or defaultdict are visited in the order of their sorted keys, those of an
OrderedDict in its own order. None is a node without children, not a leaf.

Args:
  tree: the pytree.
  is_leaf: optional function, called with each subtree from the root on; where it
    returns True the subtree is kept whole, as a leaf.

Returns:
  A pair: the list of leaves, and the PyTreeDef.

Raises:
  ValueError: the keys of a dict cannot be sorted, a registered function returns
    something else than it should, or is_leaf returns no bool.

>>> from chainrule import tree_util
>>> leaves, structure = tree_util.tree_flatten({"b": [1, 2], "a": (3, None)})
>>> leaves
[3, 1, 2]
>>> structure
PyTreeDef({'a': (*, None), 'b': [*, *]})
)";

inline constexpr char tree_leaves[] = R"(tree_leaves($module, tree, is_leaf=None)
--

The leaves of a pytree, as a list, in the order of `tree_flatten`.

Args:
  tree: the pytree.
  is_leaf: as for `tree_flatten`.

Raises:
  ValueError: as `tree_flatten`.

>>> from chainrule import tree_util
>>> tree_util.tree_leaves({"b": [1, 2], "a": (3, None)})
[3, 1, 2]
>>> tree_util.tree_leaves([1, None], is_leaf=lambda x: x is None)
[1, None]
)";

inline constexpr char tree_structure[] = R"(tree_structure($module, tree, is_leaf=None)
--

The structure of a pytree: a PyTreeDef, which can be compared, hashed and pickled.

Args:
  tree: the pytree.
  is_leaf: as for `tree_flatten`.

Raises:
  ValueError: as `tree_flatten`.

>>> from chainrule import tree_util
>>> tree_util.tree_structure([1, (2, 3)])
PyTreeDef([*, (*, *)])
>>> tree_util.tree_structure([1, 2]) == tree_util.tree_structure(["a", "b"])
True
)";

inline constexpr char tree_flatten_with_path[] =
    R"(tree_flatten_with_path($module, tree, is_leaf=None, is_leaf_takes_path=False)
--

As `tree_flatten`, each leaf as a pair of its key path and itself.

Args:
  tree: the pytree.
  is_leaf: as for `tree_flatten`.
  is_leaf_takes_path: if true, is_leaf is called with the key path and the subtree.

Returns:
  A pair: the list of (key path, leaf), and the PyTreeDef. A key path is a tuple of
  keys, printed by `keystr`.

Raises:
  ValueError: as `tree_flatten`.

>>> from chainrule import tree_util
>>> leaves, structure = tree_util.tree_flatten_with_path({"w": [10, 20]})
>>> leaves[1]
((DictKey(key='w'), SequenceKey(idx=1)), 20)
>>> tree_util.keystr(leaves[1][0])
"['w'][1]"
)";

inline constexpr char tree_unflatten[] = R"(tree_unflatten($module, treedef, leaves)
--

The pytree with a given structure and given leaves: the inverse of `tree_flatten`.

Args:
  treedef: the structure.
  leaves: an iterable of as many leaves as the structure has.

Raises:
  ValueError: there are too few or too many leaves.
  TypeError: treedef is no PyTreeDef, or leaves is not iterable.

>>> from chainrule import tree_util
>>> structure = tree_util.tree_structure({"a": 0, "b": (0, 0)})
>>> tree_util.tree_unflatten(structure, [1, 2, 3])
{'a': 1, 'b': (2, 3)}
)";

inline constexpr char tree_map[] = R"(tree_map($module, f, tree, *rest, is_leaf=None)
--

The pytree of the results of a function on the leaves of one or more pytrees.

Args:
  f: function of as many arguments as there are trees.
  tree: the first pytree; it gives the structure.
  *rest: pytrees that have at least this structure; where `tree` has a leaf, they may
    have whole subtrees, which `f` is given.
  is_leaf: as for `tree_flatten`, on the first tree.

Returns:
  A pytree with the structure of `tree`.

Raises:
  ValueError: a tree does not have the structure of the first.

>>> from chainrule import tree_util
>>> tree_util.tree_map(lambda x, y: x + y, {"a": 1, "b": 2}, {"a": 10, "b": 20})
{'a': 11, 'b': 22}
)";

inline constexpr char all_leaves[] = R"(all_leaves($module, iterable, is_leaf=None)
--

Whether every item of an iterable is a leaf.

Args:
  iterable: the items.
  is_leaf: as for `tree_flatten`.

>>> from chainrule import tree_util
>>> tree_util.all_leaves([1, 2]), tree_util.all_leaves([1, (2,)])
(True, False)
)";

inline constexpr char flatten_one_level[] = R"(flatten_one_level($module, tree)
--

The children of a pytree's root and the root's static data (keys of a dict, ...).

Args:
  tree: a pytree that is not a leaf.

Raises:
  ValueError: tree is a leaf.

>>> from chainrule import tree_util
>>> tree_util.flatten_one_level({"b": [1], "a": 2})
((2, [1]), ('a', 'b'))
)";

inline constexpr char flatten_one_level_with_keys[] =
    R"(flatten_one_level_with_keys($module, tree)
--

As `flatten_one_level`, each child as a pair of its key and itself.

Args:
  tree: a pytree that is not a leaf.

Raises:
  ValueError: tree is a leaf.

>>> from chainrule import tree_util
>>> tree_util.flatten_one_level_with_keys({"a": [1, 2]})
(((DictKey(key='a'), [1, 2]),), ('a',))
)";

inline constexpr char is_tree_node[] = R"(is_tree_node($module, typ)
--

Whether values of a type are nodes of pytrees rather than leaves.

Args:
  typ: a class.

Raises:
  TypeError: typ is no class.

>>> from chainrule import tree_util
>>> tree_util.is_tree_node(dict), tree_util.is_tree_node(int)
(True, False)
)";

inline constexpr char treedef_tuple[] = R"(treedef_tuple($module, treedefs)
--

The structure of a tuple whose items have the given structures.

Args:
  treedefs: an iterable of PyTreeDef.

Raises:
  TypeError: an item is no PyTreeDef.

>>> from chainrule import tree_util
>>> leaf = tree_util.tree_structure(0)
>>> tree_util.treedef_tuple([leaf, tree_util.tree_structure([0, 0])])
PyTreeDef((*, [*, *]))
)";

inline constexpr char register_node[] =
    R"(register_node($module, type, to_iterable, from_iterable, flatten_with_keys=None)
--

Makes values of a class nodes: see chainrule.tree_util.register_pytree_node.)";

inline constexpr char register_dataclass_node[] =
    R"(register_dataclass_node($module, type, data_fields, meta_fields)
--

Makes values of a class nodes whose children and static data are attributes; they are
rebuilt by calling the class with the attributes as keyword arguments.)";

inline constexpr char prefix_counts[] =
    R"(prefix_counts($module, prefix, full, who, prefix_name, full_name)
--

For each leaf of the structure `prefix`, how many leaves of `full` stand under it.

Raises ValueError if `prefix` is no prefix of `full`, worded with the three names.)";

inline constexpr char prefix_mismatches[] = R"(prefix_mismatches($module, prefix, full)
--

Where a structure is no prefix of another: a list of (path, expected, got), as str.)";

inline constexpr char set_key_types[] =
    R"(set_key_types($module, dict_key, sequence_key, attribute_key, flat_key)
--

Installs the classes of the entries of key paths.)";

inline constexpr char treedef_from_state[] = R"(treedef_from_state($module, state, /)
--

The PyTreeDef from its pickled state.)";

}  // namespace chainrule::docs
