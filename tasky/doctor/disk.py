"""The state directory: who can use it, what it is on, and the database in it."""

from __future__ import annotations

import os
import pwd
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..errors import TaskyError
from ..model.units import format_size
from ..store import Glance, glance, is_used, room_needed, sqlite_is_sound, sqlite_version
from .finding import Finding, ok, problem, warning
from .mounts import kind_of

__all__ = ["is_used", "look"]

#: On which several machines may work: SQLite's write-ahead log needs memory that all its users share.
_REMOTE: Final = frozenset({"9p", "afs", "ceph", "cifs", "glusterfs", "nfs", "nfs4", "smb3"})
_MEMORY: Final = frozenset({"ramfs", "tmpfs"})
_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


def look(state_dir: Path) -> Iterator[Finding]:
    yield _folder(state_dir)
    there = _nearest(state_dir)
    yield _file_system(there)
    yield _room(there)
    yield _sqlite()
    yield _database(state_dir)


def _nearest(path: Path) -> Path:
    """It, or the folder in which it, or what is to hold it, would be made."""
    return next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())


def _folder(path: Path) -> Finding:
    there = _nearest(path)
    if not os.access(there, os.R_OK | os.W_OK | os.X_OK):
        what = f"{path} cannot be written by {_name(os.geteuid())}"
        if there != path.absolute():
            what = f"{path} is not there, and {_name(os.geteuid())} cannot make it in {there}"
        return problem("state", f"{what}: give it to that user, or set state_dir")
    if there != path.absolute():
        return ok("state", f"{path}, which the first start makes")
    status = path.stat()
    if not stat.S_ISDIR(status.st_mode):
        return problem("state", f"{path} is no folder: set state_dir")
    if status.st_mode & _OTHERS:
        return problem(
            "state",
            f"{path} can be written by others, who could change every task: chmod go-w {shlex.quote(str(path))}",
        )
    if status.st_uid != os.geteuid():
        return warning(
            "state", f"{path} belongs to {_name(status.st_uid)}: is it another server's?"
        )
    return ok("state", f"{path}, mode {stat.S_IMODE(status.st_mode):04o}")


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


def _sqlite() -> Finding:
    if not sqlite_is_sound():
        return warning(
            "sqlite",
            f"{sqlite_version()} has a bug that can lose data where several programs write: keep others from writing to"
            " Tasky's database, or use 3.51.3, 3.50.7 or 3.44.6",
        )
    return ok("sqlite", sqlite_version())


def _database(state_dir: Path) -> Finding:
    try:
        found = glance(state_dir)
    except TaskyError as error:
        return problem("database", f"{error.message}; `tasky db check` tells more")
    if found is None:
        return ok("database", "none yet: the first start makes it")
    return _schema(found)


def _schema(found: Glance) -> Finding:
    if found.is_used:
        return ok("database", f"schema {found.schema}, in use by a running server")
    if found.schema < found.newest:
        return ok(
            "database",
            f"schema {found.schema}: the next start saves a copy, and makes schema {found.newest} of it",
        )
    return ok("database", f"schema {found.schema}, sound at a quick look")


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
