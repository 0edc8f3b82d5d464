"""The API's JSON: documents from records. Members of tasks are CamelCase, members of workers snake_case.

A result is JSON text already, of up to a worker's longest line; it is put into its document as it is, without being
read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..model.chain.records import Record, StepView
from ..model.notify import Notification, Url
from ..model.params import mask_params
from ..model.task import Artifact, Attempt, Failure, Outcome, Progress, Task
from ..model.units import format_duration
from ..model.worker import WorkerDefinition
from ..service import Step, WorkerView
from ..store import LogLine

Document = dict[str, Any]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = 1_000_000_000
_NEXT: Final = 5  # times at which a schedule is due, that are shown
_LONGEST_MESSAGE: Final = 300  # of an error, in a list
_LARGEST_TOLD: Final = 64 << 10  # bytes of an error or an output, in a webhook
_encode: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def dump(document: Any) -> bytes:
    """A line of JSON in UTF-8. What no UTF-8 can say (half a surrogate pair) stays escaped."""
    return f"{_encode(document)}\n".encode("utf-8", "backslashreplace")


def _dump_with_output(document: Document, output: str | None) -> bytes:
    """The document with `Output` as its last member."""
    if output is None:
        return dump(document)
    text = f'{_encode(document)[:-1]},"Output":{output}}}\n'
    return text.encode("utf-8", "backslashreplace")


def timestamp(ns: int) -> str:
    """RFC 3339 in UTC, with microseconds."""
    moment = _EPOCH + timedelta(microseconds=ns // 1000)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


# ---------------------------------------------------------------------- workers


def worker_summary(view: WorkerView) -> Document:
    definition = view.definition
    document: Document = {"name": definition.name, "description": definition.description}
    if objects := definition.parameters.config_objects:
        document["config_objects"] = objects
    document["status"] = "Enabled" if view.enabled else "Disabled"
    document["max_tasks"] = definition.max_tasks
    document["running"] = view.counts.running
    document["queued"] = view.counts.queued
    if definition.waits:
        document["waiting"] = view.counts.waiting
    if definition.schedule is not None:
        (due,) = definition.schedule.next_times(1, time.time_ns()) or (None,)
        _add_times(document, next_run=due)
    return document


def worker_document(view: WorkerView) -> Document:
    definition = view.definition
    timeout = definition.timeout
    document = worker_summary(view) | {
        "usage": definition.usage,
        "schema": definition.parameters.schema,
        "timeout": None if timeout is None else format_duration(timeout),
    }
    if definition.schedule is not None:
        document["schedule"] = schedule_document(definition, time.time_ns())
    if definition.chain is not None:
        document["steps"] = [
            {"name": step.name, "worker": step.worker, "needs": step.needs, "finally": step.is_last}
            for step in definition.chain.steps.values()
        ]
    if definition.warm:
        document["warm"] = definition.warm
    if reuse := definition.reuse:
        document["reuse"] = {"tasks": reuse.tasks, "idle": format_duration(reuse.idle)}
    return document


def schedule_document(definition: WorkerDefinition, now: int) -> Document:
    """Of a worker that has one."""
    schedule = definition.schedule
    assert schedule is not None
    when: Document = (
        {"cron": schedule.cron, "time_zone": schedule.time_zone}
        if schedule.every is None
        else {"every": format_duration(schedule.every)}
    )
    return when | {
        "params": mask_params(schedule.params, definition.parameters.secrets),
        "overlap": schedule.overlap,
        "catch_up": schedule.catch_up,
        "next": [timestamp(at) for at in schedule.next_times(_NEXT, now)],
    }


# ---------------------------------------------------------------------- tasks


def status_document(task: Task) -> Document:
    document: Document = {"TaskId": task.id, "Status": task.state}
    add_duration(document, task.duration)
    if task.progress is not None:
        document["Progress"] = progress_document(task.progress)
    return document


def result_bytes(task_id: str, ended: Task | Outcome) -> bytes:
    document: Document = {"TaskId": task_id, "Status": ended.state}
    if ended.failure is not None:
        document["Error"] = ended.failure.as_json()
    return _dump_with_output(document, ended.output)


def task_summary(task: Task) -> Document:
    """As the list has it: nothing in it is big."""
    document = _task(task)
    if task.failure is not None:
        document["Error"] = _short(task.failure)
    return document


def recent_document(task: Task) -> Document:
    """As little as shows how the latest ones went: it is asked for often, and of many workers."""
    document: Document = {"TaskId": task.id, "Status": task.state}
    _add_times(document, Created=task.created)
    add_duration(document, task.duration)
    return document


def task_bytes(task: Task, secrets: Collection[str], steps: Sequence[Step] | None = None) -> bytes:
    """Everything but the log. `steps` are those of a chain."""
    document = _task(task)
    if steps is not None:
        document["Steps"] = [_step(step) for step in steps]
    document["Params"] = mask_params(task.params, secrets)
    document["Attempts"] = [_attempt(attempt) for attempt in task.attempts]
    document["Artifacts"] = [artifact_document(artifact) for artifact in task.artifacts]
    if task.actions:
        document["Actions"] = [
            {"Time": timestamp(action.time), "By": action.by, "Action": action.action}
            for action in task.actions
        ]
    if task.notifications:
        document["Notifications"] = [_notification(one) for one in task.notifications]
    if task.failure is not None:
        document["Error"] = task.failure.as_json()
    return _dump_with_output(document, task.output)


def notification_bytes(task: Task) -> bytes:
    """The body of a webhook: the end of a task, with `Error` and `Output` as far as they are short."""
    document = _task(task)
    if task.failure is not None:
        error = task.failure.as_json()
        short = len(_encode(error)) <= _LARGEST_TOLD
        document["Error"] = error if short else _short(task.failure)
    data = _encode(document)
    if task.output is not None:
        size = len(task.output.encode("utf-8", "backslashreplace"))
        told = f'"Output":{task.output}' if size <= _LARGEST_TOLD else f'"OutputSize":{size}'
        data = f"{data[:-1]},{told}}}"
    kind, when = f"task.{task.state.lower()}", timestamp(task.finished or 0)
    text = f'{{"type":"{kind}","timestamp":"{when}","data":{data}}}'
    return text.encode("utf-8", "backslashreplace")


def _notification(one: Notification) -> Document:
    document: Document = {
        "Url": Url.parse(one.url).shown,
        "Event": one.end,
        "Status": one.delivery,
        "Attempts": one.attempts,
    }
    pairs = (("LastStatus", one.last_status), ("LastError", one.last_error))
    document |= {name: value for name, value in pairs if value is not None}
    _add_times(document, NextAt=one.next_at)
    return document


def artifact_document(artifact: Artifact) -> Document:
    return {
        "Path": artifact.path,
        "Name": artifact.name,
        "MediaType": artifact.media_type,
        "Size": artifact.size,
    }


def log_document(line: LogLine) -> Document:
    document: Document = {
        "N": line.n,
        "Time": timestamp(line.time),
        "Stream": line.stream,
        "Attempt": line.attempt,
        "Text": line.text,
    }
    if line.level is not None:
        document["Level"] = line.level
        document["Fields"] = line.fields or {}
    if line.length is not None:
        document["Length"] = line.length
    return document


def line_ranges(spans: list[tuple[int, int]], after: int = 0, last: int | None = None) -> str:
    """The numbers behind `after` up to `last` that are within these: `1-500,9000-9800`."""
    inside = [
        (max(begin, after + 1), end if last is None else min(end, last)) for begin, end in spans
    ]
    return ",".join(f"{begin}-{end}" for begin, end in inside if begin <= end)


def _task(task: Task) -> Document:
    document: Document = {"TaskId": task.id, "Worker": task.worker, "Status": task.state}
    add_duration(document, task.duration)
    _add_times(document, Created=task.created, Started=task.started, Finished=task.finished)
    if task.progress is not None:
        document["Progress"] = progress_document(task.progress)
    document["Priority"] = task.priority
    document["Labels"] = dict(task.labels)
    _add_times(document, NotBefore=task.not_before)
    if task.timeout is not None:
        document["Timeout"] = format_duration(task.timeout)
    if task.restart_of is not None:
        document["RestartOf"] = task.restart_of
    if task.by is not None:
        document["By"] = task.by
    _add_times(document, Scheduled=task.due)
    if task.part is not None:
        document |= {"Parent": task.part.parent, "Step": task.part.step, "Item": task.part.item}
    return document


def step_document(view: StepView) -> Document:
    document: Document = {"Name": view.name, "Worker": view.worker, "Status": view.state}
    if view.needs:
        document["Needs"] = list(view.needs)
    if view.is_last:
        document["Finally"] = True
    if view.of_items:
        document["ForEach"] = True
    if view.total is not None:
        document |= {"Total": view.total, "Ended": view.ended, "Failed": view.failed}
    if view.failure is not None:
        document["Error"] = _short(view.failure)
    return document


def _step(step: Step) -> Document:
    document = step_document(step.view)
    document["Tasks"] = [_part(record, of_items=step.view.of_items) for record in step.tasks]
    if step.hidden:
        document["Hidden"] = step.hidden
    return document


def _part(record: Record, *, of_items: bool) -> Document:
    document: Document = {"TaskId": record.task_id, "Status": record.state}
    if of_items:
        document["Item"] = record.key.item
    if record.key.attempt > 1:
        document["Attempt"] = record.key.attempt
    return document


def add_duration(document: Document, ns: int | None) -> None:
    if ns is not None:
        document["Duration"] = format_duration(ns)
        document["Seconds"] = ns / _SECOND


def _add_times(document: Document, **times: int | None) -> None:
    for name, ns in times.items():
        if ns is not None:
            document[name] = timestamp(ns)


def progress_document(progress: Progress) -> Document:
    pairs = (("Percent", progress.percent), ("Message", progress.message))
    return {name: value for name, value in pairs if value is not None}


def _attempt(attempt: Attempt) -> Document:
    document: Document = {"Number": attempt.number}
    _add_times(document, Started=attempt.started, Finished=attempt.finished)
    pairs = (("ExitCode", attempt.exit_code), ("Signal", attempt.signal))
    document |= {name: value for name, value in pairs if value is not None}
    if attempt.failure is not None:
        document["Error"] = attempt.failure.as_json()
    return document


def _short(failure: Failure) -> Document:
    document = failure.as_json()
    document.pop("details", None)
    if len(failure.message) > _LONGEST_MESSAGE:
        document["message"] = f"{failure.message[:_LONGEST_MESSAGE]}…"
    return document
