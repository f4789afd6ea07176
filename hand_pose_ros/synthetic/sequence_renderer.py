"""A synthetic scene over time, whole depth images with the truth: a person with none, one or two hands in a room.

In: a :class:`SequenceConfig`, a Camera, a time. Out: :class:`SequenceFrame`, depth (H, W) float32 m as a sensor
delivers it (NaN = no reading) and of every hand in the image the joints (23, 3) m in the camera's optical frame,
angles, rotation, shape and how much of it is seen. Every frame is a pure function of configuration, camera and time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.synthetic.draw_scene import draw_picture, require_pinhole
from hand_pose_ros.synthetic.environment import Body, Environment
from hand_pose_ros.synthetic.hand_trajectory import HandTrajectory, TrajectoryConfig, held_centre
from hand_pose_ros.synthetic.mesh import MESH_NAMES
from hand_pose_ros.synthetic.motion import FOREARM_M, KeyPose, hash_time, pose_keys
from hand_pose_ros.synthetic.random_streams import SeedStream
from hand_pose_ros.synthetic.scene import MIRROR, SceneHands, Scenes
from hand_pose_ros.synthetic.sensor import sensor_kernel
from hand_pose_ros.synthetic.sequence_config import SequenceConfig
from hand_pose_ros.synthetic.solids import (
    BOX,
    CYLINDER,
    ELLIPSOID,
    NO_SOLIDS,
    Solids,
    gather,
    moved,
    solid,
    take,
)
from hand_pose_ros.synthetic.splits import SEQUENCE_SPLIT
from hand_pose_ros.synthetic.stereo_matching import stereo_kernel
from hand_pose_ros.synthetic.subjects import load_subjects

Array = NDArray[np.float64]

# Guessed, both: people of a mesh family, and how far to each side something passes before the hand.
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
        require_pinhole(camera)
        self.config, self.camera = config, camera
        rng = np.random.default_rng([SeedStream.SEQUENCE_PEOPLE, config.seed])
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

    def truth(self, t: float) -> dict[str, Array]:
        """Joints (23, 3) m by side of the hands that are there at time t, in the image or not, without rendering."""
        hands = self._hands(self._poses(t))
        return {SIDES[int(left)]: joints for left, joints in zip(hands.left[0], hands.joints[0], strict=True)}

    def frame(self, t: float) -> SequenceFrame:
        """What the sensor sees at time t, seconds."""
        camera, config, scenes = self.camera, self.config, self.scenes(t)
        clean, _, seen = draw_picture(self._subjects, scenes, camera)
        hands = tuple(
            self._hand_truth(scenes.hands, h, float(visible / whole))
            for h, (visible, whole) in enumerate(seen)
            if whole > 0
        )
        depth, seed = np.empty_like(clean), hash_time(config.seed, t)
        if config.stereo is None:
            sensor_kernel(clean, config.noise.as_array(), seed, camera.fx, depth)
        else:
            stereo_kernel(clean, config.stereo.as_array(), seed, camera.fx, 0.0, depth)
        return SequenceFrame(depth, hands)

    def scenes(self, t: float) -> Scenes:
        """The one scene at time t, seconds."""
        config, poses = self.config, self._poses(t)
        hands = self._hands(poses)
        action = t if config.still_at is None else config.still_at
        things = [self._environment.solids(action)]
        for h, (side, pose) in enumerate(poses.items()):
            if config.held:
                things.append(self._held(pose, np.diag(MIRROR) if side == "left" else np.eye(3)))
            things.append(self._occluders(t, hands.middle[0, h]))
        if self._body is not None:
            things.append(self._body.solids(action, dict(zip(poses, hands.elbow[0], strict=True))))
        return Scenes(hands, self._environment.wall[None], take(gather(*things), None))

    def _hands(self, poses: Mapping[str, KeyPose]) -> SceneHands:
        return pose_keys(self._subjects, self._subject, poses, self._sleeve)

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

    def _hand_truth(self, hands: SceneHands, h: int, visible: float) -> HandTruth:
        joints, camera = hands.joints[0, h], self.camera
        u, v = camera.project(joints).T
        inside = (u > -0.5) & (u < camera.width - 0.5) & (v > -0.5) & (v < camera.height - 0.5)
        return HandTruth(
            SIDES[int(hands.left[0, h])], joints, hands.angles[0, h], hands.rotation[0, h],
            self._subjects.shape[self._subject], visible, float(inside.mean()),
        )  # fmt: skip

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
                rng = np.random.default_rng([SeedStream.OCCLUDERS, self.config.seed, number])
                half = np.array([rng.uniform(0.03, 0.08), rng.uniform(0.05, 0.14), rng.uniform(0.005, 0.03)])
                way = _OCCLUDER_SWEEP_M * (2 * (t - start) / (stop - start) - 1) * rng.choice([-1.0, 1.0])
                place = (centre + np.array([way, 0.02, 0.0])) * (1 - 0.10 / np.linalg.norm(centre))
                things = gather(things, solid(rng.integers(3), place, half))
        return things
