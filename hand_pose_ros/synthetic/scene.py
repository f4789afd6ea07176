"""What a camera sees: hands, a plane and solids, described alike for crops, whole pictures, sequences and test sets.

In: hands of a SubjectSet, planes, :class:`Solids`. Out: :class:`Scenes`, plain arrays of N scenes, all in one frame
(metres, x right, y down, z away from the camera): a crop's local look-at frame, or the camera's optical frame, into
which :meth:`Scenes.in_camera` moves them. ``synthetic.scene_sampling`` draws them at random, ``synthetic.draw_scene``
makes depth images of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.synthetic.skinning import FOREARM
from hand_pose_ros.synthetic.solids import ELLIPSOID, NOTHING, Solids, moved, nothing, padded, put
from hand_pose_ros.synthetic.subjects import SubjectSet

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

MIRROR: Array = np.array([-1.0, 1.0, 1.0])
"""A left hand is a right hand whose world is mirrored so."""
ELBOW_M = 0.22
"""How far behind the wrist a forearm meets the elbow, along its own axis, metres. Guessed."""
WHOLE = -np.inf
"""A ``start`` from which on nothing of a hand is left out."""


@dataclass(frozen=True, eq=False)
class SceneHands:
    """Up to H hands of each of N scenes; of those that are not present all other values mean nothing."""

    present: Flags
    """(N, H): whether there is such a hand, or the bare arm of one."""
    left: Flags
    """(N, H)."""
    subject: NDArray[np.int64]
    """(N, H) of a SubjectSet."""
    angles: Array
    """(N, H, 20) rad."""
    rotation: Array
    """(N, H, 3, 3): columns are the palm's axes, right-handed on both sides as in ``hand.kinematics``."""
    joints: Array
    """(N, H, 23, 3) m."""
    skinning: Array
    """(N, H, 17, 3, 4): rest vertex (palm frame of a right hand, m) -> vertex; those of left hands mirror."""
    elbow: Array
    """(N, H, 3) m."""
    forearm: Array
    """(N, H, 3): where the arm ends (m behind the wrist), where a sleeve begins (m), how much wider it is."""
    start: Array
    """(N, H) m behind the wrist: what lies before it is left out, which makes a bare arm of it; WHOLE for none."""

    @classmethod
    def none(cls, count: int) -> SceneHands:
        """No hand (H = 0) in each of ``count`` scenes."""
        lead = (count, 0)
        segments = skeleton.SEGMENT_COUNT + 1
        return cls(
            np.zeros(lead, bool), np.zeros(lead, bool), np.zeros(lead, np.int64),
            np.zeros((*lead, skeleton.ANGLE_COUNT)), np.zeros((*lead, 3, 3)),
            np.zeros((*lead, skeleton.JOINT_COUNT, 3)), np.zeros((*lead, segments, 3, 4)), np.zeros((*lead, 3)),
            np.zeros((*lead, 3)), np.zeros(lead),
        )  # fmt: skip

    @property
    def middle(self) -> Array:
        """(N, H, 3) m: mean joints."""
        return np.asarray(self.joints.mean(axis=2))

    def apart(self, points: Array) -> Array:
        """Points (N, 3) m -> distance (N,) m to the nearest hand's middle, inf where there is none."""
        distance = np.linalg.norm(self.middle - points[:, None], axis=-1)
        return np.asarray(np.where(self.present, distance, np.inf).min(axis=1, initial=np.inf))

    def beside(self, start: Array, end: Array) -> Array:
        """Segments from start (N, 3) to end (N, 3) m -> distance (N,) m to the nearest hand's middle.

        It is inf where there is no hand.
        """
        along = end - start
        share = np.einsum("nhi,ni->nh", self.middle - start[:, None], along) / (along**2).sum(axis=1)[:, None]
        nearest = start[:, None] + np.clip(share, 0.0, 1.0)[..., None] * along[:, None]
        distance = np.linalg.norm(self.middle - nearest, axis=-1)
        return np.asarray(np.where(self.present, distance, np.inf).min(axis=1, initial=np.inf))

    def of(self, chosen: Flags | NDArray[np.intp]) -> SceneHands:
        """The hands of the chosen scenes (M,)."""
        return SceneHands(*(getattr(self, one.name)[chosen] for one in fields(self)))

    def shifted(self, shift: Array) -> SceneHands:
        """Moved by shift (N, H, 3) m."""
        skinning = self.skinning.copy()
        skinning[..., 3] += shift[:, :, None]
        joints, elbow = self.joints + shift[:, :, None], self.elbow + shift
        return replace(self, joints=joints, elbow=elbow, skinning=skinning)

    def in_camera(self, view: Array, centres: Array) -> SceneHands:
        """From local frames into the camera's, as :meth:`Scenes.in_camera`."""
        skinning = np.einsum("nji,nhsjk->nhsik", view, self.skinning)
        skinning[..., 3] += centres[:, None, None]
        return replace(
            self,
            rotation=np.einsum("nji,nhjk->nhik", view, self.rotation),
            joints=np.einsum("nji,nhkj->nhki", view, self.joints) + centres[:, None, None],
            elbow=np.einsum("nji,nhj->nhi", view, self.elbow) + centres[:, None],
            skinning=skinning,
        )


def pose_hands(
    subjects: SubjectSet,
    subject: NDArray[np.int64],
    angles: Array,
    rotation: Array,
    translation: Array,
    bends: Array,
    forearm: Array,
    left: Flags | None = None,
) -> SceneHands:
    """Hands, all of them present, of subjects (N, H) with angles (N, H, 20) rad, palm rotation (N, H, 3, 3) and
    position (N, H, 3) m, wrist bends (N, H, 2) rad and forearms (N, H, 3) as of :class:`SceneHands`.

    left (N, H), none when None: rotation and position of a left hand are a right one's in the mirrored world.
    """
    lead = subject.shape
    left = np.zeros(lead, bool) if left is None else left
    rows = np.prod(lead, dtype=int)
    posed = subjects.pose(
        subject.reshape(rows), angles.reshape(rows, skeleton.ANGLE_COUNT), rotation.reshape(rows, 3, 3),
        translation.reshape(rows, 3), bends.reshape(rows, 2),
    )  # fmt: skip
    mirror = np.where(left[..., None], MIRROR, 1.0)
    skinning = posed.skinning.reshape(*lead, *posed.skinning.shape[1:]) * mirror[..., None, :, None]
    return SceneHands(
        present=np.ones(lead, bool),
        left=left,
        subject=subject,
        angles=angles,
        rotation=mirrored_rotation(rotation, left),
        joints=posed.joints.reshape(*lead, *posed.joints.shape[1:]) * mirror[..., None, :],
        skinning=skinning,
        elbow=elbows(subjects, subject, skinning),
        forearm=forearm,
        start=np.full(lead, WHOLE),
    )


def mirrored_rotation(rotation: Array, left: Flags) -> Array:
    """Rotations (..., 3, 3) of right palms, of the left ones (...) those of their mirror images: they keep their palm's
    x and z, y changes sign, so that the frame stays right-handed."""
    image = rotation * MIRROR[:, None] * skeleton.PALM_MIRROR
    return np.where(left[..., None, None], image, rotation)


def elbows(subjects: SubjectSet, subject: NDArray[np.int64], skinning: Array) -> Array:
    """(..., 3) m: elbows of subjects (...) with skinning matrices (..., 17, 3, 4)."""
    rest = subjects.rest_positions[subject, FOREARM] - [ELBOW_M, 0.0, 0.0]
    arm = skinning[..., FOREARM, :, :]
    return np.asarray(np.einsum("...ij,...j->...i", arm[..., :3], rest) + arm[..., 3])


@dataclass(frozen=True, eq=False)
class Scenes:
    """N scenes."""

    hands: SceneHands
    """The hands, present or not."""
    planes: Array
    """(N, 4): of a wall or a table the unit normal and the offset, m; NaN for none."""
    solids: Solids
    """(N, K): things, held things, people, all that stands around."""

    @classmethod
    def empty(cls, count: int, slots: int) -> Scenes:
        """N scenes with nothing in them, but with room for so many solids."""
        return cls(SceneHands.none(count), np.full((count, 4), np.nan), nothing(count, slots))

    def put(
        self, slot: int, chosen: Flags, centre: Array, half_axes: Array, turn: Array, kind: ArrayLike = ELLIPSOID
    ) -> None:  # fmt: skip
        """Place a solid in the chosen scenes: centre (N, 3) m, half_axes (N, 3) m, turn (N, 3, 3): rows are its axes;
        kind: a code of ``solids``, or (N,) of them."""
        self.solids.kind[chosen, slot] = np.broadcast_to(kind, len(chosen))[chosen]
        self.solids.centre[chosen, slot] = centre[chosen]
        self.solids.axes[chosen, slot] = (turn / half_axes[:, :, None])[chosen]

    def hold(self, chosen: NDArray[np.intp] | slice, things: Solids, first: int) -> None:
        """Put things (M, K) into the hands of the chosen scenes (M,), into the slots from ``first`` on instead of what
        is there; a wall or a table that would pass through them moves behind them."""
        put(self.solids, chosen, things, first)
        reach = farthest(things, self.planes[chosen, :3])
        self.planes[chosen, 3] = np.maximum(self.planes[chosen, 3], reach + 0.001)

    def in_camera(self, view: Array, centres: Array, distance: Array) -> Scenes:
        """From local look-at frames into the camera's: view (N, 3, 3) camera -> local; centres (N, 3) m of the local
        frames, ``distance`` (N,) m from the camera."""
        planes = self.planes.copy()
        planes[:, :3] = np.einsum("nji,nj->ni", view, self.planes[:, :3])
        planes[:, 3] += self.planes[:, 2] * distance
        back = view.swapaxes(1, 2)
        solids = moved(self.solids, back, back[:, :, 2] * distance[:, None])
        return Scenes(self.hands.in_camera(view, centres), planes, solids)


def farthest(things: Solids, normal: Array) -> Array:
    """(M,): how far things (M, K) reach at most along the unit normals (M, 3), m; -inf where there is none."""
    length = np.maximum(np.linalg.norm(things.axes, axis=-1, keepdims=True), 1e-9)
    half_axes = things.axes / length**2
    reach = np.abs(np.einsum("mkai,mi->mka", half_axes, normal)).sum(axis=-1)
    along = np.einsum("mki,mi->mk", things.centre, normal) + reach
    return np.asarray(np.where(things.kind == NOTHING, -np.inf, along).max(axis=1))


def join(parts: Sequence[Scenes]) -> Scenes:
    """Scenes with equally many hands, one list after the other; where one has fewer solids, nothing fills it up."""
    most = max(part.solids.kind.shape[1] for part in parts)
    hands = SceneHands(
        *(np.concatenate([getattr(part.hands, one.name) for part in parts]) for one in fields(SceneHands))
    )
    solids = Solids(*map(np.concatenate, zip(*(padded(part.solids, most) for part in parts), strict=True)))
    return Scenes(hands, np.concatenate([part.planes for part in parts]), solids)
