"""numba's ``njit`` for a package that robots start: a cache on disk that can be missing, read-only, full or damaged.

In: a Python function of numbers and arrays. Out: the same, compiled when it is first called; with ``cache`` the
machine code is kept beside the source (or in ``NUMBA_CACHE_DIR``, or in the user's cache folder where the source's
cannot be written), and loaded from there the next time. A cache is never needed: where there is no place for one, or
where it cannot be read or written, that is said once in one line and the function is compiled in memory.

A file of a cache is executed: whoever can write there can run code as whoever starts the package. Each ends with its
checksum, so that one that a disk has damaged is not executed; against intent that is no protection.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import io
import json
import logging
import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    _CacheLocator,
    _SourceFileBackedLocatorMixin,
)
from numba.core.dispatcher import Dispatcher
from numba.core.registry import cpu_target

from hand_pose_ros.files import write_json
from hand_pose_ros.validation import shown

Function = TypeVar("Function", bound=Callable[..., Any])

_PACKAGE = Path(__file__).resolve().parent
_CACHE = "_cache"  # of a dispatcher: what its own enable_caching() sets
_MARKER = "hand_pose_ros-kernels.json"
REMARK = "hand_pose_ros: "
"""With this begins every line that is said here."""
_LOGGER = logging.getLogger(__name__)
IN_ANY_ORDER = {"reassoc", "contract", "nsz"}
"""numba's ``fastmath`` for a loop whose sums may be taken in any order, as vector instructions take them, while nothing
else may change."""
_warned: set[str] = set()
_COMPILING = "compiling"
_caches: list[KernelCache] = []


def njit(*, cache: bool = False, **options: Any) -> Callable[[Function], Function]:
    """numba's decorator, with its options; ``cache`` keeps the machine code on disk wherever that is possible.

    numba counts the references to every array that a call takes and to every slice, each by two atomic instructions:
    what is called for every pixel takes numbers, and loops index whole arrays. ``error_model="numpy"`` leaves out the
    test of every divisor, which keeps loops from becoming vector instructions.
    """

    def compiled(function: Function) -> Function:
        dispatcher: Any = numba.njit(**options)(function)
        if cache and isinstance(dispatcher, Dispatcher):
            try:
                setattr(dispatcher, _CACHE, KernelCache(function))
            except (RuntimeError, OSError) as error:
                _warn_once(
                    "no place", f"no place for compiled kernels, they are compiled at every start: {error}"
                )
        return dispatcher

    return compiled


class ShippedCacheLocator(_SourceFileBackedLocatorMixin, _CacheLocator):
    """The source's own cache where it can be read but not written: what an installation compiled for its users."""

    def __init__(self, py_func: Callable[..., Any], py_file: str) -> None:
        self._py_file = py_file
        self._lineno = py_func.__code__.co_firstlineno
        self._cache_path = str(Path(py_file).parent / "__pycache__")

    def get_cache_path(self) -> str:
        """The folder of the cache."""
        return self._cache_path

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> ShippedCacheLocator | None:
        """A locator where a cache of this function is, or where what tracking needs was compiled, to which it does not
        belong then; else None, and the next kind of locator is asked."""
        name = f"{Path(py_file).stem}.{py_func.__qualname__}-{py_func.__code__.co_firstlineno}.*.nbi"
        with suppress(OSError):
            shipped = _PACKAGE in Path(py_file).resolve().parents and _marker().is_file()
            if shipped or any((Path(py_file).parent / "__pycache__").glob(name)):
                return cls(py_func, py_file)
        return None


class _KernelCacheImpl(CompileResultCacheImpl):
    # numba's own: NUMBA_CACHE_DIR, the source's folder, then the user's and those of notebooks.
    _locator_classes = [  # noqa: RUF012  as the base class has it
        *CompileResultCacheImpl._locator_classes[:2],
        ShippedCacheLocator,
        *CompileResultCacheImpl._locator_classes[2:],
    ]


class CheckedCacheFile(IndexDataCacheFile):
    """numba's index and machine code of a function, each file with a checksum after it, where pickle reads no more.

    ValueError where a checksum is not that of the file: numba itself would execute what is there.
    """

    @contextlib.contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[io.BytesIO]:
        with super()._open_for_write(filepath) as file:
            content = io.BytesIO()
            yield content
            file.write(content.getvalue() + hashlib.sha256(content.getvalue()).digest())

    def _load_index(self) -> Any:
        with suppress(FileNotFoundError):
            _require_intact(Path(self._index_path))
        return super()._load_index()

    def _load_data(self, name: str) -> Any:
        _require_intact(Path(self._data_path(name)))
        return super()._load_data(name)


class KernelCache(FunctionCache):
    """The cache of one function. What goes wrong with it is told, once for all functions, and never raised."""

    _impl_class = _KernelCacheImpl

    def __init__(self, py_func: Callable[..., Any]) -> None:
        super().__init__(py_func)
        numba_file = self._cache_file
        self._cache_file = CheckedCacheFile(
            self._cache_path, self._impl.filename_base, numba_file._source_stamp
        )
        _caches.append(self)

    @property
    def index_path(self) -> Path:
        """The file that says which machine code belongs to which types and which CPU."""
        return Path(self._cache_file._index_path)

    def machine_code(self) -> list[Path]:
        """The files of machine code that the index names and that are there; none where it is damaged.

        Of others' signatures a file may be missing: a process was ended between index and file, or the index is a link
        to another folder's, as `colcon build --symlink-install` makes them.
        """
        try:
            names = self._cache_file._load_index().values()
            return [path for name in names if (path := Path(self._cache_file._data_path(name))).exists()]
        except Exception:  # noqa: BLE001  unpickling what is damaged can raise anything
            return []

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The machine code for a signature; None where there is none for this CPU, and where it is damaged."""
        try:
            found = super().load_overload(sig, target_context)
            if found is None and any(key[0] == sig for key in self._cache_file._load_index()):
                _warn_once(
                    "cpu", f"the compiled kernels in {self.cache_path} are another CPU's: compiled anew"
                )
            elif found is None:
                _warn_once(_COMPILING, "compiling kernels, once; all that tracking needs take a minute")
            return found
        except Exception as error:  # noqa: BLE001  unpickling what is damaged can raise anything
            _warn_once(
                "damaged",
                f"compiled kernels in {self.cache_path} cannot be used, compiled anew: {_text(error)}",
            )
            self._discard()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keeps the machine code of a signature, where that is possible."""
        try:
            super().save_overload(sig, data)
        except Exception as error:  # noqa: BLE001  the index is read before it is written
            _warn_once("unwritten", f"compiled kernels cannot be kept in {self.cache_path}: {_text(error)}")
            if not self._is_readable():
                self._discard()

    def _is_readable(self) -> bool:
        try:
            self._cache_file._load_index()
        except Exception:  # noqa: BLE001  as above
            return False
        return True

    def _discard(self) -> None:
        with suppress(OSError):
            self.index_path.unlink(missing_ok=True)
        if self.index_path.exists():  # read-only: not asked again
            self.disable()


def can_keep() -> bool:
    """Whether compiled kernels can be kept anywhere."""
    folder = cache_folder()
    return folder is not None and os.access(folder, os.W_OK)


def compiling_line() -> str:
    """What whoever starts something is told before all kernels are compiled."""
    if not can_keep():
        return (
            "compiling kernels, this takes a minute, at every start: there is no writable place to keep them"
        )
    return (
        "compiling kernels, this takes a minute, once (hand-pose warm-cache does it ahead of the first start)"
    )


def compiling_is_announced() -> None:
    """Whoever compiles has said so: it is not said here again."""
    _warned.add(_COMPILING)


def is_warm() -> bool:
    """Whether every kernel that tracking needs was compiled for this CPU, these sources and this numba, and is kept."""
    folder = cache_folder()
    if folder is None:
        return False
    try:
        marker = json.loads((folder / _MARKER).read_text(encoding="utf-8"))
        if marker["stamp"] != stamp():
            return False
        for file in (*marker["indexes"], *marker["machine_code"]):
            _require_intact(folder / file)
        return True
    except (OSError, ValueError, KeyError, TypeError):
        return False


def record_warm() -> None:
    """Notes that the kernels compiled so far, and kept, are all that tracking needs. OSError where it cannot."""
    folder = cache_folder()
    if folder is None:
        raise OSError("there is no place for compiled kernels")
    kept = [cache for cache in _caches if cache.index_path.exists()]
    names = {
        "indexes": [cache.index_path for cache in kept],
        "machine_code": [path for cache in kept for path in cache.machine_code()],
    }
    files = {name: sorted({os.path.relpath(path, folder) for path in paths}) for name, paths in names.items()}
    write_json(folder / _MARKER, {"stamp": stamp(), **files})


@lru_cache(maxsize=1)
def cache_folder() -> Path | None:
    """The folder of this file's kernels, where it is noted that all are compiled; None where there is no place."""
    try:
        return Path(_KernelCacheImpl(_located).locator.get_cache_path())
    except (RuntimeError, OSError):
        return _marker().parent if _marker().is_file() else None


@lru_cache(maxsize=1)
def stamp() -> str:
    """SHA-256 of all that compiled kernels depend on: the package's sources, numba, Python and the CPU."""
    digest = hashlib.sha256()
    versions = [importlib.metadata.version(name) for name in ("numba", "llvmlite", "numpy")]
    cpu = [str(part) for part in cpu_target.target_context.codegen().magic_tuple()]
    digest.update("|".join([*versions, sys.version, platform.machine(), *cpu]).encode())
    for path in sorted(_PACKAGE.rglob("*.py")):
        text = path.read_bytes()
        if b"njit(" in text:
            digest.update(path.relative_to(_PACKAGE).as_posix().encode() + text)
    return digest.hexdigest()


def _require_intact(path: Path) -> None:
    """ValueError unless the file ends with its checksum; OSError where it cannot be read."""
    content = path.read_bytes()
    size = hashlib.sha256().digest_size
    if hashlib.sha256(content[:-size]).digest() != content[-size:]:
        raise ValueError(f"{path.name} is damaged: it does not end with its checksum")


def _marker() -> Path:
    """Where an installation notes what it compiled for its users."""
    return _PACKAGE / "__pycache__" / _MARKER


def _located() -> None:
    """Stands for every kernel where the cache's folder is looked for."""


def _warn_once(kind: str, line: str) -> None:
    if kind not in _warned:
        _warned.add(kind)
        _LOGGER.warning("%s%s", REMARK, line)


def _text(error: BaseException) -> str:
    return shown(f"{type(error).__name__}: {error}".splitlines()[0])
