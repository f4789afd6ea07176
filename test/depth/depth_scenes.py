"""Depth images of simple bodies, rendered exactly: balls, planes, and hands with forearms made of balls."""

from __future__ import annotations

import numpy as np

from hand_pose_ros.depth.camera import Camera

Ball = tuple[np.ndarray, float]


def chain(start: np.ndarray, end: np.ndarray, radius: float, end_radius: float | None = None) -> list[Ball]:
    """Balls from start to end, a third of the radius apart."""
    end_radius = radius if end_radius is None else end_radius
    count = max(2, int(3 * np.linalg.norm(end - start) / min(radius, end_radius)))
    return [(start + t * (end - start), radius + t * (end_radius - radius)) for t in np.linspace(0, 1, count)]


def hand(
    palm: np.ndarray, rotation: np.ndarray, fingers: str = "open", forearm_m: float = 0.25, tilt: float = 0.0
) -> list[Ball]:
    """A hand facing the camera with its forearm. palm (3,) m; rotation (3,3): fingers along its first column, back
    of the hand along its third. fingers: open or fist; tilt: the forearm's angle away from the camera, rad."""
    balls: list[tuple[np.ndarray, float]] = []
    for y in np.linspace(-0.030, 0.030, 5):
        balls += chain(np.array([-0.045, 0.75 * y, 0.0]), np.array([0.040, y, 0.0]), 0.014)
    if fingers == "open":
        for y, length, spread in (
            (0.032, 0.072, 0.25),
            (0.011, 0.080, 0.06),
            (-0.011, 0.074, -0.1),
            (-0.032, 0.060, -0.3),
        ):
            direction = np.array([np.cos(spread), np.sin(spread), 0.0])
            base = np.array([0.045, y, 0.0])
            balls += chain(base, base + length * direction, 0.009, 0.007)
        balls += chain(np.array([-0.025, 0.035, 0.0]), np.array([0.035, 0.085, 0.0]), 0.012, 0.009)
    else:
        for y in np.linspace(-0.030, 0.030, 4):
            balls += chain(np.array([0.045, y, -0.01]), np.array([0.0, y, -0.03]), 0.010)
    if forearm_m > 0:
        along = np.array([-np.cos(tilt), 0.0, -np.sin(tilt)])
        wrist = np.array([-0.055, 0.0, 0.0])
        balls += chain(wrist, wrist + forearm_m * along, 0.027, 0.040)
    return [(palm + rotation @ centre, radius) for centre, radius in balls]


def facing(angle: float) -> np.ndarray:
    """Palm to the camera, fingers turned by angle in the image (0: to the right, -pi/2: up). (3,3)."""
    x = np.array([np.cos(angle), np.sin(angle), 0.0])
    z = np.array([0.0, 0.0, 1.0])
    return np.stack([x, np.cross(z, x), z], axis=1)


def render(
    camera: Camera, balls: list[Ball] | None = None, planes: list[tuple[np.ndarray, float]] | None = None
) -> np.ndarray:
    """Depth (H,W) float32 m, NaN = nothing, of balls (centre, radius) and planes (normal, normal . point)."""
    v, u = np.mgrid[0 : camera.height, 0 : camera.width].astype(float)
    rays = camera.back_project(np.stack([u, v], -1), 1.0)
    depth = np.full(rays.shape[:2], np.inf)
    for normal, offset in planes or []:
        with np.errstate(divide="ignore"):
            z = offset / (rays @ normal)
        depth = np.where((z > 0) & (z < depth), z, depth)
    a = (rays**2).sum(-1)
    for centre, radius in balls or []:
        uv = camera.project(centre)
        if not np.isfinite(uv).all():
            continue
        # Only the ball's own window, with room for its perspective stretch.
        r = 2.0 * radius * max(camera.fx, camera.fy) / max(centre[2] - radius, 0.05) + 2
        rows = slice(max(int(uv[1] - r), 0), max(int(uv[1] + r) + 1, 0))
        columns = slice(max(int(uv[0] - r), 0), max(int(uv[0] + r) + 1, 0))
        part, b = a[rows, columns], rays[rows, columns] @ centre
        root = b**2 - part * (centre @ centre - radius**2)
        z = np.where(root > 0, (b - np.sqrt(np.maximum(root, 0))) / part, np.inf)
        depth[rows, columns] = np.minimum(depth[rows, columns], z)
    return np.where(np.isfinite(depth), depth, np.nan).astype(np.float32)


def spoil(depth: np.ndarray, seed: int, sigma_m: float = 0.002, missing: float = 0.03) -> np.ndarray:
    """What a sensor does: axial noise, single missing pixels, and flying pixels at depth edges."""
    rng = np.random.default_rng(seed)
    out = depth + rng.normal(0.0, sigma_m, depth.shape).astype(np.float32)
    filled = np.where(np.isnan(depth), 4.0, depth)
    near = np.minimum(filled, np.minimum(np.roll(filled, 1, 0), np.roll(filled, 1, 1)))
    far = np.maximum(filled, np.maximum(np.roll(filled, 1, 0), np.roll(filled, 1, 1)))
    fly = (far - near > 0.02) & (rng.random(depth.shape) < 0.3)
    mixed = near + rng.random(depth.shape) * np.minimum(far - near, 0.3)
    out = np.where(fly, mixed, out)
    out[rng.random(depth.shape) < missing] = np.nan
    return out.astype(np.float32)
