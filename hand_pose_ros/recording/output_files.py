"""The files that a replay writes: their names, and which of them an earlier replay has left in a folder.

In: a folder. Out: names and answers; only what tells a replay's figures from a user's own files of their names is read.
The content is that of ``replay_output``.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

SUMMARY = "summary.json"
HANDS_NPZ = "hands.npz"
HANDS_CSV = "hands.csv"
HANDS_BAG = "hands.mcap"
CURVES = "curves.png"
CONTACT_SHEET = "contact.png"
HAND_TILES = "hands.png"
OVERLAY_GIF = "overlay.gif"
OVERLAY_PNG = "overlay.png"
VIDEO = "overlay.mp4"
OUTPUT_FILES = (
    CONTACT_SHEET, VIDEO, CURVES, HANDS_BAG, HANDS_CSV, HANDS_NPZ, SUMMARY, OVERLAY_GIF, OVERLAY_PNG, HAND_TILES,
)  # fmt: skip
"""All that a replay writes."""
_MOST_JSON = 2**24
"""Bytes of a summary that is read. Guessed: that of a day's recording has fewer."""


def _is_summary(path: Path) -> bool:
    """Of a replay, or of the demo's run."""
    if path.stat().st_size > _MOST_JSON:
        return False
    found = json.loads(path.read_text(encoding="utf-8"))
    return isinstance(found, dict) and (
        {"missing_frames", "replayed_hz"} <= set(found) or {"frames", "outputs"} <= set(found)
    )


def _is_csv(path: Path) -> bool:
    with path.open(encoding="utf-8") as file:
        return file.readline(_MOST_JSON).startswith("frame,stamp_ns,name,state,side,")


def _is_npz(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return {"hand_row.npy", "stamp_ns.npy"} <= set(archive.namelist())


_FIGURES: dict[str, Callable[[Path], bool]] = {
    SUMMARY: _is_summary,
    HANDS_CSV: _is_csv,
    HANDS_NPZ: _is_npz,
}
"""A folder with one of these was written by a replay, or by the demo: their names, and what knows them by content."""


def is_replays(folder: Path) -> bool:
    """Whether a replay, or the demo, has written into a folder: a file's name alone may be anybody's."""
    for name, known in _FIGURES.items():
        with suppress(OSError, ValueError, RecursionError, zipfile.BadZipFile):
            if known(folder / name):
                return True
    return False


def is_output(path: Path) -> bool:
    """Whether a file is none of a recording but was written by a replay of one: it has the name of such a file, and
    lies beside a replay's figures."""
    return path.name in OUTPUT_FILES and is_replays(path.parent)


def require_own(folder: Path, names: tuple[str, ...] = OUTPUT_FILES) -> None:
    """ValueError where a folder in which no replay has written has a file of one of these names: it is a user's own,
    and a replay would write over it."""
    found = [name for name in names if (folder / name).is_file()]
    if found and not is_replays(folder):
        raise ValueError(
            f"--output is '{folder}', where {found[0]} was written by no replay: want another folder, such as"
            f" '{folder / 'replay'}'"
        )


def require_apart(output: Path, source: Path) -> None:
    """ValueError where a replay of ``source`` (a bag, one of its files, or a folder of frames) into ``output`` would
    write into the recording itself."""
    recording = source.parent if (source.parent / "metadata.yaml").is_file() and source.is_file() else source
    same = _same(output, recording) or any(_same(output / name, source) for name in OUTPUT_FILES)
    if same:
        raise ValueError(
            f"--output is '{output}', where the recording itself is: want another folder, such as"
            f" '{output / 'replay'}'"
        )


def _same(one: Path, other: Path) -> bool:
    with suppress(OSError):
        return one.samefile(other)
    return False


def earlier_outputs(folder: Path) -> dict[str, tuple[int, int]]:
    """What a replay has left in a folder, with what tells whether a file is written anew. A file that only has such a
    name, where no replay's figures are, is somebody else's."""
    return _states(folder) if is_replays(folder) else {}


def _states(folder: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for name in OUTPUT_FILES:
        with suppress(OSError):
            status = (folder / name).stat()
            found[name] = (status.st_ino, status.st_mtime_ns)
    return found


def remove_stale(folder: Path, before: Mapping[str, tuple[int, int]]) -> list[str]:
    """Removes what was there ``before`` and has not been written anew, where anything has: it is of another recording
    -> their names.

    What cannot be removed stays.
    """
    now, removed = _states(folder), []
    if now == dict(before):
        return []
    for name, state in before.items():
        if now.get(name) == state and (folder / name).is_file():
            with suppress(OSError):
                (folder / name).unlink()
                removed.append(name)
    return removed
