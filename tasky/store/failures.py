"""What the errors of SQLite and of the system mean for the store, and what can be done about them."""

from __future__ import annotations

import errno
import os
import pwd
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..errors import StoreBusy, StoreDamaged, StoreError, StoreFull, TaskyError

_ALMOST_NOTHING: Final = 1 << 20


def explain(error: Exception, path: Path) -> TaskyError:
    """The same as an error of Tasky's own, naming the file where that helps. `path` is the database."""
    if isinstance(error, TaskyError):
        return error
    if isinstance(error, sqlite3.Error):
        return _explain_sqlite(error, path)
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StoreFull(f"{path}: {error.strerror}")
        return StoreError(f"{error.filename or path}: {error.strerror}{_owner(error)}")
    return StoreError(f"{type(error).__name__}: {error}")


def _explain_sqlite(error: sqlite3.Error, path: Path) -> StoreError:
    match code(error) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return StoreFull(f"{path}: the disk is full")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreBusy(f"{path}: another program has locked the database")
        case sqlite3.SQLITE_IOERR if _disk_is_full(path):
            return StoreFull(f"{path}: the disk is full")
        case sqlite3.SQLITE_NOTADB:
            return damaged(path, "this is not a database, or its header is damaged")
        case sqlite3.SQLITE_CORRUPT:
            return damaged(path, f"the database is damaged: {error}")
        case sqlite3.SQLITE_READONLY:
            return StoreError(_unusable(path, f"the database cannot be written to: {error}"))
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return StoreError(_unusable(path, f"the database cannot be opened: {error}"))
    return StoreError(f"{path}: {error}")


def damaged(path: Path, what: str) -> StoreDamaged:
    """An error that says what to do now."""
    state_dir = path.parent
    return StoreDamaged(
        f"{path}: {what}\n"
        f"Nothing was changed. What is wrong with it: tasky db check --state-dir {state_dir}\n"
        f"To go on from a backup: docs/operations.md, Restoring a backup"
    )


def code(error: sqlite3.Error) -> int:
    """SQLite's code of the error; 0 for one of the Python module itself."""
    return getattr(error, "sqlite_errorcode", 0)


def in_short(failure: TaskyError) -> str:
    """For those who may see no path."""
    match failure:
        case StoreFull():
            return "the disk is full"
        case StoreBusy():
            return "another program has locked the database"
        case StoreDamaged():
            return "the database is damaged: the server's log says more"
    return "nothing can be stored: the server's log says why"


def says_much(error: Exception) -> bool:
    """Whether it is about the database as a whole, and not about the one operation."""
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


def files_of(path: Path) -> Iterator[Path]:
    """The database, its write-ahead log and the log's index."""
    for ending in ("", "-wal", "-shm"):
        yield path.with_name(f"{path.name}{ending}")


def _unusable(path: Path, what: str) -> str:
    """SQLite does not say which of its files it cannot use."""
    for file in (*files_of(path), path.parent):
        if _exists(file) and not os.access(file, os.R_OK | os.W_OK):
            if os.statvfs(file).f_flag & os.ST_RDONLY:
                return f"{file}: it is on a read-only file system"
            return f"{file}: {_belongs(file)}"
    return f"{path}: {what}"


def _belongs(file: Path) -> str:
    found = file.stat()
    return (
        f"it belongs to {_name(found.st_uid)} (mode {found.st_mode & 0o7777:o}), and this is"
        f" {_name(os.geteuid())}, who may not write to it"
    )


def _owner(error: OSError) -> str:
    """Whose file it is that may not be used."""
    if error.errno not in (errno.EACCES, errno.EPERM) or error.filename is None:
        return ""
    place = Path(error.filename)
    while not _exists(place):
        place = place.parent
    what = "it" if place == Path(error.filename) else place
    return f": {what} belongs to {_name(place.stat().st_uid)}, and this is {_name(os.geteuid())}"


def _exists(file: Path) -> bool:
    return os.path.exists(file)  # noqa: PTH110 - Path.exists() raises where a folder may not be entered


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _disk_is_full(path: Path) -> bool:
    """SQLite tells a full disk as an I/O error in some places (the shared-memory file, a quota)."""
    try:
        space = os.statvfs(path.parent)
    except OSError:
        return False
    return space.f_bavail * space.f_frsize < _ALMOST_NOTHING
