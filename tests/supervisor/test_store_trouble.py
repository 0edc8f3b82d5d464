"""A store that cannot take what it is given, for a while."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from tasky.errors import StoreFull
from tasky.model.states import State
from tasky.supervisor.launch import Launch
from tasky.supervisor.spawner import spawn
from tests.helpers import wait_for
from tests.supervisor.house import Gate, House, behaving, parameters, program


class FullDisk:
    """The database may not grow by a page until `end`."""

    def __init__(self, house: House) -> None:
        self._house = house

    def begin(self) -> None:
        def limit(connection: sqlite3.Connection) -> None:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count={pages}").close()

        self._house.store.writer.call(limit)

    def end(self) -> None:
        self._house.store.writer.call(
            lambda connection: connection.execute("PRAGMA max_page_count=1000000").close()
        )


@pytest.mark.case("S1")
@pytest.mark.case("S1")
def test_a_submission_is_refused_and_its_slot_is_free(house: House) -> None:
    house.behave("forever", parameters=parameters(padding={"type": "string"}))
    disk = FullDisk(house)
    disk.begin()
    with pytest.raises(StoreFull):
        house.submit("forever", {"padding": "x" * 100_000})
    submission = house.admit(house.new("forever", {"padding": "x" * 100_000}), watch=True)
    assert submission.watcher is not None
    with pytest.raises(StoreFull):
        submission.watcher.wait(0)
    assert house.supervisor.counts() == {}
    disk.end()


@pytest.mark.case("S1")
@pytest.mark.case("S1")
def test_an_end_is_kept_until_it_can_be_stored(
    house: House, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    house.behave("gate", gate)
    task_id = house.start("gate")
    disk = FullDisk(house)
    disk.begin()
    with caplog.at_level(logging.ERROR):
        gate.open("x" * 60_000)
        wait_for(lambda: "its end cannot be stored yet" in caplog.text, "it was tried")
    assert house.state(task_id) is State.RUNNING
    assert house.supervisor.counts() == {}, "its slot is free all the same"
    disk.end()
    task = house.ended(task_id)
    assert (task.state, task.output) == (State.COMPLETED, '"' + "x" * 60_000 + '"')


@pytest.mark.case("S1")
def test_a_drain_waits_for_it(houses: Callable[..., House], gate: Gate) -> None:
    house = houses(behaving("gate", "gate", gate))
    task_id = house.start("gate")
    disk = FullDisk(house)
    disk.begin()
    gate.open("x" * 60_000)
    wait_for(lambda: house.supervisor.counts() == {}, "its process has ended")
    house.supervisor.drain()
    assert not house.supervisor.join(0.1)
    disk.end()
    house.drained()
    assert houses().state(task_id) is State.COMPLETED


@pytest.mark.case("S17")
def test_a_task_is_stored_as_running_before_it_has_a_process(
    houses: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that dies in between finds it, whether it starts at once or after a wait."""
    house = houses(program("true", "/bin/true"), max_tasks=1)
    stored: dict[str, State] = {}

    def look(launch: Launch, *rest: Any) -> Any:
        stored[launch.task_id] = house.state(launch.task_id)
        return spawn(launch, *rest)

    monkeypatch.setattr("tasky.supervisor.starts.spawn", look)
    ids = [house.submit("true") for _ in range(3)]
    assert [house.ended(task_id).state for task_id in ids] == [State.COMPLETED] * 3
    assert stored == dict.fromkeys(ids, State.RUNNING)


def test_a_row_that_somebody_removed(
    houses: Callable[..., House], gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a slot nor a client is lost to it."""
    house = houses(behaving("gate", "gate", gate), max_tasks=1)
    task_id, waiting = house.start("gate"), house.submit("gate")
    watchers = [house.supervisor.watch(each) for each in (task_id, waiting)]

    def remove(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM tasks")

    house.store.writer.call(remove)
    gate.open()
    for watcher in watchers:
        assert watcher is not None
        with pytest.raises(Exception, match="there is no task"):
            watcher.wait(30)
    wait_for(lambda: house.supervisor.counts() == {}, "the slot is free")
