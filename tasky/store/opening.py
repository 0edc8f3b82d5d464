"""Opening a state directory: it is made, locked, looked at, and its database opened; on a full disk, too."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from ..errors import StoreFull
from . import soundness
from .connections import BUSY_TIMEOUT
from .database import open_database
from .failures import damaged, explain
from .folders import PASSABLE, Folders, make_folder, must_be_writable, sync_folder
from .lock import StateLock
from .queries import MIGRATIONS
from .room import Room

DATABASE: Final = "tasky.db"


class Opened(NamedTuple):
    """A state directory that is this process' alone. `connection` is the writer's."""

    database: Path
    connection: sqlite3.Connection
    folders: Folders
    room: Room
    lock: StateLock


def open_state(
    state_dir: Path,
    opened: ExitStack,
    *,
    busy_timeout: float = BUSY_TIMEOUT,
    held: int | None = None,
) -> Opened:
    """The lock is left to `opened` to release; the connection is the caller's. Raises a StoreError that names the file,
    and has changed nothing of it then. `held`: see StateLock."""
    try:
        make_state(state_dir)
        lock = StateLock(state_dir / "lock", held)
        opened.callback(lock.release)
        must_be_writable(state_dir)
        room, folders = Room(state_dir), Folders(state_dir)
        database = state_dir / DATABASE
        _refuse_to_lose(database, folders)
    except OSError as error:
        raise explain(error, state_dir) from error
    connection = _with_ballast(
        room, database, busy_timeout=busy_timeout, index_holds=lock.died_on_this_boot
    )
    lock.opened()
    return Opened(database, connection, folders, room, lock)


def _with_ballast(
    room: Room, database: Path, *, busy_timeout: float, index_holds: bool
) -> sqlite3.Connection:
    """SQLite needs some room to open what a full disk has stopped."""
    while True:
        try:
            return open_database(database, busy_timeout=busy_timeout, index_holds=index_holds)
        except StoreFull as error:
            if not room.drop():
                raise StoreFull(
                    f"{error.message}, and the ballast is used up: make room for a few MiB on the file system of"
                    f" {database.parent} by removing something else, then start again"
                ) from error


def _refuse_to_lose(database: Path, folders: Folders) -> None:
    """What belongs to no task of the database is removed: without one, that would be everything. And a log that
    belongs to another would be written into a new one."""
    if os.path.lexists(database):
        return
    log = database.with_name(f"{database.name}-wal")
    if os.path.lexists(log) and log.stat().st_size:
        raise damaged(database, "the database is missing, and there is its write-ahead log")
    if any(folders.kept_in(shard) for shard in folders.shards()):
        raise damaged(database, "the database is missing, and there are files of its tasks")
    if any(folders.is_of_task(folder) for folder in folders.uploaded()):
        raise damaged(database, "the database is missing, and there are files sent to its tasks")


def must_know(state_dir: Path) -> None:
    """Raises StoreError where the database, which a server uses, is none that we could go on with. Changes nothing."""
    database = state_dir / DATABASE
    try:
        soundness.must_know(database, len(MIGRATIONS))
    except (OSError, sqlite3.Error) as error:
        raise explain(error, database) from error


def make_state(state_dir: Path) -> None:
    """Private, but for what a worker with `user:` has to pass on its way to its work folder; only root can have such.
    What is in it is closed to others by itself."""
    if state_dir.is_dir():
        return
    parent = state_dir.parent
    if not parent.exists():
        parent.mkdir(parents=True)
    make_folder(state_dir, PASSABLE)
    with contextlib.suppress(OSError):
        sync_folder(parent)  # so that no power loss takes the folder with all that is synced in it
