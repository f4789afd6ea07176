"""Streams of random numbers: none is used twice but where that is said."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.synthetic import splits
from hand_pose_ros.synthetic.random_streams import BatchStream, SeedStream, SplitStream


@pytest.mark.parametrize(
    "streams, shared",
    [
        (BatchStream, {"PICTURE_LOOKALIKES"}),
        (SplitStream, set()),
        (SeedStream, {"SEQUENCE_MATCHER", "GESTURES"}),
    ],
)
def test_a_number_is_taken_once_but_for_the_named_ones(streams, shared) -> None:
    assert {name for name, stream in streams.__members__.items() if stream.name != name} == shared


def test_no_split_is_a_stream_that_stands_first() -> None:
    taken = {value for name, value in vars(splits).items() if name.endswith("_SPLIT")}
    assert taken
    assert taken.isdisjoint(SeedStream)


def test_a_stream_seeds_as_its_number_does() -> None:
    ours, theirs = (np.random.default_rng([first, 3, 5]) for first in (SeedStream.TREMOR, 14))
    assert ours.random() == theirs.random()
