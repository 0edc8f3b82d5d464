"""What is stored of schedules: each time that was due is in one place, and has one task."""

from __future__ import annotations

import pytest

from tasky.errors import StoreError
from tasky.model.states import State
from tasky.store import schedules, tasks
from tasky.store.schedules import Looked, Run
from tests.store.parts import Database, new_task, put

LOOKED = Looked("every 10", 30)


def note(bare: Database, worker: str, *due: int, looked: Looked = LOOKED) -> list[int]:
    return bare.writer.call(schedules.note(worker, looked, due))


def test_what_is_due(bare: Database) -> None:
    assert bare.reader.scheduled() == ({}, {})
    assert note(bare, "b", 20, 10) == [20, 10]
    assert note(bare, "a", 30) == [30]
    assert bare.reader.scheduled() == ({"a": LOOKED, "b": LOOKED}, {"a": [30], "b": [10, 20]})


def test_looked_again(bare: Database) -> None:
    """The new one is in the place of the old; what was due stays, and is not due once more."""
    note(bare, "a", 10, 20)
    later = Looked("every 10", 40)
    assert note(bare, "a", 20, 40, looked=later) == [40]
    assert bare.reader.scheduled() == ({"a": later}, {"a": [10, 20, 40]})


def test_a_task_takes_the_place_of_its_time(bare: Database) -> None:
    note(bare, "a", 10, 20)
    note(bare, "b", 10)
    made = put(bare.writer, State.RUNNING, worker="a", due=10)
    assert bare.reader.scheduled()[1] == {"a": [20], "b": [10]}
    task = bare.reader.get(made)
    assert task is not None
    assert task.due == 10
    assert bare.reader.last_run("a") == Run(made, 10, State.RUNNING)
    assert bare.reader.last_run("b") is None


@pytest.mark.case("T1")
def test_no_second_one_for_the_same_time(bare: Database) -> None:
    """Whatever goes wrong above: the second one is not stored at all."""
    first = put(bare.writer, worker="a", due=10)
    second = new_task(worker="a", due=10)
    with pytest.raises(StoreError, match="UNIQUE"):
        bare.writer.call(tasks.insert(second, None))
    assert bare.reader.state(second.id) is None
    assert bare.reader.last_run("a") == Run(first, 10, State.COMPLETED)


@pytest.mark.case("T4")
def test_a_time_that_has_its_task_does_not_become_due_again(bare: Database) -> None:
    """As it would where the clock was set back."""
    put(bare.writer, worker="a", due=10)
    assert note(bare, "a", 10, 20) == [20]
    assert note(bare, "b", 10) == [10]
    assert bare.reader.scheduled()[1] == {"a": [20], "b": [10]}


def test_the_last_run_is_that_of_the_latest_time(bare: Database) -> None:
    put(bare.writer, worker="a", due=10)
    latest = put(bare.writer, State.FAILED, worker="a", due=30)
    put(bare.writer, worker="a", due=20)
    put(bare.writer, worker="b", due=40)
    assert bare.reader.last_run("a") == Run(latest, 30, State.FAILED)
    bare.writer.call(tasks.delete(latest))
    run = bare.reader.last_run("a")
    assert run is not None
    assert run.at == 20


def test_left_out(bare: Database) -> None:
    note(bare, "a", 10, 20)
    note(bare, "b", 10)
    bare.writer.call(schedules.leave_out("a", 10))
    assert bare.reader.scheduled()[1] == {"a": [20], "b": [10]}


def test_forgotten(bare: Database) -> None:
    """Its tasks stay, with their times."""
    note(bare, "a", 10, 20)
    note(bare, "b", 10)
    made = put(bare.writer, worker="a", due=10)
    bare.writer.call(schedules.forget("a"))
    assert bare.reader.scheduled() == ({"b": LOOKED}, {"b": [10]})
    assert bare.reader.last_run("a") == Run(made, 10, State.COMPLETED)
