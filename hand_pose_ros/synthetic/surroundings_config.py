"""How often each thing stands around the hands of single pictures.

In: nothing. Out: :class:`SurroundingsConfig`, the section ``data.scene`` of the detector's training configuration.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from hand_pose_ros import validation


@dataclass(frozen=True)
class SurroundingsConfig:
    """How often each thing is in a picture: shares in 0..1, guessed unless noted. ValueError names one that is none."""

    wall: float = 0.65
    """A wall behind everything."""
    body: float = 0.55
    """The hands' owner, with trunk, head and upper arms."""
    face: float = 0.20
    """Another person's face, in pictures with a hand."""
    face_alone: float = 0.45
    """A face in pictures without a hand."""
    thing: float = 0.28
    """Each of four boxes, balls and cylinders."""
    heap: float = 0.0
    """Cloth, cables, leaves: a dozen small pieces in a place as large as a hand. With a share of 0.25 there were fewer
    false alarms, but real hands with spread fingers scored 0.4 instead of 0.65: such heaps look too much like them."""
    cup: float = 0.12
    """A full cup with its handle."""
    mug: float = 0.0
    """Empty cups, of all heights."""
    gripper: float = 0.0
    """A robot's gripper of two or three fingers."""
    elbow: float = 0.12
    """A forearm without a hand, in pictures with a hand."""
    elbow_alone: float = 0.30
    """The same in pictures without a hand."""
    chair: float = 0.12
    """A chair: flat boxes and rests as thin as arms."""
    table: float = 0.30
    """A table top under the hands."""
    held: float = 0.15
    """Something between the palm and the fingers of each hand."""
    grasp: float = 0.0
    """A grasp of ``synthetic.grasp_library`` for each hand: its pose, its subject and its thing."""
    before: float = 0.12
    """Something that hides a part of the first hand."""
    table_close: float = 0.0
    """A table or a wall 2 to 33 mm behind the hands' skin, in place of the wall."""
    bench: float = 0.0
    """A table whose edge the first hand's arm comes over, with things on it close beside the hand, in place of the
    wall; in pictures without a hand the same table alone."""
    household: float = 0.0
    """Each of two things that hands hold, alone, or at the end of a bare arm or a stick."""
    robot: float = 0.0
    """A robot arm of links and joints, with or without a gripper."""
    furniture: float = 0.0
    """Each of two: chair legs, table edges, shelves, rods, rows of bars."""
    tube: float = 0.0
    """A bent tube: a robot's arm that curves, a lamp, a hose, a handle."""
    stump: float = 0.0
    """A forearm that comes in at the picture's edge and ends before the wrist."""

    def __post_init__(self) -> None:
        validation.share(self, *(field.name for field in fields(self)), section="scene")
