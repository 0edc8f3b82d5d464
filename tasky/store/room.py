"""Room on the disk: how much there must be for what, and the ballast that is given away when there is none.

SQLite needs some room to delete a row, so a disk that is full to the last byte could not be cleaned up. What may grow
without end stops before it comes to that: first new tasks, then the logs of those that run.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from pathlib import Path
from typing import Final

from ..errors import StoreFull

_MIB: Final = 1 << 20
BALLAST: Final = 16 * _MIB
#: Bytes that must be left beside the ballast, for new tasks and for lines of logs.
FOR_TASKS: Final = 32 * _MIB
FOR_LOGS: Final = 4 * _MIB
#: Files that must be possible, where the file system counts them.
_FILES: Final = 256

log = logging.getLogger(__name__)


class Room:
    """On the file system of `folder`; any thread. The ballast is a file of its own that nobody reads. Where it was
    given away, its bytes are wanted on top for everything else, so that they are not eaten up meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder
        self._ballast: Final = folder / "ballast"
        self._lock: Final = threading.Lock()
        self._held = 0
        self._cannot = False  # be made, for another reason than the lack of room
        self._short = False
        self.fill()

    def admit(self) -> None:
        """Raises StoreFull where there is no room for new tasks."""
        lack = self._lack()
        self._say(lack)
        if lack is not None:
            raise StoreFull(f"{self._folder}: {lack}")

    def admit_file(self, size: int) -> None:
        """Raises StoreFull where a file of so many bytes would leave little room for new tasks: who sends files must
        not keep others from making tasks without."""
        self.admit()
        space = self._space()
        if space is not None and _free(space) < BALLAST + 2 * FOR_TASKS - self._held + size:
            raise StoreFull(
                f"{self._folder}: the disk is full: {_mib(_free(space))} are free, and a file of"
                f" {_mib(size)} is to come"
            )

    def takes_logs(self) -> bool:
        space = self._space()
        return space is None or _free(space) + self._held >= BALLAST + FOR_LOGS

    def trouble(self) -> str | None:
        """In words, with numbers, without paths; None while there is enough."""
        lack = self._lack()
        self._say(lack)
        return lack

    def free(self) -> int | None:
        """Bytes that are left for new files; None if that cannot be told."""
        space = self._space()
        return None if space is None else _free(space)

    def fill(self) -> None:
        """Take the ballast's bytes, if they are not taken yet and as many are left then."""
        self._cannot = False
        self._fill()

    def drop(self) -> bool:
        """Give the ballast away; False if there was none."""
        with self._lock:
            try:
                had = self._ballast.stat().st_size > 0
                os.truncate(self._ballast, 0)
            except OSError:
                return False
            self._held = 0
        if had:
            log.warning("the disk is full: the ballast of %d MiB is given away", BALLAST // _MIB)
        return had

    def _fill(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._cannot = True  # unless it can
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            fd = os.open(self._ballast, flags, 0o600)
            try:
                self._held = os.fstat(fd).st_size
                if self._held < BALLAST and _free(os.fstatvfs(fd)) >= 2 * BALLAST:
                    os.posix_fallocate(fd, 0, BALLAST)
                    self._held = os.fstat(fd).st_size
            finally:
                os.close(fd)
            self._cannot = False

    def _space(self) -> os.statvfs_result | None:
        try:
            return os.statvfs(self._folder)
        except OSError:
            return None  # whoever writes is told

    def _lack(self) -> str | None:
        space = self._space()
        if space is None:
            return None
        if self._held < BALLAST and not self._cannot and _free(space) >= 2 * BALLAST:
            self._fill()
            space = self._space() or space
        wanted = BALLAST + FOR_TASKS - self._held
        if _free(space) < wanted:
            return f"the disk is full: {_mib(_free(space))} are free, and new tasks need {_mib(wanted)}"
        if space.f_files and space.f_favail < _FILES:
            return f"the disk is full: there can be {space.f_favail} more files only"
        return None

    def _say(self, lack: str | None) -> None:
        """Once when it begins, and once when it is over."""
        if (lack is not None) is self._short:
            return
        self._short = lack is not None
        if lack is not None:
            log.error("no new tasks are taken: %s", lack)
        else:
            log.info("there is room on the disk again: new tasks are taken")


def _free(space: os.statvfs_result) -> int:
    return space.f_bavail * space.f_frsize


def _mib(size: int) -> str:
    return f"{size / _MIB:.1f} MiB"
