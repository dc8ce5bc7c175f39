"""Kernels written as LLVM text, and plans of them, for the tests of the runtime."""

import functools

import numpy as np
from machine_code import compile_object

from chainrule.runtime import _native as native

TYPES = {"f32": "float", "f64": "double", "i64": "i64"}

LOOP = """
define void @k(ptr %buffers, ptr %ints, i64 %begin, i64 %end) {{
entry:
{loads}
  %empty = icmp sge i64 %begin, %end
  br i1 %empty, label %done, label %body
body:
  %i = phi i64 [%begin, %entry], [%next, %body]
{body}
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %end
  br i1 %more, label %body, label %done
done:
  ret void
}}
"""


def loop(buffers, body):
    """LLVM text of a kernel with `buffers` buffers %b0.. and a loop body over %i."""
    loads = []
    for b in range(buffers):
        loads.append(f"  %p{b} = getelementptr ptr, ptr %buffers, i64 {b}")
        loads.append(f"  %b{b} = load ptr, ptr %p{b}")
    return LOOP.format(loads="\n".join(loads), body=body)


def elementwise(operation, inputs=2, dtype="f32"):
    """The kernel out[i] = x[i] op y[i]; buffers are out, x, y (or out, x and x op x)."""
    t = TYPES[dtype]
    body = [f"  %a0 = getelementptr {t}, ptr %b0, i64 %i"]
    for b in range(1, inputs + 1):
        body.append(f"  %a{b} = getelementptr {t}, ptr %b{b}, i64 %i")
        body.append(f"  %x{b} = load {t}, ptr %a{b}")
    body.append(f"  %r = {operation} {t} %x1, %x{inputs}")
    body.append(f"  store {t} %r, ptr %a0")
    return loop(inputs + 1, "\n".join(body))


@functools.cache
def load(text):
    """The loaded code of a kernel @k."""
    return native.load_object(compile_object(text))


def kernel(text, slots, ints=(), extent=0, grain=1 << 40):
    """The step that runs the kernel of this text."""
    return ("kernel", load(text).address("k"), tuple(slots), tuple(ints), extent, grain)


def aval(shape, dtype="float32", weak_type=False):
    return native.ShapedArray(shape, np.dtype(dtype), weak_type)


def wrap(value, dtype=np.float32, weak_type=False):
    """An Array that owns its memory."""
    return native.wrap(np.array(value, dtype), weak_type=weak_type)


def binary_plan(operation="fadd", size=4, dtype="f32", grain=1 << 40, **options):
    """The plan of out = x op y."""
    step = kernel(elementwise(operation, 2, dtype), (2, 0, 1), (), size, grain)
    name = {"f32": "float32", "f64": "float64", "i64": "int64"}[dtype]
    return native.Plan(
        2, [], [], [("new", aval((size,), name))], [step], 0, load, **options
    )
