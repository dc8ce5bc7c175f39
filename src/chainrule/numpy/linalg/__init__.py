"""Linear algebra with NumPy's names: `chainrule.numpy.linalg`.

Every function takes stacks of matrices: leading dimensions are batch dimensions. Inputs
are computed in float32, float64, complex64 or complex128; integers become floats. All
are differentiable to any order where the mathematics is, and the values are LAPACK's.
"""

from ..contractions import vecdot as vecdot
from .factorizations import EighResult as EighResult
from .factorizations import EigResult as EigResult
from .factorizations import QRResult as QRResult
from .factorizations import SVDResult as SVDResult
from .factorizations import cholesky as cholesky
from .factorizations import eig as eig
from .factorizations import eigh as eigh
from .factorizations import eigvals as eigvals
from .factorizations import eigvalsh as eigvalsh
from .factorizations import qr as qr
from .factorizations import svd as svd
from .factorizations import svdvals as svdvals
from .norms import cond as cond
from .norms import matrix_norm as matrix_norm
from .norms import matrix_rank as matrix_rank
from .norms import norm as norm
from .norms import vector_norm as vector_norm
from .products import cross as cross
from .products import diagonal as diagonal
from .products import matmul as matmul
from .products import matrix_power as matrix_power
from .products import matrix_transpose as matrix_transpose
from .products import multi_dot as multi_dot
from .products import outer as outer
from .products import tensordot as tensordot
from .products import trace as trace
from .systems import SlogdetResult as SlogdetResult
from .systems import det as det
from .systems import inv as inv
from .systems import lstsq as lstsq
from .systems import pinv as pinv
from .systems import slogdet as slogdet
from .systems import solve as solve
from .systems import tensorinv as tensorinv
from .systems import tensorsolve as tensorsolve
