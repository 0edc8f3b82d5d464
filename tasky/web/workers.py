"""/workers: what can be run, and running it."""

from __future__ import annotations

from typing import Any, Final

import falcon

from ..model.access import Need
from ..service import Form, Service, Submitted
from ..service import Options as TaskOptions
from ..store import Query
from . import options
from .action import Action
from .body import read_object
from .documents import dump, recent_document, worker_document, worker_summary
from .principal import principal_of
from .problems import UnsupportedMediaType
from .query import Option, Options, read_query
from .resource import NO_OPTIONS, Answer, Body, Resource, operation
from .submission import ANSWERS, SUBMIT, Waiting, answer, task_options
from .upload import form_length, is_form, read_form

LIST: Final[Options] = {
    "recent": Option(options.recent, about="Each with so many of its latest tasks.")
}


class Workers(Resource):
    def __init__(self, service: Service) -> None:
        self._service: Final = service

    @operation(
        "Lists the workers.",
        Need.READ,
        LIST,
        answers={200: Answer("All of them.", "Workers")},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        recent: int | None = read_query(req, LIST).get("recent")
        by = principal_of(req)
        documents = [worker_summary(view) for view in self._service.workers(by)]
        if recent is not None:
            for document in documents:
                query = Query(worker=document["name"], limit=recent, by=by)
                tasks, _ = self._service.tasks(query)
                document["recent"] = [recent_document(task) for task in tasks]
        resp.data = dump(documents)


class Worker(Resource):
    """One worker. A POST creates a task."""

    def __init__(self, service: Service, max_body: int, waiting: Waiting, max_upload: int) -> None:
        self._service: Final = service
        self._max_upload: Final = max_upload
        self._max_body: Final = max_body
        self._waiting: Final = waiting

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
        answers=ANSWERS,
        errors=(409, 429, 507),
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        key = options.idempotency_key(req)
        if key is None:  # else it may be a repeat, which is answered all the same
            self._service.check_usable(name)
        query = read_query(req, SUBMIT)
        chosen = task_options(req, query, key)
        wait: float | None = query.get("wait")
        if is_form(req):
            submitted = self._submit_form(req, name, chosen, wait)
        else:
            submitted = self._submit(name, read_object(req, self._max_body), chosen, wait)
        answer(resp, self._service, submitted, waited=wait is not None)

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
        return self._waiting.submit(
            wait, lambda seconds: self._service.submit(name, params, chosen, seconds, form)
        )


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
