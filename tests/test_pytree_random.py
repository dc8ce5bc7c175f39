"""Random pytrees against a definition in Python, and memory: nothing leaks."""

import gc
import pickle
import sys
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import tree, tree_util
from chainrule.runtime.pytree import prefix_errors

from .pytree_cases import (
    EVERYTHING,
    Layer,
    Node,
    OrderedDict,
    Point,
    defaultdict,
    new_class,
)

# Random trees


def trees(leaves):
    keys = st.one_of(
        st.dictionaries(st.text(max_size=3), st.none(), max_size=5),
        st.dictionaries(st.integers(-3, 20), st.none(), max_size=20),
    ).map(list)

    def containers(inner):
        dicts = keys.flatmap(
            lambda names: st.lists(inner, min_size=len(names), max_size=len(names)).map(
                lambda values: dict(zip(names, values, strict=True))
            )
        )
        lists = st.lists(inner, max_size=4)
        static = st.sampled_from(["s", 0, (1, 2)])
        return st.one_of(
            lists,
            lists.map(tuple),
            dicts,
            dicts.map(OrderedDict),
            dicts.map(lambda d: defaultdict(int, d)),
            st.builds(Point, inner, inner),
            st.builds(Node, lists.map(tuple), static),
            st.builds(Layer, inner, inner, static),
            st.none(),
        )

    return st.recursive(leaves, containers, max_leaves=30)


def reference_leaves(value):
    """The leaves by the definition, in Python."""
    match value:
        case None:
            children = ()
        case OrderedDict():
            children = value.values()
        case dict():
            children = [value[key] for key in sorted(value)]
        case tuple() | list():
            children = value
        case Node():
            children = value.children
        case Layer():
            children = (value.weight, value.bias)
        case _:
            return [value]
    return [leaf for child in children for leaf in reference_leaves(child)]


@given(trees(st.integers()))
def test_random_round_trip(value):
    leaves, structure = tree.flatten(value)
    assert leaves == reference_leaves(value) == tree.leaves(value)
    assert structure.num_leaves == len(leaves)
    assert tree.unflatten(structure, leaves) == value
    assert tree.structure(structure.unflatten(leaves)) == structure
    assert pickle.loads(pickle.dumps(structure)) == structure
    assert structure.flatten_up_to(value) == leaves
    assert tree.map(lambda x, y: (x, y), value, value) == structure.unflatten(
        [(x, x) for x in leaves]
    )
    pairs, same = tree.flatten_with_path(value)
    assert same == structure and [leaf for _, leaf in pairs] == leaves
    assert len({path for path, _ in pairs}) == len(leaves)


@given(trees(st.integers()), trees(st.integers()))
def test_random_pairs(one, two):
    a, b = tree.structure(one), tree.structure(two)
    assert (a == b) == (repr(a) == repr(b)) and (a != b or hash(a) == hash(b))
    composed = a.compose(b)
    full = a.unflatten([two] * a.num_leaves)
    assert composed == tree.structure(full)
    assert prefix_errors(one, full) == []
    numbers = list(range(a.num_leaves))
    spread = [i for i in numbers for _ in range(b.num_leaves)]
    assert tree.leaves(tree.broadcast(a.unflatten(numbers), full)) == spread
    if b.num_leaves and a.num_leaves:
        turned = tree.transpose(a, b, full)
        assert tree.structure(turned) == b.compose(a)
    fits = not prefix_errors(one, two)
    try:
        a.flatten_up_to(two)
    except ValueError:
        assert not fits
    else:
        assert fits


# Memory


def everything_once(value, bad):
    leaves, structure = tree.flatten(value)
    structure.unflatten(leaves)
    tree.map(lambda x, y: x, value, value)
    tree.map_with_path(lambda p, x: x, value)
    tree.leaves(value, is_leaf=lambda x: isinstance(x, tuple))
    pickle.loads(pickle.dumps(structure))
    hash(structure), repr(structure), structure == tree.structure(list(value.values()))
    structure.compose(structure).children()
    tree_util.treedef_tuple([structure, structure]).node_data()
    tree_util.flatten_one_level_with_keys(value)
    tree.broadcast(0, value)
    for function in (tree.leaves, tree.structure, tree.leaves_with_path):
        with pytest.raises(ZeroDivisionError):
            function([1, value, bad])
    with pytest.raises(ValueError):
        tree.map(lambda x, y: x, value, {**value, "a": (1,), "k": 1})
    with pytest.raises(ValueError):
        structure.unflatten([1])
    with pytest.raises(ValueError):
        tree.leaves([value, {1: 1, "a": 1}])
    with pytest.raises(ValueError):
        tree.leaves(value, is_leaf=lambda x: 1)


def test_nothing_leaks():
    def raising(x):
        raise ZeroDivisionError

    leaf, static = object(), ("static", object())
    bad = new_class(flatten=raising, keys=raising)()
    value = {**EVERYTHING, "k": Node((1, [2]), "s"), "o": [1]}
    held = [leaf, bad, Point, Node, Layer, list, None, *value.values()]

    def run(times):
        for _ in range(times):
            everything_once(value, bad)
            tree.map(lambda x: x, [Node((leaf,), static), value])
        gc.collect()
        return sys.getallocatedblocks(), [sys.getrefcount(x) for x in held]

    run(200)  # the bounded caches fill
    growth = []
    for _ in range(3):  # other threads of the process may allocate in one of them
        blocks, counts = run(10)
        more_blocks, more_counts = run(200)
        growth.append(more_blocks - blocks)
        for before, after in zip(counts, more_counts, strict=True):
            assert after - before < 100
    assert min(growth) < 150  # less than one for each round
    assert sys.getrefcount(static) == 2


def test_static_data_in_cycles_is_collected():
    class Static:
        pass

    static = Static()
    static.structure = tree.structure([Node((1,), static)])
    gone = weakref.ref(static)
    del static
    gc.collect()
    assert gone() is None


def test_remembered_structures_hold_no_value_of_the_user():
    class Value:
        pass

    value = Value()
    gone = weakref.ref(value)
    tree.map(lambda x: x, {"a": [value], "b": Node((value,), value)})
    del value
    assert gone() is None


def test_many_different_dicts_and_structures():
    for i in range(2000):
        value = {f"k{i}": 1, f"a{i}": [2] * (i % 7), "z": (i,)}
        leaves, structure = tree.flatten(value)
        assert structure.unflatten(leaves) == value
        assert list(tree.unflatten(structure, leaves)) == sorted(value)
