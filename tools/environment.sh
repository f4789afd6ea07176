# Source this in bash to get ROS 2 and this package in the shell, from wherever `make` took them:
#
#     make build && source tools/environment.sh
#
# With a ROS 2 distribution sourced before: that distribution. Without one: ROS 2 from wheels in .venv/, and underlay/
# for what the wheels lack.

# Of a shell that takes unset variables for errors (set -u), colcon's and ROS's setup files would be the end.
_hand_pose_nounset=
case $- in *u*) _hand_pose_nounset=1; set +u ;; esac

_hand_pose_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [ -z "${ROS_DISTRO:-}" ]; then
  _hand_pose_venv=$_hand_pose_root/.venv
  if [ ! -f "$_hand_pose_venv/made-from" ]; then
    echo "environment.sh: no environment in $_hand_pose_venv yet; run: make build" >&2
    if [ -n "$_hand_pose_nounset" ]; then set -u; fi
    return 2
  fi
  export VIRTUAL_ENV=$_hand_pose_venv
  export PATH=$_hand_pose_venv/bin:$PATH
  export AMENT_PREFIX_PATH=$_hand_pose_venv${AMENT_PREFIX_PATH:+:$AMENT_PREFIX_PATH}
  export CMAKE_PREFIX_PATH=$_hand_pose_venv${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}
  # What the wheels' start-up hook would set, by starting every Python a second time.
  for _hand_pose_folder in "$_hand_pose_venv"/lib/python3.*/site-packages/ros_*.libs "$_hand_pose_venv"/lib; do
    export LD_LIBRARY_PATH=$_hand_pose_folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  done
  export _ROS_WHEELS_BOOTSTRAP_COMPLETE=1
fi

_hand_pose_prefixes=${ROS_DISTRO:-underlay wheels}
for _hand_pose_prefix in $_hand_pose_prefixes; do
  _hand_pose_setup=$_hand_pose_root/install/$_hand_pose_prefix/local_setup.bash
  if [ -f "$_hand_pose_setup" ]; then
    . "$_hand_pose_setup"
  fi
done

# Depth images are larger than Fast DDS's default shared-memory segment: best-effort ones would be lost.
export FASTDDS_DEFAULT_PROFILES_FILE=${FASTDDS_DEFAULT_PROFILES_FILE:-$_hand_pose_root/config/fastdds.xml}
case "${ROS_DISTRO:-}" in  # whose Fast DDS reads it by its former name
  humble | jazzy) export FASTRTPS_DEFAULT_PROFILES_FILE=$FASTDDS_DEFAULT_PROFILES_FILE ;;
esac

if [ -n "$_hand_pose_nounset" ]; then set -u; fi
unset _hand_pose_nounset _hand_pose_root _hand_pose_venv _hand_pose_folder _hand_pose_prefixes _hand_pose_prefix _hand_pose_setup
