"""Thousands of grasps, made once from seeds: hands of a SubjectSet that hold things, tested against their meshes.

In: a SubjectSet, a split, how many. Out: :class:`GraspLibrary`: of each grasp the kind, the subject that it was closed
for, angles (rad) and the thing's solids in the palm frame of a right hand (m).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.synthetic.grasp_measures import count_seen, measure_depth, measure_links
from hand_pose_ros.synthetic.grasp_plans import GRASP_SOLIDS, GraspPlans
from hand_pose_ros.synthetic.grasp_things import KINDS
from hand_pose_ros.synthetic.grasps import FINGER_TOUCH_M, THUMB_TRIALS, HandLinks, close_grasps
from hand_pose_ros.synthetic.poses import self_intersects
from hand_pose_ros.synthetic.random_streams import SplitStream
from hand_pose_ros.synthetic.solids import Solids, nothing, take
from hand_pose_ros.synthetic.subjects import SubjectSet, load_subjects

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

KIND_NAMES: tuple[str, ...] = tuple(KINDS)
_DEEPEST_M = 0.004
"""How deep the rendered mesh may stand in the thing: flesh gives way. Guessed."""
_LIBRARY_SIZE = 3000
"""Grasps of a library. Guessed: each is seen from ever new sides; making them takes some seconds."""
_SEEN_JOINTS = 8
"""A hand of which fewer joints are seen beside the thing is turned round. Guessed: a third of the hand."""


@dataclass(frozen=True, eq=False)
class GraspLibrary:
    """G grasps. kind (G,) index into ``KIND_NAMES``; subject (G,) of the SubjectSet; angles (G, 20) rad; solids
    (G, GRASP_SOLIDS), palm frame, m; mirror (G, 6): point and normal of the plane across which the other hand holds the
    thing, NaN for none; gap (G, 5) m between each finger's links and the thing; depth (G,) m: how deep the mesh stands
    in it."""

    kind: NDArray[np.int64]
    subject: NDArray[np.int64]
    angles: Array
    solids: Solids
    mirror: Array
    gap: Array
    depth: Array

    def __len__(self) -> int:
        return len(self.kind)

    def pose(
        self, held: HeldThings, subjects: SubjectSet, subject: NDArray[np.int64], angles: Array, rotation: Array,
        bends: Array,
    ) -> None:  # fmt: skip
        """Give the hands that hold something their grasp's subject (N,) and angles (N, 20) rad, in place. The rotation
        (N, 3, 3) of a hand that its own thing would hide changes, and no wrist (N, 2) bends so that the forearm would
        pass through the thing."""
        hand, grasp = held
        subject[hand], angles[hand] = self.subject[grasp], self.angles[grasp]
        own = np.broadcast_to(np.eye(3), (len(hand), 3, 3)).copy()
        joints = subjects.pose(subject[hand], angles[hand], own, np.zeros((len(hand), 3))).joints
        rotation[hand] = self.towards_viewer(grasp, rotation[hand], joints)
        bends[hand, 0] = -np.abs(bends[hand, 0])

    def towards_viewer(self, grasp: NDArray[np.int64], rotation: Array, joints: Array) -> Array:
        """Palm rotations (M, 3, 3) in look-at views, where a hand that its own thing hides (a tray before a palm) is
        turned about the axis of its fingers; joints (M, 23, 3) m of the hands in their palm frames."""
        kind, centre, axes = take(self.solids, grasp)
        half = 1.0 / np.linalg.norm(axes, axis=-1)
        seen = np.zeros(len(grasp), np.int64)
        count_seen(joints, -rotation[:, 2], kind, centre, axes * half[..., None], half, seen)
        hidden = seen < _SEEN_JOINTS
        turned = rotation.copy()
        turned[hidden] = rotation[hidden] * np.array([1.0, -1.0, -1.0])
        return turned


class HeldThings(NamedTuple):
    """Which of N hands hold something: hand (M,) indices of them, grasp (M,) indices into the library."""

    hand: NDArray[np.intp]
    grasp: NDArray[np.int64]


NONE_HELD = HeldThings(np.empty(0, np.intp), np.empty(0, np.int64))
"""Where no hand holds anything."""


def sample_held(library: GraspLibrary, share: float, count: int, rng: np.random.Generator) -> HeldThings:
    """A ``share`` of ``count`` hands, each with any grasp of the library."""
    hand = np.flatnonzero(rng.random(count) < share)
    return HeldThings(hand, rng.integers(len(library), size=count)[hand])


@lru_cache(maxsize=4)
def load_grasps(
    families: tuple[str, ...], per_family: int, split: int, count: int = _LIBRARY_SIZE
) -> GraspLibrary:
    """``count`` grasps of the subjects that ``load_subjects`` gives for these arguments; the same for the same ones."""
    return make_grasps(load_subjects(families, per_family, split), split, count)


def make_grasps(subjects: SubjectSet, split: int, count: int) -> GraspLibrary:
    """``count`` grasps; each kind of ``KINDS`` has its share to one grasp. A pure function of the arguments."""
    links = measure_links(subjects)
    shares = np.array([share for share, _ in KINDS.values()])
    ends = np.round(np.cumsum(shares) / shares.sum() * count).astype(int)
    parts = [
        _make_kind(
            subjects,
            links,
            number,
            int(wanted),
            np.random.default_rng([split, SplitStream.GRASP_LIBRARY, number]),
        )
        for number, wanted in enumerate(np.diff(ends, prepend=0))
    ]
    return _joined(parts, count)


def _joined(parts: list[GraspLibrary], count: int) -> GraspLibrary:
    """The first ``count`` grasps of all of them, one after the other."""

    def along(values: Sequence[Any]) -> Any:
        return np.concatenate(values)[:count]

    return GraspLibrary(
        along([part.kind for part in parts]),
        along([part.subject for part in parts]),
        along([part.angles for part in parts]),
        Solids(*(along(values) for values in zip(*(part.solids for part in parts), strict=True))),
        along([part.mirror for part in parts]),
        along([part.gap for part in parts]),
        along([part.depth for part in parts]),
    )


def _make_kind(
    subjects: SubjectSet, links: HandLinks, kind: int, wanted: int, rng: np.random.Generator
) -> GraspLibrary:
    """Proposals of one kind until there are as many good ones as ``wanted``; RuntimeError where none ever is."""
    _, maker = list(KINDS.values())[kind]
    kept: list[GraspLibrary] = []
    found = rounds = 0
    while found < wanted:
        proposed = int(1.25 * (wanted - found)) + 4
        subject = rng.integers(len(subjects), size=proposed)
        own = HandLinks(*(part[subject] for part in links))
        closed = _close(maker(own, rng), own, subjects, subject, kind, rng)
        kept.append(closed)
        found += len(closed)
        rounds += 1
        if rounds > 200:
            raise RuntimeError(f"grasps: of kind {KIND_NAMES[kind]} only {found} of {wanted} can be made")
    return _joined(kept, wanted) if kept else _nothing()


def _nothing() -> GraspLibrary:
    none = np.empty(0, np.int64)
    return GraspLibrary(
        none,
        none,
        np.empty((0, skeleton.ANGLE_COUNT)),
        nothing(0, GRASP_SOLIDS),
        np.empty((0, 6)),
        np.empty((0, 5)),
        np.empty(0),
    )


def _close(
    plans: GraspPlans, links: HandLinks, subjects: SubjectSet, subject: NDArray[np.int64], kind: int,
    rng: np.random.Generator,
) -> GraspLibrary:  # fmt: skip
    """Close the hands and keep what is a grasp: fingers where they should be, nothing inside anything else."""
    count = len(subject)
    low, high = skeleton.ANGLE_LIMITS[skeleton.FINGER_ANGLE_TABLE[0]].T
    before = np.concatenate(
        [
            rng.uniform(low[0], high[0], (count, THUMB_TRIALS, 1)),
            np.minimum(rng.uniform(-0.7, 0.2, (count, THUMB_TRIALS, 1)), plans.stop[:, None, 0, :1]),
            rng.uniform(-0.15, 0.15, (count, THUMB_TRIALS, 1)), rng.uniform(-0.2, 0.1, (count, THUMB_TRIALS, 1)),
            rng.uniform([0.4, 0.0, 0.0], [1.0, 0.8, 1.0], (count, THUMB_TRIALS, 3)),
        ],
        axis=-1,
    )  # fmt: skip
    # Every second trial stays near the abduction that is preferred.
    near = plans.preferred[:, None] + rng.normal(0.0, 0.12, (count, THUMB_TRIALS // 2))
    before[:, ::2, 0] = near.clip(low[0], high[0])
    half = 1.0 / np.linalg.norm(plans.solids.axes, axis=-1)
    turn = plans.solids.axes * half[..., None]
    angles = np.zeros((count, skeleton.ANGLE_COUNT))
    shift, gap = np.zeros((count, 3)), np.zeros((count, len(skeleton.FINGERS)))
    close_grasps(
        links.bases, links.lengths, links.radii, links.palm, plans.solids.kind, plans.solids.centre.copy(),
        np.ascontiguousarray(turn), half, plans.way, plans.room, plans.start, plans.rate, plans.stop, before,
        plans.preferred, angles, shift, gap,
    )  # fmt: skip
    good = ((gap[:, 1:] < FINGER_TOUCH_M).sum(axis=1) >= plans.fingers) & (gap < 100.0).all(axis=1)
    good &= ~plans.thumb | (gap[:, 0] < FINGER_TOUCH_M)
    good &= ((angles >= skeleton.ANGLE_LIMITS[:, 0]) & (angles <= skeleton.ANGLE_LIMITS[:, 1])).all(axis=1)
    good &= ~self_intersects(angles)
    centre = plans.solids.centre + shift[:, None]
    chosen = np.flatnonzero(good)
    identity = np.broadcast_to(np.eye(3), (len(chosen), 3, 3)).copy()
    posed = subjects.pose(subject[chosen], angles[chosen], identity, np.zeros((len(chosen), 3)))
    depth, inside = np.zeros(len(chosen)), np.zeros(len(chosen))
    measure_depth(
        subjects.vertices, subjects.bone_index, subjects.bone_weight, subjects.along_forearm,
        subjects.vertex_range[subject[chosen]], posed.skinning.astype(np.float32), posed.joints,
        plans.solids.kind[chosen], centre[chosen], np.ascontiguousarray(turn[chosen]), half[chosen], depth, inside,
    )  # fmt: skip
    fits = (depth < _DEEPEST_M) & (inside <= 0.0)
    chosen, depth = chosen[fits], depth[fits]
    mirror = plans.mirror[chosen].copy()
    mirror[:, :3] += shift[chosen]
    solids = Solids(plans.solids.kind[chosen], centre[chosen], plans.solids.axes[chosen])
    return GraspLibrary(
        np.full(len(chosen), kind), subject[chosen], angles[chosen], solids, mirror, gap[chosen], depth
    )
