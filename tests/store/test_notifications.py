"""Notifications in the store: due with the commit of the end, gone with the task."""

from __future__ import annotations

import pytest

from tasky.errors import TaskyError
from tasky.model.delivery import Verdict
from tasky.model.notify import ALL_ENDS, Delivery, End, Hook, Notification
from tasky.model.states import State
from tasky.store import notifications, tasks
from tests.store.parts import ATTEMPT, Database, new_task, outcome, put

URL = "https://a.example/x?q=1"
FAILED = frozenset({End.FAILED})
ALL = Hook(URL)
SECOND = 1_000_000_000
#: Long after every end of these tests.
LATER = 10 * SECOND


def test_the_end_makes_it_due(bare: Database) -> None:
    hooks = (ALL, Hook("http://b.example", FAILED, "/my.secret", trusted=True))
    task_id = put(bare.writer, State.RUNNING, notify=hooks)
    assert bare.reader.hooks(task_id) == hooks
    assert bare.reader.due_notifications(LATER, 9) == []
    task = bare.reader.get(task_id)
    assert task is not None
    assert task.notifications == ()

    bare.writer.call(tasks.finish(task_id, outcome(), ATTEMPT))
    (due,) = bare.reader.due_notifications(LATER, 9)
    assert due == notifications.Due(task_id, 0, URL, End.COMPLETED, None, False, 0)
    assert bare.reader.hooks(task_id) == hooks
    task = bare.reader.get(task_id)
    assert task is not None
    (shown,) = task.notifications
    assert shown == Notification(
        url=URL, end=End.COMPLETED, delivery=Delivery.PENDING, next_at=outcome().finished
    )


@pytest.mark.parametrize(
    ("state", "told"),
    [(State.COMPLETED, []), (State.FAILED, [1]), (State.CANCELED, [2])],
)
def test_only_the_ends_that_are_asked_for(bare: Database, state: State, told: list[int]) -> None:
    hooks = [
        Hook(URL, ALL_ENDS - {End.of(state)}),
        Hook(URL, FAILED),
        Hook(URL, frozenset({End.CANCELED})),
    ]
    put(bare.writer, state, notify=tuple(hooks))
    assert [due.position for due in bare.reader.due_notifications(LATER, 9)] == told


def test_another_attempt_is_no_end(bare: Database) -> None:
    task_id = put(bare.writer, State.RUNNING, notify=(ALL,))
    bare.writer.call(tasks.requeue(task_id, ATTEMPT))
    assert bare.reader.due_notifications(LATER, 9) == []


def test_an_end_that_is_not_committed_tells_nobody(bare: Database) -> None:
    task_id = put(bare.writer, State.RUNNING, notify=(ALL,))

    def fails(_: object) -> None:
        raise RuntimeError

    finish = tasks.finish(task_id, outcome(), ATTEMPT)
    with pytest.raises(TaskyError):
        bare.writer.call(lambda connection: (finish(connection), fails(connection)))
    assert bare.reader.state(task_id) is State.RUNNING
    assert bare.reader.due_notifications(LATER, 9) == []


def test_what_came_of_it(bare: Database) -> None:
    task_id = put(bare.writer, notify=(ALL,))
    (due,) = bare.reader.due_notifications(LATER, 9)
    verdict = Verdict(Delivery.PENDING, 500, "did not take it", next_at=20 * SECOND)
    bare.writer.call(notifications.record(due, verdict))
    assert bare.reader.due_notifications(LATER, 9) == []
    assert bare.reader.next_notification(LATER) == 20 * SECOND
    assert bare.reader.next_notification(20 * SECOND) is None
    (due,) = bare.reader.due_notifications(20 * SECOND, 9)
    assert due.attempts == 1
    bare.writer.call(notifications.record(due, Verdict(Delivery.DELIVERED, 204, None)))
    assert bare.reader.due_notifications(2**62, 9) == []
    task = bare.reader.get(task_id)
    assert task is not None
    assert task.notifications == (
        Notification(
            url=URL, end=End.COMPLETED, delivery=Delivery.DELIVERED, attempts=2, last_status=204
        ),
    )


def test_the_longest_due_comes_first_and_busy_origins_wait(bare: Database) -> None:
    other = Hook("https://b.example")
    ids = [put(bare.writer, notify=(ALL, other), finished=n) for n in (500, 400, 600)]
    oldest = [ids[1], ids[0], ids[2]]
    found = bare.reader.due_notifications(LATER, 4)
    assert [due.task_id for due in found] == [oldest[0], oldest[0], oldest[1], oldest[1]]
    free = bare.reader.due_notifications(LATER, 9, ["https://a.example", "https://c.example"])
    assert [due.task_id for due in free] == oldest
    assert {due.url for due in free} == {other.url}
    assert bare.reader.due_notifications(450, 9, ["https://a.example"]) == free[:1]


def test_it_goes_with_its_task(bare: Database) -> None:
    kept, deleted, pruned = (put(bare.writer, notify=(ALL,), finished=n) for n in (900, 500, 100))
    found = {due.task_id: due for due in bare.reader.due_notifications(LATER, 9)}
    bare.writer.call(tasks.delete(deleted))
    assert bare.writer.call(tasks.prune(1000, 700, 10)) == [pruned]
    assert [due.task_id for due in bare.reader.due_notifications(LATER, 9)] == [kept]
    bare.writer.call(notifications.record(found[deleted], Verdict(Delivery.FAILED, 500, "")))
    assert bare.reader.get(deleted) is None


def test_a_repeated_submission_adds_none(bare: Database) -> None:
    new = new_task(notify=(ALL,))
    bare.writer.call(tasks.insert(new, None))
    other = new_task(notify=(ALL, ALL))
    bare.writer.call(tasks.insert(other, None))
    assert len(bare.reader.hooks(new.id)) == 1
    assert len(bare.reader.hooks(other.id)) == 2
    assert bare.reader.hooks("0" * 32) == ()
