"""Complex numbers: each becomes two real ones, its real and its imaginary part.

Kernels know real numbers alone. Afterwards a complex value is read by its parts and put
together where the program takes or returns it and around operations that have no parts
rule (ops/complex_parts.py). Loops and branches carry and return parts. A program without
complex numbers is returned as it is, and what takes others apart is not imported for it.
"""

from __future__ import annotations

from ... import compiler
from ...core import dtypes
from ...core.jaxpr import ClosedJaxpr, Jaxpr, subjaxprs


def take_complex_apart(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program with its complex values taken apart."""
    if not has_complex(closed.jaxpr):
        return closed
    return compiler.complex_programs.in_parts(closed)


def has_complex(jaxpr: Jaxpr) -> bool:
    """Whether a program, or one that it runs, computes with complex numbers."""
    avals = {v.aval for eqn in jaxpr.eqns for v in (*eqn.outvars, *eqn.invars)}
    if any(dtypes.is_complex(a.dtype) for a in avals):
        return True
    for eqn in jaxpr.eqns:
        for program in subjaxprs(eqn.params):
            inner = program.jaxpr if isinstance(program, ClosedJaxpr) else program
            if has_complex(inner):
                return True
    return False
