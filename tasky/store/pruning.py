"""`tasky db prune`: what retention does, at once and without a server, also on a full disk."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import StoreError, StoreLocked
from . import tasks
from .connections import connect_onlooker, connect_writer
from .failures import explain
from .folders import Folders
from .opening import DATABASE, Opened, open_state
from .retention import SLICE
from .room import Room
from .trash import Trash
from .writer import Writer

_BLOCK: Final = 512  # of st_blocks
#: The database is written anew where at least such a part of it is free.
_WASTE: Final = 4

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruned:
    """How many tasks are gone (or would be), and the bytes that this frees: of files, and of the database. `reusable`
    bytes stay in its file, for new tasks."""

    tasks: int = 0
    files: int = 0
    database: int = 0
    reusable: int = 0


def doomed(state_dir: Path, age: int, count: int) -> Pruned:
    """What `prune` would do. A server may run meanwhile."""
    database = _existing(state_dir)
    try:
        with closing(connect_onlooker(database)) as connection:
            everything = tasks.doomed(connection, time.time_ns(), age, count, None)
    except sqlite3.Error as error:
        raise explain(error, database) from error
    folders = (f"{state_dir}/tasks/{task_id[-2:]}/{task_id}" for task_id in everything)
    return Pruned(tasks=len(everything), files=sum(map(_size, folders)))


def prune(state_dir: Path, age: int, count: int) -> Pruned:
    """Has the tasks forgotten that ended more than `age` ns ago, and the oldest of those beyond `count`, and their
    files removed. Raises StoreLocked where a server runs."""
    database = _existing(state_dir)
    before = database.stat().st_size
    with ExitStack() as opened:
        try:
            state = open_state(state_dir, opened)
        except StoreLocked as error:
            raise StoreLocked(
                f"{error.message}: it removes old tasks by itself (setting retention), and others by tasky delete"
            ) from error
        gone, files = _forget(state, age, count)
        reusable = _give_back(database)
    size = database.stat().st_size
    return Pruned(tasks=gone, files=files, database=max(0, before - size), reusable=reusable)


def _existing(state_dir: Path) -> Path:
    database = state_dir / DATABASE
    if not os.path.lexists(database):
        raise StoreError(f"{database}: there is no database")
    return database


def _forget(state: Opened, age: int, count: int) -> tuple[int, int]:
    """How many tasks, and the bytes of their files."""
    now, number, size = time.time_ns(), 0, 0
    writer = Writer(state.connection, state.database, state.room.drop)
    writer.start()
    try:
        while gone := writer.call(tasks.prune(now, age, count, SLICE), urgent=True):
            number += len(gone)
            size += _remove(state.folders, state.room, gone)
    finally:
        writer.close()
        state.room.fill()
    return number, size


def _remove(folders: Folders, room: Room, gone: Iterable[str]) -> int:
    """The bytes that the files had. The rows are gone: what cannot be removed now, the next start removes."""
    kept = [folders.name(task_id) for task_id in gone]
    size = sum(map(_size, kept))
    trash = Trash(folders.trash)
    try:
        for folder in kept:
            _take(trash, room, folder)
        while trash.sweep():
            pass
    finally:
        trash.close()
    return size


def _take(trash: Trash, room: Room, folder: str) -> None:
    try:
        trash.take(folder)
    except OSError as error:
        if room.drop():
            _take(trash, room, folder)
        else:
            log.warning("what a task left cannot be removed: %s", error)


def _size(folder: str) -> int:
    """Bytes on the disk of all that is in it."""
    size = 0
    for parent, _, names in os.walk(folder):
        for name in (".", *names):
            size += os.lstat(os.path.join(parent, name)).st_blocks * _BLOCK  # noqa: PTH118
    return size


def _give_back(database: Path) -> int:
    """Writes the database anew where much of its file is unused and there is room for that. Gives the bytes that it
    keeps unused."""
    with closing(connect_writer(database)) as connection:
        page, pages, free = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_size", "page_count", "freelist_count")
        )
        space = os.statvfs(database)
        # The new one is in the write-ahead log before it takes the place of the old one.
        if free * _WASTE < pages or space.f_bavail * space.f_frsize < 3 * (pages - free) * page:
            return int(free * page)
        try:
            connection.execute("VACUUM").close()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        except sqlite3.Error as error:
            log.warning("the database keeps its size: %s", error)
            return int(free * page)
    return 0
