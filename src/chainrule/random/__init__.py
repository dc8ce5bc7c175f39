"""Random numbers from keys: the same key gives the same numbers, on every machine.

>>> from chainrule import random
>>> key = random.key(0)
>>> key, subkey = random.split(key)
>>> random.normal(subkey, (2,)).shape
(2,)
"""

from .continuous import cauchy as cauchy
from .continuous import exponential as exponential
from .continuous import gumbel as gumbel
from .continuous import laplace as laplace
from .continuous import logistic as logistic
from .continuous import pareto as pareto
from .continuous import rayleigh as rayleigh
from .continuous import triangular as triangular
from .continuous import wald as wald
from .continuous import weibull_min as weibull_min
from .discrete import binomial as binomial
from .discrete import categorical as categorical
from .discrete import geometric as geometric
from .discrete import multinomial as multinomial
from .discrete import poisson as poisson
from .gamma_family import ball as ball
from .gamma_family import beta as beta
from .gamma_family import chisquare as chisquare
from .gamma_family import dirichlet as dirichlet
from .gamma_family import f as f
from .gamma_family import gamma as gamma
from .gamma_family import generalized_normal as generalized_normal
from .gamma_family import loggamma as loggamma
from .gamma_family import t as t
from .keys import PRNGKey as PRNGKey
from .keys import clone as clone
from .keys import fold_in as fold_in
from .keys import key as key
from .keys import key_data as key_data
from .keys import key_dtype as key_dtype
from .keys import key_impl as key_impl
from .keys import split as split
from .keys import wrap_key_data as wrap_key_data
from .multivariate import multivariate_normal as multivariate_normal
from .multivariate import orthogonal as orthogonal
from .normal import double_sided_maxwell as double_sided_maxwell
from .normal import lognormal as lognormal
from .normal import maxwell as maxwell
from .normal import normal as normal
from .normal import truncated_normal as truncated_normal
from .shuffling import choice as choice
from .shuffling import permutation as permutation
from .uniform import bernoulli as bernoulli
from .uniform import bits as bits
from .uniform import rademacher as rademacher
from .uniform import randint as randint
from .uniform import uniform as uniform
