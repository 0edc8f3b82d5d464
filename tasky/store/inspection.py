"""`tasky db check`: whether everything in a state directory fits together. Only reads; a server may run meanwhile."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import StoreDamaged, StoreError, TaskyError
from . import wal
from .connections import connect_onlooker
from .failures import explain
from .folders import kept_tasks
from .lock import Holder
from .opening import DATABASE
from .queries import QUERIES
from .rows import artifact_paths
from .soundness import in_a_line

_MOST: Final = 100  # findings of one kind
_SECONDS: Final = 60.0
#: These go through whole tables, and so do not stand among the server's queries.
_WRONG_TOTALS: Final = """
SELECT totals.state, count(tasks.id), totals.tasks
FROM totals LEFT JOIN tasks ON tasks.state = totals.state
GROUP BY totals.state HAVING count(tasks.id) <> totals.tasks
"""
_NO_JSON: Final = "\nUNION ALL\n".join(
    f"SELECT id, '{column}' FROM tasks WHERE {column} IS NOT NULL AND NOT json_valid({column})"
    for column in ("params", "output", "labels", "progress", "failure", "artifacts", "secrets")
)
_ARTIFACTS: Final = "SELECT id, artifacts FROM tasks WHERE artifacts IS NOT NULL"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something that is wrong. `kind`: database, rows or files; `task` where it is about one."""

    kind: str
    message: str
    task: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspection:
    """`schema` and `tasks` are None where the database cannot be read."""

    database: Path
    findings: tuple[Finding, ...]
    schema: int | None = None
    tasks: int | None = None


def inspect(state_dir: Path) -> Inspection:
    """Raises StoreError where there is no database, or it may not be read."""
    database = state_dir / DATABASE
    if not os.path.lexists(database):
        raise StoreError(f"{database}: there is no database")
    try:
        lost = _lost(database)
        if lost is not None:
            return Inspection(database=database, findings=(lost,))
        with closing(connect_onlooker(database)) as connection:
            return _inspect(connection, database, state_dir)
    except (OSError, sqlite3.Error) as error:
        explained = explain(error, database)
        if not isinstance(explained, StoreDamaged):
            raise explained from error
        return Inspection(database=database, findings=(_unreadable(explained, database),))


def _lost(database: Path) -> Finding | None:
    """What is to be seen before SQLite opens it, which covers it up. Not while a server writes."""
    if database.is_file() and database.stat().st_size == 0:
        return Finding(kind="database", message="the file is empty")
    holder = Holder.of(database.with_name("lock"))
    if holder.lives:
        return None
    lost = wal.missing(database, _SECONDS, index_holds=holder.on_this_boot)
    return None if lost is None else Finding(kind="database", message=lost)


def _unreadable(error: TaskyError, database: Path) -> Finding:
    what = error.message.splitlines()[0].removeprefix(f"{database}: ")
    return Finding(kind="database", message=what)


def _inspect(connection: sqlite3.Connection, database: Path, state_dir: Path) -> Inspection:
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    damage = list(_structure(connection))
    if damage:  # what is read from it then means little
        return Inspection(database=database, schema=schema, findings=tuple(damage))
    (tasks,) = connection.execute("SELECT count(*) FROM tasks").fetchone()
    findings = (*_rows(connection), *_files(connection, state_dir))
    return Inspection(database=database, schema=schema, tasks=tasks, findings=findings)


def _structure(connection: sqlite3.Connection) -> Iterator[Finding]:
    for (verdict,) in connection.execute(f"PRAGMA integrity_check({_MOST})"):
        if verdict != "ok":
            yield Finding(kind="database", message=in_a_line(verdict))


def _rows(connection: sqlite3.Connection) -> Iterator[Finding]:
    for table, _, parent, _ in connection.execute("PRAGMA foreign_key_check").fetchmany(_MOST):
        yield Finding(kind="rows", message=f"a row of {table} belongs to none of {parent}")
    for state, counted, total in connection.execute(_WRONG_TOTALS):
        message = f"{counted} tasks are {state}, and the total says {total}"
        yield Finding(kind="rows", message=message)
    for task_id, column in connection.execute(_NO_JSON).fetchmany(_MOST):
        yield Finding(kind="rows", message=f"its {column} is not JSON", task=task_id)


def _paths(artifacts: str) -> list[str]:
    try:
        return artifact_paths(artifacts)
    except (ValueError, TypeError):
        return []  # that has been told


def _files(connection: sqlite3.Connection, state_dir: Path) -> Iterator[Finding]:
    """A task's row is there before its files, and goes before them: so the files are listed first."""
    for folder in kept_tasks(state_dir):
        task_id = os.path.basename(folder)  # noqa: PTH119
        known = connection.execute(QUERIES["state"], (task_id,)).fetchone() is not None
        if not known and os.path.lexists(folder):
            message = "files of a task that is not there: the next start of the server removes them"
            yield Finding(kind="files", message=message, task=task_id)
    for task_id, artifacts in connection.execute(_ARTIFACTS):
        for path in _paths(artifacts):
            file = state_dir / "tasks" / task_id[-2:] / task_id / "files" / path
            if not os.path.lexists(file):
                message = f"a file that it left is missing: {path}"
                yield Finding(kind="files", message=message, task=task_id)
