"""Hands read from a message's bytes are those that rclpy reads, whatever the frame's name and the number of hands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.serialization import serialize_message
from std_msgs.msg import Header

from hand_pose_ros.msg import HandPose, HandPoseArray
from hand_pose_ros.nodes.hand_bytes import read_hands, read_stamp_ns


def some_hand(rng: np.random.Generator, frame: str) -> HandPose:
    hand = HandPose(header=Header(frame_id=frame), side=int(rng.integers(2)), state=int(rng.integers(4)))
    hand.track_id, hand.confidence = int(rng.integers(2**32)), float(np.float32(rng.random()))
    for name in ("x", "y", "z"):
        for place in (*hand.joints, *hand.joint_velocities, hand.palm.position):
            setattr(place, name, rng.normal())
    for name in ("x", "y", "z", "w"):
        setattr(hand.palm.orientation, name, rng.normal())
    hand.angles = rng.normal(size=20)
    hand.shape = rng.normal(size=9).astype(np.float32)
    hand.shape_frozen = bool(rng.integers(2))
    return hand


def array(seed: int, frames: list[str]) -> HandPoseArray:
    rng = np.random.default_rng(seed)
    message = HandPoseArray(header=Header(frame_id=frames[0] if frames else ""), state=1)
    message.hands = [some_hand(rng, frame) for frame in frames]
    return message


def swapped(message: HandPoseArray) -> bytes:
    """A message without hands, as a big-endian machine writes it."""
    little = serialize_message(message)
    assert not message.header.frame_id
    numbers = np.frombuffer(little[4:16], "<u4").astype(">u4").tobytes()
    return b"\x00\x00\x00\x00" + numbers + little[16:]


@given(seconds=st.integers(-(2**31), 2**31 - 1), nanoseconds=st.integers(0, 999_999_999))
def test_stamp_is_that_of_the_message(seconds, nanoseconds):
    message = array(0, [])
    message.header.stamp.sec, message.header.stamp.nanosec = seconds, nanoseconds
    for data in (serialize_message(message), swapped(message)):
        assert read_stamp_ns(data) == seconds * 10**9 + nanoseconds


@given(seed=st.integers(0, 2**32 - 1), frames=st.lists(st.text(max_size=9), max_size=3))
@settings(max_examples=60)
def test_hands_are_those_of_the_message(seed, frames):
    message = array(seed, [frame.replace("\0", "") for frame in frames])
    found = read_hands(serialize_message(message))
    assert len(found) == len(message.hands)
    for read, hand in zip(found, message.hands, strict=True):
        assert (read.side, read.track_id, read.state) == (hand.side, hand.track_id, hand.state)
        assert read.confidence == pytest.approx(hand.confidence)
        assert np.array_equal(read.joints, [(point.x, point.y, point.z) for point in hand.joints])
        q = hand.palm.orientation
        assert np.array_equal(read.palm_quaternion, (q.x, q.y, q.z, q.w))
        assert np.array_equal(read.angles, hand.angles)


def test_big_endian_is_read_too():
    assert read_hands(swapped(HandPoseArray())) == []


@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.0, 0.999), flips=st.lists(st.floats(0, 0.999)))
@settings(max_examples=60)
def test_broken_bytes_are_a_value_error_or_hands_of_the_right_size(seed, share, flips):
    whole = bytearray(serialize_message(array(seed, ["camera", "camera"])))
    with pytest.raises(ValueError):
        read_hands(bytes(whole[: int(share * (len(whole) - 5))]))
    for flip in flips:
        whole[int(flip * len(whole))] ^= 0xFF
    try:
        hands = read_hands(bytes(whole))
    except ValueError:
        return
    assert all(hand.joints.shape == (23, 3) and hand.angles.shape == (20,) for hand in hands)


@given(seed=st.integers(0, 2**32 - 1), more=st.integers(8, 400))
@settings(max_examples=20)
def test_bytes_of_another_version_of_the_message_are_refused(seed, more):
    whole = serialize_message(array(seed, ["camera"]))
    with pytest.raises(ValueError, match="another version of HandPose|ends too early"):
        read_hands(whole + bytes(more))
    assert len(read_hands(whole + bytes(3))) == 1  # a middleware's padding
