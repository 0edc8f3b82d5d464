"""The lock of a state directory: one server at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Final, NamedTuple

from ..errors import StoreLocked

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_MOST: Final = 256


class StateLock:
    """Holds `<state>/lock` from its making to `release()`; the kernel lets go of it when the process dies.

    In the file are the holder's process id and, from `opened()` to `release()`, the boot id of the machine. So
    `died_on_this_boot` tells of a holder that did not release it: what it wrote to files is all there, synced or not.
    """

    def __init__(self, path: Path) -> None:
        self._fd: Final = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            self._take(path)
        except (OSError, StoreLocked):
            os.close(self._fd)
            raise
        _, self._boot = self._read()
        self.died_on_this_boot: Final = self._boot != "" and self._boot == _boot_id()
        self._opened = False
        self._write(os.getpid(), self._boot)

    def _take(self, path: Path) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder, _ = self._read()
            by = f" (process {holder})" if holder else ""
            message = f"another server{by} uses the state directory {path.parent}"
            raise StoreLocked(message) from None

    def opened(self) -> None:
        """The holder has taken over what the last one left."""
        self._opened = True
        self._write(os.getpid(), _boot_id())

    def release(self) -> None:
        """After `opened`, everything was closed in order. Without it, what the last holder left is left again."""
        # The file stays: to remove it would let two servers lock two files of the same name.
        self._write(None, "" if self._opened else self._boot)
        os.close(self._fd)

    def _read(self) -> tuple[str, str]:
        return _parsed(os.pread(self._fd, _MOST, 0))

    def _write(self, holder: int | None, boot: str) -> None:
        text = f"{holder or ''}\n{boot}\n" if holder or boot else ""
        with contextlib.suppress(OSError):  # a full disk has no room for it
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, text.encode(), 0)


class Holder(NamedTuple):
    """Who holds the lock, or held it last: whether that process lives, and was there since the machine's start."""

    lives: bool
    on_this_boot: bool

    @classmethod
    def of(cls, path: Path) -> Holder:
        """By what is in the file: the lock itself is left alone."""
        try:
            process, boot = _parsed(path.read_bytes()[:_MOST])
        except FileNotFoundError:
            return cls(lives=False, on_this_boot=False)
        same = boot != "" and boot == _boot_id()
        lives = process.isdecimal() and Path("/proc", process).exists()
        return cls(lives=same and lives, on_this_boot=same)


def _parsed(content: bytes) -> tuple[str, str]:
    """Process id and boot id, "" where there is none."""
    lines = content.decode("ascii", "replace").split("\n")
    return lines[0].strip(), lines[1].strip() if len(lines) > 1 else ""


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""
