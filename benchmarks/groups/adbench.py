"""ADBench: four objectives, and beside each the derivative that its users need.

The benchmark's measure is the ratio of a derivative's time to its objective's:
`python -m benchmarks.adbench.ratios FILE` prints it from the JSON file of a run. PyTorch
runs the two problems that it writes like the others, eagerly.
"""

from benchmarks.adbench import bundle_adjustment as bundle
from benchmarks.adbench import gaussian_mixture as mixture
from benchmarks.adbench import hand_tracking as hand
from benchmarks.adbench import recurrent
from benchmarks.compiled import program

GROUP = "adbench"
TOLERANCE = {"f32": 1e-3, "f64": 1e-8}


class Torch:
    """What of PyTorch stands for NumPy's namespace in these objectives."""

    def __init__(self, torch):
        self.torch = torch

    def __getattr__(self, name):
        return getattr(self.torch, name)

    def concatenate(self, arrays, axis):
        return self.torch.cat(arrays, axis)


def in_torch(function, differentiated: int = 0):
    """`function(np, *arrays)`, or its gradient by the first of them, in PyTorch."""

    def prepare(torch):
        def run(*arrays):
            if not differentiated:
                with torch.no_grad():
                    return function(Torch(torch), *arrays)
            given = [x.detach().requires_grad_() for x in arrays[:differentiated]]
            value = function(Torch(torch), *given, *arrays[differentiated:])
            return torch.autograd.grad(value, given)

        return run

    return prepare


def pair(name, title, functions, inputs, cases, torch=None, by=0, small=64):
    """Rows of an objective and of its derivative, over the same inputs."""
    for kind, function, count in zip(("objective", "derivative"), functions, (0, by)):
        program(
            GROUP,
            f"{name}_{kind}",
            f"{title}: {kind}",
            function,
            inputs,
            cases,
            others={"torch": in_torch(torch, count)} if torch else None,
            small=small,
            rtol=TOLERANCE,
        )


class Plain:
    """A library of which only the namespace is needed."""

    def __init__(self, namespace):
        self.numpy = namespace


mixture_in_torch = lambda np, *arrays: mixture.objective(Plain(np), *arrays)
for dimension, components in ((2, 5), (10, 25), (32, 25)):
    pair(
        f"gmm_{dimension}_{components}",
        f"GMM, {components} components in {dimension} dimensions, n points",
        (mixture.objective, mixture.derivative),
        lambda n, d=dimension, k=components: mixture.inputs(n, d, k),
        "1K f64",
        mixture_in_torch,
        4,
        small=1024 if dimension == 2 else 0,
    )
pair(
    "ba",
    "bundle adjustment, n observations",
    (bundle.objective, bundle.derivative),
    bundle.inputs,
    "64 f64, 4K f64, 64K f64",
)
pair(
    "hand",
    "hand tracking, n points",
    (hand.simple, hand.simple_derivative),
    hand.inputs,
    "64 f64, 1K f64",
)
pair(
    "hand_us",
    "hand tracking on triangles, n points",
    (hand.complicated, hand.complicated_derivative),
    hand.inputs,
    "64 f64, 1K f64",
)
pair(
    "lstm",
    "LSTM of 2 layers, n letters",
    (recurrent.objective, recurrent.derivative),
    recurrent.inputs,
    "64 f64, 1K f64",
    recurrent.unrolled,
    3,
)
