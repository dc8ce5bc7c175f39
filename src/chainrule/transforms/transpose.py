"""Transposition: a recorded linear program, run backwards on cotangents.

`pull(tape, inputs, outs, out_cts)` gives the cotangents of the tape's input variables
for those of its output variables; zero ones are None on both sides. From the last entry
to the first, each entry's primitive hands the cotangent of its output back to its
unknown operands by its transpose rule, and the cotangents of a variable that is used
several times are added. Entries that no cotangent reaches cost nothing. A tape is not
consumed: it can be transposed again, on cotangents of any level.

The loop runs in the runtime (src/runtime/tape_pull.cpp), which also does the transposes
of adding, scaling and negating itself where nothing was broadcast.
"""

from ..runtime._native import pull

__all__ = ["pull"]
