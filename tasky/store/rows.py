"""Records to rows and back. Whatever has a free form is JSON text: SQLite never sees a number of a client's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from ..errors import IdempotencyConflict
from ..model.notify import Notification
from ..model.states import State
from ..model.task import (
    Action,
    Artifact,
    Attempt,
    Failure,
    Idempotency,
    NewTask,
    Outcome,
    Part,
    Progress,
    Task,
)

Row: TypeAlias = Sequence[Any]


def dump(value: Any) -> str:
    """JSON in ASCII: what no UTF-8 can say (half a surrogate pair) is escaped."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def storable(text: str) -> str:
    """`text` as SQLite can hold it. In JSON text, what is escaped here stays what it was."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def failure_text(failure: Failure | None) -> str | None:
    return None if failure is None else dump(failure.as_json())


def read_failure(text: str | None) -> Failure | None:
    return None if text is None else Failure.from_json(json.loads(text))


def progress_text(progress: Progress | None) -> str | None:
    return None if progress is None else dump(progress.as_json())


def _pack(artifacts: Iterable[Artifact]) -> str | None:
    rows = [(item.path, item.name, item.media_type, item.size) for item in artifacts]
    return dump(rows) if rows else None


def new_task(new: NewTask, started: int | None, state: State) -> Row:
    """For `insert_task`."""
    key = new.idempotency
    return (
        new.id,
        storable(new.worker),
        state.value,
        new.created,
        None if started is None else max(started, new.created),
        new.priority,
        new.not_before,
        new.timeout,
        new.restart_of,
        0 if started is None else 1,
        started,
        dump(new.labels) if new.labels else None,
        None if key is None else storable(key.key),
        None if key is None else key.digest,
        dump(new.secrets) if new.secrets else None,
        dump(new.params),
    )


def part_row(found: Part, child: str) -> Row:
    """For `insert_child`."""
    return (found.parent, found.run, found.step, found.item, found.attempt, child)


def first(row: Row, key: Idempotency) -> str:
    """Of `task_by_key`: the task that a key led to first; IdempotencyConflict if it came with something else."""
    task_id, digest = row
    if digest != key.digest:
        raise IdempotencyConflict
    return str(task_id)


def outcome(task_id: str, end: Outcome) -> Row:
    """For `finish`."""
    return (
        end.state.value,
        end.finished,
        end.duration,
        None if end.output is None else storable(end.output),
        failure_text(end.failure),
        _pack(end.artifacts),
        progress_text(end.progress),
        task_id,
    )


def progress(task_id: str, latest: Progress) -> Row:
    """For `save_progress`."""
    return (progress_text(latest), task_id)


def attempt(task_id: str, ended: Attempt) -> Row:
    """For `save_attempt`."""
    return (
        task_id,
        ended.number,
        ended.started,
        None if ended.finished is None else max(ended.finished, ended.started),
        ended.exit_code,
        ended.signal,
        failure_text(ended.failure),
    )


def read_attempt(row: Row) -> Attempt:
    number, started, finished, exit_code, signal, failure = row
    return Attempt(
        number=number,
        started=started,
        finished=finished,
        exit_code=exit_code,
        signal=signal,
        failure=read_failure(failure),
    )


def read_task(
    row: Row,
    attempts: Sequence[Attempt] = (),
    notifications: tuple[Notification, ...] = (),
    actions: tuple[Action, ...] = (),
    part: Part | None = None,
    due: int | None = None,
) -> Task:
    """A task from the columns of the query `task`; `attempts` are those that have ended."""
    (id_, worker, state, created, started, finished, duration, priority, not_before, timeout,
     restart_of, attempt, attempt_started, labels, progress, failure, artifacts, secrets, params,
     output, by) = row  # fmt: skip
    running: tuple[Attempt, ...] = ()
    if attempt_started is not None:
        running = (Attempt(number=attempt, started=attempt_started),)
    return Task(
        id=id_,
        worker=worker,
        state=State(state),
        created=created,
        params=_params(params),
        priority=priority,
        labels=() if labels is None else tuple((key, value) for key, value in json.loads(labels)),
        not_before=not_before,
        timeout=timeout,
        restart_of=restart_of,
        secrets=_secrets(secrets),
        started=started,
        finished=finished,
        duration=duration,
        progress=None if progress is None else Progress(**json.loads(progress)),
        output=output,
        failure=read_failure(failure),
        artifacts=() if artifacts is None else _unpack(artifacts),
        attempts=(*attempts, *running),
        notifications=notifications,
        by=by,
        actions=actions,
        part=part,
        due=due,
    )


class OrderRow(NamedTuple):
    """What the start of a task that waited must know of it. `timeout` is None for the worker's own."""

    params: Mapping[str, Any]
    secrets: tuple[str, ...]
    timeout: int | None


def read_order(row: Row) -> OrderRow:
    """From the columns of the query `order`."""
    params, secrets, timeout = row
    return OrderRow(_params(params), _secrets(secrets), timeout)


def _params(text: str | None) -> dict[str, Any]:
    return {} if text is None else json.loads(text)


def _secrets(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(json.loads(text))


def artifact_paths(artifacts: str) -> list[str]:
    """Of the column `artifacts`."""
    return [str(path) for path, *_ in json.loads(artifacts)]


def _unpack(artifacts: str) -> tuple[Artifact, ...]:
    return tuple(
        Artifact(path=path, name=name, media_type=media_type, size=size)
        for path, name, media_type, size in json.loads(artifacts)
    )
