"""tasky run"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from ..client import Client
from . import completion, types, values
from .ending import Waiting, wait_and_report, wait_option
from .exits import Exit
from .invocation import Invocation, asks_server, emit
from .terminal import line


@click.command(cls=Waiting)
@click.argument("worker", type=types.name, metavar="WORKER", shell_complete=completion.workers)
@click.argument("params", nargs=-1, metavar="[KEY=VALUE | KEY:=JSON]...")
@click.option("-p", "--params", "whole", metavar="JSON",
              help="A JSON object of parameters; @FILE reads it from a file, - from standard input.")  # fmt: skip
@wait_option
@click.option(
    "--timeout", type=types.duration, metavar="DURATION", help="The task is ended after this time."
)
@click.option("--priority", type=click.IntRange(-10, 10), help="-10 to 10; higher starts earlier.")
@click.option("-l", "--label", "labels", type=types.label, multiple=True, metavar="KEY:VALUE",
              help="To find the task by; may be given several times.")  # fmt: skip
@click.option(
    "--at", type=types.moment, metavar="TIME", help="Not before this time: RFC 3339, or local time."
)
@click.option("--idempotency-key", type=types.key, metavar="KEY",
              help="The same key again gives the same task, and starts nothing.")  # fmt: skip
@asks_server
def run(
    invocation: Invocation,
    worker: str,
    params: Sequence[str],
    whole: str | None,
    wait: float | None,
    timeout: float | None,
    priority: int | None,
    labels: Sequence[tuple[str, str]],
    at: datetime | None,
    idempotency_key: str | None,
) -> int:
    """Start a task of WORKER.

    KEY=VALUE is text where the worker's parameter takes text, and JSON where it is a number, a boolean, a list or an
    object; KEY:=JSON is always JSON. Prints the task's id; with --wait its result.
    """
    client = invocation.client()
    submitted = client.submit(
        worker,
        _parameters(client, worker, params, whole),
        timeout=timeout,
        priority=priority,
        labels=labels,
        at=at,
        idempotency_key=idempotency_key,
    )
    if wait is not None:
        return wait_and_report(client, invocation, submitted["TaskId"], wait)
    emit(submitted) if invocation.json else line(submitted["TaskId"])
    return Exit.OK


def _parameters(
    client: Client, worker: str, arguments: Sequence[str], whole: str | None
) -> dict[str, Any]:
    """All parameters; those given one by one win over those of the whole object."""
    given = values.pairs(arguments)
    base = {} if whole is None else values.json_object(_read(whole))
    if all(is_json for _, is_json in given.values()):
        return {**base, **values.parameters(given, {})}
    return {**base, **values.parameters(given, client.worker(worker).get("schema", {}))}


def _read(text: str) -> str:
    try:
        if text == "-":
            return sys.stdin.read()
        if text.startswith("@"):
            return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(str(error), param_hint="--params") from None
    return text
