"""Random programs over large and odd shapes: the short run, and that it can fail."""

import numpy as np
import pytest
from hypothesis import given, settings

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.compiler import canonical, families

from . import shapes, texts
from .shapes_products import SHAPED
from .shapes_values import Draws, Value
from .test_typed import few


@settings(few, max_examples=30)
@given(shapes.shaped_programs())
def test_random_programs_of_large_and_odd_shapes(program):
    shapes.check(program)


def test_most_operations_and_several_sizes_are_drawn():
    found = []

    @settings(few, max_examples=100)
    @given(shapes.shaped_programs())
    def draw(program):
        found.append(program)

    draw()
    names = {name for p in found for name, *_ in p.steps}
    assert names <= set(SHAPED)
    assert len(names) > 0.8 * len(SHAPED)
    assert {p.threads for p in found} == {1, 2}
    assert sum(len(p.sizes) > 1 for p in found) > 20


def program(*steps, sizes=((1000,) * 5,), dtype="float32"):
    return shapes.ShapedProgram(
        (((0,), dtype),), sizes, steps, (), 1, None, limits=False, wide=False
    )


def test_a_wrong_number_is_found(monkeypatch):
    """At the second size: at the first the operation is right."""

    def wrong(xp, r, x, y):
        if xp is np or x.shape != (333,):
            return Value(x.array + 1, x.dtype, 5)
        return Value(x.array + (cnp.arange(333) != 300), x.dtype, 5)

    monkeypatch.setitem(SHAPED, "wrong", wrong)
    sizes = (1000,) * 5, (333,) * 5
    shapes.check(program(("wrong", (0, 0), ()), sizes=sizes[:1]))
    with pytest.raises(AssertionError, match=r"at \(300,\).* 1 of 333"):
        shapes.check(program(("wrong", (0, 0), ()), sizes=sizes))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "complex64"])
def test_numbers_stay_whole(dtype):
    """Ten products of sums: a dtype of 8 bits has each of the results."""
    steps = [(name, (0, 0), ()) for name in ("multiplied", "accumulated") * 5]
    made = program(*steps, dtype=dtype)
    for v in made.values(np, [shapes.plain(a) for a in made.arguments(made.sizes[0])]):
        assert (v.array == np.round(v.array)).all()
        assert abs(v.array.real).max() <= v.bound
    shapes.check(made)


def test_draws_are_in_range_and_then_zero():
    r = Draws([7, 9, 2])
    assert [r.below(5), r.one(*"abc"), r.below(0), r.below(9)] == [2, "a", 0, 0]


def test_a_structure_with_two_texts_is_found(monkeypatch):
    """Columns that are taken out of the same vectors, farther apart the second time."""
    x = np.arange(3000, dtype="float32").reshape(-1, 3)

    def both():
        with texts.watched(texts.Texts()):
            for b in (1, 2):
                families.forget_all()
                cr.jit(lambda x, b=b: x[40:, 0] - 2 * x[40:, b])(x)

    both()
    monkeypatch.setattr(canonical.Description, "_columns", lambda *_: None)
    with pytest.raises(AssertionError, match="two texts"):
        both()
