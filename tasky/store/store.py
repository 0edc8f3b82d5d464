"""The store as the rest of the server knows it: a state directory, opened by one process at a time."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from ..errors import StoreFull, TaskyError
from . import tasks
from .ballast import Ballast
from .database import explain, has_reset_bug, open_database
from .folders import PASSABLE, Folders, make_folder
from .ids import TaskIds
from .lock import StateLock
from .log import LogReader
from .reader import Reader
from .scribe import Scribe
from .writer import Writer

_SLICE: Final = 256  # tasks that one transaction prunes

log = logging.getLogger(__name__)


class Store:
    """`reader` answers from what is stored, `writer` changes it, `scribe` writes files. See `open`."""

    def __init__(self, state_dir: Path, max_log: int, opened: ExitStack) -> None:
        """What is opened is left to `opened` to close, in the opposite order."""
        opened.callback(StateLock(state_dir / "lock").release)
        database = state_dir / "tasky.db"
        self._ballast: Final = Ballast(state_dir / "ballast")
        self._ballast.fill()
        self.folders: Final = Folders(state_dir)
        self.writer: Final = Writer(open_database(database), database)
        opened.callback(self.writer.close)
        self.reader: Final = Reader(database)
        opened.callback(self.reader.close)
        self.ids: Final = TaskIds(self.reader.newest())
        self.scribe: Final = Scribe(self.folders, max_log, self.reader.state)
        opened.callback(self.scribe.close)
        self.writer.start()
        self.scribe.start()
        self._closing = False
        self._opened: Final = opened.pop_all()

    @classmethod
    def open(cls, state_dir: Path, *, max_log: int) -> Store:
        """The store in `state_dir`, which is made if need be; `max_log` is the most bytes that a task's log takes.
        Raises a StoreError that names the file."""
        state_dir = state_dir.absolute()
        with ExitStack() as opened:
            try:
                _make(state_dir)
                store = cls(state_dir, max_log, opened)
            except OSError as error:
                raise explain(error, state_dir) from error
        if has_reset_bug():
            log.warning(
                "SQLite %s has a bug that can lose data where several connections write; Tasky has"
                " one only, so keep other programs from writing to its database, or upgrade SQLite",
                sqlite3.sqlite_version,
            )
        return store

    def log(self, task_id: str) -> LogReader:
        return LogReader(self.folders.name(task_id))

    def delete(self, task_id: str) -> None:
        """Forget a finished task and its files. Raises UnknownTask or WrongState."""
        try:
            self.writer.call(tasks.delete(task_id))
        except StoreFull:
            if not self._ballast.drop():
                raise
            self.writer.call(tasks.delete(task_id))
        self.scribe.discard([task_id])

    def prune(self, age: int, count: int) -> None:
        """Have the tasks forgotten that ended more than `age` ns ago, and the oldest of those beyond `count`. Returns
        at once."""
        self._ballast.fill()
        self._prune(time.time_ns(), age, count)

    def _prune(self, now: int, age: int, count: int) -> None:
        """One slice; the next one is posted when it is committed, so that others come in between."""

        def done(gone: list[str] | None, error: TaskyError | None) -> None:
            if gone is not None:
                self.scribe.discard(gone)
            elif self._closing:
                return  # the next start goes on
            elif not (isinstance(error, StoreFull) and self._ballast.drop()):
                log.error("old tasks cannot be removed: %s", error)
                return
            if gone is None or len(gone) == _SLICE:
                self._prune(now, age, count)

        self.writer.post(tasks.prune(now, age, count, _SLICE), done=done)

    def close(self) -> None:
        """Carry out what was posted, and close everything. Nobody may ask for anything any more."""
        self._closing = True
        self._opened.close()


def _make(state_dir: Path) -> None:
    """Private, but for what a worker with `user:` has to pass on its way to its work folder; only root can have such.
    What is in it is closed to others by itself."""
    if state_dir.is_dir():
        return
    parent = state_dir.parent
    if not parent.exists():
        parent.mkdir(parents=True)
    make_folder(state_dir, PASSABLE)
    with contextlib.suppress(OSError):
        _sync(parent)  # so that no power loss takes the folder with all that is synced in it


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
