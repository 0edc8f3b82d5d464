"""The API's verbs as methods."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote
from uuid import uuid4

from ..model.states import LIVE, State
from .address import DEFAULT_URL, parse_address
from .documents import (
    FileDocument,
    FilesDocument,
    PageDocument,
    ResultDocument,
    StatusDocument,
    SubmittedDocument,
    TaskDocument,
    WorkerDocument,
)
from .download import download
from .forms import Files, Form
from .live import Watching
from .server import Administration
from .session import Session
from .targets import duration, label_pairs, places, segment, submission, task_path

_PAGE: Final = 1000
#: The server is asked to hold an answer no longer than this, seconds: it has few threads to hold them with.
_HOLD: Final = 10.0
#: Pauses between two looks at a task that is waited for, seconds.
_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 1.0


class Client(Watching, Administration):
    """Speaks to one server over one connection, kept open: use one in each thread, and close it.

    `base_url` is `http://host:port`, `https://host/prefix` or `unix:/path`; where it is not given, that of the variable
    TASKY_URL, else that of a server with the default settings. `token` likewise: "" is none, None is TASKY_TOKEN, if
    that is set. `timeout` is how long one answer may take, seconds.

    Every method raises ApiError, or the class of it for the status, where the server refuses, and another ClientError
    where it cannot be asked.
    """

    def __init__(
        self, base_url: str | None = None, *, token: str | None = None, timeout: float = 30.0
    ) -> None:
        address = parse_address(base_url or os.environ.get("TASKY_URL") or DEFAULT_URL)
        known = os.environ.get("TASKY_TOKEN", "") if token is None else token
        self._session = Session(address, timeout, known)

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
        return self._session.document(WorkerDocument, "GET", f"/workers/{segment(name)}")

    def enable(self, name: str) -> WorkerDocument:
        return self._session.document(WorkerDocument, "POST", f"/workers/{segment(name)}/enable")

    def disable(self, name: str) -> WorkerDocument:
        return self._session.document(WorkerDocument, "POST", f"/workers/{segment(name)}/disable")

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
        notify: Iterable[str] = (),
        idempotency_key: str | None = None,
        files: Files | None = None,
    ) -> SubmittedDocument:
        """A new task; with `wait` (seconds) its result too, if it ends within that time. `notify` has the URLs that are
        told of its end, as the API's option takes them: `failed,canceled:https://...`.

        `files` are sent along, by the parameters that take them (`format: file`): each a path or an Attachment, or a
        list of these. UnreadableFile says which cannot be read.

        The key is made up where none is given, so that a submission whose answer is lost can be sent once more and
        still makes one task.
        """
        body = Form(params or {}, files) if files else params or {}
        options = (timeout, priority, labels, at, notify, idempotency_key)
        return self._submit(f"/workers/{segment(worker)}", body, wait, *options)

    def _submit(
        self,
        path: str,
        body: Form | Mapping[str, Any],
        wait: float | None,
        timeout: float | None,
        priority: int | None,
        labels: Iterable[tuple[str, str]],
        at: datetime | None,
        notify: Iterable[str],
        idempotency_key: str | None,
    ) -> SubmittedDocument:
        started = time.monotonic()
        hold = None if wait is None else max(0.0, min(wait, _HOLD))
        submitted = self._session.document(
            SubmittedDocument,
            "POST",
            path,
            query=submission(hold, timeout, priority, labels, at, notify),
            body=body,
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

    def submit_chain(
        self,
        chain: Mapping[str, Any],
        *,
        wait: float | None = None,
        timeout: float | None = None,
        priority: int | None = None,
        labels: Iterable[tuple[str, str]] = (),
        at: datetime | None = None,
        notify: Iterable[str] = (),
        idempotency_key: str | None = None,
    ) -> SubmittedDocument:
        """A new task that is this chain: the keys `chain`, `finally`, `output` of a definition, and `params`, the
        values that its expressions find. All else as in `submit`."""
        options = (timeout, priority, labels, at, notify, idempotency_key)
        return self._submit("/chains", chain, wait, *options)

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
        filters += label_pairs(labels)
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
        return self._session.document(TaskDocument, "GET", task_path(task_id))

    def status(self, task_id: str) -> StatusDocument:
        return self._session.document(StatusDocument, "GET", task_path(task_id, "/status"))

    def result(self, task_id: str) -> ResultDocument:
        """ApiError with status 409 while the task has not ended."""
        return self._session.document(ResultDocument, "GET", task_path(task_id, "/result"))

    def cancel(self, task_id: str, *, grace: float | None = None) -> StatusDocument:
        """`grace`: seconds from SIGTERM to SIGKILL, where the worker's own are too long."""
        query = [] if grace is None else [("grace", duration(grace))]
        return self._session.document(
            StatusDocument, "POST", task_path(task_id, "/cancel"), query=query
        )

    def pause(self, task_id: str) -> StatusDocument:
        return self._session.document(StatusDocument, "POST", task_path(task_id, "/pause"))

    def resume(self, task_id: str) -> StatusDocument:
        return self._session.document(StatusDocument, "POST", task_path(task_id, "/resume"))

    def restart(
        self, task_id: str, *, from_failed: bool = False, idempotency_key: str | None = None
    ) -> SubmittedDocument:
        """A new task of the same worker and parameters; with `from_failed`, of a chain that has failed, one that does
        only what has not completed. The key as in `submit`."""
        return self._session.document(
            SubmittedDocument,
            "POST",
            task_path(task_id, "/restart"),
            query=[("from", "failed")] if from_failed else [],
            headers={"Idempotency-Key": idempotency_key or uuid4().hex},
        )

    def delete(self, task_id: str) -> None:
        """Remove a finished task and its files."""
        self._session.remove(task_path(task_id))

    # What a task leaves

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
            task_path(task_id, "/log"), places(tail, after, attempt), "text/plain"
        )

    def files(self, task_id: str) -> list[FileDocument]:
        document = self._session.document(FilesDocument, "GET", task_path(task_id, "/files/"))
        return document["Files"]

    def file(self, task_id: str, path: str) -> Iterator[bytes]:
        """The bytes of a file that the task left, in pieces of any length. When the connection breaks, they go on
        where they were."""
        return download(self._session, task_path(task_id, f"/files/{quote(path)}"))
