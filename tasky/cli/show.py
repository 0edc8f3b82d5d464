"""tasky show"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final

import click

from ..client import AttemptDocument, NotificationDocument, TaskDocument
from . import completion
from .ids import resolve
from .invocation import Invocation, asks_server, emit
from .shapes import compact, failure, fields, file_line, local_time, progress, status_style
from .steps import step_lines
from .terminal import colours, line, one_line, shown

_TIMES: Final = ("Scheduled", "Created", "NotBefore", "Started", "Finished")
_AS_THEY_ARE: Final = ("Duration", "Timeout", "RestartOf", "Parent", "Step")


@click.command()
@click.argument("task", shell_complete=completion.tasks)
@asks_server
def show(invocation: Invocation, task: str) -> None:
    """Everything about a task, but its log."""
    client = invocation.client()
    document = client.task(resolve(client, task))
    if invocation.json:
        emit(document)
        return
    for text in _lines(document):
        line(text)


def _lines(task: TaskDocument) -> Iterator[str]:
    yield from fields(_facts(task))
    params = task.get("Params", {})
    yield from _section("Params", (f"{one_line(key)} = {compact(params[key])}" for key in params))
    yield from _section("Steps", step_lines(task.get("Steps", [])))
    attempts = task.get("Attempts", [])
    describe = partial(
        _attempt, why=len(attempts) > 1
    )  # of the only one, the task's own error says it
    yield from _section("Attempts", map(describe, attempts))
    yield from _section("Files", map(file_line, task.get("Artifacts", ())))
    yield from _section("Notifications", map(_notification, task.get("Notifications", ())))
    if task.get("Output") is not None:
        output = json.dumps(task["Output"], indent=2, ensure_ascii=False)
        yield from _section("Output", shown(output).splitlines())


def _facts(task: TaskDocument) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "Task": task["TaskId"],
        "Worker": one_line(task["Worker"]),
        "Status": status_style(task["Status"]) if colours(sys.stdout) else task["Status"],
        "Error": failure(task["Error"]) if "Error" in task else None,
        "Progress": progress(task),
    }
    facts |= {name: local_time(task[name]) for name in _TIMES if name in task}
    facts |= {name: task[name] for name in _AS_THEY_ARE if name in task}
    labels = task.get("Labels", {})
    return {
        **facts,
        "Priority": task.get("Priority") or None,
        "Labels": one_line(" ".join(f"{key}:{labels[key]}" for key in labels)),
    }


def _section(title: str, texts: Iterable[str]) -> Iterator[str]:
    for place, text in enumerate(texts):
        if not place:
            yield from ("", title)
        yield f"  {text}"


def _notification(one: NotificationDocument) -> str:
    attempts, last = one["Attempts"], f"{one.get('LastStatus', '')} {one.get('LastError', '')}"
    words = [one_line(one["Url"]), one["Status"]]
    if attempts > 1 or one["Status"] != "Delivered":
        words.append(f"after {attempts} attempt{'s' * (attempts != 1)}")
        words.append(f"({one_line(last.strip())})" if last.strip() else "")
    if "NextAt" in one:
        words.append(f"next {local_time(one['NextAt'])}")
    return " ".join(filter(None, words))


def _attempt(attempt: AttemptDocument, *, why: bool) -> str:
    times = [local_time(attempt[name]) for name in ("Started", "Finished") if name in attempt]
    words = (f"{attempt['Number']}.", " to ".join(times), _ending(attempt, why))
    return "  ".join(word for word in words if word)


def _ending(attempt: AttemptDocument, why: bool) -> str:
    if why and "Error" in attempt:
        return failure(attempt["Error"])
    if "ExitCode" in attempt:
        return f"exit status {attempt['ExitCode']}"
    return attempt.get("Signal", "")
