"""optimization_barrier: the same value, behind which computing starts anew.

Compiled programs compute equal things once, and side by side what reads the same. What
reads a value behind a barrier is neither merged nor fused with what stands before it:
recomputing (control/checkpoint.py) would otherwise be undone.
"""

from __future__ import annotations

from typing import Any

from ..core.primitive import Primitive

barrier_p: Any = Primitive(
    "optimization_barrier",
    "x; computing with it is kept apart from what was computed before.",
    abstract=lambda x: (x.shape, x.dtype),
    linear=(0,),
    transpose=lambda ct, x: (barrier_p(ct),),
    batch=lambda args, dims, size: (barrier_p(args[0]), dims[0]),
    evaluate=lambda x: x,
    lower=lambda build, x: build.barrier(x),
)

__all__ = ["barrier_p"]
