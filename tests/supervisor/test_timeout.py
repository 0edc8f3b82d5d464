"""The time-out: SIGTERM, the grace, SIGKILL, and what counts as what."""

from __future__ import annotations

from tasky.errors import WrongState
from tasky.model.states import State
from tests.helpers import wait_for
from tests.supervisor.house import MILLISECOND, SECOND, House, canceled


def test_a_worker_with_a_timeout(house: House) -> None:
    task = house.run(house.behave("forever", timeout=100 * MILLISECOND))
    assert task.failure is not None
    assert task.failure.as_json() == {
        "code": "timeout",
        "message": "it ran for longer than 100ms",
        "signal": "SIGTERM",
    }


def test_the_timeout_of_the_task_counts(house: House) -> None:
    house.behave("forever", timeout=3600 * SECOND)
    failure = house.run("forever", timeout=50 * MILLISECOND).failure
    assert failure is not None
    assert failure.message == "it ran for longer than 50ms"


def test_a_worker_that_ignores_it_is_killed(house: House) -> None:
    house.behave("stubborn", timeout=500 * MILLISECOND, kill_grace=100 * MILLISECOND)
    failure = house.run("stubborn").failure
    assert failure is not None
    assert (failure.code, failure.signal) == ("timeout", "SIGKILL")


def test_what_it_says_at_the_end_is_kept(house: House) -> None:
    house.behave("polite", kill_grace=3600 * SECOND)
    task = house.run("polite", timeout=SECOND)
    assert task.failure is not None
    assert (task.state, task.failure.code, task.output) == (State.FAILED, "timeout", '"bye"')


def test_a_task_that_ends_in_time(house: House) -> None:
    task = house.run(house.behave("result", 1, timeout=3600 * SECOND))
    assert task.state is State.COMPLETED


def is_being_stopped(house: House, task_id: str) -> bool:
    """Then it cannot be paused any more."""
    try:
        house.supervisor.pause(task_id)
    except WrongState:
        return True
    house.supervisor.resume(task_id)
    return False


def test_cancel_after_the_timeout_makes_it_canceled(house: House) -> None:
    house.behave("stubborn", timeout=500 * MILLISECOND, kill_grace=3600 * SECOND)
    task_id = house.start("stubborn")
    wait_for(lambda: is_being_stopped(house, task_id), "its time is up")
    task = canceled(house, task_id, grace=0)
    assert (task.state, task.failure) == (State.CANCELED, None)


def test_a_timeout_counts_for_a_task_that_waited(house: House) -> None:
    house.behave("forever", timeout=100 * MILLISECOND, max_tasks=1)
    tasks = [house.submit("forever") for _ in range(3)]
    for task_id in tasks:
        failure = house.ended(task_id).failure
        assert failure is not None
        assert failure.code == "timeout"
