"""What all tests run with.

They are about compiling programs: kernels may come from the disk, plans may not. Those
about plans on disk say so themselves.
"""

import os

os.environ.setdefault("CHAINRULE_CACHE", "kernels")
