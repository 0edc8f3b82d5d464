"""The size of the write-ahead log: a checkpoint that does not come to an end by itself is brought to one."""

from __future__ import annotations

import logging
import sqlite3
import time
from pathlib import Path
from typing import Final

from .failures import explain

#: Bytes of the log above which its checkpoint waits for the readers, and seconds that it waits then.
HIGH_WATER: Final = 32 << 20
_WAIT: Final = 0.5
#: Seconds between two such tries: a foreign program may read for hours.
_PAUSE: Final = 5.0

log = logging.getLogger(__name__)


class Checkpoints:
    """For the thread and the connection that write. SQLite's own checkpoints wait for nobody, so readers that overlap
    without a gap would let the log grow without end."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection: Final = connection
        self._path: Final = path
        self._log: Final = path.with_name(f"{path.name}-wal")
        self._next = 0.0

    def look(self) -> None:
        """After a commit."""
        try:
            size = self._log.stat().st_size
        except OSError:
            return
        if size < HIGH_WATER or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _PAUSE
        if not self._finish():
            log.warning(
                "the write-ahead log has %d MiB: some program has been reading the database for long",
                size >> 20,
            )

    def _finish(self) -> bool:
        """Everything into the database, and the log begun anew; False where readers do not let go."""
        before = self._connection.execute("PRAGMA busy_timeout").fetchone()[0]
        self._connection.execute(f"PRAGMA busy_timeout={int(_WAIT * 1000)}").close()
        try:
            busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            log.error("the write-ahead log cannot be written back: %s", explain(error, self._path))
            return True
        finally:
            self._connection.execute(f"PRAGMA busy_timeout={before}").close()
        return not busy
