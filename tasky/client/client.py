"""The API's verbs as methods."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote
from uuid import uuid4

from ..model.states import LIVE, State
from ..model.units import format_duration
from .address import DEFAULT_URL, parse_address
from .documents import (
    FileDocument,
    FilesDocument,
    LogDocument,
    PageDocument,
    ResultDocument,
    StatusDocument,
    SubmittedDocument,
    TaskDocument,
    WorkerDocument,
)
from .session import Session, lines

_PAGE: Final = 1000
#: The server is asked to hold an answer no longer than this, seconds: it has few threads to hold them with.
_HOLD: Final = 10.0
#: Pauses between two looks at a task that is waited for, seconds.
_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 1.0


class Client:
    """Speaks to one server over one connection, kept open: use one in each thread, and close it.

    `timeout` is how long one answer may take, seconds. Every method raises ApiError where the server refuses, and
    another ClientError where it cannot be asked.
    """

    def __init__(self, base_url: str = DEFAULT_URL, *, timeout: float = 30.0) -> None:
        self._session: Final = Session(parse_address(base_url), timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()

    # Workers

    def workers(self) -> list[WorkerDocument]:
        return self._session.document(list[WorkerDocument], "GET", "/workers/")

    def worker(self, name: str) -> WorkerDocument:
        return self._session.document(WorkerDocument, "GET", f"/workers/{_segment(name)}")

    def enable(self, name: str) -> WorkerDocument:
        return self._session.document(WorkerDocument, "POST", f"/workers/{_segment(name)}/enable")

    def disable(self, name: str) -> WorkerDocument:
        return self._session.document(WorkerDocument, "POST", f"/workers/{_segment(name)}/disable")

    # Tasks

    def submit(
        self,
        worker: str,
        params: Mapping[str, Any] | None = None,
        *,
        wait: float | None = None,
        timeout: float | None = None,
        priority: int | None = None,
        labels: Iterable[tuple[str, str]] = (),
        at: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> SubmittedDocument:
        """A new task; with `wait` (seconds) its result too, if it ends within that time.

        The key is made up where none is given, so that a submission whose answer is lost can be sent once more and
        still makes one task.
        """
        started = time.monotonic()
        hold = None if wait is None else max(0.0, min(wait, _HOLD))
        submitted = self._session.document(
            SubmittedDocument,
            "POST",
            f"/workers/{_segment(worker)}",
            query=_options(hold, timeout, priority, labels, at),
            body=params or {},
            headers={"Idempotency-Key": idempotency_key or uuid4().hex},
            patience=hold or 0.0,
        )
        if wait is None or submitted.get("Status", State.QUEUED) not in LIVE:
            return submitted
        left = wait - (time.monotonic() - started)
        status = self.wait(submitted["TaskId"], left)
        if status["Status"] in LIVE:
            return {"TaskId": status["TaskId"], "Status": status["Status"]}
        return {**self.result(status["TaskId"])}

    def wait(
        self,
        task_id: str,
        timeout: float | None = None,
        on_status: Callable[[StatusDocument], None] | None = None,
    ) -> StatusDocument:
        """Look at a task until it has ended or `timeout` (seconds) is over; its status then.

        `on_status` is called with every look's status.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = _FIRST_PAUSE
        while True:
            status = self.status(task_id)
            if on_status is not None:
                on_status(status)
            left = _LONGEST_PAUSE if deadline is None else deadline - time.monotonic()
            if status["Status"] not in LIVE or left <= 0:
                return status
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def tasks(
        self,
        *,
        status: Iterable[str] = (),
        worker: str | None = None,
        labels: Iterable[tuple[str, str]] = (),
        limit: int | None = None,
    ) -> Iterator[TaskDocument]:
        """The tasks, newest first, at most `limit` of them; a page is fetched when it is needed."""
        filters = [("status", item) for item in status]
        filters += [] if worker is None else [("worker", worker)]
        filters += _labels(labels)
        left, cursor = limit, ""
        while left is None or left > 0:
            size = _PAGE if left is None else min(left, _PAGE)
            after = [("after", cursor)] if cursor else []
            page = self._session.document(
                PageDocument, "GET", "/tasks/", query=[*filters, ("limit", str(size)), *after]
            )
            yield from page["Tasks"]
            left = None if left is None else left - len(page["Tasks"])
            cursor = page.get("Next", "")
            if not cursor:
                return

    def task(self, task_id: str) -> TaskDocument:
        return self._session.document(TaskDocument, "GET", _task(task_id))

    def status(self, task_id: str) -> StatusDocument:
        return self._session.document(StatusDocument, "GET", _task(task_id, "/status"))

    def result(self, task_id: str) -> ResultDocument:
        """ApiError with status 409 while the task has not ended."""
        return self._session.document(ResultDocument, "GET", _task(task_id, "/result"))

    def cancel(self, task_id: str, *, grace: float | None = None) -> StatusDocument:
        """`grace`: seconds from SIGTERM to SIGKILL, where the worker's own are too long."""
        query = [] if grace is None else [("grace", _duration(grace))]
        return self._session.document(
            StatusDocument, "POST", _task(task_id, "/cancel"), query=query
        )

    def pause(self, task_id: str) -> StatusDocument:
        return self._session.document(StatusDocument, "POST", _task(task_id, "/pause"))

    def resume(self, task_id: str) -> StatusDocument:
        return self._session.document(StatusDocument, "POST", _task(task_id, "/resume"))

    def restart(self, task_id: str, *, idempotency_key: str | None = None) -> SubmittedDocument:
        """A new task of the same worker and parameters. The key as in `submit`."""
        return self._session.document(
            SubmittedDocument,
            "POST",
            _task(task_id, "/restart"),
            headers={"Idempotency-Key": idempotency_key or uuid4().hex},
        )

    def delete(self, task_id: str) -> None:
        """Remove a finished task and its files."""
        self._session.remove(_task(task_id))

    # What a task leaves

    def log(
        self,
        task_id: str,
        *,
        tail: int | None = None,
        after: int | None = None,
        attempt: int | None = None,
    ) -> Iterator[LogDocument]:
        """The lines of the log, of all attempts or of one: the last `tail` of them, or those behind number `after`."""
        pieces = self._session.stream(
            _task(task_id, "/log"), _places(tail, after, attempt), "application/jsonl"
        )
        for line in lines(pieces):
            yield self._session.parse(LogDocument, line)

    def log_text(
        self,
        task_id: str,
        *,
        tail: int | None = None,
        after: int | None = None,
        attempt: int | None = None,
    ) -> Iterator[bytes]:
        """The log as text, in pieces of any length."""
        return self._session.stream(
            _task(task_id, "/log"), _places(tail, after, attempt), "text/plain"
        )

    def files(self, task_id: str) -> list[FileDocument]:
        document = self._session.document(FilesDocument, "GET", _task(task_id, "/files/"))
        return document["Files"]

    def file(self, task_id: str, path: str) -> Iterator[bytes]:
        """The bytes of a file that the task left, in pieces of any length."""
        return self._session.stream(_task(task_id, f"/files/{quote(path)}"))


def _segment(text: str) -> str:
    return quote(text, safe="")


def _task(task_id: str, rest: str = "") -> str:
    return f"/tasks/{_segment(task_id)}{rest}"


def _duration(seconds: float) -> str:
    return format_duration(round(seconds * 1e9))


def _labels(labels: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [("label", f"{key}:{value}") for key, value in labels]


def _places(tail: int | None, after: int | None, attempt: int | None) -> list[tuple[str, str]]:
    places = (("tail", tail), ("after", after), ("attempt", attempt))
    return [(name, str(value)) for name, value in places if value is not None]


def _options(
    wait: float | None,
    timeout: float | None,
    priority: int | None,
    labels: Iterable[tuple[str, str]],
    at: datetime | None,
) -> list[tuple[str, str]]:
    """A submission's options as its query."""
    options = _labels(labels)
    if wait is not None:
        options.append(("wait", _duration(wait)))
    if timeout is not None:
        options.append(("timeout", _duration(timeout)))
    if priority is not None:
        options.append(("priority", str(priority)))
    if at is not None:
        options.append(("at", at.astimezone(UTC).isoformat().replace("+00:00", "Z")))
    return options
