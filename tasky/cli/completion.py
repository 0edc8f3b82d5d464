"""What the shell completes from the server. A server that cannot be asked completes nothing."""

from __future__ import annotations

from click import Context, Parameter
from click.shell_completion import CompletionItem

from ..client import Client
from ..errors import TaskyError
from .ids import SHORT, short
from .invocation import Invocation
from .terminal import one_line

_PATIENCE = 1.0
_NEWEST = 100


def workers(context: Context, _parameter: Parameter, typed: str) -> list[CompletionItem]:
    try:
        with _client(context) as client:
            return [
                CompletionItem(worker["name"], help=one_line(worker.get("description") or ""))
                for worker in client.workers()
                if worker["name"].startswith(typed)
            ]
    except TaskyError:
        return []


def tasks(context: Context, _parameter: Parameter, typed: str) -> list[CompletionItem]:
    """The last digits of the newest tasks; whole ids once more digits are typed than those."""
    whole = len(typed) > SHORT
    try:
        with _client(context) as client:
            found = [
                (task["TaskId"] if whole else short(task["TaskId"]), task)
                for task in client.tasks(limit=_NEWEST)
            ]
    except TaskyError:
        return []
    return [
        CompletionItem(name, help=f"{task['Worker']} {task['Status']}")
        for name, task in found
        if name.startswith(typed.lower())
    ]


def _client(context: Context) -> Client:
    return Client(context.ensure_object(Invocation).url, timeout=_PATIENCE)
