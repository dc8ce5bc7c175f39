"""NumPy's functions on arrays that can be differentiated, batched and staged."""

from .operators import install_operators

install_operators()
