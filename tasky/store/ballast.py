"""Room that is kept for a full disk: to delete a row, SQLite needs some first."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

SIZE: Final = 16 << 20  # bytes
_PLENTY: Final = 4 * SIZE  # a disk with less than this left is not filled by us


class Ballast:
    """A file of `SIZE` bytes that nobody reads."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path

    def fill(self) -> None:
        """Take the room, if it is not taken yet and there is plenty."""
        with contextlib.suppress(OSError):  # then there is none
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            fd = os.open(self._path, flags, 0o600)
            try:
                space = os.fstatvfs(fd)
                if os.fstat(fd).st_size < SIZE and space.f_bavail * space.f_frsize > _PLENTY:
                    os.posix_fallocate(fd, 0, SIZE)
            finally:
                os.close(fd)

    def drop(self) -> bool:
        """Give the room away; False if there was none."""
        try:
            had = self._path.stat().st_size > 0
            os.truncate(self._path, 0)
        except OSError:
            return False
        return had
