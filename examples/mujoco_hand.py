#!/usr/bin/env python3
"""Drives a hand in MuJoCo from the commands of hand_retarget: python3 examples/mujoco_hand.py MODEL.xml [PREFIX]

MODEL.xml: a hand whose position actuators each drive one joint, such as mujoco_menagerie's, or a URDF's with actuators.
Commands are matched by the joints' names; PREFIX is what the model puts before them. Needs: pip install mujoco
"""

import sys
import time

import mujoco
import mujoco.viewer
import rclpy
from sensor_msgs.msg import JointState

model = mujoco.MjModel.from_xml_path(sys.argv[1])
data = mujoco.MjData(model)
prefix = sys.argv[2] if len(sys.argv) > 2 else ""
actuators = {model.joint(model.actuator(i).trnid[0]).name: i for i in range(model.nu)}


def on_command(command):
    for name, position in zip(command.name, command.position, strict=True):
        if prefix + name in actuators:
            data.ctrl[actuators[prefix + name]] = position


rclpy.init()
node = rclpy.create_node("mujoco_hand")
node.create_subscription(JointState, "joint_command", on_command, 1)
with mujoco.viewer.launch_passive(model, data) as viewer:
    while viewer.is_running() and rclpy.ok():
        rclpy.spin_once(node, timeout_sec=0.0)
        mujoco.mj_step(model, data)
        viewer.sync()
        time.sleep(model.opt.timestep)
