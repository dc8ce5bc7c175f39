"""Random numbers from keys: the same key gives the same numbers, on every machine.

>>> from chainrule import random
>>> key = random.key(0)
>>> key, subkey = random.split(key)
>>> random.normal(subkey, (2,)).shape
(2,)
"""

from .keys import PRNGKey as PRNGKey
from .keys import clone as clone
from .keys import fold_in as fold_in
from .keys import key as key
from .keys import key_data as key_data
from .keys import key_dtype as key_dtype
from .keys import key_impl as key_impl
from .keys import split as split
from .keys import wrap_key_data as wrap_key_data
from .uniform import bernoulli as bernoulli
from .uniform import bits as bits
from .uniform import rademacher as rademacher
from .uniform import randint as randint
from .uniform import uniform as uniform
