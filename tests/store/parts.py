"""Tasks in every state, and waiting for the store's threads."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from tasky.errors import StoreFull, TaskyError
from tasky.model.states import TERMINAL, Event, State
from tasky.model.task import Attempt, NewTask, Outcome
from tasky.store import Reader, Remains, Scribe, TaskIds, Writer, tasks
from tasky.store.writer import Operation
from tests.helpers import PATIENCE

IDS = TaskIds()
MAX_LOG = 1 << 20
ATTEMPT = Attempt(number=1, started=200, finished=300, exit_code=0)


def new_task(**fields: Any) -> NewTask:
    return NewTask(
        **{"id": IDS.new(), "worker": "sleeper", "params": {"seconds": 1}, "created": 100, **fields}
    )


def outcome(state: State = State.COMPLETED, finished: int = 300) -> Outcome:
    return Outcome(state=state, finished=finished, duration=100)


def steps_to(state: State, new: NewTask) -> list[Operation[Any]]:
    """What brings a new task into `state`."""
    inserted = tasks.insert(new, None if state is State.QUEUED else 200)
    match state:
        case State.QUEUED | State.RUNNING:
            return [inserted]
        case State.PAUSED:
            return [inserted, tasks.change(new.id, Event.PAUSE)]
        case State.CANCELING:
            return [inserted, tasks.change(new.id, Event.CANCEL)]
        case State.CANCELED:
            return [
                *steps_to(State.CANCELING, new),
                tasks.finish(new.id, outcome(state), ATTEMPT),
            ]
        case _:
            return [inserted, tasks.finish(new.id, outcome(state), ATTEMPT)]


def all_of(operations: list[Operation[Any]]) -> Operation[None]:
    """Many operations as one: thousands of tasks are stored in one commit."""

    def operation(connection: sqlite3.Connection) -> None:
        for single in operations:
            single(connection)

    return operation


def put(writer: Writer, state: State = State.COMPLETED, **fields: Any) -> str:
    """A task in that state; gives its id."""
    finished = fields.pop("finished", None)
    new = new_task(**fields)
    steps = steps_to(state, new)
    if finished is not None:
        assert state in TERMINAL
        steps[-1] = tasks.finish(new.id, outcome(state, finished), ATTEMPT)
    writer.call(all_of(steps))
    return new.id


class Database(NamedTuple):
    """A store without files: most tests need no more."""

    writer: Writer
    reader: Reader


class Answers:
    """Collects what `done` is given."""

    def __init__(self) -> None:
        self.got: list[tuple[Any, TaskyError | None]] = []
        self._came = threading.Semaphore(0)

    def done(self, result: Any, error: TaskyError | None) -> None:
        self.got.append((result, error))
        self._came.release()

    def wait(self, count: int) -> list[tuple[Any, TaskyError | None]]:
        for _ in range(count):
            assert self._came.acquire(timeout=PATIENCE)
        return self.got

    @property
    def results(self) -> list[Any]:
        return [result for result, _ in self.got]

    @property
    def errors(self) -> list[TaskyError | None]:
        return [error for _, error in self.got]


@contextmanager
def held(writer: Writer) -> Iterator[None]:
    """What is posted inside is carried out as one group, afterwards."""
    # In a callback: no transaction is open meanwhile.
    with _held(lambda hold: writer.post(lambda _: None, done=lambda *_: hold())):
        yield


@contextmanager
def held_scribe(scribe: Scribe) -> Iterator[None]:
    """Jobs given inside are carried out in one turn, afterwards."""
    with _held(lambda hold: scribe.finish(IDS.new(), want_output=False, done=lambda _: hold())):
        yield


@contextmanager
def _held(give: Callable[[Callable[[], None]], None]) -> Iterator[None]:
    reached, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        assert go_on.wait(PATIENCE)

    give(hold)
    assert reached.wait(PATIENCE)
    try:
        yield
    finally:
        go_on.set()


def finish(scribe: Scribe, task_id: str, *, want_output: bool = False, **more: Any) -> Remains:
    """Gives what the task left, when the scribe is done with it."""
    came = threading.Event()
    remains: list[Remains] = []

    def done(left: Remains) -> None:
        remains.append(left)
        came.set()

    scribe.finish(task_id, want_output=want_output, done=done, **more)
    assert came.wait(PATIENCE)
    return remains[0]


def stuff(writer: Writer) -> None:
    """Inserts tasks until the write-ahead log needs more room than there is."""
    with suppress(StoreFull):
        for _ in range(1000):
            put(writer, params={"big": "x" * 20_000})
        raise AssertionError("the disk is not full")


def descriptors() -> set[str]:
    """What this process has open."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.add(f"{entry.name} {entry.readlink()}")
        except FileNotFoundError:
            continue  # that of this very look
    return found


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}
