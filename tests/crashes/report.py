"""What is told of a mistake: all that is known of the task."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from .mortal import Mortal
from .told import Told


def report(server: Mortal, told: Told, witness: Path, most: int = 5) -> str:
    """The first mistakes; "" where there is none."""
    if not told.mistakes:
        return ""
    lines = [f"{len(told.mistakes)} mistakes; the first:"]
    for task_id, what in told.mistakes[:most]:
        lines.append(f"  {task_id or 'server'}: {what}")
        if task_id:
            lines += [f"    {line}" for line in _about(task_id, server, told, witness)]
    return "\n".join([*lines, "the server's log ends with:", server.tail()])


def _about(task_id: str, server: Mortal, told: Told, witness: Path) -> list[str]:
    lines = []
    if fate := told.fates.get(task_id):
        lines.append(f"told: {fate}")
    with closing(sqlite3.connect(f"file:{server.state}/tasky.db?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        for table, column in (("tasks", "id"), ("attempts", "task_id")):
            rows = database.execute(f"SELECT * FROM {table} WHERE {column} = ?", (task_id,))
            lines += [f"{table}: {json.dumps(dict(row))}" for row in rows]
    for name in ("starts", "violations"):
        if (witness / name).exists():
            said = (witness / name).read_text().splitlines()
            lines += [f"{name}: {line}" for line in said if task_id in line]
    return lines + [f"server: {line.rstrip()}" for line in server.log if task_id in line]
