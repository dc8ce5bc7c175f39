"""Arrays, tracers and primitives for the tests of the dispatch.

`boxed` is a tracer that knows its value (or None); `Op` a primitive from a function;
`Recorder` a trace that returns what it was asked to process.
"""

import numpy as np

from chainrule.runtime import _native as native

F32 = np.dtype(np.float32)


def array(values, dtype=np.float32, weak_type=False):
    return native.wrap(np.array(values, dtype), weak_type=weak_type)


class Recorder(native.Trace):
    def process(self, prim, args, params):
        return (self, prim, args, params)


class Boxed(native.Tracer):
    __slots__ = ("value",)

    def _concrete(self, kind):
        if self.value is None:
            raise ValueError(kind)
        return self.value


class Op(native.Primitive):
    def __init__(self, name, evaluate=None, **fields):
        self.name = name
        self.evaluate = evaluate
        for field, value in fields.items():
            setattr(self, field, value)


def boxed(value=None, trace=None, aval=None):
    trace = Recorder() if trace is None else trace
    aval = native.ShapedArray((3,), F32) if aval is None else aval
    return Boxed(trace, aval, value)
