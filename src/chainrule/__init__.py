"""Chainrule: NumPy programs, differentiated, batched, staged and compiled.

An independent implementation of the system known as JAX: `jax.X` is `chainrule.X`.

>>> import chainrule as cr, chainrule.numpy as cnp
>>> float(cr.grad(cr.grad(cnp.log))(1.0))
-1.0
"""

from . import numpy as numpy
from .control.custom_rules import custom_jvp as custom_jvp
from .control.custom_vjp import custom_vjp as custom_vjp
from .control.jit import jit as jit
from .core.avals import Array as Array
from .core.avals import ShapeDtypeStruct as ShapeDtypeStruct
from .core.config import config as config
from .core.config import enable_x64 as enable_x64
from .core.dtypes import float0 as float0
from .transforms.gradients import grad as grad
from .transforms.gradients import jvp as jvp
from .transforms.gradients import linearize as linearize
from .transforms.gradients import value_and_grad as value_and_grad
from .transforms.gradients import vjp as vjp
from .transforms.jacobians import hessian as hessian
from .transforms.jacobians import hvp as hvp
from .transforms.jacobians import jacfwd as jacfwd
from .transforms.jacobians import jacobian as jacobian
from .transforms.jacobians import jacrev as jacrev
from .transforms.vmap import vmap as vmap
