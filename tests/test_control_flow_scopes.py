"""jit(f, control_flow="convert"): names, closures, operators and calls are Python's.

Each program is compared with what Python computes, in its values and derivatives.
"""

import functools

import pytest

import chainrule as cr
import chainrule.numpy as cnp

from .converting import assert_gradients, assert_slopes, assert_values, name

PROGRAMS = []


def program(f):
    """One of the programs that are compared."""
    PROGRAMS.append(f)
    return f


# --- names, scopes, closures ---------------------------------------------------------


@program
def closure_sees_the_branch(x):
    y = x
    get = lambda: y
    if x > 0:
        y = y * 2
        z = get()
    else:
        z = get() - 1
    return z + get()


@program
def closures_over_loop_variables(x):
    late = []
    for i in range(3):
        late.append(lambda v: v * i)
    early = [lambda v, k=k: v + k for k in range(3)]
    if x > 1:
        x = late[0](x) + early[1](x)
    return x


@program
def closure_in_a_traced_loop(x):
    total, k = 0.0, 0
    grow = lambda: total + k * x
    while total < 9 and k < 6:
        k += 1
        total = grow() if x > 0 else total + 1.5
    return grow()


@program
def inner_functions(x):
    def sign(v):
        if v < 0:
            return -1.0
        return 1.0

    pick = lambda v: v if v > 1 else v * v
    if x > 2:
        x = x + sign(x - 4)
    return pick(x) * sign(x)


@program
def generator_of_parts(x):
    weights = (w * 2 for w in (1.0, 2.0))
    total = sum(weights)
    if x > 0:
        total = total * x
    return total


@program
def comprehensions(x):
    parts = [v if v * x > 2 else -v for v in (1.0, 2.0, 3.0)]
    kept = {k: x * k for k in range(4) if k % 2}
    if x > 1 and len(kept) == 2:
        return sum(parts) + kept[1] + kept[3]
    return sum(parts) * x


@program
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


@program
def imports_within(x):
    if x > 0:
        import math

        x = x * math.floor(2.5)
    else:
        from math import pi as tau

        x = x + tau
    return x


@program
def annotated(x):
    y: float = 0.0
    if x > 0:
        y: float = x
        get = lambda: y
        y = get() + 1
    else:
        get = None
    return y


@program
def tuple_targets(x):
    a, (b, *rest) = x, (x * 2, 3.0, 4.0)
    if x > 1:
        a, b = b, a
        (first, *_), last = (a, b), rest[-1]
    else:
        first, last = b, rest[0]
    return a * 2 + b + first * last


@program
def named_expressions(x):
    if (y := x * 2) > 3:
        x = y + 1
    z = w if (w := x - 1) > 0 else -w
    return x + y * z + w


@program
def named_expression_in_while(x):
    n = 0
    while (y := x - n) > 1:
        n += 1
        if n * y > 12:
            break
    else:
        return y * 100 + n
    return y + n


@program
def named_expression_with_continue(x):
    n = 0
    while (y := abs(x) * n) < 9 and n < 8:
        n += 2
        if y > 3:
            continue
        n -= 1
    return y + n


# --- operators -----------------------------------------------------------------------


@program
def chain_of_expressions(x):
    if -2 < x * 2 <= abs(x) + 3 < 7:
        return x
    if not 1 < x + 1 != 5.5:
        return x * 2
    return x * 3


@program
def negations_and_ternaries(x):
    a = 1.0 if not x > 0 else 2.0 if not (x > 3 or x < 1) else 3.0
    b = x and 4.0
    return a * x + b


@program
def augmented(x):
    v = cnp.zeros(3)
    if x > 0:
        v = v.at[1].add(x)
        v *= 2.0
    else:
        v = v.at[0].set(x)
    v += 1.0
    return v[0] * 3 + v[1] - v[2]


@program
def strings(x):
    name = f"{x.dtype}"
    if x > 0 and name == "float32":
        x = x * 2
    assert len(name) > 2, f"{x}"
    return x


# --- ranges --------------------------------------------------------------------------


@program
def negative_step(x):
    n = cnp.asarray(x, "int32")
    y, i = 0.0, -99
    for i in range(5, n, -2):
        y = y + i
    return y * 10 + i


@program
def traced_step(x):
    step = cnp.where(x > 0, 2, -3).astype("int32")
    y = 0.0
    for i in range(4, cnp.asarray(x * 4, "int32"), step):
        y = y * 0.5 + i
    return y


@program
def narrow_bounds(x):
    n = cnp.asarray(abs(x) * 20, "uint8")
    count = 0
    for i in range(-3, n, 2):
        if i > 100:
            break
        count += 1
    return count * 1.0


@program
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


@program
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


@program
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
PROGRAMS += [
    squared_positive, model, Heir(2.0), model.scale, Model.shifted, Model.built,
    functools.partial(partial_of, k=2.0, shift=3.0),
    functools.partial(model.scale), lambda x: x * 3 if 0 < x < 2 else -x,
]  # fmt: skip


@program
def calls_methods(x):
    p = functools.partial(partial_of, k=1.0, shift=2.0)
    return model(x) + p(x) + Model.shifted(x) + (lambda v: v if v > 0 else -v)(x)


@program
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


@program
def counts_down(x, n=3):
    if n == 0:
        return x
    y = counts_down(x, n - 1)
    return y * 2 if y > 1 else y - 1


@program
def differentiated(x):
    return cr.grad(lambda v: v**3 if v > 1 else v**2)(x)


@program
def shadowed_range(x):
    range = lambda n: [float(n), 2.0]
    for v in range(3):
        if x > v:
            x = x - v
    return x


# --- the properties ------------------------------------------------------------------


@pytest.mark.parametrize("f", PROGRAMS, ids=name)
def test_converted_is_python(f):
    assert_values(f)


@pytest.mark.parametrize("f", PROGRAMS, ids=name)
def test_forward_derivative_is_pythons(f):
    assert_slopes(f)


@pytest.mark.parametrize("f", PROGRAMS, ids=name)
def test_gradient_is_pythons(f):
    assert_gradients(f)
