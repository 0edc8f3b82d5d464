"""Whether a database may be used, found out without changing it."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from ..errors import StoreError
from . import wal
from .connections import connect_onlooker
from .failures import code, damaged

CHECK_SECONDS: Final = 1.0  # that the structure is looked at when the store opens


def look_at(path: Path, newest: int, *, index_holds: bool) -> None:
    """Raises what is wrong with a database that nobody uses; changes nothing. `newest`: the schema that we know."""
    if not path.is_file():
        raise StoreError(f"{path}: this is no regular file")
    if path.stat().st_size == 0:
        raise damaged(path, "the file is empty: it was a database")
    lost = wal.missing(path, CHECK_SECONDS, index_holds=index_holds)
    if lost is not None:
        raise damaged(path, f"what was written last is lost: {lost}")
    with closing(connect_onlooker(path, alone=True)) as connection:
        _check_schema(connection, path, newest)
        _quick_check(connection, path)


def must_know(path: Path, newest: int) -> None:
    """Raises StoreError where the database, which a server uses, is none that we could go on with."""
    with closing(connect_onlooker(path)) as connection:
        _check_schema(connection, path, newest)


def _check_schema(connection: sqlite3.Connection, path: Path, newest: int) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        raise StoreError(f"{path}: this is a database, but none of Tasky's")
    if version > newest:
        raise StoreError(
            f"{path}: the database was written by a newer Tasky"
            f" (schema {version}; this one knows {newest}): upgrade Tasky, or restore a backup"
        )


def _quick_check(connection: sqlite3.Connection, path: Path) -> None:
    """Look for damage, as far as a moment suffices."""
    end = time.monotonic() + CHECK_SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > end, 10_000)
    try:
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if code(error) != sqlite3.SQLITE_INTERRUPT:
            raise
        verdict = "ok"  # too big to be read through now
    finally:
        connection.set_progress_handler(None, 0)
    if verdict != "ok":
        raise damaged(path, f"the database is damaged: {in_a_line(verdict)}")


def in_a_line(verdict: str) -> str:
    """What SQLite's checks say."""
    return " ".join(verdict.removeprefix("*** in database main ***").split())
