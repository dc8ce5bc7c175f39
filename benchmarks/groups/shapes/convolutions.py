"""Convolutions and windows: few and many channels, strides, dilations, both layouts."""

from functools import partial

import numpy

from benchmarks.shapes import Family, gradient, normal

family = Family("convolutions")

LAST = ("NHWC", "HWIO", "NHWC")
FIRST = ("NCHW", "OIHW", "NCHW")

IMAGES = (
    # image, channels, kernel, results, stride, padding
    ((8, 28, 28), 1, (5, 5), 16, 1, "SAME"),
    ((4, 56, 56), 64, (3, 3), 64, 2, "SAME"),
    ((4, 14, 14), 256, (3, 3), 256, 1, "SAME"),
    ((2, 56, 56), 64, (1, 1), 256, 1, "VALID"),
    ((1, 128, 128), 16, (7, 7), 16, 1, "VALID"),
    ((1, 224, 224), 3, (4, 4), 96, 4, "VALID"),
    ((8, 7, 7), 512, (3, 3), 512, 1, "SAME"),
)


def convolve(lib, x, w, layout=LAST, stride=1, padding="SAME", **options):
    strides = (stride,) * (x.ndim - 2)
    return lib.lax.conv_general_dilated(
        x, w, strides, padding, dimension_numbers=layout, **options
    )


for (count, *sides), channels, kernel, results, stride, padding in IMAGES:
    title = f"stride {stride}, {padding}"
    x, w = normal(count, *sides, channels), normal(*kernel, channels, results)
    by_last = partial(convolve, stride=stride, padding=padding)
    family.program(f"NHWC, {title}", by_last, x, w)
    family.program(
        f"gradients, NHWC, {title}", gradient(by_last, 0, 1), x, w, rtol=1e-3
    )
    x, w = normal(count, channels, *sides), normal(results, channels, *kernel)
    by_first = partial(by_last, layout=FIRST)
    family.program(f"NCHW, {title}", by_first, x, w)

IMAGE = normal(4, 56, 56, 64)
by_channel = partial(convolve, feature_group_count=64)
family.program("by channel", by_channel, IMAGE, normal(3, 3, 1, 64))
family.program(
    "gradients, by channel",
    gradient(by_channel, 0, 1),
    IMAGE,
    normal(3, 3, 1, 64),
    rtol=1e-3,
)
family.program(
    "4 groups", partial(convolve, feature_group_count=4), IMAGE, normal(3, 3, 16, 64)
)
family.program(
    "dilated by 2", partial(convolve, rhs_dilation=(2, 2)), IMAGE, normal(3, 3, 64, 64)
)
family.program(
    "gradients, NCHW",
    gradient(partial(convolve, layout=FIRST), 0, 1),
    normal(2, 32, 32, 32),
    normal(32, 32, 3, 3),
    rtol=1e-3,
)


def enlarge(lib, x, w):
    return lib.lax.conv_transpose(x, w, (2, 2), "SAME", dimension_numbers=LAST)


family.program(
    "transposed, stride 2", enlarge, normal(4, 28, 28, 64), normal(3, 3, 64, 64)
)
family.program(
    "in 3 dimensions",
    partial(convolve, layout=("NCDHW", "OIDHW", "NCDHW")),
    normal(1, 8, 16, 32, 32),
    normal(16, 8, 3, 3, 3),
)
in_line = partial(convolve, layout=("NWC", "WIO", "NWC"))
family.program("in 1 dimension", in_line, normal(1, 100_000, 1), normal(31, 1, 1))
family.program(
    "causal, dilated by 4",
    partial(in_line, padding=((8, 0),), rhs_dilation=(4,)),
    normal(4, 2000, 32),
    normal(3, 32, 32),
)
family.kernel(
    "convolve", lambda np, x, w: np.convolve(x, w), normal(100_000), normal(31)
)
family.kernel(
    "convolve", lambda np, x, w: np.convolve(x, w), normal(10_000), normal(1000)
)
family.kernel(
    "correlate, same",
    lambda np, x, w: np.correlate(x, w, "same"),
    normal(100_000),
    normal(9),
)


def largest_of_windows(lib, x, size=2, stride=2, padding="VALID"):
    return lib.lax.reduce_window(
        x, -numpy.inf, lib.lax.max, (1, size, size, 1), (1, stride, stride, 1), padding
    )


def sums_of_windows(lib, x):
    return lib.lax.reduce_window(
        x, 0.0, lib.lax.add, (1, 3, 3, 1), (1, 2, 2, 1), "SAME"
    )


overlapping = partial(largest_of_windows, size=3, padding="SAME")
family.program("max of 2 x 2", largest_of_windows, IMAGE)
family.program("gradient, max of 2 x 2", gradient(largest_of_windows), IMAGE)
family.program("max of 3 x 3, stride 2", overlapping, IMAGE)
family.program(
    "gradient, max of 3 x 3, stride 2", gradient(overlapping), normal(4, 28, 28, 64)
)
family.program("sum of 3 x 3, stride 2", sums_of_windows, IMAGE)
family.program("gradient, sum of 3 x 3, stride 2", gradient(sums_of_windows), IMAGE)
