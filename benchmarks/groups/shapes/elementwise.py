"""Functions number by number: mathematics, operators, types of other widths."""

from benchmarks.shapes import Family, complex_normal, integers, normal, uniform

family = Family("elementwise")

COUNT = 300_000
INSIDE = uniform(COUNT, low=0.01, high=0.99)
UNARY = """exp log sin tan arcsin arctan sinh tanh arctanh cbrt log1p expm1
round""".split()
SPECIAL = "erf gammaln digamma erfinv ndtri log_ndtr expit i0 entr".split()
BINARY = """power arctan2 fmod remainder hypot logaddexp floor_divide nextafter
heaviside""".split()

for name in UNARY:
    family.kernel(name, lambda np, x, name=name: getattr(np, name)(x), INSIDE)
for name in SPECIAL:
    family.program(
        name, lambda lib, x, name=name: getattr(lib.scipy.special, name)(x), INSIDE
    )
for name in BINARY:
    function = lambda np, x, y, name=name: getattr(np, name)(x, y)
    family.kernel(name, function, INSIDE, normal(COUNT))
family.kernel("ldexp", lambda np, x, i: np.ldexp(x, i), INSIDE, integers(9, COUNT))
family.program("xlogy", lambda lib, x, y: lib.scipy.special.xlogy(x, y), INSIDE, INSIDE)

MANY = 1_000_000
family.kernel(
    "where in where",
    lambda np, x: np.where(x > 0, x, np.where(x < -1, -1, 2 * x)),
    normal(MANY),
)
family.kernel("clip", lambda np, x: np.clip(x, -0.5, 0.5), normal(37, 53))
family.kernel(
    "(3 i + 7) % 1000 // 3", lambda np, i: (3 * i + 7) % 1000 // 3, integers(MANY, MANY)
)
family.program(
    "population_count(i) ^ i >> 3",
    lambda lib, i: lib.lax.population_count(i) ^ (i >> 3),
    integers(MANY, MANY),
)
family.kernel("i + 2 i", lambda np, i: i + 2 * i, integers(40, MANY, dtype="int8"))
family.kernel(
    "2 x + 1", lambda np, x: 2 * x + 1, normal(MANY, dtype="float16"), rtol=1e-3
)
family.kernel("exp", lambda np, x: np.exp(x), normal(MANY, dtype="float16"), rtol=1e-3)


def parts(np, z):
    return np.real(z), np.imag(z)


family.kernel(
    "(a b + a) / (b + 3)",
    lambda np, a, b: parts(np, (a * b + a) / (b + 3)),
    complex_normal(MANY),
    complex_normal(MANY),
)
family.kernel("exp", lambda np, z: parts(np, np.exp(z)), complex_normal(100_000))
family.kernel(
    "polyval of degree 9", lambda np, c, x: np.polyval(c, x), normal(10), uniform(MANY)
)
family.kernel(
    "sin(x) cos(y), outer",
    lambda np, x, y: np.sin(x[:, None]) * np.cos(y),
    normal(2000),
    normal(2000),
)
family.kernel(
    "kernel of distances",
    lambda np, x, y: np.exp(-np.sum((x[:, None] - y) ** 2, -1)),
    normal(500, 3),
    normal(700, 3),
)
