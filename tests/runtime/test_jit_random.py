"""Random calls: the native path and the Python path agree on values and errors."""

import random
import re

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp

pytestmark = pytest.mark.usefixtures("interpreted")

LEAVES = [
    lambda rng: cnp.ones(rng.randrange(4)), lambda rng: rng.randrange(-3, 3),
    lambda rng: rng.random(), lambda rng: bool(rng.randrange(2)), lambda rng: 1j,
    lambda rng: np.ones(rng.randrange(3)), lambda rng: np.float32(2), lambda rng: None,
    lambda rng: np.arange(3), lambda rng: cnp.int32(3), lambda rng: np.ones(2, "e"),
    lambda rng: object() if rng.random() < 0.2 else 2.0,
]  # fmt: skip
STATICS = [1, 2.0, True, "s", (1, 2), None, [1]]


def random_tree(rng, depth=0):
    kind = rng.random()
    if depth > 2 or kind < 0.5:
        return rng.choice(LEAVES)(rng)
    children = [random_tree(rng, depth + 1) for _ in range(rng.randrange(4))]
    if kind < 0.65:
        return children
    if kind < 0.8:
        return tuple(children)
    return {f"k{rng.randrange(6)}": child for child in children}


def random_call(rng, with_static):
    args = [random_tree(rng) for _ in range(rng.randrange(4))]
    if with_static:
        args = [rng.choice(STATICS) if rng.random() < 0.4 else a for a in args]
    kwargs = {}
    for _ in range(rng.randrange(3)):
        static = rng.random() < 0.6
        value = rng.choice(STATICS) if static else random_tree(rng)
        kwargs[rng.choice(["s", "k0", "z", "b"])] = value
    return args, kwargs


def outcome(call, args, kwargs):
    """What a call returned, comparable; or the class and text of its error."""
    try:
        leaves, tree = cr.tree.flatten(call(*args, **kwargs))
    except (TypeError, ValueError) as error:
        return type(error), re.sub("0x[0-9a-f]+", "", str(error))
    return tree, [x.aval for x in leaves], [np.asarray(x).tolist() for x in leaves]


@pytest.mark.parametrize(
    "options",
    [{}, {"static_argnums": 1}, {"static_argnums": -1, "static_argnames": ("s", "k0")}],
    ids=str,
)
def test_random_calls(options):
    rng = random.Random(str(options))
    f = cr.jit(lambda *args, **kwargs: {"args": args, "kwargs": kwargs}, **options)
    served = 0
    for _ in range(400):
        args, kwargs = random_call(rng, bool(options))
        expected = outcome(f._call, args, kwargs)
        assert outcome(f, args, kwargs) == expected
        assert outcome(f, args, kwargs) == expected
        served += not isinstance(expected[0], type)
        if rng.random() < 0.02:
            f.clear_cache()
    assert served > 100
