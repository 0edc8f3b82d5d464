"""Opening the database, once it was looked at; making it; the migrations; a copy."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from ..crash import Point, crash_at
from ..errors import StoreError, TaskyError
from .connections import BUSY_TIMEOUT, connect_writer
from .failures import explain, files_of
from .folders import sync_folder
from .queries import MIGRATIONS
from .soundness import look_at

log = logging.getLogger(__name__)


def open_database(
    path: Path,
    migrations: Sequence[str] = MIGRATIONS,
    *,
    busy_timeout: float = BUSY_TIMEOUT,
    index_holds: bool = False,
) -> sqlite3.Connection:
    """The writer's connection to a sound database of the newest schema, made if it does not exist yet. One that is
    refused is left as it is. `index_holds`: see `wal.missing`."""
    try:
        if os.path.lexists(path):
            look_at(path, len(migrations), index_holds=index_holds)
        else:
            _create(path, migrations)
        connection = connect_writer(path, busy_timeout)
    except (OSError, sqlite3.Error) as error:
        raise explain(error, path) from error
    try:
        _must_have_wal(connection, path)
        migrate(connection, path, migrations)
        _try_to_write(connection, len(migrations))
    except sqlite3.Error as error:
        connection.close()
        raise explain(error, path) from error
    except TaskyError:
        connection.close()
        raise
    return connection


def _try_to_write(connection: sqlite3.Connection, version: int) -> None:
    """Says now, not later, that nothing can be written: a lock alone is given to anybody."""
    connection.execute("BEGIN IMMEDIATE").close()
    try:
        connection.execute(f"PRAGMA user_version={version}").close()
    finally:
        connection.execute("ROLLBACK").close()


def _must_have_wal(connection: sqlite3.Connection, path: Path) -> None:
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    if mode != "wal":  # SQLite does not say so when it cannot
        raise StoreError(
            f"{path}: SQLite has no write-ahead log on this filesystem: use a local one"
        )


# Making


def _create(path: Path, migrations: Sequence[str]) -> None:
    """Under another name first: what has the right one is whole, and never empty."""
    new = path.with_name(f"{path.name}.new")
    for file in files_of(new):
        file.unlink(missing_ok=True)  # of a server that died here
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    with closing(connect_writer(new)) as connection:
        _must_have_wal(connection, path)
        migrate(connection, new, migrations)
    new.rename(path)
    sync_folder(path.parent)


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    """Bring the schema up to date, one transaction for each step, after a backup of what was there."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if 0 < version < len(migrations):
        copy = path.with_name(f"{path.name}.schema-{version}")
        copy.unlink(missing_ok=True)  # of a migration that failed
        copy_database(connection, copy)
    for number, script in enumerate(migrations[version:], version + 1):
        log.info("migrating %s to schema %d", path, number)
        _step(connection, number, script)


def copy_database(connection: sqlite3.Connection, copy: Path) -> None:
    """A whole database as of one moment, in a new file that only its owner can read, synced to disk."""
    fd = os.open(copy, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        connection.execute("VACUUM INTO ?", (str(copy),)).close()
        os.fsync(fd)
        sync_folder(copy.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            copy.unlink()
        raise
    finally:
        os.close(fd)


def _step(connection: sqlite3.Connection, number: int, script: str) -> None:
    # executescript() would commit first by itself, so the whole transaction is one script.
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\n;PRAGMA user_version={number};")
        crash_at(Point.MIGRATING)
        connection.execute("COMMIT").close()
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK").close()
        raise
