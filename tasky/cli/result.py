"""tasky result"""

from __future__ import annotations

import click

from ..client import ApiError
from . import completion
from .ending import Waiting, report, wait_and_report, wait_option
from .exits import Exit
from .ids import resolve
from .invocation import Invocation, asks_server
from .terminal import complain

_CONFLICT = 409


@click.command(cls=Waiting)
@click.argument("task", shell_complete=completion.tasks)
@wait_option
@asks_server
def result(invocation: Invocation, task: str, wait: float | None) -> int:
    """The output of a finished task.

    Text is printed as it is, everything else as JSON. The exit status tells how the task ended: see `tasky --help`.
    """
    client = invocation.client()
    task_id = resolve(client, task)
    if wait is not None:
        return wait_and_report(client, invocation, task_id, wait)
    try:
        return report(client.result(task_id), invocation)
    except ApiError as error:
        if error.status != _CONFLICT:
            raise
        complain(error.message)
        return Exit.UNFINISHED
