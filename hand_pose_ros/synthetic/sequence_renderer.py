"""A synthetic scene over time, whole depth images with the truth: a person with none, one or two hands in a room.

In: a :class:`SequenceConfig`, a Camera, a time. Out: :class:`SequenceFrame`, depth (H, W) float32 m as a sensor
delivers it (NaN = no reading) and of every hand in the image the joints (23, 3) m in the camera's optical frame,
angles, rotation, shape and how much of it is seen. Every frame is a pure function of configuration, camera and time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.synthetic.environment import Body, Environment
from hand_pose_ros.synthetic.hand_trajectory import MIRROR, HandTrajectory, TrajectoryConfig, held_centre
from hand_pose_ros.synthetic.mesh import MESH_NAMES
from hand_pose_ros.synthetic.motion import FOREARM_M, KeyPose, hash_time
from hand_pose_ros.synthetic.render import HAND_ENDS_M, draw_plane, dress_forearm, rasterize
from hand_pose_ros.synthetic.sensor import sensor_kernel
from hand_pose_ros.synthetic.sequence_config import SequenceConfig
from hand_pose_ros.synthetic.skinning import FOREARM, skin_vertices
from hand_pose_ros.synthetic.solids import (
    BOX,
    CYLINDER,
    ELLIPSOID,
    NO_SOLIDS,
    Solids,
    draw_solids,
    gather,
    moved,
    solid,
)
from hand_pose_ros.synthetic.splits import SEQUENCE_SPLIT
from hand_pose_ros.synthetic.stereo_matching import stereo_kernel
from hand_pose_ros.synthetic.subjects import load_subjects

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

_SUBJECTS_A_FAMILY = 8
_OCCLUDER_SWEEP_M = 0.32


@dataclass(frozen=True, eq=False)
class HandTruth:
    """One hand in the image. joints (23, 3) m and rotation (3, 3) of the palm (as the hand model layer of this side has
    it) in the camera's optical frame; angles (20,) rad; shape (9,) log scales nearest to the person's; visible: share
    of the hand's pixels that nothing hides; in_view: share of the joints that lie within the image."""

    side: str
    joints: Array
    angles: Array
    rotation: Array
    shape: Array
    visible: float
    in_view: float


@dataclass(frozen=True, eq=False)
class SequenceFrame:
    """depth (H, W) float32 m, NaN = no reading; the hands of which at least a pixel would be in the image."""

    depth: NDArray[np.float32]
    hands: tuple[HandTruth, ...] = field(default=())


class SequenceRenderer:
    """``SequenceRenderer(config, camera).frame(t)``.

    ValueError for a camera with distortion: the renderer is a pinhole.
    """

    def __init__(self, config: SequenceConfig, camera: Camera) -> None:
        if camera.distortion_model != "none":
            raise ValueError(
                f"the renderer's camera is a pinhole, it has no '{camera.distortion_model}' distortion"
            )
        self.config, self.camera = config, camera
        rng = np.random.default_rng([21, config.seed])
        families = (config.family,) if config.family else MESH_NAMES
        self._subjects = load_subjects(families, _SUBJECTS_A_FAMILY, SEQUENCE_SPLIT)
        self._subject = int(rng.integers(len(self._subjects)))
        self._sleeve = np.array([FOREARM_M, rng.uniform(0.02, 0.18), rng.uniform(1.1, 1.5)])
        held = rng.uniform(0.018, 0.038) if config.held else 0.0
        plan = TrajectoryConfig(
            config.distance_m, len(config.hands) == 2, config.crossing, config.tempo, held
        )
        self._held_m = held
        self._trajectories = {side: HandTrajectory(config.seed, side, camera, plan) for side in config.hands}
        # Hands are shown over a table, not under it: it begins behind them.
        edge = config.distance_m[1] + 0.05 if config.hands else 0.2
        self._environment = Environment(
            config.seed, config.environment, config.distractors, config.distance_m[1], edge
        )
        self._body = Body(config.seed, config.distance_m) if config.body and config.hands else None
        subjects, subject = self._subjects, self._subject
        vertices = slice(*subjects.vertex_range[subject])
        along = subjects.along_forearm[vertices]
        self._mesh = (
            subjects.vertices[vertices],
            subjects.bone_index[vertices],
            subjects.bone_weight[vertices],
            along,
        )
        faces = subjects.faces[slice(*subjects.face_range[subjects.family[subject]])]
        is_arm = (along[faces] > HAND_ENDS_M).any(axis=1)
        self._hand_faces, self._arm_faces = faces[~is_arm], faces[is_arm]

    def truth(self, t: float) -> dict[str, Array]:
        """Joints (23, 3) m by side of the hands that are there at time t, in the image or not, without rendering."""
        return {side: self._joints(side, pose) for side, pose in self._poses(t).items()}

    def frame(self, t: float) -> SequenceFrame:
        """The scene at time t, seconds."""
        camera, config = self.camera, self.config
        lens = (camera.fx, camera.fy, camera.cx, camera.cy)
        clean = np.full((camera.height, camera.width), np.inf, np.float32)
        action = t if config.still_at is None else config.still_at
        if not np.isnan(self._environment.wall[3]):
            draw_plane(self._environment.wall[:3], self._environment.wall[3], *lens, clean)
        drawn = []
        elbows: dict[str, Array] = {}
        things = [self._environment.solids(action)]
        for side, pose in self._poses(t).items():
            mirror = np.diag(MIRROR) if side == "left" else np.eye(3)
            posed = self._subjects.pose(
                np.array([self._subject]), pose.angles[None], pose.rotation[None], pose.place[None], pose.bend[None],
            )  # fmt: skip
            skinning = mirror @ posed.skinning[0]
            alone = np.full_like(clean, np.inf)
            vertices, bone_index, bone_weight, along = self._mesh
            _draw_hand(
                vertices, bone_index, bone_weight, along, self._hand_faces, self._arm_faces,
                skinning.astype(np.float32), self._sleeve, *lens, alone, clean,
            )  # fmt: skip
            drawn.append((side, pose, posed.joints[0] @ mirror, alone))
            wrist = self._subjects.rest_positions[self._subject, FOREARM] - [FOREARM_M - 0.02, 0.0, 0.0]
            elbows[side] = skinning[FOREARM, :, :3] @ wrist + skinning[FOREARM, :, 3]
            if config.held:
                things.append(self._held(pose, mirror))
            things.append(self._occluders(t, posed.joints[0].mean(axis=0) @ mirror))
        if self._body is not None:
            things.append(self._body.solids(action, elbows))
        draw_solids(*gather(*things), *lens, clean)
        hands = []
        for side, pose, joints, alone in drawn:
            visible, whole = _count_visible(alone, clean)
            if whole > 0:
                hands.append(self._hand_truth(side, pose, joints, visible / whole))
        depth, seed = np.empty_like(clean), hash_time(config.seed, t)
        if config.stereo is None:
            sensor_kernel(clean, config.noise.as_array(), seed, camera.fx, depth)
        else:
            stereo_kernel(clean, config.stereo.as_array(), seed, camera.fx, 0.0, depth)
        return SequenceFrame(depth, tuple(hands))

    def _poses(self, t: float) -> dict[str, KeyPose]:
        """By side, the poses of the hands that are there, right hands in the mirrored world for left ones."""
        config, poses = self.config, {}
        for side, trajectory in self._trajectories.items():
            share = trajectory.come_in(t, config.presence, config.leaving)
            if share <= 0.0:
                continue
            pose = trajectory.pose(t if config.still_at is None else config.still_at)
            pose = trajectory.shifted(pose, share, config.leaving)
            if config.tremor:
                shift, turn = trajectory.tremor(t)
                rotation = Rotation.from_rotvec(turn).as_matrix() @ pose.rotation
                pose = pose._replace(place=pose.place + shift, rotation=rotation)
            poses[side] = pose
        return poses

    def _joints(self, side: str, pose: KeyPose) -> Array:
        subject = np.array([self._subject])
        joints = self._subjects.pose(
            subject, pose.angles[None], pose.rotation[None], pose.place[None]
        ).joints[0]
        return joints * MIRROR if side == "left" else joints

    def _hand_truth(self, side: str, pose: KeyPose, joints: Array, visible: float) -> HandTruth:
        u, v = self.camera.project(joints).T
        inside = (u > -0.5) & (u < self.camera.width - 0.5) & (v > -0.5) & (v < self.camera.height - 0.5)
        rotation = pose.rotation
        if side == "left":
            # A mirrored hand keeps its palm's x and z axes; y changes sign, so that the frame stays right-handed.
            rotation = np.diag(MIRROR) @ rotation * np.array([1.0, -1.0, 1.0])
        return HandTruth(
            side,
            joints,
            pose.angles,
            rotation,
            self._subjects.shape[self._subject],
            visible,
            float(inside.mean()),
        )

    def _held(self, pose: KeyPose, mirror: Array) -> Solids:
        """The object between palm and fingers."""
        radius = self._held_m
        kind = {"ball": ELLIPSOID, "box": BOX, "cylinder": CYLINDER}[self.config.held]
        # A cylinder lies along the knuckles; a box reaches farther at its corners than the ball.
        half = {ELLIPSOID: [radius] * 3, BOX: [0.7 * radius] * 3, CYLINDER: [radius, radius, 0.08]}[kind]
        along_y = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
        thing = solid(kind, held_centre(radius), half, along_y)
        return moved(thing, mirror @ pose.rotation, mirror @ pose.place)

    def _occluders(self, t: float, centre: Array) -> Solids:
        """What passes before a hand whose middle is at centre (3,) m: across it, 10 cm nearer, within an interval."""
        things = NO_SOLIDS
        for number, (start, stop) in enumerate(self.config.occlusions):
            if start <= t < stop:
                rng = np.random.default_rng([22, self.config.seed, number])
                half = np.array([rng.uniform(0.03, 0.08), rng.uniform(0.05, 0.14), rng.uniform(0.005, 0.03)])
                way = _OCCLUDER_SWEEP_M * (2 * (t - start) / (stop - start) - 1) * rng.choice([-1.0, 1.0])
                place = (centre + np.array([way, 0.02, 0.0])) * (1 - 0.10 / np.linalg.norm(centre))
                things = gather(things, solid(rng.integers(3), place, half))
        return things


# Not cached on disk: numba would not notice a change in the functions of other files that are compiled into it.
@njit(nogil=True)
def _draw_hand(
    vertices: Array32, bone_index: NDArray[np.int32], bone_weight: Array32, along: Array32,
    hand_faces: NDArray[np.int32], arm_faces: NDArray[np.int32], skinning: Array32, sleeve: Array, fx: float,
    fy: float, cx: float, cy: float, alone: Array32, clean: Array32,
) -> None:  # fmt: skip
    """Draw the hand into alone (H, W), hand and forearm into clean (H, W); sleeve (3,) as of ``dress_forearm``."""
    posed = np.empty(vertices.shape, np.float32)
    skin_vertices(vertices, bone_index, bone_weight, skinning, posed)
    dress_forearm(vertices, along, skinning[FOREARM], sleeve, posed)
    rasterize(posed, hand_faces, fx, fy, cx, cy, alone)
    for row in range(clean.shape[0]):
        for column in range(clean.shape[1]):
            if alone[row, column] < clean[row, column]:
                clean[row, column] = alone[row, column]
    rasterize(posed, arm_faces, fx, fy, cx, cy, clean)


@njit(nogil=True, cache=True)
def _count_visible(alone: Array32, clean: Array32) -> tuple[int, int]:
    """Pixels of the hand that nothing hides, and all of them."""
    visible, whole = 0, 0
    for row in range(clean.shape[0]):
        for column in range(clean.shape[1]):
            if alone[row, column] < np.inf:
                whole += 1
                if alone[row, column] <= clean[row, column]:
                    visible += 1
    return visible, whole
