"""Linear algebra with SciPy's names: `chainrule.scipy.linalg`.

Arguments that SciPy has for speed and safety (overwrite_a, check_finite, lwork, ...)
are accepted and change nothing: arrays are immutable, and NaN propagates.
"""

from .decompositions import eigh as eigh
from .decompositions import eigh_tridiagonal as eigh_tridiagonal
from .decompositions import hessenberg as hessenberg
from .decompositions import qr as qr
from .decompositions import qr_multiply as qr_multiply
from .decompositions import rsf2csf as rsf2csf
from .decompositions import schur as schur
from .decompositions import svd as svd
from .functions import expm as expm
from .functions import expm_frechet as expm_frechet
from .functions import funm as funm
from .functions import polar as polar
from .functions import sqrtm as sqrtm
from .solvers import cho_factor as cho_factor
from .solvers import cho_solve as cho_solve
from .solvers import cholesky as cholesky
from .solvers import det as det
from .solvers import inv as inv
from .solvers import lu as lu
from .solvers import lu_factor as lu_factor
from .solvers import lu_solve as lu_solve
from .solvers import solve as solve
from .solvers import solve_sylvester as solve_sylvester
from .solvers import solve_triangular as solve_triangular
from .special_matrices import block_diag as block_diag
from .special_matrices import circulant as circulant
from .special_matrices import companion as companion
from .special_matrices import convolution_matrix as convolution_matrix
from .special_matrices import dft as dft
from .special_matrices import fiedler as fiedler
from .special_matrices import fiedler_companion as fiedler_companion
from .special_matrices import hadamard as hadamard
from .special_matrices import hankel as hankel
from .special_matrices import helmert as helmert
from .special_matrices import hilbert as hilbert
from .special_matrices import invhilbert as invhilbert
from .special_matrices import invpascal as invpascal
from .special_matrices import leslie as leslie
from .special_matrices import pascal as pascal
from .special_matrices import toeplitz as toeplitz
