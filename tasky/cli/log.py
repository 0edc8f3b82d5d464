"""tasky log"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import click

from ..client import Client, LogDocument
from ..model.states import LIVE
from . import completion
from .ids import resolve
from .invocation import Invocation, asks_server
from .terminal import put, shown

#: Pauses between two looks at a log that is followed, seconds.
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
_CHUNK: Final = 64 << 10


@click.command()
@click.argument("task", shell_complete=completion.tasks)
@click.option("-n", "--tail", type=click.IntRange(0), metavar="N", help="Only the last N lines.")
@click.option(
    "--after", type=click.IntRange(0), metavar="N", help="Only the lines behind number N."
)
@click.option("-f", "--follow", is_flag=True, help="Go on until the task has ended.")
@asks_server
def log(
    invocation: Invocation, task: str, tail: int | None, after: int | None, follow: bool
) -> None:
    """What a task has written: its output, errors and log messages.

    The server counts lines from 1; with --json each line has its number, time and stream.
    """
    client = invocation.client()
    task_id = resolve(client, task)
    render = _json if invocation.json else _text
    if follow:
        _follow(client, task_id, tail, after, render)
    else:
        _print(client.log(task_id, tail=tail, after=after), render)


def _follow(
    client: Client,
    task_id: str,
    tail: int | None,
    after: int | None,
    render: Callable[[LogDocument], str],
) -> None:
    """The status is asked for before the log: once it says that the task has ended, the log has all."""
    if tail == 0:  # nothing of what there is
        after, tail = max((one["N"] for one in client.log(task_id, tail=1)), default=0), None
    pause = _FIRST_PAUSE
    while True:
        ended = client.status(task_id)["Status"] not in LIVE
        last = _print(client.log(task_id, tail=tail, after=after), render)
        if ended:
            return
        if last is not None:
            after, tail, pause = last, None, _FIRST_PAUSE
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _print(lines: Iterable[LogDocument], render: Callable[[LogDocument], str]) -> int | None:
    """Gives the number of the last line, if there was one."""
    pieces: list[str] = []
    size, last = 0, None
    for document in lines:
        last = document["N"]
        pieces.append(render(document))
        size += len(pieces[-1])
        if size > _CHUNK:
            put("".join(pieces))
            pieces, size = [], 0
    if pieces:
        put("".join(pieces))
    return last


def _json(document: LogDocument) -> str:
    return json.dumps(document, separators=(",", ":")) + "\n"


def _text(document: LogDocument) -> str:
    """As the API's text has it."""
    text = document["Text"]
    if "Level" in document:
        members = (f" {key}={_member(value)}" for key, value in document.get("Fields", {}).items())
        text = f"{document['Level']}: {text}{''.join(members)}"
    return shown(text) + "\n"


def _member(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
