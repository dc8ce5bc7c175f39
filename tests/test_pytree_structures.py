"""PyTreeDef: equality, hash, parts, pickling; matching structures, prefixes.

An error names the place where two structures differ, what stands there in each, and
both structures; messages are asserted whole.
"""

import copy
import pickle
import weakref

import pytest

from chainrule import tree, tree_util
from chainrule.runtime import _native
from chainrule.runtime.pytree import flatten_axes, prefix_errors

from .pytree_cases import (
    EVERYTHING,
    Layer,
    Node,
    OrderedDict,
    Point,
    defaultdict,
    fails,
)

# Structures


def test_structures_compare_and_hash():
    make = [
        lambda: {"a": 1, "b": (2, None)}, lambda: {"a": 1, "c": (2, None)},
        lambda: {"a": 1, "b": [2, None]}, lambda: OrderedDict(a=1, b=(2, None)),
        lambda: Point(1, 2), lambda: (1, 2), lambda: Node((1, 2)), lambda: 0,
        lambda: Node((1, 2), "s"), lambda: Layer(1, 2), lambda: Layer(1, 2, "other"),
        lambda: defaultdict(list, a=1), lambda: defaultdict(dict, a=1), lambda: None,
        dict, lambda: (), list, lambda: [[], []], lambda: [[[]]],
    ]  # fmt: skip
    for i, one in enumerate(make):
        for j, other in enumerate(make):
            a, b = tree.structure(one()), tree.structure(other())
            assert (a == b) is (i == j) and (a != b) is (i != j)
            assert i != j or hash(a) == hash(b)
    assert len({tree.structure(one()) for one in make * 2}) == len(make)
    assert tree.structure(1) != 1
    with pytest.raises(TypeError):
        assert tree.structure(1) < tree.structure(2)


def test_structures_with_unhashable_static_data_hash_but_compare_by_it():
    a, b = tree.structure(Node((1,), [1])), tree.structure(Node((1,), [2]))
    assert hash(a) == hash(b) and a != b
    assert a == tree.structure(Node((9,), [1]))


def test_static_data_that_cannot_be_compared():
    class Raising:
        def __eq__(self, other):
            raise KeyError("x")

    a, b = (tree.structure(Node((1,), Raising())) for _ in range(2))
    message = (
        "PyTreeDef: comparing the static data of two nodes of type Node failed; static "
        "data must be hashable and comparable with == (arrays cannot be static data)"
    )
    error = fails(ValueError, message, lambda: a == b)
    assert isinstance(error.__cause__, KeyError)
    assert a == a


def test_parts_of_structures():
    structure = tree.structure((1, {"a": 2}, None))
    assert tree_util.treedef_children(structure) == [
        tree.structure(0), tree.structure({"a": 0}), tree.structure(None),
    ]  # fmt: skip
    assert structure.num_leaves == 2 and structure.num_nodes == 5
    assert tree_util.treedef_tuple(structure.children()) == structure
    assert tree_util.treedef_tuple([]) == tree.structure(())
    assert tree_util.treedef_is_leaf(tree.structure(1))
    assert not tree_util.treedef_is_leaf(structure)
    message = "treedef_tuple: expected a PyTreeDef, got 1"
    fails(TypeError, message, tree_util.treedef_tuple, [1])


def test_node_data_and_back():
    data = {key: tree.structure(value).node_data() for key, value in EVERYTHING.items()}
    assert data["a"] is None and data["b"] == (list, None)
    assert data["c"] == (type(None), None) and data["d"] == (Point, None)
    assert data["e"] == (OrderedDict, ("z", "a"))
    assert data["f"] == (defaultdict, (list, ("q",)))
    assert data["k"] == (Node, "static") and data["l"] == (Layer, ("dense",))
    assert tree.structure({"x": 1}).node_data() == (dict, ["x"])
    for value in EVERYTHING.values():
        structure = tree.structure(value)
        again = tree_util.PyTreeDef.from_node_data_and_children(
            tree_util.default_registry, structure.node_data(), structure.children()
        )
        assert again == structure


def test_from_node_data_checks_what_it_is_given():
    make = tree_util.PyTreeDef.from_node_data_and_children
    who = "PyTreeDef.from_node_data_and_children"
    leaf = tree.structure(0)
    for message, data, children in [
        ("this node has 1 children, got 2", (dict, ["a"]), [leaf, leaf]),
        ("this node has 0 children, got 1", (type(None), None), [leaf]),
        ("this node has 2 children, got 1", (Layer, ("dense",)), [leaf]),
        ("a leaf has no children, got 1", None, [leaf]),
        ("<class 'int'> is not a registered pytree node; register it first",
         (int, None), []),
        ("static data of this dataclass are a tuple of 1 values, got ()",
         (Layer, ()), [leaf, leaf]),
        ("static data of a defaultdict are (factory, keys), got 5",
         (defaultdict, 5), []),
    ]:  # fmt: skip
        fails(ValueError, f"{who}: {message}", make, None, data, children)
    message = f"{who}: node_data must be None or (type, static data), got 5"
    fails(TypeError, message, make, None, 5, [])


def test_compose():
    outer, inner = tree.structure({"a": 0, "b": (0, None)}), tree.structure([0, 0])
    composed = outer.compose(inner)
    assert composed == tree.structure({"a": [0, 0], "b": ([0, 0], None)})
    assert composed.num_leaves == 4 and composed.num_nodes == 9
    assert [c.num_leaves for c in composed.children()] == [2, 2]


def test_equal_small_structures_are_one_object():
    assert tree.structure({"w": [1]}) is tree.structure({"w": [2]})


def test_structures_pickle_and_copy():
    for value in [EVERYTHING, *EVERYTHING.values()]:
        structure = tree.structure(value)
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            again = pickle.loads(pickle.dumps(structure, protocol))
            assert again == structure and hash(again) == hash(structure)
            assert repr(again) == repr(structure)
        assert copy.deepcopy(structure) == copy.copy(structure) == structure


def test_damaged_pickles_are_errors():
    leaf = None
    for state in [
        5, (), (1,), (2, leaf), ("x", leaf), (1, leaf, leaf), (1, (tuple, 1, None)),
        (1, leaf, (dict, 1, ("a", "b"))), (1, (tuple, -1, None)), (1, 5), (1, (int,)),
        (1, (int, 0, None)), (1, ("tuple", 0, None)), (1, (dict, 0, 5)),
    ]:  # fmt: skip
        with pytest.raises((ValueError, TypeError)):
            _native.treedef_from_state(state)


def test_structures_take_weak_references_and_cannot_be_made_or_changed():
    structure = tree.structure(Node((1,)))
    assert weakref.ref(structure)() is structure
    with pytest.raises(TypeError):
        tree_util.PyTreeDef()
    with pytest.raises(AttributeError):
        structure.num_leaves = 3


# Mapping and matching


def test_map_over_several_trees_takes_subtrees_of_the_others():
    pairs = tree.map(
        lambda x, y: (x, y), {"a": 1, "b": [2]}, {"b": [(3, 4)], "a": None}
    )
    assert pairs == {"a": (1, None), "b": [(2, (3, 4))]}
    assert tree.map(lambda *xs: sum(xs), [1, 2], [3, 4], [5, 6]) == [9, 12]
    assert tree.map(f=abs, tree=[-1]) == [1]


def test_map_gives_back_what_the_function_raises():
    with pytest.raises(ZeroDivisionError):
        tree.map(lambda x: 1 / x, [1, 0])
    with pytest.raises(TypeError):
        tree.map(5, [1])


LAYER = "a node Layer with 2 children and static data"


@pytest.mark.parametrize(
    "first, second, where, expected, got",
    [
        ((1, 2), (1, 2, 3), "the root", "a tuple of length 2", "a tuple of length 3"),
        ([1, [2]], [1, (2,)], "[1]", "a list of length 1", "a tuple of length 1"),
        ({"a": 1}, {"b": 1}, "the root", "a dict with keys ('a',)",
         "a dict with keys ('b',)"),
        ({"a": 1}, {"a": 1, "b": 2}, "the root", "a dict with keys ('a',)",
         "a dict with keys ('a', 'b')"),
        ({"a": {"x": [1]}}, {"a": {"x": 5}}, "['a']['x']", "a list of length 1",
         "a leaf"),
        ([None], [1], "[0]", "None", "a leaf"),
        ([1, (2, [3])], [1, (2, None)], "[1][1]", "a list of length 1", "None"),
        (Point(1, [2]), Point(1, ()), ".y", "a list of length 1",
         "a tuple of length 0"),
        (Point(1, 2), (1, 2), "the root", "a namedtuple Point of length 2",
         "a tuple of length 2"),
        ({"a": 1}, OrderedDict(a=1), "the root", "a dict with keys ('a',)",
         "an OrderedDict with keys ('a',)"),
        (OrderedDict(a=1, b=2), OrderedDict(b=1, a=2), "the root",
         "an OrderedDict with keys ('a', 'b')", "an OrderedDict with keys ('b', 'a')"),
        (defaultdict(list, a=1), defaultdict(dict, a=1), "the root",
         "a defaultdict with factory and keys (<class 'list'>, ('a',))",
         "a defaultdict with factory and keys (<class 'dict'>, ('a',))"),
        (Node((1, ()), "s"), Node((1, []), "s"), "[<flat index 1>]",
         "a tuple of length 0", "a list of length 0"),
        (Node((1,), "s"), Node((1,), "t"), "the root",
         "a node Node with 1 children and static data 's'",
         "a node Node with 1 children and static data 't'"),
        (Layer([1], 2), Layer((1,), 2), ".weight", "a list of length 1",
         "a tuple of length 1"),
        (Layer(1, 2), Layer(1, 2, "x"), "the root", f"{LAYER} ('dense',)",
         f"{LAYER} ('x',)"),
    ],
)  # fmt: skip
def test_map_names_where_two_trees_differ(first, second, where, expected, got):
    names = "the first tree", "tree 2"
    one, two = tree.structure(first), tree.structure(second)
    message = (
        f"tree_map: tree 2 does not fit the first tree at {where}: expected "
        f"{expected}, got {got}. The structure of the first tree is {one}, of "
        f"tree 2 {two}; tree 2 must agree with the first tree down to the leaves of "
        "the first tree."
    )
    fails(ValueError, message, tree.map, lambda x, y: x, first, second)
    with pytest.raises(ValueError, match="^other: "):
        one.flatten_up_to(second, "other")
    with pytest.raises(ValueError) as caught:
        _native.prefix_counts(one, two, "tree_map", *names)
    assert str(caught.value) == message


def test_long_structures_are_cut_in_errors():
    with pytest.raises(ValueError) as caught:
        tree.map(lambda x, y: x, list("é" * 9999), dict.fromkeys("é" * 400, 1))
    assert "PyTreeDef([*, *, " in str(caught.value) and len(str(caught.value)) < 1500


def test_flatten_up_to_gives_subtrees():
    structure = tree.structure({"a": 0, "b": [0, None]})
    value = {"b": [(1, 2), None], "a": [3]}
    assert structure.flatten_up_to(value) == [[3], (1, 2)]
    assert tree.structure(0).flatten_up_to(None) == [None]
    node = tree.structure(Node((0, 0), "s"))
    assert node.flatten_up_to(Node(([1], 2), "s")) == [[1], 2]


# Prefixes


def test_broadcast():
    full = [{"a": 1, "b": (2, None)}, 3]
    assert tree.broadcast(0, full) == [{"a": 0, "b": (0, None)}, 0]
    assert tree.broadcast([{"a": 5, "b": 6}, 7], full) == [{"a": 5, "b": (6, None)}, 7]
    is_none = lambda x: x is None
    assert tree.broadcast([None, 1], full, is_none) == [
        {"a": None, "b": (None, None)}, 1,
    ]  # fmt: skip
    message = (
        "tree_broadcast: full_tree does not fit prefix_tree at [0]: expected a dict "
        "with keys ('a',), got a dict with keys ('b',). The structure of prefix_tree "
        "is PyTreeDef([{'a': *}]), of full_tree PyTreeDef([{'b': *}]); full_tree must "
        "agree with prefix_tree down to the leaves of prefix_tree."
    )
    fails(ValueError, message, tree.broadcast, [{"a": 0}], [{"b": 1}])


def test_flatten_axes():
    structure = tree.structure(({"a": 1, "b": (2, None)}, 3))
    assert flatten_axes("in_axes", structure, 0) == [0, 0, 0]
    assert flatten_axes("in_axes", structure, None) == [None, None, None]
    assert flatten_axes("in_axes", structure, (None, 1)) == [None, None, 1]
    axes = ({"a": 0, "b": (1, None)}, None)
    assert flatten_axes("in_axes", structure, axes) == [0, 1, None]
    message = (
        "vmap in_axes: the tree of values does not fit the tree of axes at [0]['b']: "
        "expected a list of length 2, got a tuple of length 2. The structure of the "
        "tree of axes is PyTreeDef(({'a': *, 'b': [*, *]}, *)), of the tree of values "
        "PyTreeDef(({'a': *, 'b': (*, None)}, *)); the tree of values must agree with "
        "the tree of axes down to the leaves of the tree of axes."
    )
    axes = ({"a": 0, "b": [1, 2]}, 0)
    fails(ValueError, message, flatten_axes, "vmap in_axes", structure, axes)


def test_prefix_errors_lists_every_mismatch():
    errors = prefix_errors({"a": (0, 1), "b": 0, "c": [0]}, {"a": [], "b": (), "c": 5})
    assert [str(error("axes")) for error in errors] == [
        "axes['a']: expected a tuple of length 2, got a list of length 0",
        "axes['c']: expected a list of length 1, got a leaf",
    ]
    assert prefix_errors([0, 1], [(1, 2), None]) == []
