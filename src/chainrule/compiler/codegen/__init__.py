"""Code generation: kernels of the loop IR to machine code, through LLVM.

`types` and `operations` say how a type and an operation are written; `emit` writes a
kernel; `host` turns text into an object for this machine's processor. llvmlite is
imported in `host` alone, when a first kernel has to be compiled.
"""
