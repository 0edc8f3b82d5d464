"""Pause and resume: the whole group, the time-out's clock, and whatever else happens meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tasky.errors import WrongState
from tasky.model.containment import Kind
from tasky.model.states import State
from tests.helpers import wait_for
from tests.supervisor.house import (
    MILLISECOND,
    SECOND,
    Gate,
    House,
    canceled,
    group,
    process_state,
    program,
    stands_still,
)
from tests.supervisor.hung import hung_program


def test_the_whole_group_stands_still_and_goes_on(house: House) -> None:
    task_id = house.start(house.behave("forever_tree"))
    pid = house.pid(task_id)
    wait_for(lambda: len(group(pid)) == 3, "it has its two children")
    assert house.supervisor.pause(task_id) is State.PAUSED
    assert house.state(task_id) is State.PAUSED
    wait_for(lambda: stands_still(pid), "all of them are stopped")
    assert house.supervisor.pause(task_id) is State.PAUSED, "once more changes nothing"
    assert house.supervisor.resume(task_id) is State.RUNNING
    assert house.state(task_id) is State.RUNNING
    wait_for(lambda: not stands_still(pid), "all of them go on")
    assert house.supervisor.resume(task_id) is State.RUNNING
    assert canceled(house, task_id).state is State.CANCELED


def test_the_result_comes_after_the_pause(house: House, gate: Gate) -> None:
    task_id = house.start(house.behave("gate", gate))
    pid = house.pid(task_id)
    house.supervisor.pause(task_id)
    wait_for(lambda: stands_still(pid), "it is stopped")
    assert house.supervisor.resume(task_id) is State.RUNNING
    gate.open()
    assert house.ended(task_id).output == '"go"'


def test_a_queued_one_cannot_be_paused(houses: Callable[..., House], gate: Gate) -> None:
    house = houses(max_tasks=1)
    house.behave("gate", gate)
    first, second = house.start("gate"), house.submit("gate")
    for ask in (house.supervisor.pause, house.supervisor.resume):
        with pytest.raises(WrongState, match="Queued") as refusal:
            ask(second)
        assert refusal.value.state == "Queued"
    house.supervisor.cancel(second)
    gate.open()
    house.ended(first)


def test_one_that_is_being_canceled_cannot_be_paused(house: House) -> None:
    task_id = house.start(house.behave("stubborn", kill_grace=3600 * SECOND))
    house.supervisor.cancel(task_id)
    for ask in (house.supervisor.pause, house.supervisor.resume):
        with pytest.raises(WrongState, match="Canceling"):
            ask(task_id)
    assert canceled(house, task_id, grace=0).state is State.CANCELED


def test_one_that_is_being_stopped_cannot_be_paused(house: House) -> None:
    """It would use up its grace asleep."""
    task_id = house.start(house.behave("stubborn", kill_grace=3600 * SECOND))
    house.supervisor.drain()
    with pytest.raises(WrongState, match="being stopped"):
        house.supervisor.pause(task_id)
    house.supervisor.kill_now()
    house.drained()


def test_a_paused_one_can_be_killed_by_others(house: House) -> None:
    task_id = house.start(house.behave("forever"))
    house.supervisor.pause(task_id)
    os.kill(house.pid(task_id), signal.SIGKILL)
    task = house.ended(task_id)
    assert task.state is State.FAILED
    assert task.failure is not None
    assert (task.failure.code, task.failure.signal) == ("signal", "SIGKILL")


def test_in_the_spawn_window(houses: Callable[..., House], tmp_path: Path) -> None:
    """It is frozen as soon as there is a process, and may go on even before that."""
    with hung_program(tmp_path) as hung:
        house = houses(containment=Kind.PROCESS_GROUP)
        house.define(program("hung", str(hung.path), "forever"))
        task_id = house.submit("hung")
        hung.await_exec()
        assert house.supervisor.pause(task_id) is State.PAUSED
        assert house.supervisor.resume(task_id) is State.RUNNING
        assert house.supervisor.pause(task_id) is State.PAUSED
        hung.go_on()
        (pid,) = wait_for(lambda: house.processes(), "there is a process")
        wait_for(lambda: process_state(pid) == "T", "it is frozen")
        assert house.supervisor.resume(task_id) is State.RUNNING
        wait_for(lambda: process_state(pid) == "S", "it goes on")
        assert canceled(house, task_id).state is State.CANCELED


def test_the_clock_of_the_timeout_stands_still(house: House) -> None:
    timeout = 600 * MILLISECOND
    house.behave("forever", timeout=timeout)
    paused = house.start("forever")
    house.supervisor.pause(paused)
    other = house.ended(house.submit("forever"))  # it starts later, and its time is up
    assert other.failure is not None
    assert other.failure.code == "timeout"
    assert house.state(paused) is State.PAUSED
    house.supervisor.resume(paused)
    task = house.ended(paused)
    assert task.failure is not None
    assert task.failure.code == "timeout"
