"""The folder of a training run: one run at a time in it, and one recipe from its start to its end.

In: a folder, a configuration's plain values. Out: a lock held by this process; ValueError that names the folder, or the
field in which a run would go on with another recipe than it was begun with.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from hand_pose_ros.config_files import read_mapping
from hand_pose_ros.files import followed, no_empty_folders, require_folder
from hand_pose_ros.network.migration import migrate_config
from hand_pose_ros.training.config import NON_SEMANTIC_FIELDS
from hand_pose_ros.validation import shown

LOCK, CONFIG = ".lock", "config.yaml"
"""Names in the folder."""
_BUDGET: tuple[str, ...] = ("minutes", "samples")
"""A run may go on with more, or less: what it had in the end is stored with its weights."""

_held: dict[Path, BinaryIO] = {}


@contextmanager
def held_if_made(folder: Path) -> Iterator[None]:
    """As :func:`hold`, before what is done in the block; where that fails, all is as it was before: the folder is
    released, and is not there unless it was."""
    folder = followed(folder)
    ours = folder in _held
    with no_empty_folders(folder):
        try:
            hold(folder)
            yield
        except BaseException:
            if not ours:
                release(folder)
            raise


def hold(folder: Path) -> None:
    """Keep other processes from training into the folder until :func:`release`, or until this process ends.

    ValueError when one does, OSError when the folder cannot be made or written.
    """
    folder = followed(folder)
    if folder in _held:
        return
    require_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / LOCK).open("a+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        owner = file.read(20).decode(errors="replace").strip()
        file.close()
        raise ValueError(
            f"{folder}: another run is training here (process {owner}), want another --output"
        ) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n".encode())
    file.flush()
    if not _held:
        atexit.register(_release_all, os.getpid())
    _held[folder] = file


def release(folder: Path) -> None:
    """Let others train into the folder again."""
    folder = followed(folder)
    file = _held.pop(folder, None)
    if file is not None:
        (folder / LOCK).unlink(missing_ok=True)
        file.close()


def _release_all(process: int) -> None:
    """At the end of the process that holds them, whatever ended it; its forks hold nothing."""
    if os.getpid() == process:
        for folder in list(_held):
            release(folder)


def require_same_recipe(folder: Path, values: Mapping[str, Any]) -> None:
    """ValueError naming the first field that is not as in the folder's configuration, if that is there.

    Budgets and what means nothing for the result may differ.
    """
    path = folder / CONFIG
    if not path.exists():
        return
    stored = migrate_config(read_mapping(path, "the configuration of the run"))
    wanted = json.loads(json.dumps(dict(values)))
    for name in sorted({*stored, *wanted} - {*NON_SEMANTIC_FIELDS, *_BUDGET}):
        difference = _difference(name, stored.get(name), wanted.get(name))
        if difference:
            raise ValueError(
                f"{path}: the run was begun with {difference}: go on with the same, or use another --output"
            )


def _difference(name: str, stored: Any, wanted: Any) -> str:
    """What differs, in words; empty when nothing does."""
    if isinstance(stored, Mapping) and isinstance(wanted, Mapping):
        for key in sorted({*stored, *wanted}):
            inner = _difference(f"{name}.{key}", stored.get(key), wanted.get(key))
            if inner:
                return inner
        return ""
    return "" if stored == wanted else f"{name} = {shown(stored)}, now it is {shown(wanted)}"
