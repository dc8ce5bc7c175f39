"""Messages of vmap, pmap and the named axes."""

import numpy as np

import chainrule as cr
from chainrule import lax
from chainrule.core.avals import as_array

from .expecting import raises

three = as_array(np.ones(3, np.float32))
four = as_array(np.ones(4, np.float32))
matrix = as_array(np.ones((3, 4), np.float32))


def add(x, y):
    return x + y


def identity(x):
    return x


@raises(
    ValueError,
    "vmap: add got inconsistent sizes for array axes to be mapped: argument x"
    " has shape (3,), mapped dimension 0; argument y has shape (4,), mapped"
    " dimension 0. They must agree.",
)
def test_sizes_that_disagree():
    cr.vmap(add)(three, four)


@raises(
    ValueError,
    "vmap: <lambda> got inconsistent sizes for array axes to be mapped:"
    " argument p['a'] has shape (3,), mapped dimension 0; argument p['b'][0]"
    " has shape (4,), mapped dimension 0. They must agree.",
)
def test_sizes_that_disagree_within_a_tree():
    cr.vmap(lambda p: p["a"] * p["b"][0])({"a": three, "b": [four]})


@raises(
    ValueError,
    "vmap: add got inconsistent sizes for array axes to be mapped: argument x"
    " has shape (3,), mapped dimension 0; argument y has shape (4,), mapped"
    " dimension 0. They must agree.",
)
def test_sizes_that_disagree_with_a_keyword_argument():
    cr.vmap(add)(three, y=four)


@raises(
    ValueError,
    "vmap: identity got inconsistent sizes for array axes to be mapped:"
    " argument x has shape (3,), mapped dimension 0; axis_size is 5. They must"
    " agree.",
)
def test_size_that_disagrees_with_axis_size():
    cr.vmap(identity, axis_size=5)(three)


@raises(
    ValueError,
    "vmap: in_axes names dimension 2 of argument x of identity, which has"
    " shape (3, 4); use None to leave it whole.",
)
def test_axis_out_of_bounds():
    cr.vmap(identity, in_axes=2)(matrix)


@raises(
    ValueError,
    "vmap: in_axes names dimension 0 of argument y of add, which has shape ();"
    " use None to leave it whole.",
)
def test_axis_of_a_scalar():
    cr.vmap(add)(three, 1.0)


@raises(
    ValueError,
    "vmap: no argument of identity is mapped; give at least one in_axes entry"
    " that is not None, or axis_size.",
)
def test_nothing_mapped():
    cr.vmap(identity, in_axes=None)(three)


@raises(
    ValueError,
    "vmap: in_axes has 1 entries but add was called with 2 positional"
    " arguments; give one entry each.",
)
def test_too_few_axes():
    cr.vmap(add, in_axes=(0,))(three, three)


@raises(
    TypeError,
    "vmap: in_axes must be an int, None, or a tuple with an entry per"
    " argument; got 'first'.",
)
def test_axes_that_are_no_axes():
    cr.vmap(identity, in_axes="first")(three)


@raises(
    ValueError,
    "vmap in_axes: the tree of values does not fit the tree of axes at [0][0]:"
    " expected a tuple of length 2, got a leaf. The structure of the tree of"
    " axes is PyTreeDef((((*, *),), *)), of the tree of values PyTreeDef(((*,),"
    " {})); the tree of values must agree with the tree of axes down to the"
    " leaves of the tree of axes.",
)
def test_axes_that_are_no_prefix_of_the_arguments():
    cr.vmap(identity, in_axes=((0, 0),))(three)


@raises(
    ValueError,
    "vmap: out_axes is None for an output of identity that depends on the"
    " mapped arguments; give the dimension where the mapped axis shall appear.",
)
def test_unmapped_output_that_depends_on_a_mapped_argument():
    cr.vmap(identity, out_axes=None)(three)


@raises(
    ValueError,
    "vmap: out_axes 2 is out of bounds for an output of identity with 1"
    " dimensions (the mapped one included).",
)
def test_output_axis_out_of_bounds():
    cr.vmap(identity, out_axes=2)(three)


@raises(
    TypeError,
    "vmap: the first argument must be a function; got Array([1., 1., 1.],"
    " dtype=float32) of type Array.",
)
def test_vmap_of_what_is_no_function():
    cr.vmap(three)


@raises(
    TypeError,
    "vmap: 'abc' of type str is not a valid array type; pass an array or a number.",
)
def test_vmap_over_a_string():
    cr.vmap(identity)("abc")


@raises(
    TypeError,
    "<lambda>: the function returned 'x' of type str; a transformed function"
    " must return arrays, numbers or pytrees of them.",
)
def test_vmap_of_a_function_that_returns_a_string():
    cr.vmap(lambda x: "x")(three)


# --- named axes --------------------------------------------------------------------------


@raises(
    NameError,
    "unbound axis name: 'i'; the axes bound here are none. Bind one with"
    " vmap(..., axis_name=...) or pmap.",
)
def test_unbound_axis_name():
    lax.psum(three, "i")


@raises(
    NameError,
    "unbound axis name: 'j'; the axes bound here are 'i'. Bind one with"
    " vmap(..., axis_name=...) or pmap.",
)
def test_axis_name_other_than_the_bound_one():
    cr.vmap(lambda x: lax.psum(x, "j"), axis_name="i")(three)


@raises(
    NameError,
    "unbound axis name: 'i'; the axes bound here are none. Bind one with"
    " vmap(..., axis_name=...) or pmap.",
)
def test_unbound_axis_name_under_jit():
    cr.jit(lambda x: lax.psum(x, "i"))(three)


@raises(
    ValueError,
    "pmap: identity was called with 3 parts, but there is 1 device; set"
    " config.update('num_cpu_devices', n), or use vmap.",
)
def test_more_parts_than_devices():
    cr.pmap(identity)(three)


@raises(
    NotImplementedError,
    "pure_callback: batching needs vmap_method; give 'sequential',"
    " 'expand_dims' or 'broadcast_all'.",
)
def test_batched_callback_without_a_method():
    struct = cr.ShapeDtypeStruct((), np.float32)
    cr.vmap(lambda x: cr.pure_callback(np.sin, struct, x))(three)
