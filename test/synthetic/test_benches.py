"""Work benches in whole pictures: clear of both hands, and all else as without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hand_pose_ros.datasets.full_scenes import FullFrameConfig, sample_pictures
from hand_pose_ros.synthetic.scene_sampling import People
from hand_pose_ros.synthetic.solids import NOTHING, Solids
from hand_pose_ros.synthetic.surroundings_config import SurroundingsConfig
from hand_pose_ros.synthetic.workbench import BENCH_SOLIDS, distances

COUNT = 200
NONE = SurroundingsConfig(**dict.fromkeys(SurroundingsConfig.__dataclass_fields__, 0.0))


@pytest.fixture(scope="module")
def people() -> People:
    return People(("makehuman",), 3, 9)


def drawn(people: People, bench: float, grasp: float = 0.0):
    config = FullFrameConfig(scene=replace(NONE, wall=1.0, bench=bench, grasp=grasp))
    return sample_pictures(config, people, 3, COUNT).scenes


def benches(scenes) -> Solids:
    return Solids(*(part[:, -BENCH_SOLIDS:] for part in scenes.solids))


def test_a_bench_is_in_no_hand_and_stands_in_most_pictures(people):
    scenes = drawn(people, 1.0)
    solids, there = benches(scenes), scenes.hands.present
    assert (solids.kind[:, 0] != NOTHING).mean() > 0.5
    for slot in range(there.shape[1]):
        gap = distances(solids, scenes.hands.joints[:, slot])[there[:, slot]]
        assert gap.min() > 0.008


def test_pictures_without_a_bench_are_as_they_were_and_those_with_one_show_the_same_hands(people):
    before, after = drawn(people, 0.0), drawn(people, 0.5)
    np.testing.assert_array_equal(before.hands.joints, after.hands.joints)
    here = benches(after).kind[:, 0] != NOTHING
    assert 0.2 < here.mean() < 0.6
    np.testing.assert_array_equal(before.planes[~here], after.planes[~here])
    assert np.isnan(after.planes[here]).all()
    old = before.solids.kind.shape[1]
    np.testing.assert_array_equal(before.solids.centre, after.solids.centre[:, :old])


@pytest.mark.slow
def test_what_a_first_hand_holds_stays_above_its_table(people):
    scenes = drawn(people, 1.0, grasp=1.0)
    solids = benches(scenes)
    table = Solids(*(part[:, :1] for part in solids))
    here = (table.kind[:, 0] != NOTHING) & scenes.hands.present[:, 0]
    held = Solids(*(part[:, :-BENCH_SOLIDS] for part in scenes.solids))
    middle = np.where((held.kind != NOTHING)[..., None], held.centre, np.inf)
    close = np.linalg.norm(middle - scenes.hands.middle[:, :1], axis=-1) < 0.08
    assert close[here].any()
    inside = distances(table, np.where(np.isfinite(middle), middle, 9.0)) <= 0.0
    assert not (inside & close)[here].any()
