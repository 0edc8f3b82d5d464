"""What an observer is told, and in which order."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tasky.model.notify import End, Hook
from tasky.model.retry import Retry
from tasky.model.states import State
from tasky.model.task import FailureCode, NewTask, Outcome, Progress
from tasky.store import Store
from tasky.supervisor import Observer, Observers
from tests.supervisor.house import SECOND, Gate, House, behaving, canceled, program, speaker


class Notes(Observer):
    """Everything it was told of, by task."""

    def __init__(self) -> None:
        self.told: dict[str, list[tuple[object, ...]]] = {}
        self.waits: list[int] = []
        self.spawns: list[float] = []
        self.logs: list[str] = []

    def _note(self, task_id: str, *what: object) -> None:
        self.told.setdefault(task_id, []).append(what)

    def queued(self, task_id: str, worker: str) -> None:
        self._note(task_id, "queued", worker)

    def started(self, task_id: str, worker: str, attempt: int, waited_ns: int) -> None:
        self._note(task_id, "started", worker, attempt)
        self.waits.append(waited_ns)

    def spawned(self, seconds: float) -> None:
        self.spawns.append(seconds)

    def changed(self, task_id: str, worker: str, state: State) -> None:
        self._note(task_id, "changed", worker, state)

    def progressed(self, task_id: str, worker: str, progress: Progress) -> None:
        self._note(task_id, "progressed", worker, progress.message)

    def logged(self, task_id: str) -> None:
        self.logs.append(task_id)

    def ended(
        self, task_id: str, worker: str, outcome: Outcome, run_ns: int, waited_ns: int
    ) -> None:
        self._note(task_id, "ended", worker, outcome.state, run_ns > 0)
        self.waits.append(waited_ns)

    def owed(self, task_id: str) -> None:
        self._note(task_id, "owed")

    def states(self, task_id: str) -> list[object]:
        return [what[2] for what in self.told[task_id] if what[0] == "changed"]


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def house(houses: Callable[..., House], notes: Notes) -> House:
    """With two observers, to which the same is told."""
    return houses(observer=Observers(Observer(), notes), max_tasks=1)


def test_a_task_from_its_submission_to_its_end(house: House, notes: Notes) -> None:
    said = """echo '{"type":"progress","message":"half"}'; echo plain"""
    house.define(speaker("w", "sh", "-c", said))
    task = house.run("w")
    assert notes.told[task.id] == [
        ("queued", "w"),
        ("changed", "w", State.RUNNING),
        ("started", "w", 1),
        ("progressed", "w", "half"),
        ("changed", "w", State.COMPLETED),
        ("ended", "w", State.COMPLETED, True),
    ]
    assert notes.logs == [task.id]
    assert notes.waits == [0, 0]
    (spawn,) = notes.spawns
    assert 0 < spawn < 60


def test_one_that_waits_and_is_canceled(house: House, notes: Notes, gate: Gate) -> None:
    house.define(program("slow", "sh", "-c", f"read -r word <{gate}"))
    first = house.submit("slow")
    second, third = house.submit("slow"), house.submit("slow")
    canceled(house, second)
    gate.open()
    gate.open()
    house.ended(first)
    house.ended(third)
    assert notes.told[second] == [
        ("queued", "slow"),
        ("changed", "slow", State.QUEUED),
        ("changed", "slow", State.CANCELED),
        ("ended", "slow", State.CANCELED, False),
    ]
    assert notes.states(third) == [State.QUEUED, State.RUNNING, State.COMPLETED]
    assert sum(wait > 0 for wait in notes.waits) == 3, "one canceled, one told twice"


@pytest.mark.parametrize(("of", "owed"), [(End.COMPLETED, True), (End.FAILED, False)])
def test_an_end_that_somebody_wants_to_know(
    house: House, notes: Notes, of: End, owed: bool
) -> None:
    house.define(program("w", "true"))
    task = house.run("w", notify=(Hook("http://127.0.0.1:1/", frozenset({of})),))
    assert notes.told[task.id].count(("owed",)) == owed


def test_pause_resume_and_cancel(house: House, notes: Notes) -> None:
    task_id = house.start(house.behave("forever"))
    house.supervisor.pause(task_id)
    house.supervisor.pause(task_id)
    house.supervisor.resume(task_id)
    canceled(house, task_id)
    assert notes.states(task_id) == [
        State.RUNNING,
        State.PAUSED,
        State.RUNNING,
        State.CANCELING,
        State.CANCELED,
    ]


def test_another_attempt(house: House, notes: Notes) -> None:
    retry = Retry(attempts=2, delay=SECOND // 100, on=frozenset({FailureCode.EXIT}))
    house.define(behaving("w", "exit", 3, retry=retry))
    task = house.run("w")
    assert notes.states(task.id) == [State.RUNNING, State.QUEUED, State.RUNNING, State.FAILED]
    attempts = [what[2] for what in notes.told[task.id] if what[0] == "started"]
    assert attempts == [1, 2]


def test_one_that_is_due_later_does_not_wait_before_that(house: House, notes: Notes) -> None:
    house.define(program("w", "true"))
    begun = time.time_ns()
    house.run("w", not_before=begun + SECOND // 5)
    assert notes.waits[0] <= time.time_ns() - begun - SECOND // 5


def test_the_recovery_is_told_too(
    houses: Callable[..., House], tmp_path: Path, notes: Notes
) -> None:
    store = Store.open(tmp_path / "state", max_log=1 << 20)
    new = NewTask(id=store.ids.new(), worker="w", params={}, created=time.time_ns())
    store.writer.call(store.insert(new, new.created))
    store.close()
    houses(observer=notes)
    assert notes.told == {
        new.id: [("changed", "w", State.FAILED), ("ended", "w", State.FAILED, False)]
    }
