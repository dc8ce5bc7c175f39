"""Hand tracking: distances of observed points from the skin of a posed hand.

The pose is 26 numbers: the whole hand's rotation vector and translation, and per finger
the bend and spread of the first joint and the bends of the two others. 22 bones move the
vertices of the mesh by linear blend skinning. In the complicated variant each observed
point has its own place on a triangle, two barycentric coordinates more a point: their
part of the Jacobian is block diagonal, so that two tangents, shared by all points, find
it beside the 26 of the pose.
"""

import numpy

from benchmarks.compiled import generator

BONES, FINGERS, POSE, VERTICES = 22, 5, 26, 544


def parents() -> list[int]:
    """Wrist and palm, then four bones a finger, the tip the last of them."""
    return [-1, 0, *[b - 1 if i else 1 for b, i in fingers()]]


def fingers():
    """(bone, its place in its finger) for every bone of the fingers."""
    return [(2 + 4 * f + i, i) for f in range(FINGERS) for i in range(4)]


def rigid(draw, count: int) -> numpy.ndarray:
    """Small rigid motions, shape (count, 4, 4)."""
    q, _ = numpy.linalg.qr(numpy.eye(3) + 0.2 * draw.standard_normal((count, 3, 3)))
    motions = numpy.tile(numpy.eye(4), (count, 1, 1))
    motions[:, :3, :3] = q * numpy.sign(numpy.linalg.det(q))[:, None, None]
    motions[:, :3, 3] = draw.standard_normal((count, 3))
    return motions


def inputs(points: int):
    """pose (26,), us (n, 2), then the model and what was seen.

    relative (22, 4, 4): bones in their parents' frames; unposed (22, 4, 4): from the
    rest pose to each bone's frame; weights (544, 22); rest (544, 4), homogeneous; corners
    (n, 3): the triangle of each point; seen (n, 3).
    """
    draw = generator(43)
    weights = draw.uniform(0, 1, (VERTICES, BONES)) ** 8
    rest = numpy.ones((VERTICES, 4))
    rest[:, :3] = draw.standard_normal((VERTICES, 3))
    return (
        0.3 * draw.standard_normal(POSE),
        draw.uniform(0, 0.5, (points, 2)),
        rigid(draw, BONES),
        rigid(draw, BONES),
        weights / weights.sum(1, keepdims=True),
        rest,
        draw.integers(0, VERTICES, (points, 3)),
        draw.standard_normal((points, 3)),
    )


def turn(np, bend, spread):
    """The 4 x 4 rotation about x by `bend`, after the one about y by `spread`."""
    c, s, d, t = np.cos(bend), np.sin(bend), np.cos(spread), np.sin(spread)
    zero, one = np.zeros_like(c), np.ones_like(c)
    rows = [
        [d, zero, t, zero],
        [s * t, c, -s * d, zero],
        [-c * t, s, c * d, zero],
        [zero, zero, zero, one],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def bone_angles(np, pose):
    """Bends and spreads of all bones, shape (22,) each; wrist, palm and tips rest."""
    joints = pose[6:].reshape(FINGERS, 4)
    still = np.zeros_like(joints[:, :1])
    palm = np.zeros_like(pose[:2])
    bends = np.concatenate([joints[:, :1], joints[:, 2:], still], 1).reshape(-1)
    spreads = np.concatenate([joints[:, 1:2], still, still, still], 1).reshape(-1)
    return np.concatenate([palm, bends]), np.concatenate([palm, spreads])


def posed(np, pose, relative):
    """The bones' frames, shape (22, 4, 4), from the root outwards."""
    local = relative @ turn(np, *bone_angles(np, pose))
    frames = []
    for bone, parent in enumerate(parents()):
        own = local[bone]
        frames.append(own if parent < 0 else frames[parent] @ own)
    return np.stack(frames)


def rotation(np, vector):
    """Rodrigues' formula, shape (3, 3)."""
    angle = np.sqrt(np.sum(vector**2))
    x, y, z = vector[0] / angle, vector[1] / angle, vector[2] / angle
    zero = np.zeros_like(x)
    cross = np.stack(
        [np.stack([zero, -z, y]), np.stack([z, zero, -x]), np.stack([-y, x, zero])]
    )
    return (
        np.eye(3, dtype=vector.dtype)
        + np.sin(angle) * cross
        + (1 - np.cos(angle)) * cross @ cross
    )


def skin(np, pose, relative, unposed, weights, rest):
    """The vertices of the posed hand, shape (544, 3)."""
    motions = (posed(np, pose, relative) @ unposed)[:, :3, :]
    blended = (weights @ motions.reshape(BONES, 12)).reshape(-1, 3, 4)
    moved = np.sum(blended * rest[:, None, :], -1)
    return moved @ rotation(np, pose[:3]).T + pose[3:6]


def simple(lib, pose, us, relative, unposed, weights, rest, corners, seen):
    """Distances from one vertex a point, shape (n, 3)."""
    return seen - skin(lib.numpy, pose, relative, unposed, weights, rest)[corners[:, 0]]


def complicated(lib, pose, us, relative, unposed, weights, rest, corners, seen):
    """Distances from the places `us` on triangles, shape (n, 3)."""
    vertices = skin(lib.numpy, pose, relative, unposed, weights, rest)
    a, b, c = (vertices[corners[:, i]] for i in range(3))
    u, v = us[:, :1], us[:, 1:]
    return seen - (u * a + v * b + (1 - u - v) * c)


def simple_derivative(lib, pose, *model):
    """The Jacobian by the pose, shape (n, 3, 26)."""
    return lib.jacfwd(lambda pose: simple(lib, pose, *model))(pose)


def complicated_derivative(lib, pose, us, *model):
    """Jacobians by the pose (n, 3, 26), and of each point by its own two (n, 3, 2)."""
    np, n = lib.numpy, us.shape[0]
    basis = np.eye(POSE + 2, dtype=pose.dtype)
    shared = lambda e: (e[:POSE], np.broadcast_to(e[POSE:], (n, 2)))
    along = lambda e: lib.jvp(
        lambda pose, us: complicated(lib, pose, us, *model), (pose, us), shared(e)
    )[1]
    columns = lib.vmap(along, out_axes=-1)(basis)
    return columns[..., :POSE], columns[..., POSE:]
