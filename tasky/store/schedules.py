"""What is stored of schedules: how far they have been looked at, what is due, which task was made for which time."""

from __future__ import annotations

from collections.abc import Iterable
from sqlite3 import Connection
from typing import NamedTuple

from ..model.states import State
from ..model.task import NewTask
from .queries import QUERIES
from .writer import Operation


class Looked(NamedTuple):
    """At a worker's schedule: what said when, and up to which time."""

    times: str
    since: int


class Run(NamedTuple):
    """A task that was made for the time `at`."""

    task_id: str
    at: int
    state: State


def insert(connection: Connection, new: NewTask) -> None:
    """What there is of a schedule in a new task: the time for which it is made is not due any more."""
    if new.due is not None:
        connection.execute(QUERIES["insert_run"], (new.worker, new.due, new.id))
        connection.execute(QUERIES["not_due"], (new.worker, new.due))


def note(worker: str, looked: Looked, due: Iterable[int]) -> Operation[list[int]]:
    """A schedule was looked at, and these times are due. Gives those that are, and were not."""
    times = list(due)

    def operation(connection: Connection) -> list[int]:
        connection.execute(QUERIES["note_schedule"], (worker, *looked))
        return [at for at in times if _note_due(connection, worker, at)]

    return operation


def _note_due(connection: Connection, worker: str, at: int) -> bool:
    """Nothing is due twice: where the clock was set back, there is a run for that time already."""
    if connection.execute(QUERIES["run_at"], (worker, at)).fetchone() is not None:
        return False
    return connection.execute(QUERIES["note_due"], (worker, at)).rowcount > 0


def leave_out(worker: str, at: int) -> Operation[None]:
    """There will be no task for this time."""

    def operation(connection: Connection) -> None:
        connection.execute(QUERIES["not_due"], (worker, at))

    return operation


def forget(worker: str) -> Operation[None]:
    """It has no schedule any more."""

    def operation(connection: Connection) -> None:
        connection.execute(QUERIES["forget_schedule"], (worker,))
        connection.execute(QUERIES["forget_due"], (worker,))

    return operation


def looked(connection: Connection) -> dict[str, Looked]:
    found = connection.execute(QUERIES["schedules"]).fetchall()
    return {worker: Looked(times, since) for worker, times, since in found}


def due(connection: Connection) -> dict[str, list[int]]:
    """By worker, the earliest first."""
    times: dict[str, list[int]] = {}
    for worker, at in connection.execute(QUERIES["due"]).fetchall():
        times.setdefault(worker, []).append(at)
    return times


def last(connection: Connection, worker: str) -> Run | None:
    row = connection.execute(QUERIES["last_run"], (worker,)).fetchone()
    return None if row is None else Run(row[0], row[1], State(row[2]))


def run_of(connection: Connection, task_id: str) -> int | None:
    """The time for which a task was made, if it was."""
    row = connection.execute(QUERIES["run_of"], (task_id,)).fetchone()
    return None if row is None else int(row[0])
