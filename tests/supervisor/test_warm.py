"""Processes that are started before their task is known: each has one task, and is for that as if started then."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasky.model.containment import Kind
from tasky.model.limits import Limits
from tasky.model.reuse import Reuse
from tasky.model.states import State
from tasky.model.task import FailureCode
from tasky.model.worker import Input
from tasky.supervisor import Observer
from tests.helpers import wait_for
from tests.supervisor.house import Gate, House, canceled, process_state, speaker
from tests.supervisor.waiting import act, answer, at_work, begin, lines, said, waiting, waits


class Taken(Observer):
    """Counts the tasks that have got a process that waited."""

    def __init__(self) -> None:
        self.warm = 0
        self.reused = 0

    def took(self, worker: str, warm: bool) -> None:
        self.warm += warm
        self.reused += not warm


def test_it_waits_for_its_task(houses: Callable[..., House], kind: Kind) -> None:
    taken = Taken()
    worker = waiting("say(type='progress', message='early')", warm=2)
    house = houses(worker, containment=kind, observer=taken)
    waits(house, 2)
    task = act(house, ["write", "left"], ["say", "late"], ["answer"])
    found = said(task)
    assert (taken.warm, taken.reused) == (1, 0)
    assert found["cwd"] == found["workdir"], "it works in its task's folder"
    assert found["files"] == ["left"]
    assert found["environ"].keys() == {"TASKY_PROCESS", "TASKY_PROTOCOL", "TASKY_WORKER"}
    assert found["environ"]["TASKY_PROTOCOL"] == "1"
    assert task.progress is not None
    assert task.progress.message == "early", "what it said before is its task's"
    assert lines(house, task) == ["late"]
    assert task.attempts[0].exit_code == 0
    assert process_state(found["pid"]) == "X"
    waits(house, 2)
    wait_for(lambda: found["id"] not in at_work(house), "its folder is gone")
    house.close()
    assert not at_work(house)


def test_without_one_that_waits_it_is_the_same(houses: Callable[..., House]) -> None:
    house = houses(waiting(warm=1), max_tasks=1)
    waits(house, 1)
    tasks = [begin(house, ["answer"]) for _ in range(5)]
    answers = [said(house.ended(task_id)) for task_id in tasks]
    assert [each["served"] for each in answers] == [1] * 5
    assert all(each["cwd"] == each["workdir"] for each in answers)
    assert {frozenset(each["environ"]) for each in answers} == {
        frozenset({"TASKY_PROCESS", "TASKY_PROTOCOL", "TASKY_WORKER"})
    }


def test_files_of_the_submission_are_there(houses: Callable[..., House]) -> None:
    """They are put into the work folder before it is known which process works there."""
    house = houses(waiting(warm=1))
    waits(house, 1)
    create = house.store.folders.create

    def with_a_file(task_id: str) -> str:
        folder = create(task_id)
        Path(folder, "upload-1").write_text("x")
        return folder

    house.store.folders.create = with_a_file  # type: ignore[method-assign]
    assert answer(house)["files"] == ["upload-1"]


def test_input_may_stay_open(houses: Callable[..., House]) -> None:
    house = houses(waiting(warm=1, input=Input.OPEN))
    waits(house, 1)
    task_id = begin(house, ["deaf"], ["message", {"type": "progress", "message": "1"}])
    house.pid(task_id)
    canceled(house, task_id, 0)


@pytest.mark.case("W10")
def test_never_more_than_slots(houses: Callable[..., House], gate: Gate) -> None:
    house = houses(waiting(warm=5), waiting(name="few", warm=2, max_tasks=1), max_tasks=3)
    wait_for(lambda: sum(house.supervisor.waiting().values()) == 3, "three in all")
    held = [begin(house, ["gate", str(gate)], ["answer"]) for _ in range(3)]
    wait_for(lambda: not house.supervisor.waiting(), "the slots are all in use")
    assert len(house.processes()) == 3
    gate.open(times=3)
    for task_id in held:
        house.ended(task_id)
    wait_for(lambda: sum(house.supervisor.waiting().values()) == 3, "three again")
    assert house.supervisor.waiting().get("few", 0) <= 1


@pytest.mark.case("W1")
def test_one_that_ends_too_soon_is_not_started_again_at_once(
    houses: Callable[..., House], caplog: pytest.LogCaptureFixture
) -> None:
    before = "os.write(2, b'no key\\n'); os._exit(3)"
    house = houses(waiting(before, warm=3), waiting(name="other", warm=1))
    wait_for(lambda: "a process ended before it had a task: no key" in caplog.text, "it is told")
    waits(house, 1, "other")
    failed = act(house, ["answer"])
    assert failed.failure is not None
    assert (failed.failure.code, failed.failure.message) == (
        FailureCode.EXIT,
        "exit status 3: no key",
    )
    waits(house, 0)


@pytest.mark.case("W1")
def test_one_that_cannot_be_started(
    houses: Callable[..., House], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house = houses(dataclasses.replace(waiting(warm=1), command=(str(tmp_path / "none"),)))
    wait_for(lambda: "cannot be kept waiting" in caplog.text, "it is told")
    wait_for(lambda: not at_work(house), "its folder is gone")


@pytest.mark.case("W9")
def test_a_reload_starts_new_ones(houses: Callable[..., House]) -> None:
    house = houses(waiting(warm=1))
    waits(house, 1)
    before = house.processes()
    house.define(dataclasses.replace(house.definitions["waiting"], env={"X": "1"}))
    wait_for(lambda: set(house.processes()).isdisjoint(before), "the former one ends")
    waits(house, 1)
    house.define(waiting(warm=0))
    wait_for(lambda: not house.processes(), "none is wanted any more")


def test_warm_and_reused(houses: Callable[..., House]) -> None:
    taken = Taken()
    house = houses(waiting(warm=2, reuse=Reuse(tasks=2)), observer=taken)
    waits(house, 2)
    assert [answer(house)["served"] for _ in range(2)] == [1, 2]
    waits(house, 2)
    assert [answer(house)["served"] for _ in range(2)] == [1, 2]
    waits(house, 2)
    assert (taken.warm, taken.reused) == (2, 2)


def test_a_stopped_task_is_not_given_away(houses: Callable[..., House], gate: Gate) -> None:
    house = houses(waiting(warm=1, kill_grace=0))
    waits(house, 1)
    task_id = begin(house, ["gate", str(gate)])
    assert canceled(house, task_id).state is State.CANCELED
    waits(house, 1)


def test_its_limits_hold_from_its_start(houses: Callable[..., House]) -> None:
    house = houses(
        waiting("fds = [os.dup(0) for _ in range(9)]", warm=1, limits=Limits(open_files=8))
    )
    failed = act(house, ["answer"])
    assert failed.failure is not None
    assert "Too many open files" in failed.failure.message


def test_dropped_and_kept_again(houses: Callable[..., House]) -> None:
    house = houses(waiting(warm=1, reuse=Reuse()))
    waits(house, 1)
    house.supervisor.drop_waiting()
    assert answer(house)["served"] == 1
    wait_for(lambda: not house.processes(), "none waits, nor is one kept after its task")
    house.supervisor.keep_waiting()
    waits(house, 1)


AS_ANOTHER = """
while IFS= read -r task; do
    id=${task#*'"id":"'}
    rest=${task##*/} # it cannot pass through the folders of the tests
    cd -P "../${rest%%'"'*}" && touch made && owners=$(stat -c %U . made) || exit 1
    printf '{"type":"result","output":"%s","id":"%s"}\\n' "$(echo $owners)" "${id%%'"'*}"
done
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="USERS ARE NOT TESTED: only root can become another")
@pytest.mark.parametrize("keys", [{"warm": 1}, {"reuse": Reuse()}], ids=["warm", "reuse"])
def test_the_folders_of_another_user_are_its_own(
    houses: Callable[..., House], keys: dict[str, Any]
) -> None:
    worker = speaker("another", "/bin/sh", "-c", AS_ANOTHER, user="nobody", **keys)
    house = houses(worker)
    tasks = [house.run("another") for _ in range(2)]
    assert [task.output for task in tasks] == ['"nobody nobody"'] * 2, [
        lines(house, task) for task in tasks
    ]
