"""The tasks that run and wait at one moment, and how they are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import click

from ..client import Client, TaskDocument, WorkerDocument
from ..model.states import LIVE, State
from .ids import short
from .shapes import brief_duration, local_time, progress, status_style
from .table import Column, joined, table
from .terminal import cut, one_line

_COLUMNS: Final = (
    Column("TASK", fixed=True),
    Column("WORKER"),
    Column("STATUS", fixed=True),
    Column("FOR", fixed=True),
    Column("PROGRESS"),
)
_STATUS: Final = 2
#: Of those that run, and of those that wait: more than a screen has.
_MOST: Final = 500
_MOST_QUEUED: Final = 100
_BAR: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The longest running tasks first, then the waiting ones, the oldest first of the newest 100. `running` and
    `queued` count all of them."""

    tasks: Sequence[TaskDocument]
    running: int
    queued: int
    workers: int

    def document(self) -> dict[str, Any]:
        counts = {"running": self.running, "queued": self.queued, "workers": self.workers}
        return {**counts, "tasks": self.tasks}


def look(client: Client) -> Snapshot:
    workers: list[WorkerDocument] = client.workers()
    active = [state for state in LIVE if state is not State.QUEUED]
    running = sorted(client.tasks(status=active, limit=_MOST), key=_since)
    queued = sorted(client.tasks(status=[State.QUEUED], limit=_MOST_QUEUED), key=_since)
    return Snapshot(
        tasks=[*running, *queued],
        running=sum(worker.get("running", 0) for worker in workers),
        queued=sum(worker.get("queued", 0) for worker in workers),
        workers=len(workers),
    )


def _since(task: TaskDocument) -> str:
    """RFC 3339 in UTC sorts as text."""
    return task.get("Started") or task["Created"]


def frame(
    snapshot: Snapshot,
    now: datetime,
    head: str,
    columns: int | None,
    lines: int | None,
    *,
    coloured: bool,
) -> Iterator[str]:
    """The lines of a table that is at most so wide and high; None: as it comes."""
    counts = f"{snapshot.running} running, {snapshot.queued} queued, {snapshot.workers} workers"
    title = f"{now.astimezone():%H:%M:%S}  {counts}  {one_line(head)}"
    yield _styled(title if columns is None else cut(title, columns), coloured, bold=True)
    yield ""
    room = len(snapshot.tasks) if lines is None else max(lines - 4, 0)
    shown = snapshot.tasks[:room]
    rows = [_row(task, now) for task in shown]
    for place, cells in enumerate(table(_COLUMNS, rows, columns)):
        if coloured:
            cells[_STATUS] = status_style(cells[_STATUS])
        text = joined(cells)
        yield text if place else _styled(text, coloured, dim=True)
    hidden = snapshot.running + snapshot.queued - len(shown)
    if hidden > 0:
        yield f"… and {hidden} more"


def _styled(text: str, coloured: bool, **style: Any) -> str:
    return click.style(text, **style) if coloured else text


def _row(task: TaskDocument, now: datetime) -> list[str]:
    return [
        short(task["TaskId"]),
        one_line(task["Worker"]),
        task["Status"],
        _for(task, now),
        _remark(task),
    ]


def _for(task: TaskDocument, now: datetime) -> str:
    """Whole seconds: they tick. The clocks of two machines may differ."""
    try:
        passed = (now - datetime.fromisoformat(_since(task))).total_seconds()
    except (ValueError, TypeError):
        return ""
    return brief_duration(float(max(0, int(passed))))


def _remark(task: TaskDocument) -> str:
    if task["Status"] == State.QUEUED and "NotBefore" in task:
        return f"not before {local_time(task['NotBefore'])}"
    percent = task.get("Progress", {}).get("Percent")
    if percent is None:
        return progress(task)
    full = min(_BAR, max(0, int(percent / 100 * _BAR)))
    return f"[{'#' * full}{'.' * (_BAR - full)}] {progress(task)}"
