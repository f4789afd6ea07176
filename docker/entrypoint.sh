#!/bin/bash
# Sources ROS and the workspace, then becomes the command, which gets the signals.
set -e
source "/opt/ros/${ROS_DISTRO}/setup.bash"
source /ws/install/setup.bash
exec "$@"
