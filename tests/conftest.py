"""What all tests run with.

They are about compiling programs: kernels may come from the disk, plans may not. Those
about plans on disk say so themselves. No test has a deadline: a machine may be busy.
"""

import os

from hypothesis import settings

os.environ.setdefault("CHAINRULE_CACHE", "kernels")
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
