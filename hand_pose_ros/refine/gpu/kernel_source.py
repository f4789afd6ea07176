"""The refinement's kernels for a GPU as one text: tables and a configuration, then the files beside this.

In: a :class:`RefineConfig` and the size of the crops. Out: CUDA C++, and the layout of what goes in and out. The tables
are those that the kernels for the CPU use, so no number stands in two places. Needs no GPU and no torch.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.gpu.tables import hand_model_source, number, table
from hand_pose_ros.hand.levenberg_marquardt import (
    DAMPING_DECREASE,
    DAMPING_INCREASE,
    DIAGONAL_FLOOR,
    FIRST_DAMPING,
)
from hand_pose_ros.refine import surface_fit, surface_normal_equations, surface_solver, surface_terms
from hand_pose_ros.refine.refiner import RefineConfig
from hand_pose_ros.refine.regressor import LAYERS, RegressorConfig, candidate_offsets, tree_tables
from hand_pose_ros.refine.surface_model import ARM_CAPSULES, CAPSULES, END_RADII, PALM_POINTS
from hand_pose_ros.refine.surface_observation import ring_steps
from hand_pose_ros.refine.surface_problem import FIRST_SCALE, SEGMENTS, THICKNESS, UNKNOWNS

THREADS = 512
"""Of a block: as many as a layer's joints have candidates, and as the surface fit has residuals."""
PROBLEMS = 4
"""Fits of one hand, side by side: the known shape and a free one, from the network's angles and the last frame's."""
FILES: tuple[str, ...] = (
    "layout.cu", "regression.cu", "surface_capsules.cu", "surface_terms.cu", "surface_solver.cu",
)  # fmt: skip
"""In the order in which they are joined."""

_POSE = (("rotation", (3, 3)), ("translation", (3,)), ("angles", (skeleton.ANGLE_COUNT,)))
_SHAPE = (skeleton.SHAPE_COUNT,)
_JOINTS = (skeleton.JOINT_COUNT, 3)

# What a column is made of: nothing, as it is a motion of the palm's own; an axis; growth about a joint, or its undoing.
_FIXED, _TURN, _GROWTH, _SHRINKING = range(4)


def _layout(*fields: tuple[str, tuple[int, ...]]) -> np.dtype:
    return np.dtype([(name, np.float64, shape) for name, shape in fields])


INPUT = _layout(
    ("joints", _JOINTS), ("sigma", (skeleton.JOINT_COUNT,)), ("parameters", (skeleton.PARAMETER_COUNT,)),
    ("network_shape", _SHAPE), ("shape", _SHAPE), ("shape_known", ()), ("fit_shape", ()), ("thickness", ()),
    ("thickness_spread", ()), ("previous_known", ()), ("previous_angles", (skeleton.ANGLE_COUNT,)), ("slack", ()),
    ("trust", ()), ("distance", ()), ("half", ()),
)  # fmt: skip
"""One hand's numbers: ``Input`` in layout.cu."""
SOLUTION = _layout(
    *_POSE, ("shape", _SHAPE), ("joints", _JOINTS), ("thickness", ()), ("thickness_spread", ()), ("energy", ()),
    ("pixel_counts", (3,)), ("sample_counts", (3,)), ("tips_moved", ()),
)  # fmt: skip
"""One fit's: ``Solution`` in layout.cu."""
OUTPUT = np.dtype([("joints", np.float64, _JOINTS), ("solutions", SOLUTION, (PROBLEMS,))])
"""One hand's answer: ``Output`` in layout.cu."""


def unsupported(config: RefineConfig, size: int) -> str:
    """Why the kernels cannot compute what a configuration asks for; empty when they can. They leave out the terms that
    are off by default."""
    regressor, surface = config.regressor or RegressorConfig(), config.surface
    off = ("bone_mixture", "tip_order", "prediction", "kernel_px")
    for name in off:
        if getattr(regressor, name) != 0:
            return f"regressor.{name} is {getattr(regressor, name)}, want 0"
    for name in ("previous_translation_m", "previous_rotation"):
        if getattr(surface, name) != float("inf"):
            return f"surface.{name} is {getattr(surface, name)}, want inf"
    for name, most in (("points", 256), ("ring_px", 32)):
        if getattr(surface, name) > most:
            return f"surface.{name} is {getattr(surface, name)}, want at most {most}"
    if len(candidate_table(regressor)) > 256:
        return "regressor has too many candidates"
    if size % 2 or not 2 <= size <= 256:
        return f"crops have {size} pixels along an edge, want an even number up to 256"
    return ""


def candidate_table(config: RegressorConfig) -> np.ndarray:
    """(M, 3): the candidates of a joint, in units of its spread."""
    return candidate_offsets(config.radii, config.shell_candidates)


def kernel_source(config: RefineConfig, size: int) -> str:
    """CUDA C++ with the kernels ``regress`` and ``fit`` for crops of ``size`` pixels along an edge.

    ValueError where :func:`unsupported` says why.
    """
    problem = unsupported(config, size)
    if problem:
        raise ValueError(problem)
    texts = [(Path(__file__).parent / name).read_text(encoding="utf-8") for name in FILES]
    numbers = [*_sizes(config, size), *_regressor(config), *_surface(config), *_hand(), *_columns()]
    return "\n".join([hand_model_source(), *numbers, *texts])


def _sizes(config: RefineConfig, size: int) -> list[str]:
    numbers = {
        "SIZE": size, "THREADS": THREADS, "PROBLEMS": PROBLEMS, "PARAMETERS": skeleton.PARAMETER_COUNT,
        "FIRST_ANGLE": skeleton.FIRST_ANGLE, "THICKNESS": THICKNESS, "FIRST_SCALE": FIRST_SCALE, "UNKNOWNS": UNKNOWNS,
        "SEGMENTS": SEGMENTS, "CAPSULE_COUNT": len(CAPSULES), "ENDS": len(END_RADII), "POINTS": config.surface.points,
        "FEW": surface_solver.FEW, "REGRESSES": int(config.regressor is not None),
    }  # fmt: skip
    return [number(name, value) for name, value in numbers.items()]


def _regressor(config: RefineConfig) -> list[str]:
    regressor = config.regressor or RegressorConfig()
    names = (
        "network", "bone_length", "background", "free_space", "occluded", "lateral_share", "depth_share",
        "least_sigma_m", "largest_sigma_m", "length_m", "softness_m", "free_space_most", "follow", "temperature",
    )  # fmt: skip
    tree, candidates = tree_tables(), candidate_table(regressor)
    return [
        *(number(name.upper(), float(getattr(regressor, name))) for name in names),
        number("PASSES", regressor.passes), number("LAYERS", len(LAYERS)),
        number("MOST_LAYER", max(len(layer) for layer in LAYERS)), number("CANDIDATES", len(candidates)),
        table("LAYER_FIRST", np.cumsum([0, *(len(layer) for layer in LAYERS)])),
        table("LAYER_JOINTS", np.concatenate(LAYERS)), table("CANDIDATE_OFFSETS", candidates),
        table("JOINT_PARENTS", tree.parent), table("FOLLOWING", tree.following),
        table("NEAREST_M", tree.nearest), table("DEEPEST_M", tree.deepest),
    ]  # fmt: skip


def _surface(config: RefineConfig) -> list[str]:
    surface, ring = config.surface, ring_steps(config.surface.ring_px)
    unit = surface.surface_noise_m**-2
    numbers = {
        "JOINT_WEIGHT": surface.joint_weight, "JOINT_SCALE": surface.joint_scale,
        "POINT_WEIGHT": surface.surface_weight * unit, "POINT_SCALE_M": surface.surface_scale_m,
        "PIXEL_AREA_M2": surface_fit.PIXEL_AREA_M2, "FACING": surface.facing,
        "SAMPLE_WEIGHT": surface.free_space_weight * unit, "SAMPLE_SCALE_M": surface.free_space_scale_m,
        "MARGIN_M": surface.free_space_margin_m, "GATE_M": surface.free_space_gate_m,
        "ANGLE_PRECISION": surface.angle_weight / surface.angle_spread**2, "PREVIOUS_ANGLE": surface.previous_angle,
        "SHAPE_PRECISION": 1.0 / surface.shape_spread**2, "REACH_M": surface.reach_m, "TOLERANCE": surface.tolerance,
        "RAMP": surface_terms.RAMP, "WRIST_M": surface_terms.WRIST_M, "NEAR_M": surface_terms.NEAR_M,
        "EXPLAINED_M": surface_terms.EXPLAINED_M, "ON_SURFACE_M": surface_terms.ON_SURFACE_M,
        "FARTHEST_PX": float(np.hypot(*ring[-1])), "FITTED_SHAPE_LIMIT": skeleton.FITTED_SHAPE_LIMIT,
        "THICKNESS_LIMIT": surface_solver.THICKNESS_LIMIT, "LEAST_DAMPING": surface_solver.LEAST_DAMPING,
        "MOST_DAMPING": surface_solver.MOST_DAMPING, "FIRST_DAMPING": FIRST_DAMPING,
        "DAMPING_DECREASE": DAMPING_DECREASE, "DAMPING_INCREASE": DAMPING_INCREASE, "DIAGONAL_FLOOR": DIAGONAL_FLOOR,
        "BEST_SIGMA_M": surface_fit.BEST_SIGMA_M, "WORST_SIGMA_M": surface_fit.WORST_SIGMA_M,
    }  # fmt: skip
    return [
        *(number(name, float(value)) for name, value in numbers.items()),
        number("ITERATIONS", surface.iterations), number("RING_COUNT", len(ring)), table("RING", ring),
        table("SAMPLES", surface_terms.SAMPLES),
    ]  # fmt: skip


def _hand() -> list[str]:
    return [
        table("LIMITS", skeleton.ANGLE_LIMITS), table("FINGER_SEGMENTS", skeleton.FINGER_SEGMENT_TABLE),
        table("CAPSULES", CAPSULES), table("ARM_CAPSULES", ARM_CAPSULES), table("END_RADII", END_RADII),
        table("PALM_POINTS", PALM_POINTS), table("SEGMENT_FINGER", surface_normal_equations.SEGMENT_FINGER),
        table("JOINT_SEGMENT", surface_terms.JOINT_SEGMENT),
    ]  # fmt: skip


def _columns() -> list[str]:
    """How the unknowns move the segments: the columns of surface_normal_equations.py in its order, from the palm
    outwards, each with its unknown, the segment that it moves first, and what it is made of."""
    scale = {name: FIRST_SCALE + index for index, name in enumerate(skeleton.SHAPE_NAMES)}
    palm = [*range(6), THICKNESS, FIRST_SCALE, FIRST_SCALE + 1, FIRST_SCALE + 2]
    rows = [
        (unknown, 0, -1, _FIXED, 0, 0) for unknown in palm
    ]  # unknown, segment, finger, kind, joint, angle
    for f, finger in enumerate(skeleton.FINGERS):
        near, middle, far = skeleton.FINGER_SEGMENT_TABLE[f].tolist()
        joints, angles = skeleton.FINGER_JOINT_TABLE[f].tolist(), skeleton.FINGER_ANGLE_TABLE[f].tolist()
        turns = [
            (skeleton.FIRST_ANGLE + angle, segment, f, _TURN, joint, angle)
            for angle, segment, joint in zip(
                angles, (near, near, middle, far), (joints[0], *joints[:3]), strict=True
            )
        ]
        scales = [(scale[finger], near, f, _GROWTH, joints[0], 0)]
        if finger == "thumb":  # the metacarpal's scale stretches it and shifts what hangs on it
            metacarpal = scale["thumb_metacarpal"]
            scales = [
                (metacarpal, near, f, _GROWTH, joints[0], 0), (metacarpal, middle, f, _SHRINKING, joints[1], 0),
                (scale[finger], middle, f, _GROWTH, joints[1], 0),
            ]  # fmt: skip
        rows += [*turns[:2], *scales, *turns[2:]]
    columns = np.array(rows)
    of = np.full((UNKNOWNS, 2), -1)
    for unknown in range(UNKNOWNS):
        found = np.flatnonzero(columns[:, 0] == unknown)
        of[unknown, : len(found)] = found
    names = ("SEGMENT", "FINGER", "KIND", "JOINT", "ANGLE")
    return [
        number("COLUMNS", len(columns)), table("COLUMNS_OF", of),
        *(table(f"COLUMN_{name}", columns[:, 1 + i]) for i, name in enumerate(names)),
    ]  # fmt: skip
