"""One value of every kind of pytree node, and the classes that tests register."""

import collections
import dataclasses

import pytest

from chainrule import tree, tree_util

Point = collections.namedtuple("Point", "x y")
OrderedDict = collections.OrderedDict
defaultdict = collections.defaultdict


class Node:
    """A registered class: children and static data as given."""

    def __init__(self, children, static=None):
        self.children, self.static = children, static

    def __eq__(self, other):
        mine, theirs = (self.children, self.static), (other.children, other.static)
        return mine == theirs


tree_util.register_pytree_node(
    Node, lambda n: (n.children, n.static), lambda static, c: Node(c, static)
)


@tree_util.register_dataclass
@dataclasses.dataclass
class Layer:
    weight: object
    bias: object
    name: str = tree.static(default="dense")


@tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Config:
    size: int


def new_class(**functions):
    """A fresh registered class; `functions` replace those of `Node`."""
    cls = type("Hostile", (), {})
    flatten = functions.get("flatten", lambda n: ((1, 2), None))
    unflatten = functions.get("unflatten", lambda static, children: cls())
    tree_util.register_pytree_node(cls, flatten, unflatten, functions.get("keys"))
    return cls


def fails(error, message, function, *args, **kwargs):
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    assert str(caught.value) == message
    return caught.value


EVERYTHING = {
    "a": 1,
    "b": [1, (2, 3)],
    "c": None,
    "d": Point(1, 2),
    "e": OrderedDict(z=1, a=2),
    "f": defaultdict(list, {"q": 1}),
    "g": (1,),
    "h": (),
    "i": [],
    "j": {},
    "k": Node((5, 6), "static"),
    "l": Layer(7, 8),
    "m": Config(3),
}
