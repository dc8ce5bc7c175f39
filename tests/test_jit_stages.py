"""Ahead-of-time stages of jitted functions, and the reasons for recompiling."""

import numpy as np

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.control import executors


def affine(x, w=2.0):
    return {"y": x * w, "z": x + 1}


def test_trace():
    traced = cr.jit(affine).trace(cnp.ones(3), w=4.0)
    assert traced.fun_name == "affine"
    assert str(traced.in_avals) == (
        "((ShapedArray(float32[3]),), {'w': ShapedArray(float32[], weak_type=True)})"
    )
    assert traced.out_info["y"] == cr.ShapeDtypeStruct((3,), "float32")
    assert traced.out_avals["z"].shape == (3,)
    assert [e.primitive.name for e in traced.jaxpr.eqns] == ["mul", "add"]


def test_trace_takes_types():
    f = cr.jit(affine)
    struct = cr.ShapeDtypeStruct((5,), "float32")
    assert f.trace(struct).jaxpr.in_avals[0].shape == (5,)
    assert f.eval_shape(struct)["y"] == cr.ShapeDtypeStruct((5,), "float32")
    assert f._cache_size() == 0


def test_lowered():
    lowered = cr.jit(affine).lower(cnp.ones(3))
    assert lowered.as_text() == (
        "{ lambda ; a:f32[3]. let\n"
        "    b:f32[3] = mul a 2.0:f32[]\n"
        "    c:f32[3] = add a 1.0:f32[]\n"
        "  in (b, c) }"
    )
    assert str(lowered.in_tree) == "PyTreeDef(((*,), {}))"
    assert str(lowered.out_tree) == "PyTreeDef({'y': *, 'z': *})"
    assert lowered.compiler_ir() is lowered.compile()._program
    assert lowered.donate_argnums == ()


def test_compiled_runs_its_program():
    compiled = cr.jit(affine).lower(cnp.ones(3)).compile()
    out = compiled(np.arange(3, dtype=np.float32))
    assert out["y"].tolist() == [0, 2, 4] and out["z"].tolist() == [1, 2, 3]


def test_compiled_takes_scalars_of_the_same_dtype():
    compiled = cr.jit(lambda x: x + 1).lower(cnp.float32(1)).compile()
    assert float(compiled(2.0)) == 3


def test_compiled_leaves_out_static_arguments():
    compiled = cr.jit(lambda n, x: x * n, static_argnums=0).lower(3, 2.0).compile()
    assert float(compiled(2.0)) == 6
    assert str(compiled.in_tree) == "PyTreeDef(((*,), {}))"


def test_compiled_donates():
    compiled = cr.jit(lambda x, y: x + y, donate_argnums=0).lower(1.0, 2.0).compile()
    x, y = cnp.float32(1), cnp.float32(2)
    assert float(compiled(x, y)) == 3
    assert x.is_deleted() and not y.is_deleted() and compiled.donate_argnums == (0,)
    assert [info.donated for info in compiled.args_info[0]] == [True, False]
    same = cr.jit(lambda x: x, donate_argnums=0).lower(1.0).compile()
    assert float(same(y)) == 2 and y.is_deleted()


def test_what_is_known_of_an_executor_that_tells_nothing():
    former = executors.set_executor(executors.interpreter)
    try:
        compiled = cr.jit(affine).lower(cnp.ones(3)).compile()
    finally:
        executors.set_executor(former)
    stats = compiled.memory_analysis()
    assert (stats.argument_size_in_bytes, stats.output_size_in_bytes) == (12, 24)
    assert stats.temp_size_in_bytes is None
    assert compiled.cost_analysis() is None and "mul" in compiled.as_text()


def test_what_the_executor_tells_is_handed_on():
    class Program:
        def __call__(self, x):
            return [x]

        def as_text(self):
            return "machine code"

        def cost_analysis(self):
            return {"flops": 1.0}

        def memory_analysis(self):
            return "little"

    former = executors.set_executor(lambda closed, donated: Program())
    try:
        lowered = cr.jit(lambda x: x).lower(1.0)
        compiled = lowered.compile()
    finally:
        executors.set_executor(former)
    assert float(compiled(2.0)) == 2 and compiled.as_text() == "machine code"
    assert compiled.cost_analysis() == {"flops": 1.0}
    assert compiled.memory_analysis() == "little"
    assert type(compiled.runtime_executable()) is Program


# --- explain_recompile ----------------------------------------------------------------


def explained(fun, *calls, **options):
    f = cr.jit(fun, **options)
    for args, kwargs in calls:
        f(*args, **kwargs)
    return f.explain_recompile()


def of(*args, **kwargs):
    return args, kwargs


def test_nothing_to_explain():
    assert cr.jit(affine).explain_recompile() == "affine: 0 programs traced."
    assert explained(affine, of(1.0), of(2.0)) == (
        "affine: 1 program traced.\n1. the first call (x: f32[] (weak))"
    )


def test_explained_shape_dtype_and_weak_type():
    x = cnp.ones(4)
    calls = [of(x), of(cnp.ones(5)), of(x.astype("int32")), of(x, 1.0)]
    calls += [of(x, cnp.float32(1)), of(cnp.ones(5), 1.0)]
    assert explained(affine, *calls) == (
        "affine: 6 programs traced.\n"
        "1. the first call (x: f32[4])\n"
        "2. unlike 1: argument x: f32[4] -> f32[5]\n"
        "3. unlike 2: argument x: f32[5] -> i32[4]\n"
        "4. unlike 1: argument w: absent -> f32[] (weak)\n"
        "5. unlike 4: argument w: f32[] (weak) -> f32[]\n"
        "6. unlike 4: argument x: f32[4] -> f32[5]"
    )


def test_explained_trees():
    x = cnp.ones(2)
    text = explained(
        lambda p, q=None: x, of({"a": x}), of({"a": x, "b": x}), of([x]), of([x], q=x)
    )
    assert text == (
        "<lambda>: 4 programs traced.\n"
        "1. the first call (p['a']: f32[2])\n"
        "2. unlike 1: argument p: structure {'a': *} -> {'a': *, 'b': *}; argument"
        " p['b']: absent -> f32[2]\n"
        "3. unlike 1: argument p: structure {'a': *} -> [*]; argument p['a']: f32[2] ->"
        " absent; argument p[0]: absent -> f32[2]\n"
        "4. unlike 3: argument q: absent -> f32[2]"
    )


def test_explained_static_arguments_and_options():
    f = cr.jit(lambda x, n: x * n, static_argnames="n")
    f(1.0, 2), f(1.0, 3), f(1.0, n=3)
    with cr.enable_x64(True):
        f(cnp.float32(1), n=3)
    assert f.explain_recompile() == (
        "<lambda>: 4 programs traced.\n"
        "1. the first call (x: f32[] (weak))\n"
        "2. unlike 1: static argument n: 2 -> 3\n"
        "3. unlike 2: arguments by keyword: none -> n\n"
        "4. unlike 3: argument x: f32[] (weak) -> f32[]; option enable_x64: False ->"
        " True"
    )
