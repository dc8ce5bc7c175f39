"""Programs that test branches and loops: cond, scan, while, alone and nested.

References are the same loops in Python. Programs are smooth where they are sampled: no
condition changes near the operands.
"""

import numpy as np

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax

from . import Program

rng = np.random.default_rng(21)
scalar = np.float32(0.7)
vector = rng.uniform(0.3, 0.9, 4).astype(np.float32)
matrix = rng.uniform(-0.9, 0.9, (3, 4)).astype(np.float32)
square = rng.uniform(-0.5, 0.5, (4, 4)).astype(np.float32)
complexes = (vector + 1j * vector[::-1]).astype(np.complex64)


# --- cond ----------------------------------------------------------------------------


def branches(x, y):
    """Branches that share operands, and a result that does not depend on them."""
    return lax.cond(
        x.sum() > 0,
        lambda x, y: (cnp.sin(x) * y, x.sum(), 3.0),
        lambda x, y: (x * cnp.log(y), (x * y).sum(), 4.0),
        x, y,
    )  # fmt: skip


def branches_reference(x, y):
    if x.sum() > 0:
        return [np.sin(x) * y, x.sum(), np.float32(3)]
    return [x * np.log(y), (x * y).sum(), np.float32(4)]


def branch_of_each(x):
    """A branch for each element; where it is not taken, its derivative is infinite."""
    root = lambda v: lax.cond(v > 0.5, lambda v: cnp.sqrt(v - 0.5), lambda v: v * v, v)
    return cr.vmap(root)(x)


def branch_of_each_reference(x):
    return np.array([np.sqrt(v - 0.5) if v > 0.5 else v * v for v in x], x.dtype)


def switched(x):
    pick = lambda k, v: lax.switch(k, [cnp.sin, cnp.cos, lambda v: v**3], v)
    return cr.vmap(pick)(cnp.array([-1, 1, 2, 9]), x)


def switched_reference(x):
    a, b, c, d = x
    return np.array([np.sin(a), np.cos(b), c**3, d**3], x.dtype)


# --- scan ----------------------------------------------------------------------------


def recurrent(h, w, xs):
    """A recurrent network that returns its states."""

    def step(h, x):
        h = cnp.tanh(w @ h + x)
        return h, (h.sum(), h)

    h, (sums, states) = lax.scan(step, h, xs)
    return h, sums, states


def recurrent_reference(h, w, xs):
    states = []
    for x in xs:
        h = np.tanh(w @ h + x)
        states.append(h)
    return [h, np.stack([s.sum() for s in states]), np.stack(states)]


def backwards(c, xs):
    """From the last row to the first, with an integer carry beside the other."""

    def step(carry, x):
        k, c = carry
        return (k + 1, c * cnp.sin(x) + k), (k, c)

    (k, c), (ks, cs) = lax.scan(step, (0, c), xs, reverse=True)
    return k, c, ks, cs


def backwards_reference(c, xs):
    ks, cs = [], []
    for k, x in enumerate(xs[::-1]):
        ks.append(k)
        cs.append(c)
        c = c * np.sin(x) + np.asarray(k, c.dtype)
    counts = np.array(ks[::-1], np.int32)
    return [np.int32(len(xs)), c, counts, np.stack(cs[::-1])]


def products(c, w, xs):
    """Linear in c and in xs; w takes part unchanged in every step."""
    step = lambda c, x: (cnp.cos(w) * c + x, 2.0 * c)
    return lax.scan(step, c, xs)


def products_reference(c, w, xs):
    ys = []
    for x in xs:
        ys.append(2 * c)
        c = np.cos(w) * c + x
    return [c, np.stack(ys)]


def nested_scans(c, xs):
    def row(c, x):
        return lax.scan(lambda c, v: (cnp.sin(c + v), c * v), c, x)

    return lax.scan(row, c, xs)


def nested_scans_reference(c, xs):
    ys = np.zeros_like(xs)
    for i, x in enumerate(xs):
        for j, v in enumerate(x):
            ys[i, j] = c * v
            c = np.sin(c + v)
    return [c, ys]


def empty(c, xs):
    return lax.scan(lambda c, x: (cnp.sin(c) * x.sum(), c * x), c, xs)


# --- while and fori --------------------------------------------------------------------


def growing(x, y):
    """The number of steps depends on the first operand."""
    going = lambda carry: carry[0].sum() < 40.0
    step = lambda carry: (carry[0] * 1.5 + 0.1, carry[1] + cnp.sin(carry[0]) * y)
    return lax.while_loop(going, step, (x, y))


def growing_reference(x, y):
    z = y
    while x.sum() < 40.0:
        x, z = (
            x * np.asarray(1.5, x.dtype) + np.asarray(0.1, x.dtype),
            z + np.sin(x) * y,
        )
    return [x, z]


def counted(x):
    """A bound that is traced under jit."""
    last = cnp.asarray(3) + cnp.floor(x.sum() * 0).astype(int)
    return lax.fori_loop(0, last, lambda i, v: v * cnp.cos(v) + i, x)


def counted_reference(x):
    for i in range(3):
        x = x * np.cos(x) + np.asarray(i, x.dtype)
    return x


def steps_of_each(x):
    """Every element has a number of steps of its own."""
    double = lambda v: lax.while_loop(lambda v: v < 2.0, lambda v: v * (1 + v), v)
    return cr.vmap(double)(x)


def steps_of_each_reference(x):
    out = x.copy()
    for i in range(len(out)):
        while out[i] < 2.0:
            out[i] *= 1 + out[i]
    return out


def never(x):
    return lax.while_loop(lambda v: v.sum() < 0, lambda v: v * v, x)


def nested_loops(x, xs):
    """A while within a scan within a fori, with a cond inside."""

    def row(c, r):
        c = lax.while_loop(lambda c: c.sum() < 6.0, lambda c: c * 1.7 + r * r, c)
        c = lax.cond(r.sum() > 0, lambda c: cnp.sin(c), lambda c: 0.3 * c, c)
        return c, c * r

    def outer(i, pair):
        c, total = pair
        c, ys = lax.scan(row, cnp.abs(c) + 0.1, xs)
        return c, total + ys.sum(0)

    return lax.fori_loop(0, 2, outer, (x, cnp.zeros_like(x)))


def nested_loops_reference(x, xs):
    number = lambda v: np.asarray(v, x.dtype)
    c, total = x, np.zeros_like(x)
    for _ in range(2):
        c = np.abs(c) + number(0.1)
        ys = []
        for r in xs:
            while c.sum() < 6.0:
                c = c * number(1.7) + r * r
            c = np.sin(c) if r.sum() > 0 else number(0.3) * c
            ys.append(c * r)
        total = total + np.stack(ys).sum(0)
    return [c, total]


def checkpointed(h, w, xs):
    step = cr.checkpoint(lambda h, x: (cnp.tanh(w @ h + x), h.sum()))
    return lax.scan(step, h, xs)


def checkpointed_reference(h, w, xs):
    sums = []
    for x in xs:
        sums.append(h.sum())
        h = np.tanh(w @ h + x)
    return [h, np.stack(sums)]


def in_segments(h, w, xs):
    """A segment of three steps, and two that are left over."""
    rows = cnp.concatenate([xs, xs[:2] * 0.5])
    step = lambda h, x: (cnp.tanh(w @ h + x), h.sum())
    return lax.scan(step, h, rows, checkpoint=2)


def in_segments_reference(h, w, xs):
    return checkpointed_reference(h, w, np.concatenate([xs, xs[:2] * 0.5]))


@cr.checkpoint(budget="6kB")
def within_a_budget(h, w, xs):
    """The residuals of all steps take more than twice as much."""
    rows = cnp.concatenate([xs] * 70)
    return lax.scan(lambda h, x: (cnp.tanh(w @ h + x), h.sum()), h, rows)


def within_a_budget_reference(h, w, xs):
    return checkpointed_reference(h, w, np.concatenate([xs] * 70))


def named(x, w):
    """What a policy keeps by its name, and what it has recomputed."""
    name = cr.ad_checkpoint.checkpoint_name
    policy = cr.checkpoint_policies.save_only_these_names("product")
    f = lambda x: cnp.sin(name(w @ x, "product")) * name(cnp.exp(x), "other")
    return cr.checkpoint(f, policy=policy)(x)


def linear_system(a, b):
    """A Jacobi iteration, differentiated by the system that it solves."""

    def solver(matvec, b):
        diagonal = cnp.diag(cr.jacobian(matvec)(b))
        return lax.fori_loop(0, 60, lambda _, x: x + (b - matvec(x)) / diagonal, b)

    matvec = lambda x: 3.0 * x + a @ x
    return lax.custom_linear_solve(matvec, b, solver, solver)


def linear_system_reference(a, b):
    return np.linalg.solve(np.eye(len(b), dtype=a.dtype) * 3 + a, b)


def cube_root(x):
    newton = lambda f, y: lax.fori_loop(0, 30, lambda _, y: y - f(y) / (3 * y * y), y)
    solve = lambda g, y: y / g(cnp.ones_like(y))
    return lax.custom_root(lambda y: y**3 - x, cnp.ones_like(x), newton, solve)


def partial_products(x):
    return lax.associative_scan(lambda a, b: a @ b, x)


def partial_products_reference(x):
    found = [x[0]]
    for y in x[1:]:
        found.append(found[-1] @ y)
    return np.stack(found)


SAMPLES = [
    Program("cond", (vector, vector[::-1]), {}, branches_reference, function=branches,
            dtypes=("float64",), exercises=("cond",)),
    Program("cond_taken_the_other_way", (-vector, vector), {}, branches_reference,
            function=branches),
    Program("cond_in_jit", (vector, vector[::-1]), {}, branches_reference,
            function=cr.jit(branches)),
    Program("cond_of_each_element", (vector,), {}, branch_of_each_reference,
            function=branch_of_each),
    Program("cond_of_each_in_jit", (vector,), {}, branch_of_each_reference,
            function=cr.jit(branch_of_each)),
    Program("switch_of_each_element", (vector,), {}, switched_reference,
            function=switched),
    Program("scan", (vector, square, matrix), {}, recurrent_reference,
            function=recurrent, dtypes=("float64",), exercises=("scan",)),
    Program("scan_in_jit", (vector, square, matrix), {}, recurrent_reference,
            function=cr.jit(recurrent)),
    Program("scan_backwards", (scalar, vector), {}, backwards_reference,
            function=backwards),
    Program("scan_that_is_linear", (vector, vector[::-1], matrix), {},
            products_reference, function=products),
    Program("scan_of_complex", (complexes, complexes[::-1], np.stack([complexes] * 2)),
            {}, products_reference, function=products),
    Program("scan_in_scan", (scalar, matrix), {}, nested_scans_reference,
            function=nested_scans),
    Program("scan_of_nothing", (scalar, np.zeros((0, 3), np.float32)), {},
            lambda c, xs: [c, xs], function=empty),
    Program("scan_of_checkpoint", (vector, square, matrix), {},
            checkpointed_reference, function=checkpointed),
    Program("scan_in_segments", (vector, square, matrix), {},
            in_segments_reference, function=in_segments),
    Program("scan_within_a_budget", (vector, square, matrix), {},
            within_a_budget_reference, function=within_a_budget,
            exercises=("budgeted",)),
    Program("while", (vector, vector[::-1]), {}, growing_reference, function=growing,
            dtypes=("float64",), exercises=("while",)),
    Program("while_in_jit", (vector, vector[::-1]), {}, growing_reference,
            function=cr.jit(growing), exercises=("while_tangents", "while_cotangents")),
    Program("while_of_each_element", (vector,), {}, steps_of_each_reference,
            function=steps_of_each),
    Program("while_of_no_step", (vector,), {}, lambda x: x, function=never),
    Program("fori", (vector,), {}, counted_reference, function=counted),
    Program("fori_in_jit", (vector,), {}, counted_reference, function=cr.jit(counted)),
    Program("loops_in_loops", (vector, matrix[:2]), {}, nested_loops_reference,
            function=nested_loops),
    Program("checkpoint_with_names", (vector, square), {},
            lambda x, w: np.sin(w @ x) * np.exp(x), function=named,
            exercises=("name",)),
    Program("custom_linear_solve", (square, vector), {}, linear_system_reference,
            function=linear_system, exercises=("custom_linear_solve",)),
    Program("custom_root", (vector,), {}, np.cbrt, function=cube_root),
    Program("associative_scan", (np.stack([square, square.T, square @ square] * 2),),
            {}, partial_products_reference, function=partial_products),
]  # fmt: skip
