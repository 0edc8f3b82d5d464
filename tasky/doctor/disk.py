"""The state directory: who can use it, and what it is on."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..model.units import format_size
from ..store import room_needed
from .finding import Finding, ok, problem, warning
from .mounts import kind_of
from .running import Running, name_of

#: On which several machines may work: SQLite's write-ahead log needs memory that all its users share.
_REMOTE: Final = frozenset({"9p", "afs", "ceph", "cifs", "glusterfs", "nfs", "nfs4", "smb3"})
_MEMORY: Final = frozenset({"ramfs", "tmpfs"})
_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


def look(state_dir: Path, server: Running) -> Iterator[Finding]:
    yield _folder(state_dir, server)
    there = _nearest(state_dir)
    yield _file_system(there)
    yield _room(there)


def _nearest(path: Path) -> Path:
    """It, or the folder in which it, or what is to hold it, would be made."""
    return next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())


def _folder(path: Path, server: Running) -> Finding:
    there = _nearest(path)
    if there != path.absolute():
        return _missing(path, there, server)
    status = path.stat()
    shell = shlex.quote(str(path))
    if not stat.S_ISDIR(status.st_mode):
        return problem("state", f"{path} is no folder: set state_dir")
    if status.st_mode & _OTHERS:
        return problem(
            "state",
            f"{path} can be written by others, who could change every task: chmod go-w {shell}",
        )
    if not server.is_this_user:
        return _of_another(path, status, server)
    if not _is_usable(path):
        return problem("state", f"{path} {_cannot(server)}: give it to that user, or set state_dir")
    if status.st_uid != server.uid:
        whose = name_of(status.st_uid)
        return warning("state", f"{path} belongs to {whose}: is it another server's?")
    return ok("state", f"{path}, mode {stat.S_IMODE(status.st_mode):04o}")


def _missing(path: Path, there: Path, server: Running) -> Finding:
    if server.is_this_user and not _is_usable(there):
        user = server.user
        return problem(
            "state",
            f"{path} is not there, and {user} cannot make it in {there}: give it to that user, or set state_dir",
        )
    return ok("state", f"{path}, which the first start makes")


def _of_another(path: Path, status: os.stat_result, server: Running) -> Finding:
    """Seen by somebody else than the server: the mode tells what it may do there."""
    said = f"{path}, mode {stat.S_IMODE(status.st_mode):04o}, of {name_of(status.st_uid)}"
    if server.uid not in (0, status.st_uid):
        return problem(
            "state", f"{said}; {_cannot(server)}: chown {server.user} {shlex.quote(str(path))}"
        )
    return ok("state", said)


def _cannot(server: Running) -> str:
    return f"cannot be written by {server.user}"


def _is_usable(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.W_OK | os.X_OK)


def _file_system(there: Path) -> Finding:
    kind = kind_of(there)
    if kind in _REMOTE:
        return problem(
            "filesystem",
            f"{kind}: SQLite can lose data on a network's file system. Put state_dir on a disk of this machine",
        )
    if kind in _MEMORY:
        return warning("filesystem", f"{kind}: it is in memory, and all tasks go with a reboot")
    return ok("filesystem", kind)


def _room(there: Path) -> Finding:
    space = os.statvfs(there)
    free, needed = space.f_bavail * space.f_frsize, room_needed(there)
    shown = f"{format_size(free >> 20 << 20)} free"
    if free < needed:
        return problem("room", f"{shown}: no tasks are taken below {format_size(needed)}")
    if space.f_files and space.f_favail < 10_000:
        return warning("room", f"{shown}, and room for {space.f_favail} more files only")
    return ok("room", shown)
