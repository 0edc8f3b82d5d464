"""Processes that do not end though they are killed (on a dead file system, in a driver): their tasks do.

Made by the freezer of cgroup v1, which SIGKILL does not get through.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tasky.model.containment import Kind
from tasky.model.retry import Retry
from tasky.model.states import State
from tasky.supervisor import Counts
from tests.freezer import Freezer, freezer
from tests.helpers import wait_for
from tests.supervisor.chaos import Witness, chaotic, pids
from tests.supervisor.house import MILLISECOND, House, canceled

__all__ = ["freezer"]


@pytest.fixture
def house(
    houses: Callable[..., House], kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    for module in ("process", "emptying"):
        monkeypatch.setattr(f"tasky.supervisor.{module}.PATIENCE", 50 * MILLISECOND)
    monkeypatch.setattr("tasky.supervisor.emptying._SECOND", 50 * MILLISECOND)
    return houses(containment=kind, max_tasks=1)


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "witness")


def taken(house: House, witness: Witness, freezer: Freezer, mode: str, which: int) -> str:
    house.define(chaotic(witness, mode, "w"))
    task_id = house.submit("w")
    freezer.take(pids(house, task_id)[which])
    return task_id


@pytest.mark.case("P36")
@pytest.mark.parametrize(
    ("mode", "which"), [("waits", 0), ("stubborn-daemon", 1)], ids=["leader", "daemon"]
)
def test_its_task_ends_and_its_slot_stays_taken(
    house: House, witness: Witness, freezer: Freezer, mode: str, which: int,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    task_id = taken(house, witness, freezer, mode, which)
    (unkillable,) = (pids(house, task_id)[which],)
    assert canceled(house, task_id).state is State.CANCELED
    assert house.supervisor.unkillable() == {task_id: [unkillable]}
    assert str(unkillable) in caplog.text
    house.behave("result", 1)
    waits = house.submit("result")
    assert house.supervisor.counts() == {"w": Counts(1, 0), "result": Counts(0, 1)}
    freezer.give_back()
    assert house.ended(waits).state is State.COMPLETED
    assert house.supervisor.unkillable() == {}
    assert not witness.something_is_left()


@pytest.mark.case("P36")
def test_no_attempt_follows_while_it_is_there(
    house: House, witness: Witness, freezer: Freezer
) -> None:
    """There are never two of one task at once."""
    house.define(replace(chaotic(witness, "stubborn-daemon", "w"), retry=Retry(attempts=2)))
    task_id = house.submit("w")
    leader, daemon, *_ = pids(house, task_id)
    freezer.take(daemon)
    os.kill(leader, signal.SIGKILL)
    task = house.ended(task_id)
    assert task.state is State.FAILED
    assert [attempt.signal for attempt in task.attempts] == ["SIGKILL"]
    freezer.give_back()
    wait_for(lambda: house.supervisor.counts() == {}, "its slot is free")


@pytest.mark.case("P36")
@pytest.mark.parametrize(
    ("mode", "which"), [("waits", 0), ("stubborn-daemon", 1)], ids=["leader", "daemon"]
)
def test_a_drain_does_not_wait_for_it(
    house: House, witness: Witness, freezer: Freezer, mode: str, which: int
) -> None:
    task_id = taken(house, witness, freezer, mode, which)
    unkillable = pids(house, task_id)[which]
    house.supervisor.drain()
    house.drained()
    freezer.give_back()
    os.waitid(os.P_PID, unkillable, os.WEXITED)  # the test's by now
    for leaf in Path("/sys/fs/cgroup/unified").glob("tasky-*/t-" + task_id + "-1"):
        leaf.rmdir()
        leaf.parent.rmdir()
