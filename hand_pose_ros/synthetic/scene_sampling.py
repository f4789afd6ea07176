"""Scenes drawn at random: of crops with and without a hand, of whole pictures, of the sensors' test sets.

In: :class:`People`, shares of what there is, generators. Out: :class:`~hand_pose_ros.synthetic.scene.Scenes`. What
stands around is drawn by ``crop_surroundings``, ``negatives``, ``lookalikes``, ``table_contact``, ``other_hands`` and
``surroundings``; here it comes together with the hands. Things that came later are drawn from streams of random numbers
of their own: with them or without, all else is as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.hand.skeleton import FINGER_ANGLE_TABLE, PALM_JOINT, WRIST_JOINTS
from hand_pose_ros.synthetic.benches import crops_at_benches, pictures_at_benches
from hand_pose_ros.synthetic.crop_surroundings import HELD_SLOT, SceneConfig, sample_crop_surroundings
from hand_pose_ros.synthetic.grasp_library import (
    NONE_HELD,
    GraspLibrary,
    HeldThings,
    load_grasps,
    sample_held,
)
from hand_pose_ros.synthetic.lookalikes import Lookalikes, sample_lookalikes
from hand_pose_ros.synthetic.negatives import KINDS, sample_negatives
from hand_pose_ros.synthetic.negatives_config import NegativesConfig
from hand_pose_ros.synthetic.other_hands import mirrored_hands, sample_other_hands
from hand_pose_ros.synthetic.poses import (
    sample_angles,
    sample_fists,
    sample_view_rotations,
    sample_wrist_bends,
)
from hand_pose_ros.synthetic.random_streams import BatchStream
from hand_pose_ros.synthetic.scene import MIRROR, WHOLE, SceneHands, Scenes, join, pose_hands
from hand_pose_ros.synthetic.solids import Solids, moved, nothing, padded, put, take, where
from hand_pose_ros.synthetic.subjects import SubjectSet, load_subjects
from hand_pose_ros.synthetic.surroundings import sample_surroundings
from hand_pose_ros.synthetic.surroundings_config import SurroundingsConfig
from hand_pose_ros.synthetic.table_contact import sample_tables
from hand_pose_ros.synthetic.view_families import FAMILIES, ViewConfig, with_view_families

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Stream = tuple[int, ...]
"""The first numbers of a batch's seeds: its split, its use, its own seed."""

_WHOLE_FOREARM = np.array([np.inf, np.inf, 1.0])
# A bare forearm is looked at this far behind its wrist. Guessed, as what follows.
_ARM_CENTRE_M = (0.04, 0.18)
_ARM_END_M = 0.027
_ARM_START_M = 0.01
_LEAST_ARM_M = 0.16  # how much of an arm is seen where one without its hand is asked for; guessed
_BENT_SHARE = 0.2
"""Share of the hands of whole pictures that are bent as if they held something. Guessed."""


@dataclass(frozen=True)
class People:
    """The subjects of a split and the grasps of their hands, made on first use."""

    families: tuple[str, ...]
    """Mesh families of ``synthetic.mesh.MESH_NAMES``."""
    identities: int
    """Subjects of each."""
    split: int
    """One of ``synthetic.splits``."""

    @cached_property
    def subjects(self) -> SubjectSet:
        """The subjects."""
        return load_subjects(self.families, self.identities, self.split)

    @cached_property
    def grasps(self) -> GraspLibrary:
        """Their grasps."""
        return load_grasps(self.families, self.identities, self.split)


class HandPoses(NamedTuple):
    """N right hands, yet without a place."""

    subject: NDArray[np.int64]
    """(N,) of the people's subjects."""
    angles: Array
    """(N, 20) rad."""
    rotation: Array
    """(N, 3, 3) of the palm, in a look-at view."""
    bends: Array
    """(N, 2) rad: of the wrist."""


class NoHands(NamedTuple):
    """N crops that show no hand."""

    scenes: Scenes
    """Local frames, yet without the bare arms."""
    behind: Array
    """(N,) m: how far behind the wrist of a bare arm the crop's centre lies; NaN where there is no arm."""
    start: Array
    """(N,) m behind the wrist: where the bare arms begin; inf where there is none."""
    lookalikes: Lookalikes
    """Those of them that replace the older kinds."""


def sample_poses(
    subjects: SubjectSet, count: int, views: ViewConfig, rng: np.random.Generator, stream: Stream = ()
) -> tuple[HandPoses, NDArray[np.int64]]:
    """``count`` empty hands of any subject, and from which family of views (N,) each is seen; stream is needed with
    such families alone."""
    subject = rng.integers(len(subjects), size=count)
    angles = sample_angles(count, rng)
    rotation, family = with_view_families(sample_view_rotations(count, rng), views, stream)
    return HandPoses(subject, angles, rotation, sample_wrist_bends(count, rng)), family


def place_hands(subjects: SubjectSet, poses: HandPoses, translation: Array) -> SceneHands:
    """Right hands (N, 1) of these poses with their palms at translation (N, 3) m, their forearms whole."""
    whole = np.tile(_WHOLE_FOREARM, (len(translation), 1, 1))
    return pose_hands(
        subjects, poses.subject[:, None], poses.angles[:, None], poses.rotation[:, None], translation[:, None],
        poses.bends[:, None], whole,
    )  # fmt: skip


def hold_things(people: People, poses: HandPoses, share: float, hands: int, stream: Stream) -> HeldThings:
    """Which of the first ``hands`` hold a thing, a ``share`` of them; their poses become those of the grasps, in
    place."""
    if share == 0:
        return NONE_HELD
    held = sample_held(people.grasps, share, hands, np.random.default_rng([*stream, BatchStream.GRASPS]))
    people.grasps.pose(held, people.subjects, *poses)
    return held


def sample_no_hands(
    rotation: Array, config: NegativesConfig, rng: np.random.Generator, stream: Stream
) -> NoHands:
    """Crops without a hand; rotation (N, 3, 3) of the palms whose bare arms some of them show."""
    count = len(rotation)
    scenes, kind = sample_negatives(count, rng)
    lookalikes = sample_lookalikes(rotation, config, stream)
    bare = np.where(kind == KINDS.index("forearm"), rng.uniform(*_ARM_CENTRE_M, count), np.nan)
    behind = np.where(lookalikes.replaced, lookalikes.behind, bare)
    arm = np.isfinite(behind)
    # An ellipsoid closes the arm's open end.
    end = np.where(arm, behind, 0.0)[:, None] * rotation[:, :, 0]
    half = np.full_like(end, _ARM_END_M)
    scenes.put(0, arm & ~lookalikes.replaced, end, half, rotation.swapaxes(1, 2))
    start = lookalikes.arm_starts(arm, _ARM_START_M)
    return NoHands(lookalikes.instead_of(scenes), behind, start, lookalikes)


def aim_at_arms(poses: HandPoses, joints: Array, translation: Array, no_hands: NoHands) -> None:
    """Of the last crops, those without a hand, place the palms so that a bare arm is in the middle, in place: joints
    (N, 23, 3) m of palms at zero, translation (N, 3) m of all palms."""
    hands = len(translation) - len(no_hands.behind)
    poses.bends[hands:][no_hands.lookalikes.replaced] = 0.0
    arm = np.isfinite(no_hands.behind)
    wrist = joints[hands:, list(WRIST_JOINTS)].mean(axis=1)
    on_arm = no_hands.behind[:, None] * poses.rotation[hands:, :, 0] - wrist
    translation[hands:][arm] = on_arm[arm]


def surround_crops(
    people: People, posed: SceneHands, held: HeldThings, no_hands: NoHands, family: NDArray[np.int64],
    config: SceneConfig, views: ViewConfig, rng: np.random.Generator, stream: Stream,
) -> Scenes:  # fmt: skip
    """Scenes (N) about hands (N, 1), the last of them those without a hand, in local frames: what stands around, a
    second hand beside the first, forearms."""
    count, subjects = len(posed.subject), people.subjects
    hands = count - len(no_hands.behind)
    joints, subject = posed.joints[:hands, 0], posed.subject[:, 0]
    around = sample_crop_surroundings(joints, config, rng)
    others = sample_other_hands(subjects, joints, subject[:hands], config.other_hand, rng)
    forearm = sample_forearms((count,), rng, 0.15, (0.005, 0.05), (0.05, 0.30), 0.35)
    forearm[hands:] = no_hands.lookalikes.forearms(forearm[hands:], _LEAST_ARM_M)
    posed = replace(posed, forearm=forearm[:, None])
    below = np.where(family[:hands] == FAMILIES.index("above"), views.table_below, config.table)
    if below.any():
        table_rng = np.random.default_rng([*stream, BatchStream.TABLES])
        chosen = table_rng.random(hands) < below
        tables = sample_tables(
            subjects, subject[:hands], posed.skinning[:hands, 0], forearm[:hands], chosen, table_rng
        )
        around.planes[:] = np.where(np.isnan(tables), around.planes, tables)
    if len(held.hand):
        turn, place = posed.rotation[held.hand, 0], posed.joints[held.hand, 0, PALM_JOINT]
        around.hold(held.hand, moved(take(people.grasps.solids, held.grasp), turn, place), HELD_SLOT)
        mirror = people.grasps.mirror[held.grasp]
        both = np.isfinite(mirror[:, 0])
        turned = np.einsum("mij,mkj->mki", turn, mirror.reshape(-1, 2, 3))
        turned[:, 0] += place
        others = mirrored_hands(others, held.hand[both], posed, turned.reshape(-1, 6)[both])
    if config.bench > 0:
        around = crops_at_benches(
            subjects, around, posed, others.beside, config.bench, (*stream, BatchStream.BENCHES)
        )
    start = np.concatenate([np.full(hands, WHOLE), no_hands.start])[:, None]
    posed = replace(posed, start=start, present=start < np.inf)
    around = join([around, no_hands.scenes])
    return replace(around, hands=others.added_to(posed))


class PictureHands(NamedTuple):
    """The hands (N, H) that N whole pictures are to show."""

    present: Flags
    """(N, H): those that are there; the others are posed all the same."""
    left: Flags
    """(N, H)."""
    subject: NDArray[np.int64]
    """(N, H); a hand that holds a thing gets the subject of its grasp."""
    centre: Array
    """(N, H, 3) m: their mean joints, camera's frame."""


def sample_picture_scenes(
    people: People, wanted: PictureHands, field_of_view: Array, config: SurroundingsConfig, views: ViewConfig,
    fists: float, rng: np.random.Generator, stream: Stream,
) -> Scenes:  # fmt: skip
    """Scenes (N) of whole pictures, in the camera's frame, with the hands that are wanted, their forearms whole, and
    what stands around those that are present.

    field_of_view (N, 2): tangents of half the picture's width and height; fists: share of the hands that are.
    """
    present, left, subject, centre = wanted
    lead, count = subject.shape, subject.size
    flat, mirror = subject.reshape(-1).copy(), np.where(left.reshape(-1, 1), MIRROR, 1.0)
    held = NONE_HELD
    if config.grasp > 0:
        grasp_rng = np.random.default_rng([*stream, BatchStream.GRASPS])
        hand, grasp = sample_held(people.grasps, config.grasp, count, grasp_rng)
        alone = np.isnan(people.grasps.mirror[grasp, 0])
        held = HeldThings(hand[alone], grasp[alone])
    angles = _picture_angles(count, fists, rng, stream)
    rotation, bends = sample_view_rotations(count, rng), sample_wrist_bends(count, rng)
    rotation = with_view_families(rotation, views, stream).rotation
    if len(held.hand):
        people.grasps.pose(held, people.subjects, flat, angles, rotation, bends)
    # The world of a left hand is mirrored: there it is a right one.
    place = centre.reshape(-1, 3) * mirror
    rotation = np.stack([CropFrame(p).view for p in place]).swapaxes(1, 2) @ rotation
    joints = people.subjects.pose(flat, angles, rotation, np.zeros((count, 3))).joints
    translation = place - joints.mean(axis=1)
    hands = pose_hands(
        people.subjects, flat.reshape(lead), angles.reshape(*lead, -1), rotation.reshape(*lead, 3, 3),
        translation.reshape(*lead, 3), bends.reshape(*lead, 2), np.tile(_WHOLE_FOREARM, (*lead, 1)), left,
    )  # fmt: skip
    lookalike_rng = np.random.default_rng([*stream, BatchStream.PICTURE_LOOKALIKES])
    hands = replace(hands, present=present)
    scenes = sample_surroundings(hands, field_of_view, config, rng, lookalike_rng)
    in_first = nothing(len(subject), 1)
    if len(held.hand):
        across, in_hand = mirror[held.hand], take(people.grasps.solids, held.grasp)
        things = nothing(count, in_hand.kind.shape[1])
        in_hand = moved(in_hand, across[..., None] * rotation[held.hand], across * translation[held.hand])
        put(things, held.hand, in_hand)
        scenes, in_first = _with_held(scenes, where(present.reshape(-1), things))
    if config.bench > 0:
        scenes = pictures_at_benches(scenes, in_first, config.bench, (*stream, BatchStream.PICTURE_BENCHES))
    return scenes


def _with_held(scenes: Scenes, things: Solids) -> tuple[Scenes, Solids]:
    """Scenes (N) with the things (N H) in their hands; beside them those in the first hand of each."""
    count, per_hand = len(scenes.planes), things.kind.shape[1]
    things = Solids(
        things.kind.reshape(count, -1),
        things.centre.reshape(count, -1, 3),
        things.axes.reshape(count, -1, 3, 3),
    )
    in_first = Solids(things.kind[:, :per_hand], things.centre[:, :per_hand], things.axes[:, :per_hand])
    first = scenes.solids.kind.shape[1]
    scenes = replace(scenes, solids=padded(scenes.solids, first + things.kind.shape[1]))
    scenes.hold(slice(None), things, first)
    return scenes, in_first


def _picture_angles(count: int, fists: float, rng: np.random.Generator, stream: Stream) -> Array:
    """(N, 20) rad of the hands in whole pictures: any pose, some bent as if they held something, some fists."""
    angles = sample_angles(count, rng)
    bent = rng.random(count) < _BENT_SHARE
    curl = rng.uniform(0.25, 0.9, (count, 1))
    fingers = FINGER_ANGLE_TABLE[1:].ravel()
    flexed = np.tile([0.0, 1.0, 1.15, 0.7], 4) * curl + rng.normal(0, 0.1, (count, len(fingers)))
    angles[:, fingers] = np.where(bent[:, None], flexed, angles[:, fingers])
    if fists > 0:
        fist_rng = np.random.default_rng([*stream, BatchStream.FISTS])
        chosen = fist_rng.random(count) < fists
        angles[chosen] = sample_fists(count, fist_rng)[chosen]
    return angles


def sample_forearms(
    size: tuple[int, ...], rng: np.random.Generator, cut_share: float, cut_m: tuple[float, float],
    whole_m: tuple[float, float], sleeve_share: float,
) -> Array:  # fmt: skip
    """(*size, 3): where forearms end (m behind the wrist; a share of them is cut), where a sleeve begins (m; inf for
    none), how much wider it is."""
    cut = np.where(rng.random(size) < cut_share, rng.uniform(*cut_m, size), rng.uniform(*whole_m, size))
    begin = np.where(rng.random(size) < sleeve_share, rng.uniform(0.0, 0.15, size), np.inf)
    return np.stack([cut, begin, rng.uniform(1.1, 1.7, size)], axis=-1)
