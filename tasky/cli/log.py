"""tasky log"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
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
    look = partial(client.log, task_id, attempt=attempt)
    render = _json if invocation.json else _text
    if follow:
        _follow(lambda: _goes_on(client, task_id, attempt), look, tail, after, render)
    else:
        _print(look(tail=tail, after=after), render)


def _goes_on(client: Client, task_id: str, attempt: int | None) -> bool:
    """Whether something may still be written."""
    if attempt is None:
        return client.status(task_id)["Status"] in LIVE
    task = client.task(task_id)
    begun = task.get("Attempts", [])
    ended = {one["Number"] for one in begun if "Finished" in one}
    return task["Status"] in LIVE and attempt not in ended


def _follow(
    goes_on: Callable[[], bool],
    look: Callable[..., Iterator[LogDocument]],
    tail: int | None,
    after: int | None,
    render: Callable[[LogDocument], str],
) -> None:
    """`goes_on` is asked before the log: once it says that nothing more is written, the log has all."""
    if tail == 0:  # nothing of what there is
        after, tail = max((one["N"] for one in look(tail=1)), default=0), None
    pause = _FIRST_PAUSE
    while True:
        more = goes_on()
        last = _print(look(tail=tail, after=after), render)
        if not more:
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
