"""/tasks: looking at them, and acting on them."""

from __future__ import annotations

from typing import Final

import falcon

from ..errors import WrongState
from ..model.access import Need
from ..model.states import TERMINAL
from ..service import Service
from ..store import Query
from . import options
from .body import expect_nothing
from .documents import dump, result_bytes, status_document, task_bytes, task_summary
from .query import Option, Options, read_query
from .resource import NO_OPTIONS, Resource, operation
from .workers import answer_created

LIST: Final[Options] = {
    "status": Option(options.status, options.any_of),
    "worker": Option(options.worker),
    "label": Option(options.label, tuple),
    "limit": Option(options.limit),
    "after": Option(options.cursor),
}
CANCEL: Final[Options] = {"grace": Option(options.duration)}


class Tasks(Resource):
    def __init__(self, service: Service) -> None:
        self._service: Final = service

    @operation("Lists tasks, the newest first.", Need.READ, LIST)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        values = read_query(req, LIST)
        query = Query(
            state=values.get("status"),
            worker=values.get("worker"),
            labels=values.get("label", ()),
            limit=values.get("limit", 100),
            after=values.get("after"),
        )
        found, following = self._service.tasks(query)
        document: dict[str, object] = {"Tasks": [task_summary(task) for task in found]}
        if following is not None:
            document["Next"] = following
        resp.data = dump(document)


class Task(Resource):
    def __init__(self, service: Service, max_body: int) -> None:
        self._service: Final = service
        self._max_body: Final = max_body

    @operation("Everything about a task but its log.", Need.READ)
    def on_get(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        read_query(req, NO_OPTIONS)
        task = self._service.task(task_id)
        resp.data = task_bytes(task, self._service.secrets(task))

    @operation("Forgets a finished task, and removes its files.", Need.ADMIN)
    def on_delete(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        read_query(req, NO_OPTIONS)
        expect_nothing(req, self._max_body)
        self._service.delete(task_id)
        resp.status = falcon.HTTP_204


class Status(Resource):
    def __init__(self, service: Service) -> None:
        self._service: Final = service

    @operation("How a task is doing.", Need.READ)
    def on_get(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        read_query(req, NO_OPTIONS)
        resp.data = dump(status_document(self._service.task(task_id)))


class Result(Resource):
    def __init__(self, service: Service) -> None:
        self._service: Final = service

    @operation("What a finished task has given.", Need.READ)
    def on_get(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        read_query(req, NO_OPTIONS)
        task = self._service.task(task_id)
        if task.state not in TERMINAL:
            raise WrongState(f"the task is {task.state}: it has no result yet", task.state)
        resp.data = result_bytes(task.id, task)


class Cancel(Resource):
    def __init__(self, service: Service, max_body: int) -> None:
        self._service: Final = service
        self._max_body: Final = max_body

    @operation("Cancels a task: SIGTERM, and SIGKILL after the grace.", Need.CANCEL, CANCEL)
    def on_post(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        grace: int | None = read_query(req, CANCEL).get("grace")
        expect_nothing(req, self._max_body)
        state = self._service.cancel(task_id, grace)
        resp.status = falcon.HTTP_202
        resp.data = dump({"TaskId": task_id, "Status": state})


class Pause(Resource):
    """/pause, or /resume."""

    def __init__(self, service: Service, max_body: int, *, resume: bool = False) -> None:
        self._change: Final = service.resume if resume else service.pause
        self._max_body: Final = max_body

    @operation("Freezes a task, or lets it go on.", Need.CANCEL)
    def on_post(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        read_query(req, NO_OPTIONS)
        expect_nothing(req, self._max_body)
        state = self._change(task_id)
        resp.data = dump({"TaskId": task_id, "Status": state})


class Restart(Resource):
    def __init__(self, service: Service, max_body: int) -> None:
        self._service: Final = service
        self._max_body: Final = max_body

    @operation("Makes a new task of the same worker with the same parameters.", Need.RUN)
    def on_post(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        read_query(req, NO_OPTIONS)
        key = options.idempotency_key(req)
        expect_nothing(req, self._max_body)
        answer_created(resp, self._service.restart(task_id, key))
