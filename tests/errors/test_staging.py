"""Messages of jit, make_jaxpr, callbacks, checks while running, and configuration."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.core.avals import as_array

from .expecting import at, message, raises

vector = as_array(np.ones(3, np.float32))


def double(x):
    return 2.0 * x


def scaled(x, by):
    return x * by


# --- jit ---------------------------------------------------------------------------------


@raises(
    TypeError,
    "jit: argument by of scaled is 'two' of type str, not an array; mark it"
    " static with static_argnums or static_argnames, or register its class as a"
    " pytree.",
)
def test_argument_that_is_no_array():
    cr.jit(scaled)(1.0, "two")


@raises(
    TypeError,
    "jit: argument x['w'][1] of double is <class 'object'> of type type, not"
    " an array; mark it static with static_argnums or static_argnames, or"
    " register its class as a pytree.",
)
def test_argument_within_a_tree_that_is_no_array():
    cr.jit(double)({"w": [1.0, object]})


@raises(
    TypeError,
    "jit: argument by of scaled is 'two' of type str, not an array; mark it"
    " static with static_argnums or static_argnames, or register its class as a"
    " pytree.",
)
def test_keyword_argument_that_is_no_array():
    cr.jit(scaled)(1.0, by="two")


@raises(
    TypeError,
    "jit: argument x of double is an array of dtype <U1, which is neither bool"
    " nor numeric; mark it static with static_argnums or static_argnames, or"
    " register its class as a pytree.",
)
def test_array_of_strings():
    cr.jit(double)(np.array(["a", "b"]))


@raises(
    TypeError,
    "<lambda>: the function returned 'text' of type str; a transformed"
    " function must return arrays, numbers or pytrees of them.",
)
def test_result_that_is_no_array():
    cr.jit(lambda x: "text")(1.0)


@raises(
    ValueError,
    "jit: the static argument 1 of scaled is not hashable: [2.0] of type list."
    " Static arguments key the cache of programs; pass a tuple, or trace it.",
)
def test_static_argument_that_is_not_hashable():
    cr.jit(scaled, static_argnums=1)(1.0, [2.0])


@raises(
    ValueError,
    "jit: the static argument 1 of scaled is not hashable: array([1., 1.]) of"
    " type ndarray. Static arguments key the cache of programs; pass a tuple,"
    " or trace it.",
)
def test_static_array():
    cr.jit(scaled, static_argnums=1)(1.0, np.ones(2))


@raises(
    ValueError,
    "jit: the static argument 'by' of scaled is not hashable: {} of type dict."
    " Static arguments key the cache of programs; pass a tuple, or trace it.",
)
def test_static_keyword_argument_that_is_not_hashable():
    cr.jit(scaled, static_argnames="by")(1.0, by={})


@raises(
    ValueError,
    "checkpoint: the static argument 1 of scaled is not hashable: [2.0] of type list."
    " Static arguments key the cache of programs; pass a tuple, or trace it.",
)
def test_static_argument_of_checkpoint_that_is_not_hashable():
    cr.checkpoint(scaled, static_argnums=1)(1.0, [2.0])


@raises(
    ValueError,
    "checkpoint: static_argnums 2 is out of range: scaled takes 2 positional arguments.",
)
def test_static_position_of_checkpoint_that_does_not_exist():
    cr.checkpoint(scaled, static_argnums=2)


@raises(
    TypeError,
    "checkpoint: policy must be a function, such as those of checkpoint_policies; got 3"
    " of type int.",
)
def test_policy_that_is_no_function():
    cr.checkpoint(scaled, policy=3)


@raises(
    ValueError,
    "jit: static_argnums 2 is out of range: scaled takes 2 positional arguments.",
)
def test_static_position_that_does_not_exist():
    cr.jit(scaled, static_argnums=2)


@raises(
    ValueError,
    "jit: static_argnames 'times' names no parameter of scaled; it has x, by.",
)
def test_static_name_that_does_not_exist():
    cr.jit(scaled, static_argnames="times")


@raises(TypeError, "jit: the first argument must be a function; got 3 of type int.")
def test_jit_of_what_is_no_function():
    cr.jit(3)


@raises(
    TypeError,
    "jit: counting is a generator function; return a list instead of yielding.",
)
def test_jit_of_a_generator_function():
    def counting(n):
        yield n

    cr.jit(counting)


@raises(
    OverflowError,
    "jit of double: Python int 1099511627776 is out of bounds for int32;"
    " enable_x64 widens integers to 64 bits.",
)
def test_python_integer_that_is_too_large():
    cr.jit(double)(2**40)


@raises(
    RuntimeError,
    "double: no program may be traced while no_tracing is set; call the"
    " function with these types before.",
)
def test_staging_while_tracing_is_off():
    with cr.no_tracing(True):
        cr.jit(double)(1.0)


@raises(TypeError, "named_scope: the name must be a string; got 3.")
def test_scope_whose_name_is_no_string():
    with cr.named_scope(3):
        pass


@raises(
    TypeError,
    "make_jaxpr: 'text' of type str is not a valid array type; pass an array"
    " or a number.",
)
def test_make_jaxpr_of_a_string():
    cr.make_jaxpr(double)("text")


@raises(
    TypeError,
    "eval_shape: the first argument must be a function; got 3 of type int.",
)
def test_eval_shape_of_what_is_no_function():
    cr.eval_shape(3)


# --- callbacks ---------------------------------------------------------------------------


scalar = cr.ShapeDtypeStruct((), np.float32)


@raises(
    TypeError,
    "pure_callback: <lambda> returned structure PyTreeDef((*, *)); promised"
    " was PyTreeDef(*).",
)
def test_callback_that_returns_another_structure():
    cr.pure_callback(lambda x: (x, x), scalar, 1.0)


@raises(ValueError, "pure_callback: <lambda> returned shape (2,); promised was ().")
def test_callback_that_returns_another_shape():
    cr.pure_callback(lambda x: np.ones(2), scalar, 1.0)


@raises(TypeError, "debug.print: the format must be a string; got 3.")
def test_print_with_a_format_that_is_no_string():
    cr.debug.print(3)


@raises(
    TypeError,
    "debug.print: the format '{x} {y}' names an argument that is not given: 'y'.",
)
def test_print_with_a_format_that_names_a_missing_argument():
    cr.debug.print("{x} {y}", x=1)


# --- checks while running ----------------------------------------------------------------


def test_first_nan_of_an_eager_program():
    def f(x):
        return x / x  # here

    with cr.debug_nans():
        found = message(FloatingPointError, f, as_array(np.array([1.0, 0.0])))
    assert found == (
        "div: invalid value (nan) at index (1,) of a result of type f32[2], at"
        f" {at(f)}."
    )


def test_first_infinity_of_an_eager_program():
    def f(x):
        return 1.0 / x  # here

    with cr.debug_infs():
        found = message(FloatingPointError, f, as_array(0.0))
    assert found == (
        f"div: invalid value (inf) at index () of a result of type f32[], at {at(f)}."
    )


# --- configuration -----------------------------------------------------------------------


@raises(
    AttributeError,
    "config: there is no option 'enable_x65'; the options are enable_x64,"
    " debug_nans, debug_infs, disable_jit, enable_checks, check_tracer_leaks,"
    " log_compiles, threefry_partitionable, enable_custom_prng,"
    " default_prng_impl, default_matmul_precision, numpy_rank_promotion,"
    " numpy_dtype_promotion, default_device, num_cpu_devices,"
    " traceback_filtering, no_tracing, loop_residual_bytes, nan_safe_gradients.",
)
def test_option_that_does_not_exist():
    cr.config.update("jax_enable_x65", True)


@raises(
    ValueError,
    "num_cpu_devices: must be at least 1; got 0. Set it with"
    " config.update('num_cpu_devices', n).",
)
def test_number_of_devices_that_makes_no_sense():
    before = cr.config.num_cpu_devices
    try:
        cr.config.update("num_cpu_devices", 0)
        cr.device_count()
    finally:
        cr.config.update("num_cpu_devices", before)


@raises(
    RuntimeError,
    "devices: unknown backend 'quantum'; this process has the backend 'cpu'.",
)
def test_unknown_backend():
    cr.devices("quantum")


# --- dtypes ------------------------------------------------------------------------------


@raises(TypeError, "dtype: None names no dtype; pass one such as 'float32'.")
def test_no_dtype():
    cr.dtypes.canonicalize_dtype(None)


@raises(
    TypeError,
    "dtype: 'float33' names no dtype; use one such as 'float32' or np.int32.",
)
def test_name_of_no_dtype():
    cr.ShapeDtypeStruct((), "float33")


def test_dtypes_without_a_common_one():
    x = as_array(np.ones(2)).astype("float8_e4m3fn")
    y = as_array(np.ones(2)).astype("bfloat16")
    assert message(cr.dtypes.TypePromotionError, lambda: x + y) == (
        "promotion: the dtypes bfloat16, float8_e4m3fn have no implicit common dtype;"
        " convert one explicitly with x.astype(...)."
    )


def test_dtypes_that_differ_under_strict_promotion():
    with cr.numpy_dtype_promotion("strict"):
        found = message(
            cr.dtypes.TypePromotionError, lambda: vector + as_array(np.arange(3))
        )
    assert found == (
        "promotion: the dtypes float32, int32 differ and numpy_dtype_promotion is"
        " 'strict'; convert explicitly with x.astype(...)."
    )


@pytest.mark.parametrize("operator", ["__add__", "__mul__", "__radd__"])
def test_operator_with_a_list(operator):
    name = "add" if "add" in operator else "multiply"
    assert message(TypeError, getattr(vector, operator), [1, 2, 3]) == (
        f"{name}: requires ndarray or scalar arguments, got [1, 2, 3] of type list; make"
        " it an array with chainrule.numpy.asarray."
    )
