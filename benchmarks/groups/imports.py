"""What a fresh process pays: importing a library, and its first second derivative.

Wall-clock time from the start of the interpreter to its exit. The column of NumPy in the
import row is what a process that uses NumPy pays anyway; Chainrule's budget is on top.
"""

from benchmarks.budgets import AheadOf, AtMost, AtMostBeyond
from benchmarks.rows import ProcessRow
from benchmarks.units import ms

ProcessRow(
    "import",
    "package",
    "import, fresh process",
    programs={
        "numpy": "import numpy",
        "chainrule": "import chainrule",
        "jax": "import jax",
        "torch": "import torch",
        "autograd": "import autograd",
        "numba": "import numba",
    },
    budgets=(AtMostBeyond(ms(100), "numpy"), AheadOf(("jax", "torch"))),
)

ProcessRow(
    "import",
    "namespace",
    "import with its NumPy functions",
    programs={
        "numpy": "import numpy",
        "chainrule": "import chainrule, chainrule.numpy",
        "jax": "import jax, jax.numpy",
        "torch": "import torch",
        "autograd": "import autograd, autograd.numpy",
    },
)

TRANSFORMED = """
import {library} as lib
import {library}.numpy as np
print(float(lib.grad(lib.grad(np.log))(1.0)))
"""

TORCH = """
import torch
x = torch.tensor(1.0, requires_grad=True)
(first,) = torch.autograd.grad(torch.log(x), x, create_graph=True)
(second,) = torch.autograd.grad(first, x)
print(float(second))
"""

ProcessRow(
    "import",
    "first_derivative",
    "import + grad(grad(log))(1.0), fresh process",
    programs={
        "chainrule": TRANSFORMED.format(library="chainrule"),
        "jax": TRANSFORMED.format(library="jax"),
        "autograd": TRANSFORMED.format(library="autograd"),
        "torch": TORCH,
    },
    budgets=(AtMost(ms(150)),),
)
