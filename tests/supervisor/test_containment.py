"""No process outlives its task, whatever it did to get away: in both modes."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from tasky.model.containment import Kind
from tasky.model.states import State
from tests.helpers import wait_for
from tests.supervisor.chaos import Witness, chaotic, is_gone, pids
from tests.supervisor.house import SECOND, House, canceled, process_state, stands_still


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "witness")


@pytest.fixture
def house(houses: Callable[..., House], kind: Kind) -> House:
    house = houses(containment=kind)
    assert house.containment.kind is kind
    return house


def notes(house: House, task_id: str) -> list[str]:
    return [line.text for line in house.log(task_id)]


ESCAPES = {
    "ignores-term": {},
    "double-daemon": {},
    "stubborn-daemon": {},
    "scrubbed-daemon": {},
    "daemons": {"count": 5, "depth": 3},
    "hopping-daemon": {},
    "setsid-bomb": {"count": 50},
    "fork-bomb": {"count": 50},
    "zombie-children": {},
    "child-ignores-term": {},
    "ignores-term-child-honours": {},
}


@pytest.mark.case("P1", "P2", "P3", "P4", "P5")
@pytest.mark.parametrize("mode", ESCAPES)
def test_nothing_is_left_of_one_that_was_canceled(
    house: House, witness: Witness, mode: str
) -> None:
    house.define(chaotic(witness, mode, **ESCAPES[mode]))
    task_id = house.submit(mode)
    found = pids(house, task_id)
    assert witness.something_is_left()
    assert canceled(house, task_id).state is State.CANCELED
    assert not witness.something_is_left()
    wait_for(lambda: all(map(is_gone, found)), "all are reaped")


@pytest.mark.case("P3", "P6", "P7")
@pytest.mark.parametrize(
    ("mode", "options", "count"),
    [
        ("background-child", {}, 1),
        ("background-child", {"count": 3}, 3),
        ("double-daemon", {"leader": "exits"}, 1),
        ("stubborn-daemon", {"leader": "exits"}, 1),
        ("daemon-on-stdout", {}, 1),
        ("flooding-daemon", {}, 1),
        ("setsid-bomb", {"count": 20, "leader": "exits"}, None),
    ],
)
def test_nothing_is_left_of_one_that_has_exited(
    house: House, witness: Witness, mode: str, options: dict[str, object], count: int | None
) -> None:
    """What it left is killed, and its log says how much that was."""
    house.define(chaotic(witness, mode, "w", **options))
    task = house.run("w")
    assert task.state is State.COMPLETED
    assert not witness.something_is_left()
    said = [text for text in notes(house, task.id) if text.startswith("leftover")]
    if count is not None:
        assert said == [f"leftover processes: {count}"]


@pytest.mark.case("P3")
def test_one_that_cannot_be_told_ends_with_its_task_if_that_is_the_only_one(
    house: House, witness: Witness
) -> None:
    """No environment, no session or folder of its task, no parent: but there is one task that it can be of."""
    house.define(chaotic(witness, "scrubbed-daemon", leader="exits"))
    assert house.run("scrubbed-daemon").state is State.COMPLETED
    assert not witness.something_is_left()


@pytest.mark.case("P3")
def test_one_that_cannot_be_told_ends_with_the_last_of_those_that_it_can_be_of(
    house: House, witness: Witness, tmp_path: Path
) -> None:
    """In a cgroup it can be told, always."""
    other = Witness(tmp_path / "other")
    house.define(
        chaotic(witness, "scrubbed-daemon", leader="exits"), chaotic(other, "waits")
    )  # fmt: skip
    beside = house.submit("waits")
    pids(house, beside)
    assert house.run("scrubbed-daemon").state is State.COMPLETED
    if house.containment.kind is Kind.CGROUP:
        assert not witness.something_is_left()
    assert house.state(beside) is State.RUNNING, "nothing else is killed for it"
    assert other.something_is_left()
    assert canceled(house, beside).state is State.CANCELED
    assert not witness.something_is_left()


@pytest.mark.case("P8")
def test_orphans_that_have_ended_are_reaped_while_their_task_runs(
    house: House, witness: Witness
) -> None:
    house.define(chaotic(witness, "zombie-grandchildren", count=20))
    house.behave("exit", 9)
    task_id = house.submit("zombie-grandchildren")
    pids(house, task_id)
    failure = house.run("exit").failure
    assert failure is not None
    assert failure.exit_code == 9
    wait_for(lambda: not _our_zombies(), "they are reaped")
    assert house.state(task_id) is State.RUNNING
    canceled(house, task_id)


def _our_zombies() -> list[str]:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [pid for pid in children if process_state(int(pid)) == "Z"]


@pytest.mark.case("P14")
def test_one_that_is_stopped_ends_by_sigterm(house: House, witness: Witness) -> None:
    house.define(chaotic(witness, "stops-itself", group=True, grace=3600 * SECOND))
    task_id = house.submit("stops-itself")
    found = pids(house, task_id)
    wait_for(lambda: all(process_state(pid) == "T" for pid in found), "it has stopped itself")
    task = canceled(house, task_id)
    assert task.attempts[0].signal == "SIGTERM"
    assert not witness.something_is_left()


def test_a_pause_holds_what_has_escaped_too(house: House, witness: Witness) -> None:
    house.define(chaotic(witness, "daemons", count=2, depth=1))
    task_id = house.submit("daemons")
    found = pids(house, task_id)
    assert house.supervisor.pause(task_id) is State.PAUSED
    wait_for(lambda: all(map(stands_still, found)), "all stand still")
    assert house.supervisor.resume(task_id) is State.RUNNING
    wait_for(lambda: not any(map(stands_still, found)), "all go on")
    assert house.supervisor.pause(task_id) is State.PAUSED
    assert canceled(house, task_id).state is State.CANCELED
    assert not witness.something_is_left()


def test_a_paused_one_gets_sigterm_and_time_for_it(house: House) -> None:
    house.behave("polite", kill_grace=3600 * SECOND)
    task_id = house.start("polite")
    house.supervisor.pause(task_id)
    wait_for(lambda: stands_still(house.pid(task_id)), "it stands still")
    assert canceled(house, task_id).output == '"bye"'


@pytest.mark.case("P19")
def test_at_the_end_of_the_server_nothing_is_left(house: House, witness: Witness) -> None:
    """Whatever its tasks did: also what could not be told."""
    house.define(chaotic(witness, "scrubbed-daemon"), chaotic(witness, "setsid-bomb"))
    for worker in ("scrubbed-daemon", "setsid-bomb"):
        pids(house, house.submit(worker))
    house.close()
    assert not witness.something_is_left()


@pytest.mark.case("P29")
def test_with_no_descriptor_left_nothing_is_taken_for_gone(
    house: House, witness: Witness, caplog: pytest.LogCaptureFixture
) -> None:
    """A look needs one. The task does not end before there is one again, and nothing is left."""
    house.define(chaotic(witness, "stubborn-daemon"))
    task_id = house.submit("stubborn-daemon")
    pids(house, task_id)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        house.supervisor.cancel(task_id)
        wait_for(lambda: caplog.text.count("processes cannot be looked at") > 4, "it has tried")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert house.ended(task_id).state is State.CANCELED
    assert not witness.something_is_left()
