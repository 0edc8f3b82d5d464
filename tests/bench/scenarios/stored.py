"""State directories with many tasks in them, made once for a run."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from ..bench import Bench
from ..systems import tasky

#: For definitions and settings of all that open them.
DEFINITIONS: Final[dict[str, dict[str, Any]]] = {
    "true": {"command": ["/bin/true"], "protocol": "text"},
    "sleep": {"command": ["/bin/sleep", "600"], "protocol": "text", "max_tasks": 1},
}
SETTINGS: Final = {"retention_count": "2000000", "max_queued": "200000"}

#: Newest last; ids sort by creation, as those of Tasky do, and are older than what comes.
_TASKS: Final = """\
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO tasks (id, worker, state, created, started, finished, duration, priority, attempt, params)
SELECT printf('%032x', i), :worker, :state, :begin + i, :started + i, :started + i, :duration, 0, :attempt, '{}' FROM n
"""
_ATTEMPTS: Final = """\
INSERT INTO attempts (task_id, number, started, finished, exit_code)
SELECT id, 1, started, finished, 0 FROM tasks WHERE finished IS NOT NULL
"""


def ended(bench: Bench, count: int) -> Path:
    """So many tasks that have ended."""
    return _made(bench, "true", "Completed", count)


def queued(bench: Bench, count: int) -> Path:
    """So many tasks of a worker that runs one at a time."""
    return _made(bench, "sleep", "Queued", count)


def _made(bench: Bench, worker: str, state: str, count: int) -> Path:
    folder = bench.folder / f"{state}-{count}"
    if folder.exists():
        return folder
    folder.mkdir()
    with tasky.server(folder, DEFINITIONS, **SETTINGS):
        pass  # it makes the database
    now = time.time_ns()
    over = state != "Queued"
    values = {
        "count": count, "worker": worker, "state": state, "begin": now - count,
        "started": now - count if over else None, "duration": 1000 if over else None,
        "attempt": int(over),
    }  # fmt: skip
    with closing(sqlite3.connect(_database(folder))) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(_TASKS, values)
        connection.execute(_ATTEMPTS)
        connection.commit()
    return folder


def _database(folder: Path) -> Path:
    (database,) = (folder / "state").glob("*.db")
    return database
