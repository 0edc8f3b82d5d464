"""A start that hangs, as on a dead file system: it holds up nobody else, and not for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasky.model.containment import Kind
from tasky.model.states import State
from tasky.model.task import FailureCode
from tasky.model.worker import WorkerDefinition
from tasky.supervisor import Counts
from tasky.supervisor.launch import Launch
from tests.helpers import PATIENCE
from tests.supervisor.house import MILLISECOND, House, behaving, canceled, program
from tests.supervisor.hung import HungProgram, hung_program

THREADS = "tasky.supervisor.spawner_threads"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{THREADS}._SECOND", 10 * MILLISECOND)
    monkeypatch.setattr(f"{THREADS}.STUCK", 20 * MILLISECOND)


class Stuck:
    """A start that hangs at `what`: at the exec, in the process that is to become the worker; or where the server
    itself looks at the program."""

    def __init__(self, what: str, program: HungProgram, monkeypatch: pytest.MonkeyPatch) -> None:
        self._program = program
        self._looks, self._seen = threading.Event(), threading.Event()
        self._at_exec = what == "exec"
        if not self._at_exec:
            program.go_on()
            command = Launch.command

            def look(launch: Launch, *arguments: Any) -> Any:
                if launch.definition.name == "hung":
                    self._looks.set()
                    assert self._seen.wait(PATIENCE)
                return command(launch, *arguments)

            monkeypatch.setattr(Launch, "command", look)

    def await_it(self) -> None:
        if self._at_exec:
            self._program.await_exec()
        else:
            assert self._looks.wait(PATIENCE)

    def go_on(self) -> None:
        self._program.go_on()
        self._seen.set()


@pytest.fixture(params=["exec", "look"])
def stuck(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stuck]:
    with hung_program(tmp_path) as hung:
        stuck = Stuck(request.param, hung, monkeypatch)
        yield stuck
        stuck.go_on()


@pytest.fixture
def worker(stuck: Stuck, tmp_path: Path) -> WorkerDefinition:
    marks = str(tmp_path / "marks")
    return program("hung", str(tmp_path / "hung.sh"), "mark", marks, kill_grace=0)


@pytest.fixture
def open_house(houses: Callable[..., House], worker: WorkerDefinition) -> Callable[[], House]:
    """In the mode in which the worker's program is executed by the server itself."""
    return lambda: houses(worker, behaving("result", "result", 1), containment=Kind.PROCESS_GROUP)


@pytest.mark.case("P24")
def test_others_start_beside_it(open_house: Callable[[], House], stuck: Stuck) -> None:
    house = open_house()
    task_id = house.submit("hung")
    stuck.await_it()
    for _ in range(3):
        assert house.run("result").state is State.COMPLETED
    assert house.state(task_id) is State.RUNNING
    stuck.go_on()
    assert house.ended(task_id).state is State.COMPLETED


@pytest.mark.case("P24")
def test_in_the_end_it_has_failed(
    open_house: Callable[[], House], stuck: Stuck, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    """And does not run when the file system is there again."""
    monkeypatch.setattr(f"{THREADS}.TIMEOUT", 50 * MILLISECOND)
    house = open_house()
    failure = house.run("hung").failure
    assert failure is not None
    assert failure.code is FailureCode.SPAWN
    assert "takes too long" in failure.message
    assert house.supervisor.counts() == {}
    stuck.go_on()
    assert house.run("result").state is State.COMPLETED
    house.close()
    assert not (tmp_path / "marks").exists()


@pytest.mark.case("P24")
def test_it_can_be_canceled(open_house: Callable[[], House], stuck: Stuck, tmp_path: Path) -> None:
    house = open_house()
    task_id = house.submit("hung")
    stuck.await_it()
    assert house.supervisor.counts() == {"hung": Counts(1, 0)}
    task = canceled(house, task_id)
    assert task.state is State.CANCELED
    assert (task.attempts[0].exit_code, task.attempts[0].signal) == (None, None)
    stuck.go_on()
    house.close()
    assert not (tmp_path / "marks").exists()


@pytest.mark.case("P24")
def test_the_end_of_the_server_does_not_wait_for_it(
    open_house: Callable[[], House], stuck: Stuck, houses: Callable[..., House]
) -> None:
    """It has done nothing yet: it waits for the next start."""
    house = open_house()
    task_id = house.submit("hung")
    stuck.await_it()
    house.supervisor.drain()
    assert house.supervisor.join(PATIENCE)
    stuck.go_on()
    house.close()
    again = houses(behaving("hung", "result", 1))
    assert again.ended(task_id).state is State.COMPLETED
