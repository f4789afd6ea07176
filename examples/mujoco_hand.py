#!/usr/bin/env python3
"""Drives a hand in MuJoCo from the commands of hand_retarget: python3 examples/mujoco_hand.py MODEL.xml [PREFIX]

MODEL.xml: a hand with position actuators on its joints or on tendons over them, such as mujoco_menagerie's Shadow hand.
Commands are matched by the joints' names; PREFIX is what the model puts before them (rh_). Needs: pip install mujoco
"""

import argparse
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("model", metavar="MODEL.xml")
parser.add_argument("prefix", nargs="?", default="", metavar="PREFIX")
given = parser.parse_args()  # before the imports: --help needs no MuJoCo

try:
    import mujoco
    import mujoco.viewer
    import rclpy
    from sensor_msgs.msg import JointState

    model = mujoco.MjModel.from_xml_path(given.model)
except ModuleNotFoundError as error:
    how = (
        "pip install mujoco"
        if error.name == "mujoco"
        else "source ROS 2, or tools/environment.sh after make build"
    )
    parser.exit(2, f"mujoco_hand needs {error.name}: {how}\n")
except ValueError as error:  # no such file, or no model
    parser.exit(2, f"mujoco_hand: {error}\n")
data, wanted = mujoco.MjData(model), mujoco.MjData(model)
prefix = given.prefix
joints = {model.joint(i).name: model.joint(i).qposadr[0] for i in range(model.njnt)}


def on_command(command):
    for name, position in zip(command.name, command.position, strict=True):
        if prefix + name in joints:
            wanted.qpos[joints[prefix + name]] = position
    mujoco.mj_fwdPosition(model, wanted)
    data.ctrl[:] = (
        wanted.actuator_length
    )  # in that pose: of a joint its position, of a tendon the sum over its joints


rclpy.init()
node = rclpy.create_node("mujoco_hand")
node.create_subscription(JointState, "joint_command", on_command, 1)
with mujoco.viewer.launch_passive(model, data) as viewer:
    start = time.monotonic()
    while viewer.is_running() and rclpy.ok():
        rclpy.spin_once(node, timeout_sec=0.01)
        until = min(time.monotonic() - start, data.time + 0.1)  # a machine that is too slow shows slow motion
        while data.time < until:
            mujoco.mj_step(model, data)
        viewer.sync()
