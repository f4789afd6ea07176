"""What a figure was measured on, in plain words."""

from __future__ import annotations

from hand_pose_ros.evaluation.hardware_info import hardware_info, hardware_text


def test_the_line_holds_every_fact() -> None:
    info = hardware_info()
    assert info["device"] == "cpu"
    assert info["cores"] >= 1
    assert all(str(value) in hardware_text(info) for value in info.values())
