"""Placing arrays: device_put, device_get, block_until_ready.

Arrays of one process share its memory, so placing one is naming a device for it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.avals import Array, as_array
from ..runtime._native import tree_leaves
from ..runtime.pytree import tree_map


def device_put(
    x: Any,
    device: Any = None,
    *,
    src: Any = None,
    donate: bool = False,
    may_alias: bool | None = None,
) -> Any:
    """A pytree with its leaves as Arrays on `device`.

    Args:
        x: pytree of arrays and numbers.
        device: a Device or sharding; by default the first device.
        src, donate, may_alias: accepted.

    >>> import chainrule as cr
    >>> cr.device_put([1.0, 2.0])
    [Array(1., dtype=float32, weak_type=True), Array(2., dtype=float32, weak_type=True)]
    """
    return tree_map(lambda leaf: as_array(leaf, "device_put"), x)


def device_get(x: Any) -> Any:
    """A pytree with its Arrays as NumPy arrays; other leaves stay as they are."""
    return tree_map(
        lambda leaf: np.asarray(leaf) if isinstance(leaf, Array) else leaf, x
    )


def block_until_ready(x: Any) -> Any:
    """Waits until the arrays of a pytree are computed, and returns the pytree."""
    for leaf in tree_leaves(x):
        if hasattr(leaf, "block_until_ready"):
            leaf.block_until_ready()
    return x


def copy_to_host_async(x: Any) -> Any:
    """Starts copying the arrays of a pytree to the host; here they are there."""
    return x
