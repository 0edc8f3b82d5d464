"""The files of submissions: `<state>/uploads/<task id>/`, from before their task is stored until its end is.

Each attempt gets hard links of them in its work folder, which take neither time nor room, whatever their size. They are
read-only, and their time is known: it is the beginning of their name here. So an attempt cannot change one for the
next by mistake, and where it does on purpose, the next one is not started with it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, Final

from ..crash import Point, crash_at
from ..errors import SpawnError
from ..model.upload import Upload, display_name, file_name
from .failures import explain
from .folders import Folders, sync_folder
from .room import Room

_PIECE: Final = 1 << 18
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER_MODE: Final = 0o700
_MODE: Final = 0o444  # also for a worker with `user:`, to whom the work folder belongs
_SECOND: Final = 1_000_000_000
#: The file system has no hard links, or no more of this file.
_NO_LINK: Final = (errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV)


class Uploads:
    """Any thread. `remove` has a folder removed, soon."""

    def __init__(self, folders: Folders, room: Room, remove: Callable[[str], None]) -> None:
        self.folder: Final = folders.uploads
        self._folders: Final = folders
        self._room: Final = room
        self._remove: Final = remove
        #: The tasks that have files: most have none, and their end must cost nothing.
        self._held: Final = {os.path.basename(folder) for folder in folders.uploaded()}  # noqa: PTH119

    def admit(self, size: int = 0) -> None:
        """Raises StoreFull where there is no room for so many bytes more, and for what else is stored."""
        self._room.admit_file(size)

    def stage(self) -> Staged:
        """For the files of a submission."""
        return Staged(self._folders.uploads, self._keep, self._remove)

    def place(self, task_id: str, uploads: Iterable[Upload], work: str) -> None:
        """Into the work folder of an attempt, which belongs to nobody else yet. Raises SpawnError, OSError."""
        folder = self._folders.uploads_of(task_id)
        try:
            kept = {name.partition("-")[2]: name for name in os.listdir(folder)}  # noqa: PTH208
        except FileNotFoundError:
            kept = {}
        for upload in uploads:
            name = kept.get(upload.file)
            if name is None:
                raise SpawnError(f"could not be started: its file {upload.file} is gone")
            source = f"{folder}/{name}"
            status = os.stat(source, follow_symlinks=False)  # noqa: PTH116
            changed = int(name.partition("-")[0]) * _SECOND
            if (status.st_size, status.st_mtime_ns) != (upload.size, changed):
                raise SpawnError(
                    f"could not be started: its file {upload.file} was changed by a former attempt"
                )
            _link(source, f"{work}/{upload.file}")
        crash_at(Point.UPLOADS_PLACED)

    def release(self, task_id: str) -> None:
        """Its end is stored, or it never was: nobody needs its files any more."""
        if task_id in self._held:
            self._held.discard(task_id)
            self._remove(self._folders.uploads_of(task_id))

    def _keep(self, staged: Path, task_id: str) -> None:
        self._held.add(task_id)
        staged.rename(self._folders.uploads_of(task_id))
        sync_folder(self._folders.uploads)
        crash_at(Point.UPLOADED)


class Staged:
    """The files of one submission while they come in. Use it as a context: what is not kept is removed at its end."""

    def __init__(
        self, uploads: Path, keep: Callable[[Path, str], None], remove: Callable[[str], None]
    ) -> None:
        self._folder: Final = uploads / f"new-{os.urandom(8).hex()}"
        self._keep: Final = keep
        self._remove: Final = remove
        self._time: Final = int(time.time())
        self._count = 0
        self._kept = False

    def __enter__(self) -> Staged:
        return self

    def __exit__(self, *_: object) -> None:
        if self._count and not self._kept:
            self._remove(str(self._folder))

    def add(self, source: BinaryIO, name: str, suffix: str = "") -> Upload:
        """Reads `source` to its end, piece by piece, into a file that is on disk then. `name` is what the client calls
        it, of which nothing becomes part of a path. Raises StoreFull, StoreError."""
        try:
            if not self._count:
                self._folder.mkdir(_FOLDER_MODE)
            self._count += 1
            file = file_name(self._count, suffix)
            fd = os.open(self._folder / f"{self._time}-{file}", _NEW_FILE, 0o600)
        except OSError as error:
            raise explain(error, self._folder.parent) from error
        try:
            size, digest = self._copy(source, fd)
        finally:
            os.close(fd)
        return Upload(file=file, name=display_name(name), size=size, sha256=digest)

    def keep(self, task_id: str) -> None:
        """They are the files of this task from now on; on disk when it returns."""
        if not self._count:
            return
        try:
            sync_folder(self._folder)
            self._keep(self._folder, task_id)
        except OSError as error:
            raise explain(error, self._folder.parent) from error
        self._kept = True

    def _copy(self, source: BinaryIO, fd: int) -> tuple[int, str]:
        size, digest = 0, hashlib.sha256()
        while piece := source.read(_PIECE):
            size += len(piece)
            digest.update(piece)
            self._write(fd, piece)
        try:
            os.fchmod(fd, _MODE)
            os.utime(fd, (self._time, self._time))
            os.fsync(fd)
        except OSError as error:
            raise explain(error, self._folder.parent) from error
        return size, digest.hexdigest()

    def _write(self, fd: int, piece: bytes) -> None:
        left = memoryview(piece)
        try:
            while left:
                left = left[os.write(fd, left) :]
        except OSError as error:
            raise explain(error, self._folder.parent) from error


def _link(source: str, target: str) -> None:
    """A start may be tried twice: what is there is of the first try."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        os.unlink(target)  # noqa: PTH108
        _link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        shutil.copyfile(source, target, follow_symlinks=False)
        os.chmod(target, _MODE)  # noqa: PTH101
