"""A supervisor that is brought to rest for another one to go on with its tasks, and then goes on itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tasky.errors import ShuttingDown
from tasky.model.states import State
from tests.helpers import PATIENCE, wait_for

from .house import House, program


@pytest.mark.case("D17")
def test_at_rest_nothing_is_read_and_nothing_starts(
    houses: Callable[..., House], tmp_path: Path
) -> None:
    """An end and output are seen afterwards. What comes in meanwhile waits, also where the queue takes nothing more;
    who waits for an end is let go; and a cancel is carried out."""
    gate = tmp_path / "gate"
    wait = f"echo before; until [ -e {gate} ]; do sleep 0.01; done; echo after"
    house = houses(
        program("waits", "sh", "-c", wait), program("sleeps", "sleep", "600"), max_queued=0
    )
    supervisor = house.supervisor
    waits, canceled = house.submit("waits"), house.submit("sleeps")
    wait_for(lambda: house.log(waits), "its first line")
    wait_for(lambda: house.state(canceled) is State.RUNNING, "it runs")
    watcher = supervisor.watch(waits)
    assert watcher is not None
    released: list[bool] = []

    def watch() -> None:
        with pytest.raises(ShuttingDown):
            watcher.wait(PATIENCE)
        released.append(True)

    watching = threading.Thread(target=watch)
    watching.start()
    wait_for(lambda: not supervisor.rest(), "it rests")
    watching.join()
    assert released == [True]
    late = house.submit("waits")
    assert supervisor.cancel(canceled) is State.CANCELING
    gate.touch()
    assert supervisor.rest() == []
    assert house.state(late) is State.QUEUED
    assert house.state(waits) is State.RUNNING
    assert len(house.log(waits)) == 1
    supervisor.work()
    assert house.ended(canceled).state is State.CANCELED
    assert house.ended(waits).state is State.COMPLETED
    assert [line.text for line in house.log(waits)] == ["before", "after"]
    assert house.ended(late).state is State.COMPLETED


@pytest.mark.case("D17")
def test_what_has_a_slot_and_no_process_waits_again(houses: Callable[..., House]) -> None:
    """It is in the queue, on disk, too, and can be canceled there."""
    house = houses(program("true", "true"))
    supervisor = house.supervisor
    tasks = []
    for _ in range(20):  # some of them are on their way
        tasks.append(house.submit("true"))
        supervisor.rest()
    wait_for(lambda: not supervisor.rest(), "it rests")
    waiting = [task for task in tasks if house.state(task) is State.QUEUED]
    assert waiting
    assert supervisor.cancel(waiting[0]) is State.CANCELED
    supervisor.work()
    for task in tasks:
        assert house.ended(task).state in (State.COMPLETED, State.CANCELED)
    assert [len(house.task(task).attempts) for task in waiting[1:]] == [1] * (len(waiting) - 1)
