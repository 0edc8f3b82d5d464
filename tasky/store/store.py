"""The store as the rest of the server knows it: a state directory, opened by one process at a time."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..crash import Point, crash_at
from ..model.task import NewTask
from ..tally import Reading
from . import tasks
from .connections import BUSY_TIMEOUT
from .failures import explain, in_short
from .faults import has_reset_bug
from .ids import TaskIds
from .log import LogReader
from .opening import open_state
from .reader import Reader
from .retention import Retention
from .scribe import Scribe
from .uploads import Uploads
from .writer import Operation, Writer

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """Of the store at one moment. `database`, `wal` (its write-ahead log) and `free` (of the disk) are in bytes, None
    where that cannot be told; `seconds` and `sizes` are those of all commits so far: see Writer."""

    database: int | None
    wal: int | None
    free: int | None
    seconds: Reading
    sizes: Reading
    syncs: int


class Store:
    """`reader` answers from what is stored, `writer` changes it, `scribe` writes files. See `open`."""

    def __init__(
        self,
        state_dir: Path,
        max_log: int,
        busy_timeout: float,
        on_logged: Callable[[str], None],
        opened: ExitStack,
        handed: Mapping[str, Any] | None,
    ) -> None:
        """What is opened is left to `opened` to close, in the opposite order."""
        database, connection, folders, room, self._lock = open_state(
            state_dir,
            opened,
            busy_timeout=busy_timeout,
            held=None if handed is None else handed["lock"],
        )
        self._room: Final = room
        self._database: Final = database
        self.folders: Final = folders
        self.writer: Final = Writer(connection, database, room.drop)
        opened.callback(self.writer.close)
        self.reader: Final = Reader(database)
        opened.callback(self.reader.close)
        self.ids: Final = TaskIds(self.reader.newest())
        self.scribe: Final = Scribe(folders, max_log, self.reader.state, room.takes_logs, on_logged)
        opened.callback(self.scribe.close)
        self.uploads: Final = Uploads(folders, room, self.scribe.remove)
        self._retention: Final = Retention(self.writer, self.scribe.discard)
        opened.callback(self._retention.close)
        for task_id, *known in handed["logs"] if handed else ():
            self.scribe.go_on(task_id, *known)
        self.writer.start()
        self.scribe.start()
        self._opened: Final = opened.pop_all()

    @classmethod
    def open(
        cls,
        state_dir: Path,
        *,
        max_log: int,
        busy_timeout: float = BUSY_TIMEOUT,
        on_logged: Callable[[str], None] = lambda _: None,
        handed: Mapping[str, Any] | None = None,
    ) -> Store:
        """The store in `state_dir`, which is made if need be; `max_log` is the most bytes that a task's log takes,
        `busy_timeout` the seconds that a foreign lock on the database is waited for. `on_logged(task_id)` is
        called in the scribe's thread when lines of a log are on disk; it must be quick. With what another store was
        `handed` over as, it goes on where that one has stopped, and has the same lock. Raises a StoreError that names
        the file."""
        state_dir = state_dir.absolute()
        with ExitStack() as opened:
            try:
                store = cls(state_dir, max_log, busy_timeout, on_logged, opened, handed)
            except OSError as error:
                raise explain(error, state_dir) from error
        if has_reset_bug():
            log.warning(
                "SQLite %s has a bug that can lose data where several connections write; Tasky has"
                " one only, so keep other programs from writing to its database, or upgrade SQLite",
                sqlite3.sqlite_version,
            )
        return store

    def insert(self, new: NewTask, started: int | None) -> Operation[str]:
        """See `tasks.insert`. It raises StoreFull while there is too little room for new tasks."""
        return tasks.insert(new, started, self._room.admit)

    def log(self, task_id: str) -> LogReader:
        return LogReader(self.folders.name(task_id))

    def delete(self, task_id: str) -> None:
        """Forget a finished task and its files, those of a chain included, also on a full disk. Raises UnknownTask or
        WrongState."""
        gone = self.writer.call(tasks.delete(task_id), urgent=True)
        crash_at(Point.DELETED)
        self.scribe.discard(gone)

    def prune(self, age: int, count: int) -> None:
        """See `Retention.prune`. To be called now and then."""
        self._room.fill()
        self._retention.prune(age, count)

    def trouble(self) -> str | None:
        """What keeps tasks from being stored now, for the operator; None while nothing does. It names no path."""
        lack = self._room.trouble()
        if lack is not None:
            return lack
        failure = self.writer.trouble
        return None if failure is None else in_short(failure)

    def figures(self) -> Figures:
        """Any thread."""
        return Figures(
            database=_size(self._database),
            wal=_size(self._database.with_name(f"{self._database.name}-wal")),
            free=self._room.free(),
            seconds=self.writer.seconds.read(),
            sizes=self.writer.sizes.read(),
            syncs=self.writer.syncs,
        )

    def settle(self) -> None:
        """Another store has handed over to this one, which from now on is the one that releases the lock."""
        self._lock.keep(False)

    def hand_over(self) -> dict[str, Any]:
        """Closes everything but the lock, which another store of this process goes on with: what it must know, as
        JSON."""
        lock = self._lock.keep(True)
        self.close()
        return {"lock": lock, "logs": self.scribe.left}

    def close(self) -> None:
        """Carry out what was posted, and close everything. Nobody may ask for anything any more."""
        self._opened.close()


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except OSError:
        return None
