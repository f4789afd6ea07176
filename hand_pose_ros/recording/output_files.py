"""The files that a replay writes: their names, and which of them an earlier replay has left in a folder.

In: a folder. Out: names and answers; nothing is opened. The content is that of ``replay_output``.
"""

from __future__ import annotations

from collections.abc import Mapping
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
_FIGURES = (SUMMARY, HANDS_NPZ, HANDS_CSV)
"""A folder with one of these was written by a replay, or by the demo."""


def is_output(path: Path) -> bool:
    """Whether a file is none of a recording but was written by a replay of one: it has the name of such a file, and
    lies beside a replay's figures."""
    if path.name not in OUTPUT_FILES:
        return False
    return any((path.parent / name).is_file() for name in _FIGURES)


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
    found = {}
    for name in OUTPUT_FILES:
        if not is_output(folder / name):
            continue
        with suppress(OSError):
            status = (folder / name).stat()
            found[name] = (status.st_ino, status.st_mtime_ns)
    return found


def remove_stale(folder: Path, before: Mapping[str, tuple[int, int]]) -> list[str]:
    """Removes what was there ``before`` and has not been written anew: it is of another recording -> their names.

    What cannot be removed stays.
    """
    now, removed = earlier_outputs(folder), []
    for name, state in before.items():
        if now.get(name) == state and (folder / name).is_file():
            with suppress(OSError):
                (folder / name).unlink()
                removed.append(name)
    return removed
