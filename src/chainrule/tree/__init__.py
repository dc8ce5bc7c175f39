"""Functions on pytrees, by their short names: `tree.map`, `tree.leaves` and the rest.

A pytree is a nest of tuples, lists, dicts, namedtuples, None and registered types
around leaves. The same functions, and what registers types, are in `tree_util`.
"""

from ..core.pytree import tree_all as all
from ..core.pytree import tree_broadcast as broadcast
from ..core.pytree import tree_flatten as flatten
from ..core.pytree import tree_flatten_with_path as flatten_with_path
from ..core.pytree import tree_leaves as leaves
from ..core.pytree import tree_leaves_with_path as leaves_with_path
from ..core.pytree import tree_map as map
from ..core.pytree import tree_map_with_path as map_with_path
from ..core.pytree import tree_reduce as reduce
from ..core.pytree import tree_reduce_associative as reduce_associative
from ..core.pytree import tree_structure as structure
from ..core.pytree import tree_transpose as transpose
from ..core.pytree import tree_unflatten as unflatten
from ..core.pytree_nodes import static

__all__ = [
    "all", "broadcast", "flatten", "flatten_with_path", "leaves", "leaves_with_path",
    "map", "map_with_path", "reduce", "reduce_associative", "static", "structure",
    "transpose", "unflatten",
]  # fmt: skip
