from __future__ import annotations

import itertools
import sqlite3
from dataclasses import replace
from typing import Any

import pytest

from tasky.errors import IdempotencyConflict, IllegalTransition, UnknownTask, WrongState
from tasky.model.states import TERMINAL, TRANSITIONS, Event, State
from tasky.model.task import Idempotency, Progress
from tasky.store import Writer, tasks
from tests.store.parts import ATTEMPT, Database, all_of, new_task, outcome, put, steps_to

_CHANGES = (Event.PAUSE, Event.RESUME, Event.CANCEL)


def row(writer: Writer, task_id: str) -> Any:
    query = "SELECT * FROM tasks WHERE id = ?"
    return writer.call(lambda c: c.execute(query, (task_id,)).fetchone())


def attempts(writer: Writer, task_id: str) -> list[Any]:
    query = "SELECT * FROM attempts WHERE task_id = ?"
    return writer.call(lambda c: c.execute(query, (task_id,)).fetchall())


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_change(shared: Database, state: State, event: Event) -> None:
    """Over the whole grid: pause, resume and cancel of an active task, and nothing else."""
    task_id = put(shared.writer, state)
    before = row(shared.writer, task_id)
    after = TRANSITIONS.get((state, event))
    if event in _CHANGES and after is not None and after not in TERMINAL:
        assert shared.writer.call(tasks.change(task_id, event)) is after
        assert row(shared.writer, task_id) == (*before[:2], after.value, *before[3:])
    else:
        with pytest.raises(IllegalTransition):
            shared.writer.call(tasks.change(task_id, event))
        assert row(shared.writer, task_id) == before


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("end", State)
def test_finish(shared: Database, state: State, end: State) -> None:
    task_id = put(shared.writer, state)
    before = row(shared.writer, task_id)
    former = attempts(shared.writer, task_id)
    possible = end in TERMINAL and any(TRANSITIONS.get((state, event)) is end for event in Event)
    ran = ATTEMPT if state is not State.QUEUED else None
    finish = tasks.finish(task_id, outcome(end, 999), ran)
    if not possible:
        with pytest.raises(IllegalTransition):
            shared.writer.call(finish)
        assert row(shared.writer, task_id) == before
        assert attempts(shared.writer, task_id) == former
        return
    shared.writer.call(finish)
    task = shared.reader.get(task_id)
    assert task is not None
    assert (task.state, task.finished, task.duration) == (end, 999, 100)
    assert task.attempts == ((ATTEMPT,) if ran else ())


@pytest.mark.parametrize("state", State)
def test_start(shared: Database, state: State) -> None:
    task_id = put(shared.writer, state)
    before = row(shared.writer, task_id)
    if state is not State.QUEUED:
        with pytest.raises(IllegalTransition):
            shared.writer.call(tasks.start(task_id, 1, 555))
        assert row(shared.writer, task_id) == before
        return
    shared.writer.call(tasks.start(task_id, 1, 555))
    task = shared.reader.get(task_id)
    assert task is not None
    assert (task.state, task.started) == (State.RUNNING, 555)
    assert [(attempt.number, attempt.started) for attempt in task.attempts] == [(1, 555)]


@pytest.mark.parametrize("state", State)
def test_requeue(shared: Database, state: State) -> None:
    task_id = put(shared.writer, state)
    before = row(shared.writer, task_id)
    if state not in (State.RUNNING, State.PAUSED):
        with pytest.raises(IllegalTransition):
            shared.writer.call(tasks.requeue(task_id, ATTEMPT, 777))
        assert row(shared.writer, task_id) == before
        return
    shared.writer.call(tasks.requeue(task_id, ATTEMPT, 777))
    shared.writer.call(tasks.start(task_id, 2, 888))
    task = shared.reader.get(task_id)
    assert task is not None
    assert (task.state, task.started, task.not_before) == (State.RUNNING, 200, 777)
    assert [attempt.number for attempt in task.attempts] == [1, 2]
    assert task.attempts[0] == ATTEMPT


def test_progress_is_that_of_the_attempt_until_the_next_one_begins(shared: Database) -> None:
    task_id = put(shared.writer, State.RUNNING)
    latest = Progress(percent=40, message="copying")
    shared.writer.call(tasks.requeue(task_id, ATTEMPT, None, latest))
    task = shared.reader.get(task_id)
    assert task is not None
    assert (task.progress, task.not_before) == (latest, None)
    shared.writer.call(tasks.start(task_id, 2, 888))
    task = shared.reader.get(task_id)
    assert task is not None
    assert task.progress is None


@pytest.mark.parametrize("state", State)
def test_take_back(shared: Database, state: State) -> None:
    """As if the attempt had never been about to begin."""
    task_id = put(shared.writer, state)
    before = row(shared.writer, task_id)
    if state not in (State.RUNNING, State.PAUSED):
        with pytest.raises(IllegalTransition):
            shared.writer.call(tasks.take_back(task_id))
        assert row(shared.writer, task_id) == before
        return
    shared.writer.call(tasks.take_back(task_id))
    task = shared.reader.get(task_id)
    assert task is not None
    assert (task.state, task.started, task.attempts) == (State.QUEUED, None, ())
    shared.writer.call(tasks.start(task_id, 1, 300))
    shared.writer.call(tasks.requeue(task_id, ATTEMPT))
    shared.writer.call(tasks.start(task_id, 2, 400))
    shared.writer.call(tasks.take_back(task_id))
    task = shared.reader.get(task_id)
    assert task is not None
    assert (task.state, task.started, task.attempts) == (State.QUEUED, 300, (ATTEMPT,))
    (waiting,) = [found for found in shared.reader.queued() if found.id == task_id]
    assert (waiting.attempts, waiting.started) == (1, 300)


@pytest.mark.parametrize("state", State)
def test_delete(writer: Writer, state: State) -> None:
    key = Idempotency(key="key", digest="d")
    task_id = put(writer, state, labels=(("a", "b"),), idempotency=key)
    if state not in TERMINAL:
        with pytest.raises(WrongState) as caught:
            writer.call(tasks.delete(task_id))
        assert caught.value.state == state.value
        assert row(writer, task_id) is not None
        return
    writer.call(tasks.delete(task_id))
    assert row(writer, task_id) is None
    assert attempts(writer, task_id) == []
    assert writer.call(lambda c: c.execute("SELECT * FROM labels").fetchall()) == []
    again = put(writer, State.QUEUED, idempotency=key)  # keys live as long as their tasks
    assert row(writer, again) is not None


@pytest.mark.parametrize(
    "operation",
    [
        lambda id_: tasks.start(id_, 1, 1),
        lambda id_: tasks.change(id_, Event.PAUSE),
        lambda id_: tasks.finish(id_, outcome(), ATTEMPT),
        lambda id_: tasks.requeue(id_, ATTEMPT),
        tasks.take_back,
        tasks.delete,
    ],
)
def test_a_task_that_is_not_there(shared: Database, operation: Any) -> None:
    with pytest.raises(UnknownTask):
        shared.writer.call(operation("0" * 32))


def test_a_started_task_is_inserted_as_running(shared: Database) -> None:
    new = new_task()
    assert shared.writer.call(tasks.insert(new, 200)) == new.id
    task = shared.reader.get(new.id)
    assert task is not None
    assert (task.state, task.started, len(task.attempts)) == (State.RUNNING, 200, 1)


def test_idempotency(bare: Database) -> None:
    first = new_task(idempotency=Idempotency(key="k", digest="one"))
    again = new_task(idempotency=Idempotency(key="k", digest="one"))
    other = new_task(idempotency=Idempotency(key="k", digest="two"))
    assert bare.writer.call(tasks.insert(first, None)) == first.id
    assert bare.writer.call(tasks.insert(again, 200)) == first.id
    with pytest.raises(IdempotencyConflict):
        bare.writer.call(tasks.insert(other, None))
    assert bare.reader.get(again.id) is None
    assert bare.reader.get(other.id) is None
    assert bare.reader.state(first.id) is State.QUEUED


def test_one_key_many_times_in_one_group(writer: Writer) -> None:
    """Also those that have not been committed yet are known."""
    news = [new_task(idempotency=Idempotency(key="k", digest="d")) for _ in range(20)]
    inserts = [tasks.insert(new, None) for new in news]
    ids = writer.call(lambda connection: {insert(connection) for insert in inserts})
    assert ids == {news[0].id}


def test_tasks_without_a_key_do_not_meet(shared: Database) -> None:
    assert put(shared.writer) != put(shared.writer)


def test_progress(shared: Database) -> None:
    running = put(shared.writer, State.RUNNING)
    ended = put(shared.writer, State.COMPLETED)
    progress = Progress(percent=42.5, message="half \ud800")
    pairs = [(running, progress), (ended, progress), ("0" * 32, progress)]
    shared.writer.call(tasks.save_progress(pairs))
    found = shared.reader.get(running)
    assert found is not None
    assert found.progress == progress
    untouched = shared.reader.get(ended)
    assert untouched is not None
    assert untouched.progress is None


def test_the_last_progress_stays_unless_the_end_has_another(shared: Database) -> None:
    kept, replaced = put(shared.writer, State.RUNNING), put(shared.writer, State.RUNNING)
    saved = [(kept, Progress(percent=1.0)), (replaced, Progress(percent=1.0))]
    shared.writer.call(tasks.save_progress(saved))
    shared.writer.call(tasks.finish(kept, outcome(), ATTEMPT))
    end = replace(outcome(), progress=Progress(percent=99.0))
    shared.writer.call(tasks.finish(replaced, end, ATTEMPT))
    for task_id, percent in ((kept, 1.0), (replaced, 99.0)):
        task = shared.reader.get(task_id)
        assert task is not None
        assert task.progress == Progress(percent=percent)


def test_totals_are_what_is_there(writer: Writer) -> None:
    for state, _ in itertools.product(State, range(3)):
        put(writer, state)
    for state in TERMINAL:
        writer.call(tasks.delete(put(writer, state)))
    totals = "SELECT state, tasks FROM totals"
    assert writer.call(lambda c: dict(c.execute(totals))) == {state.value: 3 for state in State}


def ended_at(writer: Writer, times: list[int]) -> list[str]:
    news = [new_task() for _ in times]
    steps = []
    for new, time in zip(news, times, strict=True):
        steps += [tasks.insert(new, 1), tasks.finish(new.id, outcome(finished=time), ATTEMPT)]
    writer.call(all_of(steps))
    return [new.id for new in news]


def test_prune_by_age(writer: Writer) -> None:
    ids = ended_at(writer, [100, 300, 200, 400])
    assert writer.call(tasks.prune(500, 250, 10)) == [ids[0], ids[2]]
    assert writer.call(tasks.prune(500, 250, 10)) == []
    assert row(writer, ids[1]) is not None


def test_prune_by_count(writer: Writer) -> None:
    ids = ended_at(writer, [100, 300, 200, 400])
    assert writer.call(tasks.prune(500, 10_000, 1)) == [ids[0], ids[2], ids[1]]
    assert row(writer, ids[3]) is not None


def test_prune_in_slices(writer: Writer) -> None:
    ids = ended_at(writer, list(range(10)))
    slices = [writer.call(tasks.prune(500, 10_000, 3, limit=4)) for _ in range(3)]
    assert slices == [ids[:4], ids[4:7], []]


def test_prune_leaves_what_has_not_ended(writer: Writer) -> None:
    live = [put(writer, state) for state in State if state not in TERMINAL]
    assert writer.call(tasks.prune(1 << 60, 0, 0)) == []
    assert all(row(writer, task_id) is not None for task_id in live)


def test_steps_lead_where_they_say(shared: Database) -> None:
    """The tests' own means."""
    for state in State:
        new = new_task()
        shared.writer.call(all_of(steps_to(state, new)))
        assert shared.reader.state(new.id) is state


def test_set_enabled(bare: Database) -> None:
    assert bare.reader.enabled_overrides() == {}
    bare.writer.call(tasks.set_enabled("a", True, False))
    bare.writer.call(tasks.set_enabled("b", True, True))
    bare.writer.call(tasks.set_enabled("b", False, True))
    assert bare.reader.enabled_overrides() == {"a": (True, False), "b": (False, True)}


def test_a_task_is_inserted_once(shared: Database) -> None:
    new = new_task()

    def twice(connection: sqlite3.Connection) -> None:
        tasks.insert(new, None)(connection)
        tasks.insert(new, None)(connection)

    with pytest.raises(Exception, match="UNIQUE"):
        shared.writer.call(twice)
    assert row(shared.writer, new.id) is None
