"""What the shell completes from the server. A server that cannot be asked completes nothing."""

from __future__ import annotations

import json
from typing import Any

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


def parameters(context: Context, _parameter: Parameter, typed: str) -> list[CompletionItem]:
    """Of `tasky run WORKER`: the names of those not given yet, as `name=`; behind that, the values that there are.

    Zsh and Fish take `name=value` for one word; Bash for three, of which click leaves out a bare "=".
    """
    given = [str(word) for word in context.params.get("params") or ()]
    try:
        with _client(context) as client:
            schema = client.worker(str(context.params.get("worker"))).get("schema", {})
    except TaskyError:
        return []
    known: dict[str, Any] = schema.get("properties", {})
    name, sign, begun = typed.partition("=")
    if sign:
        return _values(known.get(name), begun, f"{name}=")
    if given and given[-1] == "=":
        return _values(known.get(given[-2] if len(given) > 1 else ""), typed, "")
    if given and not typed and "=" not in given[-1] and given[-2:-1] != ["="]:
        return _values(known.get(given[-1]), "", "")
    used = {word.partition("=")[0].removesuffix(":") for word in given}
    return [
        CompletionItem(f"{name}=", help=one_line(_about(one)))
        for name, one in known.items()
        if name.startswith(typed) and name not in used
    ]


def _values(schema: Any, begun: str, before: str) -> list[CompletionItem]:
    if not isinstance(schema, dict):
        return []
    words = [one if isinstance(one, str) else json.dumps(one) for one in schema.get("enum", ())]
    if not words and schema.get("type") == "boolean":
        words = ["true", "false"]
    return [CompletionItem(f"{before}{word}") for word in words if word.startswith(begun)]


def _about(schema: Any) -> str:
    return str(schema.get("description", "")) if isinstance(schema, dict) else ""


def _client(context: Context) -> Client:
    return context.ensure_object(Invocation).own_client(_PATIENCE)
