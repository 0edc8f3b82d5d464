"""Who starts when: limits, priorities, times."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from tasky.model.states import State
from tasky.supervisor import Counts
from tests.helpers import wait_for
from tests.supervisor.house import MILLISECOND, SECOND, Gate, House, behaving


def test_the_limit_of_a_worker_and_of_all(houses: Callable[..., House], gate: Gate) -> None:
    house = houses(max_tasks=3)
    house.define(behaving("a", "gate", gate, max_tasks=2), behaving("b", "gate", gate))
    a = [house.submit("a") for _ in range(3)]
    b = [house.submit("b") for _ in range(3)]
    assert house.supervisor.counts() == {"a": Counts(2, 1), "b": Counts(1, 2)}
    states = [house.state(task_id) for task_id in a + b]
    assert states.count(State.RUNNING) == 3
    assert states[2] is State.QUEUED, "a is at its limit"
    gate.open(times=6)
    for task_id in a + b:
        assert house.ended(task_id).state is State.COMPLETED
    assert house.supervisor.counts() == {}


def test_priority_then_order(houses: Callable[..., House], gate: Gate, tmp_path: Path) -> None:
    house = houses(max_tasks=1)
    house.behave("gate", gate)
    house.behave("mark", tmp_path / "marks")
    first = house.start("gate")
    submitted = [house.submit("mark", priority=priority) for priority in (0, -10, 10, 0, 10)]
    gate.open()
    house.ended(first)
    for task_id in submitted:
        house.ended(task_id)
    order = (tmp_path / "marks").read_text().split()
    assert [submitted.index(task_id) for task_id in order] == [2, 4, 0, 3, 1]


def test_not_before(house: House) -> None:
    """A later one that is due earlier is not held up by it."""
    house.behave("result", 1)
    late = house.submit("result", not_before=time.time_ns() + 3600 * SECOND)
    due = time.time_ns() + 200 * MILLISECOND
    soon = house.submit("result", not_before=due)
    assert house.state(soon) is State.QUEUED
    task = house.ended(soon)
    assert task.state is State.COMPLETED
    assert task.started is not None
    assert task.started >= due
    assert house.state(late) is State.QUEUED
    assert house.supervisor.cancel(late) is State.CANCELED


def test_not_before_in_the_past_starts_at_once(house: House) -> None:
    house.behave("result", 1)
    assert house.run("result", not_before=1).state is State.COMPLETED


def test_a_large_queue_at_the_start(houses: Callable[..., House], tmp_path: Path) -> None:
    """50,000 tasks that wait: the first ones run at once, in order."""
    house = houses(max_tasks=4)
    house.behave("result", 1)
    template = house.submit("result", not_before=time.time_ns() + 3600 * SECOND)
    house.close()
    database = sqlite3.connect(tmp_path / "state/tasky.db", isolation_level=None)
    database.execute("BEGIN")
    names = [row[1] for row in database.execute("PRAGMA table_info(tasks)")]
    columns = ", ".join(name for name in names if name != "id")
    database.execute(
        f"INSERT INTO tasks (id, {columns})"
        " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)"
        f" SELECT printf('%032x', i), {columns} FROM n, tasks WHERE id = ?",
        (template,),
    )
    database.execute("UPDATE tasks SET not_before = NULL WHERE id < ?", (f"{9:032x}",))
    database.execute("COMMIT")
    database.close()
    again = houses(behaving("result", "result", 1), max_tasks=4)
    for number in range(1, 9):
        assert again.ended(f"{number:032x}").state is State.COMPLETED
    wait_for(lambda: again.supervisor.counts()["result"] == Counts(0, 49_993), "the others wait")
