"""Registered pytree nodes: functions, classes, dataclasses, Partial, hostile functions.

Whatever a registered function does ends in a value or a Python exception.
"""

import dataclasses
import functools
import pickle

import pytest

from chainrule import tree, tree_util

from .pytree_cases import (
    Config,
    Layer,
    Node,
    OrderedDict,
    Point,
    defaultdict,
    fails,
    new_class,
)

# Registration


def test_registration_errors():
    def flatten(x):
        return (), None

    register = tree_util.register_pytree_node
    for cls in (list, dict, tuple, OrderedDict, defaultdict, type(None), Node):
        message = (
            f"register_pytree_node: {cls!r} is already registered as a pytree node; "
            "register a type once"
        )
        fails(ValueError, message, register, cls, flatten, flatten)
    message = "register_pytree_node: a node type must be a class, got 5"
    fails(TypeError, message, register, 5, flatten, flatten)

    class New:
        pass

    message = f"register_pytree_node: flatten_func of {New!r} must be callable, got 1"
    fails(TypeError, message, register, New, 1, flatten)
    message = f"register_pytree_node: unflatten_func of {New!r} must be callable, got 2"
    fails(TypeError, message, register, New, flatten, 2)
    assert tree.leaves(New()) != []
    message = (
        f"register_dataclass: {Layer!r} is already registered as a pytree node; "
        "register a type once"
    )
    fails(ValueError, message, tree_util.register_dataclass, Layer)


def test_a_registered_namedtuple_or_subclass_is_taken_apart_by_its_functions():
    class Special(Point):
        pass

    class Sub(dict):
        pass

    for cls, value in [(Special, Special(1, 2)), (Sub, Sub(a=1))]:
        tree_util.register_pytree_node(cls, lambda x: ((7,), "q"), lambda q, c: (q, c))
        assert tree.leaves(value) == [7]
        assert tree.map(abs, value) == ("q", (7,))


def test_register_classes_by_their_methods():
    @tree_util.register_pytree_node_class
    class Plain:
        def __init__(self, *items):
            self.items = items

        def tree_flatten(self):
            return self.items, "static"

        @classmethod
        def tree_unflatten(cls, static, children):
            assert static == "static"
            return cls(*children)

    @tree_util.register_pytree_with_keys_class
    class Keyed(Plain):
        def tree_flatten_with_keys(self):
            return [(str(i), x) for i, x in enumerate(self.items)], "static"

    for cls, path in [(Plain, (tree_util.FlattenedIndexKey(1),)), (Keyed, ("1",))]:
        assert tree.map(lambda x: x + 1, cls(1, 2)).items == (2, 3)
        assert tree.leaves_with_path(cls(1, 2))[1] == (path, 2)
    for register in (
        tree_util.register_pytree_node_class,
        tree_util.register_pytree_with_keys_class,
    ):
        with pytest.raises(AttributeError):
            register(type("Empty", (), {}))


def test_register_with_keys_makes_the_flatten_function():
    cls = type("Keyed", (), {})
    pairs = [("k", 1), ("j", 2)]
    tree_util.register_pytree_with_keys(
        cls, lambda x: (pairs, "s"), lambda s, c: (s, c)
    )
    assert tree.flatten(cls())[0] == [1, 2]
    assert tree.leaves_with_path(cls()) == [(("k",), 1), (("j",), 2)]
    assert tree.map(lambda x: x + 1, cls()) == ("s", (2, 3))


def test_register_dataclass_calls_the_class_again():
    calls = []

    @dataclasses.dataclass
    class Model:
        weight: object
        name: str
        dropped: int = 4
        computed: int = dataclasses.field(init=False, default=3)

        def __post_init__(self):
            calls.append((self.weight, self.name, self.dropped))

    register = tree_util.register_dataclass
    assert register(Model, ["weight"], ["name"], drop_fields=["dropped"]) is Model
    model = tree.map(lambda x: x + 1, Model(1, "m", 9))
    assert calls == [(1, "m", 9), (2, "m", 4)] and model == Model(2, "m")


def test_register_dataclass_of_a_plain_class():
    class Plain:
        def __init__(self, *, z, x):
            self.x, self.z = x, z

    tree_util.register_dataclass(Plain, data_fields=["x"], meta_fields=["z"])
    again = tree.map(lambda x: -x, Plain(x=1, z="s"))
    assert (again.x, again.z) == (-1, "s")
    broken = Plain(x=1, z=2)
    del broken.x
    with pytest.raises(AttributeError):
        tree.leaves(broken)


def test_register_dataclass_errors():
    @dataclasses.dataclass
    class Pair:
        x: int
        y: int

    class Plain:
        pass

    register = tree_util.register_dataclass
    for error, message, arguments in [
        (ValueError, f"fields ['y'] of {Pair!r} are missing; add them to data_fields, "
         "meta_fields or drop_fields.", (Pair, ["x"], [])),
        (ValueError, f"['q'] are no fields of {Pair!r} that its __init__ takes and "
         "drop_fields keeps; those are ['x', 'y'].", (Pair, ["x", "y"], ["q"])),
        (ValueError, f"['y'] are no fields of {Pair!r} that its __init__ takes and "
         "drop_fields keeps; those are ['x'].", (Pair, ["x", "y"], [], ["y"])),
        (ValueError, f"fields ['x'] of {Pair!r} are given twice; each is either a data "
         "field or a meta field.", (Pair, ["x", "y"], ["x"])),
        (TypeError, f"{Plain!r} is no dataclass; give data_fields and meta_fields.",
         (Plain,)),
        (TypeError, "give both data_fields and meta_fields or none of them, got "
         "data_fields=['x'] and meta_fields=None.", (Plain, ["x"])),
        (TypeError, "fields are sequences of names, got 'x'; write ['x'].",
         (Plain, "x", [])),
        (TypeError, f"field names of {Plain!r} must be str, got 5", (Plain, [5], [])),
        (TypeError, "a node type must be a class, got 5", (5, ["x"], [])),
    ]:  # fmt: skip
        fails(error, f"register_dataclass: {message}", register, *arguments)


def test_static_values_are_nodes_without_children():
    value = [Config(1), 5]
    assert tree.flatten(value)[0] == [5]
    assert tree.map(abs, value) == value
    assert tree.structure(Config(1)) == tree.structure(Config(1))
    assert tree.structure(Config(1)) != tree.structure(Config(2))


def test_static_field():
    field = tree.static(default=3, metadata={"unit": "m"})
    assert field.default == 3 and dict(field.metadata) == {"static": True, "unit": "m"}


def test_partial():
    add = tree_util.Partial(lambda x, y, z: x + y + z, 1, z=10)
    assert add(5) == 16 and repr(add).startswith("Partial(<function")
    leaves, structure = tree.flatten(add)
    assert leaves == [1, 10]
    assert structure.unflatten([2, 20])(5) == 27
    paths = [tree_util.keystr(path) for path, _ in tree.leaves_with_path(add)]
    assert paths == ["[<flat index 0>][0]", "[<flat index 1>]['z']"]
    assert repr(tree.structure(tree_util.Partial(print, 1, k=2))) == (
        "PyTreeDef(CustomNode(Partial[<built-in function print>], [(*,), {'k': *}]))"
    )
    assert pickle.loads(pickle.dumps(tree_util.Partial(max, 3)))(1) == 3


def test_partial_keeps_a_partial_whole():
    inner = functools.partial(max, 3)
    outer = tree_util.Partial(inner, 1)
    assert outer.args == (1,) and outer(2) == 3
    assert tree.structure(outer) == tree.structure(tree_util.Partial(inner, 2))
    other = tree_util.Partial(functools.partial(max, 3), 1)
    assert tree.structure(outer) != tree.structure(other)
    assert tree_util.Partial(tree_util.Partial(max, 3), 1).args == (1,)
    with pytest.raises(TypeError):
        tree_util.Partial(5)


def test_default_registry():
    registry = tree_util.default_registry
    assert registry.flatten([1, (2,)]) == tree.flatten([1, (2,)])
    assert registry.flatten_one_level((1, 2)) == ((1, 2), None)
    assert registry.is_node(list)
    cls = type("Registered", (), {})
    registry.register_node(cls, lambda x: ((1,), None), lambda s, c: cls())
    assert tree.leaves(cls()) == [1]
    assert pickle.loads(pickle.dumps(registry)) is registry


# Hostile functions


@pytest.mark.parametrize("result", [5, None, (1,), ((1,), 2, 3), [(), None]])
def test_flatten_functions_that_return_no_pair(result):
    cls = new_class(flatten=lambda x: result, keys=lambda x: result)
    message = f"of {cls!r} must return (children, static data), got {result!r}"
    fails(ValueError, f"pytree: flatten_func {message}", tree.leaves, cls())
    message = f"pytree: flatten_with_keys_func {message}"
    fails(ValueError, message, tree.leaves_with_path, cls())


def test_flatten_functions_with_bad_children():
    cls = new_class(flatten=lambda x: (5, None))
    message = f"pytree: flatten_func of {cls!r} must return iterable children, got 5"
    fails(ValueError, message, tree.leaves, cls())

    def raising():
        yield 1
        raise KeyError("inside")

    cls = new_class(flatten=lambda x: (raising(), None))
    fails(KeyError, "'inside'", tree.leaves, [cls()])
    for item in [5, (1,), (1, 2, 3), None]:
        cls = new_class(keys=lambda x, item=item: ([item], None))
        message = (
            f"pytree: flatten_with_keys_func of {cls!r} must return children as (key, "
            f"child) pairs, got {item!r}"
        )
        fails(ValueError, message, tree.leaves_with_path, cls())


def test_raising_functions():
    cls = new_class(flatten=lambda x: 1 / 0)
    for function in (tree.leaves, tree.structure, tree_util.flatten_one_level):
        with pytest.raises(ZeroDivisionError):
            function([cls()] if function is tree.leaves else cls())
    cls = new_class(unflatten=lambda static, children: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tree.map(abs, {"a": [cls()]})


def test_flatten_functions_that_change_their_answer():
    answers = iter([((1,), "s"), ((1, 2), "s"), ((1, 2), "t"), ((1,), "s")])
    cls = new_class(flatten=lambda x: next(answers))
    with pytest.raises(ValueError, match="with 1 children and static data 's', got"):
        tree.map(lambda x, y: x, cls(), cls())


def test_flatten_functions_that_flatten_again():
    cls = new_class(flatten=lambda x: ([tree.leaves({"b": [1], "a": 2})], "s"))
    assert tree.leaves([cls(), cls()]) == [2, 1, 2, 1]


def test_unflatten_functions_may_change_the_list_of_leaves():
    leaves = [1, 2, 3, 4]
    cls = new_class(unflatten=lambda static, children: leaves.clear())
    structure = tree.structure([cls(), cls()])
    assert structure.unflatten(leaves) == [None, None]


def test_cyclic_and_deep_trees_raise_recursion_error():
    cyclic = []
    cyclic.append(cyclic)
    endless = new_class(flatten=lambda x: ((x,), None))
    for value in (cyclic, endless()):
        for function in (tree.leaves, tree.leaves_with_path):
            with pytest.raises(RecursionError):
                function(value)
    assert tree.leaves([1]) == [1]


def test_deep_structures_are_handled_without_recursion():
    structure = step = tree.structure([0])
    for _ in range(12):
        structure = structure.compose(structure)
    assert step.num_nodes == 2 and structure.num_nodes == 2**12 + 1
    assert structure == pickle.loads(pickle.dumps(structure))
    assert repr(structure).count("[") == 2**12
    value = structure.unflatten([7])
    assert structure.flatten_up_to(value) == [7]
    while type(value) is list:  # taken apart here, not by a deep deallocation
        (value,) = value


def test_keys_that_cannot_be_sorted():
    message = (
        "pytree: the keys of a dict must be sortable, got [1, 'a']; use keys of one "
        "type, or a collections.OrderedDict"
    )
    error = fails(ValueError, message, tree.leaves, [{1: 1, "a": 2}])
    assert isinstance(error.__cause__, TypeError)
    assert tree.leaves(OrderedDict([(1, 1), ("a", 2)])) == [1, 2]


def test_texts_that_are_no_utf8_print():
    structure = tree.structure(Node((1,), "\ud800"))
    assert repr(structure) == "PyTreeDef(CustomNode(Node[\ud800], [*]))"
    with pytest.raises(ValueError, match="does not fit"):
        tree.map(lambda x, y: x, {"\ud800": 1}, {"\ud801": 1})


def test_wrong_arguments():
    message = "tree_flatten takes at most 2 arguments, got 3"
    fails(TypeError, message, tree.flatten, 1, None, 2)
    fails(TypeError, "tree_flatten() misses the argument 'tree'", tree.flatten)
    fails(TypeError, "tree_flatten() has no parameter 'x'", tree.flatten, 1, x=2)
    message = "tree_flatten() got two values for 'tree'"
    fails(TypeError, message, tree.flatten, 1, tree=2)
    fails(TypeError, "tree_map() misses the argument 'tree'", tree.map, abs)
