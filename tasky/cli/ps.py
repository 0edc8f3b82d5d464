"""tasky ps"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import islice
from typing import Final

import click

from ..client import TaskDocument
from ..model.states import State
from . import completion
from .ids import short
from .invocation import Invocation, asks_server, emit
from .shapes import brief_duration, failure, local_time, progress, status_style
from .table import Column, joined, table
from .terminal import colours, line, one_line, say, width
from .types import label

_COLUMNS: Final = (
    Column("TASK", fixed=True),
    Column("WORKER"),
    Column("STATUS", fixed=True),
    Column("CREATED", fixed=True),
    Column("DURATION", fixed=True),
    Column("PROGRESS OR ERROR"),
)
_STATUS: Final = 2
_DEFAULT: Final = 20


@click.command()
@click.option("-s", "--status", multiple=True, type=click.Choice([one.value for one in State], case_sensitive=False),
              help="Only these; may be given several times.")  # fmt: skip
@click.option("--worker", shell_complete=completion.workers, help="Only tasks of this worker.")
@click.option("-l", "--label", "labels", type=label, multiple=True, metavar="KEY:VALUE",
              help="Only tasks with this label; given several times: with all of them.")  # fmt: skip
@click.option("-n", "--limit", type=click.IntRange(1), default=_DEFAULT, show_default=True,
              help="At most this many.")  # fmt: skip
@click.option("-a", "--all", "everything", is_flag=True, help="All of them.")
@click.option("--full", is_flag=True, help="Whole ids, not only their last 8 digits.")
@asks_server
def ps(
    invocation: Invocation,
    status: Sequence[str],
    worker: str | None,
    labels: Sequence[tuple[str, str]],
    limit: int,
    everything: bool,
    full: bool,
) -> None:
    """List tasks, newest first."""
    wanted = None if everything else limit + 1
    found = invocation.client().tasks(status=status, worker=worker, labels=labels, limit=wanted)
    if invocation.json:
        for task in islice(found, None if everything else limit):
            emit(task)
        return
    tasks = list(found)
    _print(tasks if everything else tasks[:limit], full)
    if not everything and len(tasks) > limit:
        say(f"… and older ones: --limit {limit * 10}, or --all")


def _print(tasks: Sequence[TaskDocument], full: bool) -> None:
    coloured = colours(sys.stdout)
    rows = [_row(task, full) for task in tasks]
    for cells in table(_COLUMNS, rows, width()):
        if coloured:
            cells[_STATUS] = status_style(cells[_STATUS])
        line(joined(cells))


def _row(task: TaskDocument, full: bool) -> list[str]:
    return [
        task["TaskId"] if full else short(task["TaskId"]),
        one_line(task["Worker"]),
        task["Status"],
        local_time(task["Created"]),
        brief_duration(task.get("Seconds")),
        _remark(task),
    ]


def _remark(task: TaskDocument) -> str:
    """Why it failed, when it may start, or how far it has come."""
    if "Error" in task:
        return failure(task["Error"])
    if task["Status"] == State.QUEUED and "NotBefore" in task:
        return f"not before {local_time(task['NotBefore'])}"
    return progress(task)
