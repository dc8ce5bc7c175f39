"""Functions on pytrees, by their short names: `tree.map`, `tree.leaves` and the rest.

A pytree is a nest of tuples, lists, dicts, namedtuples, None and registered types
around leaves. The same functions, and what registers types, are in `tree_util`.
"""

from ..runtime.pytree import tree_all as all
from ..runtime.pytree import tree_broadcast as broadcast
from ..runtime.pytree import tree_flatten as flatten
from ..runtime.pytree import tree_flatten_with_path as flatten_with_path
from ..runtime.pytree import tree_leaves as leaves
from ..runtime.pytree import tree_leaves_with_path as leaves_with_path
from ..runtime.pytree import tree_map as map
from ..runtime.pytree import tree_map_with_path as map_with_path
from ..runtime.pytree import tree_reduce as reduce
from ..runtime.pytree import tree_reduce_associative as reduce_associative
from ..runtime.pytree import tree_structure as structure
from ..runtime.pytree import tree_transpose as transpose
from ..runtime.pytree import tree_unflatten as unflatten
from ..runtime.pytree_nodes import static

__all__ = [
    "all", "broadcast", "flatten", "flatten_with_path", "leaves", "leaves_with_path",
    "map", "map_with_path", "reduce", "reduce_associative", "static", "structure",
    "transpose", "unflatten",
]  # fmt: skip
