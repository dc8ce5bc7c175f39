"""Runs a function through the code generator: one kernel over contiguous arrays.

The kernel is emitted, compiled and loaded here without the rest of the compiler, so
that its text and assembly can be looked at.
"""

import ctypes

import numpy as np

from chainrule.compiler.codegen import host
from chainrule.compiler.codegen.assembly import assembly
from chainrule.compiler.codegen.emit import emit_kernel
from chainrule.compiler.index import Index, loop_variable
from chainrule.compiler.interpret import DTYPES
from chainrule.compiler.loop import Axis, Kernel, Stage, Store, load
from chainrule.runtime import _native

from .measure import function_of


class Compiled:
    """A function of arrays of `type`, as machine code of this host: one that `name` names,
    or of the given arity."""

    def __init__(self, name, type, extent, width=None, arity=None):
        i = loop_variable(extent)
        index = Index(0, ((i, 1),))
        arity, function = (arity, name) if arity else function_of(name)
        value = function(*[load(k, type, index) for k in range(arity)])
        self.dtype, self.result = DTYPES[type], DTYPES[value.type]
        stage = Stage([], [], [Store("out", index, value)])
        kernel = Kernel([Axis(i, extent, vector=True)], [stage])
        width = width or host.vector_bytes() // np.dtype(self.dtype).itemsize
        self.text, self.buffers, self.ints = emit_kernel(kernel, "kernel", width)
        self.code = _native.load_object(host.compile_object(self.text))
        address = self.code.address("kernel")
        self.call = ctypes.CFUNCTYPE(
            None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64
        )(address)

    def __call__(self, *arrays):
        """The values; the arrays have the extent that the kernel was made for."""
        arrays = [np.ascontiguousarray(a, self.dtype) for a in arrays]
        out = np.empty_like(arrays[0], self.result)
        places = [out if b == "out" else arrays[b] for b in self.buffers]
        pointers = (ctypes.c_void_p * len(places))(*[a.ctypes.data for a in places])
        ints = (ctypes.c_int64 * (len(self.ints) + 1))(*self.ints)
        self.call(ctypes.addressof(pointers), ctypes.addressof(ints), 0, len(out))
        return out

    def assembly(self):
        return assembly(self.text)
