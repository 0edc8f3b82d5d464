"""tasky events"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

import click

from ..client import Client, EventStream
from ..model.states import State
from . import completion
from .event_lines import as_json, as_line
from .follow import retry_note
from .ids import resolve
from .invocation import Invocation, asks_server
from .terminal import colours, complain, line


@click.command()
@click.argument("task", required=False, shell_complete=completion.tasks)
@click.option("--worker", shell_complete=completion.workers, help="Only tasks of this worker.")
@click.option("-s", "--status", multiple=True, type=click.Choice([one.value for one in State], case_sensitive=False),
              help="Only tasks that are so; may be given several times.")  # fmt: skip
@click.option("--log", is_flag=True, help="Also the lines of the logs.")
@click.option("--after", metavar="ID",
              help="Go on behind the event with this id; of one TASK, behind this line of its log.")  # fmt: skip
@asks_server
def events(
    invocation: Invocation,
    task: str | None,
    worker: str | None,
    status: Sequence[str],
    log: bool,
    after: str | None,
) -> None:
    """What happens to all tasks, or to TASK until it ends, as it happens. Ctrl-C ends it."""
    client = invocation.client()
    if task is None:
        note = retry_note(complain)
        stream = client.events(
            worker=worker, status=status, log=log, last_event_id=after or "", on_retry=note
        )
    elif worker or status:
        raise click.UsageError("--worker and --status are for the events of all tasks")
    else:
        stream = _of_task(client, task, log, after)
    render = as_json if invocation.json else partial(as_line, coloured=colours(sys.stdout))
    with stream:
        for event in stream:
            if text := render(event):
                line(text)


def _of_task(client: Client, task: str, log: bool, after: str | None) -> EventStream:
    if after is not None and not (after.isascii() and after.isdigit()):
        raise click.BadParameter("it must be a number", param_hint="--after")
    number = int(after or 0)
    task_id = resolve(client, task)
    return client.task_events(task_id, log=log, after=number, on_retry=retry_note(complain))
