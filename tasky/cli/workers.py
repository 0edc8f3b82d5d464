"""tasky workers, enable, disable"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

import click

from ..client import Client, WorkerDocument
from ..model.json_types import types_of
from . import completion
from .invocation import Invocation, asks_server, emit
from .shapes import fields, local_time, status_style
from .table import Column, joined, table
from .terminal import colours, line, one_line, shown, width
from .types import name as name_type

_WORKERS: Final = (
    Column("WORKER", fixed=True),
    Column("STATUS", fixed=True),
    Column("RUNNING", fixed=True),
    Column("QUEUED", fixed=True),
    Column("DESCRIPTION"),
)
_PARAMS: Final = (
    Column("PARAMETER", fixed=True),
    Column("TYPE"),
    Column("DEFAULT"),
    Column("DESCRIPTION"),
)


@click.command()
@click.argument(
    "name", required=False, type=name_type, metavar="[WORKER]", shell_complete=completion.workers
)
@asks_server
def workers(invocation: Invocation, name: str | None) -> None:
    """List the workers, or describe one."""
    client = invocation.client()
    if name is not None:
        document = client.worker(name)
        emit(document) if invocation.json else _describe(document)
    elif invocation.json:
        for document in client.workers():
            emit(document)
    else:
        for cells in table(_WORKERS, [_row(one) for one in client.workers()], width()):
            line(joined(cells))


def _row(worker: WorkerDocument) -> list[str]:
    return [
        one_line(worker["name"]),
        worker.get("status", ""),
        str(worker.get("running", "")),
        str(worker.get("queued", "")),
        one_line(worker["description"]),
    ]


def _describe(worker: WorkerDocument) -> None:
    for text in fields(
        {
            "Worker": worker["name"],
            "Description": one_line(worker["description"]),
            "Status": worker.get("status"),
            "Running": worker.get("running"),
            "Queued": worker.get("queued"),
            "Max tasks": worker.get("max_tasks") or "no limit of its own",
            "Timeout": worker.get("timeout") or "none",
            "Steps": " ".join(one_line(step["name"]) for step in worker.get("steps", ())) or None,
            **_schedule(worker.get("schedule", {})),
            "Processes": _processes(worker),
        }
    ):
        line(text)
    rows = list(_parameters(worker.get("schema", {})))
    if rows:
        line()
    for cells in table(_PARAMS, rows, width()) if rows else ():
        line(joined(cells))
    if usage := worker.get("usage"):
        line(f"\n{shown(usage).rstrip()}")


def _schedule(schedule: dict[str, Any]) -> dict[str, str | None]:
    if not schedule:
        return {}
    when = f"every {schedule['every']}" if "every" in schedule else schedule["cron"]
    zone = f" {schedule['time_zone']}" if "time_zone" in schedule else ""
    following = schedule["next"][:1]
    return {
        "Schedule": one_line(f"{when}{zone}"),
        "Next run": local_time(following[0]) if following else None,
    }


def _processes(worker: WorkerDocument) -> str | None:
    """Of one whose processes wait for their task."""
    said = []
    if warm := worker.get("warm"):
        said.append(f"{warm} kept warm")
    if reuse := worker.get("reuse"):
        said.append(f"each for up to {reuse.get('tasks')} tasks, idle {reuse.get('idle')} at most")
    return f"{', '.join(said)}; {worker.get('waiting', 0)} waiting" if said else None


def _parameters(schema: dict[str, Any]) -> Iterator[list[str]]:
    required = schema.get("required", ())
    for name, one in schema.get("properties", {}).items():
        default = json.dumps(one["default"], ensure_ascii=False) if "default" in one else ""
        yield [
            one_line(name),
            " or ".join(sorted(types_of(one))) or "any",
            "(required)" if name in required else one_line(default),
            one_line(one.get("description", "")),
        ]


def _switch(
    invocation: Invocation, change: Callable[[Client, str], WorkerDocument], name: str
) -> None:
    document = change(invocation.client(), name)
    if invocation.json:
        emit(document)
    else:
        status = document.get("status", "")
        text = status_style(status) if colours(sys.stdout) else status
        line(f"{one_line(document['name'])}  {text}")


@click.command()
@click.argument("name", type=name_type, metavar="WORKER", shell_complete=completion.workers)
@asks_server
def enable(invocation: Invocation, name: str) -> None:
    """Let a worker take new tasks."""
    _switch(invocation, Client.enable, name)


@click.command()
@click.argument("name", type=name_type, metavar="WORKER", shell_complete=completion.workers)
@asks_server
def disable(invocation: Invocation, name: str) -> None:
    """Let a worker take no new tasks; those that it has go on."""
    _switch(invocation, Client.disable, name)
