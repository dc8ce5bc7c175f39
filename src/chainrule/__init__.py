"""Chainrule: NumPy programs, differentiated, batched, staged and compiled.

An independent implementation of the system known as JAX: `jax.X` is `chainrule.X`.
Transformations are imported here; submodules (`chainrule.nn`, `chainrule.random`, ...)
load when they are first used, to keep the import short.

>>> import chainrule as cr, chainrule.numpy as cnp
>>> float(cr.grad(cr.grad(cnp.log))(1.0))
-1.0
"""

import importlib as _importlib
from typing import Any as _Any

from . import numpy as numpy
from .api import compilation as _compilation
from .api.chosen_jacobians import hessian as hessian
from .api.chosen_jacobians import jacobian as jacobian
from .api.chosen_jacobians import value_and_jacobian as value_and_jacobian
from .api.chosen_jacobians import value_grad_and_hessian as value_grad_and_hessian
from .api.explanation import explain as explain
from .api.gradients import grad as grad
from .api.gradients import jvp as jvp
from .api.gradients import linearize as linearize
from .api.gradients import value_and_grad as value_and_grad
from .api.gradients import vjp as vjp
from .api.inspection import eval_shape as eval_shape
from .api.inspection import make_jaxpr as make_jaxpr
from .api.inspection import typeof as typeof
from .api.jacobians import hvp as hvp
from .api.jacobians import jacfwd as jacfwd
from .api.jacobians import jacrev as jacrev
from .api.placement import block_until_ready as block_until_ready
from .api.placement import copy_to_host_async as copy_to_host_async
from .api.placement import device_get as device_get
from .api.placement import device_put as device_put
from .api.processor import get_num_threads as get_num_threads
from .api.processor import set_flush_denormals as set_flush_denormals
from .api.processor import set_num_threads as set_num_threads
from .api.taylor import derivative as derivative
from .api.taylor import hessian_diag as hessian_diag
from .api.taylor import laplacian as laplacian
from .api.vmap import vmap as vmap
from .control.checkpoint import checkpoint as checkpoint
from .control.checkpoint import checkpoint as remat
from .control.checkpoint_policies import checkpoint_policies as checkpoint_policies
from .control.closures import closure_convert as closure_convert
from .control.closures import linear_transpose as linear_transpose
from .control.custom_rules import custom_jvp as custom_jvp
from .control.custom_vjp import custom_gradient as custom_gradient
from .control.custom_vjp import custom_vjp as custom_vjp
from .control.jit import clear_caches as clear_caches
from .control.jit import jit as jit
from .control.jit import named_call as named_call
from .control.jit import named_scope as named_scope
from .control.jit import set_converter as _set_converter
from .control.value_checks import debug_infs as debug_infs
from .control.value_checks import debug_nans as debug_nans
from .core.avals import Array as Array
from .core.avals import ShapeDtypeStruct as ShapeDtypeStruct
from .core.config import check_tracer_leaks as check_tracer_leaks
from .core.config import checking_leaks as checking_leaks
from .core.config import config as config
from .core.config import default_device as default_device
from .core.config import default_matmul_precision as default_matmul_precision
from .core.config import default_prng_impl as default_prng_impl
from .core.config import disable_jit as disable_jit
from .core.config import enable_checks as enable_checks
from .core.config import enable_custom_prng as enable_custom_prng
from .core.config import enable_x64 as enable_x64
from .core.config import log_compiles as log_compiles
from .core.config import nan_safe_gradients as nan_safe_gradients
from .core.config import no_tracing as no_tracing
from .core.config import numpy_dtype_promotion as numpy_dtype_promotion
from .core.config import numpy_rank_promotion as numpy_rank_promotion
from .core.config import threefry_partitionable as threefry_partitionable
from .core.dtypes import float0 as float0
from .parallel.devices import Device as Device
from .parallel.devices import default_backend as default_backend
from .parallel.devices import device_count as device_count
from .parallel.devices import devices as devices
from .parallel.devices import local_device_count as local_device_count
from .parallel.devices import local_devices as local_devices
from .parallel.devices import process_count as process_count
from .parallel.devices import process_index as process_index
from .transforms.evaluate import ensure_compile_time_eval as ensure_compile_time_eval

__version__ = "0.1.0"

_submodules = frozenset(
    [
        "ad_checkpoint",
        "core",
        "custom_derivatives",
        "debug",
        "dtypes",
        "errors",
        "experimental",
        "flatten_util",
        "lax",
        "nn",
        "parallel",
        "random",
        "scipy",
        "tree",
        "tree_util",
    ]
)
_from_submodules = {
    "effects_barrier": ".control.callbacks",
    "pmap": ".parallel.pmap",
    "pure_callback": ".control.callbacks",
}


_set_converter(
    lambda fun: _importlib.import_module(
        ".experimental.control_flow.conversion", __name__
    ).convert(fun)
)


def __getattr__(name: str) -> _Any:
    if name in _submodules:
        return _importlib.import_module(f"{__name__}.{name}")
    if name in _from_submodules:
        found = getattr(
            _importlib.import_module(_from_submodules[name], __name__), name
        )
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_submodules, *_from_submodules})
