"""A small robot's description, and hands to drive it."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.evaluation.operator_hands import operator_hand
from hand_pose_ros.hand.skeleton import ANGLE_COUNT, ANGLE_NAMES
from hand_pose_ros.retarget.robot_description import parse_description

URDF = """<robot name="claw">
<link name="world"/><link name="base"><visual><geometry><mesh filename="no/such.obj"/></geometry></visual></link>
<link name="near"/><link name="far"/><link name="tip"/><link name="slider"/>
<joint name="mount" type="fixed"><parent link="world"/><child link="base"/>
<origin xyz="0 0 1" rpy="0 0 1.5707963"/></joint>
<joint name="curl" type="revolute"><parent link="base"/><child link="near"/><axis xyz="0 1 0"/><origin xyz="0 0 0.1"/>
<limit lower="-0.2" upper="1.5" velocity="3" effort="1"/></joint>
<joint name="follow" type="revolute"><parent link="near"/><child link="far"/><axis xyz="0 1 0"/>
<origin xyz="0 0 0.05"/><limit lower="0" upper="2" velocity="3" effort="1"/>
<mimic joint="curl" multiplier="0.5" offset="0.1"/></joint>
<joint name="end" type="fixed"><parent link="far"/><child link="tip"/><origin xyz="0 0 0.03"/></joint>
<joint name="slide" type="prismatic"><parent link="base"/><child link="slider"/><axis xyz="0 0 2"/>
<limit lower="0" upper="0.05" velocity="0.1" effort="1"/></joint></robot>"""


@pytest.fixture
def urdf() -> str:
    return URDF


@pytest.fixture
def claw():
    return parse_description(URDF, "claw.urdf")


@pytest.fixture
def hand_with():
    """hand_with(index_mcp_flexion=0.3, side="left"): a hand whose other angles are 0."""

    def make(side="right", **angles):
        values = np.zeros(ANGLE_COUNT)
        for name, value in angles.items():
            values[ANGLE_NAMES.index(name)] = value
        return operator_hand(side, values)

    return make
