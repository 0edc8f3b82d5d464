"""The statement for a page of the task list: newest first, by keyset, at the same cost wherever the page is.

Each combination of filters walks one index backwards and stops when the page is full; nothing is sorted. Several
states, or a worker in any state, are walked side by side and merged (a compound SELECT with ORDER BY). Further filters
beside a label are looked at row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..model.states import State
from .rows import storable

#: The columns of the query `task`, without what is big.
_COLUMNS: Final = """\
t.id, worker, state, created, started, finished, duration, priority, not_before, timeout, restart_of,
attempt, attempt_started, labels, progress, failure, artifacts, NULL, NULL, NULL"""
_NEWEST: Final = "g"  # sorts after every id


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """Which tasks to list. `after` is the cursor that the page before gave: an id."""

    state: frozenset[State] | None = None
    worker: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    limit: int = 100
    after: str | None = None


def statement(query: Query) -> tuple[str, list[Any]]:
    """SQL and parameters; it gives one row more than the page has, if there is one more."""
    arms = _arms(query)
    sql = "\nUNION ALL\n".join(sql for sql, _ in arms)
    values = [storable(value) for _, values in arms for value in values]
    return f"{sql}\nORDER BY 1 DESC LIMIT ?", [*values, query.limit + 1]


def _arms(query: Query) -> Sequence[tuple[str, list[str]]]:
    after = query.after if query.after is not None else _NEWEST
    states = sorted(query.state if query.state is not None else State)
    if not states:
        return [(f"SELECT {_COLUMNS} FROM tasks AS t WHERE false", [])]
    if query.labels:
        return [_labelled(query, after)]
    if query.worker is not None:
        return [
            (_select("tasks_by_worker", "worker = ? AND state = ?"), [query.worker, state, after])
            for state in states
        ]
    if query.state is not None:
        return [(_select("tasks_by_state", "state = ?"), [state, after]) for state in states]
    return [(f"SELECT {_COLUMNS} FROM tasks AS t WHERE t.id < ?", [after])]


def _select(index: str, condition: str) -> str:
    return f"SELECT {_COLUMNS} FROM tasks AS t INDEXED BY {index} WHERE {condition} AND t.id < ?"


def _labelled(query: Query, after: str) -> tuple[str, list[str]]:
    (key, value), *others = query.labels
    sql = (
        f"SELECT {_COLUMNS} FROM labels AS l CROSS JOIN tasks AS t ON t.id = l.task_id"
        " WHERE l.key = ? AND l.value = ? AND l.task_id < ?"
    )
    values = [key, value, after]
    for other in others:
        sql += (
            " AND EXISTS (SELECT 1 FROM labels WHERE key = ? AND value = ? AND task_id = l.task_id)"
        )
        values += other
    if query.worker is not None:
        sql += " AND worker = ?"
        values.append(query.worker)
    if query.state is not None:
        sql += f" AND state IN ({', '.join('?' * len(query.state))})"
        values += sorted(query.state)
    return sql.replace("SELECT t.id", "SELECT l.task_id", 1), values
