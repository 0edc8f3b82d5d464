"""tasky cancel, pause, resume, restart, delete: one verb for one or several tasks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import click

from ..client import ApiError, Client, SubmittedDocument
from ..errors import NotFound
from . import completion
from .exits import Exit, of_error
from .ids import Ids, short
from .invocation import Invocation, asks_server, emit
from .shapes import status_style
from .terminal import colours, complain, line
from .types import duration

_tasks = click.argument(
    "tasks", nargs=-1, required=True, metavar="TASK...", shell_complete=completion.tasks
)


@click.command()
@_tasks
@click.option("--grace", type=duration, metavar="DURATION",
              help="From SIGTERM to SIGKILL, where the worker's own time is too long.")  # fmt: skip
@asks_server
def cancel(invocation: Invocation, tasks: Sequence[str], grace: float | None) -> int:
    """End tasks: SIGTERM, then SIGKILL."""
    return _each(invocation, tasks, lambda client, task: client.cancel(task, grace=grace))


@click.command()
@_tasks
@asks_server
def pause(invocation: Invocation, tasks: Sequence[str]) -> int:
    """Freeze tasks: all processes of each."""
    return _each(invocation, tasks, Client.pause)


@click.command()
@_tasks
@asks_server
def resume(invocation: Invocation, tasks: Sequence[str]) -> int:
    """Let paused tasks go on."""
    return _each(invocation, tasks, Client.resume)


@click.command()
@_tasks
@click.option("--from-failed", is_flag=True,
              help="Of a chain that has failed, only what has not completed.")  # fmt: skip
@asks_server
def restart(invocation: Invocation, tasks: Sequence[str], from_failed: bool) -> int:
    """Start new tasks of the same workers and parameters. Prints their ids."""
    return _each(invocation, tasks, partial(_restart, from_failed))


def _restart(from_failed: bool, client: Client, task: str) -> SubmittedDocument:
    return client.restart(task, from_failed=from_failed)


@click.command()
@_tasks
@asks_server
def delete(invocation: Invocation, tasks: Sequence[str]) -> int:
    """Remove finished tasks with their logs and files."""
    return _each(invocation, tasks, _delete)


def _delete(client: Client, task: str) -> dict[str, Any]:
    client.delete(task)
    return {"TaskId": task, "Status": "Deleted"}


def _each(
    invocation: Invocation,
    tasks: Sequence[str],
    act: Callable[[Client, str], Mapping[str, Any]],
) -> int:
    """All of them, whatever the server says to one; the exit status is that of the first that it refused."""
    client = invocation.client()
    status = Exit.OK
    for text, task_id in _whole(client, tasks):
        try:
            if isinstance(task_id, NotFound):
                raise task_id
            document = act(client, task_id)
        except (ApiError, NotFound) as error:
            complain(f"{text}: {error.message}")
            status = status or of_error(error)
        else:
            emit(document) if invocation.json else _print(document)
    return status


def _whole(client: Client, tasks: Sequence[str]) -> list[tuple[str, str | NotFound]]:
    """All ids before anything is done: a mistyped one is a usage error, and then nothing is."""
    ids = Ids(client)
    found: list[tuple[str, str | NotFound]] = []
    for text in tasks:
        try:
            found.append((text, ids.whole(text)))
        except NotFound as error:
            found.append((text, error))
    return found


def _print(document: Mapping[str, Any]) -> None:
    """A new task's whole id, to be used; else the task's status."""
    status = document.get("Status")
    if status is None:
        line(document["TaskId"])
    else:
        text = status_style(status) if colours(sys.stdout) else status
        line(f"{short(document['TaskId'])}  {text}")
