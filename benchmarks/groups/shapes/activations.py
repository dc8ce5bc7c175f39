"""The activations of neural networks, and the gradient of each."""

from benchmarks.shapes import Family, gradient, normal

family = Family("activations")

NAMES = """relu gelu silu softplus leaky_relu log_sigmoid hard_tanh log_softmax
glu mish""".split()

for name in NAMES:
    function = lambda lib, x, name=name: getattr(lib.nn, name)(x)
    family.program(name, function, normal(1000, 512))
    family.program(f"gradient of {name}", gradient(function), normal(1000, 512))
for shape in ((1000, 3), (7, 100_001)):
    function = lambda lib, x: lib.nn.gelu(x, approximate=False)
    family.program("exact gelu", function, normal(*shape))
    family.program("gradient of exact gelu", gradient(function), normal(*shape))
