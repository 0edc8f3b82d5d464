"""What is stored, for any thread: connections that only read, kept for the next caller."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from ..errors import StoreError
from ..model.chain.records import Record
from ..model.notify import Hook
from ..model.states import State
from ..model.task import Action, Idempotency, NewChain, Task
from . import chains, notifications, rows, schedules
from .connections import connect_reader
from .failures import explain
from .paging import SUMMARY, Query, Seen, statement
from .queries import QUERIES

_KEPT: Final = 16  # idle connections
_SLICE: Final = 1000  # of the tasks that wait, read together


class QueuedRow(NamedTuple):
    """What the scheduler must know of a task that waits. `attempts` is how many there were, `started` when the first
    one began."""

    id: str
    worker: str
    priority: int
    not_before: int | None
    attempts: int
    started: int | None


class EndRow(NamedTuple):
    """What a plot must know of a task that has ended. `run_ns` is 0 for one that never ran."""

    worker: str
    state: State
    finished: int
    run_ns: int


class Reader:
    """Answers from the last commit. Transactions are short: a long one would let the write-ahead log grow."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self._lock: Final = threading.Lock()
        self._idle: Final[list[sqlite3.Connection]] = []
        self._open = True

    def get(self, task_id: str) -> Task | None:
        """The whole task, with its attempts."""
        with self._transaction() as connection:
            return _task(connection, task_id)

    def state(self, task_id: str) -> State | None:
        with self._connection() as connection:
            row = connection.execute(QUERIES["state"], (task_id,)).fetchone()
        return None if row is None else State(row[0])

    def order(self, task_id: str) -> rows.OrderRow | None:
        """What is to be started. One statement, not the six of `get`: this is asked for each task that has waited."""
        with self._connection() as connection:
            row = connection.execute(QUERIES["order"], (task_id,)).fetchone()
        return None if row is None else rows.read_order(row)

    def origin(self, task_id: str) -> tuple[str, str | None] | None:
        """A task's worker, and who submitted it; None if there is no such task."""
        with self._connection() as connection:
            row = connection.execute(QUERIES["origin"], (task_id,)).fetchone()
        return None if row is None else (row[0], row[1])

    def session(self, digest: bytes, now: int) -> bytes | None:
        """The digest of the token that a session was made with, unless it is over."""
        with self._connection() as connection:
            row = connection.execute(QUERIES["session"], (digest, now)).fetchone()
        return None if row is None else bytes(row[0])

    def first(self, key: Idempotency) -> str | None:
        """The task that was submitted with this key before; IdempotencyConflict if that was another one than this."""
        with self._connection() as connection:
            row = connection.execute(QUERIES["task_by_key"], (rows.storable(key.key),)).fetchone()
        return None if row is None else rows.first(row, key)

    def page(self, query: Query) -> tuple[list[Task], str | None]:
        """Tasks, newest first, without parameters, output and former attempts; and the cursor of the next page."""
        with self._connection() as connection:
            seen = None if query.by.sees_all else Seen.of(query.by, _workers(connection))
            sql, values = statement(query, seen)
            found = connection.execute(sql, values).fetchall()
        page = [rows.read_task(row) for row in found[: query.limit]]
        return page, page[-1].id if page and len(found) > len(page) else None

    def summary(self, task_id: str) -> Task | None:
        """As a page has it."""
        with self._connection() as connection:
            row = connection.execute(SUMMARY, (task_id,)).fetchone()
        return None if row is None else rows.read_task(row)

    def queued(self) -> Iterator[QueuedRow]:
        """The tasks that wait, oldest first. For the start, when nothing changes meanwhile: they are read in slices, so
        that a long queue is never in memory twice."""
        last = ""
        while True:
            with self._connection() as connection:
                found = connection.execute(QUERIES["queued"], (last, _SLICE)).fetchall()
            for id_, worker, *others in found:
                # One text for all tasks of a worker.
                yield QueuedRow(id_, sys.intern(worker), *others)
            if len(found) < _SLICE:
                return
            last = found[-1][0]

    def ends(self, after: int, until: int, limit: int) -> list[EndRow]:
        """The latest of the tasks that have ended in that time."""
        with self._connection() as connection:
            found = connection.execute(QUERIES["ends"], (after, until, limit)).fetchall()
        return [
            EndRow(worker, State(state), finished, run_ns or 0)
            for worker, state, finished, run_ns in found
        ]

    def active(self) -> list[Task]:
        """The tasks that have a process, or had one when the server died."""
        return self._all("active")

    def active_chains(self) -> list[Task]:
        """The chains that have begun, and not ended."""
        return self._all("active_chains")

    def _all(self, query: str) -> list[Task]:
        with self._transaction() as connection:
            ids = [id_ for (id_,) in connection.execute(QUERIES[query]).fetchall()]
            return [task for task in (_task(connection, id_) for id_ in ids) if task is not None]

    def chain(self, task_id: str) -> NewChain | None:
        """None of a task that is no chain."""
        with self._connection() as connection:
            return chains.chain(connection, task_id)

    def course(self, parent: str, run: int) -> tuple[list[Record], dict[str, Mapping[str, Any]]]:
        """The tasks that were made in an attempt of a chain, and what is stored of its steps."""
        with self._transaction() as connection:
            found = chains.records(connection, parent, run)
            return found, chains.steps(connection, parent, run)

    def scheduled(self) -> tuple[dict[str, schedules.Looked], dict[str, list[int]]]:
        """How far each worker's schedule was looked at, and what is due of it."""
        with self._transaction() as connection:
            return schedules.looked(connection), schedules.due(connection)

    def last_run(self, worker: str) -> schedules.Run | None:
        """The task that was made for the last time of a worker's schedule."""
        with self._connection() as connection:
            return schedules.last(connection, worker)

    def output(self, task_id: str) -> str | None:
        """JSON text; None of a task that has none, or is gone."""
        with self._connection() as connection:
            row = connection.execute(QUERIES["output"], (task_id,)).fetchone()
        return None if row is None else row[0]

    def hooks(self, task_id: str) -> tuple[Hook, ...]:
        """Who is, or was, to be told of the task's end."""
        with self._connection() as connection:
            return notifications.hooks(connection, task_id)

    def due_notifications(
        self, now: int, limit: int, without: Iterable[str] = ()
    ) -> list[notifications.Due]:
        """Those to be sent at `now`, the longest due first, but for what goes to these origins."""
        with self._connection() as connection:
            return notifications.due(connection, now, limit, without)

    def next_notification(self, after: int) -> int | None:
        """When the first one becomes due that is not yet due at `after`."""
        with self._connection() as connection:
            return notifications.next_time(connection, after)

    def enabled_overrides(self) -> dict[str, tuple[bool, bool]]:
        """By worker: what a client set, and what the worker's file said then."""
        with self._connection() as connection:
            found = connection.execute(QUERIES["enabled"]).fetchall()
        return {name: (bool(enabled), bool(defined)) for name, enabled, defined in found}

    def newest(self) -> str | None:
        """The greatest id stored."""
        with self._connection() as connection:
            (newest,) = connection.execute(QUERIES["newest"]).fetchone()
        return None if newest is None else str(newest)

    def close(self) -> None:
        """Close the idle connections; one that is in use is closed by its user."""
        with self._lock:
            self._open = False
            idle, self._idle[:] = list(self._idle), []
        for connection in idle:
            connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Several statements on one and the same commit."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection: sqlite3.Connection | None = None
        try:
            connection = self._take()
            yield connection
            self._give_back(connection)
            connection = None
        except sqlite3.Error as error:
            raise explain(error, self._path) from error
        finally:
            if connection is not None:
                connection.close()  # whatever it was doing

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if not self._open:
                raise StoreError("the store is closed")
            if self._idle:
                return self._idle.pop()
        return connect_reader(self._path)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if self._open and len(self._idle) < _KEPT:
                self._idle.append(connection)
                return
        connection.close()


def _task(connection: sqlite3.Connection, task_id: str) -> Task | None:
    row = connection.execute(QUERIES["task"], (task_id,)).fetchone()
    if row is None:
        return None
    found = connection.execute(QUERIES["attempts"], (task_id,)).fetchall()
    attempts = [rows.read_attempt(attempt) for attempt in found]
    found = connection.execute(QUERIES["actions"], (task_id,)).fetchall()
    actions = tuple(Action(time=time, by=by, action=action) for time, by, action in found)
    told = notifications.of_task(connection, task_id)
    part, due = chains.part(connection, task_id), schedules.run_of(connection, task_id)
    return rows.read_task(row, attempts, told, actions, part, due)


def _workers(connection: sqlite3.Connection) -> list[str]:
    """Those that there are tasks of: one step in the index for each, however many tasks it has."""
    found: list[str] = []
    while True:
        last = found[-1] if found else ""
        (name,) = connection.execute(QUERIES["next_worker"], (last,)).fetchone()
        if name is None:
            return found
        found.append(name)
