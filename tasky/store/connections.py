"""Connections to the database, and their settings.

Nothing but SQLite ever opens or closes the database's files while a connection exists: closing any descriptor of them
would drop the locks that SQLite holds.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

BUSY_TIMEOUT: Final = 5.0  # seconds that SQLite waits for a foreign process' lock
WAL_PAGES: Final = 1000  # a checkpoint after so many: 4 MiB
#: KiB of pages that a reading connection keeps; the system caches the rest.
READER_CACHE: Final = 512
WAL_LIMIT: Final = 8 << 20  # bytes that the write-ahead log keeps of its size after a checkpoint


def connect_writer(path: Path, busy_timeout: float = BUSY_TIMEOUT) -> sqlite3.Connection:
    """The one connection that writes and checkpoints."""
    return _connect(
        path,
        "rw",
        busy_timeout,
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"wal_autocheckpoint={WAL_PAGES}",
        f"journal_size_limit={WAL_LIMIT}",
    )


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that neither writes nor checkpoints. There may be many: each has a small cache."""
    return _connect(
        path,
        "rw",
        BUSY_TIMEOUT,
        "query_only=ON",
        "wal_autocheckpoint=0",
        f"cache_size=-{READER_CACHE}",
    )


def connect_onlooker(path: Path, *, alone: bool = False) -> sqlite3.Connection:
    """A connection that cannot change the database or its write-ahead log, not even by its end. `alone`: nobody else
    can open it meanwhile, so without a log none need be made."""
    log = path.with_name(f"{path.name}-wal")
    mode = "ro&immutable=1" if alone and not log.exists() else "ro"
    return _connect(path, mode, BUSY_TIMEOUT)


def _connect(path: Path, mode: str, busy_timeout: float, *pragmas: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=busy_timeout,
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
