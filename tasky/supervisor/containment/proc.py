"""Reading /proc: who a process is, whose child, and what it says about its task. No process is trusted by number alone.

A number is another process's as soon as its own was reaped. So a process is known by number and start time, and
signalled by a pidfd that was compared with both.

What is gone, or another user's, is told as None. Every other OSError (no descriptor is left) is raised: who does not
know must not take something for gone.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Iterator
from types import TracebackType
from typing import Final, NamedTuple

#: No tree that we walk is larger: against loops that a hostile one could make us run for long.
_MOST: Final = 20_000
#: Bytes that are read at once.
_PIECE: Final = 16 << 10
_GONE: Final = frozenset({errno.ENOENT, errno.ESRCH, errno.EACCES, errno.EPERM})


class Process(NamedTuple):
    """One process, for certain: `started` is in clock ticks since the boot (proc(5), field 22)."""

    pid: int
    started: int


class Stat(NamedTuple):
    """What /proc/PID/stat tells; `state` is one letter."""

    pid: int
    state: str
    parent: int
    group: int
    session: int
    started: int

    @property
    def dead(self) -> bool:
        return self.state in "ZX"

    @property
    def process(self) -> Process:
        return Process(self.pid, self.started)


class Marker(NamedTuple):
    """What every process of a task has in its environment, if it has not removed it. One that was started before its
    task was known is marked with a folder and an id of its own."""

    task_id: str
    attempt: str
    workdir: str


def whole(file: str) -> bytes:
    """A file that the kernel makes up. Without Python's own files: those make three system calls more, and each may
    cost the interpreter's lock."""
    fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        pieces = []
        while piece := os.read(fd, _PIECE):
            pieces.append(piece)
    finally:
        os.close(fd)
    return b"".join(pieces)


def stat(pid: int) -> Stat | None:
    """None for a process that is gone."""
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    if len(fields) < 20:
        return None
    return Stat(
        pid, fields[0].decode(), int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19])
    )


def children(pid: int) -> list[int]:
    """Of all its threads; none for one that is gone. The kernel promises the list to be whole only while none of them
    ends: so what must be sure is looked at twice."""
    found: list[int] = []
    with _GoneIsNormal():
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
            found.extend(map(int, _read(f"/proc/{pid}/task/{thread}/children").split()))
    return found


def descendants(pid: int) -> list[Stat]:
    """The living ones, and zombies that nobody has reaped; parents before their children. `pid` must be pinned: a child
    of ours that was not reaped, or ourselves."""
    found: list[Stat] = []
    parents = [pid]
    for parent in parents:
        for child in children(parent):
            seen = stat(child)
            if seen is not None and seen.parent == parent:
                found.append(seen)
                parents.append(child)
        if len(found) > _MOST:
            break
    return found


def send(process: Process, number: int) -> bool:
    """Signals it; False if it is gone (or under another user), or if that cannot be told."""
    try:
        pidfd = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        now = stat(process.pid)
        if now is None or now.process != process:
            return False
        signal.pidfd_send_signal(pidfd, number)
    except OSError:
        return False
    finally:
        os.close(pidfd)
    return True


def marker(pid: int) -> Marker | None:
    """None for one without; for a zombie, which has no environment; and for another user's."""
    environment = _read(f"/proc/{pid}/environ")
    if b"TASKY_" not in environment:  # asked of every process that there is
        return None
    values = {
        b"TASKY_TASK_ID": "",
        b"TASKY_ATTEMPT": "",
        b"TASKY_WORKDIR": "",
        b"TASKY_PROCESS": "",
    }
    for variable in environment.split(b"\0"):
        name, _, value = variable.partition(b"=")
        if name in values:
            values[name] = value.decode(errors="replace")
    task_id, attempt, workdir, process = values.values()
    if process:
        return Marker(process.rpartition("/")[2], "1", process)
    return Marker(task_id, attempt, workdir) if task_id else None


def cwd(pid: int) -> str:
    """The folder that it works in; empty if that cannot be told."""
    with _GoneIsNormal():
        return os.readlink(f"/proc/{pid}/cwd")  # noqa: PTH115
    return ""


def cgroup(pid: int) -> str:
    """Its place in cgroup v2, also a zombie's; empty if that cannot be told."""
    lines = _read(f"/proc/{pid}/cgroup").decode(errors="surrogateescape").splitlines()
    path = next((line[3:] for line in lines if line.startswith("0::")), "")
    return path.removesuffix(" (deleted)")


def pids() -> Iterator[int]:
    return (int(entry) for entry in os.listdir("/proc") if entry.isdigit())  # noqa: PTH208


def _read(file: str) -> bytes:
    """Nothing of a process that is gone, or another user's."""
    with _GoneIsNormal():
        return whole(file)
    return b""


class _GoneIsNormal(contextlib.AbstractContextManager[None, bool]):
    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> bool:
        return isinstance(error, OSError) and error.errno in _GONE
