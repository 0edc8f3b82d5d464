"""The lock of a state directory: one server at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import Final, NamedTuple

from ..edition import edition
from ..errors import StoreLocked

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_MOST: Final = 256
#: Seconds that a dead holder's children get to let go of the lock: one between fork and exec has it, too.
_PATIENCE: Final = 2.0
_PAUSE: Final = 0.01


class StateLock:
    """Holds `<state>/lock` from its making to `release()`; the kernel lets go of it when the process dies.

    In the file are the holder's process id; from `opened()` to `release()`, the boot id of the machine; and which code
    the holder runs. So `died_on_this_boot` tells of a holder that did not release it: what it wrote to files is all
    there, synced or not.
    """

    def __init__(self, path: Path, held: int | None = None) -> None:
        """`held` is the descriptor of another server of this process, which holds it: see `keep`."""
        self._kept = held is not None
        self._fd: Final = (
            os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            if held is None
            else held
        )
        if held is None:
            try:
                self._take(path)
            except (OSError, StoreLocked):
                os.close(self._fd)
                raise
        _, self._boot = self._read()
        died = self._boot != "" and self._boot == _boot_id()
        self.died_on_this_boot: Final = died and held is None
        self._opened = False
        self._write(os.getpid(), self._boot)

    def _take(self, path: Path) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder, _ = self._read()
                lives = _lives(holder)
                if lives or time.monotonic() > deadline:
                    raise StoreLocked(_in_use(path.parent, holder, lives=lives)) from None
                time.sleep(_PAUSE)
            else:
                return

    def opened(self) -> None:
        """The holder has taken over what the last one left."""
        self._opened = True
        self._write(os.getpid(), _boot_id())

    def keep(self, kept: bool) -> int:
        """Whether `release` leaves it to another server of this process, for which this is the descriptor."""
        self._kept = kept
        return self._fd

    def release(self) -> None:
        """After `opened`, everything was closed in order. Without it, what the last holder left is left again."""
        if self._kept:
            return
        # The file stays: to remove it would let two servers lock two files of the same name.
        self._write(None, "" if self._opened else self._boot)
        os.close(self._fd)

    def _read(self) -> tuple[str, str]:
        return _parsed(os.pread(self._fd, _MOST, 0))

    def _write(self, holder: int | None, boot: str) -> None:
        code = f"{edition()}\n" if holder else ""
        text = f"{holder or ''}\n{boot}\n{code}" if holder or boot else ""
        with contextlib.suppress(OSError):  # a full disk has no room for it
            # In this order: whoever reads it meanwhile must not find it empty, as of one that has ended.
            os.pwrite(self._fd, text.encode(), 0)
            os.ftruncate(self._fd, len(text))


class Holder(NamedTuple):
    """Who holds the lock, or held it last: whether that process lives, and was there since the machine's start; its id,
    and the code that it runs (see `edition`)."""

    lives: bool
    on_this_boot: bool
    pid: int = 0
    code: str = ""

    @classmethod
    def of(cls, path: Path) -> Holder:
        """By what is in the file: the lock itself is left alone."""
        try:
            content = path.read_bytes()[:_MOST]
        except FileNotFoundError:
            return cls(lives=False, on_this_boot=False)
        process, boot = _parsed(content)
        same = boot != "" and boot == _boot_id()
        if not (same and _lives(process)):
            return cls(lives=False, on_this_boot=same)
        return cls(lives=True, on_this_boot=True, pid=int(process), code=_code(content))


def _lives(process: str) -> bool:
    """A zombie does not (proc(5): the state follows the name, which may have blanks and brackets of its own)."""
    if not process.isdecimal():
        return False
    try:
        stat = Path("/proc", process, "stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(b")")[2].split()[0] not in (b"Z", b"X")


def _in_use(state_dir: Path, holder: str, *, lives: bool) -> str:
    if lives:
        return f"another server (process {holder}) uses the state directory {state_dir}"
    by = f"what process {holder} has left" if holder else "another process"
    return (
        f"{by} still holds the lock of the state directory {state_dir}: see fuser {state_dir}/lock"
    )


def _parsed(content: bytes) -> tuple[str, str]:
    """Process id and boot id, "" where there is none."""
    lines = content.decode("ascii", "replace").split("\n")
    return lines[0].strip(), lines[1].strip() if len(lines) > 1 else ""


def _code(content: bytes) -> str:
    """ "" of a server that did not write it yet."""
    lines = content.decode("ascii", "replace").split("\n")
    return lines[2].strip() if len(lines) > 2 else ""


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""
