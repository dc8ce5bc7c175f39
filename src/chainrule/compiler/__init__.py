"""The compiler: a typed program to native code.

A program goes through the passes of `pipeline`: simplification of the IR (`passes`),
lowering to index functions (`lowering`), fusion of those into kernels (`fusion`),
loop nests (`schedule`, `loop`), machine code (`codegen`) and a plan that the runtime
executes. Only `codegen` knows LLVM; no file here knows a primitive by name.
"""
