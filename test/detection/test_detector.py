"""The detector: what its maps mean, that cameras do not matter, and that its weights are checked."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.detection.config import DetectionConfig
from hand_pose_ros.detection.detector import HandDetector, decode, lattice_of, mask_hands, reduce_depth
from hand_pose_ros.detection.detector_checkpoint import load_detector, save_detector
from hand_pose_ros.detection.detector_input import (
    COLUMNS,
    OFFSET_M,
    OUT_COLUMNS,
    OUT_ROWS,
    ROWS,
    SIZE_M,
    anchors,
    detector_features,
    views_along,
)
from hand_pose_ros.detection.detector_net import (
    DetectorMaps,
    DetectorNet,
    DetectorTarget,
    detector_loss,
    handedness,
    pack_maps,
)
from hand_pose_ros.network.checkpoint import read_tensors, write_tensors
from hand_pose_ros.network.weights_file import CheckpointError
from hand_pose_ros.synthetic.sequence_config import SequenceConfig
from hand_pose_ros.synthetic.sequence_renderer import SequenceRenderer

CAMERA = Camera(640, 480, 475.0, 475.0, 319.5, 239.5)


def empty_maps() -> DetectorMaps:
    shape = (1, OUT_ROWS, OUT_COLUMNS)
    return DetectorMaps(
        torch.full(shape, -8.0),
        torch.zeros(shape),
        torch.zeros(1, 3, *shape[1:]),
        torch.zeros(shape),
        torch.zeros(1, 9, *shape[1:]),
    )


def decoded(maps: DetectorMaps, anchor, rays, config: DetectionConfig | None = None, count: int = 9):
    return decode(
        pack_maps(maps)[0].numpy(), anchor, rays, views_along(rays), config or DetectionConfig(), count
    )


def put_hand(
    maps: DetectorMaps, rays, anchor, row: int, column: int, centre, left: float, logit: float = 3.0
):
    """A peak whose whole neighbourhood votes for centre (3,) m."""
    for r in range(row - 1, row + 2):
        for c in range(column - 1, column + 2):
            here = rays[r, c] * anchor[r, c]
            maps.offset[0, :, r, c] = torch.from_numpy(views_along(rays[r, c]) @ (centre - here) / OFFSET_M)
            maps.left[0, r, c] = left
            maps.heat[0, r, c] = logit if (r, c) == (row, column) else logit - 2.0
            maps.size[0, r, c] = float(np.log(0.09 / SIZE_M))


@pytest.mark.slow
@given(
    st.integers(2, OUT_ROWS - 3),
    st.integers(2, OUT_COLUMNS - 3),
    st.floats(0.3, 1.2),
    st.floats(-4, 4).filter(lambda x: abs(x) > 0.01),
)
def test_decoding_gives_back_the_hand_that_the_maps_show(row, column, z, left):
    rays = lattice_of(CAMERA).rays
    anchor = np.full((OUT_ROWS, OUT_COLUMNS), z, np.float32)
    centre = rays[row, column] * z + [0.01, -0.02, 0.03]
    maps = empty_maps()
    put_hand(maps, rays, anchor, row, column, centre, left)
    (found,) = decoded(maps, anchor, rays)
    assert np.allclose(found.centre, centre, atol=1e-5)
    assert found.side == ("left" if left > 0 else "right")
    assert found.size == pytest.approx(0.09, rel=1e-4)
    assert found.score == pytest.approx(1 / (1 + np.exp(-3.0)), abs=0.01)
    assert decoded(maps, np.zeros_like(anchor), rays) == [], "no reading, no hand"


def test_two_hands_are_two_and_two_peaks_of_one_hand_are_one():
    rays = lattice_of(CAMERA).rays
    anchor = np.full((OUT_ROWS, OUT_COLUMNS), 0.6, np.float32)
    maps = empty_maps()
    first, second = rays[6, 6] * 0.6, rays[6, 15] * 0.6
    put_hand(maps, rays, anchor, 6, 6, first, -2.0, logit=2.0)
    put_hand(maps, rays, anchor, 6, 15, second, 2.0, logit=3.0)
    found = decoded(maps, anchor, rays)
    assert [d.side for d in found] == ["left", "right"], "best first"
    assert np.allclose(found[0].centre, second, atol=1e-5)
    put_hand(maps, rays, anchor, 9, 6, first + [0.0, 0.02, 0.0], 0.0, logit=1.0)
    assert len(decoded(maps, anchor, rays)) == 2
    assert len(decoded(maps, anchor, rays, DetectionConfig(least_score=0.9))) == 1


def test_votes_that_disagree_with_the_peak_do_not_count():
    rays = lattice_of(CAMERA).rays
    anchor = np.full((OUT_ROWS, OUT_COLUMNS), 0.6, np.float32)
    centre = rays[8, 8] * 0.6
    maps = empty_maps()
    put_hand(maps, rays, anchor, 8, 8, centre, -1.0)
    maps.offset[0, :, 7, 8] += 5.0  # half a metre off
    (found,) = decoded(maps, anchor, rays)
    assert np.allclose(found.centre, centre, atol=1e-5)


def reference_decode(maps, anchor, rays, config: DetectionConfig):
    """What decoding means, by whole arrays of the 3 x 3 cells about each peak."""
    heat = np.where((anchor > 0) & np.isfinite(rays[..., 0]), 1 / (1 + np.exp(-maps[0].astype(float))), 0.0)
    found = []
    for flat in np.argsort(-heat, axis=None, kind="stable"):
        r, c = np.unravel_index(flat, heat.shape)
        window = (slice(max(r - 1, 0), r + 2), slice(max(c - 1, 0), c + 2))
        weight = heat[window].ravel()
        if heat[r, c] < max(config.least_score, 1e-12) or heat[r, c] < weight.max():
            continue
        offset = maps[(slice(3, 6), *window)].reshape(3, -1)
        votes = (rays[window] * anchor[window][..., None]).reshape(-1, 3)
        votes = votes + OFFSET_M * np.einsum(
            "kij,ik->kj", views_along(rays[window]).reshape(-1, 3, 3), offset
        )
        near = ((votes - votes[weight.argmax()]) ** 2).sum(1) < config.vote_agreement_m**2
        agree = np.where((weight > 0) & near, weight, 0.0)
        agree /= agree.sum()
        centre = np.where(agree[:, None] > 0, votes, 0.0).T @ agree
        if centre[2] > config.min_depth_m and all(
            np.linalg.norm(centre - other) >= config.same_peak_m for other, *_ in found
        ):
            left, size = agree @ maps[1][window].ravel(), SIZE_M * np.exp(agree @ maps[2][window].ravel())
            found.append((centre, heat[r, c], left, size))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_any_maps_are_decoded_as_the_rule_says(seed):
    rng = np.random.default_rng(seed)
    maps = rng.normal(0, [[[2.0]], [[2.0]], [[0.3]], [[0.5]], [[0.5]], [[0.5]]], (6, OUT_ROWS, OUT_COLUMNS))
    maps = maps.astype(np.float32)
    anchor = np.where(rng.random((OUT_ROWS, OUT_COLUMNS)) < 0.2, 0, rng.uniform(0.2, 1.5)).astype(np.float32)
    rays = lattice_of(CAMERA).rays.copy()
    rays[:2] = np.nan
    config = DetectionConfig(least_score=rng.choice([0.0, 0.3, 0.8]))
    wanted = reference_decode(maps, anchor, rays, config)
    found = decode(maps, anchor, rays, views_along(rays), config, 500)
    assert len(found) == len(wanted) > 3
    for detection, (centre, score, left, size) in zip(found, wanted, strict=True):
        assert np.allclose(detection.centre, centre, atol=1e-6)
        assert (detection.score, detection.size) == (
            pytest.approx(score, abs=1e-6),
            pytest.approx(size, rel=1e-5),
        )
        assert detection.side == ("left" if left > 0 else "right")
    assert len(decode(maps, anchor, rays, views_along(rays), config, 3)) == 3, "as many as are asked for"


def test_maps_that_are_no_numbers_show_no_hand():
    rays = lattice_of(CAMERA).rays
    anchor = np.full((OUT_ROWS, OUT_COLUMNS), 0.6, np.float32)
    for value in (np.nan, np.inf, -np.inf):
        maps = np.full((6, OUT_ROWS, OUT_COLUMNS), value, np.float32)
        assert decode(maps, anchor, rays, views_along(rays), DetectionConfig(), 5) == []


def test_a_hand_is_masked_and_nothing_else():
    scene = SequenceRenderer(SequenceConfig(seed=101), CAMERA).frame(0.5)
    frame, joints, step = DepthFrame(scene.depth, CAMERA), scene.hands[0].joints, lattice_of(CAMERA).step
    z = reduce_depth(frame)
    masked = z.copy()
    mask_hands(masked, CAMERA, [joints], DetectionConfig())
    column, row = (CAMERA.project(joints.mean(axis=0)) / step).astype(int)
    assert (masked[row - 1 : row + 2, column - 1 : column + 2] == 0).all()
    gone = (masked == 0) & (z != 0)
    assert 0 < gone.mean() < 0.2
    assert (np.abs(z[gone] - joints[:, 2].mean()) < 0.25).all()
    assert np.array_equal(masked[~gone], z[~gone])
    for elsewhere in (joints - [0.0, 0.0, 2.0], joints + [0.0, 0.0, 0.6], joints + [50.0, 0.0, 0.0]):
        untouched = z.copy()
        mask_hands(untouched, CAMERA, [elsewhere], DetectionConfig())
        assert np.array_equal(untouched, z)


@pytest.mark.parametrize("x", [-0.6, -0.31, 0.0, 0.31, 0.6])
@pytest.mark.parametrize("y", [-0.5, -0.23, 0.0, 0.23, 0.5])
def test_of_a_hand_across_the_edge_what_is_in_the_image_is_masked(x, y):
    config, step = DetectionConfig(), lattice_of(CAMERA).step
    z = reduce_depth(DepthFrame(np.full((CAMERA.height, CAMERA.width), 0.6, np.float32), CAMERA))
    masked = z.copy()
    joints = np.random.default_rng(3).normal([x, y, 0.6], 0.03, (23, 3))
    mask_hands(masked, CAMERA, [joints], config)
    v, u = np.mgrid[:ROWS, :COLUMNS] * float(step) + 0.5 * (step - 1)
    near, sure = np.zeros((2, ROWS, COLUMNS), bool)
    for (column, row), depth in zip(CAMERA.project(joints), joints[:, 2], strict=True):
        radius = config.mask_radius_m * np.sqrt(CAMERA.fx * CAMERA.fy) / depth
        away = np.hypot(u - column, v - row)
        near |= away < radius + 1.0
        sure |= away < radius - 1.0
    gone = (masked == 0) & (z > 0)
    assert gone[sure & (z > 0)].all()
    assert not gone[~near].any()


def test_every_joint_of_a_hand_far_away_is_masked():
    z = reduce_depth(DepthFrame(np.full((480, 640), 2.9, np.float32), CAMERA))
    joints = np.random.default_rng(4).uniform([-0.5, -0.4, 2.9], [0.5, 0.4, 2.9], (23, 3))
    mask_hands(z, CAMERA, [joints], DetectionConfig())
    column, row = np.rint(CAMERA.project(joints)).astype(int).T // lattice_of(CAMERA).step
    assert (z[row, column] == 0).all()


def test_a_look_can_be_asked_later(weights):
    rng = np.random.default_rng(0)
    detector = HandDetector(weights, DetectionConfig(least_score=0.0))
    frames = [DepthFrame(rng.uniform(0.4, 1.0, (480, 640)).astype(np.float32), CAMERA) for _ in range(2)]
    first, second = (detector.look(frame) for frame in frames)
    for look, frame in ((second, frames[1]), (first, frames[0])):
        assert [d.score for d in detector.seen(look)] == [d.score for d in detector.detect(frame)]


def test_any_image_fits_into_the_cells():
    for width, height in ((640, 480), (512, 424), (848, 480), (1280, 720), (160, 120), (480, 640), (97, 73)):
        camera = Camera(width, height, 400.0, 400.0, (width - 1) / 2, (height - 1) / 2)
        lattice = lattice_of(camera)
        assert lattice.rows <= ROWS
        assert lattice.columns <= COLUMNS
        z = reduce_depth(DepthFrame(np.full((height, width), 0.8, np.float32), camera))
        assert (z[: lattice.rows, : lattice.columns] == np.float32(0.8)).all()
        assert (z[lattice.rows :] == 0).all()
        # The middle of the cells is the middle of the image.
        flat = lattice.rays[..., :2].reshape(-1, 2)
        assert np.abs(flat).min(axis=0).max() < 4 * lattice.step / 400.0


def test_features_are_those_of_a_plane():
    z, cell = np.zeros((1, ROWS, COLUMNS), np.float32), np.full((1, ROWS, COLUMNS), 0.0125, np.float32)
    z[0, 10:40, 10:50] = 0.6
    features = detector_features(z, cell)[0]
    assert features[:, 25, 30] == pytest.approx(
        [1.0, 0.5, 0.5 * np.log(0.6 * 0.0125 / 0.008), 0.0, 0.0], abs=1e-5
    )
    assert (features[:, 5, 5] == 0).all()
    z[0, 25, 30] = 0.58
    features = detector_features(z, cell)[0]
    # 24 neighbours at 0.6: the mean of 25 is 0.5992.
    assert features[3, 25, 30] == pytest.approx((0.58 - 0.5992) / 0.04, abs=1e-4)
    assert features[4, 25, 33] == pytest.approx(0.02 / 0.3, abs=1e-4)


def test_anchors_are_the_nearest_readings():
    z = np.zeros((1, ROWS, COLUMNS), np.float32)
    z[0, 4:8, 8:12] = 0.9
    z[0, 5, 9] = 0.7
    found = anchors(z)[0]
    assert found[1, 2] == np.float32(0.7)
    assert (found > 0).sum() == 1


def test_the_loss_is_least_where_the_maps_say_the_truth():
    shape = (1, OUT_ROWS, OUT_COLUMNS)
    heat = torch.zeros(shape)
    heat[0, 5, 5] = 1.0
    near = heat.clone()
    offset, size = torch.full((1, 3, *shape[1:]), 0.2), torch.full(shape, -0.1)
    axes = torch.full((1, 9, *shape[1:]), 0.5)
    target = DetectorTarget(heat, torch.ones_like(heat), torch.zeros(shape), offset, size, axes, near)
    right = DetectorMaps(
        torch.where(heat > 0.5, 12.0, -12.0),
        torch.full(shape, -12.0),
        offset.clone(),
        size.clone(),
        axes.clone(),
    )
    assert float(detector_loss(right, target)[0]) < 1e-3
    for field, change in (("heat", 14.0), ("left", 24.0), ("offset", 0.3), ("size", 0.3), ("axes", 0.2)):
        wrong = right._replace(**{field: getattr(right, field) + change})
        assert float(detector_loss(wrong, target)[0]) > 0.01
    # Where the weight is 0 nothing is asked.
    silent = target._replace(weight=torch.zeros_like(heat))
    assert float(detector_loss(right._replace(heat=-right.heat), silent)[0]) < 1e-4


def test_views_are_those_of_a_crop():
    rays = np.array([[0.3, -0.4, 1.0], [0.0, 0.0, 1.0], [-0.7, 0.1, 1.0]])
    for ray, view in zip(rays, views_along(rays), strict=True):
        assert np.allclose(view, CropFrame(0.6 * ray).view)


def test_a_mirrored_hand_has_the_other_handedness():
    turn = Rotation.from_rotvec([0.4, -1.0, 2.0]).as_matrix()
    # A palm's frame: x to the fingers, y to the thumb's side of a right hand, z out of its back.
    right = torch.from_numpy(turn.T.reshape(1, 9, 1, 1))
    left = torch.from_numpy((turn.T * [-1.0, 1.0, 1.0]).reshape(1, 9, 1, 1))
    assert float(handedness(right)) == pytest.approx(1.0, abs=1e-6)
    assert float(handedness(left)) == pytest.approx(-1.0, abs=1e-6)


def test_the_network_is_small_and_its_maps_have_their_shapes():
    model = DetectorNet()
    assert sum(p.numel() for p in model.parameters()) < 150_000
    maps = model(torch.zeros(2, 5, ROWS, COLUMNS))
    assert maps.heat.shape == maps.left.shape == (2, OUT_ROWS, OUT_COLUMNS)
    assert maps.offset.shape == (2, 3, OUT_ROWS, OUT_COLUMNS)
    assert maps.size.shape == (2, OUT_ROWS, OUT_COLUMNS)


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "detector.safetensors"
    save_detector(path, DetectorNet(), {"samples": 3}, half=True)
    return path


def test_weights_come_back_as_they_went(weights, tmp_path):
    model, training = load_detector(weights)
    assert training == {"samples": 3}
    again = tmp_path / "again.safetensors"
    save_detector(again, model, training)
    for a, b in zip(model.state_dict().values(), load_detector(again)[0].state_dict().values(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.slow
def test_the_same_image_gives_the_same_hands(weights):
    rng = np.random.default_rng(0)
    frame = DepthFrame(rng.uniform(0.4, 1.0, (480, 640)).astype(np.float32), CAMERA)
    config = DetectionConfig(least_score=0.0)
    detector = HandDetector(weights, config)
    first, second = detector.detect(frame), HandDetector(weights, config).detect(frame)
    assert len(first) == len(second) == 2
    assert np.array_equal(first[0].centre, second[0].centre)
    assert detector.detect(DepthFrame(np.full((480, 640), np.nan, np.float32), CAMERA)) == []


def test_wrong_files_are_named(weights, tmp_path):
    with pytest.raises(CheckpointError, match="no such file"):
        load_detector(tmp_path / "none.safetensors")
    tensors, metadata = read_tensors(weights)
    for change, message in (
        ({"format": "other"}, "format is 'other'"),
        ({"sha256": "0"}, "damaged"),
        ({"input": "{}"}, "its input is"),
        ({"network": '{"widths": [8, 8, 8, 8]}'}, "has shape"),
    ):
        path = tmp_path / "wrong.safetensors"
        write_tensors(path, tensors, {**metadata, **change})
        with pytest.raises(CheckpointError, match=message):
            load_detector(path)
