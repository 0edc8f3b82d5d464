"""A quick look at a state directory that may be another's, for `tasky doctor`. Changes nothing."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from .connections import connect_onlooker
from .database import has_reset_bug
from .failures import explain
from .lock import Holder
from .opening import DATABASE
from .queries import MIGRATIONS
from .room import BALLAST, FOR_TASKS
from .soundness import look_at


class Glance(NamedTuple):
    """`newest` is the schema that this version makes; `is_used`: by a running server."""

    schema: int
    newest: int
    is_used: bool


def glance(state_dir: Path) -> Glance | None:
    """None where there is no database yet. Raises StoreError, or another TaskyError, where it cannot be used."""
    database = state_dir / DATABASE
    try:
        if not os.path.lexists(database):
            return None
        holder = Holder.of(state_dir / "lock")
        if not holder.lives:
            look_at(database, len(MIGRATIONS), index_holds=holder.on_this_boot)
        with closing(connect_onlooker(database, alone=not holder.lives)) as connection:
            (schema,) = connection.execute("PRAGMA user_version").fetchone()
    except (OSError, sqlite3.Error) as error:
        raise explain(error, database) from error
    return Glance(schema, len(MIGRATIONS), holder.lives)


def is_used(state_dir: Path) -> bool:
    """Whether a server has it open."""
    try:
        return Holder.of(state_dir / "lock").lives
    except OSError:
        return False


def room_needed(state_dir: Path) -> int:
    """Bytes that must be free for new tasks to be taken."""
    try:
        held = (state_dir / "ballast").stat().st_size
    except OSError:
        held = 0
    return BALLAST + FOR_TASKS - min(held, BALLAST)


def sqlite_version() -> str:
    return sqlite3.sqlite_version


def sqlite_is_sound() -> bool:
    """False for one whose write-ahead log can lose data under several writers."""
    return not has_reset_bug()
