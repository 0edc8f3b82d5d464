"""A quick look at a state directory that may be another's, for `tasky doctor`. Changes nothing."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from .connections import connect_onlooker
from .failures import explain
from .lock import Holder
from .opening import DATABASE
from .queries import MIGRATIONS
from .room import BALLAST, FOR_TASKS
from .soundness import look_at

_NEWEST: Final = "SELECT created FROM tasks WHERE id = (SELECT max(id) FROM tasks)"
_TOTALS: Final = "SELECT state, tasks FROM totals"
_BACKLOG: Final = "SELECT count(*), min(next_at) FROM notifications WHERE next_at IS NOT NULL"


class Glance(NamedTuple):
    """`newest` is the schema that this version makes; `is_used`: by a running server. `size` and `log` are the bytes of
    the database and of its write-ahead log. The rest is known of this version's schema only."""

    schema: int
    newest: int
    is_used: bool
    size: int
    log: int
    contents: Contents | None = None


class Contents(NamedTuple):
    """How many tasks there are in each state, when the newest was made (nanoseconds; 0: there is none), how many
    notifications wait to be delivered, and since when the first of them has been due."""

    tasks: Mapping[str, int]
    newest: int
    notifications: int
    due: int | None


def glance(state_dir: Path) -> Glance | None:
    """None where there is no database yet. Raises StoreError, or another TaskyError, where it cannot be used."""
    database = state_dir / DATABASE
    try:
        if not os.path.lexists(database):
            return None
        found = lock_holder(state_dir)
        if not found.lives:
            look_at(database, len(MIGRATIONS), index_holds=found.on_this_boot)
        with closing(connect_onlooker(database, alone=not found.lives)) as connection:
            (schema,) = connection.execute("PRAGMA user_version").fetchone()
            contents = _contents(connection) if schema == len(MIGRATIONS) else None
        sizes = database.stat().st_size, _size(database.with_name(f"{DATABASE}-wal"))
    except (OSError, sqlite3.Error) as error:
        raise explain(error, database) from error
    return Glance(schema, len(MIGRATIONS), found.lives, *sizes, contents)


def lock_holder(state_dir: Path) -> Holder:
    """The server that has it open. OSError where that cannot be told."""
    return Holder.of(state_dir / "lock")


def _contents(connection: sqlite3.Connection) -> Contents:
    newest = connection.execute(_NEWEST).fetchone()
    waiting, due = connection.execute(_BACKLOG).fetchone()
    tasks = dict(connection.execute(_TOTALS).fetchall())
    return Contents(tasks, newest[0] if newest else 0, waiting, due)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def room_needed(state_dir: Path) -> int:
    """Bytes that must be free for new tasks to be taken."""
    try:
        held = (state_dir / "ballast").stat().st_size
    except OSError:
        held = 0
    return BALLAST + FOR_TASKS - min(held, BALLAST)


def sqlite_version() -> str:
    return sqlite3.sqlite_version
