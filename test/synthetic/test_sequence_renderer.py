"""The renderer: repeatable, its truth lies on its pixels, hands come and go when they should, and move as hands do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.hand.kinematics import forward_kinematics, scale_offsets, template_offsets
from hand_pose_ros.hand.skeleton import bone_lengths
from hand_pose_ros.synthetic.environment import DISTRACTORS
from hand_pose_ros.synthetic.hand_trajectory import TREMOR_M
from hand_pose_ros.synthetic.sensor import NO_NOISE
from hand_pose_ros.synthetic.sequence_config import SequenceConfig
from hand_pose_ros.synthetic.sequence_renderer import SequenceRenderer
from hand_pose_ros.synthetic.sequences import KINDS, VGA, bench_sequences, frame_times

CAMERA = Camera(160, 120, 120.0, 120.0, 79.5, 59.5)
CLEAN = SequenceConfig(seed=4, noise=NO_NOISE, environment="wall", body=False)


@pytest.mark.slow
def test_a_frame_is_a_function_of_configuration_and_time():
    config = SequenceConfig(seed=3, hands=("right", "left"), crossing=True, held="box", distractors=("face",))
    renderer = SequenceRenderer(config, CAMERA)
    first = renderer.frame(0.7)
    renderer.frame(2.0)
    again = SequenceRenderer(config, CAMERA).frame(0.7)
    assert np.array_equal(first.depth, again.depth, equal_nan=True)
    assert [h.side for h in first.hands] == ["right", "left"]
    for a, b in zip(first.hands, again.hands, strict=True):
        assert np.array_equal(a.joints, b.joints)
        assert a.visible == b.visible
    other = renderer.frame(0.7001).depth
    assert not np.array_equal(first.depth, other, equal_nan=True), "the noise must change with time"


@pytest.mark.slow
@pytest.mark.parametrize("side", ["right", "left"])
def test_the_truth_lies_on_the_hand(side):
    renderer = SequenceRenderer(replace(CLEAN, hands=(side,)), CAMERA)
    for t in (0.0, 1.1, 2.2, 3.3):
        frame = renderer.frame(t)
        (hand,) = frame.hands
        assert hand.visible > 0.85  # its own forearm and sleeve hide a little
        assert hand.in_view == 1.0
        column, row = np.rint(CAMERA.project(hand.joints)).astype(int).T
        seen = np.stack([frame.depth[row + r, column + c] for r in (-1, 0, 1) for c in (-1, 0, 1)])
        below = hand.joints[:, 2] - np.nanmin(seen, axis=0)
        # Under the skin, or under other fingers, never before what the camera sees.
        assert (below > -0.012).all()
        assert (below < 0.03).mean() > 0.3
        assert np.allclose(hand.joints, renderer.truth(t)[side])


@pytest.mark.parametrize("side", ["right", "left"])
def test_angles_rotation_and_shape_give_the_joints_through_the_hand_model(side):
    (hand,) = SequenceRenderer(replace(CLEAN, hands=(side,)), CAMERA).frame(0.6).hands
    offsets = scale_offsets(template_offsets(torch.float64), torch.from_numpy(hand.shape))
    made = forward_kinematics(
        *(torch.from_numpy(value.copy()) for value in (hand.rotation, hand.joints[0], hand.angles)),
        offsets,
        side,
    )
    assert np.linalg.det(hand.rotation) == pytest.approx(1.0)
    # The nine scales do not say everything about a person's lengths.
    assert np.linalg.norm(made.joints.numpy() - hand.joints, axis=-1).max() < 0.015


def test_a_left_hand_is_no_right_hand():
    frames = {
        side: SequenceRenderer(replace(CLEAN, hands=(side,)), CAMERA).frame(1.1).hands[0]
        for side in ("right", "left")
    }
    thumb, pinky = 4, 21

    def thumb_side(hand) -> float:
        """The thumb lies at +y of a right palm's frame, at -y of a left one's."""
        return float(((hand.joints[thumb] - hand.joints[pinky]) @ hand.rotation)[1])

    assert thumb_side(frames["right"]) > 0.02
    assert thumb_side(frames["left"]) < -0.02


def test_hands_are_there_when_they_should_be():
    config = replace(CLEAN, presence=((0.0, 3.0), (5.0, 9.0)))
    renderer = SequenceRenderer(config, CAMERA)
    assert renderer.truth(-0.1) == {}
    assert renderer.truth(4.0) == {}
    assert renderer.frame(4.0).hands == ()
    away, near, there = (renderer.truth(t)["right"].mean(axis=0) for t in (0.02, 0.4, 1.5))
    # It comes in from below the image.
    assert CAMERA.project(away)[1] > 119
    assert CAMERA.project(near)[1] > CAMERA.project(there)[1]
    assert renderer.frame(0.01).hands == (), "a hand beyond the edge is no hand in the image"
    assert renderer.frame(1.5).hands[0].in_view == 1.0


def test_a_hand_that_vanishes_does_so_between_two_frames():
    renderer = SequenceRenderer(replace(CLEAN, presence=((0.0, 1.0),), leaving="vanish"), CAMERA)
    assert renderer.frame(0.999).hands[0].in_view == 1.0
    assert renderer.frame(1.0).hands == ()


def test_something_passes_before_the_hand_and_only_then():
    renderer = SequenceRenderer(replace(CLEAN, occlusions=((1.0, 2.0),)), CAMERA)
    visible = {t: renderer.frame(t).hands[0].visible for t in (0.9, 1.5, 2.1)}
    assert visible[0.9] > 0.9
    assert visible[2.1] > 0.9
    assert visible[1.5] < 0.5


@pytest.mark.slow
def test_a_held_object_hides_some_of_the_hand_or_is_hidden_by_it():
    bare, holding = (
        SequenceRenderer(replace(CLEAN, seed=6), CAMERA),
        SequenceRenderer(replace(CLEAN, seed=6, held="ball"), CAMERA),
    )
    times = np.arange(0.0, 8.0, 1.1)
    alone, held = (
        np.mean([renderer.frame(t).hands[0].visible for t in times]) for renderer in (bare, holding)
    )
    assert alone > 0.9
    assert held < alone - 0.05


@pytest.mark.slow
def test_hands_move_as_fast_as_hands_do():
    for config in (SequenceConfig(seed=1), SequenceConfig(seed=2, hands=("right", "left"), crossing=True)):
        renderer = SequenceRenderer(config, VGA)
        times = np.arange(0, 10, 1 / 30)
        for side in config.hands:
            joints = np.stack([renderer.truth(t)[side] for t in times])
            speed = 30 * np.linalg.norm(np.diff(joints, axis=0), axis=-1)
            assert speed.max() < 4.0  # m/s, of the fingertips; a pointing hand reaches 3 to 4
            assert 0.1 < speed.mean() < 1.0
            assert np.ptp(bone_lengths(joints), axis=0).max() < 1e-6


@pytest.mark.slow
def test_two_hands_never_touch_and_do_cross():
    renderer = SequenceRenderer(SequenceConfig(seed=2, hands=("right", "left"), crossing=True), VGA)
    palms = [{side: joints[0] for side, joints in renderer.truth(t).items()} for t in np.arange(0, 12, 0.05)]
    apart = np.array([p["right"] - p["left"] for p in palms])
    assert np.linalg.norm(apart, axis=1).min() > 0.14
    in_image = [VGA.project(p["right"])[0] - VGA.project(p["left"])[0] for p in palms]
    assert np.abs(in_image).min() < 30, "one hand passes before the other"


@pytest.mark.slow
def test_still_is_still_and_tremor_is_small():
    frozen = SequenceRenderer(SequenceConfig(seed=5, still_at=1.3), CAMERA)
    a, b = frozen.frame(0.0), frozen.frame(0.5)
    assert np.array_equal(a.hands[0].joints, b.hands[0].joints)
    assert np.array_equal(
        a.hands[0].joints, SequenceRenderer(SequenceConfig(seed=5), CAMERA).frame(1.3).hands[0].joints
    )
    assert not np.array_equal(a.depth, b.depth, equal_nan=True), "the sensor's noise goes on"
    trembling = SequenceRenderer(SequenceConfig(seed=5, still_at=1.3, tremor=True), CAMERA)
    palm = np.stack([trembling.truth(t)["right"][0] for t in np.arange(0, 4, 1 / 200)])
    assert np.sqrt(((palm - palm.mean(axis=0)) ** 2).mean(axis=0)) == pytest.approx(TREMOR_M, rel=0.3)


def test_a_scene_without_hands_has_no_truth_and_something_in_it():
    renderer = SequenceRenderer(
        SequenceConfig(seed=9, hands=(), environment="far", distractors=("face",), noise=NO_NOISE), CAMERA
    )
    frame = renderer.frame(0.0)
    assert frame.hands == ()
    assert np.isfinite(frame.depth).sum() > 500
    nearest = np.nanmin(frame.depth)
    assert 0.25 < nearest < 0.8
    assert np.isnan(
        SequenceRenderer(SequenceConfig(seed=9, hands=(), environment="far"), CAMERA).frame(0.0).depth
    ).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", DISTRACTORS)
def test_everything_that_is_no_hand_is_drawn_and_moves_or_stays(name):
    config = SequenceConfig(seed=9, hands=(), environment="far", distractors=(name,), noise=NO_NOISE)
    renderer = SequenceRenderer(config, CAMERA)
    assert all(np.isfinite(renderer.frame(t).depth).sum() > 100 for t in (0.0, 0.7, 2.1))


def test_frames_are_dropped_and_late_as_asked():
    times = np.array(list(frame_times(30.0, 100.0, 0.2, 0.01, seed=1)))
    assert len(times) / 3000 == pytest.approx(0.8, abs=0.02)
    tick = np.floor(times * 30 + 1e-9) / 30
    assert ((times - tick >= -1e-9) & (times - tick < 0.01)).all()
    assert (np.diff(times) > 0).all()
    assert list(frame_times(10.0, 0.3)) == pytest.approx([0.0, 0.1, 0.2])
    with pytest.raises(ValueError, match="dropped"):
        list(frame_times(30.0, 1.0, dropped=1.0))


@pytest.mark.slow
def test_the_bench_has_the_frames_that_its_figures_need():
    sequences = bench_sequences()
    count = {kind: sum(len(s.times()) for s in sequences if s.kind == kind) for kind in KINDS}
    assert count["moving"] >= 2000
    assert count["nothing"] >= 1500
    assert all(count[kind] >= 500 for kind in KINDS)
    assert all(s.config.seed >= 100 for s in sequences)
    assert len({s.name for s in sequences}) == len(sequences) == len({s.config.seed for s in sequences})
    moving = [s.config for s in sequences if s.kind == "moving"]
    assert {s.hands[0] for s in moving} == {"right", "left"}
    assert {s.family for s in moving} == {"makehuman", "webxr"}
    assert {s.held for s in moving} == {"", "ball", "box", "cylinder"}
    stereo = [s.config.stereo for s in sequences if s.kind == "stereo"]
    assert len(set(stereo)) == len(stereo)
    assert None not in stereo


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hands": ("up",)}, "hands is 'up'"),
        ({"hands": ("left", "left")}, "at most once"),
        ({"distractors": ("dog",)}, "distractors is 'dog'"),
        ({"crossing": True}, "crossing needs two hands"),
        ({"distance_m": (0.8, 0.4)}, "distance_m"),
        ({"tempo": 0.0}, "tempo"),
        ({"presence": ((2.0, 1.0),)}, "presence"),
    ],
)
def test_wrong_settings_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        replace(CLEAN, **change)


def test_a_lens_is_refused():
    with pytest.raises(ValueError, match="plumb_bob"):
        SequenceRenderer(CLEAN, Camera(160, 120, 120.0, 120.0, 79.5, 59.5, (0.1, 0, 0, 0, 0), "plumb_bob"))
