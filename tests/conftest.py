"""What all tests run with.

They are about compiling programs: kernels may come from the disk, plans may not. Those
about plans on disk say so themselves. No test has a deadline: a machine may be busy.
"""

import os
import signal

from hypothesis import settings

# Shells have what they start in the background ignore Ctrl-C, and all that this starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


os.environ.setdefault("CHAINRULE_CACHE", "kernels")
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
