"""Eager derivatives of small functions: the cost of differentiating, not of arithmetic.

Each library is written as its users write it: `torch.autograd.grad` on leaf tensors or
`torch.func`, Autograd's own operators. NumPy's column, where there is one, is the
derivative written out by hand: what the arithmetic alone costs.
"""

from typing import Any

from benchmarks.budgets import AheadOf, AtMost
from benchmarks.inputs import function, mlp_parameters, normal, to_array
from benchmarks.rows import CallRow
from benchmarks.units import us

EVERYONE_ELSE = ("autograd", "torch", "jax")
WIDTH, LAYERS, BATCH = 16, 5, 16
PARAMETERS = mlp_parameters(LAYERS, WIDTH)
INPUTS, TARGETS = normal((BATCH, WIDTH), 101), normal((BATCH, WIDTH), 102)
FORM, POINT = normal((8, 8), 103), normal((8,), 104)
WEIGHTS, ROWS = normal((8, 4), 105), normal((16, 4), 106)


first = CallRow(
    "derivative",
    "log",
    "grad(log)(1.0)",
    budgets=(AtMost(us(10)), AheadOf(EVERYONE_ELSE)),
)


@first.implement("chainrule", "jax", "autograd")
def make_first(lib):
    log = function(lib, "log")
    return lambda: lib.grad(log)(1.0)


@first.implement("torch")
def make_first_torch(torch):
    def first():
        x = torch.tensor(1.0, requires_grad=True)
        return torch.autograd.grad(torch.log(x), x)

    return first


second = CallRow(
    "derivative",
    "log_twice",
    "grad(grad(log))(1.0)",
    budgets=(AtMost(us(30)), AheadOf(EVERYONE_ELSE)),
)


@second.implement("chainrule", "jax", "autograd")
def make_second(lib):
    log = function(lib, "log")
    return lambda: lib.grad(lib.grad(log))(1.0)


@second.implement("torch")
def make_second_torch(torch):
    def second():
        x = torch.tensor(1.0, requires_grad=True)
        (first,) = torch.autograd.grad(torch.log(x), x, create_graph=True)
        return torch.autograd.grad(first, x)

    return second


mlp = CallRow(
    "derivative",
    "mlp",
    "gradient of an MLP, 5 layers of 16, batch 16",
    budgets=(AtMost(us(150)), AheadOf(("torch",))),
)


def parameters_for(lib: Any) -> list[tuple[Any, Any]]:
    return [(to_array(lib, w), to_array(lib, b)) for w, b in PARAMETERS]


@mlp.implement("chainrule", "jax", "autograd")
def make_mlp(lib):
    tanh, mean = function(lib, "tanh"), function(lib, "mean")
    parameters = parameters_for(lib)
    inputs, targets = to_array(lib, INPUTS), to_array(lib, TARGETS)

    def loss(parameters, inputs, targets):
        hidden = inputs
        for w, b in parameters:
            hidden = tanh(hidden @ w + b)
        return mean((hidden - targets) ** 2)

    gradient = lib.grad(loss)
    return lambda: gradient(parameters, inputs, targets)


@mlp.implement("torch")
def make_mlp_torch(torch):
    parameters = parameters_for(torch)
    leaves = [leaf.requires_grad_() for pair in parameters for leaf in pair]
    inputs, targets = to_array(torch, INPUTS), to_array(torch, TARGETS)

    def gradient():
        hidden = inputs
        for w, b in parameters:
            hidden = torch.tanh(hidden @ w + b)
        loss = torch.mean((hidden - targets) ** 2)
        return torch.autograd.grad(loss, leaves)

    return gradient


@mlp.implement("numpy")
def make_mlp_by_hand(np):
    def gradient():
        states = [INPUTS]
        for w, b in PARAMETERS:
            states.append(np.tanh(states[-1] @ w + b))
        bar = (states[-1] - TARGETS) * np.float32(2 / TARGETS.size)
        gradients = []
        for (w, _), below, here in zip(PARAMETERS[::-1], states[-2::-1], states[:0:-1]):
            bar = bar * (1 - here * here)
            gradients.append((below.T @ bar, bar.sum(0)))
            bar = bar @ w.T
        return gradients[::-1]

    return gradient


form = CallRow(
    "derivative", "quadratic", "value_and_grad of x.A x / 2 - b.x, 8 numbers"
)


@form.implement("chainrule", "jax", "autograd")
def make_form(lib):
    a, b, x = (to_array(lib, values) for values in (FORM, POINT[::-1], POINT))
    value_and_grad = lib.value_and_grad(lambda x: 0.5 * (x @ (a @ x)) - b @ x)
    return lambda: value_and_grad(x)


@form.implement("torch")
def make_form_torch(torch):
    a, b, x = (to_array(torch, values) for values in (FORM, POINT[::-1], POINT))
    x.requires_grad_()

    def value_and_grad():
        value = 0.5 * (x @ (a @ x)) - b @ x
        return value, *torch.autograd.grad(value, x)

    return value_and_grad


def small_map(lib: Any) -> Any:
    """x -> tanh(W x), from 4 numbers to 8."""
    tanh, weights = function(lib, "tanh"), to_array(lib, WEIGHTS)
    return lambda x: tanh(weights @ x)


batch = CallRow("derivative", "vmap", "vmap of tanh(W x), 16 rows of 4 to 8")


@batch.implement("chainrule", "jax")
def make_batch(lib):
    batched, rows = lib.vmap(small_map(lib)), to_array(lib, ROWS)
    return lambda: batched(rows)


@batch.implement("torch")
def make_batch_torch(torch):
    batched, rows = torch.func.vmap(small_map(torch)), to_array(torch, ROWS)
    return lambda: batched(rows)


@batch.implement("numpy")
def make_batch_by_hand(np):
    return lambda: np.tanh(ROWS @ WEIGHTS.T)


forward = CallRow("derivative", "jvp", "jvp of tanh(W x), 4 to 8")


@forward.implement("chainrule", "jax")
def make_forward(lib):
    f, x, x_dot = small_map(lib), to_array(lib, ROWS[0]), to_array(lib, ROWS[1])
    return lambda: lib.jvp(f, (x,), (x_dot,))


@forward.implement("torch")
def make_forward_torch(torch):
    f, x, x_dot = small_map(torch), to_array(torch, ROWS[0]), to_array(torch, ROWS[1])
    return lambda: torch.func.jvp(f, (x,), (x_dot,))


@forward.implement("autograd")
def make_forward_autograd(autograd):
    f, x, x_dot = small_map(autograd), ROWS[0], ROWS[1]
    return lambda: autograd.make_jvp(f)(x)(x_dot)


jacobians = {
    "jacfwd": CallRow("derivative", "jacfwd", "jacfwd of tanh(W x), 4 to 8"),
    "jacrev": CallRow("derivative", "jacrev", "jacrev of tanh(W x), 4 to 8"),
    "hessian": CallRow("derivative", "hessian", "hessian of sum(tanh(W x)), 4 numbers"),
}


def implement_jacobians() -> None:
    """The three rows: the same text but for the name of the transformation."""
    for name, row in jacobians.items():

        @row.implement("chainrule", "jax", "torch")
        def make(lib, name=name):
            transform = getattr(getattr(lib, "func", lib), name)
            f, x = small_map(lib), to_array(lib, ROWS[0])
            sum = function(lib, "sum")
            derivative = transform((lambda x: sum(f(x))) if name == "hessian" else f)
            return lambda: derivative(x)


implement_jacobians()


@jacobians["jacrev"].implement("autograd")
def make_jacobian_autograd(autograd):
    derivative = autograd.jacobian(small_map(autograd))
    return lambda: derivative(ROWS[0])


@jacobians["hessian"].implement("autograd")
def make_hessian_autograd(autograd):
    f = small_map(autograd)
    derivative = autograd.hessian(lambda x: autograd.numpy.sum(f(x)))
    return lambda: derivative(ROWS[0])


@jacobians["jacrev"].implement("numpy")
def make_jacobian_by_hand(np):
    def jacobian():
        y = np.tanh(WEIGHTS @ ROWS[0])
        return (1 - y * y)[:, None] * WEIGHTS

    return jacobian
