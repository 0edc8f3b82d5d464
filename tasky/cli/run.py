"""tasky run"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..client import Attachment, Client
from . import completion, types, values
from .ending import Waiting
from .invocation import Invocation, asks_server
from .submission import Submission, submission_options


@click.command(cls=Waiting)
@click.argument("worker", type=types.name, metavar="WORKER", shell_complete=completion.workers)
@click.argument("params", nargs=-1, metavar="[KEY=VALUE | KEY:=JSON]...",
                shell_complete=completion.parameters)  # fmt: skip
@click.option("-p", "--params", "whole", metavar="JSON",
              help="A JSON object of parameters; @FILE reads it from a file, - from standard input.")  # fmt: skip
@submission_options
@asks_server
def run(
    invocation: Invocation,
    worker: str,
    params: Sequence[str],
    whole: str | None,
    **given: Any,
) -> int:
    """Start a task of WORKER.

    KEY=VALUE is text where the worker's parameter takes text, and JSON where it is a number, a boolean, a list or an
    object; KEY:=JSON is always JSON; KEY=@PATH sends a file where the parameter takes one. Prints the task's id; with
    --wait or --follow its result.
    """
    options = Submission.of(given)
    client = invocation.client()
    complete, files = _parameters(client, worker, params, whole)
    submitted = client.submit(worker, complete, files=files, **options.of_task)
    return options.report(client, invocation, submitted)


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
