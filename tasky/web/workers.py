"""/workers: what can be run, and running it."""

from __future__ import annotations

import threading
from typing import Any, Final

import falcon

from ..model.access import Need
from ..model.notify import MAX_HOOKS
from ..model.states import TERMINAL
from ..service import Form, Service, Submitted
from ..service import Options as TaskOptions
from . import options
from .action import Action
from .body import read_object
from .documents import dump, result_bytes, status_document, worker_document, worker_summary
from .principal import principal_of
from .problems import UnsupportedMediaType
from .query import Option, Options, read_query
from .resource import NO_OPTIONS, Answer, Body, Resource, operation
from .upload import form_length, is_form, read_form

TASKS: Final = "/tasky/v1/tasks"

SUBMIT: Final[Options] = {
    "wait": Option(
        options.wait, about="Holds the answer until the task has ended, for so long at most: 1h."
    ),
    "timeout": Option(
        options.timeout, about="The task fails after so long; instead of the worker's own."
    ),
    "priority": Option(
        options.priority,
        about="Of the tasks that wait, those with a higher one start first; 0 if not given.",
    ),
    "label": Option(
        options.label, options.distinct, about="key:value, to find tasks by; each key once."
    ),
    "at": Option(options.at, about="It does not start before; a time that has passed is now."),
    "notify": Option(
        options.notify,
        options.each_once,
        about="[ENDS:]URL that is told of the task's end.",
        most=MAX_HOOKS,
    ),
}
_LOCATED: Final = ("Location",)


class Workers(Resource):
    def __init__(self, service: Service) -> None:
        self._service: Final = service

    @operation("Lists the workers.", Need.READ, answers={200: Answer("All of them.", "Workers")})
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        read_query(req, NO_OPTIONS)
        resp.data = dump(
            [worker_summary(view) for view in self._service.workers(principal_of(req))]
        )


class Worker(Resource):
    """One worker. A POST creates a task; at most `max_waiting` of those with `wait` are held at the same time, so that
    threads are left for all other requests."""

    def __init__(self, service: Service, max_body: int, max_waiting: int, max_upload: int) -> None:
        self._service: Final = service
        self._max_upload: Final = max_upload
        self._max_body: Final = max_body
        self._waiting: Final = threading.BoundedSemaphore(max_waiting)

    @operation(
        "Everything about a worker.", Need.READ, answers={200: Answer("The worker.", "Worker")}
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        read_query(req, NO_OPTIONS)
        resp.data = dump(worker_document(self._service.worker(name)))

    @operation(
        "Makes a task of this worker; the body has its parameters.",
        Need.RUN,
        SUBMIT,
        body=Body("Parameters"),
        headers=options.IDEMPOTENCY,
        answers={
            200: Answer(
                "The end, with `wait`. Or the task that an earlier request with this key made.",
                "CreatedOrResult",
                headers=_LOCATED,
            ),
            201: Answer("The new task.", "Created", headers=_LOCATED),
            202: Answer("With `wait`: it has not ended in time.", "TaskStatus", headers=_LOCATED),
        },
        errors=(409, 429, 507),
    )
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
            notify=query.get("notify", ()),
            by=principal_of(req),
        )
        wait: float | None = query.get("wait")
        if is_form(req):
            submitted = self._submit_form(req, name, chosen, wait)
        else:
            submitted = self._submit(name, read_object(req, self._max_body), chosen, wait)
        if wait is None:
            answer_created(resp, submitted)
        else:
            self._answer_waited(resp, submitted)

    def _submit_form(
        self, req: falcon.Request, name: str, chosen: TaskOptions, wait: float | None
    ) -> Submitted:
        size = form_length(req, self._max_upload)
        parameters = self._service.parameters(name)
        if not parameters.files:
            raise UnsupportedMediaType("this worker takes no files: its parameters come as JSON")
        with self._service.stage(size) as files:
            params, body = read_form(req, parameters, files.add, self._max_body)
            return self._submit(name, params, chosen, wait, Form(files, body))

    def _submit(
        self,
        name: str,
        params: dict[str, Any],
        chosen: TaskOptions,
        wait: float | None,
        form: Form | None = None,
    ) -> Submitted:
        if wait is None or not self._waiting.acquire(blocking=False):
            return self._service.submit(name, params, chosen, None, form)
        try:
            return self._service.submit(name, params, chosen, wait, form)
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


class Enable(Action):
    @operation(
        "Has a worker take new tasks again.",
        Need.ADMIN,
        body=Body("Nothing"),
        answers={200: Answer("The worker.", "Worker")},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        self._expect_nothing(req)
        resp.data = dump(worker_document(self._service.enable(name)))


class Disable(Action):
    @operation(
        "Has a worker refuse new tasks; those that run or wait go on.",
        Need.ADMIN,
        body=Body("Nothing"),
        answers={200: Answer("The worker.", "Worker")},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        self._expect_nothing(req)
        resp.data = dump(worker_document(self._service.disable(name)))


def answer_created(resp: falcon.Response, submitted: Submitted) -> None:
    """201 for a new task; 200 where an Idempotency-Key led to an earlier one."""
    resp.status = falcon.HTTP_201 if submitted.created else falcon.HTTP_200
    resp.set_header("Location", f"{TASKS}/{submitted.task_id}")
    resp.data = b'{"TaskId":"%s"}\n' % submitted.task_id.encode()
