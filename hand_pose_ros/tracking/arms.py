"""Elbows that are taken for hands: what lies on the forearm of a followed hand is part of that arm.

In: the tracks of a frame, and its depth. Out: the tracks without such elbows.

An elbow before a stereo camera looks like a fist with a forearm, and its log odds may be higher than those of the hand.
But from a hand's wrist one surface leads to its elbow, and from the wrist of what the elbow is taken for back to the
hand. So of two hands on one forearm the less sure is its elbow, or the newer one where that is not clearly surer;
unless it was seen apart from other hands more often: then it is a hand that touches the other arm.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.hand import skeleton
from hand_pose_ros.tracking.track import Track

Array = NDArray[np.float64]

_WRIST = list(skeleton.WRIST_JOINTS)
NEAREST_M, FARTHEST_M = 0.15, 0.42
"""An elbow's middle, as a hand has it, is so far from the wrist. Derived: forearms are 22 to 29 cm long from wrist to
elbow, and what is taken for a hand there reaches up to 10 cm to both sides."""
LEAST_COSINE = 0.5
"""Of the angle between the forearm and the line from palm to wrist. Guessed: a wrist bends by 60 degrees at most."""
FLESH_M, TOLERANCE_M = 0.02, 0.06
"""A forearm's surface lies this far before the line from wrist to elbow, give or take that, metres. Guessed."""
LEAST_SHARE = 0.8
"""Share of that line on which it does. Guessed."""
ESTABLISHED_S = 0.5
"""What is followed for so much longer than another one, seconds, is the hand of the two, unless the other is clearly
surer. Guessed: far longer than an elbow is found before its hand."""
CLEARLY_SURER = 0.75
"""Below this share of the other one's expected error a hand is clearly surer. Guessed, between a hand and its elbow
(0.6 in the middle) and a hand in a bad moment (0.9)."""
PATIENCE = 3
"""Even then so many frames are waited for. Guessed."""
# Shares of the forearm at which it is looked, without its ends, which are the hand and the elbow. Guessed.
_ALONG: Array = np.linspace(0.1, 0.9, 17)[:, None]


def lies_on_arm(frame: DepthFrame, joints: Array, place: Array) -> bool:
    """Whether a place (3,) m is where the elbow of a hand with these joints (23, 3) m would be, and one surface leads
    there from its wrist; all in the camera's frame."""
    wrist = joints[_WRIST].mean(axis=0)
    hand, arm = wrist - joints[skeleton.PALM_JOINT], place - wrist
    length_m = float(np.linalg.norm(arm))
    if not NEAREST_M < length_m < FARTHEST_M:
        return False
    if not float(hand @ arm) > LEAST_COSINE * length_m * float(np.linalg.norm(hand)):
        return False
    line = wrist + _ALONG * arm
    pixels = np.rint(frame.camera.project(line))
    height, width = frame.depth.shape
    inside = ((pixels >= 0) & (pixels < (width, height))).all(axis=1) & (line[:, 2] > 0.0)
    column, row = pixels[inside].astype(np.intp).T
    before_m = line[inside, 2] - frame.surface[row, column]
    return float((np.abs(before_m - FLESH_M) < TOLERANCE_M).sum()) >= LEAST_SHARE * len(line)


class Elbows:
    """Remembers of each track since when it is there, and how often it was seen on another one's arm and beside it."""

    def __init__(self) -> None:
        self._first_s: dict[int, float] = {}
        self._balance: dict[int, int] = {}  # frames on an arm less those beside another hand
        self._counted: set[tuple[int, int]] = set()  # pairs of tracks, in this frame
        self.dropped: frozenset[int] = frozenset()
        """The tracks that were found to be elbows in this frame."""

    def next_frame(self, tracks: Sequence[Track]) -> None:
        """A frame begins with these tracks; what is known of others is forgotten."""
        there = {track.track_id for track in tracks}
        self._first_s = {key: value for key, value in self._first_s.items() if key in there}
        self._balance = {key: value for key, value in self._balance.items() if key in there}
        self._counted, self.dropped = set(), frozenset()

    def without(self, tracks: Sequence[Track], frame: DepthFrame) -> list[Track]:
        """The tracks but those that are elbows of published ones. Each pair counts once a frame, when it is first seen
        together."""
        seen = [track for track in tracks if track.seen_s == frame.stamp_s and track.hand is not None]
        for track in seen:
            self._first_s.setdefault(track.track_id, frame.stamp_s)
        for index, first in enumerate(seen):
            for second in seen[index + 1 :]:
                self._count(first, second, frame)
        return [track for track in tracks if track.track_id not in self.dropped]

    def _count(self, first: Track, second: Track, frame: DepthFrame) -> None:
        pair = first.track_id, second.track_id
        if pair in self._counted or first.hand is None or second.hand is None:
            return
        self._counted.add(pair)
        places = [joints.mean(axis=0) for joints in (first.hand.joints, second.hand.joints)]
        if not (
            lies_on_arm(frame, first.hand.joints, places[1])
            or lies_on_arm(frame, second.hand.joints, places[0])
        ):
            for one, beside in ((first, second), (second, first)):
                if beside.published:
                    self._balance[one.track_id] = self._balance.get(one.track_id, 0) - 1
            return
        hand, elbow = sorted((first, second), key=lambda track: float(track.sigma.mean()))
        longer_s = self._first_s[hand.track_id] - self._first_s[elbow.track_id]
        established = longer_s >= ESTABLISHED_S
        if established and float(hand.sigma.mean()) > CLEARLY_SURER * float(elbow.sigma.mean()):
            hand, elbow, established = elbow, hand, False
        if not hand.published:
            return
        before = self._balance.get(elbow.track_id, -PATIENCE if established else 0)
        self._balance[elbow.track_id] = before + 1
        if before >= 0:
            self.dropped |= {elbow.track_id}
