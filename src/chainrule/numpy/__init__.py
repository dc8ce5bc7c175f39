"""NumPy's functions on arrays that can be differentiated, batched and staged."""

from .operators import install_operators

install_operators()

# --- contractions and reductions -----------------------------------------------------
from .contractions import cross as cross
from .contractions import dot as dot
from .contractions import inner as inner
from .contractions import kron as kron
from .contractions import matmul as matmul
from .contractions import matvec as matvec
from .contractions import outer as outer
from .contractions import tensordot as tensordot
from .contractions import vdot as vdot
from .contractions import vecdot as vecdot
from .contractions import vecmat as vecmat
from .cumulative import cumprod as cumprod
from .cumulative import cumsum as cumsum
from .cumulative import cumulative_prod as cumulative_prod
from .cumulative import cumulative_sum as cumulative_sum
from .cumulative import diff as diff
from .cumulative import ediff1d as ediff1d
from .cumulative import gradient as gradient
from .cumulative import nancumprod as nancumprod
from .cumulative import nancumsum as nancumsum
from .cumulative import trapezoid as trapezoid
from .moments import corrcoef as corrcoef
from .moments import cov as cov
from .moments import std as std
from .moments import var as var
from .nan_reductions import nanargmax as nanargmax
from .nan_reductions import nanargmin as nanargmin
from .nan_reductions import nanmax as nanmax
from .nan_reductions import nanmean as nanmean
from .nan_reductions import nanmin as nanmin
from .nan_reductions import nanprod as nanprod
from .nan_reductions import nanstd as nanstd
from .nan_reductions import nansum as nansum
from .nan_reductions import nanvar as nanvar
from .reductions import all as all
from .reductions import amax as amax
from .reductions import amin as amin
from .reductions import any as any
from .reductions import argmax as argmax
from .reductions import argmin as argmin
from .reductions import average as average
from .reductions import count_nonzero as count_nonzero
from .reductions import max as max
from .reductions import mean as mean
from .reductions import min as min
from .reductions import prod as prod
from .reductions import ptp as ptp
from .reductions import sum as sum

# --- creation, shapes, indexing, sorting ---------------------------------------------
from .creation import arange as arange
from .creation import array as array
from .creation import asarray as asarray
from .creation import astype as astype
from .creation import copy as copy
from .creation import empty as empty
from .creation import empty_like as empty_like
from .creation import full as full
from .creation import full_like as full_like
from .creation import ones as ones
from .creation import ones_like as ones_like
from .creation import zeros as zeros
from .creation import zeros_like as zeros_like
