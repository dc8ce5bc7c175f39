"""Policies of checkpoint: which values of a function are kept for reverse mode.

A policy is called with the primitive, types and parameters of each equation, and says
whether its results may be kept. `checkpoint_name` gives a value a name for the policies
that choose by name; they see the equation `name`.
"""

from __future__ import annotations

from typing import Any

from ..core.avals import as_array
from ..core.primitive import Primitive
from ..runtime.pytree import tree_map

name_p: Any = Primitive(
    "name",
    "x, with a name for checkpoint policies.",
    abstract=lambda x, **_: (x.shape, x.dtype),
    linear=(0,),
    transpose=lambda ct, x, **params: (name_p(ct, **params),),
    batch=lambda args, dims, size, **params: (name_p(args[0], **params), dims[0]),
    evaluate=lambda x, **_: x,
    lower=lambda build, x, **_: x,
)


def checkpoint_name(x: Any, name: str) -> Any:
    """`x`, any pytree of arrays, under a name that checkpoint policies may refer to.

    >>> import chainrule as cr
    >>> policy = cr.checkpoint_policies.save_only_these_names("sine")
    >>> name = cr.ad_checkpoint.checkpoint_name
    >>> f = cr.checkpoint(lambda x: name(cr.numpy.sin(x), "sine") ** 2, policy=policy)
    >>> round(float(cr.grad(f)(1.0)), 4)
    0.9093
    """
    if not isinstance(name, str):
        raise TypeError(f"checkpoint_name: the name must be a string; got {name!r}.")
    return tree_map(lambda leaf: name_p(as_array(leaf), name=name), x)


def _name_of(prim: Any, params: dict[str, Any]) -> str | None:
    return params["name"] if prim is name_p else None


def _is_product(prim: Any, params: dict[str, Any]) -> bool:
    """Whether an equation is a matrix product."""
    return prim.bilinear and isinstance(params.get("dimension_numbers"), tuple)


class Policies:
    """The policies by name, as `chainrule.checkpoint_policies`."""

    @staticmethod
    def everything_saveable(*_: Any, **__: Any) -> bool:
        """Everything is kept."""
        return True

    @staticmethod
    def nothing_saveable(*_: Any, **__: Any) -> bool:
        """Everything is recomputed."""
        return False

    @staticmethod
    def dots_saveable(prim: Any, *_: Any, **params: Any) -> bool:
        """Results of matrix products are kept."""
        return _is_product(prim, params)

    checkpoint_dots = dots_saveable

    @staticmethod
    def dots_with_no_batch_dims_saveable(prim: Any, *_: Any, **params: Any) -> bool:
        """Results of matrix products without batch dimensions are kept."""
        return _is_product(prim, params) and not _batch_dims(params)

    checkpoint_dots_with_no_batch_dims = dots_with_no_batch_dims_saveable

    @staticmethod
    def offload_dot_with_no_batch_dims(offload_src: str, offload_dst: str) -> Any:
        """As `dots_with_no_batch_dims_saveable`: the host's memory is the only one."""
        return Policies.dots_with_no_batch_dims_saveable

    @staticmethod
    def save_only_these_names(*names_which_can_be_saved: str) -> Any:
        """Values with one of these names are kept."""
        names = frozenset(names_which_can_be_saved)
        return lambda prim, *_, **params: _name_of(prim, params) in names

    @staticmethod
    def save_any_names_but_these(*names_not_to_save: str) -> Any:
        """Values with a name are kept, if it is none of these."""
        names = frozenset(names_not_to_save)
        return lambda prim, *_, **params: prim is name_p and params["name"] not in names

    @staticmethod
    def save_anything_except_these_names(*names_not_to_save: str) -> Any:
        """Everything is kept but values with one of these names."""
        names = frozenset(names_not_to_save)
        return lambda prim, *_, **params: _name_of(prim, params) not in names

    @staticmethod
    def save_from_both_policies(policy_1: Any, policy_2: Any) -> Any:
        """What one of two policies keeps is kept."""
        return lambda prim, *args, **params: (
            policy_1(prim, *args, **params) or policy_2(prim, *args, **params)
        )

    @staticmethod
    def save_and_offload_only_these_names(
        *, names_which_can_be_saved: Any, names_which_can_be_offloaded: Any,
        offload_src: str, offload_dst: str,
    ) -> Any:  # fmt: skip
        """Values with one of all these names are kept, in the host's memory."""
        names = (*names_which_can_be_saved, *names_which_can_be_offloaded)
        return Policies.save_only_these_names(*names)


def _batch_dims(params: dict[str, Any]) -> Any:
    numbers = params["dimension_numbers"]
    return numbers[1][0] if len(numbers) == 2 else ()


checkpoint_policies = Policies()
