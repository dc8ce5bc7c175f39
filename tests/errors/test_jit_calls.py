"""Messages of donation, of compiled programs and of the stages before them."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp

from .expecting import message, raises


def scaled(x, by):
    return x * by


def vector():
    return cnp.ones(3)


# --- donation -------------------------------------------------------------------------


@raises(
    ValueError,
    "jit: arguments x and by of scaled are one array, and it is donated; pass a copy,"
    " or do not donate it.",
)
def test_array_donated_and_passed_again():
    x = vector()
    cr.jit(scaled, donate_argnums=0)(x, x)


@raises(
    ValueError,
    "jit: arguments x['a'] and by[0] of <lambda> are one array, and it is donated; pass"
    " a copy, or do not donate it.",
)
def test_leaf_donated_and_passed_again():
    x = vector()
    f = cr.jit(lambda x, by: x["a"] * by[0], donate_argnames="by")
    f({"a": x}, by=[x])


@raises(RuntimeError, "Array has been deleted with shape=float32[3].")
def test_array_used_after_donation():
    f, x = cr.jit(lambda x: x + 1, donate_argnums=0), vector()
    f(x), f(x)


def test_donated_memory_without_an_output():
    f = cr.jit(lambda x, y: x.sum() + y["b"].sum(), donate_argnums=(0, 1))
    with pytest.warns(UserWarning) as found:
        f(vector(), {"b": cnp.ones((2, 2))})
    assert str(found[0].message) == (
        "jit: no output of <lambda> can take the place of the donated f32[3], f32[2,2];"
        " these arguments are kept."
    )
    assert found[0].filename == __file__


@raises(
    ValueError,
    "jit: donate_argnums 2 is out of range: scaled takes 2 positional arguments.",
)
def test_donated_position_that_does_not_exist():
    cr.jit(scaled, donate_argnums=2)


@raises(
    ValueError, "jit: donate_argnames 'w' names no parameter of scaled; it has x, by."
)
def test_donated_name_that_does_not_exist():
    cr.jit(scaled, donate_argnames="w")


@raises(
    ValueError,
    "jit: argument by of scaled is selected by both static_argnums and donate_argnums;"
    " drop one.",
)
def test_static_and_donated():
    cr.jit(scaled, static_argnums=1, donate_argnames="by")


@raises(TypeError, "jit: donate_argnums must be int or a tuple of int; got 'x'.")
def test_position_that_is_no_int():
    cr.jit(scaled, donate_argnums="x")


# --- stages ---------------------------------------------------------------------------


def compiled(**options):
    return cr.jit(scaled, **options).lower(vector(), 2.0).compile()


@raises(
    TypeError,
    "Compiled: argument x of scaled is f32[4], but it was compiled for f32[3].",
)
def test_compiled_for_another_shape():
    compiled()(cnp.ones(4), 2.0)


@raises(
    TypeError,
    "Compiled: argument by of scaled is i32[], but it was compiled for f32[].",
)
def test_compiled_for_another_dtype():
    compiled()(np.ones(3, np.float32), 2)


@raises(
    TypeError,
    "Compiled: scaled was compiled for arguments of structure PyTreeDef(((*, *), {}));"
    " got PyTreeDef(((*,), {'by': *})).",
)
def test_compiled_for_another_structure():
    compiled()(vector(), by=2.0)


@raises(
    TypeError,
    "Compiled: argument x of scaled is a tracer: a compiled program cannot be"
    " transformed; use jit.",
)
def test_compiled_under_a_transformation():
    call = compiled()
    cr.vmap(lambda x: call(x, 2.0))(cnp.ones((2, 3)))


@raises(
    ValueError,
    "Compiled: argument x of scaled is donated and passed twice; pass a copy.",
)
def test_compiled_with_a_donated_array_twice():
    x = vector()
    call = cr.jit(scaled, donate_argnums=0).lower(x, x).compile()
    call(x, x)


def test_static_arguments_are_left_out_of_the_names():
    f = cr.jit(lambda n, x, y: x * n, static_argnums=0)
    text = message(TypeError, f.lower(2, 1.0, vector()).compile(), 1.0, cnp.ones(2))
    assert text == (
        "Compiled: argument y of <lambda> is f32[2], but it was compiled for f32[3]."
    )


@raises(
    TypeError,
    "lower: inner closes over 1 traced value of an outer transformation; pass it as an"
    " argument.",
)
def test_lowering_a_closure_over_a_tracer():
    def outer(x):
        def inner(y):
            return x * y

        return cr.jit(inner).lower(1.0)

    cr.grad(outer)(1.0)


@raises(ValueError, "as_text: there is no dialect 'hlo'; use None or 'jaxpr'.")
def test_dialect_that_does_not_exist():
    cr.jit(scaled).lower(1.0, 2.0).as_text("hlo")
