"""What a worker leaves behind does not hold its task, and does not outlive it."""

from __future__ import annotations

import os
import signal

import pytest

from tasky.model.states import State
from tests.helpers import wait_for
from tests.supervisor.house import Gate, House, process_state


@pytest.mark.case("P6")
def test_a_grandchild_that_holds_the_pipe(house: House) -> None:
    task = house.run(house.behave("grandchild_with_pipe"))
    assert (task.state, task.output) == (State.COMPLETED, '"done"')
    assert not house.processes()


@pytest.mark.case("P7")
def test_a_grandchild_that_holds_no_pipe(house: House) -> None:
    task = house.run(house.behave("grandchild_without_pipe"))
    assert (task.state, task.output) == (State.COMPLETED, '"done"')
    assert not house.processes()


@pytest.mark.case("P6")
def test_what_a_grandchild_still_says_is_kept(house: House, gate: Gate) -> None:
    task_id = house.submit(house.behave("grandchild_that_writes", gate))
    gate.open()
    task = house.ended(task_id)
    assert task.state is State.COMPLETED
    texts = [line.text for line in house.log(task_id)]
    held = "a process that it left behind held its output open: not waited for"
    assert texts == ["late", held, "leftover processes: 1"]


@pytest.mark.case("P6")
def test_an_escaped_one_that_writes_for_ever(house: House) -> None:
    """It has left the group, so it is not killed (yet); but the task ends, and the loop goes on."""
    task = house.run(house.behave("escaped_flood"))
    assert (task.state, task.output) == (State.COMPLETED, '"done"')
    house.behave("result", 1)
    assert house.run("result").state is State.COMPLETED
    for pid in house.processes():
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda pid=pid: process_state(pid) in "ZX", "it is gone")  # type: ignore[misc]
