"""Pytrees: what is a node, the order of leaves, is_leaf, key paths, map, reductions.

Error messages are asserted whole.
"""

import doctest
import importlib
import inspect
import pickle
import types

import pytest

from chainrule import tree, tree_util
from chainrule.runtime import pytree

from .pytree_cases import (
    EVERYTHING,
    Layer,
    Node,
    OrderedDict,
    Point,
    defaultdict,
    fails,
    new_class,
)

# What is a node


def test_structure_prints_every_kind_of_node():
    assert repr(tree.structure(EVERYTHING)) == (
        "PyTreeDef({'a': *, 'b': [*, (*, *)], 'c': None, "
        "'d': CustomNode(namedtuple[Point], [*, *]), "
        "'e': CustomNode(OrderedDict[('z', 'a')], [*, *]), "
        "'f': CustomNode(defaultdict[(<class 'list'>, ('q',))], [*]), "
        "'g': (*,), 'h': (), 'i': [], 'j': {}, "
        "'k': CustomNode(Node[static], [*, *]), "
        "'l': CustomNode(Layer[('dense',)], [*, *]), "
        "'m': CustomNode(Config[Config(size=3)], [])})"
    )
    assert repr(tree.structure(1)) == "PyTreeDef(*)"
    assert str(tree.structure(None)) == "PyTreeDef(None)"


def test_round_trip_of_every_kind_of_node():
    leaves, structure = tree.flatten(EVERYTHING)
    assert leaves == [1, 1, 2, 3, 1, 2, 1, 2, 1, 1, 5, 6, 7, 8]
    assert structure.num_leaves == len(leaves)
    again = tree.unflatten(structure, leaves)
    assert again == EVERYTHING
    assert [type(x) for x in again.values()] == [type(x) for x in EVERYTHING.values()]
    assert again["f"].default_factory is list
    assert tree.leaves(EVERYTHING) == leaves
    assert tree.structure(EVERYTHING) == structure


def test_dict_entries_are_sorted_and_ordered_dict_keeps_its_order():
    assert tree.leaves({"b": 1, "a": 2}) == [2, 1]
    assert list(tree.map(abs, {"b": 1, "a": 2})) == ["a", "b"]
    ordered = OrderedDict(b=1, a=2)
    ordered["c"] = 3
    ordered.move_to_end("b")
    assert tree.leaves(ordered) == [2, 3, 1]
    assert list(tree.map(abs, ordered)) == ["a", "c", "b"]
    assert tree.leaves({3: "x", 1: "y", 2.5: "z"}) == ["y", "z", "x"]
    assert tree.leaves({f"k{i}": i for i in range(30)}) == tree.leaves(
        {f"k{i}": i for i in reversed(range(30))}
    )


def test_a_dict_that_changes_its_keys_is_flattened_anew():
    value = {"b": 1, "a": 2}
    assert tree.leaves(value) == [2, 1]
    del value["b"]
    value["0"] = 5
    assert tree.leaves(value) == [5, 2]


def test_subclasses_are_leaves_but_namedtuples_are_not():
    class MyList(list):
        pass

    class MyDict(dict):
        pass

    class MyTuple(tuple):
        pass

    class MyPoint(Point):
        pass

    for leaf in (MyList([1]), MyDict(a=1), MyTuple((1,)), "text", 1.5, {1}, object()):
        assert tree.leaves(leaf) == [leaf]
    assert tree.leaves(MyPoint(1, 2)) == [1, 2]
    assert type(tree.map(abs, MyPoint(1, 2))) is MyPoint


def test_is_tree_node():
    nodes = (
        list,
        tuple,
        dict,
        type(None),
        Point,
        OrderedDict,
        defaultdict,
        Node,
        Layer,
    )
    assert all(tree_util.is_tree_node(cls) for cls in (*nodes, tree_util.Partial))
    assert not any(tree_util.is_tree_node(cls) for cls in (int, str, set, object))
    fails(TypeError, "is_tree_node: expected a class, got 5", tree_util.is_tree_node, 5)


def test_none_is_a_node_without_children():
    assert tree.leaves([1, None, 2]) == [1, 2]
    assert tree.map(abs, [-1, None]) == [1, None]
    assert tree.leaves(None) == [] and tree.structure(None).num_nodes == 1


# Leaf predicates


def test_is_leaf_keeps_subtrees_whole_and_is_asked_from_the_root_on():
    asked = []

    def is_leaf(value):
        asked.append(value)
        return isinstance(value, tuple)

    assert tree.leaves([1, (2, 3), [4]], is_leaf=is_leaf) == [1, (2, 3), 4]
    assert asked == [[1, (2, 3), [4]], 1, (2, 3), [4], 4]
    assert tree.flatten(None, lambda x: x is None) == ([None], tree.structure(0))
    assert tree.leaves([1, [2]], is_leaf=lambda x: None) == [1, 2]
    kept = tree.map(
        lambda x: -1 if x is None else x, [None, 2], is_leaf=lambda x: not x
    )
    assert kept == [-1, 2]


def test_is_leaf_errors():
    message = "pytree: is_leaf must return a bool, got 5"
    fails(ValueError, message, tree.leaves, [1], is_leaf=lambda x: 5)
    message = "tree_flatten: is_leaf must be callable or None, got 5"
    fails(TypeError, message, tree.flatten, [1], is_leaf=5)
    with pytest.raises(ZeroDivisionError):
        tree.leaves([1], is_leaf=lambda x: 1 / 0)


def test_is_leaf_may_change_the_list_that_is_flattened():
    value = [1, 2, 3, 4]

    def is_leaf(x):
        if x == 2:
            value.clear()
        return False

    assert tree.flatten(value, is_leaf) == ([1, 2], tree.structure([0, 0]))


def test_is_leaf_that_takes_keys_from_a_dict_is_an_error():
    value = {"a": 1, "b": 2}

    def is_leaf(x):
        if x == 1:
            del value["b"]
        return False

    message = "pytree: a dict lost its key 'b' while it was flattened"
    fails(RuntimeError, message, tree.leaves, value, is_leaf=is_leaf)


def test_is_leaf_may_take_the_path():
    paths = []

    def is_leaf(path, value):
        paths.append(tree_util.keystr(path))
        return len(path) == 1

    pairs = tree.leaves_with_path([1, {"a": 2}], is_leaf, is_leaf_takes_path=True)
    assert pairs == [
        ((tree_util.SequenceKey(0),), 1),
        ((tree_util.SequenceKey(1),), {"a": 2}),
    ]
    assert paths == ["", "[0]", "[1]"]


# Key paths


def test_paths_of_every_kind_of_node():
    pairs, structure = tree.flatten_with_path(EVERYTHING)
    assert structure == tree.structure(EVERYTHING)
    assert [leaf for _, leaf in pairs] == tree.leaves(EVERYTHING)
    assert [tree_util.keystr(path) for path, _ in pairs] == [
        "['a']", "['b'][0]", "['b'][1][0]", "['b'][1][1]", "['d'].x", "['d'].y",
        "['e']['z']", "['e']['a']", "['f']['q']", "['g'][0]",
        "['k'][<flat index 0>]", "['k'][<flat index 1>]", "['l'].weight", "['l'].bias",
    ]  # fmt: skip
    assert tree.flatten_with_path(1) == ([((), 1)], tree.structure(1))


def test_keys_of_registered_classes():
    def with_keys(node):
        return [(tree_util.GetAttrKey("first"), 1), ("second", 2)], None

    cls = new_class(keys=with_keys)
    paths = [path for path, _ in tree.leaves_with_path([cls()])]
    assert [tree_util.keystr(path) for path in paths] == ["[0].first", "[0]second"]
    short = [tree_util.keystr(p, simple=True, separator="/") for p in paths]
    assert short == ["0/first", "0/second"]


def test_keystr():
    path = (
        tree_util.DictKey("a"),
        tree_util.SequenceKey(1),
        tree_util.GetAttrKey("x"),
        tree_util.FlattenedIndexKey(2),
        "other",
    )
    assert tree_util.keystr(path) == "['a'][1].x[<flat index 2>]other"
    assert (
        tree_util.keystr(path, separator=".") == "['a'].[1]..x.[<flat index 2>].other"
    )
    assert tree_util.keystr(path, simple=True, separator="/") == "a/1/x/2/other"
    assert tree_util.keystr(()) == ""


def test_keys_compare_hash_and_pickle():
    keys = [
        tree_util.DictKey("a"), tree_util.SequenceKey(0), tree_util.GetAttrKey("a"),
        tree_util.FlattenedIndexKey(0),
    ]  # fmt: skip
    assert len({*keys, *pickle.loads(pickle.dumps(keys))}) == 4
    assert repr(keys[0]) == "DictKey(key='a')" and repr(keys[1]) == "SequenceKey(idx=0)"
    assert repr(keys[2]) == "GetAttrKey(name='a')"
    assert repr(keys[3]) == "FlattenedIndexKey(key=0)"
    assert keys[0] != tree_util.FlattenedIndexKey("a")


def test_map_with_path():
    def show(path, x, y):
        return f"{tree_util.keystr(path)}:{x}{y}"

    result = tree.map_with_path(show, {"a": [1, 2]}, {"a": [3, (4,)]})
    assert result == {"a": ["['a'][0]:13", "['a'][1]:2(4,)"]}


# Unflattening


def test_unflatten_takes_any_iterable():
    structure = tree.structure([0, (0,)])
    assert tree.unflatten(structure, iter([1, 2])) == [1, (2,)]
    assert structure.unflatten({"x": 0, "y": 0}) == ["x", ("y",)]


def test_unflatten_errors():
    structure = tree.structure((0, 0))
    wanted = "but the structure PyTreeDef((*, *)) has 2"
    message = f"tree_unflatten: too few leaves: got 1, {wanted}"
    fails(ValueError, message, tree.unflatten, structure, [1])
    message = f"tree_unflatten: too many leaves: got 3, {wanted}"
    fails(ValueError, message, tree.unflatten, structure, [1, 2, 3])
    fails(TypeError, "'int' object is not iterable", tree.unflatten, structure, 5)
    message = "tree_unflatten: expected a PyTreeDef, got 5"
    fails(TypeError, message, tree.unflatten, 5, [])


# Reductions, transposition


def test_reduce():
    join = lambda x, y: f"({x}{y})"
    assert tree.reduce(join, ["a", {"k": "b"}, "c"]) == "((ab)c)"
    assert tree.reduce(join, ["a"], "0") == "(0a)"
    assert tree.reduce(join, ["a", "b"], None) == "((Nonea)b)"
    assert tree.reduce_associative(join, list("abcde")) == "((ab)(c(de)))"
    assert tree.reduce_associative(join, [], identity=4) == 4
    assert tree.reduce_associative(join, list("ab"), identity="x") == "(ab)"
    message = "tree_reduce: PyTreeDef([None]) has no leaf; give an initializer"
    fails(TypeError, message, tree.reduce, join, [None])
    message = "tree_reduce_associative: PyTreeDef([]) has no leaf; give an identity"
    fails(TypeError, message, tree.reduce_associative, join, [])
    assert tree.all([]) and tree.all([1, None]) and not tree.all({"a": [1, 0]})
    assert not tree.all([None, 1], is_leaf=lambda x: x is None)


def test_all_leaves():
    assert tree_util.all_leaves([1, "a"]) and tree_util.all_leaves(iter(()))
    assert not tree_util.all_leaves([1, None]) and not tree_util.all_leaves([(2,)])
    assert tree_util.all_leaves([(2,)], is_leaf=lambda x: isinstance(x, tuple))
    fails(TypeError, "'int' object is not iterable", tree_util.all_leaves, 5)


def test_transpose():
    rows = [{"a": 1, "b": (2,)}, {"a": 3, "b": (4,)}]
    turned = {"a": [1, 3], "b": ([2, 4],)}
    outer, inner = tree.structure([0, 0]), tree.structure(rows[0])
    assert tree.transpose(outer, inner, rows) == turned
    assert tree.transpose(outer, None, rows) == turned
    assert tree.transpose(outer, tree.structure(()), [(), ()]) == ()
    message = (
        "tree_transpose: expected 2 x 3 leaves, as in "
        "PyTreeDef([[*, *, *], [*, *, *]]), got 4, in "
        "PyTreeDef([{'a': *, 'b': (*,)}, {'a': *, 'b': (*,)}]); give the "
        "structures of the outer and the inner tree."
    )
    wrong = tree.structure([0, 0, 0])
    fails(TypeError, message, tree.transpose, outer, wrong, rows)
    with pytest.raises(
        ValueError, match=r"^tree_transpose: the given tree does not fit"
    ):
        tree.transpose(outer, None, {"a": 1})


# One level


def test_flatten_one_level():
    one, keyed = tree_util.flatten_one_level, tree_util.flatten_one_level_with_keys
    assert one(None) == ((), None) and one((1, [2])) == ((1, [2]), None)
    assert one([1, [2]]) == ([1, [2]], None)
    assert one({"b": 1, "a": (2,)}) == (((2,), 1), ("a", "b"))
    assert one(Point(1, 2)) == ([1, 2], Point)
    assert one(Node(iter([1, [2]]), "s")) == ([1, [2]], "s")
    assert one(Layer(1, [2])) == ([1, [2]], ("dense",))
    assert keyed({"a": [2]}) == (((tree_util.DictKey("a"), [2]),), ("a",))
    keys = tree_util.GetAttrKey("x"), tree_util.GetAttrKey("y")
    assert keyed(Point(1, (2,))) == ([(keys[0], 1), (keys[1], (2,))], Point)
    message = (
        "flatten_one_level: a value of type <class 'int'> is a leaf, it has no children"
    )
    fails(ValueError, message, one, 1)


# Documentation


@pytest.mark.parametrize("module", ["runtime.pytree", "runtime.pytree_nodes"])
def test_examples(module):
    result = doctest.testmod(importlib.import_module(f"chainrule.{module}"))
    assert result.attempted > 15 and result.failed == 0


def test_examples_of_native_functions():
    runner, finder = doctest.DocTestRunner(), doctest.DocTestFinder()
    native = [
        getattr(pytree, name)
        for name in pytree.__all__
        if isinstance(getattr(pytree, name), types.BuiltinFunctionType)
    ]
    assert len(native) == 11
    for function in native:
        (test,) = finder.find(function, name=function.__name__, module=False, globs={})
        assert runner.run(test).attempted > 1
        assert len(inspect.signature(function).parameters) >= 1
    assert runner.summarize(verbose=False).failed == 0
