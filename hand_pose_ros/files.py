"""Files that are whole or not there: written under another name beside the old one, then moved onto it in one step.

In: a path and what the file holds. Whoever reads sees the old or the new content, never half of one; a write that fails
leaves the old file, and nothing beside it.
"""

from __future__ import annotations

import errno
import glob
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WANTED = {
    errno.ENOSPC: ", want room on the disk",
    errno.EDQUOT: ", want room in the quota",
    errno.EACCES: ", want a folder that may be written",
    errno.EPERM: ", want a folder that may be written",
    errno.EROFS: ", want a folder that may be written",
    errno.EFBIG: ", want larger files allowed",
    errno.ENAMETOOLONG: ", want a shorter name",
}
"""What would be right, where the system's own words do not say it."""


@contextmanager
def replaced(path: str | Path) -> Iterator[Path]:
    """The path to write to; it takes the place of ``path`` when the block ends without an exception.

    Missing folders are made. OSError where they cannot be, the folder is not writable, or what is at ``path`` is no
    file: a device such as /dev/null is never replaced. A link stays, and what it leads to is replaced.
    """
    path = Path(path)
    require_replaceable(path)
    path = followed(path) if path.is_symlink() else path
    # The suffix stays: matplotlib, PIL and others read a format off it.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_leftovers(path.parent, path.stem)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        # What is written under another name is this file to the user; a full disk names none at all.
        own = error.filename is None or Path(str(error.filename)) in (temporary, *path.parents)
        if error.strerror is None or not own:  # others' errors, and those that are in words already
            raise
        raise unwritable(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def unwritable(path: Path, error: OSError) -> OSError:
    """The error of a file or folder that cannot be written, of the same kind, in words: what, why, and what would be
    right. It has no ``strerror``."""
    want = _WANTED.get(error.errno or 0, "")
    named = type(error)(f"{path} cannot be written: {error.strerror or type(error).__name__}{want}")
    named.errno = error.errno
    return named


def followed(path: Path) -> Path:
    """The absolute path without links; links in a circle, at which ``Path.resolve`` fails, stay for the system's own
    error."""
    return Path(os.path.realpath(path))


def require_replaceable(path: Path) -> None:
    """OSError, which names the path, where something other than a file is there: a folder, a device, a pipe."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, want a file to write")
    if os.path.lexists(path) and path.exists() and not path.is_file():
        raise OSError(f"{path} is a device or a pipe, want a file to write")


def require_writable(folder: Path) -> None:
    """Makes the folder where it is missing, and tries to write there: before long work whose result it is to hold.

    OSError, which names the folder and says what would be right, when that fails.
    """
    require_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b" ")
    except OSError as error:
        raise unwritable(folder, error) from error


@contextmanager
def no_empty_folders(folder: Path) -> Iterator[None]:
    """What the block makes of a folder and those above it is removed at its end, where nothing is in it by then."""
    new = [part for part in (folder, *folder.parents) if not os.path.lexists(part)]
    try:
        yield
    finally:
        with suppress(OSError):  # what holds something stays, and so does all above it
            for part in new:
                part.rmdir()


@contextmanager
def output_folder(folder: Path) -> Iterator[None]:
    """A folder for the results of the block, as of :func:`require_writable`; none where the block has no results."""
    with no_empty_folders(folder):
        require_writable(folder)
        yield


def require_folder(path: Path) -> None:
    """NotADirectoryError, which names what it is, where something else than a folder is there, or above it."""
    for part in (path, *path.parents):
        if os.path.lexists(part) and not part.is_dir():
            what = "a file" if part.is_file() else "no folder"
            raise NotADirectoryError(f"{part} is {what}, want a folder")


def read_arrays(
    path: str | Path, names: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, NDArray[Any]]:
    """The arrays of these names in a npz file, without pickle; of the ``optional`` ones those that it has.

    OSError where it cannot be opened; ValueError where it is no such file, is damaged, or lacks a name.
    """
    with Path(path).open("rb") as file:
        if not zipfile.is_zipfile(file):  # numpy speaks of pickled data that it could load, which it must not
            raise ValueError("it is no npz file")
        file.seek(0)
        try:
            with np.load(file, allow_pickle=False) as archive:
                wanted = [*names, *[name for name in optional if name in archive]]
                return {name: np.asarray(archive[name]) for name in wanted}
        except OSError:
            raise
        except Exception as error:
            # A damaged archive fails in zipfile, zlib and numpy's parser of headers, each in ways of its own.
            raise ValueError(str(error) or type(error).__name__) from error


def clear_leftovers(folder: Path, stem: str = "*") -> None:
    """Remove what writers that were killed have left in a folder; what a living process writes stays."""
    for path in folder.glob(f".{stem if stem == '*' else glob.escape(stem)}.*.partial*"):
        writer = path.name.partition(".partial")[0].rpartition(".")[2]
        if writer.isdecimal() and not _lives(int(writer)):
            with suppress(OSError):
                path.unlink()


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def write_bytes(path: str | Path, data: bytes) -> None:
    """Replaces the file. OSError as :func:`replaced`."""
    with replaced(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """Replaces the file, UTF-8. OSError as :func:`replaced`."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str | Path, content: Any) -> None:
    """Replaces the file, indented, with a line's end.

    ValueError for a number that is not finite, OSError as :func:`replaced`.
    """
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")
