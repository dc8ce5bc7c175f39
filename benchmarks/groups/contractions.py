"""Products of matrices and convolutions, against the peak of multiply-adds."""

from benchmarks.budgets import AtMost
from benchmarks.compiled import kernel, normals, program
from benchmarks.units import ms

GROUP = "contractions"


def extent(n):
    return n


kernel(
    GROUP,
    "matmul",
    "x @ y, n x n",
    lambda np, x, y: x @ y,
    normals(2, extent, extent),
    "16 f32, 64 f64, 256 f32, 512 f64, 2K f32",
    bound="fma",
    flops=lambda n: 2.0 * n**3,
    budgets={"2K f32": (AtMost(ms(80)),)},
    small=256,
)
kernel(
    GROUP,
    "layer",
    "tanh(x @ w + b), 64 x n to n",
    lambda np, x, w, b: np.tanh(x @ w + b),
    lambda n: (*normals(1, 64, n)(n), *normals(1, n, n)(n), *normals(1, n)(n)),
    "32 f32, 256 f32, 1K f32",
    bound="fma",
    flops=lambda n: 128.0 * n**2,
    rtol={"f32": 1e-3, "f64": 1e-9},
    small=256,
)
kernel(
    GROUP,
    "batched",
    "x @ y, batch of n, 32 x 32",
    lambda np, x, y: x @ y,
    normals(2, extent, 32, 32),
    "16 f32, 512 f64, 1K f32",
    bound="fma",
    flops=lambda n: 2.0 * 32**3 * n,
    small=64,
)
kernel(
    GROUP,
    "batched_tiny",
    "x @ y, batch of n, 4 x 4",
    lambda np, x, y: x @ y,
    normals(2, extent, 4, 4),
    "64 f32, 64K f32",
    bound="copy",
    small=64,
)
kernel(
    GROUP,
    "matvec",
    "a @ x, n x n",
    lambda np, a, x: a @ x,
    lambda n: (*normals(1, n, n)(n), *normals(1, n)(n)),
    "64 f32, 1K f64, 4K f32",
    bound="copy",
    small=64,
)
kernel(
    GROUP,
    "vecmat",
    "x @ a, n x n",
    lambda np, a, x: x @ a,
    lambda n: (*normals(1, n, n)(n), *normals(1, n)(n)),
    "64 f32, 2K f32",
    bound="copy",
    small=64,
)
kernel(
    GROUP,
    "bilinear",
    "einsum('bi,ij,bj->b'), 64 rows",
    lambda np, x, y, a: np.einsum("bi,ij,bj->b", x, a, y),
    lambda n: (*normals(2, 64, n)(n), *normals(1, n, n)(n)),
    "64 f32, 512 f32",
    peers=(),
    small=64,
    rtol={"f32": 1e-3, "f64": 1e-9},
)


def attention(np, q, k, v):
    scores = np.einsum("bqhd,bkhd->bhqk", q, k) * (q.shape[-1] ** -0.5)
    e = np.exp(scores - np.amax(scores, axis=-1, keepdims=True))
    return np.einsum("bhqk,bkhd->bqhd", e / np.sum(e, axis=-1, keepdims=True), v)


kernel(
    GROUP,
    "attention",
    "attention, 4 heads of 32, 2 x n places",
    attention,
    normals(3, 2, extent, 4, 32),
    "32 f32, 256 f32, 256 f64",
    bound="fma",
    flops=lambda n: 4.0 * 2 * 4 * 32 * n**2,
    small=32,
)
kernel(
    GROUP,
    "gram",
    "x.T @ x / n, n x 32",
    lambda np, x: x.T @ x / x.shape[0],
    normals(1, extent, 32),
    "64 f32, 64K f32",
    bound="fma",
    flops=lambda n: 2.0 * 32**2 * n,
    small=64,
)


def convolve(stride=1, groups=1, padding="SAME"):
    """Two-dimensional convolution, channels last."""

    def apply(lib, x, w):
        return lib.lax.conv_general_dilated(
            x,
            w,
            (stride, stride),
            padding,
            feature_group_count=groups,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )

    return apply


def torch_convolve(stride=1, groups=1, pad=1):
    """The same by PyTorch, its channels last in memory, too."""

    def prepare(torch):
        def apply(x, w):
            x, w = x.permute(0, 3, 1, 2), w.permute(3, 2, 0, 1)
            y = torch.nn.functional.conv2d(
                x, w, stride=stride, padding=pad, groups=groups
            )
            return y.permute(0, 2, 3, 1)

        return apply

    return prepare


def images(side, channels, *kernel):
    """Inputs: n square images, and a kernel."""
    return lambda n: (
        *normals(1, n, side, side, channels)(n),
        *normals(1, *kernel)(n),
    )


program(
    GROUP,
    "conv3",
    "conv 3x3, n x 32 x 32, 64 to 64 channels",
    convolve(),
    images(32, 64, 3, 3, 64, 64),
    "1 f32, 4 f64, 32 f32",
    bound="fma",
    flops=lambda n: 2.0 * n * 32 * 32 * 9 * 64 * 64,
    others={"torch": torch_convolve()},
    budgets={"32 f32": (AtMost(ms(11)),)},
    small=1,
)
program(
    GROUP,
    "conv1",
    "conv 1x1, n x 32 x 32, 64 to 128 channels",
    convolve(),
    images(32, 64, 1, 1, 64, 128),
    "1 f32, 16 f32",
    bound="fma",
    flops=lambda n: 2.0 * n * 32 * 32 * 64 * 128,
    others={"torch": torch_convolve(pad=0)},
    small=1,
)
program(
    GROUP,
    "conv7",
    "conv 7x7 stride 2, n x 64 x 64, 3 to 64 channels",
    convolve(2, padding=((3, 3), (3, 3))),
    images(64, 3, 7, 7, 3, 64),
    "1 f32, 8 f32",
    bound="fma",
    flops=lambda n: 2.0 * n * 32 * 32 * 49 * 3 * 64,
    others={"torch": torch_convolve(2, pad=3)},
    small=1,
)
program(
    GROUP,
    "conv_depthwise",
    "conv 3x3 by channel, n x 32 x 32 x 64",
    convolve(groups=64),
    images(32, 64, 3, 3, 1, 64),
    "1 f32, 16 f32",
    others={"torch": torch_convolve(groups=64)},
    small=1,
)


def convolution_gradients(lib, x, w):
    loss = lambda x, w: lib.numpy.sum(convolve()(lib, x, w) ** 2)
    return lib.grad(loss, (0, 1))(x, w)


program(
    GROUP,
    "conv3_grad",
    "gradients of a conv 3x3, n x 32 x 32, 32 to 32 channels",
    convolution_gradients,
    images(32, 32, 3, 3, 32, 32),
    "1 f32, 16 f32",
    bound="fma",
    flops=lambda n: 6.0 * n * 32 * 32 * 9 * 32 * 32,
    rtol={"f32": 1e-3, "f64": 1e-9},
    small=1,
)
program(
    GROUP,
    "conv_1d",
    "conv of 5, n x 1024, 32 to 32 channels",
    lambda lib, x, w: lib.lax.conv_general_dilated(
        x, w, (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC")
    ),
    lambda n: (*normals(1, n, 1024, 32)(n), *normals(1, 5, 32, 32)(n)),
    "1 f32, 16 f32",
    bound="fma",
    flops=lambda n: 2.0 * n * 1024 * 5 * 32 * 32,
    small=1,
)
