"""The lock of a state directory: one server at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Final

from ..errors import StoreLocked


class StateLock:
    """Holds `<state>/lock` from its making to `release()`; the kernel lets go of it when the process dies."""

    def __init__(self, path: Path) -> None:
        self._fd: Final = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            self._take(path)
        except (OSError, StoreLocked):
            os.close(self._fd)
            raise

    def _take(self, path: Path) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip()
            by = f" (process {holder})" if holder else ""
            message = f"another server{by} uses the state directory {path.parent}"
            raise StoreLocked(message) from None
        with contextlib.suppress(
            OSError
        ):  # the number is for people; a full disk has no room for it
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        # The file stays: to remove it would let two servers lock two files of the same name.
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, 0)
        os.close(self._fd)
