"""ADBench's objectives are what they say, and their derivatives those of differences."""

import json

import numpy as np
import pytest
import scipy.spatial
import scipy.special
import scipy.stats

import chainrule as cr
import chainrule.lax  # the objectives find it in `cr`
import chainrule.numpy as cnp
from benchmarks.adbench import bundle_adjustment as bundle
from benchmarks.adbench import gaussian_mixture as mixture
from benchmarks.adbench import hand_tracking as hand
from benchmarks.adbench import ratios, recurrent


@pytest.fixture(autouse=True)
def in_double_precision():
    with cr.enable_x64(True):
        yield


def along(function, arrays, direction, h=1e-6):
    """Central differences of `function` along a direction in its first arrays."""
    rest = arrays[len(direction) :]
    moved = lambda s: [x + s * h * d for x, d in zip(arrays, direction)]
    high, low = (np.asarray(function(*moved(s), *rest)) for s in (1, -1))
    return (high - low) / (2 * h)


def directions(arrays, count=3):
    draw = np.random.default_rng(0)
    return [[draw.standard_normal(np.shape(x)) for x in arrays] for _ in range(count)]


def check_gradient(module, arrays, differentiated):
    objective = cr.jit(lambda *xs: module.objective(cr, *xs))
    gradient = cr.jit(lambda *xs: module.derivative(cr, *xs))(*arrays)
    assert len(gradient) == differentiated
    for direction in directions(arrays[:differentiated]):
        found = sum(np.sum(np.asarray(g) * d) for g, d in zip(gradient, direction))
        np.testing.assert_allclose(along(objective, arrays, direction), found, 1e-6)


@pytest.mark.parametrize("dimension", [2, 7])
def test_gaussian_mixture_has_the_density_of_scipy(dimension):
    arrays = mixture.inputs(20, dimension, 3)
    alphas, means, logarithms, lower, x = arrays
    total, mixed = 0.0, np.zeros((20, 3))
    for k in range(3):
        q = np.diag(np.exp(logarithms[k]))
        q[np.tril_indices(dimension, -1)] = lower[k]
        precision = q.T @ q
        normal = scipy.stats.multivariate_normal(means[k], np.linalg.inv(precision))
        mixed[:, k] = alphas[k] + normal.logpdf(x)
        freedom = dimension + 1 + mixture.SURPLUS
        total += scipy.stats.wishart(freedom, np.eye(dimension)).logpdf(precision)
    total += scipy.special.logsumexp(mixed, 1).sum()
    total -= 20 * scipy.special.logsumexp(alphas)
    np.testing.assert_allclose(mixture.objective(cr, *arrays), total, 1e-10)


def test_gradient_of_the_gaussian_mixture():
    check_gradient(mixture, mixture.inputs(30, 4, 3), 4)


def test_projection_of_an_undistorted_unturned_camera():
    camera = cnp.array([0.0, 0.0, 1e-12, 0, 0, -2, 100, 7, 8, 0, 0])
    np.testing.assert_allclose(
        bundle.project(cnp, camera, cnp.array([1.0, 2.0, 2.0])), [32.0, 58.0]
    )


def test_rotations_are_those_of_scipy():
    turn, x = np.array([0.3, -0.5, 0.8]), np.array([1.0, 2.0, 3.0])
    wanted = scipy.spatial.transform.Rotation.from_rotvec(turn)
    np.testing.assert_allclose(bundle.rotated(cnp, turn, x), wanted.apply(x), 1e-12)
    np.testing.assert_allclose(hand.rotation(cnp, turn), wanted.as_matrix(), 1e-12)
    bent = hand.turn(cnp, cnp.asarray(0.4), cnp.asarray(-0.7))[:3, :3]
    both = scipy.spatial.transform.Rotation.from_euler("XY", [0.4, -0.7])
    np.testing.assert_allclose(bent, both.as_matrix(), atol=1e-14)


def test_blocks_of_bundle_adjustment_are_all_of_its_jacobian():
    arrays = bundle.inputs(12)
    cameras, points, weights, seen, camera_of, point_of = arrays
    *blocks, by_weight = bundle.derivative(cr, *arrays)
    dense = cr.jacfwd(lambda *xs: bundle.objective(cr, *xs, *arrays[3:]), (0, 1, 2))
    (by_camera, by_point, by_own), weight_part = dense(cameras, points, weights)
    n = np.arange(12)
    np.testing.assert_allclose(by_camera[n, :, camera_of], blocks[0], 1e-9)
    np.testing.assert_allclose(by_point[n, :, point_of], blocks[1], 1e-9)
    np.testing.assert_allclose(by_own[n, :, n], blocks[2], 1e-9)
    assert np.count_nonzero(by_camera) == np.count_nonzero(blocks[0])
    np.testing.assert_allclose(np.diag(weight_part[2]), by_weight)


def test_jacobian_of_bundle_adjustment():
    arrays = bundle.inputs(12)
    by_camera, by_point, by_own, _ = bundle.derivative(cr, *arrays)
    for direction in directions(arrays[:3]):
        camera, point, weight = direction
        found = np.einsum("nij,nj->ni", by_camera, camera[arrays[4]])
        found += np.einsum("nij,nj->ni", by_point, point[arrays[5]])
        found += by_own * weight[:, None]
        errors = lambda *xs: bundle.objective(cr, *xs)[0]
        np.testing.assert_allclose(
            along(errors, arrays, direction), found, rtol=1e-5, atol=1e-4
        )


@pytest.mark.parametrize("kind", ["simple", "complicated"])
def test_jacobian_of_hand_tracking(kind):
    arrays = hand.inputs(9)
    objective = cr.jit(lambda *xs: getattr(hand, kind)(cr, *xs))
    found = getattr(hand, f"{kind}_derivative")(cr, *arrays)
    by_pose, by_us = (found, np.zeros((9, 3, 2))) if kind == "simple" else found
    for pose, us in directions(arrays[:2]):
        moved = by_pose @ pose + np.einsum("nij,nj->ni", by_us, us)
        np.testing.assert_allclose(
            along(objective, arrays, [pose, us]), moved, rtol=1e-6, atol=1e-6
        )


def test_a_hand_at_rest_has_its_rest_skin():
    arrays = list(hand.inputs(5))
    frames = [None] * hand.BONES
    for bone, parent in enumerate(hand.parents()):
        own = arrays[2][bone]
        frames[bone] = own if parent < 0 else frames[parent] @ own
    pose = np.zeros(hand.POSE)
    pose[0], pose[3:6] = 1e-12, [1.0, 2.0, 3.0]
    unposed = np.linalg.inv(np.stack(frames))
    skin = hand.skin(cnp, pose, arrays[2], unposed, arrays[4], arrays[5])
    np.testing.assert_allclose(skin, arrays[5][:, :3] + [1.0, 2.0, 3.0], atol=1e-9)


def test_recurrent_network_scanned_is_the_one_unrolled():
    arrays = recurrent.inputs(7)
    unrolled = recurrent.unrolled(np, *arrays)
    np.testing.assert_allclose(recurrent.objective(cr, *arrays), unrolled, 1e-12)


def test_gradient_of_the_recurrent_network():
    check_gradient(recurrent, recurrent.inputs(9), 3)


def test_ratios_are_those_of_the_medians(tmp_path):
    row = lambda kind, seconds: {
        "id": f"adbench/x_{kind}_1K_f64",
        "title": f"X: {kind}, 1K f64",
        "seconds": seconds,
    }
    rows = [row("objective", {"a": 2e-6, "b": 1e-3}), row("derivative", {"a": 5e-6})]
    text = ratios.table(json.loads(json.dumps(rows)))
    assert text.splitlines()[-1] == "| X, 1K f64 | 2.00 us, 5.00 us: 2.50 |  |"
