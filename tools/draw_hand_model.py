"""Pictures of the hand model for docs/reference: python3 tools/draw_hand_model.py.

In: the template hand (``hand_pose_ros/hand/skeleton.py``), its kinematics and its flesh. Out, in
``docs/figures``: ``skeleton.png`` (joints and their numbers on a right hand), ``angles.png`` (what each flexion and
abduction turns) and ``frames.png`` (the segments' frames of both hands, and other parties' palm frames). They need
matplotlib.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.joint_sets import OPERATOR_AXES
from hand_pose_ros.hand.kinematics_numba import SIGNS, PosedHand, forward_kinematics
from hand_pose_ros.refine.surface_model import CAPSULES, END_RADII, PALM_POINTS
from hand_pose_ros.retarget.named_joints import OPENXR_AXES
from hand_pose_ros.visualization.figures import save_figure
from hand_pose_ros.visualization.overlay import FINGER_COLOURS

Array = NDArray[np.float64]

FIGURES = Path(__file__).resolve().parent.parent / "docs" / "figures"
DPI = 110
_BACK: Array = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""Rows: right, up and towards the viewer, in the palm frame: the back of a hand whose fingers point up."""
_SKIN, _EDGE, _BONE = "#eed9c9", "#b59a86", "#5b5b5b"
_AXIS_COLOURS = {"x": "#d62728", "y": "#2a9d3a", "z": "#1f55c4"}


def view(azimuth_deg: float, elevation_deg: float) -> Array:
    """(3, 3) rows: right, up and towards the viewer, turned from the view on the back of the hand."""
    turn = Rotation.from_euler("yx", [azimuth_deg, elevation_deg], degrees=True).as_matrix()
    return np.asarray(turn @ _BACK)


def posed(side: str, degrees: dict[str, float] | None = None) -> PosedHand:
    """The template hand in its palm's frame; angles in degrees by name, all others 0."""
    angles = np.zeros(skeleton.ANGLE_COUNT)
    for name, value in (degrees or {}).items():
        angles[skeleton.ANGLE_NAMES.index(name)] = np.radians(value)
    return forward_kinematics(side, np.eye(3), np.zeros(3), angles, np.zeros(skeleton.SHAPE_COUNT))


def draw_flesh(axes: Axes, hand: PosedHand, side: str, rows: Array, offset: Array) -> None:
    """The model's capsules as one flat shape."""
    palm = PALM_POINTS * np.array([1.0, SIGNS[side], 1.0])
    ends = np.concatenate([hand.joints, palm]) @ rows.T
    for colour, extra, order in ((_EDGE, 0.0007, 1), (_SKIN, 0.0, 2)):
        circles = []
        for _, a, b in CAPSULES:
            for share in np.linspace(0.0, 1.0, 40):
                centre = (1 - share) * ends[a] + share * ends[b]
                radius = (1 - share) * END_RADII[a] + share * END_RADII[b]
                circles.append(Circle(tuple(centre[:2] + offset), radius + extra))
        axes.add_collection(PatchCollection(circles, facecolor=colour, edgecolor="none", zorder=order))


def draw_bones(axes: Axes, joints: Array, rows: Array, offset: Array, size: float) -> Array:
    """Bones and joints in their fingers' colours -> places (23, 2) of the joints in the picture."""
    places = np.asarray((joints @ rows.T)[:, :2] + offset)
    for near, far in skeleton.BONES:
        axes.plot(*places[[near, far]].T, color=_BONE, linewidth=1.6, zorder=3, solid_capstyle="round")
    colours = [
        np.array(FINGER_COLOURS[skeleton.FINGERS[finger]]) / 255 if finger >= 0 else np.ones(3)
        for finger in skeleton.JOINT_FINGER
    ]
    axes.scatter(places[:, 0], places[:, 1], s=size, c=colours, edgecolors="black", linewidths=0.7, zorder=4)
    return places


def draw_frame(
    axes: Axes, origin: Array, rotation: Array, rows: Array, offset: Array, length: float
) -> Array:
    """Three axes from a point -> places (3, 2) of their ends in the picture."""
    start = (rows @ origin)[:2] + offset
    ends = []
    # The farthest first, so that what points at the viewer lies on top.
    for index in np.argsort([(rows @ rotation[:, k])[2] for k in range(3)]):
        end = start + length * (rows @ rotation[:, index])[:2]
        colour = list(_AXIS_COLOURS.values())[index]
        axes.annotate(
            "", (end[0], end[1]), (start[0], start[1]), zorder=6,
            arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0,
                        "mutation_scale": 7},
        )  # fmt: skip
        ends.append((index, end))
    return np.array([end for _, end in sorted(ends, key=lambda pair: pair[0])])


def picture(width_in: float, height_in: float) -> tuple[Figure, Axes]:
    """A white figure with one pair of axes, in metres of equal scale, without lines or ticks."""
    figure = Figure((width_in, height_in))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_aspect("equal")
    axes.set_axis_off()
    return figure, axes


def spread_out(heights: Array, gap: float) -> Array:
    """Descending heights (N,) -> heights at least ``gap`` apart, as near to them as this way of it allows."""
    apart = np.array(heights)
    for index in range(1, len(apart)):
        apart[index] = min(apart[index], apart[index - 1] - gap)
    return np.asarray(apart + np.mean(heights - apart))


def skeleton_figure() -> Figure:
    """A right hand from its back: every joint's number and name."""
    figure, axes = picture(7.2, 5.4)
    hand, offset = posed("right"), np.zeros(2)
    draw_flesh(axes, hand, "right", _BACK, offset)
    places = draw_bones(axes, hand.joints, _BACK, offset, 130)
    for index, (x, y) in enumerate(places):
        axes.text(x, y - 0.0002, str(index), fontsize=6.3, ha="center", va="center", zorder=5)
    right = places[:, 0].max() + 0.04
    left = places[:, 0].min() - 0.035
    # Names beside the hand, in order from the top; a thin line leads to each.
    for side, fingers in ((left, ("thumb", "index", None)), (right, ("middle", "ring", "pinky"))):
        named = [
            joint
            for joint, finger in enumerate(skeleton.JOINT_FINGER)
            if (skeleton.FINGERS[finger] if finger >= 0 else None) in fingers
        ]
        named.sort(key=lambda joint: -places[joint, 1])
        heights = spread_out(places[named, 1], 0.0105)
        for joint, height in zip(named, heights, strict=True):
            axes.plot(
                [side + np.sign(-side) * 0.002, places[joint, 0]], [height, places[joint, 1]],
                color="0.55", linewidth=0.5, zorder=2.5,
            )  # fmt: skip
            axes.text(
                side, height, f"{joint}  {skeleton.JOINT_NAMES[joint]}", fontsize=8.5, va="center",
                ha="right" if side < 0 else "left",
            )  # fmt: skip
    axes.text(0, places[:, 1].max() + 0.022, "right hand, seen from its back", fontsize=9, ha="center")
    axes.set_xlim(left - 0.06, right + 0.05)
    axes.set_ylim(places[:, 1].min() - 0.03, places[:, 1].max() + 0.03)
    return figure


def angles_figure() -> Figure:
    """What each kind of angle does: the hand at zero angles in grey, and turned."""
    figure, axes = picture(7.2, 3.3)
    turned = (
        ("mcp_flexion 45°", "index_mcp_flexion", 45.0, view(-100, 0)),
        ("pip_flexion 45°", "index_pip_flexion", 45.0, view(-100, 0)),
        ("dip_flexion 45°", "index_dip_flexion", 45.0, view(-100, 0)),
        ("mcp_abduction 25°", "index_mcp_abduction", 25.0, _BACK),
    )
    for column, (title, name, value, rows) in enumerate(turned):
        offset = np.array([0.105 * column + (0.058 if rows is _BACK else 0.0), 0.0])
        rest, hand = posed("right"), posed("right", {name: value})
        draw_flesh(axes, hand, "right", rows, offset)
        before = (rest.joints @ rows.T)[:, :2] + offset
        for near, far in skeleton.BONES:
            if skeleton.JOINT_FINGER[far] == skeleton.FINGERS.index("index"):
                axes.plot(*before[[near, far]].T, color="0.4", linewidth=1.0, linestyle=":", zorder=3)
        draw_bones(axes, hand.joints, rows, offset, 16)
        axes.text(offset[0], -0.078, title, fontsize=9, ha="center")
    axes.set_xlim(-0.05, 0.105 * 3 + 0.115)
    axes.set_ylim(-0.085, 0.145)
    return figure


def frames_figure() -> Figure:
    """Both hands with the frames of all segments, and three conventions of the palm's."""
    figure, axes = picture(7.2, 4.6)
    rows = view(-28, -32)
    for side, title, x in (("right", "right hand", 0.0), ("left", "left hand", 0.125)):
        offset, hand = np.array([x, 0.0]), posed(side)
        draw_flesh(axes, hand, side, rows, offset)
        draw_bones(axes, hand.joints, rows, offset, 10)
        for index, (position, rotation) in enumerate(
            zip(hand.segment_positions, hand.segment_rotations, strict=True)
        ):
            draw_frame(axes, position, rotation, rows, offset, 0.034 if index == 0 else 0.015)
        axes.text(x, -0.065, title, fontsize=9, ha="center")
    conventions = (
        ("palm frame", np.eye(3)),
        ("operator's frame", OPERATOR_AXES.T),
        ("OpenXR's joint", OPENXR_AXES),
    )
    for index, (title, rotation) in enumerate(conventions):
        offset = np.array([0.265, 0.093 - 0.082 * index])
        ends = draw_frame(axes, np.zeros(3), rotation, rows, offset, 0.032)
        for name, end in zip(_AXIS_COLOURS, ends, strict=True):
            x, y = end + 0.006 * (end - offset) / np.linalg.norm(end - offset)
            axes.text(x, y, name, fontsize=9, ha="center", va="center", color=_AXIS_COLOURS[name])
        axes.text(offset[0], offset[1] - 0.042, title, fontsize=8.5, ha="center")
    axes.set_xlim(-0.065, 0.305)
    axes.set_ylim(-0.12, 0.135)
    return figure


def main() -> None:
    """Write the pictures."""
    argparse.ArgumentParser(
        description="Draws docs/figures/skeleton.png, angles.png and frames.png."
    ).parse_args()
    for name, figure in (
        ("skeleton", skeleton_figure()),
        ("angles", angles_figure()),
        ("frames", frames_figure()),
    ):
        save_figure(figure, FIGURES / f"{name}.png", dpi=DPI)
        print(f"written: docs/figures/{name}.png")


if __name__ == "__main__":
    main()
