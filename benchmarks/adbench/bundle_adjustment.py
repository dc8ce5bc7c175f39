"""Bundle adjustment: reprojection errors of points seen by cameras.

A camera is 11 numbers: a rotation vector, its centre, the focal length, the principal point
and two coefficients of radial distortion. An observation depends on one camera, one point
and one weight: the Jacobian has a block of 2 x 15 for each, and is computed as these
blocks, by `vmap` of the Jacobian of a single observation.
"""

import numpy

from benchmarks.compiled import generator


def inputs(observations: int):
    """cameras (c, 11), points (p, 3), weights (n,), seen (n, 2), the indices of both."""
    draw = generator(42)
    cameras, points = max(2, observations // 500), max(4, observations // 4)
    turns = 0.2 * draw.standard_normal((cameras, 3))
    centres = draw.standard_normal((cameras, 3)) - numpy.array([0.0, 0, 8])
    lens = numpy.array([500.0, 320, 240, 1e-2, 1e-3])
    lens = lens * draw.uniform(0.9, 1.1, (cameras, 5))
    return (
        numpy.concatenate([turns, centres, lens], 1),
        draw.standard_normal((points, 3)),
        draw.uniform(0.5, 1, observations),
        draw.uniform(0, 500, (observations, 2)),
        draw.integers(0, cameras, observations),
        draw.integers(0, points, observations),
    )


def rotated(np, turn, x):
    """Rodrigues' formula: x turned about the axis and by the length of `turn`."""
    angle = np.sqrt(np.sum(turn**2))
    axis = turn / angle
    along = np.sum(axis * x) * (1 - np.cos(angle))
    return x * np.cos(angle) + np.cross(axis, x) * np.sin(angle) + axis * along


def project(np, camera, x):
    """The image of a point, in pixels, shape (2,)."""
    seen = rotated(np, camera[:3], x - camera[3:6])
    flat = seen[:2] / seen[2]
    squared = np.sum(flat**2)
    distortion = 1 + camera[9] * squared + camera[10] * squared**2
    return flat * distortion * camera[6] + camera[7:9]


def residual(np, camera, x, weight, seen):
    return weight * (project(np, camera, x) - seen)


def objective(lib, cameras, points, weights, seen, camera_of, point_of):
    """The weighted errors (n, 2), and 1 - w^2, which draws the weights to 1 (n,)."""
    np = lib.numpy
    one = lambda c, x, w, s: residual(np, c, x, w, s)
    errors = lib.vmap(one)(cameras[camera_of], points[point_of], weights, seen)
    return errors, 1 - weights**2


def derivative(lib, cameras, points, weights, seen, camera_of, point_of):
    """Blocks by camera (n, 2, 11), point (n, 2, 3), weight (n, 2); of 1 - w^2 (n,)."""
    np = lib.numpy

    def one(c, x, w, s):
        return lib.jacrev(lambda c, x, w: residual(np, c, x, w, s), (0, 1, 2))(c, x, w)

    blocks = lib.vmap(one)(cameras[camera_of], points[point_of], weights, seen)
    by_weight = lib.vmap(lib.grad(lambda w: 1 - w**2))(weights)
    return *blocks, by_weight
