"""Collectives transformed inside of the function that is mapped over their axis.

The samples transform the whole map. Here jvp, vjp and another vmap run within it, where
the collective's own rules are used; the results must be those of transforming the whole.
"""

import numpy as np
import pytest

import chainrule as cr
from chainrule import lax
from chainrule.core.avals import as_array

from .cases import assert_close, directional_derivative

rng = np.random.default_rng(8)
pairs = ((0, 2), (1, 3))

ACTS = {
    "psum": lambda v: lax.psum(v, "i"),
    "psum in groups": lambda v: lax.psum(v, "i", axis_index_groups=pairs),
    "pmean": lambda v: lax.pmean(v, "i"),
    "pmax": lambda v: lax.pmax(v, "i"),
    "pmin": lambda v: lax.pmin(v, "i"),
    "all_gather": lambda v: lax.all_gather(v, "i"),
    "all_gather tiled": lambda v: lax.all_gather(v, "i", tiled=True),
    "psum_scatter": lambda v: lax.psum_scatter(v, "i"),
    "psum_scatter tiled": lambda v: lax.psum_scatter(v, "i", tiled=True),
    "all_to_all": lambda v: lax.all_to_all(v, "i", 0, 0),
    "ppermute": lambda v: lax.ppermute(v, "i", [(0, 1), (1, 2), (2, 3)]),
    "axis_index": lambda v: v * lax.axis_index("i"),
    "value times psum": lambda v: v * lax.psum(v * v, "i"),
}
each_act = pytest.mark.parametrize("name", ACTS)


def over(function):
    return cr.vmap(function, axis_name="i")


def values(*shape):
    return as_array(rng.standard_normal(shape))


@each_act
def test_jvp_within_is_jvp_of_the_whole(name):
    act = ACTS[name]
    with cr.enable_x64(True):
        x, v = values(4, 4), values(4, 4)
        found = over(lambda a, b: cr.jvp(act, (a,), (b,))[1])(x, v)
        assert_close(found, cr.jvp(over(act), (x,), (v,))[1])
        expected = directional_derivative(lambda a: [over(act)(a)], [x], [v])
        assert_close([found], expected, rtol=1e-6)


@each_act
def test_vjp_within_is_vjp_of_the_whole(name):
    act = ACTS[name]
    with cr.enable_x64(True):
        x = values(4, 4)
        w = values(*over(act)(x).shape)
        found = over(lambda a, b: cr.vjp(act, a)[1](b)[0])(x, w)
        assert_close(found, cr.vjp(over(act), x)[1](w)[0])
        _, push = cr.linearize(over(act), x)
        v = values(4, 4)
        left = np.sum(np.asarray(push(v)) * np.asarray(w))
        right = np.sum(np.asarray(v) * np.asarray(found))
        np.testing.assert_allclose(left, right, rtol=1e-9)


@each_act
def test_vjp_within_jit_within_vmap(name):
    act = ACTS[name]
    with cr.enable_x64(True):
        x = values(4, 4)
        w = values(*over(act)(x).shape)
        pull = cr.jit(lambda a, b: cr.vjp(act, a)[1](b)[0])
        assert_close(over(pull)(x, w), cr.vjp(over(act), x)[1](w)[0])


@each_act
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_vmap_within_is_a_loop(name, axis):
    act = ACTS[name]
    with cr.enable_x64(True):
        x = values(4, 4, 3)
        expected = np.stack([np.asarray(over(act)(x[..., k])) for k in range(3)], -1)
        moved = as_array(np.moveaxis(np.asarray(x), -1, axis).copy())
        member = 0 if axis else 1
        inner = axis - 1 if axis else 0
        found = cr.vmap(
            cr.vmap(act, in_axes=inner, out_axes=-1), in_axes=member, axis_name="i"
        )(moved)
        assert_close(found, expected)


@each_act
def test_second_derivative_within(name):
    act = ACTS[name]
    with cr.enable_x64(True):
        x, v = values(4, 4), values(4, 4)

        def member(a):
            return (act(a) ** 3).sum()

        found = over(lambda a, b: cr.jvp(cr.grad(member), (a,), (b,))[1])(x, v)
        whole = cr.grad(lambda a: over(member)(a).sum())
        assert_close(found, cr.jvp(whole, (x,), (v,))[1])
