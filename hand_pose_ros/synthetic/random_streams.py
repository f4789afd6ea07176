"""The numbers that set streams of random numbers apart, in one place, so that one sees which are taken.

In: nothing. Out: a number of each stream, to stand beside a split (:mod:`hand_pose_ros.synthetic.splits`) and a seed in
what ``numpy.random.default_rng`` takes. Chosen freely, and never changed: another number makes another of everything
that is drawn with it. A new stream takes one that is not here yet; numpy takes zeros at the end for nothing, so that
``[11, 5]`` and ``[11, 5, 0]`` are one stream.
"""

from __future__ import annotations

from enum import IntEnum


class BatchStream(IntEnum):
    """Stands last, behind what a batch is drawn from: (split, seed) of crops, (split, WHOLE_PICTURES, seed) of whole
    pictures. That of a part of the batch that may be left out: with or without it, all else stays the same."""

    BORDERS = 1
    STEREO = 12
    LOOKALIKES = 41
    VIEW_FAMILIES = 43
    TABLES = 47
    BENCHES = 53
    PICTURE_LOOKALIKES = 53
    """Of whole pictures, which have no BENCHES."""
    FISTS = 59
    GRASPS = 61
    PICTURE_BENCHES = 67


class SplitStream(IntEnum):
    """Stands second, behind a split, but for the people's, which stands last: (split, mesh family, PEOPLE)."""

    WHOLE_PICTURES = 5
    SENSOR_SETS = 51
    SENSOR_CENTRES = 52
    GRASP_LIBRARY = 61
    PEOPLE = 77


class SeedStream(IntEnum):
    """Stands first, before a seed; no split is as large."""

    KEY_POSES = 11
    CROSSING_PLACES = 12
    CROSSING_ORDER = 13
    TREMOR = 14
    HELD_BALL = 15
    SEQUENCE_PEOPLE = 21
    OCCLUDERS = 22
    FRAME_TIMES = 23
    ENVIRONMENT = 31
    SEQUENCE_MATCHER = 31
    """A sequence's room and the matcher that sees it begin with the same random numbers: found when all figures were
    measured so, and nothing is compared that would need them apart."""
    GESTURES = 31
    """A third number, above 0, stands behind the seed."""
    BODY = 32
    PARITY_CENTRES = 61
    OPERATOR_HANDS = 914
    RETARGET_FAULTS = 915
