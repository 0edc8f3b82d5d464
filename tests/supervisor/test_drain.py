"""The server is stopped: no new task, SIGTERM, the grace, SIGKILL; what waits goes on waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasky.errors import ShuttingDown, WrongState
from tasky.model.containment import Kind
from tasky.model.states import State
from tasky.model.task import FailureCode, Task
from tests.helpers import PATIENCE, wait_for
from tests.supervisor.house import MILLISECOND, SECOND, Gate, House, behaving, program
from tests.supervisor.hung import hung_program


def shut_down(task: Task) -> str | None:
    """The signal that ended it."""
    assert task.state is State.FAILED
    assert task.failure is not None
    assert task.failure.code is FailureCode.SHUTDOWN
    return task.attempts[0].signal


def test_running_ones_get_sigterm_and_their_grace(houses: Callable[..., House]) -> None:
    house = houses(
        behaving("forever", "forever", kill_grace=3600 * SECOND),
        behaving("polite", "polite", kill_grace=3600 * SECOND),
        behaving("stubborn", "stubborn", kill_grace=200 * MILLISECOND),
    )
    forever, polite, stubborn = (
        house.start("forever"), house.start("polite"), house.start("stubborn"),
    )  # fmt: skip
    house.supervisor.drain()
    house.drained()
    again = houses()
    assert shut_down(again.task(forever)) == "SIGTERM"
    assert shut_down(again.task(polite)) is None
    assert again.task(polite).output == '"bye"'
    assert shut_down(again.task(stubborn)) == "SIGKILL"


def test_kill_now_ends_the_grace(houses: Callable[..., House]) -> None:
    house = houses(behaving("stubborn", "stubborn", kill_grace=3600 * SECOND))
    task_id, paused = house.start("stubborn"), house.start("stubborn")
    house.supervisor.pause(paused)
    house.supervisor.drain()
    house.supervisor.kill_now()
    house.drained()
    again = houses()
    assert shut_down(again.task(task_id)) == "SIGKILL"
    assert shut_down(again.task(paused)) == "SIGKILL"


def test_nothing_comes_in(house: House) -> None:
    house.behave("stubborn", kill_grace=3600 * SECOND)
    house.start("stubborn")
    refused = house.new("stubborn")
    house.supervisor.drain()
    with pytest.raises(ShuttingDown):
        house.admit(refused)
    house.supervisor.kill_now()
    house.drained()


def test_what_waits_starts_at_the_next_start(houses: Callable[..., House], gate: Gate) -> None:
    workers = behaving("stubborn", "stubborn"), behaving("result", "result", 1)
    house = houses(*workers, max_tasks=1)
    house.start("stubborn")
    waiting = house.submit("result")
    watched = house.admit(house.new("result"), watch=True)
    assert watched.watcher is not None
    answers: list[Exception] = []

    def watch() -> None:
        assert watched.watcher is not None
        try:
            watched.watcher.wait(3600)
        except ShuttingDown as error:
            answers.append(error)

    client = threading.Thread(target=watch)
    client.start()
    house.supervisor.drain()
    client.join()
    assert len(answers) == 1, "who waits for what will not start is told so"
    assert house.supervisor.watch(waiting) is None
    house.supervisor.kill_now()
    assert house.supervisor.join(30)
    assert (house.state(waiting), house.state(watched.task_id)) == (State.QUEUED, State.QUEUED)
    for ask in (house.supervisor.cancel, house.supervisor.pause):
        with pytest.raises(ShuttingDown):
            ask(waiting)
    house.close()
    again = houses(*workers)
    for task_id in (waiting, watched.task_id):
        assert again.ended(task_id).state is State.COMPLETED


def test_one_that_has_a_slot_but_no_process_waits_again(
    houses: Callable[..., House], tmp_path: Path
) -> None:
    """It has done nothing yet, so nothing is lost; the one in the middle of its exec is started, and ended."""
    result = behaving("result", "result", 1)
    with hung_program(tmp_path) as hung:
        house = houses(
            program("hung", str(hung.path), "forever"), result, containment=Kind.PROCESS_GROUP
        )
        started = house.submit("hung")
        hung.await_exec()
        behind = [house.submit("result") for _ in range(3)]
        canceled = house.submit("result")
        watcher = house.supervisor.watch(behind[0])
        assert watcher is not None
        assert house.supervisor.cancel(canceled) is State.CANCELING
        house.supervisor.drain()
        with pytest.raises(WrongState, match="being stopped"):
            house.supervisor.pause(behind[-1])
        hung.go_on()
        house.drained()
    with pytest.raises(ShuttingDown):
        watcher.wait(0)
    again = houses(result)
    shut_down(again.task(started))
    assert again.state(canceled) is State.CANCELED
    for task_id in behind:
        task = again.ended(task_id)
        assert task.state is State.COMPLETED
        assert [(one.number, one.exit_code) for one in task.attempts] == [(1, 0)]


def test_a_cancel_is_refused_while_it_is_put_back(
    houses: Callable[..., House], tmp_path: Path
) -> None:
    """On disk it may wait already, so no cancel of a task that runs can be stored."""
    result = behaving("result", "result", 1)
    held = threading.Event()
    with hung_program(tmp_path) as hung, ThreadPoolExecutor(1) as client:
        house = houses(
            program("hung", str(hung.path), "forever"), result, containment=Kind.PROCESS_GROUP
        )
        house.submit("hung")
        hung.await_exec()
        behind = house.submit("result")
        live = house.supervisor._register.live(behind)
        assert live is not None
        wait_for(lambda: house.state(behind) is State.RUNNING, "its start is stored")
        house.supervisor.drain()
        wait_for(lambda: live.stopped, "the loop has seen it")
        house.store.writer.post(lambda _: held.wait(PATIENCE))
        hung.go_on()
        wait_for(lambda: live.state is State.QUEUED, "it is being put back")
        canceled = client.submit(house.supervisor.cancel, behind)
        wait_for(lambda: live.canceled_by or canceled.done(), "the cancel has come")
        held.set()
        with pytest.raises(ShuttingDown):
            canceled.result(PATIENCE)
        house.drained()
    assert houses(result).ended(behind).state is State.COMPLETED


def test_while_submissions_come_in(houses: Callable[..., House]) -> None:
    """Each is refused, or ends, or waits for the next start; none is lost, and none runs twice."""
    result = behaving("result", "result", 1)
    house = houses(result, max_tasks=2)
    accepted: list[str] = []

    def submit() -> None:
        try:
            while True:
                accepted.append(house.submit("result"))
        except ShuttingDown:
            pass

    clients = [threading.Thread(target=submit) for _ in range(4)]
    for client in clients:
        client.start()
    while len(accepted) < 50:
        house.store.writer.sync()
    house.supervisor.drain()
    for client in clients:
        client.join()
    house.drained()
    again = houses(result)
    for task_id in accepted:
        task = again.ended(task_id)
        assert task.state is State.COMPLETED or shut_down(task) in (None, "SIGTERM")
        assert len(task.attempts) == 1


def test_an_idle_one_ends_at_once(house: House) -> None:
    assert not house.supervisor.join(0)
    house.supervisor.drain()
    house.drained()
