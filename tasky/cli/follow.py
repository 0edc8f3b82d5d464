"""Following a task to its end: its log and progress live, then its result."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress

from ..client import (
    Client,
    ClientError,
    Conflict,
    LogEvent,
    ResultDocument,
    ResultEvent,
    Unavailable,
)
from .ending import report, wait_and_report
from .exits import Exit
from .invocation import Invocation
from .terminal import is_terminal, say
from .views import JsonView, View, view_for


def follow_and_report(
    client: Client, invocation: Invocation, task_id: str, *, cancel_on_interrupt: bool
) -> int:
    """As `wait_and_report`, with all that happens meanwhile. Ctrl-C ends the following only, unless it is to cancel
    the task: then that is followed to its end, or to the next Ctrl-C."""
    view = view_for(invocation, task_id)
    try:
        with view:
            result = _Following(client, view, task_id, cancel_on_interrupt).result()
    except KeyboardInterrupt:
        say(f"tasky: the task goes on; to end it: tasky cancel {task_id}")
        return Exit.INTERRUPTED
    except Unavailable as error:
        say(f"tasky: {error.message}: the task is waited for without its log")
        return wait_and_report(client, invocation, task_id, float("inf"))
    except ClientError:
        say(f"tasky: the task may go on; to see it later: tasky show {task_id}")
        raise
    if isinstance(view, JsonView):
        return report(result, invocation, told=True)
    seen = is_terminal(sys.stdout) and is_terminal(sys.stderr) and _is_text(result)
    return report(result, invocation, told=seen)


class _Following:
    def __init__(self, client: Client, view: View, task_id: str, cancel_on_interrupt: bool) -> None:
        self._client = client
        self._view = view
        self._task_id = task_id
        self._may_cancel = cancel_on_interrupt
        self._last = 0

    def result(self) -> ResultDocument:
        while True:
            try:
                return self._watch()
            except KeyboardInterrupt:
                if not self._may_cancel:
                    raise
                self._may_cancel = False
                self._cancel()

    def _watch(self) -> ResultDocument:
        note = retry_note(self._view.note)
        with self._client.task_events(self._task_id, after=self._last, on_retry=note) as events:
            for event in events:
                self._view.show(event)
                if isinstance(event, LogEvent):
                    self._last = event.data["N"]
                elif isinstance(event, ResultEvent):
                    return event.data
        raise AssertionError("a stream of events ends with the result, or raises")

    def _cancel(self) -> None:
        self._view.note("canceling the task; Ctrl-C again stops following it")
        with suppress(Conflict):  # it has just ended: the result says how
            self._client.cancel(self._task_id)


def retry_note(tell: Callable[[str], object]) -> Callable[[ClientError, float], None]:
    """For `on_retry`: one note for each new reason, not for each try."""
    told: list[str] = []

    def note(error: ClientError, _seconds: float) -> None:
        if told != [error.message]:
            told[:] = [error.message]
            tell(f"{error.message}; trying again")

    return note


def _is_text(result: ResultDocument) -> bool:
    """Of a worker whose output is what it wrote, which was shown already."""
    output = result.get("Output")
    return isinstance(output, dict) and output.keys() == {"string_output"}
