"""Commands whose standard streams are closed, or of a terminal that has gone."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "hand_pose_ros.commands.main"]
IN_USE = """
import os, sys
from hand_pose_ros.commands.streams import usable_streams
with usable_streams():
"""


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_no_error(closed: str, tmp_path: Path) -> None:
    """Job runners close what they do not read."""
    program = f"{' '.join(COMMAND)} urdf --side left --output {tmp_path}/hand.urdf {closed}"
    ended = subprocess.run(["bash", "-c", program], check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "hand.urdf").read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_no_file_gets_the_number_of_a_stream_that_is_closed(closed: str, tmp_path: Path) -> None:
    """What a library says on standard error would be written into it."""
    script = tmp_path / "script.py"
    script.write_text(
        IN_USE + f"    number = os.open({str(tmp_path / 'mine')!r}, os.O_RDWR | os.O_CREAT)\n"
        "    print('said'); print('said', file=sys.stderr)\n    sys.exit(number <= 2)\n",
        encoding="utf-8",
    )
    program = f"{sys.executable} {script} {closed}"
    assert subprocess.run(["bash", "-c", program], check=False, capture_output=True).returncode == 0
    assert (tmp_path / "mine").read_bytes() == b""


@pytest.mark.parametrize("unbuffered", [False, True])
def test_a_terminal_that_has_gone_changes_no_end(unbuffered: bool, tmp_path: Path) -> None:
    """Its streams fail with EIO."""
    script = tmp_path / "script.py"
    script.write_text(
        "import argparse\nfrom hand_pose_ros.commands.main import exit_status"
        + IN_USE
        + "    sys.stdin.read(1)\n    def run(_):\n"
        "        print('said', flush=True)\n        print('said', file=sys.stderr)\n        raise KeyboardInterrupt\n"
        "    status = exit_status('command', run, argparse.Namespace())\nsys.exit(status)\n",
        encoding="utf-8",
    )
    ours, theirs = pty.openpty()
    program = [sys.executable, *(["-u"] if unbuffered else []), str(script)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        os.close(ours)
        running.communicate(b"x")
    assert running.returncode == 130


def test_work_goes_on_where_nobody_reads_its_stderr_and_may_end_where_nobody_reads_its_stdout(
    tmp_path: Path,
) -> None:
    """``2>&1 | tee log`` in a terminal that goes; ``| head``."""
    script = tmp_path / "script.py"
    script.write_text(
        IN_USE + "    for _ in range(3):\n        print('said', file=sys.stderr)\n"
        "    try:\n        print('said', flush=True)\n"
        "    except BrokenPipeError:\n        print('more')\n        sys.exit(7)\n",
        encoding="utf-8",
    )
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run([sys.executable, str(script)], check=False, stdout=write, stderr=write)
    os.close(write)
    assert ended.returncode == 7


def test_names_that_the_terminals_encoding_has_no_letters_for_are_written_all_the_same(tmp_path):
    program = [sys.executable, "-m", "hand_pose_ros.commands.main", "replay", str(tmp_path / "Händé")]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "MPLBACKEND": "module://no.such"}
    ended = subprocess.run(program, check=False, capture_output=True, text=True, env=environment)
    assert ended.returncode == 2
    assert "H\\xe4nd\\xe9" in ended.stderr
