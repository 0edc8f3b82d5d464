"""tasky run"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from ..client import Attachment, Client
from . import completion, types, values
from .ending import Waiting, wait_and_report, wait_option
from .exits import Exit
from .follow import follow_and_report
from .invocation import Invocation, asks_server, emit
from .terminal import line


@click.command(cls=Waiting)
@click.argument("worker", type=types.name, metavar="WORKER", shell_complete=completion.workers)
@click.argument("params", nargs=-1, metavar="[KEY=VALUE | KEY:=JSON]...",
                shell_complete=completion.parameters)  # fmt: skip
@click.option("-p", "--params", "whole", metavar="JSON",
              help="A JSON object of parameters; @FILE reads it from a file, - from standard input.")  # fmt: skip
@wait_option
@click.option("-f", "--follow", is_flag=True,
              help="Show log and progress live until the end, then print the result.")  # fmt: skip
@click.option("--cancel-on-interrupt", is_flag=True,
              help="With --follow: Ctrl-C cancels the task, instead of leaving it alone.")  # fmt: skip
@click.option(
    "--timeout", type=types.duration, metavar="DURATION", help="The task is ended after this time."
)
@click.option("--priority", type=click.IntRange(-10, 10), help="-10 to 10; higher starts earlier.")
@click.option("-l", "--label", "labels", type=types.label, multiple=True, metavar="KEY:VALUE",
              help="To find the task by; may be given several times.")  # fmt: skip
@click.option(
    "--at", type=types.moment, metavar="TIME", help="Not before this time: RFC 3339, or local time."
)
@click.option("--notify", multiple=True, metavar="[ENDS:]URL",
              help="A webhook that is told of its end; may be given several times.")  # fmt: skip
@click.option("--idempotency-key", type=types.key, metavar="KEY",
              help="The same key again gives the same task, and starts nothing.")  # fmt: skip
@asks_server
def run(
    invocation: Invocation,
    worker: str,
    params: Sequence[str],
    whole: str | None,
    wait: float | None,
    follow: bool,
    cancel_on_interrupt: bool,
    timeout: float | None,
    priority: int | None,
    labels: Sequence[tuple[str, str]],
    at: datetime | None,
    notify: Sequence[str],
    idempotency_key: str | None,
) -> int:
    """Start a task of WORKER.

    KEY=VALUE is text where the worker's parameter takes text, and JSON where it is a number, a boolean, a list or an
    object; KEY:=JSON is always JSON; KEY=@PATH sends a file where the parameter takes one. Prints the task's id; with
    --wait or --follow its result.
    """
    if follow and wait is not None and not math.isinf(wait):
        raise click.UsageError("--follow goes on to the end: --wait cannot have a time with it")
    if cancel_on_interrupt and not follow:
        raise click.UsageError("--cancel-on-interrupt is for --follow")
    client = invocation.client()
    complete, files = _parameters(client, worker, params, whole)
    submitted = client.submit(
        worker,
        complete,
        files=files,
        timeout=timeout,
        priority=priority,
        labels=labels,
        at=at,
        notify=notify,
        idempotency_key=idempotency_key,
    )
    if follow:
        return follow_and_report(
            client, invocation, submitted["TaskId"], cancel_on_interrupt=cancel_on_interrupt
        )
    if wait is not None:
        return wait_and_report(client, invocation, submitted["TaskId"], wait)
    emit(submitted) if invocation.json else line(submitted["TaskId"])
    return Exit.OK


def _parameters(
    client: Client, worker: str, arguments: Sequence[str], whole: str | None
) -> tuple[dict[str, Any], dict[str, list[Path | Attachment]]]:
    """All parameters, and the files; those given one by one win over those of the whole object."""
    given = values.pairs(arguments)
    base = {} if whole is None else values.json_object(_read(whole))
    if all(is_json for _, is_json in given.values()):
        return {**base, **values.parameters(given, {})}, {}
    schema = client.worker(worker).get("schema", {})
    rest, files = values.files(given, schema)
    return {**base, **values.parameters(rest, schema)}, files


def _read(text: str) -> str:
    try:
        if text == "-":
            return sys.stdin.read()
        if text.startswith("@"):
            return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(str(error), param_hint="--params") from None
    return text
