"""Showing how a task ended, and waiting for it to end."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import click

from ..client import Client, ClientError, ResultDocument, StatusDocument
from ..model.states import LIVE, State
from .exits import Exit
from .ids import short
from .invocation import Invocation, emit
from .shapes import failure, progress
from .terminal import complain, is_terminal, line, put, say, shown, status_line
from .types import duration


class Waiting(click.Command):
    """A command whose `--wait` may stand alone: click would take the next word for its value."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        ours = ["--wait=" if word in ("--wait", "-w") else word for word in args[:end]]
        return super().parse_args(ctx, [*ours, *args[end:]])


def _limit(text: str) -> float:
    return duration(text) if text else math.inf


wait_option = click.option(
    "-w",
    "--wait",
    type=_limit,
    metavar="[=DURATION]",
    help="Wait for the end and print the result; --wait=30s gives up after 30 seconds.",
)


def wait(client: Client, task_id: str, seconds: float) -> StatusDocument:
    """The status when the task has ended or the time is up. Progress is shown to people meanwhile. Ctrl-C ends the
    waiting only, and the command."""
    watched = is_terminal(sys.stderr)
    try:
        return client.wait(
            task_id, None if math.isinf(seconds) else seconds, _show if watched else None
        )
    except KeyboardInterrupt:
        _clear(watched)
        say(f"tasky: the task goes on; to end it: tasky cancel {task_id}")
        raise click.exceptions.Exit(Exit.INTERRUPTED) from None
    except ClientError:
        _clear(watched)
        say(f"tasky: the task may go on; to see it later: tasky show {task_id}")
        raise
    finally:
        _clear(watched)


def wait_and_report(client: Client, invocation: Invocation, task_id: str, seconds: float) -> Exit:
    status = wait(client, task_id, seconds)
    if status["Status"] in LIVE:
        if invocation.json:
            emit(status)
        complain(f"the task has not ended yet ({status['Status']}), and goes on: {task_id}")
        return Exit.UNFINISHED
    return report(client.result(task_id), invocation)


def report(result: ResultDocument, invocation: Invocation, *, told: bool = False) -> Exit:
    """The output on standard output, unless it was `told` already; why there is none on standard error; the exit
    status for it."""
    if told:
        pass
    elif invocation.json:
        emit(result)
    else:
        _print_output(result.get("Output"))
    if result["Status"] == State.COMPLETED:
        return Exit.OK
    if result["Status"] == State.CANCELED:
        complain(f"the task was canceled: {result['TaskId']}")
        return Exit.CANCELED
    reason = failure(result["Error"]) if "Error" in result else "no reason is known"
    complain(f"the task failed: {reason}")
    return Exit.FAILED


def _print_output(output: Any) -> None:
    """Text as it is, nothing for null, JSON for the rest."""
    if isinstance(output, dict) and output.keys() == {"string_output"}:
        output = output["string_output"]
    if isinstance(output, str):
        put(shown(output))
        if output and not output.endswith("\n"):
            line()
    elif output is not None:
        line(shown(json.dumps(output, indent=2, ensure_ascii=False)))


def _show(status: StatusDocument) -> None:
    status_line(f"{short(status['TaskId'])}  {status['Status']}  {progress(status)}")


def _clear(watched: bool) -> None:
    if watched:
        status_line("")
