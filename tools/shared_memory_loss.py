"""How many best-effort depth images arrive in another process, by the size of Fast DDS's shared-memory segment.

In: segment sizes and image sizes. Out: a line each, with the images that arrived of those sent by a process of its own
at 30 Hz, to so many listeners at once (the fewest is printed). config/fastdds.xml names the size that was chosen by it.

    python tools/shared_memory_loss.py --segments-mb 2 4 8 --listeners 2
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROFILE = Path(__file__).resolve().parents[1] / "config" / "fastdds.xml"
SIZES = {"640x480 16UC1": 640 * 480 * 2, "1280x720 16UC1": 1280 * 720 * 2, "1280x720 32FC1": 1280 * 720 * 4}
FRAMES = 60

TALKER = """
import sys, time, rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node("talker")
out = node.create_publisher(Image, "depth", QoSProfile(depth=2, reliability=ReliabilityPolicy.BEST_EFFORT))
deadline = time.monotonic() + 30
while out.get_subscription_count() < int(sys.argv[2]) and time.monotonic() < deadline:
    time.sleep(0.05)
time.sleep(0.5)
image = Image(encoding="16UC1")
image.data.frombytes(bytes(int(sys.argv[1])))
for number in range(int(sys.argv[3])):
    image.header.stamp.sec = number
    out.publish(image)
    time.sleep(1 / 30)
time.sleep(0.5)
rclpy.shutdown()
"""

LISTENER = """
import sys, time, rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node("listener")
heard = []
quality = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
node.create_subscription(Image, "depth", lambda image: heard.append(image.header.stamp.sec), quality)
deadline, gone = time.monotonic() + 40, False
while time.monotonic() < deadline and not gone:
    rclpy.spin_once(node, timeout_sec=0.1)
    gone = bool(heard) and node.count_publishers("depth") == 0
print(len(set(heard)))
rclpy.shutdown()
"""


def arrived(segment_mb: float, image_bytes: int, listeners: int) -> int:
    """Images that the listener with the fewest heard, of ``FRAMES``."""
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "profile.xml"
        text, size = PROFILE.read_text(encoding="utf-8"), str(round(segment_mb * 2**20))
        before, rest = text.split("<segment_size>", 1)
        profile.write_text(f"{before}<segment_size>{size}<{rest.split('<', 1)[1]}", encoding="utf-8")
        environment = os.environ | {"FASTDDS_DEFAULT_PROFILES_FILE": str(profile)}
        if os.environ.get("ROS_DISTRO") in ("humble", "jazzy"):  # whose Fast DDS reads it by its former name
            environment["FASTRTPS_DEFAULT_PROFILES_FILE"] = str(profile)
        start = [sys.executable, "-c"]
        ears = [
            subprocess.Popen([*start, LISTENER], env=environment, stdout=subprocess.PIPE, text=True)
            for _ in range(listeners)
        ]
        subprocess.run(
            [*start, TALKER, str(image_bytes), str(listeners), str(FRAMES)], env=environment, check=True
        )
        return min(int(ear.communicate(timeout=60)[0] or 0) for ear in ears)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--segments-mb", type=float, nargs="+", default=[0.5, 2.0, 4.0, 8.0, 16.0])
    parser.add_argument("--listeners", type=int, default=2)
    options = parser.parse_args()
    if options.listeners < 1 or not all(0.0 < size <= 4096.0 for size in options.segments_mb):
        parser.error("want at least one listener, and segments of more than 0 and at most 4096 MB")
    for segment_mb in options.segments_mb:
        for name, image_bytes in SIZES.items():
            count = arrived(segment_mb, image_bytes, options.listeners)
            print(
                f"{segment_mb:g} MB, {name}, {options.listeners} listeners: {count} of {FRAMES}", flush=True
            )


if __name__ == "__main__":
    main()
