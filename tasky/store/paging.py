"""The statement for a page of the task list: newest first, by keyset, at the same cost wherever the page is.

Each combination of filters walks one index backwards and stops when the page is full; nothing is sorted. Several
states, or a worker in any state, are walked side by side and merged (a compound SELECT with ORDER BY). Further filters
beside a label, and a text, are looked at row by row. Whoever may not see all tasks gets those of the workers that he
may see, and his own of others; where that would be too many walks, all tasks are looked at row by row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ..model.access import ANYBODY, Principal
from ..model.states import State
from .rows import storable

#: The columns of the query `task`, without what is big.
_COLUMNS: Final = """\
t.id, worker, state, created, started, finished, duration, priority, not_before, timeout, restart_of,
attempt, attempt_started, labels, progress, failure, artifacts, NULL, NULL, NULL,
(SELECT by FROM origins WHERE task_id = t.id)"""
_NOTHING: Final[tuple[str, list[str]]] = (f"SELECT {_COLUMNS} FROM tasks AS t WHERE false", [])
#: One task as a list has it.
SUMMARY: Final = f"SELECT {_COLUMNS} FROM tasks AS t WHERE t.id = ?"
_NEWEST: Final = "g"  # sorts after every id
_MOST_ARMS: Final = 400  # SQLite takes 500 in one statement


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """Which tasks to list. `text` is somewhere in what the list says of a task. `after` is the cursor that the page
    before gave: an id."""

    state: frozenset[State] | None = None
    worker: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    text: str | None = None
    limit: int = 100
    after: str | None = None
    by: Principal = ANYBODY


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody may see: all tasks of these workers, and of the others here only his own."""

    whole: tuple[str, ...]
    own: tuple[str, ...]
    name: str

    @classmethod
    def of(cls, by: Principal, workers: Sequence[str]) -> Seen:
        whole = tuple(name for name in workers if by.sees_task(name, None))
        own = tuple(name for name in workers if name not in whole and by.sees_task(name, by.name))
        return cls(whole, own, by.name)


def statement(query: Query, seen: Seen | None = None) -> tuple[str, list[Any]]:
    """SQL and parameters; it gives one row more than the page has, if there is one more. `seen` None: everything."""
    arms = _arms(query) if seen is None else _arms_of(query, seen)
    if query.text is not None:
        arms = [_with_text(arm, query.text) for arm in arms]
    sql = "\nUNION ALL\n".join(sql for sql, _ in arms)
    values = [storable(value) for _, values in arms for value in values]
    return f"{sql}\nORDER BY 1 DESC LIMIT ?", [*values, query.limit + 1]


_Arm: TypeAlias = tuple[str, list[str]]


def _arms(query: Query) -> Sequence[_Arm]:
    after = query.after if query.after is not None else _NEWEST
    states = sorted(query.state if query.state is not None else State)
    if not states:
        return [_NOTHING]
    if query.labels:
        return [_labelled(query, after)]
    if query.worker is not None:
        return _of_worker(query.worker, states, after)
    if query.state is not None:
        return [(_select("tasks_by_state", "state = ?"), [state, after]) for state in states]
    return [(f"SELECT {_COLUMNS} FROM tasks AS t WHERE t.id < ?", [after])]


def _of_worker(worker: str, states: Sequence[State], after: str) -> list[_Arm]:
    sql = _select("tasks_by_worker", "worker = ? AND state = ?")
    return [(sql, [worker, state, after]) for state in states]


def _arms_of(query: Query, seen: Seen) -> Sequence[_Arm]:
    """The same for somebody who may not see everything."""
    if query.worker is not None:
        named = (query.worker,)
        seen = Seen(_both(seen.whole, named), _both(seen.own, named), seen.name)
    after = query.after if query.after is not None else _NEWEST
    states = sorted(query.state if query.state is not None else State)
    if not states or not (seen.whole or seen.own):
        return [_NOTHING]
    if query.labels:
        sql, values = _labelled(query, after)
        condition, more = _is_seen(seen, "l.task_id")
        return [(f"{sql} AND {condition}", [*values, *more])]
    if len(states) * len(seen.whole) > _MOST_ARMS:
        condition, more = _is_seen(seen, "t.id")
        sql = f"SELECT {_COLUMNS} FROM tasks AS t WHERE t.id < ? AND state IN ({_marks(states)})"
        return [(f"{sql} AND {condition}", [after, *states, *more])]
    arms = [arm for worker in seen.whole for arm in _of_worker(worker, states, after)]
    if seen.own:
        own = (
            f"SELECT {_COLUMNS} FROM origins AS o INDEXED BY origins_by_name"
            " CROSS JOIN tasks AS t ON t.id = o.task_id"
            f" WHERE o.by = ? AND o.task_id < ? AND worker IN ({_marks(seen.own)})"
            f" AND state IN ({_marks(states)})"
        )
        arms.append((own.replace("SELECT t.id", "SELECT o.task_id", 1),
                     [seen.name, after, *seen.own, *states]))  # fmt: skip
    return arms


def _with_text(arm: _Arm, text: str) -> _Arm:
    """Upper and lower case are the same, of ASCII letters. Not in the parameters: they may be big, and secret."""
    sql, values = arm
    escaped = re.sub(r"([\\%_])", r"\\\1", text)
    like = "LIKE ? ESCAPE '\\'"
    places = [
        "t.id",
        "worker",
        "json_extract(progress, '$.message')",
        "json_extract(failure, '$.message')",
    ]
    found = " OR ".join(f"{place} {like}" for place in places)
    label = f"SELECT 1 FROM labels WHERE task_id = t.id AND key || ':' || value {like}"
    pattern = f"%{escaped}%"
    return f"{sql} AND ({found} OR EXISTS ({label}))", [*values, *[pattern] * (len(places) + 1)]


def _is_seen(seen: Seen, task_id: str) -> _Arm:
    """A condition on a row of `tasks`."""
    condition = (
        f"(worker IN ({_marks(seen.whole)}) OR (worker IN ({_marks(seen.own)})"
        f" AND EXISTS (SELECT 1 FROM origins WHERE task_id = {task_id} AND by = ?)))"
    )
    return condition, [*seen.whole, *seen.own, seen.name]


def _both(some: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in some if name in others)


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


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
        sql += f" AND state IN ({_marks(sorted(query.state))})"
        values += sorted(query.state)
    return sql.replace("SELECT t.id", "SELECT l.task_id", 1), values
