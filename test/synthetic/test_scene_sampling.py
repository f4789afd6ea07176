"""Scenes drawn at random: hands are where they are asked for, crops without one show none, seeds decide everything."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from hand_pose_ros.synthetic.crop_surroundings import SceneConfig
from hand_pose_ros.synthetic.negatives_config import NegativesConfig
from hand_pose_ros.synthetic.scene import WHOLE, SceneHands, Scenes, farthest
from hand_pose_ros.synthetic.scene_sampling import (
    People,
    PictureHands,
    aim_at_arms,
    hold_things,
    place_hands,
    sample_forearms,
    sample_no_hands,
    sample_picture_scenes,
    sample_poses,
    surround_crops,
)
from hand_pose_ros.synthetic.solids import NOTHING
from hand_pose_ros.synthetic.surroundings_config import SurroundingsConfig
from hand_pose_ros.synthetic.view_families import ViewConfig

PEOPLE = People(("makehuman", "webxr"), 3, 9)
HANDS, COUNT = 40, 60
SCENE = SceneConfig(plane=0.6, held=0.2, other_hand=0.4, table=0.2, bench=0.2)
VIEWS = ViewConfig(egocentric=0.1, above=0.2)
NEGATIVES = NegativesConfig(objects=0.2, stumps=0.2)


def crops(seed: int = 1) -> Scenes:
    """Crops of which the last show no hand."""
    stream = (9, seed)
    rng = np.random.default_rng(stream)
    poses, family = sample_poses(PEOPLE.subjects, COUNT, VIEWS, rng, stream)
    held = hold_things(PEOPLE, poses, SCENE.grasp, HANDS, stream)
    posed = PEOPLE.subjects.pose(poses.subject, poses.angles, poses.rotation, np.zeros((COUNT, 3)))
    translation = -posed.joints.mean(axis=1)
    no_hands = sample_no_hands(poses.rotation[HANDS:], NEGATIVES, rng, stream)
    aim_at_arms(poses, posed.joints, translation, no_hands)
    hands = place_hands(PEOPLE.subjects, poses, translation)
    return surround_crops(PEOPLE, hands, held, no_hands, family, SCENE, VIEWS, rng, stream)


def pictures(seed: int = 1, left: bool = False, **shares: float) -> tuple[Scenes, np.ndarray]:
    """Whole pictures with a hand, which may have a second one that is absent; where the hands were asked for."""
    stream = (9, 5, seed)
    rng = np.random.default_rng(stream)
    centre = rng.uniform([-0.2, -0.1, 0.4], [0.2, 0.1, 0.9], (COUNT, 2, 3))
    present = np.tile([True, False], (COUNT, 1))
    subject = rng.integers(len(PEOPLE.subjects), size=(COUNT, 2))
    scenes = sample_picture_scenes(
        PEOPLE, PictureHands(present, np.full((COUNT, 2), left), subject, centre), np.tile([0.6, 0.5], (COUNT, 1)),
        SurroundingsConfig(**shares), VIEWS, 0.1, rng, stream,
    )  # fmt: skip
    return scenes, centre


def same(a: Scenes, b: Scenes) -> bool:
    pairs = [(getattr(a.hands, one.name), getattr(b.hands, one.name)) for one in fields(SceneHands)]
    pairs += [(a.planes, b.planes), *zip(a.solids, b.solids, strict=True)]
    return all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in pairs)


@pytest.mark.parametrize("draw", [crops, lambda seed=1: pictures(seed)[0]], ids=["crops", "pictures"])
def test_the_same_seed_draws_the_same_scenes_and_another_others(draw) -> None:
    assert same(draw(), draw())
    assert not same(draw(), draw(2))


def test_labelled_hands_are_whole_and_in_the_middle_and_only_arms_are_elsewhere() -> None:
    hands = crops().hands
    assert hands.present[:HANDS, 0].all()
    assert (hands.start[:HANDS][hands.present[:HANDS]] == WHOLE).all()
    assert hands.middle[:HANDS, 0] == pytest.approx(0.0, abs=1e-9)
    arms = hands.present[HANDS:, 0]
    assert arms.any()
    assert not arms.all()
    assert (hands.start[HANDS:, 0][arms] >= 0.0).all()
    assert not hands.present[HANDS:, 1].any()


def test_second_hands_stand_beside_the_first_on_the_same_person() -> None:
    hands = crops().hands
    both = hands.present[:, 1]
    assert 0.1 < both[:HANDS].mean() < 0.5
    apart = np.linalg.norm(hands.middle[both, 1] - hands.middle[both, 0], axis=1)
    assert ((apart > 0.06) & (apart < 0.16)).all()
    assert np.array_equal(hands.subject[both, 0], hands.subject[both, 1])
    assert np.array_equal(hands.forearm[both, 0], hands.forearm[both, 1])


@pytest.mark.parametrize("left", [False, True])
def test_hands_of_pictures_are_where_they_are_asked_for(left: bool) -> None:
    scenes, centre = pictures(left=left)
    assert scenes.hands.middle == pytest.approx(centre, abs=1e-9)
    assert (scenes.hands.left == left).all()


@pytest.mark.slow
def test_held_things_are_in_present_hands_and_before_the_walls() -> None:
    none, _ = pictures(wall=1.0)
    scenes, _ = pictures(wall=1.0, grasp=1.0)
    first = none.solids.kind.shape[1]
    things = [part[:, first:] for part in scenes.solids]
    in_hand = things[0] != NOTHING
    assert in_hand.any(axis=1).mean() > 0.5
    # The second hands, which are absent, hold nothing.
    assert not in_hand[:, in_hand.shape[1] // 2 :].any()
    gap = np.linalg.norm(things[1] - scenes.hands.middle[:, :1], axis=-1)
    assert gap[in_hand].max() < 0.25
    solids = scenes.solids._replace(**dict(zip(("kind", "centre", "axes"), things, strict=True)))
    assert (farthest(solids, scenes.planes[:, :3]) < scenes.planes[:, 3]).all()


def test_forearms_have_the_lengths_and_sleeves_that_are_asked_for() -> None:
    rng = np.random.default_rng(3)
    end, begin, wider = np.moveaxis(
        sample_forearms((400, 2), rng, 0.25, (0.01, 0.05), (0.1, 0.3), 0.4), -1, 0
    )
    assert (end < 0.06).mean() == pytest.approx(0.25, abs=0.06)
    assert np.isfinite(begin).mean() == pytest.approx(0.4, abs=0.06)
    assert ((wider >= 1.1) & (wider <= 1.7)).all()
    assert ((end >= 0.01) & (end <= 0.3)).all()
