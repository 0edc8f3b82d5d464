"""Cancel: whatever the task does at that moment, and however often it is asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasky.errors import WrongState
from tasky.model.containment import Kind
from tasky.model.states import State
from tasky.model.worker import Input
from tasky.supervisor import NotLive
from tests.helpers import wait_for
from tests.supervisor.house import (
    MILLISECOND,
    SECOND,
    Gate,
    House,
    behaving,
    canceled,
    group,
    process_state,
    program,
)
from tests.supervisor.hung import hung_program


def test_sigterm_is_enough(house: House) -> None:
    task_id = house.start(house.behave("forever"))
    assert house.supervisor.cancel(task_id) is State.CANCELING
    task = house.ended(task_id)
    assert task.state is State.CANCELED
    assert task.failure is None
    assert task.attempts[0].signal == "SIGTERM"


def test_the_state_is_stored_when_it_is_answered(house: House) -> None:
    task_id = house.start(house.behave("stubborn"))
    house.supervisor.cancel(task_id)
    assert house.state(task_id) is State.CANCELING
    house.supervisor.cancel(task_id, 0)
    assert house.ended(task_id).state is State.CANCELED


def test_a_worker_that_ends_cleanly_is_canceled_with_its_result(house: House) -> None:
    task = canceled(house, house.start(house.behave("polite")))
    assert (task.state, task.output) == (State.CANCELED, '"bye"')
    assert task.attempts[0].exit_code == 0


@pytest.mark.case("P1")
def test_sigterm_ignored_is_sigkill_after_the_grace(house: House) -> None:
    task_id = house.start(house.behave("stubborn", kill_grace=200 * MILLISECOND))
    task = canceled(house, task_id)
    assert task.state is State.CANCELED
    assert task.attempts[0].signal == "SIGKILL"


@pytest.mark.case("P16")
def test_the_grace_can_be_shortened_only(house: House) -> None:
    task_id = house.start(house.behave("stubborn", kill_grace=200 * MILLISECOND))
    assert canceled(house, task_id, grace=3600 * SECOND).attempts[0].signal == "SIGKILL"
    task_id = house.start(house.behave("stubborn", kill_grace=3600 * SECOND))
    house.supervisor.cancel(task_id)
    assert canceled(house, task_id, grace=0).attempts[0].signal == "SIGKILL"


@pytest.mark.parametrize("mode", ["forever_tree", "stubborn_child"])
def test_the_whole_group_ends(house: House, mode: str) -> None:
    task_id = house.start(house.behave(mode, kill_grace=100 * MILLISECOND))
    pid = house.pid(task_id)
    wait_for(lambda: len(group(pid)) > 1, "it has a child")
    assert canceled(house, task_id).state is State.CANCELED
    assert not group(pid), "the end is told when nothing is left"


@pytest.mark.case("P14")
def test_a_process_that_has_stopped_itself(house: House) -> None:
    task_id = house.start(house.behave("stops_itself", kill_grace=3600 * SECOND))
    pid = house.pid(task_id)
    wait_for(lambda: process_state(pid) == "T", "it has stopped itself")
    assert canceled(house, task_id).attempts[0].signal == "SIGTERM"


@pytest.mark.case("P14")
def test_a_paused_one(house: House) -> None:
    task_id = house.start(house.behave("polite", kill_grace=3600 * SECOND))
    house.supervisor.pause(task_id)
    task = canceled(house, task_id)
    assert (task.state, task.output) == (State.CANCELED, '"bye"')


def test_input_open_gets_a_message_too(house: House) -> None:
    """It ignores SIGTERM: what ends it is the message."""
    house.behave("listens", input=Input.OPEN, kill_grace=3600 * SECOND)
    task = canceled(house, house.start("listens"))
    assert (task.state, task.output) == (State.CANCELED, '{"type":"cancel"}')


@pytest.mark.case("P17")
def test_a_queued_one_never_starts(
    houses: Callable[..., House], gate: Gate, tmp_path: Path
) -> None:
    house = houses(max_tasks=1)
    house.behave("gate", gate)
    house.behave("mark", tmp_path / "marks")
    first, second = house.start("gate"), house.submit("mark")
    watcher = house.supervisor.watch(second)
    assert watcher is not None
    assert house.supervisor.cancel(second) is State.CANCELED
    ended = watcher.wait(0)
    assert ended is not None
    assert ended.state is State.CANCELED
    task = house.task(second)
    assert (task.state, task.started, task.attempts) == (State.CANCELED, None, ())
    gate.open()
    assert house.ended(first).state is State.COMPLETED
    assert not (tmp_path / "marks").exists()


@pytest.mark.case("P17")
def test_in_the_spawn_window(house: House, tmp_path: Path) -> None:
    """Its program is being executed, and there is no process to signal yet."""
    with hung_program(tmp_path) as hung:
        house.define(program("hung", str(hung.path), "forever", kill_grace=3600 * SECOND))
        task_id = house.submit("hung")
        hung.await_exec()
        assert house.supervisor.cancel(task_id) is State.CANCELING
        hung.go_on()
        task = house.ended(task_id)
    assert task.state is State.CANCELED
    assert task.attempts[0].signal == "SIGTERM"


@pytest.mark.case("P17")
def test_behind_another_in_the_spawner(houses: Callable[..., House], tmp_path: Path) -> None:
    """It never becomes a process."""
    house = houses(containment=Kind.PROCESS_GROUP)
    house.behave("mark", tmp_path / "marks")
    with hung_program(tmp_path) as hung:
        house.define(program("hung", str(hung.path), "exits_at_once"))
        first = house.submit("hung")
        hung.await_exec()
        second = house.submit("mark")
        assert house.supervisor.cancel(second) is State.CANCELING
        hung.go_on()
        assert house.ended(first).state is State.COMPLETED
        task = house.ended(second)
    assert task.state is State.CANCELED
    assert (task.attempts[0].exit_code, task.attempts[0].signal) == (None, None)
    assert not (tmp_path / "marks").exists()


@pytest.mark.case("P16")
def test_a_hundred_times_at_once(house: House) -> None:
    house.define(behaving("w", "stubborn", kill_grace=500 * MILLISECOND))
    task_id = house.start("w")
    start = threading.Barrier(100)

    def cancel(_: int) -> State | type[Exception]:
        start.wait()
        try:
            return house.supervisor.cancel(task_id)
        except (NotLive, WrongState) as error:  # it ended meanwhile
            return type(error)

    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(cancel, range(100)))
    assert State.CANCELING in answers
    assert set(answers) <= {State.CANCELING, NotLive, WrongState}
    assert house.ended(task_id).state is State.CANCELED


@pytest.mark.case("P16", "P17")
def test_a_queued_one_a_hundred_times_at_once(houses: Callable[..., House], gate: Gate) -> None:
    house = houses(max_tasks=1)
    house.behave("gate", gate)
    first, second = house.start("gate"), house.submit("gate")
    start = threading.Barrier(100)

    def cancel(_: int) -> State | type[Exception]:
        start.wait()
        try:
            return house.supervisor.cancel(second)
        except (NotLive, WrongState) as error:
            return type(error)

    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(cancel, range(100)))
    assert answers.count(State.CANCELED) == 1, "the others came too late"
    gate.open()
    assert house.ended(first).state is State.COMPLETED
    assert house.supervisor.counts() == {}


@pytest.mark.case("P18")
def test_one_that_has_ended(house: House) -> None:
    task = house.run(house.behave("result", 1))
    for ask in (house.supervisor.cancel, house.supervisor.pause, house.supervisor.resume):
        with pytest.raises(NotLive):
            ask(task.id)
    assert house.state(task.id) is State.COMPLETED


def test_one_that_never_was(house: House) -> None:
    with pytest.raises(NotLive):
        house.supervisor.cancel("0" * 32)


@pytest.mark.case("P15")
def test_it_races_with_the_natural_end(house: House) -> None:
    """Whichever comes first, what is answered is what is stored."""
    house.behave("result", 1)
    seen = set()
    for _ in range(60):
        task_id = house.submit("result")
        try:
            answer: State | None = house.supervisor.cancel(task_id)
        except (NotLive, WrongState):
            answer = None
        state = house.ended(task_id).state
        assert state is (State.COMPLETED if answer is None else State.CANCELED)
        seen.add(state)
    assert State.CANCELED in seen
    assert house.supervisor.counts() == {}
