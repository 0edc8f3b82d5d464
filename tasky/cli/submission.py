"""The options of every command that makes a task, and what it does then: wait, follow, or print the task's id."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import click

from ..client import Client, SubmittedDocument
from . import types
from .ending import wait_and_report, wait_option
from .exits import Exit
from .follow import follow_and_report
from .invocation import Invocation, emit
from .terminal import line

_Command = TypeVar("_Command", bound=Callable[..., Any])
_OF_TASK: Final = ("timeout", "priority", "labels", "at", "notify", "idempotency_key")
_OPTIONS: Final = (
    wait_option,
    click.option(
        "-f",
        "--follow",
        is_flag=True,
        help="Show log and progress live until the end, then print the result.",
    ),
    click.option(
        "--cancel-on-interrupt",
        is_flag=True,
        help="With --follow: Ctrl-C cancels the task, instead of leaving it alone.",
    ),
    click.option(
        "--timeout",
        type=types.duration,
        metavar="DURATION",
        help="The task is ended after this time.",
    ),
    click.option(
        "--priority", type=click.IntRange(-10, 10), help="-10 to 10; higher starts earlier."
    ),
    click.option(
        "-l",
        "--label",
        "labels",
        type=types.label,
        multiple=True,
        metavar="KEY:VALUE",
        help="To find the task by; may be given several times.",
    ),
    click.option(
        "--at",
        type=types.moment,
        metavar="TIME",
        help="Not before this time: RFC 3339, or local time.",
    ),
    click.option(
        "--notify",
        multiple=True,
        metavar="[ENDS:]URL",
        help="A webhook that is told of its end; may be given several times.",
    ),
    click.option(
        "--idempotency-key",
        type=types.key,
        metavar="KEY",
        help="The same key again gives the same task, and starts nothing.",
    ),
)


def submission_options(command: _Command) -> _Command:
    """They come to the command as keywords, for Submission.of."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """`of_task` are the options that go to the server; `wait` is in seconds."""

    wait: float | None
    follow: bool
    cancel_on_interrupt: bool
    of_task: Mapping[str, Any]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Submission:
        wait, follow = given["wait"], given["follow"]
        if follow and wait is not None and not math.isinf(wait):
            raise click.UsageError("--follow goes on to the end: --wait cannot have a time with it")
        if given["cancel_on_interrupt"] and not follow:
            raise click.UsageError("--cancel-on-interrupt is for --follow")
        return cls(
            wait=wait,
            follow=follow,
            cancel_on_interrupt=given["cancel_on_interrupt"],
            of_task={name: given[name] for name in _OF_TASK},
        )

    def report(self, client: Client, invocation: Invocation, submitted: SubmittedDocument) -> int:
        """Gives the exit status."""
        task_id = submitted["TaskId"]
        if self.follow:
            return follow_and_report(
                client, invocation, task_id, cancel_on_interrupt=self.cancel_on_interrupt
            )
        if self.wait is not None:
            return wait_and_report(client, invocation, task_id, self.wait)
        emit(submitted) if invocation.json else line(task_id)
        return Exit.OK
