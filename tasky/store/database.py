"""Connections to the database, their settings, the migrations, and what SQLite's errors mean.

Nothing but SQLite ever opens or closes the database's files while a connection exists: closing any descriptor of them
would drop the locks that SQLite holds.
"""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ..errors import StoreBusy, StoreError, StoreFull, TaskyError
from .queries import MIGRATIONS

BUSY_TIMEOUT: Final = 5000  # milliseconds that SQLite waits for a foreign process' lock
WAL_PAGES: Final = 1000  # a checkpoint after so many: 4 MiB
READER_CACHE: Final = (
    512  # KiB of pages that a reading connection keeps; the system caches the rest
)
WAL_LIMIT: Final = 64 << 20  # bytes that the write-ahead log keeps of its size after a checkpoint
CHECK_SECONDS: Final = 1.0  # that the structure is looked at when the store opens
_ALMOST_NOTHING: Final = 1 << 20

log = logging.getLogger(__name__)


def connect_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes and checkpoints."""
    return _connect(
        path,
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"wal_autocheckpoint={WAL_PAGES}",
        f"journal_size_limit={WAL_LIMIT}",
    )


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that neither writes nor checkpoints. There may be many: each has a small cache."""
    return _connect(path, "query_only=ON", "wal_autocheckpoint=0", f"cache_size=-{READER_CACHE}")


def _connect(path: Path, *pragmas: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_TIMEOUT / 1000,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    try:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def open_database(path: Path, migrations: Sequence[str] = MIGRATIONS) -> sqlite3.Connection:
    """The writer's connection to a sound database of the newest schema, made if it does not exist yet."""
    try:
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        connection = connect_writer(path)
    except (OSError, sqlite3.Error) as error:
        raise explain(error, path) from error
    try:
        _must_have_wal(connection, path)
        _quick_check(connection, path)
        migrate(connection, path, migrations)
        # Says now, not later, that nothing can be written.
        connection.execute("BEGIN IMMEDIATE").close()
        connection.execute("COMMIT").close()
    except sqlite3.Error as error:
        connection.close()
        raise explain(error, path) from error
    except TaskyError:
        connection.close()
        raise
    return connection


def _must_have_wal(connection: sqlite3.Connection, path: Path) -> None:
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    if mode != "wal":  # SQLite does not say so when it cannot
        raise StoreError(
            f"{path}: SQLite has no write-ahead log on this filesystem: use a local one"
        )


def _quick_check(connection: sqlite3.Connection, path: Path) -> None:
    """Look for damage, as far as a moment suffices."""
    end = time.monotonic() + CHECK_SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > end, 10_000)
    try:
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if _code(error) != sqlite3.SQLITE_INTERRUPT:
            raise
        verdict = "ok"  # too big to be read through now
    finally:
        connection.set_progress_handler(None, 0)
    if verdict != "ok":
        raise StoreError(f"{path}: the database is damaged: {' '.join(verdict.split())}")


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    """Bring the schema up to date, one transaction for each step, after a backup of what was there."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(migrations):
        raise StoreError(
            f"{path}: the database was written by a newer Tasky"
            f" (schema {version}; this one knows {len(migrations)}): upgrade Tasky, or restore a backup"
        )
    if 0 < version < len(migrations):
        _backup(connection, path.with_name(f"{path.name}.schema-{version}"))
    for number, script in enumerate(migrations[version:], version + 1):
        log.info("migrating %s to schema %d", path, number)
        _step(connection, number, script)


def _backup(connection: sqlite3.Connection, copy: Path) -> None:
    copy.unlink(missing_ok=True)  # of a migration that failed
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    connection.execute("VACUUM INTO ?", (str(copy),)).close()


def _step(connection: sqlite3.Connection, number: int, script: str) -> None:
    # executescript() would commit first by itself, so the whole transaction is one script.
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{script}\n;PRAGMA user_version={number};\nCOMMIT;"
        )
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK").close()
        raise


def explain(error: Exception, path: Path) -> TaskyError:
    """The same as an error of Tasky's own, naming the file where that helps."""
    if isinstance(error, TaskyError):
        return error
    if isinstance(error, sqlite3.Error):
        return _explain_sqlite(error, path)
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StoreFull(f"{path}: {error.strerror}")
        return StoreError(f"{error.filename or path}: {error.strerror}")
    return StoreError(f"{type(error).__name__}: {error}")


def _explain_sqlite(error: sqlite3.Error, path: Path) -> StoreError:
    match _code(error) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return StoreFull()
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreBusy("the store is busy: another process holds a lock on it")
        case sqlite3.SQLITE_IOERR if _disk_is_full(path):
            return StoreFull()
        case sqlite3.SQLITE_NOTADB:
            return StoreError(f"{path}: this is not a database, or its header is damaged")
        case sqlite3.SQLITE_CORRUPT:
            return StoreError(f"{path}: the database is damaged: {error}")
        case sqlite3.SQLITE_READONLY:
            return StoreError(f"{path}: the database cannot be written to: {error}")
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return StoreError(f"{path}: the database cannot be opened: {error}")
    return StoreError(f"{path}: {error}")


def _code(error: sqlite3.Error) -> int:
    """SQLite's code of the error; 0 for one of the Python module itself."""
    return getattr(error, "sqlite_errorcode", 0)


def _disk_is_full(path: Path) -> bool:
    """SQLite tells a full disk as an I/O error in some places (the shared-memory file, a quota)."""
    try:
        space = os.statvfs(path.parent)
    except OSError:
        return False
    return space.f_bavail * space.f_frsize < _ALMOST_NOTHING


def has_reset_bug(version: tuple[int, int, int] = sqlite3.sqlite_version_info[:3]) -> bool:
    """Whether this SQLite can lose pages where several connections checkpoint (3.7.0 to 3.51.2). Ours do not."""
    return version < (3, 51, 3) and not (
        (3, 44, 6) <= version < (3, 45, 0) or (3, 50, 7) <= version < (3, 51, 0)
    )
