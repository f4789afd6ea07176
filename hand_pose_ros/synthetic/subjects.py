"""Many subjects' hands packed into flat arrays, ready to be posed and rendered in compiled loops.

In: mesh families, how many subjects, a split. Out: SubjectSet; its :meth:`SubjectSet.pose` turns angles and palm
poses into joints and skinning matrices through the hand model layer's own forward kinematics.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from hand_pose_ros.hand.kinematics import HandOffsets, forward_kinematics, template_offsets
from hand_pose_ros.synthetic.identity import Identity, IdentityConfig, sample_identity
from hand_pose_ros.synthetic.mesh import load_hand_mesh
from hand_pose_ros.synthetic.random_streams import SplitStream
from hand_pose_ros.synthetic.skinning import FOREARM, add_forearm

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

# Arms as long as the mesh has them: where they end is drawn anew for every picture.
_VARIATION = IdentityConfig(forearm_length=(0.22, 0.24))


class PosedHands(NamedTuple):
    """joints (N, 23, 3) m and skinning matrices (N, 17, 3, 4): rest vertex (palm frame, m) -> posed vertex."""

    joints: Array
    skinning: Array


@dataclass(frozen=True, eq=False)
class SubjectSet:
    """P subjects. Vertices of all of them lie one after the other; faces are shared by a family.

    vertices (sum V, 3) f32 m in the rest pose's palm frame; bone_index and bone_weight (sum V, 4); along_forearm
    (sum V,) f32 m: how far a vertex lies behind the wrist; faces (sum F, 3) int32; vertex_range (P, 2); face_range
    (families, 2); family (P,); shape (P, 9) log scales nearest to each subject; rest_rotations (P, 17, 3, 3) and
    rest_positions (P, 17, 3) of the segments; offsets with leading dimension P.
    """

    vertices: Array32
    bone_index: NDArray[np.int32]
    bone_weight: Array32
    along_forearm: Array32
    faces: NDArray[np.int32]
    vertex_range: NDArray[np.int64]
    face_range: NDArray[np.int64]
    family: NDArray[np.int64]
    shape: Array
    rest_rotations: Array
    rest_positions: Array
    offsets: HandOffsets

    def __len__(self) -> int:
        return len(self.family)

    def pose(
        self,
        subject: NDArray[np.int64],
        angles: Array,
        rotation: Array,
        translation: Array,
        bends: Array | None = None,
    ) -> PosedHands:
        """Subjects (N,), angles (N, 20) rad, palm rotation (N, 3, 3) and position (N, 3) m, wrist bends (N, 2) rad."""
        offsets = HandOffsets(*(value[subject] for value in self.offsets))
        frames = forward_kinematics(
            torch.from_numpy(rotation), torch.from_numpy(translation), torch.from_numpy(angles), offsets
        )
        flexion, deviation = (0.0, 0.0) if bends is None else bends.T
        joints = frames.joints.numpy()
        positions, rotations = add_forearm(
            joints, frames.segment_positions.numpy(), frames.segment_rotations.numpy(), flexion, deviation
        )
        turn = rotations @ self.rest_rotations[subject].swapaxes(-1, -2)
        shift = positions - np.einsum("nsij,nsj->nsi", turn, self.rest_positions[subject])
        return PosedHands(joints, np.concatenate([turn, shift[..., None]], axis=-1))


@lru_cache(maxsize=4)
def load_subjects(families: tuple[str, ...], per_family: int, split: int) -> SubjectSet:
    """``per_family`` subjects of each family; a pure function of its arguments. ValueError on an unknown family."""
    identities: list[Identity] = []
    faces: list[NDArray[np.int32]] = []
    family_of: list[int] = []
    for number, name in enumerate(families):
        mesh = load_hand_mesh(name)
        rng = np.random.default_rng([split, number, SplitStream.PEOPLE])
        identities += [sample_identity(mesh, rng, _VARIATION) for _ in range(per_family)]
        faces.append(mesh.faces)
        family_of += [number] * per_family
    family = np.array(family_of)
    sizes = np.array([len(identity.vertices) for identity in identities])
    ends = np.cumsum(sizes)
    face_ends = np.cumsum([len(part) for part in faces])
    offsets = HandOffsets(
        *(
            torch.from_numpy(np.stack([np.asarray(getattr(i.offsets, part), np.float64) for i in identities]))
            for part in HandOffsets._fields
        )
    )
    return SubjectSet(
        vertices=np.concatenate([i.vertices for i in identities]).astype(np.float32),
        bone_index=np.concatenate([i.mesh.bone_index for i in identities]).astype(np.int32),
        bone_weight=np.concatenate([i.mesh.bone_weight for i in identities]).astype(np.float32),
        along_forearm=np.concatenate([_along_forearm(i) for i in identities]).astype(np.float32),
        faces=np.concatenate(faces).astype(np.int32),
        vertex_range=np.stack([ends - sizes, ends], axis=1),
        face_range=np.stack([face_ends - [len(part) for part in faces], face_ends], axis=1),
        family=family,
        shape=np.stack([nearest_shape(HandOffsets(*(v[p] for v in offsets))) for p in range(len(family))]),
        rest_rotations=np.stack([i.rest_rotations for i in identities]).astype(np.float64),
        rest_positions=np.stack([i.rest_positions for i in identities]).astype(np.float64),
        offsets=offsets,
    )


def nearest_shape(offsets: HandOffsets) -> Array:
    """A subject's constant lengths -> the nine log scales (9,) that come nearest to them.

    Each part's scale is the ratio of its summed lengths to the template's; ``hand`` is the mean of the logarithms of
    all eight, so that the parts' own scales sum to zero and the split is unique.
    """
    template = template_offsets(torch.float64)
    length = _part_lengths(offsets) / _part_lengths(template)
    logs = np.log(length)
    hand = logs.mean()
    return np.concatenate([[hand], logs - hand])


def _part_lengths(offsets: HandOffsets) -> Array:
    """(8,): palm length and width, thumb metacarpal and phalanges, the four fingers; metres."""
    wrist, bases, lengths = (np.asarray(value) for value in offsets)
    palm_length = bases[1:, 0].sum() - wrist[:, 0].sum()
    palm_width = bases[1, 1] - bases[4, 1] + wrist[0, 1] - wrist[1, 1]
    return np.array([palm_length, palm_width, lengths[0, 0], lengths[0, 1:].sum(), *lengths[1:].sum(axis=1)])


def _along_forearm(identity: Identity) -> Array:
    """(V,) m: distance of each rest vertex behind the wrist along the forearm (the negative x of its frame)."""
    return np.asarray(
        (identity.rest_positions[FOREARM] - identity.vertices) @ identity.rest_rotations[FOREARM][:, 0]
    )
