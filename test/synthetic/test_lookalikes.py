"""Things taken for hands: every group, repeatable, nothing of a hand in them, sizes as stated, cut by edges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hand_pose_ros.datasets.synthetic import SyntheticHands
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.synthetic.castors import castors
from hand_pose_ros.synthetic.furniture import FURNITURE, furniture
from hand_pose_ros.synthetic.household import OBJECTS, PARTS, held_objects, reach_along, robot_arms
from hand_pose_ros.synthetic.lookalikes import GROUPS, STUMP_M, sample_lookalikes
from hand_pose_ros.synthetic.negatives_config import NEGATIVE_GROUPS, NegativesConfig
from hand_pose_ros.synthetic.plants import LEAVES, plants
from hand_pose_ros.synthetic.rotations import random_rotations
from hand_pose_ros.synthetic.scene import ELBOW_M
from hand_pose_ros.synthetic.solids import BOX, CYLINDER, ELLIPSOID, NOTHING, VESSEL, Solids, solid
from hand_pose_ros.synthetic.tubes import SEGMENTS, tubes

# The renderer is compiled anew in every process.
pytestmark = pytest.mark.slow

EVERY = NegativesConfig(
    objects=0.2,
    robots=0.2,
    furniture=0.2,
    stumps=0.2,
    panels=0.05,
    tubes=0.05,
    elbows=0.05,
    heads=0.03,
    castors=0.01,
    plants=0.01,
    border=0.5,
)
SMALL = SyntheticConfig(identities=2, negative_fraction=0.5, noise=False)


def drawn(config: NegativesConfig = EVERY, count: int = 600):
    return sample_lookalikes(random_rotations(count, np.random.default_rng(3)), config, (1, 2))


def test_every_group_is_drawn_in_its_share_and_the_same_seed_draws_the_same():
    looks, again = drawn(), drawn()
    share = np.bincount(looks.group, minlength=len(GROUPS)) / len(looks.group)
    assert share == pytest.approx([0.0, 0.2, 0.2, 0.2, 0.2, 0.05, 0.05, 0.05, 0.03, 0.01, 0.01], abs=0.06)
    assert (looks.side >= 0).mean() == pytest.approx(0.5, abs=0.06)
    assert np.array_equal(looks.planes, again.planes, equal_nan=True)
    assert all(np.array_equal(a, b) for a, b in zip(looks.solids, again.solids, strict=True))


def test_without_shares_a_batch_is_as_it_was_and_its_hands_are_the_same_with_them():
    plain = SyntheticHands(SMALL).batch(4, 24)
    none = SyntheticHands(replace(SMALL, negatives=NegativesConfig())).batch(4, 24)
    other = SyntheticHands(replace(SMALL, negatives=EVERY)).batch(4, 24)
    assert np.array_equal(plain.crop, none.crop)
    assert np.array_equal(plain.crop[:12], other.crop[:12])
    assert np.array_equal(plain.joints, other.joints)
    assert not np.array_equal(plain.crop[12:], other.crop[12:])


@pytest.mark.parametrize("name", NEGATIVE_GROUPS)
def test_most_crops_of_a_group_show_something(name):
    config = replace(SMALL, negative_fraction=0.9, negatives=NegativesConfig(**{name: 1.0}))
    crop = SyntheticHands(config).batch(5, 40).crop[4:, 0]
    assert ((crop < 1.0).mean(axis=(1, 2)) > 0.01).mean() > 0.85


def test_an_edge_of_the_picture_runs_through_the_share_asked_for():
    config = replace(SMALL, negative_fraction=0.9, negatives=NegativesConfig(border=1.0))
    crop = SyntheticHands(config).batch(5, 80).crop[8:, 0]
    lines = [crop[:, :, 0], crop[:, :, -1], crop[:, 0], crop[:, -1]]
    assert np.stack([(line >= 1.0).all(axis=1) for line in lines]).any(axis=0).all()


def test_stumps_end_behind_the_wrist_or_leave_the_picture_there():
    looks = drawn(NegativesConfig(stumps=1.0, border=0.5))
    assert np.isfinite(looks.arm_start).all()
    assert (looks.arm_start >= STUMP_M[0]).all()
    assert (looks.arm_start <= STUMP_M[1]).all()
    assert (looks.behind >= looks.arm_start).all()  # the crop looks at the arm, not at where a hand would be
    rotation = random_rotations(600, np.random.default_rng(3))
    wrist = looks.behind[:, None] * rotation[:, :, 0]
    leaves = (np.linalg.norm(rotation[:, :2, 0], axis=1) > 0.5) & (looks.side >= 0)
    axis = looks.side[leaves] // 2
    rows = np.arange(leaves.sum())
    out = np.where(looks.side[leaves] % 2, 1.0, -1.0)
    # The wrist lies beyond the edge, the crop's centre within the picture.
    assert (out * (wrist[leaves][rows, axis] - looks.edge[leaves][rows, axis]) >= 0).all()
    assert (out * looks.edge[leaves][rows, axis] >= 0).all()


def test_elbows_are_near_the_middle_with_both_parts_of_the_arm_at_them():
    looks = drawn(NegativesConfig(elbows=1.0))
    forearm = random_rotations(600, np.random.default_rng(3))[:, :, 0]
    elbow = (looks.behind - ELBOW_M)[:, None] * forearm
    assert (np.linalg.norm(elbow, axis=1) < 0.15).all()
    assert looks.solids.centre[:, 2] == pytest.approx(elbow, abs=1e-9)  # the upper arm's round end
    whole = looks.forearms(np.tile([0.05, np.inf, 1.0], (600, 1)), 0.05)
    assert (whole[:, 0] == ELBOW_M).all()  # the forearm reaches it
    bend = np.einsum("ni,ni->n", forearm, looks.solids.centre[:, 1] - elbow)
    bend /= np.linalg.norm(looks.solids.centre[:, 1] - elbow, axis=1)
    assert bend.min() < -0.9
    assert 0.8 < bend.max() < 0.91  # no arm bends to less than 25 degrees


def test_arms_of_negatives_have_no_hand():
    """Nothing of the mesh before the wrist is drawn: the arm's start is at the wrist or behind it."""
    looks = drawn()
    arm = np.isfinite(looks.behind)
    start = looks.arm_starts(arm, 0.01)
    assert (start >= 0).all()
    assert np.isinf(start[~arm]).all()
    assert np.isfinite(start[looks.group == GROUPS.index("stumps")]).all()


def test_held_objects_are_as_large_as_what_hands_hold():
    parts, kind = held_objects(4000, np.random.default_rng(1))
    across = 2.0 / np.linalg.norm(parts.axes[:, 0], axis=-1)
    assert set(kind) == set(range(len(OBJECTS)))
    ball, can, box = (across[kind == OBJECTS.index(name)] for name in ("ball", "can", "box"))
    assert 0.036 <= ball.min()
    assert np.quantile(ball, 0.8) <= 0.092
    assert ball.max() <= 0.22
    assert 0.060 <= can[:, 0].min() <= can[:, 0].max() <= 0.080
    assert (box >= np.array([0.040, 0.024, 0.080]) - 1e-9).all()
    assert (box <= np.array([0.080, 0.070, 0.180]) + 1e-9).all()


def test_robots_furniture_and_tubes_fit_in_their_slots_with_orthogonal_axes():
    rng = np.random.default_rng(2)
    pieces, kind = furniture(500, rng)
    assert set(kind) == set(range(len(FURNITURE)))
    for parts in (robot_arms(500, rng), pieces, tubes(500, rng)):
        assert parts.kind.shape == (500, PARTS)
        there = parts.kind != NOTHING
        assert (there.sum(axis=1) >= 1).all()
        axes = parts.axes[there]
        product = axes @ axes.swapaxes(1, 2)
        off = product - np.einsum("nii->ni", product)[:, :, None] * np.eye(3)
        assert np.abs(off).max() < 1e-6 * product.max()


def test_a_bent_tube_is_one_piece():
    """Each segment of its bend reaches into the next one."""
    parts = tubes(300, np.random.default_rng(4))
    axis = parts.axes[:, :SEGMENTS, 2]
    end = axis / (axis**2).sum(axis=-1, keepdims=True)  # half a segment
    gap = (parts.centre[:, 1:SEGMENTS] - end[:, 1:]) - (parts.centre[:, : SEGMENTS - 1] + end[:, :-1])
    thick = 1.0 / np.linalg.norm(parts.axes[:, :SEGMENTS, :2], axis=-1).min(axis=(1, 2))
    assert (np.linalg.norm(gap, axis=-1).max(axis=1) < thick).all()


@pytest.mark.parametrize("kind", [BOX, ELLIPSOID, CYLINDER, VESSEL])
def test_reach_is_that_of_the_farthest_point(kind):
    rng = np.random.default_rng(5)
    half, centre = np.array([0.02, 0.03, 0.05]), np.array([0.1, -0.2, 0.05])
    turn = random_rotations(1, rng)[0]
    one = solid(kind, centre, half, turn)
    points = rng.uniform(-1, 1, (400000, 3))
    if kind == ELLIPSOID:
        points = points[np.linalg.norm(points, axis=1) <= 1]
    elif kind != BOX:
        points = points[np.hypot(points[:, 0], points[:, 1]) <= 1]
    direction = random_rotations(1, rng)[0, 0]
    farthest = ((points * half) @ turn + centre) @ direction
    reach = reach_along(type(one)(*(v[None] for v in one)), direction[None])[0]
    assert farthest.max() <= reach + 1e-9
    assert farthest.max() == pytest.approx(reach, abs=0.003)


def test_objects_stand_on_their_tables_not_in_them():
    looks = drawn(NegativesConfig(objects=1.0))
    table = np.isfinite(looks.planes[:, 3])
    assert table.mean() > 0.15
    solids = type(looks.solids)(*(v[table][:, :3] for v in looks.solids))
    reach = reach_along(solids, looks.planes[table, :3])
    assert reach == pytest.approx(looks.planes[table, 3], abs=1e-9)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"objects": 1.2}, "negatives.objects is 1.2, want a share from 0 to 1"),
        ({"border": -0.1}, "negatives.border is -0.1, want a share from 0 to 1"),
        ({"objects": 0.6, "robots": 0.6}, "negatives.sum of shares is 1.2, want at most 1"),
    ],
)
def test_wrong_shares_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        NegativesConfig(**values)


def test_castors_stand_below_their_arm_with_the_floor_at_their_lowest_point():
    parts = castors(400, np.random.default_rng(5))
    down = np.tile([0.0, 1.0, 0.0], (400, 1))
    wheels = parts.kind[:, 2] == CYLINDER
    assert wheels.mean() == pytest.approx(0.85, abs=0.06)
    lowest = reach_along(parts, down)
    arm = Solids(parts.kind[:, :2], parts.centre[:, :2], parts.axes[:, :2])
    assert (lowest[wheels] > reach_along(arm, down)[wheels]).all()
    wheel = Solids(parts.kind[:, 2:3], parts.centre[:, 2:3], parts.axes[:, 2:3])
    assert reach_along(wheel, down)[wheels] == pytest.approx(lowest[wheels], abs=0.02)
    assert (np.linalg.norm(parts.centre[wheels, 2], axis=1) < 0.3).all()
    looks = drawn(NegativesConfig(castors=1.0))
    floor = np.isfinite(looks.planes).all(axis=1)
    assert floor.mean() > 0.3
    assert reach_along(looks.solids, looks.planes[:, :3])[floor] == pytest.approx(looks.planes[floor, 3])


def test_leaves_of_a_plant_begin_at_its_stem_and_are_as_large_as_fingers_and_more():
    parts = plants(400, np.random.default_rng(6))
    there = parts.kind[:, :LEAVES] == ELLIPSOID
    assert (there.sum(axis=1) >= 3).all()
    assert there.all(axis=1).any()
    long = 1.0 / np.linalg.norm(parts.axes[:, :LEAVES, 0], axis=-1)
    assert 0.015 < long[there].min() < 0.03
    assert 0.1 < long[there].max() < 0.14
    along = parts.axes[:, :LEAVES, 0] * long[..., None] ** 2  # a leaf's half, from its middle to its tip
    base = parts.centre[:, :LEAVES] - along
    apart = np.linalg.norm(base - base[:, :1], axis=-1)
    assert apart[there].max() < 0.061
    assert np.linalg.norm(base[:, 0], axis=1).max() < 0.25
