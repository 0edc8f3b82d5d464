"""What there is of processes, threads, descriptors, cgroups and databases: looked at around every test (order.py).

Each look is a few system calls: an ordinary test must not notice.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Final

from tasky.supervisor.containment import home

_MARKER: Final = b"TASKY_WORKDIR="
#: Folders down from a test's own, in which a database may lie.
_DEEP: Final = 3

# ---------------------------------------------------------------------- this process


def children() -> frozenset[int]:
    """Also zombies: a child that nobody waited for is a leak."""
    return frozenset(_children(os.getpid()))


def threads() -> frozenset[int]:
    return frozenset(map(int, os.listdir("/proc/self/task")))  # noqa: PTH208 - twice for every test


def descriptors() -> frozenset[tuple[int, str]]:
    """Each with what it is open on."""
    found = set()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        with contextlib.suppress(FileNotFoundError):  # the one that the look itself had open
            found.add((int(name), os.readlink(f"/proc/self/fd/{name}")))  # noqa: PTH115
    return frozenset(found)


def cgroup() -> str:
    """Of this process: a server in it may move it, and has to move it back."""
    return home.proc.cgroup(os.getpid()) or ""


def thread_name(number: int) -> str:
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    return f"{names.get(number, 'not one of Python')} ({number})"


# ---------------------------------------------------------------------- others


def descendants(pids: Iterable[int]) -> frozenset[int]:
    """Of other processes; zombies too."""
    found: set[int] = set()
    waiting = list(pids)
    while waiting:
        new = _children(waiting.pop()) - found
        found |= new
        waiting += new
    return frozenset(found)


def marked(folders: tuple[str, ...]) -> frozenset[int]:
    """Processes that belong, as their environment says, to a task whose server has its state in one of these."""
    found = set()
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            _, mark, rest = _read(f"/proc/{name}/environ").partition(_MARKER)
            if mark and os.fsdecode(rest).startswith(folders):
                found.add(int(name))
    return frozenset(found)


def process_name(pid: int) -> str:
    state = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[:1]
    words = _read(f"/proc/{pid}/cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
    return f"{pid} {words[:100]}{' (a zombie)' if state == [b'Z'] else ''}".strip()


# ---------------------------------------------------------------------- cgroups


@cache
def cgroup_home() -> str | None:
    """The folder below which a server that is started here has its cgroups."""
    try:
        return home.find().folder
    except home.Unavailable:
        return None


def cgroups_of(state: Path) -> frozenset[str]:
    """The folder of the server with this state directory, and those of its attempts."""
    if cgroup_home() is None:
        return frozenset()
    folder = f"{cgroup_home()}/{home.instance(state)}"
    try:
        with os.scandir(folder) as entries:
            return frozenset({folder, *(entry.path for entry in entries if entry.is_dir())})
    except OSError:
        return frozenset()


def probes() -> frozenset[str]:
    """What a look for containment in this process has left."""
    folder = f"{cgroup_home()}/tasky-probe-{os.getpid()}"
    return frozenset({folder} if cgroup_home() and os.path.exists(folder) else ())  # noqa: PTH110


# ---------------------------------------------------------------------- databases


def databases(folder: str, depth: int = _DEEP) -> Iterator[str]:
    """Every tasky.db below it. What lies beside one is not looked at, for a state directory is full of folders."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        inside = list(entries)
        if any(entry.name == "tasky.db" for entry in inside):
            yield f"{folder}/tasky.db"
        elif depth:
            for entry in inside:
                if entry.is_dir(follow_symlinks=False):
                    yield from databases(entry.path, depth - 1)


def damage(database: str) -> str | None:
    """What is wrong with it; None for one that a server has open.

    For when this process has closed it: a second descriptor of it that is closed takes the locks of the first along.
    """
    if _is_used(os.path.dirname(database)):  # noqa: PTH120
        return None
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=rw", uri=True)) as connection:
            (said,) = connection.execute("PRAGMA integrity_check").fetchone()
    except sqlite3.Error as error:
        return str(error)
    return None if said == "ok" else str(said)


def _is_used(state: str) -> bool:
    """Whether a server has the state directory."""
    try:
        lock = os.open(f"{state}/lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


# ---------------------------------------------------------------------- reading /proc


def _children(pid: int) -> set[int]:
    """Each thread has a list of those that it started."""
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
            found.update(map(int, _read(f"/proc/{pid}/task/{thread}/children").split()))
    return found


def _read(file: str) -> bytes:
    """Nothing of a file that is not there: what it tells of has ended."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    parts = []
    try:
        while part := os.read(descriptor, 1 << 16):
            parts.append(part)
    except OSError:
        pass
    finally:
        os.close(descriptor)
    return b"".join(parts)
