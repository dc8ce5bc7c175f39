"""Messages of random, nn and scipy, and of names that do not exist."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import nn, random, scipy
from chainrule.core.avals import as_array

from .expecting import message

x = as_array(np.array([1.0, 2.0, 3.0], np.float32))
y = as_array(np.ones(4, np.float32))
z = as_array(np.ones(3, np.complex64))
n = as_array(np.arange(3))
m = as_array(np.arange(6, dtype=np.float32).reshape(2, 3))
q = as_array(np.eye(3, dtype=np.float32))
key = random.key(0)

REFUSED = {
    "an unknown generator": (
        lambda: random.key(0, impl="dice"),
        ValueError,
        "key: there is no generator 'dice'; use 'threefry2x32'.",
    ),
    "what is no key": (
        lambda: random.normal("key"),
        TypeError,
        "normal: 'key' of type str is no key; make one with random.key(seed).",
    ),
    "the words of no key": (
        lambda: random.uniform(x),
        TypeError,
        "uniform: the words of a key must be uint32 of shape (..., 2); got f32[3]."
        " Make keys with random.key(seed).",
    ),
    "a seed that is a key": (
        lambda: random.key(random.key(0)),
        TypeError,
        "key: accepts a scalar seed, but was given a key.",
    ),
    "several seeds": (
        lambda: random.key(n),
        TypeError,
        "key: accepts a scalar seed, but was given an array of shape (3,); use"
        " vmap to make many keys.",
    ),
    "a seed that is a float": (
        lambda: random.key(1.5),
        TypeError,
        "key: the seed must be an integer; got f32[].",
    ),
    "a seed that is too large": (
        lambda: random.key(2**70),
        OverflowError,
        "key: the seed 1180591620717411303424 needs more than 64 bits; use -2**63"
        " <= seed < 2**63.",
    ),
    "folding in several numbers": (
        lambda: random.fold_in(key, n),
        TypeError,
        "fold_in: accepts a scalar, but was given an array of shape (3,); use vmap.",
    ),
    "folding in a negative number": (
        lambda: random.fold_in(key, -1),
        OverflowError,
        "fold_in: -1 is out of bounds for uint32; use 0 <= data < 2**32.",
    ),
    "key data of another dtype": (
        lambda: random.wrap_key_data(x),
        TypeError,
        "wrap_key_data: expected uint32 of shape (..., 2) for generator"
        " threefry2x32; got f32[3].",
    ),
    "a key array where one key is needed": (
        lambda: random.normal(random.split(key, 3)),
        ValueError,
        "normal: accepts a single key, but was given a key array of shape (3,);"
        " use vmap to batch over keys.",
    ),
    "arithmetic with keys": (
        lambda: key + 1,
        TypeError,
        "promotion: key<fry>, int32 have no common dtype; numeric values and keys"
        " don't mix.",
    ),
    "parameters that do not broadcast": (
        lambda: random.gamma(key, x, (2,)),
        ValueError,
        "gamma: parameters of shapes (3,) do not broadcast to the shape (2,) of"
        " the result; trailing dimensions must agree or be 1.",
    ),
    "an integer dtype of floats": (
        lambda: random.normal(key, dtype="int32"),
        ValueError,
        "normal: the dtype must be a floating-point or complex dtype; got int32.",
    ),
    "a float dtype of integers": (
        lambda: random.randint(key, (3,), 0, 5, dtype="float32"),
        TypeError,
        "randint: the dtype must be an integer dtype; got float32.",
    ),
    "a list as a probability": (
        lambda: random.bernoulli(key, [0.5]),
        TypeError,
        "bernoulli: [0.5] of type list is not a valid array type; pass an array or"
        " a number.",
    ),
    "an integer as a probability": (
        lambda: random.bernoulli(key, 1),
        TypeError,
        "bernoulli: the probability must be floating-point; got int32.",
    ),
    "an unknown mode": (
        lambda: random.gumbel(key, mode="medium"),
        ValueError,
        "gumbel: the mode is 'medium'; use 'high' or 'low'.",
    ),
    "more draws than categories": (
        lambda: random.categorical(key, x, shape=(5,), replace=False),
        ValueError,
        "categorical: cannot draw 5 of 3 categories without replacement; use"
        " replace=True or a smaller shape.",
    ),
    "logits of no category": (
        lambda: random.categorical(key, x[:0]),
        ValueError,
        "categorical: axis 0 of logits (0,) is empty.",
    ),
    "more draws than elements": (
        lambda: random.choice(key, 3, (5,), replace=False),
        ValueError,
        "choice: cannot draw 5 of 3 elements without replacement; use replace=True"
        " or a smaller shape.",
    ),
    "probabilities that do not fit": (
        lambda: random.choice(key, 3, (2,), p=y),
        ValueError,
        "choice: p must be a vector with one probability for each of 3 elements;"
        " got shape (4,).",
    ),
    "a choice from nothing": (
        lambda: random.choice(key, 0, (2,)),
        ValueError,
        "choice: there is nothing to draw from: a must be greater than 0 unless no"
        " samples are taken.",
    ),
    "a shape that is no sequence": (
        lambda: random.choice(key, 3, 2),
        TypeError,
        "choice: the shape must be a sequence; got 2.",
    ),
    "a permutation of a float": (
        lambda: random.permutation(key, 1.5),
        TypeError,
        "permutation: x must be an integer or an array of at least one dimension;"
        " got 1.5.",
    ),
    "a covariance that does not fit": (
        lambda: random.multivariate_normal(key, x, cnp.eye(2)),
        ValueError,
        "multivariate_normal: the mean must have shape (..., n) and the covariance"
        " (..., n, n); got (3,) and (2, 2).",
    ),
    "an unknown method of factoring": (
        lambda: random.multivariate_normal(key, x, cnp.eye(3), method="lu"),
        ValueError,
        "multivariate_normal: the method is 'lu'; use 'cholesky', 'eigh' or 'svd'.",
    ),
    "dirichlet of a scalar": (
        lambda: random.dirichlet(key, 1.0),
        ValueError,
        "dirichlet: alpha must have at least one dimension; got a scalar.",
    ),
    "glu of an odd size": (
        lambda: nn.glu(x),
        ValueError,
        "glu: the size along axis -1 must be even; got shape (3,).",
    ),
    "standardize by an unknown algorithm": (
        lambda: nn.standardize(x, algorithm="quick"),
        ValueError,
        "standardize: algorithm must be 'fast' or 'stable'; got 'quick'.",
    ),
    "attention of shapes that do not fit": (
        lambda: nn.dot_product_attention(cnp.ones((2, 3, 4)), cnp.ones((2, 3, 5)), cnp.ones((2, 3, 5))),
        ValueError,
        "dot_product_attention: query (B, T, N, H) and key, value (B, S, K, H) do"
        " not fit together: got (1, 2, 3, 4), (1, 2, 3, 5) and (1, 2, 3, 5).",
    ),
    "attention by another implementation": (
        lambda: nn.dot_product_attention(cnp.ones((2, 3, 4)), cnp.ones((2, 3, 4)), cnp.ones((2, 3, 4)), implementation="cudnn"),
        ValueError,
        "dot_product_attention: implementation 'cudnn' is not available; leave it"
        " None.",
    ),
    "an initializer for a vector": (
        lambda: nn.initializers.lecun_normal()(key, (3,)),
        ValueError,
        "variance_scaling: needs a shape of at least 2 dimensions; got (3,).",
    ),
    "an initializer in an unknown mode": (
        lambda: nn.initializers.variance_scaling(1.0, "fan", "normal")(key, (2, 3)),
        ValueError,
        "variance_scaling: mode must be one of ('fan_in', 'fan_out', 'fan_avg',"
        " 'fan_geo_avg'); got 'fan'.",
    ),
    "an initializer of an unknown distribution": (
        lambda: nn.initializers.variance_scaling(1.0, "fan_in", "cauchy")(key, (2, 3)),
        ValueError,
        "variance_scaling: distribution must be one of ('truncated_normal',"
        " 'normal', 'uniform'); got 'cauchy'.",
    ),
    "orthogonal for a vector": (
        lambda: nn.initializers.orthogonal()(key, (3,)),
        ValueError,
        "orthogonal: needs a shape of at least 2 dimensions; got (3,).",
    ),
    "qr in an unknown mode": (
        lambda: scipy.linalg.qr(q, mode="thin"),
        ValueError,
        "qr: Unsupported QR decomposition mode 'thin'; use 'full', 'economic' or"
        " 'r'.",
    ),
    "eigh of an unknown type": (
        lambda: scipy.linalg.eigh(q, type=4),
        ValueError,
        "eigh: type must be 1, 2 or 3; got 4.",
    ),
    "schur of an unknown output": (
        lambda: scipy.linalg.schur(q, output="int"),
        ValueError,
        "schur: Expected 'output' to be either 'real' or 'complex', got"
        " output='int'.",
    ),
    "polar on an unknown side": (
        lambda: scipy.linalg.polar(q, side="up"),
        ValueError,
        "polar: The argument `side` must be either 'right' or 'left'; got 'up'.",
    ),
    "funm of a vector": (
        lambda: scipy.linalg.funm(x, cnp.sin),
        ValueError,
        "funm: the operand must be a square matrix, of shape (n, n); got (3,).",
    ),
    "solve under an unknown assumption": (
        lambda: scipy.linalg.solve(q, x, assume_a="nice"),
        ValueError,
        "solve: Expected assume_a to be one of ['gen', 'sym', 'her', 'pos']; got"
        " 'nice'",
    ),
    "solve of sizes that differ": (
        lambda: scipy.linalg.solve(q, y),
        ValueError,
        "linear_solve: a of shape (3, 3) and b of shape (4, 1) do not fit; b must"
        " be (..., 3, k).",
    ),
    "solve_triangular transposed in an unknown way": (
        lambda: scipy.linalg.solve_triangular(q, x, trans="Q"),
        ValueError,
        "solve_triangular: Invalid 'trans' value 'Q'; use 0, 1, 2, 'N', 'T' or 'C'.",
    ),
    "lu_solve transposed in an unknown way": (
        lambda: scipy.linalg.lu_solve((q, n), x, trans=5),
        ValueError,
        "lu_solve: trans must be 0, 1, or 2, got 5.",
    ),
    "block_diag of a cube": (
        lambda: scipy.linalg.block_diag(cnp.ones((1, 1, 1))),
        ValueError,
        "block_diag: arguments must have at most 2 dimensions; argument 0 has"
        " shape (1, 1, 1).",
    ),
    "hadamard of a size that is no power of two": (
        lambda: scipy.linalg.hadamard(3),
        ValueError,
        "hadamard: n must be a positive power of 2; got 3.",
    ),
    "dft by an unknown scale": (
        lambda: scipy.linalg.dft(3, scale="m"),
        ValueError,
        "dft: scale must be None, 'sqrtn', or 'n'; got 'm'.",
    ),
    "lgamma of complex numbers": (
        lambda: scipy.special.gammaln(z),
        TypeError,
        "gammaln: takes real arrays; got complex64.",
    ),
    "an exact factorial": (
        lambda: scipy.special.factorial(3, exact=True),
        NotImplementedError,
        "factorial: exact=True is not supported; use math.factorial on integers.",
    ),
    "multigammaln of a fractional dimension": (
        lambda: scipy.special.multigammaln(x, 1.5),
        ValueError,
        "multigammaln: the dimension must be an integer; got 1.5.",
    ),
    "an unknown attribute of numpy": (
        lambda: cnp.sinn,
        AttributeError,
        "module 'chainrule.numpy' has no attribute 'sinn'",
    ),
    "an unknown attribute of the package": (
        lambda: cr.gradd,
        AttributeError,
        "module 'chainrule' has no attribute 'gradd'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    call, error, text = REFUSED[what]
    assert message(error, call) == text
