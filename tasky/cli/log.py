"""tasky log"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Final

import click

from ..client import LogDocument
from . import completion
from .event_lines import log_text
from .follow import retry_note
from .ids import resolve
from .invocation import Invocation, asks_server
from .terminal import complain, put, shown

_CHUNK: Final = 64 << 10


@click.command()
@click.argument("task", shell_complete=completion.tasks)
@click.option("-n", "--tail", type=click.IntRange(0), metavar="N", help="Only the last N lines.")
@click.option(
    "--after", type=click.IntRange(0), metavar="N", help="Only the lines behind number N."
)
@click.option("--attempt", type=click.IntRange(1), metavar="N", help="Only what attempt N wrote.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the task has ended.")
@asks_server
def log(
    invocation: Invocation,
    task: str,
    tail: int | None,
    after: int | None,
    attempt: int | None,
    follow: bool,
) -> None:
    """What a task has written: its output, errors and log messages.

    The server counts lines from 1; with --json each line has its number, time, stream and attempt.
    """
    client = invocation.client()
    task_id = resolve(client, task)
    render = _json if invocation.json else _text
    if follow:
        note = retry_note(complain)
        lines = client.follow(task_id, tail=tail, after=after, attempt=attempt, on_retry=note)
        for document in lines:
            put(render(document))
    else:
        _print(client.log(task_id, tail=tail, after=after, attempt=attempt), render)


def _print(lines: Iterable[LogDocument], render: Callable[[LogDocument], str]) -> None:
    """Many at once."""
    pieces: list[str] = []
    size = 0
    for document in lines:
        pieces.append(render(document))
        size += len(pieces[-1])
        if size > _CHUNK:
            put("".join(pieces))
            pieces, size = [], 0
    if pieces:
        put("".join(pieces))


def _json(document: LogDocument) -> str:
    return json.dumps(document, separators=(",", ":")) + "\n"


def _text(document: LogDocument) -> str:
    return shown(log_text(document)) + "\n"
