"""jit(f, control_flow="convert"): small programs of every construct are Python's.

Each program is run by Python on concrete values, and converted: under jit, vmap and
forward mode, in reverse mode where it has no loop that the program decides.
"""

import contextlib
import functools

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp


def convert(f, **options):
    return cr.jit(f, control_flow="convert", **options)


POINTS = [-3.5, -1.0, 0.0, 0.3, 1.4, 2.7, 4.5, 7.0, 12.5]
SLOPES = [-3.4, -0.7, 0.4, 1.3, 4.6, 9.2]
BRANCHES, LOOPS = [], []


def branches(f):
    """A program whose traced decisions are branches: reverse mode goes through."""
    BRANCHES.append(f)
    return f


def loops(f):
    LOOPS.append(f)
    return f


# --- else of loops -------------------------------------------------------------------


@loops
def while_else(x):
    n = 0
    while n < 5:
        if n * x > 6:
            break
        n += 1
    else:
        return x + 100.0
    return x * n


@loops
def while_else_without_break(x):
    while x > 1:
        x = x / 2
    else:
        x = x + 10.0
    return x


@loops
def for_else(x):
    y = 0.0
    for i in range(4):
        if i * x > 7:
            y = y + 1.0
            break
        y = y + i
    else:
        y = y * 2 + x
    return y


@loops
def else_that_breaks_the_outer_loop(x):
    total = 0.0
    for i in range(4):
        for j in range(3):
            if x + i + j > 6:
                break
            total = total + 1.0
        else:
            total = total + 10.0
            if x < 0:
                break
            continue
        total = total + x
    else:
        total = total + 1000.0
    return total


@loops
def else_after_return_in_the_loop(x):
    for i in range(3):
        if x > 4 + i:
            return x * 2
        if x + i > 3:
            break
    else:
        return -x
    return x + 0.5


@loops
def while_else_returns(x):
    while x < 50:
        x = x * x + 1.5
        if x > 20:
            return x
        if x > 9:
            break
    else:
        return -1.0
    return 7.0 * x


# --- jumps ---------------------------------------------------------------------------


@loops
def break_within_if_over_traced_range(x):
    n = cnp.asarray(abs(x) + 2, "int32")
    y = 0.0
    for i in range(n):
        if i > 1:
            if y > 3:
                break
            y = y + 0.25
        y = y + x
    return y


@loops
def returns_of_two_types(x):
    for i in range(4):
        if x < -1:
            return i - 7
        for j in range(2):
            if x > 3:
                return x * (i + 1)
            if x > 1:
                return True
            x = x + 0.4 * j
    return 2.5


@loops
def while_true(x):
    n = 0
    while True:
        n += 1
        x = x * 0.5
        if abs(x) < 1:
            break
    return x + n


@loops
def while_true_that_returns(x):
    while True:
        x = x - 3.0
        if x < 0:
            return x * 2


@loops
def while_true_two_returns(x):
    k = 0
    while 1:
        k = k + 1
        if x > 5:
            return x * k
        if x < -40:
            return x / k
        x = x * 1.7 - 0.1


@loops
def continue_in_while(x):
    n, y = 0, x
    while n < 6:
        n += 1
        if n * y < 4:
            y = y + 0.5
            continue
        y = y - 1.0
    return y


@branches
def many_returns(x):
    if x > 10:
        return x
    if x > 5:
        return x * 2
    if x > 2:
        if x > 4:
            return x * 3
        x = x + 1
    elif x < -2:
        return -x
    return x * 5


@branches
def break_over_a_list(x):
    y = 0.0
    for v in [0.5, 2.0, 4.0]:
        if x < v:
            break
        y = y + x * v
    else:
        y = y - 1.0
    return y


@branches
def return_over_pairs(x):
    for k, (a, b) in enumerate(zip([1.0, 2.0, 3.0], (4.0, 5.0, 6.0))):
        if a < x < b:
            return x * k + b
    return x


@branches
def items_of_an_array(x):
    total = x
    for v in cnp.array([1.0, 2.0, 3.0]):
        if total > 6:
            continue
        total = total + v * x
    return total


@branches
def last_item_after_the_loop(x):
    v = 0.0
    for v in (1.0, 3.0, 5.0):
        if x < v:
            break
    return v * x


# --- with and try --------------------------------------------------------------------


@branches
def branch_in_with(x):
    with contextlib.nullcontext(3.0) as scale:
        if x > 0:
            x = x * scale
        else:
            x = x - scale
    return x


@branches
def return_in_with(x):
    with contextlib.nullcontext():
        if x > 3:
            return x * x
        x = x + 1
        if x < 0:
            return -x
    return x * 10


@loops
def break_and_continue_in_with(x):
    y = 0.0
    for i in range(5):
        with contextlib.nullcontext():
            if x + i > 6:
                break
            if x * i < 1:
                continue
            y = y + 1.0
        y = y + x
    return y


@branches
def branch_in_try(x):
    try:
        if x > 0:
            y = x * 2
        else:
            y = -x
    finally:
        z = 1.0
    return y + z


@branches
def caught_on_a_known_path(x):
    y = x
    known = True
    try:
        if known:
            y = y * 3
            raise KeyError("known")
        y = y + 100
    except KeyError as error:
        y = y + len(error.args)
    return y if y > 0 else -y


@branches
def suppressed(x):
    y = x
    with contextlib.suppress(ZeroDivisionError):
        for i in range(3):
            y = y + i
            if i == 1:
                1 // 0
        y = y * 1000
    if y > 0:
        y = y + 1
    return y


# --- names, scopes, closures ---------------------------------------------------------


@branches
def closure_sees_the_branch(x):
    y = x
    get = lambda: y
    if x > 0:
        y = y * 2
        z = get()
    else:
        z = get() - 1
    return z + get()


@branches
def closures_over_loop_variables(x):
    late = []
    for i in range(3):
        late.append(lambda v: v * i)
    early = [lambda v, k=k: v + k for k in range(3)]
    if x > 1:
        x = late[0](x) + early[1](x)
    return x


@loops
def closure_in_a_traced_loop(x):
    total, k = 0.0, 0
    grow = lambda: total + k * x
    while total < 9 and k < 6:
        k += 1
        total = grow() if x > 0 else total + 1.5
    return grow()


@branches
def inner_functions(x):
    def sign(v):
        if v < 0:
            return -1.0
        return 1.0

    pick = lambda v: v if v > 1 else v * v
    if x > 2:
        x = x + sign(x - 4)
    return pick(x) * sign(x)


@branches
def generator_of_parts(x):
    weights = (w * 2 for w in (1.0, 2.0))
    total = sum(weights)
    if x > 0:
        total = total * x
    return total


@branches
def comprehensions(x):
    parts = [v if v * x > 2 else -v for v in (1.0, 2.0, 3.0)]
    kept = {k: x * k for k in range(4) if k % 2}
    if x > 1 and len(kept) == 2:
        return sum(parts) + kept[1] + kept[3]
    return sum(parts) * x


@branches
def deleted_names(x):
    y = x * 2
    if x > 0:
        z = y + 1
        del y
        x = z
    else:
        x = y
        del y
    return x


@branches
def imports_within(x):
    if x > 0:
        import math

        x = x * math.floor(2.5)
    else:
        from math import pi as tau

        x = x + tau
    return x


@branches
def annotated(x):
    y: float = 0.0
    if x > 0:
        y: float = x
        get = lambda: y
        y = get() + 1
    else:
        get = None
    return y


@branches
def tuple_targets(x):
    a, (b, *rest) = x, (x * 2, 3.0, 4.0)
    if x > 1:
        a, b = b, a
        (first, *_), last = (a, b), rest[-1]
    else:
        first, last = b, rest[0]
    return a * 2 + b + first * last


@branches
def named_expressions(x):
    if (y := x * 2) > 3:
        x = y + 1
    z = w if (w := x - 1) > 0 else -w
    return x + y * z + w


@loops
def named_expression_in_while(x):
    n = 0
    while (y := x - n) > 1:
        n += 1
        if n * y > 12:
            break
    else:
        return y * 100 + n
    return y + n


@loops
def named_expression_with_continue(x):
    n = 0
    while (y := abs(x) * n) < 9 and n < 8:
        n += 2
        if y > 3:
            continue
        n -= 1
    return y + n


# --- operators -----------------------------------------------------------------------


@branches
def chain_of_expressions(x):
    if -2 < x * 2 <= abs(x) + 3 < 7:
        return x
    if not 1 < x + 1 != 5.5:
        return x * 2
    return x * 3


@branches
def negations_and_ternaries(x):
    a = 1.0 if not x > 0 else 2.0 if not (x > 3 or x < 1) else 3.0
    b = x and 4.0
    return a * x + b


@branches
def augmented(x):
    v = cnp.zeros(3)
    if x > 0:
        v = v.at[1].add(x)
        v *= 2.0
    else:
        v = v.at[0].set(x)
    v += 1.0
    return v[0] * 3 + v[1] - v[2]


@branches
def strings(x):
    name = f"{x.dtype}"
    if x > 0 and name == "float32":
        x = x * 2
    assert len(name) > 2, f"{x}"
    return x


# --- ranges --------------------------------------------------------------------------


@loops
def negative_step(x):
    n = cnp.asarray(x, "int32")
    y, i = 0.0, -99
    for i in range(5, n, -2):
        y = y + i
    return y * 10 + i


@loops
def traced_step(x):
    step = cnp.where(x > 0, 2, -3).astype("int32")
    y = 0.0
    for i in range(4, cnp.asarray(x * 4, "int32"), step):
        y = y * 0.5 + i
    return y


@loops
def narrow_bounds(x):
    n = cnp.asarray(abs(x) * 20, "uint8")
    count = 0
    for i in range(-3, n, 2):
        if i > 100:
            break
        count += 1
    return count * 1.0


@loops
def counter_after_the_loop(x):
    i = 77
    for i in range(3, 9):
        if i > x:
            break
    return i + x


# --- calls ---------------------------------------------------------------------------


def clipped(x, low=0.0, *, high=4.0):
    if x < low:
        return low
    return high if x > high else x


def added(*xs, **named):
    total = 0.0
    for x in xs:
        if x > 0:
            total = total + x
    return total + sum(named.values())


@branches
def calls_others(x):
    y = clipped(x) + clipped(x, -1.0, high=2.0)
    return added(x, y, -y, z=1.0) * added(*[x, y], w=y)


def doubled(f):
    @functools.wraps(f)
    def wrapper(*args):
        result = f(*args)
        if result > 6:
            return result
        return result * 2

    return wrapper


@branches
@doubled
def decorated(x):
    if x > 1:
        return x
    return x - 1


def squared_positive(x):
    return x * x if x > 0 else x


class Base:
    def scale(self, x):
        return x * 2 if x > 1 else x


class Model(Base):
    offset = 0.5

    def __init__(self, k):
        self.__k = k

    def scale(self, x):
        if x > 4:
            return x * self.__k
        return super().scale(x) + self.offset

    def __call__(self, x):
        y = self.scale(x)
        if y < 0:
            return -y
        return y

    @staticmethod
    def shifted(x):
        return x + 1 if x > 0 else x

    @classmethod
    def built(cls, x):
        if x > 0:
            return cls(2.0)(x)
        return cls(3.0)(x - 1)


class Heir(Model):
    pass


def partial_of(x, k, *, shift):
    if x > k:
        return x + shift
    return x * shift


model = Model(3.0)
BRANCHES += [
    squared_positive, model, Heir(2.0), model.scale, Model.shifted, Model.built,
    functools.partial(partial_of, k=2.0, shift=3.0),
    functools.partial(model.scale), lambda x: x * 3 if 0 < x < 2 else -x,
]  # fmt: skip


@branches
def calls_methods(x):
    p = functools.partial(partial_of, k=1.0, shift=2.0)
    return model(x) + p(x) + Model.shifted(x) + (lambda v: v if v > 0 else -v)(x)


@branches
def own_objects(x):
    if x > 0:
        m = Model(2.0)
        m.offset = x
        values = [1.0] * 3
        values[0] = x
        other = sorted([3.0, 2.0])
        other.append(1.0)
        copied = values.copy()
        copied.append(m.scale(x))
        y = sum(copied) + sum(other)
    else:
        y = x
    return y


@branches
def counts_down(x, n=3):
    if n == 0:
        return x
    y = counts_down(x, n - 1)
    return y * 2 if y > 1 else y - 1


@branches
def differentiated(x):
    return cr.grad(lambda v: v**3 if v > 1 else v**2)(x)


@branches
def shadowed_range(x):
    range = lambda n: [float(n), 2.0]
    for v in range(3):
        if x > v:
            x = x - v
    return x


# --- the properties ------------------------------------------------------------------

name = lambda f: getattr(f, "__name__", type(f).__name__)


def plain(f, x):
    return np.asarray(f(cnp.float32(x)), "float32")


@pytest.mark.parametrize("f", [*BRANCHES, *LOOPS], ids=name)
def test_converted_is_python(f):
    g = convert(f)
    expected = [plain(f, x) for x in POINTS]
    np.testing.assert_allclose([g(x) for x in POINTS], expected, rtol=1e-5)
    many = cr.vmap(g)(cnp.array(POINTS))
    np.testing.assert_allclose(many, expected, rtol=1e-5)


@pytest.mark.parametrize("f", [*BRANCHES, *LOOPS], ids=name)
def test_forward_derivative_is_pythons(f):
    g, real = convert(f), lambda x: f(x) * 1.0
    for x in SLOPES:
        _, expected = cr.jvp(real, (x,), (1.0,))
        _, found = cr.jvp(lambda x: g(x) * 1.0, (x,), (1.0,))
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("f", BRANCHES, ids=name)
def test_gradient_of_branches_is_pythons(f):
    g = convert(f)
    for x in SLOPES:
        np.testing.assert_allclose(cr.grad(g)(x), cr.grad(f)(x), rtol=1e-5)
