"""`tasky db backup`: a copy of the database as of one moment; a server may run meanwhile."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ..errors import BackupError, StoreError, StoreFull
from .connections import connect_onlooker
from .database import copy_database
from .failures import explain
from .folders import sync_folder
from .opening import DATABASE
from .soundness import in_a_line


@dataclass(frozen=True, slots=True)
class Backup:
    path: Path
    tasks: int
    size: int


def back_up(state_dir: Path, path: Path) -> Backup:
    """Makes the file `path`, whole and synced, or nothing. Raises BackupError where it is there already or cannot be
    written, StoreError where the database cannot be read."""
    database = state_dir / DATABASE
    if not os.path.lexists(database):
        raise StoreError(f"{database}: there is no database")
    if os.path.lexists(path):
        raise BackupError(f"{path}: it is there already, and is not overwritten")
    part = path.with_name(f".{path.name}.part")
    try:
        part.unlink(missing_ok=True)  # of one that was killed
        try:
            with closing(connect_onlooker(database)) as connection:
                copy_database(connection, part)
            tasks = _checked(part)
            os.link(part, path)  # unlike a rename it overwrites nothing
        finally:
            part.unlink(missing_ok=True)
        sync_folder(path.parent)
    except FileExistsError as error:
        raise BackupError(f"{path}: it is there already, and is not overwritten") from error
    except OSError as error:
        raise BackupError(f"{path}: {os.strerror(error.errno or errno.EIO)}") from error
    except sqlite3.Error as error:
        explained = explain(error, database)
        if isinstance(explained, StoreFull):  # not where it is read, but where it is written
            raise BackupError(f"{path}: {os.strerror(errno.ENOSPC)}") from error
        raise explained from error
    return Backup(path, tasks, path.stat().st_size)


def _checked(copy: Path) -> int:
    """How many tasks are in it."""
    with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise BackupError(f"{copy}: the copy is damaged: {in_a_line(verdict)}")
        (tasks,) = connection.execute("SELECT count(*) FROM tasks").fetchone()
    return int(tasks)
