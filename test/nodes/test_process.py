"""A node's process ends soon, quietly, with exit status 0 and nothing left behind, whatever it was doing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2: source tools/environment.sh")

from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from hand_pose_ros.nodes.node_main import log_folder

pytestmark = pytest.mark.usefixtures("hang_ups_count")
ROOT = Path(__file__).resolve().parents[2]
SHARED_MEMORY = Path("/dev/shm")
TRACKER = "hand_pose_ros.nodes.tracker_node"
SLOW_TRACKER = """
import time
from types import SimpleNamespace

from hand_pose_ros.nodes import tracker_node
from hand_pose_ros.nodes.kernel_compiler import EndedError


class Slow:
    model_info = SimpleNamespace(name="slow", sha256="0" * 64)

    def warm_up(self):
        print("warming up", flush=True)
        time.sleep({warm_up_s})

    def reset(self):
        pass

    def update(self, depth, camera, stamp_s):
        print("a frame in work", flush=True)
        time.sleep(24)


def main():
    tracker_node.compile_kernels = lambda log, runs: None
    return tracker_node.main(tracker_factory=lambda parameters: Slow())
"""


class Process:
    """A node's module as a process of its own, its output in a file."""

    def __init__(self, module: str, folder: Path, *arguments: str, **environment: str) -> None:
        self._log = folder / "log"
        self._before = set(SHARED_MEMORY.glob("fast*"))
        self._mine: set[Path] = set()
        path = os.pathsep.join([str(folder), str(ROOT), *filter(None, sys.path)])
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "hand_pose_ros.nodes.process", module, *arguments],
            stdout=self._log.open("w"),
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": path} | environment,
            start_new_session=True,
        )

    @property
    def output(self) -> str:
        return self._log.read_text()

    def wait_for(self, text: str, seconds: float = 90.0) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, f"no '{text}' in: {self.output}"
            time.sleep(0.05)

    def catches(self, number: signal.Signals) -> bool:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
        return bool(int(caught.split()[1], 16) >> (number - 1) & 1)

    def children(self) -> list[int]:
        tasks = Path(f"/proc/{self.process.pid}/task")
        return [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]

    def end(self, number: signal.Signals, times: int = 1) -> float:
        """Sends the signal so many times; returns the seconds until the process has ended."""
        maps = Path(f"/proc/{self.process.pid}/maps").read_text()
        new = set(SHARED_MEMORY.glob("fast*")) - self._before
        self._mine = {path for path in new if f"{path}\n" in maps}
        began = time.monotonic()
        for _ in range(times):
            self.process.send_signal(number)
            time.sleep(0.05)
        self.process.wait(60)
        return time.monotonic() - began

    def left_in_shared_memory(self) -> list[Path]:
        """What it used and nobody uses any more: some segments it shares with other participants."""
        return [path for path in self._mine if path.exists() and not _is_used(path)]


def _is_used(path: Path) -> bool:
    for maps in Path("/proc").glob("[0-9]*/maps"):
        try:
            if f"{path}\n" in maps.read_text():
                return True
        except OSError:  # it has ended meanwhile, or is not ours
            continue
    return False


@pytest.fixture
def start(tmp_path: Path) -> Iterator[type[Process]]:
    started: list[Process] = []

    def make(*given: str, **environment: str) -> Process:
        started.append(Process(given[0], tmp_path, *given[1:], **environment))
        return started[-1]

    yield make  # type: ignore[misc]
    for process in started:
        if process.process.poll() is None:
            process.process.kill()


def require_quiet_end(process: Process, seconds: float) -> None:
    assert process.process.returncode == 0, process.output
    # By itself, or by END_S: all that it does takes 24 s or more. On a busy machine an end takes a while.
    assert seconds < 15.0
    for word in ("Traceback", "ERROR", "Failed to complete", "Aborted", "terminate called"):
        assert word not in process.output
    assert process.left_in_shared_memory() == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay_s", [0.0, 0.3, 1.0])
def test_signal_while_it_is_imported(start, number, delay_s):
    """From when it has taken the signals over, which is the first thing that it does."""
    process = start(TRACKER)
    while not process.catches(signal.SIGTERM):
        time.sleep(0.002)
    time.sleep(delay_s)
    require_quiet_end(process, process.end(number))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signal_while_kernels_are_compiled_ends_the_child_too(start, tmp_path, number):
    process = start(TRACKER, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    process.wait_for("compiling kernels")
    deadline = time.monotonic() + 60
    while not process.children() and time.monotonic() < deadline:
        time.sleep(0.05)
    children = process.children()
    assert len(children) == 1
    require_quiet_end(process, process.end(number))
    with pytest.raises(ProcessLookupError):
        os.kill(children[0], 0)


@pytest.mark.slow
def test_a_terminal_that_goes_does_not_end_what_was_started_with_nohup(start):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = start(TRACKER)
    finally:
        signal.signal(signal.SIGHUP, before)
    while not process.catches(signal.SIGTERM):
        time.sleep(0.002)
    time.sleep(1.0)
    assert not process.catches(signal.SIGHUP)
    process.process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert process.process.poll() is None


@pytest.mark.slow
@pytest.mark.parametrize("number, times", [(signal.SIGTERM, 1), (signal.SIGINT, 2)])
def test_signal_while_the_model_warms_up(start, tmp_path, number, times):
    (tmp_path / "slow_node.py").write_text(SLOW_TRACKER.replace("{warm_up_s}", "30"))
    process = start("slow_node")
    process.wait_for("warming up")
    require_quiet_end(process, process.end(number, times))


@pytest.mark.slow
@pytest.mark.parametrize(
    "number, times", [(signal.SIGTERM, 1), (signal.SIGINT, 1), (signal.SIGINT, 2), (signal.SIGHUP, 1)]
)
def test_signal_with_a_frame_in_work(start, tmp_path, number, times):
    (tmp_path / "slow_node.py").write_text(SLOW_TRACKER.replace("{warm_up_s}", "0"))
    process = start("slow_node")
    context = rclpy.Context()
    rclpy.init(context=context)
    camera = rclpy.create_node("camera", context=context)
    images = camera.create_publisher(Image, "depth/image_rect", QoSProfile(depth=5))
    infos = camera.create_publisher(CameraInfo, "depth/camera_info", QoSProfile(depth=5))
    try:
        deadline = time.monotonic() + 60
        while "a frame in work" not in process.output and time.monotonic() < deadline:
            header = Header(frame_id="camera", stamp=camera.get_clock().now().to_msg())
            info = CameraInfo(header=header, width=64, height=48)
            info.k = [60.0, 0.0, 31.5, 0.0, 60.0, 23.5, 0.0, 0.0, 1.0]
            image = Image(header=header, width=64, height=48, encoding="16UC1", step=128)
            image.data = bytes(128 * 48)
            infos.publish(info)
            images.publish(image)
            time.sleep(0.1)
        process.wait_for("a frame in work", 1.0)
        require_quiet_end(process, process.end(number, times))
    finally:
        camera.destroy_node()
        context.try_shutdown()


@pytest.mark.slow
def test_interrupts_that_a_shell_ignored_end_it_all_the_same(start, tmp_path):
    """Started with "&" from a shell without job control, a process inherits SIGINT as ignored."""
    (tmp_path / "slow_node.py").write_text(SLOW_TRACKER.replace("{warm_up_s}", "0"))
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = start("slow_node")
    finally:
        signal.signal(signal.SIGINT, before)
    process.wait_for("tracking with")
    require_quiet_end(process, process.end(signal.SIGINT))


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", [TRACKER, "hand_pose_ros.nodes.demo.camera_node", "hand_pose_ros.nodes.demo.watcher_node"]
)
def test_a_node_that_cannot_be_made_says_so_in_one_line(start, tmp_path, module):
    (tmp_path / "broken.yaml").write_text("a: [")
    process = start(module, "--ros-args", "--params-file", str(tmp_path / "broken.yaml"))
    process.process.wait(60)
    assert process.process.returncode == 2
    assert "Traceback" not in process.output
    assert "broken.yaml" in process.output


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["/dev/null/logs", "~/logs", ""])
def test_a_node_starts_without_a_place_for_log_files_and_says_so_in_one_line(start, tmp_path, folder):
    """rclpy itself does not: an unknown user without a home, as in a container."""
    (tmp_path / "slow_node.py").write_text(SLOW_TRACKER.replace("{warm_up_s}", "0"))
    process = start("slow_node", HOME="/dev/null", ROS_HOME="", ROS_LOG_DIR=folder)
    process.wait_for("tracking with")
    assert process.output.count("no log file is kept") == 1
    require_quiet_end(process, process.end(signal.SIGTERM))


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HOME": "/home/a"}, "/home/a/.ros/log"),
        ({"HOME": "/home/a", "ROS_HOME": "/var/ros"}, "/var/ros/log"),
        ({"HOME": "/home/a", "ROS_HOME": "~/r", "ROS_LOG_DIR": ""}, "/home/a/r/log"),
        ({"HOME": "/home/a", "ROS_HOME": "/r", "ROS_LOG_DIR": "/logs"}, "/logs"),
        ({"ROS_LOG_DIR": "/logs"}, "/logs"),
        ({"ROS_LOG_DIR": "~/logs"}, None),
        ({}, None),
    ],
)
def test_log_files_are_where_ros_has_them(monkeypatch: pytest.MonkeyPatch, environment, folder):
    for name in ("HOME", "ROS_HOME", "ROS_LOG_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = log_folder()
    assert (None if found is None else str(found)) == folder


def test_a_missing_package_ends_a_node_in_one_line(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['numba'] = None; from hand_pose_ros.nodes.process import run;"
        f" run({TRACKER!r})"
    )
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 2
    assert answer.stderr == "tracker_node needs numba: pip install numba\n"
