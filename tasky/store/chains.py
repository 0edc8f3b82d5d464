"""What is stored of chains: the plan, the tasks that were made for it, where its steps are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from sqlite3 import Connection
from typing import Any

from ..model.chain.records import End, Key, Record, StepState, StepView
from ..model.states import TERMINAL, State
from ..model.task import NewChain, NewTask, Part
from . import rows
from .queries import QUERIES
from .writer import Operation


def insert(connection: Connection, new: NewTask) -> None:
    """What there is of a chain in a new task, which is stored."""
    if new.part is not None:
        connection.execute(QUERIES["insert_child"], rows.part_row(new.part, new.id))
    if new.chain is not None:
        _insert_chain(connection, new.id, new.chain)


def add(task_id: str, chain: NewChain) -> Operation[None]:
    """The plan of a task whose worker has become a chain while it waited."""

    def operation(connection: Connection) -> None:
        _insert_chain(connection, task_id, chain)

    return operation


def _insert_chain(connection: Connection, task_id: str, chain: NewChain) -> None:
    connection.execute(QUERIES["insert_chain"], (task_id, rows.dump(chain.plan), chain.resumes))
    if chain.resumes is not None:
        connection.execute(QUERIES["take_over"], (task_id, chain.resumes, chain.resumes))


def halt(task_id: str, reason: str) -> Operation[None]:
    """It was stopped: a restart of the server does not let it go on."""

    def operation(connection: Connection) -> None:
        connection.execute(QUERIES["halt_chain"], (reason, task_id))

    return operation


def save_steps(parent: str, run: int, views: Iterable[StepView]) -> Operation[None]:
    """Where these steps are now."""
    batch = [
        (
            run,
            view.name,
            view.state.value,
            view.total,
            view.ended,
            view.failed,
            rows.failure_text(view.failure),
            parent,
        )
        for view in views
    ]

    def operation(connection: Connection) -> None:
        connection.executemany(QUERIES["save_step"], batch)

    return operation


def chain(connection: Connection, task_id: str) -> NewChain | None:
    """None of a task that is no chain."""
    row = connection.execute(QUERIES["chain"], (task_id,)).fetchone()
    return None if row is None else NewChain(json.loads(row[0]), *row[1:])


def records(connection: Connection, parent: str, run: int) -> list[Record]:
    """The tasks that were made in an attempt of a chain, and are still there."""
    return [
        Record(
            Key(step, item, attempt),
            child,
            End(State(state), child, rows.read_failure(failure)) if state in TERMINAL else None,
            State(state),
        )
        for step, item, attempt, child, state, failure in connection.execute(
            QUERIES["children"], (parent, run)
        ).fetchall()
    ]


def steps(connection: Connection, parent: str, run: int) -> dict[str, Mapping[str, Any]]:
    """What is stored of each step: the members of a StepView."""
    found = connection.execute(QUERIES["steps"], (parent, run)).fetchall()
    return {
        step: {
            "state": StepState(state),
            "total": total,
            "ended": ended,
            "failed": failed,
            "failure": rows.read_failure(failure),
        }
        for step, state, total, ended, failed, failure in found
    }


def part(connection: Connection, task_id: str) -> Part | None:
    row = connection.execute(QUERIES["part"], (task_id,)).fetchone()
    return None if row is None else Part(*row)


def used_by(connection: Connection, task_id: str) -> str | None:
    """A chain that has not ended, and may still ask for what this task of it gave."""
    row = connection.execute(QUERIES["used_by"], (task_id,)).fetchone()
    return None if row is None else str(row[0])


def with_own(connection: Connection, task_id: str) -> list[str]:
    """A task, and all that were made for it, if it is a chain; but for what another chain still uses."""
    found, queue = [task_id], [task_id]
    while queue:
        for (child,) in connection.execute(QUERIES["own_children"], (queue.pop(),)).fetchall():
            if used_by(connection, child) is None:
                found.append(child)
                queue.append(child)
    return found
