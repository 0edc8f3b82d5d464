"""Tasks of all kinds, one after the other and beside each other, in few processes: each has what is its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasky.model.containment import Kind
from tasky.model.reuse import Reuse
from tasky.model.states import State
from tasky.model.task import FailureCode, Task
from tests.supervisor.house import House
from tests.supervisor.waiting import begin, lines, waiting

#: What a task does, and how it must end.
ENDS = {
    "answers": State.COMPLETED,
    "fails": FailureCode.WORKER,
    "exits": FailureCode.EXIT,
    "leaves": State.COMPLETED,
    "goes on": State.COMPLETED,
    "exits well": State.COMPLETED,
    "lies": FailureCode.PROTOCOL,
    "is late": FailureCode.TIMEOUT,
}
ACTS = {
    "answers": [["answer"]],
    "fails": [["message", {"type": "error", "message": "no"}]],
    "exits": [["exit", 3]],
    "leaves": [["child", "1000"], ["answer"]],
    "goes on": [["answer"], ["say", "more"], ["answer"]],
    "exits well": [["answer"], ["exit", 0]],
    "lies": [["message", {"type": "result", "output": 1, "id": "0" * 32}]],
    "is late": [["hang"]],
}


@pytest.fixture
def mixed(houses: Callable[..., House], kind: Kind) -> House:
    worker = waiting(reuse=Reuse(tasks=7), warm=1, max_tasks=2)
    return houses(worker, containment=kind)


@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(kinds=st.lists(st.sampled_from(sorted(ENDS)), min_size=6, max_size=12))
def test_each_is_as_if_it_were_alone(mixed: House, kinds: list[str]) -> None:
    tasks = []
    for number, kind in enumerate(kinds):
        timeout = 20_000_000 if kind == "is late" else None
        said = f"{number} {kind}"
        tasks.append((kind, said, begin(mixed, ["say", said], *ACTS[kind], timeout=timeout)))
    for kind, said, task_id in tasks:
        check(mixed, mixed.ended(task_id), kind, said)


def check(house: House, task: Task, kind: str, said: str) -> None:
    end = task.failure.code if task.failure else task.state
    assert end is ENDS[kind]
    logged = lines(house, task)
    told = [line for line in logged if line[:1].isdigit()]
    # One that is late may be so before it has begun.
    assert told == [said] or (kind == "is late" and not told)
    if end is State.COMPLETED:
        output = json.loads(task.output or "")
        assert output["id"] == task.id
        assert output["files"] == []
        assert Path(output["workdir"]).name == task.id
