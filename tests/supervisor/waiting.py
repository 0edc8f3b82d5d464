"""Workers whose processes wait for their task: what they are told to do is in tests/workers/waiting.py."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasky.model.params import Parameters
from tasky.model.states import State
from tasky.model.task import Task
from tasky.model.worker import WorkerDefinition
from tests.helpers import wait_for
from tests.supervisor.house import House, speaker

PROGRAM = Path(__file__).resolve().parent.parent / "workers" / "waiting.py"
ACTS = Parameters({"acts": {"type": "array"}})


def waiting(before: str = "pass", *, program: Path = PROGRAM, **keys: Any) -> WorkerDefinition:
    """`before` is Python, for what its process does before it has a task."""
    keys = {"name": "waiting", "parameters": ACTS} | keys
    return speaker(keys.pop("name"), sys.executable, "-I", "-S", str(program), before, **keys)


def begin(house: House, *acts: Sequence[Any], worker: str = "waiting", **options: Any) -> str:
    return house.submit(worker, {"acts": acts}, **options)


def act(house: House, *acts: Sequence[Any], worker: str = "waiting") -> Task:
    return house.ended(begin(house, *acts, worker=worker))


def answer(house: House, *acts: Sequence[Any], worker: str = "waiting") -> Any:
    """What the process says of itself, after those acts."""
    return said(act(house, *acts, ["answer"], worker=worker))


def said(task: Task) -> Any:
    assert task.state is State.COMPLETED, task.failure
    return json.loads(task.output or "")


def lines(house: House, task: Task) -> list[str]:
    return [line.text for line in house.log(task.id)]


def waits(house: House, count: int, worker: str = "waiting") -> None:
    wait_for(lambda: house.supervisor.waiting().get(worker, 0) == count, f"{count} processes wait")


def at_work(house: House) -> list[str]:
    return [entry.name for entry in (house.folder / "work").iterdir()]
