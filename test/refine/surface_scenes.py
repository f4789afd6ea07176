"""Depth pictures of a hand's own capsules, for the tests of the surface fit."""

from __future__ import annotations

import numpy as np
from numba import njit

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import REST_ROTATIONS, empty_offsets
from hand_pose_ros.hand.rotations_numba import so3_exp, so3_log
from hand_pose_ros.refine.surface_capsules import (
    capsule_distance,
    empty_hand,
    empty_near,
    nearest_capsules,
    place_capsules,
)
from hand_pose_ros.refine.surface_model import ARM_CAPSULES, CAPSULES, END_RADII, PALM_POINTS
from hand_pose_ros.refine.surface_normal_equations import gather, sum_segments
from hand_pose_ros.refine.surface_problem import (
    MOTIONS,
    SEGMENTS,
    UNKNOWNS,
    CapsuleHand,
    CapsuleModel,
    NearCapsules,
    ResidualRows,
    SegmentSums,
    SurfaceState,
)

MODEL = CapsuleModel(
    REST_ROTATIONS["right"], skeleton.ANGLE_LIMITS, PALM_POINTS, END_RADII, CAPSULES, ARM_CAPSULES
)
FRAME = CropFrame(np.array([0.0, 0.0, 0.6]), 0.30, 96)


@njit
def least_distance(points: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Points (N, 3) m relative to the palm -> (N,) signed distance to the nearest capsule."""
    out = np.empty(len(points))
    for n in range(len(points)):
        out[n] = np.inf
        for i in range(len(table)):
            out[n] = min(out[n], capsule_distance(table, i, points[n, 0], points[n, 1], points[n, 2])[0])
    return out


def nearest(points: np.ndarray, hand: CapsuleHand, few: int) -> NearCapsules:
    """The nearest few capsules of points (N, 3) m local."""
    near = empty_near(len(points), few, len(CAPSULES))
    nearest_capsules(points, hand, near)
    return near


def equations(rows: ResidualRows, hand: CapsuleHand) -> tuple[np.ndarray, np.ndarray]:
    """The hessian (36, 36), lower triangle, and the gradient (36,) of half the energy that the rows are of."""
    sums = SegmentSums(np.empty((SEGMENTS, MOTIONS, MOTIONS)), np.empty((SEGMENTS, MOTIONS)))
    hessian, gradient = np.empty((UNKNOWNS, UNKNOWNS)), np.empty(UNKNOWNS)
    sum_segments(rows, hand, sums)
    gather(sums, hand, hessian, gradient)
    return hessian, gradient


class PlacedHand:
    """A pose's capsules, for the kernels; its translation (3,) and joints (23, 3) m."""

    def __init__(self, parameters: np.ndarray, shape: np.ndarray, thickness: float = 0.0) -> None:
        state = SurfaceState(
            so3_exp(parameters[3:6]), parameters[:3].copy(), parameters[6:].copy(), float(thickness),
            np.array(shape, dtype=np.float64),
        )  # fmt: skip
        self.capsules = empty_hand(MODEL)
        place_capsules(state, MODEL, empty_offsets(), self.capsules)
        self.translation, self.joints = self.capsules.translation, self.capsules.joints
        self.table = self.capsules.table

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 3) m -> (N,) signed distance to the flesh."""
        return least_distance(points - self.translation, self.table)

    def draw(self, frame: CropFrame = FRAME) -> np.ndarray:
        """The crop (S, S) float32 that a perfect sensor would give, by walking along each pixel's ray."""
        steps = (2 * np.arange(frame.size) + 1) / frame.size - 1
        u, v = np.meshgrid(steps, steps)
        rays = np.stack([u.ravel() * frame.half, v.ravel() * frame.half, np.full(u.size, frame.distance)], -1)
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        camera = np.array([0.0, 0.0, -frame.distance])
        way = np.full(u.size, frame.distance - 1.2 * frame.half)
        for _ in range(25):
            way += self.distance(camera + way[:, None] * rays)
        points = camera + way[:, None] * rays
        hit = (np.abs(self.distance(points)) < 1e-3) & (np.abs(points[:, 2]) < frame.half)
        return np.where(hit, points[:, 2] / frame.half, 1.0).reshape(u.shape).astype(np.float32)


def open_hand(seed: int) -> np.ndarray:
    """Parameters (26,): a hand before the camera, back or palm to it, fingers a little bent."""
    rng = np.random.default_rng(seed)
    parameters = np.zeros(26)
    parameters[:3] = rng.normal(0, 0.01, 3)
    # Fingers up, palm (or back) to the camera: the palm's x to -y of the picture, its z to z.
    base = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    base = base if seed % 2 else base @ np.diag([1.0, -1.0, -1.0])
    parameters[3:6] = so3_log(so3_exp(rng.normal(0, 0.25, 3)) @ base)
    low, high = skeleton.ANGLE_LIMITS.T
    parameters[6:] = np.clip(rng.normal(0.15, 0.2, 20), low + 0.05, high - 0.05)
    parameters[6::4] = rng.uniform(-0.1, 0.1, 5)
    return parameters
