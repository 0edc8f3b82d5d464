"""/workers: what can be run, and running it."""

from __future__ import annotations

import threading
from typing import Any, Final

import falcon

from ..model.access import Need
from ..model.states import TERMINAL
from ..service import Options as TaskOptions
from ..service import Service, Submitted
from . import options
from .body import expect_nothing, read_object
from .documents import dump, result_bytes, status_document, worker_document, worker_summary
from .query import Option, Options, read_query
from .resource import NO_OPTIONS, Resource, operation

TASKS: Final = "/tasky/v1/tasks"

SUBMIT: Final[Options] = {
    "wait": Option(options.wait),
    "timeout": Option(options.timeout),
    "priority": Option(options.priority),
    "label": Option(options.label, options.distinct),
    "at": Option(options.at),
}


class Workers(Resource):
    def __init__(self, service: Service) -> None:
        self._service: Final = service

    @operation("Lists the workers.", Need.READ)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        read_query(req, NO_OPTIONS)
        resp.data = dump([worker_summary(view) for view in self._service.workers()])


class Worker(Resource):
    """One worker. A POST creates a task; at most `max_waiting` of those with `wait` are held at the same time, so that
    threads are left for all other requests."""

    def __init__(self, service: Service, max_body: int, max_waiting: int) -> None:
        self._service: Final = service
        self._max_body: Final = max_body
        self._waiting: Final = threading.BoundedSemaphore(max_waiting)

    @operation("Everything about a worker.", Need.READ)
    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        read_query(req, NO_OPTIONS)
        resp.data = dump(worker_document(self._service.worker(name)))

    @operation("Makes a task of this worker; the body has its parameters.", Need.RUN, SUBMIT)
    def on_post(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        key = options.idempotency_key(req)
        if key is None:  # else it may be a repeat, which is answered all the same
            self._service.check_usable(name)
        query = read_query(req, SUBMIT)
        chosen = TaskOptions(
            timeout=query.get("timeout"),
            priority=query.get("priority", 0),
            labels=query.get("label", ()),
            not_before=query.get("at"),
            idempotency_key=key,
        )
        params = read_object(req, self._max_body)
        wait: float | None = query.get("wait")
        submitted = self._submit(name, params, chosen, wait)
        if wait is None:
            answer_created(resp, submitted)
        else:
            self._answer_waited(resp, submitted)

    def _submit(
        self, name: str, params: dict[str, Any], chosen: TaskOptions, wait: float | None
    ) -> Submitted:
        if wait is None or not self._waiting.acquire(blocking=False):
            return self._service.submit(name, params, chosen)
        try:
            return self._service.submit(name, params, chosen, wait)
        finally:
            self._waiting.release()

    def _answer_waited(self, resp: falcon.Response, submitted: Submitted) -> None:
        """200 with the result, or 202 with the status."""
        resp.set_header("Location", f"{TASKS}/{submitted.task_id}")
        if submitted.ended is not None:
            resp.data = result_bytes(submitted.task_id, submitted.ended.outcome)
            return
        task = self._service.task(submitted.task_id)
        if task.state in TERMINAL:
            resp.data = result_bytes(task.id, task)
        else:
            resp.status = falcon.HTTP_202
            resp.data = dump(status_document(task))


class Switch(Resource):
    """/enable or /disable."""

    def __init__(self, service: Service, max_body: int, *, on: bool) -> None:
        self._change: Final = service.enable if on else service.disable
        self._max_body: Final = max_body

    @operation("Has a worker take new tasks, or refuse them.", Need.ADMIN)
    def on_post(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        read_query(req, NO_OPTIONS)
        expect_nothing(req, self._max_body)
        resp.data = dump(worker_document(self._change(name)))


def answer_created(resp: falcon.Response, submitted: Submitted) -> None:
    """201 for a new task; 200 where an Idempotency-Key led to an earlier one."""
    resp.status = falcon.HTTP_201 if submitted.created else falcon.HTTP_200
    resp.set_header("Location", f"{TASKS}/{submitted.task_id}")
    resp.data = b'{"TaskId":"%s"}\n' % submitted.task_id.encode()
